import matplotlib.pyplot as plt
import numpy as np
import pytest

from signalscreen.errors import InputError, OptionError
from signalscreen.plot import plot_image
from signalscreen.plot.colour import SIGNED, UNSIGNED

from .conftest import colour_at, picture

IMAGE = np.arange(12.0).reshape(3, 4)
HEAT = np.linspace(-1, 2, 12).reshape(3, 4)


def test_axes_are_returned_as_by_the_line_plot():
    fig, ax = plot_image(IMAGE, HEAT)
    assert ax in fig.axes
    _, given = plt.subplots()
    assert plot_image(IMAGE, HEAT, given) is given


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 1)])
def test_grey_images_with_and_without_a_channel_axis(shape):
    _, ax = plot_image(IMAGE.reshape(shape), HEAT.reshape(shape))
    below, above = ax.images
    np.testing.assert_array_equal(below.get_array(), IMAGE)
    np.testing.assert_array_equal(above.get_array(), HEAT)


def test_without_an_attribution_the_image_is_drawn_from_black_to_white():
    fig, ax = plot_image([[0, 1], [0, 1]])
    pixels = picture(fig)
    assert (colour_at(pixels, ax, 0, 0) == 0).all()
    assert (colour_at(pixels, ax, 1, 0) == 255).all()
    assert len(fig.axes) == 1


def test_under_an_attribution_the_image_is_light_and_zero_is_clear():
    fig, ax = plot_image([[0, 1], [0, 1]], [[0, 0], [1, -1]])
    pixels = picture(fig)
    assert colour_at(pixels, ax, 0, 0) == pytest.approx([153] * 3, abs=2)
    assert (colour_at(pixels, ax, 1, 0) >= 253).all()
    red, _, blue = colour_at(pixels, ax, 0, 1)
    assert red > blue + 80
    red, _, blue = colour_at(pixels, ax, 1, 1)
    assert blue > red + 80


def test_unknown_values_are_clear():
    fig, ax = plot_image([[1, 0], [1, 1]], [[np.nan, 0], [1, -1]])
    assert (colour_at(picture(fig), ax, 0, 0) >= 253).all()


def test_opacity_can_be_the_same_everywhere():
    fig, ax = plot_image([[1, 1]], [[0.0, 1.0]], fade=False, alpha=0.5, symmetric=True)
    assert ax.images[1].get_alpha() == 0.5
    seen = colour_at(picture(fig), ax, 0, 0)
    assert seen == pytest.approx(0.5 * 255 + 0.5 * 255 * np.array(SIGNED(0.5)[:3]), abs=2)


def test_limits_are_those_of_the_shared_scale():
    assert plot_image(IMAGE, HEAT)[1].images[1].get_clim() == (-2, 2)
    assert plot_image(IMAGE, HEAT, limits=(-1, 3))[1].images[1].get_clim() == (-1, 3)
    assert plot_image(IMAGE, HEAT, symmetric=False)[1].images[1].get_clim() == (-1, 2)
    ax = plot_image(IMAGE, np.abs(HEAT), percentile=50)[1]
    assert ax.images[1].get_clim()[1] == np.percentile(np.abs(HEAT), 50)
    assert ax.images[1].get_cmap().name == UNSIGNED.name
    assert plot_image(IMAGE, HEAT, colormap="PuOr")[1].images[1].get_cmap().name == "PuOr"


def test_title_aspect_and_colour_bar():
    fig, ax = plot_image(IMAGE, HEAT, title="a window", aspect="auto", color_label="ΔS")
    assert ax.get_title() == "a window"
    assert ax.get_aspect() == "auto"
    assert fig.axes[1].get_ylabel() == "ΔS"
    fig, ax = plot_image(IMAGE, HEAT, color_bar=False, aspect=2)
    assert len(fig.axes) == 1
    assert ax.get_aspect() == 2


