from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.signal import freqz

from signalscreen.errors import InputError, OptionError
from signalscreen.filters import FilterWeights
from signalscreen.plot import plot_filter_weights

from .conftest import picture


def made(*shape, bias=True, step=2.0, **changed):
    """Filters of a convolution, (filters, *window, channels)."""
    rng = np.random.default_rng(0)
    axes = len(shape) - 2
    weights = FilterWeights(
        kernel=rng.normal(size=shape).astype("float32"),
        bias=rng.normal(size=shape[0]).astype("float32") if bias else None,
        inputs=np.tile(np.arange(shape[-1]), (shape[0], 1)),
        dilation=(1,) * axes,
        strides=(1,) * axes,
        step=None if step is None else (step,) * axes,
        layer="block/conv",
        kind=f"Conv{axes}D" if axes else "Dense",
    )
    return replace(weights, **changed)


def named(fig):
    """The axes that have a filter's name."""
    return [ax for ax in fig.axes if "filter" in ax.get_title() + ax.get_title(loc="left")]


def test_lines_are_the_weights_over_time_and_their_gain_over_frequency():
    weights = made(2, 7, 2, dilation=(3,))
    fig = plot_filter_weights(weights, fs=500, points=50)
    left, right = fig.axes[0], fig.axes[1]
    at, taps = left.get_lines()[-1].get_data()
    np.testing.assert_allclose(at, np.arange(7) * 3 / 250 * 1000)  # every second sample comes in; milliseconds
    np.testing.assert_array_equal(taps, weights.kernel[0, :, 1])
    frequencies, gain = right.get_lines()[-1].get_data()
    spread = np.zeros(19)
    spread[::3] = weights.kernel[0, :, 1]
    np.testing.assert_allclose(gain, np.abs(freqz(spread, worN=frequencies, fs=250)[1]), atol=1e-6)
    assert frequencies[-1] == 125
    assert [ax.get_xlabel() for ax in (left, right)] == ["ms", "Hz"]
    assert left.get_ylim() == fig.axes[2].get_ylim()
    assert right.get_ylim() == fig.axes[3].get_ylim()
    picture(fig)


def test_without_a_rate_there_are_samples_and_no_gain():
    fig = plot_filter_weights(made(3, 7, 1, step=None))
    assert len(fig.axes) == 3
    assert fig.axes[0].get_xlabel() == "sample of the window"
    assert not fig.legends


def test_many_channels_are_strips_on_one_scale():
    weights = made(3, 7, 6)
    fig = plot_filter_weights(weights, fs=100, names=list("abcdef"))
    panels = named(fig)
    for ax, kernel in zip(panels, weights.kernel, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), kernel.T)
        assert ax.images[0].get_clim() == (-np.abs(weights.kernel).max(), np.abs(weights.kernel).max())
    assert [label.get_text() for label in panels[0].get_yticklabels()] == list("abcdef")
    assert {ax.get_ylabel() for ax in fig.axes} >= {"weight", "gain"}  # two colour bars
    picture(fig)


def test_the_first_sixteen_are_drawn_and_the_title_says_of_how_many():
    fig = plot_filter_weights(made(256, 3, 1))
    assert len(fig.axes) == 16
    assert fig.get_suptitle() == "block/conv (Conv1D): filters 0 to 15 of 256"
    fig = plot_filter_weights(made(256, 3, 9), filters=[-1, 7], channels=[8, 0])
    assert [ax.get_title(loc="left").split(",")[0] for ax in named(fig)] == ["filter 255", "filter 7"]
    assert fig.get_suptitle() == "block/conv (Conv1D): 2 of 256 filters, 2 of 9 channels"
    fig = plot_filter_weights(made(256, 3, 1), filters=range(40))
    assert len(fig.axes) == 40


def test_biases_are_written_where_there_are_some():
    weights = made(2, 3, 1, bias=False)
    assert plot_filter_weights(weights).axes[1].get_title(loc="left") == "filter 1"
    weights = replace(weights, bias=np.array([0.25, -0.5]))
    assert plot_filter_weights(weights).axes[1].get_title(loc="left") == "filter 1, bias −0.5"


def test_colours_are_named_where_there_are_several():
    fig = plot_filter_weights(made(2, 3, 2), names=["II", "V1"])
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["II", "V1"]


def test_a_filter_of_one_channel_says_which():
    weights = made(4, 3, 1, inputs=np.array([[0], [0], [1], [1]]))
    fig = plot_filter_weights(weights, names=["II", "V1"])
    assert fig.axes[3].get_title(loc="left").startswith("filter 3 of V1")
    weights = made(2, 3, 3, 1, inputs=np.array([[0], [1]]))
    assert plot_filter_weights(weights).axes[1].get_title().startswith("filter 1\nchannel 1")


