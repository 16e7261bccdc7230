"""A model as a graph of TensorFlow ops: what every verb of a score walks.

`call` runs a model once inside the graph being traced and keeps a record of it, a `Run`: the ops it made, its
outputs, and a tap on every layer's output (`heads` adds the logits). Layers are tapped
where they are called, so nested and subclassed models have taps like any other. Functions hidden in the model
(`@tf.function`) are called as plain Python while tracing, so that their ops lie open in the same graph.
"""

import re
import threading
from bisect import bisect_right
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from math import prod
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from signalscreen.backend import keras, tf
from signalscreen.entry import entered
from signalscreen.errors import InputError, ModelError, SignalScreenError, TraceError
from signalscreen.order import Order
from signalscreen.tracing import functions_open, layer_of, layers_recorded

# Ops whose result depends on the shape of their input, not on its values.
SHAPE_ONLY = {"Shape", "ShapeN", "Size", "Rank", "ZerosLike", "OnesLike"}
# Ops that run a function of their own, into which no rule and no tap can reach.
FUNCTION_OPS = {
    "PartitionedCall",
    "StatefulPartitionedCall",
    "While",
    "StatelessWhile",
    "If",
    "StatelessIf",
    "Case",
    "StatelessCase",
    "XlaLaunch",
}

_tracing = threading.RLock()


class Tap(NamedTuple):
    """A layer's output at one of the places where the layer was called."""

    path: str
    layer: Any
    tensor: Any
    is_container: bool
    end: int = 0  # how many ops the graph had when the call ended


class Run(NamedTuple):
    """One call of a model inside a graph."""

    ops: list[Any]
    inputs: list[Any]
    outputs: Any  # as the model gives them: a tensor, a list or a dict
    taps: list[Tap]  # in the order they were computed
    layers: list[Any]  # of the model, as its user counts them
    # What `heads` finds:
    logits: Any = None  # the same structure as the outputs, before softmax or sigmoid
    before: Mapping[str, Any] = MappingProxyType({})  # the logits of each tensor of probabilities, by its name
    said: Sequence[str] = ()  # of each output that is a probability without a logit, why; "" for others


def call(model: Any, inputs: list[Any], structure: Any, orders: Sequence[Order] = ()) -> Run:
    """Run `model` on tensors inside the current graph, in inference mode, and record what it did.

    Parameters
    ----------
    model : keras.Model
        The user's model; it is not changed.
    inputs : list of Tensor
        One tensor per input, flat.
    structure : nested
        How the model wants `inputs` packed (`tf.nest`).
    orders : sequence of Order
        How the model takes `inputs`, which lie ``(batch, *axes, features)``; none where it takes them so.
    """
    graph = tf.compat.v1.get_default_graph()
    first = len(graph.get_operations())
    taken = [entered(t, order) for t, order in zip(inputs, orders, strict=True)] if orders else inputs
    packed = tf.nest.pack_sequence_as(structure, taken)
    entry = graph.get_operations()[first:]
    before = len(graph.get_operations())
    with _tracing, _scope(model), tapped(model) as taps:
        try:
            with functions_open():
                outputs = model(packed, training=False)
        except Exception:
            # A function that needs autograph (a Python `if` on a tensor) cannot be inlined: keep it whole.
            taps.clear()
            before = len(graph.get_operations())
            outputs = _called(model, packed, taken)
    # Variables enter the graph as placeholders the first time only, so they are no part of a run.
    ops = entry + [op for op in graph.get_operations()[before:] if op.type != "Placeholder"]
    _check_rows(outputs)
    # What lies in the graph of an inner function or loop is no part of this graph.
    taps = [tap for tap in taps if getattr(tap.tensor, "graph", None) is graph]
    return Run(ops, list(inputs), outputs, taps, list(getattr(model, "layers", [])))


def _check_rows(outputs: Any) -> None:
    for tensor in tf.nest.flatten(outputs):
        if tensor.shape.rank is None:
            raise ModelError(
                "the model gives an output whose number of axes depends on the batch (tf.squeeze without an "
                "axis?), so it has no rows of examples; name the axes that are taken out"
            )


def _scope(model: Any) -> Any:
    """A scope for ops of a model whose own name may not begin one, as that of a class that begins with "_"."""
    return nullcontext() if re.match(r"[A-Za-z0-9.]", str(model.name)) else tf.name_scope("model")


