"""The pictures of the older vis: a signal coloured by its map, or an image, its map, and both together."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure

from signalscreen.errors import InputError
from signalscreen.plot import plot_image, plot_with_gradient
from signalscreen.plot.colour import UNSIGNED, add_colour_bar, colour_scale
from signalscreen.plot.figures import new_subplots
from signalscreen.resize import resize

Array = npt.NDArray[Any]

FIGURE_SIZE = (15.0, 7.0)  # inches
_GREY = (0.8, 0.8, 0.8, 1.0)
_WEAKEST = 25  # of the 256 colours, those that stand for next to nothing
_SIZE = 12.0  # points
MEANINGS = {  # of the colours, by what was asked for
    "cam": "Grad-CAM, smallest to largest",
    "shap": "magnitude of DeepLIFT",
    "integrated_grad": "magnitude of integrated gradients",
    "integrated_gradients": "magnitude of integrated gradients",
    "saliency": "guided gradient, smallest to largest",
}


def display_1d(
    visualization: Any,
    img: Any,
    neuron: int,
    pred: float,
    title: str | None = None,
    vertical: Sequence[float] = (),
    cam: bool = False,
    label: str = "importance",
) -> Figure:
    """Draw a signal as a line coloured by its map, over the number of the sample.

    Parameters
    ----------
    visualization : array_like, shape (T,)
    img : array_like, shape (T,), (T, C) or (1, T, C)
        The signal; several channels are drawn one below the other.
    neuron, pred
        For the title.
    title : str, optional
        By default ``Neuron {neuron} activation: {pred:.6f}``.
    vertical : sequence of float
        Samples at which black lines are drawn, such as the ends of annotated intervals.
    cam : bool
        Whether the map is a class activation map: its weak values are pale red. Those of others are grey.
    label : str
        Of the colour bar.

    Returns
    -------
    Figure
        The current figure of pyplot.
    """
    heat = np.asarray(visualization).ravel()
    signal = np.asarray(img)
    signal = signal[0] if signal.ndim == 3 and len(signal) == 1 else signal
    figure, ax = new_subplots(figsize=FIGURE_SIZE, layout="constrained")
    try:
        plot_with_gradient(
            signal,
            heat,
            ax,
            title=_title(neuron, pred, title),
            colormap=_reds(cam),
            linewidth=2,
            color_label=label,
        )
    except Exception:
        plt.close(figure)
        raise
    ax.vlines(list(vertical), 0, 1, transform=ax.get_xaxis_transform(), colors="black", linewidths=1, zorder=0.5)
    return figure


def display_2d(
    visualization: Any,
    unprocessed_img: Any,
    neuron: int,
    pred: float,
    title: str | None = None,
    vis: str = "cam",
    annotations: Sequence[float] | None = None,
    contrast: float = 2,
) -> Figure:
    """Draw an image, its map, and the map over the image.

    Parameters
    ----------
    visualization : array_like, shape (H, W)
        Brought to the size of the image.
    unprocessed_img : array_like, shape (H, W), (H, W, 1), (H, W, 3) or (1, H, W, C)
    neuron, pred
        For the title.
    title : str, optional
        By default ``Neuron {neuron} activation: {pred:.6f}``.
    vis : str
        Of which kind the map is.
    annotations : sequence of float, optional
        Columns of the image at which black lines are drawn.
    contrast : float
        The power to which the colours of a map other than "cam" are taken: the higher, the more of the weak
        values is seen.

    Returns
    -------
    Figure
        The current figure of pyplot.
    """
    image = np.asarray(unprocessed_img)
    image = image[0] if image.ndim == 4 and len(image) == 1 else image
    if image.ndim not in (2, 3):
        raise InputError(f"unprocessed_img has shape {image.shape}; give one image, (height, width[, channels])")
    heat = resize(np.asarray(visualization, float), image.shape[:2], (0, 1))
    tall = image.shape[0] / image.shape[1]
    size = (FIGURE_SIZE[0], min(max(4.5 * tall + 0.45, 2.5), 9.0))
    figure, axes = new_subplots(1, 3, figsize=size, layout="constrained")
    try:
        _draw_panels(list(axes), image, heat, vis, contrast)
    except Exception:
        plt.close(figure)
        raise
    axes[0].set_title(_title(neuron, pred, title), fontsize=_SIZE)
    axes[1].set_title(f"Importance map for neuron {neuron}", fontsize=_SIZE)
    axes[2].set_title("Overlay", fontsize=_SIZE)
    for ax in axes:
        ax.vlines(list(annotations or ()), 0, 1, transform=ax.get_xaxis_transform(), colors="black", linewidths=1)
    return figure


def _draw_panels(axes: list[Axes], image: Array, heat: Array, vis: str, contrast: float) -> None:
    cam = vis == "cam"
    scale = colour_scale(heat, UNSIGNED if cam else _reds_on_white(contrast))
    plot_image(image, None, axes[0])
    shown = axes[1].imshow(heat, cmap=scale.colormap, norm=scale.norm(), interpolation="nearest")
    axes[1].set_xticks([])
    axes[1].set_yticks([])
    add_colour_bar(shown, axes[1], scale, MEANINGS.get(vis, "importance"))
    plot_image(image, heat, axes[2], colormap=scale.colormap, color_bar=False, alpha=0.8 if cam else 1.0)


def _reds(cam: bool) -> Colormap:
    """``Reds`` for a line on white: the palest of them, which a page swallows, left out or made grey."""
    if cam:
        return ListedColormap(matplotlib.colormaps["Reds"](np.linspace(0.2, 1, 256)), "classic_cam")
    colours = matplotlib.colormaps["Reds"](np.linspace(0, 1, 256))
    colours[:_WEAKEST] = _GREY
    return ListedColormap(colours, "classic_reds")


def _reds_on_white(contrast: float) -> Colormap:
    """``Reds`` from white, darkened by a power."""
    colours = matplotlib.colormaps["Reds"](np.linspace(0, 1, 256))
    colours[0] = 1
    return ListedColormap(colours**contrast, "classic_reds_on_white")


def _title(neuron: int, pred: float, given: str | None) -> str:
    return f"Neuron {neuron} activation: {pred:.6f}" if given is None else given


def lines_up(unprocessed: Any, found: Array) -> bool:
    """Whether a signal has one value, or one a channel, for each sample of a map."""
    if unprocessed is None:
        return False
    shape = np.shape(unprocessed)
    shape = shape[1:] if len(shape) == 3 and shape[0] == 1 else shape
    return len(shape) in (1, 2) and shape[0] == len(found)
