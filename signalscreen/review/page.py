"""The page of ``signalscreen review``: HTML that holds Bokeh figures, which our own modules fill with tiles.

There is no Bokeh server: a figure is put into the page once, empty, and the ES modules in ``static/`` write
typed arrays into its sources at every zoom, straight from the memory-mapped pyramid. Nothing is asked of any
other machine: Bokeh's JavaScript is in the page.
"""

import html
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from string import Template
from typing import Any
from urllib.parse import urlencode

from signalscreen.review.answers import json_bytes

COLOUR_STEPS = 20
"""A line has this many colours on each side of zero; see `signed_palette`."""

_LEFT, _RIGHT = 112, 26  # pixels beside every frame, so that all panels share one time axis
_INK, _FAINT, _GRID = "#22272e", "#5c6570", "#e4e7eb"
_FONT = "system-ui, sans-serif"
_VERDICT_ROW = (0.04, 0.38)  # of the lane of marks, whose height is 1

MODULES = (
    *("main", "http", "tiles", "detail", "colour", "time", "view", "drawing", "panels", "signal", "track", "lane"),
    *("overview", "windows", "list", "verdicts", "gestures", "keys", "dialogs", "actions", "header", "keeping"),
    *("records", "chooser", "target", "meaning", "steps", "undo", "spans", "pinch", "readout"),
    *("progress", "rescue", "offer"),
)
"""The page's own modules in ``static/``; all are fetched at once."""


def page_html(info: Mapping[str, Any], static_prefix: str = "static/") -> str:
    """Return the review page of one record.

    Parameters
    ----------
    info : mapping
        What ``/api/info`` gives for the record: leads with names, units and limits, classes, methods, levels.
        It is put into the page, which so needs no round trip before it asks for the first tile.
    static_prefix : str
        Where the page's own modules and style sheet are found, relative to the page.

    Returns
    -------
    str
        One HTML document. Bokeh's JavaScript is inline; the only addresses in it begin with `static_prefix`.

    Examples
    --------
    >>> lead = {"name": "MLII", "units": "mV", "low": -1.0, "high": 2.0}
    >>> page = page_html({"record": "119", "source": "mitdb/119", "leads": [lead], "threshold": 0.5})
    >>> page.startswith("<!DOCTYPE html>"), "http://" in page.split("<script")[0]
    (True, False)
    """
    given = {
        "info": json.loads(json_bytes(dict(info))),
        "figures": _figures(len(info["leads"]), info.get("threshold")),
        "palette": signed_palette(),
        "frame": [_LEFT, _RIGHT],
    }
    title = info.get("record") or info.get("source") or "recording"
    return _template().substitute(
        title=html.escape(str(title)),
        card=_card(info),
        bokeh=_bokeh_js(),
        given=json.dumps(given, allow_nan=False).replace("<", "\\u003c"),
        static=html.escape(static_prefix),
        preloads="\n".join(
            f'<link rel="modulepreload" href="{html.escape(static_prefix)}{name}.js">' for name in MODULES
        ),
    )


def signed_palette(steps: int = COLOUR_STEPS) -> list[str]:
    """Return the colours of -steps ... 0 ... steps on the map of `signalscreen.plot` (blue lowers, grey is 0).

    Examples
    --------
    >>> signed_palette(1)
    ['#04347f', '#888888', '#7d0f00']
    """
    from matplotlib.colors import to_hex

    from ..plot.colour import SIGNED

    return [to_hex(SIGNED((step + steps) / (2 * steps))) for step in range(-steps, steps + 1)]


def _figures(leads: int, threshold: float | None) -> dict[str, Any]:
    """Return all figures as Bokeh embeds them. They are alike in all records: to make one takes Bokeh 0.1 s."""
    return {
        "leads": [_lead_item(index) for index in range(leads)],
        "lane": _item("lane"),
        "track": _item("track", threshold),
        "overview": _item("overview"),
    }


@lru_cache(16)  # thresholds may differ
def _item(name: str, *given: Any) -> Any:
    """Return a figure as Bokeh embeds it."""
    # Imported here: only the page needs Bokeh, which takes a second.
    from bokeh.embed import json_item

    figures: dict[str, Callable[..., Any]] = {
        "lead": lead_figure,
        "lane": lane_figure,
        "track": track_figure,
        "overview": overview_figure,
    }
    return json_item(figures[name](*given))


@cache
def _lead_item(index: int) -> Any:
    """Return the panel of one lead: what all are made from, its models' ids made its own."""
    return json.loads(re.sub(r'"(p\d+)"', rf'"\1-{index}"', json.dumps(_item("lead"))))


def lead_figure() -> Any:
    """Return the empty panel of a lead: the page sets y to the lead's limits, in its units."""
    plot = _figure("lead", 90, (0.0, 1.0))
    _strips(plot, ("bad", "spans", "current", "selection"))
    palette = signed_palette()
    # Weak colours are drawn first, so that a strong one is never hidden; what was not explained lies below all.
    order = [COLOUR_STEPS] + [COLOUR_STEPS + s * k for k in range(1, COLOUR_STEPS + 1) for s in (1, -1)]
    colours = [_INK] + [palette[i] for i in order]
    widths = [0.9] + [1.7] * len(order)
    plot.multi_line(
        *("xs", "ys"),
        source=_source("line", xs=[[]] * len(colours), ys=[[]] * len(colours), color=colours, width=widths),
        line_color="color",
        line_width="width",
        line_join="round",
        line_cap="round",
    )
    plot.yaxis.ticker.desired_num_ticks = 3
    plot.yaxis.ticker.num_minor_ticks = 0
    plot.yaxis.name = "value"
    return plot


