"""Filters against what their layers compute, gains against SciPy, positions against which samples matter."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.signal import freqz

import signalscreen as ss
from signalscreen.errors import LayerError, ModelError, OptionError

kl = keras.layers
FS = 250.0


def randomised(net):
    rng = np.random.default_rng(2)
    for weight in net.weights:
        weight.assign(rng.normal(size=weight.shape))
    return net


def one_layer(shape, layer):
    return randomised(keras.Sequential([keras.Input(shape), layer]))


def correlated(x, weights):
    """What a layer without padding computes, from its filters alone, one output value at a time."""
    axes = len(weights.window)
    reach = [(n - 1) * d + 1 for n, d in zip(weights.window, weights.dilation, strict=True)]
    counts = [(n - r) // s + 1 for n, r, s in zip(x.shape, reach, weights.strides, strict=False)]
    out = np.zeros((*counts, len(weights.kernel)))
    for place in np.ndindex(*counts):
        patch = x
        for axis, (p, s, r, d) in enumerate(zip(place, weights.strides, reach, weights.dilation, strict=True)):
            patch = np.moveaxis(np.moveaxis(patch, axis, 0)[p * s : p * s + r : d], 0, axis)
        seen = np.moveaxis(patch[..., weights.inputs], axes, 0)  # (filters, *window, channels)
        out[place] = (seen * weights.kernel).reshape(len(out[place]), -1).sum(axis=1)
    return out if weights.bias is None else out + weights.bias


@pytest.mark.parametrize(
    ("shape", "layer", "kernel"),
    [
        ((20, 3), lambda: kl.Conv1D(4, 5), (4, 5, 3)),
        ((20, 3), lambda: kl.Conv1D(4, 3, dilation_rate=3, use_bias=False), (4, 3, 3)),
        ((20, 6), lambda: kl.Conv1D(4, 3, strides=2, groups=2), (4, 3, 3)),
        ((20, 3), lambda: kl.DepthwiseConv1D(4, depth_multiplier=2), (6, 4, 1)),
        ((20, 3), lambda: kl.SeparableConv1D(5, 4, depth_multiplier=2, strides=2), (5, 4, 3)),
        ((9, 8, 2), lambda: kl.Conv2D(3, (3, 2), strides=(2, 1)), (3, 3, 2, 2)),
        ((9, 8, 2), lambda: kl.DepthwiseConv2D((3, 2)), (2, 3, 2, 1)),
        ((9, 8, 2), lambda: kl.SeparableConv2D(4, 3, dilation_rate=2), (4, 3, 3, 2)),
        ((5, 4, 6, 2), lambda: kl.Conv3D(3, (2, 3, 1)), (3, 2, 3, 1, 2)),
        ((7,), lambda: kl.Dense(4), (4, 7)),
    ],
)
def test_a_layer_computes_what_its_filters_say(shape, layer, kernel):
    net = one_layer(shape, layer())
    weights = ss.filter_weights(net, 0)
    assert weights.kernel.shape == kernel
    assert weights.window == kernel[1:-1]
    assert weights.inputs.shape == (kernel[0], kernel[-1])
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    np.testing.assert_allclose(correlated(x, weights), net(x[None])[0], rtol=1e-4, atol=1e-4)


def test_the_parts_of_a_separable_convolution_make_the_whole():
    net = one_layer((20, 3), kl.SeparableConv1D(5, 4, depth_multiplier=2))
    depthwise, pointwise = (ss.filter_weights(net, 0, part=part) for part in ("depthwise", "pointwise"))
    assert depthwise.kernel.shape == (6, 4, 1)
    assert pointwise.kernel.shape == (5, 6)
    assert depthwise.bias is None
    assert depthwise.kind == "SeparableConv1D, depthwise"
    x = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    found = correlated(x, depthwise) @ pointwise.kernel.T + pointwise.bias
    np.testing.assert_allclose(found, net(x[None])[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("rank", "layer"), [(1, kl.Conv1DTranspose), (2, kl.Conv2DTranspose)])
def test_a_transposed_convolution_writes_its_filters(rank, layer):
    net = one_layer((*[6] * rank, 2), layer(3, 4, strides=2))
    weights = ss.filter_weights(net, 0)
    for channel in range(2):
        impulse = np.zeros((1, *[6] * rank, 2), "float32")
        impulse[(0, *[1] * rank, channel)] = 1
        written = np.asarray(net(impulse) - net(impulse * 0))[0]
        window = written[(slice(2, 6),) * rank]
        np.testing.assert_allclose(np.moveaxis(window, -1, 0), weights.kernel[..., channel], rtol=1e-4, atol=1e-5)


@pytest.fixture(scope="module")
def deep():
    block = keras.Sequential([keras.Input((30, 4)), kl.Conv1D(5, 4, dilation_rate=3, name="inner")], name="block")
    inputs = keras.Input((128, 2))
    x = kl.Conv1D(4, 8, strides=2, name="first")(inputs)
    x = kl.ReLU(name="relu")(x)
    x = kl.MaxPooling1D(2, name="pool")(x)
    x = block(x)
    x = kl.Conv1DTranspose(3, 4, strides=2, name="up")(x)
    x = kl.Bidirectional(kl.LSTM(2, return_sequences=True), name="both")(x)
    x = kl.GlobalAveragePooling1D(name="mean")(x)
    return randomised(keras.Model(inputs, kl.Dense(2, name="output")(x)))


@pytest.mark.parametrize(
    ("layer", "rate", "dilation"), [("first", FS, 1), ("block/inner", FS / 4, 3), ("up", FS / 2, 1)]
)
def test_the_gain_is_scipys_at_the_rate_where_the_kernel_works(deep, layer, rate, dilation):
    weights = ss.filter_weights(deep, layer)
    assert weights.rate(FS) == rate
    frequencies, gain = weights.frequency_response(FS, points=33)
    assert gain.shape == (len(weights.kernel), 33, weights.kernel.shape[-1])
    np.testing.assert_allclose(frequencies[[0, -1]], [0, rate / 2])
    for f, c in np.ndindex(len(weights.kernel), weights.kernel.shape[-1]):
        taps = np.zeros((weights.window[0] - 1) * dilation + 1)
        taps[::dilation] = weights.kernel[f, :, c]
        _, expected = freqz(taps, worN=frequencies, fs=rate)
        np.testing.assert_allclose(gain[f, :, c], np.abs(expected), atol=1e-9)


def test_the_gain_is_what_a_sinusoid_comes_out_with():
    net = one_layer((400, 1), kl.Conv1D(1, 9, dilation_rate=2))
    weights = ss.filter_weights(net, 0)
    frequencies, gain = weights.frequency_response(FS, points=26)
    x = np.sin(2 * np.pi * frequencies[7] * np.arange(400) / FS)[None, :, None].astype("float32")
    out = np.asarray(net(x))[0, :, 0] - weights.bias[0]
    # The amplitude of a sampled sinusoid from its mean square, over whole periods.
    assert np.sqrt(2 * np.mean(out[:350] ** 2)) == pytest.approx(gain[0, 7, 0], rel=1e-3)


def test_a_layer_is_named_by_path_own_name_index_or_itself(deep):
    inner = deep.get_layer("block").get_layer("inner")
    expected = ss.filter_weights(deep, "block/inner")
    for layer in ("inner", inner):
        found = ss.filter_weights(deep, layer)
        assert found.layer == "block/inner"
        np.testing.assert_array_equal(found.kernel, expected.kernel)
    np.testing.assert_array_equal(ss.filter_weights(deep, 1).kernel, ss.filter_weights(deep, "first").kernel)


def test_wrapped_layers_are_read_inside_their_wrapper():
    net = keras.Sequential([keras.Input((6, 20, 2)), kl.TimeDistributed(kl.Conv1D(3, 5), name="each")])
    weights = ss.filter_weights(net, "each")
    assert weights.kernel.shape == (3, 5, 2)
    assert weights.kind == "Conv1D"
    assert weights.rate(FS) == FS
    inner = net.get_layer("each").layer
    np.testing.assert_array_equal(ss.filter_weights(net, f"each/{inner.name}").kernel, weights.kernel)


def test_an_unknown_rate_is_asked_for():
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = kl.Conv1D(2, 3, name="conv")

        def call(self, signal):
            return self.conv(signal)

    net = Own()
    with pytest.raises(LayerError, match="'conv' has no weights yet; call the model once"):
        ss.filter_weights(net, "conv")
    net(np.zeros((1, 10, 1)))
    weights = ss.filter_weights(net, "conv")
    with pytest.raises(OptionError, match=r"is not known; say it, as in dataclasses.replace"):
        weights.frequency_response(FS)
    assert replace(weights, step=(2.0,)).rate(FS) == FS / 2


def test_a_layer_called_at_two_rates_has_no_one_rate():
    conv = kl.Conv1D(2, 3, padding="same")
    inputs = keras.Input((32, 2))
    net = keras.Model(inputs, conv(kl.AveragePooling1D(2)(conv(inputs))))
    assert ss.filter_weights(net, conv).step is None


@pytest.mark.parametrize("layer", ["relu", "both", "mean", "pool", "conv9", 99])
def test_a_layer_without_filters_is_refused_and_those_that_have_some_are_listed(deep, layer):
    with pytest.raises(LayerError, match=r"layers with filters: first, block/inner, up, output$"):
        ss.filter_weights(deep, layer)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda net: ss.filter_weights(net, "first", part="depthwise"), OptionError, "has no parts"),
        (lambda net: ss.filter_weights("no.keras", 0), ModelError, "no.keras"),
        (lambda net: ss.filter_weights(net, 1).frequency_response(0), OptionError, "fs is 0"),
        (lambda net: ss.filter_weights(net, 1).frequency_response(1.0, 1), OptionError, "points is 1"),
        (lambda net: ss.filter_weights(net, -1).frequency_response(1.0), OptionError, "kernels over 0 axes"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_words(deep, call, error, words):
    with pytest.raises(error, match=words):
        call(deep)


def test_a_part_that_is_not_there_is_refused():
    net = one_layer((20, 3), kl.SeparableConv1D(5, 4))
    with pytest.raises(OptionError, match="has 'depthwise' and 'pointwise'; choose of those"):
        ss.filter_weights(net, 0, part="both")


def test_two_layers_of_one_name_are_told_apart():
    def block(name):
        return keras.Sequential([keras.Input((9, 2)), kl.Conv1D(2, 3, padding="same", name="conv")], name=name)

    net = keras.Sequential([keras.Input((9, 2)), block("a"), block("b")])
    with pytest.raises(LayerError, match="'conv' stands for a/conv, b/conv; name one"):
        ss.filter_weights(net, "conv")


# --- positions -----------------------------------------------------------------------------------------------


def samples_that_matter(net, layer, place):
    """First and last sample that a position depends on, by the gradient of positive weights."""
    for weight in net.weights:
        weight.assign(np.ones(weight.shape) if weight.path.endswith("kernel") else np.zeros(weight.shape))
    x = tf.constant(np.random.default_rng(0).uniform(1, 2, (1, *net.input.shape[1:])).astype("float32"))
    until = keras.Model(net.input, net.get_layer(layer).output)
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = tf.reduce_sum(until(x)[0, place])
    moved = np.flatnonzero(tape.gradient(value, x).numpy()[0].any(axis=-1))
    return moved[0], moved[-1]


def residual():
    inputs = keras.Input((64, 2))
    x = kl.ZeroPadding1D((3, 1))(inputs)
    x = kl.Conv1D(3, 4, strides=2, padding="same", activation="relu")(x)
    around = kl.Conv1D(3, 3, padding="causal")(x)
    gate = kl.GlobalAveragePooling1D(keepdims=True)(x)
    x = kl.Add(name="sum")([x, around])
    x = kl.Multiply(name="gated")([x, gate])
    return keras.Model(inputs, kl.AveragePooling1D(3, 2, padding="same", name="last")(x))


@pytest.mark.parametrize("place", [5, 6, 9])
def test_a_position_lies_in_the_middle_of_the_samples_it_depends_on(place):
    net = residual()
    first, last = samples_that_matter(net, "sum", place)
    assert ss.layer_positions(net, "sum")[0][place] == (first + last) / 2
    # What is gated by the mean of everything still has its place.
    np.testing.assert_array_equal(ss.layer_positions(net, "gated")[0], ss.layer_positions(net, "sum")[0])
    steps = np.diff(ss.layer_positions(net, "last")[0])
    np.testing.assert_array_equal(steps, 4)


def test_positions_of_each_axis():
    net = keras.Sequential(
        [keras.Input((12, 20, 1)), kl.Conv2D(2, (3, 5)), kl.MaxPooling2D((2, 4)), kl.UpSampling2D((2, 4))]
    )
    rows, columns = ss.layer_positions(net, 0)
    np.testing.assert_array_equal(rows, np.arange(10) + 1)
    np.testing.assert_array_equal(columns, np.arange(16) + 2)
    rows, columns = ss.layer_positions(net, 1)
    np.testing.assert_array_equal(rows, np.arange(5) * 2 + 1.5)
    np.testing.assert_array_equal(columns, np.arange(4) * 4 + 3.5)
    rows, columns = ss.layer_positions(net, 2)  # back where the convolution's were
    np.testing.assert_array_equal(rows, np.arange(10) + 1)
    np.testing.assert_array_equal(columns, np.arange(16) + 2)


def test_layers_that_keep_the_positions_keep_their_places(deep):
    pool = ss.layer_positions(deep, "pool")[0]
    np.testing.assert_array_equal(pool, 3.5 + 1 + 4 * np.arange(30))
    up = ss.layer_positions(deep, "up")[0]
    np.testing.assert_array_equal(ss.layer_positions(deep, "both")[0], up)
    np.testing.assert_array_equal(np.diff(up), 2)
    np.testing.assert_array_equal(ss.layer_positions(deep, "block")[0], ss.layer_positions(deep, "inner")[0])


def test_a_transposed_convolution_undoes_a_stride():
    inputs = keras.Input((16, 1))
    x = kl.Conv1D(2, 4, strides=4)(inputs)
    net = keras.Model(inputs, kl.Conv1DTranspose(1, 4, strides=4)(x))
    # The fourth of a stride's outputs lies after its middle by as much as the first lies before it.
    np.testing.assert_allclose(ss.layer_positions(net, -1)[0], np.arange(16))


def test_units_without_a_place_have_none(deep):
    assert ss.layer_positions(deep, "output") is None
    assert ss.layer_positions(deep, "mean") is None


def test_models_of_free_length_are_told_how_many():
    net = keras.Sequential([keras.Input((None, 1)), kl.Conv1D(2, 5, name="conv")])
    np.testing.assert_array_equal(ss.layer_positions(net, "conv", 3)[0], [2, 3, 4])
    with pytest.raises(OptionError, match="any number of positions; say how many as count"):
        ss.layer_positions(net, "conv")
    with pytest.raises(OptionError, match="one number per axis"):
        ss.layer_positions(net, "conv", (3, 3))
    for layer in ("conv9", 5):
        with pytest.raises(LayerError, match="is not in the model"):
            ss.layer_positions(net, layer)
