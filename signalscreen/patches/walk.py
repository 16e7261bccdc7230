"""Carry a batch of patches through a model's graph, op by op.

What an op does to a patch is its rule (`rules`); where there is none, the patch is written into the full tensor
and the op runs as it is.
"""

from collections.abc import Callable, Sequence
from typing import Any

from signalscreen.backend import tf
from signalscreen.graph import copy_op
from signalscreen.patches.reading import Edits, Patch
from signalscreen.patches.spans import Span

# Of a whole axis: a stretch that covers more is not worth the reading, and the axis is computed in full.
WORTH = 0.85

Found = list[Any] | None  # what a rule returns: of Patch, or None for an output that did not change


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
        # What the walk knows of each tensor, by name.
        self.patches: dict[str, Patch] = {}
        # What was computed from the number of rows: sizes, and what is made of them.
        self.resized: dict[str, Any] = {}
        self.batched: set[str] = set()  # unedited tensors with a row per example
        self.known: set[str] = set()  # the ops that are walked
        self.steps: list[tuple[Any, list[Patch], str]] = []  # op, outputs, how: "patch", "full" or "lost"
        # What rules note down. `dilated`: ops that were treated together with an earlier one, and the op in which
        # the work is done.
        self.fused: dict[str, Patch | None] = {}
        self.counted: dict[str, Any] = {}
        # `strided_slice`: ops that take one place of each of these spans.
        self.picked: dict[str, list[tuple[Span, int]]] = {}
        # `matrix_product`: part of the work that must be done, and that is done, where the output does not show it.
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
