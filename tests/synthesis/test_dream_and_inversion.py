"""Class images, deep dream and inverted representations, in 1D, 2D and 3D."""

import keras
import numpy as np
import pytest

import signalscreen as ss
from signalscreen import programs
from signalscreen.errors import InputError, LayerError, OptionError, TargetError
from tests.contract import zoo

L = keras.layers


@pytest.fixture(scope="module")
def net():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((None, 1)),
            L.Conv1D(12, 7, padding="same", activation="leaky_relu", bias_initializer="normal", name="early"),
            L.MaxPooling1D(2),
            L.Conv1D(12, 7, padding="same", activation="leaky_relu", name="middle"),
            L.MaxPooling1D(4),
            L.Conv1D(8, 5, padding="same", activation="leaky_relu", name="late"),
            L.GlobalAveragePooling1D(name="pooled"),
            L.Dense(3, "softmax", name="out"),
        ]
    )


@pytest.fixture(scope="module")
def x():
    t = np.arange(64) / 64
    rng = np.random.default_rng(0)
    phases, rates = rng.uniform(0, 6, (2, 3, 4, 1))
    waves = np.sin(2 * np.pi * (1 + np.arange(4)[:, None]) * t + phases) * rates
    return (waves.sum(axis=1) * [[1.0], [20.0], [0.1]] + [[0.0], [5.0], [0.0]])[..., None].astype("float32")


def distance(net, layer, a, b):
    """Layer by layer."""
    for one in net.layers[: [one.name for one in net.layers].index(layer) + 1]:
        a, b = one(a), one(b)
    found, wanted = (np.asarray(v).reshape(len(v), -1) for v in (a, b))
    return np.linalg.norm(found - wanted, axis=1) / np.linalg.norm(wanted, axis=1)


@pytest.mark.parametrize("regularised", [False, True])
@pytest.mark.parametrize("label", range(3))
def test_a_class_image_raises_its_class(net, label, regularised):
    made = ss.generate_class(net, label, regularised, length=64, limits=(-3, 3), seeds=2)
    assert (made.score > made.score_history[0] + 0.1).all()
    assert np.abs(made.x).max() <= 3


def test_regularising_clips_the_gradient_of_the_input_and_smooths(net):
    free = {"length": 64, "steps": 1, "rms": None}
    plain = ss.generate_class(net, 0, **free, learning_rate=1000.0)
    held = ss.generate_class(net, 0, True, **free, learning_rate=1000.0, wd=0.0, blur_rad=0.0, clipping_value=0.01)
    assert np.linalg.norm(plain.x - plain.start) > 20
    assert np.linalg.norm(held.x - held.start) == pytest.approx(10, rel=1e-3)  # 0.01 * 1000
    rough = ss.generate_class(net, 0, True, length=64, blur_rad=0.0)
    smooth = ss.generate_class(net, 0, True, length=64, blur_rad=1.0)
    assert np.square(np.diff(smooth.x, axis=1)).sum() < 0.5 * np.square(np.diff(rough.x, axis=1)).sum()
    with pytest.raises(OptionError, match="blur is set by regularised=True"):
        ss.generate_class(net, 0, True, length=64, blur=2)


@pytest.mark.parametrize("filter", [None, 3])
def test_a_dream_begins_at_the_signal_and_raises_the_layer(net, x, filter):
    made = ss.deep_dream(net, x, "middle", filter, steps=20)
    np.testing.assert_array_equal(made.start, x)
    assert (made.score > made.score_history[0]).all()
    mean = ss.activations(net, made.x, "middle")[..., slice(None) if filter is None else filter]
    np.testing.assert_allclose(made.score, mean.reshape(3, -1).mean(axis=1), rtol=1e-4)
    # As far as steps times rate, in a quarter of each example's range.
    moved = np.sqrt(np.mean((made.x - x) ** 2, axis=(1, 2)))
    quarter = np.ptp(x, axis=(1, 2)) / 4
    assert (moved <= 20 * 0.02 * quarter * 1.001).all()
    assert (moved > 0.05 * 20 * 0.02 * quarter).all()


def test_examples_are_dreamt_by_themselves(net, x):
    together = ss.deep_dream(net, x, "middle", steps=10)
    for row in range(3):
        alone = ss.deep_dream(net, x[row], "middle", steps=10)
        np.testing.assert_allclose(alone.x[0], together.x[row], rtol=1e-3, atol=1e-3 * np.abs(x[row]).max())


@pytest.mark.parametrize("octaves", [1, 2, 4])
def test_every_octave_hands_on_all_that_was_added(x, octaves):
    """The mean of a linear layer has one slope everywhere, so each step lifts the whole signal alike."""
    linear = keras.Sequential([keras.Input((None, 1)), L.Conv1D(1, 1, name="twice")])
    linear.set_weights([np.full((1, 1, 1), 2.0), np.zeros(1)])
    made = ss.deep_dream(linear, x, "twice", octaves=octaves, steps=5, learning_rate=0.03, weight_decay=0.0)
    lifted = octaves * 5 * 0.03 * np.ptp(x, axis=(1, 2), keepdims=True) / 4
    np.testing.assert_allclose((made.x - x) / lifted, 1, atol=1e-3)
    np.testing.assert_allclose(made.score, 2 * (x + lifted).mean(axis=(1, 2)), rtol=1e-4, atol=1e-4)


