"""``signalscreen expects``, and the commands on models that say what they expect."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner

keras = pytest.importorskip("keras")
from keras import layers as kl  # noqa: E402

import signalscreen as ss  # noqa: E402
from signalscreen.cli import main  # noqa: E402
from signalscreen.recording import read_recording  # noqa: E402
from signalscreen.results import load_result  # noqa: E402


def run(*words, code=0):
    done = CliRunner().invoke(main, [str(w) for w in words], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def model(tmp_path):
    keras.utils.set_random_seed(5)
    i = keras.Input((100, 2), name="ecg")
    x = kl.Conv1D(4, 5, activation="relu", name="conv")(i)
    net = keras.Model(i, kl.Dense(3, activation="softmax")(kl.GlobalAveragePooling1D()(x)))
    net.save(tmp_path / "net.keras")
    return tmp_path / "net.keras"


@pytest.fixture
def npz(tmp_path):
    """Three leads at 100 Hz for 8 s, in µV."""
    signal = np.random.default_rng(0).normal(size=(800, 3)).cumsum(axis=0) * 100
    np.savez(tmp_path / "rec.npz", signal=signal, fs=100.0, names=["I", "II", "V1"], units=["uV"] * 3)
    return tmp_path / "rec.npz"


def test_written_and_shown(model):
    assert run("expects", model).stdout == (
        f"{model} does not say what it expects; write it with options, such as --fs 125\n"
    )
    words = ["--fs", 50, "--units", "mV", "--normalise", "none", "--lead", "V1", "--lead", "I"]
    words += ["--class-names", "N, S,V", "--alarm", "V"]
    beside = model.with_name("net.signalscreen.toml")
    assert run("expects", model, *words).stdout == f"wrote {beside}\n"
    assert ss.expectations_of(model) == ss.Expectations(
        fs=50, units="mV", normalise="none", leads=("V1", "I"), class_names=("N", "S", "V"), alarm="V"
    )
    assert run("expects", model).stdout.splitlines() == [
        f"{beside} says:",
        "  fs           50.0",
        "  units        mV",
        "  normalise    none",
        "  leads        V1, I",
        "  class_names  N, S, V",
        "  alarm        V",
    ]
    assert run("expects", model, "--fs", 1, code=1).stderr.startswith(f"error: {beside} says already")
    run("expects", model, "--one-lead", "--window", 2, "--threshold", 0.25, "--kind", "ppg", "--overwrite")
    assert ss.expectations_of(model) == ss.Expectations(leads="one", window=2, threshold=0.25, kind="ppg")


def test_written_inside_it_still_is_the_model_for_keras(model):
    before = keras.models.load_model(model).get_weights()
    assert run("expects", model, "--fs", 50, "--card", "card.md", "--inside").stdout == f"wrote {model}\n"
    assert ss.expectations_of(model) == ss.Expectations(fs=50, card="card.md")
    for a, b in zip(before, keras.models.load_model(model).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not model.with_name("net.signalscreen.toml").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--fs", -1], 1, "error: fs is -1.0; give a number above 0"),
        (["--alarm", "V"], 1, "error: alarm is 'V'; give one of class_names (none is given)"),
        (["--one-lead", "--lead", "I"], 2, "--one-lead is any lead, and --lead names some"),
        (["--inside"], 2, "there is nothing to write"),
        (["--overwrite"], 2, "there is nothing to write"),
        (["--kind", "eeg"], 2, "'eeg' is not one of"),
    ],
)
def test_what_cannot_be_written(model, words, code, said):
    assert said in run("expects", model, *words, code=code).stderr
    assert ss.expectations_of(model) is None


def test_explain_goes_by_it(model, npz, tmp_path):
    """Rate, units, leads in the model's order and class names, against the same by hand."""
    ss.write_expectations(
        model, ss.Expectations(fs=50, units="mV", normalise="none", leads=("V1", "I"), class_names=("N", "S", "V"))
    )
    done = run("explain", model, npz, "-m", "saliency", "-t", "S", "-o", tmp_path / "o", "--format", "png")
    assert done.stderr == ""
    first, second, *_ = done.stdout.splitlines()
    assert first == (
        "taken from net.signalscreen.toml: 50 Hz, windows as they are, leads V1, I, classes N, S, V "
        "(options win over it)"
    )
    assert second.startswith("rec.npz: 8 s at 50 Hz, V1 [mV], I [mV]; 7 windows")
    result = load_result(tmp_path / "o" / "rec_saliency.npz")
    fitted = read_recording(npz).pick(["V1", "I"]).resample(50)
    by_hand = ss.saliency(model, (fitted.signal / 1000)[None, :100], target=1)[0]
    np.testing.assert_allclose(result.attribution[:50], by_hand[:50], rtol=1e-3, atol=1e-7)
    assert result.normalisation == ""


