"""WFDB records: spans, leads, annotations, gaps, damage, downloads."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import wfdb

from signalscreen.errors import RecordingError
from signalscreen.recording import read_recording


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A made-here record: two leads at 100 Hz for 20 s, a gap in the second, six annotations."""
    rng = np.random.default_rng(0)
    signal = np.round(rng.normal(size=(2000, 2)), 2)
    signal[500:600, 1] = np.nan
    wfdb.wrsamp(
        "rec1",
        fs=100,
        units=["mV", "uV"],
        sig_name=["MLII", "V1"],
        p_signal=signal,
        fmt=["16", "16"],
        adc_gain=[200, 200],
        baseline=[0, 0],
        base_date=None,
        write_dir=str(tmp_path),
    )
    wfdb.wrann(
        "rec1",
        "atr",
        np.array([10, 300, 555, 990, 1500, 1999]),
        symbol=["+", "N", "V", "N", "~", "N"],
        aux_note=["(AFIB", "", "", "", "", ""],
        write_dir=str(tmp_path),
    )
    return tmp_path / "rec1"


@pytest.mark.parametrize("ending", ["", ".hea", ".dat", ".atr"])
def test_with_or_without_ending(record, ending):
    found = read_recording(f"{record}{ending}")
    assert found.signal.shape == (2000, 2)
    assert (found.fs, found.names, found.units) == (100.0, ("MLII", "V1"), ("mV", "uV"))
    assert found.source == "rec1"
    assert [a.sample for a in found.annotations] == [10, 300, 555, 990, 1500, 1999]
    assert found.annotations[0].note == "(AFIB"
    assert found.annotations[2].symbol == "V"


def test_gaps_are_nan(record):
    found = read_recording(record)
    assert np.isnan(found.signal).sum(axis=0).tolist() == [0, 100]


def test_span_leads_and_annotations_agree_with_the_whole(record):
    whole = read_recording(record)
    part = read_recording(record, start=3, end=10, leads=["V1", "MLII"])
    np.testing.assert_array_equal(part.signal, whole.signal[300:1000, ::-1])
    assert part.names == ("V1", "MLII")
    assert part.units == ("uV", "mV")
    assert [(a.sample, a.symbol) for a in part.annotations] == [(0, "N"), (255, "V"), (690, "N")]
    assert part.start == 3.0
    np.testing.assert_array_equal(part.signal, whole.between(3, 10).pick([1, 0]).signal)
    assert whole.between(3, 10).annotations == part.annotations
    assert read_recording(record, leads=1).names == ("V1",)


def test_only_the_asked_span_is_read(record, monkeypatch):
    spans, fromfile = [], np.fromfile

    def watched(path, dtype, count, offset):
        spans.append((offset, count * np.dtype(dtype).itemsize))
        return fromfile(path, dtype, count, offset=offset)

    monkeypatch.setattr(np, "fromfile", watched)
    read_recording(record, start=1.5, end=2, leads="V1")
    assert spans == [(150 * 4, 50 * 4)]


def test_a_span_without_annotations_has_none(record):
    assert read_recording(record, start=16, end=19).annotations == ()


def test_no_annotation_file_is_no_annotations(record):
    record.with_suffix(".atr").unlink()
    assert read_recording(record).annotations == ()


def test_another_annotator(record):
    shutil.copy(record.with_suffix(".atr"), record.with_suffix(".qrs"))
    record.with_suffix(".atr").unlink()
    assert read_recording(record).annotations == ()
    assert len(read_recording(record, annotator="qrs").annotations) == 6


@pytest.fixture
def second(record) -> Path:
    """The same signal file under a second header, with its leads named the other way round."""
    first = record.with_suffix(".hea").read_text()
    text = first.replace("rec1 2", "rec2 2").replace("MLII", "?").replace("V1", "MLII").replace("?", "V1")
    text = text.replace("mV", "?").replace("uV", "mV").replace("?", "uV")
    record.with_name("rec2.hea").write_text(text)
    return record.with_name("rec2")


