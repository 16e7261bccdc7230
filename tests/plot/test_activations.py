import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest

import signalscreen as ss
from signalscreen.errors import InputError, OptionError
from signalscreen.plot import plot_activations

from .conftest import colour_at, picture

RNG = np.random.default_rng(0)
SIGNAL = np.sin(np.arange(100) / 9)
IMAGE = RNG.random((12, 16))
VOLUME = RNG.random((10, 12, 16))


def test_few_filters_are_lines_under_the_signal_on_its_time_axis():
    maps = RNG.normal(size=(25, 3))
    fig = plot_activations(SIGNAL, maps, fs=50, units="mV")
    signal, *panels = fig.axes
    assert len(panels) == 3
    assert signal.get_ylabel() == "mV"
    for number, ax in enumerate(panels):
        values, edges, _ = ax.patches[0].get_data()
        np.testing.assert_array_equal(values, maps[:, number])
        np.testing.assert_allclose(edges, np.linspace(-0.5, 99.5, 26) / 50)
        assert ax.get_ylim() == panels[0].get_ylim()
        assert ax.get_xlim() == signal.get_xlim() == (-0.01, 1.99)
    assert panels[-1].get_xlabel() == "Time (s)"
    assert "spread evenly" in fig.get_supxlabel()
    picture(fig)


def test_many_filters_are_strips_on_one_scale():
    maps = RNG.random((100, 80))
    fig = plot_activations(SIGNAL, maps)
    strips = fig.axes[1].images
    assert len(strips) == 64
    assert fig.get_suptitle() == "filters 0 to 63 of 80"
    assert {strip.get_clim() for strip in strips} == {(maps[:, :64].min(), maps[:, :64].max())}
    np.testing.assert_array_equal(strips[5].get_array()[0], maps[:, 5])
    assert fig.get_supxlabel() == ""  # as many positions as samples: each lies on its own
    assert fig.axes[1].get_xlabel() == "Sample"


def test_filters_are_drawn_in_the_order_asked_for():
    maps = RNG.normal(size=(100, 9))
    fig = plot_activations(SIGNAL, maps, filters=[7, -9, 3, 3, 1])
    np.testing.assert_array_equal(fig.axes[1].images[0].get_array()[0], maps[:, 7])
    assert [label.get_text() for label in fig.axes[1].get_yticklabels()] == list("70331")
    assert fig.axes[1].images[0].get_clim()[0] == -fig.axes[1].images[0].get_clim()[1]


@pytest.fixture(scope="module")
def net():
    """A pulse detector that is strided and not padded, so that its map is shorter than the signal."""
    net = keras.Sequential([keras.Input((100, 1)), keras.layers.Conv1D(1, 5), keras.layers.MaxPooling1D(4)])
    net.layers[0].set_weights([np.ones((5, 1, 1)), np.zeros(1)])
    return net


def test_a_map_lies_over_the_samples_it_belongs_to(net):
    x = np.zeros((1, 100, 1), "float32")
    x[0, 50] = 1
    maps = ss.activations(net, x, 1)[0]
    fig = plot_activations(x[0], maps, positions=ss.layer_positions(net, 1))
    values, edges, _ = fig.axes[1].patches[0].get_data()
    raised = np.flatnonzero(values)
    assert edges[raised[0]] <= 50 <= edges[raised[-1] + 1]
    assert (edges[raised[0]] + edges[raised[-1] + 1]) / 2 == pytest.approx(50, abs=2)
    np.testing.assert_allclose(edges[[0, -1]], [1.5, 97.5])  # the ends are seen by no whole window
    assert fig.get_supxlabel() == ""


def test_a_sequence_given_backwards_is_drawn_forwards():
    maps = np.random.default_rng(0).normal(size=(20, 1))
    backwards = plot_activations(SIGNAL, maps[::-1], positions=(np.arange(20)[::-1],))
    forwards = plot_activations(SIGNAL, maps, positions=np.arange(20))
    drawn = [fig.axes[1].patches[0].get_data().values for fig in (backwards, forwards)]
    np.testing.assert_array_equal(*drawn)
    np.testing.assert_allclose(drawn[1], maps[:, 0])


def test_maps_of_an_image_lie_in_its_frame():
    maps = np.zeros((4, 5, 2))
    maps[1, 3, 1] = 1
    positions = (np.arange(4) * 2 + 3.0, np.arange(5) * 3 + 1.0)
    fig = plot_activations(IMAGE, maps, positions=positions)
    image, first, second = fig.axes[:3]
    assert [ax.get_title() for ax in (image, first, second)] == ["image", "filter 0", "filter 1"]
    assert image.get_xlim() == second.get_xlim() == (-0.5, 15.5)
    assert image.get_ylim() == second.get_ylim() == (11.5, -0.5)
    pixels = picture(fig)
    lit, dark = (np.array(second.images[0].get_cmap()(v)[:3]) * 255 for v in (1.0, 0.0))
    assert colour_at(pixels, second, 10, 5) == pytest.approx(lit, abs=2)
    assert colour_at(pixels, second, 7, 5) == pytest.approx(dark, abs=2)
    assert (colour_at(pixels, second, 10, 0.5) == 255).all()  # where the layer has no position


