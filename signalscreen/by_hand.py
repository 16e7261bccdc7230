"""Heads written by hand, recognised by trying them on numbers.

Between a network's last weights and its output often lies arithmetic: exp(z) / sum(exp(z)), 1 / (1 + exp(-z)),
(tanh(z / 2) + 1) / 2. There is no end to the ways of writing it, so it is not read but run: it is cut out of the
graph, run on random numbers in the place of z, and compared with a softmax and a sigmoid.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import combinations
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.backend import tf
from signalscreen.graph import FUNCTION_OPS

Array = npt.NDArray[Any]

# Arithmetic without weights: what a head may be written in.
_ARITHMETIC = set(
    "Identity Snapshot PreventGradient CheckNumerics StopGradient EnsureShape Cast Reshape Squeeze ExpandDims "
    "Transpose StridedSlice Slice GatherV2 Split SplitV Unpack Pack ConcatV2 Tile BroadcastTo Reverse ReverseV2 "
    "Roll Pad PadV2 IdentityN Exp Expm1 Log Log1p Neg Abs Sign Square Sqrt Rsqrt Reciprocal Inv Tanh Sigmoid "
    "Softplus Softsign Erf Erfc Atan Sin Cos Relu Relu6 LeakyRelu Elu Selu Softmax LogSoftmax Add AddV2 AddN Sub Mul "
    "RealDiv Div DivNoNan Xdivy Xlogy Pow SquaredDifference Maximum Minimum ClipByValue Select SelectV2 ZerosLike "
    "OnesLike Sum Mean Max Min Prod Cumsum AvgPool AvgPool3D MaxPool MaxPool3D ResizeNearestNeighbor ResizeBilinear "
    "MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum".split()
)
_PRODUCTS = {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
_QUOTIENTS = {"RealDiv", "Div", "DivNoNan", "Reciprocal", "Inv"}
_LOGARITHMS = {"Log", "Log1p", "LogSoftmax", "Softplus", "Xlogy"}
# Without one of these nothing is kept between bounds.
_BOUNDING = set(
    "Exp Expm1 Tanh Sigmoid Softmax LogSoftmax Softplus Softsign Erf Erfc Atan Sin Cos Relu6 RealDiv Div DivNoNan "
    "Reciprocal Inv Rsqrt Maximum Minimum ClipByValue".split()
)
_SHAPE_ONLY = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"}
_MOST_OPS = 128  # that a head written by hand is made of
_VALUES = 64  # that an output is tried on, at least
_FREE = 5  # what stands for the length of a free axis
_CLOSE = 5e-5  # as far as two heads may differ in float32
_ENDS = 0.01  # nearer to 0 or 1, a probability in float32 does not tell its logit


class Recognised(NamedTuple):
    """``softmax(slope * t)`` or ``sigmoid(slope * t + offset)``, or the logarithm of it."""

    tensor: Any
    sigmoid: bool
    slope: float
    offset: float
    log: bool


def recognised(tensor: Any) -> Recognised | None:
    """The head that `tensor` is, where arithmetic makes it one of a tensor behind it."""
    region = _region(tensor)
    if region is None or not _BOUNDING & {op.type for op in region.ops}:
        return None
    with _opened(region) as run:
        for candidate in _passed(region):
            pairs = [_tried(run, region, [candidate], scale) for scale in (1.0, 4.0)]
            known = [pair for pair in pairs if pair is not None]
            found = _fitted(*(np.concatenate(each) for each in zip(*known, strict=True))) if known else None
            if found is not None:
                return Recognised(candidate, *found)
    return None


def bounded(tensor: Any) -> bool:
    """Whether arithmetic keeps `tensor` between 0 and 1 whatever numbers go into it."""
    region = _region(tensor)
    if region is None or not _BOUNDING & {op.type for op in region.ops}:
        return False
    with _opened(region) as run:
        pairs = [_tried(run, region, region.leaves, scale) for scale in (1.0, 10.0)]
    values = [pair[1] for pair in pairs if pair is not None]
    return len(values) == len(pairs) and all(
        y.min() > -_CLOSE and y.max() < 1 + _CLOSE and np.ptp(y) > _CLOSE for y in values
    )


def made_of_heads(tensor: Any, head_of: Callable[[Any], Any]) -> bool:
    """Whether `tensor` is computed from probabilities and constants alone, and is no logarithm."""

    def is_head(t: Any) -> bool:
        return t.op.type in ("Softmax", "Sigmoid") or (t.op.type in _QUOTIENTS and head_of(t) is not None)

    region = _region(tensor, is_head)
    if region is None or _LOGARITHMS & {op.type for op in region.ops}:
        return False
    heads = [leaf for leaf in region.leaves if is_head(leaf)]
    return bool(heads) and all(is_head(leaf) or _is_weight(leaf) for leaf in region.leaves)


class _Region(NamedTuple):
    """The arithmetic that a tensor comes from.

    Attributes
    ----------
    tensor : Tensor
    ops : list of Operation
        From the tensor backwards.
    leaves : list of Tensor
        Whose values go into it.
    shapes : list of Tensor
        Of which only the shape does.
    """

    tensor: Any
    ops: list[Any]
    leaves: list[Any]
    shapes: list[Any]


def _region(tensor: Any, stop: Callable[[Any], bool] = lambda _: False) -> _Region | None:
    """What lies between `tensor` and all that is no arithmetic; None where it is none itself, or there is much."""
    ops: dict[str, Any] = {}
    leaves: dict[str, Any] = {}
    shapes: dict[str, Any] = {}
    waiting = [tensor]
    for t in waiting:  # grows
        if not _is_arithmetic(t.op) or stop(t):
            leaves[t.name] = t
        elif t.op.name not in ops:
            ops[t.op.name] = t.op
            if t.op.type in _SHAPE_ONLY:
                shapes.update({x.name: x for x in t.op.inputs})
            else:
                waiting.extend(t.op.inputs)
        if len(ops) > _MOST_OPS:
            return None
    only = [x for x in shapes.values() if x.op.name not in ops and x.name not in leaves]
    return _Region(tensor, list(ops.values()), list(leaves.values()), only) if ops and leaves else None


def _is_arithmetic(op: Any) -> bool:
    if op.type in _PRODUCTS and any(map(_is_weight, op.inputs)):
        return False
    whole = op.type not in FUNCTION_OPS and not op.type.startswith(("Placeholder", "Random", "Stateless"))
    numbers = all(t.dtype.is_integer or t.dtype.is_bool for t in op.outputs)
    readable = all(t.dtype not in (tf.resource, tf.variant) for t in op.inputs)
    return op.type in _ARITHMETIC or op.type == "Const" or (whole and numbers and readable)


def _is_weight(tensor: Any) -> bool:
    """Whether it is a variable or a constant."""
    op = tensor.op
    while op.type in ("Identity", "Cast", "Reshape", "Transpose", "ExpandDims", "Squeeze"):
        op = op.inputs[0].op
    return op.type in ("ReadVariableOp", "Const")


def _passed(region: _Region) -> Iterator[Any]:
    """The tensors that all values pass through on their way, those behind first."""
    inner = [t for op in region.ops for t in op.outputs if t.name != region.tensor.name]
    for t in [*region.leaves, *reversed(inner)]:
        if t.dtype == region.tensor.dtype and t.shape.rank and not _gets_round(region, t):
            yield t


def _gets_round(region: _Region, passage: Any) -> bool:
    """Whether a value reaches the region's tensor without passing through `passage`."""
    leaves = {leaf.name for leaf in region.leaves}
    seen, waiting = {passage.name}, [region.tensor]
    while waiting:
        t = waiting.pop()
        if t.name in seen:
            continue
        if t.name in leaves:
            return True
        seen.add(t.name)
        if t.op.type not in _SHAPE_ONLY:
            waiting.extend(t.op.inputs)
    return False


