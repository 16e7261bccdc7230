"""The coloured line itself: an artist that decides what to draw only when its size in pixels is known."""

from typing import Any

import numpy as np
from matplotlib.artist import allow_rasterization
from matplotlib.backend_bases import RendererBase
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.path import Path
from matplotlib.transforms import Bbox, Transform
from numpy.typing import NDArray

from .decimate import visible_segments

_THIN, _THINNEST = 0.35, 0.6  # of the width, and in points: where there is no value
_PATH_SEGMENTS = 500  # Agg refuses a path that crosses too many pixels; longer ones are drawn in parts


class AttributionLine(LineCollection):
    """A line through T points whose T - 1 segments are coloured by T - 1 values.

    To read it is to read a ``LineCollection``: ``get_segments()`` and ``get_array()`` hold every segment and
    value in the order of time. To draw it, the segments that cannot be seen at this size, zoom and
    resolution are left out, strong values lie over weak ones, and segments of one colour form one path:
    100,000 samples draw, and save as SVG or PDF, like a few thousand.

    Parameters
    ----------
    x, y : (T,) array
        The points, in data units; NaN is a gap.
    values : (T - 1,) array
        What colours the segments; NaN is drawn thin, in the colour map's colour for bad values.
    **properties
        As for `matplotlib.collections.LineCollection`.
    """

    def __init__(
        self, x: NDArray[np.float64], y: NDArray[np.float64], values: NDArray[np.float64], **properties: Any
    ) -> None:
        self._points = np.column_stack([x, y])
        super().__init__([], array=values, capstyle="round", joinstyle="round", **properties)

    def get_segments(self) -> list[NDArray[np.float64]]:
        """Return all T - 1 segments, each a (2, 2) array of points."""
        return list(np.stack([self._points[:-1], self._points[1:]], axis=1))

    def get_paths(self) -> list[Path]:
        """Return all T - 1 segments as paths."""
        return [Path(segment) for segment in self.get_segments()]

    def get_datalim(self, transData: Transform) -> Bbox:  # noqa: N803 (matplotlib's name)
        """Return the box around the points, gaps left out."""
        points = self._points[np.isfinite(self._points).all(axis=1)]
        box = Bbox.null()
        if len(points):
            box.update_from_data_xy((self.get_transform() - transData).transform(points))
        return box

    @allow_rasterization  # type: ignore[untyped-decorator]
    def draw(self, renderer: RendererBase) -> None:
        """Draw what can be seen."""
        if not self.get_visible() or self.axes is None:
            return
        points = self.get_transform().transform(self._points)
        values: NDArray[np.float64] = np.ma.filled(np.ma.asarray(self.get_array(), float), np.nan)
        stroke = np.asarray(renderer.points_to_pixels(self.stroke), np.float64).item()
        left, bottom, right, top = (self.get_clip_box() or self.axes.bbox).extents
        box = (left - stroke, bottom, right + stroke, top)
        shown = visible_segments(points, np.abs(values), box, cell=max(1.0, stroke / 4))
        paths, colours, known = self._paths_by_colour(shown, values)
        pen = PathCollection(
            paths,
            facecolors="none",
            edgecolors=colours,
            linewidths=[self.stroke if one else self._thin for one in known],
            capstyle="round",
            joinstyle="round",
            transform=self.get_transform(),
            path_effects=self.get_path_effects(),
            gid=self.get_gid(),
        )
        pen.set_figure(self.axes.figure)
        pen.axes = self.axes
        pen.set_clip_box(self.get_clip_box())
        pen.set_clip_path(self.get_clip_path())
        pen.draw(renderer)
        self.stale = False

    @property
    def stroke(self) -> float:
        """Width of the line in points."""
        widths: NDArray[np.float64] = np.asarray(self.get_linewidth(), np.float64)
        return float(widths.max())

    @property
    def _thin(self) -> float:
        """Width where there is no value, in points."""
        return min(self.stroke, max(_THIN * self.stroke, _THINNEST))

    def _paths_by_colour(
        self, shown: NDArray[np.intp], values: NDArray[np.float64]
    ) -> tuple[list[Path], list[NDArray[np.float64]], list[bool]]:
        """Gather segments of one colour into compound paths, in the order of each colour's first use.

        Also returns whether their values are known.
        """
        rgba = np.atleast_2d(self.to_rgba(values[shown], alpha=self.get_alpha(), bytes=True))
        _, first, colour = np.unique(rgba, axis=0, return_index=True, return_inverse=True)
        paths: list[Path] = []
        colours, known = [], []
        for this in np.argsort(first):
            segments = np.sort(shown[colour.ravel() == this])
            for part in np.array_split(segments, len(segments) // _PATH_SEGMENTS + 1):
                paths.append(self._compound_path(part))
                colours.append(rgba[first[this]] / 255)
                known.append(bool(np.isfinite(values[part]).any()))
        return paths, colours, known

    def _compound_path(self, segments: NDArray[np.intp]) -> Path:
        """Join segments that follow each other; lift the pen elsewhere."""
        starts = np.flatnonzero(np.diff(segments, prepend=-2) != 1)
        index = np.insert(segments + 1, starts, segments[starts])
        codes = np.full(len(index), Path.LINETO, Path.code_type)
        codes[starts + np.arange(len(starts))] = Path.MOVETO
        return Path(self._points[index], codes)
