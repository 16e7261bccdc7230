"""Guided backprop and deconvnet through every rectifier, against custom gradients written out for the purpose.

Captum's rules act on nn.ReLU alone, so it says nothing about the others.
"""

from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl

import signalscreen as ss

SHAPES = {1: (20, 2), 2: (7, 9, 2), 3: (5, 6, 4, 2)}
RECTIFIERS = {
    # The layer, its function, and its slope.
    "relu": (lambda: kl.ReLU(), tf.nn.relu, lambda x: tf.where(x > 0, 1.0, 0.0)),
    "relu6": (lambda: kl.Activation("relu6"), tf.nn.relu6, lambda x: tf.where((x > 0) & (x < 6), 1.0, 0.0)),
    "leaky": (
        lambda: kl.LeakyReLU(negative_slope=0.2),
        lambda x: tf.nn.leaky_relu(x, 0.2),
        lambda x: tf.where(x > 0, 1.0, 0.2),
    ),
    "elu": (lambda: kl.ELU(), tf.nn.elu, lambda x: tf.where(x > 0, 1.0, tf.exp(x))),
    "selu": (
        lambda: kl.Activation("selu"),
        tf.nn.selu,
        lambda x: 1.05070098 * tf.where(x > 0, 1.0, 1.67326324 * tf.exp(x)),
    ),
    "prelu": (
        lambda: kl.PReLU(alpha_initializer=keras.initializers.Constant(0.3)),
        lambda x: tf.nn.leaky_relu(x, 0.3),
        lambda x: tf.where(x > 0, 1.0, 0.3),
    ),
}
METHODS = {
    # Springenberg et al.: both gates, and the slope. Zeiler and Fergus: the gate of the gradient, in its place.
    "guided_backprop": lambda grad, y, slope: tf.where((grad > 0) & (y > 0), grad, 0.0) * slope,
    "deconvnet": lambda grad, y, slope: tf.nn.relu(grad),
}


# Three to a network, each in its convolutional part and in its dense part.
TRIOS = [("relu", "relu6", "leaky"), ("elu", "selu", "prelu")]


def network(shape, conv_rectifiers, dense_rectifiers):
    """The same weights each time."""
    rank = len(shape) - 1
    starts = iter(keras.initializers.HeNormal(seed=seed) for seed in range(20))
    options = {"kernel_initializer": lambda *a, **k: next(starts)(*a, **k), "bias_initializer": "ones"}
    conv = getattr(kl, f"Conv{rank}D")
    x = inputs = keras.Input(shape)
    for rectifier in conv_rectifiers:
        x = rectifier()(conv(4, 3, padding="same", **options)(x))
    x = kl.Flatten()(x)
    for rectifier in dense_rectifiers:
        x = rectifier()(kl.Dense(24, **options)(x))
    return keras.Model(inputs, kl.Dense(3, **options)(x))


@cache
def ordinary(rank, trio):
    plain = [RECTIFIERS[name][0] for name in trio]
    return network(SHAPES[rank], plain, plain)


def with_rule(function, slope, rule):
    """A layer that computes `function` and sends gradients back by `rule`."""

    @tf.custom_gradient
    def ruled(x):
        y = function(x)
        return y, lambda grad: rule(grad, y, slope(x))

    class Ruled(kl.Layer):
        def call(self, x):
            return ruled(x)

    return Ruled


@pytest.mark.parametrize("trio", TRIOS, ids="-".join)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rank", SHAPES)
def test_rule(rank, method, trio):
    shape, model = SHAPES[rank], ordinary(rank, trio)
    plain = [RECTIFIERS[name][0] for name in trio]
    ruled = [with_rule(*RECTIFIERS[name][1:], METHODS[method]) for name in trio]
    x = np.random.default_rng(0).normal(0, 3, (2, *shape)).astype(np.float32)  # some beyond the end of relu6
    for scope, reference in (("all", network(shape, ruled, ruled)), ("conv", network(shape, ruled, plain))):
        np.testing.assert_allclose(np.asarray(reference(x)), np.asarray(model(x)), rtol=1e-5)
        given = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(given)
            score = reference(given)[:, 1]
        expected = tape.gradient(score, given).numpy()
        ours = getattr(ss, method)(model, x, 1, scope=scope)
        assert (expected != 0).mean() > 0.5
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
