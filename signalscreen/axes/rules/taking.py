"""Ops that take some places of an axis, or put tensors side by side."""

from collections.abc import Sequence
from itertools import pairwise
from math import isclose
from typing import Any

import numpy as np

from signalscreen.axes.slices import slices_of
from signalscreen.axes.terms import MADE, ONE, Axes, Axis, Digit, scaled, together, without_places
from signalscreen.axes.walk import Walk, shape_of
from signalscreen.graph import constant


def strided_slice(walk: Walk, op: Any) -> list[Axes]:
    """Some places of each axis."""
    x = op.inputs[0]
    if not walk.reaches(x):
        return []
    sizes = shape_of(x)
    parts = slices_of(op, [n or None for n in sizes])
    return [] if parts is None else [_taken(walk, op, sizes, parts)]


def slice_(walk: Walk, op: Any) -> list[Axes]:
    """The same, without steps."""
    begin, x = constant(op.inputs[1]), op.inputs[0]
    if begin is None or not walk.reaches(x):
        return []
    out = shape_of(op.outputs[0])
    parts = [slice(int(b), int(b) + n) for b, n in zip(begin, out, strict=True)]
    return [_taken(walk, op, shape_of(x), parts)]


def _taken(walk: Walk, op: Any, sizes: list[int], parts: Sequence[Any]) -> Axes:
    axes = walk.of(op.inputs[0])
    chosen = iter(range(len(axes)))
    found: list[Axis] = []
    kept: list[int] = []
    places = list(axes)
    lengths = list(sizes)
    for part in parts:
        if part is None:
            kept.append(-1)
            continue
        a = next(chosen)
        where = np.arange(sizes[a])[part]
        if isinstance(part, slice):
            kept.append(a)
            places[a] = _at(axes[a], where, sizes[a])
        elif sizes[a] > 1:
            walk.note("picked", axes[a], sizes[a])
            places[a] = _at(axes[a], np.atleast_1d(where), sizes[a])
            walk.pick(op.outputs[0], places[a])
        lengths[a] = int(np.size(where))
    gone = [a for a in range(len(axes)) if a not in kept]
    before = len(walk.events)
    left = iter(walk.contracted(tuple(places), lengths, gone, "picked", [a for a in kept if a >= 0]))
    del walk.events[before:]  # what is picked is not mixed
    found = [ONE if a < 0 else next(left) for a in kept]
    return tuple(found)


def _at(axis: Axis, where: Any, size: int) -> Axis:
    """The places `where` of an axis of `size`."""
    if len(where) == size and (where == np.arange(size)).all():
        return axis
    steps = np.diff(where)
    if len(steps) and not (steps == steps[0]).all():
        return without_places(axis)
    return scaled(axis, float(where[0]) if len(where) else 0.0, float(steps[0]) if len(steps) else 1.0)


def gather(walk: Walk, op: Any) -> list[Axes]:
    """Chosen places of an axis; or a row of a table for each number (an embedding)."""
    x, indices = op.inputs[:2]
    axis = 0 if op.type == "ResourceGather" else constant(op.inputs[2])
    if axis is None or op.get_attr("batch_dims"):
        return []
    table = op.outputs[0].shape.rank - indices.shape.rank + 1
    if walk.reaches(indices):
        return [] if walk.reaches(x) or axis else [(*walk.of(indices), *[MADE] * (table - 1))]
    axes, sizes, where = list(walk.of(x)), shape_of(x), constant(indices)
    axis = int(axis) % len(axes)
    if where is None:
        return []
    if not np.ndim(where):
        return [
            _taken(walk, op, sizes, [*[slice(None)] * axis, int(where), *[slice(None)] * (len(axes) - axis - 1)])
        ]
    found = _grid(axes[axis], np.asarray(where), sizes[axis])
    return [(*axes[:axis], *found, *axes[axis + 1 :])]


def _grid(axis: Axis, where: Any, size: int) -> list[Axis]:
    """The axes of the places of an array of indices: one where they are evenly spaced along each."""
    if where.ndim == 1:
        return [_at(axis, where, size)]
    if not isinstance(axis, Digit) or not where.size:
        return [MADE if axis == MADE else None] * where.ndim
    first = where[(0,) * where.ndim]
    steps = [int(where.take(1, a).ravel()[0] - first) if n > 1 else 0 for a, n in enumerate(where.shape)]
    rebuilt = first + sum(
        np.arange(n).reshape([-1 if a == i else 1 for i in range(where.ndim)]) * s
        for a, (n, s) in enumerate(zip(where.shape, steps, strict=True))
    )
    if not (rebuilt == where).all():
        return [None] * where.ndim
    found: list[Axis] = [Digit(axis.source, 0.0, 0.0, axis.step * s) for s in steps]
    found[0] = scaled(axis, float(first), float(steps[0]))
    return found