def test_segments_one_after_the_other(record):
    text = record.with_suffix(".hea").read_text().replace("rec1 2", "rec2 2")
    record.with_name("rec2.hea").write_text(text)
    record.with_name("multi.hea").write_text("multi/2 2 100 4000\nrec1 2000\nrec2 2000\n")
    one = read_recording(record).signal
    across = read_recording(record.with_name("multi"), start=15, end=25, leads="V1")
    np.testing.assert_array_equal(across.signal, np.concatenate([one[1500:], one[:500]])[:, 1:])


def test_segments_with_a_missing_one_and_another_layout(record, second):
    layout = record.with_suffix(".hea").read_text().replace("rec1 2 100 2000", "layout 2 100 0")
    record.with_name("layout.hea").write_text(layout.replace("rec1.dat", "~"))
    record.with_name("multi.hea").write_text("multi/4 2 100 4300\nlayout 0\nrec1 2000\n~ 300\nrec2 2000\n")
    found = read_recording(record.with_name("multi"), leads="MLII")
    assert found.signal.shape == (4300, 1)
    assert np.isnan(found.signal[2000:2300]).all()
    one = read_recording(record).signal
    np.testing.assert_array_equal(found.signal[:2000, 0], one[:, 0])
    np.testing.assert_array_equal(found.signal[2300:, 0], one[:, 1])
    across = read_recording(record.with_name("multi"), start=19, end=24)
    assert across.units == ("mV", "uV")
    assert across.names == ("MLII", "V1")
    np.testing.assert_array_equal(across.signal[:100], one[1900:])
    np.testing.assert_array_equal(across.signal[400:], one[:100, ::-1])


def cut_short(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def damaged(record: Path, what: str) -> None:
    dat, hea, atr = (record.with_suffix(s) for s in (".dat", ".hea", ".atr"))
    {
        "cut": lambda: cut_short(dat, 4001),
        "emptied": lambda: cut_short(dat, 0),
        "no dat": dat.unlink,
        "no hea": hea.unlink,
        "blank hea": lambda: hea.write_text(""),
        "odd hea": lambda: hea.write_text("what is this\n"),
        "no length": lambda: hea.write_text(hea.read_text().replace(" 2000\n", "\n", 1)),
        "odd atr": lambda: atr.write_bytes(b"\x01\x02\x03"),
    }[what]()


@pytest.mark.parametrize(
    ("what", "ending", "words"),
    [
        ("cut", "", r"rec1.dat is truncated: .* sample 2000, the file holds 1000 samples \(10 s\)"),
        ("emptied", "", r"rec1.dat is truncated: .* holds 0 samples"),
        ("no dat", "", "needs the file rec1.dat, which is not there"),
        ("no hea", "", "there is no file .*rec1 and no WFDB header .*rec1.hea"),
        ("no hea", ".dat", "rec1.dat has no header rec1.hea beside it"),
        ("blank hea", "", "the header rec1.hea has no record line"),
        ("odd hea", "", "the number of leads in the header rec1.hea is 'is', which is not a whole number"),
        ("no length", "", "the header of rec1 says 0 or no number of samples"),
        ("odd atr", "", "annotation file rec1.atr cannot be read"),
    ],
)
def test_damage_is_named_in_one_sentence(record, what, ending, words):
    damaged(record, what)
    with pytest.raises(RecordingError, match=words) as caught:
        read_recording(f"{record}{ending}")
    assert "\n" not in str(caught.value)
    assert "broadcast" not in str(caught.value)


def test_what_is_left_of_a_truncated_record_can_be_read(record):
    whole = read_recording(record).signal
    damaged(record, "cut")
    np.testing.assert_array_equal(read_recording(record, end=10).signal, whole[:1000])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"leads": "V5"}, "lead 'V5' is not there; rec1 has 0: MLII, 1: V1"),
        ({"start": 5, "end": 5}, "5 s to 5 s is empty"),
        ({"start": 20}, "reaches outside rec1, which runs from 0 s to 20 s"),
        ({"end": 20.5}, "0 s to 20.5 s reaches outside"),
        ({"start": -1}, "reaches outside"),
        ({"fs": 250}, "rec1 says 100 Hz but fs=250 was given; leave fs out"),
        ({"fs": 0}, "sampling rate of 0"),
        ({"annotator": "qrs"}, "no annotation file .*rec1.qrs; beside the record: atr"),
    ],
)
def test_wrong_questions_are_answered_in_one_sentence(record, options, words):
    with pytest.raises(RecordingError, match=words):
        read_recording(record, **options)


