"""Clock times in a table, as text: ``10:00:00.5``, ``59:59.996``, ``2024-05-01 10:00:00.5+02:00``."""

import re
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from signalscreen.recording.table_layout import GAPS

_TIME = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)", re.ASCII)
_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})[ T]+(.+)", re.ASCII)
_PHYSIONET = re.compile(r"\[(\S+) (\d{2})/(\d{2})/(\d{4})\]", re.ASCII)
_DAY, _HOUR = 86400.0, 3600.0


def seconds_of(texts: Sequence[str], unit: str = "") -> NDArray[np.float64]:
    """Seconds from the first of some clock times; NaN for a cell that is empty.

    Times without a date go on from the midnight (without hours: from the full hour) that lies between two of them.

    Parameters
    ----------
    texts : sequence of str
    unit : str
        What the table calls the unit of the column: with ``mm:ss`` two numbers are minutes and seconds.

    Raises
    ------
    ValueError
        If a text is no such time. Two numbers without a fraction may be hours and minutes, and are none.
    """
    cells = [text.strip().strip("'\"").strip() for text in texts]
    known = [cell for cell in cells if cell.lower() not in GAPS]
    plain = [_TIME.fullmatch(cell.strip("[]")) for cell in known]
    times = [_seconds(found) for found in plain if found] if all(plain) else _dated(known)
    if all(plain):
        with_hours = any(found[1] for found in plain if found)
        fraction = any("." in cell or "," in cell for cell in known)
        if not with_hours and not fraction and not unit.lower().startswith(("mm:ss", "m:s")):
            raise ValueError(f"{known[0]!r} may be hours and minutes")
        times = _unwrapped(times, _DAY if with_hours else _HOUR)
    found = iter(times)
    values = np.array([next(found) if cell.lower() not in GAPS else np.nan for cell in cells])
    return values - values[np.isfinite(values)][:1] if np.isfinite(values).any() else values


def _seconds(found: re.Match[str]) -> float:
    return 3600.0 * int(found[1] or 0) + 60.0 * int(found[2]) + float(found[3].replace(",", "."))


def _unwrapped(times: list[float], turn: float) -> list[float]:
    steps = np.diff(times, prepend=times[:1])
    return [float(value) for value in np.array(times) + turn * np.cumsum(steps < -turn / 2)]


def _dated(cells: Sequence[str]) -> list[float]:
    """Seconds from the first of some times with a date."""
    times = [datetime.fromisoformat(_iso(cell)) for cell in cells]
    if len({time.tzinfo is None for time in times}) > 1:
        raise ValueError("some times have a time zone and others none")
    return [(time - times[0]).total_seconds() for time in times]


def _iso(text: str) -> str:
    german, physionet = _GERMAN.fullmatch(text), _PHYSIONET.fullmatch(text)
    if german:
        day, month, year, time = german.groups()
        return f"{year}-{month:0>2}-{day:0>2} {time.replace(',', '.')}"
    if physionet:
        time, day, month, year = physionet.groups()
        return f"{year}-{month}-{day} {time}"
    return text.replace(",", ".")
