"""The score and its verbs over every form of model: heads, inputs, outputs, lengths, precisions, files."""

import gc
import weakref
from functools import cache

import numpy as np
import pytest

import signalscreen as ss
from signalscreen import programs
from signalscreen.backend import keras, tf
from signalscreen.errors import InputError, LayerError, SignalScreenWarning, TargetError, UnsupportedOpError
from signalscreen.streams import Patches
from tests.contract.zoo import randomise

L = keras.layers
RNG = np.random.default_rng(0)


def features(x):
    h = L.Conv1D(4, 5, activation="relu", name="conv1")(x)
    return L.Conv1D(4, 3, activation="relu", padding="same", name="conv2")(h)


def net(head, length=30, leads=1):
    x = keras.Input((length, leads))
    return randomise(keras.Model(x, head(L.GlobalAveragePooling1D()(features(x)))))


def oracle_gradient(f, x):
    """Central differences in float64 steps of a float32 model: rough, and independent of any gradient code."""
    g = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        h = np.zeros(x.shape, "float32")
        h[i] = 1e-2
        g[i] = (f(x + h)[i[0]] - f(x - h)[i[0]]) / 2e-2
    return g


class Raw(L.Layer):
    def __init__(self, op, **kwargs):
        super().__init__(**kwargs)
        self.op = op

    def call(self, x):
        return self.op(x)


HEADS = {
    "softmax": (lambda h: L.Dense(3, activation="softmax")(h), np.log),
    "sigmoid": (lambda h: L.Dense(1, activation="sigmoid")(h), lambda p: np.log(p / (1 - p))),
    "sigmoids": (lambda h: L.Dense(3, activation="sigmoid")(h), lambda p: np.log(p / (1 - p))),
    "linear": (lambda h: L.Dense(3)(h), lambda p: p),
    "softmax layer": (lambda h: L.Softmax()(L.Dense(3)(h)), np.log),
    "activation layer": (lambda h: L.Activation("softmax")(L.Dense(3)(h)), np.log),
    "keras op": (lambda h: Raw(keras.ops.softmax)(L.Dense(3)(h)), np.log),
    "raw op": (lambda h: Raw(tf.nn.softmax)(L.Dense(3)(h)), np.log),
    "reshaped": (lambda h: L.Reshape((3,))(L.Softmax()(L.Reshape((1, 3))(L.Dense(3)(h)))), np.log),
    "log softmax": (lambda h: Raw(tf.nn.log_softmax)(L.Dense(3)(h)), lambda p: p),
}


@cache
def shared():
    """For tests that do not change it, so that it is traced once."""
    return net(HEADS["softmax"][0])


@pytest.mark.parametrize("name", list(HEADS))
def test_heads_are_stripped_to_logits(name):
    head, inverse = HEADS[name]
    model = net(head)
    x = RNG.normal(size=(2, 30, 1)).astype("float32")
    output = model(x).numpy()
    n = output.shape[-1]
    probability = np.stack([ss.Score(model, k, score="probability").bind(x)[0](x) for k in range(n)], 1)
    np.testing.assert_allclose(probability, output, rtol=1e-6)
    logit = np.stack([ss.Score(model, k).bind(x)[0](x) for k in range(n)], 1)
    offset = logit - inverse(output.astype("float64"))  # a softmax forgets a constant per example
    np.testing.assert_allclose(offset, offset[:, :1].repeat(n, 1), atol=1e-4)
    if "sigmoid" in name or name == "linear":
        np.testing.assert_allclose(offset, 0, atol=1e-4)


def test_gradient_agrees_with_differences():
    model = shared()
    x = RNG.normal(size=(2, 30, 1)).astype("float32")
    score, x = ss.Score(model, 1).bind(x)
    np.testing.assert_allclose(score.gradient(x), oracle_gradient(score, x), atol=2e-3)


def test_activations_are_the_layers_own():
    model = shared()
    x = RNG.normal(size=(2, 30, 1)).astype("float32")
    score, x = ss.Score(model, 1).bind(x)
    maps, gradient = score.activations(x)
    wanted = keras.Model(model.input, model.get_layer("conv2").output)(x).numpy()
    np.testing.assert_allclose(maps, wanted, rtol=1e-6)
    # Behind the last maps: a mean over 26 places, and the weights of class 1.
    weights = model.layers[-1].get_weights()[0][:, 1] / 26
    np.testing.assert_allclose(gradient, np.broadcast_to(weights, maps.shape), rtol=1e-5)


