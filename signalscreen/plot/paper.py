"""ECG paper: small boxes of 0.04 s by 0.1 mV, large ones of 0.2 s by 0.5 mV, at 25 mm/s and 10 mm/mV where true."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist, allow_rasterization
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.collections import LineCollection

from ..errors import OptionError

SMALL_BOX = (0.04, 0.1)  # seconds, millivolts
LARGE_BOX = (0.2, 0.5)
MM = 1 / 25.4  # inches
PER_SECOND, PER_MILLIVOLT = 25 * MM, 10 * MM
SECONDS_PER_MILLIVOLT = PER_MILLIVOLT / PER_SECOND  # of the same length on paper

_SMALL: dict[str, Any] = {"colors": "#f9e3de", "linewidths": 0.5}
_LARGE: dict[str, Any] = {"colors": "#f0c4ba", "linewidths": 0.8}
_LOWEST_STRIP = 1.0  # inches, below which boxes are not made square
_LEAST_MILLIVOLTS = 2.0  # that a strip of true size shows
_CLOSEST = 3.0  # pixels between lines below which a grid is only a tint, and is left out
_EXACT = 0.005  # relative: a quarter of a millimetre of five centimetres


class Strip(NamedTuple):
    """Width and height of what axes show, in inches of ECG paper."""

    width: float
    height: float


def check_paper(fs: float | None, units: Sequence[str]) -> None:
    """Raise `OptionError` unless the signal is in seconds and millivolts."""
    if fs is None or set(units) != {"mV"}:
        raise OptionError(
            f"paper=True draws boxes of seconds and millivolts, but fs is {fs} and units are {list(units)}; "
            "give fs in Hz, y in millivolts and units='mV'"
        )


def true_strip(ax: Axes, most: tuple[float, float]) -> Strip | None:
    """The size at which the axes are at 25 mm/s and 10 mm/mV; None where that is over `most`.

    A low signal gets limits 2 mV apart.
    """
    low, high = ax.get_ylim()
    more = max(0.0, _LEAST_MILLIVOLTS - (high - low)) / 2
    strip = Strip(float(np.ptp(ax.get_xlim())) * PER_SECOND, (high - low + 2 * more) * PER_MILLIVOLT)
    if strip.width > most[0] or strip.height > most[1]:
        return None
    ax.set_ylim(low - more, high + more)
    return strip


def draw_paper(ax: Axes, square: bool) -> None:
    """Lay ECG paper under the axes.

    Boxes are square where `square`, or where that leaves the strip a size to be read at. The label of the time axis
    says the speed, or the size of the boxes, as they are when the figure is drawn.
    """
    height = np.ptp(ax.get_ylim()) / np.ptp(ax.get_xlim()) * SECONDS_PER_MILLIVOLT * ax.bbox.width
    if square or _LOWEST_STRIP * ax.figure.dpi <= height <= 2 * ax.bbox.height:
        ax.set_aspect(SECONDS_PER_MILLIVOLT, adjustable="box")
        ax.apply_aspect()
    PaperGrid(ax)


class PaperGrid(Artist):
    """The lines of ECG paper behind an axes in seconds and millivolts, for whatever part of it is shown."""

    def __init__(self, ax: Axes) -> None:
        super().__init__()
        self.set_zorder(0)
        self._ax = ax
        self._time = self._written = ax.get_xlabel()
        ax.add_artist(self)
        self._say()

    @allow_rasterization  # type: ignore[untyped-decorator]
    def draw(self, renderer: RendererBase) -> None:
        """Draw the lines that are far enough apart to be seen as lines, and say how far apart they are."""
        if not self.get_visible():
            return
        self._say()  # the axes draw it after this
        for box, look in ((SMALL_BOX, _SMALL), (LARGE_BOX, _LARGE)):
            lines = LineCollection(self._across(box[0]) + self._up(box[1]), transform=self._ax.transData, **look)
            lines.set_figure(self._ax.figure)
            lines.axes = self._ax
            lines.set_clip_path(self._ax.patch)
            lines.draw(renderer)
        self.stale = False

    def _say(self) -> None:
        """Write what is true at this size, unless somebody has written another label."""
        if self._ax.get_xlabel() != self._written:
            return
        words = f"{self._time}{self._words()}"
        if words != self._written:
            self._ax.set_xlabel(words)
            self._written = words

    def _words(self) -> str:
        """The speed and gain of ECG paper where they are true, else what the large lines stand for."""
        if self._is_true():
            return " at 25 mm/s, 10 mm/mV"
        across, up = bool(self._across(LARGE_BOX[0])), bool(self._up(LARGE_BOX[1]))
        if across and up:
            return f", boxes of {LARGE_BOX[0]:g} s × {LARGE_BOX[1]:g} mV"
        return f", lines every {LARGE_BOX[0]:g} s" if across else f", lines every {LARGE_BOX[1]:g} mV" if up else ""

    def _is_true(self) -> bool:
        width, height = self._inches()
        seconds, millivolts = np.ptp(self._ax.get_xlim()), np.ptp(self._ax.get_ylim())
        true = (seconds * PER_SECOND, millivolts * PER_MILLIVOLT)
        return bool(np.allclose((width, height), true, rtol=_EXACT, atol=0))

    def _inches(self) -> tuple[float, float]:
        dpi = self._ax.figure.dpi
        return self._ax.bbox.width / dpi, self._ax.bbox.height / dpi

    def _across(self, step: float) -> list[list[tuple[float, float]]]:
        """The vertical lines; none where they would lie too close."""
        left, right = sorted(self._ax.get_xlim())
        bottom, top = self._ax.get_ylim()
        if step / (right - left) * self._ax.bbox.width < _CLOSEST:
            return []
        return [[(x, bottom), (x, top)] for x in np.arange(np.ceil(left / step), right / step) * step]

    def _up(self, step: float) -> list[list[tuple[float, float]]]:
        """The horizontal lines; none where they would lie too close."""
        bottom, top = sorted(self._ax.get_ylim())
        left, right = self._ax.get_xlim()
        if step / (top - bottom) * self._ax.bbox.height < _CLOSEST:
            return []
        return [[(left, y), (right, y)] for y in np.arange(np.ceil(bottom / step), top / step) * step]
