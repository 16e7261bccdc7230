"""Python code stored in a model file: never run, cut off where it is the end, refused elsewhere."""

import base64
import json
import pickle
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

keras = pytest.importorskip("keras")

import signalscreen as ss  # noqa: E402
from signalscreen.errors import CutModelWarning, ModelError  # noqa: E402

OLD = Path(__file__).parent / "old_models"
ENDS = ["k224_calibration.h5", "tf20_calibration.h5", "tf215_calibration.h5", "tf215_calibration.keras"]
kl = keras.layers


@pytest.fixture(autouse=True)
def _no_code_is_run(tmp_path, monkeypatch):
    """The stored functions would leave a file here, and Keras would make them from their bytes."""

    def refused(*_):
        raise AssertionError("code of a model file was unmarshalled")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("keras.src.utils.python_utils.func_load", refused)
    yield
    assert not (tmp_path / "lambda_was_here").exists()


def stored(name):
    held = np.load(OLD / f"{name.split('.')[0]}.npz")
    return held["x0"], held["y0"]


def code(expression):
    text = f"lambda x: (open('lambda_was_here', 'w').close(), {expression})[1]"
    return eval(compile(text, "stored", "eval"))


@pytest.mark.parametrize("name", ENDS)
def test_a_lambda_at_the_end_is_cut_off(name):
    x, squared = stored(name)
    with pytest.warns(CutModelWarning, match=rf"{name}.*up to layer 'output' only: 'BetaCalibration'.*never run"):
        model = ss.load_model(OLD / name)
    assert model.layers[-1].name == "output"
    np.testing.assert_allclose(np.asarray(model(x)) ** 2, squared, rtol=1e-5)
    assert np.abs(ss.saliency(model, x, 0)).max() > 0


@pytest.mark.parametrize("name", ENDS)
def test_until_says_so_without_a_warning(name):
    x, squared = stored(name)
    np.testing.assert_allclose(np.asarray(ss.load_model(OLD / name, until="output")(x)) ** 2, squared, rtol=1e-5)


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("given", [lambda p: p * p, kl.Lambda(lambda p: p * p)], ids=["function", "layer"])
def test_a_replacement_makes_it_whole(name, given):
    x, squared = stored(name)
    model = ss.load_model(OLD / name, custom_objects={"BetaCalibration": given})
    np.testing.assert_allclose(np.asarray(model(x)), squared, rtol=1e-5)


def test_a_lambda_in_the_middle():
    path = OLD / "tf215_middle.h5"
    with pytest.raises(ModelError, match=r"'every_second' is Python code.*\(out\); give what it computes.*until="):
        ss.load_model(path)
    with pytest.raises(ModelError, match=r"until='flat' lies behind it"):
        ss.load_model(path, until="flat")
    assert ss.load_model(path, until="conv").outputs[0].shape == (None, 16, 3)
    x, y = stored("tf215_middle")
    model = ss.load_model(path, custom_objects={"every_second": lambda p: p[:, ::2]})
    np.testing.assert_allclose(np.asarray(model(x)), y, rtol=1e-5)


def branches(tail):
    i = keras.Input((8, 1), name="signal")
    x = kl.Conv1D(2, 3, name="conv")(i)
    return keras.Model(i, tail(x, i))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(
    ("tail", "said"),
    [
        (lambda x, i: kl.Add(name="sum")([kl.Lambda(code("x"), name="code")(x), x]), None),
        (lambda x, i: kl.Lambda(code("x"), name="code")(i), "nothing but the input lies before it"),
        (
            lambda x, i: kl.Dense(1, name="out")(kl.Lambda(code("x"), name="code")(x)),
            r"layers with weights.*\(out\)",
        ),
        (
            lambda x, i: kl.Add()([kl.Lambda(code("x"), name="code")(x), kl.Conv1D(2, 3, name="other")(i)]),
            "2 tensors enter it",
        ),
    ],
    ids=["one tensor", "input", "weights behind", "two tensors"],
)
@pytest.mark.filterwarnings("ignore:.*HDF5:UserWarning")
def test_what_is_an_end(tmp_path, suffix, tail, said):
    branches(tail).save(tmp_path / f"net{suffix}")
    (tmp_path / "lambda_was_here").unlink()  # Keras traced it when the network was made
    if said is None:
        with pytest.warns(CutModelWarning, match=r"left out: code, sum"):
            assert ss.load_model(tmp_path / f"net{suffix}").layers[-1].name == "conv"
    else:
        with pytest.raises(ModelError, match=said):
            ss.load_model(tmp_path / f"net{suffix}")


def test_a_lambda_in_a_nested_network(tmp_path):
    inner_input = keras.Input((8, 1))
    inner = keras.Model(inner_input, kl.Lambda(code("x * 2"), name="twice")(inner_input), name="inner")
    i = keras.Input((8, 1))
    whole = keras.Model(
        i, kl.Dense(1, name="out")(kl.Flatten()(inner(kl.Conv1D(1, 3, padding="same", name="c")(i))))
    )
    whole.save(tmp_path / "net.keras")
    x = np.random.default_rng(0).normal(size=(2, 8, 1)).astype(np.float32)
    wanted = np.asarray(whole(x))
    (tmp_path / "lambda_was_here").unlink()
    with pytest.raises(ModelError, match="'inner/twice' is Python code"):
        ss.load_model(tmp_path / "net.keras")
    model = ss.load_model(tmp_path / "net.keras", custom_objects={"twice": lambda p: p * 2})
    np.testing.assert_allclose(np.asarray(model(x)), wanted, rtol=1e-6)


def test_safe_mode_stays_on(tmp_path, monkeypatch):
    """Even where the user has told Keras otherwise."""
    monkeypatch.setattr("keras.src.saving.serialization_lib.in_safe_mode", lambda: False)
    with pytest.warns(CutModelWarning):
        ss.load_model(OLD / "tf215_calibration.keras")
    with pytest.raises(ModelError):
        ss.load_model(OLD / "tf215_middle.h5")


class _Runs:
    def __reduce__(self):
        return open, ("lambda_was_here", "w")


_PICKLE = base64.b64encode(pickle.dumps(_Runs())).decode()


@pytest.mark.parametrize(
    "trick",
    [
        {"module": "builtins", "class_name": "__lambda__", "config": {"value": "none"}},
        {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "function"},
        {"module": "subprocess", "class_name": "Popen", "config": {"args": ["touch", "lambda_was_here"]}},
        {"module": "keras.utils", "class_name": "function", "config": "get_file", "registered_name": "function"},
        {"module": "keras.layers", "class_name": "TorchModuleWrapper",
         "config": {"name": "t", "module": {"class_name": "__bytes__", "value": _PICKLE}}},
    ],
    ids=["lambda", "exec", "popen", "keras function", "pickle"],
)  # fmt: skip
def test_tricks_in_a_keras_file(tmp_path, trick):
    keras.Sequential([keras.Input((4,)), kl.Dense(2, activation="relu", name="d")]).save(tmp_path / "net.keras")
    with ZipFile(tmp_path / "net.keras") as source, ZipFile(tmp_path / "bad.keras", "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "config.json":
                config = json.loads(content)
                config["config"]["layers"][1]["config"]["activation"] = trick
                content = json.dumps(config)
            target.writestr(name, content)
    with pytest.raises(ModelError):
        ss.load_model(tmp_path / "bad.keras")
