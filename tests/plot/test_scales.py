import matplotlib.pyplot as plt
import numpy as np
import pytest

from signalscreen.errors import InputError, OptionError
from signalscreen.plot import plot_scales
from signalscreen.plot.colour import SIGNED

from .conftest import colour_at, picture

Y = np.sin(np.arange(50) / 5)
MAPS = np.stack([Y, 2 * Y, 3 * Y])


def test_rows_are_scales_and_the_longest_window_is_on_top():
    fig = plot_scales(Y, MAPS, [20, 5, 10])
    _, below, _ = fig.axes
    np.testing.assert_array_equal(np.concatenate([row.get_array() for row in below.images]), MAPS[[1, 2, 0]])
    assert [t.get_text() for t in below.get_yticklabels()] == ["5", "10", "20"]
    assert below.get_ylim() == (-0.5, 2.5)
    assert below.get_ylabel() == "window (samples)"
    assert {row.get_clim() for row in below.images} == {(-3 * np.abs(Y).max(), 3 * np.abs(Y).max())}
    assert below.images[0].get_cmap().name == SIGNED.name


def test_time_is_shared_and_in_seconds_with_a_rate():
    fig = plot_scales(Y, MAPS, [5, 10, 20], fs=10, units="mV", title="three scales", color_label="fall")
    above, below, bar = fig.axes
    fig.draw_without_rendering()
    assert above.get_xlim() == below.get_xlim() == (-0.05, 4.95)
    assert below.get_xlabel() == "Time (s)"
    assert not above.get_xlabel()
    assert above.get_ylabel() == "mV"
    assert [t.get_text() for t in below.get_yticklabels()] == ["0.5 s", "1 s", "2 s"]
    assert bar.get_ylabel() == "fall"
    assert fig.get_suptitle() == "three scales"
    assert above.get_position().x0 == pytest.approx(below.get_position().x0, abs=1e-3)
    assert above.get_position().x1 == pytest.approx(below.get_position().x1, abs=1e-3)


def test_a_value_is_drawn_where_its_sample_and_window_are():
    maps = np.zeros((2, 50))
    maps[1, 30:34] = 1
    maps[0, 10:14] = -1
    maps[0, 40:44] = np.nan
    fig = plot_scales(Y, maps, [5, 10])
    pixels = picture(fig)
    red, _, blue = colour_at(pixels, fig.axes[1], 31.5, 1)
    assert red > blue + 80
    red, _, blue = colour_at(pixels, fig.axes[1], 11.5, 0)
    assert blue > red + 80
    assert colour_at(pixels, fig.axes[1], 31.5, 0) == pytest.approx(np.array(SIGNED(0.5)[:3]) * 255, abs=2)
    assert (colour_at(pixels, fig.axes[1], 41.5, 0) > 210).all()


def test_scales_are_not_blended_where_samples_are_closer_than_pixels():
    maps = np.stack([np.full(60_000, -1.0), np.ones(60_000)])
    fig = plot_scales(np.zeros(60_000), maps, [5, 10])
    pixels, below = picture(fig), fig.axes[1]
    for row, value in ((0.45, 0.0), (0.55, 1.0)):
        assert colour_at(pixels, below, 30_000, row) == pytest.approx(np.array(SIGNED(value)[:3]) * 255, abs=3)


def test_several_leads_gaps_and_marks():
    y = np.stack([Y, Y], axis=1)
    y[5:9] = np.nan
    fig = plot_scales(y, MAPS, [5, 10, 20], fs=10, names=["I", "II"], annotations=[(10, 20, "noise")])
    (top,) = fig.axes[0].child_axes
    assert "noise" in [t.get_text() for t in top.get_xticklabels(minor=True)]
    assert [t.get_text() for t in fig.axes[0].get_yticklabels()] == ["I", "II"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"maps": MAPS[:, :-1]}, r"maps has shape \(3, 49\) for 3 windows and a signal of 50 samples"),
        ({"maps": MAPS[None]}, r"maps has shape \(1, 3, 50\)"),
        ({"windows": [5, 10]}, "for 2 windows"),
        ({"maps": np.zeros((0, 50)), "windows": []}, "for 0 windows"),
        ({"y": np.full(50, np.nan)}, "y is NaN everywhere"),
        ({"y": ["a"] * 50}, "y is not an array of real numbers"),
    ],
)
def test_what_does_not_fit_is_refused(change, match):
    before = plt.get_fignums()
    with pytest.raises(InputError, match=match):
        plot_scales(**{"y": Y, "maps": MAPS, "windows": [5, 10, 20], **change})
    assert plt.get_fignums() == before


def test_unknown_options_are_named():
    with pytest.raises(OptionError, match="plot_scales has no option 'colour'"):
        plot_scales(Y, MAPS, [5, 10, 20], colour="red")
    with pytest.raises(OptionError, match="fs is -1"):
        plot_scales(Y, MAPS, [5, 10, 20], fs=-1)


def test_a_batch_of_one_example_is_that_example():
    y = np.sin(np.arange(50) / 9)
    fig = plot_scales(y[None, :, None], [y, y], windows=[5, 9])
    drawn = np.array(fig.axes[0].collections[0].get_segments())
    np.testing.assert_array_equal(drawn[:, 0, 1], y[:-1])
