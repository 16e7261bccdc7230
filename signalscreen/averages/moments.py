"""Mean and spread of arrays that arrive in parts, by group, in float64. NumPy only."""

from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Key = TypeVar("Key", bound=Hashable)


class Moments(NamedTuple):
    """Count `n`, mean, and sum of squared distances from the mean.

    Examples
    --------
    >>> both = merged(Moments.of(np.array([[1.0], [2.0]])), Moments.of(np.array([[6.0]])))
    >>> both.n, both.mean, both.deviation().round(3)
    (3, array([3.]), array([2.646]))
    """

    n: int
    mean: Array
    squares: Array

    @classmethod
    def of(cls, values: Array) -> "Moments":
        """Of ``(examples, ...)``."""
        values = values.astype(np.float64)
        mean = values.mean(axis=0)
        return cls(len(values), mean, np.square(values - mean).sum(axis=0))

    def deviation(self) -> Array:
        """Standard deviation of the population (n − 1); NaN for a single example."""
        if self.n < 2:
            return np.full_like(self.mean, np.nan)
        return np.sqrt(self.squares / (self.n - 1))


def merged(a: Moments, b: Moments) -> Moments:
    """The moments of both together, without the cancellation that sums of squares suffer.

    References
    ----------
    Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
    """
    n, step = a.n + b.n, b.mean - a.mean
    squares = a.squares + b.squares + np.square(step) * (a.n * b.n / n)
    return Moments(n, a.mean + step * (b.n / n), squares)


def add(moments: dict[Key, Moments], keys: Sequence[Key], values: Array) -> None:
    """Take values of a batch, ``(examples, ...)``, into the moments under their keys."""
    for key in dict.fromkeys(keys):
        new = Moments.of(values[[other == key for other in keys]])
        moments[key] = merged(moments[key], new) if key in moments else new
