"""Activation maximisation: what it finds on networks whose answer is known, and what it refuses."""

import keras
import numpy as np
import pytest

import signalscreen as ss
from signalscreen.errors import InputError, LayerError, OptionError, TargetError
from signalscreen.sinusoids import CARRIER, FREQUENCIES, FS, classifier
from tests.contract import zoo

L = keras.layers


@pytest.fixture(scope="module")
def sinusoids():
    return classifier("plain")


@pytest.fixture(scope="module")
def net():
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((40, 2)),
            L.Conv1D(4, 5, activation="leaky_relu", bias_initializer="normal", name="conv"),
            L.Conv1D(3, 3, activation="tanh", name="deep"),
            L.GlobalAveragePooling1D(),
            L.Dense(3, "softmax", name="out"),
        ]
    )


@pytest.fixture(scope="module")
def exact():
    """In float64, where the order of additions does not show."""
    keras.utils.set_random_seed(2)
    kept = {"dtype": "float64"}
    return keras.Sequential(
        [
            keras.Input((40, 1), dtype="float64"),
            L.Conv1D(4, 5, activation="relu", **kept),
            L.GlobalMaxPooling1D(**kept),
            L.Dense(3, **kept),
        ]
    )


@pytest.mark.parametrize("options", [{}, {"jitter": 16}, {"limits": (-1.5, 1.5)}, {"band": (2, 30), "fs": FS}])
def test_the_dominant_frequency_is_that_of_the_class(sinusoids, options):
    label = np.repeat(np.arange(4), 2)
    made = ss.maximize_activation(sinusoids, label, steps=120, **options)
    assert (sinusoids.predict(made.x, verbose=0)[np.arange(8), label] > 0.99).all()
    power = np.abs(np.fft.rfft(made.x[..., 0], axis=1))
    dominant = np.fft.rfftfreq(256, 1 / FS)[power.argmax(axis=1)]
    known = np.array([*FREQUENCIES, CARRIER])
    nearest = np.abs(dominant[:, None] - known).argmin(axis=1)
    np.testing.assert_array_equal(nearest, label)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["sequential", "nested", "raw_ops"])
def test_the_score_rises_in_every_model(kind, rank):
    model = zoo.build(kind, rank)
    start = zoo.signals(rank, 2)
    made = ss.maximize_activation(model, 1, start=start, steps=15, rms=2.0)
    assert made.x.shape == start.shape
    np.testing.assert_array_equal(made.start, start)
    assert (made.score > made.score_history[0]).all()
    bound, x = ss.Score(model, 1).bind(made.x)
    np.testing.assert_allclose(bound(x), made.score, rtol=1e-5)


@pytest.mark.parametrize(
    "target",
    [
        0,
        "beat",
        ss.Unit("conv", 2),
        ss.Unit("conv", 2, 7),
        ss.Unit("deep", reduce="l2"),
        ss.Unit("deep", 1, reduce=lambda a: keras.ops.max(a, axis=1)),
        lambda y: y[:, 0] - y[:, 2],
    ],
)
def test_any_target_is_maximised(net, target):
    names = ["beat", "noise", "other"]
    made = ss.maximize_activation(net, target, steps=15, class_names=names)
    bound, x = ss.Score(net, target, class_names=names).bind(made.x)
    assert bound(x)[0] > made.score_history[0, 0]


def test_a_position_is_moved_by_what_it_sees_alone(net):
    made = ss.maximize_activation(net, ss.Unit("conv", 2, 7), steps=5, rms=None)
    changed = np.abs(made.x - made.start)[0].max(axis=1) > 0
    assert changed[7:12].all()
    assert changed.sum() == 5  # the kernel


def test_of_bounded_energy_the_strongest_input_of_a_linear_score_is_its_weights():
    weights = np.random.default_rng(0).normal(size=(12, 1)).astype("float32")
    linear = keras.Sequential([keras.Input((6, 2)), L.Flatten(), L.Dense(1)])
    linear.set_weights([weights, np.zeros(1)])
    best = 0.5 * np.sqrt(12) * weights / np.linalg.norm(weights)
    slower = keras.optimizers.schedules.ExponentialDecay(0.1, 25, 0.5)
    for optimizer in ("adam", "sgd"):
        made = ss.maximize_activation(linear, 0, rms=0.5, optimizer=optimizer, learning_rate=slower)
        np.testing.assert_allclose(made.best.reshape(12, 1), best, atol=5e-3, err_msg=optimizer)
    # Steps of one size for every number, as RMSprop takes them, come to rest beside the top of a sphere.
    made = ss.maximize_activation(linear, 0, rms=0.5, optimizer="rmsprop", learning_rate=slower)
    assert made.score[0] > 0.95 * np.sum(best * weights)


