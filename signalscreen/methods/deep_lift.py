"""DeepLIFT, Rescale rule."""

from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.completeness import warn_open
from signalscreen.method import method
from signalscreen.references import variants

Array = npt.NDArray[Any]


@method(complete=True, references=("references",))
def deep_lift(score: Any, x: Array, *, references: Any = 0.0) -> Array:
    """Multipliers (f(x) - f(r)) / (x - r), chained through the network, times x - r.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    references : float, ndarray or callable
        What the input is compared with: a number; one example, ``(*axes, channels)``; one for each,
        ``(batch, *axes, channels)``; or R variants that are averaged over, ``(1, R, *axes, channels)`` for all
        examples alike, ``(batch, R, *axes, channels)`` for each its own, or a callable from `x` to the latter
        (shuffles), called with the examples of one batch at a time.

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
    chosen = variants(references, x, score.rank, what="references")
    total: Any = 0.0
    there: Any = 0.0
    for reference in chosen:
        multipliers, here, at_reference = score.multipliers(x, reference)
        total = total + multipliers * (x - reference) / len(chosen)
        there = there + np.asarray(at_reference, np.float64) / len(chosen)
    result: Array = np.asarray(total, multipliers.dtype)
    advice = f"the scores are near the limit of what {score.precision} can tell apart"
    warn_open("deep_lift", score, result, (here, there), 1e-3, advice)
    return result