@pytest.mark.parametrize("layer", ["conv1", 1, -4, np.int64(1), "object"])
def test_layers_by_name_index_and_object(layer):
    model = shared()
    x = np.ones((1, 30, 1))
    wanted = ss.grad_cam(model, x, 0, layer="conv1", relu=False)
    chosen = model.get_layer("conv1") if isinstance(layer, str) and layer == "object" else layer
    np.testing.assert_array_equal(ss.grad_cam(model, x, 0, layer=chosen, relu=False), wanted)


def nested():
    inner = keras.Sequential([keras.Input((30, 1)), L.Conv1D(4, 5, activation="relu", name="conv")], name="outer")
    x = keras.Input((30, 1))
    return randomise(keras.Model(x, L.Dense(2)(L.GlobalMaxPooling1D()(inner(x)))))


def test_nested_layers_by_path():
    model, x = nested(), np.ones((1, 30, 1))
    a = ss.grad_cam(model, x, 0, layer="outer/conv", relu=False)
    np.testing.assert_array_equal(a, ss.grad_cam(model, x, 0, layer="conv", relu=False))
    np.testing.assert_array_equal(a, ss.grad_cam(model, x, 0, relu=False))
    with pytest.raises(LayerError, match=r"'conv9' is not in the model; layers with feature maps: outer/conv"):
        ss.grad_cam(model, x, 0, layer="conv9")


def test_default_layer_is_the_last_with_feature_maps():
    x = keras.Input((30, 1))
    h = features(x)
    h = L.MaxPooling1D(2, name="pool")(h)
    gate = L.Reshape((1, 4))(L.Dense(4, activation="sigmoid")(L.GlobalAveragePooling1D()(h)))
    h = L.Multiply(name="gated")([h, gate])
    model = randomise(keras.Model(x, L.Dense(2)(L.Flatten()(h))))
    given = np.ones((1, 30, 1))
    np.testing.assert_array_equal(
        ss.grad_cam(model, given, 0, relu=False), ss.grad_cam(model, given, 0, layer="gated", relu=False)
    )


def test_weights_of_places_are_no_default_layer():
    x = keras.Input((30, 1))
    h = features(x)
    weights = L.Softmax(axis=1, name="weights")(L.Dense(1)(h))
    model = randomise(keras.Model(x, L.Dense(2)(L.Flatten()(L.Dot(axes=1)([h, weights])))))
    given = np.ones((1, 30, 1))
    np.testing.assert_array_equal(
        ss.grad_cam(model, given, 0, relu=False), ss.grad_cam(model, given, 0, layer="conv2", relu=False)
    )


def test_a_layer_off_the_way_to_the_score_has_no_map():
    x = keras.Input((30, 1))
    one, other = (L.Conv1D(4, 5, name=name)(x) for name in ("one", "other"))
    outputs = [L.Dense(2, name=f"of_{h.name}")(L.Flatten()(h)) for h in (one, other)]
    model = keras.Model(x, {"p": outputs[0], "q": outputs[1]})
    with pytest.raises(LayerError, match="'other' does not lie between"):
        ss.grad_cam(model, np.ones((1, 30, 1)), ("p", 0), layer="other")


# --- several inputs and outputs -------------------------------------------------------------------------------


@cache
def two_inputs(packing):
    ecg, age = keras.Input((30, 2), name="ecg"), keras.Input((3,), name="age")
    h = L.Concatenate()([L.GlobalAveragePooling1D()(features(ecg)), L.Dense(4, activation="relu")(age)])
    inputs = {"ecg": ecg, "age": age} if packing == "dict" else [ecg, age]
    return randomise(keras.Model(inputs, L.Dense(3, activation="softmax")(h)))