def _called(model: Any, packed: Any, inputs: list[Any]) -> Any:
    try:
        return model(packed, training=False)
    except SignalScreenError:
        raise
    except Exception as error:
        layer, reason = layer_of(error), reason_of(error)
        where = f"in layer {layer!r}, " if layer else ""
        if _runs_plainly(model, packed):
            raise TraceError(
                f"the model runs, but cannot be traced ({where}{reason.split('. ')[0]}): its Python needs numbers "
                "or shapes that only a plain call has (`if`, `float` or NumPy on a tensor, tf.numpy_function "
                "without a shape); write that with operations of TensorFlow or Keras"
            ) from error
        if not isinstance(error, ValueError | TypeError | tf.errors.InvalidArgumentError):
            raise
        shapes = ", ".join(f"({', '.join(['batch', *map(str, t.shape[1:])])})" for t in inputs)
        raise InputError(
            f"the model cannot be called on signals of shape {shapes} ({where}{reason}); give signals "
            "of the shape it was trained on"
        ) from error


def _runs_plainly(model: Any, packed: Any) -> bool:
    """Whether a model's plain call takes signals of these shapes; False where a length is not known."""
    try:
        zeros = tf.nest.map_structure(lambda t: np.zeros((2, *t.shape[1:]), t.dtype.as_numpy_dtype), packed)
        with tf.init_scope():
            model(tf.nest.map_structure(tf.constant, zeros), training=False)
    except Exception:  # the user's own code
        return False
    return True


def reason_of(error: Exception) -> str:
    """What a model's call failed for, in one line."""
    # Keras says where it happened in a first line, and what in the next one, in bold.
    text = re.sub("\x1b\\[[0-9;]*m", "", str(error))
    if "\t [[{{node" in text:  # a compiled function says where in many lines, and then what
        text = text.split("\t [[{{node")[0].splitlines()[-1].split("}} ")[-1]
    text = re.sub(r"\{\{function_node [^}]*\}\} | \[Op:\w+\] name:.*", "", text)
    lines = [line for line in text.splitlines() if line.strip()]
    reason = lines[min(lines[0].startswith("Exception encountered"), len(lines) - 1)] if lines else repr(error)
    return reason.strip().rstrip(".")


_OWN = {"_gradient_op_type", "_class", "_output_shapes"}  # attributes of an op that a copy must not have


def copy_op(op: Any, inputs: Sequence[Any], **changed: Any) -> Any:
    """Make the same op once more on other inputs, free of any backward rule put on the original.

    `changed` gives attributes another value; those that the op does not have are left out.
    """
    attrs = {k: v for k, v in op.node_def.attr.items() if k not in _OWN}
    for name in changed.keys() & attrs.keys():
        attrs[name] = _attribute(changed[name])
    return op.graph.create_op(
        op.type, list(inputs), [out.dtype for out in op.outputs], attrs=attrs, name=f"{op.name}/again"
    )


def _attribute(value: bytes | list[int]) -> Any:
    made = tf.compat.v1.AttrValue
    return made(s=value) if isinstance(value, bytes) else made(list=made.ListValue(i=value))


def constant(tensor: Any) -> Any:
    """The value of a tensor that depends on constants alone, as an array; None if it depends on anything else.

    Keras writes some axes and sizes as sums and ranges, which `tf.get_static_value` does not work out.
    """
    value = tf.get_static_value(tensor)
    if value is not None or not tensor.dtype.is_integer:
        return value
    ops: dict[str, Any] = {}
    stack = [tensor.op]
    while stack:
        op = stack.pop()
        if op.type in ("Placeholder", "ReadVariableOp", *FUNCTION_OPS) or len(ops) > _MOST_OPS:
            return None
        if op.name not in ops:
            ops[op.name] = op
            stack.extend(x.op for x in op.inputs)
    small = tf.compat.v1.GraphDef()
    small.node.extend(op.node_def for op in ops.values())
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        [found] = tf.graph_util.import_graph_def(small, return_elements=[tensor.name], name="")
        return session.run(found)


_MOST_OPS = 64  # that a constant is worked out from


