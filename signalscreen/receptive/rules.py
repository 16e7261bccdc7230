"""Backward rules: which span of a layer's input a span of its output is made from.

A region is two float arrays ``(lo, hi)`` of shape ``(positions, axes)``: for every position of some later
tensor, the first and last index of this one that can reach it. Nothing reaches it where ``lo > hi``
(``lo=inf, hi=-inf``); on an axis of free length "everything" is ``(-inf, inf)``. The axes of a tensor are all
but batch and channels, except that a vector ``(batch, n)`` has one axis, its n elements.
"""

from collections.abc import Callable
from math import ceil, inf, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Shape = tuple[int | None, ...]


class Region(NamedTuple):
    """First and last index, ``(positions, axes)`` each."""

    lo: Floats
    hi: Floats


class UnknownReachError(Exception):
    """The layer's reach is not known."""


def axes_of(shape: Shape) -> Shape:
    """Lengths of the axes of a tensor whose shape (without batch) is given."""
    return shape if len(shape) == 1 else shape[:-1]


def clipped(region: Region, lengths: Shape) -> Region:
    """Cut a region to the tensor; where nothing is left, say so."""
    last = np.array([inf if n is None else n - 1 for n in lengths])
    lo, hi = np.maximum(region.lo, np.where(np.isinf(last), -inf, 0.0)), np.minimum(region.hi, last)
    nothing = (lo > hi).any(axis=1, keepdims=True)
    return Region(np.where(nothing, inf, lo), np.where(nothing, -inf, hi))


def hull(a: Region, b: Region) -> Region:
    """Give the span that holds both."""
    return Region(np.minimum(a.lo, b.lo), np.maximum(a.hi, b.hi))


def everything(region: Region, lengths: Shape) -> Region:
    """Give the whole of a tensor, for every position that sees anything."""
    some = (region.lo <= region.hi).all(axis=1, keepdims=True)
    first = [-inf if n is None else 0.0 for n in lengths]
    last = [inf if n is None else n - 1.0 for n in lengths]
    return Region(np.where(some, first, inf), np.where(some, last, -inf))


def rule_of(layer: Any) -> "Rule":
    """Return the rule of a layer.

    Raises
    ------
    UnknownReachError
        If the layer is not one of Keras's own that have a rule here.
    """
    kind = type(layer)
    rule = _RULES.get(kind.__name__) if kind.__module__.split(".")[0] == "keras" else None
    if rule is None:
        raise UnknownReachError(kind.__name__)
    return rule


def rule_for(step: Any) -> "Rule":
    """Return the rule of a step; refused where it works along its last axis, and that is not one of channels."""
    rule = rule_of(step.layer)
    moves_places = type(step.layer).__name__ == "Permute" and not step.turns
    if moves_places or (step.first and rule in _LAST):
        raise UnknownReachError("channels first")
    return rule


def backward(step: Any, which: int, region: Region) -> Region:
    """Span of the step's input number ``which`` behind a region of its output.

    Raises
    ------
    UnknownReachError
        If the layer is not one of Keras's own that have a rule here.
    """
    return clipped(rule_for(step)(step, which, region), axes_of(step.inputs[which]))


def _window(region: Region, size: Any, stride: Any, dilation: Any, left: Any) -> Region:
    reach = (np.asarray(size) - 1) * np.asarray(dilation)
    lo = region.lo * np.asarray(stride) - np.asarray(left)
    return Region(lo, region.hi * np.asarray(stride) - np.asarray(left) + reach)


def _same(step: Any, which: int, region: Region) -> Region:
    """Element by element; axes of length 1, and vectors beside a signal, are broadcast."""
    mine, out = axes_of(step.inputs[which]), axes_of(step.output)
    if len(step.inputs[which]) != len(step.output):
        if len(step.inputs[which]) == 1 or prod(n or 0 for n in mine) == 1:
            return everything(region, mine)
        raise UnknownReachError("broadcast over axes of different number")
    repeated = np.array([n == 1 and m != 1 for n, m in zip(mine, out, strict=True)])
    some = (region.lo <= region.hi).all(axis=1, keepdims=True)
    return Region(np.where(repeated & some, 0.0, region.lo), np.where(repeated & some, 0.0, region.hi))


def _whole(step: Any, which: int, region: Region) -> Region:
    return everything(region, axes_of(step.inputs[which]))


