"""What is found out about a model when it is bound: planted faults, named or put right; the oracle is the tape."""

import warnings

import numpy as np
import pytest

import signalscreen as ss
from signalscreen import comparison, programs
from signalscreen.backend import keras, tf
from signalscreen.closeness import EPSILONS, TOLERANCES, excess
from signalscreen.errors import (
    BatchCouplingWarning,
    ExaminationWarning,
    InputError,
    ModelError,
    RandomModelWarning,
    StatefulModelWarning,
    TraceError,
)

L = keras.layers
RNG = np.random.default_rng(3)
X = np.random.default_rng(0).normal(size=(3, 20, 2)).astype("float32") * np.array([1, 2, 5])[:, None, None]


def net(*middle, length=20, head=2, seed=0):
    """The layers between a convolution and a dense head."""
    keras.utils.set_random_seed(seed)
    x = h = keras.Input((length, 2))
    for layer in (L.Conv1D(4, 3, activation="relu"), *middle):
        h = layer(h)
    return keras.Model(x, L.Dense(head)(L.GlobalAveragePooling1D()(h)))


def slope(model, x, unit=0):
    """The gradient by TensorFlow's tape."""
    x = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        s = tf.reduce_sum(model(x, training=False)[:, unit])
    return tape.gradient(s, x).numpy()


