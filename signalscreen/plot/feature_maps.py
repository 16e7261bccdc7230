"""Feature maps over two or three axes, each in the frame of the image or slice they are of."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..errors import OptionError
from .cells import Cells
from .colour import ColourScale, add_colour_bar
from .image import draw_pixels, grey_range, read_image
from .traces import Floats

_PANEL, _MOST_TALL = 2.2, 2.0  # inches; height by width
_MOST_ACROSS = 6  # panels
_FRAME = "0.55"


def draw_maps(
    fig: Figure,
    x: Floats,
    maps: Floats,
    cells: list[Cells],
    shown: list[int],
    scale: ColourScale,
    *,
    columns: int | None,
    slice: int | None,
) -> None:
    """Draw the image, or a slice of the volume, and then a map per filter; x and maps have their channels last."""
    name = "image"
    if x.ndim == 4:
        number, plane = _plane(cells[0], len(x), slice)
        x, maps, cells = x[number], maps[plane], cells[1:]
        name = f"slice {number}"
    pixels, _ = read_image(x if x.shape[-1] in (1, 3) else x.mean(axis=-1), None)
    count = len(shown) + 1
    columns = min(count, columns or -(-count // -(-count // _MOST_ACROSS)))  # as even as the rows allow
    rows = -(-count // columns)
    tall = min(_MOST_TALL, x.shape[0] / x.shape[1])
    fig.set_size_inches(max(4.5, _PANEL * columns + 1.2), (_PANEL * tall + 0.35) * rows + 0.7)
    grid = np.ravel(fig.subplots(rows, columns, squeeze=False))
    for unused in grid[count:]:
        unused.set_axis_off()
    draw_pixels(grid[0], pixels, grey_range(pixels), lift=False, aspect="equal")
    grid[0].set_title(name, fontsize="medium")
    panels = list(grid[1:count])
    for ax, number in zip(panels, shown, strict=True):
        drawn = _draw_map(ax, maps[..., number], cells, x.shape[:2], scale)
        ax.set_title(f"filter {number}", fontsize="medium")
    add_colour_bar(drawn, list(grid), scale, "activation")


def _draw_map(ax: Axes, values: Floats, cells: list[Cells], shape: tuple[int, ...], scale: ColourScale) -> Any:
    """Lay a map over the pixels it belongs to, in a frame as large as the image."""
    (top, bottom), (left, right) = cells[0].ends, cells[1].ends
    drawn = ax.imshow(
        values,
        cmap=scale.colormap,
        norm=scale.norm(),
        extent=(left, right, bottom, top),
        interpolation="nearest",
    )
    ax.set(xlim=(-0.5, shape[1] - 0.5), ylim=(shape[0] - 0.5, -0.5), xticks=[], yticks=[])
    ax.spines[:].set(color=_FRAME, linewidth=0.5)
    return drawn


def _plane(cells: Cells, length: int, slice: int | None) -> tuple[int, int]:
    """The slice of the volume that is drawn, and the plane of the maps that lies over it."""
    number = length // 2 if slice is None else slice
    if not isinstance(number, int | np.integer) or not -length <= number < length:
        raise OptionError(
            f"slice is {slice!r}, but there are {length} slices; give a number from 0 to {length - 1}"
        )
    number = int(number) % length
    first, last = cells.ends
    if not first <= number <= last:
        raise OptionError(
            f"the layer has no position at slice {number}; its positions cover {first:g} to {last:g}, so choose "
            "one between"
        )
    return number, int(np.abs(cells.centres - number).argmin())
