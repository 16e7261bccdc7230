"""Flagged windows as spans of a lead."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from signalscreen.exports.part import Part


@dataclass(frozen=True)
class FlaggedSpan:
    """Flagged windows of one lead that overlap or touch.

    Attributes
    ----------
    start, stop : int
        Samples of the part of the store, `stop` one past the last.
    lead : int
        Index; -1 for all leads together.
    windows : int
        How many are flagged.
    probability : float
        The highest of the alarm.
    """

    start: int
    stop: int
    lead: int
    windows: int
    probability: float


def flagged_spans(part: Part) -> list[FlaggedSpan]:
    """Join the flagged windows of each lead, in order of time."""
    if part.alarm < 0 or not len(part.rows):
        return []
    flagged = part.of_windows("flagged") > 0
    starts, leads = part.window_start[flagged], part.of_windows("window_lead")[flagged]
    high = part.of_windows("probability")[flagged, part.alarm]
    found: list[FlaggedSpan] = []
    for lead in np.unique(leads):
        mine = leads == lead
        found += _joined(starts[mine], high[mine], part.window_samples, int(lead))
    return sorted(found, key=lambda one: (one.start, one.lead))


def _joined(starts: np.ndarray, high: np.ndarray, length: int, lead: int) -> Iterator[FlaggedSpan]:
    """Spans from windows of one lead, which lie in order of time."""
    breaks = np.flatnonzero(np.diff(starts) > length) + 1
    for group, values in zip(np.split(starts, breaks), np.split(high, breaks), strict=True):
        yield FlaggedSpan(int(group[0]), int(group[-1]) + length, lead, len(group), float(values.max()))
