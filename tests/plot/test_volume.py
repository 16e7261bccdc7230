import matplotlib.pyplot as plt
import numpy as np
import pytest

from signalscreen.errors import InputError, OptionError
from signalscreen.plot import plot_volume

from .conftest import picture

VOLUME = np.arange(5 * 4 * 3.0).reshape(5, 4, 3)
HEAT = VOLUME - 20


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_those_asked_for_with_their_numbers(axis):
    last = VOLUME.shape[axis] - 1
    _, axes = plot_volume(VOLUME, HEAT, slices=[0, 1, -1], axis=axis)
    assert [ax.get_title() for ax in axes] == ["slice 0", "slice 1", f"slice {last}"]
    for ax, index in zip(axes, (0, 1, last), strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), VOLUME.take(index, axis))
        np.testing.assert_array_equal(ax.images[1].get_array(), HEAT.take(index, axis))


def test_a_number_of_slices_is_spread_over_the_volume():
    _, axes = plot_volume(np.zeros((100, 2, 2)), slices=4)
    assert [ax.get_title() for ax in axes] == ["slice 12", "slice 37", "slice 62", "slice 87"]
    assert len(plot_volume(VOLUME, slices=50)[1]) == 5


def test_colours_and_greys_are_shared_also_by_slices_that_are_not_drawn():
    _, axes = plot_volume(VOLUME[..., None], HEAT[..., None], slices=[0, 1])
    for ax in axes:
        assert ax.images[1].get_clim() == (-39, 39)
        assert ax.images[0].get_clim() == axes[0].images[0].get_clim()
    assert axes[0].images[1].norm is axes[1].images[1].norm


def test_there_is_one_colour_bar_and_it_can_be_left_out():
    fig, _ = plot_volume(VOLUME, HEAT, slices=3, columns=3, title="brain", color_label="ΔS")
    assert len(fig.axes) == 3 + 1
    assert fig.axes[-1].get_ylabel() == "ΔS"
    assert fig.get_suptitle() == "brain"
    picture(fig)
    fig, _ = plot_volume(VOLUME, HEAT, slices=3, columns=3, color_bar=False)
    assert len(fig.axes) == 3


def test_a_volume_alone_is_drawn():
    fig, axes = plot_volume(VOLUME, slices=2)
    assert [len(ax.images) for ax in axes] == [1, 1]
    assert len(fig.axes) == 2


def test_panels_without_a_slice_are_empty():
    fig, axes = plot_volume(VOLUME, slices=5, columns=4)
    assert len(axes) == 5
    assert [ax.axison for ax in fig.axes] == [True] * 5 + [False]


def test_given_axes_are_drawn_into_and_returned():
    fig, grid = plt.subplots(1, 2)
    axes = plot_volume(VOLUME, HEAT, grid, slices=2)
    assert list(axes) == list(grid)
    _, alone = plt.subplots()
    assert list(plot_volume(VOLUME, None, alone, slices=[1])) == [alone]
    assert fig.number in plt.get_fignums()


def test_voxels_have_the_shape_of_their_spacing():
    _, axes = plot_volume(VOLUME, HEAT, slices=1, axis=1, spacing=(3.0, 1.0, 2.0))
    assert axes[0].get_aspect() == 1.5


def test_options_of_the_overlay_are_passed_on():
    _, axes = plot_volume(VOLUME, HEAT, slices=1, colormap="PuOr", limits=(-1, 4), fade=False, alpha=0.3)
    above = axes[0].images[1]
    assert (above.get_cmap().name, above.get_clim(), above.get_alpha()) == ("PuOr", (-1, 4), 0.3)


@pytest.mark.parametrize(
    ("volume", "heat", "words"),
    [
        (np.zeros((4, 3)), None, ["volume", "(4, 3)", "(depth, height, width)"]),
        (np.zeros((1, 5, 4, 3, 1)), None, ["volume", "(1, 5, 4, 3, 1)"]),
        (np.zeros((5, 4, 3, 2)), None, ["volume", "(5, 4, 3, 2)"]),
        (np.zeros((0, 4, 3)), None, ["volume", "(0, 4, 3)"]),
        (VOLUME, HEAT[1:], ["attribution", "(4, 4, 3)", "5 x 4 x 3"]),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_words(volume, heat, words):
    with pytest.raises(InputError) as error:
        plot_volume(volume, heat)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"axis": 3}, ["axis", "3"]),
        ({"slices": [5]}, ["slices", "[5]", "0 to 4"]),
        ({"slices": [-6]}, ["slices", "[-6]"]),
        ({"slices": []}, ["slices", "[]"]),
        ({"slices": 0}, ["slices", "0"]),
        ({"slices": "all"}, ["slices", "'all'"]),
        ({"columns": 0}, ["columns", "0"]),
        ({"columns": 1.5}, ["columns", "1.5"]),
        ({"slices": 2.5}, ["slices", "2.5"]),
        ({"slices": -1}, ["slices", "-1"]),
        ({"spacing": (1, 1)}, ["spacing", "(1, 1)"]),
        ({"spacing": (1, 0, 1)}, ["spacing", "(1, 0, 1)"]),
        ({"spacing": "abc"}, ["spacing", "'abc'"]),
        ({"alpha": 2}, ["alpha", "2"]),
        ({"axes": [1, 2], "slices": 2}, ["axes", "matplotlib Axes"]),
        ({"cmap": "jet"}, ["plot_volume", "'cmap'"]),
    ],
)
def test_options_that_cannot_be_meant_are_refused_in_words(options, words):
    with pytest.raises(OptionError) as error:
        plot_volume(VOLUME, HEAT, **options)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert not plt.get_fignums()


def test_as_many_axes_as_slices_are_needed():
    _, grid = plt.subplots(1, 2)
    with pytest.raises(OptionError, match="axes has 2 entries for 3 slices"):
        plot_volume(VOLUME, HEAT, grid, slices=3)
