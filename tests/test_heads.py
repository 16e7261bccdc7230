"""Logits behind every way of writing a head, against logarithms of the model's own probabilities, by tape."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import signalscreen as ss
from signalscreen import by_hand
from signalscreen.backend import keras, tf
from signalscreen.errors import ProbabilityWarning
from tests.contract.zoo import randomise

L, K = keras.layers, keras.ops
RNG = np.random.default_rng(0)
STEPS, LEADS, CLASSES = 10, 2, 4
X = RNG.normal(size=(2, STEPS, LEADS)).astype("float32")


def conv(x):
    return L.Conv1D(6, 3, padding="same", activation="relu", name="conv")(x)


def sequence(head, length=STEPS):
    """A network whose head gets a row of features for each step."""
    x = keras.Input((length, LEADS))
    return randomise(keras.Model(x, head(conv(x))))


def vector(head):
    """A network whose head gets one row of logits."""
    x = keras.Input((STEPS, LEADS))
    return randomise(keras.Model(x, head(L.Dense(CLASSES, name="z")(L.GlobalAveragePooling1D()(conv(x))))))


def slope(function, x=X):
    given = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(given)
        value = function(given)
    return tape.gradient(value, given).numpy()


def assert_same(found, wanted):
    np.testing.assert_allclose(found, wanted, atol=2e-4 * np.abs(wanted).max())


def check_sigmoid(model, target, scale=1.0, sign=1.0):
    """The logit is log(p / (1 - p))."""

    def logit(x):
        p = model(x)[(slice(None), *target)] / scale
        return tf.math.log(p / (1 - p))

    assert_same(ss.saliency(model, X, target), sign * slope(logit))
    assert ss.Score(model, target).bind(X)[0].kind == "logit"


def check_softmax(model, one, other):
    """Logits are known up to a constant of each row: their difference is that of log p."""
    contrast = slope(
        lambda x: tf.math.log(model(x)[(slice(None), *one)]) - tf.math.log(model(x)[(slice(None), *other)])
    )
    assert_same(ss.saliency(model, X, one) - ss.saliency(model, X, other), contrast)
    assert np.abs(ss.saliency(model, X, one)).max() > 1e-4
    assert ss.Score(model, one).bind(X)[0].kind == "logit"


class Middle(L.Layer):
    def call(self, y):
        return y[:, 1:-1]


class Lists(L.Layer):
    def call(self, y):
        return K.stack(K.unstack(y, axis=1)[::2], axis=1)


# What is done to probabilities (batch, 10, 4), and where an element and another of the same row are then found.
MOVERS = {
    "nothing": (lambda y: y, (3, 1), (3, 2)),
    "reshape": (lambda y: L.Reshape((5, 2, 4))(y), (1, 1, 1), (1, 1, 2)),
    "flatten": (lambda y: L.Flatten()(y), (13,), (14,)),
    "permute": (lambda y: L.Permute((2, 1))(y), (1, 3), (2, 3)),
    "crop": (lambda y: L.Cropping1D(2)(y), (1, 1), (1, 2)),
    "slice": (lambda y: y[:, -1], (1,), (2,)),
    "strided slice": (lambda y: y[:, ::-3, 1:], (1, 0), (1, 1)),
    "layer's slice": (lambda y: Middle()(y), (2, 1), (2, 2)),
    "take": (lambda y: K.take(y, [3, 1, 2], axis=-1), (3, 1), (3, 2)),
    "split and stack": (lambda y: Lists()(y), (2, 1), (2, 2)),
    "concatenate": (lambda y: L.Concatenate()([y, y[..., :2]]), (3, 4), (3, 5)),
    "upsampling": (lambda y: L.UpSampling1D(3)(y), (7, 1), (7, 2)),
    "repeat": (lambda y: K.repeat(y, 2, axis=-1), (3, 2), (3, 5)),
    "tile": (lambda y: K.tile(y, (1, 2, 1)), (13, 1), (13, 2)),
    "broadcast": (lambda y: K.broadcast_to(y[:, 3:4], (2, 7, 4)), (5, 1), (5, 2)),
    "flip and roll": (lambda y: K.roll(K.flip(y, 1), 2, 1), (8, 1), (8, 2)),
    "zero padding": (lambda y: L.ZeroPadding1D(2)(y), (5, 1), (5, 2)),
    "cast": (lambda y: K.cast(K.cast(y, "float64"), "float32"), (3, 1), (3, 2)),
    "clip": (lambda y: K.clip(y, 1e-7, 1 - 1e-7), (3, 1), (3, 2)),
    "floor": (lambda y: K.maximum(y, 1e-7), (3, 1), (3, 2)),
    "clip by value": (lambda y: L.Lambda(lambda t: tf.clip_by_value(t, 1e-7, 1.0))(y), (3, 1), (3, 2)),
    "no NaN": (lambda y: K.where(K.isnan(y), K.zeros_like(y), y), (3, 1), (3, 2)),
    "mask": (lambda y: K.where(K.sum(y, -1, keepdims=True) > 0.0, y, 0.0), (3, 1), (3, 2)),
    "dropout": (lambda y: L.Dropout(0.5)(y), (3, 1), (3, 2)),
    "linear": (lambda y: L.Activation("linear")(y), (3, 1), (3, 2)),
}


@pytest.mark.parametrize("name", list(MOVERS))
def test_a_softmax_is_found_behind_what_moves_and_picks(name):
    move, one, other = MOVERS[name]
    check_softmax(sequence(lambda h: move(L.Dense(CLASSES, activation="softmax")(h))), one, other)


@pytest.mark.parametrize("name", list(MOVERS))
def test_a_sigmoid_is_found_behind_what_moves_and_picks(name):
    move, one, _ = MOVERS[name]
    check_sigmoid(sequence(lambda h: move(L.Dense(CLASSES, activation="sigmoid")(h))), one)


AT_EACH_STEP = {
    "time distributed": lambda h: L.TimeDistributed(L.Dense(CLASSES, activation="softmax"))(h),
    "time distributed twice": lambda h: L.TimeDistributed(L.Softmax())(L.TimeDistributed(L.Dense(CLASSES))(h)),
    "convolution": lambda h: L.Conv1D(CLASSES, 1, activation="softmax")(h),
    "other axis": lambda h: L.Permute((2, 1))(L.Softmax(axis=1)(L.Permute((2, 1))(L.Dense(CLASSES)(h)))),
    "by hand": lambda h: normalised(K.exp(L.Dense(CLASSES)(h))),
}


@pytest.mark.parametrize("name", list(AT_EACH_STEP))
def test_a_softmax_at_every_step(name):
    check_softmax(sequence(AT_EACH_STEP[name]), (3, 1), (3, 2))


@pytest.mark.parametrize("name", ["convolution", "other axis", "by hand"])
def test_a_softmax_at_every_step_of_any_number(name):
    check_softmax(sequence(AT_EACH_STEP[name], None), (3, 1), (3, 2))


def test_a_softmax_over_two_axes():
    check_softmax(sequence(lambda h: L.Softmax(axis=(1, 2))(L.Dense(CLASSES)(h))), (3, 1), (7, 2))


def test_a_masked_softmax():
    model = sequence(lambda h: (lambda z: L.Softmax()(z, mask=z > -0.5))(L.Dense(CLASSES)(h)))
    y = model(X).numpy()
    there = [(i, j) for i in range(STEPS) for j in range(CLASSES) if (y[:, i, j] > 1e-4).all()]
    one, other = next((a, b) for a in there for b in there if a[0] == b[0] and a != b)
    check_softmax(model, one, other)
    away = next((i, j) for i in range(STEPS) for j in range(CLASSES) if (y[:, i, j] == 0).all())
    assert not ss.saliency(model, X, away).any()


SCALED = {  # head, scale of the output, sign of its logit
    "per cent": (lambda p: p * 100.0, 100.0),
    "hundredth": (lambda p: p / 100.0, 0.01),
    "one minus": (lambda p: 1 - p, 1.0),
    "one minus in per cent": (lambda p: 100.0 - 100.0 * p, 100.0),
    "minus twice": (lambda p: 1 - (1 - p), 1.0),
    "smoothed": (lambda p: p * 0.98 + 0.01, None),
    "epsilon": (lambda p: p + 1e-7, 1.0),
}


def test_zeros_beside_one_minus_a_sigmoid():
    check_sigmoid(vector(lambda z: K.pad(1 - K.sigmoid(z), ((0, 0), (1, 1)))), (2,), 1.0)


@pytest.mark.parametrize("name", list(SCALED))
def test_scale_and_shift_of_a_probability_are_dropped(name):
    change, scale = SCALED[name]
    model = vector(lambda z: change(K.sigmoid(z)))
    if scale is None:
        p = keras.Model(model.input, (model.output - 0.01) / 0.98)
        wanted = slope(lambda x: tf.math.log(p(x)[:, 1] / (1 - p(x)[:, 1])))
        assert_same(ss.saliency(model, X, 1), wanted)
    else:
        check_sigmoid(model, (1,), scale)


def test_a_scale_of_a_softmax_keeps_which_class_is_highest():
    model = vector(lambda z: 100.0 * K.softmax(z))
    np.testing.assert_array_equal(ss.Score(model).bind(X)[0].classes, np.argmax(model(X).numpy(), -1))
    check_softmax(model, (1,), (2,))


def normalised(e):
    return e / K.sum(e, -1, keepdims=True)


SOFTMAXES = {
    "exp / sum": lambda z: normalised(K.exp(z)),
    "exp / expanded sum": lambda z: K.exp(z) / K.expand_dims(K.sum(K.exp(z), -1), -1),
    "shifted": lambda z: normalised(K.exp(z - K.max(z, -1, keepdims=True))),
    "with epsilon": lambda z: (lambda e: e / (K.sum(e, -1, keepdims=True) + 1e-7))(
        K.exp(z - K.max(z, -1, keepdims=True))
    ),
    "exp of difference": lambda z: K.exp(z - K.logsumexp(z, -1, keepdims=True)),
    "temperature": lambda z: normalised(K.exp(z / 2.5)),
    "negated": lambda z: normalised(K.exp(-z)),
    "renormalised": lambda z: normalised(K.clip(K.softmax(z), 1e-7, 1.0)),
    "of a rectifier": lambda z: normalised(K.exp(K.relu(z))),
    "of a sum": lambda z: normalised(K.exp(z + L.Dense(CLASSES)(z))),
    "with a zero": lambda z: normalised(K.exp(K.concatenate([K.zeros_like(z[:, :1]), z], -1))),
    "in rows": lambda z: K.reshape(normalised(K.exp(K.reshape(z, (-1, 2, 2)))), (-1, 4))[:, 1:],
    "per cent": lambda z: 100.0 * normalised(K.exp(z)),
}


@pytest.mark.parametrize("name", list(SOFTMAXES))
def test_softmaxes_written_by_hand(name):
    check_softmax(vector(SOFTMAXES[name]), (1,), (2,))


SIGMOIDS = {
    "1 / (1 + exp(-z))": (lambda z: 1 / (1 + K.exp(-z)), 1.0),
    "exp / (1 + exp)": (lambda z: K.exp(z) / (1 + K.exp(z)), 1.0),
    "reciprocal": (lambda z: K.reciprocal(1 + K.exp(-z)), 1.0),
    "tanh": (lambda z: (K.tanh(z / 2) + 1) / 2, 1.0),
    "tanh of all": (lambda z: 0.5 + 0.5 * K.tanh(z), 1.0),
    "softplus": (lambda z: K.exp(-K.softplus(-z)), 1.0),
    "with a bias": (lambda z: 1 / (1 + K.exp(0.3 - 2 * z)), 1.0),
    "two classes": (lambda z: (lambda p: K.concatenate([1 - p, p], -1))(1 / (1 + K.exp(-z))), 1.0),
    "in per cent": (lambda z: 100.0 / (1 + K.exp(-z)), 100.0),
    "product of all": (lambda z: 1 / (1 + K.exp(-z * L.Dense(CLASSES)(z))), 1.0),
}


@pytest.mark.parametrize("name", list(SIGMOIDS))
def test_sigmoids_written_by_hand(name):
    head, scale = SIGMOIDS[name]
    check_sigmoid(vector(head), (1,), scale)


LOGARITHMS = {
    "log softmax": K.log_softmax,
    "difference": lambda z: z - K.logsumexp(z, -1, keepdims=True),
    "log of softmax": lambda z: K.log(K.softmax(z)),
    "log of clipped": lambda z: K.log(K.clip(K.softmax(z), 1e-7, 1.0)),
}


@pytest.mark.parametrize("name", list(LOGARITHMS))
def test_logarithms_of_a_softmax(name):
    model = vector(LOGARITHMS[name])
    assert_same(
        ss.saliency(model, X, 1) - ss.saliency(model, X, 2), slope(lambda x: model(x)[:, 1] - model(x)[:, 2])
    )
    z = keras.Model(model.input, model.get_layer("z").output)
    assert_same(ss.saliency(model, X, 1), slope(lambda x: z(x)[:, 1]))


LOGARITHMS_OF_A_SIGMOID = {  # and the sign of its logit
    "layer": (K.log_sigmoid, 1),
    "by hand": (lambda z: K.log(K.sigmoid(z) + 1e-7), 1),
    "of the other class": (lambda z: K.log(1 - K.sigmoid(z)), -1),
    "of the other class, clipped": (lambda z: K.log(K.clip(1 - K.sigmoid(z), 1e-7, 1.0)), -1),
}


@pytest.mark.parametrize("name", list(LOGARITHMS_OF_A_SIGMOID))
def test_logarithms_of_a_sigmoid(name):
    head, sign = LOGARITHMS_OF_A_SIGMOID[name]
    model = vector(head)
    z = keras.Model(model.input, model.get_layer("z").output)
    assert_same(ss.saliency(model, X, 1), sign * slope(lambda x: z(x)[:, 1]))


@pytest.mark.parametrize(
    "pick",
    [
        lambda p: L.GlobalMaxPooling1D()(p),
        lambda p: L.MaxPooling1D(5)(p)[:, 1],
        lambda p: K.min(p, 1),
        lambda p: K.maximum(p[:, 1], p[:, 2]),
        lambda p: K.top_k(K.transpose(p, (0, 2, 1)), 3)[0][:, :, 1],
    ],
    ids=["over time", "pooling", "lowest", "of two", "second"],
)
def test_the_highest_of_several_sigmoids_is_that_of_the_highest_logit(pick):
    check_sigmoid(sequence(lambda h: pick(L.Dense(CLASSES, activation="sigmoid")(h))), (1,))


def test_heads_side_by_side():
    def heads(h):
        pooled = L.GlobalAveragePooling1D()(h)
        return L.Concatenate()([L.Dense(1, activation="sigmoid", name=f"head_{i}")(pooled) for i in range(3)])

    model = sequence(heads)
    check_sigmoid(model, (1,))
    np.testing.assert_allclose(
        ss.saliency(model, X, ss.Unit("head_1", 0)), ss.saliency(model, X, 1), rtol=1e-5, atol=1e-7
    )


def test_a_head_beside_a_measurement():
    """Each number by itself: the probability has a logit, and the measurement is what it is."""
    model = vector(lambda z: L.Concatenate()([K.sigmoid(z[:, :2]), z[:, 2:]]))
    check_sigmoid(model, (1,))
    assert_same(ss.saliency(model, X, 3), slope(lambda x: model(x)[:, 3]))


GROUPS = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], "float32")
LOST = {
    "average": lambda z: L.Average()([K.softmax(z), K.softmax(2 * z)]),
    "sum": lambda z: L.Add()([K.softmax(z), K.softmax(2 * z)]),
    "weighted": lambda z: 0.3 * K.softmax(z) + 0.7 * K.softmax(2 * z),
    "average by hand": lambda z: (normalised(K.exp(z)) + normalised(K.exp(2 * z))) / 2,
    "sum by hand": lambda z: normalised(K.exp(z)) + normalised(K.exp(2 * z)),
    "reshaped": lambda z: K.reshape(L.Average()([K.softmax(z), K.softmax(2 * z)]), (-1, 4)),
    "mixture": lambda z: K.matmul(K.softmax(z)[:, None], K.sigmoid(K.stack([z, 2 * z, 3 * z, -z], 1)))[:, 0],
    "attention": lambda z: K.sum(K.softmax(z)[..., None] * K.sigmoid(K.stack([z, 2 * z], -1)), 1),
    "product": lambda z: K.sigmoid(z) * K.sigmoid(z + 1),
    "confidence": lambda z: K.max(K.softmax(z), -1, keepdims=True) * K.ones((2,)),
    "others": lambda z: 1 - K.softmax(z),
    "either": lambda z: K.concatenate([K.sum(K.softmax(z)[:, i : i + 2], -1, keepdims=True) for i in (0, 1)], -1),
    "half": lambda z: K.maximum(K.softmax(z), 0.2),
    "kept from the ends": lambda z: K.clip(K.softmax(z), 0.1, 0.9),
    "hard sigmoid": K.hard_sigmoid,
    "bounded": lambda z: K.clip(z, 0.0, 1.0),
    "probit": lambda z: (1 + K.erf(z)) / 2,
    "complementary": lambda z: 1 - K.exp(-K.exp(z)),
    "shares": lambda z: normalised(K.softplus(z)),
    "one against the rest": lambda z: normalised(K.sigmoid(z)),
    "sparsemax": K.sparsemax,
    "classes put together": lambda z: K.matmul(K.softmax(z), GROUPS),
    "the same by einsum": lambda z: K.einsum("bk,kc->bc", K.softmax(z), GROUPS),
    "and halved": lambda z: 0.5 * K.matmul(K.softmax(z), GROUPS),
    "segments": lambda z: L.Lambda(
        lambda t: tf.transpose(tf.math.segment_sum(tf.transpose(tf.nn.softmax(t)), [0, 0, 1, 1])), (2,)
    )(z),
    "in a row": lambda z: L.Lambda(lambda t: tf.math.cumprod(tf.sigmoid(t), -1))(z),
}


@pytest.mark.parametrize("name", list(LOST))
def test_a_probability_without_a_logit_is_said_and_called_what_it_is(name):
    model = vector(LOST[name])
    with pytest.warns(ProbabilityWarning, match="the model's output .* give score='probability'"):
        found = ss.saliency(model, X, 1)
    assert_same(found, slope(lambda x: model(x)[:, 1]))
    with pytest.warns(ProbabilityWarning):
        assert ss.Score(model, 1).bind(X)[0].kind == "probability"
    np.testing.assert_array_equal(ss.saliency(model, X, 1, score="probability"), found)


@pytest.mark.parametrize("move", [lambda m: m, lambda m: 2.0 * m, lambda m: m[:, ::-1]])
def test_a_probability_times_another_input_is_said(move):
    x, mask = keras.Input((STEPS, LEADS)), keras.Input((CLASSES,), name="mask")
    p = L.Softmax()(L.Dense(CLASSES)(L.GlobalAveragePooling1D()(conv(x))))
    model = randomise(keras.Model([x, mask], p * move(mask)))
    weights = np.array([[1, 2, 0, 1]] * len(X), "float32")
    with pytest.warns(ProbabilityWarning, match="by Mul"):
        found = ss.saliency(model, [X, weights], 1)
    assert_same(found[0], slope(lambda t: model([t, tf.constant(weights)])[:, 1]))


def test_a_signal_behind_a_gate_is_no_probability(recwarn):
    x = keras.Input((STEPS, LEADS))
    model = randomise(keras.Model(x, x * L.Conv1D(LEADS, 3, padding="same", activation="sigmoid")(x)))
    found = ss.saliency(model, X, (3, 1))
    assert_same(found, slope(lambda t: model(t)[:, 3, 1]))
    assert ss.Score(model, (3, 1)).bind(X)[0].kind == "logit"
    assert not [one for one in recwarn if one.category is ProbabilityWarning]


def test_probabilities_smoothed_along_time_are_said():
    kernel = np.eye(CLASSES, dtype="float32")[None].repeat(3, 0) / 3
    smooth = L.Lambda(lambda t: tf.nn.conv1d(tf.nn.softmax(t), tf.constant(kernel), 1, "SAME"))
    model = sequence(lambda h: smooth(L.Dense(CLASSES)(h)))
    with pytest.warns(ProbabilityWarning, match="by Squeeze|by Conv2D"):
        ss.saliency(model, X, (3, 1))


def test_a_layer_on_hidden_probabilities_is_none():
    """Its weights are learnt, or of both signs."""
    both = np.array([[1.0, -1.0]] * CLASSES, "float32")
    for head in (L.Dense(2), lambda p: K.matmul(p, both)):
        model = vector(lambda z, head=head: head(K.sigmoid(z)))
        assert ss.Score(model, 1).bind(X)[0].kind == "logit"


def test_the_average_over_time_is_said():
    model = sequence(lambda h: L.GlobalAveragePooling1D()(L.Dense(CLASSES, activation="softmax")(h)))
    with pytest.warns(ProbabilityWarning, match=r"is computed from probabilities \(by Mean"):
        ss.saliency(model, X, 1)


MEASUREMENTS = {
    "dense": lambda z: z,
    "relu": K.relu,
    "tanh": K.tanh,
    "swish": K.silu,
    "gelu": K.gelu,
    "softplus": K.softplus,
    "exp": K.exp,
    "softsign": K.softsign,
    "relu6": K.relu6,
    "hard tanh": lambda z: K.clip(z, -1.0, 1.0),
    "clipped": lambda z: K.clip(z, 0.0, 10.0),
    "range": lambda z: 90 + 30 * K.tanh(z),
    "residual": lambda z: z + L.Dense(CLASSES)(z),
    "gated": lambda z: L.Dense(CLASSES)(z) * K.sigmoid(z),
    "unit length": lambda z: z / K.sqrt(K.sum(z * z, -1, keepdims=True)),
    "normalised": lambda z: L.LayerNormalization()(z),
    "behind a softmax": lambda z: L.Dense(2)(K.softmax(z)),
    "attended": lambda z: K.matmul(K.softmax(z)[:, None], K.stack([z, 2 * z, 3 * z, -z], 1))[:, 0],
    "log of an average": lambda z: K.log((K.softmax(z) + K.softmax(2 * z)) / 2),
    "distance": lambda z: K.sqrt(K.square(z) + 1),
    "bounded while numbers are small": lambda z: 0.5 + 0.05 * K.softplus(z),
    "log of a probability and more": lambda z: K.log(K.sigmoid(z) + 0.5),
}


@pytest.mark.parametrize("name", list(MEASUREMENTS))
def test_of_other_outputs_nothing_is_said(name):
    model = vector(MEASUREMENTS[name])
    assert_same(ss.saliency(model, X, 1), slope(lambda x: model(x)[:, 1]))
    assert ss.Score(model, 1).bind(X)[0].kind == "logit"


@pytest.mark.parametrize("layer", ["LSTM", "GRU"])
def test_a_loop_at_the_end_is_said_where_it_may_give_probabilities(layer):
    x = keras.Input((STEPS, LEADS))
    net = randomise(keras.Model(x, getattr(L, layer)(3, return_sequences=True)(x)))
    assert net(X).numpy().min() < 0
    ss.saliency(net, X, (2, 1))
    bounded_net = randomise(keras.Model(x, getattr(L, layer)(3, activation="sigmoid", return_sequences=True)(x)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        bound, _ = ss.Score(bounded_net, (2, 1)).bind(X)
    assert bool(caught) == bool((bounded_net(X).numpy() >= 0).all()) == (bound.kind == "probability")


class Enclosed(keras.Model):
    @tf.function
    def call(self, x):
        if tf.reduce_sum(x) > -1e9:  # needs autograph
            x = x * 2.0
        return tf.nn.softmax(x[:, :3, 0])


def test_a_hidden_head_is_said_behind_a_mover_too():
    x = keras.Input((STEPS, LEADS))
    model = keras.Model(x, L.Reshape((1, 3))(Enclosed()(x)))
    with pytest.warns(ProbabilityWarning, match="stays part of the score"):
        ss.saliency(model, X, (0, 1))


def two_outputs():
    x = keras.Input((STEPS, LEADS))
    z = L.Dense(3)(L.GlobalAveragePooling1D()(conv(x)))
    mean = L.Average(name="committee")([L.Softmax()(z), L.Softmax()(2 * z)])
    return randomise(keras.Model(x, [L.Softmax(name="single")(z), mean]))


def test_each_output_has_its_own_word():
    model = two_outputs()
    bound, _ = ss.Score(model, ("single", 1)).bind(X)
    assert bound.kind == "logit"
    with pytest.warns(ProbabilityWarning, match="output 'committee'.* of the model is computed"):
        assert ss.Score(model, ("committee", 1)).bind(X)[0].kind == "probability"


def test_a_callable_is_told_of_the_outputs_that_it_reads():
    model = two_outputs()
    found = ss.saliency(model, X, lambda y: y[0][:, 1] - y[0][:, 2])
    assert_same(found, slope(lambda x: tf.math.log(model(x)[0][:, 1] / model(x)[0][:, 2])))
    with pytest.warns(ProbabilityWarning, match="output 'committee'") as caught:
        found = ss.saliency(model, X, lambda y: y[1][:, 1])
    assert "single" not in str(caught[0].message)
    assert_same(found, slope(lambda x: model(x)[1][:, 1]))


def test_a_unit_of_the_output_layer_counts_before_the_head_also_behind_a_mover():
    model = sequence(lambda h: L.Cropping1D(2)(L.Dense(CLASSES, activation="softmax", name="head")(h)))
    unit = ss.saliency(model, X, ss.Unit("head", 1, position=3))
    np.testing.assert_allclose(unit, ss.saliency(model, X, (1, 1)), rtol=1e-5, atol=1e-7)
    p = keras.Model(model.input, model.get_layer("head").output)
    as_is = ss.saliency(model, X, ss.Unit("head", 1, position=3), score="probability")
    assert_same(as_is, slope(lambda x: p(x)[:, 3, 1]))


def test_a_head_in_half_precision_is_recognised():
    model = vector(lambda z: K.cast(normalised(K.exp(K.cast(z, "float16"))), "float32"))
    assert ss.Score(model, 1).bind(X)[0].kind == "logit"
    z = keras.Model(model.input, model.get_layer("z").output)
    np.testing.assert_allclose(ss.saliency(model, X, 1), slope(lambda x: z(x)[:, 1]), atol=2e-3)


def test_steps_that_compute_the_same_are_tried_once(monkeypatch):
    opened, count = by_hand.opened, []
    monkeypatch.setattr(by_hand, "opened", lambda region: count.append(region) or opened(region))
    head = L.TimeDistributed(L.Dense(5, activation=lambda z: normalised(K.exp(1.25 * z))))
    check_softmax(sequence(lambda h: head(h)), (3, 1), (3, 2))
    assert len(count) == 2  # the quotient, and the exponential in it


# --- with everything that walks the graph ---


def pair(chain):
    """A network with a softmax and `chain` behind it, and the same network without the softmax."""
    x = keras.Input((STEPS, LEADS))
    z = L.Dense(CLASSES, name="z")(conv(x))
    model = randomise(keras.Model(x, chain(L.Softmax()(z))))
    return model, keras.Model(x, chain(z))


CHAIN = {
    "crop and repeat": (lambda y: K.repeat(L.Cropping1D(2)(y), 2, axis=1), (4, 1)),
    "upsampling": (lambda y: L.UpSampling1D(2)(y), (7, 1)),
    "parts": (lambda y: L.Concatenate(axis=1)([y[:, 5:], y[:, :5]]), (7, 1)),
    "steps": (lambda y: K.stack(K.unstack(y, axis=1)[::2], axis=1), (2, 1)),
}


@pytest.mark.parametrize("chain", list(CHAIN))
@pytest.mark.parametrize(
    "method",
    ["input_x_gradient", "guided_backprop", "integrated_gradients", "deep_lift", "lrp", "occlusion", "grad_cam"],
)
def test_every_method_goes_through_the_movers(chain, method):
    move, target = CHAIN[chain]
    model, logits = pair(move)
    options = {"occlusion": {"window": 3, "stride": 1}, "grad_cam": {"layer": "conv"}}.get(method, {})
    found = ss.explain(model, X, target, method=method, **options)
    wanted = ss.explain(logits, X, target, method=method, **options)
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())
    assert np.abs(found).max() > 0


@pytest.mark.parametrize("head", ["1 / (1 + exp(-z))", "tanh of all", "with a bias"])
@pytest.mark.parametrize("method", ["integrated_gradients", "deep_lift", "lrp", "occlusion"])
def test_every_method_goes_through_heads_written_by_hand(head, method):
    """Slope and offset are ops of their own, for which there are rules."""
    model = vector(SIGMOIDS[head][0])
    line = {"tanh of all": (2.0, 0.0), "with a bias": (2.0, -0.3)}.get(head, (1.0, 0.0))
    logits = keras.Model(model.input, line[0] * model.get_layer("z").output + line[1])
    options = {"window": 3, "stride": 1} if method == "occlusion" else {}
    found, wanted = (ss.explain(m, X, 1, method=method, **options) for m in (model, logits))
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("chain", list(CHAIN))
def test_the_last_layer_for_a_class_activation_map_lies_before_the_logits(chain):
    move, target = CHAIN[chain]
    model, _ = pair(move)
    np.testing.assert_array_equal(ss.grad_cam(model, X, target), ss.grad_cam(model, X, target, layer="conv"))


@pytest.mark.parametrize("chain", list(CHAIN))
def test_edited_signals_are_patched_through_the_movers(chain):
    move, target = CHAIN[chain]
    model, logits = pair(move)
    found = ss.occlusion(model, X, target, window=1, stride=1, fill=0.0, credit="centre")
    naive = np.zeros_like(X)
    z = logits(X).numpy()[(slice(None), *target)]
    for i in range(STEPS):
        edited = X.copy()
        edited[:, i] = 0
        naive[:, i] = (z - logits(edited).numpy()[(slice(None), *target)])[:, None]
    np.testing.assert_allclose(found, naive[..., 0], atol=1e-5)


STEPS_OF_CHAIN = {
    "reverse": lambda y: K.flip(y, 1),
    "roll": lambda y: K.roll(y, 1, 1),
    "drop": lambda y: y[:, 1:],
    "every other": lambda y: y[:, ::2],
    "repeat": lambda y: K.repeat(y, 2, axis=1),
    "up": lambda y: L.UpSampling1D(2)(y),
    "double": lambda y: L.Concatenate(axis=1)([y, y]),
    "there and back": lambda y: L.Permute((2, 1))(L.Permute((2, 1))(y)),
    "wider": lambda y: K.squeeze(K.expand_dims(y, -1), -1),
    "turn classes": lambda y: K.flip(y, -1),
    "take": lambda y: K.take(y, [1, 0], axis=1),
}


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(list(STEPS_OF_CHAIN)), min_size=1, max_size=5),
    st.sampled_from(["none", "per cent", "clip"]),
    st.integers(0, 10**6),
)
def test_any_chain_of_movers_gives_the_map_of_the_logits_moved_alike(chain, last, place):
    def moved(y):
        for name in chain:
            if y.shape[1] > 2 or name not in ("drop", "every other", "take"):
                y = STEPS_OF_CHAIN[name](y)
        return y

    ends = {"none": lambda y: y, "per cent": lambda y: y * 100.0, "clip": lambda y: K.clip(y, 1e-7, 1 - 1e-7)}
    x = keras.Input((STEPS, LEADS))
    z = L.Dense(CLASSES)(conv(x))
    model = randomise(keras.Model(x, ends[last](moved(L.Softmax()(z)))))
    logits = keras.Model(x, moved(z))
    steps = logits.output.shape[1]
    target = (place % steps, place // steps % CLASSES)
    np.testing.assert_allclose(
        ss.saliency(model, X, target), slope(lambda t: logits(t)[(slice(None), *target)]), atol=1e-5
    )


@pytest.mark.parametrize("chain", ["mask", "zero padding", "no NaN"])
@pytest.mark.parametrize("method", ["integrated_gradients", "deep_lift", "occlusion"])
def test_every_method_goes_through_masks_and_padding(chain, method):
    move, target, _ = MOVERS[chain]
    model, _ = pair(move)
    steps = 1 if chain == "zero padding" else 0  # places that the padding adds
    plain = keras.Model(model.input, model.get_layer("z").output)
    options = {"window": 3, "stride": 1} if method == "occlusion" else {}
    found = ss.explain(model, X, target, method=method, **options)
    wanted = ss.explain(plain, X, (target[0] - 2 * steps, target[1]), method=method, **options)
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_members_of_a_committee_are_units_as_they_are():
    x = keras.Input((STEPS, LEADS))
    z = L.Dense(3)(L.GlobalAveragePooling1D()(conv(x)))
    members = [L.Softmax(name=f"member_{i}")((i + 1.0) * z) for i in range(2)]
    model = randomise(keras.Model(x, members[0] + members[1]))
    for i in range(2):
        p = keras.Model(x, members[i])
        assert_same(ss.saliency(model, X, ss.Unit(f"member_{i}", 1)), slope(lambda t, p=p: p(t)[:, 1]))
