"""Seconds of a record as people read them."""

import math
from datetime import datetime, timedelta

import numpy as np

from signalscreen.exports.part import Part

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# What people count in, in seconds.
_STEPS = (
    *(0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 3, 4, 6, 12)),
)


def elapsed(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> elapsed(75.5), elapsed(3600), elapsed(90061)
    ('0:01:15.5', '1:00:00', '25:01:01')
    """
    tenths = round(seconds * 10)
    whole, tenth = divmod(tenths, 10)
    text = f"{whole // _HOUR}:{whole // _MINUTE % 60:02d}:{whole % _MINUTE:02d}"
    return f"{text}.{tenth}" if tenth else text


def clock(part: Part, seconds: float) -> str:
    """Time of day, with the day where it is not the first one; "" where the header has none."""
    if not part.began:
        return ""
    began = datetime.fromisoformat(part.began)
    at = began + timedelta(seconds=seconds + 0.05)  # what is cut off below is then rounded
    days = (at.date() - began.date()).days
    tenth = at.microsecond // 100_000
    return f"{at:%H:%M:%S}{f'.{tenth}' if tenth else ''}" + (f" (day {days + 1})" if days else "")


def place(part: Part, seconds: float) -> str:
    """Both, as far as they are known."""
    of_day = clock(part, seconds)
    return f"{elapsed(seconds)}, at {of_day}" if of_day else elapsed(seconds)


def ticks(part: Part, first: float, last: float, most: int) -> tuple[list[float], list[str]]:
    """Where an axis of time is labelled, and how: by the clock where there is one.

    Parameters
    ----------
    part : Part
    first, last : float
        Seconds of the record.
    most : int
        How many labels there may be.

    Returns
    -------
    list of float, list of str
    """
    multiples = (_DAY * n for n in (1, 2, 5, 10, 30, 100, math.inf))
    step = next(s for s in (*_STEPS, *multiples) if (last - first) / s <= most)
    offset = _seconds_of_day(part) % step
    places = np.arange(np.ceil((first + offset) / step - 1e-9) * step - offset, last + 1e-6, step).tolist()
    if not part.began:
        return places, [elapsed(at) for at in places]
    words = [clock(part, at).split(" ")[0] for at in places]
    return places, [word[:5] for word in words] if step >= _MINUTE else words


def _seconds_of_day(part: Part) -> float:
    if not part.began:
        return 0.0
    began = datetime.fromisoformat(part.began)
    return began.hour * _HOUR + began.minute * _MINUTE + began.second + began.microsecond / 1e6
