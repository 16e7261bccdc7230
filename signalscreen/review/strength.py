"""How much attribution lies in each window, summed up slice by slice. NumPy only."""

import numpy as np
from numpy.typing import NDArray


class Strength:
    r"""Mean of \|attribution\| in each window, from slices of the recording in any order.

    Parameters
    ----------
    starts : ndarray of int, shape (windows,)
        First sample of each window, not decreasing.
    length : int
        Samples in a window.
    leads : ndarray of int, shape (windows,)
        The lead that a window is of; -1 for all together.

    Examples
    --------
    >>> strength = Strength(np.array([0, 2]), length=2, leads=np.array([-1, -1]))
    >>> strength.add(0, np.array([[1.0], [-3.0], [np.nan]]))
    >>> strength.add(3, np.array([[0.5]]))
    >>> strength.means().tolist()
    [2.0, 0.5]
    """

    def __init__(self, starts: NDArray[np.integer], length: int, leads: NDArray[np.integer]) -> None:
        self._starts, self._length, self._leads = starts.astype(np.int64), length, leads.astype(np.int64)
        self._sums, self._counts = np.zeros(len(starts)), np.zeros(len(starts))

    def add(self, first: int, values: NDArray[np.floating]) -> None:
        """Take in the attribution of ``(samples, leads)`` from sample ``first`` on; NaN is not counted."""
        n = len(values)
        touched = slice(
            int(np.searchsorted(self._starts, first - self._length, side="right")),
            int(np.searchsorted(self._starts, first + n, side="left")),
        )
        begin = np.clip(self._starts[touched] - first, 0, n)
        end = np.clip(self._starts[touched] - first + self._length, 0, n)
        leads = self._leads[touched]
        known = ~np.isnan(values)
        self._sums[touched] += _between(np.where(known, np.abs(values), 0.0), begin, end, leads)
        self._counts[touched] += _between(known, begin, end, leads)

    def means(self) -> NDArray[np.float32]:
        """Give the means; NaN for a window of which nothing was explained."""
        with np.errstate(invalid="ignore"):
            return (self._sums / self._counts).astype(np.float32)


def _between(
    values: NDArray[np.generic], begin: NDArray[np.int64], end: NDArray[np.int64], leads: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Sum of values[begin:end] for each window, of its lead or of all."""
    sums = np.zeros((len(values) + 1, values.shape[1]))
    np.cumsum(values, axis=0, dtype=np.float64, out=sums[1:])
    parts = sums[end] - sums[begin]
    own = np.take_along_axis(parts, np.maximum(leads, 0)[:, None], axis=1)[:, 0]
    return np.where(leads < 0, parts.sum(axis=1), own)
