"""A SavedModel cut down to its serving function, before TensorFlow loads anything of it.

TensorFlow runs initialisers of tables, functions that restore an object's state, and a main op while it loads a
SavedModel, and each may write any file. Here they are taken out of the program before it is loaded. What is left
(the serving function, what it calls, its weights and constants) may have only ops that compute.
"""

from typing import Any

from tensorflow.core.framework import variable_pb2
from tensorflow.python.framework import op_def_registry

from signalscreen.errors import ModelError
from signalscreen.model_files.saved_ops import functions_called, refuse_others

_GENERIC = "_generic_user_object"
_SIGNATURES = "signature_map"
_RESTORING = frozenset({"RestoreV2", "Restore", "RestoreSlice"})
_BEGINNING = frozenset({"Assign", "AssignVariableOp"})  # what gives a weight of TensorFlow 1 its first value
_WEIGHTS = ("variables", "trainable_variables")  # the collections of TensorFlow 1 that say which ops are weights


def chosen_signature(meta: Any, folder: str) -> str:
    """The name of the function to serve.

    Raises
    ------
    ModelError
        There is none, or there are several and none is the default.
    """
    names = [name for name in meta.signature_def if name != "__saved_model_init_op"]
    if "serving_default" in names:
        return "serving_default"
    if len(names) != 1:
        raise ModelError(
            f"SavedModel folder {folder!r} has {', '.join(sorted(names)) or 'no'} signature(s) and none is "
            "serving_default; save it with one"
        )
    return str(names[0])


def cut_to_serving(saved: Any, folder: str) -> None:
    """Take all but the serving function out of a SavedModel message, in place.

    Parameters
    ----------
    saved : SavedModel
        The message in ``saved_model.pb``.
    folder : str
        Its folder's name, for errors.

    Raises
    ------
    ModelError
        It holds no single program, has no function to serve, or that one has ops that are not on the list.

    Notes
    -----
    TensorFlow's format: ``tensorflow/core/protobuf/saved_object_graph.proto`` and ``meta_graph.proto``.
    """
    if len(saved.meta_graphs) != 1:
        raise ModelError(
            f"SavedModel folder {folder!r} cannot be loaded (its saved_model.pb holds {len(saved.meta_graphs)} "
            "programs, and one is expected); check that it is complete, and save it with the one for serving"
        )
    meta = saved.meta_graphs[0]
    name = chosen_signature(meta, folder)
    for other in [key for key in meta.signature_def if key != name]:
        del meta.signature_def[other]
    del meta.asset_file_def[:]
    if meta.HasField("object_graph_def"):
        _cut_objects(meta, name, folder)
    else:
        _cut_graph(meta, name, folder)


def _cut_objects(meta: Any, name: str, folder: str) -> None:
    """Of TensorFlow 2: objects keep their names and weights, and lose functions, tables and assets."""
    objects = meta.object_graph_def
    own = _serving_object(objects, name, folder)
    functions = [*own.function.concrete_functions, own.bare_concrete_function.concrete_function_name]
    kept = {function for function in functions if function in objects.concrete_functions}
    held = {number for function in kept for number in objects.concrete_functions[function].bound_inputs}
    for number, node in enumerate(objects.nodes):
        del node.slot_variables[:]
        for field in ("saveable_objects", "registered_name", "registered_saver", "serialized_user_proto"):
            node.ClearField(field)
        kind = node.WhichOneof("kind")
        if kind == "user_object" and node.user_object.identifier != _SIGNATURES:
            node.user_object.identifier = _GENERIC
        elif kind not in ("user_object", "variable", "constant") and node is not own:
            if number in held:
                raise ModelError(
                    f"SavedModel folder {folder!r} serves a function that holds a {kind} (a table or a file), "
                    "which no network has; save the network alone"
                )
            _blank(node)
    for function in [key for key in objects.concrete_functions if key not in kept]:
        del objects.concrete_functions[function]
    library = {function.signature.name: function for function in meta.graph_def.library.function}
    roots = [library[function] for function in kept if function in library]
    called = functions_called([node for root in roots for node in root.node_def], library)
    called.update({root.signature.name: root for root in roots})
    refuse_others((node for f in called.values() for node in f.node_def), folder, _own_names(called))
    _keep(meta.graph_def, called)
    _replace(meta.graph_def.node, [node for node in meta.graph_def.node if node.op == "Const"])


