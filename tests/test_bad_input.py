"""What a user gets wrong at 11 pm, and the one sentence that says so."""

import os
import subprocess
import sys

import numpy as np
import pytest

import signalscreen as ss
from signalscreen.backend import keras
from signalscreen.errors import (
    InputError,
    LayerError,
    MethodError,
    ModelError,
    OptionError,
    SignalScreenError,
    UnreachedRuleWarning,
)
from tests.contract import zoo

L = keras.layers


@pytest.fixture(scope="module")
def model():
    return zoo.shared("sequential", 1)


X = zoo.signals(1)


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (np.zeros((3, 24, 2, 5)), r"shape \(3, 24, 2, 5\).*expects \(batch, 24, 2\)"),
        (np.zeros((3, 25, 2)), r"shape \(3, 25, 2\).*cut, pad or resample"),
        (np.zeros(24), r"shape \(24,\)"),
        (np.zeros((0, 24, 2)), "holds no example"),
        (np.full((3, 24, 2), np.nan), "NaN or infinity, first in example 0"),
        (np.full((3, 24, 2), np.inf), "NaN or infinity"),
        (np.array([["a"]]), "real numbers"),
        (np.zeros((3, 24, 2), complex), "real numbers"),
        ([[1.0, 2.0], [1.0]], "ragged"),
    ],
)
def test_signals_that_do_not_fit(model, x, match):
    with pytest.raises(InputError, match=match):
        ss.saliency(model, x, 0)


def test_the_place_of_a_gap_is_named(model):
    x = X.copy()
    x[2, 17, 1] = np.nan
    with pytest.raises(InputError, match=r"example 2 at \(17, 1\)"):
        ss.saliency(model, x, 0)


def test_integers_and_single_examples_are_repaired(model):
    whole = np.arange(48).reshape(24, 2)
    a = ss.saliency(model, whole, 0)
    assert a.shape == (1, 24, 2)
    np.testing.assert_array_equal(a, ss.saliency(model, whole[None].astype("float32"), 0))


def test_channels_before_time_are_told_from_a_wrong_length(model):
    with pytest.raises(InputError, match="move its channels to the last axis"):
        ss.saliency(model, np.zeros((3, 2, 24)), 0)
    with pytest.raises(InputError, match="cut, pad or resample"):
        ss.saliency(model, np.zeros((3, 25, 2)), 0)


def test_a_subclassed_model_that_cannot_be_called_says_so_in_one_sentence():
    """Its input is not known beforehand, so Keras itself refuses."""
    net = zoo.build("subclassed", 1)
    with pytest.raises(InputError, match=r"signals of shape \(batch, 24, 5\) \(.*; give signals of") as caught:
        ss.saliency(net, np.zeros((3, 24, 5)), 0)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    with pytest.raises(InputError, match=r"expects \(batch, \.\.\.\)"):
        ss.saliency(net, np.zeros(24), 0)


def test_an_object_is_named_by_its_type(model):
    with pytest.raises(InputError, match=r"x is a Recording; give an array, such as its .signal"):
        ss.saliency(model, ss.Recording(np.zeros((24, 2))), 0)
    with pytest.raises(InputError, match="x is a NoneType; give an array of shape"):
        ss.saliency(model, None, 0)


