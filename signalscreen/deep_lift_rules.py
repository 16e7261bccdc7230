"""DeepLIFT's Rescale rule, op by op, against the same op in a run of the model on the reference.

All rules are exact: the sum of multiplier times (input - reference) is the change of the output. An op is linear
in what carries the signal (its ordinary gradient is the multiplier), or has a rule here, or is refused by name.

References
----------
Shrikumar, Greenside, Kundaje 2017, "Learning Important Features Through Propagating Activation Differences".
"""

import weakref
from collections.abc import Callable
from typing import Any

from signalscreen.backend import tf
from signalscreen.errors import UnsupportedOpError
from signalscreen.graph import Run, active_ops
from signalscreen.rules import ordinary_gradient, refuse_functions, set_rule

# Linear in the inputs that carry the signal.
_LINEAR = set(
    "Identity Snapshot PreventGradient CheckNumerics BiasAdd Add AddV2 AddN Sub Neg Sum Mean Cumsum AvgPool "
    "AvgPool3D Reshape Squeeze ExpandDims Transpose ConjugateTranspose Concat ConcatV2 Split SplitV Pack "
    "Unpack Slice StridedSlice Pad PadV2 MirrorPad Tile BroadcastTo Gather GatherV2 GatherNd "
    "ResizeNearestNeighbor ResizeBilinear ResizeBicubic SpaceToBatch SpaceToBatchND BatchToSpace "
    "BatchToSpaceND SpaceToDepth DepthToSpace Cast Reverse ReverseV2 Roll MatrixBandPart MatrixDiagPartV3 "
    "ReverseSequence FusedBatchNormV3 EnsureShape Diag DiagPart".split()
)
# Linear in each input, so linear as long as only one of them carries the signal.
_BILINEAR = set(
    "Mul MatMul BatchMatMul BatchMatMulV2 BatchMatMulV3 Einsum Conv1D Conv2D Conv3D DepthwiseConv2dNative "
    "Conv2DBackpropInput Conv3DBackpropInputV2 DepthwiseConv2dNativeBackpropInput".split()
)
# One number in, one number out.
_UNARY = set(
    "Relu Relu6 LeakyRelu Elu Selu Sigmoid Tanh Softplus Softsign Exp Expm1 Log Log1p Sqrt Rsqrt Reciprocal "
    "Inv Erf Erfc Abs Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Lgamma Digamma Sign Floor Ceil "
    "Round Rint ClipByValue Pow".split()
)
_RULES = {
    **dict.fromkeys(_UNARY, "SignalScreenRescale"),
    **dict.fromkeys([*_BILINEAR, "Square", "SquaredDifference"], "SignalScreenMidpoint"),
    **dict.fromkeys(["Div", "RealDiv"], "SignalScreenQuotient"),
    **dict.fromkeys(["Maximum", "Minimum"], "SignalScreenExtreme"),
    **dict.fromkeys(["MaxPool", "MaxPoolV2", "MaxPool3D", "Max", "Min"], "SignalScreenRouted"),
    **dict.fromkeys(["Softmax", "LogSoftmax"], "SignalScreenSoftmax"),
    **dict.fromkeys(["Select", "SelectV2"], "SignalScreenSelect"),
    # A gradient of the user's own would hide the ops behind it.
    **dict.fromkeys(["IdentityN", "StopGradient"], "SignalScreenThrough"),
}
_COMPARISONS = {"Greater", "GreaterEqual", "Less", "LessEqual", "Equal", "NotEqual"}
_LOGIC = {"LogicalAnd", "LogicalOr", "LogicalNot"}

# Per graph: beside each op its twin in the reference run, and which of its inputs carry the signal. Twins are kept
# by name: an op holds its graph, and the graph the weights, which would then outlive the model.
_twins: "weakref.WeakKeyDictionary[Any, dict[str, Any]]" = weakref.WeakKeyDictionary()


