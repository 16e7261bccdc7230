"""NumPy files and arrays in memory: masks are gaps, and only what is needed is read."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from signalscreen.errors import RecordingError
from signalscreen.recording import Recording, memory, read_recording


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, bool])
def test_what_is_masked_is_a_gap(dtype):
    x = np.ma.masked_array(np.ones((4, 2), dtype), mask=[[0, 0], [1, 0], [0, 1], [0, 0]])
    found = Recording(x, fs=10)
    np.testing.assert_array_equal(found.signal, [[1, 1], [np.nan, 1], [1, np.nan], [1, 1]])
    assert not isinstance(found.signal, np.ma.MaskedArray)
    assert found.signal.dtype == (np.float32 if dtype is np.float32 else np.float64)
    np.testing.assert_array_equal(Recording(x[:, 0]).signal[:, 0], [1, np.nan, 1, 1])


def test_what_is_infinite_below_a_mask_is_a_gap():
    assert np.isnan(Recording(np.ma.masked_invalid([1.0, np.inf])).signal[1, 0])


def damage(path: Path, member: str) -> None:
    """Change the middle of a member's bytes, which its checksum tells."""
    with zipfile.ZipFile(path) as archive:
        one = archive.getinfo(f"{member}.npy")
    content = bytearray(path.read_bytes())
    at = one.header_offset + one.compress_size // 2 + 60
    content[at : at + 8] = bytes(8)
    path.write_bytes(content)


def test_only_the_members_that_are_needed_are_read(tmp_path):
    x, others = np.arange(20.0).reshape(10, 2), np.random.default_rng(0).normal(size=5000)
    path = tmp_path / "x.npz"
    np.savez(path, other=others, signal=x, fs=5.0, objects=np.array([None]))
    damage(path, "other")
    found = read_recording(path)
    assert found.fs == 5
    np.testing.assert_array_equal(found.signal, x)
    np.savez(path, other=others, signal=others, fs=5.0)
    damage(path, "signal")
    with pytest.raises(RecordingError, match="damaged or cut short"):
        read_recording(path)


def npz(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def header(shape: str, dtype: str = "<f8") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize("shape", ["(99999999999999,)", "(2,)", "(-1,)", "('a',)"])
def test_a_member_that_says_it_is_larger_than_it_is(tmp_path, shape):
    with pytest.raises(RecordingError, match=r"no array named 'signal'|damaged or cut short"):
        read_recording(npz(tmp_path / "x.npz", signal=header(shape) + bytes(8)))


def test_no_other_array_stands_in_for_a_damaged_signal(tmp_path):
    good = header("(1,)") + bytes(8)
    with pytest.raises(RecordingError, match=r"no array named 'signal' \(it has other\)"):
        read_recording(npz(tmp_path / "x.npz", signal=header("(2,)") + bytes(8), other=good))


@pytest.mark.parametrize("shape", ["(99999999999999,)", "(2,)", "(-1,)", "('a',)", "(9999999999999999999999,)"])
def test_a_file_that_says_it_is_larger_than_it_is(tmp_path, shape):
    (tmp_path / "x.npy").write_bytes(header(shape) + bytes(8))
    with pytest.raises(RecordingError, match="damaged or cut short"):
        read_recording(tmp_path / "x.npy")


def test_one_kind_under_the_name_of_the_other(tmp_path):
    np.savez(tmp_path / "a.npz", signal=np.zeros(3))
    (tmp_path / "a.npz").rename(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", np.zeros(3))
    (tmp_path / "b.npy").rename(tmp_path / "b.npz")
    for name in ("a.npy", "b.npz"):
        with pytest.raises(RecordingError, match="cannot be read as a NumPy file"):
            read_recording(tmp_path / name)


def test_more_than_memory_holds_is_read_in_parts(tmp_path, monkeypatch):
    x = np.arange(1000, dtype=np.int8)
    np.save(tmp_path / "x.npy", x)
    np.savez(tmp_path / "x.npz", signal=x)
    monkeypatch.setattr(memory, "_bytes", lambda: 4000.0)
    for name in ("x.npy", "x.npz"):
        with pytest.raises(RecordingError, match=f"{name} has 1000 samples of 1 leads, .* give start and end"):
            read_recording(tmp_path / name)
    part = read_recording(tmp_path / "x.npy", fs=100, start=2, end=4)
    np.testing.assert_array_equal(part.signal[:, 0], x[200:400])


def test_infinity_is_found_anywhere():
    x = np.zeros(600_000, np.float32)
    x[599_999] = np.inf
    with pytest.raises(RecordingError, match="infinite"):
        Recording(x)
