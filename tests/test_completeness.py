"""Which sums count as closed: by a part of the score's change, and what rounding alone may amount to."""

import warnings

import numpy as np
import pytest

from signalscreen.completeness import gap, is_open, warn_open
from signalscreen.errors import CompletenessWarning
from signalscreen.finiteness import Watch


def missing(miss, here, there, size=1.0):
    """An attribution of two numbers, that far from adding up to the change, of magnitudes `size` and more."""
    return np.array([[[size], [here - there + miss - size]]])


def opened(miss, here, there, tolerance, size=1.0):
    ends = np.array([here]), np.array([there])
    return bool(is_open(missing(miss, here, there, size), ends, tolerance)[0])


def test_the_gap_is_the_sum_minus_the_change():
    attribution = np.array([[[1.0], [2.0]], [[-1.0], [0.5]]])
    found = gap(attribution, (np.array([3.0, 1.0]), np.array([1.0, 4.0])))
    np.testing.assert_array_equal(found, [3 - 2, -0.5 + 3])
    paths = np.stack([attribution, 2 * attribution])  # variants in front, as of noisy copies
    scores = np.array([[3.0, 1.0], [6.0, 2.0]]), np.array([[1.0, 4.0], [2.0, 8.0]])
    np.testing.assert_array_equal(gap(paths, scores), [[1, 2.5], [2, 5]])


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("here", "there"), [(3.0, 1.0), (1.0, 3.0), (101.0, 99.0), (0.0, -2.0), (-2.0, 0.0)])
def test_the_tolerance_is_a_part_of_the_change_whatever_the_scores(here, there, sign):
    assert not opened(sign * 0.099, here, there, 0.05)
    assert opened(sign * 0.101, here, there, 0.05)


@pytest.mark.parametrize(("here", "there", "size"), [(1.0, 1.0, 1e4), (1e4, 1e4, 1.0), (-1e4, -1e4, 1.0)])
def test_rounding_is_a_millionth_of_all_that_is_added_up(here, there, size):
    forgiven = 1e-6 * 2e4  # here the change is none, so nothing else is
    assert not opened(0.9 * forgiven, here, there, 0.05, size)
    assert opened(1.1 * forgiven, here, there, 0.05, size)


def test_what_cancels_to_nothing_is_forgiven_up_to_a_part_of_the_scores():
    """Attributions of 1e7 that leave a score of 0.2 have lost it, however well they were rounded."""
    assert opened(0.1, 0.15, 0.05, 1e-3, size=1e7)
    assert not opened(0.0015, 0.15, 0.05, 1e-3, size=1e7)


def test_what_is_no_number_is_open():
    assert opened(np.nan, 1.0, 0.0, 0.5)
    assert opened(0.0, np.nan, 0.0, 0.5)


class Numbered:
    numbers = np.arange(100, 200)
    watch = Watch()
    precision = "float32"


def test_examples_are_named_by_their_numbers_and_the_worst_by_its_part():
    here, there = np.full(15, 3.0), np.full(15, 1.0)
    attribution = np.concatenate([missing(0.02 * i, 3.0, 1.0) for i in range(15)])  # 1 % of the change more each
    with pytest.warns(CompletenessWarning) as caught:
        warn_open("mine", Numbered(), attribution, (here, there), 0.115, "do this")
    assert [str(w.message) for w in caught] == [
        "mine: attributions of example(s) 112, 113, 114 miss the change of the score by more than 0.115 of it "
        "(worst 0.14); do this"
    ]
    with pytest.warns(CompletenessWarning, match=r"101, 102, 103, 104, 105, 106, 107, 108, 109, 110, \.\.\. miss"):
        warn_open("mine", Numbered(), attribution, (here, there), 0.005, "do this")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_open("mine", Numbered(), attribution, (here, there), 0.145, "do this")
