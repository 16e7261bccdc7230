"""A day and a beat, both honest pictures: min, max, extreme and mean of the record at several levels of detail.

Kept in the store's folder, or in the user's cache where the store cannot be written to, as the Zarr group
``pyramid``: ``pyramid/FACTOR/signal`` and
``pyramid/FACTOR/attribution_METHOD`` of shape (lead, plane, block). Each array is one uncompressed chunk, so that
the chunk's file is the array and can be memory-mapped: a tile of it costs as many bytes as it has, at any length.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from signalscreen.errors import OutputError
from signalscreen.output import clear_abandoned, held
from signalscreen.review.blocks import ATTRIBUTION_PLANES, FACTOR, SIGNAL_PLANES, Blocks, blocks, factors
from signalscreen.review.elsewhere import elsewhere, is_refused
from signalscreen.review.mapped import checksums, chunk_of, mapped
from signalscreen.review.quantiles import Quantiles
from signalscreen.review.record import StoredRecord
from signalscreen.review.strength import Strength

_FOLDER = "pyramid"
_LAYOUT = 2
_SLICE = 1 << 20  # samples read at once
_LIMIT = 0.995
_RANGE = (0.001, 0.999)  # R peaks are 3 % of an ECG, spikes of an artefact fewer


@dataclass(frozen=True, eq=False)
class Pyramid:
    r"""A built pyramid, memory-mapped.

    Attributes
    ----------
    factors : tuple of int
        Samples in a block at each level, the finest first.
    arrays : dict
        ``(factor, name)`` to an array of float32, shape (leads, planes, blocks); the name is ``"signal"`` or a
        method's.
    limits : dict
        Of each method, the 99.5th percentile of \|attribution\| to within 1 %; NaN where nothing is explained.
    ranges : list of (low, high)
        Of each lead, 0.1st and 99.9th percentile of the signal to within 1 %; NaN for a lead that is one gap.
    strength : dict
        Of each method, mean \|attribution\| in each window.
    """

    factors: tuple[int, ...]
    arrays: dict[tuple[int, str], NDArray[np.float32]]
    limits: dict[str, float]
    ranges: list[tuple[float, float]]
    strength: dict[str, NDArray[np.float32]]

    def planes(self, factor: int, first: int, count: int, method: str | None) -> NDArray[np.float32]:
        """Cut a tile: blocks ``first`` to ``first + count``, NaN beyond the end.

        Returns
        -------
        ndarray of float32, shape (leads, planes, count)
            Planes min, max and mean of the signal, then min, max, extreme and mean of the attribution.
        """
        names = ["signal"] + ([method] if method is not None else [])
        return np.concatenate([padded(self.arrays[factor, name], first, count) for name in names], axis=1)


def padded(values: NDArray[np.float32], first: int, count: int) -> NDArray[np.float32]:
    """Cut ``count`` entries of the last axis from ``first`` on, NaN beyond the end."""
    tile = np.full((*values.shape[:-1], count), np.nan, np.float32)
    inside = values[..., first : first + count]
    tile[..., : inside.shape[-1]] = inside
    return tile


def open_pyramid(record: StoredRecord, *, progress: bool = True) -> Pyramid:
    """Open a record's pyramid; where there is none yet, or that of an older screening, build it.

    Several processes may do so at once: each builds its own beside, and the first to be ready is kept. It is built
    elsewhere where the store cannot be written to.

    Raises
    ------
    OutputError
        If it cannot be written.
    RecordingError
        If the store is damaged.

    Warns
    -----
    SignalScreenWarning
        If the store cannot be written to: no verdict can be saved then.
    """
    fingerprint = _fingerprint(record)
    found = _opened(record, record.folder, fingerprint)
    if found is None:
        try:
            found = _made(record, record.folder, fingerprint, progress)
        except OutputError as error:
            if not is_refused(error):
                raise
            folder = elsewhere(record.folder)
            found = _opened(record, folder, fingerprint) or _made(record, folder, fingerprint, progress)
    return found


def _made(record: StoredRecord, folder: Path, fingerprint: str, progress: bool) -> Pyramid:
    with _beside(folder) as part:
        _build(record, part, fingerprint, progress)
        _put_in_place(record, folder, part, fingerprint)
    found = _opened(record, folder, fingerprint)
    if found is None:
        raise OutputError(f"the pyramid in {folder} was taken away as soon as it was built; try again")
    return found


def _fingerprint(record: StoredRecord) -> str:
    """What the pyramid was built of. The seconds spent on each shard tell a screening from its repetition."""
    known = sha256(json.dumps([_LAYOUT, record.n, record.leads, record.methods]).encode())
    known.update(str(record.attributes.get("facts")).encode())
    for name in ("done", "seconds", "window_start", "window_lead"):
        known.update(record.read(name).tobytes())
    return known.hexdigest()


def _opened(record: StoredRecord, beside: Path, fingerprint: str) -> Pyramid | None:
    folder = beside / _FOLDER
    try:
        facts = json.loads((folder / "zarr.json").read_bytes())["attributes"]
        if facts["fingerprint"] != fingerprint or facts["checksums"] != checksums(folder):
            return None
        kept = tuple(int(factor) for factor in facts["factors"])
        arrays = {
            (factor, method or "signal"): mapped(
                folder / str(factor) / name, (len(record.leads), planes, -(-record.n // factor))
            )
            for factor in kept
            for name, method, planes in _arrays(record)
        }
        windows = record.group["window_start"].shape
        strength = {m: mapped(folder / f"strength_{m}", windows) for m in record.methods}
        return Pyramid(kept, arrays, facts["limits"], [(a, b) for a, b in facts["ranges"]], strength)
    except (FileNotFoundError, KeyError, ValueError, TypeError):
        return None  # none, or a damaged one: it is built again


def _arrays(record: StoredRecord) -> list[tuple[str, str | None, int]]:
    """Name of each array of a level, its method, and how many planes it has."""
    methods = [(f"attribution_{m}", m, len(ATTRIBUTION_PLANES)) for m in record.methods]
    return [("signal", None, len(SIGNAL_PLANES)), *methods]


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """Give a folder to build in, and clear away those that killed builds left."""
    part = folder / f".{_FOLDER}.{os.getpid()}.{token_hex(4)}.part"
    try:
        clear_abandoned(folder, f".{_FOLDER}.*.part")
        part.mkdir()
        with held(part):
            yield part
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(
            f"the pyramid cannot be written to {folder} ({reason}); make room or copy the store elsewhere"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _put_in_place(record: StoredRecord, folder: Path, part: Path, fingerprint: str) -> None:
    """Move what was built to its name. Another process may have been faster: then its work is as good as ours."""
    wanted = folder / _FOLDER
    for _ in range(10):
        if _opened(record, folder, fingerprint) is not None:
            return
        if wanted.exists():
            old = wanted.with_name(f"{part.name}.old.part")
            with suppress(FileNotFoundError):  # another process has just moved it
                wanted.rename(old)
            shutil.rmtree(old, ignore_errors=True)
        try:
            part.rename(wanted)
        except OSError:
            if not wanted.exists():
                raise
        else:
            return


def _build(record: StoredRecord, folder: Path, fingerprint: str, progress: bool) -> None:
    """One pass over the record, all levels at once."""
    levels = factors(record.n)
    step = levels[-1] * max(1, _SLICE // levels[-1])
    files = _create(record, folder, levels, fingerprint)
    ranges = [Quantiles() for _ in record.leads]
    limits = {m: Quantiles() for m in record.methods}
    starts, leads = record.read("window_start"), record.read("window_lead")
    length = int(record.attributes["window_samples"])
    strength = {m: Strength(starts, length, leads) for m in record.methods}
    with tqdm(
        total=record.n, unit="sample", unit_scale=True, desc=f"pyramid of {record.name}",
        disable=None if progress else True,
    ) as bar:  # fmt: skip
        for first in range(0, record.n, step):
            stop = min(first + step, record.n)
            values = record.signal(first, stop)
            for lead, quantiles in enumerate(ranges):
                quantiles.add(values[:, lead])
            _write_levels(files, "signal", SIGNAL_PLANES, values, first, levels)
            for method in record.methods:
                values = record.attribution(method, first, stop)
                strength[method].add(first, values)
                limits[method].add(np.abs(values))
                _write_levels(files, f"attribution_{method}", ATTRIBUTION_PLANES, values, first, levels)
            bar.update(stop - first)
    for method, means in strength.items():
        _write(files[0, f"strength_{method}"], 0, means.means())
    _finish(folder, limits, ranges)


def _write_levels(
    files: dict[tuple[int, str], tuple[Path, tuple[int, ...]]],
    name: str,
    planes: tuple[str, ...],
    values: NDArray[np.float32],
    first: int,
    levels: tuple[int, ...],
) -> None:
    padding = -len(values) % levels[-1]
    whole = np.pad(values, ((0, padding), (0, 0)), constant_values=np.nan) if padding else values
    found: Blocks | None = None
    for factor in levels:
        found = blocks(whole, factor) if found is None else found.coarser(FACTOR)
        path, (leads, count, n) = files[factor, name]
        stop = min((first + len(whole)) // factor, n)
        for lead in range(leads):
            for i, plane in enumerate(planes):
                row = found.plane(plane)[: stop - first // factor, lead]
                _write((path, (leads, count, n)), (lead * count + i) * n + first // factor, row)


def _write(file: tuple[Path, tuple[int, ...]], offset: int, values: NDArray[np.float32]) -> None:
    """Write at an offset. Not through a memory map: a full disk would end the process there, not raise."""
    with file[0].open("r+b") as opened:
        opened.seek(4 * offset)
        opened.write(np.ascontiguousarray(values, "<f4").tobytes())


def _create(
    record: StoredRecord, folder: Path, levels: tuple[int, ...], fingerprint: str
) -> dict[tuple[int, str], tuple[Path, tuple[int, ...]]]:
    """Describe the arrays to Zarr, and make the empty files of their chunks."""
    import zarr

    group = zarr.create_group(folder)  # not overwrite=True, which would make another folder, and that is not locked
    group.attrs["wanted"] = fingerprint
    group.attrs["factors"] = list(levels)
    shapes: dict[tuple[int, str], tuple[int, ...]] = {
        (factor, name): (len(record.leads), planes, -(-record.n // factor))
        for factor in levels
        for name, _, planes in _arrays(record)
    }
    shapes |= {(0, f"strength_{m}"): record.group["window_start"].shape for m in record.methods}
    files = {}
    for (factor, name), shape in shapes.items():
        inside = f"{factor}/{name}" if factor else name
        dimensions = ("lead", f"{name}_plane", "block") if factor else ("window",)
        group.create_array(
            inside, shape=shape, chunks=tuple(max(1, size) for size in shape), dtype="<f4", compressors=None,
            fill_value=np.nan, dimension_names=dimensions,
        )  # fmt: skip
        chunk = chunk_of(folder / inside, len(shape))
        chunk.parent.mkdir(parents=True, exist_ok=True)
        chunk.touch()
        files[factor, name] = (chunk, shape)
    return files


def _finish(folder: Path, limits: dict[str, Quantiles], ranges: list[Quantiles]) -> None:
    """Say what it is of, last: what has no fingerprint is not whole."""
    import zarr

    group: Any = zarr.open_group(folder, mode="r+")
    group.attrs["limits"] = {method: one.at(_LIMIT) for method, one in limits.items()}
    group.attrs["ranges"] = [[one.at(share) for share in _RANGE] for one in ranges]
    group.attrs["checksums"] = checksums(folder)
    group.attrs["planes"] = {"signal": SIGNAL_PLANES, "attribution": ATTRIBUTION_PLANES}
    group.attrs["fingerprint"] = group.attrs["wanted"]
