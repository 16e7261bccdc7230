"""One record's verdicts, as the page sends and shows them."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Any

from signalscreen.errors import InputError, OptionError
from signalscreen.review.record import StoredRecord

_GIVEN = ("start", "stop", "lead", "window", "verdict", "label", "note")


class Table:
    """The verdicts of one reviewer on one record, beside those of others.

    Parameters
    ----------
    record : StoredRecord
    reviewer : str
    """

    names = ("accept", "reject", "artefact", "unsure", "relabel")

    def __init__(self, record: StoredRecord, reviewer: str) -> None:
        self._record, self._reviewer = record, reviewer
        self.exports = record.folder / "exports"

    @cached_property
    def _table(self) -> Any:
        from signalscreen.verdicts import VerdictTable

        return VerdictTable(self._record.folder, self._reviewer)

    def current(self) -> dict[str, Any]:
        """Give all that stand, of all reviewers."""
        from signalscreen.verdicts import read_verdicts

        return {"verdicts": [asdict(one) for one in read_verdicts(self._record.folder)]}

    def set(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Save one more verdict: what was sent, ``start`` and ``stop`` in samples.

        Raises
        ------
        InputError
            If a key is missing or unknown, or the span is not in the record.
        OptionError
            If there is no such lead or class.
        """
        wanted = {key: given[key] for key in _GIVEN if key in given}
        for key in ("start", "stop"):
            if not isinstance(wanted.get(key), int) or isinstance(wanted[key], bool):
                raise InputError(f"a verdict has its {key} as a whole number of samples, not {wanted.get(key)!r}")
        if not 0 <= wanted["start"] < wanted["stop"] <= self._record.n:
            raise InputError(
                f"a verdict on samples {wanted['start']} to {wanted['stop']} is not in a record of {self._record.n}"
            )
        if wanted.get("lead") and wanted["lead"] not in self._record.leads:
            raise OptionError(f"there is no lead {wanted['lead']!r}; choose {', '.join(self._record.leads)}")
        return {"verdict": asdict(self._table.set(**wanted))}

    def delete(self, one: str) -> dict[str, Any]:
        """Take a verdict away."""
        self._table.delete(one)
        return {"deleted": one}

    def undo(self) -> dict[str, Any]:
        """Take back the reviewer's last step; ``undone`` is None where there is none."""
        found = self._table.undo()
        return {"undone": None if found is None else asdict(found)}

    def export(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Write all verdicts into the store's folder ``exports``."""
        raise NotImplementedError(given)
