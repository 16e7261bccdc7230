"""How a text table is written: what separates cells, which lines stand above the data, what columns are called."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from signalscreen.errors import RecordingError
from signalscreen.recording import clock

GAPS = {"", "-", "nan", "na", "n/a", "null", "none"}
_NAME_AND_UNIT = re.compile(r"(.+?)\s*[\[(]([^\])]*)[\])]")
_LOOKED_AT = 500  # lines


@dataclass(frozen=True)
class Layout:
    """The form of one table.

    Attributes
    ----------
    separator : str or None
        None: spaces.
    above : int
        Lines above the data.
    names, units : tuple of str
        One per column.
    named : bool
        Whether the file names its columns.
    """

    separator: str | None
    above: int
    names: tuple[str, ...]
    units: tuple[str, ...]
    named: bool


def read_layout(path: Path) -> Layout:
    """Look at the first lines of a table; lines that begin with ``#`` are comments.

    Raises
    ------
    RecordingError
        If there are no numbers, or other columns than names.
    """
    with path.open(encoding="utf-8-sig") as file:
        lines = [line.strip("\r\n") for line in islice(file, _LOOKED_AT)]
    filled = [line for line in lines if line.strip() and not is_comment(line)]
    if not filled:
        comments = any(line.strip() for line in lines)
        raise RecordingError(
            f"{path} {'has comments only' if comments else 'is empty'}; give a file with a signal in it"
        )
    separator = _separator(filled)
    above = next((i for i, line in enumerate(lines) if _is_data(line, separator)), len(lines))
    if above == len(lines):
        raise RecordingError(f"{path} has no numbers in its first {len(lines)} lines; give a table of numbers")
    rows = [cells_of(line, separator) for line in lines[above:] if line.strip() and not is_comment(line)]
    width = max(len(without_empty_end(row)) for row in rows)
    head = [cells_of(line, separator) for line in lines[:above] if line.strip() and not is_comment(line)]
    if not head:  # a comment may name the columns, as NumPy writes them
        told = [cells_of(line.lstrip("# "), separator) for line in lines[:above] if is_comment(line)]
        head = [cells for cells in told if len(cells) == width][-1:]
    return _named(path, separator, above, [list(map(unquoted, cells)) for cells in head], width, len(rows[0]))


def is_comment(line: str) -> bool:
    """Whether a line is a remark."""
    return line.lstrip().startswith("#")


def cells_of(line: str, separator: str | None) -> list[str]:
    """Cells of one line."""
    return line.split() if separator is None else next(csv.reader([line], delimiter=separator), [])


def without_empty_end(cells: list[str]) -> list[str]:
    """Cells up to the last one with something in it: many programs end every row with a separator."""
    filled = [i for i, cell in enumerate(cells) if cell.strip()]
    return cells[: filled[-1] + 1] if filled else []


def unquoted(cell: str) -> str:
    """A cell without spaces and quotes around it."""
    return cell.strip().strip("'\"").strip()


def number(cell: str, separator: str | None) -> float | None:
    """The value of a cell; None where it is no number."""
    text = unquoted(cell)
    # A decimal comma is possible only where the comma does not separate the cells.
    if separator != "," and text.count(",") == 1:
        text = text.replace(",", ".")
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


def _separator(filled: Sequence[str]) -> str | None:
    counts = {s: sum(s in line for line in filled) for s in "\t;,"}
    best = max(counts, key=counts.__getitem__)  # of several the first: a comma may be a decimal one
    if not counts[best]:
        return None
    spaced = best == "," and all(len(line.split()) > 1 for line in filled)
    cells = [cell for line in filled for cell in line.split()]
    # "0,00 1,25": columns separated by spaces, with a decimal comma
    if spaced and all(re.fullmatch(r"[+-]?\d+,\d+", cell) for cell in cells):
        return None
    return best


def _is_data(line: str, separator: str | None) -> bool:
    if not line.strip() or is_comment(line):
        return False
    cells = cells_of(line, separator)
    return any(number(cell, separator) is not None for cell in cells) or all(
        unquoted(cell).lower() in GAPS for cell in cells
    )


def _named(
    path: Path, separator: str | None, above: int, words: list[list[str]], width: int, first_width: int
) -> Layout:
    """Names from the first line of words, units from brackets in it or from a second such line."""
    if not words:
        return Layout(separator, above, tuple(f"lead {i}" for i in range(width)), ("",) * width, False)
    columns = max(width, len(without_empty_end(words[0])))
    if columns > len(words[0]):
        raise RecordingError(
            f"{path} names {len(words[0])} columns but its first row has {max(first_width, width)}; give one name "
            "per column"
        )
    head = words[0][:columns]
    if len(words) > 1 and len(without_empty_end(words[1])) <= columns <= len(words[1]):
        return Layout(separator, above, tuple(head), tuple(words[1][:columns]), True)
    names, units = [], []
    for i, name in enumerate(head):
        split = None if clock.is_time(name) else _NAME_AND_UNIT.fullmatch(name)
        names.append(split[1] if split else name or ("" if i == 0 else f"lead {i}"))
        units.append(split[2] if split else "")
    return Layout(separator, above, tuple(names), tuple(units), True)
