"""Receptive fields by arithmetic against brute force: raise one input sample, see which values move."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
from keras import layers as kl  # noqa: E402

from signalscreen.receptive import summarise  # noqa: E402


def made_positive(model, value=1.0):
    """Weights for which no influence cancels: what an input sample reaches, moves."""
    for weight in model.weights:
        name = weight.path.split("/")[-1]
        weight.assign(np.full(weight.shape, 0.0 if name in ("bias", "beta", "moving_mean") else value))
    return model


def brute_force(model, tensor, length):
    """Most samples between the first and last that move one value of a tensor, over all its positions."""
    probe = keras.Model(model.inputs[0], tensor)
    channels = model.inputs[0].shape[-1]
    raised = np.full((length + 1, length, channels), 0.1, np.float32)  # the last row stays as it is
    raised[np.arange(length), np.arange(length)] = 5.0
    moved = np.asarray(probe(raised, training=False))
    changed = np.abs(moved[:-1] - moved[-1:]) > 2e-6
    if changed.ndim == 2:  # a vector: each element has a field of its own
        changed = changed[:, :, None]
    reach = changed.any(axis=-1).T  # (positions, input samples)
    spans = [np.flatnonzero(row) for row in reach]
    return max((int(s[-1] - s[0] + 1) for s in spans if len(s)), default=0)


def plain():
    x = i = keras.Input((64, 2))
    x = kl.Conv1D(3, 5, activation="relu")(x)
    x = kl.MaxPooling1D(2)(x)
    x = kl.Conv1D(3, 4, strides=3, padding="same")(x)
    x = kl.BatchNormalization()(x)
    x = kl.AveragePooling1D(3, strides=1, padding="same")(x)
    x = kl.Flatten()(x)
    return keras.Model(i, kl.Dense(2)(x))


def dilated():
    x = i = keras.Input((120, 1))
    for d in (1, 2, 4, 8):
        x = kl.Conv1D(2, 3, dilation_rate=d, padding="same", activation="elu")(x)
    x = kl.Conv1D(2, 3, dilation_rate=16, padding="causal")(x)
    return keras.Model(i, kl.GlobalAveragePooling1D()(x))


def residual():
    i = keras.Input((90, 1))
    x = kl.Conv1D(4, 7, strides=2, padding="same", use_bias=False)(i)
    short = kl.Conv1D(4, 1, strides=2, padding="same")(x)
    y = kl.Conv1D(4, 5, padding="same")(x)
    y = kl.SeparableConv1D(4, 3, strides=2, padding="same")(y)
    x = kl.Add()([short, y])
    z = kl.Concatenate()([x, kl.DepthwiseConv1D(3, padding="same")(x)])
    return keras.Model(i, kl.GlobalMaxPooling1D()(z))


def squeeze_and_excite():
    i = keras.Input((40, 3))
    x = kl.Conv1D(4, 3, padding="same")(i)
    g = kl.Reshape((1, 4))(kl.Dense(4)(kl.GlobalAveragePooling1D()(x)))
    return keras.Model(i, kl.Multiply()([x, g]))


def up_and_down():
    i = keras.Input((48, 1))
    x = kl.MaxPooling1D(4)(kl.Conv1D(2, 3, padding="same")(i))
    x = kl.UpSampling1D(4)(x)
    x = kl.Conv1D(2, 3, padding="same")(x)
    x = kl.Conv1DTranspose(2, 4, strides=2, padding="same")(x)
    x = kl.Conv1DTranspose(2, 3, strides=3)(x)
    x = kl.Cropping1D((5, 2))(kl.ZeroPadding1D((3, 1))(x))
    return keras.Model(i, kl.Conv1D(1, 3)(x))


def reshaped():
    i = keras.Input((60, 1))
    x = kl.Reshape((20, 3))(i)
    x = kl.Conv1D(2, 2)(x)
    x = kl.Flatten()(x)
    return keras.Model(i, kl.Reshape((19, 2))(x))


def odd_lengths():
    x = i = keras.Input((53, 1))
    for k, s in ((4, 3), (2, 2), (5, 2)):
        x = kl.Conv1D(2, k, strides=s, padding="same")(x)
    return keras.Model(i, kl.MaxPooling1D(3, strides=2, padding="same")(x))


def nested():
    inside = [kl.Conv1D(2, 5, padding="same", name="conv"), kl.MaxPooling1D(2, name="pool")]
    inner = keras.Sequential([keras.Input((50, 2)), *inside], name="inner")
    i = keras.Input((50, 1))
    x = inner(kl.Conv1D(2, 3, padding="same", name="conv")(i))
    return keras.Model(i, kl.Conv1D(2, 3, name="last")(x))


def recurrent():
    i = keras.Input((20, 1))
    x = kl.SimpleRNN(2, return_sequences=True, activation="linear")(kl.Conv1D(1, 3, padding="same")(i))
    return keras.Model(i, kl.Dense(1)(x))


def along_time():
    i = keras.Input((30, 1))
    x = kl.Concatenate(axis=1)([kl.Conv1D(2, 3)(i), kl.Conv1D(2, 9)(i)])
    return keras.Model(i, kl.MaxPooling1D(2)(x))


NETS = [
    plain,
    dilated,
    residual,
    squeeze_and_excite,
    up_and_down,
    reshaped,
    odd_lengths,
    recurrent,
    along_time,
]


@pytest.mark.parametrize("build", NETS)
def test_arithmetic_agrees_with_brute_force(build):
    model = made_positive(build())
    length = model.inputs[0].shape[1]
    rows = {row.path: row for row in summarise(model)}
    for layer in model.layers:
        row = rows[layer.name]
        assert row.shape == tuple(layer.output.shape[1:])
        assert row.field == (brute_force(model, layer.output, length),), layer.name


def test_nested_layers_are_named_by_path():
    model = made_positive(nested())
    rows = {row.path: row for row in summarise(model)}
    assert list(rows)[1:] == ["conv", "inner/conv", "inner/pool", "last"]
    assert [rows[path].field for path in ("conv", "inner/conv", "inner/pool")] == [(3,), (7,), (8,)]
    assert rows["last"].field == (brute_force(model, model.layers[-1].output, 50),)
    assert (rows["inner/conv"].kind, rows["inner/pool"].shape) == ("Conv1D", (25, 2))


def test_two_dimensions_axis_by_axis():
    i = keras.Input((32, 40, 1))
    x = kl.Conv2D(2, (3, 5), strides=(1, 2))(i)
    x = kl.MaxPooling2D((2, 3))(x)
    x = kl.Conv2D(2, 3, padding="same", dilation_rate=2)(x)
    model = keras.Model(i, kl.Dense(1)(kl.Flatten()(x)))
    rows = summarise(model)
    assert [row.field for row in rows] == [(1, 1), (3, 5), (4, 9), (12, 33), (12, 33), (32, 39)]


def test_free_length():
    i = keras.Input((None, 1))
    x = kl.Conv1D(2, 5, strides=2, padding="same")(i)
    x = kl.UpSampling1D(3)(x)
    x = kl.Conv1D(2, 4)(x)
    model = keras.Model(i, kl.Dense(1)(kl.GlobalAveragePooling1D()(x)))
    assert [row.field for row in summarise(model)] == [(1,), (5,), (5,), (7,), (None,), (None,)]


def test_a_shared_layer_has_its_larger_field():
    i = keras.Input((30, 1))
    shared = kl.Conv1D(1, 3, padding="same", name="twice")
    model = keras.Model(i, shared(shared(i)))
    rows = {row.path: row for row in summarise(model)}
    assert rows["twice"].field == (5,)
    assert rows["twice"].parameters == 4


@keras.saving.register_keras_serializable("test_receptive")
class Doubled(kl.Layer):
    def call(self, x):
        return 2 * x


class WiderConv(kl.Conv1D):
    """A layer of one's own under a known base: what it does is not known."""


