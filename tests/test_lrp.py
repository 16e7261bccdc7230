"""Layer-wise relevance propagation: what it conserves, and what it refuses. Zennit's numbers are in oracles/."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import signalscreen as ss
from signalscreen.errors import OptionError, UnsupportedOpError

LAYERS = keras.layers


def net(*middle, bias=False):
    """A network without biases unless told otherwise, in double precision: relevance has nowhere else to go."""
    keras.utils.set_random_seed(0)
    kwargs = {"use_bias": bias, "bias_initializer": "normal", "dtype": "float64"}
    inputs = keras.Input((20, 2), dtype="float64")
    x = LAYERS.Conv1D(6, 5, dilation_rate=2, padding="same", **kwargs)(inputs)
    for part in middle:
        x = part(x)
    x = LAYERS.GlobalAveragePooling1D(dtype="float64")(x)
    return keras.Model(inputs, LAYERS.Dense(3, "softmax", **kwargs)(x))


def relu():
    return LAYERS.ReLU(dtype="float64")


def residual(x):
    return LAYERS.Add(dtype="float64")([x, LAYERS.Conv1D(6, 3, padding="same", use_bias=False, dtype="float64")(x)])


def gated(x):
    gate = LAYERS.Conv1D(6, 1, activation="sigmoid", use_bias=False, dtype="float64")(x)
    return LAYERS.Multiply(dtype="float64")([x, gate])


def swish(x):
    return LAYERS.Activation("swish", dtype="float64")(x)


def separable(x):
    return LAYERS.SeparableConv1D(5, 3, use_bias=False, dtype="float64")(x)


def times_itself(x):
    return LAYERS.Lambda(lambda a: tf.matmul(a, a, transpose_b=True), dtype="float64")(x)


def twice(x):
    return LAYERS.Add(dtype="float64")([x, x])


def bounded(x):
    """Between numbers that are wider than the signal as well: one for each of three places."""
    reshaped = LAYERS.Reshape((20, 6, 1), dtype="float64")(x)
    held = LAYERS.Lambda(lambda a: tf.minimum(a, tf.constant([0.1, 0.2, 0.3], a.dtype)), dtype="float64")(reshaped)
    return LAYERS.Reshape((20, 18), dtype="float64")(held)


def spread(x):
    """Each value of a convolution by three numbers, as many as it has filters."""
    product = LAYERS.Conv1D(3, 5, use_bias=False, dtype="float64")(x)
    column = LAYERS.Reshape((48, 1), dtype="float64")(product)
    return LAYERS.Lambda(lambda a: a * tf.constant([1.0, -2.0, 3.0], a.dtype), dtype="float64")(column)


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(1).normal(size=(4, 20, 2))


MIDDLES = {
    "relu": [relu()],
    "leaky": [LAYERS.LeakyReLU(dtype="float64")],
    "prelu": [LAYERS.PReLU(alpha_initializer="uniform", dtype="float64")],
    "residual": [relu(), residual],
    "gated": [relu(), gated],
    "swish": [swish],
    "separable": [relu(), separable],
    "times_itself": [relu(), times_itself],
    "spread": [relu(), spread],
    "twice": [relu(), twice],
    "largest_value": [LAYERS.ReLU(max_value=0.3, dtype="float64")],
    "bounded": [relu(), bounded],
    "pooled": [relu(), LAYERS.MaxPooling1D(3, dtype="float64"), LAYERS.UpSampling1D(2, dtype="float64")],
}


@pytest.mark.parametrize("gamma", [0.0, 0.25])
@pytest.mark.parametrize("middle", MIDDLES)
def test_without_biases_the_whole_score_is_shared_out(x, middle, gamma):
    model = net(*MIDDLES[middle])
    score, _ = ss.Score(model, 1).bind(x)
    found = ss.lrp(model, x, 1, epsilon=1e-12, gamma=gamma)
    np.testing.assert_allclose(found.sum((1, 2)), score(x), rtol=1e-6)
    assert np.abs(found).max() > 0


def test_on_rectifiers_without_biases_the_epsilon_rule_is_input_times_gradient(x):
    model = net(relu(), LAYERS.MaxPooling1D(2, dtype="float64"))
    np.testing.assert_allclose(
        ss.lrp(model, x, 2, epsilon=1e-12), ss.input_x_gradient(model, x, 2), rtol=1e-6, atol=1e-12
    )


def test_the_rules_of_one_layer_written_out():
    """Terms 1 * 2, 3 * -1 and -2 * 0.5 with bias 0.5 add up to -1.5, which the terms share."""
    inputs = keras.Input((1, 3), dtype="float64")
    conv = LAYERS.Conv1D(1, 1, dtype="float64")
    model = keras.Model(inputs, LAYERS.Flatten(dtype="float64")(conv(inputs)))
    conv.set_weights([np.array([[[2.0], [-1.0], [0.5]]]), np.array([0.5])])
    x = np.array([[[1.0, 3.0, -2.0]]])
    np.testing.assert_allclose(ss.lrp(model, x, 0, epsilon=1e-12)[0, 0], [2, -3, -1], rtol=1e-9)
    # The sum is negative, so negative terms count twice with gamma = 1: 2 - 6 - 2 + 0.5 = -5.5.
    gamma = np.array([2, -6, -2]) * 1.5 / 5.5
    np.testing.assert_allclose(ss.lrp(model, x, 0, epsilon=1e-12, gamma=1.0)[0, 0], gamma, rtol=1e-9)


def test_a_constant_taken_away_is_a_bias_as_one_added_is(x):
    shift = np.linspace(-1, 1, 6)
    added, taken = net(lambda h: h + shift, relu()), net(lambda h: h - (-shift), relu())
    taken.set_weights(added.get_weights())
    for gamma in (0.0, 0.25):
        one, other = (ss.lrp(model, x, 1, gamma=gamma) for model in (added, taken))
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_attention_is_shared_out_as_written_out():
    """AttnLRP: half of a product to its weights, on through the softmax by its slopes."""
    w, u, v = 0.7, -1.2, 0.4
    inputs = keras.Input((3, 1), dtype="float64")
    weights = LAYERS.Softmax(axis=1, dtype="float64")(inputs * w)
    model = keras.Model(inputs, keras.ops.sum(weights * inputs * u, axis=1) * v)
    x = np.array([[[0.5], [-1.0], [2.0]]])
    s = np.exp(x[0, :, 0] * w) / np.exp(x[0, :, 0] * w).sum()
    terms = s * x[0, :, 0] * u * v  # of the sum that is the score
    to_weights = terms / 2
    through = x[0, :, 0] * w * (to_weights - s * to_weights.sum())
    np.testing.assert_allclose(ss.lrp(model, x, 0, epsilon=1e-12)[0, :, 0], terms / 2 + through, rtol=1e-6)


def test_a_unit_of_a_layer_is_shared_out_too(x):
    model = net(relu())
    unit = ss.Unit(2, 2)
    score, _ = ss.Score(model, unit).bind(x)
    np.testing.assert_allclose(ss.lrp(model, x, unit, epsilon=1e-12).sum((1, 2)), score(x), rtol=1e-6)


def test_an_op_without_a_rule_is_refused_by_name(x):
    model = net(LAYERS.LayerNormalization(dtype="float64"))
    with pytest.raises(UnsupportedOpError, match=r"has no rule for op .*; use deep_lift or integrated_gradients"):
        ss.lrp(model, x, 0)


@pytest.mark.parametrize(
    ("op", "named"),
    [
        (tf.sort, "integrated_gradients with tolerance=, or occlusion"),
        (lambda y: tf.math.cumulative_logsumexp(y, axis=1), "integrated_gradients with tolerance=, or occlusion"),
        (lambda y: tf.where(y > 0, 2 * y, y), "deep_lift or integrated_gradients"),
        (tf.square, "deep_lift or integrated_gradients"),
        (tf.exp, "deep_lift or integrated_gradients"),
    ],
)
def test_a_refusal_recommends_no_method_that_refuses(x, op, named):
    """What it names is tried: DeepLIFT has no rule for some of these ops either."""
    model = net(LAYERS.Lambda(op, dtype="float64"))
    with pytest.raises(UnsupportedOpError, match="has no rule for op") as refusal:
        ss.lrp(model, x, 0)
    assert named in str(refusal.value)
    recommended = str(refusal.value).split("; use ")[1]
    for name in ("deep_lift", "integrated_gradients", "occlusion"):
        if name in recommended:
            options = {"tolerance": 0.05} if name == "integrated_gradients" else {}
            assert np.isfinite(getattr(ss, name)(model, x, 0, **options)).all()


@pytest.mark.parametrize(("option", "value"), [("epsilon", 0), ("epsilon", -1e-3), ("gamma", -0.1)])
def test_an_option_outside_what_is_allowed_is_refused(x, option, value):
    with pytest.raises(OptionError, match=f"{option} is {value}; give one"):
        ss.lrp(net(), x, 0, **{option: value})
