"""What was asked of a model before changes no result: a model with a history agrees with a fresh one."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
import tensorflow as tf  # noqa: E402
from keras import layers as kl  # noqa: E402

import signalscreen as ss  # noqa: E402
from signalscreen import edited  # noqa: E402
from signalscreen.errors import BatchCouplingWarning, StatefulModelWarning  # noqa: E402
from signalscreen.order import given_order  # noqa: E402
from signalscreen.surveys import orders_of  # noqa: E402


def signals(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def eeg():
    """A kernel of 64 samples over electrodes by a free number of samples."""
    keras.utils.set_random_seed(0)
    x = keras.Input((22, None, 1))
    h = kl.DepthwiseConv2D((22, 1))(kl.Conv2D(4, (1, 64), activation="relu")(x))
    return keras.Model(x, kl.Dense(2)(kl.GlobalAveragePooling2D()(h)))


def pooled():
    """A second layer that has one position for 16 samples."""
    keras.utils.set_random_seed(0)
    x = keras.Input((None, 1))
    h = kl.MaxPooling1D(8)(kl.Conv1D(3, 5, activation="relu", name="early")(x))
    h = kl.Conv1D(4, 1, activation="relu", name="late")(h)
    return keras.Model(x, kl.Dense(2)(kl.GlobalAveragePooling1D()(h)))


@pytest.mark.parametrize(
    ("make", "before", "after"), [(eeg, (22, 64, 1), (22, 200, 1)), (pooled, (16, 1), (320, 1))]
)
def test_maps_do_not_depend_on_the_length_that_came_first(make, before, after):
    x = signals(2, *after)
    model = make()
    ss.occlusion(model, signals(1, *before), 0, window=2, stride=2)
    ss.grad_cam(model, signals(1, *before), 0)
    for method, options in (("grad_cam", {}), ("occlusion", {"window": 20, "stride": 20})):
        wanted = ss.explain(make(), x, 0, method=method, **options)
        np.testing.assert_allclose(ss.explain(model, x, 0, method=method, **options), wanted, atol=1e-6)


def test_a_table_of_inputs_changes_no_map():
    model, x = eeg(), signals(1, 22, 128, 1)
    orders_of(model)
    assert ss.grad_cam(model, x, 0).shape == (1, 128)


def test_edits_notice_what_a_target_closes_over():
    model, weight = pooled(), [1.0]

    def target(y):
        return y[:, 0] * weight[0]

    x = signals(1, 320, 1)
    first, bound = ss.Score(model, target).bind(x)
    before = edited.program_of(first, (8,))
    weight[0] = 10.0
    second, _ = ss.Score(model, target).bind(x)
    assert edited.program_of(second, (8,)) is not before
    np.testing.assert_allclose(second(bound), 10 * ss.Score(model, 0).bind(x)[0](bound), rtol=1e-5)


class OverBatch(kl.Layer):
    def call(self, x):
        return x / tf.reduce_max(tf.abs(x))


class Tally(kl.Layer):
    """Adds to one number of a variable at each call, and gives what has come together."""

    def build(self, shape):
        self.sums = self.add_weight(shape=(2,), initializer="zeros", trainable=False)

    def call(self, x):
        sums = self.sums.value if hasattr(self.sums, "value") else self.sums
        with tf.control_dependencies([sums.scatter_nd_add([[0]], [1.0])]):
            return x + tf.identity(sums.read_value())[0]


def test_coupling_is_named_in_a_network_of_channels_first():
    keras.utils.set_random_seed(0)
    x = keras.Input((4, 64))
    h = OverBatch(name="over_batch")(kl.Conv1D(3, 5, data_format="channels_first")(x))
    model = keras.Model(x, kl.Dense(2)(kl.GlobalAveragePooling1D(data_format="channels_first")(h)))
    with pytest.warns(BatchCouplingWarning, match="'over_batch'"):
        ss.saliency(model, signals(2, 4, 64), 0)


def test_writing_to_a_part_of_a_variable_is_said_and_put_back():
    x = keras.Input((20, 1))
    tally = Tally(name="tally")
    model = keras.Model(x, kl.Dense(2)(kl.GlobalAveragePooling1D()(tally(x))))
    with pytest.warns(StatefulModelWarning, match="'tally'"):
        ss.Score(model, 0).bind(signals(2, 20, 1))
    assert float(tally.sums.numpy()[0]) <= 1.0  # the one call that binding itself makes, if any


def test_leads_that_are_given_are_those_that_are_read():
    assert given_order((1, 3), (22, None, 1)) == orders_of(eeg())[0][2]
    assert given_order((1, 2), (1, 22, 500)).channel == 0
