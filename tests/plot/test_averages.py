import matplotlib.pyplot as plt
import numpy as np
import pytest

from signalscreen.averages import ClassAverages
from signalscreen.errors import InputError, OptionError
from signalscreen.plot import plot_averages
from signalscreen.plot.colour import SIGNED, UNSIGNED

from .conftest import colour_at, picture

Y = np.sin(np.arange(50) / 5)


def averages(means, signals, spread=0.5):
    labels = tuple(means)
    counts = {label: 4 + i for i, label in enumerate(labels)}
    std = {label: np.full_like(m, spread) for label, m in means.items()}
    return ClassAverages(labels, counts, means, std, signals, "saliency", "label", "logit")


@pytest.fixture
def signals():
    means = {0: Y[:, None], 1: 3 * Y[:, None], 2: np.abs(Y)[:, None]}
    return averages(means, {label: (label + 1) * Y[:, None] for label in means})


@pytest.fixture
def images():
    ramp = np.arange(24.0).reshape(4, 6, 1)
    return averages({"AI": ramp, "-": 2 * ramp}, {"AI": ramp, "-": ramp})


def test_each_class_is_its_mean_signal_in_the_colours_of_its_mean_map(signals):
    fig = plot_averages(signals, class_names=["N", "V"], fs=10, units="mV", title="beats")
    rows, bar = fig.axes[:3], fig.axes[3]
    assert [ax.get_title() for ax in rows] == ["N (n = 4)", "V (n = 5)", "2 (n = 6)"]
    for ax, label in zip(rows, signals.labels, strict=True):
        np.testing.assert_array_equal(ax.collections[0].get_array(), signals.mean[label][:-1, 0])
        np.testing.assert_array_equal(ax.collections[0].get_segments()[3][0], [0.3, signals.signal[label][3, 0]])
    top = 3 * np.abs(Y).max()
    assert {ax.collections[0].get_clim() for ax in rows} == {(-top, top)}
    assert len({ax.get_ylim() for ax in rows}) == 1
    assert [ax.get_xlabel() for ax in rows] == ["", "", "Time (s)"]
    assert bar.get_ylabel() == "mean attribution"
    assert fig.get_suptitle() == "beats"


def test_the_difference_of_signals_is_a_line_in_a_band(signals):
    fig = plot_averages(signals, (1, 0))
    ax = fig.axes[3]
    assert ax.get_title() == "1 − 0, with two standard errors"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 2 * Y)
    band = ax.collections[0].get_paths()[0].vertices
    error = np.sqrt(0.25 / 4 + 0.25 / 5)
    assert band[:, 1].max() == pytest.approx((2 * Y + 2 * error).max())
    assert plot_averages(signals, 0).axes[3].get_title() == "0 − all others, with two standard errors"
    assert ax.get_xlabel() == "Sample"
    picture(fig)


def test_two_classes_are_compared_unless_told_otherwise(images):
    assert [ax.get_title() for ax in plot_averages(images).axes[:3]] == ["AI (n = 4)", "- (n = 5)", "- − AI"]
    assert len(plot_averages(images, False).axes) == 3


def test_images_share_limits_and_the_difference_has_its_own(images):
    fig = plot_averages(images, ("-", "AI"), class_names={"-": "rest"})
    first, second, apart = fig.axes[:3]
    assert apart.get_title() == "rest − AI"
    assert first.images[0].get_clim() == second.images[0].get_clim() == (0, 46)
    assert first.images[0].get_cmap().name == UNSIGNED.name
    assert apart.images[0].get_clim() == (-23, 23)
    assert apart.images[0].get_cmap().name == SIGNED.name
    pixels = picture(fig)
    assert colour_at(pixels, second, 5, 3) == pytest.approx(np.array(UNSIGNED(1.0)[:3]) * 255, abs=2)
    assert colour_at(pixels, apart, 5, 3) == pytest.approx(np.array(SIGNED(1.0)[:3]) * 255, abs=2)


def test_limits_can_be_those_of_an_older_figure(images):
    fig = plot_averages(images, limits=(0, 0.2), difference_limits=(-0.1, 0.1), colormap="hot")
    assert fig.axes[0].images[0].get_clim() == (0, 0.2)
    assert fig.axes[0].images[0].get_cmap().name == "hot"
    assert fig.axes[2].images[0].get_clim() == (-0.1, 0.1)


def test_several_leads_have_lines_of_their_own():
    two = np.c_[Y, -Y]
    found = averages({0: two, 1: 2 * two}, {0: two, 1: two})
    fig = plot_averages(found, names=["I", "II"], fs=10)
    assert [len(ax.collections) for ax in fig.axes[:2]] == [2, 2]
    assert [text.get_text() for text in fig.axes[2].get_legend().get_texts()] == ["I", "II"]
    picture(fig)


def test_merged_leads_and_plain_vectors():
    merged = averages({0: Y, 1: Y}, {0: np.c_[Y, Y], 1: np.c_[Y, Y]})
    assert len(plot_averages(merged).axes[2].lines) == 2  # the difference, and zero
    plain = averages({0: Y}, {0: Y})
    assert len(plot_averages(plain).axes) == 2


def test_a_class_of_one_example_has_no_band():
    found = averages({0: Y, 1: Y}, {0: Y, 1: Y}, spread=np.nan)
    picture(plot_averages(found))


def test_many_images_are_wrapped():
    ramp = np.arange(24.0).reshape(4, 6)
    found = averages(dict.fromkeys(range(6), ramp), dict.fromkeys(range(6), ramp[..., None]))
    fig = plot_averages(found, 0)
    assert sum(ax.get_visible() for ax in fig.axes[:8]) == 7


@pytest.mark.parametrize(
    ("means", "signal", "match"),
    [
        (Y[:20], Y[:, None], r"maps have shape \(20,\) for signals of \(50, 1\).*upsample=False"),
        (np.zeros((4, 6, 3)), np.zeros((4, 6, 3)), "3 channels; give class_averages reduce="),
        (np.zeros((4, 6, 3)), np.zeros((4, 6, 3, 1)), "have 3 axes; .*plot_volume"),
    ],
)
def test_maps_that_cannot_be_drawn(means, signal, match):
    with pytest.raises(InputError, match=match):
        plot_averages(averages({0: means, 1: means}, {0: signal, 1: signal}))
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"difference": 7}, InputError, "label 7 has no example"),
        ({"difference": (0, 1, 2)}, OptionError, "no pair"),
        ({"colour": "red"}, OptionError, "no option 'colour'"),
        ({"aspect": -1}, OptionError, "aspect"),
        ({"fs": -1}, OptionError, "fs is -1"),
        ({"units": ["mV", "V"]}, OptionError, "units has 2 entries"),
    ],
)
def test_options_that_cannot_be_meant(signals, options, kind, match):
    with pytest.raises(kind, match=match):
        plot_averages(signals, **options)
    assert not plt.get_fignums()
