"""Weights as model files hold them, put into the layers that they belong to; what does not fit is named.

Keras wrote them in two ways: as a list for each layer, by the layer's name (.h5 of Keras 1 and 2, and of Keras 3
for a whole model), and as a tree of layers numbered within their class (.weights.h5, and in .keras).
"""

import re
from collections.abc import Iterable
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from signalscreen.backend import keras, tf
from signalscreen.errors import ModelError
from signalscreen.model_files.config import Config, is_network, layer_configs, name_of, wrapped

Array = npt.NDArray[Any]
Parts = list[tuple[Config, Any]]

_PLAIN: Config = {"class_name": "", "config": {}}  # of a layer inside another, of which the tree itself says enough


def is_tree(file: Any) -> bool:
    """Whether weights lie in this file as a tree of layers."""
    return "layers" in file and "layer_names" not in file.attrs


def listed(file: Any) -> dict[str, list[Array]]:
    """The weights of each layer by its name, of a file that holds lists of them.

    Raises
    ------
    ModelError
        It does not, or points to another file.
    """
    group = file.get("model_weights", file)
    names = _words(group, "layer_names")
    if names is None:
        raise ModelError("it holds no weights that Keras wrote")
    return {name: [_array(group[name][w]) for w in _words(group[name], "weight_names") or []] for name in names}


def _words(group: Any, name: str) -> list[str] | None:
    """An attribute of words, which is written in pieces where it is long."""
    pieces = [group.attrs[name]] if name in group.attrs else []
    while f"{name}{len(pieces)}" in group.attrs:
        pieces.append(group.attrs[f"{name}{len(pieces)}"])
    if not pieces:
        return None
    return [word.decode() if isinstance(word, bytes) else str(word) for piece in pieces for word in piece]


def _array(dataset: Any) -> Array:
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise ModelError("its weights lie in another file")
    return np.asarray(dataset)


def fill_by_name(parts: Parts, saved: dict[str, list[Array]], *, whole: bool) -> None:
    """Set the weights of layers to those saved under their names, or in order where the names are others.

    Parameters
    ----------
    parts : list of (config, layer)
    saved : dict
        Layer's name -> its weights.
    whole : bool
        Whether `parts` is all of the network that was saved.

    Raises
    ------
    ModelError
        Naming the layer whose weights are missing, too many, or of another shape.
    """
    wanted = [(name_of(config), _variables(config, layer)) for config, layer in parts]
    wanted = [(name, variables) for name, variables in wanted if variables]
    held = {name: arrays for name, arrays in saved.items() if arrays}
    if whole and not {name for name, _ in wanted} & held.keys():
        if len(held) != len(wanted):
            raise ModelError(
                f"it has weights of {len(held)} layers, and the network has {len(wanted)} with weights"
            )
        held = dict(zip([name for name, _ in wanted], held.values(), strict=True))
    if whole and held.keys() - {name for name, _ in wanted}:
        more = ", ".join(sorted(held.keys() - {name for name, _ in wanted}))
        raise ModelError(f"it has weights of layers that the network does not have ({more})")
    for name, variables in wanted:
        if name not in held:
            raise ModelError(f"it has no weights of layer {name!r}")
        _fill(name, variables, held[name])


def _fill(name: str, variables: list[Any], arrays: list[Array]) -> None:
    if len(variables) != len(arrays):
        raise ModelError(f"layer {name!r} has {len(variables)} weights, and the file {len(arrays)} for it")
    for variable, array in zip(variables, arrays, strict=True):
        if tuple(variable.shape) != array.shape:
            raise ModelError(
                f"layer {name!r} has weights of shape {tuple(variable.shape)}, and the file {array.shape}"
            )
        variable.assign(array)


def _variables(config: Config, layer: Any) -> list[Any]:
    """A layer's weights in the order of old files: the trained ones of all its layers first."""
    return [*_some(config, layer, "trainable_weights"), *_some(config, layer, "non_trainable_weights")]


def _some(config: Config, layer: Any, kind: str) -> list[Any]:
    if is_network(config):
        return [v for inner, part in _inner_parts(config, layer) for v in _some(inner, part, kind)]
    if config["class_name"] == "TimeDistributed" and is_network(config["config"]["layer"]):
        return _some(config["config"]["layer"], layer.layer, kind)
    return list(getattr(layer, kind, ()))


def _inner_parts(config: Config, network: Any) -> Parts:
    """The layers of a network that was built, each beside its config."""
    inner = [c for c in layer_configs(config) if c["class_name"] != "InputLayer"]
    return [(c, network.get_layer(name_of(c))) for c in inner]


def in_tree(config: Config) -> dict[str, str]:
    """Where a tree holds each layer of a network: name -> path, numbered within its class in the file's order."""
    layers = layer_configs(config)
    numbered = _numbered(layer["class_name"] for layer in layers)
    return {name_of(layer): f"layers/{path}" for layer, path in zip(layers, numbered, strict=True)}