def one_hot(walk: Walk, op: Any) -> list[Axes]:
    """A new axis of classes."""
    axes, at = list(walk.of(op.inputs[0])), op.get_attr("axis")
    axes.insert(len(axes) if at == -1 else at, MADE)
    return [tuple(axes)]


def concatenation(walk: Walk, op: Any) -> list[Axes]:
    """Side by side along one axis."""
    *parts, where = op.inputs
    axis = constant(where)
    if axis is None:
        return []
    rank = op.outputs[0].shape.rank
    axis = int(axis) % rank
    found = _beside(walk, parts, rank)
    ends: list[tuple[Axis, int]] = [
        (walk.of(x)[axis] if walk.reaches(x) else ONE, shape_of(x)[axis]) for x in parts
    ]
    found[axis] = _end_to_end(ends)
    return [tuple(found)]


def _beside(walk: Walk, tensors: Sequence[Any], rank: int) -> list[Axis]:
    """The axes that tensors have in common."""
    found: list[Axis] = [ONE] * rank
    sizes = [1] * rank
    for x in tensors:
        if walk.reaches(x):
            for i, (mine, n) in enumerate(zip(walk.of(x), shape_of(x), strict=True)):
                found[i] = together(found[i], sizes[i], mine, n)
                sizes[i] = max(sizes[i], n)
    return found


def _end_to_end(parts: list[tuple[Axis, int]]) -> Axis:
    """One axis after the other; `ONE` stands for constants."""
    axes = [axis for axis, _ in parts if axis != ONE]
    digits = [axis for axis in axes if isinstance(axis, Digit)]
    if not axes or len(digits) < len(axes):
        return MADE if axes and MADE in axes and None not in axes else None
    first = digits[0]
    if any(d.source != first.source for d in digits):
        return None
    at = 0
    for axis, n in parts:
        same = isinstance(axis, Digit) and (isclose(axis.step, first.step) or n == 1)
        if not (same and _is_at(axis, first.lo + first.step * at, first.hi + first.step * at)):
            return without_places(first)
        at += n
    return first


def _is_at(axis: Axis, lo: float, hi: float) -> bool:
    return isinstance(axis, Digit) and isclose(axis.lo, lo, abs_tol=1e-9) and isclose(axis.hi, hi, abs_tol=1e-9)


def stack(walk: Walk, op: Any) -> list[Axes]:
    """Side by side along a new axis."""
    rank = (op.outputs[0].shape.rank or 1) - 1
    found = _beside(walk, op.inputs, rank)
    found.insert(op.get_attr("axis") % (rank + 1), _of_places(walk, op) if len(op.inputs) > 1 else ONE)
    return [tuple(found)]


def _of_places(walk: Walk, op: Any) -> Axis:
    """The axis along which tensors are stacked: that of an input, where each is of another place of it."""
    each = [walk.picked.get(x.name, {}) for x in op.inputs]
    if any(place is None for one in each for place in one.values()):
        return None  # as an unrolled recurrent layer stacks what it made of all places so far
    for source, first in each[0].items():
        there = [place for one in each if (place := one.get(source)) is not None]
        steps = {b.lo - a.lo for a, b in pairwise(there)}
        if first is not None and len(there) == len(each) and len(steps) == 1 and steps != {0.0}:
            return first._replace(step=steps.pop())
    return MADE


def unstack(walk: Walk, op: Any) -> list[Axes]:
    """Every place of an axis by itself."""
    x = op.inputs[0]
    axes, sizes = walk.of(x), shape_of(x)
    at = op.get_attr("axis") % len(axes)
    walk.note("picked", axes[at], sizes[at])
    rest = axes[:at] + axes[at + 1 :]
    for i, out in enumerate(op.outputs):
        walk.pick(out, _at(axes[at], np.array([i]), sizes[at]))
    return [rest for _ in op.outputs]


def split(walk: Walk, op: Any) -> list[Axes]:
    """Cut along an axis."""
    x, where = (op.inputs[1], op.inputs[0]) if op.type == "Split" else (op.inputs[0], op.inputs[2])
    axis = constant(where)
    if axis is None or not walk.reaches(x):
        return []
    axes, sizes = walk.of(x), shape_of(x)
    at = int(np.ravel(axis)[0]) % len(axes)
    found, first = [], 0
    for out in op.outputs:
        n = shape_of(out)[at]
        mine = _at(axes[at], np.arange(first, first + n), sizes[at])
        found.append((*axes[:at], mine, *axes[at + 1 :]))
        first += n
    return found
