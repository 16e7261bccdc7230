"""Constraints: projections lead to what is allowed and stay there; gradients along a border do not cross it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalscreen.errors import InputError, OptionError
from signalscreen.synthesis import constraints as c

SHAPES = {1: (15, 2), 2: (6, 7, 1), 3: (4, 5, 6, 2)}


def rows(rank, seed=0):
    return np.random.default_rng(seed).normal(size=(2, *SHAPES[rank]))


def every(rank):
    shape = SHAPES[rank]
    band = {"band": (2, 20), "fs": 50} if rank == 1 else {"band": (0.1, 0.4)}
    other = np.random.default_rng(9).normal(size=shape)
    return {
        "rms": c.constraints(shape, rms=0.7)[0],
        "limits": c.constraints(shape, limits=(-0.5, 0.8))[0],
        "band": c.constraints(shape, **band)[0],
        "spectrum": c.constraints(shape, spectrum=other)[0],
        "spectrum in a band": c.constraints(shape, spectrum=other, **band)[0],
    }


@pytest.mark.parametrize("rank", SHAPES)
@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3))
def test_projecting_twice_is_projecting_once(rank, seed, size):
    for name, one in every(rank).items():
        x = one.project(size * rows(rank, seed))
        np.testing.assert_allclose(one.project(x), x, atol=1e-9 * size, err_msg=name)


@pytest.mark.parametrize("rank", SHAPES)
def test_rows_are_projected_by_themselves_and_keep_their_dtype(rank):
    x = rows(rank).astype("float32")
    for one in every(rank).values():
        assert one.project(x).dtype == x.dtype
        assert one.along(x, x).dtype == x.dtype
        np.testing.assert_array_equal(one.project(x)[1:], one.project(x[1:]))
        np.testing.assert_array_equal(one.along(x, x[::-1])[1:], one.along(x[1:], x[::-1][1:]))


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("name", ["rms", "limits", "band", "spectrum", "spectrum in a band"])
def test_a_small_step_along_stays_to_first_order(name, rank):
    one = every(rank)[name]
    x = one.project(10 * rows(rank))
    along = one.along(x, rows(rank, 1))
    assert np.abs(along).max() > 0.1
    for step, most in ((1e-3, 1e-5), (1e-4, 1e-7)):
        moved = x + step * along
        assert np.abs(one.project(moved) - moved).max() < most * 30


@pytest.mark.parametrize("rank", SHAPES)
@pytest.mark.parametrize("name", ["rms", "limits", "band", "spectrum", "spectrum in a band"])
def test_what_is_taken_from_a_gradient_is_across_what_is_left(name, rank):
    one = every(rank)[name]
    x = one.project(10 * rows(rank))
    gradient = rows(rank, 1)
    along = one.along(x, gradient)
    assert np.sum(along * (gradient - along)) == pytest.approx(0, abs=1e-9)


def test_a_gradient_inside_the_borders_is_left_alone():
    x = 0.1 * rows(1)
    for name in ("rms", "limits"):
        np.testing.assert_array_equal(every(1)[name].along(x, rows(1, 1)), rows(1, 1))


@pytest.mark.parametrize("rank", SHAPES)
def test_a_row_as_strong_as_it_may_be_may_shrink(rank):
    """Only what leads out of the ball is cut off: of a gradient along x and one across it, by hand."""
    one = every(rank)["rms"]
    x = one.project(10 * rows(rank))
    across = rows(rank, 1)
    own = tuple(range(1, rank + 2))
    across -= x * (x * across).sum(own, keepdims=True) / (x * x).sum(own, keepdims=True)
    np.testing.assert_allclose(one.along(x, across + 0.3 * x), across, atol=1e-9)
    np.testing.assert_array_equal(one.along(x, across - 0.3 * x), across - 0.3 * x)
    np.testing.assert_array_equal(one.along(x, -x), -x)


def test_at_a_limit_a_gradient_may_lead_inwards_only():
    one = c.constraints((3, 1), limits=(-0.5, 0.8))[0]
    x = np.array([[[-0.5], [0.1], [0.8]]])
    np.testing.assert_array_equal(one.along(x, np.full_like(x, 2.0))[0, :, 0], [2, 2, 0])
    np.testing.assert_array_equal(one.along(x, np.full_like(x, -2.0))[0, :, 0], [0, -2, -2])


def test_a_band_passes_the_sinusoid_inside_and_no_other():
    fs, n = 100.0, 200
    t = np.arange(n) / fs
    low, mid, high = (np.sin(2 * np.pi * f * t)[None, :, None] for f in (2.0, 10.0, 30.0))
    [one] = c.constraints((n, 1), band=(5, 20), fs=fs)
    np.testing.assert_allclose(one.project(3 + low + mid + high), mid, atol=1e-12)
    [one] = c.constraints((n, 1), band=(5, None), fs=fs)
    np.testing.assert_allclose(one.project(3 + low + mid + high), mid + high, atol=1e-12)
    [one] = c.constraints((n, 1), band=(None, 5), fs=fs)
    np.testing.assert_allclose(one.project(3 + low + mid + high), 3 + low, atol=1e-12)


def test_a_band_of_an_image_is_of_the_wave_vector():
    i, j = np.mgrid[:20, :20]
    slanted = np.cos(2 * np.pi * (0.3 * i + 0.4 * j))[None, ..., None]  # 0.5 cycles per sample
    along = np.cos(2 * np.pi * 0.3 * i)[None, ..., None]
    [one] = c.constraints((20, 20, 1), band=(0.2, 0.45))
    np.testing.assert_allclose(one.project(slanted + along), along, atol=1e-12)


@pytest.mark.parametrize("rank", SHAPES)
def test_a_spectrum_is_held_whatever_the_phases(rank):
    signal = rows(rank, 5)
    axes = tuple(range(1, rank + 1))
    wanted = np.abs(np.fft.rfftn(signal, axes=axes))
    [one] = c.constraints(SHAPES[rank], spectrum=signal[0])
    np.testing.assert_allclose(np.abs(np.fft.rfftn(one.project(rows(rank)), axes=axes))[0], wanted[0], atol=1e-9)
    [mean] = c.constraints(SHAPES[rank], spectrum=signal)
    found = np.abs(np.fft.rfftn(mean.project(rows(rank)), axes=axes))[0]
    np.testing.assert_allclose(found, wanted.mean(axis=0), atol=1e-9)
    [same] = c.constraints(SHAPES[rank], spectrum=wanted[0])
    np.testing.assert_allclose(same.project(rows(rank)), one.project(rows(rank)), atol=1e-9)


def test_one_channel_may_go_without_its_axis():
    signal = rows(1)[0, :, 0]
    [one] = c.constraints((15, 1), spectrum=signal)
    [two] = c.constraints((15, 1), spectrum=np.abs(np.fft.rfft(signal)))
    x = rows(1)[..., :1]
    np.testing.assert_allclose(one.project(x), two.project(x), atol=1e-12)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"band": (1, 10)}, OptionError, "band needs the sampling rate; give fs"),
        ({"band": (1, 60), "fs": 100}, OptionError, "does not rise between 0 and half the sampling rate, 50 Hz"),
        ({"band": (10, 1), "fs": 100}, OptionError, "does not rise"),
        ({"band": (-1, 1), "fs": 100}, OptionError, "does not rise"),
        ({"band": 10, "fs": 100}, OptionError, "band 10 is no pair"),
        ({"band": ("a", 3), "fs": 100}, OptionError, "is no pair"),
        ({"band": (1, 10), "fs": 0}, OptionError, "fs 0 is no sampling rate"),
        ({"band": (1, 2), "fs": 100}, OptionError, "holds no frequency of 15 samples.*6.66667 Hz apart"),
        ({"spectrum": np.ones(14)}, InputError, r"spectrum has shape \(14,\); give signals of shape \(15, 2\)"),
        ({"spectrum": -np.ones((8, 2))}, InputError, "amplitudes"),
        ({"spectrum": np.full((15, 2), np.nan)}, InputError, "spectrum has NaN"),
        ({"spectrum": "white"}, InputError, "spectrum has dtype"),
    ],
)
def test_what_does_not_fit_is_refused(options, error, words):
    with pytest.raises(error, match=words):
        c.constraints((15, 2), **options)


def test_hertz_belong_to_signals():
    with pytest.raises(OptionError, match=r"fs belongs to 1D signals.*cycles per sample"):
        c.constraints((8, 8, 1), band=(0.1, 0.2), fs=100)
    with pytest.raises(OptionError, match=r"half the sampling rate, 0.5 cycles per sample"):
        c.constraints((8, 8, 1), band=(1, 10))
    with pytest.raises(OptionError, match="the model's input has none"):
        c.constraints((8,), band=(0.1, 0.2), fs=1)
