"""TensorFlow operations that stand between the layers of a Keras 2 network, as layers that compute the same.

Keras 2.4 and later wrote them as ``TFOpLambda`` and ``SlicingOpLambda`` (a function's name, and its arguments with
the call), TensorFlow 2.0 to 2.3 as ``TensorFlowOpLayer`` (an op of a graph, and its constants). Nothing is run but
what the list of admitted operations names.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from google.protobuf import json_format, text_format
from tensorflow.python.framework import op_def_registry

from signalscreen.backend import keras, tf
from signalscreen.errors import ModelError
from signalscreen.model_files.admitted import OPS, WINDOWS, function_named
from signalscreen.model_files.config import CONSTANT, Config, Reference, is_reference, name_of
from signalscreen.model_files.layer_classes import replacement

_FUNCTIONS = ("TFOpLambda", "SlicingOpLambda")
_OP = "TensorFlowOpLayer"
_Tensors = Callable[[Reference], Any]
_Applied = tuple[Any, list[Any], dict[str, Any]]  # a function, and its arguments


class Slot(NamedTuple):
    """The place of a tensor among an operation's arguments."""

    number: int


class Operation(keras.layers.Layer):
    """A function of tensors and of fixed arguments.

    Parameters
    ----------
    name : str
        The layer's.
    function : callable
        Gives a tensor, or a list or tuple of tensors.
    args : list
        Its positional arguments, a `Slot` in the place of each tensor.
    kwargs : dict
        Its named arguments, likewise.
    """

    def __init__(self, name: str, function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> None:
        super().__init__(name=name, trainable=False, autocast=False)
        self.supports_masking = True
        self._function = function
        self._arguments = (tuple(args), kwargs)

    def call(self, tensors: list[Any]) -> Any:
        """The function's results on these tensors, in the order of the slots."""
        args, kwargs = (_filled(part, tensors) for part in self._arguments)
        made = tf.nest.flatten(self._function(*args, **kwargs))
        return made if len(made) > 1 else made[0]

    def compute_mask(self, *_: Any) -> None:
        """None: masks end here, as they did in Keras 2."""
        return


def is_operation(config: Config) -> bool:
    """Whether this is a TensorFlow operation and no layer."""
    return config["class_name"] in (*_FUNCTIONS, _OP)


def operation(config: Config, node: Any, tensor: _Tensors, given: Any = None) -> tuple[Any, list[Any]]:
    """The layer of one operation, and the tensors that it is to be called on.

    Parameters
    ----------
    config : dict
        Of the operation.
    node : list
        Its inbound node.
    tensor : callable
        The tensor that a reference refers to.
    given : callable, optional
        What the user has given to stand in its place: a function of its tensors, or a layer.

    Raises
    ------
    ModelError
        It is not on the list of admitted operations, or has an argument that cannot be read.
    """
    tensors: list[Any] = []

    def slot(reference: Reference) -> Slot:
        tensors.append(tensor(reference))
        return Slot(len(tensors) - 1)

    if config["class_name"] == _OP:
        function, args, kwargs = _graph_op(config, node, slot)
    else:
        function, args, kwargs = _function(config, node, slot)
    if not tensors:
        raise ModelError(
            f"layer {name_of(config)!r} applies tf.{config['config'].get('function')} to tensors that Keras 2 did "
            "not save; give until= the name of a layer before it, or explain the model where Keras 2 runs it"
        )
    if given is not None:
        function, args, kwargs = _stands_in(given, name_of(config)), [Slot(n) for n in range(len(tensors))], {}
    if function is None:
        raise ModelError(_not_admitted(config))
    return Operation(name_of(config).replace("/", "_"), function, args, kwargs), tensors


def _stands_in(given: Any, name: str) -> Any:
    """The user's function of tensors, or layer, in the place of an operation."""
    layer = replacement(given, name) if isinstance(given, type) or not callable(given) else given
    is_layer = isinstance(layer, keras.layers.Layer)
    return (lambda *tensors: layer(tensors[0] if len(tensors) == 1 else list(tensors))) if is_layer else layer


def _not_admitted(config: Config) -> str:
    name = name_of(config)
    is_op = config["class_name"] == _OP
    wanted = f"the op {_node(config).op}" if is_op else f"tf.{config['config'].get('function')}"
    return (
        f"layer {name!r} applies {wanted}, which is not among the TensorFlow operations that may be taken from a "
        f"file (those that compute their result from their arguments alone); give what it computes as "
        f"custom_objects={{{name!r}: function of its tensors}}, or until= the name of a layer before it"
    )


# --- functions: Keras 2.4 and later ------------------------------------------------------------------------------


def _function(config: Config, node: Any, slot: Callable[[Reference], Slot]) -> _Applied:
    """The function of a node, and its arguments: the first is the node's structure, the others lie beside it."""
    function = function_named(str(config["config"].get("function")))

    def read(value: Any) -> Any:
        return _argument(value, slot, name_of(config))

    first = _first(node, slot)
    kwargs = {key: read(value) for key, value in _named(node).items() if key != "name"}
    if "slice_spec" in kwargs and isinstance(kwargs["slice_spec"], list):
        kwargs["slice_spec"] = tuple(kwargs["slice_spec"])
    if kwargs.get("window_fn") in WINDOWS:
        kwargs["window_fn"] = getattr(tf.signal, kwargs["window_fn"])
    return function, [first], kwargs


def _first(node: Any, slot: Callable[[Reference], Slot]) -> Any:
    if isinstance(node, list) and len(node) in (3, 4) and node[:2] == [CONSTANT, -1]:
        return node[2]
    if is_reference(node):
        return slot(Reference(*node[:3]))
    return [_first(part, slot) for part in node]


def _named(node: Any) -> dict[str, Any]:
    """The named arguments, which stand with each tensor of the first argument."""
    while node and isinstance(node[0], list):
        node = node[0]
    return dict(node[3]) if len(node) == 4 else {}


def _argument(value: Any, slot: Callable[[Reference], Slot], name: str) -> Any:
    if isinstance(value, list):
        if is_reference(value):
            return slot(Reference(*value[:3]))
        return [_argument(part, slot, name) for part in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"start", "stop", "step"}:
        return slice(*(_argument(value[key], slot, name) for key in ("start", "stop", "step")))
    if value.get("class_name") == "__ellipsis__":
        return ...
    raise ModelError(
        f"layer {name!r} has an argument of a kind that is not read from a file ({str(value)[:80]}); give what it "
        f"computes as custom_objects={{{name!r}: function of its tensors}}"
    )


# --- ops of a graph: TensorFlow 2.0 to 2.3 -----------------------------------------------------------------------


def _graph_op(config: Config, node: Any, slot: Callable[[Reference], Slot]) -> _Applied:
    """The op as a function of its inputs, tensors and constants in the op's order."""
    definition = _node(config)
    constants = {int(number): value for number, value in config["config"].get("constants", {}).items()}
    node = [node] if is_reference(node) else node
    slots = [slot(Reference(*reference[:3])) for reference in node]
    if definition.op not in OPS:
        return None, slots, {}
    entering = iter(slots)
    kinds = enumerate(_dtypes(definition))
    args = [tf.constant(constants[n], kind) if n in constants else next(entering) for n, kind in kinds]
    return _imported(definition), args, {}


def _node(config: Config) -> Any:
    written = config["config"]["node_def"]
    found = tf.compat.v1.NodeDef()
    if isinstance(written, dict):
        return json_format.ParseDict(written, found)
    try:
        return json_format.ParseDict(json.loads(written), found)
    except ValueError:
        return text_format.Parse(written, found)


def _dtypes(definition: Any) -> list[Any]:
    """The dtypes of an op's inputs, in order."""
    found: list[Any] = []
    for entry in op_def_registry.get(definition.op).input_arg:
        dtype = entry.type or definition.attr[entry.type_attr].type
        found += [tf.as_dtype(dtype)] * (definition.attr[entry.number_attr].i if entry.number_attr else 1)
    return found


def _imported(definition: Any) -> Callable[..., Any]:
    """The op of a graph as a function of tensors."""
    graph = tf.compat.v1.GraphDef()
    graph.node.add().CopyFrom(definition)
    alone = graph.node[0]
    names = [f"entry_{n}" for n in range(len(alone.input))]
    del alone.input[:]
    alone.input.extend(names)

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def applied(*tensors: Any) -> Any:
        known = dict(zip(names, tensors, strict=True))
        [op] = tf.graph_util.import_graph_def(graph, input_map=known, return_elements=[alone.name], name="")
        return list(op.outputs)

    return applied


def _filled(value: Any, tensors: list[Any]) -> Any:
    """Arguments with the tensors in the places of the slots."""
    if isinstance(value, Slot):
        return tensors[value.number]
    if isinstance(value, slice):
        return slice(*(_filled(part, tensors) for part in (value.start, value.stop, value.step)))
    if isinstance(value, list | tuple):
        return type(value)(_filled(part, tensors) for part in value)
    if isinstance(value, dict):
        return {key: _filled(part, tensors) for key, part in value.items()}
    return value
