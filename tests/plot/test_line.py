import io
import warnings
from itertools import pairwise

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from signalscreen.errors import InputError, OptionError
from signalscreen.plot import plot_with_gradient
from signalscreen.plot.colour import SIGNED, UNKNOWN

from .conftest import colour_at, picture

Y = np.array([0.0, 1.0, 0.5, -1.0, 0.2, 0.8])
G = np.array([0.1, 0.9, 0.3, 0.5, 0.7, 0.2])


def top_words(ax):
    """Return the words above the axes: {word: place}, and the labels above those."""
    (top,) = [child for child in ax.child_axes if child.get_xticklabels() or child.get_xticks(minor=True).size]
    major = dict(zip((t.get_text() for t in top.get_xticklabels()), top.get_xticks(), strict=True))
    minor = dict(
        zip((t.get_text() for t in top.get_xticklabels(minor=True)), top.get_xticks(minor=True), strict=True)
    )
    return major, minor


# --- the older signature -------------------------------------------------------------------------------


def test_without_axes_a_figure_and_its_axes_are_returned():
    fig, ax = plot_with_gradient(Y, G)
    assert ax in fig.axes
    assert tuple(fig.get_size_inches()) == (18.5, 10.5)


def test_given_axes_are_drawn_into_and_returned():
    fig, (left, right) = plt.subplots(1, 2)
    assert plot_with_gradient(Y, G, right) is right
    assert len(right.collections) == 1
    assert not left.collections
    assert plt.get_fignums() == [fig.number]


def test_all_older_arguments_work_by_position():
    _, ax = plt.subplots()
    x = np.linspace(5, 6, 6)
    plot_with_gradient(Y, G, ax, x, "viridis", False, True)
    (line,) = ax.collections
    np.testing.assert_allclose(np.array(line.get_segments())[:, 0, 0], x[:-1])
    assert line.get_cmap().name == "viridis"
    assert line.get_clim() == (0, 1)
    assert len(ax.figure.axes) == 1


def test_every_interval_has_the_colour_of_its_first_sample():
    fig, ax = plt.subplots()
    plot_with_gradient(Y, G, ax, colormap="plasma")
    (line,) = ax.collections
    np.testing.assert_array_equal(line.get_array(), G[:-1])
    np.testing.assert_array_equal(line.get_segments(), [[(k, Y[k]), (k + 1, Y[k + 1])] for k in range(5)])
    pixels = picture(fig)
    for k in range(5):
        seen = colour_at(pixels, ax, k + 0.5, (Y[k] + Y[k + 1]) / 2)
        wanted = 255 * np.array(matplotlib.colormaps["plasma"]((G[k] - 0.1) / 0.8)[:3])
        np.testing.assert_allclose(seen, wanted, atol=1)


def test_limits_are_those_of_the_whole_attribution_also_of_its_last_value():
    _, ax = plot_with_gradient(Y, np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.9]))
    assert ax.collections[0].get_clim() == (0.1, 0.9)


def test_normalise_fixes_limits_and_leaves_the_values():
    _, ax = plot_with_gradient(Y, 3 * G, normalise=True)
    assert ax.collections[0].get_clim() == (0, 1)
    np.testing.assert_array_equal(ax.collections[0].get_array(), 3 * G[:-1])


ONE = [(6,), (1, 6), (6, 1), (1, 6, 1), (1, 6, 1, 1), (1, 1, 6)]


@pytest.mark.parametrize("of_gradient", ONE)
@pytest.mark.parametrize("of_signal", ONE)
def test_a_batch_of_one_example_is_that_example(of_signal, of_gradient):
    _, ax = plot_with_gradient(Y.reshape(of_signal), G.reshape(of_gradient).astype(np.float32))
    (line,) = ax.collections
    np.testing.assert_allclose(line.get_array(), G[:-1], rtol=1e-6)
    np.testing.assert_array_equal(np.array(line.get_segments())[:, 0], np.c_[np.arange(5), Y[:-1]])


def test_a_batch_of_one_example_keeps_its_leads():
    y, g = np.c_[Y, 2 * Y][None], np.c_[G, 3 * G][None]
    for given in (g, g[0]):
        _, ax = plot_with_gradient(y, given)
        np.testing.assert_array_equal([line.get_array() for line in ax.collections], g[0, :-1].T)
    for wrong in (np.zeros((2, 6, 1)), np.zeros((1, 2, 6))):
        with pytest.raises(InputError, match="give"):
            plot_with_gradient(wrong, G)


def test_title_and_colour_bar():
    fig, ax = plot_with_gradient(Y, G, title="beat 17")
    assert ax.get_title() == "beat 17"
    assert len(fig.axes) == 2
    fig, _ = plot_with_gradient(Y, G, color_bar=False)
    assert len(fig.axes) == 1