def test_options_of_explain_win(model, npz, tmp_path):
    ss.write_expectations(
        model, ss.Expectations(fs=50, normalise="zscore", leads=("V1", "I"), class_names=("N", "S", "V"))
    )
    words = ["--resample", 25, "--normalise", "none", "-l", "II", "-l", "I", "--class-names", "A,B,C", "-t", "C"]
    done = run("explain", model, npz, "-m", "saliency", "-o", tmp_path / "o", *words)
    assert "taken" not in done.output
    result = load_result(tmp_path / "o" / "rec_saliency.npz")
    assert (result.recording.fs, result.recording.names) == (25.0, ("II", "I"))
    by_hand = ss.saliency(model, result.recording.signal[None, :100], target=2)[0]
    np.testing.assert_allclose(result.attribution[:50], by_hand[:50], rtol=1e-3, atol=1e-9)


def test_a_rate_that_nobody_said_is_warned_of(model, npz, tmp_path):
    words = ["explain", model, npz, "-l", "I", "-l", "II", "-m", "saliency", "-o", tmp_path / "o", "--overwrite"]
    assert "which sampling rate the model expects, so it gets 100 Hz, as recorded" in run(*words).stderr
    for said in (["--fs", 100], ["--resample", 100], ["--window", 1]):
        assert run(*words, *said).stderr == ""


def test_a_free_length_takes_the_window_that_is_expected(npz, tmp_path):
    i = keras.Input((None, 3))
    net = keras.Model(i, kl.Dense(1, activation="sigmoid")(kl.GlobalAveragePooling1D()(kl.Conv1D(2, 5)(i))))
    net.save(tmp_path / "free.keras")
    ss.write_expectations(tmp_path / "free.keras", ss.Expectations(fs=50, window=2))
    words = ["explain", tmp_path / "free.keras", npz, "-m", "saliency", "-o", tmp_path / "o", "--overwrite"]
    assert "7 windows of 100 samples (2 s)" in run(*words).stdout
    assert "3 windows of 200 samples (4 s)" in run(*words, "--window", 4).stdout


def test_summary_says_it(model):
    ss.write_expectations(model, ss.Expectations(fs=50, class_names=("N", "S", "V")))
    lines = run("summary", model).stdout.splitlines()
    assert lines[0] == "taken from net.signalscreen.toml: 50 Hz (options win over it)"
    conv = next(line for line in lines if line.startswith("conv"))
    assert conv.split()[-2:] == ["5", "0.1"]  # samples, seconds
    assert lines[-1] == "expects: 50 Hz, classes N, S, V"
    conv = next(line for line in run("summary", model, "--fs", 100).stdout.splitlines() if line.startswith("conv"))
    assert conv.split()[-2:] == ["5", "0.05"]
    json.loads(run("summary", model, "--json").stdout)
    assert "taken" not in run("summary", model, "--window", 10).stdout


def test_features_go_by_it(model, npz, tmp_path):
    ss.write_expectations(model, ss.Expectations(fs=50, normalise="zscore"))
    said = run("features", "activations", model, npz, "conv", "-l", "I", "-l", "II", "--out", tmp_path / "o").stdout
    assert "taken from net.signalscreen.toml: 50 Hz, each window by zscore" in said
    said = run("features", "filter-weights", model, "conv", "--out", tmp_path / "o").stdout
    assert "taken from net.signalscreen.toml: 50 Hz" in said


def test_windows_of_feature_maps_are_scaled_as_expected(model, npz, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr("signalscreen.plot.plot_activations", lambda x, *_, **__: drawn.append(x) or Figure())
    ss.write_expectations(model, ss.Expectations(fs=100, normalise="zscore"))
    words = ["features", "activations", model, npz, "conv", "-l", "I", "-l", "II", "--out", tmp_path / "o"]
    run(*words)
    run(*words, "--normalise", "none", "--overwrite")
    assert drawn[0].std(axis=0) == pytest.approx([1, 1], rel=1e-4)
    np.testing.assert_allclose(drawn[1], read_recording(npz).signal[:100, :2], rtol=1e-6)


def test_inputs_that_are_made_go_by_it(model, tmp_path):
    ss.write_expectations(model, ss.Expectations(fs=50))
    words = ["features", "activation-max", model, "-t", 0, "--seeds", 1, "--steps", 2, "--out", tmp_path / "o"]
    assert "taken from net.signalscreen.toml: 50 Hz" in run(*words).stdout


def test_a_file_that_says_it_wrongly_is_one_line(model, npz, tmp_path):
    model.with_name("net.signalscreen.toml").write_text("fs = 'fast'\n")
    for words in (
        ["summary", model],
        ["explain", model, npz, "-m", "saliency", "-o", tmp_path],
        ["expects", model],
    ):
        done = run(*words, code=1)
        assert re.fullmatch(
            r"error: what the model expects cannot be read from .*: fs is 'fast'; .*\n", done.stderr
        )
