"""What of a store is known before a window is scored: time, names, places, annotations. No TensorFlow."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from signalscreen.screening.allocation import StoreSpec

# Samples of `time_s` in a chunk: it is the same count everywhere and shrinks to nothing.
TIME_CHUNK = 2**22


class Known(NamedTuple):
    """An array that is known before a window is scored."""

    dimension: str
    dtype: Any
    size: int
    pieces: Iterator[Any]


def known(spec: "StoreSpec") -> dict[str, Known]:
    """What is known before a window is scored: time, names, where the windows lie, annotations."""
    starts = np.asarray(spec.window_start, np.int64)
    marks = spec.annotations
    whole: dict[str, tuple[str, Any, Any]] = {
        "lead": ("lead", spec.leads, str),
        "class": ("class", spec.classes, str),
        "window_start": ("window", starts, "int64"),
        "window_start_s": ("window", spec.start + starts / spec.fs, "float64"),
        "window_lead": ("window", spec.window_lead, "int8"),
        "annotation_sample": ("annotation", [a.sample for a in marks], "int64"),
        "annotation_end": ("annotation", [-1 if a.end is None else a.end for a in marks], "int64"),
        "annotation_symbol": ("annotation", [a.symbol for a in marks], str),
        "annotation_note": ("annotation", [a.note for a in marks], str),
    }
    times = "int32" if spec.samples < 2**31 else "int64"
    found = {"time_s": Known("time", times, spec.samples, _times(spec.samples))}
    for name, (dimension, values, dtype) in whole.items():
        array = np.asarray(values, object if dtype is str else dtype)
        found[name] = Known(dimension, dtype, len(array), iter([array] if len(array) else []))
    return found


def write_known(array: Any, values: Known) -> None:
    """Fill an array with what is known."""
    at = 0
    for piece in values.pieces:
        array[at : at + len(piece)] = piece
        at += len(piece)


def _times(samples: int) -> Iterator[Any]:
    for first in range(0, samples, TIME_CHUNK):
        yield np.arange(first, min(first + TIME_CHUNK, samples))