@pytest.mark.parametrize(
    ("channels", "shape", "places"),
    [
        (1, (3, 5), {0: (0, 0)}),
        (3, (3, 17), {0: (0, 0), 2: (0, 12)}),  # in a row
        (6, (7, 17), {0: (0, 0), 5: (4, 12)}),  # as a square
    ],
)
def test_2d_kernels_are_tiles(channels, shape, places):
    weights = made(2, 3, 5, channels)
    fig = plot_filter_weights(weights)
    mesh = named(fig)[1].collections[0]
    sheet = np.ma.filled(mesh.get_array(), np.nan)
    assert sheet.shape == shape
    for channel, (row, column) in places.items():
        np.testing.assert_array_equal(sheet[row : row + 3, column : column + 5], weights.kernel[1, ..., channel])
    assert np.nanmax(np.abs(sheet)) <= mesh.get_clim()[1] == np.abs(weights.kernel).max()
    assert np.isfinite(sheet).sum() == 15 * channels
    picture(fig)


def test_3d_kernels_are_a_row_of_slices_per_channel():
    weights = made(2, 4, 2, 3, 2)
    fig = plot_filter_weights(weights)
    sheet = np.ma.filled(named(fig)[0].collections[0].get_array(), np.nan)
    assert sheet.shape == (5, 15)
    np.testing.assert_array_equal(sheet[3:, 12:], weights.kernel[0, 3, :, :, 1])
    np.testing.assert_array_equal(sheet[:2, 4:7], weights.kernel[0, 1, :, :, 0])


def test_a_dense_layer_is_a_table():
    weights = made(3, 40)
    fig = plot_filter_weights(weights, filters=[2, 0])
    np.testing.assert_array_equal(fig.axes[0].images[0].get_array(), weights.kernel[[2, 0]])
    assert fig.axes[0].get_yticklabels()[0].get_text().startswith("2, bias ")
    assert fig.get_suptitle() == "block/conv (Dense): 2 of 3 units, 40 inputs"


def test_limits_and_colours_are_the_callers():
    fig = plot_filter_weights(made(2, 3, 3, 1), limits=(-9, 9), colormap="PuOr", title="mine")
    mesh = fig.axes[0].collections[0]
    assert (mesh.get_clim(), mesh.get_cmap().name, fig.get_suptitle()) == ((-9, 9), "PuOr", "mine")


@pytest.mark.parametrize("weights", [made(1, 1, 1), made(2, 1, 9), made(1, 1, 1, 1), made(1, 1)])
def test_the_smallest_kernels_are_drawn(weights):
    picture(plot_filter_weights(weights, fs=None if len(weights.window) != 1 else 100))


@pytest.mark.parametrize(
    ("weights", "options", "error", "words"),
    [
        (np.zeros((3, 2)), {}, InputError, "weights is a ndarray; give what ss.filter_weights"),
        (made(3, 7, 1), {"filters": 3}, OptionError, "filters 3 is out of range: there are 3, numbered 0 to 2"),
        (made(3, 7, 1), {"filters": [0, -4]}, OptionError, "filters -4 is out of range"),
        (made(3, 7, 1), {"filters": "all"}, OptionError, "filters is 'all'; give a number from 0 to 2"),
        (made(3, 7, 1), {"filters": []}, OptionError, r"filters is \[\]"),
        (made(3, 7, 1), {"filters": 1.5}, OptionError, "filters is 1.5"),
        (made(3, 7, 1), {"channels": 1}, OptionError, "channels 1 is out of range"),
        (made(3, 7, 2), {"names": ["II"]}, OptionError, "for 2 channels of the layer's input; give one name"),
        (made(3, 7, 2), {"columns": 0}, OptionError, "columns is 0"),
        (made(3, 7, 2), {"fs": -1}, OptionError, "fs is -1"),
        (made(3, 7, 2, step=None), {"fs": 100}, OptionError, "is not known; say it"),
        (made(3, 7, 7, 2), {"fs": 100}, OptionError, "kernels over 2 axes.*leave fs out"),
        (made(3, 7, 2), {"fs": 100, "points": 0}, OptionError, "points is 0"),
        (made(3, 7, 2), {"cmap": "jet"}, OptionError, "plot_filter_weights has no option 'cmap'"),
        (made(3, 7, 2), {"colormap": "jett"}, OptionError, "colormap 'jett' is not known"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(weights, options, error, words):
    with pytest.raises(error, match=words):
        plot_filter_weights(weights, **options)
    assert not plt.get_fignums()
