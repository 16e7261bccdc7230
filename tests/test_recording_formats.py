"""Samples of WFDB records: every format by slices, several samples a frame, skew, segments, pipes, memory."""

import os
from pathlib import Path

import numpy as np
import pytest
import wfdb

from signalscreen.errors import RecordingError
from signalscreen.recording import open_recording, read_recording
from signalscreen.recording.wfdb_samples import SignalFile

N = 601
SLICES = [(0, N), (0, 1), (1, 2), (2, 401), (100, 200), (299, 500), (N - 1, N)]
RANGE = {"8": 100, "80": 127, "508": 127, "310": 511, "311": 511, "212": 2047, "24": 2**23 - 1, "524": 2**23 - 1}


def values(fmt: str, leads: int = 2) -> np.ndarray:
    """Whole numbers that the format can hold, its largest and smallest among them."""
    top = RANGE.get(fmt, 32767 if fmt != "32" else 2**31 - 1)
    x = np.random.default_rng(0).integers(-top, top + 1, (N, leads))
    x[3], x[7] = top, -top
    return np.cumsum(np.random.default_rng(0).integers(-9, 10, (N, leads)), axis=0) if fmt == "8" else x


def put(folder: Path, content: bytes, *leads: str, frames: int = N, fs: float = 100) -> Path:
    (folder / "r.dat").write_bytes(content)
    (folder / "r.hea").write_text("\n".join([f"r {len(leads)} {fs} {frames}", *leads]) + "\n")
    return folder / "r"


def packed(fmt: str, x: np.ndarray) -> bytes:
    """Samples as signal(5) says, one after the other."""
    flat = x.reshape(-1)
    if fmt == "8":
        return np.diff(x, axis=0, prepend=0).astype(np.int8).tobytes()
    if fmt in ("310", "311"):
        triples = np.append(flat & 0x3FF, np.zeros(-len(flat) % 3, int)).reshape(-1, 3)
        a, b, c = triples.T
        if fmt == "311":
            return (a | b << 10 | c << 20).astype("<u4").tobytes()
        return np.stack([a << 1 | (c & 31) << 11, b << 1 | c >> 5 << 11], axis=1).astype("<u2").tobytes()
    plain = {"61": (">i2", 0), "160": ("<u2", 32768), "80": ("u1", 128), "32": ("<i4", 0), "16": ("<i2", 0)}
    kind, middle = plain[fmt]
    return (flat + middle).astype(kind).tobytes()


@pytest.mark.parametrize("fmt", ["8", "310", "311", "61", "160", "80", "32", "16"])
def test_formats_by_slices(tmp_path, fmt):
    x = values(fmt)
    path = put(tmp_path, packed(fmt, x), *[f"r.dat {fmt} 2(1)/mV"] * 2)
    stream = open_recording(path)
    np.testing.assert_array_equal(read_recording(path).signal, (x - 1) / 2)
    for first, stop in SLICES:
        np.testing.assert_array_equal(stream.read(first, stop), (x[first:stop] - 1) / 2)
    np.testing.assert_array_equal(open_recording(path, leads=1, start=2).read(5, 9)[:, 0], (x[205:209, 1] - 1) / 2)


@pytest.mark.parametrize("fmt", ["80", "16", "24", "32", "508", "516", "524"])
def test_formats_that_wfdb_writes(tmp_path, fmt):
    x = values(fmt)
    if fmt == "32":
        x //= 2
    options = {"fs": 100, "units": ["mV"] * 2, "sig_name": ["a", "b"], "adc_gain": [2, 2], "baseline": [1, 1]}
    wfdb.wrsamp("r", d_signal=x, fmt=[fmt] * 2, write_dir=str(tmp_path), **options)
    stream = open_recording(tmp_path / "r")
    for first, stop in SLICES:
        np.testing.assert_array_equal(stream.read(first, stop), (x[first:stop] - 1) / 2)


@pytest.mark.parametrize(
    ("fmt", "none"), [("16", -32768), ("80", -128), ("310", -512), ("311", -512), ("32", -(2**31))]
)
def test_what_is_no_sample_is_a_gap(tmp_path, fmt, none):
    x = values(fmt)
    x[10, 1] = none
    found = read_recording(put(tmp_path, packed(fmt, x), *[f"r.dat {fmt} 1/mV"] * 2)).signal
    assert np.argwhere(np.isnan(found)).tolist() == [[10, 1]]


def test_format_8_counts_from_its_initial_value_over_long_files(tmp_path):
    steps = np.random.default_rng(0).integers(-9, 10, (200_000, 2)).astype(np.int8)
    path = put(tmp_path, steps.tobytes(), "r.dat 8 1/mV 8 0 40", "r.dat 8 1/mV 8 0 -3", frames=200_000)
    x = np.array([40, -3]) + np.cumsum(steps, axis=0, dtype=int)
    stream = open_recording(path)
    for first, stop in [(0, 10), (65_530, 65_540), (65_536, 65_537), (131_071, 131_073), (199_999, 200_000)]:
        np.testing.assert_array_equal(stream.read(first, stop), x[first:stop])
    np.testing.assert_array_equal(read_recording(path).signal, x)