def test_lists_integers_booleans_and_masked_arrays_are_drawn():
    _, ax = plot_with_gradient([1, 2, 3], [True, False, True])
    np.testing.assert_array_equal(ax.collections[0].get_array(), [1, 0])
    _, ax = plot_with_gradient(np.ma.array([1.0, 2, 3], mask=[0, 1, 0]), np.ma.array([1, 2, 3], mask=[1, 0, 0]))
    assert ax.collections[0].get_array().mask.tolist() == [True, False]
    assert np.isnan(ax.collections[0].get_segments()[0][1, 1])


@pytest.mark.parametrize("length", [2, 3])
def test_short_signals_are_drawn(length):
    fig, ax = plot_with_gradient(Y[:length], G[:length])
    assert len(ax.collections[0].get_segments()) == length - 1
    assert (picture(fig) < 250).any()


def test_the_callers_arrays_are_not_changed():
    y, gradient = Y.copy(), G.copy()
    plot_with_gradient(y, gradient, fs=10)
    np.testing.assert_array_equal(y, Y)
    np.testing.assert_array_equal(gradient, G)


def test_limits_of_the_axes_hold_the_line_and_what_else_is_drawn():
    _, ax = plt.subplots()
    plot_with_gradient(Y, G, ax)
    plot_with_gradient(Y + 10, G, ax, np.arange(6) + 4, color_bar=False)
    assert ax.get_xlim()[0] <= 0
    assert ax.get_xlim()[1] >= 9
    assert ax.get_ylim()[0] < -1
    assert ax.get_ylim()[1] > 11


def test_layouts_set_afterwards_still_work():
    fig, _ = plot_with_gradient(Y, G, title="t", annotations=[(2, "V")])
    fig.tight_layout()
    plt.subplots_adjust(left=0.2)
    picture(fig)
    with plt.rc_context({"figure.constrained_layout.use": True}):
        fig, _ = plot_with_gradient(Y, G, title="t")
        picture(fig)


# --- colours -------------------------------------------------------------------------------------------


def test_signed_values_get_a_diverging_map_with_grey_at_zero():
    _, ax = plot_with_gradient(Y, G - 0.5)
    (line,) = ax.collections
    assert line.get_cmap().name == SIGNED.name
    assert line.get_clim() == (-0.4, 0.4)


@pytest.mark.parametrize(
    ("options", "limits"),
    [
        ({"limits": (-2, 3)}, (-2, 3)),
        ({"symmetric": True}, (-0.9, 0.9)),
        ({"percentile": 50}, (0.1, 0.4)),
        ({"colormap": "RdBu_r", "symmetric": True}, (-0.9, 0.9)),
    ],
)
def test_options_of_the_colour_scale_are_passed_on(options, limits):
    _, ax = plot_with_gradient(Y, G, **options)
    assert ax.collections[0].get_clim() == pytest.approx(limits)


def test_the_colour_bar_says_what_the_sign_means_or_what_the_caller_says():
    fig, _ = plot_with_gradient(Y, G - 0.5)
    assert fig.axes[1].get_ylabel() == "lowers ← score → raises"
    fig, _ = plot_with_gradient(Y, G)
    assert fig.axes[1].get_ylabel() == "attribution"
    fig, _ = plot_with_gradient(Y, G, color_label="ΔS")
    assert fig.axes[1].get_ylabel() == "ΔS"


def rows_of_ink(pixels, ax, x):
    """How many pixels of the column at x differ from the page, along the signal's axes."""
    across, low = ax.transData.transform((x, ax.get_ylim()[0]))
    high = ax.transData.transform((x, ax.get_ylim()[1]))[1]
    column = pixels[int(len(pixels) - high) + 2 : int(len(pixels) - low) - 2, int(across)]
    return int((column < 250).any(axis=1).sum())


def test_unknown_values_are_a_thin_dark_line_and_gaps_stay_gaps():
    fig, ax = plt.subplots(dpi=200)
    y, gradient = np.zeros(7), np.ones(7)
    y[3], gradient[5] = np.nan, np.nan
    plot_with_gradient(y, gradient, ax)
    pixels = picture(fig)
    assert to_hex(colour_at(pixels, ax, 5.5, 0) / 255) == UNKNOWN
    known, unknown = rows_of_ink(pixels, ax, 1.5), rows_of_ink(pixels, ax, 5.5)
    assert unknown == pytest.approx(0.35 * known, abs=1.5)
    assert (colour_at(pixels, ax, 3.0, 0) == 255).all()
    assert (colour_at(pixels, ax, 1.5, 0) < 255).any()


def test_an_attribution_that_is_unknown_throughout_is_drawn_dark():
    fig, ax = plt.subplots(dpi=200)
    plot_with_gradient(np.zeros(3), np.full(3, np.nan), ax)
    assert to_hex(colour_at(picture(fig), ax, 0.5, 0) / 255) == UNKNOWN


def test_a_line_that_is_thin_by_itself_is_not_made_wider_where_nothing_is_known():
    fig, ax = plt.subplots(dpi=400)
    gradient = np.ones(7)
    gradient[4:] = np.nan
    plot_with_gradient(np.zeros(7), gradient, ax, linewidth=0.5)
    pixels = picture(fig)
    assert rows_of_ink(pixels, ax, 5.5) == rows_of_ink(pixels, ax, 1.5) > 0