def test_octaves_need_and_use_a_free_length(net, x):
    made = ss.deep_dream(net, x, "late", octaves=3, steps=10)
    assert made.x.shape == x.shape
    np.testing.assert_array_equal(made.start, x)
    # What smaller octaves added is there before the last one begins.
    single = ss.deep_dream(net, x, "late", steps=10)
    assert not np.allclose(made.history[0], single.history[0])
    fixed = keras.Sequential([keras.Input((64, 1)), L.Conv1D(2, 3, name="conv"), L.Flatten(), L.Dense(2)])
    with pytest.raises(OptionError, match=r"octaves 3 need .* the length of this one is fixed"):
        ss.deep_dream(fixed, x, "conv", octaves=3)
    for options, words in (
        ({"octaves": 0}, "octaves 0 is no number"),
        ({"octaves": 2, "octave_scale": 1}, "octave_scale 1 makes no smaller octave"),
        ({"steps": 0}, "steps 0 is no number"),
    ):
        with pytest.raises(OptionError, match=words):
            ss.deep_dream(net, x, "late", **options)
    with pytest.raises(TargetError, match="filter 8 is out of range"):
        ss.deep_dream(net, x, "late", 8)


def test_whole_numbers_are_dreamt_on(net):
    counts = (100 * np.sin(np.arange(64) / 3)).astype("int16")[None, :, None]
    made = ss.deep_dream(net, counts, "middle", steps=3)
    assert made.x.dtype == np.float32
    assert np.any(made.x != np.round(made.x))


@pytest.fixture(scope="module")
def inverted(net, x):
    return {layer: ss.invert(net, x, layer, steps=200) for layer in ("early", "late", "pooled")}


def test_the_features_are_reached_and_their_distance_is_reported(net, x, inverted):
    for layer, made in inverted.items():
        assert made.x.shape == x.shape
        np.testing.assert_allclose(made.error, distance(net, layer, made.x, x), rtol=1e-2, atol=1e-4)
        assert (made.error < 0.2).all()
        assert (made.error < 0.5 * np.sqrt(-made.score_history[0])).all()


def test_early_layers_know_more_of_the_signal_than_late_ones(x, inverted):
    left = {
        layer: np.linalg.norm((made.x - x)[..., 0], axis=1)
        / np.linalg.norm((x - x.mean(1, keepdims=True))[..., 0], axis=1)
        for layer, made in inverted.items()
    }
    assert (left["early"] < 0.1).all()
    assert (left["early"] < 0.5 * left["late"]).all()
    assert (left["late"] < left["pooled"]).all()


def test_all_examples_go_through_one_traced_function(net, x, monkeypatch):
    built = []
    original = programs.feature_distance
    monkeypatch.setattr(programs, "feature_distance", lambda *args: built.append(args) or original(*args))
    fresh = keras.models.clone_model(net)
    for example in x:
        ss.invert(fresh, example, "late", steps=2)
    ss.invert(fresh, x, "late", steps=2, batch_size=2)
    assert len(built) == 1


def test_the_objective_is_that_of_mahendran_and_vedaldi(net, x):
    made = ss.invert(net, x, "late", steps=3, content=2.0, alpha_weight=0.3, tv=0.7, beta=1.0)
    z = made.x / (np.ptp(x, axis=(1, 2), keepdims=True) / 4)
    cost = 0.3 * np.sum(z**6, axis=(1, 2)) + 0.7 * np.sum(np.abs(np.diff(z, axis=1)), axis=(1, 2))
    np.testing.assert_allclose(made.objective, -2 * made.error**2 - cost, rtol=1e-4)


def test_of_several_inputs_the_others_are_held():
    keras.utils.set_random_seed(0)
    ecg, gain = keras.Input((20, 1), name="ecg"), keras.Input((1,), name="gain")
    h = L.Multiply(name="scaled")([L.Conv1D(4, 5, padding="same")(ecg), L.Reshape((1, 1))(gain)])
    both = keras.Model([ecg, gain], L.GlobalMaxPooling1D()(h))
    given = [np.random.default_rng(0).normal(size=(2, 20, 1)), np.array([[1.0], [3.0]])]
    made = ss.invert(both, given, "scaled", input="ecg", steps=200)
    np.testing.assert_allclose(made.x, given[0], atol=0.1)


@pytest.mark.parametrize("rank", [2, 3])
def test_images_and_volumes_go_through_the_same_lines(rank):
    model = zoo.build("functional", rank)
    x = zoo.signals(rank, 2)
    assert (ss.generate_class(model, 0, True, steps=5).score_history[0] < 1e9).all()
    dream = ss.deep_dream(model, x, "conv1", 1, steps=5)
    assert (dream.score > dream.score_history[0]).all()
    made = ss.invert(model, x, "conv1", steps=60)
    assert (made.error < 0.5 * np.sqrt(-made.score_history[0])).all()


def test_what_cannot_be_inverted_is_refused(net, x):
    with pytest.raises(LayerError, match="'conv9' is not in the model"):
        ss.invert(net, x, "conv9")
    with pytest.raises(OptionError, match="tv -1 is no weight"):
        ss.invert(net, x, "late", tv=-1)
    with pytest.raises(OptionError, match="steps 0"):
        ss.invert(net, x, "late", steps=0)
    with pytest.raises(InputError, match="x has dtype"):
        ss.invert(net, "noise", "late")
    off = keras.Sequential([keras.Input((8, 1)), L.Conv1D(2, 3, activation="relu", name="off")])
    off.set_weights([np.zeros((3, 1, 2)), -np.ones(2)])
    with pytest.raises(InputError, match="'off' gives only zeros for example 0"):
        ss.invert(off, np.ones((1, 8, 1)), "off")


def test_features_without_an_axis_are_inverted_too():
    keras.utils.set_random_seed(0)
    table = keras.Sequential(
        [keras.Input((7,)), keras.layers.Dense(9, "tanh", name="hidden"), keras.layers.Dense(2)]
    )
    made = ss.invert(table, np.random.default_rng(0).normal(size=(2, 7)), "hidden")
    assert made.x.shape == (2, 7)
    assert made.error.max() < 0.05
