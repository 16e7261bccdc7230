"""A store that is damaged says so, by array and chunk, from whoever reads it; the same run again mends it."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("keras")

import signalscreen as ss
from benchmarks.screening_kills import differences
from signalscreen.cli import main
from signalscreen.errors import NonFiniteWarning, RecordingError, SignalScreenWarning
from signalscreen.exports import FORMATS, export_results
from signalscreen.screening import shards, store, summarise
from signalscreen.verdicts import VerdictTable
from tests import stores
from tests.screening.nets import quality_net, recording

SETTINGS = {
    "each_lead": True,
    "kind": "other",
    "target": 0,
    "explain": "flagged",
    "progress": False,
    "threshold": 0.556,
}
SHARD_ARRAYS = (
    *("signal", "bad", "attribution_saliency", "probability", "logit", "score", "target", "flagged", "explained"),
    *("gap", "unanswered", "seconds"),
)
KNOWN_ARRAYS = ("time_s", "lead", "class", "window_start", "window_start_s", "window_lead", "annotation_symbol")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store of four shards, some windows flagged; what it was made of."""
    from signalscreen.screening import layout

    ecg, model = recording(gap=slice(700, 760)), quality_net()
    out = tmp_path_factory.mktemp("whole") / "s.zarr"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "_SHARD_SECONDS", 16.0)
        patch.setattr(layout, "_LEAST_WINDOWS", 4)
        ds = ss.screen_recording(ecg, model, out=out, **SETTINGS)
    assert ds.sizes["shard"] == 5
    assert 0 < int(ds.flagged.sum()) < int((1 - ds.gap).sum())
    return out, ecg, model


@pytest.fixture
def damaged(whole, tmp_path, monkeypatch):
    """A copy to damage."""
    from signalscreen.screening import layout

    monkeypatch.setattr(layout, "_SHARD_SECONDS", 16.0)
    monkeypatch.setattr(layout, "_LEAST_WINDOWS", 4)
    shutil.copytree(whole[0], tmp_path / "s.zarr")
    return tmp_path / "s.zarr"


def chunk(out: Path, name: str, number: int) -> Path:
    (found,) = [p for p in (out / name / "c" / str(number), out / name / "c" / str(number) / "0") if p.is_file()]
    return found


def lose(path: Path) -> None:
    path.unlink()


