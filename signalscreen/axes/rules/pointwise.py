"""Ops that compute each value from those at the same place, or leave axes as they are."""

from typing import Any

from signalscreen.axes.terms import MADE, ONE, Axes, Axis, together
from signalscreen.axes.walk import Walk, shape_of


def pointwise(walk: Walk, op: Any) -> list[Axes]:
    """Value by value, with broadcasting: what is no input's is a number, or a weight."""
    out = shape_of(op.outputs[0])
    rank = len(out)
    found: list[Axis] = [ONE] * rank
    sizes = [1] * rank
    for x in op.inputs:
        if not walk.reaches(x):
            continue
        mine = shape_of(x)
        for i, (axis, n) in enumerate(zip(walk.of(x), mine, strict=True), start=rank - len(mine)):
            found[i] = together(found[i], sizes[i], axis, n)
            sizes[i] = max(sizes[i], n)
    for i, n in enumerate(out):
        if n != sizes[i]:
            found[i] = MADE  # spread out by a constant
    return [tuple(found)]


def each_its_own(walk: Walk, op: Any) -> list[Axes]:
    """Every output is the input of the same number."""
    return [walk.of(x) if walk.reaches(x) else () for x in op.inputs]


def same(walk: Walk, op: Any) -> list[Axes]:
    """Axes stay what they are."""
    return [walk.of(op.inputs[0])] if walk.reaches(op.inputs[0]) else []
