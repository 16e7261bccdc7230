"""2D and 3D kernels as tiles of colour, and a dense layer as a table of it."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..filters import FilterWeights
from .colour import ColourScale, add_colour_bar
from .traces import Floats

_MOST_ACROSS = 10.0  # inches of panels
_MOST_IN_A_ROW = 4  # channels of a 2D kernel; more make a square
_GAP = 0.25  # between tiles, in weights (in fifths of a tile, of large ones)


def draw_tiles(
    fig: Figure,
    weights: FilterWeights,
    shown: list[int],
    seen: list[int],
    scale: ColourScale,
    words: list[str],
    *,
    columns: int | None,
) -> None:
    """Draw a panel per filter: a tile per channel of a 2D kernel, a row of slices per channel of a 3D one."""
    sheets = [_sheet(weights.kernel[number][..., seen]) for number in shown]
    height, width = sheets[0][1][-1], sheets[0][2][-1]
    columns = min(len(shown), columns or (8 if len(seen) == 1 and len(weights.window) == 2 else 4))
    rows = -(-len(shown) // columns)
    panel = min(_MOST_ACROSS / columns, 2.4)
    tall = min(panel * height / width, 4.0)
    fig.set_size_inches(max(4.5, panel * columns + 1.4), (tall + 0.5) * rows + 0.9)
    fig.set_layout_engine("constrained", wspace=0.08, hspace=0.06)
    grid = np.ravel(fig.subplots(rows, columns, squeeze=False))
    for unused in grid[len(shown) :]:
        unused.set_axis_off()
    panels = list(grid[: len(shown)])
    for ax, number, (sheet, down, across) in zip(panels, shown, sheets, strict=True):
        drawn = ax.pcolormesh(across, down, sheet, cmap=_clear(scale), norm=scale.norm())
        ax.set(aspect="equal", xlim=(across[0], across[-1]), ylim=(down[-1], down[0]))
        _bare(ax)
        ax.set_title(_name(weights, number, seen, words), fontsize="small")
    add_colour_bar(drawn, panels, scale, "weight")
    fig.supxlabel(_reading(weights, seen, words), fontsize="small")


def draw_dense(
    fig: Figure,
    weights: FilterWeights,
    shown: list[int],
    seen: list[int],
    scale: ColourScale,
    words: list[str],
) -> None:
    """Draw one row of colour per unit, one column per input."""
    fig.set_size_inches(float(np.clip(0.25 * len(seen) + 2.5, 5, 12)), max(2.4, 1.2 + 0.24 * len(shown)))
    ax = fig.subplots()
    table = weights.kernel[shown][:, seen]
    drawn = ax.imshow(table, cmap=scale.colormap, norm=scale.norm(), aspect="auto", interpolation="nearest")
    ax.set_yticks(range(len(shown)), [f"{n}{_bias(weights, n)}" for n in shown], fontsize="small")
    ax.set_ylabel("unit")
    ax.set_xlabel("input")
    if seen != list(range(len(seen))) or not words[0].startswith("channel "):
        ax.set_xticks(range(len(seen)), [words[n].removeprefix("channel ") for n in seen])
    add_colour_bar(drawn, ax, scale, "weight")


def _sheet(kernel: NDArray[Any]) -> tuple[Floats, Floats, Floats]:
    """Tiles of one filter's kernel (*window, channels) with gaps of NaN, and the edges of its rows and columns."""
    if kernel.ndim == 3:
        tiles = np.moveaxis(kernel, -1, 0)
        across = len(tiles) if len(tiles) <= _MOST_IN_A_ROW else int(np.ceil(np.sqrt(len(tiles))))
    else:  # a channel's slices side by side, one channel below the other
        tiles = np.moveaxis(kernel, -1, 0).reshape(-1, *kernel.shape[1:3])
        across = kernel.shape[0]
    down = -(-len(tiles) // across)
    height, width = tiles.shape[1:]
    sheet = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan)
    for number, tile in enumerate(tiles):
        top, left = number // across * (height + 1), number % across * (width + 1)
        sheet[top : top + height, left : left + width] = tile
    return sheet, _edges(down, height), _edges(across, width)


def _edges(tiles: int, size: int) -> Floats:
    """Where the weights of tiles beside each other begin and end, with narrow gaps between the tiles."""
    widths = np.append(np.ones(size), _GAP * max(1.0, size / 5))
    return np.concatenate([[0.0], np.cumsum(np.tile(widths, tiles)[:-1])])


def _reading(weights: FilterWeights, seen: list[int], words: list[str]) -> str:
    """How the tiles are to be read."""
    same = (weights.inputs == weights.inputs[0]).all()
    first, last = (words[weights.inputs[0, number]] for number in (seen[0], seen[-1]))
    if len(weights.window) == 3:
        rows = "" if len(seen) == 1 or not same else f"; from top to bottom: {first} to {last}"
        return f"side by side: the kernel's {weights.window[0]} slices{rows}"
    by_row = "" if len(seen) <= _MOST_IN_A_ROW else ", row by row"
    return f"tiles{by_row}: {first} to {last}" if len(seen) > 1 and same else ""


def _name(weights: FilterWeights, number: int, seen: list[int], words: list[str]) -> str:
    """A filter's number, its channels where each has others, and its bias."""
    below = _bias(weights, number)
    if (weights.inputs != weights.inputs[0]).any():
        sees = weights.inputs[number, seen]
        below = f", {words[sees[0]]}" + (f" to {sees[-1]}" if len(sees) > 1 else "") + below
    return f"filter {number}\n{below.removeprefix(', ')}".rstrip()


def _bias(weights: FilterWeights, number: int) -> str:
    return "" if weights.bias is None else f", bias {weights.bias[number]:.2g}".replace("-", "−")


def _clear(scale: ColourScale) -> Any:
    """The gaps between tiles are the page's own colour."""
    return scale.colormap.with_extremes(bad=(0, 0, 0, 0))


def _bare(ax: Axes) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
