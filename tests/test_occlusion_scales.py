"""Occlusion at many scales is occlusion at each."""

import numpy as np
import pytest

import signalscreen as ss
from signalscreen.backend import keras
from signalscreen.errors import OptionError
from tests.contract import zoo

L = keras.layers


@pytest.mark.parametrize("rank", [1, 2])
def test_each_map_is_that_of_its_window(rank, always_by_patches):
    model, x = zoo.shared("functional", rank), zoo.signals(rank)
    windows = (2, 3, 7) if rank == 1 else [(2, 3), [5, 4], 6]
    maps = ss.occlusion_scales(model, x, 1, windows=windows, fill="mean")
    assert maps.shape == (len(x), 3, *zoo.SIZES[rank])
    assert maps.dtype == np.float32
    for found, window in zip(maps.swapaxes(0, 1), windows, strict=True):
        one = ss.occlusion(model, x, 1, window=tuple(window) if np.ndim(window) else window, fill="mean")
        np.testing.assert_allclose(found, one, atol=2e-5 * np.ptp(one))
    tuples = [tuple(w) if np.ndim(w) else w for w in windows]
    together = ss.occlusion(model, x, 1, window=tuples, fill="mean")
    np.testing.assert_allclose(maps.mean(axis=1), together, atol=2e-5 * np.ptp(together))


def test_channels_batches_and_fills_of_each_example():
    model, x = zoo.shared("functional", 1), zoo.signals(1, n=5)
    options = {"windows": (2, 6), "fill": 0.5 * x, "per_channel": True, "credit": "centre", "stride": 2}
    maps = ss.occlusion_scales(model, x, 1, **options)
    assert maps.shape == (5, 2, 24, 2)
    small = ss.occlusion_scales(model, x, 1, batch_size=2, **options)
    np.testing.assert_allclose(small, maps, atol=2e-5 * np.ptp(maps))
    one = ss.occlusion(model, x, 1, window=6, **{k: v for k, v in options.items() if k != "windows"})
    np.testing.assert_allclose(maps[:, 1], one, atol=2e-5 * np.ptp(one))


def test_the_window_that_holds_the_event_is_where_the_map_stops_growing():
    """A sum over ten samples: no window takes more away than those that hold them all."""
    model = keras.Sequential([keras.Input((60, 1)), L.Flatten(), L.Dense(1)])
    weights = np.zeros((60, 1))
    weights[20:30] = 1
    model.set_weights([weights, np.zeros(1)])
    windows = np.array([1, 2, 5, 10, 20])
    maps = ss.occlusion_scales(model, np.ones((1, 60, 1)), 0, windows=windows, stride=1, credit="centre")
    np.testing.assert_allclose(maps[0].max(axis=1), np.minimum(windows, 10), atol=1e-5)


def test_several_inputs_have_maps_of_their_own():
    a, b, c = keras.Input((24, 2), name="a"), keras.Input((3,), name="b"), keras.Input((12, 1), name="c")
    h = L.Concatenate()([L.GlobalAveragePooling1D()(L.Conv1D(3, 3, activation="relu")(t)) for t in (a, c)] + [b])
    model = keras.Model([a, b, c], L.Dense(2)(h))
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(2, 24, 2)), rng.normal(size=(2, 3)), rng.normal(size=(2, 12, 1))]
    maps = ss.occlusion_scales(model, x, 1, windows=(2, 4))
    single = ss.occlusion(model, x, 1, window=4)
    assert maps[1] is None
    for found, one in ((maps[0], single[0]), (maps[2], single[2])):
        assert found.shape == (2, 2, *one.shape[1:])
        np.testing.assert_allclose(found[:, 1], one, atol=2e-5 * np.ptp(one))


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"windows": ()}, r"windows \(\) is not a list of windows; give lengths"),
        ({"windows": 5}, "windows 5 is not a list of windows"),
        ({"windows": (5, 25)}, "window 25 is longer than the signal of 24 samples; give a shorter one"),
        ({"windows": (5, 0)}, "window 0 is not understood"),
        ({"windows": (5, 2.5)}, "window 2.5 is not understood"),
        ({"windows": (5,), "stride": 0}, "stride 0 is not understood"),
        ({"windows": (5,), "fill": np.zeros((7, 2))}, r"fill has shape \(7, 2\)"),
        ({"windows": (5,), "credit": "left"}, "credit 'left' is not known"),
        ({"windows": (5,), "colour": 1}, "occlusion_scales has no option 'colour'"),
    ],
)
def test_bad_windows_are_refused(options, match):
    with pytest.raises((OptionError, ValueError), match=match):
        ss.occlusion_scales(zoo.shared("sequential", 1), zoo.signals(1), 0, **options)


def test_it_is_no_attribution_of_one_map_and_not_listed():
    """What lists, stitches and averages methods expects ``(batch, *axes)``."""
    assert "occlusion_scales" not in ss.METHODS