def test_the_colour_that_a_map_has_for_unknown_values_is_kept():
    fig, ax = plt.subplots(dpi=200)
    own = matplotlib.colormaps["viridis"].with_extremes(bad="#ff0000")
    plot_with_gradient(np.zeros(3), np.full(3, np.nan), ax, colormap=own)
    assert to_hex(colour_at(picture(fig), ax, 0.5, 0) / 255) == "#ff0000"


def test_leads_share_one_scale_also_when_it_is_changed_later():
    _, ax = plot_with_gradient(np.c_[Y, Y], np.c_[G, 5 * G])
    first, second = ax.collections
    assert first.get_clim() == second.get_clim() == (0.1, 4.5)
    first.set_clim(0, 9)
    assert second.get_clim() == (0, 9)


# --- words and units -----------------------------------------------------------------------------------


def test_the_x_axis_is_in_seconds_where_the_sampling_frequency_is_given():
    _, ax = plot_with_gradient(Y, G, fs=4)
    np.testing.assert_allclose(np.array(ax.collections[0].get_segments())[:, 0, 0], np.arange(5) / 4)
    assert ax.get_xlabel() == "Time (s)"


def test_without_it_the_x_axis_counts_samples_or_is_the_callers():
    assert plot_with_gradient(Y, G)[1].get_xlabel() == "Sample"
    assert plot_with_gradient(Y, G, x=np.arange(6) * 2)[1].get_xlabel() == ""


@pytest.mark.parametrize(
    ("options", "label"),
    [
        ({}, ""),
        ({"units": "mV"}, "mV"),
        ({"names": "MLII"}, "MLII"),
        ({"names": ["II"], "units": ["mV"]}, "II (mV)"),
    ],
)
def test_the_y_axis_is_named_by_the_lead_and_its_units(options, label):
    assert plot_with_gradient(Y, G, **options)[1].get_ylabel() == label


def test_the_line_is_as_wide_as_asked_and_thinner_where_there_is_more_to_draw():
    def width(*args, **options):
        return plot_with_gradient(*args, **options)[1].collections[0].get_linewidth()[0]

    assert width(Y, G, linewidth=0.7) == 0.7
    assert width(Y, G) == 4
    assert width(np.zeros(50_000), np.zeros(50_000)) < 2
    assert width(np.tile(Y[:, None], 6), G) < 4


# --- several leads -------------------------------------------------------------------------------------


def test_leads_are_stacked_the_first_on_top_and_do_not_touch():
    rng = np.random.default_rng(0)
    y = rng.normal(size=(200, 3)) * [1, 5, 0.2] + [0, 100, -7]
    _, ax = plot_with_gradient(y, np.abs(y), names=["I", "II", "III"], units="mV")
    drawn = [np.array(line.get_segments())[:, :, 1] for line in ax.collections]
    assert drawn[0].min() > drawn[1].max()
    assert drawn[1].min() > drawn[2].max()
    assert [label.get_text() for label in ax.get_yticklabels()] == ["I", "II", "III"]
    for lead, segments in enumerate(drawn):  # moved, not scaled
        np.testing.assert_allclose(np.diff(segments)[:, 0], np.diff(y[:, lead])[: -0 or None], atol=1e-9)
        assert segments.min() <= ax.get_yticks()[lead] <= segments.max()


def test_each_lead_has_its_own_attribution_or_all_share_one():
    y = np.c_[Y, Y]
    _, ax = plot_with_gradient(y, np.c_[G, 1 - G])
    np.testing.assert_allclose([line.get_array() for line in ax.collections], [G[:-1], (1 - G)[:-1]])
    for shared in (G, G[None]):
        _, ax = plot_with_gradient(y, shared)
        np.testing.assert_allclose([line.get_array() for line in ax.collections], [G[:-1], G[:-1]])


def test_leads_of_one_unit_have_a_scale_bar_of_its_height():
    _, ax = plot_with_gradient(np.c_[Y, 2 * Y], G, units="mV")
    (bar,) = ax.lines
    assert [text.get_text() for text in ax.texts] == ["1 mV"]
    assert np.ptp(bar.get_ydata()) == pytest.approx(1)


def test_leads_of_different_units_are_as_high_as_each_other_and_named_with_units():
    y = np.c_[Y, 1000 * Y]
    _, ax = plot_with_gradient(y, G, units=["mV", "NU"], names=["II", "PLETH"])
    first, second = (np.array(line.get_segments())[:, :, 1] for line in ax.collections)
    assert np.ptp(first) == pytest.approx(np.ptp(second))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["II (mV)", "PLETH (NU)"]
    assert not ax.lines


def test_flat_and_missing_leads_keep_their_place_and_name():
    y = np.c_[Y, np.zeros(6), np.full(6, np.nan)]
    fig, ax = plot_with_gradient(y, G)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1", "2", "3"]
    assert (np.diff(ax.get_yticks()) < -0.2).all()
    picture(fig)


