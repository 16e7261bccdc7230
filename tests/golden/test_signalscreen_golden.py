"""System 3 (the older SignalScreen): its own results on its own network, through `signalscreen.classic`."""

import numpy as np
import pytest

from signalscreen import classic

CLASS = 1
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def results(golden):
    with np.load(golden / "golden_signalscreen.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def model(results):
    import keras
    from keras import layers

    net = keras.Sequential(
        [
            keras.Input((40, 1)),
            layers.Conv1D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling1D(),
            layers.Conv1D(6, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Conv1D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="relu"),
            layers.Dense(5, activation="softmax"),
        ]
    )
    net.set_weights([results[key] for key in sorted(results) if key.startswith("w")])
    return net


def true_grad_cam(model, x):
    """Grad-CAM by hand: weights per example, no rectifier, at the size of the last convolution."""
    import keras
    import tensorflow as tf

    *_, conv, flatten, hidden, last = model.layers
    features = keras.Model(model.inputs, conv.output)
    kernel, bias = last.get_weights()
    with tf.GradientTape() as tape:
        maps = features([x])
        tape.watch(maps)
        logits = hidden(flatten(maps)) @ kernel + bias
        score = logits[:, CLASS]
    weights = tf.reduce_mean(tape.gradient(score, maps), axis=1, keepdims=True)
    return tf.reduce_sum(weights * maps, axis=-1).numpy()


def min_max(a):
    return (a - a.min()) / (a.max() - a.min() + 1e-7)


def test_occlusion(model, results):
    windows = [3, 4, 15]
    with pytest.warns(UserWarning, match="4"):  # an even window silently was one shorter; it still is, and says so
        maps, returned = classic.calculate_occlusion_sensitivity(model, results["X"][:2], CLASS, windows)
    assert returned is windows
    assert [m.shape for m in maps] == [(2, 40)] * 3
    np.testing.assert_allclose(np.stack(maps), results["occl"], rtol=0, atol=TOLERANCE)


def test_saliency(model, results):
    x = results["X"][:3]
    raw = classic.calculate_saliency_map(model, x, CLASS, normalise=False)
    np.testing.assert_allclose(raw, results["sal_raw"], rtol=0, atol=TOLERANCE)
    scaled = classic.calculate_saliency_map(model, x, CLASS)
    np.testing.assert_allclose(scaled, results["sal3"], rtol=0, atol=TOLERANCE)
    assert scaled.dtype == results["sal3"].dtype


def test_grad_cam_is_of_each_example(model, results):
    # The original averaged the weights over the whole batch, so a map changed with its neighbours. The
    # formula wins: weights per example.
    x = results["X"][:3]
    options = {"use_relu": False, "normalise": False, "upscale_to_input": False}
    ours = classic.calculate_grad_cam(model, x, CLASS, **options)
    np.testing.assert_allclose(ours, true_grad_cam(model, x), rtol=0, atol=TOLERANCE)
    alone = np.concatenate([classic.calculate_grad_cam(model, row[None], CLASS, **options) for row in x])
    np.testing.assert_allclose(ours, alone, rtol=0, atol=TOLERANCE)
    assert np.abs(ours - results["cam3raw"]).max() > 1e-3  # the original's maps of the same batch do differ


def test_grad_cam_of_one_example_agrees_before_upscaling(model, results):
    # With one example the batch mean changes nothing, so the original is right up to its resizing: its cubic
    # spline also resized the batch axis (three equal rows) and overshot; ours is linear, with one row.
    ours = classic.calculate_grad_cam(model, results["X"][:1], CLASS, normalise=False, upscale_to_input=False)
    assert ours.shape == (1, 15)
    np.testing.assert_allclose(ours, np.maximum(true_grad_cam(model, results["X"][:1]), 0), rtol=0, atol=TOLERANCE)
    full = classic.calculate_grad_cam(model, results["X"][:1], CLASS)
    assert full.shape == (1, 40)
    assert np.corrcoef(full[0], results["cam1"][0])[0, 1] > 0.95


@pytest.mark.parametrize(
    ("key", "rows", "options"),
    [
        ("cam1", 1, {}),
        ("cam5", 5, {"use_relu": False}),
        ("cam3raw", 3, {"use_relu": False, "normalise": False, "upscale_to_input": False}),
    ],
)
def test_legacy_grad_cam_is_the_original(model, results, key, rows, options):
    ours = classic.calculate_grad_cam(model, results["X"][:rows], CLASS, legacy=True, **options)
    assert ours.shape == results[key].shape
    np.testing.assert_allclose(ours, results[key], rtol=0, atol=TOLERANCE)


def test_the_readme_still_runs(model, results):
    x = results["X"]
    sensitivity, zeros = classic.calculate_occlusion_sensitivity(model, np.expand_dims(x[0], axis=(0,)), CLASS)
    assert sensitivity[0].shape == (1, 40)
    assert zeros == [15]
    cam = classic.calculate_grad_cam(model, x[:5], CLASS, use_relu=False)
    assert np.average(cam, axis=0).shape == (40,)
    for rank_off in (x[:1][..., None], x[:1, :, 0]):  # (1, T, 1, 1) and (1, T): the rank is repaired
        assert classic.calculate_occlusion_sensitivity(model, rank_off, CLASS)[0][0].shape == (1, 40)


def test_min_max_is_over_the_batch(model, results):
    raw = classic.calculate_saliency_map(model, results["X"], CLASS, normalise=False)
    scaled = classic.calculate_saliency_map(model, results["X"], CLASS)
    np.testing.assert_allclose(scaled, min_max(raw), rtol=0, atol=1e-6)
