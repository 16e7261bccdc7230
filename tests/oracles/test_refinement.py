"""Integrated gradients that double their steps come to what as many steps give at once, and ask at no point twice.

The score is of closed form and in float64, and notes at which points of the path it was asked.
"""

import warnings

import numpy as np
import pytest

import signalscreen as ss
from signalscreen.errors import CompletenessWarning
from signalscreen.finiteness import Watch

WEIGHTS = np.array([[3.0], [-2.0], [0.5], [1.5]])
X = np.array([[[1.0], [0.5], [-1.0], [0.3]], [[0.1], [0.0], [0.2], [0.0]], [[-0.7], [1.1], [0.4], [0.9]]])
FORMULA = ss.METHODS["integrated_gradients"].formula
BASELINE = np.array([[0.2], [-0.1], [0.0], [0.4]])


class Sine:
    """S(x) = sin(4 w x): its integral needs steps, more for some examples than for others."""

    axes, rank, precision = (-2,), 2, "float64"
    watch = Watch()

    def __init__(self, asked=None, numbers=None):
        self.asked = {} if asked is None else asked
        self.numbers = np.arange(len(X)) if numbers is None else numbers

    def __call__(self, x):
        return np.sin(4 * (WEIGHTS * x).sum((-1, -2)))

    def gradient(self, x):
        for row, number in enumerate(self.numbers):
            start = X[number] - BASELINE
            for point in x[:, row]:
                alpha = ((point - BASELINE) * start).sum() / (start**2).sum()
                self.asked.setdefault(int(number), []).append(float(alpha))
        return 4 * WEIGHTS * np.cos(4 * (WEIGHTS * x).sum((-1, -2), keepdims=True))

    def part(self, rows):
        return Sine(self.asked, self.numbers[rows])

    def room(self, x):
        return 5

    def track(self, items, total, what):
        return iter(items)


def quietly(*args, **options):
    """The formula with so few steps that sums stay open, which is another test's matter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CompletenessWarning)
        return FORMULA(*args, **options)


def points(rule, steps):
    return [i / steps for i in range(steps + (rule == "trapezoid"))]


@pytest.mark.parametrize("rule", ["trapezoid", "left"])
@pytest.mark.parametrize("steps", [2, 3])
def test_refined_is_as_with_all_steps_at_once(rule, steps):
    score = Sine()
    options = {"baseline": BASELINE, "rule": rule}
    tolerance = 0.003 if rule == "trapezoid" else 0.02
    refined = FORMULA(score, X, steps=steps, tolerance=tolerance, **options)
    found = {}
    for number, asked in score.asked.items():
        final = len(asked) - (rule == "trapezoid")
        assert len(asked) == len(points(rule, final)), "no point twice"
        np.testing.assert_allclose(sorted(asked), points(rule, final), atol=1e-9)
        found[number] = final
        at_once = quietly(Sine(), X, steps=final, **options)[number]
        np.testing.assert_allclose(refined[number], at_once, rtol=1e-9)
    assert len(set(found.values())) > 1, "not all examples need the same"
    change = score(X) - score(BASELINE)
    np.testing.assert_allclose(refined.sum((1, 2)), change, rtol=tolerance)
    doublings = np.log2(np.array(list(found.values())) / steps)
    np.testing.assert_array_equal(doublings, np.round(doublings))


@pytest.mark.parametrize("rule", ["trapezoid", "midpoint", "left", "gauss_legendre"])
def test_rules_come_to_the_integral_by_their_order(rule):
    """At 40 and 80 steps the error of a rule of order p falls by 2 to the p."""
    slope, start = (WEIGHTS * (X - BASELINE)).sum((1, 2)), (WEIGHTS * BASELINE).sum()
    mean = (np.sin(4 * (start + slope)) - np.sin(4 * start)) / slope  # of the cosine, on the path
    exact = WEIGHTS * (X - BASELINE) * mean[:, None, None]
    few, many = (np.abs(quietly(Sine(), X, steps=n, baseline=BASELINE, rule=rule) - exact).max() for n in (40, 80))
    if rule == "gauss_legendre":
        assert many < 1e-12
    else:
        assert few / many == pytest.approx(2 if rule == "left" else 4, rel=0.15)
