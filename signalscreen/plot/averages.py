"""The mean map of each class of a data set, and the difference of two of them."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from ..averages import ClassAverages, Difference
from ..errors import InputError, OptionError
from .colour import ColourScale, add_colour_bar, colour_scale
from .figures import new_subplots
from .filter_lines import COLOURS
from .image import Aspect, check_aspect
from .line import plot_with_gradient
from .options import refuse_unknown
from .traces import Floats, positions

_WIDTH = 12.0  # inches
_ROW, _LEAD, _ENDS = 1.3, 0.5, 0.9  # height of a row of lines, of each lead in it, and of title and time axis
_PANEL = 4.6  # width of an image
_ACROSS = 4  # images in a row
_LEADS = (*COLOURS, "#000000", "#882255")
_SURE = 2.0  # standard errors in the band around a difference


def plot_averages(
    averages: ClassAverages,
    difference: Any = None,
    *,
    title: str | None = None,
    class_names: Mapping[Any, str] | Sequence[str] | None = None,
    fs: float | None = None,
    units: str | Sequence[str] | None = None,
    names: str | Sequence[str] | None = None,
    colormap: str | Colormap | None = None,
    limits: tuple[float, float] | None = None,
    percentile: float | None = None,
    symmetric: bool | None = None,
    difference_limits: tuple[float, float] | None = None,
    color_label: str = "mean attribution",
    aspect: Aspect = "equal",
    **unknown: Any,
) -> Figure:
    """Draw what `class_averages` gave: signals as lines in the colours of their mean map, images as heat maps.

    Parameters
    ----------
    averages : ClassAverages
        Of signals or images. All classes share colour limits.
    difference : label, pair of labels, or False, optional
        ``(a, b)`` draws the mean of `a` minus that of `b` as well, one label that of it minus all others. By
        default the second of two classes minus the first; False for none.
    title : str, optional
        Title of the figure.
    class_names : mapping or sequence of str, optional
        How labels are written, by label.
    fs, units, names
        Of signals, as for `plot_with_gradient`.
    colormap, limits, percentile, symmetric
        Of all classes together, as for `plot_with_gradient`.
    difference_limits : (lower, upper), optional
        Of the colours of the difference of images; by default symmetric about zero, at `percentile` too.
    color_label : str
        Label of the classes' colour bar.
    aspect : "equal", "auto" or float
        Shape of a pixel, as for ``imshow``.

    Returns
    -------
    Figure
        The new figure: one axes per class in the order of ``averages.labels``, and one for the difference; of a
        signal, that is drawn as a line (for each lead) within a band of two standard errors.

    Raises
    ------
    InputError
        The maps do not lie on the axes of a signal or an image, or there is no such label.
    OptionError

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> y, spread = np.sin(np.arange(90) / 9), np.ones(90)
    >>> means, spreads, signals = {0: y, 1: 2 * y}, {0: spread, 1: spread}, {0: y, 1: y}
    >>> found = ClassAverages((0, 1), {0: 5, 1: 8}, means, spreads, signals, "saliency", "label", "logit")
    >>> fig = plot_averages(found, class_names=["normal", "ventricular"], fs=30)
    >>> [ax.get_title() for ax in fig.axes[:3]]
    ['normal (n = 5)', 'ventricular (n = 8)', 'ventricular − normal, with two standard errors']
    >>> plt.close(fig)
    """
    refuse_unknown(plot_averages, unknown)
    check_aspect(aspect)
    apart = {"limits": difference_limits, "percentile": percentile if difference_limits is None else None}
    panels = _panels(averages, difference, class_names or {}, apart)
    scale = colour_scale(np.stack(panels.maps), colormap, limits=limits, percentile=percentile, symmetric=symmetric)
    known = plt.get_fignums()
    try:
        if panels.maps[0].ndim > 1 and averages.signal[averages.labels[0]].ndim > 2:
            fig = _images(panels, scale, color_label, aspect)
        else:
            signals = [averages.signal[label] for label in averages.labels]
            fig = _lines(signals, panels, scale, color_label, fs=fs, units=units, names=names)
    except Exception:
        for number in set(plt.get_fignums()) - set(known):
            plt.close(number)
        raise
    fig.suptitle(title or "")
    return fig


class _Panels(NamedTuple):
    """What is drawn, and what is written above it."""

    maps: list[Floats]
    titles: list[str]
    difference: Difference | None
    difference_title: str
    difference_scale: ColourScale | None


def _panels(
    averages: ClassAverages,
    difference: Any,
    class_names: Mapping[Any, str] | Sequence[str],
    options: dict[str, Any],
) -> _Panels:
    written = {label: _name(label, class_names) for label in averages.labels}
    titles = [f"{written[label]} (n = {averages.counts[label]:,})" for label in averages.labels]
    maps = [_on_axes(averages.mean[label], averages.signal[label]) for label in averages.labels]
    pair = _pair(averages, difference)
    if pair is None:
        return _Panels(maps, titles, None, "", None)
    a, b = pair
    found = averages.difference(a, b)
    found = Difference(*(values.reshape(maps[0].shape) for values in found))
    scale = colour_scale(found.mean, symmetric=True, **options)
    title = f"{written[a]} − {'all others' if b is None else written[b]}"
    return _Panels(maps, titles, found, title, scale)


def _pair(averages: ClassAverages, difference: Any) -> tuple[Any, Any] | None:
    """The two labels of a difference, the second None for all others."""
    if difference is False:
        return None
    if difference is None:
        return (averages.labels[1], averages.labels[0]) if len(averages.labels) == 2 else None
    if isinstance(difference, tuple | list):
        if len(difference) != 2:
            raise OptionError(f"difference {difference!r} is no pair; give (a, b), one label, or False")
        return difference[0], difference[1]
    return difference, None


def _name(label: Any, names: Mapping[Any, str] | Sequence[str]) -> str:
    if isinstance(names, Mapping):
        return str(names.get(label, label))
    return str(names[label]) if isinstance(label, int) and 0 <= label < len(names) else str(label)


def _on_axes(values: Floats, signal: Floats) -> Floats:
    """A mean map as it is drawn: ``(T,)``, ``(T, leads)`` or ``(H, W)``."""
    axes = signal.shape[:-1] if signal.ndim > 1 else signal.shape
    if values.shape not in (axes, signal.shape):
        raise InputError(
            f"the maps have shape {values.shape} for signals of {signal.shape}, so they have no place on them; "
            "leave out upsample=False"
        )
    if len(axes) > 2:
        raise InputError(
            f"the maps have {len(axes)} axes; draw one of their slices, averages.slice(number), or each class by "
            "plot_volume(signal, mean)"
        )
    if len(axes) == 2 and values.ndim == 3:
        if values.shape[-1] > 1:
            raise InputError(
                f"the maps of images have {values.shape[-1]} channels; give class_averages reduce='max_abs'"
            )
        return values[..., 0]
    return values


def _lines(signals: list[Floats], panels: _Panels, scale: ColourScale, label: str, **options: Any) -> Figure:
    leads = 1 if signals[0].ndim < 2 else signals[0].shape[1]
    count = len(signals) + (panels.difference is not None)
    size = (_WIDTH, _ENDS + (_ROW + _LEAD * leads) * count)
    fig, grid = new_subplots(count, figsize=size, sharex=True, squeeze=False, layout="constrained")
    rows: list[Axes] = list(grid[:, 0])
    look: dict[str, Any] = {"colormap": scale.colormap, "limits": (scale.lower, scale.upper), "color_bar": False}
    for ax, signal, values, title in zip(rows, signals, panels.maps, panels.titles, strict=False):
        plot_with_gradient(signal, values, ax, title=title, linewidth=2.5, **look, **options)
    shown = rows[: len(signals)]
    if leads == 1:  # several are stacked, each class by its own heights
        ends = [ax.get_ylim() for ax in shown]
        plt.setp(shown, ylim=(min(low for low, _ in ends), max(high for _, high in ends)))
    add_colour_bar(shown[0].collections[0], shown, scale, label)
    if panels.difference is not None:
        _draw_difference(rows[-1], panels, positions(len(signals[0]), None, options["fs"]), options["names"])
        rows[-1].set_xlabel(rows[0].get_xlabel())
    for ax in rows[:-1]:
        ax.set_xlabel("")
    return fig


def _draw_difference(ax: Axes, panels: _Panels, x: Floats, names: str | Sequence[str] | None) -> None:
    assert panels.difference is not None
    mean, error = (values.reshape(len(x), -1).T for values in panels.difference)
    listed = [names] if isinstance(names, str) else list(names or [])
    words = listed if len(listed) == len(mean) else [str(i + 1) for i in range(len(mean))]
    for line, spread, word, colour in zip(mean, error, words, cycle(_LEADS), strict=False):
        ax.fill_between(x, line - _SURE * spread, line + _SURE * spread, color=colour, alpha=0.25, linewidth=0)
        ax.plot(x, line, color=colour, linewidth=1.2, label=word)
    ax.axhline(0, color="0.3", linewidth=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set(ylabel="difference", title=f"{panels.difference_title}, with two standard errors")
    if len(mean) > 1:
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)


def _images(panels: _Panels, scale: ColourScale, label: str, aspect: Aspect) -> Figure:
    count = len(panels.maps) + (panels.difference is not None)
    across = min(count, _ACROSS)
    down = -(-count // across)
    height, width = panels.maps[0].shape
    tall = np.clip(height / width * (aspect if isinstance(aspect, int | float) else 1.0), 0.3, 2.0)
    size = (_PANEL * across + 1.2, (_PANEL * float(tall) + 0.5) * down)
    fig, grid = new_subplots(down, across, figsize=size, squeeze=False, layout="compressed")
    panes: list[Axes] = list(grid.ravel())
    for ax in panes:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_visible(False)
    for ax, values, title in zip(panes, panels.maps, panels.titles, strict=False):
        drawn = _heat(ax, values, title, scale, aspect)
    add_colour_bar(drawn, panes[: len(panels.maps)], scale, label)
    if panels.difference is not None and panels.difference_scale is not None:
        ax, apart = panes[len(panels.maps)], panels.difference_scale
        add_colour_bar(
            _heat(ax, panels.difference.mean, panels.difference_title, apart, aspect), ax, apart, "difference"
        )
    return fig


def _heat(ax: Axes, values: Floats, title: str, scale: ColourScale, aspect: Aspect) -> AxesImage:
    ax.set_visible(True)
    ax.set_title(title)
    return ax.imshow(values, cmap=scale.colormap, norm=scale.norm(), aspect=aspect, interpolation="nearest")
