"""Merged channels and scales, against a loop over places."""

from math import sqrt

import numpy as np
import pytest

import signalscreen as ss
from signalscreen.errors import OptionError

BY_HAND = {
    "max_abs": lambda c: max(abs(v) for v in c),
    "sum": sum,
    "mean": lambda c: sum(c) / len(c),
    "abs_sum": lambda c: sum(abs(v) for v in c),
    "l2": lambda c: sqrt(sum(v * v for v in c)),
    "positive": lambda c: sum(v for v in c if v > 0),
    "negative": lambda c: sum(v for v in c if v < 0),
}


def maps(*axes):
    return np.random.default_rng(len(axes)).normal(0.3, 1, size=(3, *axes, 4))


def slow(attribution, how):
    found = np.zeros(attribution.shape[:-1])
    for place in np.ndindex(found.shape):
        found[place] = BY_HAND[how]([float(v) for v in attribution[place]])
    return found


@pytest.mark.parametrize("axes", [(5,), (3, 4), (2, 3, 2)])
@pytest.mark.parametrize("how", BY_HAND)
def test_channels_are_merged_place_by_place(how, axes):
    np.testing.assert_allclose(ss.reduce(maps(*axes), how), slow(maps(*axes), how), rtol=1e-12)


def test_the_default_is_the_largest_magnitude():
    np.testing.assert_array_equal(ss.reduce(maps(5)), np.abs(maps(5)).max(axis=-1))


@pytest.mark.parametrize("how", BY_HAND)
@pytest.mark.parametrize("per_example", [True, False])
def test_scales_are_of_each_example_or_of_all(how, per_example):
    plain = slow(maps(5, 2), how)
    groups = [[i] for i in range(3)] if per_example else [[0, 1, 2]]
    signed = ss.reduce(maps(5, 2), how, scale="max_abs", per_example=per_example)
    lifted = ss.reduce(maps(5, 2), how, scale="min_max", per_example=per_example)
    for rows in groups:
        own = plain[rows]
        np.testing.assert_allclose(signed[rows], own / np.abs(own).max(), rtol=1e-12)
        np.testing.assert_allclose(lifted[rows], (own - own.min()) / (own.max() - own.min()), atol=1e-12)


@pytest.mark.parametrize("scale", ["max_abs", "min_max"])
def test_flat_maps_become_zeros_and_do_not_touch_others(scale):
    attribution = maps(5)
    attribution[1] = 0
    found = ss.reduce(attribution, "sum", scale=scale)
    np.testing.assert_array_equal(found[1], 0)
    np.testing.assert_array_equal(found[[0, 2]], ss.reduce(attribution[[0, 2]], "sum", scale=scale))


@pytest.mark.parametrize("wrong", [{"how": "max"}, {"scale": "percent"}])
def test_what_is_not_known_is_named(wrong):
    with pytest.raises(OptionError, match=f"{next(iter(wrong.values()))}.*not known"):
        ss.reduce(maps(5), **wrong)
