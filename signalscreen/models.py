"""What may be passed as a model: a Keras model, or a path to one; loaded and checked with clear refusals."""

import os
from pathlib import Path
from typing import Any

from signalscreen.backend import keras, tf
from signalscreen.errors import ModelError, SignalScreenError
from signalscreen.expectation_files import carried_by
from signalscreen.expectations import remember
from signalscreen.inputs import Layout, Spec
from signalscreen.model_files import foreign, format_of, load_h5, load_json, load_keras, load_saved_model
from signalscreen.model_files.unreadable import unreadable

_KINDS = "a .keras, .h5 or .hdf5 file, a SavedModel folder, or a .json architecture with weights="


def load_model(
    path: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    custom_objects: dict[str, Any] | None = None,
    until: str | None = None,
) -> Any:
    """Load a Keras model, of Keras 2 or 3, for inference only.

    Parameters
    ----------
    path : path
        A ``.keras``, ``.h5`` or ``.hdf5`` file (under any name: the content tells), a SavedModel folder, or a
        ``.json`` architecture. Python code stored in it (Lambda layers) is never run: where it is the end of the
        network, the part before it is loaded, with a warning; elsewhere the file is refused, unless
        `custom_objects` or `until` says what to do.
    weights : path, optional
        The ``.h5`` file of the weights, for a ``.json`` architecture.
    custom_objects : dict, optional
        Name to class or function, for layers of your own; or the name of a layer in the file to what is to stand in
        its place: a layer, or a function of a tensor.
    until : str, optional
        Load the network up to the layer of this name, which becomes its output.

    Returns
    -------
    keras.Model

    Raises
    ------
    ModelError
        The file is missing or corrupt, or of a kind that cannot be loaded; the message says what to do.
    LayerError
        `until` is no layer of the network.

    Warns
    -----
    CutModelWarning
        The end of the network was left out.
    InferenceModeWarning
        Layers of a Keras 2 file ran as in training wherever the network was used; here they do not.

    Notes
    -----
    What the file says that the model expects (:func:`signalscreen.expectations_of`) is kept beside the model:
    `screen_recording` goes by it, and `Score` knows the classes by their names.

    See the page "Old model files" of the documentation for what is repaired.
    """
    check_backend()
    path = Path(path)
    given = dict(custom_objects or {})
    try:
        model = _loaded(path, weights, given, until)
    except (SignalScreenError, FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # a damaged file can fail anywhere in what reads it
        raise ModelError(unreadable(path.name, error)) from error
    carried = carried_by(path)
    if carried is not None:
        expects = carried.expects if until is None else carried.expects.of_layer()
        _check_classes(model, expects.class_names, carried.source)
        remember(model, expects)
    return model


def _check_classes(model: Any, names: tuple[str, ...] | None, source: Path) -> None:
    """Names of the wrong number would call one class by the name of another."""
    shapes = [tuple(t.shape[1:]) for t in getattr(model, "outputs", None) or []]
    if names is not None and len(shapes) == 1 and shapes[0] and shapes[0][-1] not in (None, len(names)):
        raise ModelError(
            f"{source} says that the model's classes are {', '.join(names[:8])} ({len(names)}), but it has "
            f"{shapes[0][-1]} outputs; correct class_names there"
        )


def _loaded(path: Path, weights: str | os.PathLike[str] | None, given: dict[str, Any], until: str | None) -> Any:
    if not path.exists():
        _refuse_foreign(path)
        raise ModelError(f"model file {str(path)!r} does not exist; give {_KINDS}")
    if path.suffix in (".yaml", ".yml"):
        raise ModelError(
            f"{path.name!r} is an architecture in YAML, which Keras gave up because it can run code; convert "
            "it to JSON where Keras 2.5 or older runs (model_from_yaml(text).to_json()), and give that and weights="
        )
    if weights is not None and path.suffix != ".json":
        raise ModelError(f"weights= goes with a .json architecture, and {path.name!r} has its own; leave it out")
    if path.is_dir():
        return _from_folder(path, given, until)
    kind = format_of(path)
    if kind is None:
        _refuse_foreign(path)
        raise ModelError(f"{path.name!r} is no model file; give {_KINDS}")
    if kind == "json":
        if weights is None:
            raise ModelError(
                f"{path.name!r} holds an architecture and no weights; give the .h5 file of its weights as weights="
            )
        return load_json(path, Path(weights), given, until)
    return (load_keras if kind == "keras" else load_h5)(path, given, until)


def _refuse_foreign(path: Path) -> None:
    """Say what a file is that cannot be loaded, and the way out, if it is known."""
    found = foreign(path)
    if found is not None:
        raise ModelError(f"{path.name!r} is {found.what}; {found.way_out}")


def _from_folder(path: Path, given: dict[str, Any], until: str | None) -> Any:
    if not (path / "saved_model.pb").exists():
        _refuse_foreign(path)
        inner = sorted(file.parent.name for file in path.glob("*/saved_model.pb"))
        if inner:
            raise ModelError(f"{str(path)!r} holds SavedModel folders ({', '.join(inner)}); give one of them")
        raise ModelError(f"{str(path)!r} is a folder without a saved_model.pb; give {_KINDS}")
    if given or until is not None:
        raise ModelError(
            f"SavedModel folder {path.name!r} holds a program without layers, so until= and custom_objects= mean "
            "nothing for it; leave them out, or save the model as .h5 where Keras 2 runs"
        )
    return load_saved_model(path)


def as_model(model: Any) -> Any:
    """The Keras model that `model` is or names.

    Raises
    ------
    ModelError
        It is a PyTorch module, a file that cannot be loaded, or no model at all; or TensorFlow builds a graph.
    """
    check_eager()
    if isinstance(model, str | os.PathLike):
        return load_model(model)
    if isinstance(model, keras.layers.Layer):
        check_backend()
        return model
    kind = type(model)
    if any(base.__module__.split(".")[0] == "torch" for base in kind.__mro__):
        raise ModelError(
            f"the model is a PyTorch module ({kind.__name__}), and SignalScreen explains Keras models; rebuild it "
            "in Keras with the same weights, or use Captum"
        )
    raise ModelError(f"the model is a {kind.__name__}; give a Keras model, or the path to one")


def check_backend() -> None:
    """Refuse to go on when Keras runs on another backend than TensorFlow.

    Raises
    ------
    ModelError
        Naming the backend, and how to load the same model under TensorFlow.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ModelError(
            f"Keras runs on the {backend} backend, and SignalScreen explains models under TensorFlow; save the "
            "model as .keras, set KERAS_BACKEND=tensorflow before Keras is imported, and load the same file"
        )


def check_eager() -> None:
    """Refuse to go on where TensorFlow does not compute but builds a graph.

    Raises
    ------
    ModelError
    """
    if tf.executing_eagerly():
        return
    error = ModelError(
        "TensorFlow's eager execution is off (tf.compat.v1.disable_eager_execution, disable_v2_behavior or a "
        "tf.Graph), and SignalScreen needs it; leave that out"
    )
    if tf.compat.v1.executing_eagerly_outside_functions():
        error = ModelError(
            "SignalScreen was called inside a tf.function, a Dataset.map or another graph being built, where "
            "signals have no values yet; call it outside, on arrays"
        )
    # Autograph would make another error of it.
    error.ag_pass_through = True  # type: ignore[attr-defined]
    raise error


def layout_of(model: Any, x: Any) -> Layout:
    """The inputs of `model`: read from the model, or from `x` where the model does not say."""
    structure = getattr(model, "_inputs_struct", None)
    if structure is None and getattr(model, "inputs", None):
        structure = model.inputs if len(model.inputs) > 1 else model.inputs[0]
    if structure is None:
        return _layout_from_data(x, feed_dtype(model))
    if isinstance(structure, dict):
        named = sorted(structure.items())
        packing: Any = {name: i for i, (name, _) in enumerate(named)}
    elif isinstance(structure, list | tuple):
        named = [(getattr(t, "name", f"input_{i}"), t) for i, t in enumerate(structure)]
        packing = [name for name, _ in named]
    else:
        named, packing = [(structure.name, structure)], None
    specs = [Spec(str(name), tuple(t.shape[1:]), _dtype(t, model)) for name, t in named]
    return Layout(specs, packing)


def _layout_from_data(x: Any, dtype: str) -> Layout:
    if isinstance(x, dict):
        specs = [Spec(str(name), None, dtype) for name in sorted(x)]
        return Layout(specs, {s.name: i for i, s in enumerate(specs)})
    if isinstance(x, list | tuple) and x and all(hasattr(part, "ndim") for part in x):
        return Layout([Spec(f"input_{i}", None, dtype) for i in range(len(x))], list(range(len(x))))
    return Layout([Spec("x", None, dtype)], None)


def feed_dtype(model: Any) -> str:
    """The dtype fed to a model: float64 where it computes in it, else float32 (mixed precision too)."""
    weights = [w.dtype for w in getattr(model, "weights", [])]
    return "float64" if "float64" in map(str, weights) else "float32"


def _dtype(tensor: Any, model: Any) -> str:
    dtype = str(tensor.dtype)
    return dtype if dtype.startswith(("int", "uint", "bool", "string")) else feed_dtype(model)
