"""The filters of a layer in one shape for every kind of convolution, and what 1D ones let through. NumPy only."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import OptionError
from signalscreen.reprs import counted

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FilterWeights:
    """The filters of a convolution or dense layer.

    Attributes
    ----------
    kernel : ndarray, shape (filters, *window, channels)
        As the layer multiplies them with its input (a correlation: the first weight meets the earliest
        sample); a transposed convolution writes them into its output. A dense layer has no window:
        ``(filters, channels)``.
    bias : ndarray, shape (filters,), or None
    inputs : ndarray of int, shape (filters, channels)
        Which channels of the layer's input a filter sees: all of them, but those of its group only in a grouped,
        one only in a depthwise convolution.
    dilation, strides : tuple of int
        One per axis of the window.
    step : tuple of float, or None
        How many samples of the model's input lie between neighbouring samples that the kernel is laid on, per axis
        (pools and strides before the layer); None where it is not known.
    layer, kind : str
        The layer's path and class, with the part of a separable one.
    """

    kernel: Array
    bias: Array | None
    inputs: Array
    dilation: tuple[int, ...]
    strides: tuple[int, ...]
    step: tuple[float, ...] | None
    layer: str
    kind: str

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.window))
        of = f" of {size}" if size else ""
        channels = counted(self.kernel.shape[-1], "channel")
        bias = "no bias" if self.bias is None else "with bias"
        filters = counted(len(self.kernel), "filter") + of
        return f"<FilterWeights {self.layer} ({self.kind}): {filters}, {channels}, {bias}>"

    @property
    def window(self) -> tuple[int, ...]:
        """Size of the kernel, in weights per axis."""
        return tuple(self.kernel.shape[1:-1])

    def rate(self, fs: float) -> float:
        """Sampling rate in Hz of what a 1D kernel is laid on, for a signal sampled at `fs`.

        Raises
        ------
        OptionError
            `fs` is not positive, the kernel is not 1D, or `step` is not known.
        """
        if len(self.window) != 1:
            raise OptionError(
                f"layer {self.layer!r} has kernels over {len(self.window)} axes, and a sampling rate belongs to "
                "one; leave fs out"
            )
        if not isinstance(fs, int | float | np.number) or not np.isfinite(fs) or fs <= 0:
            raise OptionError(f"fs is {fs!r}; give a positive number: samples per second, such as 360")
        if self.step is None:
            raise OptionError(
                f"how far apart the samples before layer {self.layer!r} lie is not known; say it, as in "
                "dataclasses.replace(weights, step=(1.0,)), and fs then is the rate there"
            )
        return float(fs) / self.step[0]

    def frequency_response(self, fs: float, points: int = 512) -> tuple[Floats, Floats]:
        """The gain of each 1D filter for each channel: how much of a sinusoid of a frequency it lets through.

        Parameters
        ----------
        fs : float
            Sampling rate in Hz of the model's signal. Pools and strides before the layer are taken into account:
            the kernel itself works at `rate`, and frequencies go up to half of that.
        points : int
            How many frequencies, from 0 to half the rate.

        Returns
        -------
        frequencies : ndarray, shape (points,)
            In Hz.
        gain : ndarray, shape (filters, points, channels)
            ``|H(f)|``, output by input amplitude. Channels add up with their phases, so their gains do not. What
            pools in front alias into a frequency is not seen here.

        Raises
        ------
        OptionError
            As `rate`; or `points` is not 2 or more.
        """
        rate = self.rate(fs)
        if not isinstance(points, int | np.integer) or points < 2:
            raise OptionError(f"points is {points!r}; give how many frequencies, 2 or more")
        frequencies = np.linspace(0, rate / 2, points)
        taps = np.arange(self.window[0]) * self.dilation[0]
        turns = np.exp(-2j * np.pi * np.outer(frequencies / rate, taps))
        return frequencies, np.abs(np.einsum("pt,ftc->fpc", turns, self.kernel.astype(np.float64)))
