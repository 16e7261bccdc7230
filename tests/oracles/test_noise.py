"""SmoothGrad and VarGrad of a score of known gradient: S = half the sum of squares, so dS/dx = x.

The mean over noisy copies is then x and the mean noise, the variance that of the noise; both follow the range of
each example and of each input, and nothing else.
"""

import numpy as np
import pytest

import signalscreen as ss

keras = pytest.importorskip("keras")

LEVEL = 0.2
OPTIONS = {"samples": 400, "level": LEVEL, "seed": 3}


def squares(*shapes):
    inputs = [keras.Input(shape, name=f"part_{i}") for i, shape in enumerate(shapes)]
    flat = [
        keras.layers.Flatten()(keras.layers.Reshape((*shape, 1))(i))
        for i, shape in zip(inputs, shapes, strict=True)
    ]
    joined = keras.layers.Concatenate()(flat) if len(flat) > 1 else flat[0]
    halves = keras.ops.sum(joined**2, axis=1, keepdims=True) / 2
    return keras.Model(inputs if len(inputs) > 1 else inputs[0], halves)


@pytest.fixture(scope="module")
def two_inputs():
    return squares((12, 2), (7,))


def signals(seed=0, n=3):
    rng = np.random.default_rng(seed)
    scale = np.array([1.0, 4.0, 0.1])[:n]
    return [
        rng.normal(size=(n, 12, 2)) * scale[:, None, None],
        50 + rng.normal(size=(n, 7)) * 30 * scale[::-1, None],
    ]


def ranges(part):
    return np.ptp(part.reshape(len(part), -1), axis=1)


def test_the_noise_of_each_input_is_as_wide_as_its_own_range(two_inputs):
    x = signals()
    for part, variance in zip(x, ss.var_grad(two_inputs, x, **OPTIONS), strict=True):
        assert variance.shape == part.shape
        found = variance.reshape(len(part), -1).mean(axis=1)
        np.testing.assert_allclose(found, (LEVEL * ranges(part)) ** 2, rtol=0.1)


def test_the_noise_of_one_input_does_not_follow_another(two_inputs):
    first, second = signals()
    for name in ("smooth_grad", "var_grad"):
        given = ss.explain(two_inputs, [first, second], method=name, **OPTIONS)
        louder = ss.explain(two_inputs, [first, 100 * second], method=name, **OPTIONS)
        np.testing.assert_array_equal(given[0], louder[0])
        np.testing.assert_allclose(100 ** (2 if name == "var_grad" else 1) * given[1], louder[1], rtol=1e-3)


@pytest.mark.parametrize("shape", [(15, 2), (4, 5, 1), (3, 2, 4, 2)])
def test_the_mean_is_the_gradient_and_the_mean_noise(shape):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3, *shape)) * np.array([1.0, 10.0, 0.1]).reshape(3, *[1] * len(shape))
    model = squares(shape)
    span = ranges(x).reshape(3, *[1] * len(shape))
    noise = (ss.smooth_grad(model, x, **OPTIONS) - x) / (LEVEL * span)
    np.testing.assert_allclose(noise, np.broadcast_to(noise[0], x.shape), atol=1e-4)  # the same for each example
    assert np.std(noise[0]) == pytest.approx(1 / np.sqrt(400), rel=0.35)
    assert abs(noise[0].mean()) < 4 / np.sqrt(400 * noise[0].size)
    variance = ss.var_grad(model, x, **OPTIONS) / (LEVEL * span) ** 2
    np.testing.assert_allclose(variance.reshape(3, -1).mean(axis=1), 1, rtol=0.06)


def test_one_copy_has_no_variance():
    np.testing.assert_array_equal(ss.var_grad(squares((6, 1)), np.ones((2, 6, 1)), samples=1), 0)
