"""A network's config as a graph of calls: pure functions over the JSON that Keras 2 and Keras 3 write.

A call is ``(layer's name, number of the call)``. Layers are named as in the file; of nested networks only the outer
name counts here.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

Config = dict[str, Any]
Call = tuple[str, int]

NETWORKS = ("Functional", "Model", "Sequential")
CONSTANT = "_CONSTANT_VALUE"  # in the place of a layer's name: Keras 2's way to write a number as a first argument
RECURRENT = ("LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional")
# layers that hold other layers -> the settings that hold them
_WRAPPERS = {
    "TimeDistributed": ("layer",),
    "SpectralNormalization": ("layer",),
    "Bidirectional": ("layer", "backward_layer"),
    "RNN": ("cell",),
    "StackedRNNCells": ("cells",),
}


class Reference(NamedTuple):
    """One output of one call of a layer, as another layer's input or the network's output names it."""

    layer: str
    node: int
    tensor: int


def is_network(layer: Any) -> bool:
    """Whether this is the config of a network, nested or not."""
    return isinstance(layer, dict) and layer.get("class_name") in NETWORKS and "config" in layer


def layer_configs(network: Config) -> list[Config]:
    """The configs of a network's own layers, in the file's order."""
    settings = network["config"]
    return list(settings if isinstance(settings, list) else settings["layers"])


def wrapped(layer: Config, own: Collection[str] = ()) -> tuple[str, ...]:
    """The settings of a wrapper (of Keras' own, and none of `own`) that hold the layers inside it."""
    settings, kind = layer["config"], layer["class_name"]
    keys = _WRAPPERS.get(kind, ()) if kind not in own else ()
    return tuple(key for key in keys if settings.get(key) is not None)


def name_of(layer: Config) -> str:
    """A layer's name, which some formats keep in its settings only."""
    name = layer.get("name") or layer["config"]["name"]
    return str(name)


def references(value: Any) -> Iterator[Reference]:
    """Every reference to a tensor in an inbound node, in the notation of Keras 2 or of Keras 3."""
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            yield Reference(*value["config"]["keras_history"])
        else:
            for part in value.values():
                yield from references(part)
    elif isinstance(value, list | tuple):
        if is_reference(value):
            yield Reference(*value[:3])
            value = value[3:]
        for part in value:
            yield from references(part)


def is_reference(value: Any) -> bool:
    """Whether this is ``[layer, node, tensor]``, with or without the settings of the call behind it."""
    return (
        isinstance(value, list | tuple)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and value[0] != CONSTANT
        and all(type(n) is int for n in value[1:3])
    )


def _first_node(layer: Config) -> int:
    """The number under which Keras 2 refers to the first call: a network has a node of its own before it."""
    if not is_network(layer):
        return 0
    if layer["class_name"] != "Sequential":
        return 1
    layers = layer_configs(layer)
    return int(bool(layers) and (layers[0]["class_name"] == "InputLayer" or is_network(layers[0])))


def call_of(reference: Reference, layers: dict[str, Config], old: bool, is_output: bool) -> Call:
    """The call that made the tensor referred to.

    Keras 2 counts a nested network's own making as its first call; Keras 3 does so among a network's outputs only.
    """
    layer = layers[reference.layer]
    if len(layer["inbound_nodes"]) <= 1:
        return reference.layer, 0
    own = _first_node(layer) if old else int(is_output and layer["class_name"] in ("Functional", "Model"))
    return reference.layer, reference.node - own


def calls_before(layers: dict[str, Config], outputs: Any, old: bool) -> list[Call]:
    """The calls that `outputs` need, each after those that it needs itself."""
    order: dict[Call, None] = {}
    waiting = [(call_of(r, layers, old, True), False) for r in references(outputs)][::-1]
    while waiting:
        call, is_ready = waiting.pop()
        if call in order:
            continue
        if is_ready:
            order[call] = None
            continue
        waiting.append((call, True))
        name, number = call
        nodes = layers[name]["inbound_nodes"]
        needed = references(nodes[number]) if nodes else ()
        waiting += [(call_of(r, layers, old, False), False) for r in needed][::-1]
    return list(order)


def inputs_of(network: Config) -> dict[str, list[Reference]]:
    """What enters each layer of a network, all its calls together; a Sequential network is a chain."""
    layers = layer_configs(network)
    names = [name_of(layer) for layer in layers]
    if network["class_name"] == "Sequential":
        before = [[], *([Reference(name, 0, 0)] for name in names[:-1])]
        return dict(zip(names, before, strict=True))
    return {name: list(references(layer["inbound_nodes"])) for name, layer in zip(names, layers, strict=True)}


def always_training(network: Config) -> list[str]:
    """The layers of a Keras 2 network that were called with ``training=True``: they ran so wherever it was used.

    Those that drop nothing are left out.
    """
    found = []
    for layer in layer_configs(network):
        nodes = layer.get("inbound_nodes", [])
        called = [part[3] for node in nodes for part in node if is_reference(part) and len(part) == 4]
        if any(named.get("training") is True for named in called) and layer["config"].get("rate") != 0:
            found.append(name_of(layer))
        found += always_training(layer) if is_network(layer) else []
    return found


def outputs_of(network: Config) -> list[Reference]:
    """The tensors that a network gives."""
    if network["class_name"] == "Sequential":
        return [Reference(name_of(layer_configs(network)[-1]), 0, 0)]
    return list(references(network["config"]["output_layers"]))


def before(names: Iterable[str], inputs: dict[str, list[Reference]]) -> set[str]:
    """The layers from which these layers are computed, themselves included."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [reference.layer for reference in inputs.get(name, [])]
    return found
