"""WFDB annotation files, annot(5): the bytes of a local file, or what wfdb downloaded.

wfdb takes an annotation's time for a sample of the record also where the file has a time resolution of its own,
has no name for codes without a symbol, drops notes at sample 0 and may not come back from one; so local files are
decoded here. The tests compare with wfdb.
"""

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from signalscreen.errors import RecordingError, RecordingWarning, warn
from signalscreen.recording.signals import Annotation

_SYMBOLS = dict(enumerate("NLRaVFJASEj/Q~", start=1)) | dict(enumerate('sT*D"=pB^t+u?![]en@xf()r', start=18))
_SYMBOLS[16] = "|"
_NOTE = 22
_SKIP, _NUM, _SUB, _CHN, _AUX = 59, 60, 61, 62, 63
_RESOLUTION = re.compile(r"## time resolution: (\S+)")
_LABEL = re.compile(r"(\d+) (\S+) .*", re.ASCII | re.DOTALL)
# What a file that we exported says of itself, at sample 0; it marks nothing in the recording.
_OURS = re.compile(r"signalscreen (verdicts|flagged) \d+ [0-9a-f]{16}")


@dataclass
class _Mark:
    time: int
    code: int
    note: bytes = b""


@dataclass
class Marks:
    """Annotations on the clock of their own file.

    Attributes
    ----------
    times : list of int
    symbols, notes : list of str
    fs : float or None
        Units of time per second; None where the file does not say: then they are frames of the record.
    """

    times: list[int] = field(default_factory=list)
    symbols: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fs: float | None = None

    def at_rate(self, frame_rate: float, fs: float) -> list[Annotation]:
        """Annotations at samples of a signal of `fs` Hz, of a record of `frame_rate` frames per second."""
        own = self.fs or frame_rate
        same = own == fs
        return [
            Annotation(time if same else math.floor(time * fs / own + 0.5), symbol, note)
            for time, symbol, note in zip(self.times, self.symbols, self.notes, strict=True)
        ]


def read_marks(path: Path) -> Marks:
    """Read a local annotation file.

    Raises
    ------
    RecordingError
        If it is no file, ends within an annotation, or its time resolution is no number.
    """
    if not path.is_file():
        raise RecordingError(
            f"the annotations {path} are no file; remove what lies there, or name another annotator"
        )
    content = path.read_bytes()
    try:
        marks, ended = _decoded(content)
    except IndexError as error:
        raise RecordingError(
            f"the annotation file {path.name} cannot be read: it ends within an annotation; copy it again or "
            "remove it"
        ) from error
    if not ended:
        warn(f"the annotation file {path.name} has no end mark; later annotations may be missing", RecordingWarning)
    return _defined(path.name, marks)


def from_wfdb(found: Any) -> Marks:
    """Take what ``wfdb.rdann`` gave with ``return_label_elements=["symbol", "label_store"]``."""
    symbols = [
        str(symbol) if isinstance(symbol, str) else f"[{code}]"
        for symbol, code in zip(found.symbol, found.label_store, strict=True)
    ]
    notes = [str(note or "").rstrip("\x00") for note in found.aux_note or [""] * len(symbols)]
    return Marks([int(time) for time in found.sample], symbols, notes, float(found.fs) if found.fs else None)


def _decoded(content: bytes) -> tuple[list[_Mark], bool]:
    """Annotations, and whether the file's end mark was met; an IndexError is a file that ends too early.

    Each begins with a word of 16 bits: 6 of code, 10 of time since the one before.
    """
    marks: list[_Mark] = []
    time, at = 0, 0
    while at + 1 < len(content):
        code, value = content[at + 1] >> 2, content[at] | (content[at + 1] & 3) << 8
        at += 2
        if code == _SKIP:
            high, low = content[at] | content[at + 1] << 8, content[at + 2] | content[at + 3] << 8
            time += (high << 16 | low) - ((high & 0x8000) << 17)
            at += 4
        elif code == _AUX:
            if not marks or at + value > len(content):
                raise IndexError
            marks[-1].note = content[at : at + value]
            at += value + value % 2
        elif code in (_NUM, _SUB, _CHN):
            continue
        elif code == 0 and value == 0:
            return marks, True
        else:
            time += value
            marks.append(_Mark(time, code))
    if at < len(content) or not content:
        raise IndexError
    return marks, False


def _defined(name: str, marks: list[_Mark]) -> Marks:
    """Take out what the file says of itself: its time resolution, and symbols of its own."""
    symbols, found, listing = dict(_SYMBOLS), Marks(), False
    for mark in marks:
        note = _text(mark.note)
        if mark.time == 0 and mark.code == _NOTE and (listing or note.startswith("## ") or _OURS.fullmatch(note)):
            resolution, label = _RESOLUTION.match(note), _LABEL.fullmatch(note)
            if resolution:
                found.fs = _resolution(name, resolution[1])
            elif listing and label:
                symbols[int(label[1])] = label[2]
            listing = (listing or note == "## annotation type definitions") and note != "## end of definitions"
        elif mark.code:  # 0 is no annotation
            found.times.append(mark.time)
            found.symbols.append(symbols.get(mark.code, f"[{mark.code}]"))
            found.notes.append(note)
    return found


def _resolution(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise RecordingError(
            f"the time resolution of the annotation file {name} is {text!r}, which is not a number of times "
            "per second; copy it again or remove it"
        )
    return value


def _text(note: bytes) -> str:
    note = note.rstrip(b"\0")
    try:
        return note.decode("utf-8")
    except UnicodeDecodeError:
        return note.decode("latin-1")