def test_all_leads_flat():
    fig, ax = plot_with_gradient(np.zeros((9, 2)), np.zeros(9))
    assert (np.diff(ax.get_yticks()) < -0.2).all()
    picture(fig)


# --- ECG paper -----------------------------------------------------------------------------------------


def speed_and_gain(fig, ax):
    """Millimetres of a second and of a millivolt, at the size of the figure as it is drawn."""
    fig.draw_without_rendering()
    (left, bottom), (right, top) = ax.transData.transform([(0, 0), (1, 1)]) / fig.dpi * 25.4
    return right - left, top - bottom


TRUE = "Time (s) at 25 mm/s, 10 mm/mV"


@pytest.mark.parametrize("seconds", [0.5, 1, 2.5, 4, 10, 16])
@pytest.mark.parametrize("leads", [1, 3])
@pytest.mark.parametrize("height", [0.01, 1.0])
def test_a_new_figure_on_paper_has_the_size_that_it_says(seconds, leads, height):
    t = np.arange(round(360 * seconds)) / 360
    y = height * np.sin(9 * t[:, None] + np.arange(leads))
    marks = [(40, "V"), (100, 150, "noise")]
    fig, ax = plot_with_gradient(y, y, fs=360, units="mV", paper=True, title="t", annotations=marks)
    assert speed_and_gain(fig, ax) == pytest.approx((25, 10), rel=1e-6)
    assert ax.get_xlabel() == TRUE


@pytest.mark.parametrize("seconds", [17, 60])
def test_a_strip_that_is_too_long_does_not_say_a_speed(seconds):
    t = np.arange(round(100 * seconds)) / 100
    fig, ax = plot_with_gradient(np.sin(9 * t), t, fs=100, units="mV", paper=True)
    assert speed_and_gain(fig, ax) != pytest.approx((25, 10), rel=0.01)
    assert "mm" not in ax.get_xlabel()
    assert fig.get_size_inches()[0] <= 18.5


@pytest.mark.parametrize("options", [{"dpi": 30}, {"dpi": 300}, {"bbox_inches": "tight", "pad_inches": 0.1}])
@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_what_is_saved_has_the_size_that_it_says(options, kind, monkeypatch):
    """Measured in the file's own units, at the moment it is drawn."""
    t = np.arange(360 * 4) / 360
    fig, ax = plot_with_gradient(np.sin(9 * t), t, fs=360, units="mV", paper=True)
    seen = []
    draw = type(ax.xaxis.label).draw
    monkeypatch.setattr(
        type(ax.xaxis.label),
        "draw",
        lambda text, renderer: (
            seen.append((text.get_text(), ax.bbox.width / ax.figure.dpi)) if text is ax.xaxis.label else None,
            draw(text, renderer),
        ),
    )
    fig.savefig(io.BytesIO(), format=kind, **options)
    for words, inches in seen:
        assert words == TRUE
        assert inches * 25.4 / np.ptp(ax.get_xlim()) == pytest.approx(25, rel=1e-6)
    assert seen


def test_what_changes_the_size_changes_what_is_said():
    t = np.arange(360 * 4) / 360
    fig, ax = plot_with_gradient(np.sin(9 * t), t, fs=360, units="mV", paper=True)
    width, height = fig.get_size_inches()
    fig.set_size_inches(2 * width, 2 * height)
    fig.draw_without_rendering()
    assert ax.get_xlabel() == "Time (s), boxes of 0.2 s × 0.5 mV"
    fig.set_size_inches(width, height)
    fig.draw_without_rendering()
    assert ax.get_xlabel() == TRUE
    ax.set(xlim=(0, 2), ylim=(-0.4, 0.4))  # zoomed
    assert speed_and_gain(fig, ax)[0] > 26
    assert ax.get_xlabel() == "Time (s), boxes of 0.2 s × 0.5 mV"
    ax.set_xlabel("mine")
    for times in (1, 2):
        fig.set_size_inches(times * width, times * height)
        fig.draw_without_rendering()
        assert ax.get_xlabel() == "mine"


@pytest.mark.parametrize("right", ["speed", "gain"])
def test_both_speed_and_gain_have_to_be_true(right):
    """A low strip is drawn as high as the user's axes are, a short one as wide."""
    t = np.arange(360 * 4) / 360
    fig = plt.figure(figsize=(10, 8))
    ax = fig.add_axes((0.1, 0.2, 0.6, 0.6))
    plot_with_gradient(0.5 * np.sin(9 * t), t, ax, fs=360, units="mV", paper=True, color_bar=False)
    ax.set_aspect("auto")
    wide, high = np.ptp(ax.get_xlim()) * 25 / 25.4, np.ptp(ax.get_ylim()) * 10 / 25.4
    size = (wide, 3.0) if right == "speed" else (6.0, high)
    ax.set_position((0.1, 0.2, size[0] / 10, size[1] / 8))
    across, up = speed_and_gain(fig, ax)
    assert (across == pytest.approx(25), up == pytest.approx(10)) == (right == "speed", right == "gain")
    assert ax.get_xlabel() == "Time (s), boxes of 0.2 s × 0.5 mV"