@pytest.mark.parametrize("layer", [lambda: Doubled(), lambda: WiderConv(2, 3), lambda: kl.Permute((2, 1))])
def test_what_is_not_known_is_none_from_there_on(layer):
    i = keras.Input((30, 1))
    x = kl.Conv1D(2, 3, name="known")(i)
    x = layer()(x)
    model = keras.Model(i, kl.Conv1D(2, 2, name="after")(x))
    rows = {row.path: row for row in summarise(model)}
    assert rows["known"].field == (3,)
    assert rows["after"].field is None
    assert rows["after"].shape is not None


def test_a_subclassed_model_has_rows_without_fields():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.conv = kl.Conv1D(2, 3, name="conv")

        def call(self, x):
            return self.conv(x)

    net = Net()
    net(np.zeros((1, 10, 1)))
    (row,) = summarise(net)
    assert (row.path, row.kind, row.shape, row.parameters, row.field) == ("conv", "Conv1D", None, 8, None)


def test_parameters_add_up():
    model = plain()
    assert sum(row.parameters for row in summarise(model)) == model.count_params()


def test_real_models(real_data):
    """The PPG detector adds up its dilated kernels; the Coffee CNN never sees its last sample (pooling)."""
    folder = real_data / "model_kazemi_ppg_peaks"
    ppg = keras.models.load_model(folder / "kazemi_ppg_peaks.keras", compile=False)
    convs = [layer for layer in ppg.layers if hasattr(layer, "kernel_size")]
    reach = 1 + sum((layer.kernel_size[0] - 1) * layer.dilation_rate[0] for layer in convs)
    assert summarise(ppg)[-1].field == (min(reach, 1500),)
    folder = real_data / "model_tsinterpret_coffee_cnn"
    coffee = made_positive(keras.models.load_model(folder / "best_model.hdf5", compile=False), value=0.1)
    assert summarise(coffee)[-1].field == (285,)
    flat = next(layer for layer in coffee.layers if isinstance(layer, kl.Flatten))
    assert brute_force(coffee, flat.input, 286) == summarise(coffee)[-3].field[0]