def flip(path: Path) -> None:
    """One bit, in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def empty(path: Path) -> None:
    """As a power cut leaves a file."""
    path.write_bytes(b"")


def counted_shards(monkeypatch):
    """Numbers of shards that are computed from now on."""
    numbers = []
    real = shards.gathered

    def gathered(ready, number):
        numbers.append(number)
        return real(ready, number)

    monkeypatch.setattr("signalscreen.screening.running.gathered", gathered)
    return numbers


@pytest.mark.parametrize("name", SHARD_ARRAYS)
@pytest.mark.parametrize("fault", [lose, flip, cut, empty], ids=lambda f: f.__name__)
def test_a_chunk_that_is_not_what_was_written_is_said_and_done_again(whole, damaged, name, fault, monkeypatch):
    out, ecg, model = whole
    fault(chunk(damaged, name, 3))
    how = "is missing" if fault is lose else "is not what was written"
    number = "3/0" if name in ("signal", "bad", "attribution_saliency", "probability", "logit") else "3"
    with pytest.raises(RecordingError, match=rf"s\.zarr is damaged: chunk {number} of {name} {how}; run the same"):
        ss.open_results(damaged).load()
    numbers = counted_shards(monkeypatch)
    with pytest.warns(SignalScreenWarning, match="was damaged; done again: slice 3 of 5$"):
        ss.screen_recording(ecg, model, out=damaged, **SETTINGS)
    assert numbers == [3]
    assert differences(out, damaged) == {}


@pytest.mark.parametrize("name", KNOWN_ARRAYS)
@pytest.mark.parametrize("fault", [lose, flip], ids=lambda f: f.__name__)
def test_what_is_known_beforehand_is_written_again(whole, damaged, name, fault, monkeypatch):
    out, ecg, model = whole
    fault(chunk(damaged, name, 0))
    with pytest.raises(RecordingError, match=rf"s\.zarr is damaged: chunk 0 of {name} is"):
        ss.open_results(damaged).load()
    numbers = counted_shards(monkeypatch)
    with pytest.warns(SignalScreenWarning, match=f"was damaged; done again: {name}$"):
        ss.screen_recording(ecg, model, out=damaged, **SETTINGS)
    assert numbers == []
    assert differences(out, damaged) == {}


def test_a_lost_marker_is_a_slice_to_do_and_a_damaged_one_is_damage(whole, damaged, monkeypatch):
    out, ecg, model = whole
    lose(chunk(damaged, "done", 1))
    assert store.shards_done(store.opened(damaged)).tolist() == [True, False, True, True, True]
    flip(chunk(damaged, "done", 2))
    with pytest.raises(RecordingError, match="chunk 2 of done is not what was written"):
        summarise(damaged)
    numbers = counted_shards(monkeypatch)
    with pytest.warns(SignalScreenWarning, match="slice 2 of 5$"):
        ss.screen_recording(ecg, model, out=damaged, **SETTINGS)
    assert numbers == [1, 2]
    assert differences(out, damaged) == {}


def test_empty_chunks_are_there(whole):
    """Also where nothing is flagged and nothing explained: what is missing is lost."""
    out = whole[0]
    group = store.opened(out)
    for name in SHARD_ARRAYS:
        chunks = -(-group[name].shape[0] // group[name].chunks[0])
        assert all(chunk(out, name, number).stat().st_size for number in range(chunks)), name
    flagged = group["flagged"][:].reshape(-1)
    size = group["flagged"].chunks[0]
    assert not all(flagged[i : i + size].any() for i in range(0, len(flagged), size))


def reviewed(out):
    from signalscreen.review import start_in_thread

    start_in_thread(out).stop()


COMMANDS = {
    "review": lambda out, to: reviewed(out),
    "verdicts": lambda out, to: VerdictTable(out, "anna"),
    "summary": lambda out, to: summarise(out),
    "report": lambda out, to: ss.write_report(out, to / "r.html"),
    **{
        name: lambda out, to, name=name: export_results(out, to / f"x{FORMATS[name].endings[0]}", name)
        for name in FORMATS
    },
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["flagged", "probability", "window_start", "lead"])
def test_every_reader_says_it_in_one_sentence(damaged, tmp_path, command, name):
    if (name, command) == ("lead", "summary"):
        pytest.skip("it reads no names of leads")
    if command == "verdicts" and name != "lead":
        pytest.skip("a verdict may name what these do not say")
    flip(chunk(damaged, name, 0))
    with pytest.raises(
        RecordingError, match=rf"is damaged: chunk 0(/0)? of {name} is not what was written"
    ) as caught:
        COMMANDS[command](damaged, tmp_path)
    assert "\n" not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.zarr"]


@pytest.mark.parametrize("name", ["signal", "attribution_saliency"])
@pytest.mark.parametrize("format_", ["netcdf", "npz", "wfdb-track"])
def test_an_export_that_meets_damage_on_its_way_leaves_nothing(damaged, tmp_path, name, format_):
    lose(chunk(damaged, name, 4))
    words = [
        "export",
        str(damaged),
        "--format",
        format_,
        "--out",
        str(tmp_path / f"x{FORMATS[format_].endings[0]}"),
    ]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: the store {damaged} is damaged: chunk 4/0 of {name} is missing; run")
    assert done.stderr.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.zarr"]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("flagged", lambda v: 1 - v, "it does not follow from probability and threshold"),
        ("flagged", lambda v: v + 2, "it is neither 0 nor 1"),
        ("explained", lambda v: 1 - v, "it is not what was to be explained"),
        ("unanswered", lambda v: 1 - v, "it does not follow from what the model gave"),
        ("score", lambda v: v + 1, "it is neither logit nor probability of its class"),
        ("target", lambda v: v + 1, "there is no such class"),
        ("probability", lambda v: 0 * v + 0.99, "it does not follow from probability and threshold"),
        ("gap", lambda v: 1 - v, "it has a number where there is a gap"),
        ("window_start_s", lambda v: v + 1, "its seconds are not those of its sample"),
    ],
)  # fmt: skip
def test_what_contradicts_the_rest_is_said_and_done_again(whole, damaged, name, value, words, monkeypatch):
    """Chunks whose checksums are right, from elsewhere."""
    out, ecg, model = whole
    arrays = store.arrays_of(damaged)
    row = int(np.flatnonzero(arrays["gap"][:] == 0)[7])
    arrays[name][row] = value(arrays[name][row])
    with pytest.raises(RecordingError, match=rf"contradicts the rest \({words} in window {row}\)"):
        summarise(damaged)
    with pytest.raises(RecordingError, match="contradicts the rest"):
        ss.open_results(damaged)
    numbers = counted_shards(monkeypatch)
    with pytest.warns(SignalScreenWarning, match="was damaged; done again"):
        ss.screen_recording(ecg, model, out=damaged, **SETTINGS)
    assert numbers == ([] if name == "window_start_s" else [row // arrays[name].chunks[0]])
    assert differences(out, damaged) == {}


def test_windows_that_are_not_done_yet_contradict_nothing(damaged):
    arrays = store.arrays_of(damaged)
    arrays["done"][3] = 0
    size = arrays["flagged"].chunks[0]
    arrays["flagged"][3 * size : 4 * size] = 2
    (found,) = summarise(damaged)
    assert found.done == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"threshold": 0.556', b'"threshold": 0.5'),
        (b'"fs": 40.0', b'"fs": 41.0'),
        (b'"start": 0.0', b'"start": 1.0'),
        (b'"scale_factor": 0.025', b'"scale_factor": 0.026'),
        (b'"mV"', b'"uV"'),
        (b'"schema": 2', b'"schema": 1'),
        (b'"digest"', b'"digesu"'),
    ],
)
def test_metadata_that_are_not_what_was_written_are_said(whole, damaged, old, new):
    about = damaged / "zarr.json"
    content = about.read_bytes()
    assert old in content
    about.write_bytes(content.replace(old, new))
    with pytest.raises(RecordingError, match=r"is damaged: its metadata \(zarr\.json\) are not those"):
        summarise(damaged)
    again_from_the_copy(whole, damaged)


@pytest.mark.parametrize("fault", [lose, cut, empty], ids=lambda f: f.__name__)
def test_metadata_that_cannot_be_read_are_put_back(whole, damaged, fault):
    fault(damaged / "zarr.json")
    with pytest.raises(RecordingError):
        summarise(damaged)
    again_from_the_copy(whole, damaged)


def again_from_the_copy(whole, damaged):
    out, ecg, model = whole
    with pytest.warns(SignalScreenWarning, match="metadata of .* were damaged, and are put back from their copy"):
        ss.screen_recording(ecg, model, out=damaged, **SETTINGS)
    assert (damaged / "zarr.json").read_bytes() == (out / "zarr.json").read_bytes()
    assert differences(out, damaged) == {}


def nan_above(limit):
    """A model whose answer is NaN where the window's mean is above a limit: a logarithm of something negative."""
    import keras

    x = keras.Input((80, 1))
    mean = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(x, keras.layers.Activation("sigmoid")(keras.ops.log(limit - mean)))


