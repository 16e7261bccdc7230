"""What is held against an input: penalties, each a pure function that gives its value and its gradient.

All take ``x`` of shape (rows, *axes, channels), and give ``(rows,)`` and an array like `x`: plain sums over
a row, which whoever uses them divides by its size or not. NumPy only.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def lp_norm(x: Array, p: float = 6.0) -> tuple[Array, Array]:
    """The L-p norm ``(sum |x|^p)^(1/p)`` of each row, which keeps the largest values down.

    Examples
    --------
    >>> lp_norm(np.array([[[3.0], [4.0]]]), 2)[0]
    array([5.])
    """
    size = np.abs(x)
    top = size.max(axis=_own(x), keepdims=True)  # taken out, so that no power overflows
    top = np.where(top > 0, top, 1)
    norm = np.sum((size / top) ** p, axis=_own(x), keepdims=True) ** (1 / p) * top
    gradient = np.sign(x) * (size / np.where(norm > 0, norm, 1)) ** (p - 1)
    return norm.reshape(len(x)), gradient


def alpha_norm(x: Array, alpha: float = 6.0) -> tuple[Array, Array]:
    """``sum |x|^alpha`` of each row (Mahendran & Vedaldi 2015).

    Examples
    --------
    >>> alpha_norm(np.array([[[1.0], [2.0]]]))[0]
    array([65.])
    """
    size = np.abs(x)
    return np.sum(size**alpha, axis=_own(x)), alpha * np.sign(x) * size ** (alpha - 1)


def total_variation(x: Array, beta: float = 2.0) -> tuple[Array, Array]:
    """``sum (sum over axes of difference^2)^(beta / 2)`` of each row, over the places with a next on every axis.

    Beta 2 is that of keras-vis; 1 keeps edges and holds flanks down less.

    Examples
    --------
    >>> total_variation(np.array([[[0.0], [2.0], [1.0]]]))[0]
    array([5.])
    """
    axes = range(1, x.ndim - 1)
    if not axes:
        return np.zeros(len(x), x.dtype), np.zeros_like(x)
    inner = (slice(None), *[slice(-1)] * len(axes))
    steps = [np.diff(x, axis=axis)[(*inner[:axis], slice(None), *inner[axis + 1 :])] for axis in axes]
    square = np.sum([step**2 for step in steps], axis=0)
    # The slope of |step| at 0 counts as 0.
    slope = beta * np.where(square > 0, square, 1) ** (beta / 2 - 1) * (square > 0)
    gradient = np.zeros_like(x)
    for axis, step in zip(axes, steps, strict=True):
        later = (*inner[:axis], slice(1, None), *inner[axis + 1 :])
        gradient[later] += slope * step
        gradient[inner] -= slope * step
    return np.sum(square ** (beta / 2), axis=_own(x)), gradient


def roughness(x: Array) -> tuple[Array, Array]:
    """The sum of squared second differences on every axis, for each row: what a smooth signal has little of.

    Examples
    --------
    >>> roughness(np.array([[[0.0], [1.0], [2.0], [5.0]]]))[0]
    array([4.])
    """
    value, gradient = np.zeros(len(x), x.dtype), np.zeros_like(x)
    for axis in range(1, x.ndim - 1):
        bend = np.diff(x, n=2, axis=axis)
        value = value + np.sum(bend**2, axis=_own(x))
        for shift, weight in ((0, 2), (1, -4), (2, 2)):
            place = [slice(None)] * x.ndim
            place[axis] = slice(shift, shift + bend.shape[axis])
            gradient[tuple(place)] += weight * bend
    return value, gradient


def energy(x: Array) -> tuple[Array, Array]:
    """Half the sum of squares of each row: the penalty behind a weight decay.

    Examples
    --------
    >>> energy(np.array([[[3.0], [4.0]]]))
    (array([12.5]), array([[[3.],
            [4.]]]))
    """
    return np.sum(x**2, axis=_own(x)) / 2, np.array(x)


def _own(x: Array) -> tuple[int, ...]:
    """The axes of one row."""
    return tuple(range(1, x.ndim))
