"""The windows to look at first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from signalscreen.exports.part import Part


@dataclass(frozen=True, eq=False)
class Worst:
    """A window that stands out.

    Attributes
    ----------
    part : Part
        Of the store that it is in.
    row : int
        Of the store.
    start, stop : int
        Samples of the part.
    lead : int
        Index; -1 for all leads together.
    value : float
        Probability of the alarm; the score where there is no alarm.
    logit : float
        Tells windows apart whose probability is the same; the probability again where the model has no logits.
    """

    part: Part
    row: int
    start: int
    stop: int
    lead: int
    value: float
    logit: float


def worst_windows(parts: Sequence[Part], most: int) -> list[Worst]:
    """Find the windows of the highest probability of the alarm (or score), no two of a record overlapping."""
    found = [one for part in parts for one in _of_one(part, most)]
    return sorted(found, key=lambda one: (-one.value, -one.logit))[:most]


def _of_one(part: Part, most: int) -> list[Worst]:
    if not len(part.rows):
        return []
    if part.alarm >= 0 and "probability" in part.group:
        value = part.of_windows("probability")[:, part.alarm]
        logit = part.of_windows("logit")[:, part.alarm] if "logit" in part.group else value
    else:
        value = logit = part.of_windows("score")
    starts, leads, length = part.window_start, part.of_windows("window_lead"), part.window_samples
    chosen: list[Worst] = []
    order = np.lexsort((-logit, -value))
    for i in order[np.isfinite(value[order])]:
        start = int(starts[i])
        if all(abs(start - other.start) >= length for other in chosen):
            row = int(part.rows[i])
            chosen.append(Worst(part, row, start, start + length, int(leads[i]), float(value[i]), float(logit[i])))
        if len(chosen) == most:
            break
    return chosen
