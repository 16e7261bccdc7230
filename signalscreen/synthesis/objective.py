"""The objective that is climbed: a score of the input, shifted or not, less the penalties."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import OptionError
from signalscreen.synthesis.checks import check_weights
from signalscreen.synthesis.result import Measured

Array = npt.NDArray[Any]
Penalty = Callable[[Array], tuple[Array, Array]]


def penalised(
    score: Callable[[Array, int], tuple[Array, Array]],
    penalties: Sequence[tuple[float, Penalty]] = (),
    *,
    gain: float = 1.0,
    centre: float = 0.0,
    scale: float | Array = 1.0,
    along: Sequence[Callable[[Array, Array], Array]] = (),
    reshape: Sequence[Callable[[Array], Array]] = (),
) -> Callable[[Array, int], Measured]:
    """An objective: the score less the weighted penalties of ``(x - centre) / scale``.

    Parameters
    ----------
    score : callable
        Takes x and the number of the step, and gives the score and its gradient.
    penalties : sequence of (weight, penalty)
    gain : float
        Weight of the score.
    centre, scale : float, or ndarray broadcastable to x
        So that weights mean the same whatever the signal's units.
    along : sequence of callable
        From x and the gradient to what of it does not leave what is allowed.
    reshape : sequence of callable
        What else is done to the gradient, by then that of ``x / scale``, before the optimiser sees it.
    """

    def objective(x: Array, step: int) -> Measured:
        found, gradient = score(x, step)
        value, gradient = gain * found.astype(float), gain * gradient
        z = (x - centre) / scale
        for weight, penalty in penalties:
            cost, slope = penalty(z)
            value, gradient = value - weight * cost, gradient - weight * slope / scale
        for keep in along:
            gradient = keep(x, gradient)
        gradient = gradient * scale
        for change in reshape:
            gradient = change(gradient)
        return Measured(value, found, gradient)

    return objective


def reshaping(normalise: bool, clip: Any) -> list[Callable[[Array], Array]]:
    """What is done to a gradient: made of one size, cut down to a largest norm, or nothing."""
    if clip is None:
        return [unit_rms] if normalise else []
    check_weights(clip_gradient=clip)
    return [*([unit_rms] if normalise else []), partial(clipped, norm=clip)]


def jittered(bound: Any, rules: str | None, shifts: Array | None) -> Callable[[Array, int], tuple[Array, Array]]:
    """The score of x, with the gradient of x rolled by the step's shifts and rolled back.

    Parameters
    ----------
    bound : Score
    rules : {None, "guided", "guided_conv", "deconvnet", "deconvnet_conv"}
    shifts : ndarray of int, shape (steps + 1, rows, axes), optional
        From `shifts_of`. What is scored is `x` itself, so that the best is not the luckiest shift.
    """
    if shifts is None:
        return lambda x, _: bound.with_gradient(x, rules)

    def score(x: Array, step: int) -> tuple[Array, Array]:
        gradient = bound.with_gradient(rolled(x, shifts[step]), rules)[1]
        return bound(x), rolled(gradient, -shifts[step])

    return score


def rolled(x: Array, shifts: Array) -> Array:
    """Each row moved along its axes by its own shift, what leaves at one end coming in at the other.

    Examples
    --------
    >>> rolled(np.array([[[1], [2], [3]]]), np.array([[1]]))[0, :, 0]
    array([3, 1, 2])
    """
    axes = tuple(range(x.ndim - 2))
    return np.stack([np.roll(row, tuple(shift), axes) for row, shift in zip(x, shifts, strict=True)])


def shifts_of(jitter: Any, shape: Sequence[int], *, steps: int, rows: int, seed: int) -> Array | None:
    """How far each row is moved at each step: uniform, up to `jitter`, the same for the same seed and row.

    Parameters
    ----------
    jitter : int or float
        Samples; below 1, a share of each axis (as in keras-vis). 0 for none.
    shape : sequence of int
        Size of each axis, without channels.

    Returns
    -------
    ndarray of int, shape (steps + 1, rows, axes), or None

    Raises
    ------
    OptionError
        It is negative, as long as the signal, or no number.
    """
    if isinstance(jitter, bool) or not isinstance(jitter, int | float | np.number) or not jitter >= 0:
        raise OptionError(f"jitter {jitter!r} is no number of samples; give 0 or more, or a share below 1")
    most = [round(jitter * n) if jitter < 1 else int(jitter) for n in shape]
    if any(m >= n for m, n in zip(most, shape, strict=True)):
        raise OptionError(
            f"jitter {jitter!r} is not shorter than the signal of {' x '.join(map(str, shape))} samples; give less"
        )
    if not any(most):
        return None
    top = np.array(most)
    drawn = [
        np.random.default_rng([seed, row, 1]).integers(-top, top + 1, (steps + 1, len(top))) for row in range(rows)
    ]
    return np.stack(drawn, axis=1)


def unit_rms(gradient: Array) -> Array:
    """Each row's gradient divided by its root mean square; zero stays zero."""
    rms = np.sqrt(np.mean(gradient**2, axis=tuple(range(1, gradient.ndim)), keepdims=True))
    return gradient / np.where(rms > 0, rms, 1)


def clipped(gradient: Array, norm: float) -> Array:
    """Each row's gradient scaled down to an L2 norm of at most `norm`."""
    found = np.sqrt(np.sum(gradient**2, axis=tuple(range(1, gradient.ndim)), keepdims=True))
    return gradient * (norm / np.maximum(found, norm))
