"""The annotation files that ``mne.read_annotations`` reads.

MNE's CSV holds clock times: it takes numbers for milliseconds, counts from the first row and cannot read a file
without rows. Its text file holds seconds, but knows no quotes: a comma ends a field, a # the line.
"""

import csv
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from signalscreen.errors import OptionError
from signalscreen.output import atomically

# pandas, with which MNE reads, makes numbers or truth values of a column that holds nothing else.
_NO_TEXT = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*|true|false|nan|[+-]?inf(inity)?", re.I | re.A)


@dataclass(frozen=True)
class Mark:
    """One annotation of MNE's.

    Attributes
    ----------
    start_s, stop_s : float
        Seconds from the beginning of the record.
    description : str
    lead : str
        "" for all leads.
    extras : dict of str to str
        More columns of the CSV; the same for all marks of a file. The text file has ``meaning`` as a comment.
    """

    start_s: float
    stop_s: float
    description: str
    lead: str = ""
    extras: Mapping[str, str] = field(default_factory=dict)


def write_csv(
    marks: Sequence[Mark], path: str | os.PathLike[str], began: datetime | str, what: str, instead: str
) -> Path:
    """Write ``onset,duration,description``, ``ch_names`` and the extras, whole or not at all.

    Parameters
    ----------
    marks : sequence of Mark
        At least one.
    path : path
        Ends with ``.csv``.
    began : datetime or str
        Clock time of the record's beginning (ISO 8601).
    what : str
        What the marks are, for errors.
    instead : str
        What to do where MNE's CSV cannot be, for errors.

    Raises
    ------
    OptionError
        If there is no clock time, no mark, or another ending.
    OutputError
        If it cannot be written.
    """
    _check_ending(path, ".csv")
    clock = _clock(began, instead)
    if not marks:
        raise OptionError(f"there are no {what}, and MNE cannot read a CSV without rows; {instead}")
    rows = [_row(one, clock) for one in marks]
    if not any(one.lead for one in marks) or all(_NO_TEXT.fullmatch(one.lead) for one in marks):
        rows = [{name: cell for name, cell in row.items() if name != "ch_names"} for row in rows]
    with atomically(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        written = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        written.writeheader()
        written.writerows(rows)
    return Path(path)


def write_text(marks: Sequence[Mark], path: str | os.PathLike[str]) -> Path:
    r"""Write onset and duration in seconds of the record, and the description, whole or not at all.

    Descriptions are in ASCII, with commas and # escaped as ``\x2c`` and ``\x23``.

    Parameters
    ----------
    marks : sequence of Mark
    path : path
        Ends with ``.txt``.

    Raises
    ------
    OptionError
        If the ending is another one.
    OutputError
        If it cannot be written.
    """
    _check_ending(path, ".txt")
    lines = ["# MNE-Annotations", "# onset, duration, description"]
    for one in marks:
        if meaning := one.extras.get("meaning"):
            lines.append(f"# means: {_plain(meaning)}")
        lines.append(f"{one.start_s!r},{one.stop_s - one.start_s!r},{_plain(one.description)}")
    with atomically(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
    return Path(path)


def _row(one: Mark, clock: datetime) -> dict[str, str]:
    onset = clock + timedelta(seconds=one.start_s)
    return {
        # one form for all rows: pandas takes that of the first for all
        "onset": onset.strftime("%Y-%m-%d %H:%M:%S.%f"),
        "duration": repr(one.stop_s - one.start_s),
        "description": one.description,
        "ch_names": one.lead.replace(":", "{COLON}"),
        **one.extras,
    }


def _plain(text: str) -> str:
    escaped = text.encode("unicode_escape").decode("ascii")
    return escaped.replace(",", "\\x2c").replace("#", "\\x23")


def _clock(began: datetime | str, instead: str) -> datetime:
    try:
        clock = began if isinstance(began, datetime) else datetime.fromisoformat(began)
    except (TypeError, ValueError):
        raise OptionError(
            f"began must be the record's clock time as ISO 8601, got {began!r}; where none is known {instead}"
        ) from None
    return clock.astimezone(UTC).replace(tzinfo=None) if clock.tzinfo else clock  # MNE's own files are in UTC


def _check_ending(path: str | os.PathLike[str], ending: str) -> None:
    if Path(path).suffix != ending:
        raise OptionError(f"{Path(path).name} must end with {ending}, by which MNE knows the format")
