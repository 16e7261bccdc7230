"""SavedModel folders: explained as the network they were, or refused by what cannot be reached."""

from pathlib import Path

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

import signalscreen as ss  # noqa: E402
from signalscreen.errors import LayerError, ModelError, UnsupportedOpError  # noqa: E402

OLD = Path(__file__).parent / "old_models"
kl = keras.layers


@pytest.fixture(scope="module")
def both():
    """A network of Keras 2.15 as a program and as a network, and signals."""
    x = np.load(OLD / "tf215_cnn.npz")["x0"]
    return ss.load_model(OLD / "tf215_cnn_saved"), ss.load_model(OLD / "tf215_cnn.h5"), x


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("saliency", {}),
        ("integrated_gradients", {"steps": 16}),
        ("guided_backprop", {}),
        ("deconvnet", {}),
        ("occlusion", {"window": 5, "stride": 5}),
        ("smooth_grad", {"samples": 4}),
    ],
)
@pytest.mark.filterwarnings("ignore::signalscreen.errors.CompletenessWarning")
def test_methods_see_the_network_it_was(both, method, options):
    program, network, x = both
    theirs = getattr(ss, method)(network, x, 1, **options)
    assert np.abs(theirs).max() > 0
    np.testing.assert_allclose(getattr(ss, method)(program, x, 1, **options), theirs, rtol=1e-4, atol=1e-6)


def test_deep_lift_refuses_an_op_by_name(both):
    """The thresholded ReLU of Keras 2 is a comparison and a product, for which there is no rule."""
    program, _, x = both
    with pytest.raises(UnsupportedOpError, match=r"no exact rule for op Greater \(.*threshold"):
        ss.deep_lift(program, x, 1)


def test_outputs_and_input_are_those_of_the_time(both):
    program, _, x = both
    np.testing.assert_allclose(np.asarray(program(x)), np.load(OLD / "tf215_cnn.npz")["y0"], rtol=1e-5)
    assert program.input_shape == (None, 40, 2)
    assert ss.saliency(OLD / "tf215_cnn_saved", x[0], 0).shape == (1, 40, 2)  # one signal: its batch axis is given


def test_there_are_no_layers_in_it(both):
    program, _, x = both
    with pytest.raises(LayerError, match="no layer with feature maps"):
        ss.grad_cam(program, x, 0)
    with pytest.raises(ModelError, match=r"without layers, so until= and custom_objects="):
        ss.load_model(OLD / "tf215_cnn_saved", until="pool")


def exported(model, path):
    tf.saved_model.save(
        model,
        str(path),
        signatures=tf.function(lambda x: model(x)).get_concrete_function(tf.TensorSpec((None, 8, 1))),
    )
    return path


def test_loops_give_gradients_and_refuse_rules_by_name(tmp_path):
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [keras.Input((8, 1)), kl.Conv1D(3, 3, activation="swish"), kl.LSTM(2), kl.Dense(2, activation="softmax")]
    )
    program = ss.load_model(exported(network, tmp_path / "net"))
    x = np.random.default_rng(0).normal(size=(2, 8, 1)).astype(np.float32)
    np.testing.assert_allclose(ss.saliency(program, x, 1), ss.saliency(network, x, 1), rtol=1e-4, atol=1e-7)
    with pytest.raises(UnsupportedOpError, match=r"While"):
        ss.guided_backprop(program, x, 1)


class Step(kl.Layer):
    def call(self, x):
        @tf.custom_gradient
        def stepped(x):
            return tf.round(x), lambda upstream: upstream

        return stepped(x)


class Written(kl.Layer):
    def call(self, x):
        return tf.ensure_shape(tf.numpy_function(lambda v: v, [x], tf.float32), (None, 8, 1))


@pytest.mark.parametrize(("layer", "said"), [(Step, "gradient of its own around Round"), (Written, "PyFunc")])
def test_what_cannot_be_taken_from_a_file_is_refused_by_its_op(tmp_path, layer, said):
    network = keras.Sequential([keras.Input((8, 1)), layer(), kl.Flatten(), kl.Dense(1)])
    exported(network, tmp_path / "net")
    with pytest.raises(ModelError, match=said):
        ss.load_model(tmp_path / "net")


class Two(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((None, 4), name="zed"), tf.TensorSpec((None, 3), name="alpha")])
    def __call__(self, zed, alpha):
        return {"late": tf.reduce_sum(zed**2, 1, keepdims=True), "early": 3 * alpha}


def test_several_inputs_and_outputs_by_name(tmp_path):
    two = Two()
    tf.saved_model.save(two, str(tmp_path / "two"), signatures=two.__call__)
    model = ss.load_model(tmp_path / "two")
    x = {"zed": np.ones((1, 4), np.float32), "alpha": np.full((1, 3), 2, np.float32)}
    found = model(x)
    np.testing.assert_allclose(found["late"], [[4]])
    np.testing.assert_allclose(found["early"], [[6, 6, 6]])
    np.testing.assert_allclose(ss.saliency(model, x, ("late", 0))["zed"], [[2, 2, 2, 2]])


def test_a_folder_without_a_function_to_serve(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "none"))
    with pytest.raises(ModelError, match=r"has no signature\(s\) and none is serving_default"):
        ss.load_model(tmp_path / "none")


def test_an_incomplete_folder(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes((OLD / "tf215_cnn_saved" / "saved_model.pb").read_bytes())
    with pytest.raises(ModelError, match=r"cannot be loaded.*variables are complete"):
        ss.load_model(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"not a program")
    with pytest.raises(ModelError, match=r"cannot be loaded.*complete"):
        ss.load_model(tmp_path)
