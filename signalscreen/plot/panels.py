"""A grid of examples for each map, the map laid over them, and other slices put into the same grid."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator

from .colour import ColourScale, add_colour_bar
from .image import draw_pixels, glaze, grey_range, lay_over, read_image
from .line import plot_with_gradient
from .signal import draw_signal
from .traces import Floats

_WIDTH, _PANEL = 6.0, 1.8  # inches
_STRIP = 1.5  # height of a signal
_SIGNALS = 9.0  # width of a column of signals


class Group(NamedTuple):
    """A map of the batch, and its colours; None for the examples alone."""

    heat: Floats | None  # (batch, *axes)
    scale: ColourScale | None


class Picture(NamedTuple):
    """What is drawn of one volume, and the volume."""

    below: AxesImage
    above: AxesImage | None
    volume: Floats
    heat: Floats | None


def draw_groups(
    fig: Figure,
    x: Floats,
    groups: list[Group],
    words: list[str],
    number: int | None,
    per_group: bool,
    *,
    alpha: float,
    bar: bool,
    frame: bool,
    across: int,
    size: float,
) -> list[Picture]:
    """Draw every example once for each map; `number` is the slice of volumes, `words` the titles."""
    down = -(-len(x) // across)
    beside = len(x) == 1 and x.ndim > 3  # maps of one image or volume lie side by side
    fig.set_size_inches(_size(x, across, down, len(groups), beside, size))
    parts = np.ravel(fig.subfigures(*((1, len(groups)) if beside else (len(groups), 1)), squeeze=False))
    pictures: list[Picture] = []
    for part, group, place in zip(parts, groups, range(len(groups)), strict=True):
        grid = np.ravel(part.subplots(down, across, squeeze=False))
        for unused in grid[len(x) :]:
            unused.set_axis_off()
        for i, ax in enumerate(grid[: len(x)]):
            pictures += _draw_example(ax, x[i], group, i, number, alpha)
            _frame(ax, frame, x.ndim == 3)
            if not per_group:
                ax.set_title(words[i], fontsize="medium")
        if per_group:
            part.suptitle(words[place], fontsize="medium")
        if bar and group.scale is not None:
            laid = grid[0].images[-1:] or [ScalarMappable(group.scale.norm(), group.scale.colormap)]
            add_colour_bar(laid[0], list(grid), group.scale, "")
    if number is not None:
        show_slice(fig, pictures, number)
    return pictures


def show_slice(fig: Figure, pictures: list[Picture], number: int) -> None:
    """Put another slice of every volume into its place."""
    for picture in pictures:
        picture.below.set_data(picture.volume[number])
        if picture.above is not None and picture.heat is not None:
            picture.above.set_data(picture.heat[number])
    fig.supxlabel(f"slice {number}", fontsize="medium")


def _draw_example(ax: Axes, x: Floats, group: Group, i: int, number: int | None, alpha: float) -> list[Picture]:
    """Draw one signal, image or slice under its map; of a volume, keep what other slices need."""
    heat = None if group.heat is None else group.heat[i]
    if x.ndim == 2:
        _draw_strip(ax, x, heat, group.scale)
        return []
    volume = None if number is None else x[..., 0]
    pixels = read_image(x, None)[0] if volume is None else volume[number]
    lift = heat is not None  # light under a map, so that its colours are those of the bar
    draw_pixels(ax, pixels, grey_range(pixels if volume is None else volume), lift=lift, aspect="equal")
    above = None
    if heat is not None and group.scale is not None:
        seen = heat if number is None else heat[number]
        above = lay_over(ax, seen, glaze(group.scale, alpha, fade=False), "equal")
    return [] if volume is None else [Picture(ax.images[0], above, volume, heat)]


def _draw_strip(ax: Axes, y: Floats, heat: Floats | None, scale: ColourScale | None) -> None:
    """Draw a signal, coloured by its map."""
    if heat is None or scale is None:
        draw_signal(ax, y)
        return
    plot_with_gradient(
        y,
        heat,
        ax,
        colormap=scale.colormap,
        limits=(scale.lower, scale.upper),
        color_bar=False,
        linewidth=2,
    )


def _frame(ax: Axes, shown: bool, is_signal: bool) -> None:
    """Leave the axes' frame and numbers, or take them off."""
    if not shown:
        ax.set_axis_off()
    elif is_signal:
        ax.label_outer(remove_inner_ticks=False)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        ax.tick_params(labelsize="x-small")


def _size(x: Floats, across: int, down: int, groups: int, beside: bool, scale: float) -> tuple[float, float]:
    """The figure's inches: panels that can be seen, however many there are."""
    if x.ndim == 3:
        leads = 1 + 0.4 * (x.shape[2] - 1)
        return _SIGNALS * max(1.0, across / 2) * scale, (_STRIP * leads * down + 0.4) * groups * scale
    columns = across * (groups if beside else 1)
    rows = down * (1 if beside else groups)
    width = max(_WIDTH, (_PANEL + 0.3) * columns + 1.0)
    tall = min(2.0, x.shape[-3] / x.shape[-2])
    panel = min((width - 1.2) / columns, 4.5)
    return width * scale, (panel * tall * rows + 0.3 * rows + 0.5) * scale
