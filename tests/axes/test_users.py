"""Screening and the command line follow the order of a model's input."""

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import signalscreen as ss
from signalscreen.cli import main
from signalscreen.recording import Recording
from signalscreen.results import load_result
from signalscreen.screening import cut_for, explain_windows, screen_recording

from .twins import twins


@pytest.fixture(scope="module")
def recording():
    return Recording(np.random.default_rng(0).normal(size=(400, 2)), fs=10.0, names=("I", "II"), source="r")


@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "grad_cam", "occlusion"])
def test_screening(recording, method, tmp_path):
    pair = twins("signal")
    found = []
    for name, model in (("last", pair.last), ("first", pair.first)):
        given = {"target": 1, "kind": "other", "threshold": 1.0}  # nothing is to be flagged
        store = screen_recording(recording, model, method, out=str(tmp_path / name), **given)
        explained = explain_windows(ss.Score(model, 1), cut_for(model, recording), len(recording), method)
        found.append((store[f"attribution_{method}"].values, store["score"].values, explained.attribution))
    for one, other in zip(*found, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(other, one, atol=1e-5, equal_nan=True)


def test_a_free_length(recording):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((2, None)),
            layers.Conv1D(3, 5, data_format="channels_first"),
            layers.GlobalMaxPooling1D(data_format="channels_first"),
        ]
    )
    windows = cut_for(model, recording, window=8)
    assert windows.values.shape[1:] == (80, 2)
    assert explain_windows(ss.Score(model, 0), windows, len(recording), "saliency").attribution.shape == (400, 2)


def test_an_eeg(recording, tmp_path):
    pair = twins("eegnet")
    eeg = Recording(np.random.default_rng(1).normal(size=(200, 6)), fs=10.0, names=tuple("abcdef"), source="eeg")
    maps = [
        explain_windows(ss.Score(model, 1), cut_for(model, eeg), 200, "saliency").attribution
        for model in (pair.last, pair.first)
    ]
    assert maps[0].shape == (200, 6)
    np.testing.assert_allclose(maps[1], maps[0], atol=1e-6)


def test_the_command_line(recording, tmp_path):
    pair = twins("signal")
    found = []
    for name, model in (("last", pair.last), ("first", pair.first)):
        model.save(tmp_path / f"{name}.keras")
        np.save(tmp_path / "r.npy", recording.signal)
        words = ["explain", tmp_path / f"{name}.keras", tmp_path / "r.npy", "--fs", 10, "-m", "saliency", "-t", 1]
        words += ["-o", tmp_path / name, "--channels", name]
        done = CliRunner().invoke(main, list(map(str, words)), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        found.append(load_result(tmp_path / name / "r_saliency.npz").attribution)
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)
    words = ["features", "activations", tmp_path / "first.keras", tmp_path / "r.npy", "0", "--fs", 10]
    done = CliRunner().invoke(main, [*map(str, words), "-o", str(tmp_path / "maps")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    np.savez(tmp_path / "data.npz", X=pair.x_first, Y=np.array([0, 1]))
    words = ["features", "average-maps", tmp_path / "first.keras", tmp_path / "data.npz", "-o", tmp_path / "mean"]
    done = CliRunner().invoke(main, list(map(str, words)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    words = ["features", "activation-max", tmp_path / "first.keras", "-t", 1, "--steps", 2, "-o", tmp_path / "made"]
    done = CliRunner().invoke(main, list(map(str, words)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