class Layer(L.Layer):
    """A layer out of a function of itself and what it gets."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def call(self, x):
        return self.function(self, x)

    def compute_output_shape(self, shape):
        return shape


def layer(function, **attributes):
    made = Layer(function, name="planted")
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def counted(self, x):
    self.calls += 1
    return x * self.calls


class Trains(L.BatchNormalization):
    def call(self, x, training=None, mask=None):
        return super().call(x, training=True)


NAMED = {
    "mean over the batch": (lambda _, x: x - tf.reduce_mean(x, 0, keepdims=True), BatchCouplingWarning),
    "largest of the batch": (lambda _, x: x / tf.reduce_max(x), BatchCouplingWarning),
    "softmax over the batch": (lambda _, x: tf.nn.softmax(x, axis=0), BatchCouplingWarning),
    "place in the batch": (
        lambda _, x: x * tf.cast(1 + tf.range(tf.shape(x)[0]), x.dtype)[:, None, None],
        BatchCouplingWarning,
    ),
    "other half of a pair": (lambda _, x: x + 0.5 * tf.reverse(x, [0]), BatchCouplingWarning),
    "tf.random": (lambda _, x: x + tf.random.normal(tf.shape(x)), RandomModelWarning),
    "tf.nn.dropout": (lambda _, x: tf.nn.dropout(x, 0.5), RandomModelWarning),
    "stateless with a seed that is drawn": (
        lambda _, x: x * tf.random.stateless_uniform(tf.shape(x), tf.random.uniform([2], 0, 99, tf.int32)),
        RandomModelWarning,
    ),
    "NumPy at each call": (
        lambda _, x: tf.ensure_shape(
            x + tf.numpy_function(lambda: np.float32(RNG.random()), [], tf.float32), x.shape
        ),
        RandomModelWarning,
    ),
    "NumPy in a trace": (lambda _, x: x * RNG.random(), TraceError),
    "a Python counter": (counted, TraceError),
    "a branch on eagerness": (lambda _, x: x if tf.executing_eagerly() else 2 * x, TraceError),
    "a branch on the batch": (lambda _, x: 3 * x if x.shape[0] == 2 else x, TraceError),
    "a branch inside a function": (
        lambda _, x: tf.stop_gradient(x) + (x if tf.inside_function() else 0 * x),
        TraceError,
    ),
}


@pytest.mark.parametrize("fault", NAMED)
def test_planted_faults_are_named(fault):
    function, category = NAMED[fault]
    model = net(layer(function, calls=0))
    if issubclass(category, Warning):
        for x in (X, X[:1]):  # examples of its own, and one made of the only one
            with pytest.warns(category, match="'planted'"):
                ss.saliency(net(layer(function, calls=0)), x, 0)
    else:
        with pytest.raises(TraceError, match=r"layer 'planted'.*examine=False"):
            ss.saliency(model, X, 0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert ss.saliency(model, X, 0, examine=False).shape == X.shape
    # That an op draws is seen without an examination.
    own = {one.category for one in said if issubclass(one.category, ExaminationWarning)}
    assert own == ({RandomModelWarning} if category is RandomModelWarning else set())


def test_coupling_is_no_matter_of_one_row():
    model = net(layer(lambda _, x: x / tf.reduce_max(x)))
    alone = ss.saliency(model, X, 0, batch_size=1)  # says nothing: each example is by itself
    np.testing.assert_allclose(alone, np.concatenate([slope(model, row[None]) for row in X]), rtol=1e-4, atol=1e-6)


def test_normalisation_that_trains_is_both():
    model = net(Trains(name="trains"))
    with (
        pytest.warns(BatchCouplingWarning, match="'trains'"),
        pytest.warns(StatefulModelWarning, match=r"Assign.*'trains'"),
    ):
        ss.Score(model, 0).bind(X)


def test_the_examination_leaves_variables_as_they_were():
    model = net(Trains(name="trains"))
    before = [v.numpy() for v in model.variables]
    with pytest.warns(ExaminationWarning):
        ss.Score(model, 0).bind(X)
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def test_random_numbers_are_said_once():
    class Stays(L.Dropout):
        def call(self, x, training=None):
            return super().call(x, training=True)

    with pytest.warns(ExaminationWarning) as said:
        ss.saliency(net(Stays(0.5, name="stays")), X, 0)
    assert [w.category for w in said] == [RandomModelWarning]
    assert "'stays'" in str(said[0].message)


@pytest.mark.parametrize(
    "quiet",
    [
        L.Dropout(0.5),
        L.GaussianNoise(1.0),
        L.BatchNormalization(),
        L.LSTM(3, return_sequences=True, dropout=0.5),
        layer(lambda _, x: x * tf.random.stateless_uniform([4], [1, 2])),  # the same numbers at each call
        layer(lambda _, x: x + 0 * tf.random.normal(tf.shape(x))),
        layer(lambda _, x: tf.math.log(x - 1e9)),  # NaN either way
    ],
)
@pytest.mark.filterwarnings("ignore::signalscreen.errors.NonFiniteWarning")
def test_no_word_about_what_is_in_order(quiet):
    ss.saliency(net(quiet), X, 0)


def test_what_cancels_to_nothing_is_no_finding():
    """An output that is rounding alone, 1e-8 of what it is made of, differs from call to call by all of itself."""
    x = keras.Input((4096, 1))
    model = keras.Model(x, keras.ops.mean(x, axis=1))
    rng = np.random.default_rng(1)
    for _ in range(3):
        given = rng.normal(size=(2, 4096, 1)).astype("float32")
        ss.saliency(model, given - given.mean(1, keepdims=True, dtype=np.float64).astype("float32"), 0)


@pytest.mark.parametrize("policy", ["float32", "float64", "mixed_float16", "mixed_bfloat16"])
def test_every_precision_is_in_order(policy):
    keras.config.set_dtype_policy(policy)
    keras.config.set_floatx("float64" if policy == "float64" else "float32")
    try:
        model = net(
            L.Conv1D(16, 5, activation="elu"), L.BatchNormalization(), L.Conv1D(16, 5), L.LayerNormalization()
        )
    finally:
        keras.config.set_dtype_policy("float32")
        keras.config.set_floatx("float32")
    ss.Score(model, 0).bind(X)
    facts = next(iter(programs._programs[model].values())).facts
    assert facts["precision"] == policy.removeprefix("mixed_")
    assert facts["verdicts"]


# --- free lengths ---------------------------------------------------------------------------------------------


FREE = {
    "TimeDistributed": lambda: L.TimeDistributed(L.Dense(4, activation="relu")),
    "divided by a length that is unknown": lambda: layer(lambda _, x: x / (x.shape[1] or 1)),
    "a loop over positions": lambda: layer(
        lambda _, x: tf.stack([x[:, i] * (1 + i) for i in range(x.shape[1])], axis=1)
    ),
    "a branch on whether the length is known": lambda: layer(lambda _, x: x if x.shape[1] is None else -x * x),
    "a window as long as the signal": lambda: layer(
        lambda _, x: x * tf.reshape(tf.constant(np.hanning(x.shape[1]), tf.float32), [1, -1, 1])
    ),
}


@pytest.mark.parametrize("kind", FREE)
def test_a_free_length_is_traced_as_it_is_at_hand(kind):
    model = net(FREE[kind](), length=None) if kind == "TimeDistributed" else Late(FREE[kind]())
    for n in (20, 13, 20, 9, 30):
        x = np.random.default_rng(n).normal(size=(3, n, 2)).astype("float32")
        for given in (x, x[:1]):
            np.testing.assert_allclose(ss.saliency(model, given, 0), slope(model, given), rtol=1e-4, atol=1e-6)
        fall = ss.occlusion(model, x, 0, window=4, stride=4)
        silent = x.copy()
        silent[:, :4] = 0
        wanted = (model(x, training=False) - model(silent, training=False)).numpy()[:, 0]
        np.testing.assert_allclose(fall[:, 0], wanted, rtol=1e-3, atol=1e-6)


class Late(keras.Model):
    """Keras asks no layer for its shape at a length that is unknown: the model is a function of tensors."""

    def __init__(self, middle):
        super().__init__()
        self.conv, self.middle = L.Conv1D(4, 3, activation="relu"), middle
        self.pool, self.head = L.GlobalAveragePooling1D(), L.Dense(2)
        self.inputs = [keras.KerasTensor((None, None, 2), name="x")]

    def call(self, x):
        return self.head(self.pool(self.middle(self.conv(x))))


def test_a_free_length_that_is_in_order_stays_free():
    model = net(L.Conv1D(3, 3), length=None)
    for n in (20, 30, 40, 50, 60):
        ss.saliency(model, np.ones((2, n, 2)), 0)
    assert len(programs._programs[model]) == 2, "outputs and gradient"


@pytest.mark.parametrize("lengths", [(12, 40, 15), (12, 14, 16, 40), (12, 14, 16, 18, 15, 40)])
@pytest.mark.parametrize("upwards", [True, False])
def test_lengths_of_which_one_is_another_function(lengths, upwards):
    """From 20 on another one; or below 30, where the same lengths are counted down from 50."""
    other = (lambda n: (n or 0) >= 20) if upwards else (lambda n: (n or 50) < 30)
    model = Late(layer(lambda _, x: 2 * x if other(x.shape[1]) else x))
    for n in lengths if upwards else [50 - n for n in lengths]:
        x = np.random.default_rng(n).normal(size=(2, n, 2)).astype("float32")
        np.testing.assert_allclose(ss.saliency(model, x, 0), slope(model, x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", ["another function", "coupled"])
def test_a_fault_in_an_output_that_is_small_beside_another(kind):
    x = keras.Input((20, 2))
    h = L.GlobalAveragePooling1D()(L.Conv1D(4, 3, activation="relu")(x))
    fault = {
        "another function": lambda _, t: t if tf.executing_eagerly() else 1.5 * t,
        "coupled": lambda _, t: t - tf.reduce_mean(t, 0, keepdims=True),
    }[kind]
    model = keras.Model(x, L.Concatenate()([1e5 * L.Dense(1)(h), layer(fault)(L.Dense(1)(h))]))
    said = pytest.raises(TraceError) if kind == "another function" else pytest.warns(BatchCouplingWarning)
    with said:
        ss.saliency(model, X, 1)


def test_each_of_the_first_lengths_is_compared():
    """Also one that lies between two that are in order."""
    model = Late(layer(lambda _, x: 2 * x if x.shape[1] == 20 - 2 else x))  # behind a kernel of 3
    for n in (12, 30, 20):
        x = np.random.default_rng(n).normal(size=(2, n, 2)).astype("float32")
        np.testing.assert_allclose(ss.saliency(model, x, 0), slope(model, x), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("head", ["none", "softmax"])
def test_a_fault_of_a_few_parts_in_a_thousand_is_named(head):
    model = net(layer(lambda _, x: x if tf.executing_eagerly() else 1.005 * x))
    if head == "softmax":
        model = keras.Model(model.input, L.Softmax()(10 * model.output))
    with pytest.raises(TraceError, match="'planted'"):
        ss.saliency(model, X, 0)


UNTRACEABLE = {
    "if": lambda _, x: x if tf.reduce_mean(x) > 0 else -x,
    "float": lambda _, x: x * float(tf.reduce_max(x)),
    "int": lambda _, x: x[:, : int(tf.argmax(x[0, :, 0])) + 1],
    "NumPy": lambda _, x: tf.constant(2 * np.asarray(x)),
    "numpy()": lambda _, x: tf.constant(2 * x.numpy()),
}


@pytest.mark.parametrize("kind", UNTRACEABLE)
def test_what_runs_but_cannot_be_traced_is_named(kind):
    """The words are about the layer, not about the signal's shape."""
    model = Late(layer(UNTRACEABLE[kind]))
    assert model(X).shape == (3, 2)
    for examine in (True, False):
        with pytest.raises(TraceError, match="cannot be traced \\(in layer 'planted'"):
            ss.saliency(model, X, 0, examine=examine)
    model = Late(layer(lambda _, x: tf.numpy_function(lambda a: a, [x], tf.float32)))
    with pytest.raises(TraceError, match=f"in layer '{model.pool.name}'"):  # Keras raises another error there
        ss.saliency(model, X, 0)
    with pytest.raises(InputError, match="cannot be called on signals of shape"):
        ss.saliency(Late(layer(lambda _, x: x + tf.ones((1, 1, 7)))), X, 0)


