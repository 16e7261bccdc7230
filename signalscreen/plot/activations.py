"""What the filters of a layer give, on the axes of the signal that they saw."""

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from ..errors import InputError, OptionError
from .cells import Cells, forwards, read_cells
from .choice import Choice, chosen, how_many
from .colour import ColourScale, add_colour_bar, colour_scale
from .feature_maps import draw_maps
from .figures import new_figure
from .marks import Annotations
from .options import check_positive, refuse_unknown
from .signal import LINE, draw_signal
from .traces import Floats, numbers

_WIDTH = 12.0  # inches
_MOST_LINES = 4  # filters that are lines; more are strips of colour
_MOST_STRIPS, _MOST_MAPS = 64, 16  # filters that are drawn unasked
_MOST_NAMES = 16


def plot_activations(
    x: ArrayLike,
    activations: ArrayLike,
    fs: float | None = None,
    names: str | Sequence[str] | None = None,
    filters: Choice = None,
    *,
    positions: Any = None,
    units: str | Sequence[str] | None = None,
    annotations: Annotations | None = None,
    slice: int | None = None,
    columns: int | None = None,
    title: str | None = None,
    colormap: str | Colormap | None = None,
    limits: tuple[float, float] | None = None,
    percentile: float | None = None,
    **unknown: object,
) -> Figure:
    """Draw the feature maps of a layer beside the signal, image or volume they are of.

    Of a signal: under it, on its time axis, one strip of colour per filter; up to four filters are lines. Of an
    image: the image, and one map per filter in its frame. Of a volume: the same, of one slice.

    Parameters
    ----------
    x : (T,), (T, C), (H, W[, C]) or (D, H, W[, C]) array
        One example.
    activations : (positions, filters), (rows, columns, filters) or (planes, rows, columns, filters) array
        Those of this example, as in ``ss.activations(model, x[None], layer)[0]``.
    fs : float, optional
        Sampling rate of the signal in Hz.
    names, units, annotations : optional
        Of the signal, as for `plot_with_gradient`.
    filters : int or sequence of int, optional
        Which filters; by default the first 64 of a signal, 16 of an image or volume. The title says how many
        there are.
    positions : array or tuple of arrays, optional
        Where the layer's positions lie, in samples: ``ss.layer_positions(model, layer)``. A layer that is pooled,
        strided or not padded is then laid over just the samples it belongs to. None: spread evenly over the
        signal, which is said in the figure.
    slice : int, optional
        Which slice of a volume, counted along its first axis; by default the middle one.
    columns : int, optional
        Maps side by side, of an image or a volume.
    title : str, optional
        By default how many filters are drawn.
    colormap, limits, percentile
        Of all filters together, as for `plot_image`.

    Returns
    -------
    Figure
        A new figure.

    Raises
    ------
    InputError
        The arrays do not fit each other, or are of several examples.
    OptionError
        A filter or slice is out of range, or an option does not go with this signal.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.sin(np.arange(100) / 9)
    >>> fig = plot_activations(x, np.maximum(0, np.stack([x, -x], 1))[::2], fs=50)
    >>> [ax.get_ylabel() for ax in fig.axes], fig.get_suptitle()
    (['', 'filter 0', 'filter 1'], '2 filters')
    >>> plt.close(fig)
    """
    refuse_unknown(plot_activations, unknown)
    signal, maps = _read(x, activations)
    axes = maps.ndim - 1
    for option, value, right in (
        ("fs", fs, 1),
        ("names", names, 1),
        ("units", units, 1),
        ("annotations", annotations, 1),
        ("slice", slice, 3),
    ):
        if value is not None and axes != right:
            raise OptionError(f"{option} does not go with maps over {axes} axes; leave it out")
    if columns is not None and (axes == 1 or not isinstance(columns, int) or columns < 1):
        raise OptionError(f"columns is {columns!r}; give 1 or more, for maps over 2 or 3 axes")
    if fs is not None:
        check_positive(fs, "fs", "samples per second, such as 360")
    shown = chosen(filters, maps.shape[-1], "filters", _MOST_STRIPS if axes == 1 else _MOST_MAPS)
    positions, maps = forwards(positions, maps)
    cells = read_cells(positions, maps.shape[:-1], signal.shape[:axes])
    scale = colour_scale(maps[..., shown], colormap, limits=limits, percentile=percentile)
    fig = new_figure(layout="constrained")
    try:
        if axes == 1:
            leads = {"fs": fs, "names": names, "units": units, "annotations": annotations}
            _draw_1d(fig, signal, maps, cells[0], shown, scale, fs, leads)
        else:
            draw_maps(fig, signal, maps, cells, shown, scale, columns=columns, slice=slice)
    except Exception:
        plt.close(fig)
        raise
    fig.suptitle(how_many(shown, maps.shape[-1], "filters") if title is None else title)
    if not all(axis.known for axis in cells):
        fig.supxlabel("positions of the layer spread evenly: its padding and strides are not known", size="small")
    return fig


