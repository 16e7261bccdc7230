"""SavedModel folders, of Keras 2 or others: the serving function, inner functions inlined, as a Keras model.

Such a folder holds a program of TensorFlow ops and no layers. Inlined, its ops lie open in the graph that a score
traces, so that gradients, backward rules and patches reach them as they reach those of any model.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from signalscreen.backend import keras, tf
from signalscreen.errors import ModelError
from signalscreen.model_files.serving import chosen_signature, cut_to_serving
from signalscreen.unfused import unfused

# Ops whose derivative is zero wherever it exists.
_STEPS = {"Round", "Rint", "Sign", "Floor", "Ceil", "StopGradient", "ArgMax", "Greater", "GreaterEqual", "Less"}


def load_saved_model(path: Path) -> Any:
    """The serving function of a SavedModel folder, as a Functional model of one layer.

    Its weights are constants of the program, so the model has none to show, and no layers inside.

    Raises
    ------
    ModelError
        The folder is incomplete, has no single function to serve, or that one does what no network does.
    """
    try:
        serving, frozen = _loaded(path)
    except ModelError:
        raise
    except Exception as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ModelError(
            f"SavedModel folder {path.name!r} cannot be loaded ({reason.split('. ')[0][:200]}); check that "
            "saved_model.pb and the folder variables are complete"
        ) from error
    definition = frozen.graph.as_graph_def()
    _drop_own_gradients(definition, path)
    specs = serving.structured_input_signature[1]
    if any(spec.shape.rank is None for spec in specs.values()):
        raise ModelError(
            f"SavedModel folder {path.name!r} does not say the shape of its input; save it with an input signature"
        )
    names = [t.name.split(":")[0] for t in frozen.inputs]
    outputs = dict(zip(sorted(serving.structured_outputs), (t.name for t in frozen.outputs), strict=True))
    program = SavedProgram(definition.SerializeToString(), names, list(outputs.values()))
    entries = [_entry(name, specs) for name in names]
    made = program(entries)
    results = dict(zip(outputs, made, strict=True)) if len(outputs) > 1 else made[0]
    return keras.Model(entries if len(entries) > 1 else entries[0], results, name=path.name)


def _loaded(path: Path) -> Any:
    """The serving function, as it is and with its weights as constants: nothing else of the folder is loaded.

    TensorFlow reads them from another folder, in which ``saved_model.pb`` is cut down to them.
    """
    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    # What an optimizer of Keras 2 kept for each weight is left over in the file.
    slots = any(node.slot_variables for graph in saved.meta_graphs for node in graph.object_graph_def.nodes)
    cut_to_serving(saved, path.name)
    name = chosen_signature(saved.meta_graphs[0], path.name)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "saved_model.pb").write_bytes(saved.SerializeToString())
        _lay_beside(path / "variables", Path(folder) / "variables")
        options = tf.saved_model.LoadOptions(allow_partial_checkpoint=slots)
        loaded = tf.saved_model.load(folder, options=options)  # its weights live as long as it does
        serving = loaded.signatures[name]
        return serving, convert_variables_to_constants_v2(serving, lower_control_flow=False)


def _lay_beside(variables: Path, place: Path) -> None:
    """Give the files of the weights a second place: as a link, or where there are no links as copies."""
    try:
        place.symlink_to(variables.resolve(), target_is_directory=True)
    except (OSError, NotImplementedError):
        shutil.copytree(variables, place, copy_function=shutil.copyfile)


def _entry(name: str, specs: dict[str, Any]) -> Any:
    spec = specs[name]
    return keras.Input(spec.shape[1:], dtype=spec.dtype.name, name=name)


def _drop_own_gradients(definition: Any, path: Path) -> None:
    """Leave it to TensorFlow to differentiate functions that had a gradient of their own (swish has one).

    Those gradients are Python closures that do not outlive their program. Differentiating the ops gives the same,
    unless the function is a step, whose gradient would be zero.
    """
    for nodes in (definition.node, *(function.node_def for function in definition.library.function)):
        named = {node.name: node for node in nodes}
        for node in nodes:
            if "_gradient_op_type" not in node.attr:
                continue
            steps = sorted({inner.op for inner in _body(node, named)} & _STEPS)
            if steps:
                raise ModelError(
                    f"SavedModel folder {path.name!r} has a function with a gradient of its own around {steps[0]} "
                    f"({node.name}), and such a gradient cannot be taken from a file; explain the model in memory"
                )
            del node.attr["_gradient_op_type"]


def _body(node: Any, named: dict[str, Any]) -> list[Any]:
    """The ops of a function with its own gradient: an IdentityN of its result and then of what it was given."""
    first, *given = [_plain(name) for name in node.input if not name.startswith("^")]
    found: dict[str, Any] = {}
    waiting = [first]
    while waiting:
        name = waiting.pop()
        if name in named and name not in found and name not in given:
            found[name] = named[name]
            waiting += [_plain(entry) for entry in named[name].input]
    return list(found.values())


def _plain(name: str) -> str:
    return name.lstrip("^").split(":")[0]


class SavedProgram(keras.layers.Layer):
    """A frozen program of ops, put into the graph in which it is called.

    Parameters
    ----------
    definition : bytes
        A serialised GraphDef.
    entries : list of str
        The names of its placeholders.
    results : list of str
        The names of the tensors that it gives.
    """

    def __init__(self, definition: bytes, entries: list[str], results: list[str]) -> None:
        super().__init__(name="saved_model", trainable=False)
        self._definition, self._entries, self._results = definition, entries, results
        self._compiled = unfused(tf.function(self._imported, autograph=False))

    def call(self, inputs: Any) -> Any:
        """The program's results on these inputs."""
        return self._compiled(tf.nest.flatten(inputs))

    def _imported(self, inputs: list[Any]) -> list[Any]:
        definition = tf.compat.v1.GraphDef.FromString(self._definition)
        known = {name: tf.identity(x) for name, x in zip(self._entries, inputs, strict=True)}
        return tf.graph_util.import_graph_def(definition, input_map=known, return_elements=self._results, name="")
