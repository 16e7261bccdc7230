"""What is no number is said by example, once, and only of what was asked about."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

import signalscreen as ss
from signalscreen.backend import keras, tf
from signalscreen.errors import InputError, NonFiniteWarning
from signalscreen.recording import Recording

L = keras.layers


def log_net(classes=2):
    """Class 0 is a sum of logarithms, whose slope is finite below zero, where they are not; class 1 is a sum."""
    x = keras.Input((12, 1))
    h = L.Conv1D(2, 1, use_bias=False, kernel_initializer="ones", name="conv")(x)
    rest = keras.ops.sum(h, axis=(1, 2))
    first = keras.ops.sum(keras.ops.log(h), axis=(1, 2))
    return keras.Model(x, keras.ops.stack([first, rest], axis=1))


def signals(*signs):
    return np.ones((len(signs), 12, 1)) * np.array(signs)[:, None, None] * (1 + np.arange(12) / 12)[:, None]


def said(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [str(w.message) for w in caught if issubclass(w.category, NonFiniteWarning)]


@pytest.mark.parametrize("batch_size", [None, 1, 2])
@pytest.mark.parametrize("name", [n for n in ss.METHODS if n not in ("deep_lift", "lrp", "score_cam")])
@pytest.mark.filterwarnings("ignore::signalscreen.errors.CompletenessWarning", "ignore:.*rectifier")
def test_a_score_that_is_none_is_said_by_example(name, batch_size):
    options = {"baseline": 0.3719} if name == "integrated_gradients" else {}
    options |= {"samples": 2, "level": 0.01} if name in ("smooth_grad", "var_grad") else {}
    options |= {"layer": "conv"} if "layer" in ss.METHODS[name].options else {}
    options |= {"fill": 1.0} if name == "occlusion" else {}
    model = log_net()
    x = signals(1, -1, 2, -3, 1)
    [words] = said(lambda: ss.explain(model, x, 0, method=name, batch_size=batch_size, **options))
    assert "example(s) 1, 3 " in words
    assert words.startswith(name)
    assert said(lambda: ss.explain(model, x, 1, method=name, batch_size=batch_size, **options)) == []
    assert said(lambda: ss.explain(model, x[::2], 0, method=name, batch_size=batch_size, **options)) == []


def test_edits_and_curves():
    model, x = log_net(), signals(1, -1, 1)
    effects = [ss.Edit(0, [[2.0]])]
    assert "example(s) 1 " in said(lambda: ss.edit_effects(model, x, effects, 0))[0]
    [words] = said(lambda: ss.edit_effects(model, x, [ss.Edit(0, [[-2.0]])], 0))
    assert "example(s) 0, 1, 2 has NaN" in words
    assert said(lambda: ss.edit_effects(model, x, effects, 1)) == []
    assert "example(s) 1 " in said(lambda: ss.deletion_curve(model, x, x, 0, window=3, fill=1.0))[0]


def test_feature_maps():
    x = keras.Input((12, 1))
    model = keras.Model(x, L.Flatten()(L.Activation(tf.math.log, name="log")(x)))
    assert "example(s) 1 " in said(lambda: ss.activations(model, signals(1, -1), "log"))[0]


def test_a_slope_that_is_none():
    x = keras.Input((4, 1))
    model = keras.Model(x, keras.ops.sum(keras.ops.sqrt(x), axis=1))
    [words] = said(lambda: ss.saliency(model, [[[1.0]] * 4, [[0.0]] * 4]))
    assert "example(s) 1 has NaN or infinity though the score is finite" in words


def test_infinite_scores_count():
    x = keras.Input((4, 1))
    model = keras.Model(x, keras.ops.sum(keras.ops.exp(x), axis=1))
    assert "example(s) 0 " in said(lambda: ss.saliency(model, [[[1e3]] * 4, [[1.0]] * 4]))[0]


def test_several_inputs_are_said_once():
    one, two = keras.Input((12, 1), name="one"), keras.Input((12, 1), name="two")
    both = keras.ops.sum(keras.ops.log(one) + keras.ops.log(two), axis=1)
    model = keras.Model([one, two], both)
    given = [signals(1, 1, 1), signals(1, -1, 1)]
    for name, options in (("saliency", {}), ("occlusion", {"fill": 1.0})):
        [words] = said(lambda name=name, options=options: ss.explain(model, given, method=name, **options))
        assert "example(s) 1 " in words


def test_class_averages_refuse_what_is_no_number_and_say_it_once():
    model, x = log_net(), signals(1, -1, 1)
    with pytest.raises(InputError, match=r"example 1 .*NaN"):  # and no warning, which would be raised before
        ss.class_averages(model, x, [0, 1, 0], target=0, method="occlusion", window=3, stride=3, fill=1.0)
    with pytest.warns(NonFiniteWarning, match=r"example\(s\) 1 "):
        ss.class_averages(model, x, [0, 1, 0], target=0)


def test_screening_says_it_once_for_all_shards(tmp_path):
    signal = np.ones((1200, 1))
    signal[600:] = -1
    signal += 0.01 * np.sin(np.arange(1200))[:, None]
    methods = {"saliency": {}, "occlusion": {"fill": 1.0}}
    record = Recording(signal=signal, fs=12.0, names=("a",))
    with pytest.warns(NonFiniteWarning, match=r"100 of 199 windows without gaps, at 49.5, 50,") as caught:
        ss.screen_recording(record, log_net(), methods, out=str(tmp_path / "s.zarr"), target=0)
    assert len([w for w in caught if issubclass(w.category, NonFiniteWarning)]) == 1


def test_without_docstrings_and_assertions():
    """python -OO, which takes both away."""
    script = (
        "import numpy as np, keras, signalscreen as ss\n"
        "net = keras.Sequential([keras.Input((8, 1)), keras.layers.Conv1D(2, 3), keras.layers.Flatten(),"
        " keras.layers.Dense(2)])\n"
        "x = np.ones((2, 8, 1))\n"
        "print(ss.saliency(net, x, 0).shape, ss.occlusion(net, x, 0, window=2, batch_size=1).shape, __debug__)\n"
        "from signalscreen.cli import main\n"
        "main(['methods'])\n"
    )
    found = subprocess.run([sys.executable, "-OO", "-c", script], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith("(2, 8, 1) (2, 8) False\n")
    assert "integrated_gradients" in found.stdout
