"""A signal drawn as a line whose colour is its attribution."""

from collections.abc import Sequence
from typing import Any, overload

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from numpy.typing import ArrayLike

from .artist import AttributionLine
from .colour import ColourScale, add_colour_bar, colour_scale, on_lines
from .figures import new_subplots
from .leads import Stack, draw_scale_bar, label_leads, stack
from .marks import Annotations, draw_marks, read_marks
from .options import check_axes, check_positive, refuse_unknown
from .paper import LARGE_BOX, Strip, check_paper, draw_paper, true_strip
from .traces import Traces, read_traces

FIGURE_SIZE = (18.5, 10.5)  # inches
_FIGURE_FONT = 16.0  # points: the figure is larger than a page and is looked at made smaller
_PAPER_FONT = 10.0  # of a figure that is printed as it is
_AROUND = (2.4, 2.2)  # inches for words and colour bar around a strip of ECG paper
_MARGIN = 0.2  # inches


@overload
def plot_with_gradient(
    y: ArrayLike,
    gradient: ArrayLike,
    ax: None = None,
    x: ArrayLike | None = None,
    colormap: str | Colormap | None = None,
    color_bar: bool = True,
    normalise: bool = False,
    **options: Any,
) -> tuple[Figure, Axes]: ...
@overload
def plot_with_gradient(
    y: ArrayLike,
    gradient: ArrayLike,
    ax: Axes,
    x: ArrayLike | None = None,
    colormap: str | Colormap | None = None,
    color_bar: bool = True,
    normalise: bool = False,
    **options: Any,
) -> Axes: ...
def plot_with_gradient(
    y: ArrayLike,
    gradient: ArrayLike,
    ax: Axes | None = None,
    x: ArrayLike | None = None,
    colormap: str | Colormap | None = None,
    color_bar: bool = True,
    normalise: bool = False,
    *,
    title: str | None = None,
    fs: float | None = None,
    units: str | Sequence[str] | None = None,
    names: str | Sequence[str] | None = None,
    limits: tuple[float, float] | None = None,
    percentile: float | None = None,
    symmetric: bool | None = None,
    color_label: str | None = None,
    linewidth: float | None = None,
    paper: bool = False,
    annotations: Annotations | None = None,
    **unknown: Any,
) -> Axes | tuple[Figure, Axes]:
    """Draw a signal as a line coloured by an attribution.

    The interval from sample k to sample k + 1 has the colour of ``gradient[k]``. Where parts of a long line
    lie on one another, the part with the largest absolute value lies on top. What cannot be seen at the
    size and zoom of the moment is not drawn, so 100,000 samples are fast, and small as SVG or PDF.

    Parameters
    ----------
    y : (T,) or (T, C) array
        The signal of one example, T >= 2; several leads are stacked, the first on top. NaN is a gap. A batch of one
        example, such as (1, T, 1), is that example.
    gradient : (T,) or (T, C) array
        The attribution, one value per sample (shared by all leads) or per sample and lead. NaN is drawn as a
        thin dark line. Nothing is computed from it: no absolute value, no scaling.
    ax : matplotlib Axes, optional
        Where to draw. None: a new figure, 18.5 x 10.5 inches (on ECG paper as large as the strip is).
    x : (T,) array, optional
        Position of each sample; default its number, or seconds where `fs` is given.
    colormap : str or Colormap, optional
        None: from grey at the lowest value to dark purple where no value is negative (`colour.UNSIGNED`); for
        signed values a diverging map, blue below zero and orange above, grey at zero (`colour.SIGNED`).
    color_bar : bool
        Whether to draw the colour bar.
    normalise : bool
        Fix the colour limits to 0 and 1. The values are not changed.
    title : str, optional
        Title of the axes.
    fs : float, optional
        Sampling frequency in Hz: the x axis is in seconds.
    units : str or list of str, optional
        Units of `y`, or of each lead. Leads of different units are scaled to the same height.
    names : str or list of str, optional
        Names of the leads.
    limits : (lower, upper), optional
        Colour limits. Default: the range of the values, symmetric about zero where any is negative and
        the colour map is diverging or not named.
    percentile : float, optional
        Colour limits at this percentile of the absolute values, such as 99.
    symmetric : bool, optional
        Colour limits symmetric about zero: always, never, or (None) as said under `limits`.
    color_label : str, optional
        Label of the colour bar.
    linewidth : float, optional
        In points. None: 4, and thinner for several leads, on ECG paper and for long signals.
    paper : bool
        Draw the grid of ECG paper, its large boxes 0.2 s by 0.5 mV. A new figure is as large as it has to be for
        25 mm/s and 10 mm/mV, up to 16 s; printed or saved without scaling it has that size. The time axis says so
        whenever it is true, else what the boxes stand for. Needs `fs`, and `units` in mV.
    annotations : optional
        Beats ``(sample, symbol)`` and intervals ``(start, end, label)`` in samples of `y`, the annotations of
        a `Recording`, or what ``wfdb.rdann`` returns. Those outside the signal are not drawn, and words for
        which there is no room are not written, ordinary beats first.

    Returns
    -------
    Axes, or (Figure, Axes)
        `ax` where it was given, otherwise the new figure and its axes. The lines are ``ax.collections``,
        one `AttributionLine` per lead.

    Raises
    ------
    InputError
        If the arrays do not fit each other or cannot be drawn.
    OptionError
        If an option is unknown or outside what is allowed.

    Examples
    --------
    >>> import numpy as np
    >>> import matplotlib.pyplot as plt
    >>> t = np.arange(500) / 250
    >>> fig, ax = plt.subplots()
    >>> ax = plot_with_gradient(np.sin(9 * t), np.cos(9 * t), ax=ax, fs=250, units="mV", title="a sine")
    >>> ax.get_xlabel(), ax.collections[0].get_clim()
    ('Time (s)', (-1.0, 1.0))
    >>> plt.close(fig)
    """
    refuse_unknown(plot_with_gradient, unknown)
    check_axes(ax)
    if linewidth is not None:
        check_positive(linewidth, "linewidth", "points, such as 2")
    traces = read_traces(y, gradient, x=x, fs=fs, names=names, units=units)
    marks = read_marks(annotations)
    if paper:
        check_paper(fs, traces.units)
    scale = colour_scale(
        traces.values,
        colormap,
        normalise=normalise,
        limits=limits,
        percentile=percentile,
        symmetric=symmetric,
    )

    fig = None
    if ax is None:
        fig, ax = new_subplots(figsize=FIGURE_SIZE, layout="none")
    moved = stack(traces, step=LARGE_BOX[1] if paper else None)
    line = _draw_lines(ax, traces, moved, scale)
    strip = None
    if fig and paper:
        strip = true_strip(ax, (FIGURE_SIZE[0] - _AROUND[0], FIGURE_SIZE[1] - _AROUND[1]))
    if fig and strip:
        _make_room(fig, strip)
    _set_width(ax, linewidth or _stroke(ax, *traces.y.shape), len(traces.names))
    size = FontProperties(size=plt.rcParams["font.size"]).get_size_in_points()
    size = size if not fig else _PAPER_FONT if strip else _FIGURE_FONT
    _label_axes(ax, traces, moved, size)
    if title is not None:
        ax.set_title(title, fontsize=1.2 * size, pad=0.7 * size)
    if color_bar:
        gap = 2.5 if len(traces.names) > 1 else 1.0  # several leads have a scale bar there
        add_colour_bar(line, ax, scale, color_label, size=size, gap=gap)
    if paper:
        draw_paper(ax, square=strip is not None)
    draw_marks(ax, marks, traces.x, size)
    if fig:
        _frame(fig, ax, strip)
        _frame(fig, ax, strip)  # again: the words were measured where the first call moved them from
    return (fig, ax) if fig else ax


