"""A simulated ECG of one lead.

It is the sum of Gaussian waves of McSharry et al. (2003) in closed form (as Sayadi et al. 2010), with their
bimodal heart-rate spectrum.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import InputError
from signalscreen.simulate.noise import FloatArray, Rng, band_noise, slow_noise

# Waves of a beat in a lead like II: centre (s from the R peak), width (s), height (mV).
# The asymmetric T wave is two Gaussians, as in Clifford et al. (2010).
_NORMAL = {
    "P": (-0.170, 0.024, 0.14),
    "Q": (-0.028, 0.009, -0.11),
    "R": (0.000, 0.0105, 1.15),
    "S": (0.029, 0.010, -0.24),
    "T-": (0.235, 0.045, 0.17),
    "T+": (0.285, 0.026, 0.15),
}
# A ventricular premature beat: wide, no P wave, T opposite to the QRS.
_VENTRICULAR = {
    "R": (-0.010, 0.036, 1.45),
    "S": (0.075, 0.033, -0.55),
    "T": (0.290, 0.060, -0.38),
}


class SimulatedECG(NamedTuple):
    """A simulated ECG: ``signal`` (n,) in mV, ``beats`` (R peaks, samples), ``symbols`` (N or V per beat)."""

    signal: FloatArray
    beats: NDArray[np.intp]
    symbols: tuple[str, ...]


def simulate_ecg(
    seconds: float,
    fs: float = 360.0,
    seed: int = 0,
    *,
    heart_rate: float = 68.0,
    ventricular: float = 0.03,
) -> SimulatedECG:
    """Simulate one lead of ECG without artefacts.

    Parameters
    ----------
    seconds, fs
        Length (s) and sampling frequency (Hz).
    seed
        The same seed gives the same ECG.
    heart_rate
        Mean rate (beats/min).
    ventricular
        Share of ventricular premature beats: a clean ECG is not a regular one.

    Returns
    -------
    SimulatedECG
        Signal in mV, R peaks in samples, one symbol per beat.

    Raises
    ------
    InputError
        When the length, rate or frequency is not positive.

    References
    ----------
    McSharry, Clifford, Tarassenko, Smith (2003), IEEE Trans Biomed Eng 50:289, equations 1 and 2 and section II.B.

    Examples
    --------
    >>> ecg = simulate_ecg(10, fs=125, seed=1)
    >>> ecg.signal.shape
    (1250,)
    """
    for name, value in (("seconds", seconds), ("fs", fs), ("heart_rate", heart_rate)):
        if not value > 0:
            raise InputError(f"{name} is {value}; a simulated ECG needs a positive number")
    rng = np.random.default_rng([seed, 0])
    onsets, symbols = _beat_times(seconds, heart_rate, ventricular, rng)
    time = np.arange(round(seconds * fs)) / fs
    breath = 2 * np.pi * (0.24 * time + rng.uniform()) + 0.8 * slow_noise(time, 0.03, rng)
    trace = np.zeros(time.size)
    for i, onset in enumerate(onsets):
        rr = onset - onsets[i - 1] if i else 60 / heart_rate
        _add_beat(trace, time, onset, symbols[i], float(np.sqrt(np.clip(rr, 0.4, 1.5))), rng)
    trace *= 1 + 0.06 * np.sin(breath)  # the heart's axis turns with breathing
    trace += 0.05 * np.sin(breath - 0.7) + 0.05 * slow_noise(time, 0.15, rng)
    trace += 0.006 * rng.standard_normal(time.size) + 0.008 * band_noise(time.size, fs, 15, 45, rng)
    inside = (onsets >= 0) & (np.round(onsets * fs) < time.size)
    beats = np.round(onsets[inside] * fs).astype(np.intp)
    return SimulatedECG(trace, beats, tuple(s for s, keep in zip(symbols, inside, strict=True) if keep))


# ---- the heart


def _beat_times(seconds: float, heart_rate: float, ventricular: float, rng: Rng) -> tuple[FloatArray, list[str]]:
    """R peak times (s) from before 0 to past the end, and the kind of each beat."""
    count = int(np.ceil(seconds * heart_rate / 60 * 1.3)) + 8
    intervals = 60 / heart_rate * (1 + _heart_rate_variability(count, 60 / heart_rate, rng))
    symbols = ["N"] * count
    for i in range(2, count - 1):
        if symbols[i - 1] == "N" and symbols[i - 2] == "N" and rng.uniform() < ventricular:
            symbols[i] = "V"
            early = intervals[i] * rng.uniform(0.30, 0.42)
            intervals[i] -= early  # it comes early, and the pause after it makes up for that
            intervals[i + 1] += early
    times = np.cumsum(intervals) - intervals[0] - rng.uniform(0.2, 0.9)
    keep = times < seconds + 1
    return times[keep], [s for s, k in zip(symbols, keep, strict=True) if k]


def _heart_rate_variability(count: int, rr: float, rng: Rng) -> FloatArray:
    """Relative RR changes with power at 0.1 Hz (Mayer waves) and 0.25 Hz (breathing), 4 % in all."""
    f = np.fft.rfftfreq(count, rr)
    power = np.exp(-((f - 0.1) ** 2) / (2 * 0.02**2)) + 0.8 * np.exp(-((f - 0.25) ** 2) / (2 * 0.02**2))
    spectrum = np.sqrt(power) * np.exp(2j * np.pi * rng.uniform(size=f.size))
    spectrum[0] = 0
    series = np.fft.irfft(spectrum, count)
    return np.asarray(0.04 * series / series.std(), dtype=np.float64)


def _add_beat(trace: FloatArray, time: FloatArray, onset: float, symbol: str, stretch: float, rng: Rng) -> None:
    """Add one beat at ``onset`` (s); P and T move with the square root of the RR interval (Bazett)."""
    near = slice(*np.searchsorted(time, (onset - 0.6, onset + 1.0)))
    t = time[near] - onset
    waves = _VENTRICULAR if symbol == "V" else _NORMAL
    for name, (centre, width, height) in waves.items():
        scale = stretch if name[0] in "PT" else 1.0
        jitter = rng.normal(1, 0.03, size=3)
        z = (t - centre * scale * jitter[0]) / (width * scale * jitter[1])
        trace[near] += height * jitter[2] * np.exp(-(z**2) / 2)
