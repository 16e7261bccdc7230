"""WFDB annotation files through wfdb, which loses things silently: every file is read again and compared.

What was found of wfdb 4.3: a note over 255 bytes corrupts the whole file; other text than ASCII is mangled; notes
at sample 0 are dropped by its reader, and one there that begins with ``## `` may keep it in a loop for ever; names
of records with a dot or space are refused. So wfdb only sees a file ``verdicts.rev`` in a temporary folder.
"""

import json
import math
import re
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from signalscreen.errors import OptionError, OutputError, RecordingError
from signalscreen.output import workspace

_ANNOTATOR = re.compile(r"[A-Za-z]+", re.ASCII)
_TAKEN = ("atr", "hea", "dat", "mat")  # the reference annotations, and files that are none
_RECORD = "verdicts"
_NOTE = '"'  # the symbol of a comment
# The first note of a file of ours lies at sample 0, so wfdb does not show it: what the file holds, the version and
# a hash of the rest.
_MARK = re.compile(rb"signalscreen (verdicts|flagged) (\d+) ([0-9a-f]{16})")
_VERSION = 1
_HEAD = 200  # bytes in which the mark lies


@dataclass(frozen=True)
class Notes:
    """Columns of an annotation file, sorted by sample: one row per note."""

    sample: tuple[int, ...]
    chan: tuple[int, ...]
    subtype: tuple[int, ...]
    text: tuple[str, ...]


def check_annotator(annotator: str) -> None:
    """See that an ending can be that of an annotation file of ours.

    Raises
    ------
    OptionError
        If it is no word of letters, or means another file of the record.
    """
    if not isinstance(annotator, str) or not _ANNOTATOR.fullmatch(annotator):
        raise OptionError(f"annotator {annotator!r} must be letters a to z only, as 'rev'")
    if annotator.lower() in _TAKEN:
        raise OptionError(f"annotator {annotator!r} means another file of the record; choose one such as 'rev'")


def write(path: Path, annotator: str, notes: Notes, fs: float, kind: str = "verdicts") -> None:
    """Write the notes, read them again, compare, and only then put the file at `path`.

    Parameters
    ----------
    path : Path
    annotator : str
        The ending of the record's annotation file; `path` may have another one.
    notes : Notes
    fs : float
    kind : {"verdicts", "flagged"}
        What the notes are: a file of one kind never takes the place of one of the other.

    Raises
    ------
    OutputError
        If wfdb does not read what was written; then there is no file.
    """
    import wfdb

    mark = f"signalscreen {kind} {_VERSION} {_digest(notes)}"
    with workspace() as folder:
        wfdb.wrann(
            _RECORD,
            annotator,
            np.array([0, *notes.sample], np.int64),
            [_NOTE] * (len(notes.sample) + 1),
            subtype=np.array([0, *notes.subtype]),
            chan=np.array([0, *notes.chan]),
            num=np.zeros(len(notes.sample) + 1, int),
            aux_note=[mark, *notes.text],
            fs=float(fs),
            write_dir=str(folder),
        )
        written = folder / f"{_RECORD}.{annotator}"
        found, found_fs = _by_wfdb(folder, annotator)
        if found != notes or not math.isclose(found_fs, fs, rel_tol=1e-7) or not _marked(written):
            raise OutputError(f"wfdb read other annotations than were written for {path}; no file was made")
        shutil.copyfile(written, path)


def read(path: Path, kind: str = "verdicts") -> tuple[Notes, float]:
    """Read a file of ours: the notes without the mark, and the sampling rate.

    Raises
    ------
    RecordingError
        If it is not there, not ours, of another kind, or changed by another program.
    """
    try:
        mark = _marked(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RecordingError(f"{path} cannot be read ({reason}); export the {kind} first") from error
    if mark is None:
        raise RecordingError(f"{path} was not written by signalscreen; read it with wfdb.rdann")
    found_kind, version, digest = mark
    if found_kind != kind:
        raise RecordingError(f"{path} holds no {kind} but {found_kind}; name another annotation file")
    if version > _VERSION:
        raise RecordingError(f"{path} was written by a later signalscreen (version {version}); upgrade")
    with workspace() as folder:
        shutil.copyfile(path, folder / f"{_RECORD}.rev")
        try:
            notes, fs = _by_wfdb(folder, "rev")
        except Exception as error:  # wfdb raises many kinds for damaged files
            raise RecordingError(f"{path} is damaged; export the {kind} again") from error
    if _digest(notes) != digest:
        raise RecordingError(f"{path} was changed by another program since signalscreen wrote it")
    return notes, fs


def may_be_replaced(path: Path, kind: str = "verdicts") -> bool:
    """Whether nothing lies there, or a file of ours of this kind that nobody has changed."""
    if not path.exists():
        return True
    try:
        read(path, kind)
    except RecordingError:
        return False
    return True


def _marked(path: Path) -> tuple[str, int, str] | None:
    with path.open("rb") as file:
        found = _MARK.search(file.read(_HEAD))
    return None if found is None else (found[1].decode(), int(found[2]), found[3].decode())


def _by_wfdb(folder: Path, annotator: str) -> tuple[Notes, float]:
    import wfdb

    found = wfdb.rdann(str(folder / _RECORD), annotator)
    if set(found.symbol) - {_NOTE} or np.any(found.num):
        raise ValueError("annotations of another kind")
    sample, chan, subtype = (tuple(map(int, column)) for column in (found.sample, found.chan, found.subtype))
    return Notes(sample, chan, subtype, tuple(found.aux_note)), float(found.fs or math.nan)


def _digest(notes: Notes) -> str:
    columns = [notes.sample, notes.chan, notes.subtype, notes.text]
    return sha256(json.dumps(columns).encode()).hexdigest()[:16]
