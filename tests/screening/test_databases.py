"""Folders of recordings, what was found in them, and the command."""

import csv
import gc
import json
import math
import os
import shutil
import threading
import weakref

import numpy as np
import pytest
import wfdb
from click.testing import CliRunner

keras = pytest.importorskip("keras")

import signalscreen as ss  # noqa: E402
from signalscreen.cli import main  # noqa: E402
from signalscreen.errors import CompletenessWarning, OutputError, RecordingError, SignalScreenWarning  # noqa: E402
from signalscreen.quality import Share  # noqa: E402
from signalscreen.results import load_result  # noqa: E402
from signalscreen.screening import databases, store, summarise  # noqa: E402
from signalscreen.screening.databases import records_of  # noqa: E402
from signalscreen.screening.summary import RecordSummary, plain_table, table  # noqa: E402
from tests.screening.nets import FS, quality_net, recording, softmax_net  # noqa: E402

pytestmark = pytest.mark.usefixtures("short_shards")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "quality.keras"
    quality_net().save(path)
    return path


def write_record(folder, name, seed=0, samples=2600):
    ecg = recording(samples, seed=seed)
    wfdb.wrsamp(name, FS, ["mV", "mV"], list(ecg.names), p_signal=ecg.signal, fmt=["16"] * 2, write_dir=str(folder))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    for seed, name in enumerate(("a", "b", "c")):
        write_record(folder, name, seed)
    return folder


def test_a_folder_of_records(tmp_path, folder, model):
    out = tmp_path / "db.zarr"
    found = ss.screen_recordings(folder, model, out=out, target=0, each_lead=True, fs=FS)
    assert [one.record for one in found] == ["a", "b", "c"]
    alone = ss.screen_recording(folder / "b", model, out=tmp_path / "b.zarr", target=0, each_lead=True, fs=FS)
    together = ss.open_results(out, "b")
    for name in alone:
        if name != "seconds":
            np.testing.assert_array_equal(alone[name].values, together[name].values)
    import xarray

    tree = xarray.open_datatree(out, engine="zarr", consolidated=False, chunks=None)
    assert sorted(tree.children) == ["a", "b", "c"]
    # The root names its records and does not hold their metadata, which would grow with each of them.
    assert "consolidated_metadata" not in json.loads((out / "zarr.json").read_text())


def test_records_are_open_one_at_a_time(tmp_path, folder, model, monkeypatch):
    """Of a database of thousands only what is worked on is in memory: that, the next, and what is being written."""
    ready, most = weakref.WeakSet(), []

    def prepare(job, model, real=databases.prepare):
        one = real(job, model)
        ready.add(one)
        gc.collect()
        most.append(len(ready))
        return one

    monkeypatch.setattr(databases, "prepare", prepare)
    for k in range(12):
        write_record(tmp_path, f"r{k}", seed=k, samples=300)
    found = ss.screen_recordings(tmp_path, model, out=tmp_path / "db.zarr", target=0, each_lead=True, fs=FS)
    assert len(found) == 12
    assert max(most) <= 5


def test_what_does_not_add_up_is_said_once_for_all_records(tmp_path, folder, model):
    given = {
        "method": {"integrated_gradients": {"steps": 1}},
        "target": 0,
        "each_lead": True,
        "score": "probability",
        "fs": FS,
        "resample": FS,
    }
    words = r"^integrated_gradients: in \d of 3 records attributions miss .* \(worst [\d.]+, in [abc]\); more steps"
    with pytest.warns(CompletenessWarning, match=words) as said:
        ss.screen_recordings(folder, model, out=tmp_path / "db.zarr", **given)
    assert len([one for one in said if one.category is CompletenessWarning]) == 1


