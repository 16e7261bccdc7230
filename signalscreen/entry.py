"""From a signal as it lies inside to what a model takes: ops at the front of a graph."""

from typing import Any

import numpy as np

from signalscreen.backend import tf
from signalscreen.order import Order


def entered(tensor: Any, order: Order) -> Any:
    """A tensor ``(batch, *axes, features)`` as a model takes it whose input has this order."""
    if order.is_plain:
        return tensor
    sizes = dict(zip(order.features, order.sizes, strict=True))
    long = [a for a, n in sizes.items() if n != 1]
    there, ones = (long or list(sizes)[:1]), []
    if len(long) > 1:
        there = list(sizes)
        split = [-1 if n is None else n for n in order.sizes]
        tensor = tf.reshape(tensor, tf.concat([tf.shape(tensor)[:-1], split], 0))
    elif not there:
        tensor = tf.squeeze(tensor, [-1])
    else:
        ones = [a for a in sizes if a not in there]
    back = np.argsort([*order.signal, *there])
    if (np.diff(back) != 1).any():
        tensor = tf.transpose(tensor, [0, *(back + 1)])
    for a in ones:  # ascending, so that each comes where the model has it
        tensor = tf.expand_dims(tensor, a + 1)
    return tensor