def _serving_object(objects: Any, name: str, folder: str) -> Any:
    """The object that is the serving function; the others are taken out of the map of signatures."""
    found = None
    for reference in objects.nodes[0].children if objects.nodes else ():
        if reference.local_name == "signatures":
            signatures = objects.nodes[reference.node_id]
            _replace(signatures.children, [child for child in signatures.children if child.local_name == name])
            found = objects.nodes[signatures.children[0].node_id] if signatures.children else None
    if found is None:
        raise ModelError(f"SavedModel folder {folder!r} does not hold the function {name!r} that it says it serves")
    return found


def _blank(node: Any) -> None:
    """Make a node an object without content, to which others may go on pointing."""
    for field in ("children", "dependencies"):
        node.ClearField(field)
    node.ClearField(node.WhichOneof("kind") or "user_object")
    node.user_object.identifier = _GENERIC


def _cut_graph(meta: Any, name: str, folder: str) -> None:
    """Of TensorFlow 1: one graph, of which the outputs, the weights, and the op that reads them are kept."""
    for key in [key for key in meta.collection_def if key not in _WEIGHTS]:
        del meta.collection_def[key]
    nodes = {node.name: node for node in meta.graph_def.node}
    signature = meta.signature_def[name]
    ends = [_op(info.name) for info in (*signature.inputs.values(), *signature.outputs.values())]
    weights = [word for key in _WEIGHTS if key in meta.collection_def for word in _variables(meta, key)]
    network = _before([*ends, *weights], nodes)
    file = _op(meta.saver_def.filename_tensor_name)
    read = _before([_op(meta.saver_def.restore_op_name), file], nodes)
    library = {function.signature.name: function for function in meta.graph_def.library.function}
    kept = {key: nodes[key] for key in network | read}
    called = functions_called(kept.values(), library)
    inner = [node for function in called.values() for node in function.node_def]
    readers = [nodes[key] for key in read - network if nodes[key].op in _RESTORING]
    if any(_op(reader.input[0]) != file for reader in readers):
        raise ModelError(f"SavedModel folder {folder!r} reads weights of another file; save the network again")
    others = [node for node in kept.values() if not any(node is reader for reader in readers)]
    refuse_others([*others, *inner], folder, _own_names(called) | _BEGINNING)
    _keep(meta.graph_def, called)
    _replace(meta.graph_def.node, [node for node in meta.graph_def.node if node.name in kept])


def _variables(meta: Any, key: str) -> list[str]:
    """The ops that a collection of weights names."""
    found = [variable_pb2.VariableDef.FromString(text) for text in meta.collection_def[key].bytes_list.value]
    names = [(v.variable_name, v.initializer_name, v.snapshot_name, v.initial_value_name) for v in found]
    return [_op(name) for group in names for name in group if name]


def _before(names: list[str], nodes: dict[str, Any]) -> set[str]:
    """The ops with these names, and all on which they depend."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in nodes and name not in found:
            found.add(name)
            waiting += [_op(entry) for entry in nodes[name].input]
            waiting += [word.decode() for word in nodes[name].attr["_class"].list.s]
    return found


def _op(tensor: str) -> str:
    return tensor.lstrip("^").split(":")[0]


def _own_names(functions: dict[str, Any]) -> frozenset[str]:
    """The names of functions, without those that are ops of TensorFlow: which one runs is then not certain."""
    return frozenset(name for name in functions if op_def_registry.get(name) is None)


def _keep(graph: Any, functions: dict[str, Any]) -> None:
    """Leave only these functions in a graph's library, and no gradients of their own."""
    _replace(graph.library.function, [f for f in graph.library.function if f.signature.name in functions])
    del graph.library.gradient[:]
    del graph.library.registered_gradients[:]


def _replace(repeated: Any, kept: list[Any]) -> None:
    copies = [type(part).FromString(part.SerializeToString()) for part in kept]
    del repeated[:]
    repeated.extend(copies)
