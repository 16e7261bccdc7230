"""Verdicts as CSV for spreadsheets and pandas, with every field; and back."""

import csv
import os
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from signalscreen.errors import RecordingError
from signalscreen.output import atomically
from signalscreen.verdicts.verdict import Verdict, check_span

COLUMNS = tuple(one.name for one in fields(Verdict))
_TEXTS = ("verdict", "who", "lead", "label", "note", "when", "id", "meaning")
_LATER = ("meaning",)  # columns that earlier versions did not write
# A spreadsheet runs a cell that begins so as a formula; the full-width ones where Japanese is set.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def export_csv(verdicts: Sequence[Verdict], path: str | os.PathLike[str]) -> Path:
    """Write one row per verdict: UTF-8 with a byte-order mark, by which Excel knows it, and CRLF.

    The last column says in words what the verdict means (`Verdict.in_words`).
    A text that a spreadsheet would run as a formula, or that begins with an apostrophe, gets an apostrophe in
    front; `read_csv_verdicts` takes it away again.

    Parameters
    ----------
    verdicts : sequence of Verdict
    path : path

    Returns
    -------
    Path

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with atomically(path) as part, part.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        rows.writerows([cell(_given(one, name)) for name in COLUMNS] for one in verdicts)
    return Path(path)


def read_csv_verdicts(path: str | os.PathLike[str]) -> list[Verdict]:
    """Read what `export_csv` wrote, field by field as it was.

    Raises
    ------
    RecordingError
        If it cannot be read, or a column is missing or holds something else.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            found = csv.DictReader(file, strict=True)
            missing = [name for name in COLUMNS if name not in (*(found.fieldnames or ()), *_LATER)]
            if missing:
                raise ValueError(f"no column {missing[0]}")
            return [_verdict(row) for row in found]
    except (OSError, ValueError, csv.Error) as error:
        raise RecordingError(f"{Path(path)} is no CSV of verdicts ({error}); export it again") from error


def _verdict(row: dict[str, Any]) -> Verdict:
    if None in row.values():
        raise ValueError("a row is too short")
    one = Verdict(**{name: _value(name, row[name]) for name in COLUMNS if name in row})
    check_span(one)
    return replace(one, meaning="") if one.meaning == replace(one, meaning="").in_words else one


def _given(one: Verdict, name: str) -> Any:
    return one.in_words if name == "meaning" else getattr(one, name)


def cell(value: Any) -> str:
    """A value as a spreadsheet reads it without running it."""
    if value is None:
        return ""
    text = repr(value) if isinstance(value, float) else str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith((*_FORMULA, "'")) else text


def _value(name: str, text: str) -> Any:
    if name in _TEXTS:
        return text.removeprefix("'")
    if name == "window":
        return int(text) if text else None
    return float(text) if name.endswith("_s") else int(text)
