"""Carry a batch of patches through a model's graph: recompute what an edit reaches, take the rest as it was.

Every op has been run once on the signal that nobody edited: the *base*. An edited row needs of each tensor only
the stretch that the edit can change, its `Patch`. Where an op looks beyond the stretch (a convolution), the
neighbours come from the base: `Edits.read` puts the two together, and that is the whole trick. The ops'
rules are in `rules.py`; where there is none, the patch is written into the full tensor and the op runs as it is.
"""

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from signalscreen.backend import tf
from signalscreen.graph import copy_op
from signalscreen.patches.spans import Span, same, union

# Of a whole axis: a stretch that covers more is not worth the reading, and the axis is computed in full.
WORTH = 0.85

# An axis of so many windows' lengths is not copied whole to read them, only from the first to the last in a call.
LONG = 128

Found = list[Any] | None  # what a rule returns: of Patch, or None for an output that did not change


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


class Edits:
    """Where each row's edit begins, and of which example; what rules need to read tensors of these rows.

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

    def _kept(self, key: Any, make: Callable[[], Any]) -> Any:
        """What several tensors need is computed once."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

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
        last = max(*own, *spans, 0)
        lengths = base.shape.as_list()[1:]
        width = prod(lengths[last:])
        # Places on each axis, of the base with one more sample on either end: what lies beyond the signal.
        axes = [axis for axis in range(1, last + 1) if axis in own or axis in spans or lengths[axis - 1] != 1]

        def along(t: Any, axis: int) -> Any:
            at = axes.index(axis)
            return (
                t[(slice(None), *[None] * at, slice(None), *[None] * (len(axes) - at - 1))] if len(axes) > 1 else t
            )

        in_base = tf.reshape(tf.zeros_like(self.example) if shared else self.example, [-1, *[1] * len(axes)])
        in_patch = tf.reshape(tf.range(self.rows), [-1, *[1] * len(axes)])
        edited, sizes, pads = [], [], [[0, 0] for _ in base.shape]
        part = None  # of the base, on its first axis with a span: what these rows touch, which is less to copy
        for axis in range(1, last + 1):
            n = lengths[axis - 1]
            where = spans.get(axis, range(n))
            is_span = isinstance(where, Span)
            sizes.append(where.width if is_span else n if isinstance(where, range) else tf.shape(where)[1])
            if axis not in axes:
                continue
            if is_span:
                pads[axis] = [1, 1]
                places, long = self._places(where), n + 2
                if part is None and patch is not None and n > LONG * where.width:
                    lo, long, places = self._touched(where)
                    part = (slice(None),) * axis + (slice(lo, lo + long),)
                in_base = in_base * long + along(places, axis)
            else:
                where = tf.constant([[*where]], tf.int32) if isinstance(where, range) else where
                in_base = in_base * n + along(where, axis)
            if patch is not None and (axis in own or is_span):
                inside, offset = self._inside(own.get(axis), where, n)
                edited.append(along(inside, axis))
                in_patch = in_patch * (own[axis].width if axis in own else n) + along(offset, axis)
            elif patch is not None:
                in_patch = in_patch * n + along(where, axis)
        if any(map(any, pads)):
            base = tf.pad(base, pads, constant_values=np.array(outside, base.dtype.as_numpy_dtype))
        base = base if part is None else base[part]
        table, index = tf.reshape(base, (-1, width)), in_base
        if patch is not None:
            index = tf.shape(table)[0] + in_patch
            index = tf.where(_all(edited), index, in_base) if edited else index
            table = tf.concat([table, tf.reshape(patch.content, (-1, width))], 0)
        self.values_read += width * prod(n for n in sizes if isinstance(n, int))
        return tf.reshape(tf.gather(table, index), [-1, *sizes, *lengths[last:]])

    def _places(self, span: Span) -> Any:
        """Of the span on an axis with one more sample on either end, in each row: ``(rows, width)``."""
        offsets = tf.constant([[*range(1, span.width + 1)]], tf.int32)
        return self._kept(
            ("places", span), lambda: tf.clip_by_value(self.starts(span) + offsets, 0, span.length + 1)
        )

    def _touched(self, span: Span) -> tuple[Any, Any, Any]:
        """The first of these places in any row, how far they reach from there, and the places from there."""

        def make() -> tuple[Any, Any, Any]:
            places = self._places(span)
            lo = tf.reduce_min(places)
            return lo, tf.reduce_max(places) + 1 - lo, places - lo

        return self._kept(("touched", span), make)

    def _inside(self, own: Span | None, where: Any, length: int) -> tuple[Any, Any]:
        """Which places lie in the window `own` and in the signal, and where in the window."""

        def make() -> tuple[Any, Any]:
            place = where
            if isinstance(where, Span):
                place = self.starts(where) + tf.constant([[*range(where.width)]], tf.int32)
            if own is None:
                return (place >= 0) & (place < length), place
            start = self.starts(own)
            stop = tf.minimum(start + own.width, length)
            return (place >= tf.maximum(start, 0)) & (place < stop), place - start

        return self._kept(("inside", own, where), make) if isinstance(where, Span) else make()

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


def _all(conditions: Sequence[Any]) -> Any:
    found = conditions[0]
    for condition in conditions[1:]:
        found = found & condition
    return found


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


