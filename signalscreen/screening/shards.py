"""One shard: read a stretch of the recording, score and explain its windows, write what came out.

A shard needs nothing from any other, writes whole chunks only, and says that it is done after its data are there,
so it can be done again, by anybody, at any time.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signalscreen.completeness import gap
from signalscreen.errors import (
    CompletenessWarning,
    ExaminationWarning,
    NonFiniteWarning,
    OptionError,
    ProbabilityWarning,
    silenced,
    warn,
)
from signalscreen.finiteness import not_finite
from signalscreen.methods import METHODS
from signalscreen.methods.placing import samples_covered
from signalscreen.quality import MARGIN, bad_signal
from signalscreen.recording import normalise
from signalscreen.recording.resampling import resample_with_gaps
from signalscreen.references import variants
from signalscreen.screening.following import flagged_of, unanswered_of
from signalscreen.screening.job import KIND
from signalscreen.screening.layout import Shard
from signalscreen.screening.ready import Ready
from signalscreen.screening.store import Arrays
from signalscreen.windows import cut, stitch

Array = NDArray[Any]

# Samples, at the slower of two rates, that the resampling filter reaches on either side, with room to spare.
_FILTER_REACH = 24
# Methods that need no more than dS/dx, which one pass gives beside the outputs.
_OF_THE_GRADIENT = frozenset({"saliency", "input_x_gradient"})


@dataclass
class Answer:
    """What the model made of some windows, ``(rows,)`` first; a row is a window, or a lead of one.

    `rows` are those that were run: windows without gaps.
    """

    rows: NDArray[np.bool_]
    probability: Array | None = None
    logit: Array | None = None
    score: Array | None = None
    target: Array | None = None
    flagged: NDArray[np.bool_] | None = None
    explained: NDArray[np.bool_] | None = None
    maps: dict[str, Array] = field(default_factory=dict)
    known: dict[str, Array | None] = field(default_factory=dict)
    completeness: dict[str, Array] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Material:
    """What a shard is made from.

    Attributes
    ----------
    shard : Shard
    signal : ndarray, shape (samples, leads)
        At the recording's rate, with a margin on both sides.
    first : int
        Sample of the recording that it begins with.
    rows : ndarray of float32, shape (rows, length, leads of a row)
        Windows as the model takes them.
    offset : int
        Model sample that places of windows on the timeline are counted from.
    seconds : float
        It took to read.
    """

    shard: Shard
    signal: Array
    first: int
    rows: Array
    offset: int
    seconds: float


def do_shard(ready: Ready, arrays: Arrays, number: int) -> None:
    """Read, compute and write one shard.

    Parameters
    ----------
    ready : Ready
    arrays : dict of str to zarr.Array
        Of the store, open for writing.
    number : int
        Of the shard.
    """
    material = gathered(ready, number)
    began = time.perf_counter()
    answer = answered(ready, material.rows)
    write(ready, arrays, material, answer, time.perf_counter() - began)


def gathered(ready: Ready, number: int) -> Material:
    """Read a shard's stretch of the recording, and cut its windows."""
    began = time.perf_counter()
    grid, shard = ready.grid, ready.grid.shard(number)
    reach = int(_FILTER_REACH * max(Fraction(1), 1 / grid.ratio)) + 1
    begin, end, offset = grid.slice_of(shard.needed, reach if grid.ratio != 1 else 0)
    margin = round(MARGIN * grid.fs)
    first = max(min(begin, shard.first - margin), 0)
    stop = min(max(end, shard.stop + margin), grid.samples)
    signal = ready.stream.read(first, stop)
    here = np.asarray(signal[begin - first : end - first], np.float64)
    fitted = here if grid.ratio == 1 else resample_with_gaps(here, grid.ratio)
    windows = cut(fitted, grid.starts[slice(*shard.needed)] - offset, grid.length)
    return Material(shard, signal, first, _rows(ready, windows), offset, time.perf_counter() - began)


def write(ready: Ready, arrays: Arrays, material: Material, answer: Answer, seconds: float) -> None:
    """Write what a shard came to, and then that it is done.

    Parameters
    ----------
    seconds : float
        That the model and the methods took.
    """
    began = time.perf_counter()
    _write_time(ready, arrays, material, answer)
    _write_windows(ready, arrays, material.shard, answer)
    number = material.shard.number
    arrays["seconds"][number] = material.seconds + seconds + time.perf_counter() - began
    arrays["done"][number] = 1  # last: what it vouches for is there


def first_window(ready: Ready) -> Array | None:
    """The first window without a gap among those of the first shard, as the model takes it; None for none."""
    rows = gathered(ready, 0).rows
    whole = np.flatnonzero(~np.isnan(rows).any(axis=(1, 2)))
    return rows[whole[:1]] if len(whole) else None