def test_rows_of_a_users_figure_say_what_is_true_of_them():
    """The same strip at 25 mm/s and at half of it; a row that is not drawn to any scale says its boxes."""
    t = np.arange(360 * 4) / 360
    wide = 4 * 1.01 * 25 / 25.4
    fig = plt.figure(figsize=(10, 8))
    places = [(0.1, 0.7, wide / 10, 0.25), (0.1, 0.4, wide / 20, 0.25), (0.1, 0.05, 0.85, 0.25)]
    axes = [fig.add_axes(place) for place in places]
    for ax in axes:
        plot_with_gradient(1.5 * np.sin(9 * t), t, ax, fs=360, units="mV", paper=True, color_bar=False)
    for ax in axes:
        true = speed_and_gain(fig, ax) == pytest.approx((25, 10), rel=0.005)
        assert (ax.get_xlabel() == TRUE) == true
    assert [ax.get_xlabel() == TRUE for ax in axes] == [True, False, False]


@pytest.mark.parametrize("width", [4.0, 5.2, 5.5, 8.0])
def test_rows_of_a_layout_say_what_is_true_once_they_are_laid_out(width):
    t = np.arange(360 * 4) / 360
    fig, axes = plt.subplots(3, figsize=(width, 9), layout="constrained")
    for ax in axes:
        plot_with_gradient(1.5 * np.sin(9 * t), t, ax, fs=360, units="mV", paper=True, color_bar=False)
    fig.savefig(io.BytesIO(), format="png", dpi=60)
    for ax in axes:
        true = speed_and_gain(fig, ax) == pytest.approx((25, 10), rel=0.005)
        assert (ax.get_xlabel() == TRUE) == true


def test_paper_has_square_boxes():
    t = np.arange(360 * 4) / 360
    _, ax = plt.subplots()
    plot_with_gradient(2 * np.sin(9 * t), t, ax, fs=360, units="mV", paper=True)
    across, up = speed_and_gain(ax.figure, ax)
    assert across * 0.2 == pytest.approx(up * 0.5, rel=1e-6)


@pytest.mark.parametrize(("seconds", "color_bar"), [(4, True), (1, False)])
def test_words_on_paper_are_those_that_there_is_room_for(seconds, color_bar):
    """Ten beats a second: no two words overlap where they are drawn."""
    t = np.arange(360 * seconds) / 360
    marks = [(36 * k, f"beat {k}") for k in range(10 * seconds)]
    look = {"annotations": marks, "color_bar": color_bar}
    fig, ax = plot_with_gradient(np.sin(9 * t), t, fs=360, units="mV", paper=True, **look)
    picture(fig)
    (top,) = [child for child in ax.child_axes if child.get_xticklabels()]
    boxes = [text.get_window_extent() for text in top.get_xticklabels()]
    assert len(boxes) > seconds
    assert all(one.x1 <= other.x0 + 1 for one, other in pairwise(boxes))


def test_paper_lines_lie_at_multiples_of_its_boxes():
    fig, ax = plt.subplots(figsize=(10, 4), dpi=100)
    t = np.arange(501) / 250
    plot_with_gradient(np.sin(3 * t), np.zeros(501), ax, fs=250, units="mV", paper=True, color_bar=False)
    pixels = picture(fig)
    _, y = ax.transData.transform((0, 0.85))  # between two horizontal lines, above the line at both ends
    row = pixels[int(len(pixels) - y)]
    near = np.abs(row - 255 * np.array(to_rgb("#f0c4ba"))).max(1) < 40
    dark = np.flatnonzero(near & (row[:, 0] - row[:, 2] > 40))  # of the grid, not of the grey line
    inside = dark[(dark > ax.bbox.x0 + 3) & (dark < ax.bbox.x1 - 3)]
    seconds = ax.transData.inverted().transform(np.c_[inside + 0.5, np.zeros(len(inside))])[:, 0]
    nearest = np.round(seconds / 0.2) * 0.2
    pixel = 1.5 * np.ptp(ax.get_xlim()) / ax.bbox.width
    assert np.abs(seconds - nearest).max() < pixel
    assert len(np.unique(np.round(nearest, 6))) >= 8


def test_paper_without_room_for_its_lines_leaves_them_out():
    t = np.arange(10_000) / 100  # 100 s: large boxes would be a pixel wide
    fig, ax = plt.subplots(figsize=(8, 3), dpi=100)
    plot_with_gradient(np.sin(t), np.zeros(10_000), ax, fs=100, units="mV", paper=True, color_bar=False)
    assert ax.get_aspect() == "auto"
    assert ax.get_xlabel() == "Time (s), lines every 0.5 mV"  # the only ones that are drawn
    pixels = picture(fig)
    _, y = ax.transData.transform((0, 1.05))  # above the signal, between two horizontal lines
    row = pixels[int(len(pixels) - y), int(ax.bbox.x0) + 2 : int(ax.bbox.x1) - 2]
    assert (row == 255).all()


