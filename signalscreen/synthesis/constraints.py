"""What an input may be: projections on what is allowed, and the directions that do not leave it.

Pure functions of ``x`` of shape (rows, *axes, channels) that give the same shape and dtype. A projection done
twice changes nothing the second time. A gradient has to lose its part across the border (its projection on the
tangent cone): an optimiser with a rate for each number, such as Adam, would be led astray by it. NumPy only.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from signalscreen.errors import InputError, OptionError
from signalscreen.synthesis.checks import is_number

Array = npt.NDArray[Any]


class Constraint(NamedTuple):
    """What is allowed: ``project(x)`` leads there, ``along(x, gradient)`` stays there to first order."""

    project: Callable[[Array], Array]
    along: Callable[[Array, Array], Array]


def constraints(
    shape: Sequence[int],
    *,
    rms: float | None = None,
    limits: tuple[float, float] | None = None,
    band: Any = None,
    fs: float | None = None,
    spectrum: Any = None,
) -> list[Constraint]:
    """The constraints that are asked for, in the order in which they are applied.

    Parameters
    ----------
    shape : sequence of int
        ``(*axes, channels)`` of the input.
    rms, limits, band, fs, spectrum
        As for `maximize_activation`. Both of `band` and `spectrum`: the spectrum's amplitudes in the band.

    Raises
    ------
    InputError, OptionError
    """
    if (band is not None or spectrum is not None) and len(shape) < 2:
        raise OptionError("band and spectrum run along the signal's axes, and the model's input has none")
    passed = None if band is None else band_of(band, shape[:-1], fs)
    chain = []
    if spectrum is not None:
        amplitudes = amplitudes_of(spectrum, shape)
        amplitudes = amplitudes if passed is None else amplitudes * passed[..., None]
        chain.append(Constraint(partial(with_amplitudes, amplitudes=amplitudes), turning))
    elif passed is not None:
        project = partial(in_band, passed=passed)
        chain.append(Constraint(project, lambda _, gradient: project(gradient)))
    if rms is not None:
        chain.append(Constraint(partial(no_stronger, rms=rms), partial(around, rms=rms)))
    if limits is not None:
        chain.append(Constraint(partial(within, limits=limits), partial(inward, limits=limits)))
    return chain


def within(x: Array, limits: tuple[float, float]) -> Array:
    """`x` cut off at a lowest and a highest value."""
    return np.clip(x, *limits).astype(x.dtype)


def inward(x: Array, gradient: Array, limits: tuple[float, float]) -> Array:
    """The gradient without what would lead beyond the limits."""
    beyond = ((x <= limits[0]) & (gradient < 0)) | ((x >= limits[1]) & (gradient > 0))
    return np.where(beyond, 0, gradient)


def no_stronger(x: Array, rms: float) -> Array:
    """`x` with each row scaled down to a root mean square of at most `rms`.

    Examples
    --------
    >>> no_stronger(np.array([[[3.0], [-3.0]], [[1.0], [0.0]]]), 1.0)[..., 0]
    array([[ 1., -1.],
           [ 1.,  0.]])
    """
    found = np.sqrt(np.mean(x**2, axis=tuple(range(1, x.ndim)), keepdims=True))
    return x * (rms / np.maximum(found, rms)).astype(x.dtype)


def around(x: Array, gradient: Array, rms: float) -> Array:
    """The gradient without its part along x, in rows that are as strong as they may be and would grow."""
    own = tuple(range(1, x.ndim))
    power = np.mean(x**2, axis=own, keepdims=True)
    outward = np.mean(x * gradient, axis=own, keepdims=True)
    at_border = (power >= rms**2 * (1 - 1e-5)) & (outward > 0)
    return gradient - np.where(at_border, outward / np.where(power > 0, power, 1), 0) * x


def in_band(x: Array, passed: Array) -> Array:
    """`x` with the frequencies that are passed, and no others.

    Parameters
    ----------
    passed : ndarray of bool, shape (*frequencies,)
        From `band_of`.
    """
    axes = _axes(x)
    return _signal(np.where(passed[..., None], np.fft.rfftn(x, axes=axes), 0), x)


def with_amplitudes(x: Array, amplitudes: Array) -> Array:
    """`x` with the amplitude of every frequency as given, its phases kept (those of silence count as 0).

    Parameters
    ----------
    amplitudes : ndarray, shape (*frequencies, channels)
        From `amplitudes_of`.
    """
    found = np.fft.rfftn(x, axes=_axes(x))
    size = np.abs(found)
    phase = np.where(size > 0, found / np.where(size > 0, size, 1), 1)
    return _signal(amplitudes * phase, x)


def turning(x: Array, gradient: Array) -> Array:
    """The gradient without what would change the amplitude of a frequency of x; what turns its phase is left."""
    wave, slope = (np.fft.rfftn(part, axes=_axes(x)) for part in (x, gradient))
    power = np.abs(wave) ** 2
    heard = power > 1e-12 * power.max(axis=_axes(x), keepdims=True)
    along = np.where(heard, (wave.conj() * slope).real / np.where(heard, power, 1), 0)
    return _signal(np.where(heard, slope - along * wave, 0), gradient)


def blurred(x: Array, sigma: float) -> Array:
    """`x` under a Gaussian of `sigma` samples on every axis; the ends are held."""
    return gaussian_filter(x, (0, *[sigma] * (x.ndim - 2), 0), mode="nearest")


def band_of(band: Any, shape: Sequence[int], fs: float | None) -> Array:
    """Which frequencies of signals of `shape` lie in a band.

    Parameters
    ----------
    band : tuple of float
        Lowest and highest frequency that is passed; None for no end. In Hz with 1D signals; on several axes in
        cycles per sample, as the length of the wave vector.
    shape : sequence of int
        Size of each axis, without channels.
    fs : float
        Sampling rate in Hz, for 1D signals.

    Returns
    -------
    ndarray of bool, shape (*shape[:-1], shape[-1] // 2 + 1)

    Raises
    ------
    OptionError
        The band is none, does not lie between 0 and half the sampling rate, or holds no frequency.
    """
    unit = "Hz" if len(shape) == 1 else "cycles per sample"
    pair = isinstance(band, tuple | list) and len(band) == 2
    if not pair or not all(end is None or is_number(end) for end in band):
        raise OptionError(f"band {band!r} is no pair; give (lowest, highest) in {unit}")
    if len(shape) == 1 and fs is None:
        raise OptionError("band needs the sampling rate; give fs in Hz (fs=1 for a band in cycles per sample)")
    if len(shape) > 1 and fs is not None:
        raise OptionError(
            f"fs belongs to 1D signals, and the input has {len(shape)} axes; leave it out, and give the band in "
            "cycles per sample"
        )
    fs = 1.0 if fs is None else fs
    if not is_number(fs) or fs <= 0:
        raise OptionError(f"fs {fs!r} is no sampling rate; give a positive number in Hz")
    low, high = 0.0 if band[0] is None else band[0], fs / 2 if band[1] is None else band[1]
    if not 0 <= low < high <= fs / 2:
        raise OptionError(
            f"band {tuple(band)!r} does not rise between 0 and half the sampling rate, {fs / 2:g} {unit}"
        )
    found = frequencies(shape, fs)
    passed: Array = (found >= low) & (found <= high)
    if not passed.any():
        raise OptionError(
            f"band {tuple(band)!r} holds no frequency of {shape[-1]} samples, whose frequencies are "
            f"{fs / shape[-1]:g} {unit} apart; widen it"
        )
    return passed


def frequencies(shape: Sequence[int], fs: float = 1.0) -> Array:
    """The frequencies of signals of `shape` as `numpy.fft.rfftn` lays them out; on several axes their length.

    Examples
    --------
    >>> frequencies((8,), fs=100)
    array([ 0. , 12.5, 25. , 37.5, 50. ])
    """
    parts = [np.fft.fftfreq(n, 1 / fs) for n in shape[:-1]] + [np.fft.rfftfreq(shape[-1], 1 / fs)]
    return np.sqrt(sum(part**2 for part in np.ix_(*parts)))


def amplitudes_of(spectrum: Any, shape: Sequence[int]) -> Array:
    """Amplitudes to hold an input to, from real signals or as they are.

    Parameters
    ----------
    spectrum : array_like
        A signal ``(*axes, channels)``, several ``(n, *axes, channels)`` whose amplitudes are averaged, or the
        amplitudes themselves ``(*frequencies, channels)``; one channel may go without its axis.
    shape : sequence of int
        ``(*axes, channels)`` of the input.

    Returns
    -------
    ndarray, shape (*frequencies, channels)
        As `numpy.fft.rfftn` gives them.

    Raises
    ------
    InputError
        It has another length, or values that no amplitude has.
    """
    given = np.asarray(spectrum)
    if given.dtype.kind not in "fiub":
        raise InputError(f"spectrum has dtype {given.dtype}; give real signals, or amplitudes")
    given = given.astype(float)
    *axes, channels = shape
    bins = (*axes[:-1], axes[-1] // 2 + 1, channels)
    if not np.isfinite(given).all():
        raise InputError("spectrum has NaN or infinity; give finite numbers")
    for form in (given, given[..., None]) if channels == 1 else (given,):
        if form.shape[-len(shape) :] == tuple(shape) and form.ndim in (len(shape), len(shape) + 1) and form.size:
            signals = form.reshape(-1, *shape)
            return np.abs(np.fft.rfftn(signals, axes=_axes(signals))).mean(axis=0)
        if form.shape == bins and (form >= 0).all():
            # On several axes some frequencies come twice, and a signal has one amplitude for both.
            signal = np.fft.irfftn(form[None], axes, axes=_axes(form[None]))
            return np.abs(np.fft.rfftn(signal, axes=_axes(signal)))[0]
    raise InputError(
        f"spectrum has shape {given.shape}; give signals of shape {tuple(shape)} or amplitudes (not negative) of "
        f"shape {bins}"
    )


def _signal(spectrum: Array, like: Array) -> Array:
    axes = _axes(like)
    return np.fft.irfftn(spectrum, [like.shape[axis] for axis in axes], axes=axes).astype(like.dtype)


def _axes(x: Array) -> tuple[int, ...]:
    return tuple(range(1, x.ndim - 1))
