"""Files that Keras 1.2 to 2.15 and tf_keras wrote: they give what they gave then, or are refused with a way out."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

keras = pytest.importorskip("keras")

import signalscreen as ss  # noqa: E402
from signalscreen.cli import main  # noqa: E402
from signalscreen.errors import LayerError, ModelError  # noqa: E402
from signalscreen.results import load_result  # noqa: E402

OLD = Path(__file__).parent / "old_models"
WHOLE = sorted(
    path.name
    for path in OLD.glob("*_*.*")
    if path.suffix in (".h5", ".keras")
    and not any(w in path.name for w in ("weights", "k122", "middle", "calibration"))
)


def stored(name):
    """The inputs and outputs that lie beside a model."""
    held = np.load(OLD / f"{name}.npz")
    return [held[k] for k in sorted(held) if k[0] == "x"], [held[k] for k in sorted(held) if k[0] == "y"]


def outputs(model, x):
    made = model(x if len(x) > 1 else x[0], training=False)
    return [np.asarray(y) for y in (made if isinstance(made, list) else [made])]


def same(model, name):
    x, wanted = stored(name)
    for ours, theirs in zip(outputs(model, x), wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_there_are_files_of_every_time():
    assert {name.split("_")[0] for name in WHOLE} == {"k206", "k224", "tf20", "tf23", "tf215", "tfk"}
    assert len(WHOLE) == 30


@pytest.mark.parametrize("name", WHOLE)
def test_outputs_are_those_of_the_time(name):
    same(ss.load_model(OLD / name), name.split(".")[0])


@pytest.mark.parametrize("tag", ["k206", "tf215"])
def test_json_and_weights(tag):
    same(ss.load_model(OLD / f"{tag}_cnn.json", weights=OLD / f"{tag}_cnn_weights.h5"), f"{tag}_cnn")


def test_the_weights_of_a_whole_model_file_serve_as_well():
    same(ss.load_model(OLD / "tf215_cnn.json", weights=OLD / "tf215_cnn.h5"), "tf215_cnn")


def test_a_method_takes_the_path(tmp_path):
    x, _ = stored("tf20_cnn")
    by_path = ss.saliency(OLD / "tf20_cnn.h5", x[0], 1)
    np.testing.assert_array_equal(by_path, ss.saliency(ss.load_model(OLD / "tf20_cnn.h5"), x[0], 1))
    assert np.abs(by_path).max() > 0


def test_guided_saliency_goes_through_the_repaired_rectifiers():
    x, _ = stored("tf20_cnn")
    model = ss.load_model(OLD / "tf20_cnn.h5")
    plain, guided = ss.saliency(model, x[0], 1), ss.guided_backprop(model, x[0], 1)
    assert not np.allclose(plain, guided)


def test_until_ends_the_network_at_a_layer():
    x, _ = stored("k224_graph")
    part = ss.load_model(OLD / "k224_graph.h5", until="mean")
    assert [t.name for t in part.inputs] == ["b"]
    whole = ss.load_model(OLD / "k224_graph.h5")
    wanted = keras.Model(whole.inputs, whole.get_layer("mean").output)(x)
    np.testing.assert_allclose(outputs(part, x[1:])[0], np.asarray(wanted), rtol=1e-6)


def test_until_refuses_what_is_no_layer_or_several_places():
    with pytest.raises(LayerError, match=r"until='nope' is no layer.*first, norm"):
        ss.load_model(OLD / "tf20_cnn.h5", until="nope")
    with pytest.raises(LayerError, match=r"until='inner' is used at several places"):
        ss.load_model(OLD / "k224_graph.h5", until="inner")


# --- weights in order, and weights that do not fit ---------------------------------------------------------------


def renamed(tmp_path, change):
    config = json.loads((OLD / "k206_cnn.json").read_text())
    change(config["config"])
    (tmp_path / "arch.json").write_text(json.dumps(config))
    return tmp_path / "arch.json"


def test_other_names_are_filled_in_order(tmp_path):
    def change(layers):
        for number, layer in enumerate(layers):
            layer["config"]["name"] = f"layer_{number}"

    same(ss.load_model(renamed(tmp_path, change), weights=OLD / "k206_cnn_weights.h5"), "k206_cnn")


def test_weights_of_another_shape_name_the_layer(tmp_path):
    path = renamed(tmp_path, lambda layers: layers[-1]["config"].update(units=4))
    with pytest.raises(ModelError, match=r"k206_cnn_weights\.h5.*'out' has weights of shape \(51, 4\).*\(51, 3\)"):
        ss.load_model(path, weights=OLD / "k206_cnn_weights.h5")


def test_weights_of_another_number_name_the_layer(tmp_path):
    path = renamed(tmp_path, lambda layers: layers[-1]["config"].update(use_bias=False))
    with pytest.raises(ModelError, match=r"'out' has 1 weights, and the file 2"):
        ss.load_model(path, weights=OLD / "k206_cnn_weights.h5")


def test_weights_of_a_layer_too_many_are_refused(tmp_path):
    path = renamed(tmp_path, lambda layers: layers.pop(1))
    with pytest.raises(ModelError, match=r"layers that the network does not have \(norm\)"):
        ss.load_model(path, weights=OLD / "k206_cnn_weights.h5")


def test_weights_of_a_layer_that_are_missing_name_it(tmp_path):
    shutil.copy(OLD / "k206_cnn_weights.h5", tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        file["norm"].attrs["weight_names"] = np.array([], "S4")
    with pytest.raises(ModelError, match=r"it has no weights of layer 'norm'"):
        ss.load_model(OLD / "k206_cnn.json", weights=tmp_path / "w.h5")


def test_weights_that_lie_in_another_file_are_refused(tmp_path):
    shutil.copy(OLD / "k206_cnn_weights.h5", tmp_path / "w.h5")
    (tmp_path / "secret").write_bytes(bytes(12))
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        del file["out/out/bias:0"]
        file["out"].create_dataset("out/bias:0", (3,), "f4", external=[(str(tmp_path / "secret"), 0, 12)])
    with pytest.raises(ModelError, match="lie in another file"):
        ss.load_model(OLD / "k206_cnn.json", weights=tmp_path / "w.h5")


def test_a_part_of_a_keras_3_tree(tmp_path):
    """Layers of one class are numbered in a .keras file: leaving some out must not shift the others."""
    keras.utils.set_random_seed(0)
    i = keras.Input((6,))
    x = keras.layers.Dense(6, name="a", activation="tanh")(i)
    x = keras.layers.Dense(6, name="b", activation="tanh")(x)
    whole = keras.Model(i, keras.layers.Dense(6, name="c")(x))
    whole.save(tmp_path / "net.keras")
    whole.save_weights(tmp_path / "net.weights.h5")
    (tmp_path / "net.json").write_text(whole.to_json())
    x = np.random.default_rng(0).normal(size=(2, 6)).astype(np.float32)
    wanted = np.asarray(keras.Model(i, whole.get_layer("b").output)(x))
    part = ss.load_model(tmp_path / "net.keras", until="b")
    np.testing.assert_array_equal(np.asarray(part(x)), wanted)
    joined = ss.load_model(tmp_path / "net.json", weights=tmp_path / "net.weights.h5")
    np.testing.assert_array_equal(np.asarray(joined(x)), np.asarray(whole(x)))


# --- refused -----------------------------------------------------------------------------------------------------


def test_keras_1_is_refused_with_a_way_out():
    with pytest.raises(ModelError, match=r"written by Keras 1\.2\.2.*keras==2\.2\.4"):
        ss.load_model(OLD / "k122_cnn.h5")


def test_weights_beside_a_whole_model_are_refused():
    with pytest.raises(ModelError, match=r"weights= goes with a \.json"):
        ss.load_model(OLD / "tf20_cnn.h5", weights=OLD / "k206_cnn_weights.h5")


def test_architecture_alone_and_weights_alone_are_refused():
    with pytest.raises(ModelError, match=r"k206_cnn\.json.*no weights; give the \.h5"):
        ss.load_model(OLD / "k206_cnn.json")
    with pytest.raises(ModelError, match=r"holds weights and no architecture.*weights="):
        ss.load_model(OLD / "k206_cnn_weights.h5")


def test_weights_file_that_is_none(tmp_path):
    with pytest.raises(ModelError, match=r"weights file .*nowhere\.h5' does not exist"):
        ss.load_model(OLD / "k206_cnn.json", weights=tmp_path / "nowhere.h5")
    (tmp_path / "w.h5").write_bytes((OLD / "k206_cnn_weights.h5").read_bytes()[:3000])
    with pytest.raises(ModelError, match=r"'w\.h5' cannot be loaded \(.*truncated"):
        ss.load_model(OLD / "k206_cnn.json", weights=tmp_path / "w.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.zeros(3)
    with pytest.raises(ModelError, match="holds no weights that Keras wrote"):
        ss.load_model(OLD / "k206_cnn.json", weights=tmp_path / "other.h5")


def test_truncated_model_file(tmp_path):
    (tmp_path / "net.h5").write_bytes((OLD / "tf20_graph.h5").read_bytes()[:20000])
    with pytest.raises(ModelError, match=r"'net\.h5' cannot be loaded \(.*truncated.*complete"):
        ss.load_model(tmp_path / "net.h5")


@pytest.mark.parametrize(
    "text", ['{"class_name": "Sequential"}', "[1, 2]", '{"config": {}}', "{not json", '"text"']
)
def test_json_that_is_no_network(tmp_path, text):
    (tmp_path / "arch.json").write_text(text)
    with pytest.raises(ModelError, match=r"arch\.json.*(no architecture|not valid JSON)"):
        ss.load_model(tmp_path / "arch.json", weights=OLD / "k206_cnn_weights.h5")


def test_yaml_is_refused(tmp_path):
    (tmp_path / "arch.yaml").write_text("!!python/object/apply:os.system [echo]")
    with pytest.raises(ModelError, match=r"arch\.yaml.*YAML.*run code.*to_json"):
        ss.load_model(tmp_path / "arch.yaml", weights=OLD / "k206_cnn_weights.h5")


def test_layers_of_ones_own(tmp_path):
    def change(layers):
        layers[3].update(class_name="Mine")
        layers[3]["config"] = {"name": "leaky", "slope": 0.2}

    path = renamed(tmp_path, change)
    with pytest.raises(ModelError, match=r"'leaky' is a Mine.*custom_objects=\{'Mine': Mine\}"):
        ss.load_model(path, weights=OLD / "k206_cnn_weights.h5")

    class Mine(keras.layers.Layer):
        def __init__(self, slope, **kwargs):
            super().__init__(**kwargs)
            self.slope = slope

        def call(self, x):
            return keras.ops.leaky_relu(x, self.slope)

    same(ss.load_model(path, weights=OLD / "k206_cnn_weights.h5", custom_objects={"Mine": Mine}), "k206_cnn")
    in_its_place = keras.layers.LeakyReLU(negative_slope=0.2)
    given = {"leaky": in_its_place}
    same(ss.load_model(path, weights=OLD / "k206_cnn_weights.h5", custom_objects=given), "k206_cnn")
    with pytest.raises(ModelError, match=r"custom_objects\['leaky'\] is a int"):
        ss.load_model(path, weights=OLD / "k206_cnn_weights.h5", custom_objects={"leaky": 3})


def test_activations_of_ones_own(tmp_path):
    path = renamed(tmp_path, lambda layers: layers[0]["config"].update(activation="mine"))
    weights = OLD / "k206_cnn_weights.h5"
    same(ss.load_model(path, weights=weights, custom_objects={"mine": keras.ops.relu}), "k206_cnn")
    with pytest.raises(ModelError, match=r"'first' \(Conv1D\) cannot be built"):
        ss.load_model(path, weights=weights)


def test_a_function_named_as_a_layer_does_not_take_its_place(tmp_path):
    path = renamed(tmp_path, lambda layers: layers[0]["config"].update(activation="first"))
    given = {"first": keras.ops.relu}
    same(ss.load_model(path, weights=OLD / "k206_cnn_weights.h5", custom_objects=given), "k206_cnn")


def test_a_file_whose_weights_are_gone(tmp_path):
    shutil.copy(OLD / "tf20_cnn.h5", tmp_path / "net.h5")
    with h5py.File(tmp_path / "net.h5", "r+") as file:
        del file["model_weights/norm"]
    with pytest.raises(ModelError, match=r"'net\.h5' cannot be used \(.*norm"):
        ss.load_model(tmp_path / "net.h5")


# --- on the command line -----------------------------------------------------------------------------------------


def run(*words):
    return CliRunner().invoke(main, [str(w) for w in words], catch_exceptions=False)


def test_summary_and_explain_take_architecture_and_weights(tmp_path):
    weights = ["--weights", OLD / "k206_cnn_weights.h5"]
    shown = run("summary", OLD / "k206_cnn.json", *weights)
    assert shown.exit_code == 0
    assert "second" in shown.stdout
    refused = run("summary", OLD / "k206_cnn.json")
    assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
    assert "give the .h5 file of its weights" in refused.stderr
    cut = run("summary", OLD / "k206_cnn.json", *weights, "--until", "pool", "--json")
    assert json.loads(cut.stdout)[-1]["path"] == "pool"
    signal = np.random.default_rng(0).normal(size=(40, 2))
    np.savez(tmp_path / "rec.npz", signal=signal, fs=10.0, names=["a", "b"])
    words = [
        "explain",
        OLD / "k206_cnn.json",
        tmp_path / "rec.npz",
        "-m",
        "saliency",
        "-t",
        1,
        "-o",
        tmp_path / "out",
    ]
    assert run(*words, *weights, "-q").exit_code == 0
    found = load_result(tmp_path / "out" / "rec_saliency.npz")
    model = ss.load_model(OLD / "k206_cnn.json", weights=OLD / "k206_cnn_weights.h5")
    np.testing.assert_allclose(found.attribution, ss.saliency(model, signal[None], 1)[0], rtol=1e-4, atol=1e-7)
    assert len(found.model_sha256) == 64