def test_the_same_seed_gives_the_same_and_more_seeds_change_no_row(exact):
    options = {"jitter": 3, "blur": 0.5, "normalise_gradient": True, "steps": 25, "tv": 0.1}
    many = ss.maximize_activation(exact, 1, seeds=4, **options)
    assert many.x.dtype == np.float64
    np.testing.assert_array_equal(ss.maximize_activation(exact, 1, seeds=4, **options).x, many.x)
    few = ss.maximize_activation(exact, 1, seeds=1, **options)
    np.testing.assert_allclose(few.x[0], many.x[0], rtol=1e-9)
    np.testing.assert_allclose(few.history[:, 0], many.history[:, 0], rtol=1e-9)
    in_parts = ss.maximize_activation(exact, 1, seeds=4, batch_size=3, **options)
    np.testing.assert_allclose(in_parts.x, many.x, rtol=1e-9)
    assert not np.allclose(many.x[0], many.x[1])
    assert not np.allclose(ss.maximize_activation(exact, 1, seed=1, **options).x[0], many.x[0])


def test_one_target_a_row(sinusoids):
    made = ss.maximize_activation(sinusoids, [2, 0, 1], steps=60)
    np.testing.assert_array_equal(sinusoids.predict(made.x, verbose=0).argmax(axis=1), [2, 0, 1])


def test_the_objective_is_the_score_less_the_penalties(net):
    from signalscreen.synthesis import priors

    weights = {"lp": 10.0, "tv": 10.0, "smoothness": 3.0}
    made = ss.maximize_activation(net, 0, seeds=2, steps=5, rms=None, weight_decay=0.01, scale=2.0, **weights)
    z = made.x / 2
    found = zip(weights.values(), (priors.lp_norm, priors.total_variation, priors.roughness), strict=True)
    cost = sum(weight * penalty(z)[0] / 80 for weight, penalty in found) + 0.01 * priors.energy(z)[0]
    np.testing.assert_allclose(made.objective, made.score - cost, rtol=1e-5)


@pytest.mark.parametrize("name", ["lp", "tv", "smoothness", "weight_decay"])
def test_a_penalty_lowers_what_it_is_held_against(net, name):
    from signalscreen.synthesis import priors

    measure = {
        "lp": priors.lp_norm,
        "tv": priors.total_variation,
        "smoothness": priors.roughness,
        "weight_decay": priors.energy,
    }[name]
    free = ss.maximize_activation(net, 0, rms=None, steps=40)
    held = ss.maximize_activation(net, 0, rms=None, steps=40, **{name: 10.0})
    assert measure(held.x)[0] < 0.8 * measure(free.x)[0]


def test_constraints_hold_in_the_result(net):
    made = ss.maximize_activation(net, 0, limits=(2, 5), steps=20)
    assert made.x.min() >= 2
    assert made.x.max() <= 5
    made = ss.maximize_activation(net, 0, band=(5, 20), fs=100, steps=20)
    power = np.abs(np.fft.rfft(made.x, axis=1)) ** 2
    inside = (np.fft.rfftfreq(40, 0.01) >= 5) & (np.fft.rfftfreq(40, 0.01) <= 20)
    assert power[:, ~inside].sum() < 1e-9 * power.sum()
    assert np.sqrt(np.mean(made.x**2)) < 1 + 1e-6
    signal = np.random.default_rng(3).normal(size=(40, 2))
    made = ss.maximize_activation(net, 0, spectrum=signal, steps=20)
    np.testing.assert_allclose(
        np.abs(np.fft.rfft(made.x[0], axis=0)), np.abs(np.fft.rfft(signal, axis=0)), atol=1e-4
    )
    assert made.score > made.score_history[0]


def test_units_of_the_signal_do_not_matter():
    """A network of millivolts and the same of microvolts have the same answer."""
    keras.utils.set_random_seed(4)
    layers = [L.Conv1D(4, 5, activation="relu"), L.GlobalMaxPooling1D(), L.Dense(2)]
    milli = keras.Sequential([keras.Input((30, 1)), *layers])
    micro = keras.Sequential([keras.Input((30, 1)), L.Rescaling(1e-3), *layers])
    options = {"tv": 1.0, "lp": 1.0, "clip_gradient": 0.5, "steps": 20}
    one = ss.maximize_activation(milli, 0, limits=(-2, 3), **options)
    other = ss.maximize_activation(micro, 0, limits=(-2000, 3000), **options)
    np.testing.assert_allclose(other.x / 1000, one.x, atol=1e-3)


def test_backward_rules_take_the_place_of_the_gradient(net):
    plain = ss.maximize_activation(net, 0, steps=5)
    guided = ss.maximize_activation(net, 0, steps=5, rules="guided")
    assert not np.allclose(plain.x, guided.x)


def test_a_free_axis_takes_a_length():
    keras.utils.set_random_seed(0)
    free = keras.Sequential([keras.Input((None, 1)), L.Conv1D(2, 3), L.GlobalMaxPooling1D()])
    assert ss.maximize_activation(free, 0, length=50, steps=1).x.shape == (1, 50, 1)
    with pytest.raises(OptionError, match=r"leaves 1 of its axes free; give length="):
        ss.maximize_activation(free, 0)
    image = keras.Sequential([keras.Input((None, None, 1)), L.Conv2D(2, 3), L.GlobalMaxPooling2D()])
    assert ss.maximize_activation(image, 0, length=(9, 8), steps=1).x.shape == (1, 9, 8, 1)


