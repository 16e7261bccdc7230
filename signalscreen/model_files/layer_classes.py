"""The class of a layer in a file, what may stand in its place, and what is said where it cannot be had."""

import inspect
import re
from typing import Any

from signalscreen.backend import keras
from signalscreen.errors import ModelError
from signalscreen.model_files.config import Config, is_network, name_of
from signalscreen.model_files.stored_code import holds_code

Given = dict[str, Any]

_COLOURS = re.compile(r"\x1b\[\d*m")
_HALF = "; if it is an operation of Keras 3 and no layer, save the model as .keras, since .h5 holds half of it"
_HEADINGS = ("Exception encountered", "Error when deserializing", "config={")


def class_of(config: Config, given: Given) -> Any:
    """The class of a layer: the user's, a registered one, or Keras' own.

    Raises
    ------
    ModelError
        Naming the layer and the class that is missing.
    """
    kind = config["class_name"]
    known = found_class(config, given)
    if not (inspect.isclass(known) and issubclass(known, keras.layers.Layer)):
        raise ModelError(
            f"layer {name_of(config)!r} is a {kind}, which Keras {keras.__version__} does not have; give the class "
            f"as custom_objects={{{kind!r}: {kind.split('>')[-1]}}}, or a layer in its place as "
            f"custom_objects={{{name_of(config)!r}: layer}}{_HALF * ('trainable' not in config['config'])}"
        )
    return known


def found_class(config: Config, given: Given) -> Any:
    """The class of that name, or None."""
    kind = config["class_name"]
    own = given.get(kind, given.get(str(config.get("registered_name"))))
    registered = keras.saving.get_registered_object(str(config.get("registered_name") or kind))
    return own or registered or getattr(keras.layers, kind, None)


def is_replaced(config: Config, given: Given) -> bool:
    """Whether what is given under a layer's name is meant for the layer: functions may be named alike.

    It is, if it is a layer itself, or the file's layer cannot be had.
    """
    name, kind = name_of(config), config["class_name"]
    if name not in given or is_network(config) or kind in given:
        return False
    is_known = hasattr(keras.layers, kind) or "module" in config
    return isinstance(given[name], keras.layers.Layer) or not is_known or holds_code(config, set())


def replacement(given: Any, name: str) -> Any:
    """The user's layer or function in the place of one of the file, with a name of the file."""
    if inspect.isclass(given) and issubclass(given, keras.layers.Layer):
        given = given()
    if not callable(given):
        raise ModelError(
            f"custom_objects[{name!r}] is a {type(given).__name__}; give a function of a tensor, or a Keras layer"
        )
    return keras.layers.Lambda(lambda x: given(x), name=name)


def is_operation_of_keras_3(config: Config) -> bool:
    """Whether this is one of ``keras.ops`` in a file of Keras 3, which is found by its module."""
    return str(config.get("module")).startswith("keras.") and config["module"] != "keras.layers"


def not_made(config: Config, given: Given, error: Exception) -> str:
    """That a layer cannot be made of its config: because its class is missing, or for what Keras says."""
    if not is_operation_of_keras_3(config):
        try:
            class_of(config, given)
        except ModelError as missing:
            return str(missing)
    return not_built(config, error)


def not_built(config: Config, error: Exception) -> str:
    """That a layer cannot be built, with the reason in one line, and the way out."""
    name = name_of(config)
    return (
        f"layer {name!r} ({config['class_name']}) cannot be built ({reason_of(error)}); give another layer in its "
        f"place as custom_objects={{{name!r}: layer}}"
    )


def reason_of(error: Exception) -> str:
    """The first sentence of what Keras says, behind those that say only that something failed."""
    text = _COLOURS.sub("", str(error)).replace("Exception encountered:", "\n")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = next((line for line in lines if not line.startswith(_HEADINGS)), type(error).__name__)
    return first.split(". ")[0][:200].rstrip(".")
