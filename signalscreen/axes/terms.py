"""What an axis of a tensor stands for, and the arithmetic of it. No TensorFlow.

An axis of the signal may be cut into pieces and put together again (``(T,)`` to ``(T / k, k)`` and back), as the
digits of a number are: position ``i`` on a `Digit` is that part of a place on the signal. The place is the sum over
all digits that a tensor has of one axis. Each position stands for a span, from `lo` to `hi`, whose middle is its
centre.
"""

from collections.abc import Iterable, Sequence
from math import inf, isclose, nan
from typing import NamedTuple, Union


class Digit(NamedTuple):
    """Positions along an axis of an input.

    Attributes
    ----------
    source : tuple of int
        Number of the input and of the axis of its example.
    lo, hi : float
        First and last sample of what position 0 is made from; NaN where it is not known.
    step : float
        Samples from one position to the next.
    copy : int
        0, or a number of its own where a product has paired all places of an axis with all of it (attention): such
        digits are no parts of one place.
    """

    source: tuple[int, int]
    lo: float = 0.0
    hi: float = 0.0
    step: float = 1.0
    copy: int = 0

    @property
    def whole(self) -> tuple[int, int, int]:
        """What it is a part of."""
        return (*self.source, self.copy)


class Merged(NamedTuple):
    """Several axes laid out as one, the first the slowest: each with its size."""

    parts: "tuple[tuple[Axis, int], ...]"


BATCH = "batch"  # the examples
MADE = "made"  # features that an op has made
ONE = "one"  # of length one, put in by an op
REPEAT = "repeat"  # the same value again
Axis = Union[Digit, Merged, str, None]  # noqa: UP007 (Merged is not defined when this is read); None is not known
Axes = tuple[Axis, ...]


def unknown(rank: int | None) -> Axes:
    """The axes of a tensor of which nothing is known."""
    return (None,) * (rank or 0)


def parts_of(axis: Axis, size: int) -> list[tuple[Axis, int]]:
    """What an axis is merged from."""
    return list(axis.parts) if isinstance(axis, Merged) else [(axis, size)]


def digits_of(axis: Axis, size: int) -> list[tuple[Digit, int]]:
    """The digits in an axis."""
    return [(part, n) for part, n in parts_of(axis, size) if isinstance(part, Digit)]


def with_part(axis: Axis, number: int, part: Axis) -> Axis:
    """An axis with another part in the place of one."""
    if not isinstance(axis, Merged):
        return part
    parts = list(axis.parts)
    parts[number] = part, parts[number][1]
    return Merged(tuple(parts))


def merged(parts: Iterable[tuple[Axis, int]]) -> Axis:
    """Axes laid out as one.

    Examples
    --------
    >>> merged([(Digit((0, 0), 0, 0, 4), 16), (Digit((0, 0), 0, 0, 1), 4)])
    Digit(source=(0, 0), lo=0, hi=0, step=1, copy=0)
    """
    found: list[tuple[Axis, int]] = []
    for part, n in parts:
        if n == 1:
            continue
        last, m = found[-1] if found else (None, 0)
        joined = _joined(last, part, n) if found else None
        if joined is None:
            found.append((part, n))
        else:
            found[-1] = joined, m * n
    if not found:
        return ONE
    return found[0][0] if len(found) == 1 else Merged(tuple(found))


def _joined(slow: Axis, fast: Axis, n: int) -> Axis:
    """Two neighbours as one axis, where they are one; None where they stay two."""
    if slow == fast == MADE or slow == fast == REPEAT:
        return slow
    if isinstance(slow, Digit) and fast == REPEAT:
        shift = slow.step * (0.5 / n - 0.5)
        return slow._replace(lo=slow.lo + shift, hi=slow.hi + shift, step=slow.step / n)
    if not (isinstance(slow, Digit) and isinstance(fast, Digit)) or slow.whole != fast.whole:
        return None
    return fast._replace(lo=slow.lo + fast.lo, hi=slow.hi + fast.hi) if isclose(slow.step, fast.step * n) else None


def split(axis: Axis, inner: int) -> tuple[Axis, Axis]:
    """One axis as two, the second of size `inner`."""
    if isinstance(axis, Digit):
        return axis._replace(step=axis.step * inner), axis._replace(lo=0.0, hi=0.0)
    return (axis, axis) if axis in (MADE, REPEAT) else (None, None)


