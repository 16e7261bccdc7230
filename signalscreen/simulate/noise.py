"""Random curves that simulated signals are made of. NumPy and SciPy only."""

import numpy as np
from numpy.typing import NDArray
from scipy import signal as sps

FloatArray = NDArray[np.float64]
Rng = np.random.Generator


def band_noise(n: int, fs: float, low: float, high: float, rng: Rng) -> FloatArray:
    """Gaussian noise of unit variance between two frequencies (Hz), ``high`` held below fs / 2."""
    edges = [low, min(high, 0.45 * fs)]
    sos = sps.butter(2, edges, btype="bandpass", fs=fs, output="sos")
    settle = int(fs / low)
    noise = sps.sosfilt(sos, rng.standard_normal(n + settle))[settle:]
    return np.asarray(noise / np.sqrt(2 * (edges[1] - edges[0]) / fs), dtype=np.float64)


def slow_noise(time: FloatArray, cutoff: float, rng: Rng) -> FloatArray:
    """A smooth random curve of unit variance without power above ``cutoff`` (Hz)."""
    phases = 2 * np.pi * rng.uniform(size=12)
    frequencies = rng.uniform(0, cutoff, size=12)
    waves = np.sin(2 * np.pi * frequencies[:, None] * time + phases[:, None])
    return np.asarray(waves.sum(axis=0) / np.sqrt(6), dtype=np.float64)


def fade(n: int, fs: float, left: float = 0.08, right: float = 0.08) -> FloatArray:
    """Ones that rise from 0 over ``left`` s and fall over ``right`` s (raised cosine)."""
    window = np.ones(n)
    for seconds, side in ((left, slice(None)), (right, slice(None, None, -1))):
        k = min(round(seconds * fs), n // 2)
        window[side][:k] *= (1 - np.cos(np.pi * (np.arange(k) + 0.5) / max(k, 1))) / 2
    return window


def faded(noise: FloatArray, fs: float) -> FloatArray:
    """Noise that fades in and out, so that what it is added to has no step."""
    return noise * fade(noise.size, fs)