@pytest.mark.parametrize("packing", ["list", "dict"])
def test_several_inputs(packing):
    model = two_inputs(packing)
    ecg, age = RNG.normal(size=(4, 30, 2)), RNG.normal(size=(4, 3))
    x = {"ecg": ecg, "age": age} if packing == "dict" else [ecg, age]
    keys = ("ecg", "age") if packing == "dict" else (0, 1)
    for name in ("saliency", "integrated_gradients", "deep_lift", "smooth_grad", "guided_backprop"):
        a = ss.explain(model, x, 1, method=name)
        assert type(a) is type(x)
        assert a[keys[0]].shape == ecg.shape
        assert a[keys[1]].shape == age.shape
    a = ss.deep_lift(model, x, 1)
    score, flat = ss.Score(model, 1).bind(x)
    total = a[keys[0]].sum((1, 2)) + a[keys[1]].sum(1)
    np.testing.assert_allclose(total, score(flat) - score(np.zeros_like(flat)), rtol=1e-4, atol=1e-6)
    for name in ("occlusion", "grad_cam"):
        a = ss.explain(model, x, 1, method=name)
        assert a[keys[0]].shape == ecg.shape[:2]
        assert a[keys[1]] is None, "an input without axes has no map"


@pytest.mark.parametrize("name", ["integrated_gradients", "deep_lift", "smooth_grad", "occlusion"])
def test_whole_numbers_are_signals_like_any_other(name):
    model = two_signals()
    x = [RNG.integers(-9, 9, (2, 30, 1)), RNG.integers(-9, 9, (2, 20, 2))]
    option = {"deep_lift": "references", "occlusion": "fill", "integrated_gradients": "baseline"}.get(name)
    options = {option: 0.5} if option else {}
    got = ss.explain(model, x, 1, method=name, **options)
    wanted = ss.explain(model, [a.astype("float32") for a in x], 1, method=name, **options)
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == "float32"


@cache
def two_signals():
    """Two inputs with axes, each with a convolution of its own."""
    a, b = keras.Input((30, 1), name="a"), keras.Input((20, 2), name="b")
    maps = [L.Conv1D(3, 3, activation="tanh", name=f"conv_{x.name}")(x) for x in (a, b)]
    h = L.Concatenate()([L.GlobalAveragePooling1D()(m) for m in maps])
    return randomise(keras.Model([a, b], L.Dense(3)(h)))


@pytest.mark.parametrize("packing", ["list", "dict"])
def test_results_are_packed_as_the_signal_was(packing):
    model = two_inputs(packing)
    ecg, age = RNG.normal(size=(2, 30, 2)), RNG.normal(size=(2, 3))
    listed = ss.saliency(model, [ecg, age] if packing == "list" else [age, ecg], 1)
    named = ss.saliency(model, {"ecg": ecg, "age": age}, 1)
    assert isinstance(listed, list)
    for name, a in zip(("ecg", "age") if packing == "list" else ("age", "ecg"), listed, strict=True):
        np.testing.assert_array_equal(named[name], a)


def test_one_option_per_input():
    model = two_signals()
    x = [RNG.normal(size=(4, 30, 1)).astype("float32"), RNG.normal(size=(4, 20, 2)).astype("float32")]
    other = [RNG.normal(size=a.shape).astype("float32") for a in x]
    score, flat = ss.Score(model, 1).bind(x)
    flat_other = np.concatenate([a.reshape(4, -1) for a in other], 1)

    def total(attributions):
        return sum(a.sum((1, 2)) for a in attributions)

    a = ss.integrated_gradients(model, x, 1, baseline=other)
    np.testing.assert_allclose(total(a), score(flat) - score(flat_other), rtol=2e-2, atol=1e-3)
    three = [a[:3] for a in other]
    means = np.mean([score(np.broadcast_to(r, flat.shape)) for r in flat_other[:3]], 0)
    a = ss.deep_lift(model, x, 1, references=[r[None] for r in three])
    np.testing.assert_allclose(total(a), score(flat) - means, rtol=1e-3, atol=1e-5)
    b = ss.deep_lift(model, x, 1, references=lambda v: [np.stack([r] * len(v[0])) for r in three], batch_size=3)
    for p, q in zip(a, b, strict=True):
        np.testing.assert_allclose(p, q, atol=1e-6)
    a = ss.occlusion(model, x, 1, window=3, stride=3, fill=other)
    b = ss.occlusion(model, x, 1, window=3, stride=3, fill=other, batch_size=3)
    for p, q in zip(a, b, strict=True):
        np.testing.assert_allclose(p, q, atol=1e-6)


def test_a_layer_of_one_input_has_no_map_over_the_other():
    model = two_signals()
    x = [RNG.normal(size=(2, 30, 1)), RNG.normal(size=(2, 20, 2))]
    of_a, of_b = ss.grad_cam(model, x, 1, layer="conv_a", relu=False)
    np.testing.assert_array_equal(of_a, ss.grad_cam(model, x, 1, relu=False)[0])
    assert of_b is None
    with pytest.raises(LayerError, match="'conv_c' is not in the model"):
        ss.grad_cam(model, x, 1, layer="conv_c")


