"""What several methods say about one signal, one row per method."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ..errors import InputError, OptionError
from .figures import new_subplots
from .line import plot_with_gradient
from .marks import Annotations, read_marks
from .traces import numbers, one_signal

_WIDTH = 12.0  # inches
_ENDS = 0.8  # inches for title and time axis,
_ROW = 1.0  # for each row,
_LEAD = 0.5  # and for each lead in it


def compare_methods(
    y: ArrayLike,
    attributions: Mapping[str, ArrayLike],
    *,
    title: str | None = None,
    annotations: Annotations | None = None,
    color_label: str | None = None,
    **options: Any,
) -> Figure:
    """Draw one signal once per method, each row coloured by what that method gave.

    The rows share their time axis. Each has limits and a colour bar of its own, because methods differ in
    units; where they lie, and which of them agree, is what the figure is for.

    Parameters
    ----------
    y : (T,) or (T, C) array
        The signal of one example.
    attributions : mapping of str to array
        Name of each method and its attribution, as for `plot_with_gradient`; drawn in this order.
    title : str, optional
        Title of the figure.
    annotations : optional
        Beats and intervals; their words are written above the first row.
    color_label : str, optional
        Label of the colour bars.
    **options
        Any other keyword of `plot_with_gradient`, for all rows: ``fs``, ``units``, ``names``,
        ``percentile``, ...

    Returns
    -------
    Figure
        The new figure.

    Raises
    ------
    InputError, OptionError
        As `plot_with_gradient`; and if there is no attribution.

    Examples
    --------
    >>> import numpy as np
    >>> import matplotlib.pyplot as plt
    >>> y = np.sin(np.arange(90) / 9)
    >>> fig = compare_methods(y, {"saliency": abs(y), "input × gradient": y}, fs=30)
    >>> [ax.get_ylabel() for ax in fig.axes[:2]]
    ['saliency', 'input × gradient']
    >>> plt.close(fig)
    """
    if not attributions or "ax" in options:
        raise OptionError(
            "compare_methods makes a figure of its own; give {name: attribution}, at least one, and no ax"
        )
    marks = read_marks(annotations)
    written = [*marks.beats, *marks.intervals]
    silent = [(*mark[:-1], "") for mark in written]
    shape = one_signal(numbers(y, "y")).shape
    leads = 1 if len(shape) < 2 else shape[1]
    size = (_WIDTH, _ENDS + (_ROW + _LEAD * leads) * len(attributions))
    fig, grid = new_subplots(len(attributions), figsize=size, sharex=True, squeeze=False, layout="constrained")
    rows: list[Axes] = list(grid[:, 0])
    try:
        for row, (name, attribution) in zip(rows, attributions.items(), strict=True):
            annotated = written if row is rows[0] else silent
            signal = _draw_row(row, name, y, attribution, annotations=annotated, color_label="", **options)
    except Exception:
        plt.close(fig)
        raise
    fig.suptitle(title or "")
    fig.supylabel(signal)
    if color_label is None and any(row.collections[0].get_clim()[0] < 0 for row in rows):
        color_label = "− lowers the score, + raises it"
    below: dict[str, Any] = {"textcoords": "offset points", "ha": "right", "va": "top"}
    rows[-1].annotate(color_label or "", (1, 0), (0, -20), "axes fraction", **below)
    return fig


def _draw_row(ax: Axes, name: str, y: ArrayLike, attribution: ArrayLike, **options: Any) -> str:
    """Draw one method's row, write its name at the left, and return the signal's name that stood there."""
    try:
        plot_with_gradient(y, attribution, ax, **options)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    signal = ax.get_ylabel()
    ax.set_ylabel(name, rotation=0, ha="right", va="center")
    ax.label_outer()
    return signal
