"""Inputs without a gradient (integers, truth values, text) beside a signal: they are held at their values."""

from functools import cache

import numpy as np
import pytest

import signalscreen as ss
from signalscreen.backend import keras, tf
from signalscreen.errors import InputError, LayerError, UnsupportedOpError
from signalscreen.inputs import Spec, prepare
from tests.contract.zoo import randomise

L = keras.layers
RNG = np.random.default_rng(0)
ECG = RNG.normal(size=(5, 30, 2)).astype("float32")
SEX = np.array([[0], [1], [2], [1], [0]])
AGE = RNG.normal(size=(5, 3)).astype("float32")


@cache
def beside_an_integer(packing="dict"):
    """Sex gates the features of the ECG, through an embedding, so that it changes every gradient."""
    ecg, sex = keras.Input((30, 2), name="ecg"), keras.Input((1,), dtype="int32", name="sex")
    h = L.Conv1D(4, 5, activation="relu", name="conv")(ecg)
    gate = L.Dense(4, activation="tanh")(L.Embedding(3, 4)(sex))
    h = L.GlobalAveragePooling1D()(L.Multiply()([h, gate]))
    h = L.Concatenate()([h, L.Flatten()(gate)])
    inputs = {"ecg": ecg, "sex": sex} if packing == "dict" else [sex, ecg]
    return randomise(keras.Model(inputs, L.Dense(3)(h)))


class OfOneSex(keras.Model):
    """The same with the sex built in: a model of the ECG alone, of the same weights."""

    def __init__(self, sex):
        super().__init__()
        self.inner, self.sex = beside_an_integer(), sex

    def call(self, ecg):
        return self.inner({"ecg": ecg, "sex": tf.fill([tf.shape(ecg)[0], 1], self.sex)})


of_one_sex = cache(OfOneSex)


def by_tape(model, given, name, target):
    tensors = {key: tf.constant(value) for key, value in given.items()}
    with tf.GradientTape() as tape:
        tape.watch(tensors[name])
        total = tf.reduce_sum(model(tensors)[:, target])
    return tape.gradient(total, tensors[name]).numpy()


def options(name):
    known = ss.METHODS[name].options
    chosen = {"relu": False} if "relu" in known else {}
    chosen |= {"tolerance": 0.01} if "tolerance" in known else {}
    chosen |= {"samples": 2, "level": 0.0} if name in ("smooth_grad", "var_grad") else {}
    return chosen | ({"window": 5} if name == "occlusion" else {})


