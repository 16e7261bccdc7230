"""Each repair of an old config: what it changes, and that it leaves the rest alone."""

import copy
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

keras = pytest.importorskip("keras")

from signalscreen.errors import ModelError  # noqa: E402
from signalscreen.model_files.building import keras_2_hard_sigmoid  # noqa: E402
from signalscreen.model_files.repairs import HARD_SIGMOID, repaired  # noqa: E402

OLD = Path(__file__).parent / "old_models"


def layer(kind, **settings):
    return {"class_name": kind, "config": {"name": "x", **settings}}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (layer("Dense", bias_initializer={"class_name": "Zeros", "config": {"dtype": "float32"}}), layer("Dense")),
        (layer("Dense", kernel_regularizer={"class_name": "L1L2", "config": {}}), layer("Dense")),
        (layer("BatchNormalization", axis=[3]), layer("BatchNormalization", axis=3)),
        (layer("BatchNormalizationV1", axis=-1, fused=True), layer("BatchNormalization", axis=-1)),
        (layer("SyncBatchNormalization"), layer("BatchNormalization", synchronized=True)),
        (layer("LeakyReLU", alpha=0.1), layer("LeakyReLU", negative_slope=0.1)),
        (layer("LeakyReLU", alpha={"type": "ndarray", "value": 0.3}), layer("LeakyReLU", negative_slope=0.3)),
        (layer("ThresholdedReLU", theta=0.5), layer("ReLU", threshold=0.5)),
        (layer("DepthwiseConv2D", groups=1), layer("DepthwiseConv2D")),
        (layer("Conv1D", groups=2), layer("Conv1D", groups=2)),
        (layer("LSTM", time_major=False, units=2), layer("LSTM", units=2)),
        (layer("MultiHeadAttention", softmax_robust_masking=True), layer("MultiHeadAttention")),
        (layer("GRUCell", units=2), layer("GRUCell", units=2, reset_after=False)),
        (layer("GRU", units=2), layer("GRU", units=2, reset_after=False)),
        (layer("GRU", reset_after=True), layer("GRU", reset_after=True)),
        (layer("SpatialDropout1D", noise_shape=None, trainable=True, rate=0.1),
         layer("SpatialDropout1D", rate=0.1)),
        (layer("InputLayer", batch_input_shape=[None, 3], dynamic=False),
         layer("InputLayer", batch_shape=[None, 3])),
        (layer("Dense", dtype={"class_name": "Policy", "config": {"name": "mixed_float16"}}),
         layer("Dense", dtype="mixed_float16")),
        (layer("Reshape", target_shape={"class_name": "__tuple__", "items": [2, 3]}),
         layer("Reshape", target_shape=[2, 3])),
    ],
)  # fmt: skip
def test_one_break(old, new):
    before = copy.deepcopy(old)
    assert repaired(old) == new
    assert old == before


@pytest.mark.parametrize(
    "old",
    [layer("LSTM", time_major=True), layer("DepthwiseConv2D", groups=4), layer("Attention", causal=True)],
)
def test_what_keras_3_cannot_do_is_refused(old):
    with pytest.raises(ModelError, match=r"layer 'x' \(.*which Keras 3.* does not have"):
        repaired(old)


def test_a_listed_sequential_gets_its_input():
    old = {"class_name": "Sequential", "config": [layer("Dense", batch_input_shape=[None, 3], units=1)]}
    entry = {
        "class_name": "InputLayer",
        "config": {"name": "x_input", "dtype": "float32", "batch_shape": [None, 3]},
    }
    assert repaired(old)["config"] == {"name": "sequential", "layers": [entry, layer("Dense", units=1)]}


def test_the_users_layers_are_left_alone():
    mine = layer("Mine", alpha=1, kernel_initializer="zeros", groups=1)
    assert repaired(mine, frozenset({"Mine"})) == mine


def test_hard_sigmoid_is_that_of_keras_2():
    found = repaired(layer("Dense", activation="hard_sigmoid"))["config"]["activation"]
    assert found["config"] == HARD_SIGMOID
    x = np.array([-3.0, -2.5, -1.0, 0.0, 2.0, 2.5], np.float32)
    np.testing.assert_allclose(np.asarray(keras_2_hard_sigmoid(x)), [0, 0, 0.3, 0.5, 0.9, 1], atol=1e-6)
    assert not np.allclose(np.asarray(keras.activations.hard_sigmoid(x)), np.asarray(keras_2_hard_sigmoid(x)))


@pytest.mark.parametrize("name", ["k206_recurrent", "k224_graph", "tf20_cnn", "tf215_graph"])
def test_repairing_twice_is_repairing_once(name):
    with h5py.File(OLD / f"{name}.h5") as file:
        config = json.loads(file.attrs["model_config"])
    once = repaired(config)
    assert once != config
    assert repaired(once) == once
