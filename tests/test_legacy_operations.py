"""TensorFlow operations between the layers of Keras 2 files: they compute what they did, or are refused by name."""

import json
from functools import reduce
from pathlib import Path

import h5py
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

import signalscreen as ss  # noqa: E402
from signalscreen.errors import ModelError  # noqa: E402
from signalscreen.model_files.admitted import FUNCTIONS, OPS, function_named  # noqa: E402

OLD = Path(__file__).parent / "old_models"
X = np.random.default_rng(0).normal(size=(3, 6, 2)).astype(np.float32)


def entry(name="x", shape=(6, 2)):
    config = {"name": name, "batch_input_shape": [None, *shape], "dtype": "float32"}
    return {"class_name": "InputLayer", "name": name, "config": config, "inbound_nodes": []}


def applied(function, node, name="op", kind="TFOpLambda"):
    config = {"name": name, "function": function}
    return {"class_name": kind, "name": name, "config": config, "inbound_nodes": [node]}


def graph_op(config, name="bad"):
    """As TensorFlow 2.0 to 2.3 wrote it."""
    nodes = [[["x", 0, 0, {}]]]
    return {"class_name": "TensorFlowOpLayer", "name": name, "config": config, "inbound_nodes": nodes}


def network(path, *layers):
    """A file of Keras 2.15 without weights, of the input "x" and these layers."""
    layers = [entry(), *layers]
    settings = {
        "name": "net",
        "layers": layers,
        "input_layers": [["x", 0, 0]],
        "output_layers": [[layers[-1]["name"], 0, 0]],
    }
    with h5py.File(path / "net.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": settings})
        file.attrs["keras_version"] = "2.15.0"
        file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
    return path / "net.h5"


def whole(start=None, stop=None, step=None):
    return {"start": start, "stop": stop, "step": step}


@pytest.mark.parametrize(
    ("function", "node", "wanted"),
    [
        ("math.subtract", ["_CONSTANT_VALUE", -1, 2.0, {"y": ["x", 0, 0], "name": None}], 2 - X),
        ("math.multiply", ["x", 0, 0, {"y": [[10.0, 20.0]]}], X * [10, 20]),
        ("math.maximum", ["x", 0, 0, {"y": 0.25}], np.maximum(X, 0.25)),
        ("concat", [["x", 0, 0, {"axis": -1}], ["x", 0, 0, {"axis": -1}]], np.concatenate([X, X], -1)),
        ("concat", [["x", 0, 0, {"axis": 1}]], X),
        (
            "concat",
            [["x", 0, 0, {"axis": 1}], ["_CONSTANT_VALUE", -1, np.zeros((3, 1, 2)).tolist(), {"axis": 1}]],
            np.concatenate([X, np.zeros((3, 1, 2))], 1),
        ),
        ("compat.v1.transpose", ["x", 0, 0, {"perm": [0, 2, 1], "name": "transpose"}], X.transpose(0, 2, 1)),
        ("math.reduce_max", ["x", 0, 0, {"axis": 1, "keepdims": True}], X.max(1, keepdims=True)),
        ("where", ["x", 0, 0, {}], None),
        ("linalg.matmul", ["x", 0, 0, {"b": ["x", 0, 0], "transpose_b": True}], X @ X.transpose(0, 2, 1)),
    ],
)
def test_arguments_are_read_as_they_were_written(tmp_path, function, node, wanted):
    path = network(tmp_path, applied(function, node))
    if wanted is None:  # how many are true is not known beforehand
        assert ss.load_model(path).output_shape == (None, 3)
        return
    np.testing.assert_allclose(np.asarray(ss.load_model(path)(X)), wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ([whole(), whole(None, None, 2)], X[:, ::2]),
        ([whole(), whole(1, -1), 1], X[:, 1:-1, 1]),
        ([{"class_name": "__ellipsis__"}, None], X[..., None]),
        ([whole(), whole(None, None, -1)], X[:, ::-1]),
        (1, X[1]),
        (whole(1), X[1:]),
    ],
)
def test_slices(tmp_path, spec, wanted):
    node = ["x", 0, 0, {"slice_spec": spec}]
    path = network(tmp_path, applied("__operators__.getitem", node, kind="SlicingOpLambda"))
    np.testing.assert_array_equal(np.asarray(ss.load_model(path)(X)), wanted)


def test_one_result_of_several(tmp_path):
    halves = applied("split", ["x", 0, 0, {"num_or_size_splits": 2, "axis": 1}], "halves")
    path = network(
        tmp_path, halves, applied("math.subtract", ["halves", 0, 1, {"y": ["halves", 0, 0]}], "difference")
    )
    np.testing.assert_allclose(np.asarray(ss.load_model(path)(X)), X[:, 3:] - X[:, :3], rtol=1e-6)


def test_a_window_function_by_its_name(tmp_path):
    first = applied("__operators__.getitem", ["x", 0, 0, {"slice_spec": [whole(), whole(), 0]}], "first")
    node = ["first", 0, 0, {"frame_length": 4, "frame_step": 2, "window_fn": "hamming_window"}]
    model = ss.load_model(network(tmp_path, first, applied("signal.stft", node)))
    window = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(4) / 4)
    frames = np.stack([X[:, :4, 0], X[:, 2:, 0]], 1) * window
    np.testing.assert_allclose(np.asarray(model(X)), np.fft.rfft(frames), atol=1e-5)