def test_a_missing_channel_axis_is_repaired():
    net = keras.Sequential([keras.Input((24, 1)), L.Conv1D(2, 3), L.Flatten(), L.Dense(2)])
    x = np.random.default_rng(0).normal(size=(5, 24))
    np.testing.assert_array_equal(ss.saliency(net, x, 0), ss.saliency(net, x[..., None], 0))
    assert ss.saliency(net, x[0], 0).shape == (1, 24, 1)


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("occlusion", {"window": 25}, "longer than the signal"),
        ("occlusion", {"window": []}, "holds no window"),
        ("occlusion", {"window": 0}, "positive number of samples"),
        ("occlusion", {"window": (3, 3)}, "one for each of 1 axes"),
        ("occlusion", {"stride": 0}, "stride 0"),
        ("occlusion", {"fill": "grey"}, "fill 'grey' is not known"),
        ("occlusion", {"fill": np.zeros((7, 2))}, r"fill has shape \(7, 2\)"),
        ("occlusion", {"credit": "left"}, "credit 'left'"),
        ("integrated_gradients", {"steps": 0}, "steps 0"),
        ("integrated_gradients", {"rule": "simpson"}, "rule 'simpson' is not known; choose one of trapezoid"),
        ("integrated_gradients", {"rule": "midpoint", "tolerance": 0.1}, "trapezoid or left"),
        ("integrated_gradients", {"tolerance": -1}, "not positive"),
        ("integrated_gradients", {"baseline": np.zeros(5)}, r"baseline has shape \(5,\)"),
        ("integrated_gradients", {"baseline": np.nan}, "baseline has NaN"),
        ("deep_lift", {"references": np.zeros((0, 24, 2))}, "references is empty"),
        ("deep_lift", {"references": np.zeros((5, 23, 2))}, r"references has shape \(5, 23, 2\)"),
        ("deep_lift", {"references": lambda x: x}, r"must give \(batch, R, \*axes, channels\)"),
        ("smooth_grad", {"samples": 0}, "samples 0"),
        ("smooth_grad", {"level": -0.1}, "level -0.1"),
        ("smooth_grad", {"level": "a"}, "level 'a'"),
        ("smooth_grad", {"base_method": "magic"}, "'magic' is not known; choose one of"),
        ("smooth_grad", {"base_method": "saliency", "layer": "conv1"}, "saliency has no option 'layer'"),
        ("guided_backprop", {"scope": "dense"}, "scope 'dense'"),
        ("grad_cam", {"layer": "conv9"}, "'conv9' is not in the model; layers with feature maps: conv1"),
        ("grad_cam", {"layer": 99}, "layer 99 is not in the model"),
        ("grad_cam", {"layer": -1}, "no feature map over the signal's axes"),
        ("saliency", {"score": "odds"}, "score 'odds' is not known"),
        ("saliency", {"batch_size": 0}, "batch_size 0"),
    ],
)
def test_wrong_options(model, name, options, match):
    with pytest.raises(SignalScreenError, match=match):
        ss.explain(model, X, 0, method=name, **options)


def test_unknown_method(model):
    with pytest.raises(MethodError, match=r"'grad-cam' is not known; choose one of .*grad_cam"):
        ss.explain(model, X, 0, method="grad-cam")


def test_a_model_without_convolutions_has_no_activation_map():
    net = keras.Sequential([keras.Input((24, 2)), L.Flatten(), L.Dense(4, activation="relu"), L.Dense(2)])
    with pytest.raises(LayerError, match="no layer with feature maps"):
        ss.grad_cam(net, X, 0)


def test_target_beside_a_score(model):
    with pytest.raises(OptionError, match="target given beside a Score"):
        ss.saliency(ss.Score(model, 1), X, 1)


def test_guided_without_rectifiers_warns():
    net = keras.Sequential([keras.Input((24, 2)), L.Conv1D(2, 3, activation="tanh"), L.Flatten(), L.Dense(2)])
    with pytest.warns(UnreachedRuleWarning, match="no rectifier"):
        a = ss.guided_backprop(net, X, 0)
    np.testing.assert_array_equal(a, ss.saliency(net, X, 0))


def test_one_number_per_example_has_one_target():
    inputs = keras.Input((6, 1))
    net = keras.Model(inputs, keras.ops.sum(inputs, axis=(1, 2)))
    x = np.ones((3, 6, 1))
    for target in (None, 0, [0, 0, 0], np.zeros(3, int)):
        np.testing.assert_array_equal(ss.saliency(net, x, target), x)
    for target in (1, "V", np.array([0, 1, 0])):
        with pytest.raises(ss.errors.TargetError, match="one number per example"):
            ss.saliency(net, x, target)


