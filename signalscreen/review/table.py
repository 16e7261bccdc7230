"""One record's verdicts, as the page sends and shows them."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from signalscreen.errors import OptionError, OutputError
from signalscreen.output import output_folder
from signalscreen.review.record import StoredRecord
from signalscreen.verdicts import (
    Verdict,
    VerdictTable,
    export_csv,
    export_mne_csv,
    export_mne_text,
    export_wfdb,
    read_verdicts,
)

FORMATS = ("csv", "mne", "wfdb")
_GIVEN = ("start", "stop", "lead", "window", "label", "note", "meaning")
_CHANGED = "it was taken back or changed since, in another tab or by another program"


class Table:
    """The verdicts of one reviewer on one record, beside those of others. Threads take turns.

    Parameters
    ----------
    record : StoredRecord
    reviewer : str
    """

    def __init__(self, record: StoredRecord, reviewer: str) -> None:
        self.exports = record.folder / "exports"
        self._record, self._reviewer = record, reviewer
        self._turn = Lock()

    @cached_property
    def _table(self) -> VerdictTable:
        return VerdictTable(self._record.folder, self._reviewer)

    def current(self) -> dict[str, Any]:
        """Give all that stand, of all reviewers, and whose the reader's are."""
        found = read_verdicts(self._record.folder)
        return {"reviewer": self._reviewer, "verdicts": [asdict(one) for one in found]}

    def set(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Save one more verdict: ``verdict``, ``start`` and ``stop`` (samples), and what else was sent.

        Raises
        ------
        OptionError
            If something is missing or does not fit the record.
        OutputError
            If it cannot be saved.
        """
        missing = [name for name in ("verdict", "start", "stop") if given.get(name) is None]
        if missing:
            raise OptionError(f"the verdict came without its {missing[0]}; send verdict, start and stop")
        with self._turn:
            made = self._table.set(given["verdict"], **{name: given[name] for name in _GIVEN if name in given})
        return {"verdict": asdict(made)}

    def delete(self, one: str) -> dict[str, Any]:
        """Take one of the reviewer's own verdicts back."""
        with self._turn:
            found, edit = self._table.taken_back(one)
        return {"deleted": asdict(found), "edit": edit.id}

    def undo(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Undo one edit of the reviewer's: the page names its own, so that none of another tab is undone.

        Parameters
        ----------
        given : mapping
            ``edit``: the edit's id; without it the latest.

        Returns
        -------
        dict
            ``undone``: the verdict, None where nothing was undone; ``why``: then the reason, if an edit was named.
        """
        edit = given.get("edit")
        if edit is not None and not isinstance(edit, str):
            raise OptionError(f"edit must be the id of an edit, got {type(edit).__name__}; send its text")
        with self._turn:
            found = self._table.undo(edit)
        if found is None:
            return {"undone": None, "why": "" if edit is None else _CHANGED}
        return {"undone": asdict(found), "why": ""}

    def export(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Write the verdicts of all reviewers into the store's folder ``exports``.

        Parameters
        ----------
        given : mapping
            ``format``: "csv", "mne" (text where the record has no clock time, or nobody has said anything) or
            "wfdb".

        Returns
        -------
        dict
            ``path``, ``name`` (for the download), ``count`` and ``said``, in words.
        """
        wanted = given.get("format")
        if wanted not in FORMATS:
            raise OptionError(f"format {wanted!r} is not known; choose {', '.join(FORMATS)}")
        verdicts = read_verdicts(self._record.folder)
        if self.exports.is_symlink():
            raise OutputError(f"{self.exports} is a link to another place; remove it, exports stay in the store")
        with self._turn:
            path, said = self._written(str(wanted), output_folder(self.exports), verdicts)
        return {"path": str(path), "name": path.name, "count": len(verdicts), "said": said}

    def _written(self, wanted: str, folder: Path, verdicts: list[Verdict]) -> tuple[Path, str]:
        stem = re.sub(r"[^A-Za-z0-9_-]", "_", Path(self._record.name).name)[:80] or "record"
        began = self._record.attributes.get("began")
        if wanted == "wfdb":
            done = export_wfdb(verdicts, folder / stem, fs=self._record.fs, leads=self._record.leads)
            return done.path, str(done)
        if wanted == "csv":
            path = export_csv(verdicts, folder / f"{stem}_verdicts.csv")
        elif began and verdicts:
            path = export_mne_csv(verdicts, folder / f"{stem}_mne.csv", began=began)
        else:
            path = export_mne_text(verdicts, folder / f"{stem}_mne.txt")
        return path, f"{path}: {len(verdicts)} verdicts"
