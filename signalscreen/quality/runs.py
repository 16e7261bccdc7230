"""Stretches of a lead in which something lasts."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from signalscreen.quality.blocks import Floats, Mask

Ends = NDArray[np.int64]


def runs(mask: Mask) -> tuple[Ends, Ends]:
    """First samples of the runs of True, and one past their last.

    Examples
    --------
    >>> [ends.tolist() for ends in runs(np.array([False, True, True, False, True]))]
    [[1, 4], [3, 5]]
    """
    turns = np.flatnonzero(mask[1:] != mask[:-1]) + 1
    edges = np.concatenate([[0] * bool(mask[0]), turns, [len(mask)] * bool(mask[-1])]).astype(np.int64)
    return edges[::2], edges[1::2]


def marked(starts: Ends, stops: Ends, n: int) -> Mask:
    """True inside any of the runs, which may overlap, over ``n`` samples."""
    if not len(starts):
        return np.zeros(n, dtype=bool)  # the common case: nothing is wrong
    steps = np.bincount(starts, minlength=n + 1) - np.bincount(stops, minlength=n + 1)
    return np.cumsum(steps[:n]) > 0


def lasting(mask: Mask, length: int) -> Mask:
    """Keep runs of ``length`` samples or more."""
    starts, stops = runs(mask)
    long = stops - starts >= length
    return marked(starts[long], stops[long], len(mask))


def quiet(x: Floats, length: int, span: float) -> Mask:
    """Samples in any ``length`` samples that all lie within ``span`` of one another; gaps are never quiet.

    Where a step is larger than ``span`` no such stretch can lie, so that moving extremes are taken of little.
    """
    out = np.zeros(len(x), dtype=bool)
    if len(x) < length:
        return out
    first, last = runs(np.abs(np.diff(x)) <= span) if len(x) > 1 else (np.zeros(1, int), np.zeros(1, int))
    long = last - first + 1 >= length
    for start, stop in zip(first[long], last[long] + 1, strict=True):
        out[start:stop] = True if span == 0 else _within(x[start:stop], length, span)
    return out


def _within(x: Floats, length: int, span: float) -> Mask:
    """`quiet` of a stretch without gaps, by moving extremes."""
    origin = -(length // 2)  # the window of sample i begins at i
    inside = len(x) - length + 1
    high = ndimage.maximum_filter1d(x, length, origin=origin)[:inside]
    low = ndimage.minimum_filter1d(x, length, origin=origin)[:inside]
    starts = np.flatnonzero(high - low <= span)
    return marked(starts, starts + length, len(x))