def test_a_layer_that_serves_both_inputs_has_a_map_over_each():
    encoder = keras.Sequential([keras.Input((30, 1)), L.Conv1D(4, 5, name="conv"), L.GlobalMaxPooling1D()])
    one, two = keras.Input((30, 1)), keras.Input((30, 1))
    model = randomise(keras.Model([one, two], L.Dense(2)(L.Subtract()([encoder(one), encoder(two)]))))
    x = list(RNG.normal(size=(2, 3, 30, 1)))
    of_one, of_two = ss.grad_cam(model, x, 0, relu=False)
    swapped_one, swapped_two = ss.grad_cam(model, x[::-1], 0, layer="conv", relu=False)
    np.testing.assert_allclose(of_one, -swapped_two, atol=1e-5)
    np.testing.assert_allclose(of_two, -swapped_one, atol=1e-5)


def test_two_layers_of_one_name_are_told_apart():
    class Twins(keras.Model):
        def __init__(self):
            super().__init__()
            self.one, self.two, self.out = L.Conv1D(3, 3, name="conv"), L.Conv1D(3, 3, name="conv"), L.Dense(2)

        def call(self, x):
            return self.out(keras.ops.mean(self.two(keras.ops.relu(self.one(x))), axis=1))

    model, x = Twins(), np.ones((1, 30, 1))
    with pytest.raises(LayerError, match="'conv' stands for conv, conv; name one, or give the layer itself"):
        ss.grad_cam(model, x, 0, layer="conv")
    lengths = [ss.grad_cam(model, x, 0, layer=layer, upsample=False).shape for layer in (model.one, model.two)]
    assert lengths == [(1, 28), (1, 26)]