@contextmanager
def _opened(region: _Region) -> Iterator[Callable[[dict[str, Array]], Array]]:
    """The region as a function of its tensors, by name."""
    definition = tf.compat.v1.GraphDef()
    for op in region.ops:
        node = definition.node.add()
        node.CopyFrom(op.node_def)
        node.attr.pop("_class", None)
        node.input[:] = [name for name in op.node_def.input if not name.startswith("^")]
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    with tf.Graph().as_default() as graph:
        fed = {t.name: tf.compat.v1.placeholder(t.dtype, t.shape) for t in [*region.leaves, *region.shapes]}
        tf.graph_util.import_graph_def(definition, input_map=fed, name="")
        with tf.compat.v1.Session(graph=graph, config=config) as session:

            def run(values: dict[str, Array]) -> Array:
                return session.run(region.tensor.name, {fed.get(name, name): v for name, v in values.items()})

            yield run


def _tried(run: Any, region: _Region, free: list[Any], scale: float) -> tuple[Array, Array] | None:
    """Random values of the first tensor that is free, and what the region gives for them, in float64."""
    rng = np.random.default_rng(0)
    names = {t.name for t in free}
    found: list[tuple[Array, Array]] = []
    while not found or (len(found) < _VALUES and sum(y.size for _, y in found) < _VALUES):
        values = {}
        for t in [*free, *(t for t in [*region.leaves, *region.shapes] if t.name not in names)]:
            if t.shape.rank is None:
                return None
            shape = [_FREE if n is None else n for n in t.shape]
            drawn = rng.normal(scale=scale, size=shape) if t.dtype.is_floating else rng.integers(0, 2, shape)
            values[t.name] = np.asarray(drawn, t.dtype.as_numpy_dtype)
        try:
            y = np.asarray(run(values), np.float64)
        except (tf.errors.OpError, ValueError, TypeError):
            return None  # lengths that do not go together
        if not y.size or not np.isfinite(y).all():
            return None
        found.append((np.asarray(values[free[0].name], np.float64), y))
    z, y = map(np.concatenate, zip(*found, strict=True))
    return z, y


