"""Scripts written for the older SignalScreen, with only their import lines changed."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import signalscreen.classic
from signalscreen.backend import keras
from signalscreen.classic import (
    add_zeros,
    calculate_grad_cam,
    calculate_occlusion_sensitivity,
    calculate_saliency_map,
    change_last_activation_to_linear,
    clone_model,
    normalise_array,
    plot_with_gradient,
)
from signalscreen.errors import LayerError, SignalScreenWarning
from tests.contract.zoo import randomise

L = keras.layers


@pytest.fixture(scope="module")
def model():
    """The network of the original's notebook, for beats of 186 samples."""
    layers = [
        keras.Input((186, 1)),
        L.Conv1D(16, 3, activation="relu"),
        L.BatchNormalization(),
        L.MaxPooling1D(),
        L.Conv1D(32, 3, activation="relu", name="second"),
        L.BatchNormalization(),
        L.Flatten(),
        L.Dense(20, activation="relu"),
        L.Dense(5, activation="softmax"),
    ]
    return randomise(keras.Sequential(layers))


X_TEST = np.random.default_rng(0).normal(size=(8, 186, 1)).astype("float32")


@pytest.fixture(autouse=True)
def nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    plt.close("all")
    assert list(tmp_path.iterdir()) == []


OLD_SCRIPT = """
import signal_screen
import signal_screen_tools

row, c = 3, 1
sensitivity, zeros = signal_screen.calculate_occlusion_sensitivity(
    model=model, data=np.expand_dims(X_test[row, :], axis=(0, 2)), c=c, number_of_zeros=[15]
)
saliency = signal_screen.calculate_saliency_map(model=model, data=np.expand_dims(X_test[row, :], axis=0), c=c)
cam = signal_screen.calculate_grad_cam(
    model=model, data=X_test[row : row + 5, :], c=c, name_of_conv_layer="second", use_relu=False
)
for gradient in (sensitivity[0], saliency, np.mean(cam, axis=0)):
    fig, ax = signal_screen_tools.plot_with_gradient(X_test[row, :, 0], gradient, title="t")
copy = signal_screen_tools.change_last_activation_to_linear(signal_screen_tools.clone_model(model))
scaled = signal_screen_tools.normalise_array(signal_screen_tools.add_zeros(X_test[[row]].copy(), 5, 3))
"""


def test_a_script_of_the_original_runs_with_the_line_of_the_documentation(model):
    """Only the two imports are changed, to the line that docs/migrating.rst gives."""
    migrating = (Path(__file__).parents[2] / "docs" / "migrating.rst").read_text()
    [line] = [line.strip() for line in migrating.splitlines() if line.startswith("    from signalscreen.classic")]
    script = OLD_SCRIPT.replace("import signal_screen\nimport signal_screen_tools\n", f"{line}\n")
    names = {"model": model, "np": np, "X_test": X_TEST}
    exec(compile(script, "script", "exec"), names)
    assert names["sensitivity"][0].shape == names["saliency"].shape == (1, 186)
    assert names["cam"].shape == (5, 186)
    assert names["copy"].layers[-1].activation is keras.activations.linear
    assert names["scaled"].shape == (1, 186, 1)


def test_what_was_in_each_of_the_two_modules_is_there():
    from signalscreen.classic import signal_screen, signal_screen_tools

    assert callable(signal_screen.calculate_grad_cam)
    for name in ("plot_with_gradient", "add_zeros", "normalise_array", "clone_model"):
        assert callable(getattr(signal_screen_tools, name))
        assert getattr(signalscreen.classic, name) is getattr(signal_screen_tools, name)


def test_readme_occlusion(model):
    c, row = 1, 3
    sensitivity, _ = calculate_occlusion_sensitivity(
        model=model, data=np.expand_dims(X_TEST[row, :], axis=(0, 2)), c=c, number_of_zeros=[15]
    )
    plot_with_gradient(X_TEST[row, :, 0], sensitivity[0], title="Occlusion sensitivity")
    assert sensitivity[0].shape == (1, 186)
    assert sensitivity[0].dtype == np.float64
    cut = X_TEST[[row]].copy()
    cut[:, 100 - 7 : 100 + 8] = 0
    fall = model(X_TEST[[row]]).numpy()[0, c] - model(cut).numpy()[0, c]
    np.testing.assert_allclose(sensitivity[0][0, 100], fall, atol=1e-5)


def test_readme_saliency(model):
    row = 3
    gradient = calculate_saliency_map(model=model, data=np.expand_dims(X_TEST[row, :], axis=0), c=1)
    plot_with_gradient(X_TEST[row, :, 0], gradient, title="Saliency map")
    assert gradient.shape == (1, 186)
    assert gradient.min() == 0
    assert 0.999 < gradient.max() <= 1


