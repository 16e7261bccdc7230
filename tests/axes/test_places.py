"""Where a layer's positions lie: against the span of samples that each of them sees, by a tape's gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import signalscreen as ss
from signalscreen.errors import PlacesWarning
from signalscreen.surveys import layer_places

L = keras.layers
N = 96


class Stft(L.Layer):
    def __init__(self, step, pad_end=False):
        super().__init__()
        self.step, self.pad_end = step, pad_end

    def call(self, x):
        return tf.abs(tf.signal.stft(x, 16, self.step, pad_end=self.pad_end, window_fn=None))


class Op(L.Layer):
    """Any function as a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(x)


def joined(x):
    """A convolution and what it is added to, cropped to its length."""
    return keras.ops.add(x[:, 2:-2], keras.ops.conv(x, np.ones((5, 1, 1), "f4")))


CHAINS = {
    "valid": [L.Conv1D(1, 5)],
    "same": [L.Conv1D(1, 5, padding="same"), L.Conv1D(1, 3, padding="same", strides=2)],
    "causal": [L.Conv1D(1, 5, padding="causal", dilation_rate=2)],
    "dilated": [L.Conv1D(1, 3, dilation_rate=4), L.Conv1D(1, 3, padding="same", dilation_rate=3)],
    "strided": [L.Conv1D(1, 4, strides=3), L.AveragePooling1D(2), L.AveragePooling1D(2, padding="same")],
    "cropped": [L.Cropping1D((7, 3)), L.Conv1D(1, 3), L.ZeroPadding1D((4, 0))],
    "sliced": [Op(lambda x: x[:, 5:80:3])],
    "upsampled": [L.AveragePooling1D(4), L.UpSampling1D(3)],
    "separable": [L.SeparableConv1D(1, 5), L.DepthwiseConv1D(3)],
    "picture": [L.Reshape((N, 1, 1)), L.Conv2D(1, (7, 1)), L.Reshape((N - 6, 1))],
    "patches": [L.Reshape((N // 4, 4)), L.Conv1D(1, 3)],
    "folded and back": [L.Reshape((N // 8, 8, 1)), L.Reshape((N, 1)), L.Conv1D(1, 3)],
    "flattened and back": [L.Conv1D(2, 3), L.Flatten(), L.Reshape((N - 2, 2)), L.Conv1D(1, 3)],
    "turned": [L.Permute((2, 1)), L.Conv1D(1, 5, data_format="channels_first"), L.Permute((2, 1))],
    "frames": [L.Flatten(), Stft(8), L.Conv1D(1, 3)],
    "frames padded": [L.Flatten(), Stft(6, pad_end=True)],
    "spectrogram": [L.STFTSpectrogram(frame_length=16, frame_step=8)],
    "residual": [Op(joined)],
    "stacked": [L.Conv1D(2, 3), L.Dense(4), L.LayerNormalization(), L.Dense(1)],
    "split": [Op(lambda x: keras.ops.concatenate(keras.ops.split(x, 4, axis=1)[1:3], axis=1))],
    "reversed": [Op(lambda x: keras.ops.flip(x, axis=1)), L.Conv1D(1, 4)],
    "padded by ops": [
        Op(lambda x: keras.ops.pad(x, [[0, 0], [3, 1], [0, 0]])),
        L.AveragePooling1D(2),
    ],
}
# Where a transposed kernel ends depends on the phase, so that only the mean of neighbours lies in the middle.
PHASES = {"transposed": [L.Conv1D(1, 3, strides=2), L.Conv1DTranspose(1, 4, strides=2, padding="same")]}


def span_seen(model, position):
    """First and last sample that a position of the output depends on."""
    x = tf.constant(np.random.default_rng(0).normal(size=(1, N, 1)) + 3, "float32")
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(tf.cast(model(x), tf.float32)[0, position])
    seen = np.flatnonzero(np.abs(tape.gradient(y, x).numpy()[0, :, 0]) > 1e-9)
    return (seen[0], seen[-1]) if len(seen) else (0, -1)


def built(chain):
    layers = [type(one).from_config(one.get_config()) if not isinstance(one, Op | Stft) else one for one in chain]
    return keras.Sequential([keras.Input((N, 1)), *layers])


def positive(model):
    for weight in model.weights:
        weight.assign(np.random.default_rng(1).uniform(0.5, 1, weight.shape))
    return model


@pytest.mark.parametrize("name", CHAINS)
def test_places_are_the_middle_of_what_is_seen(name):
    model = positive(built(CHAINS[name]))
    if name == "turned":  # run with channels last: TensorFlow has no other convolution everywhere
        same = positive(built([L.Conv1D(1, 5)]))
        same.set_weights(model.get_weights())
    else:
        same = model
    last = model.layers[-1]
    [at] = layer_places(model, np.zeros((1, N, 1)), last)
    count = same.output_shape[1]
    assert len(at) == count
    low, high = np.array([span_seen(same, i) for i in range(count)]).T
    inside = high - low == (high - low).max()  # what hangs over an end is cut there
    if name == "upsampled":  # copies lie between their neighbours, about what they are copies of
        np.testing.assert_allclose(at[3:-3].reshape(-1, 3).mean(1), ((low + high) / 2)[4:-3:3])
        return
    assert inside.sum() > 5
    np.testing.assert_allclose(at[inside], ((low + high) / 2)[inside], atol=1e-6, err_msg=name)


@pytest.mark.parametrize("name", [*CHAINS, *PHASES])
def test_places_are_those_of_the_keras_layers(name):
    """The arithmetic over layers, where it knows them, gives the same."""
    model = built({**CHAINS, **PHASES}[name])
    for layer in model.layers:
        known = ss.layer_positions(model, layer)
        if known is not None and len(known) == 1 and len(layer.output.shape) == 3:
            np.testing.assert_allclose(layer_places(model, np.zeros((1, N, 1)), layer)[0], known[0])


def test_an_impulse_is_drawn_where_it_is_by_its_places():
    """Of a layer that covers the middle of the signal only, and of one behind a transform into frames."""
    for chain in (
        [L.Conv1D(3, 9, activation="relu"), L.Cropping1D((11, 4)), L.GlobalMaxPooling1D(), L.Dense(1)],
        [L.Flatten(), Stft(4), L.Conv1D(3, 1, activation="relu"), L.GlobalMaxPooling1D(), L.Dense(1)],
    ):
        model = positive(built(chain))
        x = np.zeros((1, N, 1), "f4")
        x[0, 60] = 4
        score, _ = ss.Score(model, 0).bind(x)
        layer = next(one for one in model.layers if isinstance(one, L.Conv1D))
        [at] = score.places(layer)
        cam = ss.grad_cam(model, x, 0, layer=layer, upsample=False)
        assert cam.shape == (1, len(at))
        middle = at[cam[0] > 0.5 * cam.max()].mean()
        assert abs(middle - 60) <= 2
        assert ss.grad_cam(model, x, 0, layer=layer).shape == (1, N)


def test_what_is_not_known_is_none():
    class Sorted(L.Layer):
        def call(self, x):
            return tf.sort(x, axis=1)

    model = keras.Sequential([keras.Input((N, 2)), Sorted(), L.Conv1D(3, 5, name="conv"), L.GlobalMaxPooling1D()])
    score, x = ss.Score(model, 0).bind(np.random.default_rng(0).normal(size=(1, N, 2)))
    assert score.places("conv") is None
    assert ss.grad_cam(model, x, 0, upsample=False).shape == (
        1,
        N - 4,
    )  # by the number of axes, as they always were
    recurrent = keras.Sequential([keras.Input((N, 2)), L.Conv1D(3, 5, strides=2), L.LSTM(4, return_sequences=True)])
    model = keras.Sequential([recurrent, L.GlobalMaxPooling1D()])
    score, x = ss.Score(model, 0).bind(x)
    np.testing.assert_allclose(score.places()[0], 2 + 2 * np.arange(46))  # a step of a loop stays where it is


def test_what_is_stacked_of_single_places():
    """A layer on each stretch keeps their places; an unrolled loop, whose steps see all before, has none."""
    each = L.TimeDistributed(L.Conv1D(3, 5))
    model = keras.Sequential([keras.Input((4, 30, 1)), each, L.GlobalMaxPooling2D(), L.Dense(1)])
    stretches, samples = layer_places(model, np.zeros((1, 4, 30, 1)), each)
    np.testing.assert_array_equal(stretches, np.arange(4))
    np.testing.assert_array_equal(samples, 2 + np.arange(26))
    loop = L.LSTM(4, return_sequences=True, unroll=True)
    model = keras.Sequential([keras.Input((12, 2)), loop, L.GlobalMaxPooling1D(), L.Dense(1)])
    x = np.random.default_rng(0).normal(size=(2, 12, 2))
    assert layer_places(model, x, loop) is None
    with pytest.warns(PlacesWarning):
        assert ss.grad_cam(model, x, 0, layer=loop).shape == (2, 12)


def test_attention_leaves_places_where_they_are():
    x = keras.Input((N, 2))
    h = L.Conv1D(8, 5)(x)
    h = L.LayerNormalization()(L.Add()([h, L.MultiHeadAttention(2, 4, name="mix")(h, h)]))
    model = keras.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(L.Conv1D(4, 3, name="after")(h))))
    for layer, first in (("mix", 2), ("after", 3)):
        at = layer_places(model, np.zeros((1, N, 2)), layer)[0]
        np.testing.assert_array_equal(at, first + np.arange(len(at)))


def test_patches_through_a_dense_layer():
    """A dense layer on each patch is a convolution whose stride is its kernel: as in networks of patches."""
    for cut, width, step in (
        (L.Reshape((N // 8, 8)), 8, 8),
        (L.Reshape((N // 8, 8, 2)), 8, 8),
        (Op(lambda x: tf.signal.frame(x[..., 0], 12, 4)), 12, 4),
    ):
        leads = 2 if cut.__class__ is L.Reshape and len(cut.target_shape) == 3 else 1
        x = keras.Input((N, leads))
        patches = cut(x)
        if len(patches.shape) == 4:
            patches = L.Reshape((N // 8, 16))(patches)
        h = L.Dense(4, activation="relu", name="patch")(patches)
        model = keras.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(h)))
        score, given = ss.Score(model, 0).bind(np.zeros((1, N, leads)))
        [at] = score.places("patch")
        np.testing.assert_allclose(at, (width - 1) / 2 + step * np.arange((N - width) // step + 1))
        [also] = layer_places(model, given, "patch")
        np.testing.assert_allclose(also, at)


@pytest.mark.parametrize("fft_length", [None, 64])
def test_frames_padded_before_their_transform(fft_length):
    """The zeros behind a frame see nothing."""
    spectra = Op(lambda x: tf.abs(tf.signal.stft(x[..., 0], 20, 8, fft_length)))
    model = keras.Sequential(
        [keras.Input((N, 1)), spectra, L.Conv1D(4, 1, name="conv"), L.GlobalAveragePooling1D()]
    )
    [at] = layer_places(model, np.zeros((1, N, 1)), "conv")
    np.testing.assert_allclose(at, 9.5 + 8 * np.arange(len(at)))


def test_parts_of_other_places_added_up_have_none():
    """Every other sample added to the first half."""
    x = keras.Input((N, 2))
    h = L.Conv1D(4, 3, name="conv")(keras.ops.add(x[:, ::2], x[:, : N // 2]))
    model = keras.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(h)))
    assert layer_places(model, np.zeros((1, N, 2)), "conv") is None


def test_places_taken_one_by_one_and_stacked():
    x = keras.Input((N, 2))
    chosen = range(5, N, 7)
    stacked = keras.ops.stack([keras.ops.take(x, k, axis=1) for k in chosen], axis=1)
    model = keras.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(L.Conv1D(4, 3, name="conv")(stacked))))
    [at] = layer_places(model, np.zeros((1, N, 2)), "conv")
    np.testing.assert_array_equal(at, list(chosen)[1:-1])
