"""What a synthesis gives back: the inputs that were made, and how they came about."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.reprs import counted

Array = npt.NDArray[Any]


class Measured(NamedTuple):
    """An objective at `x`: its value and the score in it, ``(rows,)``, and its gradient by ``x / scale``."""

    value: Array
    score: Array
    gradient: Array


@dataclass(frozen=True)
class Synthesis:
    """Inputs that were made for a unit.

    Attributes
    ----------
    x : ndarray, shape (rows, *axes, channels)
        The best input of each row: of each seed, or of each example begun from. In the signal's own units.
    score : ndarray, shape (rows,)
        The score of `x`.
    objective : ndarray, shape (rows,)
        The score less the penalties: what was maximised.
    start : ndarray, shape of `x`
        What each row began from.
    history : ndarray, shape (steps + 1, rows)
        The objective at the start and after each step. It need not rise all the way; `x` is the best met.
    score_history : ndarray, shape (steps + 1, rows)
        The score alone.

    Examples
    --------
    >>> made = Synthesis(np.eye(2), *np.zeros((2, 2)) + [1, 3], np.eye(2), np.zeros((1, 2)), np.zeros((1, 2)))
    >>> made.best
    array([0., 1.])
    """

    x: Array
    score: Array
    objective: Array
    start: Array
    history: Array
    score_history: Array

    def __repr__(self) -> str:
        made = f"{counted(len(self.x), 'input')} of {self.x.shape[1:]}" if self.x.ndim else "none"
        best = f", best score {self.score[int(np.argmax(self.objective))]:.4g}" if len(self.score) else ""
        return f"<{type(self).__name__}: {made} after {counted(len(self.history) - 1, 'step')}{best}>"

    @property
    def best(self) -> Array:
        """The row of the highest objective, ``(*axes, channels)``."""
        return self.x[int(np.argmax(self.objective))]


@dataclass(frozen=True)
class Inversion(Synthesis):
    """Inputs that were made to give a layer the features of an example; one row for each example."""

    def __repr__(self) -> str:
        within = f", features within {self.error.max():.2%}" if len(self.score) else ""
        return f"<Inversion: {counted(len(self.x), 'input')} of {self.x.shape[1:]}{within}>"

    @property
    def error(self) -> Array:
        """What is left of the features' distance, ``|phi(x) - phi(x0)| / |phi(x0)|``, for each example."""
        return np.sqrt(-self.score)
