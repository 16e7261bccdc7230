"""Flagged windows, and those without an answer, as spans of a lead."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from signalscreen.exports.part import Part


@dataclass(frozen=True)
class FlaggedSpan:
    """Windows of one lead that overlap or touch, and are all flagged, or all without an answer.

    Attributes
    ----------
    start, stop : int
        Samples of the part of the store, `stop` one past the last.
    lead : int
        Index; -1 for all leads together.
    windows : int
        How many.
    probability : float
        The highest of the alarm; NaN where the model gave no number.
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
    return _spans(part, part.of_windows("flagged") > 0, part.of_windows("probability")[:, part.alarm])


def unanswered_spans(part: Part) -> list[FlaggedSpan]:
    """Join the windows that the model gave no number for, as `flagged_spans` does; their probability is NaN."""
    return _spans(part, part.unanswered, np.full(len(part.rows), np.nan))


def _spans(part: Part, chosen: np.ndarray, probability: np.ndarray) -> list[FlaggedSpan]:
    starts, leads, high = part.window_start[chosen], part.of_windows("window_lead")[chosen], probability[chosen]
    found: list[FlaggedSpan] = []
    for lead in np.unique(leads):
        mine = leads == lead
        found += _joined(starts[mine], high[mine], part.window_samples, int(lead))
    return sorted(found, key=lambda one: (one.start, one.lead))


def counted(part: Part) -> str:
    """How many spans there are of each kind, in words."""
    unanswered = len(unanswered_spans(part))
    more = f", and {unanswered} where the model gave no number (NaN)" if unanswered else ""
    return f"{len(flagged_spans(part))} flagged spans{more}"


def _joined(starts: np.ndarray, high: np.ndarray, length: int, lead: int) -> Iterator[FlaggedSpan]:
    """Spans from windows of one lead, which lie in order of time."""
    breaks = np.flatnonzero(np.diff(starts) > length) + 1
    for group, values in zip(np.split(starts, breaks), np.split(high, breaks), strict=True):
        yield FlaggedSpan(int(group[0]), int(group[-1]) + length, lead, len(group), float(values.max()))