@pytest.mark.parametrize("samples", [2600, 300])
def test_a_record_that_is_another_when_its_turn_comes(tmp_path, model, monkeypatch, samples):
    """It was checked when the run began; what was found then is not mixed with what lies there now."""
    for seed, name in enumerate(("a", "b", "c")):
        write_record(tmp_path, name, seed)
    (tmp_path / "later").mkdir()
    write_record(tmp_path / "later", "b", 9, samples)

    def done(*given, real=databases.done):
        shutil.copytree(tmp_path / "later", tmp_path, dirs_exist_ok=True)
        return real(*given)

    monkeypatch.setattr(databases, "done", done)
    words = r"^1 of 3 records were not screened to the end \(b: .*/b has changed since the run began; put it back"
    with pytest.warns(SignalScreenWarning, match=words):
        found = ss.screen_recordings(tmp_path, model, out=tmp_path / "db.zarr", target=0, each_lead=True, fs=FS)
    assert [(one.record, one.done) for one in found] == [("a", 1), ("b", 0), ("c", 1)]


def test_two_runs_make_one_database_at_once(tmp_path, folder, model):
    """Of the same records, and of others: neither takes a store from the other, and all are named in the end."""
    out, seen = tmp_path / "db.zarr", []
    for k in range(6):
        write_record(tmp_path, f"r{k}", seed=k, samples=300)
    parts = [[tmp_path / f"r{k}" for k in some] for some in ((0, 1, 2, 3), (0, 1, 2, 3), (2, 3, 4, 5))]
    begin = threading.Barrier(len(parts))

    def screen(part):
        begin.wait(60)
        seen.append(ss.screen_recordings(part, model, out=out, target=0, each_lead=True, fs=FS))

    runs = [threading.Thread(target=screen, args=[part]) for part in parts]
    for run_ in runs:
        run_.start()
    for run_ in runs:
        run_.join()
    assert len(seen) == len(parts)
    assert store.records_in(out) == [f"r{k}" for k in range(6)]
    assert [one.done for one in summarise(out)] == [1] * 6


def test_a_damaged_record_does_not_stop_the_others(tmp_path, folder, model):
    import shutil

    records = tmp_path / "records"
    shutil.copytree(folder, records)
    (records / "b.dat").write_bytes(b"\0" * 100)
    write_record(records, "short", samples=50)
    with pytest.warns(SignalScreenWarning, match=r"2 of 4 records were not screened to the end \(b: .*truncated"):
        found = ss.screen_recordings(records, model, out=tmp_path / "db.zarr", target=0, each_lead=True, fs=FS)
    assert [(one.record, one.done) for one in found] == [("a", 1.0), ("c", 1.0)]


def test_a_database_in_which_nothing_is_yet(tmp_path, folder, model):
    """No record could be screened: what reads it says so, and a run with better options fills it."""
    out = tmp_path / "db.zarr"
    with pytest.raises(RecordingError, match=r"none of 3 records could be screened; a: .* each lead by itself"):
        ss.screen_recordings(folder, model, out=out, target=0, fs=FS)
    for words in (
        ["report", out],
        ["export", out, "--format", "csv", "--out", tmp_path / "e"],
        ["review", out, "--no-browser"],
    ):
        assert "db.zarr is a database without records; screen some into it first" in run(*words, code=1).stderr
    with pytest.raises(RecordingError, match="without records"):
        ss.open_results(out)
    found = ss.screen_recordings(folder, model, out=out, target=0, each_lead=True, fs=FS)
    assert [one.done for one in found] == [1, 1, 1]


def test_a_second_run_adds_what_is_new(tmp_path, folder, model):
    out = tmp_path / "db.zarr"
    ss.screen_recordings([folder / "a"], model, out=out, target=0, each_lead=True, fs=FS)
    found = ss.screen_recordings(folder, model, out=out, target=0, each_lead=True, fs=FS)
    assert [one.record for one in found] == ["a", "b", "c"]
    with pytest.raises(OutputError, match="was made with other settings"):
        ss.screen_recordings(folder, model, out=out, target=0, each_lead=True, hop=0.5, fs=FS)


