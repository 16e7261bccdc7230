"""Every layer on which other libraries fail: sums that are right, or a refusal that names the op.

The cases are the 23 layers and 3 model forms on which shap's DeepExplainer was measured (11 fail there, one is
silently wrong), each in as many axes as Keras has it in. All weights are random, biases and statistics too, and
so is the reference: zeros hide wrong rules.
"""

from functools import cache

import keras
import numpy as np
import pytest
from keras import layers as kl

import signalscreen as ss
from signalscreen.errors import UnsupportedOpError

SIZES = {1: (24,), 2: (8, 10), 3: (6, 6, 8)}
CHANNELS, CLASSES, TARGET = 2, 3, 1


def ranked(name, rank):
    return getattr(kl, f"{name}{rank}D")


def conv(rank, filters=4, **options):
    return ranked("Conv", rank)(filters, 3, **{"padding": "same", **options})


def head(x, rank):
    return kl.Dense(CLASSES)(ranked("GlobalAveragePooling", rank)()(x))


def flat_head(x, rank):
    return kl.Dense(CLASSES)(kl.Flatten()(x))


def after_conv(*makers, end=head):
    """A case: a convolution, the layers asked about, and a head."""

    def build(x, rank):
        x = conv(rank)(x)
        for make in makers:
            x = make(rank)(x)
        return end(x, rank)

    return build


def activation(name):
    return lambda rank: kl.Activation(name)


def squeeze_excite(x, rank):
    x = kl.Activation("relu")(conv(rank)(x))
    gate = kl.Dense(3, activation="relu")(ranked("GlobalAveragePooling", rank)()(x))
    gate = kl.Reshape((*[1] * rank, 4))(kl.Dense(4, activation="sigmoid")(gate))
    return head(kl.Multiply()([x, gate]), rank)


def residual(x, rank):
    x = conv(rank)(x)
    return head(kl.Activation("relu")(kl.Add()([x, kl.Activation("relu")(conv(rank)(x))])), rank)


def concatenated(x, rank):
    branches = [kl.Activation("relu")(conv(rank, filters)(x)) for filters in (2, 3)]
    return head(kl.Concatenate()(branches), rank)


def causal(x, rank):
    for dilation in (1, 2, 4):
        x = kl.Conv1D(4, 3, padding="causal", dilation_rate=dilation, activation="relu")(x)
    return head(x, rank)


def attention(x, rank):
    x = conv(rank)(x)
    return head(kl.MultiHeadAttention(2, 3)(x, x), rank)


def recurrent(layer):
    return lambda x, rank: kl.Dense(CLASSES)(layer(5)(conv(rank)(x)))


ANY = (1, 2, 3)
CASES = {
    "conv-relu-GAP": (ANY, after_conv(activation("relu"))),
    "maxpool+flatten": (ANY, after_conv(activation("relu"), lambda r: ranked("MaxPooling", r)(2), end=flat_head)),
    "BN+ReLU": (ANY, after_conv(lambda r: kl.BatchNormalization(), activation("relu"))),
    "ELU": (ANY, after_conv(activation("elu"))),
    "residual Add": (ANY, residual),
    "SE gate (Multiply)": (ANY, squeeze_excite),
    "AveragePooling": (ANY, after_conv(activation("relu"), lambda r: ranked("AveragePooling", r)(2))),
    "UpSampling": (ANY, after_conv(activation("relu"), lambda r: ranked("UpSampling", r)(2))),
    "ZeroPadding": (ANY, after_conv(lambda r: ranked("ZeroPadding", r)(1), activation("relu"))),
    "Cropping": (ANY, after_conv(activation("relu"), lambda r: ranked("Cropping", r)(1))),
    "Concatenate": (ANY, concatenated),
    "dilated causal conv": ((1,), causal),
    "LeakyReLU": (ANY, after_conv(lambda r: kl.LeakyReLU())),
    "PReLU": (ANY, after_conv(lambda r: kl.PReLU())),
    "gelu": (ANY, after_conv(activation("gelu"))),
    "swish": (ANY, after_conv(activation("swish"))),
    "SeparableConv": ((1, 2), after_conv(lambda r: ranked("SeparableConv", r)(4, 3), activation("relu"))),
    "ConvTranspose": (
        ANY,
        after_conv(activation("relu"), lambda r: getattr(kl, f"Conv{r}DTranspose")(4, 3, strides=2)),
    ),
    "GlobalMaxPooling": (
        ANY,
        after_conv(activation("relu"), end=lambda x, r: kl.Dense(CLASSES)(ranked("GlobalMaxPooling", r)()(x))),
    ),
    "LayerNorm": (ANY, after_conv(lambda r: kl.LayerNormalization(), activation("relu"))),
    "MultiHeadAttention": ((1,), attention),
    "GRU": ((1,), recurrent(kl.GRU)),
    "LSTM": ((1,), recurrent(kl.LSTM)),
}
REFUSED = {"GRU", "LSTM"}
"""A loop: no rule reaches into it, so DeepLIFT must refuse it, and integrated gradients must still close."""

ALL = [(name, rank) for name, (ranks, _) in CASES.items() for rank in ranks]


