"""A recording into a store: the same numbers as the methods give, on the recording's own timeline."""

import json

import numpy as np
import pytest

keras = pytest.importorskip("keras")

import signalscreen as ss  # noqa: E402
from signalscreen.errors import MethodError, ModelError, OptionError, OutputError, RecordingError  # noqa: E402
from signalscreen.exports.part import part_of  # noqa: E402
from signalscreen.quality import bad_signal  # noqa: E402
from signalscreen.recording import Recording  # noqa: E402
from signalscreen.report.redo import command  # noqa: E402
from signalscreen.screening import cut_for, explain_windows, layout  # noqa: E402
from tests.screening.nets import FS, quality_net, recording, softmax_net  # noqa: E402

pytestmark = pytest.mark.usefixtures("short_shards")


@pytest.fixture(scope="module")
def two_leads():
    return softmax_net()


@pytest.fixture(scope="module")
def one_lead():
    return quality_net()


def read(dataset, name):
    return np.asarray(dataset[name].values)


@pytest.mark.parametrize("method", ["saliency", "grad_cam", "occlusion", "integrated_gradients"])
def test_stitched_as_by_the_methods_themselves(tmp_path, two_leads, method):
    ecg = recording()
    options = {"occlusion": {"window": 10, "stride": 5}, "integrated_gradients": {"steps": 16}}.get(method, {})
    ds = ss.screen_recording(ecg, two_leads, {method: options}, out=tmp_path / "s.zarr", target=1)
    assert ds.sizes["shard"] > 3
    windows = cut_for(two_leads, ecg)
    expected = explain_windows(ss.Score(two_leads, 1), windows, len(ecg), method, options)
    found = read(ds, f"attribution_{method}")
    wanted = expected.attribution if expected.attribution.ndim == 2 else expected.attribution[:, None]
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(found, np.broadcast_to(wanted, found.shape), atol=2e-6 * scale, rtol=1e-5)
    np.testing.assert_array_equal(read(ds, "window_start"), windows.starts)
    np.testing.assert_allclose(read(ds, "score"), expected.scores, rtol=1e-5, atol=1e-6)
    assert (read(ds, "target") == 1).all()
    assert ds[f"attribution_{method}"].attrs["per_lead"] == (expected.attribution.ndim == 2)


def test_scores_of_all_classes(tmp_path, two_leads):
    ecg = recording(gap=slice(700, 760))
    ds = ss.screen_recording(ecg, two_leads, out=tmp_path / "s.zarr", class_names=["N", "V", "A"])
    windows = cut_for(two_leads, ecg)
    probability = two_leads.predict(windows.values, verbose=0)
    whole = ~read(ds, "gap").astype(bool)
    assert (~whole).sum() == len(windows.skipped) > 0
    np.testing.assert_allclose(read(ds, "probability")[whole], probability, atol=1e-6)
    assert np.isnan(read(ds, "probability")[~whole]).all()
    np.testing.assert_array_equal(read(ds, "target")[whole], probability.argmax(axis=1))
    assert (read(ds, "target")[~whole] == -1).all()
    logit = read(ds, "logit")[whole]
    np.testing.assert_allclose(read(ds, "score")[whole], logit.max(axis=1))
    odds = np.exp(logit - logit.max(axis=1, keepdims=True))
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), probability, atol=1e-5)
    assert ds["class"].values.tolist() == ["N", "V", "A"]


def test_a_gap_stays_one_and_is_not_explained(tmp_path, two_leads):
    ecg = recording(gap=slice(700, 760))
    ds = ss.screen_recording(ecg, two_leads, out=tmp_path / "s.zarr", target=0)
    np.testing.assert_array_equal(np.isnan(read(ds, "signal")), np.isnan(ecg.signal))
    attribution = read(ds, "attribution_saliency")
    assert np.isnan(attribution[700:760]).all()
    assert np.isfinite(attribution[:600]).all()


def test_each_lead_by_itself(tmp_path, one_lead):
    ecg = recording()
    ds = ss.screen_recording(
        ecg, one_lead, out=tmp_path / "s.zarr", target=0, each_lead=True, normalise="zscore", hop=0.5
    )
    leads = read(ds, "window_lead")
    assert leads[:4].tolist() == [0, 1, 0, 1]
    for i, name in enumerate(ecg.names):
        windows = cut_for(one_lead, ecg.pick([name]), normalise="zscore", hop=0.5)
        alone = explain_windows(ss.Score(one_lead, 0), windows, len(ecg), "saliency")
        np.testing.assert_allclose(
            read(ds, "attribution_saliency")[:, i], alone.attribution[:, 0], atol=1e-6, rtol=1e-5
        )
        np.testing.assert_array_equal(read(ds, "window_start")[leads == i], windows.starts)
        np.testing.assert_allclose(read(ds, "score")[leads == i], alone.scores, rtol=1e-5, atol=1e-6)


