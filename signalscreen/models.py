"""What may be passed as a model: a Keras model, or a path to one; loaded and checked with clear refusals."""

import os
import warnings
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from signalscreen.backend import keras
from signalscreen.errors import ModelError
from signalscreen.inputs import Layout, Spec

_KERAS_2_WAY_OUT = (
    "open it where Keras 2 runs (TensorFlow 2.15, or the tf_keras package), save it as .h5, and load that"
)


def load_model(path: str | os.PathLike[str], *, custom_objects: dict[str, Any] | None = None) -> Any:
    """Load a Keras model from a ``.keras``, ``.h5`` or ``.hdf5`` file, for inference only.

    Parameters
    ----------
    path : path
        The file. Code stored in it (Lambda layers) is never executed.
    custom_objects : dict, optional
        Name to class or function, for layers of your own.

    Returns
    -------
    keras.Model

    Raises
    ------
    ModelError
        The file is missing or corrupt, or of a kind that Keras 3 cannot load; the message says what to do.
    """
    check_backend()
    path = Path(path)
    if not path.exists():
        raise ModelError(f"model file {str(path)!r} does not exist; give a .keras, .h5 or .hdf5 file")
    if path.is_dir():
        kind = "a SavedModel folder" if (path / "saved_model.pb").exists() else "a folder"
        raise ModelError(f"{str(path)!r} is {kind}, which Keras 3 does not load; {_KERAS_2_WAY_OUT}")
    if path.suffix not in (".keras", ".h5", ".hdf5"):
        raise ModelError(
            f"{path.name!r} is no model file; give a .keras, .h5 or .hdf5 file that holds architecture and weights"
        )
    try:
        with warnings.catch_warnings():
            # Keras 3 reads LeakyReLU's `alpha` of Keras 2 as it should, and tells the user to rename it.
            warnings.filterwarnings("ignore", "Argument `alpha` is deprecated")
            return keras.models.load_model(path, custom_objects=custom_objects, compile=False)
    except Exception as error:
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        if path.suffix == ".keras" and not is_zipfile(path):
            reason = "it is no zip archive, as .keras files are"
        raise ModelError(
            f"model file {path.name!r} cannot be loaded ({reason.split('. ')[0][:200]}); check that it is "
            "complete, and give layers of your own as custom_objects"
        ) from error


def as_model(model: Any) -> Any:
    """The Keras model that `model` is or names.

    Raises
    ------
    ModelError
        It is a PyTorch module, a file that cannot be loaded, or no model at all.
    """
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
    return dtype if dtype.startswith(("int", "uint", "bool")) else feed_dtype(model)