@pytest.mark.parametrize("fmt", ["310", "311", "212"])
def test_files_that_end_within_a_block(tmp_path, fmt):
    """One sample of 310 or 311 takes 2 bytes of 4, two take 4 and 3; one of 212 takes 2 of 3."""
    for frames, size in {"310": [(1, 2), (2, 4)], "311": [(1, 2), (2, 3)], "212": [(1, 2)]}[fmt]:
        path = put(tmp_path, b"\x02" * size, f"r.dat {fmt} 1/mV", frames=frames)
        assert len(read_recording(path)) == frames
        path = put(tmp_path, b"\x02" * (size - 1), f"r.dat {fmt} 1/mV", frames=frames)
        with pytest.raises(RecordingError, match="truncated"):
            read_recording(path)


# --- several samples a frame ----------------------------------------------------------------------------------


def sines(tmp_path: Path, frames: int = 1250) -> tuple[Path, np.ndarray, np.ndarray]:
    """A lead of 500 Hz with 100 Hz in it, one of 125 Hz with 3 Hz."""
    fast = np.round(1000 * np.sin(2 * np.pi * 100 * np.arange(4 * frames) / 500)).astype(int)
    slow = np.round(1000 * np.sin(2 * np.pi * 3 * np.arange(frames) / 125)).astype(int)
    content = np.concatenate([fast.reshape(frames, 4), slow[:, None]], axis=1).astype("<i2").tobytes()
    leads = ("r.dat 16x4 1000/mV 16 0 0 0 0 II", "r.dat 16 10/mmHg 16 0 0 0 0 ABP")
    return put(tmp_path, content, *leads, frames=frames, fs=125), fast / 1000, slow / 10


def test_each_lead_at_its_own_rate(tmp_path):
    path, fast, slow = sines(tmp_path)
    found = read_recording(path, leads="II")
    assert (found.fs, found.duration) == (500.0, 10.0)
    np.testing.assert_array_equal(found.signal[:, 0], fast)
    found = read_recording(path, leads="ABP")
    assert (found.fs, found.units) == (125.0, ("mmHg",))
    np.testing.assert_array_equal(found.signal[:, 0], slow)


def test_together_at_the_rate_of_the_fastest(tmp_path):
    path, fast, _ = sines(tmp_path)
    found = read_recording(path)
    assert (found.fs, found.signal.shape) == (500.0, (5000, 2))
    np.testing.assert_array_equal(read_recording(path, leads=["ABP", "II"]).signal, found.signal[:, ::-1])
    np.testing.assert_array_equal(found.signal[:, 0], fast)
    exact = 100 * np.sin(2 * np.pi * 3 * np.arange(5000) / 500)
    np.testing.assert_allclose(found.signal[200:-200, 1], exact[200:-200], atol=0.2)  # steps of 0.1


@pytest.mark.parametrize(("first", "stop"), [(0, 5000), (0, 1), (1, 2), (1003, 2998), (4999, 5000), (2500, 2507)])
def test_slices_of_several_rates_are_parts_of_the_whole(tmp_path, first, stop):
    path, _, _ = sines(tmp_path)
    whole, stream = read_recording(path), open_recording(path)
    assert (stream.fs, stream.samples) == (500.0, 5000)
    np.testing.assert_allclose(stream.read(first, stop), whole.signal[first:stop], atol=1e-12)
    if stop > first + 1:
        part = read_recording(path, start=first / 500, end=stop / 500)
        np.testing.assert_allclose(part.signal, whole.signal[first:stop], atol=1e-12)


def test_a_gap_in_a_slow_lead_stays_one(tmp_path):
    path, _, _ = sines(tmp_path)
    content = np.frombuffer((tmp_path / "r.dat").read_bytes(), "<i2").reshape(-1, 5).copy()
    content[100:120, 4] = -32768
    (tmp_path / "r.dat").write_bytes(content.tobytes())
    gap = np.flatnonzero(np.isnan(read_recording(path).signal[:, 1]))
    assert (gap[0], gap[-1], len(gap)) == (400, 479, 80)


def test_the_rate_given_is_that_of_the_samples(tmp_path):
    path, _, _ = sines(tmp_path)
    assert read_recording(path, fs=500, leads="II").fs == 500
    with pytest.raises(RecordingError, match="r says 500 Hz but fs=125 was given"):
        read_recording(path, fs=125, leads="II")


# --- skew, segments, what is no file ---------------------------------------------------------------------------