@pytest.mark.parametrize(
    ("colours", "shown"),
    [
        (np.array([[[255, 0, 51]]], np.uint8), [255, 0, 51]),
        (np.array([[[1.0, 0.0, 0.2]]]), [255, 0, 51]),
        (np.array([[[3.0, -2.0, -1.0]]]), [255, 0, 51]),
    ],
)
def test_colours_are_taken_as_bytes_as_parts_of_one_or_stretched(colours, shown):
    fig, ax = plot_image(colours)
    assert colour_at(picture(fig), ax, 0, 0) == pytest.approx(shown, abs=1)


def test_one_colour_outside_the_usual_range_is_drawn():
    picture(plot_image(np.full((2, 2, 3), 7.5))[0])


def test_colours_become_grey_under_an_attribution_unless_kept():
    colours = np.zeros((2, 2, 3))
    colours[..., 0] = 1.0
    colours[0, 0] = 0.0
    for keep in (False, True):
        fig, ax = plot_image(colours, np.zeros((2, 2)), keep_colours=keep)
        red, green, blue = colour_at(picture(fig), ax, 1, 1)
        assert (red > green + 50) == keep
        assert green == blue


def test_a_few_extreme_pixels_do_not_hide_the_image():
    image = np.random.default_rng(0).uniform(0, 1, (50, 50))
    image[0, 0] = 1e6
    _, ax = plot_image(image)
    assert ax.images[0].get_clim()[1] < 2


def test_an_image_of_one_value_is_white():
    fig, ax = plot_image(np.full((2, 2), 7.0), np.zeros((2, 2)))
    assert (colour_at(picture(fig), ax, 0, 0) == 255).all()


def test_a_rare_pixel_in_a_flat_image_is_seen():
    image = np.zeros((50, 50))
    image[25, 25] = 1
    fig, ax = plot_image(image)
    assert (colour_at(picture(fig), ax, 25, 25) == 255).all()


@pytest.mark.parametrize("shape", [(2, 200), (200, 2), (1, 1)])
def test_any_shape_has_a_figure(shape):
    fig, _ = plot_image(np.zeros(shape), np.zeros(shape))
    assert fig.get_size_inches().min() >= 2
    assert fig.get_size_inches().max() <= 11
    picture(fig)


def test_unknown_pixels_are_drawn():
    picture(plot_image(np.full((2, 2), np.nan), np.zeros((2, 2)))[0])
    picture(plot_image(np.full((2, 2, 3), np.nan))[0])


@pytest.mark.parametrize(
    ("image", "heat", "words"),
    [
        (np.zeros((1, 3, 4, 1)), HEAT, ["image", "(1, 3, 4, 1)", "(height, width, 3)"]),
        (np.zeros((3, 4, 2)), HEAT, ["image", "(3, 4, 2)"]),
        (np.zeros((0, 4)), HEAT, ["image", "(0, 4)"]),
        (np.zeros(4), HEAT, ["image", "(4,)"]),
        (IMAGE, HEAT.T, ["attribution", "(4, 3)", "3 x 4"]),
        (IMAGE, np.zeros((3, 4, 3)), ["attribution", "(3, 4, 3)", "reduced"]),
        (IMAGE, HEAT * np.inf, ["attribution", "infinite"]),
        ([["a"]], [[1]], ["image", "real numbers"]),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_words(image, heat, words):
    with pytest.raises(InputError) as error, np.errstate(invalid="ignore"):
        plot_image(image, heat)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"alpha": 0}, ["alpha", "0"]),
        ({"alpha": 1.2}, ["alpha", "1.2"]),
        ({"alpha": "x"}, ["alpha", "'x'"]),
        ({"aspect": "wide"}, ["aspect", "'wide'", "equal"]),
        ({"aspect": -1}, ["aspect", "-1"]),
        ({"ax": 3}, ["ax", "int"]),
        ({"cmap": "jet"}, ["plot_image", "'cmap'", "colormap"]),
        ({"limits": (2, 1)}, ["limits"]),
    ],
)
def test_options_that_cannot_be_meant_are_refused_in_words(options, words):
    with pytest.raises(OptionError) as error:
        plot_image(IMAGE, HEAT, **options)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert not plt.get_fignums()
