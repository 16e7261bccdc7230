"""Recordings from WFDB records, local or by download from PhysioNet, through the wfdb package."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import RecordingError
from signalscreen.recording.arrays import agree
from signalscreen.recording.selection import Wanted, lead_indexes, sample_span
from signalscreen.recording.signals import Annotation, Recording, annotations_between

Range = tuple[float, float]
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
    marks = annotations_of(base, wanted, first, first + len(recording))
    return replace(recording, annotations=marks)


def read_remote(record: str, pn_dir: str, wanted: Wanted) -> Recording:
    """Read the asked span of a PhysioNet record by wfdb's own download."""
    recording, first = _read(record, f"{pn_dir}/{record}", pn_dir, wanted)
    try:
        marks = _annotations(record, wanted.annotator or "atr", pn_dir, first, first + len(recording))
        return replace(recording, annotations=marks)
    except RecordingError:
        if wanted.annotator is not None:
            raise
        return recording  # this record has no reference annotations


@dataclass(frozen=True, eq=False)
class Opened:
    """A record whose header was read, and the span and leads of it that were asked for.

    Attributes
    ----------
    header : wfdb.Record or wfdb.MultiRecord
    names : tuple of str
        Of the leads asked for.
    first, stop : int
        The span, in samples of the record.
    record : callable
        ``record(first, stop)`` reads samples of the record: wfdb's own record.
    """

    header: Any
    source: str
    names: tuple[str, ...]
    at: list[int] | None
    first: int
    stop: int
    record: Callable[[int, int], Any]

    def read(self, first: int, stop: int) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Samples in physical units, ``(stop - first, leads)``, and the units; NaN is a gap.

        A unit is ``""`` where the segments disagree about it.
        """
        record = self.record(first, stop)
        signal, units = record.p_signal, tuple(unit or "" for unit in record.units or ())
        if self.at is None or signal.shape[1] == len(self.at):
            return signal, units
        return signal[:, self.at], tuple(units[i] for i in self.at) if units else ()


def open_local(base: Path, wanted: Wanted) -> Opened:
    """Read the header of a local record, and check what was asked for."""
    return _opened(str(base), base.name, None, wanted)


def files_of(opened: Opened, base: Path) -> tuple[Path, ...]:
    """The header and all files with samples that belong to it."""
    headers = [opened.header, *(getattr(opened.header, "segments", None) or [])]
    names = [name for header in headers if header for name in (getattr(header, "file_name", None) or [])]
    segments = [f"{name}.hea" for name in getattr(opened.header, "seg_name", None) or []]
    found = [base.parent / name for name in dict.fromkeys([f"{base.name}.hea", *segments, *names]) if name != "~"]
    return tuple(file for file in found if file.is_file())


def converter_of(opened: Opened) -> tuple[tuple[Range | None, ...], tuple[float, ...]]:
    """Of each lead the lowest and highest value its converter gives, where the header says, and one step of it."""
    header = opened.header
    gains = getattr(header, "adc_gain", None)
    if not gains:  # several segments, which may differ
        return (None,) * len(opened.names), (0.0,) * len(opened.names)
    ranges: list[Range | None] = []
    for bits, zero, baseline, gain in zip(header.adc_res, header.adc_zero, header.baseline, gains, strict=True):
        half = 2.0 ** ((bits or 0) - 1)
        middle = (zero or 0) - (baseline or 0)
        ranges.append(((middle - half) / gain, (middle + half - 1) / gain) if bits and gain else None)
    at = range(len(ranges)) if opened.at is None else opened.at
    return tuple(ranges[i] for i in at), tuple(1 / gains[i] if gains[i] else 0.0 for i in at)


def annotations_of(base: Path, wanted: Wanted, first: int, stop: int) -> tuple[Annotation, ...]:
    """Annotations in a span of a local record: those asked for, or the reference where it exists.

    Raises
    ------
    RecordingError
        If the file asked for is not there, or is damaged.
    """
    extension = wanted.annotator or "atr"
    file = base.with_name(f"{base.name}.{extension}")
    if file.is_file():
        return _annotations(str(base), extension, None, first, stop)
    if wanted.annotator is None:
        return ()
    beside = sorted(p.suffix[1:] for p in base.parent.glob(f"{base.name}.*") if p.suffix not in _SIGNAL_ENDINGS)
    raise RecordingError(f"there is no annotation file {file}; beside the record: {', '.join(beside) or 'none'}")


def _opened(base: str, source: str, pn_dir: str | None, wanted: Wanted) -> Opened:
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

    def record(begin: int, end: int) -> Any:
        read = partial(wfdb.rdrecord, base, sampfrom=begin, sampto=end, channels=channels, pn_dir=pn_dir)
        return _clearly(read, source, pn_dir, "signal file")

    chosen = tuple(names if at is None else [names[i] for i in at])
    return Opened(header, source, chosen, at, first, stop, record)


def _read(base: str, source: str, pn_dir: str | None, wanted: Wanted) -> tuple[Recording, int]:
    """Read the span and leads asked for, without annotations; also return the span's first sample."""
    opened = _opened(base, source, pn_dir, wanted)
    fs = float(opened.header.fs)
    signal, units = opened.read(opened.first, opened.stop)
    recording = Recording(
        signal,
        fs=fs,
        units=units,
        names=opened.names,
        start=opened.first / fs,
        source=source,
        began=opened.header.base_datetime,
    )
    return recording, opened.first


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


def _annotations(base: str, extension: str, pn_dir: str | None, first: int, stop: int) -> tuple[Annotation, ...]:
    import wfdb

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
    return annotations_between(marked, first, stop)