def apply_deep_lift(run: Run, score: Any, reference: Run, reference_score: Any) -> None:
    """Put the DeepLIFT rules on the ops of `run` that carry the signal to `score`.

    Parameters
    ----------
    run, reference : Run
        The model on the input and on the reference, in the same graph. Only their ops get rules: what picks the
        score out of the outputs is linear.
    score, reference_score : Tensor, shape (batch,)

    Raises
    ------
    UnsupportedOpError
        An op has no exact rule, or the two runs are not made of the same ops.
    """
    active, beside = _own_ops(run, score), _own_ops(reference, reference_score)
    refuse_functions(active)
    if [op.type for op in active] != [op.type for op in beside]:
        raise UnsupportedOpError(
            "the model does not run the same ops on two calls, so its reference values cannot be paired; "
            "use integrated_gradients"
        )
    chosen = {op: _deep_lift_rule(op, positions, active) for op, positions in active.items()}
    twins = zip(active.items(), beside, strict=True)
    _twins[run.inputs[0].graph] = {op.name: (twin.name, positions) for (op, positions), twin in twins}
    for op, rule in chosen.items():
        if rule is not None:
            set_rule(op, rule)


def has_rules(run: Run, score: Any) -> bool:
    """Whether DeepLIFT has an exact rule for every op that carries the signal to `score`."""
    active = _own_ops(run, score)
    try:
        refuse_functions(active)
        for op, positions in active.items():
            _deep_lift_rule(op, positions, active)
    except UnsupportedOpError:
        return False
    return True


def can_share_reference(run: Run, score: Any, reference: Run, reference_score: Any) -> bool:
    """Whether one row of reference activations stands beside any number of rows of the other run.

    `reference` was traced with a batch of exactly one. It can be shared when the model runs the same ops on it
    (some layers choose theirs by the batch), and every op that gets a rule keeps the batch on its first axis; an
    op that has folded another axis into it does not.
    """
    if [op.type for op in _own_ops(run, score)] != [op.type for op in _own_ops(reference, reference_score)]:
        return False
    for op, positions in active_ops(reference, reference_score).items():
        if op.type in _RULES:
            for tensor in [*op.outputs, *(op.inputs[i] for i in positions)]:
                if not tensor.shape.rank or tensor.shape[0] != 1:
                    return False
    return True


def _own_ops(run: Run, score: Any) -> dict[Any, list[int]]:
    """The active ops of a run that are its own."""
    own = {op.name for op in run.ops}
    return {op: positions for op, positions in active_ops(run, score).items() if op.name in own}


def _deep_lift_rule(op: Any, positions: list[int], active: dict[Any, list[int]]) -> str | None:
    """The name of the rule `op` needs, or None where its ordinary gradient is exact."""
    kind = op.type
    if kind in _BILINEAR:
        return _RULES[kind] if len(positions) > 1 else None
    if kind in ("Gather", "GatherV2", "GatherNd", "Pow") and positions != [0]:
        return _refuse(op)  # the signal chooses places, or is an exponent
    if kind in ("Select", "SelectV2") and 0 not in positions:
        return None  # a fixed choice
    if kind in ("Select", "SelectV2") and len(positions) == 1:
        return _refuse(op)  # a choice between constants: a step, with nothing to share its change
    if kind in _COMPARISONS | _LOGIC:
        users = [user for out in op.outputs for user in out.consumers() if user in active]
        return None if all(user.type in {"Select", "SelectV2"} | _LOGIC for user in users) else _refuse(op)
    if kind == "Cast" and not op.outputs[0].dtype.is_floating:
        return _refuse(op)
    if kind == "FusedBatchNormV3" and op.get_attr("is_training"):
        return _refuse(op)
    if kind in _LINEAR:
        return None
    return _RULES.get(kind) or _refuse(op)


def _refuse(op: Any) -> str:
    raise UnsupportedOpError(
        f"DeepLIFT has no exact rule for op {op.type} ({op.name}); use integrated_gradients with tolerance=, or "
        "occlusion"
    )


def _twin(op: Any) -> Any:
    return op.graph.get_operation_by_name(_twins[op.graph][op.name][0])


