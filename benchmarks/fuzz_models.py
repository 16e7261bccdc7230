"""Model files for `benchmarks.fuzz`: bytes, cuts, values of their JSON and nodes of their program are changed."""

import json
import random
import shutil
import tempfile
from atexit import register
from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from zipfile import ZipFile

from benchmarks.fuzz_kind import Kind


def bytes_changed(path: Path, chance: random.Random) -> None:
    """A few bytes are others, or the file is cut short, or a part of it is there twice."""
    content = bytearray(path.read_bytes())
    what = chance.randrange(4)
    if what == 0:
        content = content[: chance.randrange(len(content))]
    elif what == 1:
        at = chance.randrange(len(content))
        content[at:at] = content[at : at + chance.randrange(1, 4000)]
    else:
        for _ in range(chance.choice([1, 4, 40])):
            content[chance.randrange(len(content))] = chance.choice([0, 1, 127, 128, 255, chance.randrange(256)])
    path.write_bytes(content)


ODD = [None, True, 0, -1, 1.5, 10**9, "", "x", "NaN", [], {}, [[]], [None], {"class_name": "Lambda", "config": {}}]


def json_changed(path: Path, chance: random.Random) -> None:
    """One to three values of a JSON text are others, gone, or another part of it."""
    tree = json.loads(path.read_text())
    for _ in range(chance.randint(1, 3)):
        places = list(_places(tree))
        holder, key = chance.choice(places)
        if chance.random() < 0.2:
            del holder[key]
            continue
        other, other_key = chance.choice(places)
        holder[key] = deepcopy(chance.choice([*ODD, other[other_key]]))  # a shared one would come to hold itself
    path.write_text(json.dumps(tree))


def _places(tree: object):  # type: ignore[no-untyped-def]
    keys = list(tree) if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else []
    for key in keys:
        yield tree, key  # type: ignore[misc]
        yield from _places(tree[key])  # type: ignore[index]


def keras_config_changed(path: Path, chance: random.Random) -> None:
    """The JSON inside a .keras file is changed."""
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    inner = path.with_name("inner")
    name = chance.choice(["config.json", "config.json", "config.json", "metadata.json", "model.weights.h5"])
    inner.write_bytes(parts[name])
    (bytes_changed if name.endswith(".h5") else json_changed)(inner, chance)
    parts[name] = inner.read_bytes()
    with ZipFile(path, "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)


def h5_config_changed(path: Path, chance: random.Random) -> None:
    """The JSON inside a .h5 file is changed."""
    import h5py

    inner = path.with_name("inner")
    with h5py.File(path, "r+") as file:
        inner.write_text(file.attrs["model_config"])
        json_changed(inner, chance)
        file.attrs["model_config"] = inner.read_text()


def program_changed(path: Path, chance: random.Random) -> None:
    """An op, an input, an attribute or an object of a SavedModel is another."""
    from tensorflow.core.protobuf import saved_model_pb2

    file = path / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    meta = saved.meta_graphs[0]
    nodes = [node for function in meta.graph_def.library.function for node in function.node_def]
    node, other = chance.choice(nodes), chance.choice(nodes)
    what = chance.randrange(5)
    if what == 0:
        node.op = chance.choice([other.op, "WriteFile", "Nonsense", ""])
    elif what == 1 and node.input:
        node.input[chance.randrange(len(node.input))] = chance.choice([*other.input, "nothing", ""])
    elif what == 2 and node.attr:
        del node.attr[chance.choice(list(node.attr))]
    elif what == 3:
        objects = meta.object_graph_def.nodes
        objects[chance.randrange(len(objects))].CopyFrom(chance.choice(list(objects)))
    else:
        bytes_changed(file, chance)
        return
    file.write_bytes(saved.SerializeToString())


def saved_bytes_changed(path: Path, chance: random.Random) -> None:
    """Bytes of a file in a SavedModel folder are changed."""
    bytes_changed(chance.choice(sorted(part for part in path.rglob("*") if part.is_file())), chance)


def _built(folder: Path) -> None:
    """The same small network in every kind of file."""
    import keras

    layers = [
        keras.layers.Conv1D(2, 3, activation="swish"),
        keras.layers.BatchNormalization(),
        keras.layers.LSTM(2),
    ]
    network = keras.Sequential([keras.Input((8, 1)), *layers, keras.layers.Dense(2, activation="softmax")])
    network.save(folder / "net.keras")
    network.save(folder / "net.h5")
    network.save_weights(folder / "net.weights.h5")
    (folder / "net.json").write_text(network.to_json())
    network.export(folder / "net", verbose=False)


@lru_cache(maxsize=1)
def _sound() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="fuzz.")
    register(folder.cleanup)
    _built(Path(folder.name))
    return Path(folder.name)


def _load(path: Path) -> object:
    import signalscreen as ss

    if path.name in ("net.json", "net.weights.h5"):
        return ss.load_model(path.with_name("net.json"), weights=path.with_name("net.weights.h5"))
    return ss.load_model(path)


def _kind(name: str, change: Callable[[Path, random.Random], None]) -> Kind:
    def make(folder: Path) -> Path:
        shutil.copytree(_sound(), folder, dirs_exist_ok=True)
        return folder / name

    return Kind(make, _load, change=change, seconds=60, memory=256 << 20)


KINDS = {
    "keras": _kind("net.keras", bytes_changed),
    "keras-config": _kind("net.keras", keras_config_changed),
    "h5": _kind("net.h5", bytes_changed),
    "h5-config": _kind("net.h5", h5_config_changed),
    "json": _kind("net.json", json_changed),
    "weights": _kind("net.weights.h5", bytes_changed),
    "saved-model": _kind("net", saved_bytes_changed),
    "saved-program": _kind("net", program_changed),
}
