"""Why Keras cannot load a file of its own, in one sentence, and what to do."""

from collections.abc import Iterator

from signalscreen.backend import keras
from signalscreen.errors import ModelError
from signalscreen.model_files.config import Config, is_network, layer_configs, name_of, wrapped
from signalscreen.model_files.layer_classes import (
    Given,
    class_of,
    found_class,
    is_operation_of_keras_3,
    reason_of,
)
from signalscreen.model_files.settings import unknown_settings


def unreadable(file: str, error: Exception, config: Config | None = None, given: Given | None = None) -> str:
    """What is said of a file that cannot be loaded.

    Parameters
    ----------
    file : str
        Its name.
    error : Exception
        What Keras, or the reader of the file, says.
    config : dict, optional
        The architecture in the file, in which a class that is missing is looked for.
    given : dict, optional
        The user's ``custom_objects``.
    """
    named = None if config is None else missing_class(config, given or {})
    way_out = "check that it is complete, and give layers of your own as custom_objects"
    if named is not None:
        return f"model file {file!r} cannot be loaded: {named}"
    if config is not None and file.endswith((".h5", ".hdf5")):
        way_out = "save it as .keras where it was made, which holds more than .h5, and load that"
    return f"model file {file!r} cannot be loaded ({reason_of(error)}); {way_out}"


def missing_class(config: Config, given: Given) -> str | None:
    """The first layer without a class in Keras, or with a setting that its class does not take, in words."""
    if not is_network(config):
        kind = str(config.get("class_name"))
        if found_class(config, given) is not None:
            return None
        return (
            f"it holds a {kind}, which is no class of Keras; give the class as custom_objects={{{kind!r}: {kind}}}"
        )
    for layer in _layers(config):
        if not is_operation_of_keras_3(layer):
            try:
                class_of(layer, given)
            except ModelError as error:
                return str(error)
        unknown = unknown_settings(layer) if layer["class_name"] not in given else []
        if unknown:
            return (
                f"layer {name_of(layer)!r} ({layer['class_name']}) has the setting {unknown[0]!r}, which Keras "
                f"{keras.__version__} does not know; load it with the Keras that wrote it, or give a layer in its "
                f"place as custom_objects={{{name_of(layer)!r}: layer}}"
            )
    return None


def _layers(config: Config) -> Iterator[Config]:
    """Every layer of a network, those of networks and wrappers inside it too."""
    for layer in layer_configs(config):
        if is_network(layer):
            yield from _layers(layer)
            continue
        yield layer
        held = [layer["config"][key] for key in wrapped(layer)]
        inner = [part for value in held for part in (value if isinstance(value, list) else [value])]
        yield from _layers({"class_name": "Sequential", "config": {"layers": inner}})