@pytest.mark.parametrize("inner", ["grad_cam", "occlusion", "guided_grad_cam", "score_cam"])
@pytest.mark.filterwarnings("ignore:the network has no rectifier")
def test_smooth_grad_of_each_input(inner):
    model = two_signals()
    x = [RNG.normal(size=(2, 30, 1)), RNG.normal(size=(2, 20, 2))]
    got = ss.smooth_grad(model, x, 1, base_method=inner, samples=2, level=0.0)
    for a, b in zip(got, ss.explain(model, x, 1, method=inner), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_an_integer_input_gives_real_scores():
    x = keras.Input((30, 1), dtype="int32")
    h = L.Conv1D(4, 3, activation="relu")(L.Rescaling(0.1)(x))
    model = randomise(keras.Model(x, L.Dense(4, activation="softmax")(L.Flatten()(h))))
    counts = RNG.integers(0, 30, (8, 30, 1))
    wanted = model(counts).numpy().argmax(-1)
    for score in ("logit", "probability"):
        np.testing.assert_array_equal(ss.Score(model, score=score).bind(counts)[0].classes, wanted)
    cam = ss.grad_cam(model, counts, 1, relu=False)
    assert cam.dtype == "float32"
    assert np.abs(cam).max() > 0


def test_occlusion_holds_the_other_input():
    model = two_inputs("list")
    ecg, age = RNG.normal(size=(2, 30, 2)).astype("float32"), RNG.normal(size=(2, 3)).astype("float32")
    a = ss.occlusion(model, [ecg, age], 1, window=5, stride=5, score="probability")[0]
    cut = ecg.copy()
    cut[:, 10:15] = 0
    fall = model([ecg, age]).numpy()[:, 1] - model([cut, age]).numpy()[:, 1]
    np.testing.assert_allclose(a[:, 12], fall, atol=1e-6)


@cache
def two_signals_and_facts():
    inputs = [keras.Input((30, 1), name="ecg"), keras.Input((20, 2), name="ppg"), keras.Input((3,), name="facts")]
    parts = [L.GlobalAveragePooling1D()(L.Conv1D(4, 3, activation="relu")(x)) for x in inputs[:2]]
    return randomise(keras.Model(inputs, L.Dense(2)(L.Concatenate()([*parts, inputs[2]]))))


@pytest.mark.parametrize("base", [n for n in ss.METHODS if n not in ("smooth_grad", "var_grad")])
def test_smooth_grad_over_any_method_with_several_inputs(base):
    model = two_signals_and_facts()
    x = [RNG.normal(size=(2, *t.shape[1:])) for t in model.inputs]
    plain = ss.explain(model, x, 1, method=base)
    smooth = ss.smooth_grad(model, x, 1, base_method=base, samples=2, level=0.0)
    for one, other in zip(plain, smooth, strict=True):
        if one is None:
            assert other is None
        else:
            np.testing.assert_allclose(other, one, atol=1e-5 * np.abs(one).max() + 1e-9)


@pytest.mark.parametrize("fill", ["zero", "mean", "local_mean", "noise", 0.5, np.ones((30, 1))])
def test_occlusion_by_strides_longer_than_windows(fill):
    model = net(HEADS["linear"][0])
    x = RNG.normal(size=(2, 30, 1)).astype("float32")
    a = ss.occlusion(model, x, 0, window=8, stride=32, fill=fill)
    assert np.abs(a[:, :8]).min() > 0
    np.testing.assert_array_equal(a[:, 8:], 0)


def test_several_outputs():
    x = keras.Input((30, 1))
    h = L.GlobalAveragePooling1D()(features(x))
    outputs = [L.Dense(3, activation="softmax", name="rhythm")(h), L.Dense(1, name="rate")(h)]
    model = randomise(keras.Model(x, outputs))
    given = RNG.normal(size=(2, 30, 1))
    by_name = ss.saliency(model, given, (model.output_names[1], 0))
    np.testing.assert_array_equal(by_name, ss.saliency(model, given, (1, 0)))
    np.testing.assert_array_equal(by_name, ss.saliency(model, given, lambda y: y[1][:, 0]))
    with pytest.raises(TargetError, match="outputs"):
        ss.saliency(model, given, 0)
    for target in (("pulse", 0), (-1, 0), (2, 0)):
        with pytest.raises(TargetError, match=r"names no output; the model has outputs .*, 0 to 1"):
            ss.saliency(model, given, target)
    with pytest.raises(TargetError, match="target -1 is out of range"):
        ss.saliency(model, given, ("rhythm", -1))


# --- targets --------------------------------------------------------------------------------------------------


def test_targets_of_every_kind():
    model = shared()
    x = RNG.normal(size=(3, 30, 1)).astype("float32")
    rows = [ss.saliency(model, x, k) for k in range(3)]
    best = model(x).numpy().argmax(-1)
    np.testing.assert_array_equal(ss.saliency(model, x), np.stack([rows[k][i] for i, k in enumerate(best)]))
    np.testing.assert_array_equal(ss.saliency(model, x, [2, 0, 1]), np.stack([rows[2][0], rows[0][1], rows[1][2]]))
    np.testing.assert_array_equal(ss.saliency(model, x, "V", class_names=["N", "S", "V"]), rows[2])
    contrast = ss.saliency(model, x, lambda y: y[:, 2] - y[:, 0])
    np.testing.assert_allclose(contrast, rows[2] - rows[0], atol=1e-6)


@pytest.mark.parametrize(
    ("target", "match"),
    [
        (3, "out of range; the model has 3 outputs, 0 to 2"),
        (-1, "target -1 is out of range; the model has 3 outputs, 0 to 2"),
        ([0, -3, 1], "target -3 is out of range"),
        (np.array([-1, 1, 1]), "target -1 is out of range"),
        ((-1,), r"target \(-1,\) is no element of an output"),
        ("V", "give class_names"),
        ([0, 1], "2 classes for 3 examples"),
        (1.5, "not understood"),
        (lambda y: y, "one number per example"),
    ],
)
def test_wrong_targets_are_refused(target, match):
    with pytest.raises(TargetError, match=match):
        ss.saliency(shared(), np.ones((3, 30, 1)), target)


def test_unknown_class_name():
    with pytest.raises(TargetError, match="'X' is not among the class names N, V"):
        ss.saliency(shared(), np.ones((1, 30, 1)), "X", class_names=["N", "V"])


def test_sequence_output():
    x = keras.Input((30, 1))
    model = randomise(keras.Model(x, L.Conv1D(2, 3, padding="same", activation="softmax")(features(x))))
    given = RNG.normal(size=(2, 30, 1))
    with pytest.raises(TargetError, match="callable"):
        ss.saliency(model, given, 1)
    for target in ((-1, 1), (12, -1)):
        with pytest.raises(TargetError, match="one index for each of its axes after the batch, counted from 0"):
            ss.saliency(model, given, target)
    one = ss.saliency(model, given, (12, 1))
    np.testing.assert_array_equal(one, ss.saliency(model, given, lambda y: y[:, 12, 1]))
    reach = np.flatnonzero(np.abs(one[0, :, 0]))
    assert reach.min() >= 12 - 1 - 1
    assert reach.max() <= 12 + 1 + 1 + 4
    a = ss.deep_lift(model, given, lambda y: tf.reduce_mean(y[:, :, 0], 1))
    score, bound = ss.Score(model, lambda y: tf.reduce_mean(y[:, :, 0], 1)).bind(given)
    np.testing.assert_allclose(a.sum((1, 2)), score(bound) - score(0 * bound), atol=1e-5)


# --- lengths, leads, precisions, files ------------------------------------------------------------------------


def test_free_length_is_traced_once():
    model = net(HEADS["softmax"][0], length=None, leads=2)
    before = len(programs._programs.get(model, {}))
    for n in (40, 55, 120):
        x = RNG.normal(size=(2, n, 2))
        assert ss.saliency(model, x, 1).shape == (2, n, 2)
        assert ss.grad_cam(model, x, 1).shape == (2, n)
    assert len(programs._programs[model]) - before == 3, "outputs, gradient and activations"


def test_a_longer_signal_is_cut_into_smaller_calls():
    """What fits a model call is reckoned from the signal at hand, not from the one it was traced with."""
    model = net(HEADS["softmax"][0], length=None)
    short, _ = ss.Score(model, 1).bind(np.zeros((1, 40, 1)))
    rows = short.room(np.zeros((1, 40, 1)))
    long, _ = ss.Score(model, 1).bind(np.zeros((1, 400_000, 1)))
    assert 1 <= long.room(np.zeros((1, 400_000, 1))) < rows / 10


def test_batch_sizes_are_not_retraced():
    model = net(HEADS["softmax"][0])
    ss.deep_lift(model, np.ones((2, 30, 1)), 1)
    traced = len(programs._programs[model])
    for n in (1, 3, 17):
        ss.deep_lift(model, np.ones((n, 30, 1)), 2)
    assert len(programs._programs[model]) == traced


def test_the_model_is_not_kept_alive():
    model = net(HEADS["softmax"][0])
    ss.saliency(model, np.ones((1, 30, 1)), 0)
    ss.deep_lift(model, np.ones((1, 30, 1)), 0)
    alive = weakref.ref(model)
    del model
    keras.backend.clear_session()
    gc.collect()
    assert alive() is None


def test_deep_lift_keeps_no_weights_alive():
    model = net(HEADS["softmax"][0])
    ss.deep_lift(model, np.ones((2, 30, 1)), 0)
    graphs = [weakref.ref(p.fn.__wrapped__.graph) for p in programs._programs[model].values()]
    del model
    for _ in range(3):  # the model, then its programs, then their graphs
        gc.collect()
    assert [g() for g in graphs] == [None] * len(graphs)


def test_a_model_that_keeps_a_state_is_said():
    x = keras.Input(batch_shape=(2, 10, 1))
    model = keras.Model(x, L.Dense(2)(L.LSTM(3, stateful=True)(x)))
    with pytest.warns(SignalScreenWarning, match="changes its own variables"):
        ss.saliency(model, np.ones((2, 10, 1)), 0)


def test_attributions_that_are_no_numbers_are_said():
    x = keras.Input((4, 1))
    model = keras.Model(x, keras.ops.sum(keras.ops.sqrt(x), axis=1))
    with pytest.warns(ss.errors.NonFiniteWarning, match="example\\(s\\) 1 has NaN"):  # the slope of a root at zero
        a = ss.integrated_gradients(model, [[[1.0]] * 4, [[1.0]] * 3 + [[0.0]]], 0, baseline=[[[1.0]], [[0.0]]])
    assert np.isfinite(a[0]).all()


def test_rows_of_a_call_follow_the_length():
    x = keras.Input((None, 1))
    model = keras.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(features(x))))
    rooms = []
    for length in (100, 100_000):
        given = np.zeros((1, length, 1), "float32")
        rooms.append(ss.Score(model, 0).bind(given)[0].room(given))
    assert rooms[0] == 512
    assert rooms[1] < 100