def test_readme_grad_cam(model):
    row = 3
    cam = calculate_grad_cam(model=model, data=X_TEST[row : row + 5, :], c=1, use_relu=False)
    cam = np.average(cam, axis=0)
    _fig, ax = plt.subplots()
    assert plot_with_gradient(X_TEST[row, :, 0], cam, ax=ax, title="Grad-CAM") is ax
    assert cam.shape == (186,)


@pytest.mark.parametrize("shape", [(1, 186), (1, 186, 1), (1, 186, 1, 1)])
def test_every_rank_the_examples_pass(model, shape):
    data = X_TEST[0].reshape(shape)
    assert calculate_saliency_map(model, data, 1).shape == (1, 186)
    assert calculate_occlusion_sensitivity(model, data, 1)[0][0].shape == (1, 186)
    assert calculate_grad_cam(model, data, 1).shape == (1, 186)


def test_windows_are_given_back_and_even_ones_are_one_less(model):
    asked = [4, 3]
    with pytest.warns(SignalScreenWarning, match="4 zeros is applied as 3"):
        (four, three), windows = calculate_occlusion_sensitivity(model, X_TEST[:2], 0, asked)
    assert windows is asked
    np.testing.assert_array_equal(four, three)
    assert calculate_occlusion_sensitivity(model, X_TEST[:1], 0, []) == ([], [])


def test_layers_by_the_older_arguments(model):
    last = calculate_grad_cam(model, X_TEST[:2], 0)
    np.testing.assert_array_equal(last, calculate_grad_cam(model, X_TEST[:2], 0, "second"))
    np.testing.assert_array_equal(last, calculate_grad_cam(model, X_TEST[:2], 0, index_of_conv_layer=3))
    with pytest.warns(SignalScreenWarning, match="layer 4 .* is no convolution but layer 3"):
        np.testing.assert_array_equal(last, calculate_grad_cam(model, X_TEST[:2], 0, index_of_conv_layer=4))
    first = calculate_grad_cam(model, X_TEST[:2], 0, index_of_conv_layer=0)
    assert np.abs(first - last).max() > 0.01
    with pytest.raises(LayerError, match="layer 40 is not in the model"):
        calculate_grad_cam(model, X_TEST[:2], 0, index_of_conv_layer=40)
    dense = keras.Sequential([keras.Input((186, 1)), L.Flatten(), L.Dense(2)])
    with pytest.raises(LayerError, match="no convolution"):
        calculate_grad_cam(dense, X_TEST[:1], 0)


def test_grad_cam_of_one_example_does_not_depend_on_the_others(model):
    together = calculate_grad_cam(model, X_TEST[:5], 2, normalise=False)
    alone = calculate_grad_cam(model, X_TEST[:1], 2, normalise=False)
    np.testing.assert_allclose(together[:1], alone, atol=1e-6)
    assert calculate_grad_cam(model, X_TEST[:5], 2, upscale_to_input=False).shape == (5, 90)


def test_several_channels():
    net = randomise(keras.Sequential([keras.Input((50, 3)), L.Conv1D(4, 3), L.Flatten(), L.Dense(2)]))
    x = np.random.default_rng(0).normal(size=(2, 50, 3))
    assert calculate_saliency_map(net, x, 0).shape == (2, 50)
    assert calculate_saliency_map(net, x, 0).dtype == np.float64
    assert calculate_occlusion_sensitivity(net, x, 0, [5])[0][0].shape == (2, 50)


@pytest.mark.parametrize(
    "head",
    [
        lambda: [L.Dense(3, activation="softmax")],
        lambda: [L.Dense(3), L.Softmax()],
        lambda: [L.Dense(3), L.Activation("sigmoid")],
        lambda: [L.Dense(3)],
    ],
)
def test_linear_copies(head):
    net = randomise(keras.Sequential([keras.Input((20, 1)), L.Conv1D(4, 3), L.Flatten(), *head()]))
    x = np.random.default_rng(0).normal(size=(2, 20, 1)).astype("float32")
    linear = change_last_activation_to_linear(net)
    inner = keras.Sequential([keras.Input((20, 1)), *list(clone_model(net).layers)])
    np.testing.assert_allclose(inner(x), net(x), rtol=1e-6)
    flat = net.layers[1](net.layers[0](x)).numpy()
    weights, bias = net.layers[2].get_weights()
    np.testing.assert_allclose(linear(x), flat @ weights + bias, atol=1e-5)


def test_zeros_are_written_in_place():
    a = np.ones((2, 6, 1))
    assert add_zeros(a, 5, 3) is a
    np.testing.assert_array_equal(a[:, :, 0], [[1, 1, 1, 1, 0, 0]] * 2)
    np.testing.assert_array_equal(add_zeros(np.ones(5), 2, 1), [1, 1, 0, 1, 1])


def test_a_flat_map_becomes_zeros():
    np.testing.assert_array_equal(normalise_array(np.full((2, 3), 7.0)), np.zeros((2, 3)))
