"""How many alarms each record of a database has, and how many of them one reviewer has not judged."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np

from signalscreen.errors import RecordingError, SignalScreenError
from signalscreen.review.alarms import Alarms, alarms_of
from signalscreen.review.record import StoredRecord
from signalscreen.verdicts import Bounds, VerdictTable

_LOG = logging.getLogger(__name__)
_SLICE = 0.4  # seconds of work at a call
_AGAIN = 10.0  # s after which an unfinished record is looked at again


class Tally:
    """Counts of all records, made when they are asked for.

    A store takes some milliseconds to open, and a database may hold thousands: each call counts for less than half
    a second, the neighbours of the record in view first, so that the way to the next alarm is known at once. Who
    wants all asks again. Windows are counted once, those of a record that is not screened to its end now and then,
    verdicts at every call.

    Parameters
    ----------
    stored : mapping
        The records by name, in the order of the database.
    reviewer : str
        Whose verdicts count.
    """

    def __init__(self, stored: Mapping[str, StoredRecord], reviewer: str) -> None:
        self._stored, self._names, self._reviewer = stored, list(stored), reviewer
        self._alarms: dict[str, Alarms | str] = {}  # or what is wrong with the record
        self._tables: dict[str, VerdictTable] = {}
        self._looked: dict[str, float] = {}
        self._turn = Lock()

    def counted(self, near: str, seconds: float = _SLICE) -> dict[str, Any]:
        """Count on for a while, and give what is known.

        Parameters
        ----------
        near : str
            A record's name: those beside it come first.
        seconds : float
            When to stop; at least one record is counted.

        Returns
        -------
        dict
            Lists with an entry a record, None where it was not counted yet: ``windows``, ``alarms``, ``open``
            (alarms without a verdict of the reviewer), ``done`` (share of the record that was screened), ``wrong``
            (a sentence about a record that cannot be opened, else "").
        """
        with self._turn:
            self._count(near, monotonic() + seconds)
            entries = [self._entry(name) for name in self._names]
        names = ("windows", "alarms", "open", "done", "wrong")
        return {name: list(column) for name, column in zip(names, zip(*entries, strict=True), strict=True)}

    def _count(self, near: str, until: float) -> None:
        at = self._names.index(near)
        left = [i for i, name in enumerate(self._names) if name not in self._alarms]
        left = left or [i for i, name in enumerate(self._names) if self._grows(name)]
        for i in sorted(left, key=lambda i: abs(i - at)):
            self._alarms[self._names[i]] = _looked_at(self._stored[self._names[i]])
            self._looked[self._names[i]] = monotonic()
            if monotonic() > until:
                return

    def _grows(self, name: str) -> bool:
        """Whether a record was not finished when it was looked at, some time ago."""
        found = self._alarms[name]
        unfinished = isinstance(found, str) or found.done < 1
        return unfinished and monotonic() - self._looked[name] > _AGAIN

    def _entry(self, name: str) -> tuple[Any, ...]:
        found = self._alarms.get(name)
        if found is None:
            return (None,) * 5
        if isinstance(found, str):
            return 0, 0, 0, 0.0, found
        alarms = len(found.row)
        return found.windows, alarms, alarms and self._open(name, found), found.done, ""

    def _open(self, name: str, alarms: Alarms) -> int:
        """How many alarms of a record have no verdict of this reviewer."""
        if name not in self._tables:
            record = self._stored[name]
            bounds = Bounds(fs=1.0, samples=0)  # for verdicts that are given, and none are given here
            self._tables[name] = VerdictTable(record.folder, self._reviewer, bounds)
        try:
            verdicts = self._tables[name].current()
        except RecordingError:  # said where the record is opened
            verdicts = []
        return int(np.count_nonzero(~alarms.judged(verdicts)))


def _looked_at(record: StoredRecord) -> Alarms | str:
    """The alarms of a record, or what is wrong with it: one that is damaged takes no other with it."""
    try:
        return alarms_of(replace(record))  # opened here, and not kept
    except SignalScreenError as error:
        return " ".join(str(error).split())
    except Exception:
        _LOG.warning("the record %s cannot be read", record.name, exc_info=True)
        return f"the store {record.folder} is damaged: its windows cannot be read; screen the recording again"
