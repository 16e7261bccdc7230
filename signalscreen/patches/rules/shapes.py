"""Ops that lay values out anew: a window moves with its axis, or is given up on the axis they work along."""

from math import prod
from typing import Any

import numpy as np

from signalscreen.axes.slices import slices_of
from signalscreen.backend import tf
from signalscreen.graph import constant, copy_op
from signalscreen.patches.reading import Patch, joined
from signalscreen.patches.rules.pointwise import over
from signalscreen.patches.spans import Span, one_place, same, scaled, seen, shifted, through
from signalscreen.patches.walk import Found, Walk


def _renumbered(x: Patch, content: Any, axes: dict[int, int], base: Any) -> list[Patch | None]:
    return [Patch(content, {axes[a]: s for a, s in x.spans.items()}, base)]


def expand_dims(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """A new axis of one."""
    x, where = inputs[0], constant(op.inputs[1])
    if x.view or where is None:
        return None
    rank = len(x.content.shape)
    at = int(where) % (rank + 1)
    if at == 0:
        return None
    axes = {a: a + (a >= at) for a in range(rank)}
    return _renumbered(x, tf.expand_dims(x.content, at), axes, op.outputs[0])


def squeeze(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Axes of one taken out."""
    x = inputs[0]
    rank = len(x.content.shape)
    gone = [d % rank for d in op.get_attr("squeeze_dims")]
    gone = gone or [a for a in range(1, rank) if x.base.shape[a] == 1]
    x = None if x.view or 0 in gone else walk.edits.widened(x, gone)
    if x is None:
        return None
    axes = {a: a - sum(g < a for g in gone) for a in range(rank)}
    return _renumbered(x, tf.squeeze(x.content, gone), axes, op.outputs[0])


def transpose(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Axes in another order."""
    x, order = inputs[0], constant(op.inputs[1])
    if x.view or order is None or order[0] != 0:
        return None
    axes = {int(a): i for i, a in enumerate(order)}
    return _renumbered(x, tf.transpose(x.content, order), axes, op.outputs[0])


def reshape(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """A window survives where its axis stays, or is merged with the axes behind it."""
    x, out = inputs[0], op.outputs[0]
    if not isinstance(x, Patch) or out.shape.rank is None:
        return None
    before, after = x.base.shape.as_list()[1:], out.shape.as_list()[1:]
    if x.view == "rows":  # a layer on each position is done: back into positions
        if after[:-1] == before[:-1] and (after[-1] in (None, before[-1])):
            return [Patch(x.content, x.spans, tf.reshape(out, [-1, *before]))]
        return None
    x = x._replace(view="")  # the values lie as they did before they were flattened
    if None in before:
        return None
    if len(before) > 1 and len(before) not in x.spans and _goes_through_rows(walk, out, before):
        return [x._replace(view="rows")]
    if None in after or prod(before) != prod(after):
        return None
    if len(after) == 1 and len(before) > 1:
        return [x._replace(view="flat")]
    # By axis that may keep its window: where it is afterwards, and the values behind it that are merged into it.
    goes: dict[int, tuple[int, int]] = {}
    for left, right in _blocks(before, after):
        long_left, long_right = [a for a in left if before[a] != 1], [a for a in right if after[a] != 1]
        if long_left and len(long_right) == 1:
            goes[long_left[0] + 1] = long_right[0] + 1, prod(before[a] for a in long_left[1:])
    widened = walk.edits.widened(x, set(x.spans) - set(goes))
    if widened is None:
        return None
    spans = {goes[a][0]: scaled(span, goes[a][1]) for a, span in widened.spans.items()}
    sizes = [spans[a].width if a in spans else n for a, n in enumerate(after, start=1)]
    return [Patch(tf.reshape(widened.content, [-1, *sizes]), spans, out)]


def _goes_through_rows(walk: Walk, out: Any, before: list[int]) -> bool:
    """Whether a tensor with axes `before` was laid out as ``(rows, channels)`` for a matrix to multiply."""
    users = [u for u in out.consumers() if u.name in walk.known]
    return (
        out.shape.as_list()[1:] in ([None], before[-1:])
        and prod(before[:-1]) != 1
        and bool(users)
        and all(u.type == "MatMul" and u.inputs[0] is out and u.inputs[1].shape[0] == before[-1] for u in users)
        and not any(u.get_attr("transpose_a") or u.get_attr("transpose_b") for u in users)
    )


def _blocks(before: list[int], after: list[int]) -> list[tuple[list[int], list[int]]]:
    """Runs of axes that hold the same numbers before and after a reshape."""
    found: list[tuple[list[int], list[int]]] = []
    i = j = 0
    while i < len(before) or j < len(after):
        left, right = [], []
        p = q = 1
        if i < len(before):
            left.append(i)
            p *= before[i]
            i += 1
        if j < len(after):
            right.append(j)
            q *= after[j]
            j += 1
        while p != q:
            if p < q:
                left.append(i)
                p *= before[i]
                i += 1
            else:
                right.append(j)
                q *= after[j]
                j += 1
        found.append((left, right))
    return found


def padding(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Zeros (or another number) put around; a patch that hangs over the end must not be taken for them."""
    x, pads = inputs[0], constant(op.inputs[1])
    if not isinstance(x, Patch) or x.view or pads is None or pads[0].any():
        return None
    value = constant(op.inputs[2]) if len(op.inputs) > 2 else 0.0
    if value is None:
        return None
    content = x.content
    spans = {a: shifted(s, int(pads[a][0]), op.outputs[0].shape[a]) for a, s in x.spans.items()}
    if any(pads[a].any() for a in x.spans):
        content = walk.edits.read(x.base, x, x.spans, float(value))
    rest = [[0, 0] if a in x.spans else [int(p) for p in pads[a]] for a in range(len(pads))]
    if any(map(any, rest)):
        content = tf.pad(content, rest, constant_values=tf.cast(value, content.dtype))
    return [Patch(content, spans, op.outputs[0])]


def strided_slice(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """A part of an axis, every so many samples of it, or one sample; new axes of one."""
    x = inputs[0]
    parts = slices_of(op, op.inputs[0].shape.as_list())
    if not isinstance(x, Patch) or x.view or parts is None or parts[0] != slice(None):
        return None
    take: list[Any] = []
    picked: list[tuple[Span, int]] = []
    need, spans, axis, kept = {}, {}, 0, 0
    for part in parts:
        if part is None or axis not in x.spans:
            take.append(part)
        elif isinstance(part, int):
            need[axis] = one_place(x.spans[axis], part)
            picked.append((x.spans[axis], part))
            take.append(0)
        else:
            first, stop, stride = part.indices(x.base.shape[axis])
            if stride < 1:
                return None
            spans[kept] = through(x.spans[axis], 1, stride, 1, -first, len(range(first, stop, stride)))
            need[axis] = seen(spans[kept], 1, stride, 1, -first, x.base.shape[axis])
            take.append(slice(None, None, stride))
        kept += not isinstance(part, int)
        axis += part is not None
    content = x.content
    if not all(same(need[a], x.spans[a]) for a in x.spans):
        content = walk.edits.read(x.base, x, need)
    if picked:
        walk.picked[op.name] = picked
    return [Patch(content[tuple(take)], spans, op.outputs[0])]


def tile(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Repeated along axes that are whole."""
    x, times = inputs[0], constant(op.inputs[1])
    if not isinstance(x, Patch) or x.view or times is None or times[0] != 1:
        return None
    x = walk.edits.widened(x, [a for a, n in enumerate(times) if n != 1])
    return None if x is None else [Patch(tf.tile(x.content, times), x.spans, op.outputs[0])]


def concatenation(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Side by side along an axis that is whole."""
    *parts, where = inputs
    axis = constant(where)
    patches = [p for p in parts if isinstance(p, Patch)]
    rank = op.outputs[0].shape.rank
    if axis is None or any(p.view for p in patches):
        return None
    axis = int(axis) % rank
    spans = joined(patches, op.outputs[0].shape)
    spans.pop(axis, None)
    if not spans:
        return None if any(axis in p.spans for p in patches) else []
    given = []
    for p in parts:
        if isinstance(p, Patch):
            given.append(over(walk, p, spans, rank))
        else:
            given.append(walk.edits.read(p, None, spans, shared=p.name not in walk.batched))
    return [Patch(tf.concat(given, axis), spans, op.outputs[0])]


def split(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Cut along an axis that is whole."""
    at = {"Split": 0, "SplitV": 2}[op.type]
    data = {"Split": 1, "SplitV": 0}[op.type]
    x, axis = inputs[data], constant(op.inputs[at])
    if not isinstance(x, Patch) or x.view or axis is None:
        return None
    x = walk.edits.widened(x, [int(axis) % len(x.content.shape)])
    if x is None:
        return None
    given = [x.content if i == data else t for i, t in enumerate(inputs)]
    made = copy_op(op, given).outputs
    return [Patch(y, x.spans, out) for y, out in zip(made, op.outputs, strict=True)]


def along_axes(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Ops along axes that their last input names, each place of the others by itself: reversed, rolled."""
    x, axes = inputs[0], constant(op.inputs[-1])
    if not isinstance(x, Patch) or x.view or axes is None:
        return None
    own = {int(a) % len(x.content.shape) for a in np.atleast_1d(axes)}
    whole = None if 0 in own else walk.edits.widened(x, own)
    if whole is None:
        return None
    return [Patch(copy_op(op, [whole.content, *inputs[1:]]).outputs[0], whole.spans, op.outputs[0])]


def gather(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Chosen channels of a patch; or a row of a table for each of a patch's numbers (an embedding)."""
    x, places = inputs[:2]
    axis = 0 if op.type == "ResourceGather" else constant(op.inputs[2])
    if axis is None or op.get_attr("batch_dims"):
        return None
    if isinstance(places, Patch):
        if isinstance(x, Patch) or x.name in walk.batched or axis != 0 or places.view:
            return None
        made = copy_op(op, [x, places.content, *inputs[2:]]).outputs[0]
        return [Patch(made, places.spans, op.outputs[0])]
    if x.view or places.name in walk.batched or places.shape.rank is None:
        return None
    axis = int(axis) % len(x.content.shape)
    x = walk.edits.widened(x, [axis]) if axis else None
    if x is None:
        return None
    moved = {a: a + (a > axis) * (places.shape.rank - 1) for a in range(len(x.content.shape))}
    return _renumbered(x, copy_op(op, [x.content, *inputs[1:]]).outputs[0], moved, op.outputs[0])
