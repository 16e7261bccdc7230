"""Of a long axis only what the windows of a call touch is copied: the scores are the same."""

import numpy as np
import pytest

import signalscreen as ss
from signalscreen.backend import keras
from signalscreen.patches import reading
from signalscreen.streams import Patches
from tests.contract.zoo import randomise

L = keras.layers
pytestmark = pytest.mark.usefixtures("always_by_patches")


def network(shape):
    axes = len(shape) - 1
    conv, pool, most = (getattr(L, f"{name}{axes}D") for name in ("Conv", "AveragePooling", "GlobalMaxPooling"))
    x = keras.Input(shape)
    h = pool(2)(conv(4, 3, padding="same", activation="relu")(x))
    h = L.Add()([h, conv(4, 3, padding="same", activation="tanh")(h)])
    return randomise(keras.Model(x, L.Dense(2)(L.Concatenate()([most()(h), L.Flatten()(h)]))))


def check(shape, width, starts, batch_size=None):
    x = np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")
    score, x = ss.Score(network(shape), target=[0, 1], batch_size=batch_size).bind(x)
    edits = Patches(np.asarray(starts), width, np.full((1, 1, *[1] * len(width), 1), 3.0, "float32"))
    wanted = score(edits.applied(x))
    np.testing.assert_allclose(score.patched(x, [edits]), wanted, atol=2e-5 * np.ptp(wanted), rtol=0)


def test_a_long_signal():
    n = 6 * reading.LONG * 3
    check((n, 2), (3,), [[-2], [0], [1], [7], [n // 2], [n - 3], [n - 1]], batch_size=4)
    check((n, 2), (3,), [[n - 1]])


@pytest.mark.parametrize("shape", [(40, 2), (18, 12, 1), (10, 8, 8, 1)])
def test_every_window_where_any_axis_counts_as_long(monkeypatch, shape):
    monkeypatch.setattr(reading, "LONG", 0)
    grid = [np.arange(-1, n, 2) for n in shape[:-1]]
    starts = np.stack(np.meshgrid(*grid, indexing="ij"), -1).reshape(-1, len(grid))
    check(shape, (2,) * len(grid), starts, batch_size=16)
