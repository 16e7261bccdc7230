"""Ops that compute each value from those at the same place."""

from math import prod
from typing import Any

from signalscreen.backend import tf
from signalscreen.graph import copy_op
from signalscreen.patches.reading import Patch, joined
from signalscreen.patches.spans import same
from signalscreen.patches.walk import Found, Walk


def pointwise(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Ops that compute each value from the values at the same place, with broadcasting."""
    patches = [x for x in inputs if isinstance(x, Patch)]
    first = patches[0]
    rank = len(first.content.shape)
    if any(len(p.content.shape) != rank or p.view != first.view for p in patches):
        return None
    if first.view:
        given = _laid_out(inputs, first)
        shape = first.base.shape
        if given is None:
            return None
    else:
        given, shape = inputs, op.outputs[0].shape
        unedited = [x for x in inputs if not isinstance(x, Patch)]
        if any(x.shape.rank is None or x.shape.rank > rank for x in unedited):
            return None
        if any(x.name in walk.batched and x.shape.rank != rank for x in unedited):
            return None
    # Where something changed all along an axis, so does the result.
    spans = joined(patches, shape)
    given = [over(walk, x, spans, rank) for x in given]
    base = tf.reshape(op.outputs[0], [-1, *shape[1:]]) if first.view else op.outputs[0]
    return [Patch(copy_op(op, given).outputs[0], spans, base, first.view)]


def _laid_out(inputs: list[Any], like: Patch) -> list[Any] | None:
    """Inputs of an op behind a reshape that was put off, with the axes that `like` has."""
    dims = like.base.shape.as_list()[1:]
    dims = dims if like.view == "flat" else dims[-1:]
    found = []
    for x in inputs:
        if isinstance(x, Patch):
            if x.base.shape.as_list()[1:] != like.base.shape.as_list()[1:]:
                return None
        elif x.shape.num_elements() == prod(dims):
            x = tf.reshape(x, dims)
        elif x.shape.num_elements() != 1:
            return None
        found.append(x)
    return found


def over(walk: Walk, x: Any, spans: dict[int, Any], rank: int) -> Any:
    """An input of an op over `spans` of its output, which has `rank` axes."""
    if not isinstance(x, Patch):
        return unedited(walk, x, spans, rank)
    if x.spans.keys() == spans.keys() and all(same(spans[a], x.spans[a]) for a in spans):
        return x.content
    return walk.edits.read(x.base, x, spans)


def unedited(walk: Walk, tensor: Any, spans: dict[int, Any], rank: int) -> Any:
    """A tensor without an edit over the windows of the others, with which it is broadcast."""
    lead = rank - tensor.shape.rank
    cut = {axis: span for axis, span in spans.items() if axis >= lead and tensor.shape[axis - lead] != 1}
    if tensor.name in walk.batched:
        return walk.edits.read(tensor, None, cut)
    if not cut:
        return tensor
    return walk.edits.read(tf.reshape(tensor, [*[1] * lead, *tensor.shape]), None, cut, shared=True)


def each_its_own(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """IdentityN: every output is the input of the same number."""
    return [
        x._replace(base=out if not x.view else x.base) if isinstance(x, Patch) else None
        for x, out in zip(inputs, op.outputs, strict=True)
    ]


def along_channels(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Softmax and the like: each position by itself, all of the last axis together."""
    x = inputs[0]
    if x.view == "flat":
        return None
    whole = walk.edits.widened(x, [len(x.content.shape) - 1])
    return None if whole is None else pointwise(walk, op, [whole])


def bias(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """A number for each channel, which may be the first axis."""
    x, values = inputs
    if not isinstance(x, Patch) or isinstance(values, Patch) or values.name in walk.batched or x.view:
        return None
    rank = len(x.content.shape)
    axis = 1 if op.get_attr("data_format") == b"NCHW" else rank - 1
    if axis not in x.spans:
        made = copy_op(op, [x.content, values]).outputs[0]
    else:
        laid = tf.reshape(values, [-1, *[1] * (rank - 1 - axis)])
        made = x.content + unedited(walk, laid, x.spans, rank)
    return [Patch(made, x.spans, op.outputs[0])]
