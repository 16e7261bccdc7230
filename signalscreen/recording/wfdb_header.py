"""Headers of WFDB records, read strictly: a field that is not what it should be is refused by name and value.

The fields are those of the WFDB specification, header(5): https://physionet.org/physiotools/wag/header-5.htm
"""

import math
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from signalscreen.errors import RecordingError, RecordingWarning, warn

_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_INT = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_FORMAT = re.compile(r"(\d+)(?:x(\d+))?(?::(\d+))?(?:\+(\d+))?", re.ASCII)
_GAIN = re.compile(r"([^(/]+)(?:\(([^()]*)\))?(?:/([^\s/(][^\s]*))?")
_RATE = re.compile(r"([^(/]+)(?:/([^(]*))?(?:\(([^()]*)\))?")
FORMATS = ("8", "16", "24", "32", "61", "80", "160", "212", "310", "311", "508", "516", "524")
_GAIN_UNSAID = 200.0  # units of the converter per mV, where a header says no gain, or 0
_RATE_UNSAID = 250.0  # samples per second, where the record line ends before its rate
_MOST_PER_FRAME = 10_000
# Beside the specification's own time and date, the order of the CinC challenges of 2020 and 2021.
_CLOCKS = (
    *("%H:%M:%S.%f %d/%m/%Y", "%H:%M:%S %d/%m/%Y", "%M:%S.%f %d/%m/%Y", "%M:%S %d/%m/%Y"),
    *("%S.%f %d/%m/%Y", "%S %d/%m/%Y", "%d-%b-%Y %H:%M:%S"),
)
_TIME = re.compile(r"(\d{1,2}:){0,2}\d{1,2}(\.\d+)?", re.ASCII)


@dataclass(frozen=True)
class Lead:
    """One signal line.

    Attributes
    ----------
    file : str
        The signal file; ``"~"`` where the lead has none (the layout of a record with segments).
    fmt : str
        How its samples are stored, one of `FORMATS`.
    per_frame, skew, offset : int
        Samples a frame; frames by which it is stored late; bytes before the first sample.
    gain, baseline, units
        value = (sample - baseline) / gain, in units.
    bits, zero : int
        Of the converter: resolution (0 where it is not said) and the middle of its range.
    initial : int
        What format 8 counts from.
    name : str
    """

    file: str
    fmt: str
    per_frame: int = 1
    skew: int = 0
    offset: int = 0
    gain: float = _GAIN_UNSAID
    baseline: int = 0
    units: str = "mV"
    bits: int = 0
    zero: int = 0
    initial: int = 0
    name: str = ""


@dataclass(frozen=True)
class Header:
    """A header as it is written.

    Attributes
    ----------
    fs : float
        Frames per second.
    frames : int
        0 where the header does not say.
    leads : tuple of Lead
        None where there are segments.
    segments : tuple of (name, frames)
    began : datetime or None
    """

    path: Path
    fs: float
    frames: int
    leads: tuple[Lead, ...]
    segments: tuple[tuple[str, int], ...] = ()
    began: datetime | None = None


def read_header(path: Path) -> Header:
    """Read a local header.

    Raises
    ------
    RecordingError
        If it is not there or no file, or a field is not what the specification allows; field and value are named.
    """
    if not path.is_file():
        raise RecordingError(f"the header {path} is not there, or is no file; copy it beside the record's others")
    lines = [line.strip() for line in re.split(r"\r\n|\r|\n", _text(path))]
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise RecordingError(f"the header {path.name} has no record line; write NAME LEADS RATE SAMPLES in it")
    name, *cells = lines[0].split()
    if not cells:
        raise RecordingError(
            f"the record line of {path.name} is {lines[0]!r} only; write NAME LEADS RATE SAMPLES in it"
        )
    count = _whole(path, "the number of leads", cells[0], 0)
    fs = _rate(path, cells[1]) if len(cells) > 1 else _RATE_UNSAID
    frames = _whole(path, "the number of samples", cells[2], 0) if len(cells) > 2 else 0
    began = _began(path, cells[3:])
    segmented = re.fullmatch(r"[^/]+/(\d+)", name, re.ASCII)
    if segmented:
        return Header(path, fs, frames, (), _segments(path, int(segmented[1]), frames, lines[1:]), began)
    _check_count(path, "leads", count, len(lines) - 1)
    leads = tuple(_lead(path, number, line) for number, line in enumerate(lines[1:]))
    return Header(path, fs, frames, leads, (), began)


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _lead(path: Path, number: int, line: str) -> Lead:
    cells = line.split(None, 8)
    if len(cells) < 2:
        raise RecordingError(f"the line {line!r} of {path.name} has no format; write FILE FORMAT GAIN in it")
    which = f"of lead {number}"
    cells, name = _described(cells)
    fmt, per_frame, skew, offset = _format(path, which, cells[0], cells[1])
    gain, baseline, units = _gain(path, which, cells[2]) if len(cells) > 2 else (_GAIN_UNSAID, None, "mV")
    what = ("resolution", "ADC zero", "initial value", "checksum", "block size")
    rest = [_number(path, f"the {w} {which}", cell) for w, cell in zip(what, cells[3:], strict=False)]
    bits, zero, initial, _, block = [*rest, 0, 0, 0, 0, 0][:5]
    if not 0 <= bits <= 64:
        raise _wrong(path, f"the resolution {which}", cells[3], "a number of bits from 0 to 64")
    if bits and abs(zero) > 2**bits:
        raise _wrong(path, f"the ADC zero {which}", cells[4], f"a value of its converter of {bits} bits")
    if block < 0:
        raise _wrong(path, f"the block size {which}", cells[7], "a whole number from 0 on")
    return Lead(
        *(cells[0], fmt, per_frame, skew, offset, gain),
        baseline=zero if baseline is None else baseline,
        units=units,
        bits=bits,
        zero=zero,
        initial=initial,
        name=name,
    )


