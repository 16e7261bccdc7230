"""What the work costs, in full and by patches: whether it is worth it, and what to tell the user.

A cost is an estimate in seconds on one machine of two cores. Only ratios of costs are used.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

from signalscreen.graph import FUNCTION_OPS

WORTH_WHILE = 1.15  # the least estimated gain for which edits are run by patches

_PER_MAC = 1 / 50e9  # one multiplication and addition in a convolution
_PER_VALUE = 1 / 2e9  # one value written by any op, or read from the base
_PER_OP = 6e-6  # one op run, however little it does
_KERNELS = {"Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv3DBackpropInputV2"}


class Step(NamedTuple):
    """One op that an edit reaches.

    Attributes
    ----------
    layer : str
        The layer that the op belongs to, or in a model of raw ops the next one.
    op : str
        Its type.
    how : {"patch", "full", "lost"}
        By patches; in full; or in full because there is no rule for it here.
    shape, computed : tuple of int
        Of the output, without the batch: in full, and as computed for one edited row.
    macs, macs_done : float
        Multiplications and additions, in full and as done.
    """

    layer: str
    op: str
    how: str
    shape: tuple[int | None, ...]
    computed: tuple[int | None, ...]
    macs: float
    macs_done: float


class Plan(NamedTuple):
    """How a model is run for edits of one width.

    Attributes
    ----------
    steps : tuple of Step
    seconds, seconds_done : float
        Estimated for one edited row among many, in full and as done.
    overhead : float
        Seconds that every call takes, however few rows it has.
    most : int
        Edited rows in a call.
    """

    steps: tuple[Step, ...]
    seconds: float
    seconds_done: float
    overhead: float
    most: int

    @property
    def limit(self) -> float:
        """How many times fewer multiplications are done: what no arrangement of the work could beat."""
        return sum(s.macs for s in self.steps) / max(sum(s.macs_done for s in self.steps), 1.0)

    def gain(self, rows: int = 100_000, examples: int = 1) -> float:
        """How many times faster than in full the work is expected to be, for so many edited rows."""
        calls = -(-rows // self.most)
        done = rows * self.seconds_done + examples * self.seconds + (calls + 1) * self.overhead
        return rows * self.seconds / done

    def is_worth(self, rows: int = 100_000, examples: int = 1) -> bool:
        """Whether so many edited rows gain enough to be run by patches."""
        return self.gain(rows, examples) >= WORTH_WHILE

    @property
    def lost(self) -> Step | None:
        """The first op without a rule, if what runs in full from there on is a good part of the work."""
        for i, step in enumerate(self.steps):
            if step.how == "lost":
                after = self.steps[i:]
                much = sum(s.macs for s in after) > 0.1 * sum(s.macs for s in self.steps)
                return step if much or any(s.op in FUNCTION_OPS for s in after) else None
        return None


def macs_of(op: Any, shape: Sequence[int | None]) -> float:
    """Multiplications and additions of an op with an output of `shape`, without the batch."""
    values = float(prod(n or 1 for n in shape))
    if op.type in _KERNELS:
        *window, rows, filters = op.inputs[1].shape.as_list()
        if "Backprop" in op.type:  # every input value meets the kernel once
            inputs = op.inputs[2].shape.as_list()[1:]
            out = prod(n or 1 for n in op.outputs[0].shape.as_list()[1:])
            return values / out * float(prod(n or 1 for n in inputs[:-1]) * prod(window) * rows * filters)
        return values * prod(window) * (1 if op.type == "DepthwiseConv2dNative" else rows)
    if op.type in ("MatMul", "BatchMatMulV2"):
        turned = op.get_attr("transpose_b" if op.type == "MatMul" else "adj_y")
        features = op.inputs[1].shape[-1 if turned else -2] or 1
        return values * features * _positions(op, shape, features)
    if op.type == "Einsum":
        sizes = [x.shape.as_list() for x in op.inputs]
        letters = op.get_attr("equation").decode().split("->")[0].split(",")
        named = {
            name: n or 1 for some, ns in zip(letters, sizes, strict=True) for name, n in zip(some, ns, strict=False)
        }
        return float(prod(named.values()))  # every choice of all letters is one product
    return 0.0


def _positions(op: Any, shape: Sequence[int | None], features: int) -> int:
    """How many of one example's positions a dense layer has laid out as rows, where `shape` does not show them."""
    laid_out = op.inputs[0].op
    if op.type != "MatMul" or len(shape) != 1 or laid_out.type != "Reshape":
        return 1
    return max(1, prod(n or 1 for n in laid_out.inputs[0].shape.as_list()[1:]) // features)


def plan_of(walk: Any, ops: int, layer_of: Callable[[Any], str], rows: int) -> Plan:
    """The plan of a walk.

    Parameters
    ----------
    walk : Walk
    ops : int
        Ops in a call on edited rows.
    layer_of : callable
        The name of the layer that an op belongs to.
    rows : int
        Edited rows in a call.
    """
    steps, full, done = [], 0.0, walk.edits.values_read * _PER_VALUE
    for op, patches, how in walk.steps:
        first = patches[0]  # outputs of one op are alike
        shape = tuple(first.base.shape.as_list()[1:])
        computed = tuple(first.content.shape.as_list()[1:]) if first.content.shape.rank else shape
        counted = walk.counted.get(op.name, op)
        macs = macs_of(counted, shape)
        needed, used = walk.shares.get(op.name, (1.0, 1.0))
        macs_done = macs_of(counted, computed) * needed
        full += macs * _PER_MAC + prod(n or 1 for n in shape) * _PER_VALUE
        done += macs_done / needed * used * _PER_MAC + prod(n or 1 for n in computed) * _PER_VALUE
        if macs or how == "lost" or op.type in FUNCTION_OPS:
            steps.append(Step(layer_of(op), op.type, how, shape, computed, macs, macs_done))
    return Plan(tuple(steps), full, done, ops * _PER_OP, rows)
