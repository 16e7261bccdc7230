"""Deletion curves: closed forms, a slow one written out, known truths, and what must be refused."""

import numpy as np
import pytest

import signalscreen as ss
from signalscreen.backend import keras
from signalscreen.errors import InputError, OptionError
from tests.contract import zoo

L = keras.layers
RNG = np.random.default_rng(0)


def linear(weights):
    model = keras.Sequential([keras.Input(weights.shape), L.Flatten(), L.Dense(1)])
    model.set_weights([weights.reshape(-1, 1), np.zeros(1)])
    return model


def slow(answers, x, attribution, window, points, insert, fill=0.0):
    """One example: rank its windows, edit step by step, ask the model each time."""
    n = x.shape[1]
    parts = [slice(i, min(i + window, n)) for i in range(0, n, window)]
    order = sorted(range(len(parts)), key=lambda i: -attribution[0, parts[i]].mean())
    full = np.broadcast_to(fill, x.shape)
    curve = []
    for cut in np.linspace(0, len(parts), points + 1).round().astype(int):
        edited = (full if insert else x).copy()
        for i in order[:cut]:
            edited[:, parts[i]] = (x if insert else full)[:, parts[i]]
        curve.append(answers(edited)[0])
    return np.array(curve)


@pytest.mark.parametrize("insert", [False, True])
@pytest.mark.parametrize(("window", "steps"), [(1, 50), (5, 3), (7, 2)])
def test_each_point_is_what_the_model_says_of_that_signal(insert, window, steps):
    model, x = zoo.shared("functional", 1), zoo.signals(1)
    a = RNG.normal(size=x.shape[:-1])
    points = min(steps, -(-24 // window))
    options = {"window": window, "steps": steps, "fill": 0.3, "insert": insert, "score": "probability"}
    curve = ss.deletion_curve(model, x, a, 1, **options)
    assert curve.score.shape == (3, points + 1)
    assert curve.score.dtype == curve.area.dtype == np.float32
    for i in range(3):
        one = slow(
            lambda s: model(s).numpy()[:, 1], x[i : i + 1], a[i : i + 1], window, points, insert, np.float32(0.3)
        )
        np.testing.assert_allclose(curve.score[i], one, atol=1e-6)


def test_the_curve_of_a_linear_model_is_known():
    weights, x = RNG.normal(size=(40, 2)), RNG.normal(size=(3, 40, 2))
    exact = x * weights
    curve = ss.deletion_curve(linear(weights), x, exact, 0, window=1, steps=40)
    falls = np.cumsum(np.sort(exact.sum(-1), axis=1)[:, ::-1], axis=1)
    total = exact.sum((1, 2))[:, None]
    expected = total - np.concatenate([np.zeros((3, 1)), falls], axis=1)
    np.testing.assert_allclose(curve.score, expected, atol=1e-5)
    np.testing.assert_allclose(curve.fraction, np.arange(41) / 40)
    means = (expected[:, 1:] + expected[:, :-1]).mean(axis=1) / 2
    np.testing.assert_allclose(curve.area, means, atol=1e-5)
    back = ss.deletion_curve(linear(weights), x, exact, 0, window=1, steps=40, insert=True)
    np.testing.assert_allclose(back.score, total - expected, atol=1e-5)


def test_the_truth_beats_every_random_order_and_its_opposite_loses():
    """Deleting what raises the score first is the best order that a linear model has."""
    weights, x = RNG.normal(size=(60, 1)), RNG.normal(size=(4, 60, 1))
    truth = x * weights
    for insert, better in ((False, np.less), (True, np.greater)):
        options = {"window": 3, "insert": insert, "orders": 20}
        right = ss.deletion_curve(linear(weights), x, truth, 0, **options)
        wrong = ss.deletion_curve(linear(weights), x, -truth, 0, **options)
        assert better(right.area[:, None], right.random_area).all()
        assert better(right.random_area, wrong.area[:, None]).all()
        assert right.random_area.shape == (4, 20)
        assert right.random_score.shape == (4, 20, 21)


def test_an_attribution_of_a_network_beats_random_orders():
    """A rectified convolution: not linear, but exactly explained by occlusion of single windows."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((64, 1)), L.Conv1D(4, 1, activation="relu"), L.GlobalAveragePooling1D(), L.Dense(1)]
    )
    x = RNG.normal(size=(5, 64, 1))
    a = ss.occlusion(model, x, 0, window=4, stride=4)
    curve = ss.deletion_curve(model, x, a, 0, window=4, orders=30)
    assert (curve.area[:, None] <= curve.random_area + 1e-6).all()
    assert (curve.area < curve.random_area.mean(axis=1)).all()


def test_all_orders_begin_and_end_alike():
    model, x = zoo.shared("sequential", 2), zoo.signals(2)
    curve = ss.deletion_curve(model, x, RNG.normal(size=x.shape), 0, window=(3, 2), fill="mean")
    score, bound = ss.Score(model, 0).bind(x)
    np.testing.assert_allclose(curve.score[:, 0], score(bound), atol=1e-6)
    level = np.broadcast_to(x.mean(axis=(1, 2), keepdims=True), x.shape)
    np.testing.assert_allclose(curve.score[:, -1], score(level), atol=1e-6)
    for end in (0, -1):
        same = np.broadcast_to(curve.score[:, None, end], curve.random_score[..., end].shape)
        np.testing.assert_allclose(curve.random_score[..., end], same, atol=1e-6)


@pytest.mark.parametrize("fill", ["zero", "mean", "local_mean", "noise", "each"])
def test_results_do_not_depend_on_how_the_work_is_cut(fill):
    model, x = zoo.shared("functional", 1), zoo.signals(1, n=5)
    a = RNG.normal(size=x.shape)
    options = {"window": 5, "orders": 3, "fill": 0.5 * x if fill == "each" else fill}
    whole = ss.deletion_curve(model, x, a, [0, 1, 2, 0, 1], **options)
    small = ss.deletion_curve(model, x, a, [0, 1, 2, 0, 1], batch_size=2, **options)
    for one, other in zip(whole, small, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)
    again = ss.deletion_curve(model, x, a, [0, 1, 2, 0, 1], seed=1, **options)
    assert np.abs(again.random_score - whole.random_score).max() > 1e-4


def test_the_mean_of_each_window_is_its_own():
    """Of a model that adds up samples, nothing is lost by replacing them with their mean."""
    x = RNG.normal(size=(2, 23, 2))
    curve = ss.deletion_curve(linear(np.ones((23, 2))), x, x, 0, window=5, fill="local_mean")
    np.testing.assert_allclose(curve.score, np.repeat(x.sum((1, 2))[:, None], 6, axis=1), atol=1e-5)
    bent = ss.deletion_curve(linear(RNG.normal(size=(23, 2))), x, x, 0, window=5, fill="local_mean")
    assert np.ptp(bent.score, axis=1).min() > 0.1


def test_random_orders_are_permutations_of_the_windows_and_each_is_another():
    """Every window adds a power of two, so that the score tells which of them is gone."""
    powers = 2.0 ** np.arange(8)
    curve = ss.deletion_curve(linear(powers[:, None]), np.ones((2, 8, 1)), np.ones((2, 8)), 0, window=1, orders=200)
    np.testing.assert_array_equal(curve.random_score[0], curve.random_score[1])  # of every example the same
    taken = -np.diff(curve.random_score[0], axis=1)
    np.testing.assert_array_equal(np.sort(taken, axis=1), np.broadcast_to(powers, taken.shape))
    assert len(np.unique(taken, axis=0)) > 195
    np.testing.assert_allclose(np.argsort(taken, axis=1).mean(axis=0), 3.5, atol=0.6)  # no window goes early


def test_no_random_orders():
    curve = ss.deletion_curve(zoo.shared("sequential", 1), zoo.signals(1), np.ones((3, 24)), 0, orders=0)
    assert curve.random_score.shape == (3, 0, 25)
    assert curve.random_area.shape == (3, 0)


def test_the_network_that_ships_and_noise_put_in_at_a_known_place():
    """Two seconds of noise make the ECG bad; taking them away makes it good sooner than chance does."""
    from signalscreen.demo.running import quality_model_path
    from signalscreen.simulate import Artefact, add_artefacts, simulate_ecg

    clean = simulate_ecg(10, 125.0, seed=11).signal
    ecg = add_artefacts(clean, 125.0, [Artefact("muscle", 4, 6)], seed=11)
    x = ((ecg - ecg.mean()) / ecg.std())[None, :, None]
    truth = np.zeros((1, 1250))
    truth[:, 500:750] = 1
    fill = ((clean - clean.mean()) / clean.std())[:, None]
    curve = ss.deletion_curve(ss.load_model(quality_model_path()), x, truth, 0, window=50, fill=fill, orders=10)
    assert (curve.area[0] < curve.random_area[0]).all()


MODEL, X = zoo.shared("sequential", 1), zoo.signals(1)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"attribution": np.ones((3, 23))}, r"attribution has shape \(3, 23\) for signals of \(3, 24, 2\)"),
        ({"attribution": np.ones((1, 24))}, r"attribution has shape \(1, 24\)"),
        ({"attribution": np.full((3, 24), np.nan)}, "attribution has values that are not finite"),
        ({"window": 25}, "window 25 is longer than the signal of 24 samples"),
        ({"window": 0}, "window 0 is not understood"),
        ({"steps": 0}, "steps 0 is not a positive number of points"),
        ({"steps": 2.5}, "steps 2.5"),
        ({"orders": -1}, "orders -1 is not a number of random orders"),
        ({"fill": "grey"}, "fill 'grey' is not known"),
        ({"fill": np.zeros((7, 2))}, r"fill has shape \(7, 2\)"),
        ({"fill": "local_mean", "window": 1}, "'local_mean' in windows of one sample is the signal itself"),
    ],
)
def test_what_does_not_fit_is_refused(options, match):
    given = {"attribution": np.ones((3, 24)), **options}
    with pytest.raises((InputError, OptionError), match=match):
        ss.deletion_curve(MODEL, X, target=0, **given)
