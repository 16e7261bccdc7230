"""A network built from its config, call by call, so that a part of it can be built alone."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from signalscreen.backend import keras, tf
from signalscreen.errors import ModelError
from signalscreen.model_files.config import (
    RECURRENT,
    Call,
    Config,
    Reference,
    call_of,
    calls_before,
    is_network,
    is_reference,
    layer_configs,
    name_of,
    wrapped,
)
from signalscreen.model_files.layer_classes import class_of, is_replaced, not_built, not_made, replacement
from signalscreen.model_files.operations import is_operation, operation
from signalscreen.model_files.repairs import HARD_SIGMOID

Given = dict[str, Any]


class Built(NamedTuple):
    """A network, and the layers it was built from, each beside its config, in the file's order."""

    network: Any
    parts: list[tuple[Config, Any]]


def build(config: Config, given: Given, outputs: list[Reference], *, old: bool) -> Built:
    """The network of a config, up to `outputs`.

    Parameters
    ----------
    config : dict
        Of a Functional or Sequential network, repaired where it is of Keras 2.
    given : dict
        The user's ``custom_objects``: classes and functions by their names, replacements by a layer's name.
    outputs : list of Reference
        Where it ends.
    old : bool
        Whether the config is of Keras 2.

    Raises
    ------
    ModelError
        A layer is of a class that is not Keras' own and was not given.
    """
    with warnings.catch_warnings(), keras.saving.custom_object_scope({**given, HARD_SIGMOID: keras_2_hard_sigmoid}):
        # What Keras tells those who write a layer in an old way says nothing to those who read one.
        warnings.simplefilter("ignore", UserWarning)
        return _built(config, given, outputs, old)


def keras_2_hard_sigmoid(x: Any) -> Any:
    """``0.2 x + 0.5`` in [0, 1]."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def _built(config: Config, given: Given, outputs: list[Reference] | None, old: bool) -> Built:
    own = layer_configs(config)
    if config["class_name"] == "Sequential":
        end = len(own) if outputs is None else 1 + [name_of(c) for c in own].index(outputs[0].layer)
        parts = [(c, _layer(c, given, old)) for c in own[:end]]
        return Built(_sequential([layer for _, layer in parts], config), parts)
    configs = {name_of(c): c for c in own}
    settings = config["config"]
    ends: Any = settings["output_layers"] if outputs is None else outputs
    calls = calls_before(configs, ends, old)
    used = {name for name, _ in calls}
    layers = {name: _layer(c, given, old) for name, c in configs.items() if name in used and not is_operation(c)}
    tensors = _called(configs, layers, calls, given, old)

    def tensor(reference: Reference, is_output: bool) -> Any:
        return tensors[call_of(reference, configs, old, is_output)][reference.tensor]

    entries = _mapped(settings["input_layers"], lambda r: tensor(r, False) if r.layer in used else None)
    network = keras.Model(
        _alone(entries), _alone(_mapped(ends, lambda r: tensor(r, True))), name=settings.get("name")
    )
    return Built(network, [(configs[name], layer) for name, layer in layers.items()])


def _sequential(layers: list[Any], config: Config) -> Any:
    if not isinstance(layers[0], keras.layers.InputLayer) and not getattr(layers[0], "inputs", None):
        raise ModelError(
            f"the Sequential network {config['config'].get('name')!r} does not say the shape of its input; give it "
            "an input layer where it was made, and save it again"
        )
    return keras.Sequential(layers, name=config["config"].get("name"))


def _called(
    configs: dict[str, Config], layers: dict[str, Any], calls: list[Call], given: Given, old: bool
) -> dict[Call, list[Any]]:
    tensors: dict[Call, list[Any]] = {}

    def tensor(reference: Reference) -> Any:
        return tensors[call_of(reference, configs, old, False)][reference.tensor]

    for name, number in calls:
        nodes = configs[name]["inbound_nodes"]
        if not nodes:
            tensors[name, number] = [layers[name].output]
            continue
        try:
            if is_operation(configs[name]):
                layers[name], entering = operation(configs[name], nodes[number], tensor, given.get(name))
                made = layers[name](entering)
            else:
                args, kwargs = _arguments(configs[name], nodes[number], tensor)
                made = layers[name](*args, **kwargs)
            tensors[name, number] = tf.nest.flatten(made)
        except ModelError:
            raise
        except (TypeError, ValueError, tf.errors.OpError) as error:
            raise ModelError(not_built(configs[name], error)) from error
    return tensors


def _arguments(config: Config, node: Any, tensor: Callable[[Reference], Any]) -> tuple[list[Any], dict[str, Any]]:
    """What a layer is called on: a list of references, or positional and named arguments as Keras 3 has them."""
    if isinstance(node, dict):
        return list(_value(node["args"], tensor)), dict(_value(node["kwargs"], tensor))
    node = [node] if is_reference(node) else node
    first = [tensor(Reference(*reference[:3])) for reference in node]
    named = node[0][3] if len(node[0]) == 4 else {}
    kwargs = {key: _value(value, tensor) for key, value in named.items() if key != "training"}
    if config["class_name"] in RECURRENT and len(first) > 1:  # Keras 2 put the states that it begins with behind it
        first, kwargs["initial_state"] = first[:1], first[1:]
    return [_alone(first)], kwargs


def _value(value: Any, tensor: Callable[[Reference], Any]) -> Any:
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return tensor(Reference(*value["config"]["keras_history"]))
        if value.get("class_name") == "__tuple__":
            return tuple(_value(part, tensor) for part in value["items"])
        if "class_name" in value:
            return keras.saving.deserialize_keras_object(value, safe_mode=True)
        return {key: _value(part, tensor) for key, part in value.items()}
    if isinstance(value, list):
        if is_reference(value):
            return tensor(Reference(*value[:3]))
        return [_value(part, tensor) for part in value]
    return value


def _mapped(structure: Any, made: Callable[[Reference], Any]) -> Any:
    """Tensors in place of the references of ``input_layers`` or ``output_layers``, those that are None left out."""
    if is_reference(structure):
        return made(Reference(*structure[:3]))
    if isinstance(structure, dict):
        pairs = {key: _mapped(part, made) for key, part in structure.items()}
        return {key: part for key, part in pairs.items() if part is not None}
    return [part for part in (_mapped(part, made) for part in structure) if part is not None]


def _alone(parts: Any) -> Any:
    return parts[0] if isinstance(parts, list) and len(parts) == 1 else parts


def _layer(config: Config, given: Given, old: bool) -> Any:
    name = name_of(config)
    if is_replaced(config, given):
        return replacement(given[name], name)
    if is_network(config):
        return _built(config, given, None, old).network
    try:
        inner = {key: _inner(config["config"][key], given, old) for key in wrapped(config, given)}
        if inner:
            return class_of(config, given)(**{**config["config"], **inner})
        if not old and "module" in config:  # .h5 leaves it out
            return keras.saving.deserialize_keras_object(config, custom_objects=given, safe_mode=True)
        return class_of(config, given).from_config(config["config"])
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(not_made(config, given, error)) from error


def _inner(value: Any, given: Given, old: bool) -> Any:
    return [_layer(part, given, old) for part in value] if isinstance(value, list) else _layer(value, given, old)