def _draw_lines(ax: Axes, traces: Traces, moved: Stack, scale: ColourScale) -> AttributionLine:
    """Draw one line per lead, set the limits around them and return the last line."""
    look = {"cmap": on_lines(scale.colormap), "norm": scale.norm()}
    for y, values in zip(moved.y.T, traces.values.T, strict=True):
        line = AttributionLine(traces.x, y, values[:-1], **look)
        ax.add_collection(line)
    ax.margins(x=0.005)
    ax.autoscale()
    ax.autoscale_view()  # now, not when drawn: words are placed by these limits
    return line


def _set_width(ax: Axes, width: float, leads: int) -> None:
    """Give the lines that were drawn last their width in points."""
    for line in ax.collections[-leads:]:
        line.set_linewidth(width)


def _stroke(ax: Axes, samples: int, leads: int) -> float:
    """Return a width in points: 4, less where leads are low and where samples lie close."""
    width, height = ax.bbox.width / ax.figure.dpi, ax.bbox.height / ax.figure.dpi
    return float(max(1.2, min(4.0, 1 + 0.8 * height / leads) * min(1.0, (150 * width / samples) ** 0.5)))


def _label_axes(ax: Axes, traces: Traces, moved: Stack, size: float) -> None:
    """Say what the axes show: time, and the signal's name and units or the leads' names and a scale."""
    ax.tick_params(labelsize=size)
    if traces.x_label:
        ax.set_xlabel(traces.x_label, fontsize=size)
    if len(traces.names) > 1:
        label_leads(ax, moved.middles, traces, size)
        if traces.common_units is not None:
            draw_scale_bar(ax, traces, size)
    elif traces.lead_label(0):
        ax.set_ylabel(traces.lead_label(0), fontsize=size)


def _make_room(fig: Figure, strip: Strip) -> None:
    """Give a new figure about the size of its strip, by which lines, words and colour bar are measured."""
    width, height = strip.width + _AROUND[0], strip.height + _AROUND[1]
    fig.set_size_inches(width, height)
    left, bottom = _AROUND[0] / 3 / width, _AROUND[1] / 2 / height
    fig.subplots_adjust(left, bottom, 1 - left, 1 - bottom)


def _frame(fig: Figure, ax: Axes, true: Strip | None) -> None:
    """Give the new figure margins that fit its words and, where boxes are square, the size of its strip.

    `true` is the strip's size at 25 mm/s and 10 mm/mV; None: as large as there is room.
    """
    fig.draw_without_rendering()
    words, (width, height) = fig.get_tightbbox(), fig.get_size_inches()  # inches
    place, used = fig.subplotpars, ax.get_position()
    left = used.x0 * width - words.x0 + _MARGIN
    right = words.x1 - place.right * width + _MARGIN
    bottom, top = used.y0 * height - words.y0 + _MARGIN, words.y1 - used.y1 * height + _MARGIN
    width, height = FIGURE_SIZE
    if ax.get_aspect() != "auto":
        ratio = np.ptp(ax.get_ylim()) / np.ptp(ax.get_xlim()) * float(ax.get_aspect())
        part = ax.get_position(original=True).width / (place.right - place.left)  # the rest is the colour bar
        room = (width - left - right) * part
        strip = true.width if true else min(room, (height - bottom - top) / ratio)
        width, height = width - (room - strip) / part, strip * ratio + bottom + top
        fig.set_size_inches(width, height)
    fig.subplots_adjust(left / width, bottom / height, 1 - right / width, 1 - top / height)
