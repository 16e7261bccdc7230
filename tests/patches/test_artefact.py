"""A window that takes away an artefact a thousand times the signal: what is left is as exact as without it."""

import numpy as np
import pytest

from signalscreen.backend import keras, tf
from signalscreen.streams import Patches
from tests.patches.truth import FLOAT32, compare

L = keras.layers
pytestmark = pytest.mark.usefixtures("always_by_patches")


def power(h):
    """Log of the mean square, as networks of EEG and muscle signals pool."""
    return tf.math.log(tf.reduce_mean(tf.square(h), [1]) + 1e-6)


def peak_power(h):
    return tf.math.log(tf.reduce_sum(tf.reduce_max(tf.square(h), -1, keepdims=True), [1, 2])[:, None] + 1e-6)


@pytest.mark.parametrize("pooled", [power, peak_power])
@pytest.mark.parametrize("height", [1e3, 1e4])
def test_what_is_left_behind_an_artefact(pooled, height, monkeypatch):
    inputs = L.Input((120, 2))
    h = L.Conv1D(6, 5, padding="same", activation="relu")(inputs)
    model = keras.Model(inputs, L.Dense(2)(L.Lambda(pooled)(h)))
    x = np.random.default_rng(0).normal(size=(2, 120, 2)).astype("float32")
    x[:, 30:37] *= height
    starts = np.arange(106)[:, None]
    assert compare(monkeypatch, model, x, Patches(starts, (15,), np.zeros((1, 1, 1, 1)))).error() < FLOAT32


def test_the_mean_of_a_half_precision_layer_does_not_overflow(monkeypatch):
    model = keras.Sequential([L.Input((3000, 1)), L.GlobalAveragePooling1D(dtype="float16"), L.Dense(1)])
    x = np.random.default_rng(0).normal(100, 1, (1, 3000, 1)).astype("float32")  # sums to more than 65504
    starts = np.arange(0, 2900, 100)[:, None]
    content = np.linspace(-9000, 9000, len(starts)).reshape(-1, 1, 1, 1)
    assert compare(monkeypatch, model, x, Patches(starts, (50,), content)).error() < 1e-3  # as half precision is


def test_what_a_dense_layer_makes_of_what_is_left(monkeypatch):
    inputs = L.Input((120, 2))
    h = L.Flatten()(L.Conv1D(6, 5, padding="same", activation="relu")(inputs))
    model = keras.Model(inputs, L.Dense(2)(L.Lambda(lambda y: tf.math.log1p(tf.abs(y)))(L.Dense(5)(h))))
    x = np.random.default_rng(0).normal(size=(2, 120, 2)).astype("float32")
    x[:, 30:37] *= 1e5
    starts = np.arange(-3, 110)[:, None]
    assert compare(monkeypatch, model, x, Patches(starts, (15,), np.zeros((1, 1, 1, 1)))).error() < FLOAT32