def test_another_activation_is_a_new_trace():
    model = net(HEADS["linear"][0])
    x = RNG.normal(size=(2, 30, 1)).astype("float32")
    ss.saliency(model, x, 0)
    for name in ("conv1", "conv2"):
        model.get_layer(name).activation = keras.activations.linear
    one, two = ss.saliency(model, x, 0)  # of a linear network: the same everywhere
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_new_weights_need_no_new_trace():
    model = net(HEADS["softmax"][0])
    x = np.ones((1, 30, 1))
    first = ss.saliency(model, x, 0)
    randomise(model, seed=9)
    fresh = keras.models.clone_model(model)
    fresh.set_weights(model.get_weights())
    np.testing.assert_allclose(ss.saliency(model, x, 0), ss.saliency(fresh, x, 0), rtol=1e-5)
    assert np.abs(ss.saliency(model, x, 0) - first).max() > 1e-3


@pytest.mark.filterwarnings(
    "ignore::signalscreen.errors.CompletenessWarning"
)  # half precision closes to ten percent
def test_mixed_precision():
    full = net(HEADS["softmax"][0])
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = net(HEADS["softmax"][0])
    finally:
        keras.mixed_precision.set_global_policy("float32")
    model.set_weights(full.get_weights())
    # Signals of its own: where a rectifier's input lies within rounding of 0, it opens in one precision alone.
    x = np.random.default_rng(0).normal(size=(2, 30, 1))
    for name in ("saliency", "integrated_gradients", "deep_lift", "grad_cam", "occlusion"):
        a, b = (ss.explain(m, x, 1, method=name) for m in (model, full))
        assert a.dtype == np.float32
        # A half-precision score near 1 is known to 5e-4, and a fall is the difference of two of them.
        np.testing.assert_allclose(a, b, atol=max(0.02 * np.abs(b).max(), 1e-3))


