"""The weights of a layer's filters: lines where they have one channel over time, else tiles of one mosaic."""

from math import ceil, sqrt

import numpy as np
import numpy.typing as npt
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from signalscreen.classic.cnn_vis import Kernel
from signalscreen.plot.colour import SIGNED, add_colour_bar, colour_scale

Floats = npt.NDArray[np.float64]

_MOST_LINES = 64  # panels
_LARGEST = (13.0, 16.0)  # inches
_WIDE = 1.5  # width of a mosaic by its height, about
_LINE = "#1f6fd0"


def draw_filters(kernel: Kernel) -> Figure:
    """Draw every filter of a layer, all on one scale that is symmetric about zero.

    Returns
    -------
    Figure
        Any number of filters and channels. Channels are tiles within the tile of a filter (rows in 1D).
    """
    weights = np.asarray(kernel.weights, float)
    filters, channels, *window = weights.shape
    said = "inputs" if len(window) == 1 and window[0] > 64 else "weights"
    size = " × ".join(map(str, window))
    title = f"{kernel.layer}: {filters} filter{'s' * (filters != 1)} of {size} {said}"
    if channels > 1:
        title += f", {channels} channels" + (" (rows)" if len(window) == 1 else "")
    if len(window) == 1 and channels == 1 and filters <= _MOST_LINES:
        return _lines(weights[:, 0], kernel.bias, title)
    tiles = weights if len(window) == 1 else np.stack([_joined(w.reshape(-1, *window[-2:])) for w in weights])
    return _mosaic(tiles, title)


def _lines(weights: Floats, bias: npt.NDArray[np.float64] | None, title: str) -> Figure:
    columns = min(len(weights), max(1, round(sqrt(len(weights)))))
    rows = ceil(len(weights) / columns)
    panel = (6.0, 2.4) if columns == 1 else (2.2, 1.5)
    size = (min(columns * panel[0] + 1, _LARGEST[0]), min(rows * panel[1] + 0.8, _LARGEST[1]))
    figure = Figure(figsize=size, layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
    for ax in axes[len(weights) :]:
        ax.set_axis_off()
    marker = "o" if weights.shape[1] <= 32 else ""
    for i, (ax, taps) in enumerate(zip(axes, weights, strict=False)):
        ax.axhline(0, color="0.7", linewidth=0.8)
        ax.plot(taps, color=_LINE, marker=marker, markersize=3, linewidth=1.2)
        ax.set_title(f"{i}" if bias is None else f"{i}, bias {bias[i]:.2g}", fontsize="small")
    axes[0].xaxis.get_major_locator().set_params(integer=True)
    figure.suptitle(title)
    figure.supxlabel("position in the window" if weights.shape[1] <= 64 else "input")
    figure.supylabel("weight")
    return figure


def _mosaic(tiles: Floats, title: str) -> Figure:
    """All filters in one picture, numbered; `tiles` is (filters, height, width)."""
    filters, height, width = tiles.shape
    gap = max(1, round(0.12 * width))
    head = max(1, round(0.25 * min(height, width)))
    columns = _columns(filters, sqrt(_WIDE * filters * (height + head) / (width + gap)))
    rows = ceil(filters / columns)
    whole = np.full((rows * (height + head), columns * (width + gap) - gap), np.nan)
    corners = [(i // columns * (height + head) + head, i % columns * (width + gap)) for i in range(filters)]
    for (top, left), tile in zip(corners, tiles, strict=True):
        whole[top : top + height, left : left + width] = tile
    scale = colour_scale(tiles, SIGNED, symmetric=True)
    tile = min(max(0.09 * width, 1.0), 2.0)
    inches = min(tile * columns, _LARGEST[0] - 2) / whole.shape[1]
    inches = max(min(inches, (_LARGEST[1] - 1) / whole.shape[0]), 4.0 / whole.shape[1])
    figure = Figure(figsize=(inches * whole.shape[1] + 1.6, inches * whole.shape[0] + 0.7), layout="constrained")
    ax = figure.subplots()
    clear = scale.colormap.with_extremes(bad=(0, 0, 0, 0))
    ax.imshow(whole, cmap=clear, norm=scale.norm(), interpolation="nearest")
    ax.set_axis_off()
    points = min(9.0, 72 * inches * head * 0.8)
    for i, (top, left) in enumerate(corners):
        ax.text(left - 0.5, top - 0.6, str(i), fontsize=points, va="bottom", ha="left")
    add_colour_bar(ScalarMappable(scale.norm(), scale.colormap), ax, scale, "weight")
    figure.suptitle(title)
    return figure


def _columns(count: int, wanted: float) -> int:
    """About as many columns as wanted, so that the last row is full or nearly so."""
    near = range(max(1, round(0.7 * wanted)), max(1, round(1.4 * wanted)) + 1)
    return min((c for c in near if c <= count), key=lambda c: (-count % c, abs(c - wanted)), default=count)


def _joined(channels: Floats) -> Floats:
    """The channels of one filter side by side in a near-square, one empty line between them."""
    count, height, width = channels.shape
    columns = ceil(sqrt(count))
    whole = np.full((ceil(count / columns) * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for i, channel in enumerate(channels):
        top, left = i // columns * (height + 1), i % columns * (width + 1)
        whole[top : top + height, left : left + width] = channel
    return whole
