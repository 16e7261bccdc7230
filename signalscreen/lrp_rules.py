"""Layer-wise relevance propagation, op by op: what is carried back is not a slope but the relevance itself.

Every op hands the relevance of its output on to its inputs, in proportion to what each contributed to it. An op
that only moves numbers moves their relevance along (its ordinary gradient does that); an op that mixes them
divides it by the epsilon or the gamma rule; a non-linearity of one number passes it through.

References
----------
Bach et al. 2015, "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance
Propagation"; Montavon et al. 2019, "Layer-Wise Relevance Propagation: An Overview", sections 10.2.1 to 10.2.3;
Andéol et al. 2023, the gamma rule for inputs of either sign; Achtibat et al. 2024, "AttnLRP", equations 10 to 15:
the softmax by its slopes, and two signals multiplied with half each.
"""

import weakref
from typing import Any, NamedTuple

from signalscreen.backend import tf
from signalscreen.errors import UnsupportedOpError
from signalscreen.graph import Run, active_ops, constant, copy_op
from signalscreen.rules import ordinary_gradient, refuse_functions, set_rule

_MOVING = set(
    "Identity Snapshot PreventGradient CheckNumerics Reshape Squeeze ExpandDims Transpose Concat ConcatV2 Split "
    "SplitV Pack Unpack Slice StridedSlice Pad PadV2 Gather GatherV2 GatherNd SpaceToBatchND BatchToSpaceND "
    "SpaceToDepth DepthToSpace Cast Reverse ReverseV2 Roll EnsureShape MaxPool MaxPoolV2 MaxPool3D Max Min Maximum "
    "Minimum".split()
)
_MIXING = set(
    "BiasAdd Add AddV2 AddN Sub Sum Mean AvgPool AvgPool3D Tile BroadcastTo ResizeNearestNeighbor ResizeBilinear "
    "Cumsum MirrorPad".split()
)
_WEIGHTED = {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"}
_CONVOLUTIONS = set(
    "Conv2D Conv3D DepthwiseConv2dNative Conv2DBackpropInput Conv3DBackpropInputV2 "
    "DepthwiseConv2dNativeBackpropInput".split()
)
_PASSING = set("Neg Relu Relu6 LeakyRelu Elu Selu Sigmoid Tanh Softplus Softsign IdentityN StopGradient".split())
_SCALING = {"Mul", "Div", "RealDiv"}
# Their kernel has its filters on the last axis, as the factors of a normalisation have.
_FILTERS_LAST = {"Conv2D", "Conv3D", *_WEIGHTED}
# Between products and their bias, where a 1D signal is made an image, or rows of one, for a while.
_BETWEEN = {"Squeeze", "ExpandDims", "Reshape", "Transpose", "BatchToSpaceND", "Identity"}


class Rule(NamedTuple):
    """What an op needs to know on the way back."""

    positions: list[int]  # of the inputs that carry the signal
    epsilon: float
    gamma: float
    after: list[tuple[str, str]]  # what else is done to each filter: "Mul", "Add", "Sub", and the constant's name


# Per graph, by the name of the op: an op itself would keep its graph, and the weights, alive.
_rules: "weakref.WeakKeyDictionary[Any, dict[str, Rule]]" = weakref.WeakKeyDictionary()


def apply_lrp(run: Run, score: Any, epsilon: float, gamma: float, instead: str) -> None:
    """Put the rules on the ops of `run` that carry the signal to `score`.

    Parameters
    ----------
    run : Run
        Only its ops get rules: what picks the score out of the outputs moves one number.
    score : Tensor, shape (batch,)
    epsilon, gamma : float
        Of the rules; gamma is for convolutions.
    instead : str
        Methods that take the model, for whom an op has no rule here.

    Raises
    ------
    UnsupportedOpError
        An op has no rule.
    """
    own = {op.name for op in run.ops}
    active = {op: positions for op, positions in active_ops(run, score).items() if op.name in own}
    refuse_functions(active)
    after = {op.name: _after(op, active) for op in active if op.type in _CONVOLUTIONS | _WEIGHTED}
    counted = {user for steps in after.values() for _, _, user in steps}
    table = _rules.setdefault(run.inputs[0].graph, {})
    for op, positions in active.items():
        steps = [(kind, constant) for kind, constant, _ in after.get(op.name, [])]
        table[op.name] = Rule(positions, epsilon, gamma, steps)
        name = "SignalScreenPassed" if op.name in counted else _rule(op, positions, gamma, instead)
        if name:
            set_rule(op, name)


def _rule(op: Any, positions: list[int], gamma: float, instead: str) -> str | None:
    """The name of the rule that an op needs; None where its ordinary gradient moves relevance as it should."""
    if op.type in _PASSING:
        return "SignalScreenPassed"
    if op.type in _SCALING and (positions == [0] or op.type == "Mul"):
        return "SignalScreenScaled"
    if op.type in ("Maximum", "Minimum") and len(positions) == 1:
        return "SignalScreenScaled"  # a bound: a non-linearity of one number, which may have to be gathered
    if op.type in _MIXING | _WEIGHTED | _CONVOLUTIONS | {"Softmax"}:
        raised = gamma and op.type in _CONVOLUTIONS and len(positions) == 1
        return "SignalScreenGamma" if raised else "SignalScreenEpsilon"
    if op.type in _MOVING:
        return "SignalScreenMaxPool3D" if op.type == "MaxPool3D" else None
    raise UnsupportedOpError(
        f"layer-wise relevance propagation has no rule for op {op.type} ({op.name}); use {instead}"
    )


def _after(op: Any, active: dict[Any, list[int]]) -> list[tuple[str, str, str]]:
    """Bias and normalisation of what products give, in order: kind, name of the constant, name of the op.

    They belong to the layer: its rule divides by the sum that they leave.
    """
    steps: list[tuple[str, str, str]] = []
    out = op.outputs[0]
    filters = out.shape[-1]
    at = out.shape.rank - 1  # the axis of the filters
    while True:
        users = [user for user in out.consumers() if user in active]
        if len(users) != 1:
            return steps
        user = users[0]
        if user.type in _BETWEEN:
            where = _moved(user, at)
            if where is None:
                return steps
            at = where
        else:
            kind = {"BiasAdd": "Add", "Add": "Add", "AddV2": "Add", "Sub": "Sub", "Mul": "Mul"}.get(user.type)
            if kind is None or len(active[user]) != 1 or (kind == "Mul" and op.type not in _FILTERS_LAST):
                return steps
            if kind == "Sub" and active[user] != [0]:
                return steps
            added = user.inputs[1 - active[user][0]]
            # Spread over another axis, it is none for each filter.
            if out.shape[at] not in (None, filters) or not _is_of_filters(
                user, added, at - out.shape.rank, filters
            ):
                return steps
            steps.append((kind, added.name, user.name))
        out = user.outputs[0]


def _moved(op: Any, at: int) -> int | None:
    """Where an op of `_BETWEEN` puts an axis; None where it does not stay one."""
    before, after = op.inputs[0].shape, op.outputs[0].shape
    if op.type == "Transpose":
        order = constant(op.inputs[1])
        return None if order is None else [int(a) for a in order].index(at)
    if op.type in ("Identity", "BatchToSpaceND"):
        return at
    # Axes are put in and taken out in front of it, or behind.
    from_end = before.rank - at
    if from_end == 1 or op.type == "Reshape":
        return after.rank - 1 if from_end == 1 else None
    if op.type == "Squeeze":
        gone = [d % before.rank for d in op.get_attr("squeeze_dims")]
        return at - sum(d < at for d in gone) if gone and at not in gone else None
    new = constant(op.inputs[1])
    return None if new is None else at + (int(new) % (before.rank + 1) <= at)


def _is_of_filters(op: Any, added: Any, at: int, filters: int | None) -> bool:
    """Whether a constant has one number for each filter, whose axis is `at`, counted from the end."""
    shape = added.shape
    if not (shape.is_fully_defined() and shape.rank) or shape.num_elements() != filters:
        return False
    if op.type == "BiasAdd":
        return at == (1 - op.inputs[0].shape.rank if op.get_attr("data_format") == b"NCHW" else -1)
    return -at <= shape.rank and shape[at] == filters


def _stable(z: Any, epsilon: float) -> Any:
    """`z` held away from zero."""
    return z + tf.where(z >= 0, tf.cast(epsilon, z.dtype), tf.cast(-epsilon, z.dtype))


def _affine(op: Any) -> tuple[Any, Any]:
    """Factor and bias of each filter that follow on the op's products."""
    dtype = op.outputs[0].dtype
    scale, bias = tf.ones([], dtype), tf.zeros([], dtype)
    for kind, name in _rules[op.graph][op.name].after:
        constant = tf.reshape(op.graph.get_tensor_by_name(name), [-1])
        if kind == "Mul":
            scale, bias = scale * constant, bias * constant
        else:
            bias = bias - constant if kind == "Sub" else bias + constant
    return scale, bias


def _shared_out(op: Any, inputs: list[Any], positions: list[int], relevance: Any) -> list[Any]:
    """Each carrying input times its gradient: its part of what the op gives, `relevance` for each unit of it."""
    grads = ordinary_gradient(op, [relevance], inputs)
    return [inputs[i] * grads[i] if i in positions else None for i in range(len(inputs))]


@tf.RegisterGradient("SignalScreenPassed")
def _passed(op: Any, *relevance: Any) -> Any:
    positions = _rules[op.graph][op.name].positions
    if op.type in ("IdentityN", "StopGradient"):
        return list(relevance)
    return [relevance[0] if i in positions else None for i in range(len(op.inputs))]


@tf.RegisterGradient("SignalScreenScaled")
def _scaled(op: Any, relevance: Any) -> Any:
    """A signal times a constant, or held to it, keeps its relevance; two signals multiplied have half each."""
    rule = _rules[op.graph][op.name]
    share = relevance / len(rule.positions)
    parts: list[Any] = []
    for i, x in enumerate(op.inputs):
        if i not in rule.positions:
            parts.append(None)
            continue
        # Where one number was spread over several places, its relevance is their sum.
        axes, _ = tf.raw_ops.BroadcastGradientArgs(s0=tf.shape(x), s1=tf.shape(share))
        parts.append(tf.reshape(tf.reduce_sum(share, axes), tf.shape(x)))
    return parts


@tf.RegisterGradient("SignalScreenEpsilon")
def _epsilon(op: Any, relevance: Any) -> Any:
    """Each input times its slope, over what the op gives: of a sum of products, their sum."""
    rule = _rules[op.graph][op.name]
    weighed = op.type in _WEIGHTED | _CONVOLUTIONS
    scale, bias = _affine(op)
    share = relevance * scale / _stable(op.outputs[0] * scale + bias, rule.epsilon)
    share = share / len(rule.positions) if weighed else share  # two signals multiplied have half each
    return _shared_out(op, list(op.inputs), rule.positions, share)


@tf.RegisterGradient("SignalScreenGamma")
def _gamma(op: Any, relevance: Any) -> Any:
    """The epsilon rule with the terms that agree with the sign of their sum made larger by gamma."""
    rule = _rules[op.graph][op.name]
    [position] = rule.positions
    x = op.inputs[position]
    kernel_at = next(i for i in range(len(op.inputs)) if i != position and op.inputs[i].dtype.is_floating)
    scale, bias = _affine(op)
    kernel = op.inputs[kernel_at] * scale
    raised = {+1: kernel + rule.gamma * tf.nn.relu(kernel), -1: kernel - rule.gamma * tf.nn.relu(-kernel)}
    z = op.outputs[0] * scale + bias
    total = tf.zeros_like(x)
    for sign in (+1, -1):
        # Terms of this sign: positive inputs through raised weights, negative ones through those of the other.
        halves = [(tf.nn.relu(x), raised[sign]), (-tf.nn.relu(-x), raised[-sign])]
        given = []
        for part, weights in halves:
            inputs = list(op.inputs)
            inputs[position], inputs[kernel_at] = part, weights
            given.append(inputs)
        denominator = sum(copy_op(op, inputs).outputs[0] for inputs in given)
        denominator = denominator + bias + sign * rule.gamma * tf.nn.relu(sign * bias)
        here = z >= 0 if sign > 0 else z < 0
        share = tf.where(here, relevance / _stable(denominator, rule.epsilon), tf.zeros_like(relevance))
        for inputs in given:
            total += _shared_out(op, inputs, [position], share)[position]
    return [total if i == position else None for i in range(len(op.inputs))]
