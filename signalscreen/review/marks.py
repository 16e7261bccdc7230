"""What lies in a span beside the signal: the record's own annotations, and beats."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import InputError
from signalscreen.review.beats import beats
from signalscreen.review.record import StoredRecord

# WFDB's codes of beats (wfdb.io.annotation.is_qrs), so that wfdb is not imported for them.
_BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")
_LONGEST = 120.0  # s in which beats are looked for
_CONTEXT = 10.0  # s that the detector sees at least
_MOST = 5000  # annotations in one answer


def marks(record: StoredRecord, first_s: float, last_s: float) -> dict[str, Any]:
    """Annotations and beats that lie in a span, in seconds from the beginning of the record.

    Returns
    -------
    dict
        ``annotations``: a list of {sample, start_s, end_s (None for a point), symbol, note, beat}, those of beats
        left out first where there are more than 5000, ``left_out`` of them. ``peaks``: {lead, source, sample,
        start_s}; ``source`` is "record" where its annotations have beats, "detected" where they were found in
        the signal, "none" where the span is longer than two minutes. ``lead`` is "" for the record's own.

    Raises
    ------
    InputError
        If the span has no length or is not a number.
    """
    if not np.isfinite([first_s, last_s]).all() or last_s <= first_s:
        raise InputError(f"a span from {first_s} to {last_s} s is not possible; give a later end")
    found = _annotations(record, first_s, last_s)
    return {**found, "peaks": _peaks(record, first_s, last_s, found["annotations"])}


def _annotations(record: StoredRecord, first_s: float, last_s: float) -> dict[str, Any]:
    table = record.annotations
    begin = table["start_s"]
    end = np.where(table["end"] < 0, begin, record.start + table["end"] / record.fs)
    rows = np.flatnonzero((end >= first_s) & (begin <= last_s))
    is_beat = np.array([table["symbol"][row] in _BEATS for row in rows], bool)
    kept = rows
    if len(rows) > _MOST:
        kept = rows[~is_beat][:_MOST]
    listed = [
        {
            "sample": int(table["sample"][row]),
            "start_s": float(begin[row]),
            "end_s": float(end[row]) if table["end"][row] >= 0 else None,
            "symbol": table["symbol"][row],
            "note": table["note"][row],
            "beat": table["symbol"][row] in _BEATS,
        }
        for row in kept
    ]
    return {"annotations": listed, "left_out": len(rows) - len(kept)}


def _peaks(record: StoredRecord, first_s: float, last_s: float, listed: list[dict[str, Any]]) -> dict[str, Any]:
    if not _BEATS.isdisjoint(record.annotations["symbol"]):
        own = np.array([one["sample"] for one in listed if one["beat"]], np.int64)
        return _said(record, own, "", "record")
    if last_s - first_s > _LONGEST:
        return _said(record, np.empty(0, np.int64), "", "none")
    lead = _lead(record)
    middle, half = (first_s + last_s) / 2, max(last_s - first_s, _CONTEXT) / 2
    begin = min(max(round((middle - half - record.start) * record.fs), 0), record.n)
    stop = min(max(round((middle + half - record.start) * record.fs), begin), record.n)
    found = beats(record.signal(begin, stop)[:, lead], record.fs, record.leads[lead]) + begin
    at = record.start + found / record.fs
    return _said(record, found[(at >= first_s) & (at <= last_s)], record.leads[lead], "detected")


def _lead(record: StoredRecord) -> int:
    """Lead II where there is one, else MLII, else the first."""
    names = [name.strip().upper() for name in record.leads]
    return next((names.index(name) for name in ("II", "MLII") if name in names), 0)


def _said(record: StoredRecord, samples: NDArray[np.int64], lead: str, source: str) -> dict[str, Any]:
    at = record.start + samples / record.fs
    return {"lead": lead, "source": source, "sample": samples.tolist(), "start_s": at.tolist()}
