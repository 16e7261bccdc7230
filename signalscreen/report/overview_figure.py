"""A whole recording at a glance: probability, flagged spans, strength of the attribution, bad signal, verdicts."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from signalscreen.exports.part import Part
from signalscreen.exports.spans import FlaggedSpan
from signalscreen.report.columns import Columns
from signalscreen.report.svg import WIDTH, look, short, svg_of
from signalscreen.report.times import ticks
from signalscreen.verdicts import VERDICTS, Verdict

# Those of the review page.
ALARM = "#a4133c"
COLOURS = dict(zip(VERDICTS, ("#1b7837", "#762a83", "#8c510a", "#5c6570", "#01665e"), strict=True))
STRENGTH = LinearSegmentedColormap.from_list("strength", ["#e9ecf0", "#3b0f70"])
BAD = LinearSegmentedColormap.from_list("bad", ["#f6f7f9", "#22272e"])
_TICKS = 12
_ROW, _HIGH = 0.19, 0.85  # inches: of a lead in a strip, of the probability
_GAP, _AROUND = 0.16, 0.56
_MISSING = "#f6f7f9"


def overview_svg(
    part: Part,
    columns: Columns,
    spans: Sequence[FlaggedSpan],
    verdicts: Sequence[Verdict],
    method: str | None,
    title: str,
    salt: str,
) -> str:
    """Draw all strips on one clock."""
    leads = [short(name) for name in part.leads]
    kinds = [kind for kind in VERDICTS if any(one.verdict == kind for one in verdicts)]
    together = all(one.lead < 0 for one in spans)
    strips: list[tuple[str, list[str]]] = [("value", [""])]
    if part.alarm >= 0:
        strips.append(("flagged", ["all"] if together else leads))
    if method is not None:
        strips.append(("strength", leads))
    strips += [("bad", leads)] + ([("verdicts", kinds)] if kinds else [])
    heights = [_HIGH if name == "value" else max(_ROW * len(rows), 0.26) for name, rows in strips]
    with look(salt):
        figure = Figure(figsize=(WIDTH, sum(heights) + _GAP * (len(heights) - 1) + _AROUND))
        axes = _axes(figure, heights)
        for ax, (name, rows) in zip(axes, strips, strict=True):
            if name == "value":
                _draw_value(ax, part, columns)
                continue
            _rows(ax, rows)
            if name == "flagged":
                _bars(ax, [(one.start, one.stop, 0 if together else one.lead, ALARM) for one in spans], part)
                _name(ax, "flagged")
            elif name == "verdicts":
                given = [(v.start, v.stop, kinds.index(v.verdict), COLOURS[v.verdict]) for v in verdicts]
                _bars(ax, [(a - part.first, b - part.first, row, colour) for a, b, row, colour in given], part)
                _name(ax, "verdicts")
            else:
                _draw_strip(ax, name, columns)
        _draw_time(axes, part, columns)
        return svg_of(figure, title)


def _axes(figure: Figure, heights: Sequence[float]) -> list[Axes]:
    width, height = figure.get_size_inches()
    left, top = 1.75, height - 0.06
    axes: list[Axes] = []
    for one in heights:
        top -= one
        place = (left / width, top / height, 1 - (left + 0.4) / width, one / height)
        axes.append(figure.add_axes(place, sharex=axes[0] if axes else None))
        top -= _GAP
    return axes


def _draw_value(ax: Axes, part: Part, columns: Columns) -> None:
    """The highest probability in each column, or score, and the threshold."""
    value = np.append(columns.value, columns.value[-1:])
    low = 0.0 if part.alarm >= 0 else float(np.nanmin(np.append(columns.value, 0.0)))
    ax.fill_between(columns.edges, low, value, step="post", color=ALARM, alpha=0.25, linewidth=0)
    ax.step(columns.edges, value, where="post", color=ALARM, linewidth=0.8)
    if part.alarm >= 0:
        ax.axhline(float(part.group.attrs["threshold"]), color="#57606a", linewidth=0.8, linestyle=(0, (4, 3)))
        ax.set_ylim(0, 1.03)
        ax.set_yticks([0, 0.5, 1])
        _name(ax, f"P({short(part.classes[part.alarm])})")
    else:
        ax.margins(y=0.05)
        _name(ax, "score")
    ax.spines[["top", "right"]].set_visible(False)


def _draw_strip(ax: Axes, name: str, columns: Columns) -> None:
    values = columns.strength if name == "strength" else columns.bad
    top = np.nanmax(np.append(values, 0.0)) if name == "strength" else 1.0
    shown = np.ma.masked_invalid(values)
    colours = STRENGTH if name == "strength" else BAD
    ax.imshow(
        shown,
        aspect="auto",
        interpolation="nearest",
        cmap=colours.with_extremes(bad=_MISSING),
        vmin=0,
        vmax=top or 1.0,
        extent=(columns.edges[0], columns.edges[-1], len(values) - 0.5, -0.5),
    )
    _name(ax, "attribution" if name == "strength" else "bad signal")


def _rows(ax: Axes, names: Sequence[str]) -> None:
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", length=0)
    ax.set_facecolor(_MISSING)
    ax.spines[:].set_visible(False)


def _bars(ax: Axes, spans: Sequence[tuple[int, int, int, str]], part: Part) -> None:
    """Spans as bars in their rows; the shortest is a pixel wide, so that none is lost."""
    least = part.samples / part.fs / 900
    for start, stop, row, colour in spans:
        wide = max((stop - start) / part.fs, least)
        ax.broken_barh([(part.start + start / part.fs, wide)], (row - 0.36, 0.72), color=colour, linewidth=0)


def _name(ax: Axes, text: str) -> None:
    """What a strip shows, at the left of the page."""
    ax.annotate(text, (0, 0.5), (2, 0), ("figure fraction", "axes fraction"), "offset points", va="center")


def _draw_time(axes: Sequence[Axes], part: Part, columns: Columns) -> None:
    """One clock for all strips, written below the last."""
    first, last = float(columns.edges[0]), float(columns.edges[-1])
    for ax in axes:
        ax.set_xlim(first, last)
        ax.tick_params(axis="x", labelbottom=ax is axes[-1], length=3 if ax is axes[-1] else 0)
    axes[-1].set_xticks(*ticks(part, first, last, _TICKS))
    axes[-1].set_xlabel("time of day" if part.began else "time from the beginning of the record (h:mm:ss)")