def randomise(model, seed=0):
    """Give every weight a random value, variances positive ones."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if "variance" in weight.name:
            value = rng.uniform(0.5, 1.5, weight.shape)
        elif len(weight.shape) > 1:
            value = rng.normal(0, np.sqrt(2 / np.prod(weight.shape[:-1])), weight.shape)
        else:
            value = rng.normal(0, 0.3, weight.shape)
        if weight.dtype.startswith("float"):
            weight.assign(value)


@cache
def case(name, rank):
    """A network with random weights, three inputs, one reference, and how far the score moves between them."""
    x = inputs = keras.Input((*SIZES[rank], CHANNELS))
    model = keras.Model(inputs, CASES[name][1](x, rank))
    randomise(model)
    x, reference = data(rank)
    return model, x, reference, score_change(model, x, reference)


def data(rank):
    """Inputs that lie above the reference on the whole, so that scores change by more than float32 rounds."""
    rng = np.random.default_rng(rank)
    shape = (*SIZES[rank], CHANNELS)
    return rng.normal(0.5, 1, (3, *shape)).astype(np.float32), rng.normal(-0.5, 1, shape).astype(np.float32)


def score_change(model, x, reference, score=lambda y: y[:, TARGET]):
    return np.asarray(score(model(x)), np.float64) - np.asarray(score(model(reference[None])), np.float64)


def assert_closes(attribution, change, tolerance):
    miss = np.abs(attribution.sum(tuple(range(1, attribution.ndim)), dtype=np.float64) - change)
    assert np.isfinite(attribution).all()
    assert miss.max() <= tolerance * np.abs(change).max(), f"missed by {miss.max() / np.abs(change).max():.1e}"


@pytest.mark.parametrize(("name", "rank"), ALL)
def test_deep_lift_closes_or_refuses(name, rank):
    model, x, reference, change = case(name, rank)
    if name in REFUSED:
        with pytest.raises(UnsupportedOpError, match="op While"):
            ss.deep_lift(model, x, TARGET, references=reference)
        return
    attribution = ss.deep_lift(model, x, TARGET, references=reference)
    assert_closes(attribution, change, 1e-5)


@pytest.mark.parametrize(("name", "rank"), ALL)
def test_integrated_gradients_close(name, rank):
    model, x, reference, change = case(name, rank)
    attribution = ss.integrated_gradients(model, x, TARGET, baseline=reference, tolerance=0.01)
    miss = np.abs(attribution.sum(tuple(range(1, x.ndim)), dtype=np.float64) - change)
    assert (miss <= 0.0101 * np.abs(change)).all()  # of each example's own change, as it promises


# --- model forms ---


class Subclassed(keras.Model):
    """A model written by hand, with functions where others have layers."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.last = kl.Conv1D(4, 3), kl.Conv1D(4, 3), kl.Dense(CLASSES)

    def call(self, x):
        import tensorflow as tf

        x = tf.nn.relu(self.first(x))
        x = keras.ops.silu(self.second(x))
        return self.last(tf.reduce_mean(tf.nn.max_pool1d(x, 2, 2, "VALID"), axis=1))


def subclassed():
    model = Subclassed()
    model(np.zeros((1, *SIZES[1], CHANNELS), np.float32))
    return model, lambda y: y[:, TARGET], TARGET


def nested():
    inner = keras.Sequential(
        [keras.Input((*SIZES[1], CHANNELS)), kl.Conv1D(4, 3, activation="relu"), kl.MaxPooling1D(2)]
    )
    middle = keras.Sequential([inner, kl.Conv1D(4, 3), kl.LeakyReLU()])
    x = inputs = keras.Input((*SIZES[1], CHANNELS))
    return keras.Model(inputs, head(middle(x), 1)), lambda y: y[:, TARGET], TARGET


def sequence():
    x = inputs = keras.Input((*SIZES[1], CHANNELS))
    x = kl.Conv1D(4, 3, padding="same", activation="relu")(x)
    model = keras.Model(inputs, kl.Conv1D(CLASSES, 3, padding="same")(x))

    def mean_of_class(y):
        return keras.ops.mean(y[:, :, TARGET], axis=1)

    return model, mean_of_class, mean_of_class


@pytest.mark.parametrize("form", [nested, subclassed, sequence])
def test_model_forms(form):
    model, score, target = form()
    randomise(model)
    x, reference = data(1)
    change = score_change(model, x, reference, score)
    assert_closes(ss.deep_lift(model, x, target, references=reference), change, 1e-5)
    attribution = ss.integrated_gradients(model, x, target, baseline=reference, tolerance=0.01)
    assert_closes(attribution, change, 0.01)


def test_one_element_of_a_sequence_output():
    model, *_ = sequence()
    randomise(model)
    x, reference = data(1)
    attribution = ss.deep_lift(model, x, (5, TARGET), references=reference)
    assert_closes(attribution, score_change(model, x, reference, lambda y: y[:, 5, TARGET]), 1e-5)
    reach = np.flatnonzero(np.abs(attribution).sum((0, 2)))
    assert reach.min() >= 5 - 2  # two convolutions of three samples see two samples to either side
    assert reach.max() <= 5 + 2


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_flat_reference_ties_every_maximum(rank):
    # Against zeros every place of a pooling window ties in the reference; the fall must still be credited once.
    model, x, *_ = case("maxpool+flatten", rank)
    attribution = ss.deep_lift(model, x, TARGET, references=0.0)
    assert_closes(attribution, score_change(model, x, np.zeros(x.shape[1:], np.float32)), 1e-5)


class Sorted(kl.Layer):
    """An op without a rule."""

    def call(self, x):
        return keras.ops.sort(x, axis=1)


def test_an_op_without_a_rule_is_refused_by_name():
    x = inputs = keras.Input((*SIZES[1], CHANNELS))
    model = keras.Model(inputs, flat_head(Sorted()(conv(1)(x)), 1))
    x, reference = data(1)
    with pytest.raises(UnsupportedOpError, match="op TopKV2"):
        ss.deep_lift(model, x, TARGET, references=reference)