def test_integer_inputs_have_no_gradient():
    net = keras.Sequential(
        [keras.Input((24,), dtype="int32"), L.Embedding(5, 3), L.Conv1D(2, 3), L.Flatten(), L.Dense(2)]
    )
    x = np.random.default_rng(0).integers(0, 5, (2, 24))
    with pytest.raises(InputError, match="integer"):
        ss.saliency(net, x, 0)
    with pytest.raises(InputError, match="no axis for a window"):
        ss.occlusion(net, x, 0)


# --- models ---------------------------------------------------------------------------------------------------


def test_missing_model_file():
    with pytest.raises(ModelError, match=r"'nowhere\.keras' does not exist"):
        ss.load_model("nowhere.keras")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_corrupt_model_file(tmp_path, suffix):
    path = tmp_path / f"net{suffix}"
    path.write_bytes(b"not a model at all")
    reason = "no zip archive" if suffix == ".keras" else "signature"
    with pytest.raises(ModelError, match=f"cannot be loaded .*{reason}"):
        ss.load_model(path)


def test_truncated_model_file(tmp_path):
    path = tmp_path / "net.keras"
    zoo.build("sequential", 1).save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(ModelError, match="cannot be loaded"):
        ss.load_model(path)


def test_other_files_and_folders_are_no_models(tmp_path):
    (tmp_path / "net.txt").write_text("")
    with pytest.raises(ModelError, match=r"'net\.txt' is no model file"):
        ss.load_model(tmp_path / "net.txt")
    with pytest.raises(ModelError, match="a folder"):
        ss.load_model(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(ModelError, match=r"SavedModel folder.*cannot be loaded.*saved_model\.pb"):
        ss.load_model(tmp_path)


def test_a_pytorch_module_is_refused():
    module = type("Net", (type("Module", (), {"__module__": "torch.nn.modules.module"}),), {"__module__": "mine"})
    with pytest.raises(ModelError, match=r"PyTorch module \(Net\).*Captum"):
        ss.saliency(module(), X, 0)
    with pytest.raises(ModelError, match="is a dict; give a Keras model"):
        ss.saliency({}, X, 0)


def test_another_keras_backend_is_refused(monkeypatch, model):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    for given in (model, "net.keras"):
        with pytest.raises(
            ModelError, match=r"runs on the jax backend.*KERAS_BACKEND=tensorflow.*load the same file"
        ):
            ss.saliency(given, X, 0)


def test_a_keras_backend_that_cannot_start_is_named():
    code = (
        "import signalscreen as ss\ntry:\n    ss.load_model('x')\nexcept ss.errors.ModelError as e:\n    print(e)\n"
    )
    env = {**os.environ, "KERAS_BACKEND": "openvino", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert "openvino" in done.stdout, done.stderr
    assert "KERAS_BACKEND=tensorflow" in done.stdout


def test_importing_and_plotting_do_not_import_tensorflow():
    code = (
        "import sys, signalscreen as ss\n"
        "from signalscreen import errors, streams, resize, inputs, targets, method\n"
        "assert 'saliency' in ss.METHODS and callable(ss.plot_with_gradient) and callable(ss.read_recording)\n"
        "loaded = [m for m in ('tensorflow', 'keras') if m in sys.modules]\n"
        "assert not loaded, loaded\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_tensorflow_says_nothing_on_the_terminal():
    code = (
        "import signalscreen as ss, numpy as np\n"
        "from signalscreen.backend import keras\n"
        "net = keras.Sequential([keras.Input((4, 1)), keras.layers.Conv1D(2, 2), keras.layers.Flatten(),"
        " keras.layers.Dense(1)])\n"
        "ss.deep_lift(net, np.ones((1, 4, 1)), 0)\n"
    )
    env = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    env["PYTHONPATH"] = os.pathsep.join(sys.path)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == done.stderr == ""


def test_warnings_point_at_the_line_of_the_caller():
    net = keras.Sequential([keras.Input((24, 2)), L.Conv1D(2, 3, activation="tanh"), L.Flatten(), L.Dense(2)])
    with pytest.warns(UnreachedRuleWarning) as caught:
        ss.explain(net, X, 0, method="guided_backprop")
    assert caught[0].filename == __file__
