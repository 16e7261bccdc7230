"""DeepLIFT, Rescale rule."""

from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.completeness import warn_open
from signalscreen.errors import InputError
from signalscreen.inputs import fit
from signalscreen.method import method

Array = npt.NDArray[Any]


@method(complete=True)
def deep_lift(score: Any, x: Array, *, references: Any = 0.0) -> Array:
    """Multipliers (f(x) - f(r)) / (x - r), chained through the network, times x - r.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    references : float, ndarray or callable
        What the input is compared with: a number; one example, ``(*axes, channels)``; several that are averaged
        over, ``(R, *axes, channels)``; or a callable from `x` to ``(batch, R, *axes, channels)`` (shuffles).

    Returns
    -------
    ndarray of float32, shape of `x`
        Units of the score. Over one example they add up to S(x) - mean S(references).

    Raises
    ------
    UnsupportedOpError
        The network has an op without an exact rule; its name is given.
    InputError
        The references do not fit `x`.

    Warns
    -----
    CompletenessWarning
        The attributions of some examples do not add up, by rounding on a very large scale.

    Notes
    -----
    *Reads well when* the reference is a signal one would call empty; *misleads when* it is not: every part in
    which `x` differs from it gets a share. Two passes forward and one back per reference.

    References
    ----------
    Shrikumar, Greenside, Kundaje 2017, "Learning Important Features Through Propagating Activation
    Differences", sections 3.2 to 3.5.1. Max-pooling credits a rise to the place of the new maximum and a fall to
    the place of the old one; a product of two signals is shared half and half.
    """
    chosen = _references(references, x, score.rank)
    total: Any = 0.0
    there: Any = 0.0
    for reference in chosen:
        multipliers, here, at_reference = score.multipliers(x, reference)
        total = total + multipliers * (x - reference) / len(chosen)
        there = there + np.asarray(at_reference, np.float64) / len(chosen)
    result: Array = np.asarray(total, multipliers.dtype)
    advice = "the scores are near the limit of single precision"
    warn_open("deep_lift", score, result, (here, there), 1e-3, advice)
    return result


def _references(references: Any, x: Array, rank: int) -> Array:
    """The references, one after the other; each broadcasts to `x`."""
    if callable(references):
        lead, example = x.shape[:-rank], x.shape[-rank:]
        if len(lead) > 1:  # variants of each example: to the callable they are examples
            flat = _references(references, x.reshape(-1, *example), rank)
            return flat.reshape(-1, *x.shape)
        drawn = np.asarray(references(x))
        if drawn.ndim != x.ndim + 1 or drawn.shape[:1] + drawn.shape[2:] != x.shape or not drawn.shape[1]:
            raise InputError(
                f"references(x) has shape {drawn.shape}; the callable must give (batch, R, *axes, channels), here "
                f"({x.shape[0]}, R, {', '.join(map(str, x.shape[1:]))})"
            )
        return fit(np.moveaxis(drawn, 1, 0), (drawn.shape[1], *x.shape), what="references(x)")
    example = x.shape[-rank:]
    array = np.asarray(references)
    count = len(array) if array.ndim == rank + 1 else 1
    if not count:
        raise InputError("references is empty; give at least one reference")
    array = fit(array, (count, *example), what="references")
    return np.broadcast_to(array, (count, *example)).astype(x.dtype)
