"""What layers compute from their states is right after loading, whichever way a file is read."""

import json

import h5py
import numpy as np
import pytest

keras = pytest.importorskip("keras")

import signalscreen as ss  # noqa: E402
from signalscreen.errors import InferenceModeWarning, ModelError  # noqa: E402

kl = keras.layers
DATA = np.random.default_rng(0).normal(3, 2, (40, 5, 2)).astype(np.float32)
X = DATA[:4]
Z = (X - DATA.mean((0, 1))) / DATA.std((0, 1))  # what Normalization computes
BOTH = pytest.mark.parametrize("suffix", [".keras", ".h5"])
UNTIL = pytest.mark.parametrize("until", [None, "out"])
pytestmark = pytest.mark.filterwarnings("ignore:.*HDF5:UserWarning")


def adapted():
    layer = kl.Normalization(name="adapted")
    layer.adapt(DATA)
    return layer


def plain():
    i = keras.Input((5, 2))
    return keras.Model(i, kl.Activation("linear", name="out")(adapted()(i)))


def nested():
    i, inner = keras.Input((5, 2)), keras.Input((5, 2))
    return keras.Model(i, kl.Activation("linear", name="out")(keras.Model(inner, adapted()(inner))(i)))


def each():
    i = keras.Input((5, 2))
    x = kl.TimeDistributed(adapted())(kl.Reshape((1, 5, 2))(i))
    return keras.Model(i, kl.Reshape((5, 2), name="out")(x))


def chain():
    return keras.Sequential([keras.Input((5, 2)), adapted(), kl.Activation("linear", name="out")])


@BOTH
@UNTIL
@pytest.mark.parametrize("build", [plain, nested, each, chain])
def test_normalization_normalises(tmp_path, build, suffix, until):
    build().save(tmp_path / f"net{suffix}")
    model = ss.load_model(tmp_path / f"net{suffix}", until=until)
    np.testing.assert_allclose(np.asarray(model(X)), Z, atol=1e-4)


def test_normalization_of_an_architecture_and_weights(tmp_path):
    net = plain()
    net.save_weights(tmp_path / "net.weights.h5")
    (tmp_path / "net.json").write_text(net.to_json())
    model = ss.load_model(tmp_path / "net.json", weights=tmp_path / "net.weights.h5")
    np.testing.assert_allclose(np.asarray(model(X)), Z, atol=1e-4)


@BOTH
@UNTIL
def test_steps_that_were_learnt_are_those_of_the_file(tmp_path, suffix, until):
    steps = kl.Discretization(num_bins=4, name="out")
    steps.adapt(DATA)
    bounds = np.asarray(steps.bin_boundaries)
    i = keras.Input((5, 2))
    keras.Model(i, steps(i)).save(tmp_path / f"net{suffix}")
    model = ss.load_model(tmp_path / f"net{suffix}", until=until)
    np.testing.assert_array_equal(np.asarray(model(X)), np.digitize(X, bounds))


@pytest.mark.parametrize(("suffix", "until"), [(".h5", None), (".h5", "out"), (".keras", "out")])
def test_a_vocabulary_that_does_not_come_with_the_weights_is_refused(tmp_path, suffix, until):
    known = kl.IntegerLookup(output_mode="multi_hot", name="lookup")
    known.adapt(np.array([[3], [4], [7]]))
    i = keras.Input((2,), dtype="int64")
    net = keras.Model(i, kl.Dense(2, name="out")(known(i)))
    net.save(tmp_path / f"net{suffix}")
    with pytest.raises(ModelError, match=r"layer 'lookup' \(IntegerLookup\) has learnt a vocabulary"):
        ss.load_model(tmp_path / f"net{suffix}", until=until)
    net.save(tmp_path / "net.keras")
    x = np.array([[3, 7], [4, 9]])
    np.testing.assert_array_equal(np.asarray(ss.load_model(tmp_path / "net.keras")(x)), np.asarray(net(x)))


@BOTH
@UNTIL
def test_stacked_cells_networks_in_wrappers_and_states(tmp_path, suffix, until):
    keras.utils.set_random_seed(0)
    beat = keras.Sequential([keras.Input((5, 2)), kl.Conv1D(3, 3), kl.BatchNormalization(), kl.Flatten()])
    i = keras.Input((4, 5, 2))
    x = kl.RNN(kl.StackedRNNCells([kl.LSTMCell(3), kl.GRUCell(2), kl.LSTMCell(3)]), return_sequences=True)(
        kl.TimeDistributed(beat)(i)
    )
    x, h, c = kl.LSTM(3, return_sequences=True, return_state=True)(kl.SpectralNormalization(kl.Conv1D(3, 2))(x))
    net = keras.Model(i, kl.Dense(2, name="out")(kl.LSTM(3)(x, initial_state=[h, c])))
    random = np.random.default_rng(1)
    net.set_weights([random.uniform(0.1, 0.9, w.shape) for w in net.get_weights()])
    x = random.normal(size=(2, 4, 5, 2)).astype(np.float32)
    net.save(tmp_path / f"net{suffix}")
    model = ss.load_model(tmp_path / f"net{suffix}", until=until)
    np.testing.assert_allclose(np.asarray(model(x)), np.asarray(net(x)), rtol=1e-6)


def test_weights_that_a_layer_does_not_take_are_named(tmp_path):
    """An array too many: of a layer without weights, which would be left unnoticed."""
    net = keras.Sequential([keras.Input((3,)), kl.Dense(2, name="dense"), kl.ReLU(name="out")])
    net.save_weights(tmp_path / "net.weights.h5")
    (tmp_path / "net.json").write_text(net.to_json())
    with h5py.File(tmp_path / "net.weights.h5", "r+") as file:
        file["layers/re_lu/vars/0"] = np.ones(2)
    with pytest.raises(ModelError, match=r"'out' has 0 weights, and the file 1"):
        ss.load_model(tmp_path / "net.json", weights=tmp_path / "net.weights.h5")


@pytest.mark.parametrize("always", [True, None])
def test_dropout_that_was_always_on_is_named(tmp_path, recwarn, always):
    """Of Keras 2 files: ``layer(x, training=True)``, as Monte Carlo dropout has it."""
    layers = [
        {"class_name": "InputLayer", "name": "x", "inbound_nodes": [],
         "config": {"name": "x", "batch_input_shape": [None, 20], "dtype": "float32"}},
        {"class_name": "Dropout", "name": "drop", "config": {"name": "drop", "rate": 0.5},
         "inbound_nodes": [[["x", 0, 0, {"training": always}]]]},
    ]  # fmt: skip
    config = {"name": "net", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["drop", 0, 0]]}
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": config})
        file.attrs["keras_version"] = "2.15.0"
        file.create_group("model_weights").attrs["layer_names"] = np.array([], "S1")
    if always:
        with pytest.warns(InferenceModeWarning, match=r"net\.h5: 'drop' ran as in training.*here.*inference"):
            model = ss.load_model(tmp_path / "net.h5")
    else:
        model = ss.load_model(tmp_path / "net.h5")
        assert not [w for w in recwarn if w.category is InferenceModeWarning]
    np.testing.assert_array_equal(np.asarray(model(np.ones((1, 20), np.float32))), 1)
