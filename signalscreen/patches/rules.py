"""What each op does to a patch: one short function for a family of ops."""

from math import prod
from typing import Any

import numpy as np

from signalscreen.backend import tf
from signalscreen.graph import constant, copy_op
from signalscreen.patches.spans import back, one_place, same, scaled, seen, shifted, through
from signalscreen.patches.walk import WORTH, Patch, Walk, joined

Found = list[Any] | None  # of Patch, or None for an output that did not change


# --- one value at a time -----------------------------------------------------------------------------------------


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
    given = [_over(walk, x, spans, rank) for x in given]
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


def _over(walk: Walk, x: Any, spans: dict[int, Any], rank: int) -> Any:
    """An input of an op over `spans` of its output, which has `rank` axes."""
    if not isinstance(x, Patch):
        return _unedited(walk, x, spans, rank)
    if x.spans.keys() == spans.keys() and all(same(spans[a], x.spans[a]) for a in spans):
        return x.content
    return walk.edits.read(x.base, x, spans)


def _unedited(walk: Walk, tensor: Any, spans: dict[int, Any], rank: int) -> Any:
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
        made = x.content + _unedited(walk, laid, x.spans, rank)
    return [Patch(made, x.spans, op.outputs[0])]


# --- sliding windows ---------------------------------------------------------------------------------------------


def _geometry(op: Any, source: Any) -> dict[int, tuple[int, int, int, int, int, int, int]] | None:
    """By axis: size, stride, dilation, padding before and after, length of the input and of the output."""
    if op.get_attr("data_format") not in (b"NHWC", b"NDHWC"):
        return None
    rank = source.shape.rank
    strides = op.get_attr("strides")
    sizes = op.get_attr("ksize") if "Pool" in op.type else [1, *op.inputs[1].shape[: rank - 2], 1]
    try:
        dilations = op.get_attr("dilations")
    except ValueError:
        dilations = [1] * rank
    found = {}
    for axis in range(1, rank - 1):
        size, stride, dilation = int(sizes[axis]), int(strides[axis]), int(dilations[axis])
        n, m = source.shape[axis], op.outputs[0].shape[axis]
        if n is None or m is None:
            return None
        padding = op.get_attr("padding")
        if padding == b"EXPLICIT":
            before, after = op.get_attr("explicit_paddings")[2 * axis : 2 * axis + 2]
        else:
            total = max((m - 1) * stride + (size - 1) * dilation + 1 - n, 0) if padding == b"SAME" else 0
            before, after = total // 2, total - total // 2
        found[axis] = (size, stride, dilation, before, after, n, m)
    return found


def _slid(walk: Walk, op: Any, inputs: list[Any], outside: float) -> list[Patch] | None:
    """Read what each window of the output sees, and run the op there without padding."""
    x, rest = inputs[0], inputs[1:]
    if not isinstance(x, Patch) or x.view or any(isinstance(r, Patch) for r in rest):
        return None
    geometry = _geometry(op, op.inputs[0])
    x = None if geometry is None else walk.edits.widened(x, set(x.spans) - set(geometry))
    if geometry is None or x is None:
        return None
    out, need = {}, {}
    for axis, span in x.spans.items():
        size, stride, dilation, before, _, n, m = geometry[axis]
        found = through(span, size, stride, dilation, before, m)
        if found.width < WORTH * m:
            out[axis], need[axis] = found, seen(found, size, stride, dilation, before, n)
    if not out:
        return []
    padded = any(before or after for _, _, _, before, after, _, _ in geometry.values())
    if not padded and need.keys() == x.spans.keys() and all(same(need[a], x.spans[a]) for a in need):
        content = x.content
    else:
        content = walk.edits.read(x.base, x, need, outside)
    rank = len(content.shape)
    pads = [[0, 0] for _ in range(rank)]
    for axis, (_, _, _, before, after, _, _) in geometry.items():
        if axis not in out:
            pads[axis] = [before, after]
    if any(map(any, pads)):
        content = tf.pad(content, pads, constant_values=np.array(outside, content.dtype.as_numpy_dtype))
    made = copy_op(op, [content, *rest], padding=b"VALID", explicit_paddings=[]).outputs[0]
    return [Patch(made, out, op.outputs[0])]


