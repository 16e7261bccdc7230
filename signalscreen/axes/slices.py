"""What a StridedSlice takes, as Python would write it."""

from collections.abc import Sequence
from typing import Any

from signalscreen.graph import constant


def slices_of(op: Any, shape: Sequence[int | None]) -> list[Any] | None:
    """What a StridedSlice takes of each axis: a slice, a number, or None for a new axis; None if that is not known.

    Parameters
    ----------
    op : Operation
    shape : sequence of int or None
        Of what it is taken from.
    """
    begin, end, stride = (constant(t) for t in op.inputs[1:])
    if begin is None or end is None or stride is None:
        return None
    masks = {k: op.get_attr(f"{k}_mask") for k in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
    given = len(begin) - sum((masks["new_axis"] | masks["ellipsis"]) >> i & 1 for i in range(len(begin)))
    parts: list[Any] = []
    axis = 0
    for i in range(len(begin)):
        if masks["ellipsis"] >> i & 1:
            parts += [slice(None)] * (len(shape) - given)
            axis += len(shape) - given
            continue
        if masks["new_axis"] >> i & 1:
            parts.append(None)
            continue
        n = shape[axis]
        axis += 1
        if masks["shrink_axis"] >> i & 1:
            if n is None:
                return None
            parts.append(int(begin[i]) % n)
            continue
        a = None if masks["begin"] >> i & 1 else int(begin[i])
        b = None if masks["end"] >> i & 1 else int(end[i])
        by = int(stride[i])
        is_all = by == 1 and not a and (b is None or (n is not None and b >= n))
        parts.append(slice(None) if is_all else slice(a, b, by))
    return parts + [slice(None)] * (len(shape) - axis)