def test_one_store_is_no_database_and_the_other_way_round(tmp_path, folder, model):
    one, several = tmp_path / "one.zarr", tmp_path / "several.zarr"
    ss.screen_recording(folder / "a", model, out=one, each_lead=True, fs=FS)
    ss.screen_recordings([folder / "a"], model, out=several, each_lead=True, fs=FS)
    with pytest.raises(OutputError, match="is the store of one recording"):
        ss.screen_recordings([folder / "a"], model, out=one, each_lead=True, fs=FS)
    with pytest.raises(OutputError, match="a database of several records is there"):
        ss.screen_recording(folder / "a", model, out=several, each_lead=True, fs=FS)
    with pytest.raises(RecordingError, match="holds 1 records; name one of a"):
        ss.open_results(several)
    with pytest.raises(RecordingError, match="record 'z' is not in"):
        ss.open_results(several, "z")


def test_which_recordings_are_in_a_folder(tmp_path, folder):
    assert [name for name, _ in records_of(folder)] == ["a", "b", "c"]
    (tmp_path / "RECORDS").write_text("x/1\nx/2\n")
    assert [name for name, _ in records_of(tmp_path)] == ["1", "2"]
    with pytest.raises(RecordingError, match=r"two recordings are called .*a; name each once"):
        records_of([folder / "a", folder / "a"])
    with pytest.raises(RecordingError, match="there is no folder"):
        records_of(tmp_path / "nowhere")
    (tmp_path / "RECORDS").write_text("")
    with pytest.raises(RecordingError, match="holds no recording"):
        records_of(tmp_path)


def test_records_of_one_name_are_named_by_their_path(tmp_path):
    (tmp_path / "RECORDS").write_bytes(b"# two people\r\nx/a/1\r\nx/b/1\r\ny/b/1\r\ny/b/2\r\n")
    found = records_of(tmp_path)
    assert [name for name, _ in found] == ["2", "a-1", "x-b-1", "y-b-1"]
    assert dict(found)["x-b-1"] == tmp_path / "x" / "b" / "1"


def test_each_of_two_records_of_one_name_has_its_store(tmp_path, model):
    fs, rng = 100, np.random.default_rng(0)
    for place in "xy":
        (tmp_path / place).mkdir()
        np.savez(tmp_path / place / "r.npz", signal=rng.normal(size=(1000, 1)), fs=fs)
    out = tmp_path / "db.zarr"
    paths = [tmp_path / place / "r.npz" for place in "xy"]
    found = ss.screen_recordings(paths, model, out=out, target=0, resample=fs)
    assert [one.record for one in found] == ["x-r", "y-r"]
    for place, path in zip("xy", paths, strict=True):
        stored = ss.open_results(out, f"{place}-r").signal.values
        np.testing.assert_allclose(stored, ss.read_recording(path).signal, atol=1e-6)


def test_annotations_on_a_clock_of_their_own_in_the_store_and_its_exports(tmp_path, model):
    write_record(tmp_path, "r")
    at = np.array([10, 700, 2500])  # samples of the record
    wfdb.wrann("r", "gqrs", at * 4, symbol=["N", "V", "N"], fs=FS * 4, write_dir=str(tmp_path))
    out = tmp_path / "r.zarr"
    given = {"target": 0, "each_lead": True, "annotator": "gqrs", "resample": FS}
    stored = ss.screen_recording(tmp_path / "r", model, out=out, **given)
    assert stored.annotation_sample.values.tolist() == at.tolist()
    assert stored.annotation_symbol.values.tolist() == ["N", "V", "N"]
    ss.export_results(out, tmp_path / "r.npz", "npz", start=1)
    shown = load_result(tmp_path / "r.npz").recording
    assert [(a.sample, a.symbol) for a in shown.annotations] == [(700 - FS, "V"), (2500 - FS, "N")]


def test_a_folder_of_texts(tmp_path):
    for name in ("b.txt", "a.txt"):
        np.savetxt(tmp_path / name, np.arange(9))
    assert [name for name, _ in records_of(tmp_path)] == ["a", "b"]
    (tmp_path / "c.csv").write_text("1\n")  # now the texts are notes
    assert [name for name, _ in records_of(tmp_path)] == ["c"]


def test_pipes_in_a_folder_are_no_recordings(tmp_path):
    os.mkfifo(tmp_path / "p.hea")
    os.mkfifo(tmp_path / "q.csv")
    os.mkfifo(tmp_path / "RECORDS")
    np.save(tmp_path / "r.npy", np.arange(9))
    assert [name for name, _ in records_of(tmp_path)] == ["r"]


