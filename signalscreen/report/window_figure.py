"""A window of a recording, its leads stacked and coloured by attribution."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import IdentityTransform, Transform, blended_transform_factory
from numpy.typing import NDArray

from signalscreen.plot import plot_with_gradient
from signalscreen.plot.colour import SIGNED
from signalscreen.recording.signals import Annotation, annotations_between
from signalscreen.report.svg import WIDTH, look, short, svg_of
from signalscreen.report.times import ticks
from signalscreen.report.worst import Worst

_PERCENTILE = 99.5  # of the absolute attribution is the end of the colours: single spikes must not grey all else
_TICKS = 7
_ABOVE, _BELOW, _GAP, _LEFT, _RIGHT = 0.3, 0.5, 0.12, 1.15, 1.0  # inches


@dataclass(frozen=True, eq=False)
class Excerpt:
    """What is drawn of a window.

    Attributes
    ----------
    signal, attribution : ndarray, shape (samples, leads)
        Attributions are NaN where nothing was explained, or nothing was asked for.
    """

    of: Worst
    signal: NDArray[np.float32]
    attribution: NDArray[np.float32]


def excerpt_of(one: Worst, method: str | None) -> Excerpt:
    """Read a window from its store."""
    here = slice(one.part.first + one.start, one.part.first + one.stop)
    signal = np.asarray(one.part.group["signal"][here])
    if method is None:
        return Excerpt(one, signal, np.full_like(signal, np.nan))
    return Excerpt(one, signal, np.asarray(one.part.group[f"attribution_{method}"][here]))


def shared_limit(excerpts: Sequence[Excerpt]) -> float:
    """Where the colours of all windows end, on both sides of zero; 0 where nothing was explained."""
    found = [np.abs(one.attribution[np.isfinite(one.attribution)]) for one in excerpts]
    strength = np.concatenate(found) if found else np.empty(0)
    return float(np.percentile(strength, _PERCENTILE)) if len(strength) else 0.0


def window_svg(excerpt: Excerpt, limit: float, units: str, title: str, salt: str) -> str:
    """Draw one window."""
    one, part = excerpt.of, excerpt.of.part
    if not np.isfinite(excerpt.signal).any():
        return ""
    seconds = part.start + np.arange(one.start, one.stop) / part.fs
    limits = (-limit, limit) if limit > 0 else (-1.0, 1.0)
    leads = len(part.leads)
    with look(salt):
        figure = Figure(figsize=(WIDTH, _ABOVE + _BELOW + (leads - 1) * _GAP + leads * _height(leads)))
        axes = _axes(figure, leads)
        for lead, ax in enumerate(axes):
            if not np.isfinite(excerpt.signal[:, lead]).any():
                ax.set_ylabel(f"{short(part.leads[lead])}\n(no signal)")
                continue
            plot_with_gradient(
                excerpt.signal[:, lead],
                excerpt.attribution[:, lead],
                ax,
                x=seconds,
                linewidth=1.3,
                annotations=_marks(one, written=lead == 0),
                limits=limits,
                color_bar=False,
            )
            ax.set_ylabel("\n".join(filter(None, [short(part.leads[lead]), short(part.units[lead])])))
        for ax in axes:
            ax.set_xlim(seconds[0], seconds[-1])
            ax.yaxis.set_major_locator(MaxNLocator(3 if leads <= 4 else 2))
            ax.yaxis.label.set(rotation=0, ha="left", va="center")
            ax.yaxis.set_label_coords(0.02 * figure.dpi, 0.5, transform=_from_left(ax))
            ax.spines[["top", "right", "left"]].set_visible(False)
            ax.spines["bottom"].set_visible(ax is axes[-1])
            ax.tick_params(axis="x", labelbottom=ax is axes[-1], length=3 if ax is axes[-1] else 0)
        axes[-1].set_xticks(*ticks(part, seconds[0], seconds[-1], _TICKS))
        axes[-1].set_xlabel("time of day" if part.began else "time of the record (h:mm:ss)")
        if limit > 0:
            _draw_bar(figure, axes, limits, units)
        return svg_of(figure, title)


def _height(leads: int) -> float:
    """Of each lead, in inches: many leads are lower, so that a window stays on a page."""
    return max(0.55, min(1.15, 3.2 / leads))


def _axes(figure: Figure, leads: int) -> list[Axes]:
    """One above the other, in all windows at the same place, so that one can be compared with the next."""
    width, height = figure.get_size_inches()
    top = height - _ABOVE
    axes: list[Axes] = []
    for _ in range(leads):
        top -= _height(leads)
        place = (_LEFT / width, top / height, 1 - (_LEFT + _RIGHT) / width, _height(leads) / height)
        axes.append(figure.add_axes(place, sharex=axes[0] if axes else None))
        top -= _GAP
    return axes


def _from_left(ax: Axes) -> Transform:
    """Pixels from the left of the page, parts of the axes up."""
    return blended_transform_factory(IdentityTransform(), ax.transAxes)


def _draw_bar(figure: Figure, axes: Sequence[Axes], limits: tuple[float, float], units: str) -> None:
    """The colours, as high as the leads are together but no higher than it takes to read them."""
    width, height = figure.get_size_inches()
    bottom, top = axes[-1].get_position().y0, axes[0].get_position().y1
    middle, half = (bottom + top) / 2, min(top - bottom - 0.3 / height, 2.0 / height) / 2
    place = figure.add_axes((1 - (_RIGHT - 0.22) / width, middle - half, 0.11 / width, 2 * half))
    bar = figure.colorbar(ScalarMappable(Normalize(*limits), SIGNED), cax=place, extend="both")
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_locator(MaxNLocator(4, symmetric=True))
    bar.set_label(f"attribution ({units})")
    for end, word, side, shift in ((0, "lowers", "top", -11), (1, "raises", "bottom", 11)):
        bar.ax.annotate(word, (0.5, end), (0, shift), "axes fraction", "offset points", ha="center", va=side)


def _marks(one: Worst, written: bool) -> list[Annotation]:
    """Lines through all leads, and words above the first."""
    found = annotations_between(one.part.annotations, one.start, one.stop)
    if not written:
        return [replace(mark, symbol="", note="") for mark in found]
    return [replace(mark, symbol=short(mark.symbol), note=short(mark.note)) for mark in found]