def test_only_flagged_windows_are_explained(tmp_path, one_lead):
    ecg = recording()
    every = ss.screen_recording(ecg, one_lead, out=tmp_path / "a.zarr", target=0, each_lead=True)
    threshold = float(np.quantile(read(every, "probability"), 0.8))
    ds = ss.screen_recording(
        *(ecg, one_lead), out=tmp_path / "f.zarr", target=0, each_lead=True, explain="flagged", threshold=threshold
    )
    flagged = read(ds, "flagged").astype(bool)
    np.testing.assert_array_equal(flagged, read(ds, "probability")[:, 0] > threshold)
    np.testing.assert_array_equal(read(ds, "explained").astype(bool), flagged)
    covered = np.zeros((len(ecg), 2), bool)
    for start, lead in zip(read(ds, "window_start")[flagged], read(ds, "window_lead")[flagged], strict=True):
        covered[start : start + 80, lead] = True
    np.testing.assert_array_equal(np.isfinite(read(ds, "attribution_saliency")), covered)
    assert 0 < covered.mean() < 0.6


def test_scores_only(tmp_path, one_lead):
    ds = ss.screen_recording(recording(), one_lead, out=tmp_path / "s.zarr", each_lead=True, explain="none")
    assert not [name for name in ds if str(name).startswith("attribution")]
    assert np.isfinite(read(ds, "probability")).all()


def test_the_timeline_is_the_recordings_own(tmp_path, one_lead):
    """At another rate than the model's, a map lies where the model saw it."""
    ecg = recording(leads=1)
    fast = ecg.resample(3 * FS)
    slow = ss.screen_recording(ecg, one_lead, out=tmp_path / "slow.zarr", target=0)
    ds = ss.screen_recording(fast, one_lead, out=tmp_path / "fast.zarr", target=0, resample=FS)
    assert ds.sizes["time"] == 3 * len(ecg)
    np.testing.assert_allclose(read(ds, "window_start_s"), read(slow, "window_start_s"))
    np.testing.assert_allclose(read(ds, "score"), read(slow, "score"), atol=0.05)
    here, there = read(ds, "attribution_saliency")[::3, 0], read(slow, "attribution_saliency")[:, 0]
    assert np.corrcoef(here, there)[0, 1] > 0.98
    np.testing.assert_allclose(ds.time_s.values[:3], np.arange(3) / (3 * FS))


def test_what_the_store_says(tmp_path, two_leads):
    ecg = recording()
    ds = ss.screen_recording(
        ecg, two_leads, {"integrated_gradients": {"steps": 64}}, out=tmp_path / "s.zarr", target=2
    )
    np.testing.assert_array_equal(read(ds, "signal"), ecg.signal.astype(np.float32))
    assert ds.lead.values.tolist() == ["II", "V1"]
    assert ds.signal.attrs["units"] == ["mV", "mV"]
    np.testing.assert_array_equal(read(ds, "bad"), bad_signal(ecg.signal, FS))
    np.testing.assert_array_equal(read(ds, "annotation_sample"), [a.sample for a in ecg.annotations])
    assert set(read(ds, "annotation_symbol").tolist()) == {"N"}
    assert json.loads(ds.attribution_integrated_gradients.attrs["options"]) == {"steps": 64}
    assert np.nanmax(np.abs(read(ds, "completeness_integrated_gradients"))) < 0.2
    facts = json.loads(ds.attrs["facts"])
    assert len(facts["fingerprint"]) == 64
    assert facts["settings"]["target"] == 2
    assert (read(ds, "done") == 1).all()
    ten = ds.attribution_integrated_gradients.sel(time=slice(10, 20), method="nearest")
    np.testing.assert_array_equal(ten.values, read(ds, "attribution_integrated_gradients")[400:800])


def test_a_part_of_a_recording_keeps_its_clock(tmp_path, two_leads):
    ecg = recording()
    part = ss.screen_recording(ecg, two_leads, out=tmp_path / "p.zarr", target=0, start=20.0, end=45.0)
    np.testing.assert_array_equal(read(part, "signal"), ecg.signal[800:1800].astype(np.float32))
    assert part.time.values[0] == 20.0
    assert read(part, "window_start_s")[0] == 20.0


