"""A layer that is called several times: which call is meant is said, and each can be named."""

import numpy as np
import pytest

import signalscreen as ss
from signalscreen.backend import keras
from signalscreen.errors import LayerError, SeveralCallsWarning

L = keras.layers
RNG = np.random.default_rng(5)
X = [RNG.normal(size=(2, 20, 1)).astype("float32") for _ in range(2)]
STEPS = RNG.normal(size=(2, 3, 20, 1)).astype("float32")


@pytest.fixture
def encoder():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [keras.Input((20, 1)), L.Conv1D(4, 3, name="conv"), L.ReLU(), L.GlobalAveragePooling1D()], name="encoder"
    )


@pytest.fixture
def twins(encoder):
    a, b = keras.Input((20, 1), name="a"), keras.Input((20, 1), name="b")
    return keras.Model([a, b], L.Dense(2)(L.Concatenate(name="both")([encoder(a), encoder(b)])))


def conv_of(encoder, x):
    return encoder.get_layer("conv")(x).numpy()


@pytest.mark.parametrize("name", ["conv#{}", "encoder/conv#{}"])
@pytest.mark.parametrize("number", [0, 1])
def test_each_call_has_a_name(encoder, twins, name, number):
    found = ss.activations(twins, X, name.format(number))
    np.testing.assert_allclose(found, conv_of(encoder, X[number]), atol=1e-6)
    maps = ss.saliency(twins, X, ss.Unit(name.format(number), 1))
    assert maps[number].any()
    assert not maps[1 - number].any()


def test_the_last_call_is_taken_and_that_is_said(encoder, twins):
    with pytest.warns(SeveralCallsWarning, match=r"'encoder/conv' is called 2 times.* 'encoder/conv#0'") as said:
        found = ss.activations(twins, X, "conv")
    assert {one.filename for one in said} == {__file__}  # the line of whoever asked, not one of TensorFlow's
    np.testing.assert_allclose(found, conv_of(encoder, X[1]), atol=1e-6)
    with pytest.warns(SeveralCallsWarning):
        ss.saliency(twins, X, ss.Unit("conv", 1))
    with pytest.warns(SeveralCallsWarning):
        ss.layer_positions(twins, "conv")


def test_the_steps_of_a_sequence_of_windows(encoder):
    net = keras.Sequential(
        [keras.Input((3, 20, 1)), L.TimeDistributed(encoder, name="each"), L.LSTM(3), L.Dense(2)]
    )
    for k in range(3):
        np.testing.assert_allclose(
            ss.activations(net, STEPS, f"conv#{k}"), conv_of(encoder, STEPS[:, k]), atol=1e-6
        )
    with pytest.warns(SeveralCallsWarning, match="called 3 times"):
        ss.activations(net, STEPS, "conv")


def test_a_map_of_one_call(encoder):
    x = keras.Input((20, 1))
    conv = L.Conv1D(4, 3, name="conv")
    model = keras.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(L.Concatenate(axis=1)([conv(x), conv(-x)]))))
    with pytest.warns(SeveralCallsWarning):
        last = ss.grad_cam(model, X[0], 0, layer="conv")
    np.testing.assert_array_equal(last, ss.grad_cam(model, X[0], 0, layer="conv#1"))
    assert np.abs(last - ss.grad_cam(model, X[0], 0, layer="conv#0")).max() > 1e-3


def test_a_call_that_is_not_there(twins):
    with pytest.raises(LayerError, match="'conv' has no call 2: it is called 2 times"):
        ss.activations(twins, X, "conv#2")
    with pytest.raises(LayerError, match="called once"):
        ss.activations(twins, X, "both#1")
    with pytest.raises(LayerError, match="'nothing' is not in the model"):
        ss.activations(twins, X, "nothing#0")


def test_one_call_needs_no_word(recwarn, twins):
    ss.activations(twins, X, "both")
    ss.activations(twins, X, "conv#0")
    assert not [one for one in recwarn if issubclass(one.category, SeveralCallsWarning)]