def _numbered(kinds: Iterable[str]) -> list[str]:
    """The names of layers of these classes in a tree."""
    counts: dict[str, int] = {}
    names = []
    for kind in map(_snake, kinds):
        number = counts[kind] = counts.get(kind, -1) + 1
        names.append(f"{kind}_{number}" if number else kind)
    return names


def weighted_in_tree(config: Config, group: Any) -> set[str]:
    """The layers of a network that have weights in a tree."""
    return {name for name, path in in_tree(config).items() if path in group and _count(group[path])}


def _count(group: Any) -> int:
    """How many arrays a layer has in a tree; states of random numbers are no weights."""
    if isinstance(group, h5py.Dataset):
        return 1
    return sum(_count(group[name]) for name in group if not name.startswith("seed_generator"))


def fill_from_tree(config: Config, parts: Parts, group: Any) -> None:
    """Set the weights of layers to those of a tree.

    Parameters
    ----------
    config : dict
        The whole network's, as saved: the numbers of layers in the tree are counted in it.
    parts : list of (config, layer)
        Those that were built.
    group : h5py.Group
        The network's.

    Raises
    ------
    ModelError
        Naming the layer whose weights are missing, or of another number or shape.
    """
    paths = in_tree(config)
    for inner, layer in parts:
        name = name_of(inner)
        held = group.get(paths[name], {})
        wanted = {id(variable) for variable in getattr(layer, "weights", ())}  # an operation has none to ask for
        filled = _load(name, inner, layer, held) if wanted else set()
        if wanted - filled or (_count(held) and not wanted):
            number = len(wanted & filled) if wanted else _count(held)
            raise ModelError(f"layer {name!r} has {len(wanted)} weights, and the file {number} for it")


def _load(name: str, config: Config, layer: Any, group: Any) -> set[int]:
    """Give a layer its own arrays of a tree, and the layers inside it (a cell, a wrapped layer) theirs.

    Returns the identities of the variables that were given a value.
    """
    if is_network(config):
        fill_from_tree(config, _inner_parts(config, layer), group)
        return {id(variable) for variable in layer.weights}
    filled: set[int] = set()
    if len(group.get("vars", ())):
        try:
            layer.load_own_variables({key: _array(value) for key, value in group["vars"].items()})
        except ValueError as error:
            raise ModelError(f"layer {name!r} does not take them ({error})") from error
        filled = {id(v) for v in (*layer._trainable_variables, *layer._non_trainable_variables)}
    held = {key: config["config"][key] for key in wrapped(config)}
    for key in group:
        if key == "vars" or not _count(group[key]):
            continue
        inner = getattr(layer, key, None)
        if inner is None:
            raise ModelError(f"layer {name!r} has no part {key!r}")
        if isinstance(inner, list | tuple):
            filled |= _load_list(f"{name}/{key}", inner, group[key])
        else:
            filled |= _load(f"{name}/{key}", held.get(key, _PLAIN), inner, group[key])
    return filled


def _load_list(name: str, layers: Any, group: Any) -> set[int]:
    paths = _numbered(type(layer).__name__ for layer in layers)
    named = zip(paths, layers, strict=True)
    return {
        v for path, layer in named if path in group for v in _load(f"{name}/{path}", _PLAIN, layer, group[path])
    }


def finalise(network: Any) -> None:
    """Let layers compute what they make of their weights: ``Normalization`` divides by constants made from them.

    Raises
    ------
    ModelError
        A layer has learnt a vocabulary, which did not come with the weights; or has no weights yet.
    """
    is_chain = isinstance(network, keras.Sequential)
    unbuilt = [layer.name for layer in network.layers if is_chain and not layer.built]
    if unbuilt:
        raise ModelError(
            f"layer {unbuilt[0]!r} has no weights after loading: the network was saved before it was called on a "
            "signal, or a layer of your own before it has no compute_output_shape; put that right where it was "
            "made, and save it again"
        )
    for layer in network._flatten_layers():
        if layer.weights and callable(getattr(layer, "finalize_state", None)):
            layer.finalize_state()
        if callable(getattr(layer, "get_vocabulary", None)) and not _has_vocabulary(layer):
            raise ModelError(
                f"layer {layer.name!r} ({type(layer).__name__}) has learnt a vocabulary, which cannot be read from "
                "this file; load a .keras file whole, or make the layer with vocabulary= and save the model again"
            )


def _has_vocabulary(layer: Any) -> bool:
    try:
        return len(layer.get_vocabulary(include_special_tokens=False)) > 0
    except tf.errors.FailedPreconditionError:  # a table that was never filled
        return False


def _snake(name: str) -> str:
    """A class's name as Keras writes it in a tree."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
