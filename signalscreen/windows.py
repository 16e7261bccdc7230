"""Cutting a long signal into windows and laying per-window maps back on its timeline. NumPy only.

Time is the first axis here: a signal is ``(samples,)`` or ``(samples, leads)``, windows and their maps are
``(windows, length, ...)``. ``stitch(cut(x, starts, length), starts, len(x))`` gives ``x`` back.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from signalscreen.errors import InputError

Weight = Literal["hann", "flat"]


def window_starts(n: int, length: int, hop: int) -> NDArray[np.int64]:
    """First sample of each window over ``n`` samples; together the windows cover every sample.

    Windows begin every ``hop`` samples. Where the last one would leave a tail uncovered, one more is added
    that ends flush with the signal.

    Parameters
    ----------
    n : int
        Samples in the signal.
    length : int
        Samples in a window.
    hop : int
        Samples from one window's start to the next; at most ``length``, so that no sample is left out.

    Returns
    -------
    ndarray of int64, shape (windows,)
        Strictly increasing; the last is ``n - length``.

    Raises
    ------
    InputError
        If the signal is shorter than one window, or ``length`` or ``hop`` is out of range.

    Examples
    --------
    >>> window_starts(10, length=4, hop=4).tolist()
    [0, 4, 6]
    """
    if length < 1:
        raise InputError(f"a window of {length} samples is not possible; give at least 1")
    if not 1 <= hop <= length:
        raise InputError(
            f"a hop of {hop} samples does not fit windows of {length}; give 1 to {length}, "
            "so that every sample is in some window"
        )
    if n < length:
        raise InputError(
            f"the signal has {n} samples, fewer than one window of {length}; "
            "give a longer signal or a shorter window"
        )
    starts = np.arange(0, n - length + 1, hop, dtype=np.int64)
    return starts if starts[-1] == n - length else np.append(starts, n - length)


def cut(signal: ArrayLike, starts: ArrayLike, length: int) -> NDArray[Any]:
    """Windows of a signal, copied: ``(samples, ...)`` to ``(windows, length, ...)``.

    Raises
    ------
    InputError
        If a window reaches outside the signal.

    Examples
    --------
    >>> cut([0, 1, 2, 3, 4], starts=[0, 3], length=2).tolist()
    [[0, 1], [3, 4]]
    """
    signal, starts = np.asarray(signal), _starts(starts)
    _check_inside(starts, length, len(signal))
    windows: NDArray[Any] = signal[starts[:, None] + np.arange(length)]
    return windows


def has_gap(windows: ArrayLike) -> NDArray[np.bool_]:
    """Which windows hold at least one NaN, in any lead: ``(windows, ...)`` to ``(windows,)`` of bool.

    A network given NaN answers NaN, so such windows are left out before the model runs, not explained.
    """
    windows = np.asarray(windows)
    flags: NDArray[np.bool_] = np.isnan(windows).any(axis=tuple(range(1, windows.ndim)))
    return flags


def stitch(
    maps: ArrayLike, starts: ArrayLike, n: int, weight: Weight = "hann", known: ArrayLike | None = None
) -> NDArray[Any]:
    """Lay per-window maps back on the timeline by weighted overlap-add.

    Each sample gets the weighted mean of the windows that hold it. ``"hann"`` trusts the middle of a window
    more than its ends, where a convolution saw padding; ``"flat"`` trusts all alike.

    Parameters
    ----------
    maps : array_like, shape (windows, length, ...)
        One map per window.
    starts : array_like of int, shape (windows,)
        First sample of each window.
    n : int
        Samples on the timeline.
    weight : {"hann", "flat"}
        How overlapping windows share a sample.
    known : array_like of bool, shape (length,), optional
        The samples of a window that its map says something about; by default all. The others have no part in
        the mean.

    Returns
    -------
    ndarray, shape (n, ...)
        The dtype of ``maps`` (integers become float64). NaN where no window lies, and where a map is NaN; zero
        where windows lie, but none knows anything.

    Raises
    ------
    InputError
        If the windows and their starts do not match, a window reaches outside, or ``weight`` is unknown.

    Examples
    --------
    >>> stitch([[1.0, 1.0], [3.0, 3.0]], starts=[0, 1], n=4, weight="flat").tolist()
    [1.0, 2.0, 3.0, nan]
    """
    maps, starts = np.asarray(maps), _starts(starts)
    if maps.ndim < 2 or len(maps) != len(starts):
        raise InputError(
            f"maps of shape {maps.shape} do not match {len(starts)} window starts; give (windows, length, ...)"
        )
    length = maps.shape[1]
    _check_inside(starts, length, n)
    column = (length, *[1] * (maps.ndim - 2))
    said = np.ones(column, bool) if known is None else np.asarray(known, bool).reshape(column)
    share = np.where(said, _weights(length, weight).reshape(column), 0.0)
    total = np.zeros((n, *maps.shape[2:]))
    covered = np.zeros((n, *column[1:]))
    for start, one in zip(starts, maps, strict=True):
        total[start : start + length] += share * one
        covered[start : start + length] += share
    if not said.all():  # where windows lie and none knows anything, zero of anything is zero
        covered[np.logical_and(covered == 0, _held(starts, length, n).reshape(n, *column[1:]))] = 1.0
    dtype = maps.dtype if np.issubdtype(maps.dtype, np.floating) else np.float64
    with np.errstate(invalid="ignore"):  # 0 / 0 where no window lies: NaN is what is meant
        return (total / covered).astype(dtype)


def _held(starts: NDArray[np.int64], length: int, n: int) -> NDArray[np.bool_]:
    """Which samples lie in some window."""
    held = np.zeros(n, bool)
    for start in starts:
        held[start : start + length] = True
    return held


def _weights(length: int, weight: str) -> NDArray[np.float64]:
    if weight == "flat":
        return np.ones(length)
    if weight == "hann":
        # Half-sample offset: no weight is zero, so the very first and last samples are covered too.
        return np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2
    raise InputError(f"weight {weight!r} is not known; choose 'hann' or 'flat'")


def _starts(starts: ArrayLike) -> NDArray[np.int64]:
    return np.atleast_1d(np.asarray(starts, dtype=np.int64))


def _check_inside(starts: NDArray[np.int64], length: int, n: int) -> None:
    if len(starts) and (starts.min() < 0 or starts.max() + length > n):
        raise InputError(
            f"windows of {length} samples starting at {starts.min()} to {starts.max()} reach outside "
            f"the signal's {n} samples"
        )
