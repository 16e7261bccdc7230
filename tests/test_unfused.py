"""Compiled functions give the user's own numbers, whatever TensorFlow's remapper would fuse.

The oracle is the same network in float64, called eagerly: no graph, no fusion. `.ci/run` forces oneDNN on and off;
with it on, the remapper loses the slope of LeakyReLU after Conv + bias + Add, and fails on Mish there.
"""

import threading

import numpy as np
import pytest

import signalscreen as ss
from signalscreen.backend import context, keras, tf
from signalscreen.unfused import unfused, without_fusions

L = keras.layers
SIZES = {1: (16, 3), 2: (6, 7, 3), 3: (4, 5, 4, 3)}
NAMES = """relu relu6 elu selu celu gelu sigmoid tanh softplus softsign silu mish exponential hard_sigmoid hard_tanh
hard_silu leaky_relu log_sigmoid softmax squareplus""".split()
ACTIVATIONS = {
    **{name: (lambda name=name, **of: L.Activation(name, **of)) for name in NAMES},
    "a slope of 0.01": lambda **of: L.LeakyReLU(0.01, **of),
    "a slope of 0.3": lambda **of: L.LeakyReLU(0.3, **of),
    "by hand": lambda **of: L.Lambda(lambda y: tf.maximum(y, 0.3 * y), **of),
    "a threshold": lambda **of: L.ReLU(2.0, 0.1, 0.05, **of),
}


def residual(x, rank, activation, dtype):
    """Convolution, bias, a side branch added, activation: what oneDNN fuses into one op."""
    h = getattr(L, f"Conv{rank}D")(3, 3, padding="same", dtype=dtype)(x)
    return activation(dtype=dtype)(L.Add(dtype=dtype)([h, x]))


def plain(x, rank, activation, dtype):
    return activation(dtype=dtype)(getattr(L, f"Conv{rank}D")(3, 3, padding="same", dtype=dtype)(x))


def normalised(x, rank, activation, dtype):
    h = getattr(L, f"Conv{rank}D")(3, 3, padding="same", use_bias=False, dtype=dtype)(x)
    return activation(dtype=dtype)(L.Add(dtype=dtype)([L.BatchNormalization(dtype=dtype)(h), x]))


def padded(x, rank, activation, dtype):
    h = getattr(L, f"ZeroPadding{rank}D")(1, dtype=dtype)(x)
    h = getattr(L, f"Conv{rank}D")(3, 3, dtype=dtype)(h)
    return activation(dtype=dtype)(L.Add(dtype=dtype)([x, h]))


def dense(x, rank, activation, dtype):
    return activation(dtype=dtype)(L.Add(dtype=dtype)([L.Dense(3, dtype=dtype)(x), x]))


def network(rank, block, activations, dtype):
    """A block for each activation, side by side; weights are the same in every dtype."""
    x = keras.Input(SIZES[rank], dtype=dtype)
    parts = [block(x, rank, activation, dtype) for activation in activations]
    model = keras.Model(x, L.Concatenate(dtype=dtype)(parts) if len(parts) > 1 else parts[0])
    rng = np.random.default_rng(0)
    for w in model.weights:
        value = rng.normal(0, 0.4, w.shape).astype("float32")
        w.assign(np.abs(value) + 0.3 if "variance" in w.path else value)
    return model


def signals(rank):
    return np.random.default_rng(1).normal(size=(3, *SIZES[rank])).astype("float32")


def squares(y):
    return tf.reduce_sum(y**2, range(1, y.shape.rank))


def by_hand(model, x):
    """The output, and the gradient of the sum of its squares, eagerly."""
    x = tf.constant(x, tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        output = model(x, training=False)
        total = squares(output)
    return output.numpy(), tape.gradient(total, x).numpy()


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("block", [residual, plain, padded, normalised, dense])
def test_every_activation_gives_what_float64_gives(rank, block):
    single, double = (network(rank, block, ACTIVATIONS.values(), d) for d in ("float32", "float64"))
    output, slope = by_hand(double, signals(rank))
    bound, x = ss.Score(single, squares, score="probability").bind(signals(rank))
    parts = (np.split(y, len(ACTIVATIONS), axis=-1) for y in (bound.outputs(x)[0], output))
    for name, found, right in zip(ACTIVATIONS, *parts, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(bound.gradient(x), slope, rtol=1e-4, atol=1e-4 * np.abs(slope).max())


def leaky(rank=2, dtype="float32"):
    return network(rank, residual, [ACTIVATIONS["a slope of 0.3"]], dtype)


def expected_leaky(rank=2):
    return by_hand(leaky(rank, "float64"), signals(rank))[0]


@pytest.mark.parametrize("rank", [2, 3])
def test_edits_by_patches(rank, always_by_patches):
    model, x, width = leaky(rank), signals(rank), (2,) * rank
    target = (*(1,) * rank, 2)
    edit = ss.Edit((0,) * rank, np.full((*width, 1), 0.5, "float32"))
    effects = ss.edit_effects(model, x, [edit], target, score="probability")[:, 0]
    edited = x.copy()
    edited[(slice(None), *(slice(0, 2),) * rank)] = 0.5
    right = by_hand(leaky(rank, "float64"), edited)[0] - expected_leaky(rank)
    np.testing.assert_allclose(effects, right[(slice(None), *target)], atol=1e-5)


def test_layers_inside_and_what_they_are_compared_with():
    model, x = leaky(), signals(2)
    np.testing.assert_allclose(ss.activations(model, x, model.layers[-1].name), expected_leaky(), atol=1e-5)


def test_a_saved_program_inside_and_called_by_itself(tmp_path):
    model = leaky()
    x = tf.constant(signals(2))
    signature = tf.function(lambda x: model(x)).get_concrete_function(tf.TensorSpec((None, *SIZES[2])))
    tf.saved_model.save(model, str(tmp_path / "net"), signatures=signature)
    program = ss.load_model(tmp_path / "net")
    bound, given = ss.Score(program, (1, 1, 2), score="probability").bind(signals(2))
    np.testing.assert_allclose(bound(given), expected_leaky()[:, 1, 1, 2], atol=1e-5)
    np.testing.assert_allclose(np.asarray(program(x)), expected_leaky(), atol=1e-5)


def test_a_function_kept_whole_inside_the_model():
    model = leaky()

    class Branching(keras.Model):
        @tf.function
        def call(self, x):
            if tf.reduce_sum(x) > 1e9:  # only autograph can trace this
                x = x + 1
            return model(x)

    bound, x = ss.Score(Branching(), (1, 1, 2), score="probability").bind(signals(2))
    np.testing.assert_allclose(bound(x), expected_leaky()[:, 1, 1, 2], atol=1e-5)


def test_the_users_own_settings_are_as_they_were():
    state, seen = context.context(), []
    before = state.function_call_options.config_proto_serialized
    with without_fusions():
        assert state.function_call_options.config_proto_serialized != before
        other = threading.Thread(target=lambda: seen.append(state.function_call_options.config_proto_serialized))
        other.start()
        other.join()
    assert seen == [before]
    assert state.function_call_options.config_proto_serialized == before
    with pytest.raises(ZeroDivisionError):
        unfused(lambda: 1 / 0)()
    assert state.function_call_options.config_proto_serialized == before
    assert "remapping" not in tf.config.optimizer.get_experimental_options()