def _read(x: ArrayLike, activations: ArrayLike) -> tuple[Floats, Floats]:
    """The signal and its maps; a signal without an axis of channels gets one."""
    signal, maps = numbers(x, "x"), numbers(activations, "activations")
    axes = maps.ndim - 1
    if axes not in (1, 2, 3) or not maps.size:
        raise InputError(
            f"activations has shape {maps.shape}; give those of one example: (positions, filters), "
            "(rows, columns, filters) or (planes, rows, columns, filters)"
        )
    if signal.ndim == axes:
        signal = signal[..., None]
    if signal.ndim != axes + 1 or not signal.size:
        raise InputError(
            f"x has shape {np.shape(x)} for activations of shape {maps.shape}, over {axes} "
            f"{'axis' if axes == 1 else 'axes'}; give one example of each, such as x[0] and activations[0]"
        )
    return signal, maps


def _draw_1d(
    fig: Figure,
    signal: Floats,
    maps: Floats,
    cells: Cells,
    shown: list[int],
    scale: ColourScale,
    fs: float | None,
    leads: dict[str, Any],
) -> None:
    """The signal on top, under it the filters on the same time axis."""
    lines = len(shown) <= _MOST_LINES
    top = 1.6 + 0.5 * (signal.shape[1] - 1)
    below = 0.9 * len(shown) if lines else float(np.clip(0.16 * len(shown), 1.5, 8.0))
    fig.set_size_inches(_WIDTH, top + below + 0.9)
    rows = 1 + (len(shown) if lines else 1)
    panels = list(fig.subplots(rows, sharex=True, height_ratios=[top, *[below / (rows - 1)] * (rows - 1)]))
    draw_signal(panels[0], signal, **leads)
    edges = cells.edges / (fs or 1.0)
    if lines:
        _draw_lines(panels[1:], maps[:, shown].T, edges, shown)
    else:
        _draw_strips(panels[1], maps[:, shown].T, edges, shown, scale)
    half = 0.5 / (fs or 1.0)
    panels[0].set_xlim(-half, (len(signal) - 0.5) / (fs or 1.0))
    panels[-1].set_xlabel(panels[0].get_xlabel())
    panels[0].set_xlabel("")


def _draw_lines(panels: list[Axes], maps: Floats, edges: Floats, shown: list[int]) -> None:
    """One filter per panel, each value over the samples it belongs to, on one scale."""
    low, high = min(0.0, float(np.nanmin(maps))), max(0.0, float(np.nanmax(maps)))
    margin = 0.05 * (high - low or 1.0)
    for ax, values, number in zip(panels, maps, shown, strict=True):
        ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        ax.stairs(values, edges, baseline=None, color=LINE, linewidth=1.2)
        ax.set_ylim(low - margin, high + margin)
        ax.set_ylabel(f"filter {number}")
        ax.spines[["top", "right"]].set_visible(False)


def _draw_strips(ax: Axes, maps: Floats, edges: Floats, shown: list[int], scale: ColourScale) -> None:
    """One strip of colour per filter, the first on top."""
    look: dict[str, Any] = {"cmap": scale.colormap, "norm": scale.norm(), "aspect": "auto"}
    for row, values in enumerate(maps):
        # An image for each, so that samples closer than pixels are averaged, and filters are not.
        place = (edges[0], edges[-1], row + 0.5, row - 0.5)
        drawn = ax.imshow(values[None], extent=place, interpolation="auto", **look)
    ax.set_ylim(len(maps) - 0.5, -0.5)
    ticks = range(0, len(shown), -(-len(shown) // _MOST_NAMES))
    ax.set_yticks(ticks, [str(shown[tick]) for tick in ticks])
    ax.tick_params(axis="y", length=0)
    ax.set_ylabel("filter")
    add_colour_bar(drawn, ax, scale, "activation")