def test_the_right_fs_may_be_repeated(record):
    assert read_recording(record, fs=100).fs == 100


def test_folders_and_unknown_kinds(tmp_path):
    with pytest.raises(RecordingError, match="is a folder; name one record"):
        read_recording(tmp_path)
    (tmp_path / "a.edf").write_bytes(b"0")
    with pytest.raises(RecordingError, match=r"a.edf is of a kind that is not read here; give a WFDB record"):
        read_recording(tmp_path / "a.edf")
    with pytest.raises(RecordingError, match=r"there is no file .*b.csv"):
        read_recording(tmp_path / "b.csv")
    with pytest.raises(RecordingError, match=r"there is no file .*nothing and no WFDB header"):
        read_recording(tmp_path / "nothing")


class Download:
    """PhysioNet as wfdb shows it: local files answer when a folder name is given."""

    def __init__(self, record: Path, monkeypatch, annotated: bool = True):
        self.asked = []
        for name in ("rdheader", "rdrecord", "rdann"):
            monkeypatch.setattr(wfdb, name, self.stand_in(getattr(wfdb, name), record.parent, name))
        self.annotated = annotated

    def stand_in(self, read, folder, name):
        def answer(base, *args, pn_dir=None, **kwargs):
            self.asked.append((name, base, pn_dir))
            if name == "rdann" and not self.annotated:
                raise FileNotFoundError("404 Error: Not Found")
            return read(str(folder / base), *args, **kwargs)

        return answer


