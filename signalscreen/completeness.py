"""Do attributions add up to the change of the score they explain? NumPy only."""

from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import CompletenessWarning, warn

Array = npt.NDArray[Any]

_ROUNDING = {"float16": 2**-7, "bfloat16": 2**-4}  # eight times the last digit
_MOST_FORGIVEN = 0.01  # of the scores, in the name of rounding
_NEGLIGIBLE = 1e-6  # in units of the score, where the scores themselves are near zero


def gap(attribution: Array, scores: tuple[Array, Array]) -> Array:
    """Sum of the attributions of each example minus the change of the score.

    Parameters
    ----------
    attribution : ndarray, shape (..., batch, *axes, channels)
    scores : tuple of ndarray, shape (..., batch)
        S(x) and S(baseline).

    Returns
    -------
    ndarray of float64, shape (..., batch)
    """
    here, there = (np.asarray(s, np.float64) for s in scores)
    return attribution.sum(axis=tuple(range(here.ndim, attribution.ndim)), dtype=np.float64) - (here - there)


def halves(attribution: Array, lead: int) -> Array:
    """What speaks for the score and what against it, added up: all that `is_open` needs of attributions.

    Parameters
    ----------
    attribution : ndarray, shape (..., batch, *axes, channels)
    lead : int
        Axes before those of one example, ``(..., batch)``.

    Returns
    -------
    ndarray of float64, shape (..., batch, 2)
    """
    axes = tuple(range(lead, attribution.ndim))
    parts = [part(attribution, 0).sum(axis=axes, dtype=np.float64) for part in (np.maximum, np.minimum)]
    return np.stack(parts, axis=-1)


def is_open(attribution: Array, scores: tuple[Array, Array], tolerance: float, precision: str = "float32") -> Array:
    """Which examples miss the change of the score by more than `tolerance` of it.

    What rounding may amount to is forgiven: in single precision 1e-6 of all attributions and of both scores, signs
    dropped, and up to 1 % of the scores. Beyond that, attributions that cancel have lost the score.
    """
    here, there = scores
    axes = tuple(range(here.ndim, attribution.ndim))
    size = np.abs(here) + np.abs(there)
    unit = _ROUNDING.get(precision, 1e-6)
    rounding = unit * (np.abs(attribution).sum(axis=axes, dtype=np.float64) + size)
    forgiven = np.minimum(rounding, max(_MOST_FORGIVEN, unit) * size + _NEGLIGIBLE)
    closed = np.abs(gap(attribution, scores)) <= tolerance * np.abs(here - there) + forgiven
    return ~closed  # so that what is no number is open


def warn_open(
    method: str, score: Any, attribution: Array, scores: tuple[Array, Array], tolerance: float, advice: str
) -> None:
    """Warn, by name and size, about the examples whose attributions do not add up."""
    score.watch.see(score.numbers, scores[0].reshape(-1, scores[0].shape[-1])[0])  # the same beside each baseline
    # Of an example whose score or map is no number just that is said.
    known = np.isfinite(scores[0]) & np.isfinite(gap(attribution, (np.zeros_like(scores[0]),) * 2))
    open_ = is_open(attribution, scores, tolerance, score.precision) & known
    if not open_.any():
        return
    each = open_.reshape(-1, open_.shape[-1]).any(axis=0)
    numbers = [int(score.numbers[i]) for i in np.flatnonzero(each)]
    shown = ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")
    change = np.maximum(np.abs(scores[0] - scores[1]), 1e-12)
    worst = float(np.max(np.abs(gap(attribution, scores)) / change, where=open_, initial=0))
    warn(
        f"{method}: attributions of example(s) {shown} miss the change of the score by more than "
        f"{tolerance:.3g} of it (worst {worst:.2g}); {advice}",
        CompletenessWarning,
    )
