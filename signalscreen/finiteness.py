"""Whose score or result is no finite number, said by example and once for a call. NumPy only."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import NonFiniteWarning, warn

Array = npt.NDArray[Any]


class Watch:
    """What is known of the scores of a call's examples, by their numbers in the user's batch.

    Attributes
    ----------
    asked : bool
        Whether the scores of the examples at hand were looked at.
    """

    def __init__(self) -> None:
        self.asked = False
        self._bad: set[int] = set()
        self._told: set[int] = set()

    def see(self, numbers: Array, scores: Array) -> None:
        """Look at S(x) of the examples with these numbers; scores of variants of them are not looked at."""
        if scores.shape == numbers.shape:
            self.asked = True
            self._bad.update(map(int, numbers[~np.isfinite(scores)]))

    def tell(self, method: str, wrong: Iterable[int]) -> None:
        """Warn about the scores that were bad, and about the examples of `wrong`, whose results are.

        Warns
        -----
        NonFiniteWarning
        """
        scores = sorted(self._bad - self._told)
        results = sorted(set(wrong) - self._bad - self._told)
        self._told.update(scores, results)
        if scores:
            warn(
                f"{method}: the score of example(s) {_shown(scores)} is NaN or infinite, which "
                "nothing explains; see what the model gives for them (a root or logarithm below zero, an overflow)",
                NonFiniteWarning,
            )
        if results:
            warn(
                f"{method} of example(s) {_shown(results)} has NaN or infinity though the score is finite "
                "(the slope of a root at zero, an overflow); leave them out, or change the signal or the baseline",
                NonFiniteWarning,
            )


def not_finite(result: Array) -> Array:
    """Which examples of a result, ``(batch, ...)``, hold NaN or infinity."""
    return np.asarray(~np.isfinite(result.reshape(len(result), -1)).all(axis=1))


def _shown(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")