def active_ops(run: Run, score: Any) -> dict[Any, list[int]]:
    """The ops through which the inputs' values reach `score`, in order, with the inputs that carry them.

    Returns
    -------
    dict
        ``{op: [position of each of its inputs that depends on the model's inputs]}``.
    """
    depends = {x.name for x in run.inputs}
    carrying: dict[Any, list[int]] = {}
    for op in score.graph.get_operations():
        positions = [i for i, x in enumerate(op.inputs) if x.name in depends]
        if positions and op.type not in SHAPE_ONLY:
            carrying[op] = positions
            depends.update(out.name for out in op.outputs)
    needed = behind([score])
    return {op: positions for op, positions in carrying.items() if op.name in needed}


def ops_between(tensor: Any, score: Any, without: Container[str] = ()) -> list[Any]:
    """The ops through which `tensor` reaches `score` as real numbers, on ways without ops of some types."""
    depends, found = {tensor.name} if tensor.dtype.is_floating else set(), []
    for op in score.graph.get_operations():
        passes = (
            op.type not in SHAPE_ONLY and op.type not in without and any(t.dtype.is_floating for t in op.outputs)
        )
        if passes and any(x.name in depends for x in op.inputs):
            depends.update(out.name for out in op.outputs)
            found.append(op)
    if score.name not in depends:
        return []
    needed = behind([score])
    return [op for op in found if op.name in needed]


def blind(inputs: Sequence[Any], run: Run) -> list[int]:
    """The inputs that reach the outputs as integers or truth values only, an embedding index say: by position.

    Such an input has no gradient, whatever its own dtype is.
    """
    real, every = ({x.name: {i} for i, x in enumerate(inputs)} for _ in range(2))
    for op in run.ops:
        if op.type not in SHAPE_ONLY:
            for out in op.outputs:
                every[out.name] = set().union(*(every.get(x.name, ()) for x in op.inputs))
                if not (out.dtype.is_integer or out.dtype.is_bool or out.dtype == tf.string):
                    real[out.name] = set().union(*(real.get(x.name, ()) for x in op.inputs))
    ends = tf.nest.flatten(run.outputs)
    reached, smooth = (set().union(*(of.get(t.name, ()) for t in ends)) for of in (every, real))
    return sorted(reached - smooth)


def behind(tensors: Sequence[Any], stop: Container[str] = ()) -> set[str]:
    """Names of the ops that `tensors` are computed from, not going beyond tensors named in `stop`."""
    found: set[str] = set()
    stack = [t.op for t in tensors if t.name not in stop]
    while stack:
        op = stack.pop()
        if op.name not in found:
            found.add(op.name)
            stack.extend(x.op for x in op.inputs if x.name not in stop)
    return found


def row_bytes(run: Run) -> dict[int, int]:
    """Memory that one example's activations take, by how many of a tensor's axes are free.

    With axes of length n it is the sum of ``bytes * n**free`` over the items.
    """
    total: dict[int, int] = {}
    for op in run.ops:
        for out in op.outputs:
            if out.dtype.is_floating and out.shape.rank and out.shape[0] is None:
                known = [n for n in out.shape[1:] if n is not None]
                free = out.shape.rank - 1 - len(known)
                total[free] = total.get(free, 0) + prod(known) * out.dtype.size
    return total


def layer_namer(run: Run) -> Callable[[Any], str]:
    """A function from an op to the name of the layer it belongs to: the first whose call ends after it."""
    order = {op.name: i for i, op in enumerate(run.inputs[0].graph.get_operations())}
    ends = [tap.end for tap in run.taps]

    def layer_of(op: Any) -> str:
        at = bisect_right(ends, order[op.name])
        return run.taps[at].path if at < len(ends) else "the output"

    return layer_of


@contextmanager
def tapped(model: Any) -> Iterator[list[Tap]]:
    """Record the output of every layer called in this thread, under the path of layers it was called in."""
    taps: list[Tap] = []

    def record(layer: Any, path: tuple[str, ...], outputs: Any) -> None:
        tensors = [t for t in tf.nest.flatten(outputs) if tf.is_tensor(t)]
        if tensors and layer is not model:
            end = 0 if tf.executing_eagerly() else len(tf.compat.v1.get_default_graph().get_operations())
            taps.append(Tap("/".join(path[1:]), layer, tensors[0], isinstance(layer, keras.Model), end))

    with layers_recorded(record):
        yield taps
