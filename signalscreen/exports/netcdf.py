"""A store as NetCDF-4, slice by slice."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from signalscreen.errors import OutputError
from signalscreen.exports.careful import CarefulFile
from signalscreen.exports.part import Array, Part
from signalscreen.output import atomically

# What xarray finds in a store as coordinates without being a dimension.
_COORDINATES = {"time": "time_s", "window": "window_start_s"}
_PACKED: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


def write(part: Part, path: Path) -> str:
    """Write all arrays but those of methods that were not asked for; return what is in the file."""
    library = _library()
    group = part.group
    others = [name for name in group.attrs["methods"] if name not in part.methods]
    left_out = {f"{kind}_{name}" for kind in ("attribution", "completeness") for name in others}
    names = sorted(name for name in group.array_keys() if name not in left_out)
    with atomically(path) as part_path, CarefulFile(part_path) as disk:
        with library.File(disk, "w") as file:
            file.attrs.update({key: plain(value) for key, value in _attributes(part).items()})
            for name in names:
                _write_array(part, file, name)
                disk.check()
        disk.check()  # what was written at last, when the file was closed
    return f"{len(names)} arrays, {part.samples / part.fs / 3600:.3g} h"


def plain(value: Any) -> Any:
    """An attribute as NetCDF knows it: numbers, arrays of numbers, text; anything else as JSON.

    >>> plain(0.5), plain("mV"), plain(["mV", "µV"]), plain(True)
    (0.5, 'mV', '["mV", "µV"]', 'true')
    """
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, list) and value and all(type(v) in (int, float) for v in value):
        return np.asarray(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _attributes(part: Part) -> dict[str, Any]:
    return {**part.group.attrs, "start": part.start, "methods": list(part.methods)}


def _write_array(part: Part, file: Any, name: str) -> None:
    array = part.group[name]
    dimensions = array.metadata.dimension_names
    values = None if dimensions[0] == "time" else _values(part, name, dimensions[0])
    shape = (part.samples, *array.shape[1:]) if values is None else values.shape
    for dimension, size in zip(dimensions, shape, strict=True):
        if dimension not in file.dimensions:
            file.dimensions[dimension] = size
    text = values is not None and values.dtype == object
    kind = _library_text() if text else array.dtype
    made: dict[str, Any] = {} if text or 0 in shape else dict(_PACKED)
    if values is None:
        made["chunks"] = tuple(min(a, b) for a, b in zip(array.chunks, shape, strict=True))
    variable = file.create_variable(name, dimensions, kind, **made)
    variable.attrs.update({key: plain(value) for key, value in array.attrs.items()})
    beside = _COORDINATES.get(dimensions[0])
    if beside is not None and name != beside:
        variable.attrs["coordinates"] = beside
    if values is None:
        at = 0
        for piece in part.pieces(name):
            variable[at : at + len(piece)] = piece
            at += len(piece)
    elif values.size:
        variable[...] = values


def _values(part: Part, name: str, dimension: str) -> Array:
    """A short array of the part: whole."""
    if name.startswith("annotation_"):
        marks = part.annotations
        key = name.removeprefix("annotation_")
        found = [getattr(one, key) for one in marks]
        if key == "end":
            found = [-1 if one is None else one for one in found]
        return np.array(found, object if key in ("symbol", "note") else np.int64)
    if name == "window_start":
        return part.window_start
    values = part.of_windows(name) if dimension == "window" else np.asarray(part.group[name][:])
    return values.astype(object) if values.dtype.kind in "TUO" else values


def _library() -> Any:
    try:
        return import_module("h5netcdf")
    except ImportError as error:
        raise OutputError(
            "NetCDF needs h5netcdf, which is not installed; install signalscreen[netcdf], or write npz"
        ) from error


def _library_text() -> Any:
    return import_module("h5py").string_dtype("utf-8")
