"""Files opened: architecture and weights found in them, and put together."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile, ZipFile

import h5py

from signalscreen.backend import keras
from signalscreen.errors import CutModelWarning, InferenceModeWarning, ModelError, SignalScreenError, warn
from signalscreen.model_files.building import build
from signalscreen.model_files.config import Config, always_training, is_network, layer_configs, name_of, outputs_of
from signalscreen.model_files.contained import check_archive, check_hdf5
from signalscreen.model_files.repairs import listed_layers, repaired
from signalscreen.model_files.settings import is_newer, known_settings
from signalscreen.model_files.stored_code import cut, find_missing, holds_code, told
from signalscreen.model_files.unreadable import unreadable
from signalscreen.model_files.weights import (
    Parts,
    fill_by_name,
    fill_from_tree,
    finalise,
    is_tree,
    listed,
    weighted_in_tree,
)

Given = dict[str, Any]

_KERAS_1 = (
    "was written by Keras {version}, whose layers have other names and settings; load it once where Keras 2 runs "
    "(Python 3.6 with keras==2.2.4 and tensorflow==1.13.1), save it again, and load that"
)


class Weights(NamedTuple):
    """Where weights are: in lists by layers' names, or in an open tree."""

    file: str
    lists: dict[str, Any] | None
    tree: Any

    def layers(self, config: Config) -> set[str]:
        """The layers that have any."""
        if self.lists is None:
            return weighted_in_tree(config, self.tree)
        return {name for name, arrays in self.lists.items() if arrays}

    def fill(self, config: Config, parts: Parts, *, whole: bool) -> None:
        """Give them to the layers that were built."""
        if self.lists is None:
            fill_from_tree(config, parts, self.tree)
        else:
            fill_by_name(parts, self.lists, whole=whole)


class Stored(NamedTuple):
    """A network as files hold it."""

    file: str
    config: Config
    version: str  # of the Keras that wrote it
    weights: Weights


def load_h5(path: Path, given: Given, until: str | None) -> Any:
    """A model of a ``.h5`` or ``.hdf5`` file."""
    with _opened(path) as file:
        text = file.attrs.get("model_config")
        if text is None:
            raise ModelError(f"model file {path.name!r} cannot be loaded: {_without_architecture(file)}")
        config, version = _parsed(text, path), _word(file.attrs.get("keras_version"))
        if not _is_for_keras(config, version, given, until, path):
            weights = _held(file, path)
            return _assembled(Stored(path.name, config, version, weights), given, until)
    return _by_keras(path, config, given)


def load_keras(path: Path, given: Given, until: str | None) -> Any:
    """A model of a ``.keras`` file."""
    try:
        size = path.stat().st_size
        with ZipFile(path) as archive:
            check_archive(archive, path.name, size)
            with archive.open("model.weights.h5") as inner, h5py.File(inner, "r") as file:
                check_hdf5(file, path.name, size)
            config = _parsed(archive.read("config.json"), path)
            version = _word(json.loads(archive.read("metadata.json")).get("keras_version", "3"))
            if not _is_for_keras(config, version, given, until, path):
                with archive.open("model.weights.h5") as inner, h5py.File(inner, "r") as file:
                    weights = Weights(path.name, None, file)
                    return _assembled(Stored(path.name, config, version, weights), given, until)
    except BadZipFile as error:
        raise ModelError(
            f"model file {path.name!r} cannot be loaded (it is no zip archive, as .keras files are); check that it "
            "is complete"
        ) from error
    except (KeyError, OSError) as error:
        if isinstance(error, SignalScreenError):
            raise
        raise ModelError(unreadable(path.name, error)) from error
    return _by_keras(path, config, given)


def load_json(path: Path, weights: Path, given: Given, until: str | None) -> Any:
    """A model of an architecture in JSON and a file of weights."""
    config = _parsed(path.read_bytes(), path)
    if not is_network(config):
        raise ModelError(
            f"{path.name!r} is no architecture that Keras wrote; give the JSON of a Functional or Sequential "
            "network"
        )
    version = _word(config.get("keras_version", "3" if "module" in config else "2"))
    with _opened(weights) as file:
        return _assembled(Stored(path.name, config, version, _held(file, weights)), given, until)