def _slope(y: Any, ry: Any, x: Any, rx: Any, derivative: Any) -> Any:
    """(y - ry) / (x - rx); where x and rx are equal but for rounding, its limit."""
    dx = x - rx
    same = tf.abs(dx) <= _ROUNDING[dx.dtype] * (tf.abs(x) + tf.abs(rx))
    return tf.where(same, derivative, tf.math.divide_no_nan(y - ry, dx))


def _unbroadcast(grad: Any, like: Any) -> Any:
    """Sum a gradient over the axes along which `like` was broadcast."""
    if grad.shape.rank == like.shape.rank and grad.shape.is_fully_defined() and grad.shape == like.shape:
        return grad
    axes, _ = tf.raw_ops.BroadcastGradientArgs(s0=tf.shape(like), s1=tf.shape(grad))
    return tf.reshape(tf.reduce_sum(grad, axes), tf.shape(like))


# Values that differ by less than this part of their size differ by rounding.
_ROUNDING = {tf.float16: 2e-3, tf.bfloat16: 2e-2, tf.float32: 1e-6, tf.float64: 1e-14}

_DERIVATIVE: dict[str, Callable[[Any, Any], Any]] = {
    # Those the common networks need, without computing the op a second time.
    "Sigmoid": lambda op, g: tf.raw_ops.SigmoidGrad(y=op.outputs[0], dy=g),
    "Tanh": lambda op, g: tf.raw_ops.TanhGrad(y=op.outputs[0], dy=g),
    "Elu": lambda op, g: tf.raw_ops.EluGrad(gradients=g, outputs=op.outputs[0]),
    "Selu": lambda op, g: tf.raw_ops.SeluGrad(gradients=g, outputs=op.outputs[0]),
}


@tf.RegisterGradient("SignalScreenThrough")
def _through(op: Any, *grads: Any) -> Any:  # noqa: ARG001 (TensorFlow's signature)
    return list(grads)


@tf.RegisterGradient("SignalScreenRescale")
def _rescale(op: Any, grad: Any) -> Any:
    """Rescale rule: (f(x) - f(r)) / (x - r)."""
    (x, y), (rx, ry) = ((o.inputs[0], o.outputs[0]) for o in (op, _twin(op)))
    if op.type == "Relu":  # exact without a tolerance: on either side of the kink the quotient has no rounding
        dx = x - rx
        return grad * tf.where(tf.equal(dx, 0), tf.sign(y), tf.math.divide_no_nan(y - ry, dx))
    ones = tf.ones_like(y)
    derivative = _DERIVATIVE.get(op.type)
    if op.type == "Pow":  # may spread x over several exponents, so its own gradient is a sum over them
        limit = op.inputs[1] * tf.pow(x, op.inputs[1] - 1)
    else:
        limit = derivative(op, ones) if derivative else ordinary_gradient(op, [ones])[0]
    limit = tf.zeros_like(y) if limit is None else limit  # a step, flat wherever it has a slope
    result = _unbroadcast(grad * _slope(y, ry, x, rx, limit), x)
    return [result, *[None] * (len(op.inputs) - 1)] if len(op.inputs) > 1 else result


@tf.RegisterGradient("SignalScreenMidpoint")
def _midpoint(op: Any, grad: Any) -> Any:
    """Products of two signals: a quadratic form changes by exactly its gradient half way."""
    twin, carry = _twin(op), _twins[op.graph][op.name][1]
    halfway = list(op.inputs)
    for i in carry:
        halfway[i] = (op.inputs[i] + twin.inputs[i]) / 2
    grads = ordinary_gradient(op, [grad], halfway)
    return [
        _unbroadcast(g, x) if i in carry else None for i, (g, x) in enumerate(zip(grads, op.inputs, strict=True))
    ]


@tf.RegisterGradient("SignalScreenQuotient")
def _quotient(op: Any, grad: Any) -> Any:
    """A / b as the product of a and 1/b, the second by the Rescale rule."""
    (a, b), (ra, rb) = op.inputs, _twin(op).inputs
    ga = grad * (1 / b + 1 / rb) / 2
    gb = -grad * (a + ra) / (2 * b * rb)
    return _unbroadcast(ga, a), _unbroadcast(gb, b)