def reshaped(axes: Axes, before: Sequence[int], after: Sequence[int]) -> Axes:
    """The axes of a tensor of shape `before` behind a reshape to `after`.

    Examples
    --------
    >>> reshaped((BATCH, Digit((0, 0))), (3, 64), (3, 16, 4))[1:]
    (Digit(source=(0, 0), lo=0.0, hi=0.0, step=4.0, copy=0), Digit(source=(0, 0), lo=0.0, hi=0.0, step=1.0, copy=0))
    """
    if tuple(before) == tuple(after):
        return axes
    waiting = [part for axis, n in zip(axes, before, strict=True) for part in parts_of(axis, n) if part[1] != 1]
    waiting.reverse()
    found: list[Axis] = []
    for size in after:
        taken: list[tuple[Axis, int]] = []
        need = size
        while need > 1:
            if not waiting:
                return unknown(len(after))
            axis, n = waiting.pop()
            if need % n and n % need:
                return unknown(len(after))
            if need % n:
                axis, rest = split(axis, n // need)
                waiting.append((rest, n // need))
                n = need
            taken.append((axis, n))
            need //= n
        found.append(merged(taken))
    return tuple(found)


def together(a: Axis, n: int, b: Axis, m: int) -> Axis:
    """The axis of what is computed place by place from two tensors, of lengths `n` and `m` on it."""
    if n == 1 and m != 1:
        return b
    if m == 1 and n != 1:
        return a
    if a == b or b == ONE:
        return a
    if a == ONE:
        return b
    if isinstance(a, Digit) and isinstance(b, Digit):
        if a.source != b.source:
            return None
        if not isclose(a.step, b.step):
            return a._replace(lo=nan, hi=nan, step=nan)
        return a._replace(lo=min(a.lo, b.lo), hi=max(a.hi, b.hi), copy=min(a.copy, b.copy))
    # What comes from everywhere has no place, and leaves that of the other where it is.
    if a == MADE and isinstance(b, Digit):
        return b
    return a if b == MADE and isinstance(a, Digit) else None


def slid(digit: Digit, size: int, stride: float, dilation: int, before: float) -> Digit:
    """A digit behind a window: output ``o`` sees inputs ``o * stride - before + dilation * [0, size)``."""
    ends = [digit.step * (-before), digit.step * (dilation * (size - 1) - before)]
    return digit._replace(lo=digit.lo + min(ends), hi=digit.hi + max(ends), step=digit.step * stride)


def spread(digit: Digit, size: int, stride: int, before: float) -> Digit:
    """A digit behind a transposed window: input ``i`` reaches outputs ``i * stride - before + [0, size)``."""
    ends = [digit.step * (before - size + 1) / stride, digit.step * before / stride]
    return digit._replace(lo=digit.lo + min(ends), hi=digit.hi + max(ends), step=digit.step / stride)


def moved(axis: Axis, by: float) -> Axis:
    """An axis that begins `by` positions later."""
    if isinstance(axis, Digit):
        return axis._replace(lo=axis.lo + by * axis.step, hi=axis.hi + by * axis.step)
    return axis if axis in (MADE, REPEAT) or not by else None


def scaled(axis: Axis, first: float, step: float) -> Axis:
    """An axis of which position ``i`` is ``first + step * i`` of the one before."""
    if isinstance(axis, Digit):
        by = first * axis.step
        return axis._replace(lo=axis.lo + by, hi=axis.hi + by, step=axis.step * step)
    return axis if axis == MADE else None


def without_places(axis: Axis) -> Axis:
    """An axis that still runs along the signal, nobody knows where."""
    return axis._replace(lo=nan, hi=nan, step=nan) if isinstance(axis, Digit) else axis if axis == MADE else None


def reach(digit: Digit, size: int) -> tuple[float, float]:
    """From the first to the last sample that a whole axis adds to a place."""
    along = digit.step * (size - 1)
    return digit.lo + min(0.0, along), digit.hi + max(0.0, along)


def coarsest(digits: Sequence[Digit]) -> int:
    """Which of several digits of one axis is the place; the first where steps are not known."""
    sizes = [abs(d.step) if d.step == d.step else inf for d in digits]
    return sizes.index(max(sizes))
