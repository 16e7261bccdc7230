"""A store as NumPy's ``.npz``, written slice by slice: the archive is never in memory, its reader's arrays are."""

import json
import os
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from signalscreen.errors import SignalScreenWarning, warn
from signalscreen.exports.netcdf import plain
from signalscreen.exports.part import Array, Part
from signalscreen.output import atomically

_LEVEL = 1  # of deflate: a higher one takes three times as long for a twentieth less
_WINDOWS = ("flagged", "explained", "gap", "window_lead", "probability", "logit")


def write(part: Part, path: Path) -> str:
    """Write the keys that results have, and a row per window of the rest; return what is in the file."""
    short = _short(part)
    long = _long(part)
    size = sum(array.nbytes for array in short.values()) + part.samples * 8
    size += sum(part.group[name].dtype.itemsize * part.samples * len(part.leads) for name in long.values())
    with atomically(path) as part_path, zipfile.ZipFile(part_path, "w", zipfile.ZIP_DEFLATED, True, _LEVEL) as file:
        for key, array in short.items():
            _put(file, key, array.shape, array.dtype, [array])
        for key, name in long.items():
            stored = part.group[name]
            _put(file, key, (part.samples, len(part.leads)), stored.dtype, part.pieces(name))
        seconds = (
            part.start + np.arange(here.start - part.first, here.stop - part.first) / part.fs
            for here in part.slices()
        )
        _put(file, "time", (part.samples,), np.dtype(float), seconds)
    said = f"{', '.join(long)}; {_bytes(size)} in memory"
    free = _free_memory()
    if free is not None and size > free:
        warn(
            f"{path.name} takes {_bytes(size)} of memory to read, and {_bytes(free)} are free here; netcdf is read "
            "by slices",
            SignalScreenWarning,
        )
    return said


def _long(part: Part) -> dict[str, str]:
    """Keys of arrays on the timeline, and their names in the store."""
    one = len(part.methods) == 1
    maps = {"attribution" if one else f"attribution_{name}": f"attribution_{name}" for name in part.methods}
    return {"signal": "signal", **maps, "bad": "bad"}


def _short(part: Part) -> dict[str, Array]:
    marks = part.annotations
    group = part.group
    arrays = {
        "fs": np.array(part.fs),
        "names": _text(part.leads),
        "units": _text(part.units),
        "classes": _text(part.classes),
        "window_start": part.window_start,
        "window_score": part.of_windows("score"),
        "window_target": part.of_windows("target").astype(np.int64),
        "annotation_sample": np.array([a.sample for a in marks], np.int64),
        "annotation_end": np.array([-1 if a.end is None else a.end for a in marks], np.int64),
        "annotation_symbol": _text([a.symbol for a in marks]),
        "annotation_note": _text([a.note for a in marks]),
        "facts": np.array(json.dumps(_facts(part), sort_keys=True)),
        "store": np.array(json.dumps({key: plain(value) for key, value in group.attrs.items()}, sort_keys=True)),
    }
    arrays |= {key: part.of_windows(key) for key in _WINDOWS if key in group}
    arrays["unanswered"] = part.unanswered.astype(np.uint8)
    complete = [f"completeness_{name}" for name in part.methods]
    return arrays | {key: part.of_windows(key) for key in complete if key in group}


def _facts(part: Part) -> dict[str, Any]:
    """What results say of themselves; `load_result` reads it where there is one method."""
    facts = part.facts
    settings = facts.get("settings", {})
    options = {name: json.loads(part.group[f"attribution_{name}"].attrs["options"]) for name in part.methods}
    one = len(part.methods) == 1
    return {
        "method": ", ".join(part.methods),
        "options": options[part.methods[0]] if one else options,
        "target": str(settings.get("target")),
        "score": _kind(part, settings),
        "normalisation": settings.get("normalise") or "",
        "model": facts.get("model", ""),
        "model_sha256": settings.get("model", {}).get("sha256", ""),
        "window_length": part.window_samples,
        "versions": facts.get("versions", {}),
        "source": part.name,
        "start": part.start,
    }


def _kind(part: Part, settings: Mapping[str, Any]) -> str:
    """What attributions and scores are in units of."""
    if part.methods:
        return str(part.group[f"attribution_{part.methods[0]}"].attrs["units"])
    return str(settings.get("score", "logit")) if part.group.attrs.get("has_logit", True) else "probability"


def _text(words: Iterable[str]) -> Array:
    return np.array(list(words), dtype=str)


def _put(file: zipfile.ZipFile, key: str, shape: tuple[int, ...], dtype: Any, pieces: Iterable[Array]) -> None:
    """Write one member as ``numpy.savez`` does, piece by piece."""
    header = {"descr": npy.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    with file.open(f"{key}.npy", "w", force_zip64=True) as member:
        npy.write_array_header_2_0(member, header)
        for piece in pieces:
            member.write(np.ascontiguousarray(piece).tobytes())


def _free_memory() -> int | None:
    """Bytes that are free; None where the system does not say."""
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _bytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.3g} MB"