def test_a_call_on_another_number_of_rows_than_the_model_takes_is_one_sentence():
    model = keras.Sequential([keras.Input((20, 2), batch_size=3), L.LSTM(4, stateful=True), L.Dense(2)])
    said = "fails on .* examples of this length at once .*batch_size"
    with pytest.warns(StatefulModelWarning), pytest.raises(InputError, match=said) as caught:
        ss.integrated_gradients(model, X, 0, steps=20)
    assert "\n" not in str(caught.value)
    short = net(L.MaxPooling1D(2), L.Conv1D(4, 5), length=None)
    with pytest.warns(ExaminationWarning), pytest.raises(InputError, match="would be negative"):
        ss.saliency(short, X[:, :7], 0)


def test_an_output_without_rows_is_refused():
    class Squeezed(keras.Model):
        def call(self, x):
            return tf.squeeze(tf.reduce_mean(x, 1, keepdims=True)[..., :1])

    model = Squeezed()
    assert model(X).shape == (3,)
    with pytest.raises(ModelError, match="number of axes depends on the batch"):
        ss.saliency(model, X, 0)


@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "occlusion", "deep_lift", "grad_cam"])
@pytest.mark.parametrize("where", ["plain", "in a loop"])
def test_methods_leave_variables_as_they_were(method, where):
    class Counts(L.Layer):
        def build(self, shape):
            self.total = self.add_weight(shape=(), initializer="ones", trainable=False)

        def call(self, x):
            if where == "plain":
                self.total.assign_add(tf.reduce_mean(tf.abs(x)))
                return x * self.total

            def body(i):
                self.total.value.assign_add(1.0)
                return i + 1

            tf.while_loop(lambda i: i < 2, body, [0])
            return x * self.total

    counts = Counts()
    model = net(counts)
    options = {"window": 5} if method == "occlusion" else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = ss.explain(model, X, 0, method=method, batch_size=3, **options)
        again = ss.explain(model, X, 0, method=method, batch_size=3, **options)
    assert counts.total.numpy() == 1
    np.testing.assert_array_equal(first, again)


