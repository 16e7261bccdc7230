"""What is no model that can be loaded is named for what it is, by its content, with the way out."""

import gzip
import json
import pickle
import shutil
from pathlib import Path
from zipfile import ZipFile

import h5py
import numpy as np
import pytest

keras = pytest.importorskip("keras")

import signalscreen as ss  # noqa: E402
from signalscreen.errors import ModelError  # noqa: E402

OLD = Path(__file__).parent / "old_models"


def archive(*names):
    def write(path):
        with ZipFile(path, "w") as made:
            for name in names:
                made.writestr(name, b"x")

    return write


def content(data):
    return lambda path: path.write_bytes(data)


TORCH_OLD = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
SAFE = (40).to_bytes(8, "little") + b'{"w":{"dtype":"F32","shape":[1]}}'
ONNX = b"\x08\x08\x12\x07pytorch\x1a\x052.3.0"


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        ("net.pt", archive("net/data.pkl", "net/version", "net/data/0"), r"PyTorch.*Captum"),
        ("net.pth", content(TORCH_OLD), "PyTorch"),
        ("last.ckpt", archive("last/data.pkl", "last/data/0"), "PyTorch"),
        ("net.keras", archive("net/data.pkl", "net/version"), "PyTorch"),
        ("net", archive("net/data.pkl", "net/code/a.py"), "PyTorch"),
        ("net.safetensors", content(SAFE), r"safetensors.*set its weights"),
        ("weights.bin", content(SAFE), "safetensors"),
        ("net.npz", lambda path: np.savez(path, w=np.ones(3)), "NumPy arrays and no architecture"),
        ("net.npy", lambda path: np.save(path, np.ones(3)), "NumPy arrays"),
        ("net.tflite", content(b"\x1c\x00\x00\x00TFL3\x00\x00"), r"TensorFlow Lite.*no gradient.*made from"),
        ("model", content(b"\x1c\x00\x00\x00TFL3\x00\x00"), "TensorFlow Lite"),
        ("net.onnx", content(ONNX), r"ONNX.*made from"),
        ("net.dat", content(ONNX), "ONNX"),
        ("net.mlmodel", content(b"\x08\x04\x12\x02xx"), "."),
        ("frozen.pb", content(b"\n\x0e\n\x01x\x12\x0bPlaceholder"), "graph without its variables"),
        ("saved_model.pb", content(b"\x08\x01\x12\x03abc"), "give the folder"),
        ("net.pkl", content(pickle.dumps({"a": 1})), r"pickled.*run code"),
        ("net.joblib", content(pickle.dumps([1])), "pickled"),
        ("net.ckpt.meta", content(b"\n\xff\x12"), "TensorFlow checkpoint"),
        ("checkpoint", content(b'model_checkpoint_path: "cp.ckpt"\n'), r"checkpoint.*load_weights"),
        ("net.ckpt.data-00000-of-00001", content(b"\x00\x01"), "TensorFlow checkpoint"),
        ("net.h5", content(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"), "git lfs pull"),
        ("net.keras", content(b"\n<!DOCTYPE html>\n<html>"), r"web page.*download"),
        ("net.h5", content(b""), r"empty.*again"),
        ("net.h5.gz", content(gzip.compress(b"x")), r"compressed.*unpack"),
        ("net.zip", archive("net/readme.md"), r"zip archive without the config\.json"),
        ("net.mat", content(b"MATLAB 5.0 MAT-file, Platform: GLNXA64"), "MATLAB"),
        ("model.json", content(b'{"format": "layers-model", "modelTopology": {}}'), r"TensorFlow\.js"),
    ],
)
def test_a_file_is_named_for_what_it_is(tmp_path, name, write, said):
    write(tmp_path / name)
    with pytest.raises(ModelError, match=rf"'{name}' is .*{said}") as told:
        ss.load_model(tmp_path / name)
    assert "\n" not in str(told.value)


def test_the_stem_of_a_checkpoint(tmp_path):
    (tmp_path / "cp.ckpt.index").write_bytes(b"x")
    with pytest.raises(ModelError, match=r"'cp\.ckpt' is a TensorFlow checkpoint.*load_weights"):
        ss.load_model(tmp_path / "cp.ckpt")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["checkpoint", "cp.ckpt.index"], "TensorFlow checkpoint"),
        (["config.json", "metadata.json", "model.weights.h5"], r"unpacked \.keras.*zip"),
        (["config.json", "pytorch_model.bin"], "Hugging Face"),
        (["config.json", "model.safetensors"], "Hugging Face"),
        (["1/saved_model.pb", "2/saved_model.pb"], r"SavedModel folders \(1, 2\); give one"),
    ],
)
def test_a_folder_is_named_for_what_it_is(tmp_path, files, said):
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ModelError, match=said):
        ss.load_model(tmp_path)


@pytest.mark.parametrize("name", ["net.keras", "net.dat", "net"])
def test_a_model_is_read_by_its_content(tmp_path, name):
    for source in ("tf215_cnn.h5", "tf215_cnn.keras"):
        shutil.copy(OLD / source, tmp_path / name)
        held = np.load(OLD / "tf215_cnn.npz")
        np.testing.assert_allclose(np.asarray(ss.load_model(tmp_path / name)(held["x0"])), held["y0"], rtol=1e-5)


