"""Signal and attributions as a WFDB record, slice by slice, for programs that draw WFDB records.

`wfdb.wrsamp` needs all samples in memory, so samples are written here and wfdb writes the header.
"""

import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from signalscreen.errors import OptionError
from signalscreen.exports.part import Array, Part
from signalscreen.exports.record_set import record_set
from signalscreen.output import workspace

_TOP = 32767  # of 16 bits; the value below -_TOP says that there is none
_INVALID = -32768
_PIECE = 2**20  # samples that are invalid before an excerpt begins, written at once
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@dataclass(frozen=True)
class _Trace:
    """One signal of the record.

    Attributes
    ----------
    array, lead
        Which column of the store.
    gain, baseline
        value = (sample - baseline) / gain
    """

    name: str
    units: str
    array: str
    lead: int
    gain: float
    baseline: int


def write(part: Part, path: Path) -> str:
    """Write ``.dat`` and ``.hea``; return the tracks' names and their steps.

    Samples and clock are those of the record: what lies before an excerpt is invalid.
    """
    if not re.fullmatch(r"[-\w]+", path.stem):
        raise OptionError(f"{path.stem!r} cannot name a WFDB record; use letters, digits, - and _")
    traces = _traces(part)
    with record_set(path) as (samples, put_header):
        checksums, first = _write_samples(samples, part, traces)
        put_header(lambda data: _header(path.stem, data, part, traces, checksums, first))
    steps = ", ".join(f"{one.name} (step {1 / one.gain:.2g} {one.units})" for one in traces)
    return f"{len(traces)} tracks: {steps}"


def _traces(part: Part) -> list[_Trace]:
    """The leads, each with its attributions below."""
    leads = _unique(part.leads)
    names = _unique([*leads, *(f"{lead}_{method}" for lead in leads for method in part.methods)])
    tracks = iter(names[len(leads) :])
    ranges = {name: _ranges(part, name) for name in ("signal", *(f"attribution_{m}" for m in part.methods))}
    found: list[_Trace] = []
    for lead, unit in enumerate(part.units):
        found.append(_fitted(names[lead], _unit(unit), "signal", lead, *ranges["signal"][lead]))
        for method in part.methods:
            array = f"attribution_{method}"
            top = float(np.abs(ranges[array]).max())  # one scale for all leads, zero in the middle
            unit_of = _unit(part.group[array].attrs["units"])
            found.append(_fitted(next(tracks), unit_of, array, lead, -top, top))
    return found


def _fitted(name: str, units: str, array: str, lead: int, low: float, high: float) -> _Trace:
    """Choose gain and baseline so that the range fills 16 bits; the gain has few digits, and 0 is a step."""
    gain = _rounded_down(2 * (_TOP - 1) / (high - low)) if high > low else 1.0
    middle = 0 if low == -high else round(-(low + high) / 2 * gain)
    if abs(middle) >= 2**31:
        raise OptionError(
            f"{name} lies at {low:g} to {high:g}, too far from 0 for the steps of a WFDB record; write netcdf"
        )
    return _Trace(name, units, array, lead, gain, middle)


def _rounded_down(gain: float) -> float:
    """Four digits, and never more than it was: the range would not fit.

    >>> _rounded_down(15106.9), _rounded_down(0.00123456)
    (15100.0, 0.001234)
    """
    power = math.floor(math.log10(gain)) - 3
    return float(f"{math.floor(gain / 10.0**power)}e{power}")


def _ranges(part: Part, name: str) -> Array:
    """Lowest and highest value of each lead, ``(leads, 2)``; 0 where there is none."""
    low = np.full(len(part.leads), np.inf)
    high = -low
    for piece in part.pieces(name):
        known = np.isfinite(piece)
        low = np.minimum(low, np.min(piece, axis=0, where=known, initial=np.inf))
        high = np.maximum(high, np.max(piece, axis=0, where=known, initial=-np.inf))
    found = np.stack([low, high], axis=1)
    return np.where(np.isfinite(found), found, 0.0)


def _write_samples(path: Path, part: Part, traces: Sequence[_Trace]) -> tuple[Array, Array]:
    """Write the samples; return each signal's checksum and first sample."""
    total, first = np.zeros(len(traces), np.int64), None
    with path.open("wb") as file:
        for block in _blocks(part, traces):
            first = block[0].copy() if first is None else first
            total += block.sum(axis=0, dtype=np.int64)
            file.write(block.astype("<i2").tobytes())
    assert first is not None  # a part holds a sample at least
    return total % 65536, first


def _blocks(part: Part, traces: Sequence[_Trace]) -> Iterator[Array]:
    for at in range(0, part.offset, _PIECE):
        yield np.full((min(_PIECE, part.offset - at), len(traces)), _INVALID, np.int16)
    gain = np.array([one.gain for one in traces])
    baseline = np.array([one.baseline for one in traces])
    for here in part.slices():
        arrays = {name: np.asarray(part.group[name][here]) for name in {one.array for one in traces}}
        values = np.stack([arrays[one.array][:, one.lead] for one in traces], axis=1).astype(np.float64)
        known = np.isfinite(values)
        steps = np.rint(np.where(known, values, 0.0) * gain + baseline)
        yield np.where(known, steps, _INVALID).astype(np.int16)


def _header(name: str, data: str, part: Part, traces: Sequence[_Trace], checksums: Array, first: Array) -> bytes:
    """The header of a record whose samples are in the file `data`."""
    import wfdb

    n = len(traces)
    facts = part.facts
    record = wfdb.Record(
        record_name=name,
        n_sig=n,
        fs=part.fs,
        sig_len=part.offset + part.samples,
        file_name=[data] * n,
        fmt=["16"] * n,
        adc_gain=[one.gain for one in traces],
        baseline=[one.baseline for one in traces],
        units=[one.units for one in traces],
        adc_res=[16] * n,
        adc_zero=[0] * n,
        init_value=[int(value) for value in first],
        checksum=[int(value) for value in checksums],
        block_size=[0] * n,
        sig_name=[one.name for one in traces],
        comments=[_line(f"signalscreen attribution of {part.name}; fingerprint {facts.get('fingerprint', '')}")],
        **_clock(part.began),
    )
    with workspace() as folder:
        record.wrheader(write_dir=str(folder), expanded=False)
        return (folder / f"{name}.hea").read_bytes()


def _clock(began: str) -> dict[str, Any]:
    if not began:
        return {}
    clock = datetime.fromisoformat(began)
    return {"base_time": clock.time(), "base_date": clock.date()}


def _unique(names: Sequence[str]) -> list[str]:
    """Names as a header takes them: one line of ASCII each, and no two alike."""
    found: list[str] = []
    for place, name in enumerate(names):
        clean = wanted = _line(name) or f"lead {place + 1}"
        number = 1
        while clean in found:
            number += 1
            clean = f"{wanted} {number}"
        found.append(clean)
    return found


def _unit(text: str) -> str:
    """A unit as a header takes it: one word, NU for none, and / and ( begin other fields there."""
    return re.sub(r"[\s/()]+", "_", _line(text)).strip("_") or "NU"


def _line(text: str) -> str:
    """One line of ASCII: wfdb leaves out all else when it reads."""
    plain = unicodedata.normalize("NFKD", text.replace("µ", "u").replace("μ", "u"))
    return _CONTROL.sub(" ", plain.encode("ascii", "ignore").decode()).strip()
