"""The pyramid against a naive computation, and how it is kept."""

import json
import multiprocessing
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from signalscreen.errors import OutputError, SignalScreenWarning
from signalscreen.review import elsewhere
from signalscreen.review import pyramid as pyramids
from signalscreen.review.blocks import ATTRIBUTION_PLANES, SIGNAL_PLANES, blocks, factors
from signalscreen.review.pyramid import open_pyramid
from signalscreen.review.quantiles import Quantiles
from signalscreen.review.record import StoredRecord, open_records
from signalscreen.review.strength import Strength
from signalscreen.verdicts import VerdictTable

from .stores import WINDOW, write_store

_VALUES = st.one_of(st.just(np.nan), st.floats(-1e6, 1e6, width=32))


def _naive(values: np.ndarray, factor: int, plane: str) -> np.ndarray:
    """One block at a time, by the words of the definition."""
    found = []
    for first in range(0, len(values), factor):
        known = [float(v) for v in values[first : first + factor] if not np.isnan(v)]
        if not known:
            found.append(np.nan)
        elif plane == "mean":
            found.append(sum(known) / len(known))
        elif plane == "extreme":
            found.append(max(known, key=lambda v: (abs(v), v)))
        else:
            found.append({"min": min, "max": max}[plane](known))
    return np.array(found)


def _opened(path: Path) -> StoredRecord:
    return next(iter(open_records(path).values()))


@given(arrays(np.float32, st.integers(1, 300), elements=_VALUES), st.sampled_from([1, 2, 3]))
@settings(deadline=None)
def test_blocks_of_blocks_are_the_blocks_of_all_samples(values: np.ndarray, deeper: int) -> None:
    factor = 2 * 4**deeper
    padded = np.pad(values, (0, -len(values) % factor), constant_values=np.nan)
    found = blocks(padded[:, None], 2)
    for _ in range(deeper):
        found = found.coarser()
    for plane in ATTRIBUTION_PLANES:
        # Sums are of float64: what differs is the rounding to float32.
        expected = _naive(values, factor, plane)
        np.testing.assert_allclose(found.plane(plane)[:, 0], expected, rtol=1e-6, atol=1e-6 * 1e6)


def test_levels_end_where_a_screen_shows_all() -> None:
    assert factors(1) == (16,)
    assert factors(16 * 2000) == (16,)
    assert factors(16 * 2000 + 1) == (16, 64)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> StoredRecord:
    return _opened(write_store(tmp_path_factory.mktemp("stores") / "a.zarr", n=50_001))


