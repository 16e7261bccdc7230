"""Formulas on scores of closed form: no model, and the number of calls counted."""

import numpy as np
import pytest

import signalscreen as ss
from signalscreen.errors import CompletenessWarning
from signalscreen.finiteness import Watch
from signalscreen.resize import interpolate, resize


class Product:
    """S(x) = x0 * x1 of each example; knows nothing of TensorFlow."""

    axes, rank = (-2,), 2
    numbers = np.arange(100)
    watch = Watch()
    precision = "float32"

    def __init__(self):
        self.gradients = self.scores = 0

    def __call__(self, x):
        self.scores += 1
        return x[..., 0, 0] * x[..., 1, 0]

    def gradient(self, x, rules=None):
        self.gradients += len(x) if x.ndim == 4 else 1
        return x[..., ::-1, :]

    def patched(self, x, patches):
        return np.concatenate([self(p.applied(x)) for p in patches])

    def part(self, rows):
        new = Product()
        new.numbers = self.numbers[rows]
        return new

    def room(self, x):
        return 7

    def spread(self, x):
        return np.ones_like(x)

    def track(self, items, total, what):
        return iter(items)


X = np.array([[[3.0], [2.0]], [[-1.0], [4.0]]])


def formula(name, **options):
    score = Product()
    return ss.METHODS[name].formula(score, X, **options), score


def test_gradients():
    np.testing.assert_array_equal(formula("saliency")[0][..., 0], [[2, 3], [4, -1]])
    np.testing.assert_array_equal(formula("input_x_gradient")[0][..., 0], [[6, 6], [-4, -4]])


@pytest.mark.parametrize("rule", ["trapezoid", "midpoint", "gauss_legendre"])
@pytest.mark.parametrize("steps", [1, 2, 9])
def test_integrated_gradients_of_a_product_are_halves(rule, steps):
    """The gradient is linear along the path, so these rules are exact, at any number of steps."""
    a, score = formula("integrated_gradients", rule=rule, steps=steps)
    np.testing.assert_allclose(a[..., 0], [[3, 3], [-2, -2]])
    assert score.gradients == steps + (rule == "trapezoid")
    assert score.scores == 2


def test_a_baseline_per_example():
    baseline = np.array([[[1.0], [1.0]], [[0.0], [4.0]]])
    a, _ = formula("integrated_gradients", baseline=baseline)
    np.testing.assert_allclose(a.sum((1, 2)), [6 - 1, -4 - 0])
    np.testing.assert_allclose(a[1, :, 0], [-4, 0])


class Step(Product):
    """S(x) = max(x0 - 0.7, 0): the gradient jumps on the path, so that steps matter."""

    def __call__(self, x):
        return np.maximum(x[..., 0, 0] - 0.7, 0)

    def gradient(self, x, rules=None):
        g = np.zeros_like(x)
        g[..., 0, 0] = x[..., 0, 0] > 0.7
        self.gradients += x[..., 0, 0].size
        return g

    def part(self, rows):
        self.inner = Step()
        self.inner.numbers = self.numbers[rows]
        return self.inner


def test_steps_double_for_the_examples_that_need_it():
    x = np.array([[[1.0], [0.0]], [[0.5], [0.0]]])  # the second never meets the jump
    score = Step()
    a = ss.METHODS["integrated_gradients"].formula(score, x, steps=4, tolerance=0.01)
    np.testing.assert_allclose(a.sum((1, 2)), [0.3, 0], atol=0.003)
    assert score.gradients == 2 * 5, "the first round asks for both"
    assert list(score.inner.numbers) == [0], "later ones for the first alone"


def test_examples_that_do_not_close_are_named():
    x = np.array([[[0.5], [0.0]], [[1.0], [0.0]]])
    with pytest.warns(CompletenessWarning, match=r"example\(s\) 1 miss .* stopped at max_steps=8"):
        ss.METHODS["integrated_gradients"].formula(Step(), x, steps=4, tolerance=1e-4, max_steps=8)


def test_occlusion_of_a_product():
    a, _score = formula("occlusion", window=1, stride=1)
    np.testing.assert_array_equal(a, [[6, 6], [-4, -4]])
    a, _ = formula("occlusion", window=2, stride=1)
    np.testing.assert_array_equal(a, [[6, 6], [-4, -4]])
    a, _ = formula("occlusion", window=1, stride=1, fill=1.0)
    np.testing.assert_array_equal(a, [[4, 3], [-8, -3]])


@pytest.mark.parametrize("credit", ["mean", "centre"])
@pytest.mark.parametrize("fill", ["zero", "mean", "local_mean", "noise", "array"])
@pytest.mark.parametrize(("window", "stride"), [(1, 1), (3, 1), (4, 3), (5, 5), (3, 4)])
def test_occlusion_agrees_with_a_slow_loop(credit, fill, window, stride):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(11, 2))

    class Weighted(Product):
        def __call__(self, x):
            return (weights * x**2).sum((-1, -2))

    x, other = rng.normal(size=(2, 11, 2)), rng.normal(size=(11, 2))
    score = Weighted()
    given = other if fill == "array" else fill
    ours = ss.METHODS["occlusion"].formula(score, x, window=window, stride=stride, fill=given, credit=credit)
    noisy = x.mean(1, keepdims=True) + x.std(1, keepdims=True) * np.random.default_rng([0, 0]).standard_normal(
        (11, 2)
    )
    backgrounds = {"zero": 0 * x, "mean": x.mean(1, keepdims=True) + 0 * x, "noise": noisy, "array": other + 0 * x}

    places, falls, spans = [], [], []
    place = 0
    while True:
        last = place + window >= 11 if credit == "mean" else place >= 10
        place = min(place, 10) if credit == "centre" else place
        start = place if credit == "mean" else place - (window - 1) // 2
        span = slice(max(start, 0), min(start + window, 11))
        cut = x.copy()
        cut[:, span] = x[:, span].mean(1, keepdims=True) if fill == "local_mean" else backgrounds[fill][:, span]
        places.append(place)
        spans.append(span)
        falls.append(score(x) - score(cut))
        if last:
            break
        place += stride
    slow = np.zeros((2, 11))
    for t in range(11):
        if credit == "mean":
            covering = [fall for fall, span in zip(falls, spans, strict=True) if span.start <= t < span.stop]
            slow[:, t] = np.mean(covering, axis=0) if covering else 0
        else:
            slow[:, t] = [np.interp(t, places, [fall[n] for fall in falls]) for n in range(2)]
    np.testing.assert_allclose(ours, slow, atol=1e-9)


def test_smooth_grad_is_the_mean_over_its_noise():
    a, _ = formula("smooth_grad", samples=20, level=0.5)
    drawn = np.stack([np.random.default_rng([0, i]).standard_normal((2, 1)) for i in range(20)])
    np.testing.assert_allclose(a, (X[None] + 0.5 * drawn[:, None])[..., ::-1, :].mean(0))
    v, _ = formula("var_grad", samples=20, level=0.5)
    np.testing.assert_allclose(v, (0.5 * drawn[:, None] + 0 * X)[..., ::-1, :].var(0))


def test_resizing_keeps_means_of_halves_and_doubles():
    maps = np.random.default_rng(0).normal(size=(3, 8))
    np.testing.assert_allclose(resize(maps, [4], [1]), maps.reshape(3, 4, 2).mean(-1))
    assert resize(maps, [16], [1]).max() <= maps.max()
    np.testing.assert_array_equal(resize(maps[:, :1], [5], [1]), np.repeat(maps[:, :1], 5, 1))
    np.testing.assert_allclose(interpolate(maps, np.arange(8), 8, 1), maps)