def test_weights_alone_say_both_ways_out(tmp_path):
    net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    net.save_weights(tmp_path / "net.weights.h5")
    for path in (tmp_path / "net.weights.h5", OLD / "tf215_cnn_weights.h5"):
        with pytest.raises(ModelError, match=r"weights and no architecture.*weights=.*load_weights"):
            ss.load_model(path)


def test_an_hdf5_file_of_others(tmp_path):
    with h5py.File(tmp_path / "net.h5", "w") as file:
        file["data"] = np.ones(3)
    with pytest.raises(ModelError, match="HDF5 file that Keras did not write"):
        ss.load_model(tmp_path / "net.h5")


# --- what Keras itself cannot load -------------------------------------------------------------------------------


class Mine(keras.layers.Layer):
    def call(self, x):
        return x + 1

    def compute_output_shape(self, input_shape):
        return input_shape


class Shapeless(keras.layers.Layer):
    def call(self, x):
        return x + 1


class Net(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(2)

    def call(self, x):
        return self.dense(x)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore:.*HDF5:UserWarning")
@pytest.mark.parametrize("until", [None, "out"])
def test_a_class_of_ones_own_is_named(tmp_path, suffix, until):
    inner = keras.layers.TimeDistributed(Mine(name="special"), name="each")
    net = keras.Sequential([keras.Input((3, 4)), inner, keras.layers.Dense(2, name="out")])
    x = np.ones((1, 3, 4), np.float32)
    wanted = np.asarray(net(x))
    net.save(tmp_path / f"net{suffix}")
    with pytest.raises(ModelError, match=r"layer 'special' is a Mine.*custom_objects=\{'Mine': Mine\}"):
        ss.load_model(tmp_path / f"net{suffix}", until=until)
    loaded = ss.load_model(tmp_path / f"net{suffix}", until=until, custom_objects={"Mine": Mine})
    np.testing.assert_array_equal(np.asarray(loaded(x)), wanted)


@pytest.mark.parametrize("until", [None, "out"])
def test_a_network_saved_before_it_had_weights_is_refused(tmp_path, until):
    net = keras.Sequential(
        [keras.Input((3, 4)), keras.layers.TimeDistributed(Shapeless()), keras.layers.Dense(2, name="out")]
    )
    net.save(tmp_path / "net.keras")
    with pytest.raises(ModelError, match=r"layer 'out' has no weights after loading.*called on a signal"):
        ss.load_model(tmp_path / "net.keras", until=until, custom_objects={"Shapeless": Shapeless})


def test_a_model_class_of_ones_own_is_named(tmp_path):
    net = Net()
    net(np.zeros((1, 3), np.float32))
    net.save(tmp_path / "net.keras")
    with pytest.raises(ModelError, match=r"holds a Net, which is no class of Keras.*custom_objects=\{'Net': Net\}"):
        ss.load_model(tmp_path / "net.keras")


@pytest.mark.filterwarnings("ignore:.*HDF5:UserWarning")
@pytest.mark.parametrize("until", [None, "out"])
def test_operations_in_a_keras_3_h5_say_save_as_keras(tmp_path, until):
    i = keras.Input((8, 2))
    net = keras.Model(i, keras.layers.Dense(2, name="out")(keras.ops.sum(i, axis=1)))
    net.save(tmp_path / "net.h5")
    net.save(tmp_path / "net.keras")
    with pytest.raises(ModelError, match=r"is a Sum, which Keras.*save the model as \.keras"):
        ss.load_model(tmp_path / "net.h5", until=until)
    x = np.random.default_rng(0).normal(size=(2, 8, 2)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(ss.load_model(tmp_path / "net.keras", until=until)(x)), net(x))


def rewritten(source, target, change):
    """A .keras file as a newer Keras would write it."""
    with ZipFile(source) as old, ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "metadata.json":
                data = json.dumps({**json.loads(data), "keras_version": "99.0.0"})
            if name == "config.json":
                config = json.loads(data)
                change({layer["config"]["name"]: layer["config"] for layer in config["config"]["layers"]})
                data = json.dumps(config)
            new.writestr(name, data)
    return target


def test_settings_of_a_newer_keras(tmp_path):
    net = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="dense")])
    net.save(tmp_path / "net.keras")
    x = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)

    def silent(layers):
        layers["dense"].update(use_gate=False)
        layers["dense"]["kernel_initializer"]["config"]["of_the_future"] = None

    loaded = ss.load_model(rewritten(tmp_path / "net.keras", tmp_path / "newer.keras", silent))
    np.testing.assert_array_equal(np.asarray(loaded(x)), np.asarray(net(x)))
    path = rewritten(tmp_path / "net.keras", tmp_path / "other.keras", lambda ls: ls["dense"].update(use_gate=True))
    with pytest.raises(ModelError, match=r"layer 'dense' \(Dense\) has use_gate=True, which Keras"):
        ss.load_model(path)
    path = rewritten(tmp_path / "net.keras", tmp_path / "third.keras", lambda ls: ls["dense"].update(future=1))
    with pytest.raises(ModelError, match=r"layer 'dense' \(Dense\) cannot be built \(.*'future'"):
        ss.load_model(path)
