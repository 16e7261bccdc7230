"""The part of a signal or image that each position of a layer is drawn over."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from .traces import Floats, numbers


class Cells(NamedTuple):
    """Positions along one axis: where they lie, and the evenly spaced edges between them, in samples."""

    centres: Floats
    edges: Floats
    known: bool  # or only spread evenly

    @property
    def ends(self) -> tuple[float, float]:
        """The first and the last edge."""
        return float(self.edges[0]), float(self.edges[-1])


def read_cells(positions: Any, counts: Sequence[int], lengths: Sequence[int]) -> list[Cells]:
    """Place a layer's positions on a signal, axis by axis; spread them evenly where it is not said.

    Raises
    ------
    InputError
        If the positions are not evenly spaced, or not as many as the layer has.
    """
    if positions is None:
        return [_spread(count, length) for count, length in zip(counts, lengths, strict=True)]
    each = _by_axis(positions)
    if len(each) != len(counts):
        raise InputError(
            f"positions has {len(each)} axes for {len(counts)} of the layer; give what "
            "ss.layer_positions(model, layer) returns"
        )
    return [_placed(at, count, length) for at, count, length in zip(each, counts, lengths, strict=True)]


def forwards(positions: Any, maps: Floats) -> tuple[Any, Floats]:
    """Positions and maps, turned round on each axis along which the positions fall: a sequence given backwards."""
    if positions is None:
        return positions, maps
    each = list(_by_axis(positions))
    for axis, at in enumerate(each[: maps.ndim - 1]):
        if np.ndim(at) == 1 and np.size(at) > 1 and at[0] > at[-1]:
            each[axis], maps = np.flip(at), np.flip(maps, axis)
    return tuple(each), maps


def _by_axis(positions: Any) -> Any:
    return positions if isinstance(positions, tuple | list) and np.ndim(positions[0]) else (positions,)


def _spread(count: int, length: int) -> Cells:
    edges = np.linspace(-0.5, length - 0.5, count + 1)
    return Cells((edges[:-1] + edges[1:]) / 2, edges, count == length)


def _placed(positions: Any, count: int, length: int) -> Cells:
    at = numbers(positions, "positions")
    if at.shape != (count,) or not np.isfinite(at).all():
        raise InputError(
            f"positions has shape {at.shape} for {count} positions of the layer; give what "
            "ss.layer_positions(model, layer) returns, one number for each"
        )
    if count == 1:  # of which nothing says how far it reaches
        return Cells(at, np.array([-0.5, length - 0.5]), True)
    step = np.diff(at)
    if step[0] <= 0 or not np.allclose(step, step[0]):
        raise InputError("positions do not rise evenly; give what ss.layer_positions(model, layer) returns")
    return Cells(at, np.append(at - step[0] / 2, at[-1] + step[0] / 2), True)
