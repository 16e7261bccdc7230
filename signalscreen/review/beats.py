"""Beats of an ECG or PPG on demand, for spans of a minute or so. NumPy and SciPy only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

_LEAST_ALIKE = 0.5  # median correlation of beats with the mean beat; noise stays below, ectopic beats do not
_LEAST_BEATS = 3
_LEAST_SECONDS = 2.0
_MOST_MISSING = 0.5
_BEAT = 0.2  # s on each side of a peak that are compared


@dataclass(frozen=True)
class _Kind:
    """Elgendi's parameters: pass band (Hz), length of a wave and of a beat (s), offset of the threshold."""

    band: tuple[float, float]
    wave: float
    beat: float
    offset: float


_ECG = _Kind((8.0, 20.0), 0.097, 0.611, 0.08)
_PPG = _Kind((0.5, 8.0), 0.111, 0.667, 0.02)
_PPG_WORDS = ("ppg", "pleth", "pulse", "abp")
_LEAST_RATE = 2.5  # samples to a period of the band's upper edge


def beats(signal: NDArray[np.floating], fs: float, name: str = "") -> NDArray[np.int64]:
    """Samples of R peaks, or of systolic peaks where the lead's name tells of a pulse wave.

    The two moving averages of Elgendi (QRS: Elgendi et al. 2010, Proc. BIOSIGNALS, 428-431; PPG: Elgendi et al.
    2013, PLoS ONE 8:e76585): where the average over a wave exceeds that over a beat, there is a wave. What is
    found is kept only if the beats look alike (average beat, as Orphanidou et al. 2015, IEEE JBHI 19:832-838), so
    that noise gives none.

    Parameters
    ----------
    signal : ndarray, shape (samples,)
        NaN is bridged by a line; no peak is put there.
    fs : float
        Samples per second.
    name : str
        Of the lead.

    Returns
    -------
    ndarray of int64, shape (peaks,)
        Increasing; empty where the signal is flat, noise, half missing, or shorter than 2 s; of an ECG
        below 50 Hz, of a pulse wave below 20 Hz.
    """
    nothing = np.empty(0, np.int64)
    x = np.asarray(signal, np.float64)
    known = np.isfinite(x)
    kind = _PPG if any(word in name.lower() for word in _PPG_WORDS) else _ECG
    if len(x) < _LEAST_SECONDS * fs or fs < _LEAST_RATE * kind.band[1] or known.mean() < 1 - _MOST_MISSING:
        return nothing
    x = np.interp(np.arange(len(x)), np.flatnonzero(known), x[known])
    if np.ptp(x) == 0:
        return nothing
    peaks = _peaks((x - np.median(x)) / np.ptp(x), fs, kind)
    peaks = peaks[known[peaks]]
    return peaks if _alike(x, peaks, round(_BEAT * fs)) else nothing


def _peaks(x: NDArray[np.float64], fs: float, kind: _Kind) -> NDArray[np.int64]:
    """Give the largest sample of each block of interest."""
    passed = sosfiltfilt(butter(2, kind.band, "bandpass", fs=fs, output="sos"), x)
    energy = (np.maximum(passed, 0.0) if kind is _PPG else passed) ** 2
    wave = round(kind.wave * fs)
    inside = _mean(energy, wave) > _mean(energy, round(kind.beat * fs)) + kind.offset * energy.mean()
    edges = np.flatnonzero(np.diff(np.r_[False, inside, False].astype(np.int8)))
    size = passed if kind is _PPG else np.abs(passed)
    found = [begin + int(np.argmax(size[begin:end])) for begin, end in edges.reshape(-1, 2) if end - begin >= wave]
    # The band-passed peak lies a little beside that of the signal: the R peak is the signal's own extreme.
    reach = max(round(0.05 * fs), 1)
    peaks = [_extreme(x, max(at - reach, 0), at + reach + 1, kind) for at in found]
    return _apart(np.unique(np.array(peaks, np.int64)), size, round(0.25 * fs))


def _extreme(x: NDArray[np.float64], begin: int, end: int, kind: _Kind) -> int:
    part = x[begin:end]
    return begin + int(np.argmax(part if kind is _PPG else np.abs(part - np.median(part))))


def _apart(peaks: NDArray[np.int64], size: NDArray[np.float64], least: int) -> NDArray[np.int64]:
    """Of peaks nearer than a beat's refractory time, the larger one."""
    kept: list[int] = []
    for peak in peaks.tolist():
        if kept and peak - kept[-1] < least:
            kept[-1] = max(kept[-1], peak, key=lambda at: size[at])
        else:
            kept.append(peak)
    return np.array(kept, np.int64)


def _mean(x: NDArray[np.float64], length: int) -> NDArray[np.float64]:
    """Centred moving average of an odd length, that of fewer samples at the ends."""
    half = max(length // 2, 1)
    total = np.r_[0.0, np.cumsum(x)]
    begin = np.maximum(np.arange(len(x)) - half, 0)
    end = np.minimum(np.arange(len(x)) + half + 1, len(x))
    return (total[end] - total[begin]) / (end - begin)


def _alike(x: NDArray[np.float64], peaks: NDArray[np.int64], reach: int) -> bool:
    whole = peaks[(peaks >= reach) & (peaks + reach < len(x))]
    if len(whole) < _LEAST_BEATS:
        return False
    shapes = x[whole[:, None] + np.arange(-reach, reach + 1)]
    shapes = shapes - shapes.mean(axis=1, keepdims=True)
    shapes /= np.maximum(np.linalg.norm(shapes, axis=1, keepdims=True), 1e-12)
    # Each beat against the mean of the others: with itself in it, three beats of noise would look alike.
    others = shapes.sum(axis=0) - shapes
    others /= np.maximum(np.linalg.norm(others, axis=1, keepdims=True), 1e-12)
    return bool(np.median((shapes * others).sum(axis=1)) >= _LEAST_ALIKE)
