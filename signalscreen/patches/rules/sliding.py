"""Convolutions and poolings: an output sees a stretch of the input, so a window grows."""

from typing import Any

import numpy as np

from signalscreen.backend import tf
from signalscreen.graph import constant, copy_op
from signalscreen.patches.reading import Patch
from signalscreen.patches.spans import Span, back, same, seen, through
from signalscreen.patches.walk import WORTH, Found, Walk

# By axis: size, stride, dilation, padding before and after, length of the input and of the output.
Geometry = dict[int, tuple[int, int, int, int, int, int, int]]


def _geometry(op: Any, source: Any) -> Geometry | None:
    """What a convolution or pooling says of itself; None where it is not to be known."""
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
            total = (m - 1) * stride + (size - 1) * dilation + 1 - n if padding == b"SAME" else 0
            if total < -1 and rank == 5:
                # A stride much longer than the kernel: TensorFlow pads volumes by a negative number on a CPU, and
                # so begins a sample or more later than it says, and than it does elsewhere. It knows best.
                return None
            total = max(total, 0)
            before, after = total // 2, total - total // 2
        found[axis] = (size, stride, dilation, before, after, n, m)
    return found


def _grown(spans: dict[int, Span], geometry: Geometry) -> tuple[dict[int, Span], dict[int, Span]]:
    """Windows of the output that are worth it, and what they see of the input."""
    out, need = {}, {}
    for axis, span in spans.items():
        size, stride, dilation, before, _, n, m = geometry[axis]
        found = through(span, size, stride, dilation, before, m)
        if found.width < WORTH * m:
            out[axis], need[axis] = found, seen(found, size, stride, dilation, before, n)
    return out, need


def _padded(content: Any, geometry: Geometry, out: dict[int, Span], outside: float) -> Any:
    """The ends of the axes that are whole; windows were read with what lies beyond them."""
    pads = [[0, 0] for _ in content.shape]
    for axis, (_, _, _, before, after, _, _) in geometry.items():
        if axis not in out:
            pads[axis] = [before, after]
    if not any(map(any, pads)):
        return content
    return tf.pad(content, pads, constant_values=np.array(outside, content.dtype.as_numpy_dtype))


def _slid(walk: Walk, op: Any, inputs: list[Any], outside: float) -> list[Patch] | None:
    """Read what each window of the output sees, and run the op there without padding."""
    x, rest = inputs[0], inputs[1:]
    if not isinstance(x, Patch) or x.view or any(isinstance(r, Patch) for r in rest):
        return None
    geometry = _geometry(op, op.inputs[0])
    x = None if geometry is None else walk.edits.widened(x, set(x.spans) - set(geometry))
    if geometry is None or x is None:
        return None
    out, need = _grown(x.spans, geometry)
    if not out:
        return []
    padded = any(before or after for _, _, _, before, after, _, _ in geometry.values())
    if not padded and need.keys() == x.spans.keys() and all(same(need[a], x.spans[a]) for a in need):
        content = x.content
    else:
        content = walk.edits.read(x.base, x, need, outside)
    content = _padded(content, geometry, out, outside)
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
    geometry: Geometry = {}
    for axis, size, d, before in zip(axes, kernel.shape[-2 - len(block) : -2], block, pads[:, 0], strict=True):
        n, m, d, before = x.base.shape[axis], shape[axis], int(d), int(before)
        geometry[axis] = (size, 1, d, before, m + (size - 1) * d - n - before, n, m)
    out, need = _grown(x.spans, geometry)
    if not out:
        return []
    content = _padded(walk.edits.read(x.base, x, need), geometry, out, 0.0)
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