@pytest.fixture(scope="module")
def with_nan(tmp_path_factory):
    signal = np.random.default_rng(0).normal(size=(1000, 2)) * 0.01
    signal[320:400, 1] += 5.0  # window 8 of lead V1 whole, and what reaches into it
    ecg = recording(1000)
    ecg = type(ecg)(signal, fs=40.0, names=ecg.names, units=ecg.units, source="made")
    out = tmp_path_factory.mktemp("nan") / "s.zarr"
    options = {**SETTINGS, "hop": 2.0, "class_names": ["artefact"], "explain": "none"}
    with pytest.warns(NonFiniteWarning) as caught:
        ss.screen_recording(ecg, nan_above(0.5), out=out, **options)
    return out, [str(one.message) for one in caught]


def test_windows_without_an_answer_are_counted_and_listed(with_nan):
    out, said = with_nan
    assert len(said) == 1
    assert said[0].startswith(
        "the model gave NaN or infinity for 1 of 26 windows without gaps, at 8 s: they are not"
    )
    ds = ss.open_results(out)
    wanted = (ds.window_start.values == 320) & (ds.window_lead.values == 1)
    assert wanted.sum() == 1
    np.testing.assert_array_equal(ds.unanswered.values, wanted)
    np.testing.assert_array_equal(np.isnan(ds.score.values), wanted)
    (found,) = summarise(out)
    assert (found.unanswered, found.unanswered_s, found.answered) == (1, (8.0,), 25)
    table = ss.screening.summary.table([found])
    assert table[1][table[0].index("unanswered")] == "1"
    assert found.as_dict()["unanswered_s"] == (8.0,)


