"""Scaling a signal as a network was trained to see it. NumPy only; NaN gaps stay gaps."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from signalscreen.errors import OptionError

# Scales a normal distribution's interquartile range to its standard deviation.
_IQR_OF_NORMAL = 1.3489795003921634


def _zscore(x: NDArray[np.float64], axis: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.nanmean(x, axis=axis, keepdims=True), np.nanstd(x, axis=axis, keepdims=True)


def _minmax(x: NDArray[np.float64], axis: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low = np.nanmin(x, axis=axis, keepdims=True)
    return low, np.nanmax(x, axis=axis, keepdims=True) - low


def _robust(x: NDArray[np.float64], axis: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, middle, high = np.nanpercentile(x, [25, 50, 75], axis=axis, keepdims=True)
    return middle, (high - low) / _IQR_OF_NORMAL


_CENTRE_AND_SPREAD: dict[str, Callable[..., tuple[NDArray[np.float64], NDArray[np.float64]]]] = {
    "zscore": _zscore,
    "minmax": _minmax,
    "robust": _robust,
}

NORMALISATIONS = tuple(_CENTRE_AND_SPREAD)


def normalise(x: ArrayLike, how: str, axis: int = 0) -> NDArray[np.float64]:
    """Scale along one axis, each lead (and window) by itself.

    Parameters
    ----------
    x : array_like
        ``(samples, leads)`` with ``axis=0``, or ``(windows, samples, leads)`` with ``axis=1``. NaN is a gap:
        it is left out of the statistics and stays NaN.
    how : {"zscore", "minmax", "robust"}
        ``"zscore"``: mean 0, standard deviation 1. ``"minmax"``: from 0 to 1. ``"robust"``: median 0,
        interquartile range that of a standard normal (1.349), for signals with spikes.
    axis : int
        The time axis.

    Returns
    -------
    ndarray of float64, the shape of ``x``
        A lead without spread (flat) becomes zeros.

    Raises
    ------
    OptionError
        If ``how`` is not known.

    Examples
    --------
    >>> normalise([[1.0, 5.0], [3.0, 5.0]], "minmax").tolist()
    [[0.0, 0.0], [1.0, 0.0]]
    """
    if how not in _CENTRE_AND_SPREAD:
        raise OptionError(f"normalisation {how!r} is not known; choose {', '.join(NORMALISATIONS)}")
    x = np.asarray(x, dtype=np.float64)
    empty = np.isnan(x).all(axis=axis, keepdims=True)
    centre, spread = _CENTRE_AND_SPREAD[how](np.where(empty, 0.0, x), axis)
    # A flat lead's standard deviation is rounding noise of its mean, not a spread to divide by.
    size = np.nanmax(np.abs(np.where(empty, 0.0, x)), axis=axis, keepdims=True)
    flat = spread <= 8 * np.finfo(np.float64).eps * size
    return np.where(np.isnan(x), np.nan, np.where(flat, 0.0, (x - centre) / np.where(flat, 1.0, spread)))