def lane_figure() -> Any:
    """Return the lane above the signal: annotations and R peaks in one row, verdicts in the other."""
    plot = _figure("lane", 56, (0.0, 1.0))
    _strips(plot, ("current", "selection"))
    plot.quad(
        *("left", "right"),
        *_VERDICT_ROW,
        source=_source("verdicts", left=[], right=[], color=[], edge=[], hatch=[]),
        fill_color="color",
        line_color="edge",
        hatch_pattern="hatch",
        hatch_color="white",
        hatch_alpha=0.35,  # words are written over it
    )
    words = {"text_baseline": "middle", "text_font": {"value": _FONT}, "text_font_size": "11px"}
    plot.text(
        *("x", "y", "text"),
        source=_source("words", x=[], y=[], text=[], color=[], align=[]),
        text_color="color",
        text_align="align",
        **words,
    )
    plot.segment(*("x", "y0", "x", "y1"), source=_source("ticks", x=[], y0=[], y1=[], color=[]), line_color="color")
    plot.yaxis.visible = plot.ygrid.visible = False
    return plot


def track_figure(threshold: float | None) -> Any:
    """Return the track of the class probabilities, with the threshold and the time axis."""
    from bokeh.models import Span

    plot = _figure("track", 132, (-0.03, 1.03), time_axis=True)
    _strips(plot, ("spans", "current", "selection"))
    if threshold is not None:
        plot.add_layout(Span(location=threshold, dimension="width", line_dash=[5, 4], line_color=_FAINT))
    plot.multi_line(
        *("xs", "ys"),
        source=_source("line", xs=[], ys=[], color=[], width=[]),
        line_color="color",
        line_width="width",
        line_join="bevel",
    )
    _fixed_ticks(plot.yaxis[0], [0, 0.5, 1])
    plot.ygrid.ticker = plot.yaxis[0].ticker
    return plot


def overview_figure() -> Any:
    """Return the strip of the whole recording: strength of the attribution, P(alarm), flags and verdicts."""
    plot = _figure("overview", 92, (0.0, 1.0), time_axis=True)
    plot.quad(
        *("left", "right", "bottom", "top"),
        source=_source("bars", left=[], right=[], bottom=[], top=[], color=[]),
        fill_color="color",
        line_color=None,
    )
    view = _source("view", left=[], right=[])
    plot.quad(
        *("left", "right", 0, 1),
        source=view,
        fill_color="#2456c7",
        fill_alpha=0.12,
        line_color="#17398a",
        line_width=2,
    )
    _fixed_ticks(plot.yaxis[0], [])
    plot.grid.visible = False
    return plot


def _card(info: Mapping[str, Any]) -> str:
    """Return a link to what was measured of the model, where that is known."""
    if not info.get("has_card"):
        return ""
    record = f"?{urlencode({'record': info['record']})}" if info.get("record") else ""
    words = html.escape(f"What was measured of {info.get('model') or 'the model'}")
    address = html.escape(f"card{record}")
    return f'<a id="card" href="{address}" target="_blank" rel="noopener" title="{words}">Model card</a>'


def _figure(name: str, height: int, limits: tuple[float, float], time_axis: bool = False) -> Any:
    """Return an empty figure without tools: zooming and panning are ours, in time only."""
    from bokeh.models import FixedTicker, Range1d
    from bokeh.plotting import figure

    plot = figure(
        name=name,
        height=height,
        sizing_mode="stretch_width",
        tools="",
        toolbar_location=None,
        x_range=Range1d(0, 1, name="x"),
        y_range=Range1d(*limits),
        min_border_left=_LEFT,
        min_border_right=_RIGHT,
        min_border_top=3,
        min_border_bottom=26 if time_axis else 3,
        outline_line_color="#c9ced6",
        background_fill_color=None,
        border_fill_color=None,
        lod_threshold=None,
    )
    plot.toolbar.logo = None
    plot.xaxis.ticker = FixedTicker(ticks=[], minor_ticks=[])
    plot.xgrid.ticker = plot.xaxis[0].ticker
    plot.xaxis.name = "time"
    plot.xaxis.visible = time_axis
    plot.grid.grid_line_color = _GRID
    plot.axis.axis_line_color = None
    plot.axis.major_tick_line_color = "#9aa3ad"
    plot.axis.minor_tick_line_color = None
    plot.axis.major_label_text_font = _FONT
    plot.axis.major_label_text_font_size = "11px"
    plot.axis.major_label_text_color = _FAINT
    return plot


def _strips(plot: Any, names: Sequence[str]) -> None:
    """Add spans of time over the whole height, below what is drawn after them."""
    for name in names:
        source = _source(name, x0=[], x1=[], fill=[], edge=[], alpha=[])
        plot.vstrip(
            *("x0", "x1"), source=source, fill_color="fill", line_color="edge", fill_alpha="alpha", line_alpha=0.8
        )


def _fixed_ticks(axis: Any, ticks: list[float]) -> None:
    """Give an axis these ticks and no others."""
    from bokeh.models import FixedTicker

    axis.ticker = FixedTicker(ticks=ticks, minor_ticks=[])


def _source(name: str, **columns: list[Any]) -> Any:
    """Return a named source, which the page's modules find and fill."""
    from bokeh.models import ColumnDataSource

    return ColumnDataSource(name=name, data=columns)


@cache
def _bokeh_js() -> str:
    """Return BokehJS without the parts we do not use (WebGL, widgets, tables, formulas)."""
    from bokeh.resources import Resources

    return str(Resources(mode="inline", components=["bokeh"], log_level="error").render_js())


@cache
def _template() -> Template:
    """Return the page's skeleton."""
    return Template((files(__package__) / "static" / "page.html").read_text(encoding="utf-8"))
