"""Rows of signals through a compiled program, as many at a time as memory has room for."""

from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.backend import tf
from signalscreen.binding import Binding
from signalscreen.errors import InputError, LayerError
from signalscreen.graph import reason_of
from signalscreen.programs import Program
from signalscreen.streams import blocks

Array = npt.NDArray[Any]

# Activations of one model call: what serves attention best (64 MiB) and convolutions (16 rows), measured.
_BATCH_BYTES, _MOST_BYTES = 64 * 2**20, 192 * 2**20
_FEW_ROWS, _MOST_ROWS = 16, 512


def rows_of(program: Program, bound: Binding, batch_size: int | None) -> int:
    """How many rows go through the program in one call."""
    if batch_size is not None:
        return int(batch_size)
    size = program.row_bytes(bound.length)
    rows = max(_BATCH_BYTES // size, min(_MOST_BYTES // size, _FEW_ROWS))
    return int(np.clip(rows, 1, _MOST_ROWS))


def fed(bound: Binding, rows: Array, number: Array) -> list[Any]:
    """The class of each row and one tensor per input, for rows that belong to the examples of these numbers."""
    return [tf.constant(a) for a in [bound.chosen(number), *bound.arrays(rows, number)]]


def _called(program: Program, given: list[Any], rows: int) -> Any:
    try:
        return program.fn(*given)
    except tf.errors.InvalidArgumentError as error:
        raise InputError(
            f"the model fails on {rows} example{'s' * (rows > 1)} of this length at once ({reason_of(error)}); "
            "give signals of the length it was made for, or its own number of examples as batch_size"
        ) from error


def through(
    program: Program,
    bound: Binding,
    x: Array,
    size: int,
    unpack: Any,
    reference: Array | None = None,
    one: bool = False,
) -> list[Array]:
    """Run a program over the rows of `x`; every result gets the leading axes of `x` back.

    Parameters
    ----------
    x : ndarray, shape (..., batch, *example)
    size : int
        Rows in a call.
    unpack : callable
        From what the program gives to a flat list of tensors with a row each.
    reference : ndarray, optional
        Fed beside `x`: like it, or with `one` a single row for all.
    """
    lead, example = x.shape[: -bound.rank], x.shape[-bound.rank :]
    rows = x.reshape(-1, *example)
    other = None if reference is None else reference.reshape(-1, *example)
    results: list[Array] = []
    for some in blocks(len(rows), size):
        number = np.arange(some.start, some.stop) % lead[-1]
        given = fed(bound, rows[some], number)
        if other is not None:
            given += fed(bound, other if one else other[some], number[:1] if one else number)[1:]
        for i, part in enumerate(unpack(_called(program, given, len(number)))):
            part = part.numpy()
            if len(part) not in (1, len(number)):
                raise LayerError(
                    f"the layer gives {len(part)} rows for {len(number)} examples (leads or segments are folded "
                    "into the batch), so its values belong to no example; name a layer before or behind it"
                )
            if not some.start:
                results.append(np.empty((len(rows), *part.shape[1:]), part.dtype))
            results[i][some] = part
    return [r.reshape(*lead, *r.shape[1:]) for r in results]
