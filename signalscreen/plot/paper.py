"""The grid of ECG paper: 25 mm/s and 10 mm/mV, so that a small box is 0.04 s by 0.1 mV."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist, allow_rasterization
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.collections import LineCollection

from ..errors import OptionError

SMALL_BOX = (0.04, 0.1)  # seconds, millivolts
LARGE_BOX = (0.2, 0.5)
SECONDS_PER_MILLIVOLT = 0.4  # of the same length on paper: 10 mm

_SMALL: dict[str, Any] = {"colors": "#f9e3de", "linewidths": 0.5}
_LARGE: dict[str, Any] = {"colors": "#f0c4ba", "linewidths": 0.8}
_LOWEST_STRIP = 1.0  # inches
_CLOSEST = 4.0  # pixels between lines below which a grid is only a tint, and is left out


def check_paper(fs: float | None, units: Sequence[str]) -> None:
    """Raise `OptionError` unless the signal is in seconds and millivolts."""
    if fs is None or set(units) != {"mV"}:
        raise OptionError(
            f"paper=True draws boxes of seconds and millivolts, but fs is {fs} and units are {list(units)}; "
            "give fs in Hz, y in millivolts and units='mV'"
        )


def draw_paper(ax: Axes) -> None:
    """Lay ECG paper under the axes, with square boxes where that leaves the strip a size to be read at."""
    PaperGrid(ax)
    height = np.ptp(ax.get_ylim()) / np.ptp(ax.get_xlim()) * SECONDS_PER_MILLIVOLT * ax.bbox.width
    if _LOWEST_STRIP * ax.figure.dpi <= height <= 2 * ax.bbox.height:
        ax.set_aspect(SECONDS_PER_MILLIVOLT, adjustable="box")
        ax.apply_aspect()
        ax.set_xlabel(f"{ax.get_xlabel()} at 25 mm/s, 10 mm/mV")
    else:
        ax.set_xlabel(f"{ax.get_xlabel()}, boxes of {LARGE_BOX[0]:g} s × {LARGE_BOX[1]:g} mV")


class PaperGrid(Artist):
    """The lines of ECG paper behind an axes in seconds and millivolts, for whatever part of it is shown."""

    def __init__(self, ax: Axes) -> None:
        super().__init__()
        self.set_zorder(0)
        self._ax = ax
        ax.add_artist(self)

    @allow_rasterization  # type: ignore[untyped-decorator]
    def draw(self, renderer: RendererBase) -> None:
        """Draw the lines that are far enough apart to be seen as lines."""
        if not self.get_visible():
            return
        for box, look in ((SMALL_BOX, _SMALL), (LARGE_BOX, _LARGE)):
            lines = LineCollection(list(self._lines(box)), transform=self._ax.transData, **look)
            lines.set_figure(self._ax.figure)
            lines.axes = self._ax
            lines.set_clip_path(self._ax.patch)
            lines.draw(renderer)
        self.stale = False

    def _lines(self, box: tuple[float, float]) -> Iterator[list[tuple[float, float]]]:
        """Yield the vertical, then the horizontal lines of boxes of this size in the axes' limits."""
        ax = self._ax
        (left, right), (bottom, top) = sorted(ax.get_xlim()), sorted(ax.get_ylim())
        if box[0] / (right - left) * ax.bbox.width >= _CLOSEST:
            for x in np.arange(np.ceil(left / box[0]), right / box[0]) * box[0]:
                yield [(x, bottom), (x, top)]
        if box[1] / (top - bottom) * ax.bbox.height >= _CLOSEST:
            for y in np.arange(np.ceil(bottom / box[1]), top / box[1]) * box[1]:
                yield [(left, y), (right, y)]