def test_leads_on_paper_are_moved_by_whole_large_boxes():
    y = np.random.default_rng(0).normal(size=(500, 3))
    _, ax = plot_with_gradient(y, y, fs=250, units=["mV"] * 3, paper=True)
    drawn = [np.array(line.get_segments())[:, 0, 1] for line in ax.collections]
    for lead, line in enumerate(drawn):
        boxes = (line - y[:-1, lead]) / 0.5
        np.testing.assert_allclose(boxes, np.round(boxes), atol=1e-9)
    assert drawn[0].min() > drawn[1].max()


def test_a_paper_figure_is_as_large_as_its_strip():
    t = np.arange(3600) / 360
    fig, _ = plot_with_gradient(np.sin(9 * t), t, fs=360, units="mV", paper=True, title="t")
    picture(fig)
    width, height = fig.get_size_inches()
    assert width <= 18.5
    assert height < 6


@pytest.mark.parametrize(
    "options",
    [
        {"title": "t", "units": "mV", "annotations": [(40, "V"), (10, 30, "noise")]},
        {"names": "a lead with a long name", "color_label": "two\nlines", "limits": (-1234567, 1234567)},
        {"paper": True, "fs": 100, "units": "mV", "title": "t"},
        {"color_bar": False},
    ],
)
def test_all_words_lie_within_a_new_figure_and_fill_it(options):
    fig, _ = plot_with_gradient(np.sin(np.arange(600) / 9), np.arange(600), **options)
    picture(fig)
    words, (width, height) = fig.get_tightbbox(), fig.get_size_inches()
    margins = [words.x0, words.y0, width - words.x1, height - words.y1]
    assert margins == pytest.approx([0.2] * 4, abs=0.12)


# --- annotations ---------------------------------------------------------------------------------------


class Beats:
    """As wfdb.rdann returns them."""

    sample = np.array([10, 40, 70, 2000])
    symbol = ("+", "N", "V", "N")
    aux_note = ("(AFIB\x00", "", "", "")


def test_beats_stand_above_their_samples():
    _, ax = plot_with_gradient(np.zeros(100), np.zeros(100), fs=50, annotations=[(25, "N"), (np.int64(75), "V")])
    assert top_words(ax)[0] == {"N": 0.5, "V": 1.5}


def test_annotations_of_wfdb_are_taken_with_names_of_rhythms():
    _, ax = plot_with_gradient(np.zeros(100), np.zeros(100), annotations=Beats())
    assert top_words(ax)[0] == {"(AFIB": 10, "N": 40, "V": 70}


def test_annotations_without_notes_keep_their_symbols():
    class Plain:
        sample = (5,)
        symbol = ("+",)

    _, ax = plot_with_gradient(np.zeros(100), np.zeros(100), annotations=Plain())
    assert top_words(ax)[0] == {"+": 5}


def test_annotations_of_a_recording_are_taken():
    from signalscreen.recording import Annotation

    marks = [Annotation(10, "V"), Annotation(20, "+", "(AFIB"), Annotation(40, note="noise", end=60)]
    marks.append(Annotation(80, '"', "cough"))
    _, ax = plot_with_gradient(np.zeros(100), np.zeros(100), annotations=marks)
    assert top_words(ax) == ({"V": 10, "(AFIB": 20, "cough": 80}, {"noise": 50})
    _, ax = plot_with_gradient(np.zeros(100), np.zeros(100), annotations=marks[0])
    assert top_words(ax)[0] == {"V": 10}


def test_intervals_are_tinted_and_labelled_in_the_middle():
    fig, ax = plt.subplots()
    plot_with_gradient(np.zeros(101), np.ones(101), ax, x=np.arange(101) * 2, annotations=[(20, 40, "artefact")])
    assert top_words(ax)[1] == {"artefact": 60}
    pixels = picture(fig)
    inside, outside = colour_at(pixels, ax, 60, 0.03), colour_at(pixels, ax, 100, 0.03)
    assert (outside == 255).all()
    assert (inside < 255).any()


def test_intervals_that_reach_outside_are_cut_and_others_left_out():
    _, ax = plot_with_gradient(
        np.zeros(100), np.zeros(100), annotations=[(-50, 10, "a"), (90, 400, "b"), (200, 300, "c")]
    )
    assert top_words(ax)[1] == {"a": 5, "b": 94.5}
    assert ax.get_xlim()[1] < 110


def test_annotations_do_not_hide_the_signal():
    y = np.sin(np.arange(200) / 9)
    marks = [(50, 150, "artefact"), *((k, "V") for k in range(20, 200, 20))]
    fig, axes = plt.subplots(2, 1)
    for ax, annotations in zip(axes, (None, marks), strict=True):
        plot_with_gradient(y, y, ax, annotations=annotations, color_bar=False)
        ax.set_xlim(0, 199)
    pixels = picture(fig)
    for k in (20, 60, 100, 140):
        plain, marked = (colour_at(pixels, ax, k + 0.5, (y[k] + y[k + 1]) / 2) for ax in axes)
        np.testing.assert_allclose(plain, marked, atol=3)


