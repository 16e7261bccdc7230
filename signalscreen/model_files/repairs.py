"""What Keras 3 no longer reads of the configs that Keras 2 wrote, put right: one pure function for each break."""

import copy
from collections.abc import Callable
from typing import Any

from signalscreen.model_files.config import Config, is_network
from signalscreen.model_files.settings import gone_settings, training_parts

HARD_SIGMOID = "keras_2_hard_sigmoid"  # the name under which that of Keras 2 is given to Keras

_ACTIVATIONS = ("activation", "recurrent_activation")
_RENAMED = {
    "Model": "Functional",
    "Convolution1DTranspose": "Conv1DTranspose",
    "Convolution2DTranspose": "Conv2DTranspose",
    "Convolution3DTranspose": "Conv3DTranspose",
    "SeparableConvolution1D": "SeparableConv1D",
    "SeparableConvolution2D": "SeparableConv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
}


def repaired(config: Config, own: frozenset[str] = frozenset()) -> Config:
    """A config of Keras 2 as Keras 3 reads it, for inference.

    Parameters
    ----------
    config : dict
        Of a layer or a network, as JSON holds it; it is not changed.
    own : set of str
        Names of the user's classes, whose settings are left as they are, and functions.

    Raises
    ------
    ModelError
        A layer uses what Keras 3 does not have.

    Examples
    --------
    >>> repaired({"class_name": "LeakyReLU", "config": {"name": "a", "alpha": {"type": "ndarray", "value": 0.3}}})
    {'class_name': 'LeakyReLU', 'config': {'name': 'a', 'negative_slope': 0.3}}
    """
    found: Config = _walk(plain(copy.deepcopy(config)), own)
    return found


def _walk(value: Any, own: frozenset[str]) -> Any:
    if isinstance(value, list):
        return [_walk(part, own) for part in value]
    if not isinstance(value, dict):
        return value
    is_layer = isinstance(value.get("class_name"), str) and isinstance(value.get("config"), dict | list)
    if is_layer and value["class_name"] not in own:
        for repair in REPAIRS:
            value = repair(value)
        value = own_activation(value, own)
    return {key: _walk(part, own) for key, part in value.items()}


def plain(value: Any) -> Any:
    """Arrays, tuples and shapes that were written as dicts, as numbers and lists (Keras 2.0 to 2.2, TF 2.x)."""
    if isinstance(value, list):
        return [plain(part) for part in value]
    if not isinstance(value, dict):
        return value
    if value.get("type") == "ndarray" and "value" in value:
        return value["value"]
    if value.get("class_name") in ("__tuple__", "TensorShape") and "items" in value:
        return plain(value["items"])
    return {key: plain(part) for key, part in value.items()}


def _set(layer: Config, /, **settings: Any) -> Config:
    return {**layer, "config": {**layer["config"], **settings}}


def _without(layer: Config, /, *keys: str) -> Config:
    return {**layer, "config": {key: value for key, value in layer["config"].items() if key not in keys}}


def listed_layers(layer: Config) -> Config:
    """Sequential networks were a bare list of layers up to Keras 2.2.2."""
    if isinstance(layer["config"], list):
        return {**layer, "config": {"name": "sequential", "layers": layer["config"]}}
    return layer


def renamed_classes(layer: Config) -> Config:
    """``Model`` is ``Functional`` now, and there is one batch normalisation."""
    name = layer["class_name"]
    if name == "ThresholdedReLU":
        theta = layer["config"].get("theta", 1.0)
        return _set(_without({**layer, "class_name": "ReLU"}, "theta"), threshold=theta)
    if name == "SyncBatchNormalization":
        return _set({**layer, "class_name": "BatchNormalization"}, synchronized=True)
    return {**layer, "class_name": _RENAMED.get(name, name)}


def stated_input(layer: Config) -> Config:
    """The first layer of a Sequential network held the input's shape; now an input layer does."""
    settings = layer["config"]
    if layer["class_name"] != "Sequential" or not settings["layers"]:
        return layer
    first, *rest = settings["layers"]
    shape = first["config"].get("batch_input_shape") if isinstance(first["config"], dict) else None
    shape = shape or settings.get("build_input_shape")
    if first["class_name"] == "InputLayer" or is_network(first) or shape is None:
        return layer
    name = f"{first['config']['name']}_input"
    whole = first["class_name"] == "Embedding"
    entry = {"name": name, "batch_input_shape": shape, "dtype": "int32" if whole else "float32"}
    return _set(layer, layers=[{"class_name": "InputLayer", "config": entry}, first, *rest])


def input_shape(layer: Config) -> Config:
    """``batch_input_shape`` is ``batch_shape``, and of input layers only."""
    shape = layer["config"].get("batch_input_shape")
    if layer["class_name"] == "InputLayer" and shape is not None:
        layer = _set(layer, batch_shape=shape)
    return _without(layer, "batch_input_shape")


def single_axis(layer: Config) -> Config:
    """Batch normalisation wrote its axis as a list of one."""
    axis = layer["config"].get("axis")
    if layer["class_name"] == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        return _set(layer, axis=axis[0])
    return layer


def slope(layer: Config) -> Config:
    """``alpha`` of a leaky ReLU is ``negative_slope``."""
    if layer["class_name"] == "LeakyReLU" and "alpha" in layer["config"]:
        return _set(_without(layer, "alpha"), negative_slope=layer["config"]["alpha"])
    return layer


def precision(layer: Config) -> Config:
    """A dtype policy was a dict of another class."""
    dtype = layer["config"].get("dtype")
    if isinstance(dtype, dict) and "Policy" in str(dtype.get("class_name")):
        return _set(layer, dtype=dtype["config"]["name"])
    return layer


def hard_sigmoid(layer: Config) -> Config:
    """In Keras 2 it is ``0.2 x + 0.5`` within [0, 1], in Keras 3 ``x / 6 + 0.5``: no error, but other numbers."""
    for key in _ACTIVATIONS:
        given = layer["config"].get(key)
        name = given.get("config") if isinstance(given, dict) else given
        if name == "hard_sigmoid":
            layer = _set(layer, **{key: _function(HARD_SIGMOID)})
    return layer


def own_activation(layer: Config, own: frozenset[str]) -> Config:
    """A function of the user was written as its bare name, by which Keras 3 finds its own functions only."""
    for key in _ACTIVATIONS:
        name = layer["config"].get(key)
        if isinstance(name, str) and name in own:
            layer = _set(layer, **{key: _function(name)})
    return layer


def _function(name: str) -> Config:
    return {"module": "builtins", "class_name": "function", "config": name, "registered_name": name}


def gru_bias(layer: Config) -> Config:
    """Before there was ``reset_after`` it was False; Keras 3 takes True where nothing is said."""
    if layer["class_name"] in ("GRU", "GRUCell") and "reset_after" not in layer["config"]:
        return _set(layer, reset_after=False)
    return layer


REPAIRS: tuple[Callable[[Config], Config], ...] = (
    listed_layers,
    renamed_classes,
    stated_input,
    input_shape,
    training_parts,
    gone_settings,
    single_axis,
    slope,
    precision,
    hard_sigmoid,
    gru_bias,
)
