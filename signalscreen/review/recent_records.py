"""Records that were looked at lately, opened: a database holds more than may lie in memory, or be open, at once."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

from signalscreen.errors import RecordingError
from signalscreen.review.answers import Answers
from signalscreen.review.progress import progress
from signalscreen.review.record import StoredRecord
from signalscreen.review.table import Table

_ROOM = 8  # records: those of a few tabs, and the next of each


@dataclass(eq=False)
class OpenRecord:
    """One record, its verdicts and its page.

    Attributes
    ----------
    answers : Answers
    table : Table
        Of verdicts.
    page : bytes
        HTML; empty until it was made, by who holds `making`.
    making : Lock
    """

    answers: Answers
    table: Table
    page: bytes = b""
    making: Any = field(default_factory=Lock)


class RecentRecords:
    """The records of a store by name; the least recently used is closed.

    Parameters
    ----------
    stored : mapping
        By name.
    reviewer : str
    room : int
        How many stay open.
    """

    def __init__(self, stored: Mapping[str, StoredRecord], reviewer: str, room: int = _ROOM) -> None:
        self._stored, self._reviewer, self._room = stored, reviewer, room
        self._open: OrderedDict[str, OpenRecord] = OrderedDict()
        self._lock = Lock()
        self.names = list(stored)
        self.first = first_sound(stored)

    def __contains__(self, name: str) -> bool:
        return name in self._stored

    def __getitem__(self, name: str) -> OpenRecord:
        with self._lock:
            if name not in self._open:
                record = replace(self._stored[name])  # without what the one before has read
                self._open[name] = OpenRecord(Answers(record), Table(record, self._reviewer))
            self._open.move_to_end(name)
            while len(self._open) > self._room:
                self._open.popitem(last=False)
            return self._open[name]

    def renew(self, name: str) -> None:
        """Open a record anew where more of it has been screened since: a page that is loaded shows all there is.

        Raises
        ------
        RecordingError
            If the store is damaged by now.
        """
        with self._lock:
            opened = self._open.get(name)
        if opened is None or opened.answers.progress.stamp == progress(self._stored[name]).stamp:
            return
        with self._lock:
            if self._open.get(name) is opened:
                del self._open[name]


def first_sound(stored: Mapping[str, StoredRecord]) -> str:
    """Name the first record that can be opened.

    Raises
    ------
    RecordingError
        If none can: what is wrong with the first.
    """
    wrong: RecordingError | None = None
    for name, record in stored.items():
        try:
            replace(record).group  # noqa: B018 (opened)
        except RecordingError as error:
            wrong = wrong or error
        else:
            return name
    assert wrong is not None
    raise wrong
