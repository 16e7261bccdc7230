"""Ops that compute each value from those at the same place, or leave axes as they are."""

from collections.abc import Sequence
from typing import Any

from signalscreen.axes.terms import MADE, ONE, Axes, Axis, together
from signalscreen.axes.walk import Walk, shape_of

_WEIGHING = {"Mul", "Add", "AddV2", "Sub", "RealDiv", "Div"}


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
    if op.type in _WEIGHING:
        for x in op.inputs:
            if not walk.reaches(x):
                _note_weights(walk, found, shape_of(x))
    return [tuple(found)]


def _note_weights(walk: Walk, axes: Sequence[Axis], weights: list[int]) -> None:
    """A constant with a value for each place of one axis."""
    long = [i for i, n in enumerate(weights) if n != 1]
    if len(long) == 1:
        at = long[0] + len(axes) - len(weights)
        walk.note("scaled", axes[at], weights[long[0]])


def each_its_own(walk: Walk, op: Any) -> list[Axes]:
    """Every output is the input of the same number."""
    return [walk.of(x) if walk.reaches(x) else () for x in op.inputs]


def same(walk: Walk, op: Any) -> list[Axes]:
    """Axes stay what they are."""
    return [walk.of(op.inputs[0])] if walk.reaches(op.inputs[0]) else []


def bias(walk: Walk, op: Any) -> list[Axes]:
    """A number for each channel."""
    x = op.inputs[0]
    if not walk.reaches(x):
        return []
    axes = walk.of(x)
    at = 1 if op.get_attr("data_format") == b"NCHW" else len(axes) - 1
    walk.note("scaled", axes[at], shape_of(x)[at])
    return [axes]


def normalisation(walk: Walk, op: Any) -> list[Axes]:
    """Batch normalisation in one op."""
    x = op.inputs[0]
    if not walk.reaches(x):
        return []
    axes = walk.of(x)
    at = 1 if op.get_attr("data_format").startswith(b"NC") else len(axes) - 1
    walk.note("scaled", axes[at], shape_of(x)[at])
    return [axes]
