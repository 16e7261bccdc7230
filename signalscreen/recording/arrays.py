"""Recordings from NumPy files."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import RecordingError
from signalscreen.recording.selection import Wanted, check_fs
from signalscreen.recording.signals import Recording


def read_npy(path: Path, wanted: Wanted) -> Recording:
    """Read ``(samples,)`` or ``(samples, leads)``; a span of a large file is read by memory map."""
    with _said_clearly(path):
        array = np.load(path, allow_pickle=False, mmap_mode="r")
    return _excerpt(Recording(array, fs=wanted.fs, source=path.name), wanted)


def read_npz(path: Path, wanted: Wanted) -> Recording:
    """Read the keys ``signal``, ``fs``, ``names`` and ``units``; all but the first may be absent."""
    arrays: dict[str, NDArray[Any]] = {}
    with _said_clearly(path), path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        for key in stored.files:
            with suppress(ValueError):  # Python objects: an error below, if it is an array we need
                arrays[key] = stored[key]
    recording = Recording(
        _signal_of(arrays, path),
        fs=_agreed_fs(arrays, wanted.fs, path),
        names=_words(arrays, "names"),
        units=_words(arrays, "units"),
        source=path.name,
    )
    return _excerpt(recording, wanted)


@contextmanager
def _said_clearly(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError, EOFError, BadZipFile) as error:
        objects = "Python objects" in str(error) or "allow_pickle" in str(error)
        reason = "it holds Python objects" if objects else "it is damaged or cut short"
        raise RecordingError(f"{path} cannot be read as a NumPy file: {reason}; save it again") from error


def _signal_of(arrays: dict[str, NDArray[Any]], path: Path) -> NDArray[Any]:
    if "signal" in arrays:
        return arrays["signal"]
    candidates = [a for a in arrays.values() if a.ndim and a.dtype.kind in "biuf"]
    if len(candidates) == 1:
        return candidates[0]
    raise RecordingError(
        f"{path} has no array named 'signal' (it has {', '.join(arrays) or 'nothing readable'}); "
        "save it with np.savez(path, signal=..., fs=..., names=..., units=...)"
    )


def _agreed_fs(arrays: dict[str, NDArray[Any]], fs: float | None, path: Path) -> float | None:
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


def _words(arrays: dict[str, NDArray[Any]], key: str) -> tuple[str, ...]:
    return tuple(str(word) for word in np.atleast_1d(arrays[key])) if key in arrays else ()


def _excerpt(recording: Recording, wanted: Wanted) -> Recording:
    picked = recording if wanted.leads is None else recording.pick(wanted.leads)
    whole = wanted.start is None and wanted.end is None
    return picked if whole else picked.between(wanted.start, wanted.end)
