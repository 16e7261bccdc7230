"""Surprise: its laws, and that it brings up what the score does not."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from signalscreen.review.answers import Answers
from signalscreen.review.columns import table_bytes
from signalscreen.review.pyramid import open_pyramid
from signalscreen.review.record import open_records
from signalscreen.review.windows import surprise, window_columns
from signalscreen.screening.allocation import StoreSpec, create
from signalscreen.screening.store import arrays_of

from .stores import empty

ALL = -1


def _leads(n: int) -> np.ndarray:
    return np.full(n, ALL, np.int8)


def _two(artefact: np.ndarray) -> np.ndarray:
    return np.stack([1 - artefact, artefact], axis=1)


def test_a_quiet_window_in_an_hour_of_alarms_comes_first() -> None:
    artefact = np.full(200, 0.02)
    artefact[100:] = 0.97
    artefact[150] = 0.1
    assert surprise(_two(artefact), _leads(200), 8).argmax() == 150
    assert artefact.argmax() != 150


def test_a_doubt_of_no_alarm_class_is_found() -> None:
    p = np.tile([0.98, 0.01, 0.01], (100, 1))  # class 2 raises the alarm
    p[40] = [0.5, 0.49, 0.01]
    assert surprise(p, _leads(100), 8).argmax() == 40


def test_a_long_episode_surprises_where_it_begins_and_ends() -> None:
    artefact = np.full(200, 0.02)
    artefact[60:140] = 0.97
    found = surprise(_two(artefact), _leads(200), 8)
    assert (found > 0.1).sum() == 0 or set(np.flatnonzero(found > 0.1)) <= {*range(52, 68), *range(132, 148)}
    assert found[100] == 0


def test_windows_without_an_answer_have_none_and_are_no_neighbours() -> None:
    artefact = np.full(60, 0.1)
    artefact[30] = 0.9
    gapped = np.insert(artefact, [20, 30, 31, 40], np.nan)
    found = surprise(_two(gapped), _leads(64), 8)
    assert np.isnan(found[np.isnan(gapped)]).all()
    np.testing.assert_array_equal(found[~np.isnan(gapped)], surprise(_two(artefact), _leads(60), 8))


def test_leads_are_no_neighbours() -> None:
    artefact = np.where(np.arange(80) % 2 == 0, 0.05, 0.95)  # lead 0 is clean, lead 1 is not
    np.testing.assert_array_equal(surprise(_two(artefact), np.arange(80) % 2, 8), 0)


def test_sigmoids_are_asked_one_by_one() -> None:
    one = np.full((50, 1), 0.1)
    one[20] = 0.9
    found = surprise(one, _leads(50), 8)
    np.testing.assert_allclose(found, surprise(_two(one[:, 0]), _leads(50), 8), rtol=1e-6)
    np.testing.assert_allclose(surprise(np.hstack([one, one]), _leads(50), 8), 2 * found, rtol=1e-6)


def test_no_classes_and_no_windows() -> None:
    assert np.isnan(surprise(np.empty((4, 0)), _leads(4), 8)).all()
    assert surprise(np.empty((0, 3)), _leads(0), 8).shape == (0,)


def _slow(p: np.ndarray, neighbours: int) -> list[float]:
    """One window at a time; the ends of the record are held."""
    found = []
    for i in range(len(p)):
        around = [p[min(max(j, 0), len(p) - 1)] for j in range(i - neighbours, i + neighbours + 1)]
        own, expected = np.clip(p[i], 1e-3, 1), np.clip(np.median(around, axis=0), 1e-3, 1)
        own, expected = own / own.sum(), expected / expected.sum()
        found.append(max(sum(a * np.log2(a / b) for a, b in zip(own, expected, strict=True)), 0.0))
    return found


@pytest.mark.parametrize("neighbours", [1, 4, 9])
def test_it_is_the_divergence_from_the_median_of_as_many_on_both_sides(neighbours: int) -> None:
    p = np.random.default_rng(neighbours).dirichlet([0.3, 0.5, 0.4], 40)
    np.testing.assert_allclose(surprise(p, _leads(40), neighbours), _slow(p, neighbours), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("window", "hop", "windows"), [(200, 200, 8), (200, 100, 16), (200, 50, 32), (200, 150, 10)]
)
def test_neighbours_are_within_eight_lengths_of_a_window(
    tmp_path: Path, window: int, hop: int, windows: int
) -> None:
    """Of an episode of n windows the middle is still the rarer one among 2n + 1, and no more among 2n - 1."""
    count, first = 160, 60
    for length, seen in ((windows, True), (windows + 1, False)):
        p = np.full(count, 0.05, np.float32)
        p[first : first + length] = 0.95
        path = _store(tmp_path / f"{length}.zarr", _two(p), window, hop)
        (record,) = open_records(path).values()
        found = window_columns(record, open_pyramid(record, progress=False))["surprise"]
        assert (found[first + length // 2] > 1) == seen


def _store(path: Path, probability: np.ndarray, window: int, hop: int) -> Path:
    starts = hop * np.arange(len(probability))
    n = int(starts[-1]) + window
    spec = StoreSpec(
        source="made", fs=100.0, samples=n, leads=("II",), units=("mV",), window_start=starts,
        window_lead=_leads(len(starts)), window_samples=window, hop_samples=hop, shard_samples=n,
        shard_windows=len(starts), methods=(), classes=("clean", "artefact"), alarm=1,
        facts={"fingerprint": path.name},
    )  # fmt: skip
    create(path, spec)
    group = arrays_of(path)
    group["signal"][:] = 0
    group["probability"][:] = probability
    group["flagged"][:] = probability[:, 1] > 0.5
    group["unanswered"][:] = np.isnan(probability).any(axis=1)
    empty(group, "bad", "logit", "score", "target", "explained", "gap", "seconds")
    group["done"][:] = 1
    return path


@given(arrays(np.float64, st.tuples(st.integers(1, 40), st.integers(2, 4)), elements=st.floats(0, 1)))
@settings(deadline=None)
def test_it_is_between_none_and_ten_bits_a_class(p: np.ndarray) -> None:
    found = surprise(p, _leads(len(p)), 3)
    assert (found >= 0).all()
    assert (found <= 10 * p.shape[1]).all()


def test_constant_answers_surprise_nobody() -> None:
    np.testing.assert_array_equal(surprise(np.tile([0.2, 0.3, 0.5], (30, 1)), _leads(30), 4), 0)


def test_columns_lie_where_typed_arrays_may_begin() -> None:
    import json

    columns = {"a": np.arange(3, dtype=np.int8), "b": np.arange(6, dtype=np.float64).reshape(3, 2)}
    data = table_bytes(columns)
    length = int.from_bytes(data[:4], "little")
    header = json.loads(data[4 : 4 + length])
    assert header["count"] == 3
    for one in header["columns"]:
        begin = 4 + length + one["offset"]
        assert begin % 8 == 0
        found = np.frombuffer(data, np.dtype(one["dtype"]), int(np.prod(one["shape"])), begin).reshape(one["shape"])
        np.testing.assert_array_equal(found, columns[one["name"]])


def test_windows_without_an_answer_are_told_from_quiet_ones(tmp_path: Path) -> None:
    p = np.full(40, 0.05, np.float32)
    p[[7, 30]] = np.nan
    (record,) = open_records(_store(tmp_path / "s.zarr", _two(p), 200, 100)).values()
    found = window_columns(record, open_pyramid(record, progress=False))
    assert np.flatnonzero(found["unanswered"]).tolist() == [7, 30]
    assert found["unanswered"].dtype == np.uint8
    assert not found["flagged"].any()
    assert Answers(record).info()["unanswered"] == 2


def test_an_infinite_answer_is_none_and_disturbs_no_other_window() -> None:
    artefact = np.random.default_rng(3).uniform(0.1, 0.3, 60).astype(np.float32)
    p = np.insert(_two(artefact), 20, [np.inf, -np.inf], axis=0)
    found = surprise(p, _leads(61), 8)
    assert np.isnan(found[20])
    np.testing.assert_array_equal(np.delete(found, 20), surprise(_two(artefact), _leads(60), 8))
