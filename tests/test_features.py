"""A layer's activation as a target, and what a layer gives: against Keras sub-models and gradient tapes."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import signalscreen as ss
from signalscreen.errors import LayerError, OptionError, TargetError


@pytest.fixture(scope="module")
def net():
    keras.utils.set_random_seed(3)
    block = keras.Sequential([keras.Input((20, 6)), keras.layers.Conv1D(5, 3, name="inner")], name="block")
    inputs = keras.Input((24, 2))
    x = keras.layers.Conv1D(6, 5, activation="relu", bias_initializer="normal", name="first")(inputs)
    x = block(x)
    x = keras.layers.LeakyReLU(name="leaky")(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = keras.layers.Dense(7, "tanh", bias_initializer="normal", name="hidden")(x)
    return keras.Model(inputs, keras.layers.Dense(3, "softmax", name="output")(x))


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(4, 24, 2)).astype("float32")


def until(net, name):
    return keras.Model(net.input, net.get_layer(name).output)


def by_tape(net, name, x, number):
    tensor = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        total = tf.reduce_sum(number(until(net, name)(tensor)))
    return tape.gradient(total, tensor).numpy()


@pytest.mark.parametrize(
    ("unit", "number"),
    [
        (ss.Unit("first"), lambda a: tf.reduce_mean(a, (1, 2))),
        (ss.Unit("first", 2), lambda a: tf.reduce_mean(a[..., 2], 1)),
        (ss.Unit("first", 5, 3), lambda a: a[:, 3, 5]),
        (ss.Unit("first", position=3), lambda a: tf.reduce_mean(a[:, 3], 1)),
        (ss.Unit("leaky", 1, reduce="abs_sum"), lambda a: tf.reduce_sum(tf.abs(a[..., 1]), 1)),
        (ss.Unit("leaky", 1, reduce="sum"), lambda a: tf.reduce_sum(a[..., 1], 1)),
        (ss.Unit("leaky", 1, reduce="max"), lambda a: tf.reduce_max(a[..., 1], 1)),
        (ss.Unit("leaky", reduce="l2"), lambda a: tf.norm(a, axis=(1, 2))),
        (ss.Unit("leaky", 0, reduce=lambda a: a[:, 0] - a[:, 1]), lambda a: a[:, 0, 0] - a[:, 1, 0]),
        (ss.Unit("hidden", 4), lambda a: a[:, 4]),
        (ss.Unit(5, 4), lambda a: a[:, 4]),
    ],
)
def test_a_unit_is_scored_and_differentiated_as_the_sub_model_is(net, x, unit, number):
    name = unit.layer if isinstance(unit.layer, str) else net.layers[unit.layer].name
    score, bound = ss.Score(net, unit).bind(x)
    np.testing.assert_allclose(score(bound), number(until(net, name)(x)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ss.saliency(net, x, unit), by_tape(net, name, x, number), rtol=1e-4, atol=1e-6)


def test_a_layer_is_named_by_its_path_its_own_name_or_itself(net, x):
    inner = net.get_layer("block").get_layer("inner")
    by_path = ss.saliency(net, x, ss.Unit("block/inner", 2))
    assert np.abs(by_path).max() > 0
    for layer in ("inner", inner):
        np.testing.assert_array_equal(ss.saliency(net, x, ss.Unit(layer, 2)), by_path)


def test_the_output_layer_counts_before_its_softmax_unless_told_otherwise(net, x):
    np.testing.assert_array_equal(ss.saliency(net, x, ss.Unit("output", 1)), ss.saliency(net, x, 1))
    np.testing.assert_array_equal(
        ss.saliency(net, x, ss.Unit("output", 1), score="probability"), ss.saliency(net, x, 1, score="probability")
    )


def test_methods_that_promise_completeness_keep_it_for_a_unit(net, x):
    score, bound = ss.Score(net, ss.Unit("leaky", 1)).bind(x)
    change = score(bound) - score(np.zeros_like(bound))
    for found, within in (
        (ss.deep_lift(net, x, ss.Unit("leaky", 1)), 1e-5),
        # The path crosses kinks, so the error is of the order of 1 / steps.
        (ss.integrated_gradients(net, x, ss.Unit("leaky", 1), steps=256), 1e-2),
    ):
        assert np.abs(found.sum((1, 2)) - change).max() < within * np.abs(change).max()


def test_occlusion_of_a_unit_is_its_fall(net, x):
    found = ss.occlusion(net, x, ss.Unit("hidden", 2), window=24, stride=24)
    hidden = until(net, "hidden")
    fall = hidden(x)[:, 2] - hidden(np.zeros_like(x))[:, 2]
    np.testing.assert_allclose(found, np.repeat(fall[:, None], 24, 1), rtol=1e-4, atol=1e-6)


def test_grad_cam_of_a_unit_weighs_the_maps_before_it(net, x):
    assert ss.grad_cam(net, x, ss.Unit("hidden", 2), layer="first").shape == (4, 24)


def test_layer_saliency_is_the_method_on_a_unit(net, x):
    for method in ("saliency", "guided_backprop", "deconvnet"):
        direct = ss.explain(net, x, ss.Unit("leaky", 3), method=method)
        np.testing.assert_array_equal(ss.layer_saliency(net, x, "leaky", 3, method=method), direct)


@pytest.mark.parametrize("name", ["first", "leaky", "hidden", "output"])
def test_activations_are_the_sub_models(net, x, name):
    found = ss.activations(net, x, name, batch_size=3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, until(net, name)(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("unit", "error", "words"),
    [
        (lambda: ss.Unit("conv9"), LayerError, "'conv9' is not in the model; layers: first"),
        (lambda: ss.Unit(99), LayerError, "layer 99 is not in the model, which has 7 layers"),
        (lambda: ss.Unit("first", 6), TargetError, "filter 6 is out of range.*filters 0 to 5"),
        (lambda: ss.Unit("hidden", -1), TargetError, "filter -1 is out of range.*filters 0 to 6"),
        (lambda: ss.Unit("first", 0, -1), TargetError, "position -1 is out of range.*counted from 0"),
        (lambda: ss.Unit("first", 0, 20), TargetError, "position 20 is out of range"),
        (lambda: ss.Unit("hidden", 0, 0), TargetError, "position 0 is out of range"),
        (lambda: ss.Unit("first", 0, (1, 2)), TargetError, r"position \(1, 2\) is out of range"),
        (lambda: ss.Unit("first", 0.5), OptionError, "filter 0.5 of a unit is no index"),
        (lambda: ss.Unit("first", True), OptionError, "filter True of a unit is no index"),
        (
            lambda: ss.Unit("first", reduce="median"),
            OptionError,
            "reduce 'median' is not known; choose one of mean",
        ),
        (lambda: ss.Unit("first", reduce=lambda a: a), TargetError, "the callable of the unit returned"),
    ],
)
def test_a_unit_that_is_not_there_is_refused(net, x, unit, error, words):
    with pytest.raises(error, match=words):
        ss.saliency(net, x, unit())


def test_a_layer_that_does_not_see_the_input_is_refused(x):
    class Aside(keras.Model):
        def __init__(self):
            super().__init__()
            self.seen, self.other = keras.layers.Dense(1, name="seen"), keras.layers.Dense(1, name="other")

        def call(self, signal):
            return self.seen(signal)[:, 0] + self.other(tf.ones((1, 2)))

    with pytest.raises(LayerError, match="'other' does not depend on the input"):
        ss.saliency(Aside(), x, ss.Unit("other"))


def test_units_are_named_on_the_command_line():
    from signalscreen.cli.values import target

    assert target("unit:conv:3:7") == ss.Unit("conv", 3, 7)
    assert target("unit:-2:*:7") == ss.Unit(-2, None, 7)
    for wrong in ("unit:", "unit:a:1:2:3"):
        with pytest.raises(TargetError, match="names no unit"):
            target(wrong)
    with pytest.raises(OptionError, match="'two' of a unit is no index"):
        target("unit:conv:two")


@pytest.mark.parametrize("name", ["layer_saliency", "class_averages"])
def test_methods_are_known_to_whoever_asks_first(name):
    """In a fresh process nothing else has loaded them."""
    code = f"from signalscreen import {name}\nfrom signalscreen.method import METHODS\nprint('saliency' in METHODS)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_the_norm_of_a_silent_filter_has_no_slope(x):
    inputs = keras.Input((24, 2))
    conv = keras.layers.Conv1D(
        3, 5, activation="relu", bias_initializer=keras.initializers.Constant(-1e3), name="off"
    )
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling1D()(conv(inputs)))
    unit = ss.Unit("off", 0, reduce="l2")
    for method in (ss.saliency, ss.guided_backprop, ss.integrated_gradients, ss.deep_lift):
        np.testing.assert_array_equal(method(model, x, unit), np.zeros_like(x))


@pytest.mark.parametrize(("reduce", "number"), [("sum", np.sum), ("l2", np.linalg.norm), ("abs_sum", np.sum)])
def test_half_precision_holds_what_a_layer_adds_up_to(reduce, number):
    inputs = keras.Input((2048, 1))
    conv = keras.layers.Conv1D(1, 1, kernel_initializer="ones", dtype="mixed_float16", name="wide")
    pooled = keras.layers.GlobalAveragePooling1D(dtype="float32")
    model = keras.Model(inputs, pooled(conv(inputs)))
    x = np.full((1, 2048, 1), 300.0)  # squares, and the sum, are above 65504
    score, bound = ss.Score(model, ss.Unit("wide", 0, reduce=reduce)).bind(x)
    np.testing.assert_allclose(score(bound), [number(x[0, :, 0])], rtol=1e-5)


@pytest.mark.parametrize("place", [6, 9])
def test_a_place_beyond_the_end_of_a_free_axis_is_refused(place):
    inputs = keras.Input((None, 2))
    steps = keras.layers.Conv1D(3, 5, name="steps")(inputs)
    model = keras.Model(inputs, steps)
    x = np.ones((2, 10, 2))  # six steps
    assert ss.saliency(model, x, ss.Unit("steps", 0, 5)).shape == x.shape
    for target in (ss.Unit("steps", 0, -6), (-6, 1)):
        with pytest.raises(TargetError, match="counted from 0"):
            ss.saliency(model, x, target)
    for target in (ss.Unit("steps", 0, place), (place, 0)):
        with pytest.raises(TargetError, match="lies beyond the end of what the model gives"):
            ss.saliency(model, x, target)