def test_the_summary_counts_what_is_there(tmp_path):
    ecg = recording(gap=slice(700, 760))
    out = tmp_path / "s.zarr"
    ds = ss.screen_recording(
        *(ecg, softmax_net(), {"saliency": {}, "integrated_gradients": {"steps": 200}}),
        **{"out": out, "class_names": ["N", "V", "A"], "alarm": "V", "threshold": 0.33},
    ).load()
    (found,) = summarise(out)
    assert found.hours == pytest.approx(2600 / FS / 3600)
    assert (found.windows, found.gaps) == (ds.sizes["window"], int(ds.gap.sum()))
    assert found.flagged == int((ds.probability[:, 1] > 0.33).sum())
    whole = ds.gap.values == 0
    highest = ds.probability.values[whole].argmax(axis=1)
    assert found.classes == {n: int((highest == i).sum()) for i, n in enumerate("NVA") if (highest == i).any()}
    assert found.completeness["integrated_gradients"] == float(np.nanmax(abs(ds.completeness_integrated_gradients)))
    a, bad = ds.attribution_saliency.values, ds.bad.values > 0
    known = np.isfinite(a)
    share = found.relevance["saliency"]["any"]
    assert share.relevance == pytest.approx(np.abs(a[known & bad]).sum() / np.abs(a[known]).sum(), rel=1e-5)
    assert share.time == pytest.approx(bad[known].mean())
    signal = np.isfinite(ds.signal.values)
    assert found.bad["any"] == pytest.approx(bad[signal].mean())
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["windows"] == found.windows
    assert len(table([found])[1]) == len(table([found])[0])


def test_the_summary_of_half_a_run_counts_that_half(tmp_path):
    out = tmp_path / "s.zarr"
    ss.screen_recording(recording(), softmax_net(), out=out)
    group = store.opened(out, "r+")
    group["done"][1:] = 0
    (found,) = summarise(out)
    assert found.done == pytest.approx(1 / group["done"].shape[0])
    assert found.windows == group.attrs["shard_windows"]
    assert "done)" in table([found])[1][0]


def run(*words, code=0):
    done = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done


def test_the_command(tmp_path, folder, model):
    out = tmp_path / "a.zarr"
    words = [
        "screen",
        folder / "a",
        "--model",
        model,
        "-m",
        "saliency",
        "-m",
        "integrated_gradients",
        "--each-lead",
        "--fs",
        FS,
    ]
    words += ["--option", "integrated_gradients.steps=8", "--target", 0, "--lead", "V1", "--out", out]
    said = run(*words)
    assert "record" in said.stdout
    assert f"signalscreen review {out}" in said.stdout
    ds = ss.open_results(out)
    assert ds.lead.values.tolist() == ["V1"]
    assert json.loads(ds.attribution_integrated_gradients.attrs["options"]) == {"steps": 8}
    found = json.loads(run(*words, "--json").stdout)
    assert found[0]["record"] == "a"
    assert run(*words, "-q").stdout == ""
    again = run(*words, "--hop", 0.5, code=1)
    assert again.stderr.startswith(f"error: {out} was made with other settings (hop was null, is 0.5")


def test_the_command_on_a_folder_writes_a_table(tmp_path, folder, model):
    out = tmp_path / "db.zarr"
    run("screen", folder, "--model", model, "--each-lead", "--fs", FS, "--explain", "none", "--out", out)
    with (out / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:6] == ["record", "done", "hours", "windows", "flagged", "gaps"]
    for row, one in zip(rows, summarise(out), strict=True):
        assert (row["record"], int(row["windows"]), int(row["flagged"])) == (one.record, one.windows, one.flagged)
        assert (float(row["done"]), float(row["hours"])) == (1.0, one.hours)
        assert (float(row["bad signal"]), row["incomplete"]) == (one.bad["any"], "")