def _held(file: Any, path: Path) -> Weights:
    try:
        return Weights(path.name, None, file) if is_tree(file) else Weights(path.name, listed(file), None)
    except (KeyError, OSError, ModelError) as error:
        raise ModelError(
            f"weights file {path.name!r} cannot be used ({error}); give the .h5 file that Keras wrote them to"
        ) from error


def _assembled(stored: Stored, given: Given, until: str | None) -> Any:
    """The network of a config, cut where a function is missing, with its weights."""
    if stored.version.startswith("1."):
        raise ModelError(f"model file {stored.file!r} {_KERAS_1.format(version=stored.version)}")
    old = not stored.version.startswith("3")
    config = stored.config
    if old or is_newer(stored.version):
        config = (repaired if old else known_settings)(config, frozenset(given))
    missing = find_missing(config, set(given))
    found = cut(config, missing, stored.weights.layers(stored.config), until)
    built = build(config, given, outputs_of(config) if found is None else found.outputs, old=old)
    try:
        stored.weights.fill(stored.config, built.parts, whole=found is None)
    except (KeyError, OSError, ModelError) as error:
        raise ModelError(
            f"the weights in {stored.weights.file!r} do not fit the network of {stored.file!r}: "
            f"{str(error) or type(error).__name__}; give those that were saved with this network"
        ) from error
    finalise(built.network)
    random = always_training(config) if old else []
    if random:
        warn(
            f"{stored.file}: {', '.join(map(repr, random))} ran as in training wherever the network was used "
            "(training=True), which gives another result at each call; here the network runs as in inference",
            InferenceModeWarning,
        )
    if found is not None and until is None:
        warn(told(stored.file, found, missing), CutModelWarning)
    return built.network


def _is_for_keras(config: Config, version: str, given: Given, until: str | None, path: Path) -> bool:
    """Whether Keras loads it as it is: written by no newer Keras 3, whole, nothing replaced, no code in it."""
    if not is_network(config):
        if until is not None or holds_code(config, set(given)):
            raise ModelError(
                f"model file {path.name!r} holds a {config.get('class_name')}, of which no part can be taken (it "
                "is no Functional or Sequential network), and Python code stored in a file is never run; load it "
                "where it was made, and save the part to be explained"
            )
        return True
    names = {name_of(c) for c in layer_configs(config)}
    is_new = version.startswith("3") and not is_newer(version) and not find_missing(config, set())
    return is_new and until is None and not names & given.keys()


def _by_keras(path: Path, config: Config, given: Given) -> Any:
    try:
        network = keras.models.load_model(path, custom_objects=given, compile=False, safe_mode=True)
    except Exception as error:
        raise ModelError(unreadable(path.name, error, config, given)) from error
    finalise(network)
    return network


def _without_architecture(file: Any) -> str:
    is_weights = is_tree(file) or "layer_names" in file.attrs or "_layer_checkpoint_dependencies" in file
    if not is_weights:
        return "it is an HDF5 file that Keras did not write; give a model that Keras saved"
    return (
        "it holds weights and no architecture; give the network's JSON file, and this one as weights=, or build "
        "the network in Python, call its load_weights, and pass the model"
    )


def _parsed(text: Any, path: Path) -> Config:
    try:
        config = json.loads(text)
    except ValueError as error:
        raise ModelError(
            f"model file {path.name!r} is not valid JSON ({error}); check that it is complete"
        ) from error
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict | list):
        raise ModelError(
            f"model file {path.name!r} holds no architecture that Keras wrote; give one that Keras saved"
        )
    return listed_layers(config)


def _word(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "2")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.exists():
        raise ModelError(f"weights file {str(path)!r} does not exist; give the .h5 file of the weights")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ModelError(unreadable(path.name, error)) from error
    with file:
        check_hdf5(file, path.name, path.stat().st_size)
        yield file
