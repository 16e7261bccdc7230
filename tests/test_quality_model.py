"""The ECG quality network: what it was trained on, what it is, and that its card says what it does."""

import json
import re
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from data import ecg_quality_data as source
from data import measure_ecg_quality as measure
from data.train_ecg_quality import leave_out_defaults
from signalscreen.demo import quality_model_path
from signalscreen.recording import Recording
from signalscreen.screening import cut_for

CARD = Path(source.__file__).with_name("ecg_quality.md")


@pytest.fixture(scope="module")
def model():
    from signalscreen.models import load_model

    return load_model(quality_model_path())


@pytest.fixture(scope="module")
def predict(model):
    return measure.predictor(model)


@pytest.fixture(scope="module")
def card():
    """Rows of the card's table: what it was measured on, to (n, AUC, sensitivity, specificity)."""
    row = re.compile(r"^\| (.+?) \| (\d+ / \d+) \| ([\d.]+) \(.*?\) \| ([\d.]+) \| ([\d.]+) \|$", re.M)
    return {m[1]: (m[2], *map(float, m.groups()[2:])) for m in row.finditer(CARD.read_text(encoding="utf-8"))}


# ---- what it is


def test_it_is_small_and_keeps_time():
    model_file = quality_model_path()
    assert model_file.stat().st_size < 500_000
    with zipfile.ZipFile(model_file) as stored:
        config = json.loads(stored.read("config.json"))["config"]
        assert "optimizer" not in json.dumps(stored.namelist())
    kinds = [layer["class_name"] for layer in config["layers"]]
    assert kinds[-3:] == ["GlobalAveragePooling1D", "Dropout", "Dense"]


def test_its_file_names_no_setting_that_an_older_keras_may_not_know(tmp_path):
    """Only what is no default of a layer is in it, as training writes it; `make test-lowest` reads it."""
    copy = tmp_path / "net.keras"
    copy.write_bytes(quality_model_path().read_bytes())
    leave_out_defaults(copy)
    assert copy.read_bytes() == quality_model_path().read_bytes()
    with zipfile.ZipFile(copy) as stored:
        config = json.loads(stored.read("config.json"))["config"]
    named = {key for layer in config["layers"] for key in layer["config"]}
    assert not named & {"renorm", "quantization_config", "kernel_initializer"}
    assert {"filters", "kernel_size", "pool_size", "units", "activation"} <= named


def test_leaving_out_defaults_changes_no_answer(tmp_path, model):
    """All settings are put back by Keras, and the same are left out again."""
    from signalscreen.models import load_model

    written = tmp_path / "net.keras"
    model.save(written)
    with zipfile.ZipFile(written) as stored:
        assert b"kernel_initializer" in stored.read("config.json")
    leave_out_defaults(written)
    x = np.random.default_rng(0).normal(size=(2, source.LENGTH, 1)).astype("float32")
    np.testing.assert_array_equal(np.asarray(load_model(written)(x)), np.asarray(model(x)))


def test_its_last_convolution_tells_40_places_or_more(model):
    assert model.input_shape == (None, source.LENGTH, 1)
    assert model.output_shape == (None, 1)
    assert model.get_layer("conv5").output.shape[1] >= 40


def test_polarity_and_amplitude_are_no_artefacts(real_data, predict):
    lead = source.mitdb_leads(real_data, ("118",))[0]
    windows = np.stack([source.window_of(lead.mv[lead.span(s)], lead.fs) for s in lead.starts(clean=True, step=60)])
    louder = source.normalise(np.float64(5) * windows)
    np.testing.assert_allclose(predict(louder[..., None]), predict(windows[..., None]), atol=1e-4)
    assert np.mean(predict(-windows[..., None]) > 0.5) < 0.2


# ---- what it was trained on


def test_no_record_and_no_noise_is_in_two_parts():
    parts = (source.TRAIN, source.VALIDATION, source.TEST)
    assert sum(map(len, parts)) == len(set().union(*parts))
    assert "118" in source.TEST  # the NSTDB excerpts are made from it
    spans = sorted(source.NOISE_SECONDS.values())
    assert all(end < start for (_, end), (start, _) in pairwise(spans))


