"""Recordings from NumPy files."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from signalscreen.errors import RecordingError
from signalscreen.recording.memory import check_room
from signalscreen.recording.selection import Wanted, check_fs, sample_span
from signalscreen.recording.signals import Recording, oriented, without_rate

_Kind = tuple[tuple[int, ...], np.dtype[Any]]  # shape and type of an array
_MOST_WORDS = 1 << 20  # bytes that lead names or units may take
_HEADERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}


def read_npy(path: Path, wanted: Wanted) -> Recording:
    """Read ``(samples,)`` or ``(samples, leads)``; a span of a large file is read by memory map."""
    with _said_clearly(path):
        array = npy_format.open_memmap(path, mode="r")
    return _excerpt(array, path, wanted, wanted.fs)


def read_npz(path: Path, wanted: Wanted) -> Recording:
    """Read the keys ``signal``, ``fs``, ``names`` and ``units``; all but the first may be absent.

    No other member is read: a file without ``signal`` has its signal in its only array of numbers.
    """
    with _said_clearly(path), ZipFile(path) as archive:
        kinds = {name.removesuffix(".npy"): _kind(archive, name) for name in archive.namelist()}
        key = _signal_key(kinds, path)
        check_room(math.prod(kinds[key][0]), 1, path.name)
        signal = _member(archive, key)
        said = {word: _member(archive, word) for word in ("fs", "names", "units") if _is_said(word, kinds)}
    return _excerpt(
        signal, path, wanted, _agreed_fs(said, wanted.fs, path), _words(said, "names"), _words(said, "units")
    )


@contextmanager
def _said_clearly(path: Path) -> Iterator[None]:
    try:
        yield
    except (RecordingError, MemoryError):
        raise
    except Exception as error:  # of damaged files zipfile, zlib and NumPy raise many kinds
        objects = "Python objects" in str(error) or "allow_pickle" in str(error)
        reason = "it holds Python objects" if objects else "it is damaged or cut short"
        raise RecordingError(f"{path} cannot be read as a NumPy file: {reason}; save it again") from error


def _kind(archive: ZipFile, name: str) -> _Kind:
    """Shape and type of a member, from its header; of what is no array, an array of objects."""
    none: _Kind = ((), np.dtype(object))
    if not name.endswith(".npy"):
        return none
    with archive.open(name) as member:
        try:
            shape, _, dtype = _HEADERS[npy_format.read_magic(member)](member)
        except (ValueError, KeyError):
            return none
        header = member.tell()
    if not dtype.hasobject and math.prod(shape) * dtype.itemsize > archive.getinfo(name).file_size - header:
        return none  # it is cut short, or says that it is larger than it is
    return shape, dtype


def _member(archive: ZipFile, key: str) -> NDArray[Any]:
    with archive.open(f"{key}.npy") as member:
        array: NDArray[Any] = npy_format.read_array(member, allow_pickle=False)
    return array


def _signal_key(kinds: Mapping[str, _Kind], path: Path) -> str:
    readable = {key: (shape, dtype) for key, (shape, dtype) in kinds.items() if not dtype.hasobject}
    if "signal" in readable:
        return "signal"
    candidates = [key for key, (shape, dtype) in readable.items() if shape and dtype.kind in "biuf"]
    if len(candidates) == 1 and "signal" not in kinds:
        return candidates[0]
    raise RecordingError(
        f"{path} has no array named 'signal' (it has {', '.join(readable) or 'nothing readable'}); "
        "save it with np.savez(path, signal=..., fs=..., names=..., units=...)"
    )


def _is_said(key: str, kinds: Mapping[str, _Kind]) -> bool:
    if key not in kinds:
        return False
    shape, dtype = kinds[key]
    wanted = "biufO" if key == "fs" else "UO"
    return dtype.kind in wanted and not dtype.hasobject and math.prod(shape) * dtype.itemsize <= _MOST_WORDS


def _agreed_fs(arrays: Mapping[str, NDArray[Any]], fs: float | None, path: Path) -> float | None:
    if "fs" not in arrays or arrays["fs"].size != 1:
        return fs
    stored = arrays["fs"].reshape(()).item()
    if stored is None or stored != stored:  # a result without a rate stores NaN
        return fs
    return agree(check_fs(stored), fs, str(path))


def agree(stored: float | None, given: float | None, source: str) -> float | None:
    """Return the stored rate; refuse where another one was given, because one of the two is wrong."""
    if stored is not None and given is not None and abs(stored - given) > 1e-6 * stored:
        raise RecordingError(
            f"{source} says {stored:g} Hz but fs={given:g} was given; leave fs out "
            f"(to change the rate, resample to {given:g} Hz)"
        )
    return given if stored is None else stored


def _words(arrays: Mapping[str, NDArray[Any]], key: str) -> tuple[str, ...]:
    return tuple(str(word) for word in np.atleast_1d(arrays[key]).reshape(-1)) if key in arrays else ()


def _excerpt(
    array: NDArray[Any],
    path: Path,
    wanted: Wanted,
    fs: float | None,
    names: tuple[str, ...] = (),
    units: tuple[str, ...] = (),
) -> Recording:
    """The span and leads asked for: only these samples are read, and become floats where they are integers."""
    array, first = oriented(array, path.name), 0
    if wanted.start is not None or wanted.end is not None:
        if fs is None:
            raise without_rate(path.name)
        first, stop = sample_span(len(array), fs, wanted.start, wanted.end, path.name)
        array = array[first:stop]
    check_room(len(array), array.shape[1], path.name)
    start = first / fs if fs else 0.0
    recording = Recording(array, fs=fs, names=names, units=units, source=path.name, start=start)
    return recording if wanted.leads is None else recording.pick(wanted.leads)