def test_planes_are_those_of_the_stored_arrays(record: StoredRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(record.folder / "pyramid", ignore_errors=True)
    monkeypatch.setattr(pyramids, "_SLICE", 5000)  # many slices, the last of odd length
    found = open_pyramid(record, progress=False)
    assert found.factors == (16, 64)
    for factor in found.factors:
        for name, planes in (("signal", SIGNAL_PLANES), ("saliency", ATTRIBUTION_PLANES)):
            stored = record.read("signal" if name == "signal" else "attribution_saliency")
            for lead in range(2):
                for i, plane in enumerate(planes):
                    expected = _naive(stored[:, lead], factor, plane)
                    np.testing.assert_allclose(found.arrays[factor, name][lead, i], expected, rtol=1e-5, atol=1e-6)


def test_strength_is_the_mean_size_in_each_window(record: StoredRecord) -> None:
    attribution = np.abs(record.read("attribution_saliency").astype(np.float64))
    found = open_pyramid(record, progress=False).strength["saliency"]
    starts = record.read("window_start")
    some_known = [not np.isnan(attribution[s : s + WINDOW]).all() for s in starts]
    expected = [
        np.nanmean(attribution[s : s + WINDOW]) if known else np.nan
        for s, known in zip(starts, some_known, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@given(
    arrays(np.float64, (60, 2), elements=st.one_of(st.just(np.nan), st.floats(-10, 10))),
    st.lists(st.tuples(st.integers(0, 50), st.integers(-1, 1)), min_size=1, max_size=12),
    st.integers(1, 60),
)
@settings(deadline=None)
def test_strength_does_not_depend_on_slices(values: np.ndarray, windows: list[tuple[int, int]], step: int) -> None:
    windows.sort()
    starts, leads = np.array(windows).T
    found = Strength(starts, 10, leads)
    for first in range(0, 60, step):
        found.add(first, values[first : first + step])
    for mean, start, lead in zip(found.means(), starts, leads, strict=True):
        part = np.abs(values[start : start + 10] if lead < 0 else values[start : start + 10, lead])
        expected = np.nan if np.isnan(part).all() else np.nanmean(part)
        np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-6)


@given(arrays(np.float32, st.integers(1, 200), elements=st.floats(-(2.0**99), 2.0**99, width=32)), st.floats(0, 1))
@settings(deadline=None)
def test_quantiles_are_within_one_percent(values: np.ndarray, share: float) -> None:
    quantiles = Quantiles()
    for part in np.array_split(values, 3):
        quantiles.add(np.append(part, np.float32(np.nan)))
    exact = np.sort(values)[min(int(share * len(values)), len(values) - 1)]
    assert quantiles.at(share) == pytest.approx(exact, rel=0.01, abs=1e-38)


def test_limits_and_ranges(record: StoredRecord) -> None:
    found = open_pyramid(record, progress=False)
    size = np.abs(record.read("attribution_saliency"))
    assert found.limits["saliency"] == pytest.approx(np.nanquantile(size, 0.995), rel=0.01)
    for lead, (low, high) in enumerate(found.ranges):
        expected = np.nanquantile(record.read("signal")[:, lead], [0.001, 0.999])
        assert (low, high) == pytest.approx(expected, rel=0.01)


def test_zarr_and_xarray_read_what_is_mapped(record: StoredRecord) -> None:
    found = open_pyramid(record, progress=False)
    by_zarr = zarr.open_group(record.folder / "pyramid", mode="r")
    np.testing.assert_array_equal(by_zarr["64/signal"][:], found.arrays[64, "signal"])
    dataset = xarray.open_dataset(
        record.folder / "pyramid", group="16", engine="zarr", consolidated=False, chunks=None
    )
    assert dataset["attribution_saliency"].dims == ("lead", "attribution_saliency_plane", "block")
    np.testing.assert_array_equal(dataset["attribution_saliency"], found.arrays[16, "saliency"])


def test_a_tile_beyond_the_end_is_nan(record: StoredRecord) -> None:
    found = open_pyramid(record, progress=False)
    blocks_there = -(-record.n // 16)
    tile = found.planes(16, blocks_there - 2, 5, "saliency")
    assert tile.shape == (2, 7, 5)
    assert not np.isnan(tile[..., :2]).any()
    assert np.isnan(tile[..., 2:]).all()
    assert np.isnan(found.planes(16, 10 * blocks_there, 3, None)).all()


def _build_stamp(record: StoredRecord) -> int:
    return (record.folder / "pyramid" / "zarr.json").stat().st_mtime_ns


def test_it_is_built_once_and_again_for_a_new_screening(tmp_path: Path) -> None:
    path = write_store(tmp_path / "a.zarr", n=5000)
    open_pyramid(_opened(path), progress=False)
    first = _build_stamp(_opened(path))
    open_pyramid(_opened(path), progress=False)
    assert _build_stamp(_opened(path)) == first
    group = zarr.open_group(path, mode="r+")
    group["signal"][:] = 7.0
    group["seconds"][:] = 123.0
    found = open_pyramid(_opened(path), progress=False)
    assert (found.arrays[16, "signal"] == 7).all()


def test_a_killed_build_starts_again(tmp_path: Path) -> None:
    path = write_store(tmp_path / "a.zarr", n=5000)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_build_and_die, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == 9
    left = list(path.glob(".pyramid.*.part"))
    assert len(left) == 1
    assert not (path / "pyramid").exists()
    open_pyramid(_opened(path), progress=False)
    assert not list(path.glob(".pyramid.*"))


def _build_and_die(path: Path) -> None:
    import os

    pyramids._finish = lambda *_: os._exit(9)
    open_pyramid(_opened(path), progress=False)


def test_a_damaged_pyramid_is_built_again(tmp_path: Path) -> None:
    path = write_store(tmp_path / "a.zarr", n=5000)
    record = _opened(path)
    before = open_pyramid(record, progress=False).arrays[16, "signal"].copy()
    chunk = path / "pyramid/16/signal/c/0/0/0"
    chunk.write_bytes(chunk.read_bytes()[:100])
    np.testing.assert_array_equal(open_pyramid(record, progress=False).arrays[16, "signal"], before)
    content = bytearray(chunk.read_bytes())
    content[100] ^= 64
    chunk.write_bytes(content)  # a number that no reviewer would doubt
    np.testing.assert_array_equal(open_pyramid(record, progress=False).arrays[16, "signal"], before)
    (path / "pyramid/zarr.json").write_text("{")
    np.testing.assert_array_equal(open_pyramid(record, progress=False).arrays[16, "signal"], before)


def test_two_that_build_at_once_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_store(tmp_path / "a.zarr", n=5000)
    record, finish = _opened(path), pyramids._finish

    def finish_second(*given: object) -> None:
        monkeypatch.setattr(pyramids, "_finish", finish)
        open_pyramid(_opened(path), progress=False)  # another process comes first
        finish(*given)

    monkeypatch.setattr(pyramids, "_finish", finish_second)
    found = open_pyramid(record, progress=False)
    assert found.arrays[16, "signal"].shape == (2, 3, 313)
    assert not list(path.glob(".pyramid.*"))


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_store(tmp_path / "a.zarr", n=5000)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pyramids, "_write", full)
    with pytest.raises(OutputError, match="no space left"):
        open_pyramid(_opened(path), progress=False)
    assert not list(path.glob("*pyramid*"))
    assert not list(path.glob(".pyramid.*"))


def test_no_methods_and_one_sample(tmp_path: Path) -> None:
    record = _opened(write_store(tmp_path / "a.zarr", n=WINDOW, methods=()))
    found = open_pyramid(record, progress=False)
    assert found.planes(16, 0, 13, None).shape == (2, 3, 13)
    assert json.loads((record.folder / "pyramid/zarr.json").read_text())["attributes"]["limits"] == {}


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A store on a disk that cannot be written to."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    made = [mount, "-t", "tmpfs", "-o", "size=16m", "none", str(disk)]
    if mount is None or subprocess.run(made, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    write_store(disk / "a.zarr", n=5000)
    subprocess.run([mount, "-o", "remount,ro", str(disk)], check=True)
    yield disk / "a.zarr"
    subprocess.run(["umount", str(disk)], check=True)


def test_a_store_that_cannot_be_written_to_has_its_pyramid_in_the_cache(
    read_only: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    unused = tmp_path / "cache" / "signalscreen" / "pyramids" / "unused"
    unused.mkdir(parents=True)
    os.utime(unused, (0, 0))
    record = _opened(read_only)
    with pytest.warns(SignalScreenWarning, match="cannot be written to: .* verdicts cannot be saved"):
        found = open_pyramid(record, progress=False)
    expected = _naive(record.read("signal")[:, 0], 16, "max")
    np.testing.assert_allclose(found.arrays[16, "signal"][0, 1], expected, rtol=1e-5, atol=1e-6)
    (kept,) = (tmp_path / "cache" / "signalscreen" / "pyramids").iterdir()
    assert [one.name for one in kept.iterdir()] == ["pyramid"]
    built = (kept / "pyramid" / "zarr.json").stat().st_mtime_ns
    open_pyramid(_opened(read_only), progress=False)
    assert (kept / "pyramid" / "zarr.json").stat().st_mtime_ns == built
    with pytest.raises(OutputError, match="read-only"):
        VerdictTable(read_only, "anna").set("accept", start=0, stop=10)


def test_a_review_without_any_place_to_write_has_its_pyramid_in_a_temporary_folder(
    read_only: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(read_only.parent / "cache"))
    elsewhere.elsewhere.cache_clear()
    with pytest.warns(SignalScreenWarning, match=r"kept in .*/signalscreen\..*\.part, and"):
        found = open_pyramid(_opened(read_only), progress=False)
    assert found.arrays[16, "signal"].shape == (2, 3, 313)
    elsewhere.elsewhere.cache_clear()
