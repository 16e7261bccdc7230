"""A signal and, under it, its occlusion by windows of many lengths: time to the right, scale upwards."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ..errors import InputError
from .colour import add_colour_bar, colour_scale
from .figures import new_subplots
from .marks import Annotations
from .options import refuse_unknown
from .signal import draw_signal
from .traces import Floats, numbers, one_signal, positions

_SIZE = (12.0, 5.5)  # inches


def plot_scales(
    y: ArrayLike,
    maps: ArrayLike,
    windows: Sequence[float],
    *,
    title: str | None = None,
    fs: float | None = None,
    units: str | Sequence[str] | None = None,
    names: str | Sequence[str] | None = None,
    colormap: str | Colormap | None = None,
    limits: tuple[float, float] | None = None,
    percentile: float | None = None,
    symmetric: bool | None = None,
    color_label: str | None = None,
    annotations: Annotations | None = None,
    **unknown: Any,
) -> Figure:
    """Draw a signal and, under it, one row of colour for each scale.

    Parameters
    ----------
    y : (T,) or (T, C) array
        The signal of one example; NaN is a gap.
    maps : (scales, T) array
        What `occlusion_scales` gave for this example. NaN is drawn light grey.
    windows : sequence of int
        The window of each map, in samples; they are drawn in order of length, the longest on top.
    title : str, optional
        Title of the figure.
    fs, units, names, annotations
        Of the signal, as for `plot_with_gradient`; with `fs`, windows are written in seconds.
    colormap, limits, percentile, symmetric, color_label
        Of all maps together, as for `plot_with_gradient`.

    Returns
    -------
    Figure
        The new figure; its axes are those of the signal and of the maps, which share their time axis, and the
        colour bar's.

    Raises
    ------
    InputError, OptionError

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> y = np.sin(np.arange(90) / 9)
    >>> fig = plot_scales(y, [y, y + 1], windows=[5, 20], fs=10)
    >>> [label.get_text() for label in fig.axes[1].get_yticklabels()]
    ['0.5 s', '2 s']
    >>> plt.close(fig)
    """
    refuse_unknown(plot_scales, unknown)
    signal = np.atleast_1d(one_signal(numbers(y, "y")))
    heat, lengths = _read(maps, windows, len(signal))
    scale = colour_scale(heat, colormap, limits=limits, percentile=percentile, symmetric=symmetric)
    time = positions(heat.shape[1], None, fs)
    fig, (above, below) = new_subplots(2, figsize=_SIZE, sharex=True, height_ratios=(1, 1.2), layout="constrained")
    try:
        draw_signal(above, signal, fs=fs, units=units, names=names, annotations=annotations)
    except Exception:
        plt.close(fig)
        raise
    half = (time[1] - time[0]) / 2
    ends = (time[0] - half, time[-1] + half)
    look: dict[str, Any] = {"cmap": scale.colormap, "norm": scale.norm(), "aspect": "auto"}
    for row, values in enumerate(heat):
        # An image for each, so that samples closer than pixels are averaged, and scales are not.
        drawn = below.imshow(values[None], extent=(*ends, row - 0.5, row + 0.5), interpolation="auto", **look)
    below.set(xlim=ends, ylim=(-0.5, len(heat) - 0.5))
    below.set_yticks(range(len(heat)), [f"{n / fs:.3g} s" if fs else f"{n:g}" for n in lengths])
    below.set_ylabel("window" if fs else "window (samples)")
    below.tick_params(axis="y", length=0)
    below.set_xlabel(above.get_xlabel())
    above.set_xlabel("")
    add_colour_bar(drawn, below, scale, color_label)
    fig.suptitle(title or "")
    return fig


def _read(maps: ArrayLike, windows: Sequence[float], samples: int) -> tuple[Floats, list[float]]:
    """The maps in order of their windows, the shortest first."""
    heat, lengths = numbers(maps, "maps"), np.ravel(numbers(windows, "windows"))
    if heat.ndim != 2 or heat.shape != (len(lengths), samples) or not len(lengths):
        raise InputError(
            f"maps has shape {heat.shape} for {len(lengths)} windows and a signal of {samples} samples; give those "
            "of one example, (windows, samples)"
        )
    order = np.argsort(lengths, kind="stable")
    return heat[order], lengths[order].tolist()
