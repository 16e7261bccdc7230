import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from signalscreen.plot.decimate import visible_segments

BOX = (0.0, 0.0, 20.0, 50.0)


def columns_of(points, cell):
    """Return each segment's column, lowest and highest point: as the picture's columns are defined."""
    left = np.minimum(points[:-1, 0], points[1:, 0])
    ends = np.stack([points[:-1, 1], points[1:, 1]])
    return np.floor((left - BOX[0]) / (cell / 2)), ends.min(0), ends.max(0)


@settings(deadline=None)
@given(
    y=arrays(float, 900, elements=st.floats(0, 50)),
    strength=arrays(float, 899, elements=st.floats(0, 1)),
    cell=st.sampled_from([1.0, 1.7, 4.0]),
)
def test_every_column_keeps_its_lowest_highest_and_strongest(y, strength, cell):
    points = np.column_stack([np.linspace(0, 19.99, 900), y])
    kept = visible_segments(points, strength, BOX, cell)
    column, low, high = columns_of(points, cell)
    for this in np.unique(column):
        all_of_it, kept_of_it = column == this, kept[column[kept] == this]
        assert low[kept_of_it].min() == low[all_of_it].min()
        assert high[kept_of_it].max() == high[all_of_it].max()
        assert strength[kept_of_it].max() == strength[all_of_it].max()


@settings(deadline=None)
@given(y=arrays(float, 300, elements=st.floats(0, 50)), strength=arrays(float, 299, elements=st.floats(0, 1)))
def test_the_strong_are_drawn_after_the_weak_and_none_twice(y, strength):
    kept = visible_segments(np.column_stack([np.linspace(0, 5, 300), y]), strength, (0, 0, 5, 50))
    assert (np.diff(strength[kept]) >= 0).all()
    assert len(np.unique(kept)) == len(kept)


def test_what_lies_under_stronger_segments_is_left_out():
    points = np.column_stack([np.linspace(0, 19.99, 40_001), np.tile([10.0, 12.0], 20_001)[:40_001]])
    strength = np.linspace(0, 1, 40_000)
    kept = visible_segments(points, strength, BOX)
    # three segments per half-pixel column at most: lowest, highest and strongest; plus the few that cross
    assert len(kept) <= 3 * 40
    assert 39_999 in kept


def test_what_stronger_segments_leave_free_is_kept():
    y = np.full(40_000, 10.0)
    y[20_001] = 40.0  # a weak spike out of a strong line
    strength = np.ones(39_999)
    strength[[20_000, 20_001]] = 0.1
    points = np.column_stack([np.linspace(0, 19.99, 40_000), y])
    kept = visible_segments(points, strength, BOX)
    assert {20_000, 20_001} & set(kept)


def test_a_few_segments_are_all_kept():
    points = np.column_stack([np.linspace(0, 20, 50), np.zeros(50)])
    assert sorted(visible_segments(points, np.zeros(49), BOX)) == list(range(49))


def test_long_segments_among_many_short_ones_are_kept():
    """A jump over several columns is painted into one only, so it must not be taken for hidden."""
    x = np.concatenate([np.linspace(0, 5.2, 5_000), np.linspace(15, 20, 5_000)])
    y = np.tile([20.0, 30.0], 5_000)
    y[4_999:5_001] = 25.0
    points = np.column_stack([x, y])
    strength = np.ones(9_999)
    strength[4_999] = 0.0
    assert 4_999 in visible_segments(points, strength, BOX)


def test_gaps_and_what_is_beside_the_box_are_left_out():
    points = np.column_stack([np.arange(-10.0, 40.0), np.zeros(50)])
    points[20, 1] = np.nan
    kept = visible_segments(points, np.zeros(49), BOX)
    assert sorted(kept) == [k for k in range(9, 31) if k not in (19, 20)]


def test_unknown_strength_lies_below_everything():
    points = np.column_stack([np.linspace(0, 20, 4), np.zeros(4)])
    assert visible_segments(points, np.array([0.0, np.nan, 0.5]), BOX).tolist() == [1, 0, 2]


def test_much_to_paint_gives_the_same_result_in_parts(monkeypatch):
    rng = np.random.default_rng(0)
    points = np.column_stack([np.linspace(0, 19.99, 5_000), rng.uniform(0, 50, 5_000)])
    strength = rng.uniform(size=4_999)
    at_once = visible_segments(points, strength, BOX)
    monkeypatch.setattr("signalscreen.plot.decimate._CHUNK", 100)
    np.testing.assert_array_equal(visible_segments(points, strength, BOX), at_once)