def convolution(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Ordinary and depthwise convolutions."""
    return _slid(walk, op, inputs, 0.0)


def max_pooling(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Padding is never the largest."""
    return _slid(walk, op, inputs, op.inputs[0].dtype.min)


def average_pooling(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Padding is not counted, so windows at the ends are means of fewer samples."""
    found = _slid(walk, op, inputs, 0.0)
    geometry = _geometry(op, op.inputs[0])
    if not found or geometry is None:
        return found
    [patch] = found
    if any(before or after for _, _, _, before, after, _, _ in geometry.values()):
        factor = np.ones([1] * len(patch.content.shape))
        for axis, (size, stride, _, before, _, n, m) in geometry.items():
            first = np.arange(m) * stride - before
            count = np.minimum(first + size, n) - np.maximum(first, 0)
            factor = factor * (size / count).reshape([-1 if a == axis else 1 for a in range(factor.ndim)])
        scale = walk.edits.read(tf.constant(factor, patch.content.dtype), None, patch.spans, shared=True)
        patch = patch._replace(content=patch.content * scale)
    return [patch]


def transposed_convolution(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Each input reaches `size` outputs; what a window of outputs sees is read with a margin, then cropped."""
    _, kernel, x = inputs
    shape, padding = op.outputs[0].shape, op.get_attr("padding")
    if not isinstance(x, Patch) or x.view or isinstance(kernel, Patch) or padding not in (b"SAME", b"VALID"):
        return None
    if op.get_attr("data_format") not in (b"NHWC", b"NDHWC") or any(d != 1 for d in op.get_attr("dilations")):
        return None
    rank = len(x.content.shape)
    x = walk.edits.widened(x, [rank - 1])
    if x is None or None in shape.as_list()[1:]:
        return None
    out, need, crop, full = {}, {}, [slice(None)] * rank, [shape[-1]]
    for axis in range(rank - 2, 0, -1):
        size, stride = int(kernel.shape[axis - 1]), int(op.get_attr("strides")[axis])
        n, m = op.inputs[2].shape[axis], shape[axis]
        total = max((n - 1) * stride + size - m, 0) if padding == b"SAME" else 0
        before = total // 2
        length = (n - 1) * stride + size
        crop[axis] = slice(before, before + m)
        if axis in x.spans:
            made, seen_ = back(x.spans[axis], size, stride, before, m)
            if made.width < WORTH * m:
                out[axis], need[axis] = made, seen_
                length = (seen_.width - 1) * stride + size
                first = (x.spans[axis].first[0] - seen_.first[0]) * stride
                crop[axis] = slice(first, first + made.width)
        # Where the kernel is shorter than the stride, zeros may follow the last input.
        full.insert(0, max(length, crop[axis].stop))
    if not out:
        return []
    content = walk.edits.read(x.base, x, need)
    made_full = copy_op(
        op, [tf.stack([walk.edits.rows, *full]), kernel, content], padding=b"VALID", explicit_paddings=[]
    ).outputs[0]
    y = made_full[tuple(crop)]
    y.set_shape([None, *[out[a].width if a in out else shape[a] for a in range(1, rank)]])
    return [Patch(y, out, op.outputs[0])]


def dilated(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """SpaceToBatchND, a convolution, BatchToSpaceND: how TensorFlow writes dilation, and one op to a patch.

    The result is kept for the last of them.
    """
    x = inputs[0]
    chain = _dilation_of(walk, op)
    block, pads = (constant(t) for t in op.inputs[1:])
    if chain is None or block is None or pads is None or x.view:
        return None
    inner, between = chain
    last = between[-1]
    kernel, axes, shape = inner.inputs[1], range(1, 1 + len(block)), last.outputs[0].shape
    x = walk.edits.widened(x, set(x.spans) - set(axes))
    if x is None or None in shape[1:] or kernel.name in walk.patches:
        return None
    out, need, ends = {}, {}, [[0, 0] for _ in x.base.shape]
    for axis, size, d, (before, _) in zip(axes, kernel.shape[-2 - len(block) : -2], block, pads, strict=True):
        n, m, d, before = x.base.shape[axis], shape[axis], int(d), int(before)
        if axis in x.spans:
            found = through(x.spans[axis], size, 1, d, before, m)
            if found.width < WORTH * m:
                out[axis], need[axis] = found, seen(found, size, 1, d, before, n)
                continue
        ends[axis] = [before, m + (size - 1) * d - n - before]
    if not out:
        return []
    content = walk.edits.read(x.base, x, need)
    if any(map(any, ends)):
        content = tf.pad(content, ends)
    y = _dilated_convolution(inner, content, [int(d) for d in block])
    made = Patch(y, out, last.outputs[0])
    walk.counted[op.name] = inner
    walk.fused.update({other.name: made if other is last else None for other in between})
    return [made]


def _dilation_of(walk: Walk, op: Any) -> tuple[Any, list[Any]] | None:
    """The convolution behind a SpaceToBatchND, and all ops up to the BatchToSpaceND behind that."""
    inner, between = None, [op]
    while between[-1].type != "BatchToSpaceND":
        users = [u for u in between[-1].outputs[0].consumers() if u.name in walk.known]
        if len(users) != 1 or users[0].type not in _IN_DILATION:
            return None
        between += users
        if users[0].type not in ("ExpandDims", "Squeeze", "BatchToSpaceND"):
            inner = users[0]
    if inner is None or inner.get_attr("padding") != b"VALID" or set(inner.get_attr("strides")) != {1}:
        return None
    return inner, between[1:]


_IN_DILATION = {"ExpandDims", "Conv2D", "Conv3D", "DepthwiseConv2dNative", "Squeeze", "BatchToSpaceND"}


def _dilated_convolution(inner: Any, content: Any, block: list[int]) -> Any:
    """A convolution with dilation, without padding."""
    kernel = inner.inputs[1]
    if inner.type == "Conv3D":
        return tf.nn.convolution(content, kernel, padding="VALID", dilations=block)
    # A signal is an image of one row.
    flat = len(block) == 1
    image = content[:, None] if flat else content
    block = [1, *block] if flat else block
    if inner.type == "Conv2D":  # which does it itself, five times faster than by rearranging
        y = tf.nn.conv2d(image, kernel, 1, "VALID", dilations=block)
    else:
        y = tf.nn.depthwise_conv2d(image, kernel, [1, 1, 1, 1], "VALID", dilations=block)
    return y[:, 0] if flat else y


# --- shapes ------------------------------------------------------------------------------------------------------


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
    parts = _slices(op, op.inputs[0].shape.as_list())
    if not isinstance(x, Patch) or x.view or parts is None or parts[0] != slice(None):
        return None
    take: list[Any] = []
    need, spans, axis, kept = {}, {}, 0, 0
    for part in parts:
        if part is None or axis not in x.spans:
            take.append(part)
        elif isinstance(part, int):
            need[axis] = one_place(x.spans[axis], part)
            walk.picked.setdefault(op.name, []).append((x.spans[axis], part))
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
    return [Patch(content[tuple(take)], spans, op.outputs[0])]


def _slices(op: Any, shape: list[int | None]) -> list[Any] | None:
    """What a StridedSlice takes of each axis, as Python would write it; None for a new axis."""
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
        return None
    given = []
    for p in parts:
        if isinstance(p, Patch):
            given.append(_over(walk, p, spans, rank))
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


# --- what sees everything ----------------------------------------------------------------------------------------


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
    """Mean and sum: what they were, plus what the edit adds."""
    x = inputs[0]
    found = _reduced(op, x)
    if found is None:
        return None
    gone, place = found
    if not set(gone) & set(x.spans):
        return _of_whole_axes(op, x, place)
    change = walk.edits.read(x.base, x, x.spans) - walk.edits.read(x.base, None, x.spans)
    change = tf.reduce_sum(change, gone, keepdims=op.get_attr("keep_dims"))
    if op.type == "Mean":
        change = change / prod(x.base.shape[a] for a in gone)
    spans = {place[a]: s for a, s in x.spans.items() if a not in gone}
    return [Patch(walk.edits.read(op.outputs[0], None, spans) + change, spans, op.outputs[0])]


def extreme(walk: Walk, op: Any, inputs: list[Any]) -> Found:
    """Largest and smallest: of the patch, and of the base on either side of it, axis by axis."""
    x = inputs[0]
    found = _reduced(op, x)
    if found is None:
        return None
    gone, place = found
    if not set(gone) & set(x.spans):
        return _of_whole_axes(op, x, place)
    if set(x.spans) - set(gone):
        return reduction(walk, op, inputs)
    is_max = op.type == "Max"
    reduce, pick = (tf.reduce_max, tf.maximum) if is_max else (tf.reduce_min, tf.minimum)
    least = x.base.dtype.min if is_max else x.base.dtype.max
    result = reduce(walk.edits.read(x.base, x, x.spans, least), gone, keepdims=True)
    inside: dict[int, Any] = {}
    for axis in sorted(x.spans):
        # Whole on the axes that come later: they need not be told apart here.
        later = [a for a in gone if a > axis]
        rest = reduce(x.base, later, keepdims=True) if later else x.base
        span = x.spans[axis]
        for is_after, end in ((False, 0), (True, span.width)):
            running = _running(rest, axis, pick, least, is_after)
            # The value at p of a running extreme is that of everything before (or from) p.
            at = span._replace(
                length=span.length + 1,
                first=tuple(a + end for a in span.first),
                last=tuple(a + end + 1 for a in span.first),
            )
            edge = walk.edits.read(running, None, {**inside, axis: at}, least)
            result = pick(result, reduce(edge, gone, keepdims=True))
        inside[axis] = span
    for span in x.spans.values():  # beyond the ends there is no edge: the window touches nothing
        starts = tf.reshape(walk.edits.starts(span), [-1, *[1] * (len(x.content.shape) - 1)])
        touches = (starts < span.length) & (starts + span.width > 0)
        result = tf.where(touches, result, walk.edits.read(reduce(x.base, gone, keepdims=True), None, {}))
    if not op.get_attr("keep_dims"):
        result = tf.squeeze(result, gone)
    return [Patch(result, {}, op.outputs[0])]


def _running(tensor: Any, axis: int, pick: Any, least: float, from_end: bool) -> Any:
    """Extremes of everything before each place (or from it on), by doubling: length + 1 values."""
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
    """What the dense layer gave, plus the change times the rows of the kernel that these edits touch.

    Rows come in the order of their edits, so neighbours touch a short piece of the first axis. They are taken in
    several parts when together they touch much more than one of them does.
    """
    edits = walk.edits
    change = edits.read(x.base, x, x.spans) - edits.read(x.base, None, x.spans)
    axis = min(x.spans)
    span, n = x.spans[axis], x.base.shape[axis]
    # Neighbours touch more than one of them alone: at least twice as much, or an eighth of everything.
    done = min(1.0, max(2 * span.width, span.width + n // _PARTS) / n)
    walk.shares[op.name] = prod(s.width / s.length for s in x.spans.values()), done
    starts, outputs = edits.starts(span)[:, 0], kernel.shape[-1]
    first, stop = tf.clip_by_value(starts, 0, n), tf.clip_by_value(starts + span.width, 0, n)
    reach = tf.reduce_max(starts) - tf.reduce_min(starts)
    size = -(-edits.rows // tf.clip_by_value(reach // span.width, 1, _PARTS))
    part = tf.range(edits.rows) // size
    lows = tf.math.segment_min(first, part)
    long = tf.reduce_max(tf.math.segment_max(stop, part) - lows)
    lows = tf.minimum(lows, n - long)
    nothing = tf.zeros([1, *x.base.shape[1:]], x.base.dtype)
    places = tf.gather(lows, part)[:, None] + tf.range(long)[None]
    spread = edits.read(nothing, Patch(change, x.spans, nothing), {axis: places}, shared=True)
    lead, rest = x.base.shape[1:axis], x.base.shape[axis + 1 :]
    spread = tf.reshape(spread, [edits.rows, prod(lead) * long * prod(rest)])
    table = tf.reshape(kernel, [*lead, n, *rest, outputs])
    lows = tf.pad(lows, [[0, _PARTS - tf.size(lows)]])
    added = []
    for i in range(_PARTS):
        touched = table[(*[slice(None)] * len(lead), slice(lows[i], lows[i] + long))]
        added.append(tf.matmul(spread[i * size : (i + 1) * size], tf.reshape(touched, (-1, outputs))))
    return tf.gather(op.outputs[0], edits.example) + tf.concat(added, 0)


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


_POINTWISE = """Abs Acos Acosh Add AddN AddV2 Asin Asinh Atan Atan2 Atanh BitwiseAnd BitwiseOr BitwiseXor Cast Ceil
CheckNumerics ClipByValue Cos Cosh Digamma Div DivNoNan Elu Equal Erf Erfc Erfinv Exp Expm1
FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars Floor FloorDiv FloorMod Greater GreaterEqual Identity Inv Invert
IsFinite IsInf IsNan LeakyRelu Less LessEqual Lgamma Log Log1p LogicalAnd LogicalNot LogicalOr Maximum Minimum
Mod Mul MulNoNan Ndtri Neg NotEqual OnesLike Pow PreventGradient RealDiv Reciprocal Relu Relu6 Rint Round Rsqrt
SelectV2 Selu Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Square SquaredDifference StopGradient Sub Tan Tanh
TruncateDiv TruncateMod Xdivy Xlogy ZerosLike""".split()

RULES: dict[str, Any] = {
    **dict.fromkeys(_POINTWISE, pointwise),
    "IdentityN": each_its_own,
    "BiasAdd": bias,
    **dict.fromkeys(["Softmax", "LogSoftmax", "LRN"], along_channels),
    **dict.fromkeys(["Conv2D", "Conv3D", "DepthwiseConv2dNative"], convolution),
    **dict.fromkeys(["MaxPool", "MaxPool3D"], max_pooling),
    **dict.fromkeys(["AvgPool", "AvgPool3D"], average_pooling),
    **dict.fromkeys(["Conv2DBackpropInput", "Conv3DBackpropInputV2"], transposed_convolution),
    "SpaceToBatchND": dilated,
    "ExpandDims": expand_dims,
    "Squeeze": squeeze,
    "Transpose": transpose,
    "Reshape": reshape,
    **dict.fromkeys(["Pad", "PadV2"], padding),
    "StridedSlice": strided_slice,
    "Tile": tile,
    "ConcatV2": concatenation,
    **dict.fromkeys(["Split", "SplitV"], split),
    **dict.fromkeys(["ReverseV2", "Roll", "Cumsum", "Cumprod"], along_axes),
    **dict.fromkeys(["GatherV2", "ResourceGather"], gather),
    **dict.fromkeys(["Mean", "Sum"], total),
    **dict.fromkeys(["Any", "All", "Prod", "EuclideanNorm"], reduction),
    **dict.fromkeys(["Max", "Min"], extreme),
    "MatMul": matrix_product,
    "BatchMatMulV2": batch_matrix_product,
    "Einsum": einsum,
}
