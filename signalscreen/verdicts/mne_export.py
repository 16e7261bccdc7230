"""Verdicts as the annotation files that ``mne.read_annotations`` reads.

MNE's CSV holds clock times: it takes numbers for milliseconds, counts from the first row and cannot read a file
without rows. Its text file holds seconds, but knows no quotes: a comma ends a field, a # the line.
"""

import csv
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from signalscreen.errors import OptionError
from signalscreen.output import atomically
from signalscreen.verdicts.verdict import Verdict

# pandas, with which MNE reads, makes numbers or truth values of a column that holds nothing else.
_NO_TEXT = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*|true|false|nan|[+-]?inf(inity)?", re.I | re.A)


def export_mne_csv(verdicts: Sequence[Verdict], path: str | os.PathLike[str], *, began: datetime | str) -> Path:
    """Write ``onset,duration,description`` and more, for a recording that has a clock time.

    The description is the verdict, ``BAD_artefact`` for an artefact (MNE leaves out what begins with BAD), or
    ``relabel/CLASS``. Columns ``ch_names`` (the lead), ``id``, ``who`` and ``note`` follow; MNE 1.11 and later
    keep the last three as extras.

    Parameters
    ----------
    verdicts : sequence of Verdict
        At least one: MNE cannot read a CSV without rows.
    path : path
        Ends with ``.csv``; MNE goes by it.
    began : datetime or str
        Clock time of the record's beginning (ISO 8601), MNE's ``raw.info["meas_date"]``.

    Returns
    -------
    Path

    Raises
    ------
    OptionError
        If there is no clock time (`export_mne_text` needs none), no verdict, or another ending.
    OutputError
        If it cannot be written.
    """
    _check_ending(path, ".csv")
    clock = _clock(began)
    if not verdicts:
        raise OptionError("there are no verdicts, and MNE cannot read a CSV without rows; use export_mne_text")
    rows = [_row(one, clock) for one in verdicts]
    if not any(one.lead for one in verdicts) or all(_NO_TEXT.fullmatch(one.lead) for one in verdicts):
        rows = [{name: cell for name, cell in row.items() if name != "ch_names"} for row in rows]
    with atomically(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        written = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        written.writeheader()
        written.writerows(rows)
    return Path(path)


def export_mne_text(verdicts: Sequence[Verdict], path: str | os.PathLike[str]) -> Path:
    r"""Write onset and duration in seconds of the record, and the description, for any recording.

    Descriptions are as in `export_mne_csv`, in ASCII, with commas and # escaped as ``\x2c`` and ``\x23``.

    Parameters
    ----------
    verdicts : sequence of Verdict
    path : path
        Ends with ``.txt``; MNE goes by it.

    Returns
    -------
    Path

    Raises
    ------
    OptionError
        If the ending is another one.
    OutputError
        If it cannot be written.
    """
    _check_ending(path, ".txt")
    lines = ["# MNE-Annotations", "# onset, duration, description"]
    lines += [f"{one.start_s!r},{one.stop_s - one.start_s!r},{_plain(_description(one))}" for one in verdicts]
    with atomically(path) as part:
        part.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
    return Path(path)


def _row(one: Verdict, clock: datetime) -> dict[str, str]:
    onset = clock + timedelta(seconds=one.start_s)
    return {
        # one form for all rows: pandas takes that of the first for all
        "onset": onset.strftime("%Y-%m-%d %H:%M:%S.%f"),
        "duration": repr(one.stop_s - one.start_s),
        "description": _description(one),
        "ch_names": one.lead.replace(":", "{COLON}"),
        "id": one.id,
        "who": one.who,
        "note": one.note,
    }


def _description(one: Verdict) -> str:
    if one.verdict == "relabel":
        return f"relabel/{one.label}"
    return f"BAD_{one.verdict}" if one.verdict == "artefact" else one.verdict


def _plain(text: str) -> str:
    escaped = text.encode("unicode_escape").decode("ascii")
    return escaped.replace(",", "\\x2c").replace("#", "\\x23")


def _clock(began: datetime | str) -> datetime:
    try:
        clock = began if isinstance(began, datetime) else datetime.fromisoformat(began)
    except (TypeError, ValueError):
        raise OptionError(
            f"began must be the record's clock time as ISO 8601, got {began!r}; where none is known use "
            "export_mne_text"
        ) from None
    return clock.astimezone(UTC).replace(tzinfo=None) if clock.tzinfo else clock  # MNE's own files are in UTC


def _check_ending(path: str | os.PathLike[str], ending: str) -> None:
    if Path(path).suffix != ending:
        raise OptionError(f"{Path(path).name} must end with {ending}, by which MNE knows the format")