def test_double_precision():
    keras.config.set_dtype_policy("float64")
    try:
        model = net(HEADS["softmax"][0])
    finally:
        keras.config.set_dtype_policy("float32")
    a = ss.deep_lift(model, RNG.normal(size=(2, 30, 1)), 1)
    assert a.dtype == np.float64


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_models_by_path(tmp_path, suffix):
    model = net(HEADS["softmax"][0])
    path = tmp_path / f"net{suffix}"
    model.save(path)
    x = np.ones((1, 30, 1))
    np.testing.assert_allclose(ss.saliency(str(path), x, 0), ss.saliency(model, x, 0), rtol=1e-6)


# --- hidden functions -----------------------------------------------------------------------------------------


class Hidden(keras.Model):
    def __init__(self, autograph):
        super().__init__()
        self.conv = L.Conv1D(4, 5)
        self.pool = L.GlobalAveragePooling1D()
        self.head = L.Dense(2)
        self.autograph = autograph

    @tf.function
    def features(self, x):
        if self.autograph and tf.reduce_sum(x) > -1e9:  # needs autograph, so it cannot be inlined
            x = x * 1.0
        return tf.nn.relu(self.conv(x))

    def call(self, x):
        return self.head(self.pool(self.features(x)))


def test_inner_functions_are_inlined():
    model = Hidden(autograph=False)
    model(np.zeros((1, 30, 1), "float32"))
    randomise(model)
    x = RNG.normal(size=(2, 30, 1))
    a = ss.deep_lift(model, x, 0)
    score, bound = ss.Score(model, 0).bind(x)
    np.testing.assert_allclose(a.sum((1, 2)), score(bound) - score(0 * bound), rtol=1e-4)
    assert np.abs(ss.guided_backprop(model, x, 0) - ss.saliency(model, x, 0)).max() > 0


def test_functions_that_cannot_be_inlined_are_refused_by_name():
    model = Hidden(autograph=True)
    model(np.zeros((1, 30, 1), "float32"))
    x = RNG.normal(size=(2, 30, 1))
    assert np.abs(ss.saliency(model, x, 0)).max() > 0
    for name in ("guided_backprop", "deep_lift"):
        with pytest.raises(UnsupportedOpError, match=r"op (Stateful)?PartitionedCall"):
            ss.explain(model, x, 0, method=name)


class Enclosed(keras.Model):
    @tf.function
    def call(self, x):
        if tf.reduce_sum(x) > -1e9:  # needs autograph
            x = x * 2.0
        return tf.nn.softmax(x[:, :3, 0])


