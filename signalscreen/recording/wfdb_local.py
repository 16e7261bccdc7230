"""A local WFDB record, of one segment or several: any span of its leads, in frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import RecordingError, RecordingWarning, warn
from signalscreen.recording.wfdb_header import Header, Lead, read_header
from signalscreen.recording.wfdb_samples import SignalFile

Floats = NDArray[np.float64]
_PADDING = 512  # samples that may follow those of a file, to fill its last block
_PIECE = 2**18  # samples that are decoded at once, so that the room they take on the way is small


@dataclass(frozen=True, eq=False)
class Segment:
    """What one header describes: signal files, and its leads as a record counts them.

    Attributes
    ----------
    leads : tuple of Lead or None
        In the record's order; None for one that this segment lacks.
    files : tuple of SignalFile
    """

    header: Header
    leads: tuple[Lead | None, ...]
    files: tuple[SignalFile, ...]

    def read(self, at: Sequence[int], first: int, stop: int) -> list[Floats | None]:
        """Frames of some leads, as `SignalFile.read` gives them; None for a lead that is not there."""
        wanted = {id(self.leads[i]) for i in at}
        found: dict[int, Floats] = {}
        for file in self.files:
            here = [(number, lead) for number, lead in enumerate(file.leads) if id(lead) in wanted]
            if not here:
                continue
            _check_length(file, self.header, stop)
            values = [np.empty((stop - first) * lead.per_frame) for _, lead in here]
            step = max(_PIECE // file.width, 1)
            for begin in range(first, stop, step):
                end = min(begin + step, stop)
                piece = file.read(begin, end)
                for (number, lead), out in zip(here, values, strict=True):
                    out[(begin - first) * lead.per_frame : (end - first) * lead.per_frame] = piece[number]
            found |= {id(lead): out for (_, lead), out in zip(here, values, strict=True)}
        return [found.get(id(self.leads[i])) for i in at]


@dataclass(frozen=True, eq=False)
class Record:
    """A record's header and its segments, one after the other.

    Attributes
    ----------
    frames : int
    names, units : tuple of str
        One per lead.
    per_frame : tuple of int
        Samples of each lead in a frame.
    segments : tuple of (first frame, Segment or None)
        None where nothing was recorded.
    headers : tuple of Path
    """

    header: Header
    frames: int
    names: tuple[str, ...]
    units: tuple[str, ...]
    per_frame: tuple[int, ...]
    segments: tuple[tuple[int, Segment | None], ...]
    headers: tuple[Path, ...]

    def read(self, at: Sequence[int], first: int, stop: int) -> list[Floats]:
        """Frames of some leads, ``((stop - first) * per_frame,)`` each; NaN is no sample."""
        ends = [*(begin for begin, _ in self.segments[1:]), self.frames]
        found = [np.full((stop - first) * self.per_frame[i], np.nan) for i in at]
        for (begin, segment), end in zip(self.segments, ends, strict=True):
            low, high = max(first, begin), min(stop, end)
            if segment is None or low >= high:
                continue
            for i, out, values in zip(at, found, segment.read(at, low - begin, high - begin), strict=True):
                if values is not None:
                    each = self.per_frame[i]
                    out[(low - first) * each : (high - first) * each] = values
        return found

    def check(self, stop: int) -> None:
        """Refuse a span whose signal files are not there or too short, saying how much is there.

        A file that is much longer than its header says is read as the header says, with a warning.
        """
        for begin, segment in self.segments:
            if segment is not None and begin < stop:
                length = min(segment.header.frames, stop - begin)
                for file in segment.files:
                    _check_length(file, segment.header, length)
                    _warn_of_more(file, segment.header)

    def files(self) -> tuple[Path, ...]:
        """Headers and signal files."""
        signal_files = [file.path for _, segment in self.segments if segment for file in segment.files]
        return tuple(dict.fromkeys([*self.headers, *signal_files]))


def read_record(base: Path) -> Record:
    """Read the headers of a local record; its signal files are opened when samples are asked for.

    Raises
    ------
    RecordingError
        If a header is not there or wrong, or segments do not fit together.
    """
    header = read_header(base.with_name(base.name + ".hea"))
    if header.segments:
        return _of_segments(header)
    if not header.frames or not header.leads:
        raise RecordingError(f"the header of {base.name} says 0 or no number of samples or leads; correct it")
    segment = _segment(header, header.leads)
    return _record(header, header.frames, [lead.name for lead in header.leads], ((0, segment),))


def _of_segments(header: Header) -> Record:
    headers = {name: read_header(_beside(header.path, f"{name}.hea")) for name, _ in header.segments if name != "~"}
    if any(one.segments for one in headers.values()):
        raise RecordingError(f"a segment of {header.path.stem} has segments itself, which WFDB does not allow")
    first_name, first_length = header.segments[0]
    first = headers.get(first_name) if first_length == 0 else next(iter(headers.values()), None)
    if first is None or not first.leads:
        raise RecordingError(f"the segments of {header.path.stem} have no leads; correct its header")
    names = [lead.name for lead in first.leads]
    segments: list[tuple[int, Segment | None]] = []
    at = 0
    for name, length in header.segments:
        if length:
            segments.append((at, _part(header, headers.get(name), length, names, by_name=first_length == 0)))
        at += length
    if not at:
        raise RecordingError(f"the header of {header.path.stem} says 0 or no number of samples; correct it")
    return _record(header, at, names, tuple(segments))


def _part(whole: Header, part: Header | None, length: int, names: Sequence[str], by_name: bool) -> Segment | None:
    if part is None:
        return None
    if part.fs != whole.fs or part.frames < length:
        raise RecordingError(
            f"the header {whole.path.name} has {length} samples at {whole.fs:g} Hz of {part.path.stem}, whose own "
            f"header says {part.frames} at {part.fs:g} Hz; correct one of the two"
        )
    if by_name:
        there = {lead.name: lead for lead in reversed(part.leads)}
        return _segment(part, tuple(there.get(name) for name in names))
    if len(part.leads) != len(names):
        raise RecordingError(
            f"segment {part.path.stem} of {whole.path.stem} has {len(part.leads)} leads, the first has "
            f"{len(names)}; correct the headers"
        )
    return _segment(part, part.leads)


def _segment(header: Header, leads: tuple[Lead | None, ...]) -> Segment:
    files: dict[str, list[Lead]] = {}
    for lead in header.leads:
        if lead.fmt != "0":
            files.setdefault(lead.file, []).append(lead)
    for name, inside in files.items():
        if len({(lead.fmt, lead.offset) for lead in inside}) > 1:
            raise RecordingError(
                f"the header {header.path.name} gives {name} several formats or offsets; a signal file has one"
            )
    found = tuple(SignalFile(_beside(header.path, name), tuple(inside)) for name, inside in files.items())
    return Segment(header, leads, found)


def _record(
    header: Header, frames: int, names: Sequence[str], segments: tuple[tuple[int, Segment | None], ...]
) -> Record:
    inside = [segment for _, segment in segments if segment]
    named = tuple(name or f"lead {i}" for i, name in enumerate(names))
    columns = [[lead for one in inside if (lead := one.leads[i])] for i in range(len(names))]
    for name, column in zip(named, columns, strict=True):
        _check_agreed(header, f"unit of {name}", [lead.units for lead in column])
        _check_agreed(header, f"samples a frame of {name}", [str(lead.per_frame) for lead in column])
    return Record(
        header,
        frames,
        named,
        tuple(column[0].units if column else "" for column in columns),
        tuple(column[0].per_frame if column else 1 for column in columns),
        segments,
        tuple(dict.fromkeys([header.path, *(one.header.path for one in inside)])),
    )


def _check_agreed(header: Header, what: str, found: Sequence[str]) -> None:
    if len(set(found)) > 1:
        raise RecordingError(
            f"the segments of {header.path.stem} disagree about the {what}: {', '.join(dict.fromkeys(found))}; "
            "read them one by one"
        )


def _beside(header: Path, name: str) -> Path:
    """The file of a header, beside it: some records name the folder that they lie in as well."""
    inside = PurePosixPath(name)
    if inside.is_absolute() or ".." in inside.parts or name == "-":
        raise RecordingError(
            f"the header {header.name} names the file {name!r}; a record's files lie in the header's own folder"
        )
    below = header.parent / inside
    return below if len(inside.parts) == 1 or below.exists() else header.parent / inside.name


def _warn_of_more(file: SignalFile, header: Header) -> None:
    there = file.frames()
    if (there - header.frames) * file.width > _PADDING:
        warn(
            f"{file.path.name} holds {there} samples, but its header says {header.frames}: the rest is not read",
            RecordingWarning,
        )


def _check_length(file: SignalFile, header: Header, stop: int) -> None:
    if not file.path.exists():
        raise RecordingError(
            f"record {header.path.stem} needs the file {file.path.name}, which is not there; copy it beside the "
            "header"
        )
    if not file.path.is_file():
        raise RecordingError(f"{file.path} is no file that can be read in parts; copy the signal file there")
    there = file.frames()
    if there < stop:
        raise RecordingError(
            f"{file.path.name} is truncated: the span ends at sample {stop}, the file holds {there} samples "
            f"({there / header.fs:.6g} s); copy it again, or end before that"
        )
