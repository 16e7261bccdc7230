"""A signal in one dark colour, above what is drawn on its time axis."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from .line import plot_with_gradient
from .traces import Floats

LINE = "#333333"


def draw_signal(ax: Axes, y: Floats, **options: Any) -> None:
    """Draw it by the plot that knows leads, gaps and marks; `options` are that one's."""
    dark = ListedColormap([LINE])
    plot_with_gradient(y, np.zeros(len(y)), ax, colormap=dark, color_bar=False, linewidth=1.2, **options)
    ax.spines[["top", "right"]].set_visible(False)