def test_a_stateful_layer_is_called_by_its_own_name():
    model = keras.Sequential(
        [keras.Input((20, 2), batch_size=3), L.LSTM(4, stateful=True, name="memory"), L.Dense(2)]
    )
    with pytest.warns(StatefulModelWarning, match="'memory'") as said:
        ss.saliency(model, X, 0)
    assert "dense" not in str(said[0].message)


# --- the work -------------------------------------------------------------------------------------------------


def test_it_costs_two_calls_of_two_rows(monkeypatch):
    model = net(L.Conv1D(3, 3))
    rows = []
    traced, plain = comparison._run, comparison.Examination.plain
    monkeypatch.setattr(comparison, "_run", lambda p, a: rows.append(len(a[0])) or traced(p, a))
    monkeypatch.setattr(comparison.Examination, "plain", lambda s, a: rows.append(len(a[0])) or plain(s, a))
    for _ in range(3):
        ss.saliency(model, X, 0)
        ss.occlusion(model, X, 1, window=4)
    assert rows == [2, 1, 1]
    ss.saliency(net(), X, 0, examine=False)
    assert rows == [2, 1, 1]


def test_every_function_takes_the_option():
    model = net(layer(counted, calls=0))
    common = {"examine": False}
    ss.edit_effects(model, X, [ss.Edit(0, [[0.0]])], 0, **common)
    ss.activations(model, X, "planted", **common)
    ss.class_averages(model, X, [0, 1, 0], **common)
    ss.deletion_curve(model, X, X, 0, window=5, **common)
    ss.maximize_activation(model, 0, steps=1, **common)
    for name in ("saliency", "smooth_grad", "occlusion"):
        ss.explain(model, X, 0, method=name, **common)
    with pytest.raises(TraceError):
        ss.activations(model, X, "planted")


