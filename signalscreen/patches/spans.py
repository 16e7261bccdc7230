"""Receptive-field arithmetic: which stretch of a layer an edit of the input can change. NumPy only.

An edit begins at sample `a` of an axis. What it changes further on begins at a place that depends on `a`, and
behind a stride on how `a` lies to the stride. So every alignment ``r = a mod period`` has a stretch of its own,
and ``a = q * period + r`` moves it on by ``q * step``::

    input, edit of 3 samples at a = 5         . . . . . # # # . . . . . . .
    convolution of 3, stride 1, "same"        . . . . # # # # # . . . . . .      [a - 1, a + 4)
    max-pooling of 2, stride 2                 . . # # # . . .                   [2, 5) here; period 2, step 1

Stretches may hang over the ends of the signal: what lies there is no value of the layer, and is never used.
"""

from math import gcd
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Span(NamedTuple):
    """The stretch of one axis of a layer that an edit can change, for every alignment of the edit.

    Attributes
    ----------
    axis : int
        The axis of the input along which the edit moves.
    length : int
        Of the layer on this axis.
    step : int
        How far the stretch moves when the edit moves by a period.
    first, last : tuple of int, one per alignment
        The stretch is ``[first, last)`` for an edit that begins at ``r < period``.
    """

    axis: int
    length: int
    step: int
    first: tuple[int, ...]
    last: tuple[int, ...]

    @property
    def period(self) -> int:
        """Edits a period apart change stretches that differ in nothing but place."""
        return len(self.first)

    @property
    def width(self) -> int:
        """The longest stretch over all alignments: what is computed for each of them."""
        return max(b - a for a, b in zip(self.first, self.last, strict=True))

    def starts(self, edits: Array) -> Array:
        """Where the stretch begins for edits that begin at `edits`."""
        return np.asarray(self.first)[edits % self.period] + edits // self.period * self.step


def edit(axis: int, width: int, length: int) -> Span:
    """The edit itself, of `width` samples on an axis of `length`."""
    return Span(axis, length, 1, (0,), (width,))


def through(span: Span, size: int, stride: int, dilation: int, before: int, length: int) -> Span:
    """What changes behind a convolution or pooling of `size`, with `before` samples of padding.

    Output `o` sees inputs ``o * stride - before + dilation * [0, size)``.

    Examples
    --------
    >>> conv = through(edit(0, 3, 100), size=3, stride=1, dilation=1, before=1, length=100)
    >>> conv.first, conv.last
    ((-1,), (4,))
    >>> pool = through(conv, size=2, stride=2, dilation=1, before=0, length=50)
    >>> pool.first, pool.last, pool.step
    ((-1, 0), (2, 3), 1)
    """
    span = _stretched(span, stride)
    reach = (size - 1) * dilation
    first = tuple(-((reach - a - before) // stride) for a in span.first)
    last = tuple((b - 1 + before) // stride + 1 for b in span.last)
    return Span(span.axis, length, span.step // stride, first, last)


def seen(span: Span, size: int, stride: int, dilation: int, before: int, length: int) -> Span:
    """What a convolution or pooling has to read to compute `span` of its output: the whole width, always."""
    first = tuple(a * stride - before for a in span.first)
    long = (span.width - 1) * stride + (size - 1) * dilation + 1
    return Span(span.axis, length, span.step * stride, first, tuple(a + long for a in first))


def back(span: Span, size: int, stride: int, before: int, length: int) -> tuple[Span, Span]:
    """What changes behind a transposed convolution, and which inputs it takes to compute that.

    Input `i` reaches outputs ``i * stride - before + [0, size)``. The first input to read lies a fixed number
    of samples before the stretch, so that the same crop serves every edit.
    """
    reach = (size - 1) // stride
    first = tuple(a * stride - before for a in span.first)
    long = (span.width - 1) * stride + size
    out = Span(span.axis, length, span.step * stride, first, tuple(a + long for a in first))
    need = tuple(a - reach for a in span.first)
    wide = span.width + 2 * reach
    return out, Span(span.axis, span.length, span.step, need, tuple(a + wide for a in need))


def union(a: Span, b: Span) -> Span:
    """A stretch that holds both.

    Examples
    --------
    >>> u = union(Span(0, 9, 1, (0,), (3,)), Span(0, 9, 2, (-1, 0), (2, 2)))
    >>> u.first, u.last
    ((-1, 0), (3, 4))
    """
    period = a.period * b.period // gcd(a.period, b.period)
    a, b = _stretched(a, period // a.period * a.step), _stretched(b, period // b.period * b.step)
    first = tuple(min(x, y) for x, y in zip(a.first, b.first, strict=True))
    last = tuple(max(x, y) for x, y in zip(a.last, b.last, strict=True))
    return Span(a.axis, a.length, a.step, first, last)


def scaled(span: Span, by: int) -> Span:
    """Every sample repeated, or made of `by` smaller ones."""
    return Span(
        span.axis,
        span.length * by,
        span.step * by,
        tuple(a * by for a in span.first),
        tuple(b * by for b in span.last),
    )


def shifted(span: Span, by: int, length: int) -> Span:
    """Samples put in front of the axis (`by` > 0) or cut off it, which has `length` now."""
    return Span(span.axis, length, span.step, tuple(a + by for a in span.first), tuple(b + by for b in span.last))


def one_place(span: Span, place: int) -> Span:
    """The same sample for every edit."""
    return Span(span.axis, span.length, 0, (place,), (place + 1,))


def same(a: Span, b: Span) -> bool:
    """Whether both begin at the same place for every edit and are computed equally wide."""
    if a == b:
        return True
    if (a.axis, a.length, a.width) != (b.axis, b.length, b.width) or a.step * b.period != b.step * a.period:
        return False
    u = union(a, b)
    return u.width == a.width and all(
        u.first[r] == s.first[r % s.period] + r // s.period * s.step for s in (a, b) for r in range(u.period)
    )


def _stretched(span: Span, stride: int) -> Span:
    """The same span with as many alignments as it takes for `stride` to divide its step."""
    times = stride // gcd(span.step, stride) if span.step else 1
    moved = [(q * span.step, a, b) for q in range(times) for a, b in zip(span.first, span.last, strict=True)]
    return Span(
        span.axis,
        span.length,
        span.step * times,
        tuple(a + by for by, a, _ in moved),
        tuple(b + by for by, _, b in moved),
    )
