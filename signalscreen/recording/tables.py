"""Recordings from text tables: CSV, TSV and columns separated by spaces."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import RecordingError
from signalscreen.recording import clock
from signalscreen.recording.selection import Wanted, lead_indexes
from signalscreen.recording.signals import Recording

_GAPS = {"", "-", "nan", "na", "n/a", "null", "none"}
_NAME_AND_UNIT = re.compile(r"(.+?)\s*[\[(]([^\])]*)[\])]")


@dataclass(frozen=True)
class _Layout:
    """How the file is written: what separates cells, how many lines stand above the data, the names."""

    separator: str | None
    above: int
    names: tuple[str, ...]
    units: tuple[str, ...]
    named: bool


def read_table(path: Path, wanted: Wanted) -> Recording:
    """Read one column per lead; a time column gives the rate, empty cells are gaps."""
    layout = _layout(path)
    columns = range(len(layout.names))
    time_at = next((i for i in columns if layout.named and clock.is_time(layout.names[i])), None)
    at = _without_index(path, layout, [i for i in columns if i != time_at])
    if not at:
        raise RecordingError(f"{path} has a time column only; give a file with a signal in it")
    if wanted.leads is not None:
        at = [at[i] for i in lead_indexes(wanted.leads, [layout.names[i] for i in at], path.name)]
    signal, fs = _numbers(path, layout, at), wanted.fs
    if time_at is not None and fs is None:
        clock_name = f"the column {layout.names[time_at]!r} of {path.name}"
        fs, places = clock.grid(_seconds(path, layout, time_at), clock_name)
        signal = _spread(signal, places)
    recording = Recording(
        signal,
        fs=fs,
        names=tuple(layout.names[i] for i in at) if layout.named else (),
        units=tuple(layout.units[i] for i in at),
        source=path.name,
    )
    whole = wanted.start is None and wanted.end is None
    return recording if whole else recording.between(wanted.start, wanted.end)


def _layout(path: Path) -> _Layout:
    try:
        with path.open(encoding="utf-8-sig") as file:
            lines = [line.strip("\r\n") for line in islice(file, 8)]
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path} is not a text file; give a table of numbers in UTF-8") from error
    filled = [line for line in lines if line.strip()]
    if not filled:
        raise RecordingError(f"{path} is empty; give a file with a signal in it")
    used = [s for s in "\t;," if any(s in line for line in filled)]
    separator = max(used, key=lambda s: sum(s in line for line in filled)) if used else None
    words: list[list[str]] = []
    above = 0
    for line in lines:
        cells = _cells(line, separator)
        if line.strip() and any(_number(c, separator) is not None for c in cells):
            break
        above += 1
        if line.strip():
            words.append(_cells(line.lstrip("# "), separator))
    columns = len(_cells(lines[above], separator)) if above < len(lines) else len(words[0])
    if above == len(lines):
        raise RecordingError(f"{path} has no numbers in its first {len(lines)} lines; give a table of numbers")
    return _named(path, separator, above, words, columns)


def _named(path: Path, separator: str | None, above: int, words: list[list[str]], columns: int) -> _Layout:
    """Names from the first line of words, units from brackets in it or from a second such line."""
    if not words:
        return _Layout(separator, above, tuple(f"lead {i}" for i in range(columns)), ("",) * columns, False)
    head = [word.strip().strip("'\"").strip() for word in words[0]]
    if len(head) != columns:
        raise RecordingError(
            f"{path} names {len(head)} columns but its first row has {columns}; give one name per column"
        )
    if len(words) > 1 and len(words[1]) == columns:
        units = [word.strip().strip("'\"").strip() for word in words[1]]
        return _Layout(separator, above, tuple(head), tuple(units), True)
    names, units = [], []
    for i, name in enumerate(head):
        split = None if clock.is_time(name) else _NAME_AND_UNIT.fullmatch(name)
        names.append(split[1] if split else name or ("" if i == 0 else f"lead {i}"))
        units.append(split[2] if split else "")
    return _Layout(separator, above, tuple(names), tuple(units), True)


def _without_index(path: Path, layout: _Layout, columns: list[int]) -> list[int]:
    """Leave out a first column that only counts the rows (``'sample #'``, an unnamed one of pandas)."""
    if not layout.named or len(columns) < 2 or not clock.is_index_name(layout.names[columns[0]]):
        return columns
    first = columns[0]
    counts = (np.diff(_numbers(path, layout, [first])[:, 0]) == 1).all()
    return columns[1:] if counts else columns


def _numbers(path: Path, layout: _Layout, columns: list[int]) -> NDArray[np.float64]:
    """Columns as floats, ``(rows, columns)``: fast where every cell is a plain number, else cell by cell."""
    try:
        return np.loadtxt(
            path,
            delimiter=layout.separator,
            skiprows=layout.above,
            usecols=columns,
            ndmin=2,
            comments=None,
            encoding="utf-8-sig",
        )
    except (ValueError, IndexError):
        return np.array(
            [[_parsed(path, layout, row, line, c) for c in columns] for line, row in _rows(path, layout)]
        )


def _parsed(path: Path, layout: _Layout, row: list[str], line: int, column: int) -> float:
    if column >= len(row):
        raise RecordingError(f"line {line} of {path} has {len(row)} cells, {len(layout.names)} are expected")
    value = _number(row[column], layout.separator)
    if value is not None:
        return value
    if row[column].strip().strip("'\"").lower() in _GAPS:
        return np.nan
    raise RecordingError(
        f"line {line} of {path} has {row[column]!r} in column {layout.names[column]!r}, "
        "which is not a number; correct it, leave the cell empty for a gap, or pick other leads"
    )


def _seconds(path: Path, layout: _Layout, column: int) -> NDArray[np.float64]:
    """Read a time column in seconds; it may hold numbers, or clock times such as 2024-05-01 10:00:00.5."""
    _, first = next(_rows(path, layout))
    if column < len(first) and _number(first[column], layout.separator) is None:
        texts = [row[column].strip() if column < len(row) else "" for _, row in _rows(path, layout)]
        try:
            stamps = np.array(texts, dtype="datetime64[us]")
        except ValueError as error:
            raise RecordingError(
                f"column {layout.names[column]!r} of {path} begins with {texts[0]!r}, which is neither a "
                "number nor a time such as 2024-05-01 10:00:00.5; give fs to leave it aside"
            ) from error
        microseconds = (stamps - stamps[0]).astype(np.int64)
        return np.where(np.isnat(stamps), np.nan, microseconds / 1e6)
    return clock.seconds(_numbers(path, layout, [column])[:, 0], layout.names[column])


def _rows(path: Path, layout: _Layout) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line, text in enumerate(file, start=1):
            if line > layout.above and text.strip():
                yield line, _cells(text.strip("\r\n"), layout.separator)


def _cells(line: str, separator: str | None) -> list[str]:
    return line.split() if separator is None else next(csv.reader([line], delimiter=separator))


def _number(cell: str, separator: str | None) -> float | None:
    text = cell.strip().strip("'\"").strip()
    try:
        # A decimal comma is possible only where the comma does not separate the cells.
        return float(text.replace(",", ".") if separator == ";" else text)
    except ValueError:
        return None


def _spread(signal: NDArray[np.float64], places: NDArray[np.int64]) -> NDArray[np.float64]:
    if places[-1] == len(signal) - 1:
        return signal
    spread = np.full((places[-1] + 1, signal.shape[1]), np.nan)
    spread[places] = signal
    return spread
