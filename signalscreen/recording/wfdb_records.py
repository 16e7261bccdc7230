"""Recordings from WFDB records: local ones are decoded here, those of PhysioNet come through the wfdb package."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import RecordingError
from signalscreen.recording import wfdb_annotations
from signalscreen.recording.arrays import agree
from signalscreen.recording.frames import span_at_one_rate
from signalscreen.recording.memory import check_room
from signalscreen.recording.selection import Wanted, lead_indexes, sample_span
from signalscreen.recording.signals import Annotation, Recording, annotations_between
from signalscreen.recording.wfdb_local import Record, read_record

Range = tuple[float, float]
_SIGNAL_ENDINGS = (".hea", ".dat", ".mat")
_PHYSIONET = re.compile(r"[a-z][a-z0-9_-]*(/\d+(\.\d+)+)?(/[A-Za-z0-9_-]+)+", re.ASCII)


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


@dataclass(frozen=True, eq=False)
class Opened:
    """A record whose headers were read, and the span and leads of it that were asked for.

    Attributes
    ----------
    fs : float
        Samples per second, of the fastest lead asked for.
    frame_rate : float
        Frames per second, which annotations count by where they do not say otherwise.
    names, units : tuple of str
        Of the leads asked for.
    first, stop : int
        The span, in samples of the record at `fs`.
    read : callable
        ``read(first, stop)`` gives samples of the record in physical units, ``(stop - first, leads)``; NaN is
        a gap.
    files : tuple of Path
        The headers and all files with samples.
    limits, resolution
        Of each lead's converter, as `Stream` has them.
    """

    source: str
    fs: float
    frame_rate: float
    names: tuple[str, ...]
    units: tuple[str, ...]
    first: int
    stop: int
    read: Callable[[int, int], NDArray[np.float64]]
    began: datetime | None = None
    files: tuple[Path, ...] = ()
    limits: tuple[Range | None, ...] = ()
    resolution: tuple[float, ...] = ()

    def recording(self, marks: tuple[Annotation, ...] = ()) -> Recording:
        """Read all of the span."""
        check_room(self.stop - self.first, len(self.names), self.source)
        return Recording(
            self.read(self.first, self.stop),
            fs=self.fs,
            units=self.units,
            names=self.names,
            annotations=marks,
            start=self.first / self.fs,
            source=self.source,
            began=self.began,
        )


def read_local(base: Path, wanted: Wanted) -> Recording:
    """Read the asked span of a local record, with its annotations where there are any."""
    opened = open_local(base, wanted)
    return opened.recording(annotations_of(base, wanted, opened))


def open_local(base: Path, wanted: Wanted) -> Opened:
    """Read the headers of a local record, and check what was asked for."""
    record = read_record(base)
    at = _leads(wanted, record.names, base.name)
    per_frame = [record.per_frame[i] for i in at]
    opened = _opened(base.name, wanted, record.header.fs, record.frames, max(per_frame))

    def read(first: int, stop: int) -> NDArray[np.float64]:
        return span_at_one_rate(partial(record.read, at), per_frame, record.frames, first, stop)

    record.check(-(-opened.stop // max(per_frame)))
    limits, resolution = _converter(record)
    return replace(
        opened,
        names=tuple(record.names[i] for i in at),
        units=tuple(record.units[i] for i in at),
        read=read,
        began=record.header.began,
        files=tuple(file for file in record.files() if file.is_file()),
        limits=tuple(limits[i] for i in at),
        resolution=tuple(resolution[i] for i in at),
    )


def _opened(source: str, wanted: Wanted, frame_rate: float, frames: int, per_frame: int) -> Opened:
    fs = frame_rate * per_frame
    agree(fs, wanted.fs, source)
    first, stop = sample_span(frames * per_frame, fs, wanted.start, wanted.end, source)
    return Opened(source, fs, frame_rate, (), (), first, stop, lambda first, stop: np.empty((stop - first, 0)))


def _leads(wanted: Wanted, names: Sequence[str], source: str) -> list[int]:
    return list(range(len(names))) if wanted.leads is None else lead_indexes(wanted.leads, names, source)


def _converter(record: Record) -> tuple[list[Range | None], list[float]]:
    """Of each lead the lowest and highest value its converter gives, where the header says, and one step of it."""
    limits: list[Range | None] = []
    resolution: list[float] = []
    for lead in record.header.leads:
        half, middle = 2.0 ** (lead.bits - 1), lead.zero - lead.baseline
        limits.append(((middle - half) / lead.gain, (middle + half - 1) / lead.gain) if lead.bits else None)
        resolution.append(1 / lead.gain)
    unknown = len(record.names) - len(limits)  # several segments, which may differ
    return limits + [None] * unknown, resolution + [0.0] * unknown


def annotations_of(base: Path, wanted: Wanted, opened: Opened) -> tuple[Annotation, ...]:
    """Annotations in the span of a local record: those asked for, or the reference where it exists.

    Raises
    ------
    RecordingError
        If the file asked for is not there, or is damaged.
    """
    extension = wanted.annotator or "atr"
    file = base.with_name(f"{base.name}.{extension}")
    if file.exists():
        marks = wfdb_annotations.read_marks(file).at_rate(opened.frame_rate, opened.fs)
        return annotations_between(marks, opened.first, opened.stop)
    if wanted.annotator is None:
        return ()
    beside = sorted(p.suffix[1:] for p in base.parent.glob(f"{base.name}.*") if p.suffix not in _SIGNAL_ENDINGS)
    raise RecordingError(f"there is no annotation file {file}; beside the record: {', '.join(beside) or 'none'}")


def read_remote(name: str, pn_dir: str, wanted: Wanted) -> Recording:
    """Read the asked span of a PhysioNet record by wfdb's own download."""
    import wfdb  # a second to import

    source = f"{pn_dir}/{name}"
    header = _downloaded(lambda: _header(wfdb, name, pn_dir), source)
    if not header.sig_len or not header.n_sig or not float(header.fs or 0) > 0:
        raise RecordingError(f"the header of {source} says no rate, no number of samples or no leads")
    segmented = hasattr(header, "segments")
    names = [lead or f"lead {i}" for i, lead in enumerate(header.get_sig_name() if segmented else header.sig_name)]
    at = _leads(wanted, names, source)
    per_frame = _per_frame(header, names)
    opened = _opened(source, wanted, float(header.fs), header.sig_len, max(per_frame[i] for i in at))
    # Segments of a record may lay their leads out differently, so there all are read, then picked.
    channels = None if segmented else at
    columns = at if segmented else list(range(len(at)))
    units: list[str] = []

    def frames(begin: int, end: int) -> list[NDArray[np.float64]]:
        read = partial(wfdb.rdrecord, name, sampfrom=begin, sampto=end, channels=channels, pn_dir=pn_dir)
        record = _downloaded(partial(read, smooth_frames=False), source)
        units[:] = [record.units[i] or "" for i in columns]
        return [np.asarray(record.e_p_signal[i], np.float64) for i in columns]

    def whole(first: int, stop: int) -> NDArray[np.float64]:
        return span_at_one_rate(frames, [per_frame[i] for i in at], header.sig_len, first, stop)

    opened = replace(opened, names=tuple(names[i] for i in at), read=whole, began=header.base_datetime)
    recording = replace(opened.recording(), units=tuple(units))
    return replace(recording, annotations=_remote_marks(wfdb, name, pn_dir, wanted, opened))


