"""What explaining a recording gives, and how it is kept: ``.npz`` or NetCDF, with everything needed to redo it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import OptionError, OutputError, RecordingError
from signalscreen.output import atomically
from signalscreen.recording import Annotation, Recording
from signalscreen.reprs import counted

FORMATS = ("npz", "nc")
_LIBRARIES = ("signalscreen", "tensorflow", "keras", "numpy", "scipy", "wfdb")
_NO_CLASS = -1


@dataclass(frozen=True, eq=False)
class Result:
    """One method's explanation of one recording.

    Attributes
    ----------
    attribution : ndarray, shape (samples,) or (samples, leads)
        Signed, in units of the score; + raises it. NaN where no window without a gap lies.
    recording : Recording
        The signal that was explained: resampled, with the leads the model takes, in its own units.
    method : str
    options : dict
        The method's options that were given.
    target : str
        What was asked to be explained, as text; ``"None"`` is each window's highest score.
    score : str
        ``"logit"`` or ``"probability"``.
    window_starts : ndarray of int, shape (windows,)
        First sample of each window that was explained.
    window_length : int
        Samples.
    window_scores : ndarray, shape (windows,)
        The score of each window.
    window_targets : ndarray of int, shape (windows,)
        The class explained in each window; -1 where the target is not a class.
    normalisation : str
        How each window was scaled before the model saw it; ``""`` for not at all.
    model, model_sha256 : str
        File name and hash of the model.
    versions : dict
        Of Python and the libraries that took part.
    """

    attribution: NDArray[np.floating]
    recording: Recording
    method: str
    options: Mapping[str, Any]
    target: str
    score: str
    window_starts: NDArray[np.int64]
    window_length: int
    window_scores: NDArray[np.floating]
    window_targets: NDArray[np.int64]
    normalisation: str = ""
    model: str = ""
    model_sha256: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        windows = counted(len(self.window_starts), "window")
        of = f"{self.method} of target {self.target} ({self.score})"
        return f"<Result: {of}, {windows}, attribution {self.attribution.shape} of {self.recording!r}>"


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries a result depends on."""
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    found = {"python": python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def save_result(result: Result, path: str | os.PathLike[str]) -> Path:
    """Write a result to ``.npz`` or ``.nc`` (by the path's ending), whole or not at all.

    Raises
    ------
    OptionError
        If the ending is another one.
    OutputError
        If the file cannot be written, or NetCDF support is not installed.
    """
    path = Path(path)
    if path.suffix[1:] not in FORMATS:
        raise OptionError(f"results are not written as {path.suffix!r}; choose .npz or .nc")
    (_save_npz if path.suffix == ".npz" else _save_netcdf)(result, path)
    return path


def load_result(path: str | os.PathLike[str]) -> Result:
    """Read a result that `save_result` wrote.

    Raises
    ------
    RecordingError
        If the file is not there or is no such result.
    OutputError
        If NetCDF support is not installed.
    """
    path = Path(path)
    if not path.is_file():
        raise RecordingError(f"there is no file {path}; check the path")
    try:
        arrays = _load_npz(path) if path.suffix == ".npz" else _load_netcdf(path)
        return _unpacked(arrays)
    except (KeyError, ValueError, OSError) as error:
        raise RecordingError(f"{path} is no result of signalscreen, or is damaged; write it again") from error


def _packed(result: Result) -> dict[str, NDArray[Any]]:
    """Flat arrays; the keys signal, fs, names and units make the file a recording too."""
    recording = result.recording
    marks = recording.annotations
    facts = {
        key: getattr(result, key)
        for key in ("method", "target", "score", "normalisation", "model", "model_sha256", "window_length")
    }
    facts |= {"options": _plain(result.options), "versions": dict(result.versions), "source": recording.source}
    facts |= {"start": recording.start}
    return {
        "attribution": result.attribution,
        "signal": recording.signal,
        "time": recording.start + np.arange(len(recording)) / (recording.fs or 1.0),
        "fs": np.array(np.nan if recording.fs is None else recording.fs),
        "names": np.array(recording.names),
        "units": np.array(recording.units),
        "window_start": np.asarray(result.window_starts, np.int64),
        "window_score": np.asarray(result.window_scores),
        "window_target": np.asarray(result.window_targets, np.int64),
        "annotation_sample": np.array([a.sample for a in marks], np.int64),
        "annotation_end": np.array([_NO_CLASS if a.end is None else a.end for a in marks], np.int64),
        "annotation_symbol": np.array([a.symbol for a in marks], str),
        "annotation_note": np.array([a.note for a in marks], str),
        "facts": np.array(json.dumps(facts, sort_keys=True)),
    }


def _unpacked(arrays: Mapping[str, NDArray[Any]]) -> Result:
    facts = json.loads(str(arrays["facts"]))
    fs = float(arrays["fs"])
    marks = zip(*(arrays[f"annotation_{key}"].tolist() for key in ("sample", "symbol", "note", "end")), strict=True)
    recording = Recording(
        arrays["signal"],
        fs=None if np.isnan(fs) else fs,
        names=tuple(arrays["names"].tolist()),
        units=tuple(arrays["units"].tolist()),
        annotations=tuple(Annotation(s, w, n, None if e == _NO_CLASS else e) for s, w, n, e in marks),
        start=facts.pop("start"),
        source=facts.pop("source"),
    )
    return Result(
        attribution=arrays["attribution"],
        recording=recording,
        window_starts=arrays["window_start"],
        window_scores=arrays["window_score"],
        window_targets=arrays["window_target"],
        **facts,
    )


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as JSON knows them; what it does not know, as text."""
    return {key: json.loads(json.dumps(value, default=str)) for key, value in options.items()}


def _save_npz(result: Result, path: Path) -> None:
    with atomically(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **_packed(result))  # type: ignore[arg-type] # no array is named allow_pickle


def _load_npz(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}


def _save_netcdf(result: Result, path: Path) -> None:
    xarray = _xarray()
    arrays = _packed(result)
    facts = arrays.pop("facts").item()
    map_axes = ("time", "lead")[: result.attribution.ndim]
    axes = {"attribution": map_axes, "signal": ("time", "lead"), "time": ("time",), "units": ("lead",)}
    lead = ("lead", arrays.pop("names").astype(object))
    fs = float(arrays.pop("fs"))
    variables = {
        key: (axes.get(key, (key.split("_")[0],)), a.astype(object) if a.dtype.kind == "U" else a)
        for key, a in arrays.items()
    }
    attributes = {"facts": facts, "fs": fs, "Conventions": "none", "title": "signalscreen explanation"}
    dataset = xarray.Dataset(variables, coords={"lead": lead}, attrs=attributes).set_coords("time")
    dataset["time"].attrs["units"] = "samples" if np.isnan(fs) else "seconds"
    dataset["attribution"].attrs["long_name"] = f"{result.method} of the {result.score}, target {result.target}"
    with atomically(path) as part:
        dataset.to_netcdf(part, engine="h5netcdf")


def _load_netcdf(path: Path) -> dict[str, NDArray[Any]]:
    with _xarray().open_dataset(path, engine="h5netcdf", decode_times=False) as dataset:
        loaded = dataset.load()
    arrays = {str(key): np.asarray(values) for key, values in loaded.variables.items()}
    arrays["names"] = arrays.pop("lead")
    arrays["fs"] = np.asarray(loaded.attrs["fs"])
    arrays["facts"] = np.asarray(loaded.attrs["facts"])
    return {key: a.astype(str) if a.dtype.kind == "O" else a for key, a in arrays.items()}


def _xarray() -> Any:
    try:
        import_module("h5netcdf")  # xarray looks for it by name
        return import_module("xarray")
    except ImportError as error:
        raise OutputError("NetCDF needs xarray and h5netcdf; install signalscreen[netcdf], or use .npz") from error
