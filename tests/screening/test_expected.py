"""Screenings of models that say what they expect: as if the options had been given."""

import json
import shlex

import numpy as np
import pytest
import wfdb
from click.testing import CliRunner

keras = pytest.importorskip("keras")

import signalscreen as ss  # noqa: E402
from signalscreen.cli import main, values  # noqa: E402
from signalscreen.errors import (  # noqa: E402
    ModelError,
    MostlyFlaggedWarning,
    OptionError,
    RateWarning,
    RecordingError,
    UnitsWarning,
)
from signalscreen.exports.part import part_of  # noqa: E402
from signalscreen.recording import Recording  # noqa: E402
from signalscreen.report.redo import command  # noqa: E402
from signalscreen.screening import store  # noqa: E402
from tests.screening.nets import FS, quality_net, recording, softmax_net  # noqa: E402

EXPECTS = ss.Expectations(
    fs=25, units="mV", normalise="zscore", leads="one", class_names=("artefact",), alarm="artefact", threshold=0.4,
    kind="other", card="card.md",
)  # fmt: skip
GIVEN = {
    "resample": 25, "normalise": "zscore", "each_lead": True, "class_names": ["artefact"], "alarm": "artefact",
    "threshold": 0.4, "kind": "other",
}  # fmt: skip


def saved(folder, net, expects=None, name="net"):
    path = folder / f"{name}.keras"
    net.save(path)
    if expects is not None:
        ss.write_expectations(path, expects)
    return path


@pytest.fixture
def record(tmp_path):
    ecg = recording()
    wfdb.wrsamp("r", FS, ["mV"] * 2, list(ecg.names), p_signal=ecg.signal, fmt=["16"] * 2, write_dir=str(tmp_path))
    return tmp_path / "r"


def settings_of(path):
    return json.loads(store.opened(path).attrs["facts"])["settings"]


def same(one, other):
    for name in one:
        if name != "seconds":
            np.testing.assert_array_equal(one[name].values, other[name].values, err_msg=name)


def test_what_is_left_out_is_as_the_model_expects_it(tmp_path, record):
    said, silent = saved(tmp_path, quality_net(), EXPECTS), saved(tmp_path, quality_net(), name="silent")
    left_out = ss.screen_recording(record, said, out=tmp_path / "a.zarr")
    given = ss.screen_recording(record, silent, out=tmp_path / "b.zarr", **GIVEN)
    same(left_out, given)
    one, other = (settings_of(tmp_path / name) for name in ("a.zarr", "b.zarr"))
    assert one.pop("model") != other.pop("model")  # Keras writes the time into its files
    assert one == other
    # The same again by hand: the store takes up, whether options are given or left out.
    ss.screen_recording(record, said, out=tmp_path / "a.zarr", **GIVEN)
    group = store.opened(tmp_path / "a.zarr")
    assert (group.attrs["class_names"], group.attrs["alarm"], group.attrs["threshold"]) == (["artefact"], 0, 0.4)


def test_a_model_in_memory_still_says_it(tmp_path, record):
    path = saved(tmp_path, quality_net(), EXPECTS)
    model = ss.load_model(path)
    assert ss.expectations_of(model) == EXPECTS
    same(
        ss.screen_recording(record, model, out=tmp_path / "a.zarr"),
        ss.screen_recording(record, path, out=tmp_path / "b.zarr"),
    )
    assert settings_of(tmp_path / "a.zarr")["resample"] == 25


def test_options_win(tmp_path, record):
    path = saved(tmp_path, quality_net(), EXPECTS)
    other = {"resample": FS, "normalise": "none", "class_names": ["bad"], "threshold": 0.0, "kind": "ecg"}
    ds = ss.screen_recording(record, path, out=tmp_path / "a.zarr", alarm="bad", leads="V1", **other)
    assert (ds["class"].values.tolist(), ds.lead.values.tolist()) == (["bad"], ["V1"])
    assert (ds.attrs["threshold"], settings_of(tmp_path / "a.zarr")["each_lead"]) == (0.0, False)
    window = ss.read_recording(record, end=2).pick("V1").signal.astype("float32")
    by_hand = np.asarray(quality_net()(window[None]))[0, 0]
    assert ds.probability.values[0, 0] == pytest.approx(by_hand, rel=1e-5)