def _rows(ready: Ready, windows: Array) -> Array:
    """Windows as the model takes them: ``(windows * groups, length, leads of a group)``."""
    windows = windows if ready.factors is None else windows * np.asarray(ready.factors)
    parts = [windows[:, :, group] for group in ready.groups]
    rows = np.stack(parts, axis=1).reshape(-1, *parts[0].shape[1:])
    how = ready.job.normalise
    return (rows if how is None else normalise(rows, how, axis=1)).astype(np.float32)


def answered(ready: Ready, rows: Array) -> Answer:
    """Score windows, flag them, and explain those that are to be explained.

    Parameters
    ----------
    rows : ndarray of float32, shape (rows, length, leads)
        Those that hold a NaN are left out.
    """
    whole = np.asarray(~np.isnan(rows).any(axis=(1, 2)))
    answer = Answer(whole)
    if whole.any():
        # Both were said when the job was made ready.
        with silenced(ProbabilityWarning), silenced(ExaminationWarning):
            _fill(ready, answer, rows)
    return answer


def _fill(ready: Ready, answer: Answer, rows: Array) -> None:
    """Score, flag and explain the windows of an answer."""
    job, whole = ready.job, answer.rows
    own = ready.taken.of(rows[whole])
    target: Any = job.target
    # For what all classes get, any target serves; each window's highest is then known without another run.
    anything = 0 if target is None and ready.classes else target
    bound, x = ready.score(anything).bind(own)
    classes = bound.classes
    gradient = None
    if ready.classes:
        if job.explain == "all" and any(map(_is_gradient, job.methods.items())):
            answer.probability, answer.logit, gradient = bound.outputs_with_gradient(x, highest=target is None)
        else:
            answer.probability, answer.logit = bound.outputs(x)
        numbers = answer.logit if bound.logit else answer.probability
        answer.logit = answer.logit if ready.has_logit else None
        if target is None:
            target = classes = np.argmax(numbers, axis=1)
        if classes is not None:
            classes = np.broadcast_to(classes, len(x))
            answer.score = np.take_along_axis(numbers, classes[:, None], axis=1)[:, 0]
    answer.target = None if classes is None else np.broadcast_to(classes, len(x)).astype(np.int32)
    answer.score = bound(x) if answer.score is None else answer.score
    answer.flagged = np.zeros(len(x), bool)
    if answer.probability is not None:
        assert job.threshold is not None  # `prepare` has filled it in
        answer.flagged = flagged_of(answer.probability, ready.alarm, job.threshold)
    answer.explained = np.full(len(x), job.explain == "all") if job.explain != "flagged" else answer.flagged
    if job.methods and answer.explained.any():
        given = np.asarray(own, x.dtype)
        _explain(ready, answer, given, target, None if gradient is None else bound.layout.own(gradient))


def _is_gradient(method: tuple[str, Mapping[str, Any]]) -> bool:
    name, options = method
    return name in _OF_THE_GRADIENT and not options


class _Differentiated:
    """A score whose gradient is known."""

    def __init__(self, gradient: Array) -> None:
        self._gradient = gradient

    def gradient(self, _: Array) -> Array:
        return self._gradient


def _explain(ready: Ready, answer: Answer, x: Array, target: Any, gradient: Array | None) -> None:
    """Run every method on the windows to be explained; maps are ``(explained, length[, leads])``."""
    chosen = answer.explained
    score = ready.score(target[chosen] if isinstance(target, np.ndarray) else target)
    values = x[chosen]
    bound, x = score.bind(values)
    for name, options in ready.job.methods.items():
        # Both are kept for each window, and said once for all at the end.
        with silenced(CompletenessWarning), silenced(NonFiniteWarning):
            if gradient is not None and _is_gradient((name, options)):
                maps = METHODS[name].formula(_Differentiated(gradient), values)
            else:
                maps = np.asarray(METHODS[name].fn(score, values, **options))
            maps = ready.taken.inside(maps)
        if maps.shape[1] != ready.grid.length:
            raise OptionError(
                f"{name} gives {maps.shape[1]} positions for windows of {ready.grid.length} samples, which have no "
                "place on the recording; leave out upsample=False"
            )
        _warn_not_finite(name, maps, answer)
        answer.maps[name] = maps
        answer.known[name] = samples_covered(bound, x, name, options)
        if METHODS[name].complete:
            answer.completeness[name] = _incompleteness(name, score, values, maps, options)


