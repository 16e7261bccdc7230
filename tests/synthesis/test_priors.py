"""Penalties: values against slow loops over the published formulae, gradients against differences."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalscreen.synthesis import priors

PENALTIES = {
    "lp": priors.lp_norm,
    "l1.5": lambda x: priors.lp_norm(x, 1.5),
    "alpha": priors.alpha_norm,
    "tv": priors.total_variation,
    "tv1.5": lambda x: priors.total_variation(x, 1.5),
    "roughness": priors.roughness,
    "energy": priors.energy,
}
SHAPES = {1: (9, 2), 2: (5, 4, 2), 3: (4, 3, 5, 1)}


def rows(rank, n=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *SHAPES[rank]))


def slow_total_variation(row, beta=2.0):
    """keras-vis: differences to the next place on every axis, over places that have one on every axis."""
    total = 0.0
    for place in itertools.product(*[range(n - 1) for n in row.shape[:-1]]):
        for channel in range(row.shape[-1]):
            square = 0.0
            for axis in range(len(place)):
                later = tuple(p + (axis == i) for i, p in enumerate(place))
                square += (row[(*later, channel)] - row[(*place, channel)]) ** 2
            total += square ** (beta / 2)
    return total


def slow_roughness(row):
    total = 0.0
    for axis in range(row.ndim - 1):
        lines = np.moveaxis(row, axis, 0).reshape(row.shape[axis], -1)
        for line in lines.T:
            for i in range(len(line) - 2):
                total += (line[i] - 2 * line[i + 1] + line[i + 2]) ** 2
    return total


@pytest.mark.parametrize("rank", SHAPES)
def test_values_are_those_of_slow_loops(rank):
    x = rows(rank)
    for row, lp, tv, edges, rough in zip(
        x,
        priors.lp_norm(x, 6)[0],
        priors.total_variation(x)[0],
        priors.total_variation(x, 1.5)[0],
        priors.roughness(x)[0],
        strict=True,
    ):
        assert lp == pytest.approx(sum(abs(v) ** 6 for v in row.ravel()) ** (1 / 6))
        assert tv == pytest.approx(slow_total_variation(row))
        assert edges == pytest.approx(slow_total_variation(row, 1.5))
        assert rough == pytest.approx(slow_roughness(row))


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("name", PENALTIES)
def test_gradients_are_those_of_differences(name, rank):
    x = rows(rank)
    gradient = PENALTIES[name](x)[1]
    step = 1e-5
    for place in np.random.default_rng(1).choice(x[0].size, 8, replace=False):
        index = (1, *np.unravel_index(place, x.shape[1:]))
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        rise = PENALTIES[name](up)[0] - PENALTIES[name](down)[0]
        assert rise[0] == 0  # a row's penalty is its own
        assert gradient[index] == pytest.approx(rise[1] / (2 * step), rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("name", PENALTIES)
def test_silence_costs_nothing_and_has_no_slope(name):
    value, gradient = PENALTIES[name](np.zeros((2, 7, 1)))
    assert not value.any()
    assert not gradient.any()


@settings(max_examples=30, deadline=None)
@given(st.floats(0.1, 1e3), st.floats(1.5, 8))
def test_lp_norm_grows_with_its_input_and_does_not_overflow(factor, p):
    x = rows(1).astype("float32")
    np.testing.assert_allclose(priors.lp_norm(factor * x, p)[0], factor * priors.lp_norm(x, p)[0], rtol=1e-4)
    assert np.isfinite(priors.lp_norm(np.float32(1e15) * x, p)[0]).all()


def test_a_line_is_smooth_and_a_constant_has_no_variation():
    line = np.arange(8.0).reshape(1, 8, 1)
    assert priors.roughness(line)[0] == 0
    assert priors.total_variation(line)[0] == 7
    assert priors.total_variation(np.ones((1, 4, 4, 1)))[0] == 0
