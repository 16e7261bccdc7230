import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.colors import ListedColormap, to_rgb

from signalscreen.errors import OptionError
from signalscreen.plot import averages, marks, plot_image, plot_with_gradient, signal, synthesis
from signalscreen.plot.colour import MISSING, SIGNED, UNSIGNED, colour_scale, fading, on_lines

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
COLOUR_BLINDNESS = {
    "none": np.eye(3),
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(rgb, seen_with="none"):
    """Return CIE L*a*b* (D65) of sRGB colours as an eye with this kind of colour blindness has them."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.asarray(COLOUR_BLINDNESS[seen_with]).T, 0, 1)
    xyz = linear @ np.array(
        [
            [0.4124564, 0.2126729, 0.0193339],
            [0.3575761, 0.7151522, 0.1191920],
            [0.1804375, 0.0721750, 0.9503041],
        ]
    )
    f = np.cbrt(xyz / [0.95047, 1.0, 1.08883])  # the linear toe is not reached by these colours
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


@pytest.mark.parametrize("seen_with", COLOUR_BLINDNESS)
def test_signed_colours_are_told_apart_by_everyone(seen_with):
    """A difference of 10 is seen at a glance; the ends and half-way values differ by far more."""
    low, low_half, zero, high_half, high = lab(SIGNED(np.linspace(0, 1, 5))[:, :3], seen_with)
    for one, other in (
        (low, high),
        (low_half, high_half),
        (low, zero),
        (high, zero),
        (low_half, zero),
        (high_half, zero),
    ):
        assert np.linalg.norm(one - other) > 25


def test_signed_colours_are_darker_the_further_from_a_mid_grey_zero():
    lightness = lab(SIGNED(np.linspace(0, 1, 201))[:, :3])[:, 0]
    assert (np.diff(lightness[:100]) > 0).all()
    assert (np.diff(lightness[101:]) < 0).all()
    assert 50 < lightness[100] < 62
    assert abs(lightness[0] - lightness[-1]) < 10
    assert np.ptp(SIGNED(0.5)[:3]) < 0.01


@pytest.mark.parametrize("seen_with", COLOUR_BLINDNESS)
def test_unsigned_colours_are_darker_the_larger_for_everyone(seen_with):
    seen = lab(UNSIGNED(np.linspace(0, 1, 256))[:, :3], seen_with)
    assert (np.diff(seen[:, 0]) < 0).all()
    thirds = seen[[0, 85, 170, 255]]
    assert np.linalg.norm(np.diff(thirds, axis=0), axis=1).min() > 12
    assert np.linalg.norm(seen[-1] - seen[0]) > 40


def luminance(rgb):
    """Relative luminance of sRGB colours as WCAG 2.2 defines it."""
    rgb = np.asarray(rgb, float)
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(one, other):
    """Contrast ratio as WCAG 2.2 defines it: 21 for black on white."""
    a, b = luminance(one) + 0.05, luminance(other) + 0.05
    return np.maximum(a, b) / np.minimum(a, b)


def over(colour, opacity, below):
    return opacity * np.asarray(to_rgb(colour)) + (1 - opacity) * np.asarray(below)


WHITE = (1.0, 1.0, 1.0)
TINT = over(marks._SPAN["facecolor"], marks._SPAN["alpha"], WHITE)


def test_contrast_is_that_of_the_standard():
    assert contrast((0, 0, 0), WHITE) == pytest.approx(21)
    assert contrast(to_rgb("#767676"), WHITE) == pytest.approx(4.54, abs=0.01)  # the example of many a textbook


@pytest.mark.parametrize("colormap", [SIGNED, UNSIGNED])
@pytest.mark.parametrize("page", [WHITE, TINT], ids=["white", "tint of an interval"])
def test_a_line_of_any_value_is_seen_on_its_page(colormap, page):
    """WCAG 2.2, success criterion 1.4.11: 3:1 for what has to be seen. All values, beyond the ends, and none."""
    values = np.concatenate([np.linspace(0, 1, 4096), [-1.0, 2.0]])
    assert contrast(colormap(values)[:, :3], page).min() >= 3
    assert contrast(on_lines(colour_scale([1.0], colormap).colormap)(np.nan)[:3], page) >= 3


@pytest.mark.parametrize("colormap", [SIGNED, UNSIGNED])
def test_the_ends_stand_out_from_zero_in_a_field(colormap):
    zero = colormap(0.5 if colormap is SIGNED else 0.0)[:3]
    ends = [0.0, 1.0] if colormap is SIGNED else [1.0]
    assert contrast(colormap(ends)[:, :3], zero).min() >= 3


@pytest.mark.parametrize("colormap", [SIGNED, UNSIGNED])
@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_the_ends_stand_out_from_an_image_below(colormap, grey):
    """On the light greys of an image under a map, at the opacity that maps have unless told otherwise."""
    fig, ax = plot_image(
        np.array([[grey, grey], [0.0, 1.0]]), np.array([[-1.0, 1.0], [0.0, 0.0]]), colormap=colormap
    )
    below, above = (image.to_rgba(image.get_array())[0] for image in ax.images)
    seen = above[:, 3:] * above[:, :3] + (1 - above[:, 3:]) * below[:, :3]
    strong = [0, 1] if colormap is SIGNED else [1]
    assert contrast(seen, below[:, :3])[strong].min() >= 3
    plt.close(fig)


LINES = {
    "dark": signal.LINE,
    "beats": marks._BEAT["colors"],
    "rest of a synthesis": synthesis._OTHER,
    "best of a synthesis": synthesis._BEST,
    **{f"lead {i}": colour for i, colour in enumerate(averages._LEADS)},
}


@pytest.mark.parametrize("colour", LINES.values(), ids=LINES)
def test_every_other_line_is_seen_on_white(colour):
    assert contrast(to_rgb(colour), WHITE) >= 3


@pytest.mark.parametrize("seen_with", COLOUR_BLINDNESS)
def test_lines_side_by_side_are_told_apart_by_everyone(seen_with):
    seen = lab(np.array([to_rgb(colour) for colour in averages._LEADS]), seen_with)
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    assert apart[~np.eye(len(seen), dtype=bool)].min() > 10


def test_unsigned_values_span_their_range_as_in_the_older_plot():
    scale = colour_scale([0.2, 0.5, 0.9])
    assert (scale.colormap.name, scale.lower, scale.upper) == (UNSIGNED.name, 0.2, 0.9)


def test_signed_values_are_symmetric_about_zero():
    scale = colour_scale([-0.2, 0.0, 0.9])
    assert (scale.colormap.name, scale.lower, scale.upper) == (SIGNED.name, -0.9, 0.9)


@pytest.mark.parametrize("colormap", ["RdBu_r", "coolwarm", matplotlib.colormaps["seismic"]])
def test_a_named_diverging_map_is_symmetric_for_signed_values(colormap):
    assert colour_scale([-0.2, 0.9], colormap)[1:3] == (-0.9, 0.9)


def test_a_named_sequential_map_spans_the_range_as_in_the_older_plot():
    scale = colour_scale([-0.2, 0.9], "plasma")
    assert (scale.colormap.name, scale.lower, scale.upper) == ("plasma", -0.2, 0.9)


@pytest.mark.parametrize(("symmetric", "limits"), [(True, (-0.9, 0.9)), (False, (0.1, 0.9))])
def test_symmetric_can_be_forced(symmetric, limits):
    assert colour_scale([0.1, 0.9], symmetric=symmetric)[1:3] == limits


def test_the_grey_zero_is_used_only_where_zero_is_in_the_middle():
    assert colour_scale([-1.0, 2.0], symmetric=False).colormap.name == UNSIGNED.name
    assert colour_scale([-1.0, 2.0], limits=(-1, 2)).colormap.name == UNSIGNED.name
    assert colour_scale([0.5, 2.0], limits=(-3, 3)).colormap.name == SIGNED.name


def test_own_maps_have_names():
    assert colour_scale([1.0], SIGNED.name).colormap.name == SIGNED.name


def test_normalise_fixes_the_limits_whatever_the_values():
    assert colour_scale([-3.0, 7.0], normalise=True)[1:] == (0.0, 1.0, "both")


def test_percentile_takes_the_absolute_values_of_signed_maps():
    values = np.concatenate([np.linspace(-1, 1, 101), [50.0]])
    scale = colour_scale(values, percentile=99)
    assert scale.upper == np.percentile(np.abs(values), 99)
    assert scale.lower == -scale.upper
    assert scale.extend == "max"


def test_percentile_of_an_unsigned_map_moves_the_upper_limit_only():
    values = np.linspace(2, 3, 101)
    assert colour_scale(values, percentile=90)[1:] == (2.0, pytest.approx(2.9), "max")


def test_percentile_of_an_asymmetric_signed_map_cuts_both_ends():
    values = np.linspace(-1, 3, 401)
    lower, upper = colour_scale(values, symmetric=False, percentile=90)[1:3]
    assert (lower, upper) == (pytest.approx(-0.6), pytest.approx(2.6))


@pytest.mark.parametrize("values", [np.r_[np.zeros(999), 4.0], np.r_[np.zeros(999), -4.0]])
def test_a_percentile_that_is_zero_falls_back_to_the_largest_value(values):
    scale = colour_scale(values, percentile=90)
    assert scale.upper == 4.0


@pytest.mark.parametrize(
    ("values", "limits"),
    [
        ([0.0, 0.0], (0.0, 1.0)),
        ([3.0, 3.0], (0.0, 3.0)),
        ([-3.0, -3.0], (-3.0, 3.0)),
        ([np.nan], (0.0, 1.0)),
        ([], (0.0, 1.0)),
    ],
)
def test_flat_maps_have_limits_that_differ(values, limits):
    assert colour_scale(values)[1:3] == limits


def test_a_flat_negative_map_on_a_sequential_map_is_measured_from_zero():
    assert colour_scale([-3.0, -3.0], "viridis")[1:3] == (-3.0, 0.0)


@settings(deadline=None)
@given(
    arrays(float, 20, elements=st.floats(-1e6, 1e6) | st.just(np.nan)),
    st.none() | st.floats(1, 100),
    st.none() | st.booleans(),
)
def test_limits_are_always_in_order_and_the_extension_tells_what_is_beyond(values, percentile, symmetric):
    scale = colour_scale(values, percentile=percentile, symmetric=symmetric)
    assert scale.lower < scale.upper
    assert (scale.extend in ("min", "both")) == bool((values < scale.lower).any())
    assert (scale.extend in ("max", "both")) == bool((values > scale.upper).any())


def test_unknown_values_are_light_grey_unless_the_map_says_otherwise():
    assert matplotlib.colors.to_hex(colour_scale([1.0], "viridis").colormap(np.nan)) == MISSING
    own = ListedColormap(["red", "blue"]).with_extremes(bad="black")
    assert colour_scale([1.0], own).colormap(np.nan) == (0, 0, 0, 1)
    assert tuple(matplotlib.colormaps["viridis"].get_bad()) == (0, 0, 0, 0)  # matplotlib's own is not touched


def test_fading_is_clear_at_zero_and_strongest_at_the_ends():
    cmap = fading(colour_scale([-2.0, 2.0]), 0.8)
    assert cmap(0.5)[3] < 0.01
    assert cmap(0.0)[3] == cmap(1.0)[3] == pytest.approx(0.8)
    assert cmap(np.nan)[3] == 0
    assert fading(colour_scale([1.0, 2.0]), 1.0)(0.0)[3] == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"colormap": "plasmaa"}, ["'plasmaa'", "plasma"]),
        ({"colormap": 3}, ["3", "Colormap"]),
        ({"limits": (1, 0)}, ["(1, 0)", "lower first"]),
        ({"limits": (0, np.inf)}, ["finite"]),
        ({"limits": 3}, ["3", "two finite numbers"]),
        ({"limits": "ab"}, ["two finite numbers"]),
        ({"percentile": 0}, ["0", "100"]),
        ({"percentile": 101}, ["101", "100"]),
        ({"percentile": 99, "limits": (0, 1)}, ["limits and percentile", "one of them"]),
        ({"normalise": True, "limits": (0, 1)}, ["normalise=True and limits"]),
    ],
)
def test_impossible_options_are_refused_in_words(options, words):
    with pytest.raises(OptionError) as error:
        colour_scale([0.0, 1.0], **options)
    assert all(word in str(error.value) for word in words)


def test_the_colour_bar_is_as_tall_as_an_image_of_fixed_shape():
    fig, ax = plt.subplots(figsize=(6, 6))
    plot_image(np.zeros((10, 40)), np.ones((10, 40)), ax)
    fig.draw_without_rendering()
    bar = fig.axes[1].get_position()
    image = ax.get_position()
    assert bar.height == pytest.approx(image.height, rel=1e-6)
    assert bar.y0 == pytest.approx(image.y0, rel=1e-6)


@pytest.mark.parametrize("layout", [None, "constrained"])
def test_a_colour_bar_stays_clear_of_the_neighbour_and_of_a_scale_bar(layout):
    fig, axes = plt.subplots(1, 2, figsize=(9, 4), layout=layout)
    y = np.sin(np.arange(100) / 9)
    for ax in axes:
        plot_with_gradient(np.c_[y, y], y, ax, units="mV", names=["I", "II"])
    fig.draw_without_rendering()
    bar = fig.axes[2]
    assert bar.get_tightbbox().x1 < axes[1].get_tightbbox().x0
    assert axes[0].texts[0].get_window_extent().x1 < bar.get_window_extent().x0


def test_a_low_colour_bar_has_a_short_label():
    fig, (high, low) = plt.subplots(2, 1, figsize=(6, 6), height_ratios=[5, 1])
    for ax in (high, low):
        plot_with_gradient([1, 2, 3], [-1, 0, 1], ax)
    assert [ax.get_ylabel() for ax in fig.axes[2:]] == ["lowers ← score → raises", "− score +"]