def _fitted(z: Array, y: Array) -> tuple[bool, float, float, bool] | None:
    """Whether y is a sigmoid (or else a softmax) of z, its slope and offset, and whether y is its logarithm."""
    in_log = bool(y.max() <= 0)
    p = np.exp(y) if in_log else y
    if z.size != p.size or len(z) != len(p) or p.min() < -_CLOSE or p.max() > 1 + _CLOSE:
        return None
    z = z.reshape(p.shape)
    line = _sigmoid_fit(z, p)
    if line is not None:
        return True, *line, in_log
    axes = range(1, p.ndim)
    for some in (some for n in axes for some in combinations(axes, n)):
        slope = _softmax_fit(z, p, some)
        if slope is not None:
            return False, slope, 0.0, in_log
    return None


def _sigmoid_fit(z: Array, p: Array) -> tuple[float, float] | None:
    told = (p > _ENDS) & (p < 1 - _ENDS)
    if told.sum() < _VALUES // 8:
        return None
    logit, at = np.log(p[told] / (1 - p[told])), z[told]
    slope = _simple(np.sum((at - at.mean()) * (logit - logit.mean())) / np.sum((at - at.mean()) ** 2))
    offset = _simple(logit.mean() - slope * at.mean())
    close = np.abs(p - 1 / (1 + np.exp(-(slope * z + offset)))).max() < _CLOSE
    return (slope, offset) if close and slope else None


def _softmax_fit(z: Array, p: Array, axes: tuple[int, ...]) -> float | None:
    if prod(p.shape[a] for a in axes) < 2 or np.abs(p.sum(axes) - 1).max() > _CLOSE:
        return None
    told = p.min(axes) > _CLOSE
    logit, at = (a - a.mean(axes, keepdims=True) for a in (np.log(np.maximum(p, _CLOSE)), z))
    weight = np.expand_dims(told, axes)
    if not told.any():
        return None
    slope = _simple(np.sum(weight * at * logit) / np.sum(weight * at**2))
    powers = np.exp(slope * (z - z.max(axes, keepdims=True) * np.sign(slope)))
    close = np.abs(p - powers / powers.sum(axes, keepdims=True)).max() < _CLOSE
    return slope if close and slope else None


def _simple(number: float) -> float:
    """A fraction of small numbers, where rounding may have made `number` of it."""
    fraction = float(Fraction(float(number)).limit_denominator(64))
    return fraction if abs(fraction - number) < _CLOSE * max(1.0, abs(number)) else float(number)