def test_exports_list_them(with_nan, tmp_path):
    import csv

    import wfdb

    out, _ = with_nan
    (written,) = export_results(out, tmp_path / "w.csv", "csv")
    assert written.words == "26 windows, 1 without an answer of the model (NaN)"
    with (tmp_path / "w.csv").open(encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row["unanswered"] == "1"]
    assert [(row["start_s"], row["lead"], row["flagged"], row["score"]) for row in rows] == [("8.0", "V1", "0", "")]
    (written,) = export_results(out, tmp_path / "r", "wfdb-ann")
    assert written.words.endswith("flagged spans, and 1 where the model gave no number (NaN)")
    found = wfdb.rdann(str(tmp_path / "r"), "flg")
    edges = {
        note: (int(at), int(lead)) for at, lead, note in zip(found.sample, found.chan, found.aux_note, strict=True)
    }
    assert edges["(unanswered #0 lead=V1: the model gave no number, 1 window"] == (320, 1)
    assert edges[")unanswered #0"] == (399, 1)
    export_results(out, tmp_path / "m.txt", "mne")
    assert "8.0,2.0,unanswered" in (tmp_path / "m.txt").read_text().splitlines()
    export_results(out, tmp_path / "a.npz", "npz")
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["unanswered"].sum() == 1


def test_the_report_counts_them(with_nan, tmp_path):
    page = ss.write_report(with_nan[0], tmp_path / "r.html").read_text()
    assert "windows without an answer (NaN)" in page
    assert "of 25" in page


def test_a_store_of_the_older_layout_is_read_with_a_word(tmp_path):
    from signalscreen.errors import UncheckedStoreWarning

    stores.fill(tmp_path / "s.zarr", stores.spec())
    newer = ss.open_results(tmp_path / "s.zarr").load()
    old = stores.older(tmp_path / "s.zarr", tmp_path / "old.zarr")
    with pytest.warns(UncheckedStoreWarning, match=r"old\.zarr is of the older layout, .* cannot vouch"):
        read = ss.open_results(old).load()
    for name in read:
        np.testing.assert_array_equal(read[name].values, newer[name].values)
    assert "unanswered" not in read
    with pytest.warns(UncheckedStoreWarning):
        (found,) = summarise(old)
    assert (found.flagged, found.unanswered) == (int(newer.flagged.sum()), 0)
    lose(chunk(old, "flagged", 1))  # as if nothing were flagged there, but for the probability
    with pytest.warns(UncheckedStoreWarning), pytest.raises(RecordingError, match="chunk 1 of flagged contradicts"):
        summarise(old)
    cut(chunk(old, "signal", 1))
    with pytest.raises(RecordingError, match="chunk 1/0 of signal is not what was written"):
        store.opened(old)["signal"][:]


def test_a_store_of_the_older_layout_is_taken_up_or_replaced(whole, damaged, tmp_path, monkeypatch):
    """What can be seen to be damaged in it is done again, in its layout; --overwrite makes a newer one."""
    from signalscreen.errors import UncheckedStoreWarning

    out, ecg, model = whole
    old = stores.older(damaged, tmp_path / "old.zarr")
    flagged, size = store.opened(out)["flagged"][:], store.opened(out)["flagged"].chunks[0]
    number = int(np.flatnonzero(flagged)[0]) // size
    lose(chunk(old, "flagged", number))
    numbers = counted_shards(monkeypatch)
    with (
        pytest.warns(UncheckedStoreWarning),
        pytest.warns(SignalScreenWarning, match=f"done again: slice {number} of 5"),
    ):
        ss.screen_recording(ecg, model, out=old, **SETTINGS)
    assert numbers == [number]
    here, there = store.opened(old), store.opened(out)
    for name in SHARD_ARRAYS:
        if name not in ("seconds", "unanswered"):
            np.testing.assert_array_equal(here[name][:], there[name][:])
    assert store.opened(old).attrs["schema"] == 1
    ss.screen_recording(ecg, model, out=old, overwrite=True, **SETTINGS)
    assert differences(out, old) == {}