def test_the_command_to_do_it_again_wins_over_the_model(tmp_path, record):
    """What the report says makes the same store, where the defaults are not what the model expects."""
    path = saved(tmp_path, quality_net(), EXPECTS)
    given = {"resample": 20, "normalise": "none", "threshold": 0.5, "kind": "ecg", "hop": 1}
    ss.screen_recording(record, path, out=tmp_path / "a.zarr", **given)
    words = shlex.split(command([part_of(str(tmp_path / "a.zarr"))], str(record), str(tmp_path / "b.zarr")))
    words[words.index("--model") + 1] = str(path)
    done = CliRunner().invoke(main, words[1:], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    a, b = settings_of(tmp_path / "a.zarr"), settings_of(tmp_path / "b.zarr")
    for one in (a, b):
        one["record"].pop("checksum")
    assert {name: value for name, value in b.items() if a[name] != value} == {}


def test_the_alarm_is_the_targets_where_one_is_given(tmp_path):
    expects = ss.Expectations(class_names=("N", "V", "A"), alarm="V")
    path = saved(tmp_path, softmax_net(), expects)
    for target, alarm in ((None, 1), (2, 2), ("A", 2)):
        ds = ss.screen_recording(recording(), path, out=tmp_path / f"{target}.zarr", target=target, explain="none")
        assert ds.attrs["alarm"] == alarm


def test_leads_by_name_in_the_models_order(tmp_path):
    ecg = recording(leads=4)
    path = saved(tmp_path, softmax_net(), ss.Expectations(leads=("V5", "II")))
    ds = ss.screen_recording(ecg, path, out=tmp_path / "a.zarr", target=0)
    assert ds.lead.values.tolist() == ["V5", "II"]
    by_hand = softmax_net()(ecg.pick(["V5", "II"]).signal[None, :80].astype("float32"))
    np.testing.assert_allclose(ds.probability.values[0], np.asarray(by_hand)[0], rtol=1e-5)
    with pytest.raises(RecordingError, match="lead 'V5' is not there"):
        ss.screen_recording(ecg.pick(["II", "V1"]), path, out=tmp_path / "b.zarr", target=0)


def test_one_lead_at_a_time_without_being_told(tmp_path):
    path = saved(tmp_path, quality_net(), ss.Expectations(leads="one"))
    several = ss.screen_recording(recording(), path, out=tmp_path / "a.zarr")
    assert sorted(set(several.window_lead.values.tolist())) == [0, 1]
    one = ss.screen_recording(recording(leads=1), path, out=tmp_path / "b.zarr")
    assert set(one.window_lead.values.tolist()) == {-1}


def test_the_window_is_asked_for_where_the_model_leaves_it_free(tmp_path):
    free = saved(tmp_path, quality_net(None), ss.Expectations(window=3))
    ds = ss.screen_recording(recording(leads=1), free, out=tmp_path / "a.zarr")
    assert ds.attrs["window_samples"] == 3 * FS
    ds = ss.screen_recording(recording(leads=1), free, out=tmp_path / "b.zarr", window=2)
    assert ds.attrs["window_samples"] == 2 * FS
    own = saved(tmp_path, quality_net(80), ss.Expectations(window=3), name="own")
    ds = ss.screen_recording(recording(leads=1), own, out=tmp_path / "c.zarr")
    assert ds.attrs["window_samples"] == 80  # the model's own


def test_units_are_converted_for_the_model_only(tmp_path):
    net = quality_net()
    path = saved(tmp_path, net, ss.Expectations(units="uV", normalise="none", fs=FS))
    signal = recording(leads=2).signal * [1.0, 1000.0]
    mixed = Recording(signal, fs=FS, units=("mV", "µV"), names=("a", "b"))
    ds = ss.screen_recording(mixed, path, out=tmp_path / "a.zarr", each_lead=True)
    for lead, factor in ((0, 1000.0), (1, 1.0)):
        window = (signal[:80, lead] * factor).astype("float32")[None, :, None]
        by_hand = np.asarray(net(window))[0, 0]
        assert ds.probability.values[ds.window_lead.values == lead][0, 0] == pytest.approx(by_hand, rel=1e-5)
    np.testing.assert_allclose(ds.signal.values, signal, rtol=1e-6)  # as recorded
    assert settings_of(tmp_path / "a.zarr")["units"] == "uV"


def test_units_that_cannot_be_converted_are_refused_before_the_work(tmp_path):
    path = saved(tmp_path, quality_net(), ss.Expectations(units="mV", fs=FS))
    pressure = Recording(recording(leads=1).signal, fs=FS, units=("mmHg",), names=("ABP",))
    with pytest.raises(RecordingError, match="lead ABP of the recording is in mmHg, and the model expects mV"):
        ss.screen_recording(pressure, path, out=tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr").exists()
    with pytest.warns(UnitsWarning, match=r"these leads are of something else: ABP \(mmHg\)"):
        ss.screen_recording(pressure, path, out=tmp_path / "a.zarr", normalise="zscore")
    unknown = Recording(recording(leads=1).signal, fs=FS)
    with pytest.warns(UnitsWarning, match="does not say the units of signal"):
        ss.screen_recording(unknown, path, out=tmp_path / "b.zarr")


@pytest.mark.parametrize("said", [{"fs": FS}, {"resample": FS}, {"window": 2.0}])
def test_a_rate_that_somebody_said_is_no_doubt(tmp_path, record, said):
    ss.screen_recording(record, saved(tmp_path, quality_net()), out=tmp_path / "a.zarr", each_lead=True, **said)


def test_a_rate_that_nobody_said_is_warned_of(tmp_path, record):
    path = saved(tmp_path, quality_net())
    with pytest.warns(RateWarning, match="gets 40 Hz, as recorded") as one:
        ss.screen_recording(record, path, out=tmp_path / "a.zarr", each_lead=True)
    assert [w.filename for w in one if w.category is RateWarning] == [__file__]
    with pytest.warns(RateWarning, match="gets 40 Hz, as recorded"):
        ss.screen_recordings([record], path, out=tmp_path / "db.zarr", each_lead=True)
    # A recording in memory has the rate that its maker gave it.
    ss.screen_recording(ss.read_recording(record), path, out=tmp_path / "b.zarr", each_lead=True)


def always(answer):
    """A network of one lead that gives one probability for everything."""
    i = keras.Input((80, 1))
    x = keras.layers.GlobalAveragePooling1D()(i)
    net = keras.Model(i, keras.layers.Dense(1, activation="sigmoid")(x))
    net.set_weights([np.zeros((1, 1)), np.full(1, np.log(answer / (1 - answer)))])
    return net


@pytest.mark.parametrize(
    ("answer", "samples", "warned"), [(0.9, 2600, True), (0.1, 2600, False), (0.9, 400, False)]
)
def test_everything_flagged_is_warned_of(tmp_path, answer, samples, warned):
    given = {"out": tmp_path / "a.zarr", "explain": "none", "each_lead": True}
    if not warned:
        ss.screen_recording(recording(samples, leads=1), always(answer), **given)
        return
    with pytest.warns(MostlyFlaggedWarning, match=r"^64 of 64 windows are flagged; that is so where the rate"):
        ss.screen_recording(recording(samples, leads=1), always(answer), **given)


def test_nine_in_ten_are_not_yet_nearly_all(tmp_path):
    from signalscreen.screening.expected import warn_of_flagged

    warn_of_flagged(90, 100)
    warn_of_flagged(9, 9)
    with pytest.warns(MostlyFlaggedWarning, match="^91 of 100"):
        warn_of_flagged(91, 100)
    with pytest.warns(MostlyFlaggedWarning, match="^10 of 10"):
        warn_of_flagged(10, 10)


def test_of_a_database_all_records_count_together(tmp_path):
    for name in "abc":
        ecg = recording(400, leads=1, gap=slice(0, 40) if name == "a" else None)
        wfdb.wrsamp(name, FS, ["mV"], ["II"], p_signal=ecg.signal, fmt=["16"], write_dir=str(tmp_path))
    model = saved(tmp_path, always(0.9), ss.Expectations(fs=FS))
    with pytest.warns(MostlyFlaggedWarning, match=r"^26 of 26 windows"):
        ss.screen_recordings([tmp_path / n for n in "abc"], model, out=tmp_path / "db.zarr", explain="none")


def test_windows_with_gaps_do_not_count(tmp_path):
    ecg = recording(2600, leads=1, gap=slice(1000, 1600))
    with pytest.warns(MostlyFlaggedWarning, match=r"^(\d\d) of \1 windows") as said:
        ds = ss.screen_recording(ecg, always(0.9), out=tmp_path / "a.zarr", explain="none")
    assert str(said[0].message).startswith(f"{int((ds.gap == 0).sum())} of ")


def test_what_a_file_says_wrongly_stops_before_the_work(tmp_path, record):
    path = saved(tmp_path, quality_net(), ss.Expectations(class_names=("N", "V")))
    with pytest.raises(
        ModelError, match=r"classes are N, V \(2\), but it has 1 outputs; correct class_names there"
    ):
        ss.load_model(path)
    with pytest.raises(ModelError, match="classes are N, V"):
        ss.screen_recording(record, path, out=tmp_path / "a.zarr", each_lead=True, fs=FS)
    (tmp_path / "net.signalscreen.toml").write_text("fs = 'fast'")
    with pytest.raises(ModelError, match="fs is 'fast'"):
        ss.screen_recording(record, path, out=tmp_path / "a.zarr", each_lead=True)
    assert not (tmp_path / "a.zarr").exists()


def test_a_part_of_the_network_has_no_classes(tmp_path, record):
    net = quality_net()
    path = saved(tmp_path, net, EXPECTS)
    model = ss.load_model(path, until=net.layers[1].name)
    assert ss.expectations_of(model) == EXPECTS.of_layer()
    ds = ss.screen_recording(
        record, path, "saliency", out=tmp_path / "a.zarr", until=net.layers[2].name, target=1, explain="all"
    )
    assert ds["class"].values.tolist() == ["0", "1", "2", "3"]
    assert settings_of(tmp_path / "a.zarr")["resample"] == 25


def test_the_score_knows_the_classes_by_name(tmp_path):
    path = saved(tmp_path, softmax_net(), ss.Expectations(class_names=("N", "V", "A")))
    x = recording().signal[None, :80].astype("float32")
    model = ss.load_model(path)
    np.testing.assert_array_equal(ss.saliency(model, x, "A"), ss.saliency(model, x, 2))
    np.testing.assert_array_equal(ss.saliency(path, x, "A"), ss.saliency(model, x, 2))
    np.testing.assert_array_equal(ss.saliency(model, x, "A", class_names=["A", "B", "C"]), ss.saliency(model, x, 0))


def test_the_card_goes_into_the_store(tmp_path, record):
    (tmp_path / "card.md").write_text("# It fails on ß", encoding="utf-8")
    ss.screen_recording(record, saved(tmp_path, quality_net(), EXPECTS), out=tmp_path / "a.zarr")
    facts = json.loads(store.opened(tmp_path / "a.zarr").attrs["facts"])
    assert facts["card"] == "# It fails on ß"
    assert facts["expects"]["fs"] == 25


def test_workers_go_by_the_same(tmp_path, record):
    from concurrent.futures import ThreadPoolExecutor

    path = saved(tmp_path, quality_net(), ss.Expectations(fs=25, normalise="zscore", leads="one"))
    given = {"normalise": "none"}  # settled once: the model's file does not win at the worker
    here = ss.screen_recording(record, path, out=tmp_path / "a.zarr", **given)
    with ThreadPoolExecutor(2) as executor:
        there = ss.screen_recording(record, path, out=tmp_path / "b.zarr", executor=executor, **given)
    same(here, there)


def test_the_command_says_what_was_taken_from_where(tmp_path, record):
    path = saved(tmp_path, quality_net(), EXPECTS)

    def run(*words):
        done = CliRunner().invoke(main, [str(w) for w in ("screen", record, "--model", path, *words)])
        assert done.exit_code == 0, done.output
        return done

    said = run("--out", tmp_path / "a.zarr").stdout.splitlines()[0]
    assert said == (
        "taken from net.signalscreen.toml: 25 Hz, each window by zscore, class artefact, alarm artefact, "
        "threshold 0.4, kind other, one lead at a time (options win over it)"
    )
    given = (
        "--resample 25 --normalise zscore --class-names artefact --threshold 0.4 --kind other --each-lead".split()
    )
    assert "taken" not in run("--out", tmp_path / "b.zarr", *given, "--alarm", "artefact").stdout
    assert settings_of(tmp_path / "a.zarr") == settings_of(tmp_path / "b.zarr")
    assert run("--out", tmp_path / "a.zarr", "-q").stdout == ""
    json.loads(run("--out", tmp_path / "a.zarr", "--json").stdout)
    assert values.names("artefact") == ["artefact"]


@pytest.mark.parametrize(
    "wrong", [{"normalise": "zscores"}, {"kind": "eeg"}, {"threshold": 2.0}, {"threshold": -1.0}]
)
def test_options_are_checked_as_before(tmp_path, wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        ss.screen_recording(recording(leads=1), quality_net(), out=tmp_path / "a.zarr", **wrong)
