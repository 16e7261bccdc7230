"""Samples of local WFDB signal files, any span of them, in every format of the specification, signal(5).

wfdb reads a span of format 8 from a wrong beginning, fails on spans of 310 and 311 that end within a block, and
averages the samples of a frame; so local files are decoded here. The tests compare with wfdb.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import RecordingError
from signalscreen.recording.wfdb_header import Lead

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]

# Formats that store each sample by itself: type, and what is subtracted.
_PLAIN = {"16": ("<i2", 0), "32": ("<i4", 0), "61": (">i2", 0), "80": ("u1", 128), "160": ("<u2", 32768)}
_BLOCKS = {"212": (2, 3), "310": (3, 4), "311": (3, 4), "24": (1, 3), "8": (1, 1)}  # samples and bytes of a block
_FLAC = {"508": 8, "516": 16, "524": 24}
# The sample that says that there is none; format 8 has no such.
_INVALID = {
    **{"80": -128, "508": -128, "310": -512, "311": -512, "212": -2048, "16": -32768, "61": -32768},
    **{"160": -32768, "516": -32768, "24": -(2**23), "524": -(2**23), "32": -(2**31)},
}
_STEP = 2**16  # frames between two sums of format 8 that are kept


@dataclass(frozen=True)
class SignalFile:
    """One signal file, and its leads in the order of the header.

    Attributes
    ----------
    path : Path
    leads : tuple of Lead
        All of one format and offset.
    """

    path: Path
    leads: tuple[Lead, ...]

    @property
    def fmt(self) -> str:
        """The format of all its leads."""
        return self.leads[0].fmt

    @property
    def width(self) -> int:
        """Samples a frame, of all leads."""
        return sum(lead.per_frame for lead in self.leads)

    def frames(self) -> int:
        """How many whole frames it holds."""
        offset, size = self.leads[0].offset, self.path.stat().st_size
        if self.fmt in _FLAC:
            return max(_flac_length(self.path) - offset, 0) // self.leads[0].per_frame
        return _held(self.fmt, max(size - offset, 0)) // self.width

    def read(self, first: int, stop: int) -> list[Floats]:
        """Frames of each lead in physical units, ``((stop - first) * per_frame,)``; NaN is no sample.

        Frames outside those that the file holds are NaN, which a skewed lead needs.
        """
        latest = max(lead.skew for lead in self.leads)
        length = self.frames()
        begin, end = min(first, length), min(stop + latest, length)
        stored = self._digital(begin, end)
        found = []
        for lead, digital in zip(self.leads, stored, strict=True):
            values = np.full((stop - first, lead.per_frame), np.nan)
            at = slice(lead.skew, lead.skew + stop - first)
            known = digital.reshape(-1, lead.per_frame)[at]
            values[: len(known)] = _physical(known, lead)
            found.append(values.reshape(-1))
        return found

    def _digital(self, first: int, stop: int) -> list[Ints]:
        if self.fmt == "8":
            return _summed(self, first, stop)
        if self.fmt in _FLAC:
            return _flac(self, first, stop)
        frames = self.flat(first, stop)
        edges = np.cumsum([0, *(lead.per_frame for lead in self.leads)])
        return [frames[:, a:b] for a, b in pairwise(edges)]

    def flat(self, first: int, stop: int) -> Ints:
        """What is stored, ``(stop - first, width)``; differences in format 8."""
        samples = _decoded(self.path, self.fmt, self.leads[0].offset, first * self.width, stop * self.width)
        return samples.reshape(-1, self.width)


def _physical(digital: Ints, lead: Lead) -> Floats:
    values = digital.astype(np.float64)
    values -= lead.baseline
    with np.errstate(over="ignore"):  # infinite values are refused with the recording
        values /= lead.gain
    if lead.fmt in _INVALID:
        values[digital == _INVALID[lead.fmt]] = np.nan
    return values


def _held(fmt: str, size: int) -> int:
    """Whole samples in so many bytes."""
    if fmt in _PLAIN:
        return size // np.dtype(_PLAIN[fmt][0]).itemsize
    samples, length = _BLOCKS[fmt]
    rest = size % length
    partly = {"310": rest // 2, "311": rest * 8 // 10, "212": rest // 2}.get(fmt, 0)
    return size // length * samples + partly


def _decoded(path: Path, fmt: str, offset: int, first: int, stop: int) -> Ints:
    """Samples one after the other, as they lie in the file."""
    if fmt in _PLAIN:
        kind, middle = _PLAIN[fmt]
        at = offset + first * np.dtype(kind).itemsize
        stored: Ints = np.fromfile(path, kind, stop - first, offset=at)
        return stored.astype(np.int32) - middle if middle else stored
    samples, size = _BLOCKS[fmt]
    low, high = first // samples, -(-stop // samples)
    blocks = np.zeros((high - low, size), np.uint8)
    content = np.fromfile(path, np.uint8, blocks.size, offset=offset + low * size)
    blocks.reshape(-1)[: len(content)] = content  # the last block may be cut behind its last sample
    return _UNPACK[fmt](blocks).reshape(-1)[first - low * samples : stop - low * samples]


def _signed(values: Ints, bits: int) -> Ints:
    top = 1 << (bits - 1)
    return (values & (2 * top - 1) ^ top) - top


def _bytes(blocks: NDArray[np.uint8]) -> list[Ints]:
    return [column.astype(np.int32) for column in blocks.T]


def _format_212(blocks: NDArray[np.uint8]) -> Ints:
    a, b, c = _bytes(blocks)
    return _signed(np.stack([a | (b & 0x0F) << 8, c | (b & 0xF0) << 4], axis=1), 12)


def _format_310(blocks: NDArray[np.uint8]) -> Ints:
    a, b, c, d = _bytes(blocks)
    one, two = a | b << 8, c | d << 8  # 16-bit words: two samples from bit 1 on, the third in their high bits
    return _signed(np.stack([one >> 1, two >> 1, one >> 11 | two >> 11 << 5], axis=1), 10)


def _format_311(blocks: NDArray[np.uint8]) -> Ints:
    word = np.ascontiguousarray(blocks).view("<u4")[:, 0].astype(np.int64)
    return _signed(np.stack([word, word >> 10, word >> 20], axis=1), 10)


def _format_24(blocks: NDArray[np.uint8]) -> Ints:
    a, b, c = _bytes(blocks)
    return _signed(a | b << 8 | c << 16, 24)


def _format_8(blocks: NDArray[np.uint8]) -> Ints:
    return blocks.view(np.int8)


_UNPACK = {"212": _format_212, "310": _format_310, "311": _format_311, "24": _format_24, "8": _format_8}


def _summed(file: SignalFile, first: int, stop: int) -> list[Ints]:
    """Format 8 stores differences: each lead counts from its initial value, over all that lies before."""
    status = file.path.stat()
    sums = _sums(file, (status.st_size, status.st_mtime_ns))
    begin = first // _STEP * _STEP
    frames, before = file.flat(begin, stop), sums[begin // _STEP]
    found, at = [], 0
    for lead, start in zip(file.leads, before, strict=True):
        steps = frames[:, at : at + lead.per_frame].reshape(-1)
        values = lead.initial + start + np.cumsum(steps, dtype=np.int64)
        found.append(values[(first - begin) * lead.per_frame :])
        at += lead.per_frame
    return found


@lru_cache(maxsize=8)
def _sums(file: SignalFile, _state: tuple[int, int]) -> NDArray[np.int64]:
    """Sum of each lead's differences before every `_STEP`-th frame, ``(steps + 1, leads)``."""
    edges = np.cumsum([0, *(lead.per_frame for lead in file.leads)])
    length = file.frames()
    totals = [np.zeros(len(file.leads), np.int64)]
    for at in range(0, length, _STEP):
        columns = file.flat(at, min(at + _STEP, length)).sum(axis=0, dtype=np.int64)
        totals.append(totals[-1] + np.add.reduceat(columns, edges[:-1]))
    return np.array(totals)


