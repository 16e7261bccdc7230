"""Sums, means and extremes: of the patch, and of what the unedited signal has on either side of it."""

from math import prod
from typing import Any

import numpy as np

from signalscreen.backend import tf
from signalscreen.graph import constant, copy_op
from signalscreen.patches.reading import Patch
from signalscreen.patches.walk import Found, Walk


def _reduced(op: Any, x: Patch) -> tuple[list[int], dict[int, int]] | None:
    """The axes that are reduced, and where the others are afterwards."""
    axes = constant(op.inputs[1])
    rank = len(x.content.shape)
    if axes is None or x.view:
        return None
    gone = sorted({int(a) % rank for a in np.atleast_1d(axes)})
    if 0 in gone:
        return None
    keep = op.get_attr("keep_dims")
    return gone, {a: a if keep else a - sum(g < a for g in gone) for a in range(rank) if a not in gone}


def _of_whole_axes(op: Any, x: Patch, place: dict[int, int]) -> list[Any]:
    """Axes reduced that have no window."""
    made = copy_op(op, [x.content, op.inputs[1]]).outputs[0]
    return [Patch(made, {place[a]: s for a, s in x.spans.items()}, op.outputs[0])]


def reduction(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Any, all, product: of axes that have no window."""
    found = _reduced(op, inputs[0])
    if found is None:
        return None
    x = walk.edits.widened(inputs[0], found[0])
    return None if x is None else _of_whole_axes(op, x, found[1])


def total(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Mean and sum: of the patch, and of the base on either side of it.

    Not what it was plus the change: an edit that takes a large value away would leave that value's rounding behind.
    """
    x = inputs[0]
    found = _reduced(op, x)
    if found is None or (op.type == "Mean" and not x.base.dtype.is_floating):
        return None
    gone, place = found
    if not set(gone) & set(x.spans):
        return _of_whole_axes(op, x, place)
    is_half = x.base.dtype.is_floating and x.base.dtype.size < 4
    wide = x._replace(base=tf.cast(x.base, tf.float32), content=tf.cast(x.content, tf.float32)) if is_half else x
    result = _put_together(walk, wide, gone, tf.reduce_sum, tf.add, 0)
    if op.type == "Mean":
        result = result / prod(x.base.shape[a] for a in gone)
    made = _without(op, x, gone, place, tf.cast(result, x.base.dtype))
    # Exactly what it was where nothing changed.
    unchanged = tf.reduce_all(walk.edits.as_it_was(x), gone, keepdims=op.get_attr("keep_dims"))
    base = walk.edits.read(made.base, None, made.spans)
    return [made._replace(content=tf.where(unchanged, base, made.content))]


def extreme(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Largest and smallest: of the patch, and of the base on either side of it."""
    x = inputs[0]
    found = _reduced(op, x)
    if found is None:
        return None
    gone, place = found
    if not set(gone) & set(x.spans):
        return _of_whole_axes(op, x, place)
    is_max = op.type == "Max"
    reduce, pick = (tf.reduce_max, tf.maximum) if is_max else (tf.reduce_min, tf.minimum)
    least = x.base.dtype.min if is_max else x.base.dtype.max
    result = _put_together(walk, x, gone, reduce, pick, least)
    return [_without(op, x, gone, place, result)]


def _put_together(walk: Walk, x: Patch, gone: list[int], reduce: Any, pick: Any, nothing: float) -> Any:
    """The patch and the base before and after it reduced over the axes `gone`, which stay as axes of one.

    `pick` joins two parts, of which `nothing` is the empty one.
    """
    result = reduce(walk.edits.read(x.base, x, x.spans, nothing), gone, keepdims=True)
    inside: dict[int, Any] = {a: span for a, span in x.spans.items() if a not in gone}
    for axis in sorted(set(x.spans) & set(gone)):
        # Whole on the axes that come later: they need not be told apart here.
        later = [a for a in gone if a > axis]
        rest = reduce(x.base, later, keepdims=True) if later else x.base
        span = x.spans[axis]
        for is_after, end in ((False, 0), (True, span.width)):
            running = _running(rest, axis, pick, nothing, is_after)
            # The value at p of a running sum or extreme is that of everything before (or from) p.
            at = tf.clip_by_value(walk.edits.starts(span) + end, 0, span.length)
            edge = walk.edits.read(running, None, {**inside, axis: at}, nothing)
            result = pick(result, reduce(edge, gone, keepdims=True))
        inside[axis] = span
    return result


def _without(op: Any, x: Patch, gone: list[int], place: dict[int, int], result: Any) -> Patch:
    """The output of `op`, whose `result` has axes of one where they are `gone`."""
    content = result if op.get_attr("keep_dims") else tf.squeeze(result, gone)
    return Patch(content, {place[a]: s for a, s in x.spans.items() if a not in gone}, op.outputs[0])


def _running(tensor: Any, axis: int, pick: Any, least: float, from_end: bool) -> Any:
    """Sums or extremes of everything before each place (or from it on), by doubling: length + 1 values."""
    n = tensor.shape[axis]
    pads = [[0, 0] for _ in range(tensor.shape.rank)]
    pads[axis] = [0, 1] if from_end else [1, 0]
    fill = np.array(least, tensor.dtype.as_numpy_dtype)
    found = tf.pad(tensor, pads, constant_values=fill)
    step = 1
    while step < n + 1:
        keep: list[Any] = [slice(None)] * tensor.shape.rank
        keep[axis] = slice(step, None) if from_end else slice(None, -step)
        pads[axis] = [0, step] if from_end else [step, 0]
        found = pick(found, tf.pad(found[tuple(keep)], pads, constant_values=fill))
        step *= 2
    return found