def test_sequences_have_a_score_and_no_classes(tmp_path):
    from keras import layers as kl

    keras.utils.set_random_seed(0)
    i = keras.Input((None, 2))
    model = keras.Model(i, kl.Conv1D(3, 5, padding="same")(i))
    ds = ss.screen_recording(recording(), model, out=tmp_path / "s.zarr", target=(40, 1), window=2.0)
    assert "probability" not in ds
    assert np.isfinite(read(ds, "score")).all()


def test_what_was_done_is_not_done_again(tmp_path, two_leads, monkeypatch):
    from signalscreen.screening import running

    out, ecg = tmp_path / "s.zarr", recording()
    before = ss.screen_recording(ecg, two_leads, out=out, target=0).load()
    group = running.store.opened(out, "r+")
    group["done"][2] = 0
    group["attribution_saliency"][:] = np.where(
        np.arange(len(ecg))[:, None] < 0, 0, group["attribution_saliency"][:]
    )
    done = []
    answered = running.answered
    monkeypatch.setattr(running, "answered", lambda ready, rows: done.append(len(rows)) or answered(ready, rows))
    after = ss.screen_recording(ecg, two_leads, out=out, target=0).load()
    assert len(done) == 1
    for name in before:
        if name != "seconds":
            np.testing.assert_array_equal(before[name].values, after[name].values)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"target": 1}, "target was 0, is 1"),
        ({"hop": 0.5}, "hop was null, is 0.5"),
        ({"threshold": 0.9}, "threshold was 0.5, is 0.9"),
        ({"method": {"saliency": {}, "grad_cam": {}}}, "methods.grad_cam was not given, is given"),
        ({"record": recording(seed=3)}, "record.checksum was"),
        ({"model": softmax_net(classes=4)}, "model.sha256 was"),
    ],
)
def test_a_store_of_other_settings_is_refused(tmp_path, two_leads, change, word):
    given = {
        "record": recording(),
        "model": two_leads,
        "method": "saliency",
        "target": 0,
        "out": tmp_path / "s.zarr",
    }
    ss.screen_recording(**given)
    with pytest.raises(OutputError, match="was made with other settings") as error:
        ss.screen_recording(**{**given, **change})
    assert word in str(error.value)
    ss.screen_recording(**{**given, **change}, overwrite=True)


def test_a_sampling_rate_that_was_given_is_kept_for_doing_it_again(tmp_path, two_leads):
    """A `.npy` file cannot be read without it; the fingerprint has the rate that was read, whoever said it."""
    np.save(tmp_path / "r.npy", recording().signal)
    given = ss.screen_recording(tmp_path / "r.npy", two_leads, out=tmp_path / "n.zarr", fs=recording().fs)
    assert f"--fs {recording().fs:g} " in command([part_of(str(tmp_path / "n.zarr"))], "r.npy", "o")
    facts = json.loads(given.attrs["facts"])
    assert facts["reading"] == {"fs": recording().fs}
    assert "reading" not in facts["settings"]


def test_a_store_of_other_shards_is_refused(tmp_path, two_leads, monkeypatch):
    """What is said to be done would be another part of the recording."""
    ss.screen_recording(recording(), two_leads, out=tmp_path / "s.zarr")
    monkeypatch.setattr(layout, "_SHARD_SECONDS", 20.0)
    with pytest.raises(OutputError, match=r"made with other settings \(shard\.samples was 400, is 800"):
        ss.screen_recording(recording(), two_leads, out=tmp_path / "s.zarr")


def test_a_store_whose_making_was_interrupted_is_made_anew(tmp_path, two_leads, monkeypatch):
    from signalscreen.screening import allocation

    out = tmp_path / "s.zarr"

    def killed(group, spec):
        raise KeyboardInterrupt

    monkeypatch.setattr(allocation, "_put_known", killed)
    with pytest.raises(KeyboardInterrupt):
        ss.screen_recording(recording(), two_leads, out=out)
    monkeypatch.undo()
    assert (ss.screen_recording(recording(), two_leads, out=out).done == 1).all()