class Walk:
    """One pass over the ops of a model's run, for edited rows.

    Parameters
    ----------
    edits : Edits
    rules : dict of {str: callable}
        By op type: ``rule(walk, op, inputs) -> [Patch or None for each output]``; None where the rule does not
        apply, and an empty list where it does but the op is cheaper in full. `inputs` are patches where
        something changed and the base's tensors elsewhere.
    """

    def __init__(self, edits: Edits, rules: dict[str, Callable[..., Any]]) -> None:
        self.edits, self.rules = edits, rules
        self.patches: dict[str, Patch] = {}
        self.resized: dict[str, Any] = {}  # what was computed from the number of rows
        self.batched: set[str] = set()  # unedited tensors with a row per example
        self.fused: dict[str, Patch | None] = {}  # ops that were treated together with an earlier one
        self.known: set[str] = set()  # the ops that are walked
        self.steps: list[tuple[Any, list[Patch], str]] = []  # op, outputs, how: "patch", "full" or "lost"
        self.picked: dict[str, list[tuple[Span, int]]] = {}  # ops that take one place of each of these spans
        self.counted: dict[str, Any] = {}  # the op in which the work is done, where it is another one
        # Part of the work that has to be done, and that is done, where the output does not show it.
        self.shares: dict[str, tuple[float, float]] = {}

    def run(self, ops: Sequence[Any]) -> None:
        """Walk `ops`, in the order in which they were made."""
        self.known = {op.name for op in ops}
        for op in ops:
            if op.name in self.fused:
                patch = self.fused[op.name]
                if patch is not None:
                    self.patches[op.outputs[0].name] = patch
                continue
            names = [x.name for x in op.inputs]
            changed = any(n in self.patches for n in names)
            if not changed and not any(n in self.resized for n in names):
                if any(n in self.batched for n in names):
                    self.batched.update(out.name for out in op.outputs)
                continue
            if changed and op.type in _SIZES:
                self._resize(op)
                continue
            if not changed and not any(n in self.batched for n in names):
                made = copy_op(op, [self.resized.get(x.name, x) for x in op.inputs])
                self.resized.update({out.name: new for out, new in zip(op.outputs, made.outputs, strict=True)})
                continue
            self._step(op)

    def _step(self, op: Any) -> None:
        inputs = [self.patches.get(x.name, self.resized.get(x.name, x)) for x in op.inputs]
        windowed = any(isinstance(x, Patch) and (x.spans or x.view) for x in inputs)
        found, how = None, "full"
        if windowed and any(x.name in self.resized and _has_values(x) for x in op.inputs):
            how = "lost"  # values made for the rows at hand, which have no base to read windows from
        elif windowed:
            rule = self.rules.get(op.type)
            found = rule(self, op, inputs) if rule else None
            how = "lost" if found is None else "patch" if found else "full"
        if not found:
            found = self.in_full(op, inputs)
        for i, (out, patch) in enumerate(zip(op.outputs, found, strict=True)):
            if patch is not None:
                self.patches[out.name] = patch
            elif op.inputs[i].name in self.batched:  # of IdentityN, which alone leaves outputs as they were
                self.batched.add(out.name)
        self.steps.append((op, [p for p in found if p is not None], how))

    def in_full(self, op: Any, inputs: Sequence[Any]) -> list[Patch]:
        """Run an op as it is, on whole tensors of the edited rows."""
        given = [self.edits.whole(x) if isinstance(x, Patch) else self.row_of(x) for x in inputs]
        made = copy_op(op, given)
        for new, old in zip(made.outputs, op.outputs, strict=True):
            new.set_shape(old.shape)
        return [Patch(new, {}, old) for new, old in zip(made.outputs, op.outputs, strict=True)]

    def row_of(self, tensor: Any) -> Any:
        """An unedited tensor with a row for each edit, if it has one for each example."""
        if tensor.name not in self.batched:
            return tensor
        free = (
            [i for i, n in enumerate(tensor.shape.as_list()) if n is None] if tensor.shape.rank is not None else [0]
        )
        if free:
            return tf.gather(tensor, self.edits.example, axis=free[0])
        if tensor.name not in self.resized:  # a number of examples, which is now one of rows
            self._resize(tensor.op)
        return self.resized[tensor.name]

    def _resize(self, op: Any) -> None:
        """Sizes of the edited rows' tensors, where `op` gave those of the unedited examples'."""
        if op.type not in _SIZES:
            made = copy_op(op, [self.row_of(x) for x in op.inputs]).outputs
        else:
            made = [self._size(x, out.dtype) for x, out in zip(op.inputs, op.outputs, strict=True)]
        self.resized.update({out.name: new for out, new in zip(op.outputs, made, strict=True)})

    def _size(self, tensor: Any, dtype: Any) -> Any:
        """The shape of a tensor, with as many rows as there are edits."""
        patch = self.patches.get(tensor.name)
        if patch is not None and not patch.spans and not patch.view:
            return tf.shape(patch.content, dtype)
        sizes = tf.shape(tensor, dtype)
        if patch is None and tensor.name not in self.batched:
            return sizes
        examples = tf.shape(next(iter(self.patches.values())).base, dtype)[0]
        rows = tf.cast(self.edits.rows, dtype)
        sizes = [n if n is not None else sizes[i] // examples * rows for i, n in enumerate(tensor.shape.as_list())]
        return tf.stack([tf.cast(n, dtype) for n in sizes])


_SIZES = ("Shape", "ShapeN")


def _has_values(tensor: Any) -> bool:
    """Whether a tensor is more than a size or a shape."""
    return tensor.shape.rank != 0 and (tensor.dtype.is_floating or tensor.shape.rank != 1)