def _described(cells: list[str]) -> tuple[list[str], str]:
    """Separate the numbers of a signal line from its description, which may come early and hold spaces."""
    for at in range(3, len(cells)):
        words = " ".join(cells[at:]).split()
        if at == 8 or (words[0][0].isalpha() and not any(_INT.fullmatch(word) for word in words)):
            return cells[:at], " ".join(cells[at:])
    return cells, ""


def _format(path: Path, which: str, file: str, cell: str) -> tuple[str, int, int, int]:
    if not file.isprintable():
        raise _wrong(path, f"the file {which}", file, "a file name")
    found = _FORMAT.fullmatch(cell)
    fmt = found[1] if found else ""
    if found is None or (fmt not in FORMATS and not (fmt == "0" and file == "~")):
        raise _wrong(path, f"the format {which}", cell, f"one of {', '.join(FORMATS)}")
    per_frame = int(found[2] or 1)
    if not 1 <= per_frame <= _MOST_PER_FRAME:
        raise _wrong(path, f"the format {which}", cell, f"of 1 to {_MOST_PER_FRAME} samples a frame")
    return fmt, per_frame, int(found[3] or 0), int(found[4] or 0)


def _gain(path: Path, which: str, cell: str) -> tuple[float, int | None, str]:
    found = _GAIN.fullmatch(cell)
    if found is None:
        raise _wrong(path, f"the gain {which}", cell, "GAIN(BASELINE)/UNITS")
    gain = _real(path, f"the gain {which}", found[1]) or _GAIN_UNSAID
    baseline = None if found[2] is None else _number(path, f"the baseline {which}", found[2])
    return gain, baseline, found[3] or "mV"


def _rate(path: Path, cell: str) -> float:
    found = _RATE.fullmatch(cell)
    if found is None:
        raise _wrong(path, "the sampling rate", cell, "RATE/COUNTER(BASE)")
    fs = _real(path, "the sampling rate", found[1])
    for part in (found[2], found[3]):
        if part is not None:
            _real(path, "the counter frequency", part)
    if fs <= 0:
        raise _wrong(path, "the sampling rate", found[1], "a number of samples per second above 0")
    return fs


def _segments(path: Path, count: int, frames: int, lines: list[str]) -> tuple[tuple[str, int], ...]:
    _check_count(path, "segments", count, len(lines))
    found = []
    for number, line in enumerate(lines):
        name, *length = line.split()
        if len(length) != 1 or not name.isprintable():
            raise _wrong(path, f"the line of segment {number}", line, "NAME SAMPLES")
        found.append((name, _whole(path, f"the length of segment {number}", length[0], 0)))
    total = sum(length for _, length in found)
    if frames and total != frames:
        raise RecordingError(
            f"the header {path.name} says {frames} samples, but its segments have {total}; correct it"
        )
    return tuple(found)


def _began(path: Path, words: list[str]) -> datetime | None:
    text = " ".join(words)
    if not words or _TIME.fullmatch(text):  # a time without a date
        return None
    for form in _CLOCKS:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    warn(
        f"the time and date {text!r} in the header {path.name} are not HH:MM:SS DD/MM/YYYY: samples count from 0 s "
        "and have no clock time",
        RecordingWarning,
    )
    return None


def _check_count(path: Path, what: str, said: int, there: int) -> None:
    if said != there:
        raise RecordingError(f"the header {path.name} says {said} {what}, but has lines for {there}; correct it")


def _whole(path: Path, what: str, text: str, least: int) -> int:
    value = _number(path, what, text)
    if value < least:
        raise _wrong(path, what, text, f"a whole number from {least} on")
    return value


def _number(path: Path, what: str, text: str) -> int:
    if not _INT.fullmatch(text):
        raise _wrong(path, what, text, "a whole number")
    return int(text)


def _real(path: Path, what: str, text: str) -> float:
    if not _FLOAT.fullmatch(text) or not math.isfinite(float(text)):
        raise _wrong(path, what, text, "a number")
    return float(text)


def _wrong(path: Path, what: str, text: str, allowed: str) -> RecordingError:
    return RecordingError(f"{what} in the header {path.name} is {text!r}, which is not {allowed}; correct it")