def test_where_there_is_no_room_for_all_words_the_unusual_ones_stay():
    beats = [(k, "V" if k == 501 else "N") for k in range(0, 1000, 3)]
    _, ax = plt.subplots(figsize=(5, 3))
    plot_with_gradient(np.zeros(1000), np.zeros(1000), ax, annotations=beats)
    ax.figure.draw_without_rendering()
    (top,) = ax.child_axes
    assert "V" in [label.get_text() for label in top.get_xticklabels()]
    boxes = sorted((label.get_window_extent() for label in top.get_xticklabels()), key=lambda box: box.x0)
    assert len(boxes) > 10
    assert all(one.x1 <= other.x0 for one, other in pairwise(boxes))


def test_words_lie_below_the_title_and_labels_above_beats():
    fig, ax = plot_with_gradient(
        np.zeros(100), np.zeros(100), title="title", annotations=[(50, "V"), (40, 60, "noise")]
    )
    fig.draw_without_rendering()
    (top,) = ax.child_axes
    (beat,), (label,) = top.get_xticklabels(), top.get_xticklabels(minor=True)
    heights = [ax.bbox.y1, *(text.get_window_extent().y0 for text in (beat, label, ax.title))]
    assert heights == sorted(heights)
    assert beat.get_window_extent().y1 <= label.get_window_extent().y0
    assert label.get_window_extent().y1 <= ax.title.get_window_extent().y0


def test_no_words_no_second_axis():
    _, ax = plot_with_gradient(Y, G, annotations=[(2, ""), (1, 3, "")])
    assert not ax.child_axes
    assert len(ax.patches) == 1


# --- long signals --------------------------------------------------------------------------------------


def long_signal(samples=100_000):
    """Return a heartbeat-like signal and a rough attribution that follows it."""
    rng = np.random.default_rng(1)
    t = np.arange(samples) / 360
    y = np.exp(-0.5 * ((t % 0.8 - 0.3) / 0.012) ** 2) + 0.2 * np.sin(8 * t) + 0.02 * rng.normal(size=samples)
    return y, np.gradient(y) * rng.normal(1, 0.5, samples)


def drawn_vertices(fig):
    """Return how many points of lines the figure has as SVG, and its size in bytes."""
    file = io.BytesIO()
    fig.savefig(file, format="svg")
    text = file.getvalue().decode()
    return sum(text.count(letter) for letter in ("\nL ", "\nM ")), len(text)


@pytest.mark.parametrize(("smoothing", "linewidth"), [(1, None), (50, 4)])
def test_a_long_signal_looks_as_if_everything_were_drawn(monkeypatch, smoothing, linewidth):
    """The same picture with and without leaving out, but for the edges of fine strokes."""
    y, gradient = long_signal()
    gradient = np.convolve(gradient, np.ones(smoothing) / smoothing, "same")
    fig, _ = plot_with_gradient(y, gradient, linewidth=linewidth)
    few = picture(fig)
    monkeypatch.setattr(
        "signalscreen.plot.artist.visible_segments",
        lambda points, strength, box, cell: np.argsort(strength, kind="stable"),
    )
    full = picture(fig)
    differs = np.abs(full - few).max(axis=2)
    assert (full != 255).any(axis=2).mean() > 0.3  # there is a line to compare
    assert (differs > 64).mean() < 0.01
    assert (differs > 96).mean() < 0.001
    if linewidth == 4:
        assert (differs > 32).mean() < 0.01


@pytest.mark.parametrize("kind", ["heartbeats", "noise"])
def test_a_long_signal_is_small_as_a_drawing(kind):
    y, gradient = long_signal()
    if kind == "noise":
        y, gradient = np.random.default_rng(0).normal(size=(2, 100_000))
    fig, ax = plot_with_gradient(y, gradient)
    assert len(ax.collections[0].get_segments()) == 99_999
    points, size = drawn_vertices(fig)
    assert points < 80_000
    assert size < 2_000_000
    file = io.BytesIO()
    fig.savefig(file, format="pdf")
    assert len(file.getvalue()) < 1_000_000


def test_zooming_in_brings_every_sample_back():
    y, gradient = long_signal()
    fig, ax = plot_with_gradient(y, gradient, color_bar=False)
    ax.set_xlim(5000, 5100)
    points, _ = drawn_vertices(fig)
    assert points > 99
    k = 5050
    wanted = 255 * np.array(ax.collections[0].to_rgba(gradient[k])[:3])
    np.testing.assert_allclose(colour_at(picture(fig), ax, k + 0.5, (y[k] + y[k + 1]) / 2), wanted, atol=2)


def test_looking_beside_the_signal_shows_nothing():
    fig, ax = plot_with_gradient(Y, G, color_bar=False)
    ax.set_xlim(100, 200)
    inside = picture(fig)[300:600, 400:1500]
    assert (inside == 255).all()