def test_the_server_says_it_where_it_is_looked_at(damaged):
    """A pyramid that is there does not hide what is damaged below it."""
    pytest.importorskip("tornado")
    from signalscreen.review import start_in_thread
    from tests.review.asking import ask

    with start_in_thread(damaged) as running:
        assert ask(running.url, "api/info").status == 200
    flip(chunk(damaged, "attribution_saliency", 2))
    with start_in_thread(damaged) as running:
        assert ask(running.url, "api/tile?level=0&first=0&count=10&method=saliency").status == 200
        at = 2 * store.opened(damaged)["signal"].chunks[0]
        said = ask(running.url, f"api/tile?level=0&first={at}&count=10&method=saliency")
        assert said.status == 400
        assert "is damaged: chunk 2/0 of attribution_saliency is not what was written" in said.error
    shutil.rmtree(damaged / "pyramid")
    with pytest.raises(RecordingError, match="chunk 2/0 of attribution_saliency is not what was written"):
        start_in_thread(damaged)
    assert not list(damaged.glob(".pyramid*"))


def test_a_dataset_can_be_sent_to_another_process(whole):
    import pickle

    ds = ss.open_results(whole[0])
    sent = pickle.loads(pickle.dumps(ds))
    np.testing.assert_array_equal(sent.flagged.values, ds.flagged.values)


def test_threads_that_open_a_store_at_once_all_write_empty_chunks(tmp_path, monkeypatch):
    """Zarr's setting is the whole process's: who begins first puts it back while the other still opens."""
    from concurrent.futures import ThreadPoolExecutor

    stores.fill(tmp_path / "s.zarr", stores.spec(), shards=0)
    delays, real = iter([0.1, 0.4]), store.opened

    def slowly(path, mode):
        time.sleep(next(delays))
        return real(path, mode)

    monkeypatch.setattr(store, "opened", slowly)
    with ThreadPoolExecutor(2) as executor:
        opened = list(executor.map(store.arrays_of, [tmp_path / "s.zarr"] * 2))
    for arrays in opened:
        arrays["flagged"][:20] = 0
        chunk(tmp_path / "s.zarr", "flagged", 0).unlink()


def test_a_damaged_list_of_another_length_is_not_made_up(tmp_path):
    """The record's annotations have changed since: those of the store cannot be written again."""
    from dataclasses import replace

    from signalscreen.errors import OutputError
    from signalscreen.screening.mending import mend

    spec = stores.spec()
    stores.fill(tmp_path / "s.zarr", spec)
    lose(chunk(tmp_path / "s.zarr", "annotation_note", 0))
    fewer = replace(spec, annotations=spec.annotations[:1])
    with pytest.raises(
        OutputError, match="annotation_note in the store of rec 1 is damaged, and the recording now has 1"
    ):
        mend(store.arrays_of(tmp_path / "s.zarr"), store.opened(tmp_path / "s.zarr"), fewer)


def test_a_score_that_overflows_is_said_though_its_probability_is_right(tmp_path):
    import keras

    x = keras.Input((80, 1))
    mean = keras.layers.GlobalAveragePooling1D()(x)
    model = keras.Model(x, keras.layers.Activation("sigmoid")(keras.ops.exp(400 * mean)))
    signal = np.zeros((400, 1))
    signal[160:240] = 1.0  # exp(400)
    ecg = type(recording())(signal, fs=40.0, names=("II",), units=("mV",), source="made")
    options = {**SETTINGS, "hop": 2.0, "explain": "none", "threshold": 0.9}
    with pytest.warns(NonFiniteWarning, match=r"score of 1 windows is NaN or infinite though .* first at 4 s"):
        ds = ss.screen_recording(ecg, model, out=tmp_path / "s.zarr", **options)
    assert ds.flagged.values.tolist() == [0, 0, 1, 0, 0]
    assert not ds.unanswered.values.any()


def test_a_database_says_it_of_each_record(tmp_path):
    nan_above(0.5).save(tmp_path / "m.keras")
    (tmp_path / "records").mkdir()
    for name, at in (("a", None), ("b", 160)):
        signal = np.zeros((400, 1), np.float32)
        signal[slice(at, None if at is None else at + 80)] = 0.0 if at is None else 5.0
        np.save(tmp_path / "records" / f"{name}.npy", signal)
    options = {**SETTINGS, "hop": 2.0, "explain": "none", "fs": 40.0}
    with pytest.warns(NonFiniteWarning, match="^b: the model gave NaN or infinity for 1 of 5 windows") as caught:
        ss.screening.screen_recordings(tmp_path / "records", tmp_path / "m.keras", out=tmp_path / "db", **options)
    assert len([one for one in caught if one.category is NonFiniteWarning]) == 1
