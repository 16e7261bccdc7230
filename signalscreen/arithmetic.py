"""The arithmetic between a tensor and the weights behind it, cut out of the graph to be tried on numbers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.backend import tf
from signalscreen.graph import FUNCTION_OPS, SHAPE_ONLY

Array = npt.NDArray[Any]

# Arithmetic without weights: what a head may be written in.
_ARITHMETIC = set(
    "Identity Snapshot PreventGradient CheckNumerics StopGradient EnsureShape Cast Reshape Squeeze "
    "ExpandDims Transpose StridedSlice Slice GatherV2 Split SplitV Unpack Pack ConcatV2 Tile BroadcastTo "
    "Reverse ReverseV2 Roll Pad PadV2 IdentityN Exp Expm1 Log Log1p Neg Abs Sign Square Sqrt Rsqrt "
    "Reciprocal Inv Tanh Sigmoid Softplus Softsign Erf Erfc Atan Sin Cos Relu Relu6 LeakyRelu Elu Selu "
    "Softmax LogSoftmax Add AddV2 AddN Sub Mul RealDiv Div DivNoNan Xdivy Xlogy Pow SquaredDifference "
    "Maximum Minimum ClipByValue Select SelectV2 ZerosLike OnesLike Range Fill Sum Mean Max Min Prod Cumsum "
    "Cumprod TopKV2 SegmentSum SegmentMean SegmentProd SegmentMax SegmentMin UnsortedSegmentSum "
    "AvgPool AvgPool3D MaxPool MaxPool3D ResizeNearestNeighbor ResizeBilinear MatMul BatchMatMul "
    "BatchMatMulV2 BatchMatMulV3 Einsum".split()
)
PRODUCTS = {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
_MOST_OPS = 256  # of which it is told what they compute
_WIDE = {tf.float16: tf.float32, tf.bfloat16: tf.float32}
_WIDE_ENUM = {narrow.as_datatype_enum for narrow in _WIDE}


class Region(NamedTuple):
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


def region_of(tensor: Any, stop: Callable[[Any], bool] = lambda _: False) -> Region | None:
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
            if t.op.type in SHAPE_ONLY:
                shapes.update({x.name: x for x in t.op.inputs})
            else:
                waiting.extend(t.op.inputs)
        if len(ops) > _MOST_OPS:
            return None
    only = [x for x in shapes.values() if x.op.name not in ops and x.name not in leaves]
    return Region(tensor, list(ops.values()), list(leaves.values()), only) if ops and leaves else None


def _is_arithmetic(op: Any) -> bool:
    if op.type in PRODUCTS and any(map(is_weight, op.inputs)):
        return False
    whole = op.type not in FUNCTION_OPS and not op.type.startswith(("Placeholder", "Random", "Stateless"))
    numbers = all(t.dtype.is_integer or t.dtype.is_bool for t in op.outputs)
    readable = all(t.dtype not in (tf.resource, tf.variant) for t in op.inputs)
    return op.type in _ARITHMETIC or op.type == "Const" or (whole and numbers and readable)


def is_weight(tensor: Any) -> bool:
    """Whether it is a variable or a constant."""
    return _laid_out(tensor).op.type in ("ReadVariableOp", "Const")


def constant_behind(tensor: Any) -> Array | None:
    """The numbers of a constant, however it was laid out since; None of anything else."""
    origin = _laid_out(tensor)
    return np.asarray(tf.get_static_value(origin)) if origin.op.type == "Const" else None


def _laid_out(tensor: Any) -> Any:
    """What a tensor was before it was laid out as it is."""
    while tensor.op.type in ("Identity", "Cast", "Reshape", "Transpose", "ExpandDims", "Squeeze"):
        tensor = tensor.op.inputs[0]
    return tensor


def signature(region: Region) -> str:
    """The same for regions that compute the same, as those of the steps of a sequence do."""
    number: dict[str, int] = {}
    for t in [*region.leaves, *region.shapes, *(t for op in region.ops for t in op.outputs)]:
        number.setdefault(t.name, len(number))
    attributes = [[(k, v.SerializeToString()) for k, v in sorted(op.node_def.attr.items())] for op in region.ops]
    ops = [(op.type, [number[t.name] for t in op.inputs]) for op in region.ops]
    ends = [(t.dtype.name, str(t.shape)) for t in [*region.leaves, *region.shapes]]
    return sha256(repr((ops, attributes, ends, number[region.tensor.name])).encode()).hexdigest()


def passed(region: Region) -> list[Any]:
    """The tensors that all values pass through on their way, those behind first."""
    inner = [t for op in region.ops for t in op.outputs if t.name != region.tensor.name]
    behind_first = [*region.leaves, *reversed(inner)]
    like = region.tensor.dtype
    return [t for t in behind_first if t.dtype == like and t.shape.rank and not _gets_round(region, t)]


def _gets_round(region: Region, passage: Any) -> bool:
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
        if t.op.type not in SHAPE_ONLY:
            waiting.extend(t.op.inputs)
    return False


@contextmanager
def opened(region: Region) -> Iterator[Callable[[dict[str, Array]], Array]]:
    """The region as a function of its tensors, by name."""
    definition = tf.compat.v1.GraphDef()
    for op in region.ops:
        node = definition.node.add()
        node.CopyFrom(op.node_def)
        node.attr.pop("_class", None)
        node.input[:] = [name for name in op.node_def.input if not name.startswith("^")]
        _widen(node)
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    with tf.Graph().as_default() as graph:
        fed = {t.name: tf.compat.v1.placeholder(wide(t.dtype), t.shape) for t in [*region.leaves, *region.shapes]}
        tf.graph_util.import_graph_def(definition, input_map=fed, name="")
        with tf.compat.v1.Session(graph=graph, config=config) as session:

            def run(values: dict[str, Array]) -> Array:
                return session.run(region.tensor.name, {fed.get(name, name): v for name, v in values.items()})

            yield run


def wide(dtype: Any) -> Any:
    """The dtype in which a region is tried: half precision tells no head from another."""
    return _WIDE.get(dtype, dtype)


def _widen(node: Any) -> None:
    """Let an op compute in float32 where it does so in half precision."""
    for attribute in node.attr.values():
        if attribute.type in _WIDE_ENUM:
            attribute.type = tf.float32.as_datatype_enum
        elif attribute.tensor.dtype in _WIDE_ENUM:
            attribute.tensor.CopyFrom(tf.make_tensor_proto(tf.make_ndarray(attribute.tensor).astype(np.float32)))