def _header(wfdb: Any, name: str, pn_dir: str) -> Any:
    header = wfdb.rdheader(name, pn_dir=pn_dir)
    if hasattr(header, "seg_name"):  # a record of several segments: their headers have the lead names
        header = wfdb.rdheader(name, pn_dir=pn_dir, rd_segments=True)
    return header


def _per_frame(header: Any, names: Sequence[str]) -> list[int]:
    """Samples of each lead in a frame; of several segments the highest number that one has."""
    if not hasattr(header, "segments"):
        return [each or 1 for each in header.samps_per_frame]
    found = [1] * len(names)
    for segment in header.segments:
        for lead, each in (
            zip(segment.sig_name or (), segment.samps_per_frame or (), strict=False) if segment else ()
        ):
            if lead in names:
                found[names.index(lead)] = max(found[names.index(lead)], each or 1)
    return found


def _downloaded(read: Callable[[], Any], source: str) -> Any:
    """Run one of wfdb's readers, which raise many kinds of errors."""
    try:
        return read()
    except MemoryError as error:
        raise RecordingError(f"memory is too short for {source}; give start and end, or fewer leads") from error
    except Exception as error:
        raise RecordingError(
            f"there is no local record {source}, and PhysioNet did not give it "
            f"({type(error).__name__}); check the name and the connection"
        ) from error


def _remote_marks(wfdb: Any, name: str, pn_dir: str, wanted: Wanted, opened: Opened) -> tuple[Annotation, ...]:
    extension = wanted.annotator or "atr"
    try:
        found = wfdb.rdann(name, extension, pn_dir=pn_dir, return_label_elements=["symbol", "label_store"])
    except Exception as error:  # wfdb raises many kinds for what it cannot read
        if wanted.annotator is None:
            return ()  # this record has no reference annotations
        raise RecordingError(
            f"the annotation file {name}.{extension} cannot be read; copy it again or remove it"
        ) from error
    marks = wfdb_annotations.from_wfdb(found).at_rate(opened.frame_rate, opened.fs)
    return annotations_between(marks, opened.first, opened.stop)
