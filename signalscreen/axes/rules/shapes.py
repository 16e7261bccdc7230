"""Ops that lay values out anew: axes are cut, put together, moved, padded, repeated, or summed up."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from signalscreen.axes.terms import ONE, REPEAT, Axes, Axis, Digit, reshaped, scaled, without_places
from signalscreen.axes.walk import Walk, shape_of
from signalscreen.graph import constant


def expand_dims(walk: Walk, op: Any) -> list[Axes]:
    """A new axis of one."""
    axes, where = list(walk.of(op.inputs[0])), constant(op.inputs[1])
    if where is None:
        return []
    axes.insert(int(np.ravel(where)[0]) % (len(axes) + 1), ONE)
    return [tuple(axes)]


def squeeze(walk: Walk, op: Any) -> list[Axes]:
    """Axes of one taken out."""
    axes, sizes = walk.of(op.inputs[0]), shape_of(op.inputs[0])
    gone = [d % len(axes) for d in op.get_attr("squeeze_dims")] or [a for a, n in enumerate(sizes) if n == 1]
    return [walk.contracted(axes, sizes, gone, "covered", [a for a in range(len(axes)) if a not in gone])]


def transpose(walk: Walk, op: Any) -> list[Axes]:
    """Axes in another order."""
    axes, order = walk.of(op.inputs[0]), constant(op.inputs[1])
    return [] if order is None else [tuple(axes[int(a)] for a in order)]


def reshape(walk: Walk, op: Any) -> list[Axes]:
    """Axes cut in two and put together."""
    x, before, after = op.inputs[0], shape_of(op.inputs[0]), shape_of(op.outputs[0])
    if not walk.reaches(x) or 0 in before or 0 in after:
        return []
    return [reshaped(walk.of(x), before, after)]


def padding(walk: Walk, op: Any) -> list[Axes]:
    """Places put around."""
    x, pads = op.inputs[0], constant(op.inputs[1])
    if pads is None or not walk.reaches(x):
        return []
    axes = walk.of(x)
    return [
        tuple(
            axis if not pair.any() else _padded(axis, pair, [b for b in axes if b is not axis])
            for axis, pair in zip(axes, pads, strict=True)
        )
    ]


def _padded(axis: Axis, pair: Any, others: Sequence[Axis]) -> Axis:
    """An axis with places put around; around a part of a place (a frame, before its transform) they see nothing."""
    if isinstance(axis, Digit) and any(isinstance(b, Digit) and b.whole == axis.whole for b in others):
        more = axis.step * float(sum(pair))
        return axis._replace(hi=axis.hi - more) if more > 0 else axis._replace(lo=axis.lo - more)
    return scaled(axis, -float(pair[0]), 1.0)


def tile(walk: Walk, op: Any) -> list[Axes]:
    """Repeated: an axis of one becomes one of the same values."""
    x = op.inputs[0]
    if not walk.reaches(x):
        return []
    sizes = zip(walk.of(x), shape_of(x), shape_of(op.outputs[0]), strict=True)
    return [tuple(axis if n == m else REPEAT if n == 1 else without_places(axis) for axis, n, m in sizes)]


def broadcast(walk: Walk, op: Any) -> list[Axes]:
    """An axis of one spread out."""
    x, out = op.inputs[0], shape_of(op.outputs[0])
    if not walk.reaches(x):
        return []
    sizes = [1] * (len(out) - len(shape_of(x))) + shape_of(x)
    axes = [ONE] * (len(out) - len(shape_of(x))) + list(walk.of(x))
    return [tuple(a if n == m else REPEAT for a, n, m in zip(axes, sizes, out, strict=True))]


def reverse(walk: Walk, op: Any) -> list[Axes]:
    """The last place first."""
    x, turned = op.inputs[0], constant(op.inputs[1])
    if turned is None:
        return []
    axes, sizes = list(walk.of(x)), shape_of(x)
    for a in {int(t) % len(axes) for t in np.atleast_1d(turned)}:
        axes[a] = scaled(axes[a], sizes[a] - 1.0, -1.0)
    return [tuple(axes)]


def roll(walk: Walk, op: Any) -> list[Axes]:
    """What leaves at one end comes in at the other."""
    x, rolled = op.inputs[0], constant(op.inputs[2])
    if rolled is None or not walk.reaches(x):
        return []
    axes = list(walk.of(x))
    for a in {int(t) % len(axes) for t in np.atleast_1d(rolled)}:
        axes[a] = without_places(axes[a])
    return [tuple(axes)]


def reduction(walk: Walk, op: Any) -> list[Axes]:
    """A sum, a mean or an extreme of whole axes."""
    x, over = op.inputs[0], constant(op.inputs[1])
    if over is None or not walk.reaches(x):
        return []
    axes, sizes = walk.of(x), shape_of(x)
    gone = sorted({int(a) % len(axes) for a in np.atleast_1d(over)})
    kept = [a for a in range(len(axes)) if a not in gone]
    left = iter(walk.contracted(axes, sizes, gone, "pooled", kept))
    if not op.get_attr("keep_dims"):
        return [tuple(left)]
    return [tuple(ONE if a in gone else next(left) for a in range(len(axes)))]