def _flac_length(path: Path) -> int:
    import soundfile

    with _flac_opened(soundfile, path) as sound:
        return int(sound.frames)


def _flac(file: SignalFile, first: int, stop: int) -> list[Ints]:
    """Formats 508, 516 and 524: a channel of a FLAC file for each lead."""
    import soundfile

    each = file.leads[0].per_frame
    with _flac_opened(soundfile, file.path) as sound:
        bits = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}.get(sound.subtype, 0)
        if sound.channels != len(file.leads) or any(lead.per_frame != each for lead in file.leads):
            raise RecordingError(
                f"{file.path.name} has {sound.channels} channels, but the header has {len(file.leads)} leads of "
                "it, which must have as many samples a frame; correct the header"
            )
        if not 0 < bits <= _FLAC[file.fmt]:
            raise RecordingError(
                f"{file.path.name} has samples of {sound.subtype}, which format {file.fmt} has no room for"
            )
        sound.seek(file.leads[0].offset + first * each)
        wide = sound.read((stop - first) * each, dtype="int32", always_2d=True)
    if len(wide) < (stop - first) * each:
        raise RecordingError(f"{file.path.name} is cut short or damaged; copy it again")
    return list((wide >> (32 - bits)).T)


def _flac_opened(soundfile: Any, path: Path) -> Any:
    try:
        return soundfile.SoundFile(path)
    except soundfile.SoundFileError as error:
        raise RecordingError(f"{path.name} is no FLAC file, or damaged ({error}); copy it again") from error