def _warn_not_finite(name: str, maps: Array, answer: Answer) -> None:
    """Say which maps are no numbers; that a score is none is said once for all at the end."""
    bad = not_finite(maps) & np.isfinite(answer.score[answer.explained])  # type: ignore[index]
    if bad.any():
        warn(
            f"{name} of {int(bad.sum())} of {len(bad)} windows has NaN or infinity though their score is finite "
            "(the slope of a root at zero, an overflow); the store has no map there",
            NonFiniteWarning,
        )


def _incompleteness(name: str, score: Any, x: Array, maps: Array, options: Mapping[str, Any]) -> Array:
    """Sum of the attributions minus the change of the score, relative to that; NaN where it cannot be told."""
    given = next((options[option] for option in METHODS[name].references if option in options), 0.0)
    if callable(given):
        return np.full(len(x), np.nan, np.float32)
    bound, x = score.bind(x)
    given = bound.layout.references(given, len(x), what="references")
    chosen = variants(given, x, bound.rank, what="references")
    there = np.mean([bound(np.broadcast_to(one, x.shape)) for one in chosen], axis=0)
    here = bound(x)
    return (gap(maps, (here, there)) / np.maximum(np.abs(here - there), 1e-12)).astype(np.float32)


def _write_time(ready: Ready, arrays: Arrays, material: Material, answer: Answer) -> None:
    """What lies on the timeline: the signal, its bad stretches, and the maps, stitched."""
    shard, signal, first = material.shard, material.signal, material.first
    if shard.first >= shard.stop:
        return
    here = slice(shard.first, shard.stop)
    stream = ready.stream
    flags = bad_signal(
        signal,
        ready.grid.fs,
        kind=ready.job.kind or KIND,
        units=stream.units,
        limits=stream.limits or None,
        resolution=stream.resolution or 0.0,
        first=first,
    )
    arrays["signal"][here] = signal[shard.first - first : shard.stop - first].astype(np.float32)
    arrays["bad"][here] = flags[shard.first - first : shard.stop - first]
    nothing = np.full((shard.stop - shard.first, len(stream.names)), np.nan, np.float32)
    for name in ready.job.methods:
        line = _stitched(ready, shard, answer, name, material.offset) if name in answer.maps else nothing
        arrays[f"attribution_{name}"][here] = line


def _stitched(ready: Ready, shard: Shard, answer: Answer, name: str, offset: int) -> Array:
    """Maps of windows on the recording's timeline, ``(samples, leads)``; NaN where nothing was explained."""
    grid, groups = ready.grid, ready.groups
    maps, known = answer.maps[name], answer.known[name]
    rows = np.flatnonzero(answer.rows)[answer.explained]
    starts = grid.starts[slice(*shard.needed)] - offset
    n = int(starts[-1]) + grid.length if len(starts) else 0
    lines = np.full((n, len(ready.stream.names)), np.nan, np.float32)
    for number, leads_of in enumerate(groups):
        mine = rows % len(groups) == number
        if mine.any():
            line = stitch(maps[mine], starts[rows[mine] // len(groups)], n, known=known)
            # One value per moment is that of all its leads.
            lines[:, leads_of] = line[:, None] if line.ndim == 1 else line
    return grid.on_timeline(lines, offset, shard.first, shard.stop)


def _write_windows(ready: Ready, arrays: Arrays, shard: Shard, answer: Answer) -> None:
    """What there is a row per window of; only the shard's own rows."""
    groups = len(ready.groups)
    own = slice((shard.windows[0] - shard.needed[0]) * groups, (shard.windows[1] - shard.needed[0]) * groups)
    here = slice(shard.windows[0] * groups, shard.windows[1] * groups)
    if here.start >= here.stop:
        return

    explained = answer.rows.copy()
    explained[answer.rows] = False if answer.explained is None else answer.explained

    def put(name: str, values: Array | None, of: NDArray[np.bool_] = answer.rows) -> None:
        """Write all rows of the shard, those without a value too."""
        if name in arrays:
            array = arrays[name]
            spread = np.full((len(answer.rows), *array.shape[1:]), array.fill_value, array.dtype)
            if values is not None:
                spread[of] = values
            array[here] = spread[own]

    everywhere = np.ones_like(answer.rows)
    put("gap", ~answer.rows, everywhere)
    put("explained", explained, everywhere)
    for name in ("probability", "logit", "score", "target", "flagged"):
        put(name, getattr(answer, name))
    put("unanswered", _unanswered(answer))
    for name in ready.job.methods:
        put(f"completeness_{name}", answer.completeness.get(name), explained)


def _unanswered(answer: Answer) -> NDArray[np.bool_] | None:
    """Which of the windows that were run the model gave no number for."""
    if answer.score is None:
        return None
    scores = {"probability": answer.probability} if answer.probability is not None else {}
    return unanswered_of({"gap": np.zeros(len(answer.score)), "score": answer.score, **scores})
