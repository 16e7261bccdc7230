"""Model files of others: they load and predict what they should, or are refused with what to do."""

import h5py
import numpy as np
import pytest

import signalscreen as ss
from signalscreen.errors import ModelError


def coffee_test(real_data):
    rows = np.loadtxt(real_data / "ucr" / "Coffee_TEST.txt")
    return rows[:, 1:, None].astype(np.float32), rows[:, 0].astype(int)


def test_keras_2_coffee_model_loads(real_data):
    model = ss.load_model(real_data / "model_tsinterpret_coffee_cnn" / "best_model.hdf5")
    x, y = coffee_test(real_data)
    assert (np.argmax(model(x), axis=1) == y - y.min()).mean() == 1.0


def test_keras_2_genotype_model_loads(real_data):
    folder = real_data / "model_cnnvis"
    model = ss.load_model(folder / "NEW_cnn_1562604956.hdf5")
    windows = np.load(folder / "windows_100.npz")
    x, y = windows["X"][::3, ..., None].astype(np.float32), windows["Y"][::3]
    assert ((np.asarray(model(x))[:, 0] > 0.5) == y).mean() > 0.9


def test_keras_2_residual_model_loads(real_data):
    model = ss.load_model(real_data / "model_mlperf_resnet8_2d" / "pretrainedResnet.h5")
    x = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    assert np.asarray(model(x)).sum(axis=1) == pytest.approx(1, abs=1e-5)
    attribution = ss.integrated_gradients(model, x, tolerance=0.05)
    assert attribution.shape == x.shape


def test_kazemi_model_predicts_its_stored_outputs(real_data):
    folder = real_data / "model_kazemi_ppg_peaks"
    stored = np.load(folder / "ref_io.npz")
    model = ss.load_model(folder / "kazemi_ppg_peaks.keras")
    np.testing.assert_allclose(np.asarray(model(stored["x"])), stored["y"], atol=1e-5)


@pytest.mark.parametrize("method", ["saliency", "guided_backprop", "deep_lift", "occlusion"])
def test_saved_model_of_keras_2_is_explained_as_the_network_it_was(real_data, method):
    folder = real_data / "model_kazemi_ppg_peaks"
    stored = np.load(folder / "ref_io.npz")
    program = ss.load_model(folder / "savedmodel_keras2")
    network = ss.load_model(folder / "kazemi_ppg_peaks.keras")
    x = stored["x"][:2]
    np.testing.assert_allclose(np.asarray(program(x)), stored["y"][:2], atol=1e-5)
    options = {"window": 100, "stride": 100} if method == "occlusion" else {}
    theirs = getattr(ss, method)(network, x, (700, 0), **options)
    assert np.abs(theirs).max() > 1e-3
    np.testing.assert_allclose(getattr(ss, method)(program, x, (700, 0), **options), theirs, rtol=1e-4, atol=1e-6)


def test_architecture_and_weights_are_the_network_that_was_saved_whole(real_data):
    folder = real_data / "model_kipoi_tal1"
    whole = ss.load_model(folder / "kipoi_tal1.keras")
    parts = ss.load_model(folder / "arch.json", weights=folder / "weights.hdf5")
    x = np.eye(4, dtype=np.float32)[np.random.default_rng(0).integers(0, 4, (8, 500))]
    np.testing.assert_array_equal(np.asarray(parts(x)), np.asarray(whole(x)))


def test_architecture_alone_is_refused_with_a_way_out(real_data):
    with pytest.raises(ModelError, match=r"arch\.json.*weights="):
        ss.load_model(real_data / "model_kipoi_tal1" / "arch.json")


def test_weights_alone_are_refused_with_a_way_out(real_data):
    with pytest.raises(ModelError, match=r"weights\.hdf5.*cannot be loaded"):
        ss.load_model(real_data / "model_kipoi_tal1" / "weights.hdf5")


def test_kipoi_gradients(real_data):
    folder = real_data / "model_kipoi_tal1"
    with h5py.File(folder / "grads.hdf5") as file:
        x, gradients = file["inputs"][:], file["grads"][:]
    ours = ss.saliency(folder / "kipoi_tal1.keras", x, 0)
    assert np.abs(gradients).max() > 0.1
    np.testing.assert_allclose(ours, gradients, rtol=0, atol=1e-5)