def test_physionet_name_is_downloaded(record, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    net = Download(record, monkeypatch)
    found = read_recording("mitdb/rec1", start=1, end=4)
    assert {pn_dir for _, _, pn_dir in net.asked} == {"mitdb"}
    assert {base for _, base, _ in net.asked} == {"rec1"}
    assert found.source == "mitdb/rec1"
    assert found.signal.shape == (300, 2)
    assert [(a.sample, a.symbol) for a in found.annotations] == [(200, "N")]


def test_a_download_has_each_lead_at_its_own_rate(tmp_path, monkeypatch):
    x = np.random.default_rng(0).integers(-99, 99, (200, 3)).astype("<i2")
    (tmp_path / "f.dat").write_bytes(x.tobytes())
    (tmp_path / "f.hea").write_text("f 2 125 200\nf.dat 16x2 1/mV 16 0 0 0 0 II\nf.dat 16 1/mmHg 16 0 0 0 0 ABP\n")
    wfdb.wrann("f", "atr", np.array([500, 1000]), symbol=["N", "V"], fs=1000, write_dir=str(tmp_path))
    monkeypatch.chdir(tmp_path.parent)
    Download(tmp_path / "f", monkeypatch)
    found = read_recording("mitdb/f", leads="II")
    np.testing.assert_array_equal(found.signal[:, 0], x[:, :2].reshape(-1))
    assert (found.fs, [a.sample for a in found.annotations]) == (250.0, [125, 250])
    together, local = read_recording("mitdb/f", start=0.2, end=1), read_recording(tmp_path / "f", start=0.2, end=1)
    np.testing.assert_allclose(together.signal, local.signal, atol=1e-12)
    assert (together.units, together.annotations) == (local.units, local.annotations)


def test_segments_by_download(record, monkeypatch, tmp_path):
    text = record.with_suffix(".hea").read_text().replace("rec1 2", "rec2 2")
    record.with_name("rec2.hea").write_text(text)
    record.with_name("multi.hea").write_text("multi/2 2 100 4000\nrec1 2000\nrec2 2000\n")
    local = read_recording(record.with_name("multi"), start=15, end=25, leads="V1")
    monkeypatch.chdir(tmp_path)
    Download(record, monkeypatch)
    found = read_recording("mitdb/multi", start=15, end=25, leads="V1")
    np.testing.assert_array_equal(found.signal, local.signal)
    assert (found.fs, found.names, found.units) == (local.fs, local.names, local.units)


@pytest.mark.parametrize(
    ("name", "pn_dir", "folder"),
    [
        ("rec1", "mitdb", "mitdb"),
        ("ptb-xl/1.0.3/records500/00000/rec1", None, "ptb-xl/1.0.3/records500/00000"),
    ],
)
def test_other_ways_to_name_a_download(record, monkeypatch, tmp_path, name, pn_dir, folder):
    monkeypatch.chdir(tmp_path)
    net = Download(record, monkeypatch, annotated=False)
    found = read_recording(name, pn_dir=pn_dir)
    assert net.asked[0] == ("rdheader", "rec1", folder)
    assert found.annotations == ()
    with pytest.raises(RecordingError, match=r"rec1.qrs cannot be read"):
        read_recording(name, pn_dir=pn_dir, annotator="qrs")


def test_a_failed_download_is_one_sentence(record, monkeypatch, tmp_path):
    def no_network(*args, **kwargs):
        raise ConnectionError("HTTPSConnectionPool(host=...)\nMax retries")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(wfdb, "rdheader", no_network)
    with pytest.raises(RecordingError, match=r"no local record mitdb/100, .*ConnectionError.*check the name"):
        read_recording("mitdb/100")


@pytest.mark.parametrize("name", ["100", "./mitdb/100", "../mitdb/100", "/mitdb/100", "Mitdb/100", "mitdb/100.edf"])
def test_other_texts_are_not_downloaded(name, monkeypatch, tmp_path):
    def download(*args, **kwargs):
        raise AssertionError("no download was asked for")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(wfdb, "rdheader", download)
    with pytest.raises(RecordingError, match="there is no file"):
        read_recording(name)


def test_a_local_folder_of_that_name_is_not_downloaded(monkeypatch, tmp_path):
    (tmp_path / "mitdb").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecordingError, match="there is no file mitdb/100"):
        read_recording("mitdb/100")


def test_real_ecg(real_data):
    ecg = read_recording(real_data / "mitdb" / "119", start=60, end=70, leads="MLII")
    assert ecg.signal.shape == (3600, 1)
    assert (ecg.fs, ecg.names, ecg.units, ecg.start) == (360.0, ("MLII",), ("mV",), 60.0)
    symbols = [a.symbol for a in ecg.annotations]
    assert {"N", "V"} <= set(symbols)
    # Every beat's annotation lies on its R peak: the signal there is far above the median.
    beats = [a.sample for a in ecg.annotations if a.symbol in "NV"]
    peaks = [ecg.signal[max(r - 20, 0) : r + 20].max() for r in beats]
    assert min(peaks) > np.median(ecg.signal) + 0.8
    whole = wfdb.rdrecord(str(real_data / "mitdb" / "119"), sampfrom=21600, sampto=25200, channels=[0])
    np.testing.assert_array_equal(ecg.signal, whole.p_signal)


def test_real_mat_record(real_data):
    ecg = read_recording(real_data / "cinc2017" / "A00160.mat")
    assert ecg.signal.shape == (9000, 1)
    assert (ecg.fs, ecg.names, ecg.units) == (300.0, ("ECG",), ("mV",))
    assert ecg.began is not None
    assert ecg.began.year == 2000


def test_real_record_cut_short(real_data, tmp_path):
    for ending in (".hea", ".dat", ".atr"):
        (tmp_path / f"119{ending}").write_bytes((real_data / "mitdb" / f"119{ending}").read_bytes())
    cut_short(tmp_path / "119.dat", 100_000)
    with pytest.raises(RecordingError, match=r"119.dat is truncated: .* holds 33333 samples \(92.5917 s\)"):
        read_recording(tmp_path / "119")
    assert read_recording(tmp_path / "119", end=90).duration == 90
