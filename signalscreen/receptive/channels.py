"""Which tensors of a graph of layers have their channels first, and steps laid out as if none had."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from signalscreen.receptive.steps import Step, trace

# Layers that do the same to every number, whatever axis it lies on.
_EITHER = frozenset(
    "InputLayer ReLU LeakyReLU PReLU ELU Activation Identity Dropout SpatialDropout1D SpatialDropout2D "
    "SpatialDropout3D GaussianDropout GaussianNoise AlphaDropout ActivityRegularization Rescaling Add Subtract "
    "Multiply Average Maximum Minimum Divide TrueDivide Negative Absolute Square Sqrt Exp Log Relu Relu6 Elu Selu "
    "Gelu Silu LeakyRelu Sigmoid Tanh Softplus HardSigmoid HardSilu Concatenate".split()
)
_SWEEPS = 8  # through a graph and back; what is not known then is taken for channels last


def traced(graph: Any) -> tuple[list[Step], list[int]]:
    """The calls of a graph's layers laid out channels last, and the numbers of its inputs."""
    steps, inputs = trace(graph)
    return laid_out(steps), inputs


def laid_out(steps: list[Step]) -> list[Step]:
    """The steps with shapes ``(*axes, channels)``; `first` says of each whether the layer has them otherwise."""
    marks: dict[int, bool] = {}
    for _ in range(_SWEEPS):
        before = dict(marks)
        for step in [*steps, *reversed(steps)]:
            _mark(step, marks)
        if marks == before:
            break
    if not any(marks.values()):
        return steps
    return [_turned(step, marks) for step in steps]


def _mark(step: Step, marks: dict[int, bool]) -> None:
    """Note what a layer says of the tensors that it takes and gives."""
    ends = [*step.sources, *step.results[:1]]
    said = _said(step.layer, len(step.output) + 1)
    if said is not None:
        marks.update(dict.fromkeys(ends, said))
    elif type(step.layer).__name__ == "Permute":
        _mark_permuted(step, marks)
    elif type(step.layer).__name__ in _EITHER or type(step.layer).__name__ == "BatchNormalization":
        alike = [
            n for n, shape in zip(ends, [*step.inputs, step.output], strict=False) if len(shape) == len(step.output)
        ]
        known = [marks[n] for n in alike if n in marks]
        if known:
            for n in alike:
                marks.setdefault(n, known[0])


def _said(layer: Any, rank: int) -> bool | None:
    """Whether a layer has channels first; None where it does not say."""
    kind = type(layer).__name__
    if kind == "BatchNormalization" and rank > 2:
        axis = layer.axis if isinstance(layer.axis, int) else layer.axis[0]
        return axis % rank == 1 if rank > 2 and axis % rank in (1, rank - 1) else None
    given = getattr(layer, "data_format", None)
    if kind == "Flatten" or given not in ("channels_first", "channels_last"):
        return None
    return bool(given == "channels_first")


def _mark_permuted(step: Step, marks: dict[int, bool]) -> None:
    to_first, to_last = _moves(step.layer.dims)
    if not (to_first or to_last) or not step.sources:
        return
    source, result = step.sources[0], step.results[0]
    if source in marks:
        marks.setdefault(result, not marks[source])
    elif result in marks:
        marks.setdefault(source, not marks[result])


def _moves(dims: Sequence[int]) -> tuple[bool, bool]:
    """Whether a permutation brings the last axis to the front, or the first to the end, and leaves the others."""
    n = len(dims)
    return tuple(dims) == (n, *range(1, n)), tuple(dims) == (*range(2, n + 1), 1)


def _turned(step: Step, marks: dict[int, bool]) -> Step:
    first = marks.get(step.results[0], False) if step.results else False
    inputs = [
        _last(shape) if marks.get(source, False) else shape
        for source, shape in zip(step.sources, step.inputs, strict=False)
    ]
    more = step.inputs[len(inputs) :]
    comes = bool(step.sources) and len(step.inputs[0]) > 1 and marks.get(step.sources[0], False)
    return replace(
        step,
        inputs=(*inputs, *more),
        output=_last(step.output) if first else step.output,
        first=comes,
        turns=type(step.layer).__name__ == "Permute" and comes != first,
    )


def _last(shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    return (*shape[1:], shape[0]) if len(shape) > 1 else shape
