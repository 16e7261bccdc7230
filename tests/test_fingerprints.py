"""A trace is made anew where the model is another one: after every change the numbers are the tape's."""

import gc
import types
import weakref
from functools import partial

import numpy as np
import pytest

import signalscreen as ss
from signalscreen import fingerprints, programs
from signalscreen.backend import keras, tf

L = keras.layers
X = np.random.default_rng(0).normal(size=(2, 16, 1)).astype("float32")
K = 1.0


def by_global(x):
    return x * K


class Helper:
    def __init__(self):
        self.scale = 1.0


class Slotted:
    __slots__ = ("value",)

    def __init__(self):
        self.value = 1.0


class Config:
    gain = 1.0


settings = types.ModuleType("settings")


class Own(L.Layer):
    factor = 1.0

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._k = 1.0
        self.options = {"scale": [1.0, 2.0]}
        self.window = np.ones((14, 1), "float32")
        self.constant = tf.constant(1.0)
        self.helper = Helper()
        self.slotted = Slotted()
        self.history, self.loss, self.my_constraint = 1.0, 1.0, 1.0
        self.deep = {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1.0}}}}}}}
        self.steps = [L.Dense(3, name="first"), L.LeakyReLU(negative_slope=0.1)]
        self.act = keras.activations.linear

    def call(self, x):
        for step in self.steps:
            x = step(x)
        x = x * self.slotted.value * Config.gain * settings.gain * self.history * self.loss * self.my_constraint
        x = x * self.deep["a"]["b"]["c"]["d"]["e"]["f"]["g"]
        x = x * self._k * self.factor * self.options["scale"][0] * self.helper.scale * self.constant
        return self.act(x * self.window)


def net():
    keras.utils.set_random_seed(0)
    layers = [L.Conv1D(3, 3, name="conv"), L.LeakyReLU(negative_slope=0.1, name="leaky"), Own(name="own")]
    pool = L.MaxPooling1D(3, strides=2, padding="valid", name="pool")
    return keras.Sequential([keras.Input((16, 1)), *layers, pool, L.GlobalAveragePooling1D(), L.Dense(2)])


def times(k):
    return lambda t: keras.ops.multiply(t, float(k))


def tape(model, x=X):
    x = tf.constant(x)
    with tf.GradientTape() as recorded:
        recorded.watch(x)
        s = tf.reduce_sum(model(x, training=False)[:, 0])
    return recorded.gradient(s, x).numpy()


def _global(_):
    global K
    K = 3.0


def _method(own):
    type(own).call = lambda self, x: 4 * x


CHANGES = {
    "slope": lambda m: setattr(m.get_layer("leaky"), "negative_slope", 0.9),
    "padding": lambda m: setattr(m.get_layer("pool"), "padding", "same"),
    "strides": lambda m: setattr(m.get_layer("pool"), "strides", (1,)),
    "activation": lambda m: setattr(m.get_layer("conv"), "activation", keras.activations.tanh),
    "own attribute": lambda m: setattr(m.get_layer("own"), "_k", 5.0),
    "in a dict": lambda m: m.get_layer("own").options["scale"].__setitem__(0, 6.0),
    "array replaced": lambda m: setattr(m.get_layer("own"), "window", np.hanning(14)[:, None].astype("float32")),
    "array in place": lambda m: m.get_layer("own").window.__setitem__(slice(3, 9), 7.0),
    "tensor replaced": lambda m: setattr(m.get_layer("own"), "constant", tf.constant(8.0)),
    "of a helper": lambda m: setattr(m.get_layer("own").helper, "scale", 9.0),
    "in slots": lambda m: setattr(m.get_layer("own").slotted, "value", 3.0),
    "called history": lambda m: setattr(m.get_layer("own"), "history", 3.0),
    "called loss": lambda m: setattr(m.get_layer("own"), "loss", 3.0),
    "called a constraint": lambda m: setattr(m.get_layer("own"), "my_constraint", 3.0),
    "deep in dicts": lambda m: m.get_layer("own").deep["a"]["b"]["c"]["d"]["e"]["f"].__setitem__("g", 3.0),
    "of a class that is global": lambda m: setattr(Config, "gain", 3.0),
    "of a module": lambda m: setattr(settings, "gain", 3.0),
    "of a layer in a list": lambda m: setattr(m.get_layer("own").steps[1], "negative_slope", 0.7),
    "of the class": lambda m: setattr(Own, "factor", 2.0),
    "the method": lambda m: _method(m.get_layer("own")),
    "a global": lambda m: _global(m),
    "a partial": lambda m: setattr(m.get_layer("own"), "act", partial(tf.nn.leaky_relu, alpha=0.5)),
    "a weight replaced": lambda m: setattr(m.get_layer("conv"), "bias", tf.constant([1.0, -2.0, 3.0])),
}


@pytest.fixture(autouse=True)
def own_class():
    kept = Own.factor, Own.call
    Config.gain = settings.gain = 1.0
    yield
    Own.factor, Own.call = kept
    globals()["K"] = 1.0


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_noticed(what):
    model = net()
    model.get_layer("own").act = by_global
    before = ss.saliency(model, X, 0)
    np.testing.assert_allclose(before, tape(model), rtol=1e-4, atol=1e-6)
    with model.get_layer("conv")._open_name_scope():
        model.get_layer("conv")._tracker.unlock()
    CHANGES[what](model)
    after = tape(model)
    assert np.abs(after - before).max() > 1e-3, "the change has to count"
    np.testing.assert_allclose(ss.saliency(model, X, 0), after, rtol=1e-4, atol=1e-6)


