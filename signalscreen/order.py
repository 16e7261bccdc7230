"""Which axes of a model's input are the signal's and which hold its leads. NumPy only.

Inside, a signal always lies as ``(batch, *axes, features)``. A model may want it otherwise: channels first, or with
an axis of electrodes and one of a single channel. An `Order` says how, and carries arrays from one to the other.
"""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.errors import OptionError

Array = npt.NDArray[Any]
Shape = tuple[int | None, ...]


class Order(NamedTuple):
    """The axes of one example of a model's input, counted from 0 behind the batch.

    Attributes
    ----------
    signal : tuple of int
        Those along which the signal runs, in order.
    features : tuple of int
        Those of its leads or channels, in order.
    channel : int or None
        Of `features`, the one that layers put their filters on.
    sizes : tuple of int or None
        Of `features`, as the model's input says.

    Examples
    --------
    >>> Order((1,), (0,), 0, (12,)).canonical(np.zeros((3, 12, 5000))).shape
    (3, 5000, 12)
    >>> Order((1,), (0, 2), 2, (22, 1)).canonical(np.zeros((3, 22, 500, 1))).shape
    (3, 500, 22)
    """

    signal: tuple[int, ...]
    features: tuple[int, ...]
    channel: int | None
    sizes: Shape

    @property
    def rank(self) -> int:
        """Axes of one example as the model takes it."""
        return len(self.signal) + len(self.features)

    @property
    def is_plain(self) -> bool:
        """Whether the model takes signals as they lie inside: one axis of channels, the last."""
        return not self.rank or (len(self.features) == 1 and self.features[0] == self.rank - 1)

    @property
    def is_first(self) -> bool:
        """Whether the channels stand in front of the signal's axes."""
        return self.channel is not None and bool(self.signal) and self.channel < min(self.signal)

    def shape(self, own: Sequence[int | None]) -> Shape:
        """Of an example inside, where the model's is `own`."""
        if self.is_plain:
            return tuple(own)
        held = [own[a] for a in self.features]
        merged = None if None in held else prod(n for n in held if n is not None)
        return (*(own[a] for a in self.signal), merged)

    def canonical(self, array: Array) -> Array:
        """From the model's layout to ``(..., *axes, features)``; leading axes stay."""
        if self.is_plain:
            return array
        lead = array.ndim - self.rank
        moved = array.transpose(*range(lead), *(lead + a for a in (*self.signal, *self.features)))
        kept = moved.shape[: lead + len(self.signal)]
        return np.ascontiguousarray(moved.reshape(*kept, prod(moved.shape[len(kept) :])))

    def own(self, array: Array, own: Sequence[int]) -> Array:
        """From ``(..., *axes, features)`` back to the model's layout, an example of which has the shape `own`.

        Examples
        --------
        >>> Order((1,), (0, 2), 2, (22, 1)).own(np.zeros((3, 500, 22)), (22, 500, 1)).shape
        (3, 22, 500, 1)
        """
        if self.is_plain:
            return array
        kept = array.shape[:-1]
        lead = len(kept) - len(self.signal)
        split = array.reshape(*kept, *(own[a] for a in self.features))
        back = np.argsort((*self.signal, *self.features))
        return np.ascontiguousarray(split.transpose(*range(lead), *(lead + int(a) for a in back)))

    def canonical_like(self, value: Any, own: Sequence[int]) -> Any:
        """An option that broadcasts to the model's layout (a baseline, a fill), made to broadcast inside.

        Numbers, words and callables' results that are no arrays stay as they are, and so does what does not
        broadcast: it is refused where it is used.
        """
        if self.is_plain or value is None or isinstance(value, str):
            return value
        array = np.asarray(value)
        if not array.ndim or array.dtype.kind not in "fiub":
            return value
        array = array.reshape((1,) * (self.rank - array.ndim) + array.shape)
        lead = array.ndim - self.rank
        if len(self.features) > 1:  # axes that are merged cannot stay broadcast
            full = [own[a] if a in self.features else array.shape[lead + a] for a in range(self.rank)]
            try:
                array = np.broadcast_to(array, (*array.shape[:lead], *full))
            except ValueError:
                return value
        return self.canonical(array)

    def words(self, shape: Sequence[int | None] | None = None) -> str:
        """How the axes lie, in words: ``(batch, leads 12, samples 5000)``.

        Examples
        --------
        >>> Order((1,), (0,), 0, (12,)).words((12, 5000))
        '(batch, leads 12, samples 5000)'
        """
        named = dict.fromkeys(self.features, "leads")
        if self.rank == 1 and self.features:
            named = {0: "numbers"}
        if len(self.features) > 1 and self.channel is not None:
            named[self.channel] = "channels"
        named |= {a: "samples" if len(self.signal) == 1 else f"axis {i}" for i, a in enumerate(self.signal)}
        sizes = [None] * self.rank if shape is None else shape
        parts = [named[a] + ("" if n is None else f" {n}") for a, n in enumerate(sizes)]
        return f"({', '.join(['batch', *parts])})"


def plain(shape: Sequence[int | None]) -> Order:
    """Channels last: what is taken where nothing says otherwise."""
    last = len(shape) - 1
    return of_features(shape, (last,) if shape else (), last if shape else None)


def of_features(shape: Sequence[int | None], features: Sequence[int], channel: int | None) -> Order:
    """The order of an input whose leads lie on these axes, the others being the signal's."""
    held = tuple(sorted(features))
    signal = tuple(a for a in range(len(shape)) if a not in held)
    return Order(signal, held, channel, tuple(shape[a] for a in held))


def given_order(channels: Any, shape: Sequence[int | None]) -> Order:
    """The order that the user gave.

    Parameters
    ----------
    channels : {"first", "last"}, int or tuple of int
        Or the axes of x that hold leads or channels, the batch being axis 0.
    shape : sequence of int or None
        Of one example as the model takes it.

    Raises
    ------
    OptionError

    Examples
    --------
    >>> given_order("first", (12, None)).signal, given_order((1, 3), (22, 500, 1)).features
    ((1,), (0, 2))
    """
    check_channels(channels)
    rank = len(shape)
    if rank < 2:  # a vector has no axis to tell apart
        return plain(shape)
    if isinstance(channels, str):
        at = 0 if channels == "first" else rank - 1
        return of_features(shape, (at,), at)
    axes = (channels,) if isinstance(channels, int | np.integer) else tuple(channels)
    held = sorted({int(a) % (rank + 1) for a in axes if -rank - 1 <= a <= rank})
    if len(held) != len(axes) or 0 in held or len(held) >= rank:
        raise OptionError(
            f"channels {channels!r} does not name axes of x, (batch, {', '.join(map(_size, shape))}), that hold "
            f"leads; give 'first', 'last', or one or several numbers from 1 to {rank}, and leave the signal an axis"
        )
    # Filters take the place of the axis of a single channel, where there is one, as in reading the order.
    channel = next((a for a in held if shape[a - 1] == 1), held[-1])
    return of_features(shape, [a - 1 for a in held], channel - 1)


def check_channels(channels: Any) -> None:
    """Refuse what names no axes.

    Raises
    ------
    OptionError
    """
    if channels in (None, "first", "last"):
        return
    several = channels if isinstance(channels, tuple | list) else (channels,)
    if not several or any(isinstance(a, bool) or not isinstance(a, int | np.integer) for a in several):
        raise OptionError(
            f"channels {channels!r} is not known; give 'first', 'last', or the axes of x that hold leads, such as 1"
        )


def _size(n: int | None) -> str:
    return "any" if n is None else str(n)