def test_no_path_is_so_long_that_a_picture_of_it_overflows():
    """Agg cannot draw a path that crosses too many pixels, whatever its colour."""
    fig, _ = plot_with_gradient(np.tile([0.0, 1.0], 4_000), np.ones(8_000), color_bar=False)
    file = io.BytesIO()
    fig.savefig(file, format="svg")
    paths = [path for path in file.getvalue().decode().split("<path d=")[1:] if "stroke-linecap: round" in path]
    assert sum(path.count("\nL ") for path in paths) >= 7_999
    assert max(path.count("\nL ") for path in paths) <= 501


def test_invisible_lines_are_not_drawn_and_log_axes_work():
    fig, ax = plt.subplots()
    plot_with_gradient(Y + 2, G, ax, x=np.arange(1, 7), color_bar=False)
    ax.set_xscale("log")
    assert (colour_at(picture(fig), ax, np.sqrt(1 * 2), 2.5) < 250).any()
    ax.collections[0].set_visible(False)
    assert (colour_at(picture(fig), ax, np.sqrt(1 * 2), 2.5) == 255).all()


# --- bad input -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "gradient", "words"),
    [
        (Y, np.zeros((2, 6, 1)), ["gradient", "3 dimensions", "(2, 6, 1)", "(6,)"]),
        (Y, np.zeros((4, 6)), ["gradient", "(4, 6)", "6 samples of 1 lead;", "one example"]),
        (Y, np.zeros((2, 3)), ["gradient", "(2, 3)", "(6,)"]),
        (Y, np.zeros(5), ["gradient", "(5,)", "6 samples"]),
        (np.c_[Y, Y], np.zeros((2, 6)), ["gradient", "(2, 6)", "(6, 2)"]),
        (np.zeros((2, 6, 3)), G, ["y", "(2, 6, 3)", "(time, leads)"]),
        (np.zeros((2, 500)), np.zeros(500), ["y", "(2, 500)", "time first"]),
        (np.zeros((2, 6)), G, ["y", "2 samples of 6 leads", "time first"]),
        ([1.0], [1.0], ["y", "at least 2 samples"]),
        ([], [], ["y", "0 samples"]),
        (np.zeros((5, 0)), np.zeros(5), ["y", "0 leads"]),
        (3.0, [1.0], ["y", "shape ()"]),
        (np.full(6, np.nan), G, ["y", "NaN everywhere"]),
        (np.r_[Y[:5], np.inf], G, ["y", "infinite"]),
        (Y, np.r_[G[:5], np.inf], ["gradient", "infinite"]),
        (["a"] * 6, G, ["y", "real numbers"]),
        (Y, G * 1j, ["gradient", "complex"]),
        ([[1, 2], [3]], G, ["y", "setting an array element with a sequence"]),
        ([object()] * 6, G, ["y", "object", "real numbers"]),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_words(y, gradient, words):
    with pytest.raises(InputError) as error:
        plot_with_gradient(y, gradient)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"colour": "red", "lw": 2}, ["'colour', 'lw'", "title", "annotations", "colormap"]),
        ({"ax": np.array([1, 2])}, ["ax", "ndarray"]),
        ({"fs": 0}, ["fs", "0", "positive"]),
        ({"fs": "360"}, ["fs", "'360'"]),
        ({"fs": np.nan}, ["fs", "nan"]),
        ({"fs": 360, "x": np.arange(6)}, ["x and fs"]),
        ({"names": ["a", "b"]}, ["names", "2", "1"]),
        ({"units": ["mV", "mV"]}, ["units", "2", "1"]),
        ({"linewidth": -1}, ["linewidth", "-1"]),
        ({"paper": True, "units": "mV"}, ["paper", "fs is None"]),
        ({"paper": True, "fs": 360}, ["paper", "units"]),
        ({"paper": True, "fs": 360, "units": "uV"}, ["paper", "uV", "millivolts"]),
        ({"annotations": [(1, 2, 3, 4)]}, ["annotations", "(1, 2, 3, 4)", "(sample, symbol)"]),
        ({"annotations": [("V", 3)]}, ["annotations", "('V', 3)"]),
        ({"annotations": ["V"]}, ["annotations", "'V'"]),
        ({"annotations": [3]}, ["annotations", "3"]),
        ({"annotations": 3}, ["annotations", "3", "(sample, symbol)"]),
        ({"colormap": "none such"}, ["'none such'"]),
        ({"normalise": True, "percentile": 99}, ["normalise=True and percentile"]),
    ],
)
def test_options_that_cannot_be_meant_are_refused_in_words(options, words):
    with pytest.raises(OptionError) as error:
        plot_with_gradient(Y, G, **options)
    assert all(word in str(error.value) for word in words), str(error.value)
    assert not plt.get_fignums()


def test_positions_of_another_length_are_refused():
    with pytest.raises(InputError, match="x has 5 values for 6 samples"):
        plot_with_gradient(Y, G, x=np.arange(5))


def test_nothing_warns_at_any_size():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for size in ((0.6, 0.4), (30, 2)):
            fig, ax = plt.subplots(figsize=size)
            plot_with_gradient(Y, G - 0.5, ax, fs=2, units="mV", paper=True, title="t", annotations=[(1, "V")])
            picture(fig)
