"""Damaged model files: what loading them ends in. Run: python -m benchmarks.fuzz_models [inputs per kind] [seed].

Real files of each kind are changed at random (bytes, cuts, values of their JSON, nodes of their program), and
loaded by a child process that is killed after LIMIT seconds. Counts: loaded, refused (a SignalScreenError),
traceback (any other exception, or a crash), hang, and memory (the child grew by more than 256 MiB).
"""

import json
import random
import resource
import select
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

LIMIT = 60
SPARE_KB = 256 << 10
Change = Callable[[Path, random.Random], None]


def child() -> None:
    """Load what stdin names, and say how it ended."""
    import warnings

    import signalscreen as ss
    from signalscreen.errors import SignalScreenError

    warnings.simplefilter("ignore")
    print("ready", flush=True)
    for line in sys.stdin:
        model, *weights = line.rstrip("\n").split("\t")
        before, said = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, ""
        try:
            ss.load_model(model, weights=weights[0] if weights else None)
            end = "loaded"
        except (SignalScreenError, FileNotFoundError) as error:
            end, said = "refused", str(error)
        except BaseException as error:
            end, said = "traceback", f"{type(error).__name__}: {error}"
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(end, grown, " ".join(said.split())[:300], sep="\t", flush=True)


class Child:
    """A process that loads files, started again when it is lost."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "benchmarks.fuzz_models", "--child"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        assert self.process.stdin is not None
        self.entry, self.exit = self.process.stdin, self.process.stdout
        assert self.exit.readline() == "ready\n"

    def end_of(self, paths: list[Path]) -> tuple[str, int, str]:
        """How loading these files ends, by how many KB the process grew, and what it said."""
        self.entry.write("\t".join(map(str, paths)) + "\n")
        self.entry.flush()
        if not select.select([self.exit], [], [], LIMIT)[0]:
            self.process.kill()
            return "hang", 0, ""
        line = self.exit.readline()
        if not line:
            return "traceback", 0, f"the process died ({self.process.wait()})"
        end, grown, said = line.rstrip("\n").split("\t", 2)
        return end, int(grown), said


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
        holder[key] = chance.choice([*ODD, json.loads(json.dumps(other[other_key]))])
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


KINDS: dict[str, tuple[str, Change]] = {
    ".keras bytes": ("net.keras", bytes_changed),
    ".keras config": ("net.keras", keras_config_changed),
    ".h5 bytes": ("net.h5", bytes_changed),
    ".h5 config": ("net.h5", h5_config_changed),
    "JSON": ("net.json", json_changed),
    "weights": ("net.weights.h5", bytes_changed),
    "SavedModel bytes": ("net", saved_bytes_changed),
    "SavedModel program": ("net", program_changed),
}


def seeds(folder: Path) -> None:
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


def main(number: int, seed: int) -> None:
    """Print a row of counts for each kind, and what was no refusal."""
    with tempfile.TemporaryDirectory() as name:
        sound, folder = Path(name) / "sound", Path(name) / "changed"
        sound.mkdir()
        seeds(sound)
        lost: list[str] = []
        runner = Child()
        for kind, (file, change) in KINDS.items():
            counts: Counter[str] = Counter()
            for index in range(number):
                shutil.rmtree(folder, ignore_errors=True)
                shutil.copytree(sound, folder)
                change(folder / file, random.Random(f"{kind} {seed} {index}"))
                pair = file in ("net.json", "net.weights.h5")
                paths = [folder / "net.json", folder / "net.weights.h5"] if pair else [folder / file]
                end, grown, said = runner.end_of(paths)
                counts[end] += 1
                counts["memory"] += grown > SPARE_KB
                if end in ("traceback", "hang"):
                    lost.append(f"{kind} {index}: {end} {said}")
                if runner.process.poll() is not None or end == "hang":
                    runner = Child()
            print(kind, dict(counts), flush=True)
        runner.entry.close()
        print(*lost[:40], sep="\n")


if __name__ == "__main__":
    if "--child" in sys.argv:
        child()
    else:
        main(*(int(word) for word in [*sys.argv[1:], "50", "0"][:2]))
