"""Heads: the softmax or sigmoid at the end of a model, found behind what is done to its probabilities.

`call` runs a model and looks for the head of each output. What only moves, picks, bounds or rescales probabilities
is gone through: movers are repeated on the logits, scales, shifts and bounds are dropped. A head written by hand is
recognised by trying it on numbers (`by_hand`). An output that is made of probabilities and has no logit is named.
"""

from collections.abc import Callable, Sequence
from math import exp, log
from typing import Any, NamedTuple

import numpy as np

from signalscreen import graph
from signalscreen.backend import tf
from signalscreen.by_hand import bounded, made_of_heads, recognised
from signalscreen.graph import FUNCTION_OPS, Run, copy_op
from signalscreen.order import Order

HIDDEN = "comes from a function that cannot be looked into"

# Ops that only move or pick numbers, by where their input of numbers stands.
_MOVERS = {
    **dict.fromkeys(
        "Identity Snapshot PreventGradient CheckNumerics StopGradient EnsureShape Cast Reshape Squeeze ExpandDims "
        "Transpose StridedSlice Slice Gather GatherV2 GatherNd SplitV Unpack Tile BroadcastTo Reverse ReverseV2 "
        "Roll ReverseSequence ResizeNearestNeighbor SpaceToBatchND BatchToSpaceND SpaceToDepth "
        "DepthToSpace".split(),
        slice(0, 1),
    ),
    "Split": slice(1, 2),
    "Pack": slice(None),
    "ConcatV2": slice(0, -1),
    "IdentityN": slice(None),
}
# Ops that pick the highest or lowest of several numbers.
_EXTREMES = {**dict.fromkeys("Max Min MaxPool MaxPoolV2 MaxPool3D TopKV2".split(), 1), "Maximum": 2, "Minimum": 2}
# What a loop gives, step by step.
_LOOPS = set("TensorListStack TensorListGetItem TensorListConcatV2 TensorArrayGatherV3 TensorArrayReadV3".split())
# A bound that trims a probability no nearer to its middle than this is dropped.
_END = 0.01
_NOTHING = 1e-6  # a probability that counts as 0


class Head(NamedTuple):
    """A tensor of probabilities, of their logarithms, or of either in other units, and the logits behind it.

    Attributes
    ----------
    logit : Tensor
        Laid out like the tensor.
    sigmoid : bool
        Each probability belongs to one logit. Those of a softmax belong to all of a row.
    scale, shift : float
        The tensor is ``scale * p + shift``. NaN where parts of several kinds were put side by side.
    log : bool
        It is ``scale * log(p) + shift``.
    """

    logit: Any
    sigmoid: bool
    scale: float = 1.0
    shift: float = 0.0
    log: bool = False

    def probability(self, value: float) -> float:
        """The p at which the tensor has this value."""
        p = (value - self.shift) / self.scale
        return exp(min(p, 1.0)) if self.log else p


def lost_logit(why: str) -> str:
    """What follows from why an output has no logit, in words."""
    if why == HIDDEN:
        return f"{why}, so a softmax or sigmoid at its end stays part of the score"
    return f"{why} and has no logit that could be found, so it is explained as it is"


def call(model: Any, inputs: list[Any], structure: Any, orders: Sequence[Order] = ()) -> Run:
    """Run `model` as `graph.call` does, and find the logits of each of its outputs."""
    run = graph.call(model, inputs, structure, orders)
    made = run.inputs[0].graph
    before = len(made.get_operations())
    heads = Heads()
    outputs = tf.nest.flatten(run.outputs)
    found = [heads.of(t) for t in outputs]
    logits = [t if head is None else head.logit for t, head in zip(outputs, found, strict=True)]
    return run._replace(
        logits=tf.nest.pack_sequence_as(run.outputs, logits),
        before=heads.logits(outputs),
        said=[heads.why(t) for t in outputs],
        # What is repeated on logits needs backward rules like any other op.
        ops=[*run.ops, *(op for op in made.get_operations()[before:] if op.type != "Placeholder")],
    )


