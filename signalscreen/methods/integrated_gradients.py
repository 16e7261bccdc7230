"""Integrated gradients, with steps doubled until the sum closes."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.completeness import halves, is_open, warn_open
from signalscreen.errors import OptionError
from signalscreen.method import method
from signalscreen.references import variants
from signalscreen.streams import blocks, path

Array = npt.NDArray[Any]
Nodes = tuple[Array, Array]


@method(complete=True, references=("baseline",))
def integrated_gradients(
    score: Any,
    x: Array,
    *,
    baseline: Any = 0.0,
    steps: int = 50,
    rule: str = "trapezoid",
    tolerance: float | None = None,
    max_steps: int = 3200,
) -> Array:
    """(x - b) times the mean gradient on the straight path from a baseline b to x.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    baseline : float, ndarray or callable
        What counts as no signal: a number; one example, ``(*axes, channels)``; one for each,
        ``(batch, *axes, channels)``; or R variants that are averaged over, in the shapes of `deep_lift`'s
        `references`.
    steps : int
        Intervals of the path ("trapezoid", "left", "midpoint") or nodes ("gauss_legendre").
    rule : {"trapezoid", "midpoint", "left", "gauss_legendre"}
        Quadrature. On ReLU networks the integrand jumps, and Gauss-Legendre does worst.
    tolerance : float, optional
        Double the steps of each example, keeping the points already evaluated, until its attributions miss the
        change of the score by no more than this part of it ("trapezoid" and "left" only).
    max_steps : int
        Where doubling stops.

    Returns
    -------
    ndarray of float32, shape of `x`
        Units of the score. Over one example they add up to S(x) - S(b), within the quadrature's error; with
        variants, to S(x) - mean S(b).

    Raises
    ------
    OptionError, InputError

    Warns
    -----
    CompletenessWarning
        Naming the examples that miss the change of the score by more than `tolerance` (5 % when none is given).

    Notes
    -----
    *Reads well when* the baseline is a signal one would call empty; *misleads when* it is not, or when samples
    equal to the baseline matter: they get nothing. Costs ``steps + 1`` gradients and a score for each variant of
    the baseline, and a score (trapezoid).

    References
    ----------
    Sundararajan, Taly, Yan 2017, "Axiomatic Attribution for Deep Networks", equations 1 and 3, section 5.
    """
    if rule not in _RULES:
        raise OptionError(f"rule {rule!r} is not known; choose one of {', '.join(_RULES)}")
    for name, value in (("steps", steps), ("max_steps", max_steps)):
        if not isinstance(value, int | np.integer) or value < 1:
            raise OptionError(f"{name} {value!r} is not a positive number")
    if tolerance is not None and rule not in _NESTED:
        raise OptionError(f"tolerance needs a rule whose points can be kept, {' or '.join(_NESTED)}; not {rule!r}")
    if tolerance is not None and not tolerance > 0:
        raise OptionError(
            f"tolerance {tolerance!r} is not positive; give the part of the score's change to close to"
        )
    chosen = variants(baseline, x, score.rank, what="baseline")
    here, there, sums = score(x), [], []
    total: Any = 0.0
    for b in chosen:
        there.append(score(np.broadcast_to(b, x.shape)))
        mean = _mean_gradient(score, x, b, _RULES[rule](steps))
        one = ((x - b) * mean).astype(x.dtype)
        if tolerance is not None:
            one = _refine(
                score, x, np.broadcast_to(b, x.shape), (here, there[-1]), mean, steps, tolerance, max_steps
            )
        total = total + one / len(chosen)
        sums.append(halves(one, here.ndim))
    limit = 0.05 if tolerance is None else tolerance
    advice = "give tolerance= or more steps" if tolerance is None else f"they stopped at max_steps={max_steps}"
    ends = np.broadcast_to(here, np.shape(there)), np.stack(there)
    warn_open("integrated_gradients", score, np.stack(sums), ends, limit, advice)
    return np.asarray(total, x.dtype)


def _trapezoid(n: int) -> Nodes:
    weights = np.full(n + 1, 1 / n)
    weights[[0, -1]] /= 2
    return np.linspace(0, 1, n + 1), weights


def _midpoint(n: int) -> Nodes:
    return (np.arange(n) + 0.5) / n, np.full(n, 1 / n)


def _left(n: int) -> Nodes:
    return np.arange(n) / n, np.full(n, 1 / n)


def _gauss_legendre(n: int) -> Nodes:
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return (nodes + 1) / 2, weights / 2


_RULES: dict[str, Callable[[int], Nodes]] = {
    "trapezoid": _trapezoid,
    "midpoint": _midpoint,
    "left": _left,
    "gauss_legendre": _gauss_legendre,
}
_NESTED = ("trapezoid", "left")  # rules whose points are all among those of twice as many steps


def _mean_gradient(score: Any, x: Array, b: Array, nodes: Nodes) -> Array:
    """Weighted sum of gradients along the path, in blocks that fit a model call."""
    alphas, weights = (part.astype(x.dtype) for part in nodes)
    room = score.room(x)
    total: Any = 0.0
    parts = score.track(blocks(len(alphas), room), -(-len(alphas) // room), "integrated_gradients")
    for some in parts:
        # Not a matrix product: the threads of BLAS, still spinning, would slow TensorFlow's next gradient by half.
        for weight, gradient in zip(weights[some], score.gradient(path(x, b, alphas[some])), strict=True):
            total = total + weight * gradient
    return np.asarray(total)


def _refine(
    score: Any,
    x: Array,
    b: Array,
    ends: tuple[Array, Array],
    mean: Array,
    steps: int,
    tolerance: float,
    max_steps: int,
) -> Array:
    """Double the steps of the examples that do not add up, until they do.

    The points between those of n steps are the midpoints of their intervals, so the mean over 2n steps is that
    over n and that over the midpoints, half and half.
    """
    axis = ends[0].ndim - 1
    mean = mean.copy()
    while 2 * steps <= max_steps:
        result = ((x - b) * mean).astype(x.dtype)
        open_ = is_open(result, ends, tolerance, score.precision)
        rows = np.flatnonzero(open_.reshape(-1, open_.shape[-1]).any(axis=0))
        if not len(rows):
            return result
        some = (slice(None),) * axis + (rows,)
        between = _mean_gradient(score.part(rows), x[some], b[some], _midpoint(steps))
        mean[some] = (mean[some] + between) / 2
        steps *= 2
    return ((x - b) * mean).astype(x.dtype)
