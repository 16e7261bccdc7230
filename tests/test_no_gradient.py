"""Where no gradient passes, that is said: a map of zeros would look like an answer."""

import numpy as np
import pytest

import signalscreen as ss
from signalscreen.backend import keras, tf
from signalscreen.errors import NoGradientWarning

L = keras.layers
X = np.random.default_rng(0).normal(size=(2, 20, 2)).astype("float32")


def by_numpy(x):
    made = tf.numpy_function(lambda a: np.abs(a), [x], tf.float32)
    made.set_shape(x.shape)
    return made


STOPS = {"PyFunc": by_numpy, "Round": lambda x: tf.round(8 * x), "Sign": tf.sign, "StopGradient": tf.stop_gradient}


def net(function):
    class Stop(L.Layer):
        def call(self, x):
            return function(x)

    keras.utils.set_random_seed(0)
    layers = [L.Conv1D(4, 5, name="conv"), Stop(), L.GlobalAveragePooling1D(), L.Dense(2)]
    return keras.Sequential([keras.Input((20, 2)), *layers])


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("method", ["saliency", "input_x_gradient", "smooth_grad", "guided_backprop", "grad_cam"])
@pytest.mark.filterwarnings("ignore::signalscreen.errors.ExaminationWarning")
@pytest.mark.filterwarnings("ignore::signalscreen.errors.UnreachedRuleWarning")
def test_a_map_of_zeros_is_said(stop, method):
    options = {"layer": "conv"} if method == "grad_cam" else {}
    with pytest.warns(NoGradientWarning, match=f"no gradient passes to the score through .*{stop}"):
        found = ss.explain(net(STOPS[stop]), X, 1, method=method, **options)
    assert not found.any()
    assert ss.occlusion(net(STOPS[stop]), X, 1, window=5).any()


def test_a_way_around_is_enough(recwarn):
    model = net(lambda x: x + tf.stop_gradient(tf.round(x) - x) + tf.sign(x))
    assert ss.saliency(model, X, 1).any()
    assert not [one for one in recwarn if one.category is NoGradientWarning]


def test_an_input_that_the_score_does_not_see_has_a_gradient_of_zero(recwarn):
    a, b = keras.Input((20, 2)), keras.Input((20, 2))
    model = keras.Model([a, b], [L.Dense(2)(L.Flatten()(a)), L.Dense(2)(L.Flatten()(b))])
    maps = ss.saliency(model, [X, X], lambda outputs: outputs[0][:, 1])
    assert maps[0].any()
    assert not maps[1].any()
    assert not [one for one in recwarn if one.category is NoGradientWarning]
