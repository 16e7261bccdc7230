"""Do attributions add up to the change of the score they explain? NumPy only."""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import CompletenessWarning

Array = npt.NDArray[Any]


def gap(attribution: Array, change: Array) -> Array:
    """Sum of the attributions of each example minus the change of the score.

    Parameters
    ----------
    attribution : ndarray, shape (..., batch, *axes, channels)
    change : ndarray, shape (..., batch)

    Returns
    -------
    ndarray of float64, shape (..., batch)
    """
    axes = tuple(range(change.ndim, attribution.ndim))
    return attribution.sum(axis=axes, dtype=np.float64) - change


def is_open(attribution: Array, change: Array, tolerance: float) -> Array:
    """Which examples miss the change of the score by more than `tolerance` of it.

    What rounding in single precision may amount to (1e-6 of all attributions, signs dropped) is forgiven.
    """
    axes = tuple(range(change.ndim, attribution.ndim))
    rounding = 1e-6 * np.abs(attribution).sum(axis=axes, dtype=np.float64)
    return np.abs(gap(attribution, change)) > tolerance * np.abs(change) + rounding


def warn_open(method: str, score: Any, attribution: Array, change: Array, tolerance: float, advice: str) -> None:
    """Warn, by name and size, about the examples whose attributions do not add up."""
    open_ = is_open(attribution, change, tolerance)
    if not open_.any():
        return
    each = open_.reshape(-1, open_.shape[-1]).any(axis=0)
    numbers = [int(score.numbers[i]) for i in np.flatnonzero(each)]
    shown = ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")
    worst = float(np.max(np.abs(gap(attribution, change)) / np.maximum(np.abs(change), 1e-12)))
    warnings.warn(
        f"{method}: attributions of example(s) {shown} miss the change of the score by more than "
        f"{tolerance:.3g} of it (worst {worst:.2g}); {advice}",
        CompletenessWarning,
        stacklevel=2,
    )