def test_models_that_take_batches_of_one_size():
    model = net(layer(lambda _, x: tf.reshape(x, (3, 18, 4))))
    np.testing.assert_allclose(ss.saliency(model, X, 0), slope(model, X), rtol=1e-4, atol=1e-6)


def test_a_plain_call_that_fails_is_said():
    def no(self, x):
        if tf.executing_eagerly():
            raise RuntimeError("not like this")
        return x

    with pytest.warns(ExaminationWarning, match="its plain call fails .*not like this"):
        ss.saliency(net(layer(no)), X, 0)


def test_several_inputs():
    one, two = keras.Input((20, 2), name="one"), keras.Input((3,), dtype="int32", name="two")
    h = L.GlobalAveragePooling1D()(layer(lambda _, x: x - tf.reduce_mean(x, 0, keepdims=True))(one))
    h = L.Concatenate()([h, L.Flatten()(L.Embedding(5, 2)(two))])
    model = keras.Model([one, two], L.Dense(2)(h))
    with pytest.warns(BatchCouplingWarning, match="'planted'"):
        ss.Score(model, 0).bind([X, np.array([[0, 1, 4], [2, 2, 2], [3, 0, 1]])])


# --- where it is called ---------------------------------------------------------------------------------------


def test_inside_a_graph_it_is_one_sentence():
    model = net()
    said = "inside a tf.function, a Dataset.map"
    with pytest.raises(ModelError, match=said):
        tf.function(lambda x: ss.saliency(model, x, 0))(tf.constant(X))
    with pytest.raises(ModelError, match=said):
        list(tf.data.Dataset.from_tensor_slices(X).map(lambda x: ss.saliency(model, x[None], 0)))
    score = ss.Score(model, 0)
    with pytest.raises(ModelError, match=said):
        tf.function(lambda x: ss.saliency(score, x))(tf.constant(X))
    with tf.Graph().as_default(), pytest.raises(ModelError, match="eager execution is off"):
        ss.saliency(model, X, 0)


# --- closeness ------------------------------------------------------------------------------------------------


def test_near_a_head_the_logits_count():
    """Probabilities 1e-6 apart, of logits 12 and 15: alike as shares of 1, and far apart as logits."""
    z = [np.array([[12.0, 0.0]]), np.array([[15.0, 0.0]])]
    p = [np.exp(v) / np.exp(v).sum(1, keepdims=True) for v in z]
    assert np.abs(p[0] - p[1]).max() < TOLERANCES["float32"] / 100
    assert excess([p[0]], [p[1]], [z[0]], "float32") > 1
    for by, apart in ((0.06, True), (0.006, False)):  # of logits up to 9.2, of which 2e-3 is allowed
        z = [np.array([[-9.2, 0.0]]), np.array([[-9.2 + by, 0.0]])]
        p = [np.exp(v) / np.exp(v).sum(1, keepdims=True) for v in z]
        assert (excess([p[0]], [p[1]], [z[0]], "float32") > 1) == apart
    assert excess([p[0]], [p[1]], [p[0]], "float32") > 1  # an output of its own scale, where it has no logits
    assert excess([p[0]], [p[0] + 4 * EPSILONS["float32"]], [z[0]], "float32") < 1


def test_numbers_that_are_none():
    nan, inf = np.array([[np.nan, 1.0]]), np.array([[np.inf, 1.0]])
    assert excess([nan], [nan], [nan], "float32") == 0
    assert excess([inf], [inf], [inf], "float32") == 0
    assert excess([nan], [np.ones((1, 2))], [nan], "float32") == np.inf
    assert excess([np.ones((1, 2))], [np.ones((1, 3))], [nan], "float32") == np.inf
