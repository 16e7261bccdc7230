"""The stores that a review opens: one record, or all of a database."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import RecordingError
from signalscreen.review.files import only_files
from signalscreen.review.recent import RecentChunks
from signalscreen.screening.store import located, opened, records_in, unanswered, vouched

_METHOD = "attribution_"


@dataclass(frozen=True, eq=False)
class StoredRecord:
    """One record's results, read by slices.

    Attributes
    ----------
    name : str
        The record's name in a database; else its source.
    folder : Path
        The Zarr group on disk, where pyramid, verdicts and exports are kept too.
    """

    name: str
    folder: Path

    @cached_property
    def group(self) -> Any:
        """The Zarr group, opened for reading when it is first needed: a database may hold thousands.

        Raises
        ------
        RecordingError
            If the store is damaged.
        """
        only_files(self.folder)
        return vouched(self.folder)

    @cached_property
    def attributes(self) -> dict[str, Any]:
        """Of the root: fs, start, began, window_samples, hop_samples, alarm, threshold, ..."""
        return dict(self.group.attrs)

    @property
    def fs(self) -> float:
        """Samples per second."""
        return float(self.attributes["fs"])

    @property
    def start(self) -> float:
        """Seconds from the beginning of the record to the first sample."""
        return float(self.attributes.get("start", 0.0))

    @property
    def n(self) -> int:
        """Samples."""
        return int(self.group["signal"].shape[0])

    @cached_property
    def leads(self) -> list[str]:
        """Names."""
        return self.text("lead")

    @cached_property
    def units(self) -> list[str]:
        """Of the leads."""
        units = self.group["signal"].attrs.get("units", [])
        return [str(one) for one in units] if isinstance(units, list) else [str(units)] * len(self.leads)

    @cached_property
    def classes(self) -> list[str]:
        """Names."""
        return self.text("class")

    @cached_property
    def methods(self) -> list[str]:
        """Names of the methods whose attributions are stored, in the order in which they were asked for."""
        there = sorted(key.removeprefix(_METHOD) for key in self.group.array_keys() if key.startswith(_METHOD))
        asked = list(self.attributes.get("methods", ()))
        return sorted(there, key=lambda name: asked.index(name) if name in asked else len(asked))

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Fingerprint, settings and versions."""
        return dict(json.loads(self.attributes.get("facts") or "{}"))

    @property
    def card(self) -> str:
        """What was measured of the model, as its file said; "" for nothing."""
        card = self.facts.get("card", "")
        return card if isinstance(card, str) else ""

    @property
    def done(self) -> float:
        """Share of the record that has been screened."""
        done = self.read("done")
        return float(done.mean()) if done.size else 1.0

    @cached_property
    def annotations(self) -> dict[str, Any]:
        """The record's own: arrays ``sample`` and ``end`` (-1 for a point), lists ``symbol`` and ``note``."""
        return {
            "sample": self.read("annotation_sample"),
            "end": self.read("annotation_end"),
            "symbol": self.text("annotation_symbol"),
            "note": self.text("annotation_note"),
        }

    @cached_property
    def _recent(self) -> RecentChunks:
        return RecentChunks(self.read)

    def browsed(self, name: str, first: int, stop: int) -> NDArray[Any]:
        """Read rows as `read` does, and keep what lies around them: for a reviewer, who will look there next.

        Only of a record that is screened to its end: what is kept is not read again.
        """
        if first >= stop:
            return self.read(name, first, stop)
        return self._recent.rows(name, self.group[name].chunks[0], first, min(stop, self.n))

    def probability(self) -> NDArray[np.float32]:
        """Of each window and class; (windows, 0) where the model's output is no class."""
        if "probability" not in self.group:
            return np.empty((len(self.read("window_start")), 0), np.float32)
        return self.read("probability")

    def unanswered(self) -> NDArray[np.bool_]:
        """Which windows the model gave no number for: they are not flagged, and not known to be well."""
        return unanswered(self.group)

    def read(self, name: str, first: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Read rows ``first`` to ``stop`` of an array."""
        return np.asarray(self.group[name][first:stop])

    def text(self, name: str) -> list[str]:
        """Read an array of words."""
        return [str(word) for word in self.read(name).tolist()]

    def signal(self, first: int, stop: int) -> NDArray[np.float32]:
        """Read a span of the signal, (samples, leads)."""
        return self.read("signal", first, stop)

    def attribution(self, method: str, first: int, stop: int) -> NDArray[np.float32]:
        """Read a span of a method's attribution, (samples, leads)."""
        return self.read(_METHOD + method, first, stop)


def open_records(path: str | os.PathLike[str]) -> Mapping[str, StoredRecord]:
    """Open a store of results, or a database of them, for reading.

    Parameters
    ----------
    path : path
        Folder of the Zarr group that ``signalscreen screen`` wrote.

    Returns
    -------
    mapping
        The records by name: one, or as many as the database holds, which are opened when they are first read.

    Raises
    ------
    RecordingError
        If nothing is there, or it is no such store.
    """
    path = located(path)
    if "://" in path:
        raise RecordingError(f"{path} is not on a disk of this computer; copy the store here to review it")
    folder = Path(path).resolve()
    if not folder.is_dir():
        raise RecordingError(f"there is no folder {path}; give the store that signalscreen screen wrote")
    only_files(folder, deep=False)
    root = opened(folder)
    if "records" not in root.attrs:
        one = StoredRecord(root.attrs["source"] or folder.stem, folder)
        return {one.name: one}
    names = records_in(folder)
    return {name: StoredRecord(name, inside) for name, inside in zip(names, _inside(folder, names), strict=True)}


def _inside(folder: Path, names: Sequence[str]) -> list[Path]:
    """Folders of records. In a database from elsewhere any may be a link: only its own folders are served."""
    found = [(folder / name).resolve() for name in names]
    for name, one in zip(names, found, strict=True):
        if one == folder or not one.is_relative_to(folder):
            raise RecordingError(f"the database {folder} names a record outside itself, {name!r}; do not trust it")
    return found