class Heads:
    """The heads of one run, each looked for once."""

    def __init__(self) -> None:
        self._found: dict[str, Head | None] = {}
        self._moved: dict[str, list[Any]] = {}

    def logits(self, outputs: list[Any]) -> dict[str, Any]:
        """The logits behind each tensor of probabilities on the way to `outputs`, by the tensor's name."""
        found: dict[str, Any] = {}
        waiting = list(outputs)
        while waiting:
            tensor = waiting.pop()
            head = self._found.get(tensor.name)
            if head is not None and tensor.name not in found:
                found[tensor.name] = head.logit
                waiting.extend(tensor.op.inputs)
        return found

    def of(self, tensor: Any) -> Head | None:
        """The head that `tensor` comes from; None where there is none, or its logits are lost."""
        if tensor.name not in self._found:
            self._found[tensor.name] = self._look(tensor) if tensor.dtype.is_floating else None
        return self._found[tensor.name]

    def why(self, tensor: Any) -> str:
        """Why an output that is or may be a probability has no logit; "" where it has one or is none."""
        if not tensor.dtype.is_floating or self.of(tensor) is not None:
            return ""
        op = tensor.op
        if op.type in FUNCTION_OPS | _LOOPS:
            return HIDDEN
        if op.type in _MOVERS:
            return next(filter(None, map(self.why, op.inputs[_MOVERS[op.type]])), "")
        if made_of_heads(tensor, self.of):
            return f"is computed from probabilities (by {op.type}, {op.name})"
        if bounded(tensor):
            return f"lies between 0 and 1 whatever the network gives (by {op.type}, {op.name})"
        return ""

    def _look(self, tensor: Any) -> Head | None:
        op = tensor.op
        if op.type in ("Softmax", "Sigmoid", "LogSoftmax"):
            return Head(op.inputs[0], op.type == "Sigmoid", log=op.type == "LogSoftmax")
        if op.type in _MOVERS:
            return self._mover(tensor)
        step = _STEPS.get(op.type)
        known = step(self, tensor) if step else None
        written = None if known is not None else recognised(tensor)
        return known if written is None else Head(*written)

    def _mover(self, tensor: Any) -> Head | None:
        """The same op on the logits; parts that are no probabilities stay as they are."""
        op, where = tensor.op, _MOVERS[tensor.op.type]
        if op.type == "IdentityN":
            return self.of(op.inputs[tensor.value_index])
        parts = list(op.inputs[where])
        heads = [self.of(part) for part in parts]
        there = [head for head in heads if head is not None]
        if not there or any(head is None and self.why(t) for t, head in zip(parts, heads, strict=True)):
            return None
        logits = [t if head is None else head.logit for t, head in zip(parts, heads, strict=True)]
        moved = self._again(tensor, where, logits)
        kinds = {head[1:] if head else None for head in heads}
        return there[0]._replace(logit=moved) if len(kinds) == 1 else Head(moved, False, np.nan, np.nan)

    def _again(self, tensor: Any, where: slice, logits: list[Any]) -> Any:
        """The output of the tensor's op with other inputs, `logits`, at these places."""
        op = tensor.op
        if op.name not in self._moved:
            inputs = list(op.inputs)
            inputs[where] = logits
            self._moved[op.name] = list(copy_op(op, inputs).outputs)
        return self._moved[op.name][tensor.value_index]

    def _extreme(self, tensor: Any) -> Head | None:
        """The highest or lowest of several sigmoids is that of the highest or lowest logit."""
        where = slice(0, _EXTREMES[tensor.op.type])
        parts = list(tensor.op.inputs[where])
        for number, other in zip(map(_number, parts), parts[::-1], strict=True):
            if len(parts) == 2 and number is not None:
                return self._bounded(tensor, other, number)
        heads = [self._single(part) for part in parts]
        kinds = {head and head[1:] for head in heads}
        if None in kinds or len(kinds) > 1 or not heads[0].sigmoid:  # type: ignore[union-attr] # None is among them
            return None
        logits = [head.logit for head in heads if head is not None]
        return heads[0]._replace(logit=self._again(tensor, where, logits))  # type: ignore[union-attr]

    def _bounded(self, tensor: Any, part: Any, number: float) -> Head | None:
        """A bound near the end of what a probability may be, as before a logarithm, is dropped."""
        head = self._single(part, tensor)
        p = np.nan if head is None else head.probability(number)
        return head if (p <= _END if tensor.op.type == "Maximum" else p >= 1 - _END) else None

    def _clipped(self, tensor: Any) -> Head | None:
        """The same for both bounds."""
        part, *limits = tensor.op.inputs
        head, (low, high) = self._single(part, tensor), map(_number, limits)
        if head is None or low is None or high is None:
            return None
        return head if head.probability(low) <= _END and head.probability(high) >= 1 - _END else None

    def _rescaled(self, tensor: Any) -> Head | None:
        """A scale and a shift, the same for all numbers, are dropped; one minus a sigmoid is another one's."""
        kind, inputs = tensor.op.type, tensor.op.inputs
        numbers = [_number(t) for t in inputs]
        at = 1 if numbers[0] is not None else 0
        if (head := self._single(inputs[at], tensor)) is None:
            return None
        factor, term = _factor_and_term(kind, at, None if len(inputs) < 2 else numbers[1 - at])
        scale, shift = factor * head.scale, factor * head.shift + term
        if scale > 0:
            return head._replace(scale=scale, shift=shift)
        if scale < 0 and head.sigmoid and not head.log:  # p = 1 - (1 - p)
            return head._replace(logit=-head.logit, scale=-scale, shift=shift + scale)
        return None

    def _log(self, tensor: Any) -> Head | None:
        head = self._single(tensor.op.inputs[0])
        if head is None or head.log or not 0 <= head.shift <= _END * head.scale:
            return None
        return head._replace(scale=1.0, shift=log(head.scale), log=True)

    def _exp(self, tensor: Any) -> Head | None:
        head = self._single(tensor.op.inputs[0])
        if head is None or not head.log or head.scale != 1:
            return None
        return head._replace(scale=exp(head.shift), shift=0.0, log=False)

    def _selected(self, tensor: Any) -> Head | None:
        """Chosen between two heads, or between a head and a number that stands where nothing is (a mask)."""
        parts = list(tensor.op.inputs[1:])
        heads = [self._single(part) for part in parts]
        kinds = {head[1:] for head in heads if head is not None}
        if len(kinds) != 1:
            return None
        [head] = {head[1:]: head for head in heads if head is not None}.values()
        logits = [
            _filled(head, _number(t)) if own is None else own.logit for t, own in zip(parts, heads, strict=True)
        ]
        if any(logit is None for logit in logits):
            return None
        return head._replace(logit=self._again(tensor, slice(1, 3), logits))

    def _padded(self, tensor: Any) -> Head | None:
        part, widths, *value = tensor.op.inputs
        head = self._single(part)
        fill = None if head is None else _fill(head, _number(value[0]) if value else 0.0)
        if head is None or fill is None:
            return None
        return head._replace(logit=tf.pad(head.logit, widths, constant_values=tf.constant(fill, tensor.dtype)))

    def _single(self, part: Any, tensor: Any = None) -> Head | None:
        """The head of `part`, where that is of one kind and, if `tensor` is given, as large as this."""
        head = self.of(part)
        fits = tensor is None or part.shape.as_list() == tensor.shape.as_list()
        return head if head is not None and fits and not np.isnan(head.scale) else None


