"""The filters of a layer: 1D ones as lines with what they let through, others as tiles of colour."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.colors import Colormap
from matplotlib.figure import Figure

from ..errors import InputError, OptionError
from ..filters import FilterWeights
from .choice import Choice, chosen, how_many
from .colour import colour_scale
from .figures import new_figure
from .filter_lines import draw_1d
from .filter_tiles import draw_dense, draw_tiles
from .options import refuse_unknown

_MOST_FILTERS = 16  # that are drawn unasked
_MOST_CHANNELS = {0: 4096, 1: 256, 2: 64, 3: 8}  # by the number of axes of the window


def plot_filter_weights(
    weights: FilterWeights,
    fs: float | None = None,
    filters: Choice = None,
    *,
    channels: Choice = None,
    names: Sequence[str] | None = None,
    columns: int | None = None,
    title: str | None = None,
    colormap: str | Colormap | None = None,
    limits: tuple[float, float] | None = None,
    percentile: float | None = None,
    points: int = 256,
    **unknown: object,
) -> Figure:
    """Draw the filters of a layer, all on one scale.

    1D kernels are lines over time, a colour per channel (from five channels on a strip of colour per channel),
    with their gain by frequency beside them where `fs` is given. 2D kernels are tiles, one per channel; of 3D
    kernels each channel is a row of slices. A dense layer is one table of colour, units by inputs.

    Parameters
    ----------
    weights : FilterWeights
        What `filter_weights` gives.
    fs : float, optional
        Sampling rate of the model's signal in Hz, for 1D kernels: the time axis is in milliseconds, and the
        gain ``|H(f)|`` is drawn, at the rate where the layer works.
    filters : int or sequence of int, optional
        Which filters; by default the first 16. The title says how many there are.
    channels : int or sequence of int, optional
        Which of the channels that a filter sees; by default all, of 2D kernels the first 64, of 3D the first 8.
    names : sequence of str, optional
        Names of the channels of the layer's input.
    columns : int, optional
        Filters side by side.
    title : str, optional
        Title of the figure; by default the layer, its kind and how many filters are drawn.
    colormap, limits, percentile
        Of the tiles, as for `plot_image`; the scale is symmetric about zero and shared by all that is drawn.
    points : int
        Frequencies of the gain.

    Returns
    -------
    Figure
        A new figure. Biases are written beside the filters' numbers.

    Raises
    ------
    InputError
        `weights` is something else.
    OptionError
        A filter or channel is out of range, or an option does not go with these kernels.

    Examples
    --------
    >>> import numpy as np
    >>> from signalscreen import FilterWeights
    >>> kernel = np.random.default_rng(0).normal(size=(40, 7, 1))
    >>> weights = FilterWeights(kernel, None, np.zeros((40, 1), int), (1,), (1,), (1.0,), "conv", "Conv1D")
    >>> fig = plot_filter_weights(weights, fs=250, filters=[0, 39])
    >>> [ax.get_title(loc="left") for ax in fig.axes], fig.get_suptitle()
    (['filter 0', '', 'filter 39', ''], 'conv (Conv1D): 2 of 40 filters')
    >>> plt.close(fig)
    """
    refuse_unknown(plot_filter_weights, unknown)
    if not isinstance(weights, FilterWeights):
        raise InputError(
            f"weights is a {type(weights).__name__}; give what ss.filter_weights(model, layer) returns"
        )
    axes = len(weights.window)
    if fs is not None:
        weights.rate(fs)  # refuses what has no rate
    if columns is not None and (not isinstance(columns, int) or columns < 1):
        raise OptionError(f"columns is {columns!r}; give 1 or more")
    count, every = weights.kernel.shape[0], weights.kernel.shape[-1]
    shown = chosen(filters, count, "filters", _MOST_FILTERS)
    seen = chosen(channels, every, "channels", _MOST_CHANNELS[axes])
    words = _words(weights, names)
    scale = colour_scale(
        weights.kernel[shown][..., seen], colormap, limits=limits, percentile=percentile, symmetric=True
    )
    fig = new_figure(layout="constrained")
    try:
        if axes == 0:
            draw_dense(fig, weights, shown, seen, scale, words)
        elif axes == 1:
            draw_1d(fig, weights, shown, seen, scale, words, fs=fs, columns=columns, points=points)
        else:
            draw_tiles(fig, weights, shown, seen, scale, words, columns=columns)
    except Exception:
        plt.close(fig)
        raise
    fig.suptitle(_title(weights, shown, seen) if title is None else title)
    return fig


def _words(weights: FilterWeights, names: Sequence[str] | None) -> list[str]:
    """A name for each channel of the layer's input."""
    inputs = int(weights.inputs.max()) + 1
    if names is None:
        return [f"channel {number}" for number in range(inputs)]
    if isinstance(names, str) or len(names) != inputs:
        raise OptionError(f"names is {names!r} for {inputs} channels of the layer's input; give one name for each")
    return [str(name) for name in names]


def _title(weights: FilterWeights, shown: list[int], seen: list[int]) -> str:
    """What is drawn, and how much there is of it."""
    count, every = weights.kernel.shape[0], weights.kernel.shape[-1]
    drawn = how_many(shown, count, "filters" if weights.window else "units")
    among = f", {how_many(seen, every, 'channels' if weights.window else 'inputs')}" if every > 1 else ""
    return f"{weights.layer} ({weights.kind}): {drawn}{among}"
