"""What a file or folder is, by its content first and its name second: a model that can be loaded, or what else."""

from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile, ZipFile

_HDF5 = b"\x89HDF\r\n\x1a\n"
_OLD_TORCH = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the number with which PyTorch's files begin that are no archives
_FORMATS = {".h5": "h5", ".hdf5": "h5", ".keras": "keras", ".json": "json"}


class Foreign(NamedTuple):
    """A kind of file that is not loaded: what it is, and the way out."""

    what: str
    way_out: str


_FROM_KERAS = "give the Keras model that it was made from, as .keras or .h5"
_KINDS = {
    "pytorch": Foreign(
        "PyTorch weights or a PyTorch program",
        "build the network in Keras with the same weights and save it as .keras, or use Captum",
    ),
    "safetensors": Foreign(
        "weights without an architecture (safetensors)",
        "build the network in Keras, set its weights, and pass the model or save it as .keras",
    ),
    "npz": Foreign(
        "NumPy arrays and no architecture",
        "build the network in Keras, set its weights, and pass the model or save it as .keras",
    ),
    "checkpoint": Foreign(
        "a TensorFlow checkpoint, which holds weights and no architecture",
        "build the network where Keras 2 runs, call its load_weights, save it as .keras or .h5, and give that",
    ),
    "tflite": Foreign("a TensorFlow Lite model, through which no gradient passes", _FROM_KERAS),
    "onnx": Foreign("an ONNX model, which this version does not read", _FROM_KERAS),
    "coreml": Foreign("a Core ML model", _FROM_KERAS),
    "tfjs": Foreign("a TensorFlow.js model", _FROM_KERAS),
    "graph": Foreign("a TensorFlow graph without its variables", "give the SavedModel folder or the Keras model"),
    "saved model file": Foreign("the program of a SavedModel", "give the folder that it lies in"),
    "unzipped": Foreign(
        "an unpacked .keras file", "put its config.json, metadata.json and model.weights.h5 into a zip named .keras"
    ),
    "pickle": Foreign(
        "a pickled Python object, which would run code when it is opened",
        "open it yourself if you trust it, and pass the Keras model or save it as .keras",
    ),
    "matlab": Foreign("a MATLAB file and no model", "give a .keras, .h5 or .hdf5 file"),
    "lfs": Foreign("a pointer of Git LFS and not the file itself", "fetch the file with git lfs pull"),
    "html": Foreign("a web page, saved in place of the file", "download the file itself"),
    "empty": Foreign("empty", "copy or download the file again"),
    "packed": Foreign("a compressed archive", "unpack it, and give the model that is in it"),
    "zip": Foreign(
        "a zip archive without the config.json of a .keras file", "unpack it, and give the model that is in it"
    ),
    "hugging face": Foreign(
        "a folder of Hugging Face", "load it with its own library, and pass or save the Keras model"
    ),
}
_BEGINNINGS = {
    b"version https://git-lfs": "lfs",
    b"<!doctype html": "html",
    b"<html": "html",
    b"MATLAB ": "matlab",
    b"\x1f\x8b": "packed",
    b"\xfd7zXZ": "packed",
    b"BZh": "packed",
    b"\x93NUMPY": "npz",
    b"model_checkpoint_path": "checkpoint",
}
_ENDINGS = {
    **dict.fromkeys((".pt", ".pth", ".pt2", ".ckpt", ".bin"), "pytorch"),
    **dict.fromkeys((".index", ".meta"), "checkpoint"),
    **dict.fromkeys((".pkl", ".pickle", ".joblib"), "pickle"),
    **dict.fromkeys((".mlmodel", ".mlpackage"), "coreml"),
    **dict.fromkeys((".pb", ".pbtxt"), "graph"),
    **dict.fromkeys((".tar", ".tgz", ".7z", ".rar"), "packed"),
    ".tflite": "tflite",
    ".onnx": "onnx",
    ".safetensors": "safetensors",
}


def format_of(path: Path) -> str | None:
    """Which of the formats that are loaded a file has: ``"h5"``, ``"keras"``, ``"json"``, or None.

    A file that is cut short or holds something else has that of its name, so that its reader says what is wrong.
    """
    head = _head(path)
    if head is not None and head.startswith(_HDF5):
        return "h5"
    if "config.json" in _members(path):
        return "keras"
    named = _FORMATS.get(path.suffix)
    return named if _foreign_content(path, head) is None else None


def foreign(path: Path) -> Foreign | None:
    """What else a file or folder is, or None where that is not known. `path` may be the stem of a checkpoint."""
    if path.with_name(path.name + ".index").exists():
        return _KINDS["checkpoint"]
    if not path.exists():
        return None
    kind = _folder(path) if path.is_dir() else _foreign_content(path, _head(path)) or _foreign_name(path)
    return None if kind is None else _KINDS[kind]


def _head(path: Path) -> bytes | None:
    """How a file begins; None where it cannot be read, of which its reader says why."""
    try:
        with path.open("rb") as file:
            return file.read(4096)
    except OSError:
        return None


def _members(path: Path) -> list[str]:
    try:
        with ZipFile(path) as archive:
            return archive.namelist()
    except (BadZipFile, OSError):
        return []


def _foreign_content(path: Path, head: bytes | None) -> str | None:
    if head is None:
        return None
    if not head:
        return "empty" if path.suffix in _ENDINGS or path.suffix in _FORMATS else None
    start = head.lstrip().lower()
    for beginning, kind in _BEGINNINGS.items():
        if head.startswith(beginning) or start.startswith(beginning):
            return kind
    if head[4:8] == b"TFL3":
        return "tflite"
    if head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") < 1 << 32:
        return "safetensors"
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "pytorch" if _OLD_TORCH in head[:32] else "pickle"
    if head[:1] == b"\x08" and b"\x03" <= head[1:2] < b"\x20" and head[2:3] == b"\x12" and path.suffix != ".pb":
        return "onnx"  # the version of its format, then who made it
    if head[:1] == b"{" and b'"modelTopology"' in head:
        return "tfjs"
    return _archive(_members(path))


def _archive(members: list[str]) -> str | None:
    if not members:
        return None
    if any(name.endswith(("/data.pkl", "/constants.pkl")) for name in members):
        return "pytorch"
    if all(name.endswith(".npy") for name in members):
        return "npz"
    return "zip" if "config.json" not in members else None


def _foreign_name(path: Path) -> str | None:
    if path.name == "saved_model.pb":
        return "saved model file"
    if path.suffix.startswith(".data-"):
        return "checkpoint"
    return _ENDINGS.get(path.suffix.lower())


def _folder(path: Path) -> str | None:
    names = {entry.name for entry in path.iterdir()}
    if {"config.json", "model.weights.h5"} <= names:
        return "unzipped"
    if "config.json" in names and any(name.endswith((".safetensors", ".bin")) for name in names):
        return "hugging face"
    if "checkpoint" in names or any(name.endswith(".index") for name in names):
        return "checkpoint"
    return _ENDINGS.get(path.suffix.lower())
