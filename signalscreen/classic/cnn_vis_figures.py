"""The pictures of the older CNN-vis: examples above their maps, averages, a difference."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from signalscreen.averages import ClassAverages
from signalscreen.plot import plot_image, plot_with_gradient
from signalscreen.plot.colour import SIGNED, UNSIGNED, ColourScale, add_colour_bar, colour_scale
from signalscreen.plot.figures import SignalFigure
from signalscreen.plot.filter_lines import COLOURS

Array = npt.NDArray[Any]

_COLUMNS = 5
_HEAT = "hot"
_SEEN = 99.5  # percentile at which colours of gradients end: a few pixels would leave the rest dark
_WIDTH, _ROW = 14.0, 2.6  # inches, of signals


def draw_maps(x: Array, maps: Array, titles: Sequence[str], label: str, *, over: bool = False) -> Figure:
    """Draw examples, each with its map from 0 to 1.

    Parameters
    ----------
    x : ndarray, shape (N, *axes) or (N, *axes, channels)
    maps : ndarray, shape (N, *axes)
    titles : sequence of str
    label : str
        Of the colour bar.
    over : bool
        Draw maps over the images, not alone below them.

    Returns
    -------
    Figure
        Signals one below the other, coloured; images above their maps.
    """
    whole = colour_scale(maps, UNSIGNED, limits=(0, 1))
    if maps.ndim == 2:
        return _signals(x, maps, titles, whole, label)
    scale = whole if over else colour_scale(maps, _HEAT, percentile=_SEEN)
    rows, columns = -(-len(x) // _COLUMNS), min(len(x), _COLUMNS)
    size = (3.0 * columns + 1.2, rows * (2 * _height(maps[0], 3.0) + 0.45) + 0.1)
    figure = SignalFigure(figsize=size, layout="compressed")
    grid = figure.subplots(2 * rows, columns, squeeze=False)
    for ax in grid.flat:
        ax.set_axis_off()
    limits = _range(x)
    for i, (image, heat, title) in enumerate(zip(x, maps, titles, strict=True)):
        above, below = (grid[2 * (i // _COLUMNS) + row, i % _COLUMNS] for row in (0, 1))
        _draw_image(above, image, limits)
        above.set_title(title)
        if over:
            below.set_axis_on()
            pixels = _drawable(image)
            pixels = -pixels.astype(float) if pixels.ndim == 2 else pixels  # low values white, as above
            plot_image(pixels, heat, below, colormap=UNSIGNED, color_bar=False, limits=(0, 1))
        else:
            _draw_heat(below, heat, scale)
    _bar(list(grid[1::2].flat), scale, label)
    return figure


def draw_averages(found: ClassAverages, label: str, *, fine: bool) -> Figure:
    """Draw mean maps side by side, on one scale; in 1D mean signals coloured by them, one below the other.

    `fine` says that the maps are of gradients, with a few strong pixels, and not of feature maps.
    """
    maps = np.stack([found.mean[name] for name in found.labels])
    if fine and maps.ndim > 2:
        scale = colour_scale(np.append(maps, 0.0), _HEAT, percentile=_SEEN)
    else:
        scale = colour_scale(np.append(maps, 0.0), UNSIGNED)
    titles = [f"{name} (mean of {found.counts[name]})" for name in found.labels]
    return _beside(np.stack([found.signal[name] for name in found.labels]), maps, titles, scale, label)


def draw_difference(example: Array, difference: Array, title: str, label: str, *, fine: bool) -> Figure:
    """Draw one mean map less another; zero is grey, and both sides of it have the same scale.

    `example`, in 1D, is the signal that is coloured.
    """
    percentile = _SEEN if fine and difference.ndim > 1 else None
    scale = colour_scale(difference, SIGNED, symmetric=True, percentile=percentile)
    return _beside(example[None], difference[None], [title], scale, label)


def draw_maximal(inputs: Sequence[Array], titles: Sequence[str]) -> Figure:
    """Draw inputs that were made: images side by side, signals as lines one below the other."""
    if inputs[0].ndim == 2:
        return _lines(inputs, titles)
    pictures = np.stack([_drawable(image) for image in inputs])
    if pictures.ndim == 3:
        scale = colour_scale(pictures, percentile=_SEEN)
        return _beside(pictures, pictures, titles, scale, "made input")
    columns = min(len(inputs), _COLUMNS)
    rows = -(-len(inputs) // columns)
    figure = SignalFigure(figsize=(3.0 * columns, rows * (_height(pictures[0], 3.0) + 0.4)), layout="compressed")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax in axes[len(inputs) :]:
        ax.set_axis_off()
    for ax, picture, title in zip(axes, pictures, titles, strict=False):
        plot_image(picture, None, ax, title=title)
    return figure


def _lines(signals: Sequence[Array], titles: Sequence[str]) -> Figure:
    figure = SignalFigure(figsize=(_WIDTH, 1.7 * len(signals) + 0.6), layout="constrained")
    axes = list(figure.subplots(len(signals), 1, squeeze=False, sharex=True, sharey=True)[:, 0])
    for ax, signal, title in zip(axes, signals, titles, strict=True):
        ax.set_prop_cycle(color=COLOURS)
        ax.plot(signal, linewidth=1.2)
        ax.set_title(title)
        ax.margins(x=0.005)
    if signals[0].shape[1] > 1:
        axes[0].legend([f"channel {i}" for i in range(signals[0].shape[1])], loc="upper right", fontsize="small")
    axes[-1].set_xlabel("Sample")
    figure.supylabel("made input")
    return figure


def _beside(x: Array, maps: Array, titles: Sequence[str], scale: ColourScale, label: str) -> Figure:
    if maps.ndim == 2:
        return _signals(x, maps, titles, scale, label)
    columns = min(len(maps), _COLUMNS)
    rows = -(-len(maps) // columns)
    size = (5.0 * columns + 1.2, rows * (_height(maps[0], 5.0) + 0.4) + 0.1)
    figure = SignalFigure(figsize=size, layout="compressed")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax in axes:
        ax.set_axis_off()
    for ax, heat, title in zip(axes, maps, titles, strict=False):
        _draw_heat(ax, heat, scale)
        ax.set_title(title)
    _bar(axes, scale, label)
    return figure


def _signals(x: Array, maps: Array, titles: Sequence[str], scale: ColourScale, label: str) -> Figure:
    """Signals one below the other, each coloured by its map, on one scale."""
    leads = 1 if x.ndim == 2 else x.shape[2]
    row = _ROW + 0.8 * (leads - 1)
    figure = SignalFigure(figsize=(_WIDTH, row * len(x) + 0.6), layout="constrained")
    axes: list[Axes] = list(figure.subplots(len(x), 1, squeeze=False, sharex=True)[:, 0])
    look: dict[str, Any] = {"colormap": scale.colormap, "limits": (scale.lower, scale.upper), "color_bar": False}
    for ax, signal, heat, title in zip(axes, x, maps, titles, strict=True):
        plot_with_gradient(signal, heat, ax, linewidth=2, title=title, **look)
        ax.label_outer()
    _bar(axes, scale, label)
    return figure


def _draw_image(ax: Axes, image: Array, limits: tuple[float, float]) -> None:
    ax.set_axis_on()
    pixels = _drawable(image)
    if pixels.ndim == 3:
        plot_image(pixels, None, ax)
        return
    ax.imshow(pixels, cmap="Blues", vmin=limits[0], vmax=limits[1], interpolation="nearest")
    _without_ticks(ax)


def _draw_heat(ax: Axes, heat: Array, scale: ColourScale) -> None:
    ax.set_axis_on()
    ax.imshow(heat, cmap=scale.colormap, norm=scale.norm(), interpolation="nearest")
    _without_ticks(ax)


def _without_ticks(ax: Axes) -> None:
    ax.set_xticks([])
    ax.set_yticks([])


def _drawable(image: Array) -> Array:
    """An image with one channel or three: the mean of any other number."""
    if image.ndim == 2 or image.shape[2] in (1, 3):
        return image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    return image.mean(axis=2)


def _range(x: Array) -> tuple[float, float]:
    low, high = float(x.min()), float(x.max())
    return (low, high) if low < high else (low, low + 1)


def _height(heat: Array, width: float) -> float:
    return min(max(width * heat.shape[0] / heat.shape[1], 0.6), 2 * width)


def _bar(axes: list[Axes], scale: ColourScale, label: str) -> None:
    add_colour_bar(ScalarMappable(scale.norm(), scale.colormap), axes, scale, label)