_STEPS: dict[str, Callable[[Heads, Any], Head | None]] = {
    **dict.fromkeys(_EXTREMES, Heads._extreme),
    **dict.fromkeys(("Add", "AddV2", "Sub", "Mul", "RealDiv", "Neg"), Heads._rescaled),
    **dict.fromkeys(("Select", "SelectV2"), Heads._selected),
    **dict.fromkeys(("Pad", "PadV2"), Heads._padded),
    "ClipByValue": Heads._clipped,
    "Log": Heads._log,
    "Exp": Heads._exp,
}


def _factor_and_term(kind: str, at: int, number: float | None) -> tuple[float, float]:
    """``(a, b)`` of an op that makes a * x + b of its input number `at`; a is 0 where it does not."""
    if kind == "Neg":
        return -1.0, 0.0
    if number is None or (kind == "RealDiv" and (at == 1 or number == 0)):
        return 0.0, 0.0
    if kind in ("Mul", "RealDiv"):
        return (number if kind == "Mul" else 1 / number), 0.0
    if kind == "Sub":
        return (1.0, -number) if at == 0 else (-1.0, number)
    return 1.0, number


def _fill(head: Head, number: float | None) -> float | None:
    """The logit that stands for a number put between probabilities; None where it is no end of their range."""
    p = np.nan if number is None else head.probability(number)
    far = -log(np.finfo(head.logit.dtype.as_numpy_dtype).tiny)
    if abs(p) < _NOTHING:
        return -far
    return far if head.sigmoid and abs(p - 1) < _NOTHING else None


def _filled(head: Head, number: float | None) -> Any:
    fill = _fill(head, number)
    return None if fill is None else tf.fill(tf.shape(head.logit), tf.constant(fill, head.logit.dtype))


def _number(tensor: Any) -> float | None:
    """The value of a constant that is the same number throughout."""
    value = tf.get_static_value(tensor)
    flat = np.ravel(value) if value is not None else np.empty(0)
    return float(flat[0]) if flat.size and (flat == flat[0]).all() else None