def test_maps_of_a_volume_are_those_over_the_slice():
    maps = RNG.random((4, 6, 8, 20))
    positions = (np.arange(4) * 2 + 1.5, np.arange(6) * 2.0, np.arange(8) * 2.0)
    fig = plot_activations(VOLUME[..., None], maps, positions=positions, slice=-4)
    np.testing.assert_array_equal(fig.axes[0].images[0].get_array(), VOLUME[6])
    np.testing.assert_array_equal(fig.axes[1].images[0].get_array(), maps[2, :, :, 0])
    assert fig.axes[0].get_title() == "slice 6"
    assert fig.get_suptitle() == "filters 0 to 15 of 20"
    with pytest.raises(OptionError, match=r"no position at slice 9; its positions cover 0.5 to 8.5"):
        plot_activations(VOLUME, maps, positions=positions, slice=9)


def test_images_of_many_channels_and_colours_are_drawn():
    maps = RNG.random((12, 16, 3))
    fig = plot_activations(RNG.random((12, 16, 3)), maps, columns=2, title="mine", limits=(0, 2))
    assert fig.axes[0].images[0].get_array().shape == (12, 16, 3)
    assert fig.axes[1].images[0].get_clim() == (0, 2)
    assert fig.get_suptitle() == "mine"
    seven = RNG.random((12, 16, 7))
    fig = plot_activations(seven, maps)
    np.testing.assert_allclose(fig.axes[0].images[0].get_array(), seven.mean(axis=-1))


def test_several_leads_and_a_single_position_are_drawn():
    fig = plot_activations(np.stack([SIGNAL, -SIGNAL], 1), np.ones((1, 6)), fs=50, names=["II", "V1"])
    left, right, *_ = fig.axes[1].images[0].get_extent()
    assert (left, right) == (-0.01, 1.99)
    picture(fig)


@pytest.mark.parametrize(
    ("x", "maps", "options", "error", "words"),
    [
        (SIGNAL, np.zeros((20, 3)), {"filters": 3}, OptionError, "filters 3 is out of range: there are 3"),
        (SIGNAL, np.zeros((20, 3)), {"slice": 1}, OptionError, "slice does not go with maps over 1 axes"),
        (SIGNAL, np.zeros((20, 3)), {"columns": 2}, OptionError, "columns is 2; .* over 2 or 3 axes"),
        (SIGNAL, np.zeros((20, 3)), {"fs": 0}, OptionError, "fs is 0"),
        (SIGNAL, np.zeros((20, 3)), {"names": ["a", "b"]}, OptionError, "names has 2 entries for 1 leads"),
        (SIGNAL, np.zeros((20, 3)), {"cmap": "jet"}, OptionError, "has no option 'cmap'"),
        (IMAGE, np.zeros((4, 4, 3)), {"fs": 100}, OptionError, "fs does not go with maps over 2 axes"),
        (IMAGE, np.zeros((4, 4, 3)), {"columns": 0}, OptionError, "columns is 0"),
        (VOLUME, np.zeros((5, 4, 4, 3)), {"slice": 10}, OptionError, "slice is 10, but there are 10 slices"),
        (VOLUME, np.zeros((5, 4, 4, 3)), {"slice": 1.5}, OptionError, "slice is 1.5"),
        (SIGNAL, np.zeros(3), {}, InputError, r"activations has shape \(3,\)"),
        (SIGNAL[None, :, None], np.zeros((20, 3)), {}, InputError, r"x has shape \(1, 100, 1\).*x\[0\]"),
        (SIGNAL, np.zeros((1, 20, 3)), {}, InputError, r"x has shape \(100,\) for activations of shape"),
        (SIGNAL, np.zeros((20, 3)), {"positions": np.arange(19)}, InputError, "for 20 positions of the layer"),
        (SIGNAL, np.zeros((3, 3)), {"positions": [0, 1, 5]}, InputError, "positions do not rise evenly"),
        (IMAGE, np.zeros((3, 3, 3)), {"positions": np.arange(3)}, InputError, "positions has 1 axes for 2"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(x, maps, options, error, words):
    with pytest.raises(error, match=words):
        plot_activations(x, maps, **options)
    assert not plt.get_fignums()
