"""Which axis of a model's input is time and which holds leads: read from its layers, or given."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import signalscreen as ss
from signalscreen.errors import LayerError
from signalscreen.surveys import orders_of

L = keras.layers
FIRST = "channels_first"


def net(shape, *layers, dtype=None):
    return keras.Sequential([keras.Input(shape, dtype=dtype), *layers])


def order(model):
    [(_, _, found)] = orders_of(model)
    return found.signal, found.features


class Stft(L.Layer):
    def call(self, x):
        return tf.abs(tf.signal.stft(x, 16, 8))


class PerTime(L.Layer):
    """A weight for each sample."""

    def call(self, x):
        return x * np.hanning(20).reshape(20, 1).astype("f4")


class Unknown(L.Layer):
    """What nobody can look into."""

    def call(self, x):
        return tf.map_fn(lambda row: row * 2.0, x)


CASES = {
    "conv": (((40, 3), L.Conv1D(2, 3)), ((0,), (1,))),
    "conv first": (((3, 40), L.Conv1D(2, 3, data_format=FIRST)), ((1,), (0,))),
    "free length first": (((3, None), L.Conv1D(2, 3, data_format=FIRST)), ((1,), (0,))),
    "normalised first": (
        ((3, 40), L.BatchNormalization(axis=1), L.ReLU(), L.Conv1D(2, 3, data_format=FIRST)),
        ((1,), (0,)),
    ),
    "an axis that a kernel takes whole": (
        ((20, 5, 3), L.Conv2D(2, (3, 5)), L.Flatten(), L.Dense(2)),
        ((0, 1), (2,)),
    ),
    "weights along time": (
        ((20, 3), PerTime(), L.GlobalAveragePooling1D(data_format=FIRST), L.Dense(2)),
        ((0,), (1,)),
    ),
    "kernels of one": (((3, 40), L.Conv1D(2, 1, data_format=FIRST)), ((1,), (0,))),
    "pool first": (((3, 40), L.MaxPool1D(2, data_format=FIRST), L.Flatten(), L.Dense(2)), ((1,), (0,))),
    "permute": (((3, 40), L.Permute((2, 1)), L.Conv1D(2, 3)), ((1,), (0,))),
    "permute and recurrent": (((3, 40), L.Permute((2, 1)), L.LSTM(2)), ((1,), (0,))),
    "recurrent": (((40, 3), L.GRU(2)), ((0,), (1,))),
    "dense": (((40, 3), L.Flatten(), L.Dense(2)), ((0,), (1,))),
    "dense on each": (((40, 3), L.Dense(2), L.GlobalMaxPooling1D()), ((0,), (1,))),
    "picture": (((20, 24, 3), L.Conv2D(2, 3), L.Flatten(), L.Dense(2)), ((0, 1), (2,))),
    "picture first": (((3, 20, 24), L.Conv2D(2, 3, data_format=FIRST)), ((1, 2), (0,))),
    "grey picture": (((20, 24, 1), L.Conv2D(2, 3), L.Flatten(), L.Dense(2)), ((0, 1), (2,))),
    "picture in strips": (
        ((20, 24, 1), L.Conv2D(2, (1, 3)), L.Conv2D(2, (3, 1)), L.Flatten(), L.Dense(2)),
        ((0, 1), (2,)),
    ),
    "volume first": (((3, 8, 9, 7), L.Conv3D(2, 3, data_format=FIRST)), ((1, 2, 3), (0,))),
    "electrodes": (((8, 40, 1), L.Conv2D(2, (1, 5)), L.Conv2D(2, (8, 1)), L.Flatten(), L.Dense(2)), ((1,), (0, 2))),
    "electrodes last": (((40, 8, 1), L.Conv2D(2, (5, 1)), L.Flatten(), L.Dense(2)), ((0,), (1, 2))),
    "electrodes without channels": (
        ((8, 40), L.Reshape((8, 40, 1)), L.Conv2D(2, (1, 5)), L.DepthwiseConv2D((8, 1)), L.Flatten(), L.Dense(2)),
        ((1,), (0,)),
    ),
    "stretches one by one": (
        ((5, 40, 1), L.TimeDistributed(L.Conv1D(2, 3)), L.TimeDistributed(L.Flatten()), L.Flatten(), L.Dense(2)),
        ((0, 1), (2,)),
    ),
    "vector": (((40,), L.Dense(2)), ((), (0,))),
    "vector of a signal": (((40,), L.Reshape((40, 1)), L.Conv1D(2, 3), L.Flatten(), L.Dense(2)), ((0,), ())),
    "vector in patches": (((40,), L.Reshape((10, 4)), L.Conv1D(2, 3), L.Flatten(), L.Dense(2)), ((0,), ())),
    "vector of a picture": (((400,), L.Reshape((20, 20, 1)), L.Conv2D(2, 3), L.Flatten(), L.Dense(2)), ((), (0,))),
    "vector into frames": (((128,), Stft(), L.Conv1D(2, 3)), ((0,), ())),
    "behind the unknown": (((40, 3), Unknown(), L.Conv1D(2, 3)), ((0,), (1,))),
}


@pytest.mark.parametrize("case", CASES)
def test_the_order_is_read(case):
    (shape, *layers), expected = CASES[case]
    assert order(net(shape, *layers)) == expected


def test_tokens_are_no_signal():
    assert order(net((24,), L.Embedding(5, 3), L.Conv1D(2, 3), dtype="int32")) == ((), (0,))


def test_a_net_of_two_paths_is_read_from_its_windows():
    """LSTM-FCN: the recurrent path takes leads for time, the convolutions do not."""
    x = keras.Input((3, 40))
    paths = [L.LSTM(4)(x), L.GlobalAveragePooling1D()(L.Conv1D(4, 5)(L.Permute((2, 1))(x)))]
    assert order(keras.Model(x, L.Dense(2)(L.Concatenate()(paths)))) == ((1,), (0,))


def test_each_input_has_its_own_order():
    one, two = keras.Input((3, 40), name="one"), keras.Input((30, 2), name="two")
    h = [
        L.GlobalMaxPooling1D(data_format=FIRST)(L.Conv1D(4, 3, data_format=FIRST)(one)),
        L.GlobalMaxPooling1D()(L.Conv1D(4, 3)(two)),
    ]
    model = keras.Model([one, two], L.Dense(2)(L.Concatenate()(h)))
    assert [(o.signal, o.features) for _, _, o in orders_of(model)] == [((1,), (0,)), ((0,), (1,))]
    x = [np.random.default_rng(0).normal(size=(2, *shape)) for shape in ((3, 40), (30, 2))]
    assert [a.shape for a in ss.saliency(model, x, 0)] == [(2, 3, 40), (2, 30, 2)]
    assert [a.shape for a in ss.grad_cam(model, x, 0)] == [(2, 40), (2, 30)]
    baseline = [np.ones((3, 1)), np.zeros((30, 2))]
    a = ss.integrated_gradients(model, x, 0, baseline=baseline, steps=400)
    ends = []
    for parts in (x, [np.broadcast_to(b, part.shape) for b, part in zip(baseline, x, strict=True)]):
        bound, inside = ss.Score(model, 0).bind(parts)
        ends.append(bound(inside))
    np.testing.assert_allclose(sum(part.sum((1, 2)) for part in a), ends[0] - ends[1], rtol=5e-2, atol=1e-3)


def test_the_order_can_be_given():
    """Of two axes that a dense layer mixes nothing says which is time."""
    model = net((4, 40), L.Flatten(), L.Dense(2))
    x = np.random.default_rng(0).normal(size=(2, 4, 40))
    assert ss.occlusion(model, x, 0).shape == (2, 4)
    by_time = ss.occlusion(model, x, 0, window=1, channels="first")
    np.testing.assert_allclose(by_time, ss.input_x_gradient(model, x, 0).sum(1), atol=1e-5)
    assert ss.saliency(model, x, 0, channels="first").shape == x.shape
    np.testing.assert_array_equal(by_time, ss.occlusion(ss.Score(model, 0, channels=1), x, window=1))
    assert ss.occlusion(net((4, 40, 1), L.Flatten(), L.Dense(2)), x, 0, channels=(1, 3)).shape == (2, 40)


@pytest.mark.parametrize("channels", ["middle", 0, 3, (1, 2), True, 1.5, ()])
def test_what_names_no_axes_is_refused(channels):
    model = net((4, 40), L.Flatten(), L.Dense(2))
    with pytest.raises(ss.errors.OptionError, match="channels"):
        ss.saliency(model, np.zeros((1, 4, 40)), 0, channels=channels)


def test_rank_is_repaired_where_the_channel_lies():
    model = net((1, 40), L.Conv1D(2, 3, data_format=FIRST), L.GlobalMaxPooling1D(data_format=FIRST))
    x = np.random.default_rng(0).normal(size=(5, 40))
    assert ss.saliency(model, x, 0).shape == (5, 1, 40)
    assert ss.saliency(model, x[0], 0).shape == (1, 1, 40)


def test_advice_knows_the_order():
    model = net((3, 40), L.Conv1D(2, 3, data_format=FIRST), L.GlobalMaxPooling1D(data_format=FIRST))
    with pytest.raises(ss.errors.InputError, match="move its channels to the first axis behind the batch"):
        ss.saliency(model, np.zeros((2, 40, 3)), 0)


def test_summary_says_the_order(tmp_path):
    from click.testing import CliRunner

    from signalscreen.cli import main

    path = tmp_path / "net.keras"
    net((3, 40), L.Conv1D(2, 3, data_format=FIRST), L.GlobalMaxPooling1D(data_format=FIRST)).save(path)
    done = CliRunner().invoke(main, ["summary", str(path)], catch_exceptions=False)
    assert "(batch, leads 3, samples 40), read from the layers" in done.output
    done = CliRunner().invoke(main, ["summary", str(path), "--channels", "last"], catch_exceptions=False)
    assert "(batch, samples 3, leads 40), as given" in done.output
    done = CliRunner().invoke(main, ["summary", str(path), "--window", "5"], catch_exceptions=False)
    assert done.output.splitlines()[-2].startswith("a window of 5 in 40 samples")


@pytest.mark.parametrize("take", ["index", "slice", "unstack", "take", "take of one", "split", "in a layer"])
def test_leads_that_are_taken_one_by_one_are_leads(take):
    x = keras.Input((12, 100))
    parts = {
        "index": lambda k: keras.ops.expand_dims(x[:, k], -1),
        "slice": lambda k: x[:, k, :, None],
        "unstack": lambda k: keras.ops.expand_dims(keras.ops.unstack(x, axis=1)[k], -1),
        "take": lambda k: keras.ops.expand_dims(keras.ops.take(x, k, axis=1), -1),
        "take of one": lambda k: L.Reshape((100, 1))(keras.ops.take(x, [k], axis=1)),
        "split": lambda k: L.Permute((2, 1))(keras.ops.split(x, 12, axis=1)[k]),
        "in a layer": lambda k: L.Lambda(lambda v: tf.gather(v, k, axis=1)[..., None])(x),
    }
    branches = [L.GlobalMaxPooling1D()(L.Conv1D(4, 5, activation="relu")(parts[take](k))) for k in range(12)]
    model = keras.Model(x, L.Dense(2)(L.Concatenate()(branches)))
    given = np.random.default_rng(0).normal(size=(2, 12, 100)).astype("float32")
    assert ss.occlusion(model, given, 0, window=5).shape == (2, 100)
    assert ss.grad_cam(model, given, 0).shape == (2, 100)


@pytest.mark.parametrize(
    ("net_of", "channels"),
    [
        (((None, 100, 1), L.Conv2D(4, (1, 9))), None),
        (((None, 100, None, 1), L.Conv3D(4, (1, 9, 1))), (1, 3, 4)),
    ],
    ids=["one free axis", "two"],
)
def test_any_number_of_leads(net_of, channels):
    """One trace serves all of them where it can."""
    shape, conv = net_of
    pool = L.GlobalAveragePooling2D if len(shape) == 3 else L.GlobalAveragePooling3D
    model = net(shape, conv, L.ReLU(), pool(), L.Dense(2))
    for leads in (6, 9, 2):
        x = np.random.default_rng(leads).normal(size=(2, leads, *[n or 5 for n in shape[1:]])).astype("f4")
        assert ss.saliency(model, x, 0, channels=channels).shape == x.shape
        found = ss.grad_cam(model, x, 0, channels=channels, upsample=False)
        with tf.GradientTape() as tape:
            maps = model.layers[1](conv(tf.constant(x)))
            tape.watch(maps)
            score = tf.reduce_sum(model.layers[3](model.layers[2](maps))[:, 0])
        weights = tape.gradient(score, maps).numpy()
        # Leads merged with filters are features, each with its weight.
        axes = tuple(a for a in range(1, weights.ndim - 1) if a != 2)
        wanted = np.maximum((maps.numpy() * weights.mean(2, keepdims=True)).sum((*axes, -1)), 0)
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_attention_runs_along_the_signal():
    x = keras.Input((6, 64))
    h = L.Dense(16)(L.Permute((2, 1))(x))
    model = keras.Model(x, L.Dense(3)(L.GlobalAveragePooling1D()(L.MultiHeadAttention(2, 8)(h, h))))
    assert order(model) == ((1,), (0,))
    x = keras.Input((64, 6))
    h = L.Dense(16)(x)
    model = keras.Model(x, L.Dense(3)(L.GlobalAveragePooling1D()(L.MultiHeadAttention(2, 8)(h, h))))
    assert order(model) == ((0,), (1,))


@pytest.mark.parametrize("dense", ["dense", "einsum"])
@pytest.mark.parametrize("leads", [6, None])
def test_patches_of_each_lead_are_cut_along_time(dense, leads):
    """A window moves along the axis that is cut, though it is written as a dense layer."""
    x = keras.Input((64,) if leads is None else (leads, 64))
    patches = L.Reshape((8, 8) if leads is None else (leads, 8, 8))(x)
    letters = "pk" if leads is None else "lpk"
    layer = (
        L.Dense(16)
        if dense == "dense"
        else L.EinsumDense(f"b{letters},kd->b{letters[:-1]}d", (*patches.shape[1:-1], 16))
    )
    model = keras.Model(x, L.Dense(3)(L.Flatten()(L.ReLU()(layer(patches)))))
    assert order(model) == (((0,), ()) if leads is None else ((1,), (0,)))


def test_windows_that_become_vectors_are_explained_along_the_windows():
    """An encoder of each window, and a convolution over windows, as in sleep staging."""
    encoder = net((30, 1), L.Conv1D(4, 7), L.GlobalAveragePooling1D())
    x = keras.Input((5, 30, 1))
    each, over = L.TimeDistributed(encoder), L.Conv1D(8, 3, padding="same", name="over")
    head = L.Dense(2)
    model = keras.Model(x, head(L.GlobalAveragePooling1D()(L.ReLU(name="rectified")(over(each(x))))))
    x = np.random.default_rng(0).normal(size=(2, 5, 30, 1)).astype("f4")
    for layer in (None, "over"):
        with pytest.raises(LayerError, match=r"'rectified' does not run as channels, such as channels=\(2, 3\)"):
            ss.grad_cam(model, x, 0, layer=layer)
    maps = over(each(x))
    with tf.GradientTape() as tape:
        tape.watch(maps)
        score = tf.reduce_sum(head(tf.reduce_mean(tf.nn.relu(maps), 1))[:, 0])
    weights = tf.reduce_mean(tape.gradient(score, maps), 1, keepdims=True)
    wanted = np.maximum(tf.reduce_sum(maps * weights, -1), 0)
    found = ss.grad_cam(model, x, 0, layer="over", channels=(2, 3))
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-7)


def test_leads_folded_into_the_batch_are_no_maps_of_an_example():
    x = keras.Input((60, 4))
    h = keras.ops.reshape(keras.ops.transpose(x, (0, 2, 1)), (-1, 60, 1))
    h = L.GlobalMaxPooling1D()(L.Conv1D(5, 7, activation="relu", name="each")(h))
    model = keras.Model(x, L.Dense(2)(keras.ops.reshape(h, (-1, 20))))
    with pytest.raises(LayerError):
        ss.grad_cam(model, np.ones((3, 60, 4), "float32"), 0, layer="each")
