"""One reading of baselines and references: by rank, the same for every method, several inputs and batches."""

from itertools import product

import numpy as np
import pytest

import signalscreen as ss
from signalscreen.backend import keras, tf
from signalscreen.errors import InputError
from signalscreen.references import laid_out
from tests.contract import zoo
from tests.contract.zoo import randomise

L = keras.layers
B, T, C, R = 5, 8, 2, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(B, T, C)).astype("float32")

# Form of the references, and the mean reference of each example.
FORMS = {
    "number": (0.7, lambda v: np.full((B, T, C), v)),
    "channels": (RNG.normal(size=C), lambda v: np.broadcast_to(v, (B, T, C))),
    "one example": (RNG.normal(size=(T, C)), lambda v: np.broadcast_to(v, (B, T, C))),
    "one example in a batch": (RNG.normal(size=(1, T, C)), lambda v: np.broadcast_to(v, (B, T, C))),
    "one for each": (RNG.normal(size=(B, T, C)), lambda v: v),
    "variants for all": (RNG.normal(size=(1, R, T, C)), lambda v: np.broadcast_to(v.mean(1), (B, T, C))),
    "as many variants as examples": (
        RNG.normal(size=(1, B, T, C)),
        lambda v: np.broadcast_to(v.mean(1), (B, T, C)),
    ),
    "variants for each": (RNG.normal(size=(B, R, T, C)), lambda v: v.mean(1)),
    "callable": (lambda x: np.stack([x[:, ::-1], 2 * x], 1), lambda v: v(X).mean(1)),
}
METHODS = {name: option for name, entry in ss.METHODS.items() for option in entry.references}


@pytest.fixture(scope="module")
def linear():
    return randomise(keras.Sequential([keras.Input((T, C)), L.Flatten(), L.Dense(2)]))


def test_all_methods_that_compare_are_asked():
    assert METHODS == {
        "integrated_gradients": "baseline",
        "deep_lift": "references",
        "input_x_gradient": "baseline",
        "guided_backprop": "baseline",
    }


@pytest.mark.filterwarnings("ignore:the network has no rectifier")
@pytest.mark.parametrize("batch_size", [None, 2])
@pytest.mark.parametrize(("name", "form"), list(product(METHODS, FORMS)))
def test_on_a_linear_network_the_map_is_the_weight_times_what_x_is_away(linear, name, form, batch_size):
    """For all four methods, whatever the variants: w (x - mean b), example by example."""
    value, mean = FORMS[form]
    weights = linear.layers[-1].get_weights()[0][:, 1].reshape(T, C)
    found = ss.explain(linear, X, 1, method=name, batch_size=batch_size, **{METHODS[name]: value})
    np.testing.assert_allclose(found, weights * (X - mean(value)), atol=1e-5)
    smooth = {"base_method": name, "samples": 2, "level": 0.0, METHODS[name]: value, "batch_size": batch_size}
    np.testing.assert_allclose(ss.smooth_grad(linear, X, 1, **smooth), found, atol=1e-5)


@pytest.mark.parametrize("name", ["integrated_gradients", "deep_lift"])
def test_variants_are_averaged(name):
    model, x = zoo.shared("functional", 1), zoo.signals(1)
    many = np.random.default_rng(1).normal(size=(len(x), 3, *x.shape[1:])).astype("float32")
    options = {"tolerance": 1e-3} if name == "integrated_gradients" else {}
    found = ss.explain(model, x, 1, method=name, **{METHODS[name]: many}, **options)
    each = [ss.explain(model, x, 1, method=name, **{METHODS[name]: many[:, i]}, **options) for i in range(3)]
    np.testing.assert_allclose(found, np.mean(each, axis=0), atol=1e-5 * np.abs(found).max())
    score, _ = ss.Score(model, 1).bind(x)
    change = score(x) - np.mean([score(many[:, i]) for i in range(3)], axis=0)
    np.testing.assert_allclose(found.sum((1, 2)), change, rtol=2e-3, atol=2e-3 * np.abs(change).max())


