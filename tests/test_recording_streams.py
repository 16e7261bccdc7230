"""Recordings read by slices: the same samples as when read whole."""

import numpy as np
import pytest
import wfdb

from signalscreen.errors import RecordingError
from signalscreen.recording import Recording, open_recording, read_recording, stream_of

SLICES = [(0, 1), (0, 700), (333, 334), (499, 1203), (1999, 2000), (0, 2000)]


def write(folder, fmt="16", name="r"):
    rng = np.random.default_rng(0)
    signal = np.clip(np.round(np.cumsum(rng.normal(size=(2000, 2)), axis=0) * 2).astype(int), -120, 120)
    wfdb.wrsamp(
        name,
        fs=100,
        units=["mV", "uV"],
        sig_name=["II", "V1"],
        d_signal=signal,
        fmt=[fmt] * 2,
        adc_gain=[200, 50],
        baseline=[0, 10],
        write_dir=str(folder),
    )
    wfdb.wrann(name, "atr", np.array([10, 700, 1999]), symbol=["N", "V", "N"], write_dir=str(folder))
    return folder / name


@pytest.mark.parametrize("fmt", ["16", "212", "80", "24", "32"])
def test_slices_are_parts_of_the_whole(tmp_path, fmt):
    path = write(tmp_path, fmt)
    whole, stream = read_recording(path), open_recording(path)
    assert (stream.samples, stream.fs, stream.names, stream.units) == (2000, 100.0, whole.names, whole.units)
    assert stream.annotations == whole.annotations
    for first, stop in SLICES:
        np.testing.assert_array_equal(stream.read(first, stop), whole.signal[first:stop])


def test_a_part_of_some_leads(tmp_path):
    path = write(tmp_path)
    whole = read_recording(path, start=3, end=15, leads=["V1"])
    stream = open_recording(path, start=3, end=15, leads=["V1"])
    assert (stream.start, stream.samples, stream.names, stream.units) == (3.0, 1200, ("V1",), ("uV",))
    assert stream.annotations == whole.annotations
    np.testing.assert_array_equal(stream.read(100, 900), whole.signal[100:900])


@pytest.mark.parametrize("kind", ["npy", "npz", "csv"])
def test_other_files(tmp_path, kind):
    signal = np.random.default_rng(0).normal(size=(2000, 2))
    path = tmp_path / f"r.{kind}"
    if kind == "npy":
        np.save(path, signal)
    elif kind == "npz":
        np.savez(path, signal=signal, fs=100.0)
    else:
        np.savetxt(path, signal, delimiter=",", header="II,V1", comments="")
    stream = open_recording(path, fs=100.0)
    np.testing.assert_allclose(stream.read(333, 777), signal[333:777])
    assert stream.files == (path,)


def test_a_recording_in_memory(tmp_path):
    recording = Recording(np.arange(10.0), fs=5, source="made")
    stream = stream_of(recording)
    assert stream.read(2, 4).tolist() == [[2.0], [3.0]]
    assert stream.checksum() == stream_of(Recording(np.arange(10.0), fs=5)).checksum()
    assert stream.checksum() != stream_of(Recording(np.arange(10.0) + 1, fs=5)).checksum()
    with pytest.raises(RecordingError, match="does not say its sampling rate"):
        stream_of(Recording(np.arange(10.0)))


def test_the_checksum_is_of_header_and_samples(tmp_path):
    path = write(tmp_path)
    before = open_recording(path).checksum()
    (tmp_path / "r.atr").unlink()
    assert open_recording(path).checksum() == before  # annotations are no samples
    for name in ("r.dat", "r.hea"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(
            content.replace(b"\x01", b"\x02", 1) if name == "r.dat" else content + b"# x\n"
        )
        assert open_recording(path).checksum() != before
        (tmp_path / name).write_bytes(content)


def test_the_converter(tmp_path, real_data):
    stream = open_recording(real_data / "mitdb" / "106")
    assert stream.resolution == (1 / 200, 1 / 200)
    assert stream.limits == ((-5.12, 5.115), (-5.12, 5.115))  # 11 bits around 1024
    assert open_recording(real_data / "mitdb" / "106", leads=["V1"]).limits == ((-5.12, 5.115),)
    signal = stream.read(0, 10_000)
    steps = np.round(signal * 200)
    np.testing.assert_allclose(signal * 200, steps, atol=1e-9)


def test_what_is_missing_is_said(tmp_path):
    path = write(tmp_path)
    with pytest.raises(RecordingError, match="lead 'aVF' is not there"):
        open_recording(path, leads=["aVF"])
    with pytest.raises(RecordingError, match="there is no annotation file"):
        open_recording(path, annotator="qrs")
    content = (tmp_path / "r.dat").read_bytes()
    (tmp_path / "r.dat").write_bytes(content[:1000])
    with pytest.raises(RecordingError, match="truncated"):
        open_recording(path)
    (tmp_path / "r.dat").unlink()
    with pytest.raises(RecordingError, match=r"needs the file r\.dat"):
        open_recording(path).read(0, 10)
    (tmp_path / "r.hea").unlink()
    with pytest.raises(RecordingError, match=r"no WFDB header"):
        open_recording(path)
