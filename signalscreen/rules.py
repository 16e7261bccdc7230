"""Backward rules by op type: how they are put on, guided backprop and deconvnet, and one correction.

A rule is put on a traced op as the attribute by which TensorFlow looks up gradients, after the op exists, so it
reaches ops that `tf.custom_gradient` made, too. DeepLIFT's rules are in `deep_lift_rules`.

References
----------
Springenberg et al. 2015, "Striving for Simplicity" (guided backprop); Zeiler & Fergus 2014 (deconvnet).
"""

from typing import Any

from tensorflow.core.framework import attr_value_pb2

from signalscreen.backend import tf
from signalscreen.errors import UnsupportedOpError
from signalscreen.graph import FUNCTION_OPS, Run, active_ops, copy_op

RECTIFIERS = {"Relu", "Relu6", "LeakyRelu", "Elu", "Selu"}


def apply(rule_set: str, run: Run, score: Any, rank: int) -> int:
    """Put the rules of `rule_set` on the ops of `run` that carry the signal to `score`.

    Parameters
    ----------
    rule_set : {"guided", "deconvnet", "guided_conv", "deconvnet_conv"}
        ``_conv`` keeps the rule to ops that still have the signal's axes.
    run : Run
        The run that will be differentiated.
    score : Tensor, shape (batch,)
    rank : int
        Rank of the model's input.

    Returns
    -------
    int
        How many non-linearities got a rule.

    Raises
    ------
    UnsupportedOpError
        An op has no exact rule.
    """
    active = active_ops(run, score)
    refuse_functions(active)
    name, _, conv_only = rule_set.partition("_")
    reached = [op for op in active if op.type in RECTIFIERS and (not conv_only or op.outputs[0].shape.rank == rank)]
    for op in reached:
        set_rule(op, f"SignalScreen{name.capitalize()}")
    return len(reached)


def refuse_functions(active: dict[Any, list[int]]) -> None:
    """Refuse ops that run a function of their own: a non-linearity may hide in it."""
    for op in active:
        if op.type in FUNCTION_OPS:
            raise UnsupportedOpError(
                f"op {op.type} ({op.name}) runs a function that backward rules cannot reach into (a recurrent "
                "loop, a SavedModel or a condition); use saliency, integrated_gradients or occlusion"
            )


def set_rule(op: Any, name: str) -> None:
    """Let the gradient registered under `name` be taken for this op."""
    op._set_attr("_gradient_op_type", attr_value_pb2.AttrValue(s=name.encode()))


def ordinary_gradient(op: Any, grads: list[Any], inputs: list[Any] | None = None) -> list[Any]:
    """The gradient TensorFlow would give, at the op's own inputs or at others."""
    inputs = _distinct(list(op.inputs) if inputs is None else inputs)
    outputs = [_max_pool_3d(op, inputs[0])] if op.type == "MaxPool3D" else list(copy_op(op, inputs).outputs)
    # One input may be computed from another (a residual connection): each is held while the other moves.
    return tf.gradients(outputs, inputs, grads, stop_gradients=inputs)


def _distinct(inputs: list[Any]) -> list[Any]:
    """The same inputs, none of them twice: a signal multiplied by itself would have its gradient twice over."""
    names = [x.name for x in inputs]
    return [tf.identity(x) if x.name in names[:i] else x for i, x in enumerate(inputs)]


def correct(run: Run) -> None:
    """Put right what TensorFlow's own gradients get wrong.

    On a CPU, the gradient of 3D max-pooling goes in full to every place within about 1e-5 of the maximum, not
    to the maximum (TensorFlow 2.21); near a flat baseline that is every place.
    """
    for op in run.ops:
        if op.type == "MaxPool3D":
            set_rule(op, "SignalScreenMaxPool3D")


@tf.RegisterGradient("SignalScreenMaxPool3D")
def _max_pool_3d_gradient(op: Any, grad: Any) -> Any:
    return ordinary_gradient(op, [grad])[0]


def _max_pool_3d(op: Any, x: Any) -> Any:
    """The same pooling as two 2D ones: over the last two axes of a slice, then over the slices."""
    _, depth, *window, _ = op.get_attr("ksize")
    _, step, *strides, _ = op.get_attr("strides")
    padding = op.get_attr("padding").decode()
    shape, channels = tf.shape(x), tf.shape(x)[-1]
    slices = tf.reshape(x, tf.concat([[shape[0] * shape[1]], shape[2:]], 0))
    slices = tf.nn.max_pool2d(slices, window, strides, padding)
    height, width = tf.shape(slices)[1], tf.shape(slices)[2]
    stack = tf.reshape(slices, [shape[0], shape[1], height * width, channels])
    stack = tf.nn.max_pool2d(stack, [depth, 1], [step, 1], padding)
    return tf.reshape(stack, [shape[0], tf.shape(stack)[1], height, width, channels])


def _is_negative_half(op: Any) -> bool:
    """Keras writes PReLU as relu(x) - alpha * relu(-x); the rule of the whole sits on the first half.

    Elsewhere a rectifier of a negated signal (one half of a concatenated ReLU) has a rule of its own.
    """
    if op.inputs[0].op.type != "Neg":
        return False
    halves = {user.outputs[0].name for user in op.inputs[0].op.inputs[0].consumers() if user.type == "Relu"}
    scaled = [user.outputs[0] for user in op.outputs[0].consumers() if user.type == "Mul"]
    sums = [user for t in scaled for user in t.consumers() if user.type in ("Add", "AddV2", "Sub")]
    return any(x.name in halves for total in sums for x in total.inputs)


@tf.RegisterGradient("SignalScreenGuided")
def _guided(op: Any, grad: Any) -> Any:
    if _is_negative_half(op):
        return tf.zeros_like(grad)
    kept = tf.where((grad > 0) & (op.outputs[0] > 0), grad, tf.zeros_like(grad))
    return ordinary_gradient(op, [kept])[0]


@tf.RegisterGradient("SignalScreenDeconvnet")
def _deconvnet(op: Any, grad: Any) -> Any:
    return tf.zeros_like(grad) if _is_negative_half(op) else tf.nn.relu(grad)