def test_a_path_that_does_not_close_for_one_variant_is_said():
    """Two variants on either side of a jump cancel in the sum; each of them misses the change of the score."""
    x = keras.Input((1, 1))
    model = keras.Model(x, L.Dense(1, use_bias=False, kernel_initializer="ones")(L.Flatten()(L.ReLU()(x))))
    given = np.array([[[0.0]]], "float32")
    both = np.array([-1.0, 1.0]).reshape(1, 2, 1, 1)
    with pytest.warns(ss.errors.CompletenessWarning, match=r"example\(s\) 0 miss"):
        ss.integrated_gradients(model, given + 0.1, 0, baseline=both, steps=2, rule="left")
    ss.integrated_gradients(model, given + 0.1, 0, baseline=both, steps=200)


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (
            np.zeros((R, T, C)),
            r"read as one for each of 3 examples, and there are 5.*\(1, R, 8, 2\), as array\[None\]",
        ),
        (np.zeros((R, R, T, C)), r"read as variants of each of 3 examples, and there are 5.*give \(1, R, 8, 2\)$"),
        (np.zeros(T), r"has shape \(8,\), which does not fit.*one for each \(batch, 8, 2\).*\(batch, R, 8, 2\)"),
        (np.zeros((B, T)), "does not fit examples"),
        (np.zeros((1, 1, R, T, C)), "does not fit examples"),
        (np.zeros((1, 0, T, C)), "is empty"),
        (np.full((T, C), np.inf), "NaN or infinity"),
        ([[1.0], [1.0, 2.0]], "is ragged"),
        ("zero", "has dtype <U4"),
        (lambda x: x, r"must give \(batch, R, \*axes, channels\), here \(5, R, 8, 2\)"),
    ],
)
@pytest.mark.parametrize("name", METHODS)
def test_other_shapes_are_refused_whatever_the_batches(linear, name, value, match):
    for batch_size in (None, R):
        match = match.replace("(5, R", f"({batch_size or 5}, R") if callable(value) else match
        with pytest.raises(InputError, match=match):
            ss.explain(linear, X, 1, method=name, batch_size=batch_size, **{METHODS[name]: value})


def test_one_example_alone_has_no_variants_by_chance():
    for shape in ((T, C), (1, T, C), (1, 1, T, C)):
        assert laid_out(np.zeros(shape), 1, (T, C), what="b").shape == (1, 1, T, C)
    with pytest.raises(InputError, match="and there is 1"):
        laid_out(np.zeros((R, T, C)), 1, (T, C), what="b")


@pytest.mark.filterwarnings("ignore:the network has no rectifier")
@pytest.mark.parametrize("name", METHODS)
def test_of_several_inputs_each_has_its_own(name):
    """Forms may be mixed: variants of one input stand beside a number for the other."""
    one, two = keras.Input((T, C), name="one"), keras.Input((3,), name="two")
    model = randomise(keras.Model([one, two], L.Dense(2)(L.Concatenate()([L.Flatten()(one), two]))))
    weights = model.layers[-1].get_weights()[0][:, 0]
    x = [X, RNG.normal(size=(B, 3)).astype("float32")]
    many = RNG.normal(size=(B, R, T, C))
    found = ss.explain(model, x, 0, method=name, **{METHODS[name]: [many, 0.5]}, batch_size=2)
    np.testing.assert_allclose(found[0], weights[: T * C].reshape(T, C) * (X - many.mean(1)), atol=1e-5)
    np.testing.assert_allclose(found[1], weights[T * C :] * (x[1] - 0.5), atol=1e-5)
    with pytest.raises(InputError, match=r"\[1\] has shape \(2, 3\), which is read as one for each of 2 examples"):
        ss.explain(model, x, 0, method=name, **{METHODS[name]: [0.0, np.zeros((2, 3))]})
    with pytest.raises(InputError, match="holds 3, 2 variants; make them equal"):
        ss.explain(model, x, 0, method=name, **{METHODS[name]: [many, np.zeros((1, 2, 3))]})


