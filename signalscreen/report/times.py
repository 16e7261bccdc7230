"""Seconds of a record as people read them."""

from datetime import datetime, timedelta

from signalscreen.exports.part import Part


def elapsed(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> elapsed(75.5), elapsed(3600), elapsed(90061)
    ('0:01:15.5', '1:00:00', '25:01:01')
    """
    tenths = round(seconds * 10)
    whole, tenth = divmod(tenths, 10)
    text = f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{text}.{tenth}" if tenth else text


def clock(part: Part, seconds: float) -> str:
    """Time of day, with the day where it is not the first one; "" where the header has none."""
    if not part.began:
        return ""
    began = datetime.fromisoformat(part.began)
    at = began + timedelta(seconds=seconds)
    days = (at.date() - began.date()).days
    return f"{at:%H:%M:%S}" + (f" (day {days + 1})" if days else "")


def place(part: Part, seconds: float) -> str:
    """Both, as far as they are known."""
    of_day = clock(part, seconds)
    return f"{elapsed(seconds)}, at {of_day}" if of_day else elapsed(seconds)
