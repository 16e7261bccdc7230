"""What others wrote about a signal - beats and intervals - behind the line and above the axes."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from matplotlib.axes import Axes

from ..errors import OptionError
from .traces import Floats

_NORMAL = frozenset({"N", "·", "."})
_ROW = 1.5  # height of a row of words, in their font size
_SPAN: dict[str, Any] = {"facecolor": "#e9d8a6", "alpha": 0.4, "edgecolor": "none"}
_BEAT: dict[str, Any] = {"colors": "0.5", "linewidths": 0.6, "linestyles": ":"}
_ORDINARY: dict[str, Any] = {"alpha": 0.6}
_UNUSUAL: dict[str, Any] = {"fontweight": "bold"}


@runtime_checkable
class Annotation(Protocol):
    """All annotations of a record, as ``wfdb.rdann`` returns them, or a single one, as in a `Recording`."""

    sample: Any
    symbol: Any


Annotations = Annotation | Iterable[Annotation | tuple[float, str] | tuple[float, float, str]]


class Marks(NamedTuple):
    """Beats and intervals; positions in samples."""

    beats: list[tuple[float, str]]
    intervals: list[tuple[float, float, str]]


def read_marks(annotations: Annotations | None) -> Marks:
    """Sort annotations into beats (sample, symbol) and intervals (start, end, label).

    Raises
    ------
    OptionError
        If an entry is neither.
    """
    marks = Marks([], [])
    if annotations is None:
        return marks
    entries = _listed(annotations) if isinstance(annotations, Annotation) else annotations
    for entry in entries if isinstance(entries, Iterable) else [entries]:
        match _as_tuple(entry):
            case (int() | float() | np.number() as start, int() | float() | np.number() as end, label):
                marks.intervals.append((float(start), float(end), str(label)))
            case (int() | float() | np.number() as sample, symbol):
                marks.beats.append((float(sample), str(symbol)))
            case _:
                raise OptionError(
                    f"annotations has {entry!r}; give (sample, symbol) for a beat, (start, end, label) for "
                    "an interval, in samples, or an object with .sample and .symbol as wfdb.rdann returns it"
                )
    return marks


def _listed(annotations: Annotation) -> list[Any]:
    """Return (sample, symbol) pairs of a record's annotations; an annotation alone is a list of one."""
    if np.ndim(annotations.sample) == 0:
        return [annotations]
    symbols = [str(symbol) for symbol in annotations.symbol]
    notes = getattr(annotations, "aux_note", None) or [""] * len(symbols)
    words = [_word(symbol, str(note)) for symbol, note in zip(symbols, notes, strict=True)]
    return list(zip(annotations.sample, words, strict=True))


def _as_tuple(entry: object) -> object:
    """Return a beat or an interval as the tuple that a caller may write."""
    if isinstance(entry, Annotation):
        word, end = _word(str(entry.symbol), str(getattr(entry, "note", ""))), getattr(entry, "end", None)
        return (entry.sample, word) if end is None else (entry.sample, end, word)
    return tuple(entry) if isinstance(entry, Sequence) else entry


def _word(symbol: str, note: str) -> str:
    """Return what is written: the symbol, but a change of rhythm, "+", or a comment by its words: "(AFIB"."""
    note = note.rstrip("\x00 ")
    return note if note and symbol in ("+", '"', "") else symbol


def draw_marks(ax: Axes, marks: Marks, x: Floats, size: float) -> None:
    """Draw intervals as a tint and beats as fine lines behind the signal, their words above the axes."""
    last, samples = len(x) - 1, np.arange(len(x))
    beats = [(float(np.interp(at, samples, x)), word) for at, word in marks.beats if 0 <= at <= last]
    spans = [
        (float(np.interp(start, samples, x)), float(np.interp(end, samples, x)), label)
        for start, end, label in marks.intervals
        if start <= last and end >= 0
    ]
    for left, right, _ in spans:
        ax.axvspan(left, right, zorder=0.2, **_SPAN)
    beats = _that_fit(ax, beats, size)
    if beats:
        ax.vlines([at for at, _ in beats], 0, 1, transform=ax.get_xaxis_transform(), zorder=0.5, **_BEAT)
    labels = _that_fit(ax, [((left + right) / 2, label) for left, right, label in spans if label], size)
    _write(ax, [beat for beat in beats if beat[1]], labels, size)


def _that_fit(ax: Axes, words: list[tuple[float, str]], size: float) -> list[tuple[float, str]]:
    """Return those words that fit side by side at their places, the unusual ones first."""
    across = ax.get_xaxis_transform()
    point = ax.figure.dpi / 72
    taken: list[tuple[float, float, int]] = []
    for index in sorted(range(len(words)), key=lambda i: words[i][1] in _NORMAL):
        at, word = words[index]
        place, half = float(across.transform((at, 1.0))[0]), (0.35 * len(word) + 0.15) * size * point
        if all(abs(place - other) >= half + other_half for other, other_half, _ in taken):
            taken.append((place, half, index))
    return [words[index] for index in sorted(index for _, _, index in taken)]


def _write(ax: Axes, beats: list[tuple[float, str]], labels: list[tuple[float, str]], size: float) -> None:
    """Write words as ticks at the top, where titles and layouts make room for them: labels above beats."""
    if not beats and not labels:
        return
    top = ax.secondary_xaxis("top")
    top.spines["top"].set_visible(False)
    top.xaxis.remove_overlapping_locs = False  # a beat in the middle of an interval hides no label
    top.tick_params(which="both", length=0, labelsize=size)
    if beats:
        top.tick_params(which="minor", pad=_ROW * size)
    top.set_xticks([at for at, _ in beats], [word for _, word in beats])
    top.set_xticks([at for at, _ in labels], [word for _, word in labels], minor=True)
    for text in (*top.get_xticklabels(), *top.get_xticklabels(minor=True)):
        text.set(**(_ORDINARY if text.get_text() in _NORMAL else _UNUSUAL))