def test_a_change_of_a_large_array_is_noticed_wherever_much_of_it_changes():
    """Of more than 64 MiB not every number is read."""
    model = net()
    large = np.zeros(2**25, "float32")
    model.get_layer("own").table = large
    fingerprints.refresh(model)
    before = fingerprints.version(model)
    fingerprints.refresh(model)
    assert fingerprints.version(model) == before
    large[-1000:] = 1.0
    fingerprints.refresh(model)
    assert fingerprints.version(model) == before + 1


def test_programs_of_older_versions_are_dropped():
    model = net()
    for slope in (0.1, 0.2, 0.3):
        model.get_layer("leaky").negative_slope = slope
        ss.saliency(model, X, 0)
    assert len(programs._programs[model]) == 2, "outputs and gradient"


def test_activations_that_die():
    """A new function may lie where an old one lay: eleven in turn."""
    model = net()
    for k in range(1, 12):
        model.get_layer("conv").activation = times(k)
        gc.collect()
        np.testing.assert_allclose(ss.saliency(model, X, 0), tape(model), rtol=1e-4, atol=1e-6)


def test_a_layer_swapped_inside_a_list():
    class Chain(keras.Model):
        def __init__(self):
            super().__init__()
            self.steps = [L.Conv1D(3, 3), L.ReLU(), L.GlobalAveragePooling1D(), L.Dense(2)]

        def call(self, x):
            for step in self.steps:
                x = step(x)
            return x

    model = Chain()
    model(X)
    ss.saliency(model, X, 0)
    model.steps[1] = L.Activation("tanh")
    np.testing.assert_allclose(ss.saliency(model, X, 0), tape(model), rtol=1e-4, atol=1e-6)


def test_targets_and_reductions_that_hold_other_values():
    model = net()
    chosen = {"unit": 0}
    for unit in (0, 1):
        chosen["unit"] = unit
        a = ss.saliency(model, X, TARGET(chosen))
        np.testing.assert_allclose(a, ss.saliency(model, X, unit), rtol=1e-5)


_kept = {}


def TARGET(chosen):  # noqa: N802
    """One and the same function, of what it closes over."""
    return _kept.setdefault("f", lambda y: y[:, chosen["unit"]])


def test_what_changes_nothing_is_no_new_version():
    model = net()
    ss.saliency(model, X, 0)
    count = len(programs._programs[model])
    model.compile("adam", "mse")
    model.fit(X, np.zeros((2, 2)), verbose=0)
    model.predict(X, verbose=0)
    model.set_weights(model.get_weights())
    np.testing.assert_allclose(ss.saliency(model, X, 0), tape(model), rtol=1e-4, atol=1e-6)
    assert len(programs._programs[model]) == count


@pytest.mark.parametrize(
    "made",
    [
        lambda: L.LSTM(3, dropout=0.2),
        lambda: L.GRU(3),
        lambda: L.Bidirectional(L.LSTM(2)),
        lambda: keras.Sequential([L.MultiHeadAttention(2, 2), L.GlobalAveragePooling1D()]),
        lambda: keras.Sequential([L.TimeDistributed(L.Dense(2)), L.Flatten()]),
        lambda: keras.Sequential([L.SpectralNormalization(L.Conv1D(2, 3)), L.BatchNormalization(), L.Flatten()]),
        lambda: keras.Sequential([L.GaussianNoise(0.1), L.Normalization(), L.SpatialDropout1D(0.1), L.Flatten()]),
    ],
)
def test_calls_are_no_change(made):
    x = keras.Input((16, 1))
    first = made()
    if isinstance(first, keras.Sequential) and isinstance(first.layers[0], L.MultiHeadAttention):
        attention, pool = first.layers
        h = pool(attention(x, x))
    else:
        h = first(x)
    model = keras.Model(x, L.Dense(2)(h))
    ss.saliency(model, X, 0)
    known = fingerprints.version(model)
    model(X), model.predict(X, verbose=0), ss.saliency(model, X, 1)
    fingerprints.refresh(model)
    assert fingerprints.version(model) == known


def test_what_a_call_leaves_behind_is_traced_anew_no_more_than_twice():
    class Remembers(L.Layer):
        def call(self, x):
            self.last = tf.nn.softmax(x, axis=1)
            return x * self.last

    x = keras.Input((16, 1))
    model = keras.Model(x, L.Dense(2)(L.Flatten()(Remembers()(x))))
    for _ in range(3):
        model(X)
        ss.saliency(model, X, 0)
    known = fingerprints.version(model)
    for _ in range(5):
        model(X)
        ss.saliency(model, X, 0)
    assert fingerprints.version(model) == known


def test_what_the_first_call_sets_may_be_set_by_the_user():
    class Waits(L.Layer):
        window, ready = None, False

        def call(self, x):
            if self.window is None and self.ready:  # not while the model is put together
                self.window = 2.0
            return x * (self.window or 1.0)

    x = keras.Input((16, 1))
    waits = Waits()
    model = keras.Model(x, L.Dense(2)(L.Flatten()(waits(x))))
    waits.ready = True
    before = ss.saliency(model, X, 0)
    waits.window = 6.0
    np.testing.assert_allclose(ss.saliency(model, X, 0), 3 * before, rtol=1e-5)


def test_functions_that_know_the_model_do_not_keep_it():
    model = net()
    model.get_layer("conv").activation = (lambda m: lambda t: t * len(m.layers))(model)
    ss.saliency(model, X, 0)
    alive = weakref.ref(model)
    del model
    keras.backend.clear_session()
    for _ in range(3):
        gc.collect()
    assert alive() is None