def test_other_things_are_not_overwritten(tmp_path, two_leads):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    for out in (tmp_path / "thesis", tmp_path / "thesis" / "chapter.txt"):
        with pytest.raises(OutputError, match="is no store of signalscreen"):
            ss.screen_recording(recording(), two_leads, out=out, overwrite=True)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"record": recording(samples=60)}, RecordingError, "made is 1.5 s long, shorter than one window of 2 s"),
        ({"record": recording(leads=4)}, RecordingError, "the model takes 2 leads, but made gives 4"),
        ({"leads": ["aVF"]}, RecordingError, "lead 'aVF' is not there"),
        ({"leads": ["II"]}, RecordingError, "the model takes 2 leads, but made gives 1"),
        ({"each_lead": True}, RecordingError, "the model takes 2 leads at a time"),
        ({"window": 3.0}, ModelError, "the model takes windows of 80 samples, but 3 s at 40 Hz are 120"),
        ({"hop": 5.0}, OptionError, "a hop of 5 s does not fit windows of 2 s"),
        ({"hop": -1.0}, OptionError, "hop=-1.0 is not possible"),
        ({"threshold": 50}, OptionError, "a threshold of 50 is no probability"),
        ({"explain": "some"}, OptionError, "explain='some' is not known; choose all, flagged, none"),
        ({"explain": "flagged"}, OptionError, "needs an alarm; give alarm, one of 0, 1, 2"),
        ({"alarm": "V"}, OptionError, "alarm 'V' is no class of the model; give one of 0, 1, 2"),
        ({"alarm": -1}, OptionError, "alarm -1 is no class of the model; give one of 0, 1, 2"),
        ({"target": -1}, ss.errors.TargetError, "target -1 is out of range; the model has 3 outputs, 0 to 2"),
        ({"class_names": ["N", "V"]}, OptionError, "class_names has 2 (N, V), but the model has 3 outputs"),
        ({"class_names": list("NVAF"), "target": "V"}, OptionError, "has 4 (N, V, A, F), but the model has 3"),
        ({"class_names": list("NVV"), "target": "V"}, OptionError, "class_names has a name twice (N, V, V)"),
        ({"method": "magic"}, MethodError, "method 'magic' is not known"),
        ({"method": {"saliency": {"steps": 3}}}, OptionError, "saliency has no option 'steps'"),
        ({"method": []}, OptionError, "no method was given"),
        ({"target": 7}, ss.errors.TargetError, "7"),
        ({"normalise": "loud"}, OptionError, "normalise='loud' is not known"),
        ({"kind": "eeg"}, OptionError, "kind='eeg' is not known; choose ecg, ppg, other"),
        ({"resample": 0.0001}, RecordingError, "too far below"),
        ({"record": "nowhere/100x"}, RecordingError, "nowhere/100x"),
        ({"model": "nowhere.keras"}, ModelError, "nowhere.keras"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_written(tmp_path, two_leads, given, kind, words):
    out = tmp_path / "s.zarr"
    job = {"record": recording(), "model": two_leads, "out": out, **given}
    with pytest.raises(kind) as error:
        ss.screen_recording(**job)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
    assert not out.exists()


def test_nothing_but_gaps(tmp_path, two_leads):
    ds = ss.screen_recording(recording(gap=slice(None)), two_leads, out=tmp_path / "s.zarr", target=0)
    assert (ds.gap == 1).all()
    assert np.isnan(read(ds, "attribution_saliency")).all()


def test_no_store_is_said(tmp_path):
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(RecordingError, match="is no store of signalscreen"):
            ss.open_results(path)


def test_a_network_on_plain_vectors(tmp_path):
    from keras import layers as kl

    keras.utils.set_random_seed(0)
    i = keras.Input((80,))
    model = keras.Model(i, kl.Dense(2, activation="softmax")(kl.Dense(8, activation="relu")(i)))
    ecg = recording(leads=1)
    ds = ss.screen_recording(ecg, model, out=tmp_path / "s.zarr", target=1)
    windows = cut_for(model, ecg)
    expected = explain_windows(ss.Score(model, 1), windows, len(ecg), "saliency").attribution
    np.testing.assert_allclose(read(ds, "attribution_saliency")[:, 0], expected, rtol=1e-4, atol=1e-6)


def test_random_methods_give_the_same_again(tmp_path, two_leads):
    given = {"method": {"smooth_grad": {"samples": 3, "seed": 4}}, "target": 0}
    one = ss.screen_recording(recording(), two_leads, out=tmp_path / "a.zarr", **given)
    two = ss.screen_recording(recording(), two_leads, out=tmp_path / "b.zarr", **given)
    np.testing.assert_array_equal(read(one, "attribution_smooth_grad"), read(two, "attribution_smooth_grad"))


def test_any_executor_does_the_shards(tmp_path, two_leads):
    """In threads, which is enough to see that a job can be sent and done out of order."""
    from concurrent.futures import ThreadPoolExecutor

    import wfdb

    ecg = recording()
    wfdb.wrsamp("r", FS, ["mV"] * 2, list(ecg.names), p_signal=ecg.signal, fmt=["16"] * 2, write_dir=str(tmp_path))
    two_leads.save(tmp_path / "m.keras")
    given = {"record": tmp_path / "r", "model": tmp_path / "m.keras", "target": 0, "fs": FS}
    here = ss.screen_recording(**given, out=tmp_path / "a.zarr")
    with ThreadPoolExecutor(2) as executor:
        there = ss.screen_recording(**given, out=tmp_path / "b.zarr", executor=executor)
        for name in here:
            if name != "seconds":
                np.testing.assert_array_equal(here[name].values, there[name].values)
        with pytest.raises(OptionError, match="give them model and record as paths"):
            ss.screen_recording(ecg, two_leads, out=tmp_path / "c.zarr", executor=executor)


def test_a_store_in_memory(two_leads):
    """Any URL that fsspec writes to."""
    ds = ss.screen_recording(recording(), two_leads, out="memory://of-two-leads.zarr", target=0)
    assert (ds.done == 1).all()
    again = ss.screen_recording(recording(), two_leads, out="memory://of-two-leads.zarr", target=0)
    np.testing.assert_array_equal(read(ds, "attribution_saliency"), read(again, "attribution_saliency"))


@pytest.mark.parametrize(("fs", "rate", "hop"), [(90, 32, 64), (72, 25, 64), (257, 100, 20), (25, 72, 64)])
def test_the_layout_of_shards_does_not_show(tmp_path, monkeypatch, fs, rate, hop):
    """Samples at the border of a shard lie between model samples of two windows, one of which begins there."""
    i = keras.Input((64, 2))
    x = keras.layers.Conv1D(3, 5, padding="same", activation="tanh")(i)
    model = keras.Model(i, keras.layers.Dense(2)(keras.layers.Flatten()(x)))
    rng = np.random.default_rng(5)
    signal = np.cumsum(rng.normal(size=(64 * 20 * fs // rate, 2)), axis=0) + 50
    signal[len(signal) // 3] = np.nan
    ecg = Recording(signal, fs=float(fs))
    found = {}
    for seconds in (1e4, 1.5 * 64 / rate):
        monkeypatch.setattr(layout, "_SHARD_SECONDS", seconds)
        monkeypatch.setattr(layout, "_LEAST_WINDOWS", 1)
        ds = ss.screen_recording(
            ecg, model, out=tmp_path / f"{seconds:.0f}.zarr", target=0, resample=rate, hop=hop / rate, kind="other"
        )
        found[ds.sizes["shard"]] = ds
    (one, whole), (several, cut_up) = sorted(found.items())
    assert (one, several > 8) == (1, True)
    np.testing.assert_allclose(read(cut_up, "logit"), read(whole, "logit"), rtol=1e-5, atol=1e-5)
    wanted = read(whole, "attribution_saliency")
    atol = 2e-6 * np.nanmax(np.abs(wanted))
    np.testing.assert_allclose(read(cut_up, "attribution_saliency"), wanted, rtol=0, atol=atol)


def test_a_store_with_verdicts_is_not_replaced(tmp_path, one_lead):
    """Nor one that another process makes while methods are tried."""
    from signalscreen.verdicts import VerdictTable, read_verdicts

    out, ecg = tmp_path / "s.zarr", recording(leads=1)
    ss.screen_recording(ecg, one_lead, out=out, target=0)
    VerdictTable(out, "anna").set("reject", start=0, stop=80)
    with pytest.raises(OutputError, match="holds verdicts, which nobody can make again"):
        ss.screen_recording(ecg, one_lead, out=out, target=0, hop=0.5, overwrite=True)
    assert len(read_verdicts(out)) == 1
    (out / "verdicts").rename(tmp_path / "kept")
    ss.screen_recording(ecg, one_lead, out=out, target=0, hop=0.5, overwrite=True)


def test_a_store_made_by_another_process_meanwhile_is_taken_up(tmp_path, one_lead, monkeypatch):
    from signalscreen.screening import making

    out, ecg = tmp_path / "s.zarr", recording(leads=1)

    def tried(ready, real=making._tried):
        monkeypatch.setattr(making, "_tried", real)
        ss.screen_recording(ecg, one_lead, out=out, target=0)
        return real(ready)

    monkeypatch.setattr(making, "_tried", tried)
    ss.screen_recording(ecg, one_lead, out=out, target=0)
    assert all(ss.screening.open_results(out).done.values)