@pytest.mark.parametrize("name", ["tf215_operations.h5", "tf23_operations.h5", "tf215_spectrum.h5"])
def test_gradients_go_through(name):
    x = np.load(OLD / f"{name.split('.')[0]}.npz")["x0"]
    model = ss.load_model(OLD / name)
    with tf.GradientTape() as tape:
        tensor = tf.constant(x)
        tape.watch(tensor)
        made = model(tensor, training=False)
        score = tf.reduce_sum((made[0] if isinstance(made, list) else made)[:, 1])
    target = (0, 1) if isinstance(made, list) else 1
    found = ss.saliency(model, x, target)
    assert np.abs(found).max() > 0
    np.testing.assert_allclose(found, tape.gradient(score, tensor), rtol=1e-4, atol=1e-6)


def test_architecture_and_weights(tmp_path):
    with h5py.File(OLD / "tf215_operations.h5") as file:
        (tmp_path / "arch.json").write_text(file.attrs["model_config"])
    held = np.load(OLD / "tf215_operations.npz")
    model = ss.load_model(tmp_path / "arch.json", weights=OLD / "tf215_operations.h5")
    np.testing.assert_allclose(np.asarray(model(held["x0"])[0]), held["y0"], rtol=1e-5)


# --- refused -----------------------------------------------------------------------------------------------------

HOSTILE = [
    "io.read_file",
    "py_function",
    "numpy_function",
    "compat.v1.py_func",
    "map_fn",
    "random.normal",
    "nn.dropout",
]
HOSTILE += ["keras.utils.get_file", "os.system", "__class__", "math.__class__", "", "raw_ops.ReadFile", "einsum"]


@pytest.mark.parametrize("function", HOSTILE)
def test_what_is_not_on_the_list_is_refused_by_name(tmp_path, function):
    path = network(
        tmp_path, applied("math.abs", ["x", 0, 0, {}], "before"), applied(function, ["before", 0, 0, {}], "bad")
    )
    with pytest.raises(ModelError, match=rf"'bad' applies tf\.{function},.*custom_objects=\{{'bad'.*until="):
        ss.load_model(path)
    np.testing.assert_array_equal(np.asarray(ss.load_model(path, until="before")(X)), np.abs(X))


def test_an_operation_whose_operands_were_lost(tmp_path):
    """As Keras 2 writes ``tf.einsum``."""
    path = network(tmp_path, applied("einsum", ["_CONSTANT_VALUE", -1, "btc->bct", {}], "bad"))
    with pytest.raises(ModelError, match=r"'bad' applies tf\.einsum to tensors that Keras 2 did not save"):
        ss.load_model(path, custom_objects={"bad": lambda x: x})


def test_a_function_or_a_layer_stands_in_its_place(tmp_path):
    node = ["x", 0, 0, {"y": ["before", 0, 0]}]
    path = network(tmp_path, applied("math.abs", ["x", 0, 0, {}], "before"), applied("no.such", node, "bad"))
    model = ss.load_model(path, custom_objects={"bad": lambda a, b: a + 2 * b})
    np.testing.assert_allclose(np.asarray(model(X)), X + 2 * np.abs(X), rtol=1e-6)
    single = network(tmp_path, applied("no.such", ["x", 0, 0, {}], "bad"))
    model = ss.load_model(single, custom_objects={"bad": keras.layers.ReLU()})
    np.testing.assert_array_equal(np.asarray(model(X)), np.maximum(X, 0))
    with pytest.raises(ModelError, match=r"custom_objects\['bad'\] is a int"):
        ss.load_model(single, custom_objects={"bad": 3})


def test_an_argument_of_an_unknown_kind_is_refused(tmp_path):
    code = {"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}
    for value in (code, {"class_name": "function", "config": "exec"}):
        path = network(tmp_path, applied("math.add", ["x", 0, 0, {"y": value}]))
        with pytest.raises(ModelError, match=r"'op' (has an argument|is Python code)"):
            ss.load_model(path)


@pytest.mark.parametrize("op", ["ReadFile", "PyFunc", "RandomStandardNormal", "NoSuchOp"])
def test_ops_of_graphs_that_are_not_on_the_list(tmp_path, op):
    config = {"name": "bad", "node_def": {"name": "bad", "op": op, "input": ["x"]}, "constants": {}}
    with pytest.raises(ModelError, match=rf"'bad' applies the op {op},"):
        ss.load_model(network(tmp_path, graph_op(config)))


def test_an_op_in_the_text_form(tmp_path):
    text = 'name: "twice" op: "Mul" input: "twice/x" input: "x" attr { key: "T" value { type: DT_FLOAT } }'
    config = {"name": "twice", "node_def": text, "constants": {"0": 2.0}}
    path = network(tmp_path, graph_op(config, "a/b"))
    np.testing.assert_array_equal(np.asarray(ss.load_model(path)(X)), 2 * X)


def test_every_admitted_name_is_one_of_tensorflow():
    assert all(callable(function_named(name)) for name in FUNCTIONS)
    assert all(hasattr(tf.raw_ops, op) for op in OPS)
    assert not any(
        word in name
        for name in FUNCTIONS | OPS
        for word in ("random", "py_func", "read", "write", "map_fn", "while")
    )
    assert function_named("math.add") is reduce(getattr, ["math", "add"], tf)
