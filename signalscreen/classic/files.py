"""The files that the older commands take: arrays, signals, pictures, and pairs (X, Y) of examples and labels."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.classic.pickles import read_pickle
from signalscreen.errors import InputError

Array = npt.NDArray[Any]

PICTURES = (".jpg", ".jpeg", ".png")
_ALWAYS = 10_000_000  # values that a pickle may make, however small it is
TABLES = (".csv", ".tsv", ".txt")


def read_array(path: Path) -> Array:
    """Read an ``.npy`` file of numbers.

    Raises
    ------
    InputError
        It is missing, damaged, or holds Python objects.
    """
    _there(path)
    if path.suffix.lower() != ".npy":
        raise InputError(f"{path.name} is no .npy file; save the array with numpy.save")
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path.name} cannot be read as an .npy file of numbers; save it again") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        raise InputError(f"{path.name} is no .npy file of real numbers; save the array with numpy.save")
    return array


def read_unprocessed(path: Path) -> Array:
    """Read a signal (``.npy``, ``.csv``, ``.tsv``, ``.txt``) or a picture (``.jpg``, ``.png``, ``.npy``).

    Returns
    -------
    ndarray
        As stored; a table as ``(samples, columns)``, a picture as ``(H, W)`` or ``(H, W, 3)``.

    Raises
    ------
    InputError
        It is missing, damaged, or of another kind.
    """
    ending = path.suffix.lower()
    _there(path)
    if ending in PICTURES:
        return _picture(path)
    if ending in TABLES:
        from signalscreen.recording import read_recording

        return read_recording(path).signal
    if ending == ".npy":
        return read_array(path)
    raise InputError(
        f"{path.name} is of no kind that is read here; give .npy or .csv for 1D, .jpg, .png or .npy for 2D"
    )


def _picture(path: Path) -> Array:
    from matplotlib.image import imread

    try:
        pixels = np.asarray(imread(path))
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"{path.name} cannot be read as a picture; save it again as .png or .jpg") from error
    if pixels.ndim == 3 and pixels.shape[2] == 4:  # on white where it is clear
        most = 1.0 if pixels.dtype.kind == "f" else 255.0
        opacity = pixels[..., 3:] / most
        pixels = pixels[..., :3] / most * opacity + 1 - opacity
    return pixels


def read_examples(path: Path) -> tuple[Array, Array]:
    """Read examples and their labels: a pickle of a tuple ``(X, Y)``, or an ``.npz`` with X and Y.

    Returns
    -------
    X : ndarray, shape (N, *axes) or (N, *axes, channels)
    Y : ndarray of int, shape (N,)

    Raises
    ------
    InputError
        The file cannot be read, a pickle asks for anything but NumPy arrays, or X and Y do not fit each other.
    """
    x, y = _npz(path) if path.suffix.lower() == ".npz" else _pair(path)
    try:
        x, labels = np.asarray(x), np.asarray(y)
    except ValueError as error:
        raise InputError(f"{path.name} holds examples of different sizes; make them of one size") from error
    if x.dtype.kind not in "biuf" or labels.dtype.kind not in "biuf" or x.ndim < 2:
        raise InputError(
            f"{path.name} holds X of shape {x.shape} ({x.dtype}) and Y of {labels.dtype}; give arrays of "
            "numbers, X of shape (examples, ...) and Y with a label for each"
        )
    if labels.size != len(x) or (labels != np.round(labels)).any():
        raise InputError(
            f"{path.name} holds {len(x)} examples and Y of shape {labels.shape}; give one whole "
            "number for each example"
        )
    return x, labels.reshape(-1).astype(int)


def _npz(path: Path) -> tuple[Any, Any]:
    _there(path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files if name in ("X", "Y")}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise InputError(f"{path.name} cannot be read as an .npz file of numbers; save it again") from error
    if len(found) != 2:
        raise InputError(f"{path.name} does not hold X and Y; save it with numpy.savez(path, X=..., Y=...)")
    return found["X"], found["Y"]


def _pair(path: Path) -> tuple[Any, Any]:
    found = read_pickle(path)
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise InputError(f"{path.name} holds a {type(found).__name__}; pickle the tuple (X, Y)")
    if (held := _values(found, {})) > max(path.stat().st_size, _ALWAYS):
        raise InputError(
            f"{path.name} refers to the same lists over and over, to {held:.0e} values; save it as .npz"
        )
    return found[0], found[1]


def _values(held: Any, counted: dict[int, int]) -> int:
    """How many values an array of this would have: no more than the bytes of its file, unless lists are shared."""
    if not isinstance(held, list | tuple):
        return int(np.size(held)) if isinstance(held, np.ndarray) else 1
    if id(held) not in counted:
        counted[id(held)] = sum(_values(part, counted) for part in held)
    return counted[id(held)]


def _there(path: Path) -> None:
    if not path.is_file():
        raise InputError(f"there is no file {path}; check the path")
