"""A window of a recording, its leads stacked and coloured by attribution."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from signalscreen.plot import plot_with_gradient
from signalscreen.recording.signals import Annotation, annotations_between
from signalscreen.report.svg import WIDTH, look, svg_of, words
from signalscreen.report.worst import Worst

_PERCENTILE = 99.5  # of the absolute attribution is the end of the colours: single spikes must not grey all else
_LEAD, _AROUND = 0.85, 0.95  # inches


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
    with look(salt):
        figure = Figure(figsize=(WIDTH, _AROUND + _LEAD * max(len(part.leads), 1.5)))
        ax = figure.add_axes(_box(figure, part.leads))
        plot_with_gradient(
            excerpt.signal,
            excerpt.attribution,
            ax,
            x=seconds,
            names=[words(name) for name in part.leads],
            units=[words(unit) for unit in part.units],
            limits=(-limit, limit) if limit > 0 else (-1, 1),
            color_bar=limit > 0,
            color_label=f"attribution ({units})\n← lowers   raises →",
            linewidth=1.3,
            annotations=_marks(one),
        )
        ax.set_xlim(seconds[0], seconds[-1])
        ax.set_xlabel("seconds of the record")
        ax.ticklabel_format(axis="x", useOffset=False, style="plain")
        ax.spines[["top", "right", "left"]].set_visible(False)
        return svg_of(figure, title)


def _box(figure: Figure, leads: Sequence[str]) -> Any:
    """Where the axes lie: all windows alike, so that one can be compared with the next."""
    width, height = figure.get_size_inches()
    left = 0.3 + 0.085 * min(max(map(len, leads)), 14)
    return (left / width, 0.5 / height, 1 - (left + 0.1) / width, 1 - 0.8 / height)


def _marks(one: Worst) -> list[Annotation]:
    found = annotations_between(one.part.annotations, one.start, one.stop)
    return [replace(mark, symbol=words(mark.symbol), note=words(mark.note)) for mark in found]
