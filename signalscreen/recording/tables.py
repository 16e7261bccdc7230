"""Recordings from text tables: CSV, TSV and columns separated by spaces."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import RecordingError
from signalscreen.recording import clock, clock_times
from signalscreen.recording.selection import Wanted, lead_indexes
from signalscreen.recording.signals import Recording
from signalscreen.recording.table_layout import (
    GAPS,
    Layout,
    cells_of,
    is_comment,
    number,
    read_layout,
    unquoted,
    without_empty_end,
)


def read_table(path: Path, wanted: Wanted) -> Recording:
    """Read one column per lead; a time column gives the rate, empty cells are gaps."""
    try:
        recording = _read(path, wanted)
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path} is not a text file; give a table of numbers in UTF-8") from error
    except csv.Error as error:
        raise RecordingError(f"{path} is not a table of numbers ({error})") from error
    whole = wanted.start is None and wanted.end is None
    return recording if whole else recording.between(wanted.start, wanted.end)


def _read(path: Path, wanted: Wanted) -> Recording:
    layout = read_layout(path)
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
        fs, places = clock.grid(_seconds(path, layout, time_at, clock_name), clock_name)
        signal = _spread(signal, places)
    return Recording(
        signal,
        fs=fs,
        names=tuple(layout.names[i] for i in at) if layout.named else (),
        units=tuple(layout.units[i] for i in at),
        source=path.name,
    )


def _without_index(path: Path, layout: Layout, columns: list[int]) -> list[int]:
    """Leave out a first column that only counts the rows (``'sample #'``, an unnamed one of pandas)."""
    if not layout.named or len(columns) < 2 or not clock.is_index_name(layout.names[columns[0]]):
        return columns
    first = columns[0]
    counts = (np.diff(_numbers(path, layout, [first])[:, 0]) == 1).all()
    return columns[1:] if counts else columns


def _numbers(path: Path, layout: Layout, columns: list[int]) -> NDArray[np.float64]:
    """Columns as floats, ``(rows, columns)``: fast where every cell is a plain number, else cell by cell."""
    if _is_plain(path, layout):
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
            pass  # some cell is no plain number
    values = (_parsed(path, layout, row, line, column) for line, row in _rows(path, layout) for column in columns)
    return np.fromiter(values, np.float64).reshape(-1, len(columns))


def _is_plain(path: Path, layout: Layout) -> bool:
    """Whether all rows have as many cells as the table has columns, and no line is a comment."""
    separator, columns = layout.separator, len(layout.names)
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line, text in enumerate(file, start=1):
            if line <= layout.above or not text.strip():
                continue
            if separator is None:
                extra = len(text.split()) - columns
            else:
                extra = text.count(separator) + 1 - columns
                # A separator at the end of the row begins no further cell.
                extra -= extra == 1 and text.rstrip("\r\n ").endswith(separator)
            if extra or is_comment(text):
                return False
    return True


def _parsed(path: Path, layout: Layout, row: list[str], line: int, column: int) -> float:
    columns = len(layout.names)
    if column >= len(row) or len(without_empty_end(row)) > columns:
        raise RecordingError(f"line {line} of {path} has {len(row)} cells, {columns} are expected")
    value = number(row[column], layout.separator)
    if value is not None:
        return value
    if unquoted(row[column]).lower() in GAPS:
        return np.nan
    raise RecordingError(
        f"line {line} of {path} has {row[column]!r} in column {layout.names[column]!r}, "
        "which is not a number; correct it, leave the cell empty for a gap, or pick other leads"
    )


def _seconds(path: Path, layout: Layout, column: int, clock_name: str) -> NDArray[np.float64]:
    """Read a time column in seconds; it may hold numbers, or clock times such as 2024-05-01 10:00:00.5."""
    _, first = next(_rows(path, layout))
    unit = layout.units[column]
    if column >= len(first) or number(first[column], layout.separator) is not None:
        values = _numbers(path, layout, [column])[:, 0]
        name = layout.names[column]
        return clock.seconds(values, f"{name} [{unit}]" if unit else name, clock_name)
    texts = [row[column] if column < len(row) else "" for _, row in _rows(path, layout)]
    try:
        return clock_times.seconds_of(texts, unit)
    except (ValueError, OverflowError) as error:
        raise RecordingError(
            f"column {layout.names[column]!r} of {path} begins with {texts[0].strip()!r}, and not all of it is a "
            "number or a time such as 10:00:00.5 or 2024-05-01 10:00:00.5; give fs to leave it aside"
        ) from error


def _rows(path: Path, layout: Layout) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for line, text in enumerate(file, start=1):
            if line > layout.above and text.strip() and not is_comment(text):
                yield line, cells_of(text.strip("\r\n"), layout.separator)


def _spread(signal: NDArray[np.float64], places: NDArray[np.int64]) -> NDArray[np.float64]:
    if places[-1] == len(signal) - 1:
        return signal
    spread = np.full((places[-1] + 1, signal.shape[1]), np.nan)
    spread[places] = signal
    return spread
