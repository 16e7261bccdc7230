"""Every DeepLIFT rule by itself is exact; what has no rule is refused; guided rules follow their papers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import signalscreen as ss
from signalscreen.backend import keras, tf
from signalscreen.errors import UnsupportedOpError


class Function(keras.Model):
    """A model that is one expression of its input."""

    def __init__(self, f):
        super().__init__()
        self.f = f

    def call(self, x):
        y = self.f(x)
        return keras.ops.mean(y, axis=tuple(range(1, len(y.shape))))[:, None]


KERNEL = np.random.default_rng(8).normal(size=(3, 2, 2)).astype("float32")
EXACT = {
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "leaky relu": tf.nn.leaky_relu,
    "elu": tf.nn.elu,
    "elu of other slope": lambda x: keras.ops.elu(x, alpha=0.5),
    "selu": tf.nn.selu,
    "gelu": tf.nn.gelu,
    "gelu by tanh": lambda x: tf.nn.gelu(x, approximate=True),
    "swish": tf.nn.silu,
    "mish": keras.ops.mish if hasattr(keras.ops, "mish") else lambda x: x * tf.tanh(tf.math.softplus(x)),
    "hard swish": keras.ops.hard_silu,
    "hard sigmoid": keras.ops.hard_sigmoid,
    "sigmoid": tf.sigmoid,
    "tanh": tf.tanh,
    "softplus": tf.math.softplus,
    "softsign": tf.nn.softsign,
    "exp": tf.exp,
    "log": lambda x: tf.math.log(tf.abs(x) + 0.1),
    "square": tf.square,
    "root": lambda x: tf.sqrt(tf.abs(x) + 0.01),
    "power": lambda x: tf.pow(tf.abs(x), 1.7),
    "several powers": lambda x: tf.pow(tf.abs(x)[..., :1] + 0.1, tf.constant([1.0, 2.0, 3.0])),
    "sine": tf.sin,
    "clip": lambda x: tf.clip_by_value(x, -0.5, 0.5),
    "floor": tf.floor,
    "sign": tf.sign,
    "maximum": lambda x: tf.maximum(x[..., :1], x[..., 1:]),
    "minimum": lambda x: tf.minimum(x[..., :1], 2 * x[..., 1:]),
    "product": lambda x: x[..., :1] * x[..., 1:],
    "gate": lambda x: x * tf.sigmoid(tf.reduce_mean(x, 1, keepdims=True)),
    "quotient": lambda x: x[..., :1] / (1 + tf.square(x[..., 1:])),
    "squared difference": lambda x: tf.math.squared_difference(x, tf.reduce_mean(x, 1, keepdims=True)),
    "matrix product": lambda x: tf.matmul(x, x, transpose_b=True),
    "einsum": lambda x: tf.einsum("btc,bsc->bts", x, tf.tanh(x)),
    "softmax": lambda x: tf.nn.softmax(3 * x) * [1.0, -2.0],
    "softmax over time": lambda x: tf.nn.softmax(x, axis=1)[:, :2],
    "log softmax": lambda x: tf.nn.log_softmax(3 * x) * [1.0, -2.0],
    "attention": lambda x: tf.matmul(tf.nn.softmax(tf.matmul(x, x, transpose_b=True)), x),
    "max": lambda x: tf.reduce_max(x, 1),
    "min": lambda x: tf.reduce_min(x, 1),
    "max-pool": lambda x: tf.nn.max_pool1d(x, 3, 2, "SAME"),
    "overlapping max-pool": lambda x: tf.nn.max_pool1d(x, 4, 1, "VALID"),
    "choice": lambda x: tf.where(x > 0, tf.exp(x), 1 + x),
    "fixed choice": lambda x: tf.where(tf.range(9)[None, :, None] > 3, tf.tanh(x), x),
    "layer norm by hand": lambda x: (
        (x - tf.reduce_mean(x, 1, keepdims=True))
        * tf.math.rsqrt(tf.math.reduce_variance(x, 1, keepdims=True) + 0.1)
    ),
    "stopped": lambda x: tf.stop_gradient(tf.tanh(x)),
    "convolution": lambda x: tf.nn.conv1d(tf.nn.relu(x), KERNEL, 1, "SAME"),
    "batch folded in": lambda x: tf.reshape(tf.tanh(tf.reshape(x, (-1, 2))), tf.shape(x)),
    "transposed": lambda x: tf.transpose(tf.nn.relu(tf.transpose(x, (1, 0, 2))), (1, 0, 2)),
}
MODELS = {name: Function(f) for name, f in EXACT.items()}


# The reversed reference changes most scores by nothing at all, of which rounding is a large part.
@pytest.mark.filterwarnings("ignore::signalscreen.errors.CompletenessWarning")
@pytest.mark.parametrize("name", list(EXACT))
@given(seed=st.integers(0, 2**31), scale=st.sampled_from([0.1, 1.0, 10.0]), rows=st.integers(1, 3))
@settings(max_examples=4, deadline=None)
def test_rules_are_exact(name, seed, scale, rows):
    rng = np.random.default_rng(seed)
    x = (scale * rng.normal(size=(rows, 9, 2))).astype("float32")
    r = (scale * rng.normal(size=(9, 2))).astype("float32")
    x[0, :3] = r[:3]  # some places do not change
    for reference in (r, np.stack([x[::-1][i] for i in range(rows)])[:1], lambda x: x[:, None, ::-1]):
        a = ss.deep_lift(MODELS[name], x, 0, references=reference, score="probability")
        score, bound = ss.Score(MODELS[name], 0, score="probability").bind(x)
        there = reference(x)[:, 0] if callable(reference) else np.broadcast_to(reference, x.shape)
        change = score(bound) - score(np.ascontiguousarray(there))
        size = np.abs(a).sum((1, 2)) + np.abs(score(bound)) + 0.05
        np.testing.assert_array_less(np.abs(a.sum((1, 2)) - change), 2e-5 * size)


REFUSED = {
    "step": (lambda x: tf.where(x > 0, tf.ones_like(x), tf.zeros_like(x)), "Select"),
    "comparison": (lambda x: tf.cast(x > 0, tf.float32) * x, "Greater"),
    "rounding to integers": (lambda x: tf.cast(tf.cast(x, tf.int32), tf.float32), "Cast"),
    "sorting": (lambda x: tf.nn.top_k(x[..., 0], 3)[0], "TopK"),
    "exponent": (lambda x: tf.pow(2.0, x), "Pow"),
    "fourier": (lambda x: tf.abs(tf.signal.rfft(x[..., 0])), "RFFT"),
    "loop": (lambda x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.tanh(y)), (0, x))[1], "While"),
    "product of many": (lambda x: tf.reduce_prod(x, 1), "Prod"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_has_no_rule_is_refused_by_name(name):
    f, op = REFUSED[name]
    with pytest.raises(UnsupportedOpError, match=op):
        ss.deep_lift(Function(f), np.random.default_rng(0).normal(size=(2, 9, 2)), 0)


def test_multipliers_are_slopes_where_nothing_changes():
    x = np.random.default_rng(0).normal(size=(2, 9, 2)).astype("float32")
    for name in ("tanh", "gelu", "swish", "softmax", "sigmoid"):
        score, x = ss.Score(MODELS[name], 0, score="probability").bind(x)
        multipliers, here, there = score.multipliers(x, x)
        np.testing.assert_allclose(multipliers, score.gradient(x), atol=1e-5)
        np.testing.assert_array_equal(here, there)


def test_rescale_is_the_rescale_rule():
    x, r = np.array([[[2.0], [1.0]]]), np.array([[-1.0], [3.0]])
    multipliers, *_ = ss.Score(Function(tf.nn.relu), 0).bind(x)[0].multipliers(np.float32(x), np.float32(r))
    np.testing.assert_allclose(multipliers[0, :, 0], [2 / 3 / 2, 1 / 2], rtol=1e-6)


# --- guided backprop and deconvnet ----------------------------------------------------------------------------

WEIGHTS = np.array([1.0, -1.0, 1.0, -1.0], "float32")
POINTS = np.array([[[2.0], [2.0], [-2.0], [-2.0]]], "float32")


def gated(activation):
    """Gradient sign and side of the kink in all four combinations."""
    return lambda x: 4 * activation(x)[:, :, 0] * WEIGHTS


@pytest.mark.parametrize(
    ("activation", "guided"),
    [
        (tf.nn.relu, [1, 0, 0, 0]),
        (tf.nn.relu6, [1, 0, 0, 0]),
        (lambda x: tf.nn.leaky_relu(x, 0.3), [1, 0, 0, 0]),
        (tf.nn.elu, [1, 0, 0, 0]),
        (lambda x: tf.nn.relu(x) - 0.3 * tf.nn.relu(-x), [1, 0, 0, 0]),
    ],
)
def test_guided_and_deconvnet(activation, guided):
    model = Function(gated(activation))
    np.testing.assert_allclose(ss.guided_backprop(model, POINTS, 0)[0, :, 0], guided, atol=1e-6)
    np.testing.assert_allclose(ss.deconvnet(model, POINTS, 0)[0, :, 0], [1, 0, 1, 0], atol=1e-6)


@pytest.mark.parametrize("rules", ["guided", "deconvnet"])
def test_a_rectifier_of_the_negative_signal_is_no_half_of_a_prelu(rules):
    inputs = keras.Input((8, 2))
    h = keras.layers.Dense(3)(inputs)
    last = keras.layers.Dense(2)
    models = [
        keras.Model(inputs, last(keras.ops.concatenate([keras.ops.relu(h), keras.ops.relu(minus)], -1)[:, 0]))
        for minus in (-h, h * -1.0)
    ]
    x = np.random.default_rng(0).normal(size=(4, 8, 2)).astype("float32")
    one, two = (ss.Score(m, 0).bind(x)[0].gradient(x, rules=rules) for m in models)
    np.testing.assert_array_equal(one, two)
    assert np.abs(one).max() > 0


def test_a_rectifier_of_a_negated_signal_has_a_rule_of_its_own():
    """A concatenated ReLU is |x| in the sum: its second half passes where x is negative."""
    whole = Function(lambda x: 4 * (tf.nn.relu(x) + tf.nn.relu(-x))[:, :, 0] * WEIGHTS)
    parts = Function(lambda x: 8 * tf.concat([tf.nn.relu(x), tf.nn.relu(-x)], -1) * WEIGHTS[:, None])
    for model in (whole, parts):
        np.testing.assert_allclose(ss.guided_backprop(model, POINTS, 0)[0, :, 0], [1, 0, -1, 0], atol=1e-6)


def test_scope_leaves_the_dense_part_alone():
    def net(x):
        h = tf.nn.relu(x)
        return tf.nn.relu(tf.reduce_sum(h * [[[1.0], [-1.0]]], (1, 2), keepdims=False)[:, None] + 5.0) * -1.0

    model, x = Function(net), np.array([[[1.0], [1.0]]])
    np.testing.assert_array_equal(ss.guided_backprop(model, x, 0)[0, :, 0], [0, 0])
    np.testing.assert_array_equal(ss.guided_backprop(model, x, 0, scope="conv")[0, :, 0], [0, 1])


# --- TensorFlow's 3D max-pooling ------------------------------------------------------------------------------


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_max_pool_3d_gradient_goes_to_the_maximum(padding):
    rng = np.random.default_rng(0)
    x = (1 + 1e-5 * rng.permutation(2 * 5 * 6 * 4 * 3).reshape(2, 5, 6, 4, 3) / 100).astype("float32")
    inputs = keras.Input((5, 6, 4, 3))
    pooled = keras.layers.MaxPooling3D((2, 3, 2), padding=padding)(inputs)
    weights = rng.normal(size=pooled.shape[1:]).astype("float32")
    model = Weighted(weights)
    a = ss.saliency(keras.Model(inputs, model(pooled)), x, 0)
    expected = np.zeros_like(x)
    low = [
        0 if padding == "valid" else (n * k - size) // 2
        for n, k, size in zip(pooled.shape[1:4], (2, 3, 2), (5, 6, 4), strict=False)
    ]
    for place in np.ndindex(2, *pooled.shape[1:]):
        n, *where, c = place
        spans = [
            slice(max(w * k - lo, 0), min(w * k - lo + k, size))
            for w, k, lo, size in zip(where, (2, 3, 2), low, (5, 6, 4), strict=False)
        ]
        block = x[(n, *spans, c)]
        best = np.unravel_index(block.argmax(), block.shape)
        expected[(n, *[s.start + b for s, b in zip(spans, best, strict=False)], c)] += weights[(*where, c)]
    np.testing.assert_allclose(a, expected, atol=1e-6)


class Weighted(keras.layers.Layer):
    def __init__(self, weights):
        super().__init__()
        self.factors = weights

    def call(self, x):
        return tf.reduce_sum(x * self.factors, axis=(1, 2, 3, 4))[:, None]
