"""1D kernels, one small panel per filter, with its gain by frequency beside it."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..filters import FilterWeights
from .colour import ColourScale, add_colour_bar, colour_scale

_MOST_LINES = 4  # channels in one panel
# Told apart with every kind of colour blindness (Okabe & Ito 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
_MOST_BY_FOUR = 32  # filters; more are drawn eight in a row
_ROW, _HEAD, _WIDTH = 1.25, 0.9, 3.3  # inches
_MOST_NAMES = 12  # of strips of colour
_MOST_DOTS = 40  # weights that are drawn as dots too


def draw_1d(
    fig: Figure,
    weights: FilterWeights,
    shown: list[int],
    seen: list[int],
    scale: ColourScale,
    words: list[str],
    *,
    fs: float | None,
    columns: int | None,
    points: int,
) -> None:
    """Draw the chosen filters and channels into a new figure."""
    columns = min(len(shown), columns or (4 if len(shown) <= _MOST_BY_FOUR else 8))
    rows = -(-len(shown) // columns)
    lines = len(seen) <= _MOST_LINES
    height = _ROW if lines else max(_ROW, 0.5 + 0.045 * len(seen))
    across = _WIDTH if fs is not None else 0.8 * _WIDTH
    fig.set_size_inches(max(5.0, across * columns + (0.4 if lines else 1.2)), _HEAD + height * rows)
    left, right = _panels(fig, len(shown), rows, columns, fs is not None)
    at, unit = _lags(weights, fs)
    gain = None
    if fs is not None:
        frequencies, response = weights.frequency_response(fs, points)
        gain = response[shown][..., seen]
    for panel, number in zip(left, shown, strict=True):
        panel.set_title(_name(weights, number, seen, words), fontsize="small", loc="left")
    if lines:
        _draw_lines(left, at, weights.kernel[shown][..., seen])
        if gain is not None:
            _draw_lines(right, frequencies, gain)
        _legend(fig, weights, shown, seen, words)
    else:
        _draw_strips(left, at, weights.kernel[shown][..., seen], scale)
        bars = [(scale, "weight")]
        if gain is not None:
            bars.append((colour_scale(gain), "gain"))
            _draw_strips(right, frequencies, gain, bars[1][0])
        for one, label in bars:
            add_colour_bar(ScalarMappable(one.norm(), one.colormap), [*left, *right], one, label)
        for panel in left:
            _name_strips(panel, weights.inputs[shown[0], seen], words)
    _label(left, columns, unit, "weight" if lines else "channel")
    if gain is not None:
        _label(right, columns, "Hz", "gain" if lines else "")
        for panel in right if not lines else []:
            panel.tick_params(labelleft=False)  # the same strips as on its left


def _panels(fig: Figure, count: int, rows: int, columns: int, pairs: bool) -> tuple[list[Axes], list[Axes]]:
    """An axes for each filter's weights, and one for its gain where that is drawn."""
    each = 2 if pairs else 1
    grid = fig.add_gridspec(rows, each * columns)
    left: list[Axes] = []
    right: list[Axes] = []
    for number in range(count):
        row, column = divmod(number, columns)
        for place, panels in enumerate((left, right)[:each]):
            panels.append(fig.add_subplot(grid[row, each * column + place]))
    return left, right


def _lags(weights: FilterWeights, fs: float | None) -> tuple[NDArray[np.float64], str]:
    """Where the weights lie in the window, and in what unit."""
    at = np.arange(weights.window[0], dtype=np.float64) * weights.dilation[0]
    return (at, "sample of the window") if fs is None else (1000 * at / weights.rate(fs), "ms")


def _name(weights: FilterWeights, number: int, seen: list[int], words: list[str]) -> str:
    """A filter's number, its channel where each has another, and its bias."""
    name = f"filter {number}"
    if (weights.inputs != weights.inputs[0]).any():
        sees = weights.inputs[number, seen]
        name += f" of {words[sees[0]]}" + (f" to {sees[-1]}" if len(sees) > 1 else "")
    return name if weights.bias is None else f"{name}, bias {weights.bias[number]:.2g}".replace("-", "−")


def _draw_lines(panels: list[Axes], at: NDArray[np.float64], values: NDArray[Any]) -> None:
    """Lines of (filters, at, channels), on one scale."""
    dots: dict[str, Any] = {"marker": "o", "markersize": 2.5} if len(at) <= _MOST_DOTS else {}
    for panel, lines in zip(panels, values, strict=True):
        panel.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        for line, colour in zip(lines.T, COLOURS, strict=False):
            panel.plot(at, line, color=colour, linewidth=1.2, **dots)
        panel.spines[["top", "right"]].set_visible(False)
    # One pair of limits for all; axes tied to each other would take minutes for hundreds of filters.
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    margin, end = 0.05 * (high - low or 1.0), 0.03 * (at[-1] - at[0] or 1.0)
    for panel in panels:
        panel.set(xlim=(at[0] - end, at[-1] + end), ylim=(low - margin, high + margin))


def _draw_strips(panels: list[Axes], at: NDArray[np.float64], values: NDArray[Any], scale: ColourScale) -> None:
    """A strip of colour per channel of (filters, at, channels), the first on top."""
    half = (at[1] - at[0]) / 2 if len(at) > 1 else 0.5
    ends = (at[0] - half, at[-1] + half, values.shape[2] - 0.5, -0.5)
    look: dict[str, Any] = {"cmap": scale.colormap, "norm": scale.norm(), "aspect": "auto"}
    for panel, strips in zip(panels, values, strict=True):
        panel.imshow(strips.T, extent=ends, interpolation="nearest", **look)


def _name_strips(ax: Axes, channels: NDArray[Any], words: list[str]) -> None:
    """Write the channels' names, or numbers, of a few strips."""
    ticks = range(0, len(channels), -(-len(channels) // _MOST_NAMES))
    ax.set_yticks(ticks, [words[channels[tick]].removeprefix("channel ") for tick in ticks])


def _legend(fig: Figure, weights: FilterWeights, shown: list[int], seen: list[int], words: list[str]) -> None:
    """Name the colours, where there are several and all filters see the same channels."""
    same = (weights.inputs[shown] == weights.inputs[shown[0]]).all()
    if len(seen) < 2 or not same:
        return
    lines = [line for line in fig.axes[0].get_lines() if line.get_color() in COLOURS]
    names = [words[number] for number in weights.inputs[shown[0], seen]]
    fig.legend(lines, names, loc="outside lower center", ncols=len(seen), frameon=False, fontsize="small")


def _label(panels: list[Axes], columns: int, below: str, beside: str) -> None:
    """Numbers and words at the border only: the panels share their axes."""
    for number, panel in enumerate(panels):
        panel.tick_params(labelsize="x-small")
        last = number + columns >= len(panels)
        panel.tick_params(labelbottom=last)
        panel.set_xlabel(below if last else "", fontsize="small")
        first = number % columns == 0
        panel.tick_params(labelleft=first)
        panel.set_ylabel(beside if first else "", fontsize="small")
