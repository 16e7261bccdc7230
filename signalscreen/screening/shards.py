"""One shard: read a stretch of the recording, score and explain its windows, write what came out.

A shard needs nothing from any other, writes whole chunks only, and says that it is done after its data are there,
so it can be done again, by anybody, at any time.
"""

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signalscreen.completeness import gap
from signalscreen.errors import CompletenessWarning, OptionError
from signalscreen.methods import METHODS
from signalscreen.quality import MARGIN, bad_signal
from signalscreen.recording import normalise
from signalscreen.recording.resampling import resample_with_gaps
from signalscreen.screening.layout import Shard
from signalscreen.screening.ready import Ready
from signalscreen.windows import cut, stitch

Array = NDArray[Any]

# Samples, at the slower of two rates, that the resampling filter reaches on either side, with room to spare.
_FILTER_REACH = 24


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
    completeness: dict[str, Array] = field(default_factory=dict)


def do_shard(ready: Ready, group: Any, number: int) -> float:
    """Compute a shard and write it.

    Parameters
    ----------
    ready : Ready
    group : zarr.Group
        The store, open for writing.
    number : int
        Of the shard.

    Returns
    -------
    float
        Seconds it took.
    """
    began = time.perf_counter()
    shard = ready.grid.shard(number)
    signal, first, windows, offset = _read(ready, shard)
    answer = answered(ready, _rows(ready, windows))
    _write_time(ready, group, shard, signal, first, answer, offset)
    _write_windows(ready, group, shard, answer)
    seconds = time.perf_counter() - began
    group["seconds"][number] = seconds
    group["done"][number] = 1  # last: what it vouches for is there
    return seconds


def first_window(ready: Ready) -> Array | None:
    """The first window without a gap among those of the first shard, as the model takes it; None for none."""
    rows = _rows(ready, _read(ready, ready.grid.shard(0))[2])
    whole = np.flatnonzero(~np.isnan(rows).any(axis=(1, 2)))
    return rows[whole[:1]] if len(whole) else None


def _read(ready: Ready, shard: Shard) -> tuple[Array, int, Array, int]:
    """The samples around a shard, where they begin, its windows at the model's rate, and where those begin."""
    grid = ready.grid
    reach = int(_FILTER_REACH * max(Fraction(1), 1 / grid.ratio)) + 1
    begin, end, offset = grid.slice_of(shard.needed, reach if grid.ratio != 1 else 0)
    margin = round(MARGIN * grid.fs)
    first = max(min(begin, shard.first - margin), 0)
    stop = min(max(end, shard.stop + margin), grid.samples)
    signal = ready.stream.read(first, stop)
    here = np.asarray(signal[begin - first : end - first], np.float64)
    fitted = here if grid.ratio == 1 else resample_with_gaps(here, grid.ratio)
    starts = grid.starts[slice(*shard.needed)] - offset
    return signal, first, cut(fitted, starts, grid.length), offset


def _rows(ready: Ready, windows: Array) -> Array:
    """Windows as the model takes them: ``(windows * groups, length, leads of a group)``."""
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
    job = ready.job
    if not whole.any():
        return answer
    x = rows[whole][:, :, 0] if ready.plain else rows[whole]
    target: Any = job.target
    if ready.classes:
        # For what all classes get, any target serves; each window's highest is then known without another run.
        bound, x = ready.score(0 if target is None else target).bind(x)
        answer.probability, answer.logit = bound.outputs(x)
        if target is None:
            answer.target = np.argmax(answer.logit if bound.logit else answer.probability, axis=1).astype(np.int32)
            target = answer.target
            numbers = answer.logit if bound.logit else answer.probability
            answer.score = np.take_along_axis(numbers, answer.target[:, None], axis=1)[:, 0]
    else:
        bound, x = ready.score(target).bind(x)
    if answer.score is None:
        answer.score, classes = bound(x), bound.classes
        answer.target = None if classes is None else np.broadcast_to(classes, len(x)).astype(np.int32)
    answer.flagged = np.zeros(len(x), bool)
    if answer.probability is not None and ready.alarm >= 0:
        answer.flagged = answer.probability[:, ready.alarm] > job.threshold
    answer.explained = np.full(len(x), job.explain == "all") if job.explain != "flagged" else answer.flagged
    if job.methods and answer.explained.any():
        _explain(ready, answer, x, target)
    return answer


