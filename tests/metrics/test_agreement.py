"""Agreement with annotations: against slow counts of pairs, by laws, and what is refused."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from signalscreen.errors import InputError, OptionError
from signalscreen.metrics import annotation_agreement, interval_mask, localisation_score

RNG = np.random.default_rng(0)


def slow_auc(values, kinds):
    """Every pair of a marked and a clean value; a tie counts half."""
    pairs = [(a > b) + (a == b) / 2 for a, k in zip(values, kinds, strict=True) if k
             for b, other in zip(values, kinds, strict=True) if not other]  # fmt: skip
    return np.mean(pairs)


def slow_runs(row):
    """Starts and ends of runs of equal values."""
    edges = [0, *(i for i in range(1, len(row)) if row[i] != row[i - 1]), len(row)]
    return list(pairwise(edges))


def slow(maps, mask, parts):
    """The three areas under the curve of 1D maps of magnitudes, place by place."""
    pixel, section, interval = ([], []), ([], []), ([], [])
    for m, marks in zip(maps, mask, strict=True):
        m = (m - m.min()) / (m.max() - m.min()) if m.max() > m.min() else np.zeros_like(m)
        pixel[0].extend(m)
        pixel[1].extend(marks)
        for start, end in slow_runs(marks):
            section[0].append(max(m[start:end]))
            section[1].append(marks[start])
        for places in np.array_split(np.arange(len(m)), parts):  # the lengths here are multiples of `parts`
            interval[0].append(max(m[i] for i in places))
            interval[1].append(any(marks[i] for i in places))
    return [
        slow_auc(*found) if 0 < sum(found[1]) < len(found[1]) else np.nan for found in (pixel, section, interval)
    ]


@st.composite
def cases(draw, levels=5, length=12):
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    maps = rng.integers(0, levels, (4, length)).astype(float)
    mask = rng.random((4, length)) < draw(st.sampled_from([0.1, 0.3, 0.6]))
    assume(mask.any() and not mask.all() and maps.any(axis=1).all())
    return maps, mask


@settings(deadline=None)
@given(cases(), st.sampled_from([1, 3, 6, 12]))
def test_areas_are_shares_of_pairs_in_the_right_order(case, parts):
    maps, mask = case
    found = annotation_agreement(maps, mask, intervals=parts)
    wanted = slow(maps, mask, parts)
    np.testing.assert_allclose([found.pixel, found.section, found.interval], wanted, atol=1e-12)


@settings(deadline=None)
@given(cases())
def test_a_negated_map_has_the_rest_of_the_area(case):
    maps, mask = case
    maps = maps - 2  # of both signs
    assume(maps.any(axis=1).all())
    area, negated = (annotation_agreement(m, mask, signed=True).pixel for m in (maps, -maps))
    assert area + negated == pytest.approx(1)


@settings(deadline=None)
@given(cases(), st.sampled_from([0.125, 2.0, 1024.0]))  # exact, so that ties between examples stay ties
def test_a_scale_for_each_example_does_not_matter(case, factor):
    maps, mask = case
    scaled = maps * (factor ** np.arange(4))[:, None]
    for signed in (False, True):
        np.testing.assert_allclose(
            annotation_agreement(scaled, mask, signed=signed), annotation_agreement(maps, mask, signed=signed)
        )


@settings(deadline=None)
@given(cases())
def test_a_monotone_change_of_what_is_ranked_does_not_matter(case):
    maps, mask = case
    ranks = 2.0**-maps  # powers of two, so that ties between examples stay ties
    ranks[:, 0], ranks[:, 1] = 0, 1  # so that min-max scaling leaves them as they are
    before, after = (annotation_agreement(m, mask) for m in (ranks, ranks**3))
    assert after[:3] == pytest.approx(before[:3], nan_ok=True)


@settings(deadline=None)
@given(cases())
def test_congruence_is_a_share(case):
    maps, mask = case
    found = annotation_agreement(maps, mask)
    assert 0 <= found.congruence <= 1
    inside, outside = (annotation_agreement(maps + 0.1, m).congruence for m in (mask, ~mask))
    if mask.any(axis=1).all() and not mask.all(axis=1).any():
        assert inside + outside == pytest.approx(1)


def test_one_example_is_what_localisation_score_says():
    maps, mask = RNG.normal(size=(1, 40, 3)), RNG.random((1, 40)) < 0.3
    found, own = annotation_agreement(maps, mask), localisation_score(maps, mask)
    assert found.pixel == pytest.approx(own.auc[0])
    assert found.congruence == pytest.approx(own.mass[0])
    many = annotation_agreement(np.repeat(maps, 5, axis=0), np.repeat(mask, 5, axis=0))
    np.testing.assert_allclose(many[:5], found[:5])


def test_perfect_opposite_and_chance():
    mask = interval_mask([[3, 6], [0, 4, 9, 12]], 12)
    assert annotation_agreement(mask, mask)[:5] == (1, 1, 1, 1, pytest.approx((3 / 12 + 7 / 12) / 2))
    opposite = annotation_agreement(~mask, mask)
    assert (opposite.pixel, opposite.section, opposite.congruence) == (0, 0, 0)
    flat = annotation_agreement(np.ones((2, 12)), mask)
    assert flat[:3] == (0.5, 0.5, 0.5)
    assert flat.congruence == pytest.approx(flat.annotated)


def test_maps_of_zeros_are_left_out_and_counted():
    maps, mask = RNG.random((3, 12)), interval_mask([[1, 4], [2, 6], [5, 9]], 12)
    maps[1] = 0
    found, without = annotation_agreement(maps, mask), annotation_agreement(maps[::2], mask[::2])
    assert (found.examples, found.dropped, without.dropped) == (2, 1, 0)
    assert found[:5] == without[:5]


def test_signals_with_nothing_marked_count_in_the_areas_only():
    maps, mask = RNG.random((2, 12)), interval_mask([[1, 4], []], 12)
    found, alone = annotation_agreement(maps, mask), annotation_agreement(maps[:1], mask[:1])
    assert found.congruence == alone.congruence
    assert found.annotated == alone.annotated == 0.25
    assert found.pixel != alone.pixel


def test_an_area_that_is_not_defined_is_nan():
    maps, mask = RNG.random((2, 12)), interval_mask([[0, 1, 7, 8]] * 2, 12)
    found = annotation_agreement(maps, mask, intervals=2)  # both halves of both are marked
    assert np.isnan(found.interval)
    assert np.isfinite(found[:2]).all()


def test_intervals_cover_every_sample_and_no_more_than_there_are():
    maps = np.zeros((1, 7))
    maps[0, 6], mask = 1, np.arange(7)[None] == 6  # the last sample counts, where vis left out a remainder
    assert annotation_agreement(maps, mask, intervals=2).interval == 1
    assert annotation_agreement(maps, mask, intervals=99).interval == annotation_agreement(maps, mask).pixel == 1


def test_regions_and_tiles_of_images():
    maps, mask = np.zeros((1, 6, 6)), np.zeros((1, 6, 6), bool)
    mask[0, 0:2, 0:2] = mask[0, 4:, 4:] = True  # two regions; the clean rest hangs together
    maps[0, 0, 0], maps[0, 5, 5], maps[0, 3, 3] = 4, 1, 2
    found = annotation_agreement(maps, mask, intervals=3)
    assert found.section == 0.5  # of two pairs, 4 > 2 and 1 < 2
    tiles = maps[0].reshape(3, 2, 3, 2).max(axis=(1, 3)).ravel()
    kinds = mask[0].reshape(3, 2, 3, 2).any(axis=(1, 3)).ravel()
    assert found.interval == pytest.approx(slow_auc(tiles, kinds))
    assert found.congruence == pytest.approx(5 / 7)


@pytest.mark.parametrize("axis", [-1, 1])
def test_rows_of_annotation_for_images(axis):
    maps, mask = RNG.random((2, 4, 6)), interval_mask([[1, 3], [0, 4]], 6)
    found = annotation_agreement(maps, mask, axis=axis, intervals=2)
    scaled = (maps - maps.min(axis=(1, 2), keepdims=True)) / np.ptp(maps, axis=(1, 2), keepdims=True)
    assert found.pixel == pytest.approx(slow_auc(scaled.max(axis=1).ravel(), mask.ravel()))
    assert found.congruence == pytest.approx(annotation_agreement(maps.sum(axis=1), mask).congruence)
    turned = annotation_agreement(maps.transpose(0, 2, 1), mask, axis=0, intervals=2)
    assert turned == found
    with_channel = annotation_agreement(maps[..., None], mask, axis=1, intervals=2)
    assert with_channel == found


def test_rows_of_a_square_image_need_the_axis():
    maps, mask = RNG.random((2, 6, 6)), interval_mask([[1, 3], [0, 4]], 6)
    across, down = (annotation_agreement(maps, mask, axis=axis) for axis in (1, 0))
    assert across.pixel != down.pixel


def test_signed_channels_are_added_before_they_are_ranked():
    maps, mask = RNG.normal(size=(2, 12, 3)), interval_mask([[1, 4], [2, 6]], 12)
    assert annotation_agreement(maps, mask, signed=True).pixel == (
        annotation_agreement(maps.sum(axis=-1), mask, signed=True).pixel
    )


# ---- lists of intervals


def test_lists_pairs_seconds_and_overlaps():
    flat = interval_mask([[2, 4, 7, 9], []], 10)
    assert np.flatnonzero(flat[0]).tolist() == [2, 3, 7, 8]
    assert not flat[1].any()
    np.testing.assert_array_equal(interval_mask([[(2, 4), (7, 9)], []], 10), flat)
    np.testing.assert_array_equal(interval_mask([[7, 9, 2, 4], []], 10), flat)
    np.testing.assert_array_equal(interval_mask([[0.2, 0.4, 0.7, 0.9], []], 10, fs=10), flat)
    assert interval_mask([[0, 6, 4, 10]], 10).all()


@pytest.mark.parametrize("fs", [10, 100, 128, 250, 360])
def test_seconds_that_are_samples_are_those_samples(fs):
    """0.29 s at 100 Hz is sample 29, though 0.29 * 100 is a little less; a third of a sample later it still is."""
    for sample in range(1, 3 * fs):
        for later in (0, 1 / 3):
            start, end = (sample + later) / fs, (sample + 1 + later) / fs
            [mask] = interval_mask([[start, end]], 4 * fs, fs=fs)
            assert np.flatnonzero(mask).tolist() == [sample]


@pytest.mark.parametrize(
    ("given", "fs", "match"),
    [
        ([[1, 2, 3]], None, "example 0 has 3 numbers"),
        ([[], [4, 2]], None, "example 1 has one from 4 to 2"),
        ([[0, 11]], None, "example 0 reach outside the signal, which is 0 to 10 samples"),
        ([[-1, 3]], None, "reach outside"),
        ([[0, np.nan]], None, "reach outside"),
        ([[0, 3]], 5.0, "0 to 2 s"),
    ],
)
def test_lists_that_are_wrong(given, fs, match):
    with pytest.raises(InputError, match=match):
        interval_mask(given, 10, fs=fs)


# ---- what is refused

MAPS, MASK = RNG.random((2, 12)), interval_mask([[1, 4], [2, 6]], 12)


@pytest.mark.parametrize(
    ("maps", "mask", "options", "match"),
    [
        (MAPS[:1], MASK, {}, r"shape \(1, 12\) and the annotation \(2, 12\)"),
        (MAPS[:, :-1], MASK, {}, r"shape \(2, 11\)"),
        (MAPS[0], MASK[0], {}, r"shape \(12,\)"),
        (1.0, MASK, {}, r"shape \(\)"),
        (MAPS[:0], MASK[:0], {}, r"shape \(0, 12\)"),
        (RNG.random((2, 5, 12)), MASK, {}, "with the axis along which they lie"),
        (RNG.random((2, 5, 12)), MASK, {"axis": 0}, "with the axis along which they lie"),
        (RNG.random((2, 5, 12)), MASK, {"axis": 2}, "with the axis along which they lie"),
        (np.where(MASK, np.nan, MAPS), MASK, {}, "not finite"),
        (0 * MAPS, MASK, {}, "every map is zero"),
        (MAPS, MASK & False, {}, "all False"),
        (MAPS, MASK | True, {}, "all True"),
        (np.where([[True], [False]], MAPS, 0), MASK & [[False], [True]], {}, "the 1 examples .* is all False"),
        (MAPS, 2 * MASK, {}, "interval_mask"),
        (MAPS, np.full((2, 12), "a"), {}, "interval_mask"),
    ],
)
def test_bad_input_is_refused_by_name(maps, mask, options, match):
    with pytest.raises(InputError, match=match):
        annotation_agreement(maps, mask, **options)


@pytest.mark.parametrize("intervals", [0, 1.5, "six"])
def test_parts_that_are_no_number(intervals):
    with pytest.raises(OptionError, match="intervals"):
        annotation_agreement(MAPS, MASK, intervals=intervals)
