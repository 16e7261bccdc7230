"""Read a tensor of the edited rows: the patch where it lies, the unedited signal everywhere else.

Every op has been run once on the signals that nobody edited: the *base*. Of an edited row we hold of each tensor
only the stretch that the edit can change, its `Patch`. Where an op looks beyond the stretch, as a convolution does,
its neighbours come from the base. `Edits.read` lays both in one table and gathers from that by number::

    base  (one row for every place of every example)   0 1 2 3 4 5 ...
    patch (the window's width of places for each row)   ... N N+1 N+2 ...
    read for a row                                      3 4 5 N N+1 N+2 9 10

That is the whole trick; all else is arithmetic about which numbers.
"""

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from signalscreen.backend import tf
from signalscreen.patches.spans import Span, same, union

# An axis of so many windows' lengths is not copied whole to read them, only from the first to the last in a call.
LONG = 128


class Patch(NamedTuple):
    """A tensor of the edited rows: windows on some axes, the others whole.

    Attributes
    ----------
    content : Tensor, shape (rows, *axes)
        As long as the span on each axis that has one.
    spans : dict of {int: Span}
        By axis of `content`. Without any, the tensor is whole.
    base : Tensor, shape (batch, *axes)
        The same tensor of the unedited signals.
    view : {"", "flat", "rows"}
        A reshape that was put off, because a window does not survive it: ``"flat"`` is ``(rows, features)``,
        all axes merged; ``"rows"`` is ``(rows * positions, channels)``.
    """

    content: Any
    spans: dict[int, Span]
    base: Any
    view: str = ""


class Axis(NamedTuple):
    """Where what is read of one axis is found.

    Attributes
    ----------
    size : int or Tensor
        How many places are read.
    in_base, in_patch : Tensor of int32, shape (rows or 1, size)
        Each place's number on this axis of the base, as far as it is laid in the table, and of the patch.
    base_length, patch_length : int or Tensor
        Numbers that there are.
    inside : Tensor of bool, shape (rows, size), or None
        Whether the place lies in the patch; None where all do.
    cut : tuple of Tensor or None
        First and last number of the base's axis that is laid in the table, when it is not all of them.
    """

    size: Any
    in_base: Any
    base_length: Any
    in_patch: Any
    patch_length: int
    inside: Any = None
    cut: tuple[Any, Any] | None = None

    @property
    def is_one(self) -> bool:
        """Whether the axis has one place, which needs no number."""
        return isinstance(self.base_length, int) and self.base_length == 1


