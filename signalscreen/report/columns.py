"""A whole recording in as many columns as a page is wide."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from signalscreen.exports.part import Part

Floats = NDArray[np.float64]
MOST = 900  # columns: about the pixels of a page


@dataclass(frozen=True, eq=False)
class Columns:
    """What lies in each column of time.

    Attributes
    ----------
    edges : ndarray, shape (columns + 1,)
        Seconds of the record.
    value : ndarray, shape (columns,)
        Highest probability of the alarm of the windows there, or score; NaN for none.
    strength : ndarray, shape (leads, columns)
        Mean of the absolute attribution; NaN where nothing was explained.
    bad : ndarray, shape (leads, columns)
        Share of the samples that are bad.
    """

    edges: Floats
    value: Floats
    strength: Floats
    bad: Floats


def columns_of(part: Part, method: str | None) -> Columns:
    """Read a recording slice by slice."""
    count = min(MOST, part.samples)
    edges = np.linspace(0, part.samples, count + 1)
    leads = len(part.leads)
    total, known, bad, samples = (np.zeros((leads, count)) for _ in range(4))
    at = 0
    names = ["bad"] if method is None else ["bad", f"attribution_{method}"]
    for pieces in zip(*(part.pieces(name) for name in names), strict=True):
        column = np.searchsorted(edges, np.arange(at, at + len(pieces[0])), side="right") - 1
        at += len(pieces[0])
        for lead in range(leads):
            bad[lead] += np.bincount(column, pieces[0][:, lead] > 0, count)
            samples[lead] += np.bincount(column, minlength=count)
            if method is not None:
                strength = np.abs(pieces[1][:, lead])
                there = np.isfinite(strength)
                total[lead] += np.bincount(column[there], strength[there], count)
                known[lead] += np.bincount(column[there], minlength=count)
    mean = np.divide(total, known, out=np.full_like(total, np.nan), where=known > 0)
    return Columns(part.start + edges / part.fs, _highest(part, edges), mean, bad / np.maximum(samples, 1))


def _highest(part: Part, edges: Floats) -> Floats:
    """The highest value of the windows that reach into each column."""
    count = len(edges) - 1
    high = np.full(count, -np.inf)
    if len(part.rows):
        by_alarm = part.alarm >= 0 and "probability" in part.group
        value = part.of_windows("probability")[:, part.alarm] if by_alarm else part.of_windows("score")
        there = np.isfinite(value)
        starts, value = part.window_start[there], value[there]
        first = np.searchsorted(edges, starts, side="right") - 1
        last = np.searchsorted(edges, starts + part.window_samples - 1, side="right") - 1
        for step in range(int((last - first).max(initial=0)) + 1):
            inside = first + step <= last
            np.maximum.at(high, first[inside] + step, value[inside])
    return np.where(np.isfinite(high), high, np.nan)
