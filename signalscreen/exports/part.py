"""What of a store is exported: a stretch of its timeline, its windows, its methods. Read by slices."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import OptionError, RecordingError
from signalscreen.recording import Annotation
from signalscreen.recording.selection import sample_span
from signalscreen.recording.signals import annotations_between
from signalscreen.screening import store

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Part:
    """A stretch of one recording in a store.

    Attributes
    ----------
    group : zarr.Group
    name : str
        Of the record.
    methods : tuple of str
    first, stop : int
        Samples of the store.
    rows : ndarray of int
        Windows that lie in the stretch.
    """

    group: Any
    name: str
    methods: tuple[str, ...]
    first: int
    stop: int
    rows: NDArray[np.int64]

    @property
    def fs(self) -> float:
        """Samples per second."""
        return float(self.group.attrs["fs"])

    @property
    def samples(self) -> int:
        """How many."""
        return self.stop - self.first

    @property
    def offset(self) -> int:
        """The first sample, counted from the beginning of the record rather than of the store."""
        return self.first + round(float(self.group.attrs["start"]) * self.fs)

    @property
    def start(self) -> float:
        """Seconds from the beginning of the record to the first sample."""
        return float(self.group.attrs["start"]) + self.first / self.fs

    @property
    def began(self) -> str:
        """Clock time of the beginning of the record (ISO 8601), or ""."""
        return str(self.group.attrs["began"])

    @cached_property
    def leads(self) -> tuple[str, ...]:
        """Names of the leads."""
        return tuple(map(str, self.group["lead"][:]))

    @cached_property
    def units(self) -> tuple[str, ...]:
        """One per lead."""
        return tuple(self.group["signal"].attrs["units"])

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the model's classes."""
        return tuple(map(str, self.group["class"][:]))

    @property
    def alarm(self) -> int:
        """Class that flags a window; -1 for none."""
        return int(self.group.attrs["alarm"])

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What the store was made with."""
        return dict(json.loads(self.group.attrs["facts"]))

    @cached_property
    def window_start(self) -> NDArray[np.int64]:
        """First sample of each window, counted from the first sample of this part."""
        return np.asarray(self.group["window_start"][:][self.rows] - self.first)

    @property
    def window_samples(self) -> int:
        """Length of a window."""
        return int(self.group.attrs["window_samples"])

    @cached_property
    def annotations(self) -> tuple[Annotation, ...]:
        """The record's own, counted from the first sample of this part."""
        keys = ("sample", "symbol", "note", "end")
        marks = zip(*(self.group[f"annotation_{key}"][:].tolist() for key in keys), strict=True)
        found = [Annotation(at, str(w), str(note), None if end < 0 else end) for at, w, note, end in marks]
        return annotations_between(found, self.first, self.stop)

    def of_windows(self, name: str) -> Array:
        """An array with a row per window, of the windows of this part."""
        return np.asarray(self.group[name][:][self.rows])

    @cached_property
    def unanswered(self) -> NDArray[np.bool_]:
        """Which windows of this part the model gave no number for."""
        return store.unanswered(self.group)[self.rows]

    def slices(self) -> Iterator[slice]:
        """Cover the stretch by slices of the store, each within one shard of it."""
        size = int(self.group.attrs["shard_samples"])
        edges = [self.first, *range((self.first // size + 1) * size, self.stop, size), self.stop]
        yield from (slice(a, b) for a, b in pairwise(edges))

    def pieces(self, name: str) -> Iterator[Array]:
        """An array on the timeline, slice by slice."""
        for here in self.slices():
            yield np.asarray(self.group[name][here])


def part_of(
    path: str,
    record: str | None = None,
    method: Sequence[str] | None = None,
    start: float | None = None,
    end: float | None = None,
    unfinished: bool = False,
) -> Part:
    """Open a store and find what was asked for.

    Parameters
    ----------
    unfinished : bool
        Take a store that is not finished too: its windows are those that are there.

    Raises
    ------
    RecordingError
        There is no such store, it is not finished, or the stretch lies outside the recording.
    OptionError
        A method is not in it.
    """
    group = store.vouched(path, record)
    name = str(group.attrs["source"]) if record is None else record
    done = store.shards_done(group)
    if not done.all() and not unfinished:
        raise RecordingError(
            f"the screening of {name} is {done.mean():.0%} done, and the rest of {path} is empty; run the same "
            "'signalscreen screen' again to finish it"
        )
    first, stop = _span(group, name, start, end)
    starts = group["window_start"][:]
    inside = (starts >= first) & (starts + int(group.attrs["window_samples"]) <= stop)
    there = store.window_rows(group, done)
    return Part(group, name, _methods(group, path, method), first, stop, np.flatnonzero(inside & there))


def _methods(group: Any, path: str, wanted: Sequence[str] | None) -> tuple[str, ...]:
    there = list(group.attrs["methods"])
    for name in wanted or ():
        if name not in there:
            raise OptionError(f"method {name!r} is not in {path}; it holds {', '.join(there) or 'none'}")
    return tuple(there if not wanted else dict.fromkeys(wanted))


def _span(group: Any, name: str, start: float | None, end: float | None) -> tuple[int, int]:
    offset = float(group.attrs["start"])
    return sample_span(
        group["signal"].shape[0],
        float(group.attrs["fs"]),
        None if start is None else start - offset,
        None if end is None else end - offset,
        name,
        offset,
    )