class Edits:
    """Where each row's edit begins, and of which example.

    Parameters
    ----------
    example : Tensor of int32, shape (rows,)
        The example that each row is an edit of.
    starts : Tensor of int32, shape (rows, axes)
        First sample of each row's edit.
    """

    def __init__(self, example: Any, starts: Any) -> None:
        self.example, self.at = example, starts
        self.rows = tf.shape(example)[0]
        self.values_read = 0  # for one row
        self._made: dict[Any, Any] = {}

    def starts(self, span: Span) -> Any:
        """Where the span begins in each row: ``(rows, 1)``."""
        at = self._kept(("edit", span.axis), lambda: self.at[:, span.axis, None])
        turn = self._kept(("turn", span.axis, span.period), lambda: at // span.period)
        alignment = self._kept(("alignment", span.axis, span.period), lambda: at % span.period)
        return self._kept(
            ("start", span.axis, span.step, span.first),
            lambda: tf.gather(tf.constant(span.first, tf.int32), alignment) + turn * span.step,
        )

    def read(
        self, base: Any, patch: Patch | None, spans: dict[int, Any], outside: float = 0.0, shared: bool = False
    ) -> Any:
        """The values of a tensor over `spans`: the patch's where it lies, elsewhere the base's.

        Parameters
        ----------
        base : Tensor, shape (batch, *axes)
        patch : Patch or None
            None reads the base alone.
        spans : dict of {int: Span or Tensor}
            What to read, by axis: a span, or the places themselves, ``(rows, places)``. Other axes are read whole.
        outside : float
            What stands beyond the ends of the signal.
        shared : bool
            The base has one row, which is that of all examples.
        """
        own = {} if patch is None else patch.spans
        if not own and not spans:
            return tf.gather(base, self.example) if patch is None else patch.content
        lengths = base.shape.as_list()[1:]
        # Behind the last axis with a window, values lie together and are read as one.
        last = max(*own, *spans, 0)
        width = prod(lengths[last:])
        axes = [self._axis(lengths[a - 1], own.get(a), spans.get(a), patch is not None) for a in range(1, last + 1)]
        pads = [[int(isinstance(spans.get(a), Span))] * 2 for a in range(len(lengths) + 1)]
        if spans:
            base = tf.pad(base, pads, constant_values=np.array(outside, base.dtype.as_numpy_dtype))
        for number, axis in enumerate(axes, start=1):
            if axis.cut is not None:
                base = base[(*[slice(None)] * number, slice(*axis.cut))]
        table = tf.reshape(base, (-1, width))
        told_apart = [axis for axis in axes if axis.inside is not None or not axis.is_one]
        row = tf.zeros_like(self.example) if shared else self.example
        index = _numbered(row, [(axis.in_base, axis.base_length) for axis in told_apart])
        if patch is not None:
            rows = tf.range(self.rows)
            in_patch = _numbered(rows, [(axis.in_patch, axis.patch_length) for axis in told_apart])
            inside = _everywhere([axis.inside for axis in told_apart])
            index = tf.where(inside, tf.shape(table)[0] + in_patch, index)
            table = tf.concat([table, tf.reshape(patch.content, (-1, width))], 0)
        self.values_read += width * prod(axis.size for axis in axes if isinstance(axis.size, int))
        return tf.reshape(tf.gather(table, index), [-1, *(axis.size for axis in axes), *lengths[last:]])

    def as_it_was(self, patch: Patch) -> Any:
        """Whether each value of the patch is the unedited signal's: a bool for each of its content."""
        return self.read(patch.base, patch, patch.spans) == self.read(patch.base, None, patch.spans)

    def widened(self, patch: Patch, axes: Iterable[int]) -> Patch | None:
        """The patch with these axes whole; None where no window is left on another."""
        spans = {axis: span for axis, span in patch.spans.items() if axis not in set(axes)}
        if len(spans) == len(patch.spans):
            return patch
        return patch._replace(content=self.read(patch.base, patch, spans), spans=spans) if spans else None

    def whole(self, patch: Patch) -> Any:
        """The edited rows' tensor in full, in its own shape."""
        content = self.read(patch.base, patch, {}) if patch.spans else patch.content
        if patch.view == "flat":
            return tf.reshape(content, (-1, prod(patch.base.shape.as_list()[1:])))
        return tf.reshape(content, (-1, patch.base.shape[-1])) if patch.view == "rows" else content

    def _axis(self, length: int, own: Span | None, where: Any, has_patch: bool) -> Axis:
        """What is read of an axis of `length`: a span, places, or (None) all of it."""
        if where is None:
            where = tf.constant([[*range(length)]], tf.int32)
        if not isinstance(where, Span):
            inside, in_patch = (None, where) if own is None else self._inside(own, where)
            size = where.shape[1] or tf.shape(where)[1]
            return Axis(size, where, length, in_patch, length if own is None else own.width, inside)
        # One sample more at either end stands for all that lies beyond.
        places = self._places(where)
        in_base, base_length, cut = places, length + 2, None
        if has_patch and length > LONG * where.width:
            cut = self._kept(("cut", where), lambda: (tf.reduce_min(places), tf.reduce_max(places) + 1))
            in_base, base_length = places - cut[0], cut[1] - cut[0]
        inside, in_patch = self._kept(("inside", own, where), lambda: self._inside(own, where))
        return Axis(where.width, in_base, base_length, in_patch, length if own is None else own.width, inside, cut)

    def _places(self, span: Span) -> Any:
        """Of the span on an axis with one more sample at either end, in each row: ``(rows, width)``."""
        offsets = tf.constant([[*range(1, span.width + 1)]], tf.int32)
        return self._kept(
            ("places", span), lambda: tf.clip_by_value(self.starts(span) + offsets, 0, span.length + 1)
        )

    def _inside(self, own: Span | None, where: Any) -> tuple[Any, Any]:
        """Which places lie in the window `own` (all of the axis for None) and in the signal, and where in it."""
        place = where
        if isinstance(where, Span):
            place = self.starts(where) + tf.constant([[*range(where.width)]], tf.int32)
        if own is None:
            return (place >= 0) & (place < where.length), place
        start = self.starts(own)
        return (place >= tf.maximum(start, 0)) & (place < tf.minimum(start + own.width, own.length)), place - start

    def _kept(self, key: Any, make: Callable[[], Any]) -> Any:
        """What several tensors need is computed once."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]


def _numbered(row: Any, axes: Sequence[tuple[Any, Any]]) -> Any:
    """Numbers of all combinations of places, in rows that lie one after the other: ``(rows, *sizes)``."""
    number = tf.reshape(row, [-1, *[1] * len(axes)])
    for at, (places, length) in enumerate(axes):
        number = number * length + _along(places, at, len(axes))
    return number


def _everywhere(inside: Sequence[Any]) -> Any:
    """Whether a combination of places lies in the patch on every axis."""
    found = True
    for at, on_axis in enumerate(inside):
        if on_axis is not None:
            found = found & _along(on_axis, at, len(inside))
    return found


def _along(places: Any, at: int, count: int) -> Any:
    """``(rows, size)`` as axis number `at` of `count`, to be broadcast."""
    return places if count == 1 else places[(slice(None), *[None] * at, slice(None), *[None] * (count - at - 1))]


def joined(patches: Sequence[Patch], shape: Sequence[int | None]) -> dict[int, Span]:
    """The spans that patches have in common in an output of `shape`: windows that hold all of theirs.

    An axis has none on which one of them is whole, or has one value for all places; where their windows move at
    different speeds; or which is not worth a window.
    """
    spans: dict[int, Span] = {}
    for axis in set.intersection(*(set(p.spans) for p in patches)):
        of = [p.spans[axis] for p in patches]
        span = of[0]
        if any(
            (s.axis, s.length, s.step * span.period) != (span.axis, shape[axis], span.step * s.period) for s in of
        ):
            continue
        for other in of[1:]:
            span = span if same(span, other) else union(span, other)
        if span.width < span.length:
            spans[axis] = span
    return spans
