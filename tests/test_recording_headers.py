"""WFDB headers: what is read, and what is refused by field and value."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from signalscreen.errors import RecordingError, RecordingWarning
from signalscreen.recording import open_recording, read_recording
from signalscreen.recording.wfdb_header import read_header

SAMPLES = np.arange(40).reshape(20, 2) - 20


@pytest.fixture
def record(tmp_path: Path):
    (tmp_path / "r.dat").write_bytes(SAMPLES.astype("<i2").tobytes())

    def write(line="r 2 100 20", leads=("r.dat 16 10(2)/mV 16 0 -20 0 0 I", "r.dat 16 10(2)/mV 16 0 -19 0 0 II")):
        text = "\n".join([line, *leads]) + "\n"
        (tmp_path / "r.hea").write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / "r"

    return write


def test_fields_as_they_are_written(record):
    found = read_header(
        record(leads=["r.dat 16x2:3+4 -12.5(-7)/deg/s 12 1 2 3 0 a b", "r.dat 16"]).with_suffix(".hea")
    )
    assert (found.fs, found.frames, found.began) == (100.0, 20, None)
    first, second = found.leads
    assert (first.file, first.fmt, first.per_frame, first.skew, first.offset) == ("r.dat", "16", 2, 3, 4)
    assert (first.gain, first.baseline, first.units, first.name) == (-12.5, -7, "deg/s", "a b")
    assert (first.bits, first.zero, first.initial) == (12, 1, 2)
    assert (second.gain, second.baseline, second.units, second.per_frame) == (200.0, 0, "mV", 1)


def test_a_baseline_that_is_not_said_is_the_converters_zero(record):
    found = read_recording(record(leads=["r.dat 16 10/mV 16 5", "r.dat 16 0/mV"]))
    np.testing.assert_allclose(found.signal[:, 0], (SAMPLES[:, 0] - 5) / 10)
    np.testing.assert_allclose(found.signal[:, 1], SAMPLES[:, 1] / 200)  # a gain of 0 is 200, as in WFDB


@pytest.mark.parametrize("unit", ["µV", "μV", "°C", "mm/Hg", "%"])
def test_units_and_names_survive(record, unit):
    found = read_recording(
        record(leads=[f"r.dat 16 10/{unit} 16 0 0 0 0 Atmung ä", "r.dat 16 10/mV 16 0 0 0 0 II"])
    )
    assert found.units == (unit, "mV")
    assert found.names == ("Atmung ä", "II")
    np.testing.assert_allclose(found.signal, SAMPLES / 10)


def test_a_header_in_latin_1(record):
    path = record()
    path.with_suffix(".hea").write_bytes("r 1 100 20\nr.dat 16x2 10/µV 16 0 0 0 0 Gerät\n".encode("latin-1"))
    found = read_recording(path)
    assert (found.units, found.names, found.fs) == (("µV",), ("Gerät",), 200.0)


@pytest.mark.parametrize("leads", ["r.dat 16 10/mV II", "r.dat 16 10/mV 16 0 II", "r.dat 16 10/mV 16 0 0 0 0 II"])
def test_a_description_may_come_early(record, leads):
    assert read_recording(record(leads=[leads, "r.dat 16 10/mV"])).names == ("II", "lead 1")


@pytest.mark.parametrize(
    ("line", "fs"),
    [
        ("r 2 1e2 20", 100.0),
        ("r 2 100.50 20", 100.5),
        ("r 2 100/1000(5) 20", 100.0),
        ("r 2 100/1e3(-0.5) 20", 100.0),
        ("folder/r 2 100 20", 100.0),
    ],
)
def test_record_lines_that_are_sound(record, line, fs):
    found = read_recording(record(line))
    assert found.fs == fs
    np.testing.assert_allclose(found.signal, (SAMPLES - 2) / 10)


@pytest.mark.parametrize(
    ("words", "began"),
    [
        ("13:05:00 25/12/2020", datetime(2020, 12, 25, 13, 5)),
        ("13:05:00.250 25/12/2020", datetime(2020, 12, 25, 13, 5, 0, 250000)),
        ("5:30 25/12/2020", datetime(2020, 12, 25, 0, 5, 30)),
        ("05-May-2020 09:49:17", datetime(2020, 5, 5, 9, 49, 17)),
        ("13:05:00", None),
    ],
)
def test_times_that_are_read(record, words, began):
    assert read_recording(record(f"r 2 100 20 {words}")).began == began


@pytest.mark.parametrize(
    "words",
    ["12-Jan", "00:00:00 2006", "2020-05-05T09:49:17", "9:49:17 12/25/2020", "24:00:00 1/1/2020", "0 0/0/0"],
)
def test_times_that_are_not_read_are_named_and_the_samples_are_read(record, words):
    with pytest.warns(RecordingWarning, match=f"time and date '{words}' in the header r.hea"):
        found = read_recording(record(f"r 2 100 20 {words}"))
    assert found.began is None
    np.testing.assert_allclose(found.signal, (SAMPLES - 2) / 10)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("r 2 -360 20", "sampling rate in the header r.hea is '-360', which is not a number of samples per second"),
        ("r 2 0 20", "sampling rate .* is '0'"),
        ("r 2 nan 20", "sampling rate .* is 'nan'"),
        ("r 2 1e999 20", "sampling rate .* is '1e999'"),
        ("r 2 3l0 20", "sampling rate .* is '3l0'"),
        ("r 2 100/x 20", "counter frequency .* is 'x'"),
        ("r 2 100)( 20", "sampling rate .* is '100\\)\\('"),
        ("r 2 100 2O", "number of samples .* is '2O'"),
        ("r 2 100 -20", "number of samples .* is '-20'"),
        ("r 2 100", "says 0 or no number of samples"),
        ("r x 100 20", "number of leads .* is 'x'"),
        ("r 3 100 20", "says 3 leads, but has lines for 2"),
        ("r 1 100 20", "says 1 leads, but has lines for 2"),
        ("r", "record line of r.hea is 'r' only"),
        ("r/2 2 100 20", "length of segment 0|line of segment 0"),
    ],
)
def test_record_lines_are_refused_by_field_and_value(record, line, words):
    with pytest.raises(RecordingError, match=words) as caught:
        read_recording(record(line))
    assert "copy it again" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("lead", "words"),
    [
        ("r.dat 16 2OO/mV", "gain of lead 0 in the header r.hea is '2OO', which is not a number"),
        ("r.dat 16 nan/mV", "gain of lead 0 .* is 'nan'"),
        ("r.dat 16 inf/mV", "gain of lead 0 .* is 'inf'"),
        ("r.dat 16 1e400/mV", "gain of lead 0 .* is '1e400'"),
        ("r.dat 16 10(x)/mV", "baseline of lead 0 .* is 'x'"),
        ("r.dat 16 10(2/mV", r"gain of lead 0 .* is '10\(2/mV'"),
        ("r.dat 17 10/mV", "format of lead 0 .* is '17', which is not one of 8, 16"),
        ("r.dat 16x0 10/mV", "format of lead 0 .* is '16x0', .* samples a frame"),
        ("r.dat 16x999999 10/mV", "format of lead 0 .* is '16x999999'"),
        ("r.dat 16+-4 10/mV", r"format of lead 0 .* is '16\+-4'"),
        ("r.dat 0 10/mV", "format of lead 0 .* is '0'"),
        ("r.dat 16 10/mV 1G 0 0 0 0 I", "resolution of lead 0 .* is '1G'"),
        ("r.dat 16 10/mV 99 0 0 0 0 I", "resolution of lead 0 .* is '99', which is not a number of bits"),
        (
            "r.dat 16 10/mV 11 5024 0 0 0 I",
            "ADC zero of lead 0 .* is '5024', which is not a value of its converter",
        ),
        ("r.dat 16 10/mV 11 1 24 995 -22131 0 I", "block size of lead 0 .* is '-22131'"),
        ("r.dat 16 10/mV 16 0 0 O 0 I", "checksum of lead 0 .* is 'O'"),
        ("r.dat", "line 'r.dat' of r.hea has no format"),
        ("- 16 10/mV", "names the file '-'"),
        ("/etc/hosts 16 10/mV", "names the file '/etc/hosts'; a record's files lie in the header's own folder"),
        ("../r.dat 16 10/mV", "names the file '../r.dat'"),
        ("r\x00.dat 16 10/mV", "file of lead 0"),
        ("r.dat 32 10/mV", "gives r.dat several formats or offsets"),
        ("r.dat 16+4 10/mV", "gives r.dat several formats or offsets"),
    ],
)
def test_signal_lines_are_refused_by_field_and_value(record, lead, words):
    with pytest.raises(RecordingError, match=words):
        read_recording(record(leads=[lead, "r.dat 16 10/mV"]))


def test_files_named_with_their_folder(record, tmp_path):
    lines = ["x/r.dat 16 10(2)/mV", "x/r.dat 16 10(2)/mV"]
    np.testing.assert_allclose(read_recording(record(leads=lines)).signal, (SAMPLES - 2) / 10)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "r.dat").write_bytes((SAMPLES + 100).astype("<i2").tobytes())
    found = open_recording(record(leads=lines))
    np.testing.assert_allclose(found.read(0, 20), (SAMPLES + 98) / 10)  # the file that is named, where it is there
    assert found.files == (tmp_path / "r.hea", tmp_path / "x" / "r.dat")


def test_a_file_that_is_longer_than_its_header_says(record, tmp_path):
    path = record()
    (tmp_path / "r.dat").write_bytes(bytes(4 * (20 + 256)))
    assert len(read_recording(path)) == 20  # padding
    (tmp_path / "r.dat").write_bytes(bytes(4 * (20 + 257)))
    with pytest.warns(RecordingWarning, match=r"r.dat holds 277 samples, but its header says 20"):
        assert len(read_recording(path)) == 20


def test_an_overflowing_gain_is_refused(record):
    with pytest.raises(RecordingError, match="infinite"):
        read_recording(record(leads=["r.dat 16 1e-320/mV", "r.dat 16 1/mV"]))
