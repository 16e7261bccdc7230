"""What a signal is compared with: the one reading of `baseline` and `references`, for all methods. NumPy only."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError

Array = npt.NDArray[Any]


def fit(value: Any, shape: tuple[int, ...], *, what: str) -> Array:
    """`value` as a finite float array that broadcasts to `shape`.

    Raises
    ------
    InputError
        It does not broadcast, or is not finite.
    """
    array = _numbers(value, what)
    if not _broadcasts(array.shape, shape):
        raise InputError(f"{what} has shape {array.shape}, which does not broadcast to {shape}")
    return array


def laid_out(value: Any, batch: int | None, example: tuple[int, ...], *, what: str) -> Array:
    """References of every allowed shape in one form: variants of each example, or of all.

    Parameters
    ----------
    value : float or array_like
        A number; one example, ``(*axes, channels)``, for all; one for each example, ``(batch, *axes, channels)``;
        variants for all, ``(1, R, *axes, channels)``; or variants of each, ``(batch, R, *axes, channels)``. An axis
        of an example may be 1, and the first ones may be left out.
    batch : int, optional
        Number of examples; None where they come one after the other, and none can have its own.
    example : tuple of int
        Shape of one example.
    what : str
        How to call `value` in an error.

    Returns
    -------
    ndarray, shape (batch or 1, R, *example)
        Broadcastable to that: axes of an example may be 1.

    Raises
    ------
    InputError
        Another shape, no reference, or one that is not finite.

    Examples
    --------
    >>> one, each, variants = np.zeros((8, 2)), np.zeros((5, 8, 2)), np.zeros((1, 20, 8, 2))
    >>> [laid_out(value, 5, (8, 2), what="baseline").shape for value in (0.5, one, each, variants)]
    [(1, 1, 1, 1), (1, 1, 8, 2), (5, 1, 8, 2), (1, 20, 8, 2)]
    """
    array = _numbers(value, what)
    if not array.size:
        raise InputError(f"{what} is empty; give at least one reference")
    rank, given = len(example), array.shape
    inner = given[max(len(given) - rank, 0) :]
    if len(given) > rank + 2 or not _broadcasts(inner, example):
        raise InputError(f"{what} has shape {given}, which does not fit examples of {example}; {_allowed(example)}")
    if len(given) > rank and given[0] not in (1, batch):
        raise InputError(_of_other_examples(given, batch, example, what))
    if len(given) <= rank:
        return array.reshape(1, 1, *[1] * (rank - len(given)), *given)
    return array[:, None] if len(given) == rank + 1 else array


def variants(value: Any, x: Array, rank: int, *, what: str) -> Array:
    """The references one after the other, each broadcastable to `x`.

    Parameters
    ----------
    value : float, array_like or callable
        As for `laid_out`; or a callable from examples, ``(batch, *axes, channels)``, to variants of each,
        ``(batch, R, *axes, channels)``.
    x : ndarray, shape (..., batch, *axes, channels)
    rank : int
        Axes of one example, channels included.

    Returns
    -------
    ndarray, shape (R, ...)

    Raises
    ------
    InputError
    """
    example = x.shape[-rank:]
    if callable(value):
        return _drawn(value, x, example, what)
    found = laid_out(value, x.shape[-rank - 1], example, what=what)
    return np.moveaxis(found, 1, 0).astype(x.dtype)


def away_from(value: Any, x: Array, score: Any, *, what: str) -> Array:
    """`x` minus its baseline; with variants, minus their mean.

    Parameters
    ----------
    value : float, array_like or callable
        As for `variants`.
    x : ndarray, shape (..., batch, *axes, channels)
    score : Score
        Bound to these examples.

    Raises
    ------
    InputError
    """
    if not callable(value) and np.ndim(value) == 0:
        return x - _numbers(value, what).astype(x.dtype)
    return x - variants(value, x, score.rank, what=what).mean(axis=0, dtype=x.dtype)


def _drawn(draw: Callable[[Array], Any], x: Array, example: tuple[int, ...], what: str) -> Array:
    rows = x.reshape(-1, *example)
    drawn = _numbers(draw(rows), f"{what}(x)")
    if drawn.ndim != rows.ndim + 1 or drawn.shape[:1] + drawn.shape[2:] != rows.shape or not drawn.shape[1]:
        raise InputError(
            f"{what}(x) has shape {drawn.shape}; the callable must give (batch, R, *axes, channels), here "
            f"({len(rows)}, R, {', '.join(map(str, example))})"
        )
    return np.moveaxis(drawn, 1, 0).reshape(drawn.shape[1], *x.shape).astype(x.dtype)


def _numbers(value: Any, what: str) -> Array:
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"{what} is ragged; give a number or an array of numbers") from error
    if array.dtype.kind not in "fiub":
        raise InputError(f"{what} has dtype {array.dtype}; give a number or an array of numbers")
    array = array.astype(np.result_type(array, np.float32))
    if not np.isfinite(array).all():
        raise InputError(f"{what} has NaN or infinity; give finite numbers")
    return array


def _broadcasts(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(shape, wanted) == tuple(wanted)
    except ValueError:
        return False


def _allowed(example: tuple[int, ...]) -> str:
    sizes = ", ".join(map(str, example))
    return (
        f"give a number, one example ({sizes}), one for each (batch, {sizes}), or R variants (batch, R, {sizes}), "
        f"which are (1, R, {sizes}) where all examples share them"
    )


def _of_other_examples(given: tuple[int, ...], batch: int | None, example: tuple[int, ...], what: str) -> str:
    """What to say where the first axis is not that of the examples."""
    sizes = ", ".join(map(str, example))
    single = len(given) == len(example) + 1
    there = f"there {'is' if batch == 1 else 'are'} {batch}" if batch else "here all examples share theirs"
    return (
        f"{what} has shape {given}, which is read as {'one for' if single else 'variants of'} each of {given[0]} "
        f"examples, and {there}; for variants that all examples share give "
        f"(1, R, {sizes})" + (", as array[None] has it" if single else "")
    )
