"""Convolutions, poolings, and what else makes positions of positions."""

from typing import Any

from signalscreen.axes.terms import BATCH, MADE, ONE, Axes, Axis, Digit, moved, scaled, slid, spread
from signalscreen.axes.walk import Walk, shape_of
from signalscreen.graph import constant


def _laid(op: Any, rank: int) -> tuple[list[int], int]:
    """The axes of positions, and that of channels."""
    first = op.get_attr("data_format").startswith(b"NC")
    return (list(range(2, rank)), 1) if first else (list(range(1, rank - 1)), rank - 1)


def window(walk: Walk, op: Any) -> list[Axes]:
    """Convolution or pooling."""
    x = op.inputs[0]
    if not walk.reaches(x) or any(walk.reaches(w) for w in op.inputs[1:]):
        return []
    axes, sizes, out = list(walk.of(x)), shape_of(x), shape_of(op.outputs[0])
    places, channel = _laid(op, len(sizes))
    pools = "Pool" in op.type
    kernel = list(op.get_attr("ksize")) if pools else shape_of(op.inputs[1])
    if pools and kernel[channel] != 1:
        return []
    if op.type in ("Conv2D", "Conv3D"):
        axes = list(walk.contracted(tuple(axes), sizes, [channel], "channel", range(len(axes))))
        axes[channel] = MADE
    elif not pools:
        walk.note("channel", axes[channel], sizes[channel])
        axes[channel] = MADE
    width = {a: int(kernel[a] if pools else kernel[i]) for i, a in enumerate(places)}
    _note_windows(walk, op, axes, sizes, out, width)
    for a in places:
        axes[a] = _slid(op, axes[a], a, width[a], sizes[a], out[a])
    return [tuple(axes)]


def _note_windows(
    walk: Walk, op: Any, axes: list[Axis], sizes: list[int], out: list[int], width: dict[int, int]
) -> None:
    moving: list[tuple[int, int]] = []
    for a, size in width.items():
        axis, stride = axes[a], int(op.get_attr("strides")[a])
        if sizes[a] == 1:
            continue
        windows = (size > 1 or stride > 1) and out[a] > 1
        whole = out[a] == 1 and size >= sizes[a]
        walk.note("slid" if windows else "covered" if whole else "space", axis, sizes[a])
        if windows and isinstance(axis, Digit):
            if axis.source in moving:
                walk.note("folded", axis, sizes[a])
            moving.append(axis.source)


def _slid(op: Any, axis: Axis, a: int, size: int, n: int, m: int) -> Axis:
    """One axis of positions behind a window."""
    stride = int(op.get_attr("strides")[a])
    dilation = 1 if "Pool" in op.type else int(op.get_attr("dilations")[a])
    if not isinstance(axis, Digit):
        return axis if axis == ONE and n == 1 else MADE if axis == MADE else None
    return slid(axis, size, stride, dilation, _before(op, a, size, stride, dilation, n, m))


def _before(op: Any, a: int, size: int, stride: int, dilation: int, n: int, m: int) -> int:
    """Samples of padding in front of an axis."""
    padding = op.get_attr("padding")
    if padding == b"EXPLICIT":
        return int(op.get_attr("explicit_paddings")[2 * a])
    total = (m - 1) * stride + (size - 1) * dilation + 1 - n if padding == b"SAME" else 0
    return max(total, 0) // 2


def transposed_window(walk: Walk, op: Any) -> list[Axes]:
    """Transposed convolution: the gradient of one."""
    kernel, x = op.inputs[1], op.inputs[2]
    if not walk.reaches(x) or walk.reaches(kernel):
        return []
    sizes, out, wide = shape_of(x), shape_of(op.outputs[0]), shape_of(kernel)
    places, channel = _laid(op, len(sizes))
    axes = list(walk.contracted(walk.of(x), sizes, [channel], "channel", range(len(sizes))))
    axes[channel] = MADE
    for i, a in enumerate(places):
        axis, stride, dilation = axes[a], int(op.get_attr("strides")[a]), int(op.get_attr("dilations")[a])
        if sizes[a] == 1 and out[a] == 1:
            continue
        walk.note("slid", axis, sizes[a])
        size = (wide[i] - 1) * dilation + 1
        total = (sizes[a] - 1) * stride + size - out[a]
        before = max(total, 0) // 2 if op.get_attr("padding") == b"SAME" else 0
        if op.get_attr("padding") == b"EXPLICIT":
            before = int(op.get_attr("explicit_paddings")[2 * a])
        axes[a] = spread(axis, size, stride, before) if isinstance(axis, Digit) else None
    return [tuple(axes)]


def space_to_batch(walk: Walk, op: Any) -> list[Axes]:
    """Every so many places into the batch: how TensorFlow writes dilation."""
    return _dilated(walk, op, enter=True)


def batch_to_space(walk: Walk, op: Any) -> list[Axes]:
    """And back."""
    return _dilated(walk, op, enter=False)


def _dilated(walk: Walk, op: Any, enter: bool) -> list[Axes]:
    block, pads = (constant(t) for t in op.inputs[1:])
    if block is None or pads is None or not walk.reaches(op.inputs[0]):
        return []
    axes = list(walk.of(op.inputs[0]))
    if axes[0] != BATCH:
        return []
    for a, (d, before) in enumerate(zip(block, pads[:, 0], strict=True), start=1):
        if enter:
            axes[a] = _stepped(moved(axes[a], -float(before)), float(d))
        else:
            axes[a] = moved(_stepped(axes[a], 1 / float(d)), float(before))
    return [tuple(axes)]


def _stepped(axis: Axis, by: float) -> Axis:
    if isinstance(axis, Digit):
        return axis._replace(step=axis.step * by)
    return axis if axis == MADE or by == 1 else None


def resizing(walk: Walk, op: Any) -> list[Axes]:
    """Interpolation of an image: positions lie between those before."""
    x = op.inputs[0]
    if not walk.reaches(x):
        return []
    axes, sizes, out = list(walk.of(x)), shape_of(x), shape_of(op.outputs[0])
    centres = "half_pixel_centers" in op.node_def.attr and op.get_attr("half_pixel_centers")
    for a in (1, 2):
        n, m = sizes[a], out[a]
        if n == m:
            continue
        if op.get_attr("align_corners"):
            axes[a] = scaled(axes[a], 0.0, (n - 1) / max(m - 1, 1))
        else:
            axes[a] = scaled(axes[a], 0.5 * n / m - 0.5 if centres else 0.0, n / m)
    return [tuple(axes)]