def test_skewed_leads_begin_later_in_the_file(tmp_path):
    x = values("16")
    path = put(tmp_path, x.astype("<i2").tobytes(), "r.dat 16 1/mV", "r.dat 16:5 1/mV")
    found, stream = read_recording(path).signal, open_recording(path)
    np.testing.assert_array_equal(found[:, 0], x[:, 0])
    np.testing.assert_array_equal(found[:-5, 1], x[5:, 1])
    assert np.isnan(found[-5:, 1]).all()
    for first, stop in SLICES:
        np.testing.assert_array_equal(stream.read(first, stop), found[first:stop])


def segmented(folder: Path, lines: str, **headers: str) -> Path:
    (folder / "a.dat").write_bytes(np.arange(200, dtype="<i2").tobytes())
    for name, text in headers.items():
        (folder / f"{name}.hea").write_text(text)
    (folder / "s.hea").write_text(lines)
    return folder / "s"


@pytest.mark.parametrize(
    ("lines", "b", "words"),
    [
        (
            "s/2 2 50 200\na 100\nb 100\n",
            "b 2 50 100\na.dat 16 1/uV\na.dat 16 1/mV\n",
            "disagree about the unit of lead 0",
        ),
        (
            "s/2 2 50 200\na 100\nb 100\n",
            "b 2 50 100\na.dat 16x2 1/mV\na.dat 16 1/mV\n",
            "disagree about the samples a frame of lead 0: 1, 2",
        ),
        ("s/2 2 50 200\na 100\nb 100\n", "b 2 60 100\na.dat 16 1/mV\na.dat 16 1/mV\n", "says 100 at 60 Hz"),
        ("s/2 2 50 200\na 100\nb 100\n", "b 2 50 99\na.dat 16 1/mV\na.dat 16 1/mV\n", "says 99 at 50 Hz"),
        ("s/2 2 50 200\na 100\nb 100\n", "b 1 50 100\na.dat 16 1/mV\n", "has 1 leads, the first has 2"),
        (
            "s/2 2 50 200\na 100\nb 99\n",
            "b 1 50 100\na.dat 16 1/mV\n",
            "says 200 samples, but its segments have 199",
        ),
        ("s/3 2 50 200\na 100\nb 100\n", "", "says 3 segments, but has lines for 2"),
        ("s/1 2 50 100\ns 100\n", "", "has segments itself"),
        ("s/1 2 50 100\n~ 100\n", "", "have no leads"),
        ("s/1 2 50 0\na 0\n", "", "no number of samples"),
        ("s/1 2 50 100\n../a 100\n", "", "names the file '../a.hea'"),
        ("s/1 2 50 100\nnone 100\n", "", "none.hea is not there"),
        ("s/1 2 50 100\na\n", "", "line of segment 0 .* is 'a'"),
    ],
)
def test_segments_that_do_not_fit_together(tmp_path, lines, b, words):
    path = segmented(tmp_path, lines, a="a 2 50 100\na.dat 16 1/mV\na.dat 16 1/mV\n", b=b)
    with pytest.raises(RecordingError, match=words):
        read_recording(path)


def test_segments_with_several_samples_a_frame(tmp_path):
    lines = "s/3 1 50 150\na 50\n~ 50\na 50\n"
    path = segmented(tmp_path, lines, a="a 1 50 100\na.dat 16x2 1/mV\n")
    found, stream = read_recording(path), open_recording(path)
    expected = np.concatenate([np.arange(100), np.full(100, np.nan), np.arange(100)])
    assert found.fs == 100
    np.testing.assert_array_equal(found.signal[:, 0], expected)
    np.testing.assert_array_equal(stream.read(90, 210)[:, 0], expected[90:210])


def test_more_than_memory_is_not_damage(tmp_path, monkeypatch):
    path = segmented(
        tmp_path, "s/2 1 50 90000000000100\na 100\n~ 90000000000000\n", a="a 1 50 100\na.dat 16 1/mV\n"
    )
    with pytest.raises(RecordingError, match=r"s has 90000000000100 samples of 1 leads, .* GiB, more than this"):
        read_recording(path)
    assert len(read_recording(path, end=3)) == 150

    def short(*args):
        raise MemoryError

    monkeypatch.setattr(SignalFile, "read", short)
    with pytest.raises(RecordingError, match=r"memory is too short to read .*; give start and end") as caught:
        read_recording(path, end=1)
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize("name", ["r.dat", "r.hea", "r.csv", "r.npy", "r.npz"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_pipes_and_devices_are_refused(tmp_path, name, kind):
    put(tmp_path, values("16").astype("<i2").tobytes(), *["r.dat 16 1/mV"] * 2)
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name) if kind == "pipe" else (tmp_path / name).symlink_to("/dev/zero")
    path = tmp_path / (name if name[2:] in ("csv", "npy", "npz") else "r")
    for read in (read_recording, open_recording):
        with pytest.raises(RecordingError):
            read(path)
