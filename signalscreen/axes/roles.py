"""Which axis of a layer's output is which of the signal's, and where its positions lie. No TensorFlow."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from signalscreen.axes.terms import BATCH, MADE, ONE, Axes, Digit, coarsest, reach
from signalscreen.order import Order

Floats = NDArray[np.float64]


class Roles(NamedTuple):
    """How a layer's output is handed out.

    Attributes
    ----------
    shape : tuple of int
        Of the output, with the examples.
    batch : int
        The axis of the examples.
    places : tuple of int
        For each axis of the signal, the one along it; -1 where there is none any more.
    rest : tuple of int
        All others, the filters last.
    centres : tuple of (float, float) or None
        For each axis of the signal, the sample on which position 0 is centred and the samples from one position to
        the next; None where that is not known.
    """

    shape: tuple[int, ...]
    batch: int
    places: tuple[int, ...]
    rest: tuple[int, ...]
    centres: tuple[tuple[float, float] | None, ...]

    @property
    def is_map(self) -> bool:
        """Whether it has every axis of the signal, and more than one position."""
        there = bool(self.places) and all(a >= 0 for a in self.places)
        return there and any(self.shape[a] > 1 for a in self.places)

    @property
    def own(self) -> tuple[int, ...]:
        """The axes in the order in which the layer is handed out whole: as they are, but the filters last."""
        filters = self.rest[-1:]
        held = [a for a in range(len(self.shape)) if a not in (self.batch, *filters)]
        return (*held, *filters)

    def positions(self) -> tuple[Floats, ...] | None:
        """The centre of each position, one array for each axis of the signal; None where one is not known."""
        found = []
        for a, centre in zip(self.places, self.centres, strict=True):
            if centre is None or a < 0:
                return None
            found.append(centre[0] + centre[1] * np.arange(self.shape[a], dtype=np.float64))
        return tuple(found) or None


def roles_of(axes: Axes, shape: Sequence[int], number: int, order: Order) -> Roles | None:
    """The roles of a tensor's axes for one input; None where they are not known.

    Parameters
    ----------
    axes, shape
        Of the tensor.
    number : int
        Of the input.
    order : Order
        Of the input.
    """
    if BATCH not in axes or None in axes or axes.count(BATCH) > 1:
        return None
    batch = axes.index(BATCH)
    digits = [(a, axis) for a, axis in enumerate(axes) if isinstance(axis, Digit) and axis.source[0] == number]
    places: list[int] = []
    centres: list[tuple[float, float] | None] = []
    for own in order.signal:
        mine = [(a, d) for a, d in digits if d.source[1] == own]
        if not mine:
            places.append(-1)
            centres.append(None)
            continue
        at = coarsest([d for _, d in mine])
        a, place = mine[at]
        places.append(a)
        parts = [(b, d) for i, (b, d) in enumerate(mine) if i != at and d.whole == place.whole]
        ends = [(place.lo, place.hi), *(reach(d, shape[b]) for b, d in parts)]
        middle = sum(lo + hi for lo, hi in ends) / 2
        centres.append((middle, place.step) if middle == middle else None)
    left = [a for a in range(len(axes)) if a not in (batch, *places)]
    filters = _filters(axes, left, number, order)
    rest = [a for a in left if a != filters] + ([] if filters is None else [filters])
    return Roles(tuple(shape), batch, tuple(places), tuple(rest), tuple(centres))


def _filters(axes: Axes, left: Sequence[int], number: int, order: Order) -> int | None:
    """The axis that holds a layer's filters: what was made last in it, else the input's own channels."""
    made = [a for a in left if axes[a] == MADE]
    own = [
        a
        for a in left
        if isinstance(d := axes[a], Digit) and order.channel is not None and d.source == (number, order.channel)
    ]
    others = [a for a in left if axes[a] != ONE]
    return next((some[-1] for some in (made, own, others, list(left)) if some), None)


def by_rank(shape: Sequence[int], order: Order, axes: Axes) -> Roles | None:
    """Roles by the number of axes alone, for what lies behind ops that nothing is known of.

    The filters are on the one axis that is known to be made, else where the input has its channels.
    """
    rank = len(shape)
    if rank != len(order.signal) + 2 or not order.signal:
        return None
    made = [a for a, axis in enumerate(axes) if axis == MADE]
    filters = made[0] if len(made) == 1 else 1 if order.is_first else rank - 1
    places = tuple(a for a in range(1, rank) if a != filters)
    if not filters:
        return None
    return Roles(tuple(shape), 0, places, (filters,), (None,) * len(places))
