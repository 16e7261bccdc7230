"""Which pieces of a long coloured line can be seen once it is drawn."""

import numpy as np
from numpy.typing import NDArray

_CHUNK = 1 << 20  # segments times rows painted at once: bounds the memory, not the result


def visible_segments(
    points: NDArray[np.float64],
    strength: NDArray[np.float64],
    box: tuple[float, float, float, float],
    cell: float = 1.0,
) -> NDArray[np.intp]:
    """Return the segments to draw, weakest first, leaving out those that stronger ones hide.

    The box is divided into cells. Segments are painted into them, weakest first, and one that owns no cell
    in the end is left out. The strongest of each column always owns its cells; the segments that hold the
    lowest and the highest point of a column are kept as well, so that the outline of the signal is exact,
    not only exact to a cell (the rule of M4, Jugel et al. 2014, for a line that has a strength).

    Parameters
    ----------
    points : (T, 2) array
        The ends of the T - 1 segments in pixels; NaN marks a gap.
    strength : (T - 1,) array
        What decides which of two segments lies on top, at least 0; NaN lies below everything.
    box : (left, bottom, right, top)
        The part of the picture that is shown, in pixels; segments to its left and right are left out.
    cell : float
        Height of a cell in pixels. Cells are half as wide, so that strokes a cell wide leave no gaps.

    Returns
    -------
    (K,) array of int
        Indices of segments, in the order to draw them.
    """
    start, end = points[:-1], points[1:]
    left, right = np.minimum(start[:, 0], end[:, 0]), np.maximum(start[:, 0], end[:, 0])
    drawable = np.isfinite(start).all(1) & np.isfinite(end).all(1) & (right >= box[0]) & (left <= box[2])
    shown = np.flatnonzero(drawable)
    shown = shown[np.argsort(np.nan_to_num(strength[shown], nan=-1.0), kind="stable")]

    width = cell / 2
    columns, rows = int((box[2] - box[0]) / width) + 1, int((box[3] - box[1]) / cell) + 1
    if len(shown) <= 4 * columns:
        return shown
    column = np.clip(np.floor((left[shown] - box[0]) / width), 0, columns - 1).astype(np.intp)
    low = np.minimum(start[shown, 1], end[shown, 1])
    high = np.maximum(start[shown, 1], end[shown, 1])
    first, last = (np.clip((y - box[1]) / cell, 0, rows - 1).astype(np.intp) for y in (low, high))
    keep = right[shown] - left[shown] > width  # these cover more than the column they are painted into
    keep |= _first_of_each(column, low) | _first_of_each(column, -high)
    keep[_owners(column, first, last, (columns, rows))] = True
    return shown[keep]


def _first_of_each(column: NDArray[np.intp], key: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark, in each column, the entry with the smallest key."""
    order = np.lexsort((key, column))
    marked = np.zeros(len(column), bool)
    marked[order[np.diff(column[order], prepend=-1) != 0]] = True
    return marked


def _owners(
    column: NDArray[np.intp], first: NDArray[np.intp], last: NDArray[np.intp], shape: tuple[int, int]
) -> NDArray[np.intp]:
    """Paint spans of rows into columns, later over earlier, and return those still seen."""
    owner = np.full(shape, -1, np.intp)
    height = last - first + 1
    parts = int(height.sum() // _CHUNK) + 1
    for part in np.array_split(np.arange(len(column)), parts):
        tall = height[part]
        within = np.arange(tall.sum()) - np.repeat(np.cumsum(tall) - tall, tall)
        owner[np.repeat(column[part], tall), np.repeat(first[part], tall) + within] = np.repeat(part, tall)
    seen = np.unique(owner)
    return seen[seen >= 0]
