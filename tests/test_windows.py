"""Windows cover every sample, and stitching undoes cutting."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from signalscreen.errors import InputError
from signalscreen.windows import cut, has_gap, stitch, window_starts


@st.composite
def layouts(draw):
    length = draw(st.integers(1, 30))
    return draw(st.integers(length, 120)), length, draw(st.integers(1, length))


@given(layouts())
def test_windows_cover_every_sample_and_end_flush(layout):
    n, length, hop = layout
    starts = window_starts(n, length, hop)
    covered = np.zeros(n, int)
    for start in starts:
        covered[start : start + length] += 1
    assert covered.min() >= 1
    assert starts[0] == 0
    assert starts[-1] == n - length
    steps = np.diff(starts)
    assert (steps > 0).all()
    assert (steps[:-1] == hop).all()


@given(layouts(), st.sampled_from(["hann", "flat"]), st.sampled_from([(), (1,), (3,)]), st.data())
def test_stitch_undoes_cut(layout, weight, leads, data):
    n, length, hop = layout
    x = data.draw(hnp.arrays(np.float64, (n, *leads), elements=st.floats(-1e6, 1e6)))
    starts = window_starts(n, length, hop)
    again = stitch(cut(x, starts, length), starts, n, weight=weight)
    np.testing.assert_allclose(again, x, rtol=1e-12, atol=1e-300)


@given(layouts(), st.sampled_from(["hann", "flat"]), st.data())
def test_stitch_undoes_cut_with_gaps(layout, weight, data):
    n, length, hop = layout
    x = np.random.default_rng(0).normal(size=(n, 2))
    x[data.draw(hnp.arrays(bool, (n, 2)))] = np.nan
    starts = window_starts(n, length, hop)
    np.testing.assert_allclose(stitch(cut(x, starts, length), starts, n, weight=weight), x, rtol=1e-12)


@given(layouts())
def test_stitch_is_a_mean_of_what_the_windows_say(layout):
    n, length, hop = layout
    starts = window_starts(n, length, hop)
    maps = np.random.default_rng(1).normal(size=(len(starts), length))
    for weight in ("hann", "flat"):
        stitched = stitch(maps, starts, n, weight=weight)
        for t in range(n):
            said = [m[t - s] for s, m in zip(starts, maps, strict=True) if s <= t < s + length]
            assert min(said) - 1e-12 <= stitched[t] <= max(said) + 1e-12


def test_flat_is_the_plain_mean_and_hann_prefers_the_middle():
    maps = np.array([[0.0] * 4, [1.0] * 4])
    np.testing.assert_allclose(stitch(maps, [0, 2], 6, "flat"), [0, 0, 0.5, 0.5, 1, 1])
    hann = stitch(maps, [0, 2], 6, "hann")
    # sin^2 at 1/8, 3/8, 5/8, 7/8 of pi: sample 2 is at 5/8 of the first window and 1/8 of the second
    near, far = np.sin(np.pi * 5 / 8) ** 2, np.sin(np.pi / 8) ** 2
    np.testing.assert_allclose(hann[2], far / (near + far))
    np.testing.assert_allclose(hann[3], near / (near + far))


def test_uncovered_samples_are_nan_and_dtype_is_kept():
    stitched = stitch(np.ones((2, 3), np.float32), [0, 5], 9)
    assert stitched.dtype == np.float32
    assert np.isnan(stitched).tolist() == [False] * 3 + [True] * 2 + [False] * 3 + [True]


def test_no_windows_at_all_is_all_nan():
    assert np.isnan(stitch(np.empty((0, 5)), np.empty(0, int), 7)).all()


def test_has_gap_flags_windows_with_a_nan_in_any_lead():
    windows = np.zeros((3, 4, 2))
    windows[1, 2, 1] = np.nan
    assert has_gap(windows).tolist() == [False, True, False]
    assert has_gap(np.zeros((2, 3))).tolist() == [False, False]


def test_cut_copies():
    x = np.arange(6.0)
    cut(x, [0], 3)[:] = -1
    assert x[0] == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: window_starts(5, 10, 2), "5 samples, fewer than one window of 10"),
        (lambda: window_starts(5, 0, 1), "window of 0 samples"),
        (lambda: window_starts(50, 10, 11), "hop of 11 samples .* 1 to 10"),
        (lambda: window_starts(50, 10, 0), "hop of 0 samples"),
        (lambda: cut(np.zeros(5), [3], 3), "reach outside the signal's 5 samples"),
        (lambda: cut(np.zeros(5), [-1], 3), "reach outside"),
        (lambda: stitch(np.zeros((2, 3)), [0], 5), "do not match 1 window starts"),
        (lambda: stitch(np.zeros((1, 3)), [3], 5), "reach outside"),
        (lambda: stitch(np.zeros((1, 3)), [0], 5, "boxcar"), "weight 'boxcar' is not known"),
    ],
)
def test_bad_windows_are_refused_in_one_sentence(call, words):
    with pytest.raises(InputError, match=words):
        call()
