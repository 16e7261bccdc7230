"""Are two outputs of a model the same but for rounding? NumPy only."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating]

# How far apart two ways to compute a network may lie, as a share of the largest value of each output: by the least
# exact dtype that it computes in. On networks of the benchmarks they lie 9e-7 apart in single precision, 7e-4 in
# float16, 2e-15 in double; other processors, and far deeper networks, have room.
TOLERANCES = {"bfloat16": 0.2, "float16": 0.03, "float32": 1e-3, "float64": 1e-8}
EPSILONS = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}


def excess(a: Sequence[Array], b: Sequence[Array], logits: Sequence[Array], precision: str) -> float:
    """The largest difference of two sets of outputs, in units of what is allowed: above 1 they are not the same.

    Parameters
    ----------
    a, b : sequence of ndarray, shape (rows, ...)
    logits : sequence of ndarray
        Before a softmax or sigmoid, for each output; the output itself where it has none.
    precision : {"bfloat16", "float16", "float32", "float64"}

    Returns
    -------
    float
        Infinite where shapes differ, or only one of the two is a number.

    Notes
    -----
    Behind a head near 0 or 1 a small difference may be a large one of the logits, so that p is allowed to differ by
    what its logits may: p (1 - p) times that.

    Examples
    --------
    >>> one, two = np.array([[1.0, 2.0]]), np.array([[1.0, 2.004]])
    >>> round(excess([one], [two], [one], "float32"), 1)
    2.0
    """
    return max((_excess(*each, precision) for each in zip(a, b, logits, strict=True)), default=0.0)


def _excess(a: Array, b: Array, logits: Array, precision: str) -> float:
    if a.shape != b.shape:
        return np.inf
    a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(a - b))
    apart = np.nan_to_num(apart, nan=np.inf, posinf=np.inf)
    if not apart.any():
        return 0.0
    tolerance, tiny = TOLERANCES[precision], float(np.finfo(np.float32).tiny)
    if a.shape == logits.shape and not np.array_equal(a, logits) and ((a >= 0) & (a <= 1)).all():
        head = 2 * tolerance * max(_largest(logits), 1.0) * a * (1 - a) + 8 * EPSILONS[precision]
        allowed = np.minimum(tolerance * max(_largest(a, b), tiny), head)
    else:
        allowed = tolerance * np.maximum(_largest_of_each(a, b), tiny)
    return float((apart / allowed).max())


def share(a: Sequence[Array], b: Sequence[Array]) -> float:
    """The largest difference as a share of the largest output."""
    pairs = [(np.asarray(x, np.float64), np.asarray(y, np.float64)) for x, y in zip(a, b, strict=True)]
    with np.errstate(invalid="ignore"):
        shares = [
            np.abs(x - y).max(initial=0) / max(_largest(x, y), 1e-300) for x, y in pairs if x.shape == y.shape
        ]
    return float(max(shares, default=np.inf))


def _largest_of_each(a: Array, b: Array) -> Array:
    """The largest value of each output: of one scale are the rows and positions of a class, not classes."""
    sizes = np.where(np.isfinite(a) & np.isfinite(b), np.maximum(np.abs(a), np.abs(b)), 0.0)
    over = tuple(range(max(sizes.ndim - 1, 1)))
    return np.asarray(sizes.max(over, keepdims=True, initial=0.0))


def _largest(*arrays: Array) -> float:
    return max(float(np.abs(a[np.isfinite(a)]).max(initial=0.0)) for a in arrays)