def test_the_real_noise_is_what_was_added_to_record_118(real_data):
    noise = source.electrode_motion_noise(real_data)
    assert noise.size == 80 * 360
    pieces = [source.electrode_motion_noise(real_data, part) for part in source.NOISE_SECONDS]
    assert sum(p.size for p in pieces) == (38 + 10 + 30) * 360
    # The other excerpts hold the same noise, scaled: what is held out of one is held out of all.
    for row in source.nstdb_rows(real_data):
        first = int(row["noise_start_sample"])
        other = (source.nstdb_excerpt(real_data, row["file"]) - source._clean_118(real_data, row))[first:]
        assert abs(np.corrcoef(other, noise[: other.size])[0, 1]) > 0.995


def test_clean_training_windows_stay_out_of_what_annotators_marked():
    from data import train_ecg_quality as train

    n = 360 * 300
    noisy = np.zeros(n, dtype=bool)
    noisy[360 * 60 : 360 * 120] = True
    mv = np.where(noisy, 1e6 * np.sin(np.arange(n)), np.sin(np.arange(n) / 20))
    lead = source.Lead("x", "y", 360.0, mv, noisy, 2.0)
    for i in range(60):
        segment, _ = train._segment(lead, np.random.default_rng(i))
        assert np.abs(np.diff(segment)).max() < 0.1  # the marked part leaps
    marked, _ = train._segment(lead, np.random.default_rng(0), clean=False)
    assert np.abs(np.diff(marked)).max() > 0.1


def test_training_windows_are_drawn_from_the_seed(real_data):
    from data import train_ecg_quality as train

    leads, noise = source.mitdb_leads(real_data, ("105",)), source.electrode_motion_noise(real_data, "train")
    x, y, kinds = train.training_set(leads, noise, 40, seed=5)
    again, _, _ = train.training_set(leads, noise, 20, seed=5)
    assert np.array_equal(x[:20], again)
    assert y.mean() == 0.5
    assert x.shape == (40, source.LENGTH, 1)
    assert np.isfinite(x).all()
    assert len(set(kinds)) > 4
    np.testing.assert_allclose(x.std(axis=1), 1, atol=1e-3)


def test_it_is_measured_on_windows_as_the_package_cuts_them(real_data, model):
    mv = source.mitdb_leads(real_data, ("106",))[0].mv[: 360 * 60]
    recording = Recording(mv, fs=360).resample(source.FS)
    windows = cut_for(model, recording, hop=5, normalise="zscore")
    np.testing.assert_allclose(source.windows_of(mv, 360, hop=5), windows.values, atol=1e-5)


# ---- what it does


@pytest.mark.parametrize(
    "measurement", [measure.nstdb, measure.cinc2011, measure.cinc2017], ids=lambda f: f.__name__
)
def test_the_card_says_what_is_measured(real_data, predict, card, measurement):
    for measured in measurement(real_data, predict):
        count, *said = card[measured.name]
        assert count == f"{measured.clean.size} / {measured.artefact.size}"
        assert said == pytest.approx([measured.auc, measured.sensitivity, measured.specificity], abs=0.011)


BARS = {"worst lead": 0.85, "CinC 2017": 0.85}


@pytest.mark.parametrize("name", BARS)
def test_the_card_is_above_the_bar(card, name):
    (row,) = [row for what, row in card.items() if name in what]
    assert row[1] >= BARS[name]


def test_held_out_noise_on_a_held_out_record_is_told_from_clean(real_data, predict):
    lead = source.mitdb_leads(real_data, ("118",))[0]
    noise = source.electrode_motion_noise(real_data, "test")
    segments = [lead.mv[lead.span(s)] for s in lead.starts(clean=True, step=20)]
    noisy = [measure._with_noise(x, lead, noise, 0, i) for i, x in enumerate(segments)]
    clean, artefact = (
        predict(np.stack([source.window_of(x, lead.fs) for x in windows])[..., None])
        for windows in (segments, noisy)
    )
    assert measure.Measured("", clean, artefact).auc >= 0.95


def test_auc_counts_pairs():
    clean, artefact = np.array([0.1, 0.4, 0.4]), np.array([0.4, 0.9])
    pairs = [(a > c) + 0.5 * (a == c) for a in artefact for c in clean]
    assert measure.Measured("", clean, artefact).auc == pytest.approx(np.mean(pairs))
