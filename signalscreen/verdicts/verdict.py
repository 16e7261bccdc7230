"""One verdict on a span of a recording, and the lines of the table it is kept in."""

import json
import math
import uuid
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

VERDICTS = ("accept", "reject", "artefact", "unsure", "relabel")
_MEANINGS = {
    "accept": "the model is right",
    "reject": "the model is wrong",
    "artefact": "the signal is an artefact",
    "unsure": "the reviewer is unsure",
}


def _new_id() -> str:
    return str(uuid.uuid4())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True)
class Verdict:
    """What a reviewer said of a span.

    Attributes
    ----------
    start, stop : int
        Samples of the store's timeline: the first one, and one past the last.
    start_s, stop_s : float
        The same in seconds from the beginning of the record, which may be earlier than that of the store.
    verdict : str
        One of `VERDICTS`.
    who : str
        The reviewer.
    lead : str
        Name of the lead it is about; "" for all leads together.
    window : int or None
        The row of the store it was given on; None for a span drawn by hand.
    label : str
        The class a window was relabelled to; "" for every other verdict.
    note : str
        Any Unicode text.
    when : str
        UTC, ISO 8601 with milliseconds.
    id : str
        A UUID.
    meaning : str
        What the reviewer was told that the verdict says, in the words of the model's classes, such as "the alarm
        is wrong: clean"; "" where nobody said. `in_words` is never empty.
    """

    start: int
    stop: int
    start_s: float
    stop_s: float
    verdict: str
    who: str
    lead: str = ""
    window: int | None = None
    label: str = ""
    note: str = ""
    when: str = field(default_factory=_now)
    id: str = field(default_factory=_new_id)
    meaning: str = ""

    @property
    def in_words(self) -> str:
        """The meaning; where none was kept, what the verdict means of any model."""
        return self.meaning or _MEANINGS.get(self.verdict, f"it is {self.label}")

    @property
    def place(self) -> tuple[int, int, str]:
        """Span and lead: of one reviewer, the latest verdict on a place is the one that counts."""
        return self.start, self.stop, self.lead


@dataclass(frozen=True)
class Deletion:
    """A verdict taken back; `deletes` is its id."""

    deletes: str
    who: str
    when: str = field(default_factory=_now)
    id: str = field(default_factory=_new_id)


@dataclass(frozen=True)
class Undo:
    """An edit made undone; `undoes` is the id of that `Verdict` or `Deletion`."""

    undoes: str
    who: str
    when: str = field(default_factory=_now)
    id: str = field(default_factory=_new_id)


Entry = Verdict | Deletion | Undo
_ACTIONS: dict[str, type[Verdict] | type[Deletion] | type[Undo]] = {
    "set": Verdict,
    "delete": Deletion,
    "undo": Undo,
}
# What JSON must hold for an attribute; a bool is an int in Python, in JSON it is not.
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("start", "stop"), (int,)),
    **dict.fromkeys(("start_s", "stop_s"), (int, float)),
    "window": (int, type(None)),
}


def to_line(entry: Entry) -> bytes:
    """One line of JSON, UTF-8, with its newline."""
    action = next(name for name, kind in _ACTIONS.items() if isinstance(entry, kind))
    found: dict[str, Any] = {"id": entry.id, "action": action}
    found.update((one.name, getattr(entry, one.name)) for one in fields(entry) if one.name != "id")
    found.setdefault("undoes", None)
    return json.dumps(found, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def from_line(line: bytes) -> Entry:
    """Read what `to_line` wrote.

    Raises
    ------
    ValueError
        If it is no such line: damaged, or written by hand and wrong.
    """
    found = json.loads(line.decode())
    if not isinstance(found, dict) or not isinstance(found.get("action"), str) or found["action"] not in _ACTIONS:
        raise ValueError("no action")
    kind = _ACTIONS[found["action"]]
    given = {one.name: _typed(one.name, found.get(one.name, "")) for one in fields(kind)}
    if not given["id"] or not given["who"]:
        raise ValueError("no id, or no reviewer")
    entry = kind(**given)
    if isinstance(entry, Verdict):
        check_span(entry)
    return entry


def _typed(name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, _TYPES.get(name, (str,))):
        raise ValueError(f"{name} is {value!r}")
    return value


def check_span(entry: Verdict) -> None:
    """See that a verdict read from a file is possible at all; raise ValueError where not."""
    if entry.verdict not in VERDICTS or not 0 <= entry.start < entry.stop:
        raise ValueError("an unknown verdict, or an empty span")
    if not (math.isfinite(entry.start_s) and math.isfinite(entry.stop_s)):
        raise ValueError("no such time")