def test_of_several_inputs_one_is_made_and_the_others_are_held():
    keras.utils.set_random_seed(0)
    ecg, age = keras.Input((20, 1), name="ecg"), keras.Input((1,), name="age")
    h = L.GlobalMaxPooling1D()(L.Conv1D(4, 5, activation="tanh")(ecg))
    both = keras.Model({"ecg": ecg, "age": age}, L.Dense(2)(L.Concatenate()([h, 9 * age])))
    with pytest.raises(InputError, match=r"input None does not say .* give input= one of age, ecg"):
        ss.maximize_activation(both, 0)
    made = ss.maximize_activation(both, 0, input="ecg", steps=10, seeds=3)
    assert made.x.shape == (3, 20, 1)
    score = both({"ecg": made.x, "age": np.zeros((3, 1))})[:, 0]
    np.testing.assert_allclose(made.score, score, rtol=1e-5)
    begun = {"ecg": np.ones((1, 20, 1)), "age": np.full((1, 1), 50.0)}
    held = ss.maximize_activation(both, 0, input="ecg", start=begun, steps=10)
    np.testing.assert_allclose(held.score, both({"ecg": held.x, "age": begun["age"]})[:, 0], rtol=1e-5)


def test_features_without_an_axis_are_made_too():
    keras.utils.set_random_seed(0)
    table = keras.Sequential([keras.Input((7,)), L.Dense(2)])
    assert ss.maximize_activation(table, 0, steps=3).x.shape == (1, 7)
    with pytest.raises(OptionError, match="blur runs along the signal's axes"):
        ss.maximize_activation(table, 0, blur=1)


@pytest.mark.parametrize(
    ("target", "options", "error", "words"),
    [
        (None, {}, TargetError, "target is None.*give a class"),
        (9, {}, TargetError, "target 9 is out of range"),
        (ss.Unit("conv", 4), {}, TargetError, "filter 4 is out of range"),
        (ss.Unit("conv9"), {}, LayerError, "'conv9' is not in the model"),
        (0, {"optimizer": "newton"}, OptionError, "optimizer 'newton' is not known"),
        (0, {"steps": 0}, OptionError, "steps 0 is no number of steps"),
        (0, {"steps": 2.5}, OptionError, "steps 2.5 is no number"),
        (0, {"band": (1, 5)}, OptionError, "give fs"),
        (0, {"band": (1, 500), "fs": 100}, OptionError, "half the sampling rate, 50 Hz"),
        (0, {"band": (9, 5), "fs": 100}, OptionError, "does not rise"),
        (0, {"limits": (1, -1)}, OptionError, r"limits \(1, -1\) do not rise"),
        (0, {"limits": 3}, OptionError, "limits 3 do not rise"),
        (0, {"rms": -1}, OptionError, "rms -1 is not known"),
        (0, {"rms": "unit"}, OptionError, "rms 'unit' is not known"),
        (0, {"rms": 1, "spectrum": np.ones((40, 2))}, OptionError, "rms is given beside spectrum"),
        (0, {"spectrum": np.ones((39, 2))}, InputError, r"spectrum has shape \(39, 2\)"),
        (0, {"start": np.ones((40, 3))}, InputError, r"start has shape \(40, 3\)"),
        (0, {"start": "ones"}, OptionError, "start 'ones' is not known"),
        (0, {"start": np.ones((2, 40, 2)), "seeds": 3}, InputError, "start holds 2 signals, and 3"),
        (0, {"seeds": 0}, OptionError, "seeds 0 is no number"),
        (0, {"length": 50}, OptionError, "length 50 does not fit"),
        (0, {"jitter": 40}, OptionError, "jitter 40 is not shorter than the signal of 40 samples"),
        (0, {"jitter": -1}, OptionError, "jitter -1 is no number"),
        (0, {"tv": -1}, OptionError, "tv -1 is no weight"),
        (0, {"blur": -1}, OptionError, "blur -1 is no weight"),
        (0, {"blur_every": 0}, OptionError, "blur_every 0 is no number"),
        (0, {"rules": "deep_lift"}, OptionError, "rules 'deep_lift' are not known"),
        (0, {"clip_gradient": -1}, OptionError, "clip_gradient -1"),
        (0, {"scale": [1, 2]}, OptionError, "scale has 2 numbers for 1 rows"),
        (0, {"scale": 0}, OptionError, "scale 0 is not known"),
        (0, {"input": "ecg"}, InputError, "input 'ecg' does not say"),
    ],
)
def test_what_does_not_fit_is_refused(net, target, options, error, words):
    with pytest.raises(error, match=words):
        ss.maximize_activation(net, target, **options)


def test_indices_are_not_climbed():
    words = keras.Sequential([keras.Input((9,), dtype="int32"), L.Embedding(4, 3), L.GlobalMaxPooling1D()])
    with pytest.raises(InputError, match=r"is int32 .*embedding"):
        ss.maximize_activation(words, 0)