def test_the_plain_table_has_a_number_a_cell():
    one = RecordSummary("a", 10 / 3600, 1.0, 4, 2, 1, {"V": 2, "N": 1}, {"deep_lift": 0.25}, {"any": 0.5})
    one.relevance["saliency"] = {"any": Share(0.125, 0.25)}
    other = RecordSummary("b", 1.0, 0.5, 3, 0, 0, {"A": 3}, {}, {"any": 0.0}, seconds=2.0)
    head, first, second = plain_table([one, other])
    assert dict(zip(head, first, strict=True)) == {
        "record": "a", "done": 1.0, "hours": 10 / 3600, "windows": 4, "flagged": 2, "gaps": 1, "unanswered": 0,
        "highest V": 2, "highest N": 1, "highest A": 0, "incomplete": 0.25, "bad signal": 0.5,
        "saliency on bad": 0.125, "saliency chance": 0.25, "seconds": 0.0,
    }  # fmt: skip
    assert second == ["b", 0.5, 1.0, 3, 0, 0, 0, 0, 0, 3, "", 0.0, "", "", 2.0]
    assert table([one])[1][1] == "0.0028"


def test_the_printed_table_says_what_is_flagged_of_the_windows_without_gaps():
    one = RecordSummary(
        "a", 2.0, 0.5, 10, 2, 5, {"N": 4, "V": 3, "A": 2, "J": 1}, {"deep_lift": 0.25}, {"any": 0.5}
    )
    one.relevance["saliency"] = {"any": Share(0.125, 0.025)}
    empty = RecordSummary("b", 1.0, 1.0, 3, 0, 3, {}, {}, {"any": 0.0}, seconds=2.0)
    head, first, second = table([one, empty])
    assert dict(zip(head, first, strict=True)) == {
        "record": "a (50% done)", "hours": "2.00", "windows": "10", "flagged": "2 (40%)", "gaps": "5",
        "top classes": "N 4, V 3, A 2", "incomplete": "0.25", "bad signal": "50%", "saliency on bad": "12% (2.5%)",
        "seconds": "0.0",
    }  # fmt: skip
    assert second == ["b", "1.00", "3", "0 (0.0%)", "3", "-", "-", "0.0%", "-", "2.0"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--lead", "aVF"], 1, "lead 'aVF' is not there"),
        (["--threshold", "2"], 2, "2.0 is not in the range"),
        (["-m", "magic"], 2, "'magic' is not known"),
        (["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], 2, "give one of them"),
        (["--window", "7"], 1, "the model takes windows of 80 samples"),
    ],
)
def test_wrong_calls(tmp_path, folder, model, words, code, said):
    base = ["screen", folder / "a", "--model", model, "--each-lead", "--out", tmp_path / "s.zarr"]
    assert said in run(*base, *words, code=code).stderr
    assert not (tmp_path / "s.zarr").exists()


def test_real_records(tmp_path, real_data):
    """MIT-BIH 106 by the shipped network: what it flags is where annotators saw noise more often than not."""
    from signalscreen.demo import quality_model_path

    ds = ss.screen_recording(
        *(real_data / "mitdb" / "106", quality_model_path(), {"saliency": {}, "grad_cam": {}}),
        **{"out": tmp_path / "106.zarr", "target": 0, "each_lead": True, "resample": 125, "normalise": "zscore"},
        **{"explain": "flagged", "end": 600.0},
    )
    assert ds.lead.values.tolist() == ["MLII", "V1"]
    assert ds.signal.attrs["units"] == ["mV", "mV"]
    assert 0 < int(ds.flagged.sum()) < ds.sizes["window"]
    flagged = ds.flagged.values == 1
    np.testing.assert_array_equal(ds.probability.values[:, 0] > 0.5, flagged)
    signal = wfdb.rdrecord(str(real_data / "mitdb" / "106"), sampto=216_000).p_signal
    np.testing.assert_allclose(ds.signal.values, signal, atol=1e-6)
    marks = wfdb.rdann(str(real_data / "mitdb" / "106"), "atr", sampto=216_000)
    np.testing.assert_array_equal(ds.annotation_sample.values, marks.sample)
    (found,) = summarise(tmp_path / "106.zarr")
    assert math.isclose(found.hours, 1 / 6)