@tf.RegisterGradient("SignalScreenExtreme")
def _extreme(op: Any, grad: Any) -> Any:
    """Maximum and minimum of two: (a + b +- |a - b|) / 2, the absolute value by the Rescale rule."""
    (a, b), (ra, rb) = op.inputs, _twin(op).inputs
    d, rd = a - b, ra - rb
    slope = _slope(tf.abs(d), tf.abs(rd), d, rd, tf.sign(d))
    slope = slope if op.type == "Maximum" else -slope
    return _unbroadcast(grad * (1 + slope) / 2, a), _unbroadcast(grad * (1 - slope) / 2, b)


@tf.RegisterGradient("SignalScreenSelect")
def _select(op: Any, grad: Any) -> Any:
    """A choice between two branches; where it flips, the change is shared by how much each branch changed."""
    twin = _twin(op)
    _, a, b = op.inputs
    da, db, dz = a - twin.inputs[1], b - twin.inputs[2], op.outputs[0] - twin.outputs[0]
    change = da * da + db * db
    share = tf.math.divide_no_nan(dz, change)
    plain = tf.equal(op.inputs[0], twin.inputs[0]) | tf.equal(change, 0)
    chosen = tf.cast(op.inputs[0], dz.dtype)
    ga = tf.where(plain, chosen, share * da)
    gb = tf.where(plain, 1 - chosen, share * db)
    return None, _unbroadcast(grad * ga, a), _unbroadcast(grad * gb, b)


@tf.RegisterGradient("SignalScreenRouted")
def _routed(op: Any, grad: Any) -> Any:
    """Max-pooling: a rise is credited to the place of the new maximum, a fall to the place of the old one.

    Either place changed by at least as much as the maximum, so the multiplier lies in [0, 1].
    """
    twin = _twin(op)
    x, rest = op.inputs[0], list(op.inputs)[1:]
    r = tf.broadcast_to(twin.inputs[0], tf.shape(x))
    dx, dy = x - r, op.outputs[0] - twin.outputs[0]
    rise, fall = tf.nn.relu(dy) * grad, -tf.nn.relu(-dy) * grad
    if op.type == "Min":
        rise, fall = fall, rise
    # Split by what enters the max, not by the sign of the gradient.
    at_x = ordinary_gradient(op, [rise], [x, *rest])[0]
    at_r = ordinary_gradient(op, [fall], [r, *rest])[0]
    result = tf.math.divide_no_nan(at_x + at_r, dx)
    return [result, *[None] * len(rest)] if rest else result


@tf.RegisterGradient("SignalScreenSoftmax")
def _softmax(op: Any, grad: Any) -> Any:
    """Softmax = exp(x - L), L = log(sum(exp(x))): Rescale on exp and log, linear in between."""
    twin = _twin(op)
    (x, y), (r, ry) = ((o.inputs[0], o.outputs[0]) for o in (op, twin))
    # The multiplier of L for each x is the rise of its exponential over that of their sum, times the slope of
    # the log. A common factor cancels, so the largest logit of both runs sets the scale.
    top = tf.maximum(tf.reduce_max(x, -1, keepdims=True), tf.reduce_max(r, -1, keepdims=True))
    ex, er = tf.exp(x - top), tf.exp(r - top)
    sums, sums_r = (tf.reduce_sum(e, -1, keepdims=True) for e in (ex, er))
    total, total_r = (tf.reduce_logsumexp(t, -1, keepdims=True) for t in (x, r))
    log_slope = _slope(total, total_r, sums, sums_r, 1 / sums)
    to_total = log_slope * _slope(ex, er, x, r, ex)
    if op.type == "Softmax":
        grad = grad * _slope(y, ry, x - total, r - total_r, y)
    return grad - to_total * tf.reduce_sum(grad, -1, keepdims=True)
