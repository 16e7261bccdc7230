"""Matrix products: dense layers, on each position or on the flattened whole."""

from math import prod
from typing import Any

from signalscreen.backend import tf
from signalscreen.graph import copy_op
from signalscreen.patches.reading import Patch
from signalscreen.patches.walk import Found, Walk


def matrix_product(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """A dense layer, on each position or on the flattened whole."""
    x, kernel = inputs
    if not isinstance(x, Patch) or isinstance(kernel, Patch) or op.get_attr("transpose_a"):
        return None
    if x.view == "rows":
        rows = tf.reshape(x.content, (-1, x.content.shape[-1]))
        y = copy_op(op, [rows, kernel]).outputs[0]
        dims = x.base.shape.as_list()[1:-1]
        y = tf.reshape(y, [-1, *x.content.shape[1:-1], op.outputs[0].shape[-1]])
        return [Patch(y, x.spans, tf.reshape(op.outputs[0], [-1, *dims, op.outputs[0].shape[-1]]), "rows")]
    if x.view != "flat" or op.get_attr("transpose_b"):
        return None
    return [Patch(_updated(walk, op, x, kernel), {}, op.outputs[0])]


def _updated(walk: Walk, op: Any, x: Patch, kernel: Any) -> Any:
    """What the dense layer makes of the base before and after the patch, and of the patch.

    Rows come in the order of their edits, so neighbours touch a short piece of the first axis. They are taken in
    several parts when together they touch much more than one of them does.
    """
    edits, axis = walk.edits, min(x.spans)
    span, n, outputs = x.spans[axis], x.base.shape[axis], kernel.shape[-1]
    # Neighbours touch more than one of them alone: at least twice as much, or an eighth of everything.
    done = min(1.0, max(2 * span.width, span.width + n // _PARTS) / n)
    walk.shares[op.name] = prod(s.width / s.length for s in x.spans.values()), done
    unchanged = tf.reduce_all(edits.as_it_was(x), range(1, len(x.content.shape)))[:, None]
    x = Patch(edits.read(x.base, x, {axis: span}), {axis: span}, x.base)  # whole on the other axes
    starts = edits.starts(span)[:, 0]
    first, stop = tf.clip_by_value(starts, 0, n), tf.clip_by_value(starts + span.width, 0, n)
    reach = tf.reduce_max(starts) - tf.reduce_min(starts)
    size = -(-edits.rows // tf.clip_by_value(reach // span.width, 1, _PARTS))
    part = tf.range(edits.rows) // size
    lows = tf.math.segment_min(first, part)
    long = tf.reduce_max(tf.math.segment_max(stop, part) - lows)
    lows = tf.minimum(lows, n - long)
    nothing = tf.zeros([1, *x.base.shape[1:]], x.base.dtype)
    places = tf.gather(lows, part)[:, None] + tf.range(long)[None]
    spread = edits.read(nothing, x._replace(base=nothing), {axis: places}, shared=True)
    lead, rest = x.base.shape[1:axis], x.base.shape[axis + 1 :]
    spread = tf.reshape(spread, [edits.rows, prod(lead) * long * prod(rest)])
    table = tf.reshape(kernel, [*lead, n, *rest, outputs])
    lows = tf.pad(lows, [[0, _PARTS - tf.size(lows)]])
    added = []
    for i in range(_PARTS):
        touched = table[(*[slice(None)] * len(lead), slice(lows[i], lows[i] + long))]
        added.append(tf.matmul(spread[i * size : (i + 1) * size], tf.reshape(touched, (-1, outputs))))
    before, after = _on_either_side(x.base, table, axis)
    kept = tf.gather_nd(before, tf.stack([edits.example, first], 1))
    kept += tf.gather_nd(after, tf.stack([edits.example, stop], 1))
    return tf.where(unchanged, tf.gather(op.outputs[0], edits.example), kept + tf.concat(added, 0))


def _on_either_side(base: Any, table: Any, axis: int) -> tuple[Any, Any]:
    """What the places before each one, and from each one on, add to a dense layer: ``(batch, n + 1, outputs)``.

    Not what the layer gave plus the change: an edit that takes a large value away would leave its rounding behind.
    """
    n, outputs = base.shape[axis], table.shape[-1]
    others = [a for a in range(1, base.shape.rank) if a != axis]
    values = tf.reshape(tf.transpose(base, [axis, 0, *others]), [n, -1, prod(base.shape[a] for a in others)])
    weights = tf.transpose(table, [axis - 1, *(a - 1 for a in others), table.shape.rank - 1])
    each = tf.matmul(values, tf.reshape(weights, [n, -1, outputs]))
    each = tf.pad(each, [[0, 1], [0, 0], [0, 0]])
    before = tf.cumsum(each, exclusive=True)
    after = tf.cumsum(each, reverse=True)
    return tf.transpose(before, [1, 0, 2]), tf.transpose(after, [1, 0, 2])


_PARTS = 8


def batch_matrix_product(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """A matrix on each position."""
    x, kernel = inputs
    if not isinstance(x, Patch) or x.view or isinstance(kernel, Patch) or op.get_attr("adj_x"):
        return None
    rank = len(x.content.shape)
    if kernel.name in walk.batched or prod(kernel.shape[:-2]) != 1 or op.outputs[0].shape.rank != rank:
        return None
    x = walk.edits.widened(x, [rank - 1])
    return None if x is None else [Patch(copy_op(op, [x.content, kernel]).outputs[0], x.spans, op.outputs[0])]


def einsum(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """A tensor of weights on each position: axes that only the patch has stay where the equation puts them."""
    terms, result = op.get_attr("equation").decode().replace(" ", "").split("->")
    names = terms.split(",")
    at = [i for i, x in enumerate(inputs) if isinstance(x, Patch)]
    if len(at) != 1 or "." in terms or any(len(set(term)) < len(term) for term in (*names, result)):
        return None
    x, own = inputs[at[0]], names[at[0]]
    others = "".join(term for i, term in enumerate(names) if i != at[0])
    if x.view or own[0] != result[:1] or own[0] in others or any(y.name in walk.batched for y in op.inputs):
        return None
    x = walk.edits.widened(x, [a for a, name in enumerate(own) if name in others or name not in result])
    if x is None:
        return None
    made = copy_op(op, [x.content if i == at[0] else y for i, y in enumerate(inputs)]).outputs[0]
    return [Patch(made, {result.index(own[a]): span for a, span in x.spans.items()}, op.outputs[0])]
