"""A trace changes nothing in other threads: what they compute meanwhile is compiled, and whole."""

import threading

import numpy as np
import pytest

import signalscreen as ss
from signalscreen import tracing
from signalscreen.backend import keras, tf
from signalscreen.graph import tapped

L = keras.layers
X = np.random.default_rng(0).normal(size=(2, 64, 2)).astype("float32")


def net(k):
    x = h = keras.Input((64, 2))
    for _ in range(4):
        h = L.Conv1D(8, 3, padding="same", activation="relu")(h)
    return keras.Model(x, L.Dense(2 + k % 2)(L.GlobalAveragePooling1D()(h)))


class Other(threading.Thread):
    """What somebody else does meanwhile: functions, layers, gradients in graphs; and counts what goes wrong."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stopped, self.eager, self.failed, self.rounds = threading.Event(), 0, [], 0
        self.layer = keras.Sequential([keras.Input((8, 4)), L.Conv1D(4, 3, groups=2, name="others_own")])

        @tf.function
        def branching(v):
            self.eager += tf.executing_eagerly()
            if tf.reduce_sum(v) > 0:  # which only autograph understands
                v = v * 2.0
            return tf.reduce_sum(v)

        @tf.function
        def slope(v):
            self.eager += tf.executing_eagerly()
            return tf.gradients(tf.reduce_sum(v**3), v)[0]

        self.branching, self.slope = branching, slope

    def run(self):
        while not self.stopped.is_set():
            try:
                self.once()
            except Exception as error:
                self.failed.append(repr(error))

    def once(self):
        n = self.rounds % 7 + 1  # new shapes, so that it traces as well
        v = tf.ones(n)
        assert float(self.branching(v)) == 2 * n
        assert np.allclose(self.slope(v), 3.0)
        x = np.ones((n, 8, 4), "float32")
        kernel, bias = self.layer.get_weights()
        wanted = np.concatenate([kernel[..., :2].sum((0, 1)), kernel[..., 2:].sum((0, 1))]) + bias
        assert np.allclose(self.layer(x), wanted, atol=1e-5)
        with tf.Graph().as_default():
            w = tf.compat.v1.placeholder(tf.float32, (3,))
            assert tf.gradients(w * w, w)[0] is not None
        self.rounds += 1


def test_another_thread_does_not_notice():
    other = Other()
    other.once()
    other.start()
    names = set()
    try:
        for k in range(17):
            model = net(k)
            with tapped(model) as taps:
                ss.saliency(model, X, 0)
            names |= {tap.path.split("/")[-1] for tap in taps}
            ss.lrp(model, X, 0)  # three traces in all: 51
    finally:
        other.stopped.set()
        other.join()
    assert other.failed == []
    assert other.eager == 0
    assert other.rounds > 10, "it has to have worked meanwhile"
    assert "others_own" not in names


def test_two_threads_trace_at_once():
    models = [net(k) for k in range(6)]
    wanted = [ss.saliency(keras.models.clone_model(m), X, 0) for m in models]
    clones = [keras.models.clone_model(m) for m in models]
    for clone, model in zip(clones, models, strict=True):
        clone.set_weights(model.get_weights())
    found = [None] * 6
    threads = [
        threading.Thread(
            target=lambda i=i: found.__setitem__(i, (ss.saliency(clones[i], X, 0), ss.lrp(clones[i], X, 0)))
        )
        for i in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for clone, pair in zip(clones, found, strict=True):
        np.testing.assert_array_equal(pair[0], ss.saliency(clone, X, 0))
        np.testing.assert_array_equal(pair[1], ss.lrp(clone, X, 0))
    assert len(wanted) == 6


def test_wrapped_once_and_transparent():
    model = net(0)
    ss.saliency(model, X, 0)
    calls = keras.layers.Layer.__call__, tf.nn.convolution
    ss.saliency(net(1), X, 0)
    assert (keras.layers.Layer.__call__, tf.nn.convolution) == calls
    assert tracing._here.recorder is None
    assert tracing._here.path == ()
    assert not tracing._here.open
    assert not tf.config.functions_run_eagerly()


def test_the_switch_of_the_whole_process_still_works():
    ss.saliency(net(0), X, 0)
    seen = []
    function = tf.function(lambda v: seen.append(tf.executing_eagerly()) or v)
    tf.config.run_functions_eagerly(True)
    try:
        function(tf.ones(2))
    finally:
        tf.config.run_functions_eagerly(False)
    assert seen == [True]


def test_autograph_still_reaches_into_layers_of_users():
    """A layer called in a converted function runs as Keras runs it, before a trace and after."""
    ss.saliency(net(0), X, 0)

    class Plain(L.Layer):
        def call(self, x):
            return x * 2.0

    layer = Plain()

    @tf.function
    def step(x):
        if tf.reduce_sum(x) > 0:
            return layer(x)
        return x

    np.testing.assert_array_equal(step(tf.ones((1, 2))), 2 * np.ones((1, 2)))


def test_an_error_in_a_trace_leaves_nothing_on():
    class Fails(L.Layer):
        def call(self, x):
            raise ValueError("no")

        def compute_output_shape(self, shape):
            return shape

    x = keras.Input((64, 2))
    fails = Fails()
    model = keras.Model(x, L.Dense(2)(L.Flatten()(L.Identity()(x))))
    model.layers[1].call = fails.call
    with pytest.raises(ss.errors.InputError, match="no"):
        ss.saliency(model, X, 0)
    assert tracing._here.recorder is None
    assert tracing._here.path == ()