def test_guided_backprop_times_the_distance_is_one_call():
    """Shrikumar et al. 2017, figure 5: what was multiplied by hand."""
    model, x = zoo.shared("functional", 1), zoo.signals(1)
    background = np.random.default_rng(2).normal(size=x.shape[1:]).astype("float32")
    plain = ss.guided_backprop(model, x, 1)
    found = ss.guided_backprop(model, x, 1, baseline=background)
    np.testing.assert_allclose(found, plain * (x - background), rtol=1e-6)
    np.testing.assert_array_equal(ss.guided_backprop(model, x, 1, baseline=None), plain)
    with tf.GradientTape() as tape:
        tensor = tf.constant(x)
        tape.watch(tensor)
        score = tf.reduce_sum(ss.Score(model, 1).bind(x)[0].model(tensor)[:, 1])
    gradient = tape.gradient(score, tensor).numpy()
    found = ss.input_x_gradient(model, x, 1, baseline=background, score="probability")
    np.testing.assert_allclose(found, gradient * (x - background), rtol=1e-4, atol=1e-6 * np.abs(found).max())


def test_a_fill_for_other_examples_is_refused_whatever_the_batches(linear):
    for batch_size in (None, R):
        with pytest.raises(InputError, match=r"fill has shape \(3, 8, 2\)"):
            ss.occlusion(linear, X, 1, fill=np.zeros((R, T, C)), batch_size=batch_size)


# --- data sets and recordings -------------------------------------------------------------------------------


def test_averages_take_references_of_each_example(linear):
    labels = np.array([0, 1, 0, 1, 1])
    own = RNG.normal(size=(B, R, T, C))
    found = ss.class_averages(linear, X, labels, method="deep_lift", references=own)
    weights = linear.layers[-1].get_weights()[0].reshape(T, C, 2)
    for label in (0, 1):
        rows = labels == label
        wanted = (weights[..., label] * (X - own.mean(1)))[rows].mean(0)
        np.testing.assert_allclose(found.mean[label], wanted, atol=1e-5)
    only = ss.class_averages(linear, X, labels, wanted=[1], method="deep_lift", references=own)
    np.testing.assert_allclose(only.mean[1], found.mean[1], atol=1e-6)
    with pytest.raises(InputError, match=r"one for each of 3 examples, and the data set is one of 5 examples"):
        ss.class_averages(linear, X, labels, method="deep_lift", references=own[:3])
    with pytest.raises(InputError, match="not known beforehand"):
        ss.class_averages(linear, [(X, labels)], method="deep_lift", references=own)


def test_a_screening_compares_every_window_with_the_same(tmp_path):
    model = randomise(keras.Sequential([keras.Input((50, 1)), L.Flatten(), L.Dense(1)]))
    record = ss.Recording(np.random.default_rng(3).normal(size=(500, 1)), fs=50)
    many = np.random.default_rng(4).normal(size=(4, 50, 1)).astype("float32")

    def screened(references, name):
        methods = {"deep_lift": {"references": references}, "integrated_gradients": {"baseline": references}}
        return ss.screen_recording(record, model, methods, out=tmp_path / name, target=0, hop=1.0)

    with pytest.raises(InputError, match=r"read as one for each of 4 examples, and here all examples share theirs"):
        screened(many, "refused.zarr")
    store = screened(many[None], "kept.zarr")
    windows = record.signal.reshape(10, 50, 1)
    weights = model.layers[-1].get_weights()[0].reshape(50, 1)
    wanted = (weights * (windows - many.mean(0))).reshape(500, 1)
    for name in ("deep_lift", "integrated_gradients"):
        found = np.asarray(store[f"attribution_{name}"]).reshape(500, 1)
        np.testing.assert_allclose(found, wanted, atol=1e-4)
        assert np.abs(np.asarray(store[f"completeness_{name}"])).max() < 1e-3