def test_a_head_that_cannot_be_seen_is_said():
    with pytest.warns(SignalScreenWarning, match="stays part of the score"):
        a = ss.saliency(Enclosed(), np.ones((1, 30, 1)), 0)
    np.testing.assert_array_equal(a, ss.saliency(Enclosed(), np.ones((1, 30, 1)), 0, score="probability"))


@pytest.mark.parametrize("cell", ["LSTM", "GRU", "SimpleRNN"])
def test_unrolled_recurrence_lies_open(cell):
    x = keras.Input((6, 2))
    model = randomise(keras.Model(x, L.Dense(2)(getattr(L, cell)(3, unroll=True)(x))))
    given = RNG.normal(size=(4, 6, 2)).astype("float32")
    a = ss.deep_lift(model, given, 0, references=0.3)
    score, given = ss.Score(model, 0).bind(given)
    change = score(given) - score(np.full_like(given, 0.3))
    np.testing.assert_allclose(a.sum((1, 2)), change, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_convolutions_in_groups(rank):
    conv = getattr(L, f"Conv{rank}D")
    x = keras.Input((*[5] * rank, 4))
    grouped = keras.Model(x, L.Dense(2)(L.Flatten()(conv(6, 3, groups=2, activation="relu")(x))))
    parts = [conv(3, 3, activation="relu")(part) for part in keras.ops.split(x, 2, axis=-1)]
    dense = keras.Model(x, L.Dense(2)(L.Flatten()(L.Concatenate()(parts))))
    randomise(grouped)
    kernel, bias, *rest = grouped.get_weights()
    halves = zip(np.split(kernel, 2, -1), np.split(bias, 2), strict=True)
    dense.set_weights([*(w for half in halves for w in half), *rest])
    given = RNG.normal(size=(2, *[5] * rank, 4)).astype("float32")
    np.testing.assert_allclose(
        *(ss.Score(m, 0).bind(given)[0](given) for m in (grouped, dense)), rtol=1e-5, atol=1e-5
    )
    for name in ("saliency", "guided_backprop", "deep_lift"):
        a, b = (ss.explain(m, given, 0, method=name) for m in (grouped, dense))
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_recurrent_loops_are_refused_by_name():
    x = keras.Input((30, 1))
    model = keras.Model(x, L.Dense(2)(L.GRU(4)(x)))
    assert ss.saliency(model, np.ones((1, 30, 1)), 0).shape == (1, 30, 1)
    with pytest.raises(UnsupportedOpError, match="While"):
        ss.deep_lift(model, np.ones((1, 30, 1)), 0)


# --- patches --------------------------------------------------------------------------------------------------


def test_patched_writes_each_edit_out():
    model = net(HEADS["softmax"][0], leads=2)
    x = RNG.normal(size=(2, 30, 2)).astype("float32")
    score, x = ss.Score(model, 1, batch_size=3).bind(x)
    starts = np.array([[-2], [0], [11], [27]])
    content = RNG.normal(size=(4, 2, 5, 2)).astype("float32")
    for channel in (None, 1):
        found = score.patched(x, [Patches(starts, (5,), content, channel)])
        for p, (start,) in enumerate(starts):
            edited = x.copy()
            for offset in range(5):
                if 0 <= start + offset < 30:
                    which = slice(None) if channel is None else channel
                    edited[:, start + offset, which] = content[p, :, offset, which]
            np.testing.assert_allclose(found[p], score(edited), rtol=1e-5)


def test_a_score_of_one_class_takes_any_number_of_rows():
    model = shared()
    x = RNG.normal(size=(3, 30, 1)).astype("float32")
    score, _ = ss.Score(model, 2).bind(x[:1])
    np.testing.assert_array_equal(score(x), ss.Score(model, 2).bind(x)[0](x))
    score, _ = ss.Score(model, [2, 0]).bind(x[:2])
    with pytest.raises(InputError, match="bound to 2 examples"):
        score(x)


def test_variants_are_rows_of_the_same_example():
    model = shared()
    score, x = ss.Score(model, [0, 2]).bind(RNG.normal(size=(2, 30, 1)))
    variants = np.stack([x, 2 * x, 3 * x])
    together = score(variants)
    np.testing.assert_allclose(together, np.stack([score(v) for v in variants]), rtol=1e-5)
    gradients = score.gradient(variants)
    np.testing.assert_allclose(gradients[2], score.gradient(3 * x), rtol=1e-4, atol=1e-6)
