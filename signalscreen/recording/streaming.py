"""A recording read by slices, so that a day of it needs no more memory than ten minutes."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from signalscreen.checksums import of_array, of_files
from signalscreen.recording import wfdb_records
from signalscreen.recording.reading import FILE_ENDINGS, read_recording
from signalscreen.recording.selection import Leads, Wanted, check_fs
from signalscreen.recording.signals import Annotation, Recording
from signalscreen.reprs import recorded

Slices = Callable[[int, int], NDArray[np.floating]]


@dataclass(frozen=True, eq=False)
class Stream:
    """A recording whose samples are read when they are asked for.

    Attributes
    ----------
    fs : float
        Samples per second.
    samples : int
    names, units : tuple of str
        One per lead.
    read : callable
        ``read(first, stop)`` gives the samples, ``(stop - first, leads)``; NaN marks a gap.
    annotations : tuple of Annotation
        Their samples count from this stream's first sample.
    start : float
        Seconds from the beginning of the source to the first sample.
    source : str
    began : datetime or None
        Clock time of the beginning of the source.
    files : tuple of Path
        What the samples are read from; empty for a recording in memory.
    limits : tuple, one per lead
        Lowest and highest value of its converter, in the lead's units; None where the header does not say.
    resolution : tuple of float, one per lead
        One step of its converter; 0 where the header does not say.
    """

    fs: float
    samples: int
    names: tuple[str, ...]
    units: tuple[str, ...]
    read: Slices
    annotations: tuple[Annotation, ...] = ()
    start: float = 0.0
    source: str = ""
    began: datetime | None = None
    files: tuple[Path, ...] = ()
    limits: tuple[tuple[float, float] | None, ...] = ()
    resolution: tuple[float, ...] = ()

    def __repr__(self) -> str:
        return recorded(self, self.samples)

    def checksum(self) -> str:
        """SHA-256 of the files that the samples are read from, or of the samples."""
        return of_files(*self.files) if self.files else of_array(self.read(0, self.samples))


def open_recording(
    path: str | os.PathLike[str],
    *,
    fs: float | None = None,
    start: float | None = None,
    end: float | None = None,
    leads: Leads | None = None,
    annotator: str | None = None,
) -> Stream:
    """Open a recording without reading its samples: WFDB records by slices, other files as they can be.

    Parameters and errors are those of `read_recording`. ``.npy`` files are mapped into memory; CSV, NPZ and
    records from PhysioNet are read whole.

    Returns
    -------
    Stream
    """
    wanted = Wanted(check_fs(fs), start, end, leads, annotator)
    base = wfdb_records.without_ending(Path(path))
    if Path(path).suffix.lower() in FILE_ENDINGS or not base.with_name(base.name + ".hea").is_file():
        recording = read_recording(path, fs=fs, start=start, end=end, leads=leads, annotator=annotator)
        file = Path(path)
        return stream_of(recording, (file,) if file.is_file() else ())
    return _record(base, wanted)


def stream_of(recording: Recording, files: tuple[Path, ...] = ()) -> Stream:
    """Give a recording in memory the face of one that is read by slices.

    Raises
    ------
    RecordingError
        If its sampling rate is not known.
    """
    return Stream(
        fs=recording.rate,
        samples=len(recording),
        names=recording.names,
        units=recording.units,
        read=lambda first, stop: np.asarray(recording.signal[first:stop]),
        annotations=recording.annotations,
        start=recording.start,
        source=recording.source,
        began=recording.began,
        files=files,
    )


def _record(base: Path, wanted: Wanted) -> Stream:
    opened = wfdb_records.open_local(base, wanted)
    return Stream(
        fs=opened.fs,
        samples=opened.stop - opened.first,
        names=opened.names,
        units=opened.units,
        read=lambda first, stop: opened.read(opened.first + first, opened.first + stop),
        annotations=wfdb_records.annotations_of(base, wanted, opened),
        start=opened.first / opened.fs,
        source=base.name,
        began=opened.began,
        files=opened.files,
        limits=opened.limits,
        resolution=opened.resolution,
    )
