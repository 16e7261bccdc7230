"""Convolutions with channels first, computed with channels last.

TensorFlow computes them on a processor only where oneDNN is on, and what follows edits and rules through a network
knows the other layout.
"""

from collections.abc import Callable
from typing import Any

from signalscreen.backend import tf


def convolution(
    original: Callable[..., Any],
    input: Any,
    filters: Any,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: Any = None,
    dilations: Any = None,
    name: Any = None,
) -> Any:
    """`tf.nn.convolution`, whose original is given."""
    kinds = {"padding": padding, "dilations": dilations, "name": name}
    if not is_first(data_format) or not isinstance(padding, str):
        return original(input, filters, strides, data_format=data_format, **kinds)
    return _back(original(_moved(input), filters, strides, **kinds))


def conv_transpose(
    original: Callable[..., Any],
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: Any = None,
    dilations: Any = None,
    name: Any = None,
) -> Any:
    """`tf.nn.conv_transpose`, whose original is given."""
    kinds = {"padding": padding, "dilations": dilations, "name": name}
    if not is_first(data_format) or not isinstance(padding, str):
        return original(input, filters, output_shape, strides, data_format=data_format, **kinds)
    sizes = [output_shape[i] for i in _last(input.shape.rank)]
    return _back(original(_moved(input), filters, tf.stack(sizes), strides, **kinds))


def is_first(data_format: Any) -> bool:
    """Whether channels come before positions."""
    return isinstance(data_format, str) and data_format.startswith("NC")


def _last(rank: int) -> list[int]:
    return [0, *range(2, rank), 1]


def _moved(tensor: Any) -> Any:
    return tf.transpose(tensor, _last(tensor.shape.rank))


def _back(tensor: Any) -> Any:
    rank = tensor.shape.rank
    return tf.transpose(tensor, [0, rank - 1, *range(1, rank - 1)])
