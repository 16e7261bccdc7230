"""Windows and shards: everything is covered once, and shards need nothing from each other."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from signalscreen.screening import layout
from signalscreen.screening.layout import Grid


@st.composite
def grids(draw):
    ratio = Fraction(draw(st.integers(1, 12)), draw(st.integers(1, 12)))
    length = draw(st.integers(2, 60))
    hop = draw(st.integers(1, length))
    least = int(-(-(length + 1) // ratio)) + 2
    return Grid(draw(st.integers(least, least + 400)), draw(st.floats(1, 500)), ratio, length, hop)


@pytest.fixture(autouse=True)
def short_shards(monkeypatch):
    monkeypatch.setattr(layout, "_SHARD_SECONDS", 0.001)
    monkeypatch.setattr(layout, "_LEAST_WINDOWS", 3)


@settings(max_examples=150, deadline=None)
@given(grids())
def test_shards_cover_the_timeline_and_the_windows_once(grid):
    shards = [grid.shard(i) for i in range(grid.shards)]
    samples = np.concatenate([np.arange(s.first, s.stop) for s in shards])
    np.testing.assert_array_equal(samples, np.arange(grid.samples))
    windows = np.concatenate([np.arange(*s.windows) for s in shards])
    np.testing.assert_array_equal(windows, np.arange(len(grid.starts)))


@settings(max_examples=150, deadline=None)
@given(grids())
def test_a_shard_computes_every_window_that_reaches_into_it(grid):
    begin, end = grid.starts / float(grid.ratio), (grid.starts + grid.length) / float(grid.ratio)
    window = np.arange(len(grid.starts))
    for number in range(grid.shards):
        shard = grid.shard(number)
        reaches = (begin < shard.stop - 1e-6) & (end > shard.first + 1e-6) & (shard.first < shard.stop)
        mine = (shard.windows[0] <= window) & (window < shard.windows[1])
        computed = (shard.needed[0] <= window) & (window < shard.needed[1])
        assert computed[mine | reaches].all()


@settings(max_examples=150, deadline=None)
@given(grids())
def test_a_shard_computes_the_windows_between_whose_samples_its_own_lie(grid):
    for number in range(grid.shards):
        shard = grid.shard(number)
        if shard.first < shard.stop:
            at = np.minimum(np.arange(shard.first, shard.stop) * grid.ratio, grid.model_samples - 1)
            low, high = math.floor(at[0]), math.ceil(at[-1])
            touched = np.flatnonzero((grid.starts <= high) & (grid.starts + grid.length > low))
            assert shard.needed[0] <= touched[0]
            assert touched[-1] < shard.needed[1]


@settings(max_examples=150, deadline=None)
@given(grids(), st.integers(0, 50))
@example(Grid(273, 1.0, Fraction(3, 8), 2, 1), 0)  # the last shard is one sample, after the model's last
def test_what_is_read_holds_the_windows_and_their_margin(grid, margin):
    up, down = grid.ratio.numerator, grid.ratio.denominator
    for number in range(grid.shards):
        shard = grid.shard(number)
        first, stop, offset = grid.slice_of(shard.needed, margin)
        assert first * up == offset * down  # samples of both clocks fall together
        assert first <= max(grid.starts[shard.needed[0]] / grid.ratio - margin, 0)
        end = (grid.starts[shard.needed[1] - 1] + grid.length) / grid.ratio
        assert stop >= min(end + margin, grid.samples)


@settings(max_examples=150, deadline=None)
@given(grids())
def test_windows_lie_inside_the_recording(grid):
    assert grid.window_start.min() >= 0
    assert grid.window_start.max() + grid.window_samples <= grid.samples
    assert (np.diff(grid.window_start) >= 0).all()


@settings(max_examples=150, deadline=None)
@given(grids())
def test_a_window_begins_at_the_sample_nearest_to_its_first(grid):
    exact = [int(start) / grid.ratio for start in grid.starts]
    last = grid.samples - grid.window_samples
    for found, wanted in zip(grid.window_start.tolist(), exact, strict=True):
        assert abs(found - wanted) <= Fraction(1, 2) or found == last < wanted


@settings(max_examples=100, deadline=None)
@given(grids(), st.integers(0, 3))
def test_a_straight_line_stays_one_on_the_other_clock(grid, k):
    n = grid.model_samples
    first = min(k * 7, grid.samples - 1)
    line = grid.on_timeline(np.arange(n, dtype=float), 0, first, grid.samples)
    expected = np.minimum(np.arange(first, grid.samples) * float(grid.ratio), n - 1)
    np.testing.assert_allclose(line, expected, rtol=1e-9, atol=1e-9)


def test_nothing_reaches_only_its_neighbours():
    grid = Grid(12, 2.0, Fraction(1, 2), 3, 3)
    values = np.array([0.0, 1.0, np.nan, 3.0, 4.0, 5.0])
    on = grid.on_timeline(values, 0, 0, 12)
    assert np.flatnonzero(np.isnan(on)).tolist() == [3, 4, 5]
    assert on[2] == 1.0
    assert on[6] == 3.0
