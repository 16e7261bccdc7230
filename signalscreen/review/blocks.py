"""Lowest, highest and mean value of blocks of samples, and of blocks of blocks. NumPy only."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FINEST = 16
FACTOR = 4
_POINTS = 2000  # as many as a screen shows: the coarsest level has no more

SIGNAL_PLANES = ("min", "max", "mean")
ATTRIBUTION_PLANES = ("min", "max", "extreme", "mean")


def factors(n: int) -> tuple[int, ...]:
    """Samples in a block at each level: 16, 64, ... up to the level with at most 2000 blocks.

    Examples
    --------
    >>> factors(24 * 3600 * 360)
    (16, 64, 256, 1024, 4096, 16384)
    """
    found = [FINEST]
    while -(-n // found[-1]) > _POINTS:
        found.append(found[-1] * FACTOR)
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Blocks:
    """What is kept of blocks of samples, each ``(blocks, leads)``; ``low`` is NaN where all samples are.

    Sums and counts, not means, so that the mean of a block of blocks is that of its samples.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    total: NDArray[np.float64]
    count: NDArray[np.int64]

    def coarser(self, factor: int = FACTOR) -> "Blocks":
        """Put ``factor`` neighbours together; their number must be a multiple of it."""
        return Blocks(
            np.fmin.reduce(_neighbours(self.low, factor), axis=0),
            np.fmax.reduce(_neighbours(self.high, factor), axis=0),
            _neighbours(self.total, factor).sum(axis=0),
            _neighbours(self.count, factor).sum(axis=0),
        )

    def plane(self, name: str) -> NDArray[np.float32]:
        """One of min, max, mean and extreme (the value of largest size, with its sign)."""
        if name == "mean":
            with np.errstate(invalid="ignore"):
                return (self.total / self.count).astype(np.float32)
        if name == "extreme":
            return np.where(-self.low > self.high, self.low, self.high)
        return self.low if name == "min" else self.high


def blocks(values: NDArray[np.floating], factor: int = FINEST) -> Blocks:
    """Blocks of ``factor`` samples of ``(samples, leads)``; their number must be a multiple of it.

    Examples
    --------
    >>> found = blocks(np.array([[1.0], [-4.0], [np.nan], [np.nan]]), factor=2)
    >>> found.plane("extreme").ravel().tolist(), found.plane("mean").ravel().tolist()
    ([-4.0, nan], [-1.5, nan])
    """
    parts = _neighbours(values.astype(np.float32, copy=False), factor)
    known = ~np.isnan(parts)
    return Blocks(
        np.fmin.reduce(parts, axis=0),
        np.fmax.reduce(parts, axis=0),
        parts.sum(axis=0, dtype=np.float64, where=known),
        known.sum(axis=0),
    )


def _neighbours(values: NDArray[Any], factor: int) -> NDArray[Any]:
    """(factor, blocks, leads), copied: NumPy adds up along the first axis many times faster than along another."""
    return np.ascontiguousarray(values.reshape(-1, factor, *values.shape[1:]).swapaxes(0, 1))
