"""What lies in a span beside the signal: the record's own annotations, beats, and bad signal."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import InputError
from signalscreen.review.beats import beats
from signalscreen.review.record import StoredRecord

# WFDB's codes of beats (wfdb.io.annotation.is_qrs), so that wfdb is not imported for them.
_BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")
_LONGEST = 120.0  # s in which beats are looked for, and bad signal
_CONTEXT = 10.0  # s that the detector sees at least
_MOST = 5000  # annotations in one answer


def marks(record: StoredRecord, first: int, stop: int) -> dict[str, Any]:
    """Give what lies between two samples of the recording, in samples.

    Returns
    -------
    dict
        ``annotations``: a list of {sample, end (-1 for a point), symbol, note, beat}; where there are more than
        5000, beats are left out, and ``left_out`` says how many. ``peaks``: samples of the record's own beats where
        its annotations have any (``peaks_from`` "record"), else of those found in ``peaks_lead`` ("detected"), for
        spans of up to two minutes ("none" beyond). ``bad``: a list of {lead (index), start, stop, what}, up to two
        minutes too.

    Raises
    ------
    InputError
        If the span has no length.
    """
    if stop <= first:
        raise InputError(f"a span from sample {first} to {stop} is not possible; give a later end")
    first, stop = max(first, 0), min(stop, record.n)
    short = 0 < stop - first <= _LONGEST * record.fs
    rows = _rows(record, first, stop)
    return {
        **_annotations(record, rows),
        **_peaks(record, rows, first, stop, short),
        "bad": _bad(record, first, stop) if short and "bad" in record.group else [],
    }


def _rows(record: StoredRecord, first: int, stop: int) -> NDArray[np.int64]:
    """Which annotations reach into the span."""
    sample, end = record.annotations["sample"], record.annotations["end"]
    return np.flatnonzero((np.maximum(end, sample) >= first) & (sample < stop))


def _annotations(record: StoredRecord, rows: NDArray[np.int64]) -> dict[str, Any]:
    table = record.annotations
    kept = rows
    if len(rows) > _MOST:
        kept = rows[[table["symbol"][row] not in _BEATS for row in rows]][:_MOST]
    listed = [
        {
            "sample": int(table["sample"][row]),
            "end": int(table["end"][row]),
            "symbol": table["symbol"][row],
            "note": table["note"][row],
            "beat": table["symbol"][row] in _BEATS,
        }
        for row in kept
    ]
    return {"annotations": listed, "left_out": len(rows) - len(kept)}


def _peaks(record: StoredRecord, rows: NDArray[np.int64], first: int, stop: int, short: bool) -> dict[str, Any]:
    table = record.annotations
    if not _BEATS.isdisjoint(table["symbol"]):
        own = [int(table["sample"][row]) for row in rows if table["symbol"][row] in _BEATS]
        return {"peaks": own, "peaks_from": "record", "peaks_lead": ""}
    if not short:
        return {"peaks": [], "peaks_from": "none", "peaks_lead": ""}
    lead = _lead(record)
    margin = max(round((_CONTEXT * record.fs - (stop - first)) / 2), 0)
    begin, end = max(first - margin, 0), min(stop + margin, record.n)
    found = begin + beats(record.signal(begin, end)[:, lead], record.fs, record.leads[lead])
    inside = found[(found >= first) & (found < stop)].tolist()
    return {"peaks": inside, "peaks_from": "detected", "peaks_lead": record.leads[lead]}


def _lead(record: StoredRecord) -> int:
    """Lead II where there is one, else MLII, else the first."""
    names = [name.strip().upper() for name in record.leads]
    return next((names.index(name) for name in ("II", "MLII") if name in names), 0)


def _bad(record: StoredRecord, first: int, stop: int) -> list[dict[str, Any]]:
    """Runs of samples with the same flags, of each lead."""
    words = str(record.group["bad"].attrs["flag_meanings"]).split()
    masks = [int(mask) for mask in record.group["bad"].attrs["flag_masks"]]
    flags = record.read("bad", first, stop)
    found = []
    for lead in range(flags.shape[1]):
        edges = np.flatnonzero(np.diff(np.r_[0, flags[:, lead].astype(np.int16), 0]))
        for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            one = int(flags[begin, lead])
            what = [word for mask, word in zip(masks, words, strict=True) if one & mask]
            if what:
                found.append({"lead": lead, "start": first + begin, "stop": first + end, "what": " ".join(what)})
    return found