def _left(step: Any, sizes: Any, strides: Any, dilations: Any, padding: str) -> list[int]:
    """Count the samples of padding in front of each axis, as TensorFlow places them."""
    lefts = []
    for n, size, stride, dilation in zip(axes_of(step.inputs[0]), sizes, strides, dilations, strict=True):
        reach = (size - 1) * dilation
        if padding == "same":
            total = (
                max(reach + 1 - stride, 0) if n is None else max((ceil(n / stride) - 1) * stride + reach + 1 - n, 0)
            )
            lefts.append(total // 2)
        else:
            lefts.append(reach if padding == "causal" else 0)
    return lefts


def _conv(step: Any, which: int, region: Region) -> Region:  # noqa: ARG001
    layer = step.layer
    rank = len(axes_of(step.inputs[0]))
    sizes, strides, dilations = (_each(v, rank) for v in (layer.kernel_size, layer.strides, layer.dilation_rate))
    return _window(region, sizes, strides, dilations, _left(step, sizes, strides, dilations, layer.padding))


def _pool(step: Any, which: int, region: Region) -> Region:  # noqa: ARG001
    layer = step.layer
    rank = len(axes_of(step.inputs[0]))
    sizes, strides, ones = _each(layer.pool_size, rank), _each(layer.strides, rank), (1,) * rank
    return _window(region, sizes, strides, ones, _left(step, sizes, strides, ones, layer.padding))


def _conv_transpose(step: Any, which: int, region: Region) -> Region:  # noqa: ARG001
    """Output j takes input i where i * stride + tap * dilation - left == j for some tap of the kernel."""
    layer = step.layer
    rank = len(axes_of(step.inputs[0]))
    sizes, strides, dilations = (_each(v, rank) for v in (layer.kernel_size, layer.strides, layer.dilation_rate))
    left = np.array(transposed_left(step, sizes, strides, dilations))
    lo = np.ceil((region.lo + left - (np.asarray(sizes) - 1) * np.asarray(dilations)) / np.asarray(strides))
    return Region(lo, np.floor((region.hi + left) / np.asarray(strides)))


def transposed_left(step: Any, sizes: Any, strides: Any, dilations: Any) -> list[int]:
    """Count what "same" padding cuts off in front of each axis: that of the convolution which is undone.

    Raises
    ------
    UnknownReachError
        Output padding on an axis of free length.
    """
    if step.layer.padding != "same":
        return [0] * len(sizes)
    lefts, each = [], (axes_of(step.inputs[0]), axes_of(step.output), sizes, strides, dilations)
    for n, out, size, stride, dilation in zip(*each, strict=True):
        if n is None or out is None:
            if step.layer.output_padding is not None:
                raise UnknownReachError("output padding on an axis of free length")
            n, out = 1, stride
        lefts.append(max((n - 1) * stride + (size - 1) * dilation + 1 - out, 0) // 2)
    return lefts


def _zero_padding(step: Any, which: int, region: Region) -> Region:  # noqa: ARG001
    before = [pair[0] for pair in _pairs(step.layer.padding)]
    return Region(region.lo - before, region.hi - before)


def _cropping(step: Any, which: int, region: Region) -> Region:  # noqa: ARG001
    before = [pair[0] for pair in _pairs(step.layer.cropping)]
    return Region(region.lo + before, region.hi + before)


def _up_sampling(step: Any, which: int, region: Region) -> Region:  # noqa: ARG001
    if getattr(step.layer, "interpolation", "nearest") != "nearest":
        raise UnknownReachError("interpolation")
    size = np.asarray(_each(step.layer.size, len(axes_of(step.inputs[0]))))
    return Region(np.floor(region.lo / size), np.floor(region.hi / size))


def _dense(step: Any, which: int, region: Region) -> Region:
    """Mixes the last axis only: all of a vector, or the channels of each position."""
    return (_whole if len(step.inputs[which]) == 1 else _same)(step, which, region)


def _over_last_axis(step: Any, which: int, region: Region) -> Region:
    axis, rank = step.layer.axis, len(step.inputs[which]) + 1
    axes = [axis] if isinstance(axis, int) else list(axis)
    channels_only = all(a % rank == rank - 1 for a in axes) and rank > 2
    return (_same if channels_only else _whole)(step, which, region)


def _activation(step: Any, which: int, region: Region) -> Region:
    softmax = getattr(getattr(step.layer, "activation", None), "__name__", "") in ("softmax", "log_softmax")
    if softmax and step.first:
        return _whole(step, which, region)
    return (_dense if softmax else _same)(step, which, region)


def joined_axis(step: Any) -> int:
    """The axis along which a step puts its inputs together, in shapes that lie channels last."""
    rank = len(step.output) + 1
    axis = int(step.layer.axis % rank)
    if not step.first:
        return axis
    return rank - 1 if axis == 1 else axis - 1


def _concatenate(step: Any, which: int, region: Region) -> Region:
    rank, axis = len(step.output) + 1, joined_axis(step)
    if axis == rank - 1 and rank > 2:
        return _same(step, which, region)
    before = [shape[axis - 1] for shape in step.inputs[:which]]
    if any(n is None for n in before):
        raise UnknownReachError("concatenation along an axis of free length")
    shift = np.zeros(len(axes_of(step.output)))
    shift[axis - 1] = sum(before)
    return Region(region.lo - shift, region.hi - shift)


def _reshape(step: Any, which: int, region: Region) -> Region:
    """Through the flat index: exact for one axis, the span's bounding box for more."""
    out, mine = step.output, step.inputs[which]
    if step.first:
        return _flattened_first(region, out, mine)
    lo, hi = region
    steps = _steps(out)
    first, last = (lo * steps).sum(axis=1), (hi * steps).sum(axis=1) + (steps[-1] - 1)
    los, his = [], []
    for n, step_in in zip(axes_of(mine), _steps(mine), strict=True):
        a, b = np.floor(first / step_in), np.floor(last / step_in)
        if len(axes_of(mine)) > 1 and n is not None:
            one_row = np.isfinite(a) & (np.floor(a / n) == np.floor(b / n))
            with np.errstate(invalid="ignore"):
                a, b = np.where(one_row, a % n, 0.0), np.where(one_row, b % n, n - 1.0)
        los.append(a)
        his.append(b)
    some = (lo <= hi).all(axis=1, keepdims=True)
    return Region(np.where(some, np.stack(los, 1), inf), np.where(some, np.stack(his, 1), -inf))


def _flattened_first(region: Region, out: Shape, mine: Shape) -> Region:
    """A flattened tensor whose channels lie first: each number is of one place, a span of them of all."""
    axes = axes_of(mine)
    if len(out) != 1 or None in axes or len(mine) < 2:
        raise UnknownReachError("reshape of channels first")
    lo, hi = region
    sizes = [n for n in axes if n is not None]
    one = (lo == hi) & np.isfinite(lo)
    flat = np.where(one, lo, 0)[:, 0].astype(int) % prod(sizes)
    place = np.stack(np.unravel_index(flat, sizes), axis=1).astype(float)
    whole = everything(Region(lo[:, :1].repeat(len(sizes), 1), hi[:, :1].repeat(len(sizes), 1)), axes)
    return Region(np.where(one, place, whole.lo), np.where(one, place, whole.hi))


def _steps(shape: Shape) -> Floats:
    """How far apart neighbours on each axis lie in the flat tensor."""
    later = [shape[i + 1 :] for i in range(len(axes_of(shape)))]
    if any(n is None for sizes in later for n in sizes):
        raise UnknownReachError("reshape of an axis of free length")
    return np.array([float(prod(n or 1 for n in sizes)) for sizes in later])


def _embedding(step: Any, which: int, region: Region) -> Region:  # noqa: ARG001
    return region  # element t of a vector of tokens becomes position t


def _recurrent(step: Any, which: int, region: Region) -> Region:
    layer = step.layer
    if which > 0 or not layer.return_sequences or layer.go_backwards:
        return _whole(step, which, region)
    return Region(np.where(region.lo <= region.hi, -inf, region.lo), region.hi)


def _each(value: Any, rank: int) -> tuple[int, ...]:
    return (int(value),) * rank if isinstance(value, int) else tuple(int(v) for v in value)


def _pairs(value: Any) -> list[tuple[int, int]]:
    pairs = [value] if isinstance(value[0], int) else value
    return [(int(before), int(after)) for before, after in pairs]


Rule = Callable[[Any, int, Region], Region]

_BY_RULE: dict[Rule, str] = {
    _conv: "Conv1D Conv2D Conv3D SeparableConv1D SeparableConv2D DepthwiseConv1D DepthwiseConv2D",
    _pool: "MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D",
    _conv_transpose: "Conv1DTranspose Conv2DTranspose Conv3DTranspose",
    _zero_padding: "ZeroPadding1D ZeroPadding2D ZeroPadding3D",
    _cropping: "Cropping1D Cropping2D Cropping3D",
    _up_sampling: "UpSampling1D UpSampling2D UpSampling3D",
    _dense: "Dense",
    _activation: "Activation",
    _over_last_axis: "Softmax LayerNormalization RMSNormalization UnitNormalization",
    _concatenate: "Concatenate",
    _reshape: "Reshape Flatten",
    _recurrent: "LSTM GRU SimpleRNN",
    _whole: "GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D "
    "GlobalMaxPooling2D GlobalMaxPooling3D Bidirectional MultiHeadAttention Attention AdditiveAttention "
    "GroupedQueryAttention GroupNormalization RepeatVector",
    _embedding: "Embedding",
    _same: "Permute ReLU LeakyReLU PReLU ELU BatchNormalization Normalization Rescaling Identity Dropout "
    "SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianDropout GaussianNoise AlphaDropout "
    "ActivityRegularization Add Subtract Multiply Average Maximum Minimum Divide TrueDivide "
    "Negative Absolute Square Sqrt Exp Log Relu Relu6 Elu Selu Gelu Silu LeakyRelu Sigmoid Tanh Softplus "
    "HardSigmoid HardSilu",
}
_RULES: dict[str, Rule] = {name: rule for rule, names in _BY_RULE.items() for name in names.split()}
_LAST = {_dense, _over_last_axis, _recurrent}  # rules of layers that work along their last axis
