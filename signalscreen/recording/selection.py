"""Which samples and leads were asked for, checked against what there is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from signalscreen.errors import RecordingError

Leads = str | int | Sequence[str | int]


@dataclass(frozen=True)
class Wanted:
    """What ``read_recording`` was asked for: rate, span in seconds, leads, annotation file."""

    fs: float | None = None
    start: float | None = None
    end: float | None = None
    leads: Leads | None = None
    annotator: str | None = None


def check_fs(fs: float | None) -> float | None:
    """Return ``fs`` as a float; refuse it unless it is a number above 0."""
    if fs is None:
        return None
    try:
        value = float(fs)
    except (TypeError, ValueError):
        value = np.nan
    if not (np.isfinite(value) and value > 0):
        raise RecordingError(f"a sampling rate of {fs!r} is not possible; give samples per second above 0")
    return value


def sample_span(
    n: int, fs: float, start: float | None, end: float | None, source: str = "", offset: float = 0.0
) -> tuple[int, int]:
    """Turn a span in seconds into first and one-past-last sample, checked against what there is."""
    what = source or "the recording"
    duration = n / fs
    first = 0 if start is None else round(start * fs)
    stop = n if end is None else round(end * fs)
    given = f"{offset + (start or 0.0):g} s to {offset + (duration if end is None else end):g} s"
    if start is not None and end is not None and start >= end:
        raise RecordingError(f"the span {given} is empty; give a start before its end")
    if first < 0 or first >= n or stop > n:
        raise RecordingError(
            f"the span {given} reaches outside {what}, which runs from {offset:g} s to {offset + duration:g} s"
        )
    if first >= stop:
        raise RecordingError(f"the span {given} holds no sample at {fs:g} Hz; give a longer one")
    return first, stop


def lead_indexes(leads: Leads, names: Sequence[str], source: str = "") -> list[int]:
    """Find the leads asked for by name or index; digits are an index where no lead has that name."""
    asked = [leads] if isinstance(leads, str | int) else list(leads)
    if not asked:
        raise RecordingError(f"no lead was asked for; {source or 'the recording'} has {', '.join(names)}")
    return [_lead_index(lead, names, source) for lead in asked]


def _lead_index(lead: str | int, names: Sequence[str], source: str) -> int:
    has = f"{source or 'the recording'} has {', '.join(f'{i}: {name}' for i, name in enumerate(names))}"
    places = [i for i, name in enumerate(names) if name == lead]
    if len(places) == 1:
        return places[0]
    if len(places) > 1:
        raise RecordingError(f"lead {lead!r} is there {len(places)} times; name it by its index ({has})")
    if str(lead).isdecimal() and int(lead) < len(names):
        return int(lead)
    raise RecordingError(f"lead {lead!r} is not there; {has}")
