"""Artefacts of the ECG, put at known places: each a function ``(ecg, fs, rng) -> ecg`` of one stretch, in mV."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import InputError, OptionError
from signalscreen.simulate.noise import FloatArray, Rng, band_noise, fade, faded, slow_noise


@dataclass(frozen=True)
class Artefact:
    """One artefact: its kind (a key of ``ARTEFACTS``), where it starts and ends (s)."""

    kind: str
    start: float
    end: float


def add_artefacts(ecg: FloatArray, fs: float, artefacts: Sequence[Artefact], seed: int = 0) -> FloatArray:
    """Put artefacts into an ECG, each changing only its own interval.

    Parameters
    ----------
    ecg
        (n,), mV. It is not changed.
    fs
        Hz.
    artefacts
        What goes where; intervals in seconds.
    seed
        Artefact ``i`` is drawn from ``default_rng([seed, i])``, so one more at the end changes no other.

    Returns
    -------
    ndarray
        (n,), mV.

    Raises
    ------
    OptionError
        For an unknown kind.
    InputError
        For an interval outside the ECG.
    """
    out = np.array(ecg, dtype=np.float64)
    for i, artefact in enumerate(artefacts):
        if artefact.kind not in ARTEFACTS:
            raise OptionError(f"artefact {artefact.kind!r} is not known; choose from: {', '.join(ARTEFACTS)}")
        first, last = round(artefact.start * fs), round(artefact.end * fs)
        if not 0 <= first < last <= out.size:
            raise InputError(
                f"artefact {artefact.kind} from {artefact.start} to {artefact.end} s is not inside the ECG "
                f"of {out.size / fs:g} s; move it inside"
            )
        stretch = out[first:last].copy()
        out[first:last] = ARTEFACTS[artefact.kind](stretch, fs, np.random.default_rng([seed, i]))
    return out


def artefact_mask(artefacts: Sequence[Artefact], n: int, fs: float) -> NDArray[np.bool_]:
    """Mark each of ``n`` samples at ``fs`` Hz that lies in an artefact."""
    mask = np.zeros(n, dtype=bool)
    for artefact in artefacts:
        mask[round(artefact.start * fs) : round(artefact.end * fs)] = True
    return mask


def electrode_motion(ecg: FloatArray, fs: float, rng: Rng) -> FloatArray:
    """Add the pulses of a moving electrode: a fast rise and a slow decay, much like a wide beat, plus drift."""
    n = ecg.size
    pulses = np.zeros(n)
    rate = rng.uniform(1.2, 3.5)
    for start in np.flatnonzero(rng.uniform(size=n) < rate / fs):
        t = np.arange(n - start) / fs
        rise, decay = rng.uniform(0.01, 0.06), rng.uniform(0.06, 0.35)
        pulses[start:] += (
            rng.gamma(2.0, 0.5) * rng.choice([1, 1, -1]) * (1 - np.exp(-t / rise)) * np.exp(-t / decay)
        )
    drift = 0.6 * band_noise(n, fs, 0.3, 3, rng) + 0.25 * band_noise(n, fs, 3, 12, rng)
    return ecg + faded((pulses + drift) * rng.uniform(0.8, 2.0), fs)


def muscle(ecg: FloatArray, fs: float, rng: Rng) -> FloatArray:
    """Add muscle noise: Gaussian, 15 to 100 Hz, its strength waxing and waning."""
    time = np.arange(ecg.size) / fs
    strength = np.exp(0.5 * slow_noise(time, 1.5, rng))
    return ecg + faded(rng.uniform(0.12, 0.5) * strength * band_noise(ecg.size, fs, 15, 100, rng), fs)


def baseline_jump(ecg: FloatArray, fs: float, rng: Rng) -> FloatArray:
    """Let the baseline jump and return, as an amplifier with a high-pass filter does after a contact slips."""
    n = ecg.size
    shift = np.zeros(n)
    starts = [0, *np.flatnonzero(rng.uniform(size=n // 2) < 0.5 / fs)]
    for start in starts:
        t = np.arange(n - start) / fs
        shift[start:] += rng.choice([-1, 1]) * rng.uniform(1.5, 4.0) * np.exp(-t / rng.uniform(0.4, 1.5))
    return ecg + shift * fade(n, fs, left=0.0, right=0.5)


def lead_off(ecg: FloatArray, fs: float, rng: Rng) -> FloatArray:
    """Replace the ECG by what an open input gives: a flat line, at rest or at a rail, and a trace of hum."""
    level = rng.choice([float(np.median(ecg)), rng.uniform(-1, 1), rng.choice([-1, 1]) * rng.uniform(2, 5)])
    hum = np.sin(2 * np.pi * rng.choice([50, 60]) * np.arange(ecg.size) / fs)
    return np.asarray(
        level + rng.choice([0.0, 0.004]) * hum + 0.002 * rng.standard_normal(ecg.size), dtype=np.float64
    )


def saturation(ecg: FloatArray, fs: float, rng: Rng) -> FloatArray:
    """Drive the amplifier into its rails: a large slow swing, cut off at a ceiling and a floor."""
    time = np.arange(ecg.size) / fs
    rail = rng.uniform(1.2, 2.5)
    swing = rng.uniform(2.0, 5.0) * np.sin(2 * np.pi * (rng.uniform(0.3, 1.5) * time + rng.uniform()))
    middle = float(np.median(ecg))
    return middle + np.clip(ecg - middle + swing * fade(ecg.size, fs), -rail, rail)


def mains(ecg: FloatArray, fs: float, rng: Rng) -> FloatArray:
    """Add mains hum at 50 or 60 Hz (below ``fs`` / 2), its strength drifting."""
    time = np.arange(ecg.size) / fs
    hum = np.sin(2 * np.pi * (rng.choice([50.0, 60.0]) * time + rng.uniform()))
    strength = rng.uniform(0.25, 0.8) * np.exp(0.3 * slow_noise(time, 0.5, rng))
    return ecg + faded(strength * hum, fs)


ARTEFACTS: dict[str, Callable[[FloatArray, float, Rng], FloatArray]] = {
    f.__name__: f for f in (electrode_motion, muscle, baseline_jump, lead_off, saturation, mains)
}
