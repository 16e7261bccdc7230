"""One figure per method: the signal coloured by its attribution."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from signalscreen.output import atomically
from signalscreen.recording import Annotation
from signalscreen.results import Result

FORMATS = ("png", "svg", "pdf")
_WIDTH, _HEAD, _LEAD, _MOST = 14.0, 1.6, 2.4, 40.0  # inches
_MOST_MARKS = 80


def save_figure(result: Result, path: Path, dpi: int) -> None:
    """Draw a result and write it as PNG, SVG or PDF, by the path's ending.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    from signalscreen.plot import plot_with_gradient
    from signalscreen.plot.figures import SignalFigure

    recording = result.recording
    height = min(_HEAD + _LEAD * len(recording.names), _MOST)
    figure = SignalFigure(figsize=(_WIDTH, height), layout="constrained")
    ax = figure.subplots()
    place = {"fs": None} if recording.fs is None else {"x": recording.time}
    plot_with_gradient(
        recording.signal,
        result.attribution,
        ax=ax,
        units=recording.units,
        names=recording.names,
        title=_title(result),
        annotations=_marks(recording.annotations),
        color_label=f"{result.method} ({result.score})",
        **place,
    )
    if recording.fs is not None:
        ax.set_xlabel("Time (s)")
    with atomically(path) as part:
        figure.savefig(part, format=path.suffix[1:], dpi=dpi)


def _title(result: Result) -> str:
    target = "the highest score of each window" if result.target == "None" else f"target {result.target}"
    unexplained = np.isnan(result.attribution).reshape(len(result.recording), -1).any(axis=1)
    thin = unexplained & np.isfinite(result.recording.signal).any(axis=1)
    note = " (thin: not explained, in windows with a gap)" if thin.any() else ""
    return f"{result.recording.source}: {result.method}, {target}{note}"


def _marks(annotations: Sequence[Annotation]) -> Sequence[Annotation]:
    """All of them while there is room, else those with a note (rhythm changes), else none: never some of many."""
    noted = [a for a in annotations if a.note]
    return next((some for some in (annotations, noted) if len(some) <= _MOST_MARKS), [])
