"""Published signal quality indices of short blocks.

All take blocks without gaps, ``(blocks, length)``, and give one number for each. A block's number does not depend
on the blocks beside it.
"""

from typing import NamedTuple

import numpy as np
from scipy import fft

from signalscreen.quality.blocks import Floats, Mask

# Zhao and Zhang (2018) call an ECG unqualified below these.
KURTOSIS_OF_ECG = 5.0
BASELINE_OF_ECG = 0.9
# Share of the power between 5 and 100 Hz that lies above 40 Hz: chosen on nine MIT-BIH records and artefacts put
# into them, where it is passed by 1.5 % of unmarked blocks and 98 % of those with muscle noise.
FAST_OF_ECG = 0.2
# A pulse is blunt and periodic. Chosen on the 51 BUT PPG signals, so that they are no test of them.
KURTOSIS_OF_PPG = 4.0
PERIODIC_OF_PPG = 0.4
_LINES = ((48.0, 52.0), (58.0, 62.0))  # Hz: mains of most countries, with its drift
_NOTHING = 1e-30  # keeps 0 / 0 from being taken where a block has no power at all


class Spectrum(NamedTuple):
    """Power of each block by frequency (Hann window, mean removed), scaled to add up to its mean square."""

    power: Floats
    step: float  # Hz

    def band(self, low: float, high: float) -> Floats:
        """Mean square between two frequencies (Hz), the lower one included."""
        first, stop = (int(np.ceil(f / self.step - 1e-9)) for f in (low, high))
        return np.asarray(self.power[:, first:stop].sum(axis=1))


def spectrum(blocks: Floats, fs: float) -> Spectrum:
    """Take the power spectrum of every block."""
    n = blocks.shape[1]
    hann = np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2
    size = fft.next_fast_len(n, real=True)
    found = fft.rfft((blocks - blocks.mean(axis=1, keepdims=True)) * hann, size, axis=1)
    power = found.real**2 + found.imag**2
    return Spectrum(power * (2 / (size * np.sum(hann**2))), fs / size)


def kurtosis(blocks: Floats) -> Floats:
    """kSQI: 3 for Gaussian noise, 1.5 for a sine, far more for an ECG, whose beats are short (Li et al. 2008)."""
    powers = blocks - blocks.mean(axis=1, keepdims=True)
    np.square(powers, out=powers)
    variance = powers.mean(axis=1)
    np.square(powers, out=powers)
    return np.asarray(powers.mean(axis=1) / (variance**2 + _NOTHING))


def low_ecg(blocks: Floats, shape: Spectrum, fs: float) -> Mask:
    """Blocks in which little speaks for an ECG: neither peaked nor steady, or mostly fast."""
    baseline = 1 - shape.band(0, 1) / (shape.band(0, 40) + _NOTHING)
    low = (kurtosis(blocks) < KURTOSIS_OF_ECG) & (baseline < BASELINE_OF_ECG)
    if fs > 100:  # below, hardly a band is left above 40 Hz
        low |= shape.band(40, 100) > FAST_OF_ECG * shape.band(5, 100)
    return low


def low_ppg(blocks: Floats, shape: Spectrum) -> Mask:
    """Blocks with spikes, or without one pulse rate (0.7 to 3.5 Hz) that with its double holds the power."""
    first, stop = (int(np.ceil(f / shape.step)) for f in (0.7, 3.5))
    total = shape.band(0.5, 8) + _NOTHING
    if stop - first < 1:
        return np.zeros(len(blocks), dtype=bool)
    pulse = first + shape.power[:, first:stop].argmax(axis=1)
    near = np.clip(np.concatenate([at[:, None] + [-1, 0, 1] for at in (pulse, 2 * pulse)], axis=1), 0, None)
    near = np.minimum(near, shape.power.shape[1] - 1)
    periodic = np.take_along_axis(shape.power, near, axis=1).sum(axis=1) / total
    return (kurtosis(blocks) > KURTOSIS_OF_PPG) | (periodic < PERIODIC_OF_PPG)


def only_mains(shape: Spectrum, fs: float, smallest: float) -> Mask:
    """Blocks whose power above 1 Hz is mains hum to nine tenths, and which hold no more of a heart than nothing.

    Nothing is what a sine of peak-to-peak size ``smallest`` would have between 1 and 40 Hz.
    """
    lines = [shape.band(low, high) for low, high in _LINES if high < fs / 2]
    if not lines or smallest <= 0:
        return np.zeros(len(shape.power), dtype=bool)
    hum = np.max(lines, axis=0) > 0.9 * shape.band(1, fs)
    return hum & (shape.band(1, 40) < smallest**2 / 8)
