"""CSV, TSV, NPY and NPZ files."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from signalscreen.errors import RecordingError
from signalscreen.recording import read_recording


@pytest.fixture
def table(tmp_path: Path):
    def write(text: str, name: str = "x.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return write


def test_plain_column_needs_no_fs(table):
    found = read_recording(table("1\n2\n3.5\n"))
    assert found.signal.tolist() == [[1], [2], [3.5]]
    assert found.fs is None
    assert found.names == ("signal",)
    with pytest.raises(RecordingError, match=r"x.csv does not say its sampling rate; give fs"):
        read_recording(table("1\n2\n3.5\n"), start=1)
    assert read_recording(table("1\n2\n3.5\n"), fs=1, start=1).signal.tolist() == [[2], [3.5]]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("I,II\n1,2\n3,4\n", "x.csv"),
        ("\ufeffI,II\r\n1,2\r\n3,4\r\n", "x.CSV"),
        ("I;II\n1,0;2,0\n3,0;4,0\n", "x.csv"),
        ("I\tII\n1\t2\n3\t4\n", "x.tsv"),
        ("I II\n1 2\n  3   4\n", "x.txt"),
        ("# I,II\n1,2\n\n3,4\n\n", "x.csv"),
        ("'I','II'\n1,2\n3,4", "x.csv"),
        ('"I","II"\n"1","2"\n"3","4"\n', "x.csv"),
        ("'sample #','I','II'\n0,1,2\n1,3,4\n", "x.csv"),
        (",I,II\n0,1,2\n1,3,4\n", "x.csv"),
    ],
)
def test_ways_to_write_a_table(table, text, name):
    found = read_recording(table(text, name))
    assert found.names == ("I", "II")
    assert found.signal.tolist() == [[1, 2], [3, 4]]


def test_units_in_brackets_or_on_their_own_line(table):
    assert read_recording(table("I [mV],II (uV)\n1,2\n3,4\n")).units == ("mV", "uV")
    found = read_recording(table("'time','I','II'\n's','mV','uV'\n0,1,2\n0.5,3,4\n"))
    assert (found.units, found.names, found.fs) == (("mV", "uV"), ("I", "II"), 2.0)


def test_no_header_gives_numbered_leads(table):
    assert read_recording(table("1,2\n3,4\n")).names == ("lead 0", "lead 1")
    assert read_recording(table("1,2\n3,4\n"), leads=1).signal.tolist() == [[2], [4]]


@pytest.mark.parametrize("gap", ["", "nan", "NaN", "NA", "-", " "])
def test_empty_cells_are_gaps(table, gap):
    found = read_recording(table(f"I,II\n1,2\n{gap},4\n5,6\n"))
    assert np.isnan(found.signal[1, 0])
    assert found.signal[:, 1].tolist() == [2, 4, 6]


@given(
    x=hnp.arrays(np.float64, st.tuples(st.integers(2, 9), st.integers(2, 4)), elements=st.floats(-1e9, 1e9)),
    gaps=st.booleans(),
    separator=st.sampled_from([",", ";", "\t", " "]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_what_is_written_is_read(tmp_path, x, gaps, separator):
    if gaps:
        x[len(x) // 2, 0] = np.nan
    np.savetxt(tmp_path / "x.csv", x, delimiter=separator, fmt="%.17g")
    np.testing.assert_array_equal(read_recording(tmp_path / "x.csv").signal, x)


@pytest.mark.parametrize(
    ("name", "times", "fs"),
    [
        ("time", [0, 0.004, 0.008, 0.012], 250),
        ("Time (s)", [0, 2, 4, 6], 0.5),
        ("timer", [0, 10, 20, 30], 100),
        ("time_ms", [0, 0.5, 1.0, 1.5], 2000),
        ("t [us]", [0, 500, 1000, 1500], 2000),
        ("timestamp", [1549066937000, 1549066937050, 1549066937100, 1549066937150], 20),
        ("timestamp", [1549066937.0, 1549066937.5, 1549066938.0, 1549066938.5], 2),
        ("timestamp", [1549066937, 1549066938, 1549066939, 1549066940], 1),
        (
            "Date Time",
            [
                "2024-05-01 10:00:00.0",
                "2024-05-01 10:00:00.5",
                "2024-05-01T10:00:01",
                "2024-05-01 10:00:01.5",
            ],
            2,
        ),
    ],
)
def test_time_column_gives_fs(table, name, times, fs):
    found = read_recording(table(f"{name},ppg\n" + "".join(f"{t},{i}\n" for i, t in enumerate(times))))
    assert found.fs == pytest.approx(fs)
    assert found.names == ("ppg",)
    assert found.signal[:, 0].tolist() == [0, 1, 2, 3]


def test_rounded_time_stamps_give_a_whole_rate(table):
    times = np.round(np.arange(3600) / 360, 3)
    text = "time,ecg\n" + "".join(f"{t:.3f},{i}\n" for i, t in enumerate(times))
    found = read_recording(table(text))
    assert found.fs == 360
    assert len(found) == 3600


def test_missing_rows_become_a_gap(table):
    kept = [i for i in range(400) if not 100 <= i < 140]
    text = "time,ecg\n" + "".join(f"{i / 100},{i}\n" for i in kept)
    found = read_recording(table(text))
    assert found.fs == 100
    assert len(found) == 400
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found.signal[:, 0])), np.arange(100, 140))
    np.testing.assert_array_equal(found.signal[140:, 0], np.arange(140, 400))
    # With fs given the time column is left aside, and so is what it says about lost rows.
    assert len(read_recording(table(text), fs=100)) == 360


def test_span_and_leads_of_a_table(table):
    text = "time,a,b,label\n" + "".join(f"{i / 10},{i},{-i},N\n" for i in range(50))
    with pytest.raises(RecordingError, match=r"line 2 .* has 'N' in column 'label', which is not a number"):
        read_recording(table(text))
    found = read_recording(table(text), leads="b", start=1, end=2)
    assert found.signal[:, 0].tolist() == [-i for i in range(10, 20)]
    assert found.start == 1.0


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("", {}, "x.csv is empty"),
        ("\n \n", {}, "x.csv is empty"),
        ("I,II\n", {}, "has no numbers in its first 1 lines"),
        ("a,b\nc,d\ne,f\n", {}, "has no numbers"),
        ("I,II\n1,2,3\n", {}, "names 2 columns but its first row has 3"),
        ("I,II\n1,2\n3\n", {}, "line 3 of .*x.csv has 1 cells, 2 are expected"),
        ("I,II\n1,2\n3,four\n", {}, "line 3 of .*x.csv has 'four' in column 'II', which is not a number"),
        ("I,II\n1,2\n3,inf\n", {}, "infinite"),
        ("time\n1\n2\n", {}, "has a time column only"),
        ("time,I\n1,2\n", {}, "column 'time' of x.csv has one row"),
        ("time,I\n1,2\n2,3\n1.5,3\n", {}, "goes back or is empty at data row 3"),
        ("time,I\n1,2\n,3\n1.5,3\n", {}, "goes back or is empty at data row 2"),
        ("time,I\n1,2\n1,3\n1,3\n", {}, "is not regular"),
        (
            "time,I\n0,2\n0.1,3\n0.9,3\n0.91,1\n",
            {},
            "is not regular .* give fs to leave the time column aside",
        ),
        ("time,I\nnoon,2\nlater,3\n", {}, "'time' of .*begins with 'noon'"),
        ("time,I\n" + "".join(f"{t},1\n" for t in [*np.arange(50) / 10, 1e4]), {}, "open at once"),
        ("I,II\n1,2\n", {"leads": "V1"}, "lead 'V1' is not there; x.csv has 0: I, 1: II"),
        ("I,II\n1,2\n", {"annotator": "atr"}, "beside WFDB records only"),
        ("1\n2\n", {"fs": 0}, "sampling rate of 0"),
        ("1\n2\n", {"fs": 1, "start": 2}, "reaches outside x.csv, which runs from 0 s to 2 s"),
        ("1\n2\n", {"fs": 1, "start": 1, "end": 1}, "is empty; give a start before its end"),
    ],
)
def test_bad_tables_are_refused_in_one_sentence(table, text, options, words):
    with pytest.raises(RecordingError, match=words) as caught:
        read_recording(table(text), **options)
    assert "\n" not in str(caught.value)


def test_not_a_text_file(tmp_path):
    (tmp_path / "x.csv").write_bytes(bytes([0x93, 0xFF, 0xFE, 0x00]) * 100)
    with pytest.raises(RecordingError, match=r"x.csv is not a text file"):
        read_recording(tmp_path / "x.csv")


def test_npy(tmp_path):
    x = np.arange(20).reshape(10, 2)
    np.save(tmp_path / "x.npy", x)
    np.testing.assert_array_equal(read_recording(tmp_path / "x.npy").signal, x)
    part = read_recording(tmp_path / "x.npy", fs=2, start=1, end=2.5, leads=1)
    np.testing.assert_array_equal(part.signal, x[2:5, 1:])
    assert part.start == 1.0
    np.save(tmp_path / "x.npy", np.arange(5, dtype=np.float32))
    assert read_recording(tmp_path / "x.npy").signal.dtype == np.float32


def test_npz_with_and_without_its_keys(tmp_path):
    x = np.arange(20.0).reshape(10, 2)
    np.savez(tmp_path / "x.npz", signal=x, fs=5.0, names=["I", "II"], units=["mV", "uV"])
    found = read_recording(tmp_path / "x.npz", leads="II", start=1)
    np.testing.assert_array_equal(found.signal, x[5:, 1:])
    assert (found.fs, found.names, found.units) == (5.0, ("II",), ("uV",))
    np.savez(tmp_path / "y.npz", adc=x.astype(np.int16))
    assert read_recording(tmp_path / "y.npz").signal.shape == (10, 2)
    assert read_recording(tmp_path / "x.npz", fs=5).fs == 5
    with pytest.raises(RecordingError, match=r"says 5 Hz but fs=7 was given"):
        read_recording(tmp_path / "x.npz", fs=7)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda f: np.savez(f, a=np.zeros(3), b=np.zeros(3)), r"no array named 'signal' \(it has a, b\)"),
        (
            lambda f: np.savez(f, signal=np.array([None, 1])),
            r"no array named 'signal' \(it has nothing readable\)",
        ),
        (lambda f: np.savez(f, signal=np.zeros((3, 4, 5))), "take one example"),
        (lambda f: np.savez(f, signal=np.zeros(3), fs=-1), "sampling rate of -1 is"),
        (lambda f: Path(f).write_bytes(b"PK\x03\x04 not a zip"), "damaged or cut short"),
    ],
)
def test_bad_npz(tmp_path, write, words):
    write(tmp_path / "x.npz")
    with pytest.raises(RecordingError, match=words):
        read_recording(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda f: np.save(f, np.array([{}, 1], dtype=object)), "it holds Python objects"),
        (lambda f: f.write_bytes(b"\x93NUMPY\x01\x00"), "damaged or cut short"),
        (lambda f: f.write_bytes(b"hello"), "cannot be read as a NumPy file"),
        (lambda f: f.write_bytes(b""), "is empty"),
        (lambda f: np.save(f, np.zeros((0, 2))), "is empty"),
        (lambda f: np.save(f, np.array(["a"])), "not real numbers"),
    ],
)
def test_bad_npy(tmp_path, write, words):
    write(tmp_path / "x.npy")
    with pytest.raises(RecordingError, match=words):
        read_recording(tmp_path / "x.npy")


def test_npy_cut_short(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros(1000))
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:500])
    with pytest.raises(RecordingError, match="damaged or cut short"):
        read_recording(tmp_path / "x.npy")


def test_real_ppg_tables(real_data):
    plain = read_recording(real_data / "heartpy_ppg" / "data.csv", fs=100)
    assert plain.signal.shape == (2483, 1)
    timed = read_recording(real_data / "heartpy_ppg" / "data2.csv")
    assert timed.signal.shape == (15000, 1)
    assert timed.fs == pytest.approx(1000 / 8.5479032, rel=1e-6)
    assert timed.names == ("hr",)


def test_warnings_of_other_threads_stay_as_they_are(table, monkeypatch):
    """A table is read while a model works in another thread, whose warnings are not to become errors."""
    seen, real = [], np.loadtxt

    def loadtxt(*given, **options):
        seen.append(list(warnings.filters))
        return real(*given, **options)

    monkeypatch.setattr(np, "loadtxt", loadtxt)
    assert read_recording(table("a,b\n1,2\n3,4\n"), fs=1).signal.tolist() == [[1, 2], [3, 4]]
    assert seen == [list(warnings.filters)]


def test_real_wearable_table(real_data):
    """20 Hz by its maker, with jitter and pauses: close to 20 Hz, few samples lost."""
    found = read_recording(real_data / "model_kazemi_ppg_peaks" / "e2e_ppg_sample_20hz.tsv", leads="ppg")
    assert found.fs == pytest.approx(19.6, abs=0.1)
    assert found.duration == pytest.approx(735.47, abs=1)
    assert 0 < np.isnan(found.signal).sum() < 30


def test_real_arrays(real_data):
    ecg = read_recording(real_data / "cinc2011" / "1004502.npz", fs=500)
    assert ecg.signal.shape == (5000, 12)
    assert ecg.duration == 10