def _explain(ready: Ready, answer: Answer, x: Array, target: Any) -> None:
    """Run every method on the windows to be explained; maps are ``(explained, length[, leads])``."""
    chosen = answer.explained
    score = ready.score(target[chosen] if isinstance(target, np.ndarray) else target)
    values = x[chosen]
    for name, options in ready.job.methods.items():
        with warnings.catch_warnings():  # it is kept for each window, and said once for all at the end
            warnings.simplefilter("ignore", CompletenessWarning)
            maps = np.asarray(METHODS[name].fn(score, values, **options))
        if maps.shape[1] != ready.grid.length:
            raise OptionError(
                f"{name} gives {maps.shape[1]} positions for windows of {ready.grid.length} samples, which have no "
                "place on the recording; leave out upsample=False"
            )
        answer.maps[name] = maps
        if METHODS[name].complete:
            answer.completeness[name] = _incompleteness(score, values, maps, options)


def _incompleteness(score: Any, x: Array, maps: Array, options: Mapping[str, Any]) -> Array:
    """Sum of the attributions minus the change of the score, relative to that; NaN where it cannot be told."""
    given = options.get("references", options.get("baseline", 0.0))
    if callable(given):
        return np.full(len(x), np.nan, np.float32)
    bound, x = score.bind(x)
    array = np.asarray(given, x.dtype)
    several = array if array.ndim == x.ndim else array[None]
    there = np.mean([bound(np.broadcast_to(one, x.shape).astype(x.dtype)) for one in several], axis=0)
    here = bound(x)
    return (gap(maps, (here, there)) / np.maximum(np.abs(here - there), 1e-12)).astype(np.float32)


def _write_time(
    ready: Ready, group: Any, shard: Shard, signal: Array, first: int, answer: Answer, offset: int
) -> None:
    """What lies on the timeline: the signal, its bad stretches, and the maps, stitched."""
    if shard.first >= shard.stop:
        return
    here = slice(shard.first, shard.stop)
    stream = ready.stream
    flags = bad_signal(signal, ready.grid.fs, units=stream.units, limits=stream.limits, first=first)
    group["signal"][here] = signal[shard.first - first : shard.stop - first].astype(np.float32)
    group["bad"][here] = flags[shard.first - first : shard.stop - first]
    for name, maps in answer.maps.items():
        group[f"attribution_{name}"][here] = _stitched(ready, shard, answer, maps, offset)


def _stitched(ready: Ready, shard: Shard, answer: Answer, maps: Array, offset: int) -> Array:
    """Maps of windows on the recording's timeline, ``(samples, leads)``; NaN where nothing was explained."""
    grid, groups = ready.grid, ready.groups
    rows = np.flatnonzero(answer.rows)[answer.explained]
    starts = grid.starts[slice(*shard.needed)] - offset
    n = int(starts[-1]) + grid.length if len(starts) else 0
    leads = len(ready.stream.names)
    found = np.full((shard.stop - shard.first, leads), np.nan, np.float32)
    for number, leads_of in enumerate(groups):
        mine = rows % len(groups) == number
        if not mine.any():
            continue
        line = stitch(maps[mine], starts[rows[mine] // len(groups)], n)
        line = line[:, None] if line.ndim == 1 else line
        # One value per moment is that of all its leads.
        found[:, leads_of] = grid.on_timeline(line, offset, shard.first, shard.stop)
    return found


def _write_windows(ready: Ready, group: Any, shard: Shard, answer: Answer) -> None:
    """What there is a row per window of; only the shard's own rows."""
    groups = len(ready.groups)
    own = slice((shard.windows[0] - shard.needed[0]) * groups, (shard.windows[1] - shard.needed[0]) * groups)
    here = slice(shard.windows[0] * groups, shard.windows[1] * groups)
    if here.start >= here.stop:
        return

    def put(name: str, values: Array | None, of: NDArray[np.bool_] = answer.rows) -> None:
        if values is None:
            return
        array = group[name]
        spread = np.full((len(answer.rows), *array.shape[1:]), array.fill_value, array.dtype)
        spread[of] = values
        array[here] = spread[own]

    put("gap", ~answer.rows, np.ones_like(answer.rows))
    for name in ("probability", "logit", "score", "target", "flagged"):
        put(name, getattr(answer, name))
    if answer.explained is None or not answer.maps:
        return
    put("explained", answer.explained)
    explained = answer.rows.copy()
    explained[answer.rows] = answer.explained
    for name, values in answer.completeness.items():
        put(f"completeness_{name}", values, explained)
