"""The shipped network says what it expects, so that a real record is screened right without a single option."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

keras = pytest.importorskip("keras")

import signalscreen as ss  # noqa: E402
from data.train_ecg_quality import EXPECTS  # noqa: E402
from signalscreen.cli import main  # noqa: E402
from signalscreen.demo import quality_model_path  # noqa: E402
from signalscreen.demo.screening import FS, THRESHOLD, WINDOW  # noqa: E402
from signalscreen.screening import store, summarise  # noqa: E402

MODEL = Path(__file__).parents[2] / "data" / "ecg_quality.keras"


def screened(*words):
    done = CliRunner().invoke(main, ["screen", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def test_it_says_what_it_was_trained_on(tmp_path):
    found = ss.expectations_of(MODEL)
    assert found == EXPECTS
    network = ss.load_model(MODEL)
    assert network.inputs[0].shape[1:] == (WINDOW * found.fs, 1)
    assert (found.fs, len(found.class_names), found.threshold or 0.5) == (
        FS,
        network.outputs[0].shape[-1],
        THRESHOLD,
    )
    assert (MODEL.parent / found.card).read_text(encoding="utf-8").startswith("# ecg_quality.keras")


def test_what_it_says_is_no_part_of_the_network():
    """Members and their order are those that every Keras reads; Keras itself does not look at what was added."""
    with zipfile.ZipFile(MODEL) as stored:
        assert stored.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert set(json.loads(stored.read("metadata.json"))) == {"keras_version", "date_saved", "signalscreen"}
        assert stored.getinfo("model.weights.h5").CRC == 0xC6767FE4  # as trained
        assert stored.getinfo("config.json").CRC == 0x5566CE12
    assert keras.models.load_model(MODEL).count_params() == 20_765


def test_a_forgotten_option_is_not_a_wrong_screen(real_data, tmp_path):
    """0 of 722, which is also what every option in full gives; it was 2078 of 2078 in silence."""
    record = real_data / "mitdb" / "100"
    short = [record, "--model", MODEL, "--each-lead", "--explain", "none"]
    said = screened(*short, "--out", tmp_path / "a.zarr")
    assert said.stderr == ""
    assert said.stdout.startswith("taken from ecg_quality.keras: 125 Hz, each window by zscore, class artefact, ")
    [found] = summarise(tmp_path / "a.zarr")
    assert (found.windows, found.flagged) == (722, 0)
    full = ["--resample", 125, "--normalise", "zscore", "--class-names", "artefact", "--alarm", "artefact"]
    screened(*short, *full, "--kind", "ecg", "--threshold", 0.5, "--out", tmp_path / "b.zarr")
    a, b = ss.open_results(tmp_path / "a.zarr"), ss.open_results(tmp_path / "b.zarr")
    np.testing.assert_array_equal(a.probability.values, b.probability.values)
    facts = [json.loads(store.opened(tmp_path / name).attrs["facts"]) for name in ("a.zarr", "b.zarr")]
    assert facts[0]["fingerprint"] == facts[1]["fingerprint"]
    assert "2.5 %" in facts[0]["card"]


def test_what_is_not_what_it_expects_is_said(real_data, tmp_path):
    words = ["--model", MODEL, "--each-lead", "--explain", "none", "--end", 120, "--out", tmp_path / "a.zarr"]
    said = screened(real_data / "mitdb" / "100", *words, "--resample", 360, "--normalise", "none")
    assert "warning: 138 of 138 windows are flagged" in said.stderr


def test_the_demo_uses_the_file_that_says_it():
    assert quality_model_path() == MODEL