def test_the_gradient_is_that_of_the_tape():
    found = ss.saliency(beside_an_integer(), {"ecg": ECG, "sex": SEX}, 1)
    assert found["sex"] is None
    wanted = by_tape(beside_an_integer(), {"ecg": ECG, "sex": SEX.astype("int32")}, "ecg", 1)
    np.testing.assert_allclose(found["ecg"], wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("batch_size", [None, 2])
@pytest.mark.parametrize("name", list(ss.METHODS))
def test_every_method_explains_the_signal_as_of_a_model_in_which_the_integer_is_built(name, batch_size):
    """Also in batches: an example's own sex goes with it, also to the reference of DeepLIFT."""
    model, given = beside_an_integer(), {"ecg": ECG, "sex": SEX}
    found = ss.explain(model, given, 1, method=name, batch_size=batch_size, **options(name))
    assert found["sex"] is None
    for i, row in enumerate(ECG):
        wanted = ss.explain(of_one_sex(int(SEX[i, 0])), row[None], 1, method=name, **options(name))[0]
        np.testing.assert_allclose(found["ecg"][i], wanted, rtol=1e-3, atol=1e-5 * np.abs(wanted).max() + 1e-9)


def test_lrp_shares_out_what_the_signal_has_of_the_score():
    """Without biases: the score less what the embedding gives to it."""
    ecg, sex = keras.Input((30, 2), name="ecg"), keras.Input((1,), dtype="int32", name="sex")
    h = L.Flatten()(L.Conv1D(4, 5, activation="relu", use_bias=False)(ecg))
    of_ecg = L.Dense(2, use_bias=False)(h)
    of_sex = L.Dense(2, use_bias=False)(L.Flatten()(L.Embedding(3, 4)(sex)))
    model = randomise(keras.Model([ecg, sex], L.Add()([of_ecg, of_sex])))
    found = ss.lrp(model, [ECG, SEX], 1)
    assert found[1] is None
    np.testing.assert_allclose(found[0].sum((1, 2)), keras.Model(ecg, of_ecg)(ECG)[:, 1], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["integrated_gradients", "deep_lift"])
def test_attributions_add_up_against_the_same_integer(name):
    model, given = beside_an_integer(), {"ecg": ECG, "sex": SEX}
    background = RNG.normal(size=(30, 2)).astype("float32")
    option = {"deep_lift": {"references": background}}.get(name, {"baseline": background, "tolerance": 1e-3})
    found = ss.explain(model, given, 1, method=name, **option)["ecg"]
    sex = SEX.astype("int32")
    there = model({"ecg": np.broadcast_to(background, ECG.shape), "sex": sex}).numpy()
    change = (model({"ecg": ECG, "sex": sex}).numpy() - there)[:, 1]
    np.testing.assert_allclose(found.sum((1, 2)), change, rtol=2e-3, atol=2e-3 * np.abs(change).max())


def test_references_name_the_signal_or_stand_alone():
    model, given = beside_an_integer(), {"ecg": ECG, "sex": SEX}
    many = RNG.normal(size=(1, 3, 30, 2)).astype("float32")
    wanted = ss.deep_lift(model, given, 1, references=many)["ecg"]
    for same in ({"ecg": many}, {"ecg": many, "sex": None}):
        np.testing.assert_array_equal(ss.deep_lift(model, given, 1, references=same)["ecg"], wanted)
    listed = beside_an_integer("list")
    np.testing.assert_array_equal(
        ss.saliency(listed, [SEX, ECG], 1, score="probability")[1],
        ss.saliency(listed, {"sex": SEX, "ecg": ECG}, 1)["ecg"],
    )
    a = ss.deep_lift(listed, [SEX, ECG], 1, references=[None, many])
    np.testing.assert_array_equal(a[1], ss.deep_lift(listed, [SEX, ECG], 1, references=many)[1])
    seen = []

    def drawn(x):
        seen.append((x["ecg"].shape, x["sex"]))
        return {"ecg": np.repeat(many, len(x["ecg"]), axis=0)}

    found = ss.deep_lift(model, given, 1, references=drawn, batch_size=2)["ecg"]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
    assert seen[0] == ((2, 30, 2), None)
    with pytest.raises(
        InputError, match=r"references\['sex'\] is given, but input 'sex' has no gradient and is held"
    ):
        ss.deep_lift(model, given, 1, references={"ecg": many, "sex": SEX})


def test_noise_leaves_the_integer_alone():
    """The embedding has three rows: a sex that noise moves is outside them, or another one."""
    given = {"ecg": ECG, "sex": SEX}
    found = ss.smooth_grad(beside_an_integer(), given, 1, samples=3, level=0.4)["ecg"]
    for i in range(len(ECG)):
        wanted = ss.smooth_grad(of_one_sex(int(SEX[i, 0])), ECG[i : i + 1], 1, samples=3, level=0.4)[0]
        np.testing.assert_allclose(found[i], wanted, rtol=1e-3, atol=1e-5)


@cache
def beside_two_floats():
    ecg, age = keras.Input((30, 2), name="ecg"), keras.Input((3,), name="age")
    site = keras.Input((1,), dtype="int64", name="site")
    h = L.GlobalAveragePooling1D()(L.Conv1D(4, 5, activation="relu", name="conv")(ecg))
    of_site = L.Flatten()(L.Embedding(7, 4)(site % 7))
    h = L.Multiply()([L.Dense(4)(L.Concatenate()([h, age])), of_site])
    return randomise(keras.Model([ecg, site, age], L.Dense(3)(h)))


@pytest.mark.parametrize(
    "name", ["saliency", "integrated_gradients", "deep_lift", "smooth_grad", "guided_backprop"]
)
def test_several_floats_beside_an_integer(name):
    """The number of a site is far above what float32 tells apart."""
    model = beside_two_floats()
    site = np.array([[2**40 + i] for i in range(5)])
    found = ss.explain(model, [ECG, site, AGE], 1, method=name, batch_size=2, **options(name))
    assert found[1] is None
    assert [found[0].shape, found[2].shape] == [ECG.shape, AGE.shape]
    assert found[0].dtype == found[2].dtype == np.float32
    same = ss.explain(model, [ECG, site % 7, AGE], 1, method=name, **options(name))
    for a, b in ((found[0], same[0]), (found[2], same[2])):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    if name == "saliency":
        given = {"ecg": ECG, "site": site, "age": AGE}
        rows = keras.Model(dict(zip(("ecg", "site", "age"), model.inputs, strict=True)), model.output)
        np.testing.assert_allclose(found[2], by_tape(rows, given, "age", 1), rtol=1e-4, atol=1e-6)


def test_an_integer_signal_beside_a_float():
    """Counts of a converter, cast inside: no gradient, so nothing but occlusion and the maps of a layer."""
    counts, age = keras.Input((30, 1), dtype="int16", name="counts"), keras.Input((3,), name="age")
    h = L.Conv1D(4, 5, activation="relu")(L.Rescaling(0.01)(counts))
    model = randomise(keras.Model([counts, age], L.Dense(2)(L.Concatenate()([L.GlobalMaxPooling1D()(h), age]))))
    x = [RNG.integers(-900, 900, (5, 30, 1)), AGE]
    assert ss.saliency(model, x, 1)[0] is None
    assert ss.saliency(model, x, 1)[1].shape == AGE.shape
    taken = ss.occlusion(model, x, 1, window=6, stride=6)
    assert taken[1] is None
    cut = x[0].copy()
    cut[:, 12:18] = 0
    fall = model(x).numpy()[:, 1] - model([cut, AGE]).numpy()[:, 1]
    np.testing.assert_allclose(taken[0][:, 14], fall, atol=1e-5)
    assert ss.grad_cam(model, x, 1)[0].shape == (5, 30)
    assert ss.guided_grad_cam(model, x, 1) == [None, None]


def test_truth_values_and_text_are_held():
    ecg = keras.Input((30, 2), name="ecg")
    paced, site = keras.Input((1,), dtype="bool", name="paced"), keras.Input((1,), dtype="string", name="site")
    words = L.StringLookup(vocabulary=["Graz", "Wien"])(site)
    h = L.GlobalAveragePooling1D()(L.Conv1D(4, 5, activation="relu")(ecg))
    h = L.Multiply()([h, L.Flatten()(L.Embedding(3, 4)(words))])
    h = L.Multiply()([h, keras.ops.cast(paced, "float32") + 1.0])
    model = randomise(keras.Model([ecg, paced, site], L.Dense(2)(h)))
    paced = np.array([[True], [False], [True], [False], [True]])
    sites = np.array([["Graz"], ["Wien"], ["Linz"], ["Wien"], ["Graz"]])
    found = ss.saliency(model, [ECG, paced, sites], 1, batch_size=2)
    assert found[1:] == [None, None]
    tensors = [tf.constant(ECG), tf.constant(paced), tf.constant(sites)]
    with tf.GradientTape() as tape:
        tape.watch(tensors[0])
        total = tf.reduce_sum(model(tensors)[:, 1])
    np.testing.assert_allclose(found[0], tape.gradient(total, tensors[0]).numpy(), rtol=1e-4, atol=1e-6)
    for name in ("deep_lift", "integrated_gradients", "occlusion", "grad_cam"):
        found = ss.explain(model, [ECG, paced, sites], 1, method=name, **options(name))
        assert found[0].shape[:2] == (5, 30)


def test_a_model_of_integers_alone_is_refused():
    words, sex = keras.Input((9,), dtype="int32", name="words"), keras.Input((1,), dtype="int32", name="sex")
    h = [L.GlobalAveragePooling1D()(L.Embedding(5, 4)(x)) for x in (words, sex)]
    model = randomise(keras.Model([words, sex], L.Dense(2)(L.Concatenate()(h))))
    x = [RNG.integers(0, 5, (5, 9)), SEX]
    for name in ("saliency", "integrated_gradients", "lrp", "guided_backprop"):
        with pytest.raises(InputError, match=r"is integer \(an embedding index"):
            ss.explain(model, x, 1, method=name)
    with pytest.raises(UnsupportedOpError, match="GatherV2"):
        ss.deep_lift(model, x, 1)
    counts = keras.Input((30, 1), dtype="int32")
    model = keras.Model(counts, L.Dense(2)(L.Flatten()(L.Rescaling(0.1)(counts))))
    for name in ("saliency", "deep_lift", "lrp"):
        with pytest.raises(InputError, match=r"is integer \(an embedding index"):
            ss.explain(model, RNG.integers(0, 9, (2, 30, 1)), 1, method=name)


# --- inputs of floats that the model takes as integers --------------------------------------------------------


class Beside(keras.Model):
    """A model that says nothing of its inputs."""

    def __init__(self):
        super().__init__()
        self.inner = beside_an_integer()

    def call(self, inputs):
        return self.inner({"ecg": inputs["ecg"], "sex": keras.ops.cast(inputs["sex"], "int32")})


def declared_as_floats():
    """As it is usually written: no dtype is given, and the embedding makes integers of its input."""
    ecg, sex = keras.Input((30, 2), name="ecg"), keras.Input((1,), name="sex")
    inner = beside_an_integer()
    named = {"ecg": ecg, "sex": keras.ops.cast(sex, "int32")}
    return keras.Model({"ecg": ecg, "sex": sex}, inner(named))


@pytest.mark.parametrize("made", [declared_as_floats, Beside])
@pytest.mark.parametrize(
    "name", ["saliency", "integrated_gradients", "deep_lift", "smooth_grad", "lrp", "occlusion"]
)
def test_what_the_model_takes_as_an_integer_is_held_whatever_it_is_declared(made, name):
    given = {"ecg": ECG, "sex": SEX}
    found = ss.explain(made(), given, 1, method=name, **options(name))
    assert found["sex"] is None
    wanted = ss.explain(beside_an_integer(), given, 1, method=name, **options(name))["ecg"]
    np.testing.assert_allclose(found["ecg"], wanted, rtol=1e-3, atol=1e-5 * np.abs(wanted).max())


def test_a_signal_of_which_an_embedding_makes_integers_is_refused():
    model = keras.Sequential([keras.Input((9,)), L.Embedding(5, 3), L.Flatten(), L.Dense(2)])
    x = RNG.integers(0, 5, (2, 9)).astype("float32")
    for name in ("saliency", "integrated_gradients", "lrp"):
        with pytest.raises(InputError, match=r"is taken as integers or cut at a threshold \(an embedding index"):
            ss.explain(model, x, 1, method=name)
    with pytest.raises(InputError, match="is taken as integers"):
        ss.maximize_activation(model, 1, steps=2)
    assert ss.activations(model, x, 0).shape == (2, 9, 3)


def test_a_float_that_the_model_also_reads_as_a_number_is_explained():
    """Thresholded on one way, and multiplied on the other: it has a gradient."""
    ecg, age = keras.Input((30, 2), name="ecg"), keras.Input((3,), name="age")
    old = keras.ops.cast(age > 0, "float32") * age
    model = randomise(keras.Model([ecg, age], L.Dense(2)(L.Concatenate()([L.Flatten()(ecg), old]))))
    found = ss.saliency(model, [ECG, AGE], 1)
    weights = model.layers[-1].get_weights()[0][-3:, 1]
    np.testing.assert_allclose(found[1], (AGE > 0) * weights, atol=1e-6)


@pytest.mark.parametrize(
    ("sex", "match"),
    [
        (np.array([[0.0], [1.5], [0], [0], [0]]), "holds 1.5, but the model's input 'sex' is int32"),
        (np.array([[0], [2**40], [0], [0], [0]]), "holds 1099511627776, but"),
        (np.array([["m"]] * 5), "has dtype <U1"),
        (SEX[:3], "different numbers of examples"),
    ],
)
def test_what_an_integer_cannot_hold_is_refused(sex, match):
    with pytest.raises(InputError, match=match):
        ss.saliency(beside_an_integer(), {"ecg": ECG, "sex": sex}, 1)


def test_one_number_for_each_example_needs_no_second_axis():
    given = {"ecg": ECG, "sex": SEX}
    found = ss.saliency(beside_an_integer(), {"ecg": ECG, "sex": SEX[:, 0].astype(float)}, 1)
    np.testing.assert_array_equal(found["ecg"], ss.saliency(beside_an_integer(), given, 1)["ecg"])
    assert prepare(3, Spec("sex", (1,), "int32")).tolist() == [[3]]


def test_a_layer_of_the_integer_has_nothing_to_show_over_the_signal():
    model, given = beside_an_integer(), {"ecg": ECG, "sex": SEX}
    [embedding] = [layer for layer in model.layers if isinstance(layer, L.Embedding)]
    with pytest.raises(LayerError, match="does not depend on the input"):
        ss.saliency(model, given, ss.Unit(embedding))


def test_edits_and_made_inputs_hold_the_integer():
    model, given = beside_an_integer(), {"ecg": ECG, "sex": SEX}
    effects = ss.edit_effects(model, given, [ss.Edit(3, np.zeros((4, 2)))], 1, input="ecg")
    cut = ECG.copy()
    cut[:, 3:7] = 0
    sex = SEX.astype("int32")
    change = (model({"ecg": cut, "sex": sex}).numpy() - model({"ecg": ECG, "sex": sex}).numpy())[:, 1]
    np.testing.assert_allclose(effects[:, 0], change, atol=1e-5)
    curve = ss.deletion_curve(model, given, np.abs(ECG), 1, input="ecg", steps=2, orders=0)
    np.testing.assert_allclose(
        curve.score[:, 0], model({"ecg": ECG, "sex": sex}).numpy()[:, 1], rtol=1e-5, atol=1e-6
    )
    made = ss.maximize_activation(model, 1, start={"ecg": ECG, "sex": SEX}, input="ecg", steps=3)
    np.testing.assert_allclose(made.score, model({"ecg": made.x, "sex": sex}).numpy()[:, 1], rtol=1e-4, atol=1e-5)


def test_a_score_with_held_inputs_takes_its_own_examples_only():
    score, x = ss.Score(beside_an_integer(), 1).bind({"ecg": ECG, "sex": SEX})
    assert x.shape == ECG.shape
    with pytest.raises(InputError, match="bound to 5 examples, each with the values of the inputs that are held"):
        score(np.concatenate([x, x]))
