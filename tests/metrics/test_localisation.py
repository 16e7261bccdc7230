"""Localisation scores: closed forms, a slow count of pairs, and what must be refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalscreen.errors import InputError, OptionError
from signalscreen.metrics import localisation_score

RNG = np.random.default_rng(0)


def slow_auc(relevance, inside):
    """Every pair of a place inside and one outside; a tie counts half."""
    pairs = [(a > b) + (a == b) / 2 for a in relevance[inside] for b in relevance[~inside]]
    return np.mean(pairs)


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_auc_is_the_share_of_pairs_in_the_right_order(seed, levels):
    rng = np.random.default_rng(seed)
    relevance = rng.integers(0, levels + 1, (3, 12)).astype(float)
    mask = rng.random((3, 12)) < 0.4
    mask[:, 0], mask[:, 1] = True, False
    score = localisation_score(relevance, mask)
    assert score.auc == pytest.approx([slow_auc(r, m) for r, m in zip(relevance, mask, strict=True)])


def test_sign_and_scale_do_not_matter():
    a, mask = RNG.normal(size=(4, 30)), RNG.random((4, 30)) < 0.3
    for x, y in zip(localisation_score(a, mask), localisation_score(-7 * a, mask), strict=True):
        np.testing.assert_allclose(x, y)


def test_perfect_opposite_and_empty_maps():
    mask = np.array([[False, True, True, False, False]])
    assert localisation_score(mask, mask) == (1.0, 1.0, True)
    assert localisation_score(~mask, mask) == (0.0, 0.0, False)
    assert localisation_score(np.zeros((1, 5)), mask) == (0.5, 0.0, False)


def test_a_flat_map_scores_by_chance():
    mask = np.arange(10)[None] < 3
    score = localisation_score(np.ones((1, 10)), mask)
    assert score.auc == 0.5
    assert score.mass == pytest.approx(0.3)


def test_channels_are_summed_in_every_rank():
    for axes in ((9,), (4, 5), (3, 4, 2)):
        a = RNG.normal(size=(2, *axes, 3))
        mask = RNG.random((2, *axes)) < 0.5
        by_channel = localisation_score(a, mask)
        together = localisation_score(np.abs(a).sum(-1), mask)
        for x, y in zip(by_channel, together, strict=True):
            np.testing.assert_array_equal(x, y)


def test_smoothing_fills_the_zeros_of_an_oscillation():
    t = np.arange(200)
    mask = ((t >= 80) & (t < 140))[None]
    a = np.where(mask, np.sin(2 * np.pi * t / 10), 0.2)
    assert localisation_score(a, mask).auc < localisation_score(a, mask, smooth=10).auc


@pytest.mark.parametrize("width", [1, 2, 3, 6, 50])
def test_smoothing_is_a_mean_of_the_neighbours_that_exist(width):
    from signalscreen.metrics.localisation import _moving_mean

    a = RNG.random((2, 11))
    left, right = (width - 1) // 2, width // 2
    naive = [[row[max(i - left, 0) : i + right + 1].mean() for i in range(11)] for row in a]
    np.testing.assert_allclose(_moving_mean(a, width), naive)


def test_bad_input_is_refused_by_name():
    mask = np.arange(6)[None] < 2
    with pytest.raises(InputError, match=r"\(1, 5\).*\(1, 6\)"):
        localisation_score(np.ones((1, 5)), mask)
    with pytest.raises(InputError, match="not finite"):
        localisation_score(np.full((1, 6), np.nan), mask)
    with pytest.raises(InputError, match="example 1 is all False"):
        localisation_score(np.ones((2, 6)), np.stack([mask[0], np.zeros(6, bool)]))
    with pytest.raises(InputError, match=r"\(batch, \*axes\)"):
        localisation_score(np.ones(6), mask[0])
    with pytest.raises(OptionError, match="1 sample or more"):
        localisation_score(np.ones((1, 6)), mask, smooth=0)
