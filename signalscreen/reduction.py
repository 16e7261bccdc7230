"""Views of a signed attribution: magnitudes, merged channels, scales. NumPy only."""

from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import OptionError

Array = npt.NDArray[Any]

_CHANNELS = {
    "max_abs": lambda a: np.abs(a).max(axis=-1),
    "sum": lambda a: a.sum(axis=-1),
    "mean": lambda a: a.mean(axis=-1),
    "abs_sum": lambda a: np.abs(a).sum(axis=-1),
    "l2": lambda a: np.sqrt(np.square(a).sum(axis=-1)),
    "positive": lambda a: np.maximum(a, 0).sum(axis=-1),
    "negative": lambda a: np.minimum(a, 0).sum(axis=-1),
}
_SCALES = ("none", "max_abs", "min_max")


def reduce(attribution: Any, how: str = "max_abs", *, scale: str = "none", per_example: bool = True) -> Array:
    """Merge the channels of an attribution, and scale it for the eye.

    Parameters
    ----------
    attribution : array_like, shape (batch, *axes, channels)
    how : {"max_abs", "sum", "mean", "abs_sum", "l2", "positive", "negative"}
        How channels are merged. "sum" keeps completeness; "positive" and "negative" keep one sign.
    scale : {"none", "max_abs", "min_max"}
        Divide by the largest magnitude (keeps the sign and the zero), or bring to 0..1.
    per_example : bool
        Scale each example by itself, or all by the same.

    Returns
    -------
    ndarray, shape (batch, *axes)
        Flat maps become zeros, never NaN.

    Raises
    ------
    OptionError

    Examples
    --------
    >>> reduce(np.array([[[1.0, -3.0], [2.0, 0.0]]]))
    array([[3., 2.]])
    >>> reduce(np.array([[[1.0, -3.0], [2.0, 0.0]]]), "sum", scale="max_abs")
    array([[-1.,  1.]])
    """
    check_reduction(how, scale)
    merged = _CHANNELS[how](np.asarray(attribution))
    axes = tuple(range(1 if per_example else 0, merged.ndim))
    if scale == "max_abs":
        return _divide(merged, np.abs(merged).max(axis=axes, keepdims=True))
    if scale == "min_max":
        low = merged.min(axis=axes, keepdims=True)
        return _divide(merged - low, merged.max(axis=axes, keepdims=True) - low)
    return merged


def check_reduction(how: str, scale: str) -> None:
    """Raise `OptionError` unless `reduce` knows both."""
    if how not in _CHANNELS:
        raise OptionError(f"how {how!r} is not known; choose one of {', '.join(_CHANNELS)}")
    if scale not in _SCALES:
        raise OptionError(f"scale {scale!r} is not known; choose one of {', '.join(_SCALES)}")


def _divide(a: Array, by: Array) -> Array:
    return np.divide(a, by, out=np.zeros_like(a), where=by != 0)
