"""The one loop by which inputs are made: a Keras optimiser climbs an objective, all rows side by side.

Beside `signalscreen.backend` this is the only place that uses Keras optimisers.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.backend import keras, tf
from signalscreen.errors import OptionError, SignalScreenWarning, warn
from signalscreen.synthesis.checks import is_number
from signalscreen.synthesis.result import Measured, Synthesis

Array = npt.NDArray[Any]

OPTIMIZERS = {
    kind.__name__.lower(): kind
    for kind in (
        keras.optimizers.SGD,
        keras.optimizers.RMSprop,
        keras.optimizers.Adagrad,
        keras.optimizers.Adadelta,
        keras.optimizers.Adam,
        keras.optimizers.AdamW,
        keras.optimizers.Adamax,
        keras.optimizers.Nadam,
        keras.optimizers.Lion,
    )
}
"""Those that treat each number by itself, so that no row feels another."""


def ascend(
    objective: Callable[[Array, int], Measured],
    start: Array,
    *,
    steps: int,
    optimizer: Any = "adam",
    learning_rate: Any = 0.05,
    scale: float | Array = 1.0,
    project: Callable[[Array, int], Array] = lambda x, _: x,
    track: Callable[[Iterable[int]], Iterator[int]] = iter,
) -> Synthesis:
    """Climb an objective from `start`, and keep the best that each row has met.

    Parameters
    ----------
    objective : callable
        Takes ``x`` of shape (rows, ...) and the number of the step. A row's value depends on that row alone.
    start : ndarray, shape (rows, ...)
    steps : int
    optimizer : str or keras.optimizers.Optimizer
        A name in `OPTIMIZERS`, or an optimiser, of which a fresh copy is used.
    learning_rate : float or keras.optimizers.schedules.LearningRateSchedule
        In units of `scale`; an optimiser given as an object has its own.
    scale : float or ndarray, broadcastable to `start`
        What the optimiser counts as one.
    project : callable
        Takes x and the number of the step, and gives the x that is allowed.
    track : callable
        Shows progress.

    Returns
    -------
    Synthesis

    Raises
    ------
    OptionError
        No such optimiser, or one that mixes rows.
    """
    rule = _optimizer(optimizer, learning_rate)
    first = x = project(start, 0)
    variable = keras.Variable(x / scale, dtype=str(x.dtype))
    rule.build([variable])
    move = tf.function(lambda slope: rule.apply([slope], [variable]), autograph=False)  # ten times as fast as eager
    values, scores = np.zeros((2, steps + 1, len(x)))
    best = np.array(x)
    at = np.zeros(len(x), int)
    for step in track(range(steps + 1)):
        now = objective(x, step)
        values[step], scores[step] = now.value, now.score
        better = ~(values[step] <= values[at, np.arange(len(x))]) & np.isfinite(values[step])
        best[better], at[better] = x[better], step
        if step == 0:
            _tell_flat(now.gradient)
        if step < steps:
            move(tf.constant(-now.gradient, variable.dtype))  # an optimiser of Keras goes downhill
            x = project(variable.numpy() * scale, step + 1).astype(start.dtype)
            variable.assign(x / scale)
    _tell_lost(values)
    rows = np.arange(len(x))
    return Synthesis(best, scores[at, rows], values[at, rows], first, values, scores)


def _optimizer(optimizer: Any, learning_rate: Any) -> Any:
    known = f"choose one of {', '.join(OPTIMIZERS)}, or give such an optimiser of Keras"
    if isinstance(optimizer, str):
        if optimizer.lower() not in OPTIMIZERS:
            raise OptionError(f"optimizer {optimizer!r} is not known; {known}")
        _check_rate(learning_rate)
        return OPTIMIZERS[optimizer.lower()](learning_rate=learning_rate)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        raise OptionError(f"optimizer is a {type(optimizer).__name__}; {known}")
    mixes = optimizer.clipnorm or optimizer.global_clipnorm
    if type(optimizer) not in OPTIMIZERS.values() or mixes:
        what = "with a clipped norm" if mixes else type(optimizer).__name__
        raise OptionError(f"optimizer {what} lets rows act on one another; {known}")
    return type(optimizer).from_config(optimizer.get_config())


def _check_rate(learning_rate: Any) -> None:
    schedule = isinstance(learning_rate, keras.optimizers.schedules.LearningRateSchedule)
    if not schedule and (not is_number(learning_rate) or learning_rate <= 0):
        raise OptionError(
            f"learning_rate {learning_rate!r} is no rate; give a number above 0, or a schedule of Keras"
        )


def _tell_flat(gradient: Array) -> None:
    flat = ~np.any(gradient, axis=tuple(range(1, gradient.ndim)))
    if flat.any():
        warn(
            f"the gradient is zero where row {int(np.argmax(flat))} begins (a unit that is off there?), so there "
            "is nothing to climb; begin from noise of another seed, or from a signal",
            SignalScreenWarning,
        )


def _tell_lost(values: Array) -> None:
    lost = ~np.isfinite(values).all(axis=0)
    if lost.any():
        warn(
            f"the objective of row {int(np.argmax(lost))} left the numbers on the way, and its best until then is "
            "returned; give a lower learning_rate, or limits",
            SignalScreenWarning,
        )
