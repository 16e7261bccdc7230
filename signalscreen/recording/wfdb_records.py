"""Recordings from WFDB records, local or by download from PhysioNet, through the wfdb package."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from signalscreen.errors import RecordingError
from signalscreen.recording.arrays import agree
from signalscreen.recording.selection import Wanted, lead_indexes, sample_span
from signalscreen.recording.signals import Annotation, Recording, annotations_between

_SIGNAL_ENDINGS = (".hea", ".dat", ".mat")
_PHYSIONET = re.compile(r"[a-z][a-z0-9_-]*(/\d+(\.\d+)+)?(/[A-Za-z0-9_-]+)+", re.ASCII)
# Bytes that one sample takes in a signal file, by WFDB format; compressed formats are not in the table.
_BYTES = {
    **{"8": 1.0, "80": 1.0, "16": 2.0, "61": 2.0, "160": 2.0, "24": 3.0, "32": 4.0},
    **{"212": 3 / 2, "310": 4 / 3, "311": 4 / 3},
}


def without_ending(path: Path) -> Path:
    """Name the record by its path without ending: ``folder/100`` for ``folder/100.dat``."""
    return path.with_suffix("") if path.suffix.lower() in (*_SIGNAL_ENDINGS, ".atr") else path


def physionet_name(path: str | os.PathLike[str]) -> tuple[str, str] | None:
    """Return ``("mitdb", "100")`` for ``"mitdb/100"``, None for a local path or another kind of text."""
    text = str(path)
    if not _PHYSIONET.fullmatch(text) or Path(text).parent.exists():
        return None
    remote = PurePosixPath(text)
    return str(remote.parent), remote.name


def read_local(base: Path, wanted: Wanted) -> Recording:
    """Read the asked span of a local record, with its annotations where there are any."""
    recording, first = _read(str(base), base.name, None, wanted)
    extension = wanted.annotator or "atr"
    file = base.with_name(f"{base.name}.{extension}")
    if file.is_file():
        return _annotated(recording, first, str(base), extension, None)
    if wanted.annotator is None:
        return recording
    beside = sorted(p.suffix[1:] for p in base.parent.glob(f"{base.name}.*") if p.suffix not in _SIGNAL_ENDINGS)
    raise RecordingError(f"there is no annotation file {file}; beside the record: {', '.join(beside) or 'none'}")


def read_remote(record: str, pn_dir: str, wanted: Wanted) -> Recording:
    """Read the asked span of a PhysioNet record by wfdb's own download."""
    recording, first = _read(record, f"{pn_dir}/{record}", pn_dir, wanted)
    try:
        return _annotated(recording, first, record, wanted.annotator or "atr", pn_dir)
    except RecordingError:
        if wanted.annotator is not None:
            raise
        return recording  # this record has no reference annotations


def _read(base: str, source: str, pn_dir: str | None, wanted: Wanted) -> tuple[Recording, int]:
    """Read the span and leads asked for, without annotations; also return the span's first sample."""
    import wfdb  # a second to import

    header = _clearly(lambda: _header(wfdb, base, pn_dir), source, pn_dir, "header")
    fs, n = float(header.fs), header.sig_len
    agree(fs, wanted.fs, source)
    if not n or not header.n_sig:
        raise RecordingError(f"the header of {source} says 0 or no number of samples or leads; correct it")
    first, stop = sample_span(n, fs, wanted.start, wanted.end, source)
    segmented = hasattr(header, "segments")
    names = _named(header.get_sig_name() if segmented else header.sig_name)
    at = None if wanted.leads is None else lead_indexes(wanted.leads, names, source)
    if pn_dir is None and not segmented:
        _check_size(header, Path(base).parent, stop)
    # Segments of a record may lay their leads out differently, so there all are read, then picked.
    channels = None if segmented else at
    record = _clearly(
        lambda: wfdb.rdrecord(base, sampfrom=first, sampto=stop, channels=channels, pn_dir=pn_dir),
        source,
        pn_dir,
        "signal file",
    )
    recording = Recording(
        record.p_signal,
        fs=fs,
        # None where the segments disagree about their units
        units=tuple(unit or "" for unit in record.units or ()),
        names=tuple(names) if segmented or at is None else tuple(names[i] for i in at),
        start=first / fs,
        source=source,
        began=header.base_datetime,
    )
    return (recording.pick(at) if segmented and at is not None else recording), first


def _named(names: Sequence[str | None]) -> list[str]:
    return [name or f"lead {i}" for i, name in enumerate(names)]


def _header(wfdb: Any, base: str, pn_dir: str | None) -> Any:
    header = wfdb.rdheader(base, pn_dir=pn_dir)
    if hasattr(header, "seg_name"):  # a record of several segments: their headers have the lead names
        header = wfdb.rdheader(base, pn_dir=pn_dir, rd_segments=True)
    return header


def _clearly(read: Callable[[], Any], source: str, pn_dir: str | None, what: str) -> Any:
    """Run one of wfdb's readers; its errors speak of shapes and list indexes, so say what is wrong."""
    try:
        return read()
    except Exception as error:  # wfdb raises many kinds for damaged files
        if pn_dir is not None:
            raise RecordingError(
                f"there is no local record {source}, and PhysioNet did not give it "
                f"({type(error).__name__}); check the name and the connection"
            ) from error
        if isinstance(error, FileNotFoundError):
            missing = Path(str(error.filename)).name
            raise RecordingError(
                f"record {source} needs the file {missing}, which is not there; copy it beside the header"
            ) from error
        raise RecordingError(f"the {what} of record {source} is damaged or truncated; copy it again") from error


def _check_size(header: Any, folder: Path, stop: int) -> None:
    """Refuse a span that its signal file is too short for, saying how much is there."""
    for name in dict.fromkeys(header.file_name):
        file = folder / name
        mine = [i for i, other in enumerate(header.file_name) if other == name]
        if not file.is_file() or any(header.fmt[i] not in _BYTES for i in mine):
            continue
        per_frame = sum(_BYTES[header.fmt[i]] * (header.samps_per_frame[i] or 1) for i in mine)
        there = int(max(file.stat().st_size - (header.byte_offset[mine[0]] or 0), 0) / per_frame)
        if there < stop:
            raise RecordingError(
                f"{name} is truncated: the span ends at sample {stop}, the file holds {there} samples "
                f"({there / header.fs:.6g} s); copy it again, or end before that"
            )


def _annotated(recording: Recording, first: int, base: str, extension: str, pn_dir: str | None) -> Recording:
    import wfdb

    stop = first + len(recording)
    try:
        found = wfdb.rdann(base, extension, sampfrom=first, sampto=stop, pn_dir=pn_dir)
    except Exception as error:  # wfdb raises many kinds for damaged files
        raise RecordingError(
            f"the annotation file {Path(base).name}.{extension} cannot be read; copy it again or remove it"
        ) from error
    notes = found.aux_note or [""] * len(found.sample)
    marked = [
        Annotation(int(sample), str(symbol or ""), str(note or "").rstrip("\x00"))
        for sample, symbol, note in zip(np.asarray(found.sample), found.symbol, notes, strict=True)
    ]
    return replace(recording, annotations=annotations_between(marked, first, stop))
