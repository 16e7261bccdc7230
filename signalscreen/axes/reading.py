"""How the axes of a model's input lie, read from what its ops do along them. No TensorFlow.

The first convolution or pooling decides for an axis: what a window moves along is an axis of the signal, what is
taken for channels holds features. Recurrent and dense layers are asked where there is none. Without evidence the
channels are last.
"""

from collections.abc import Sequence

from signalscreen.axes.walk import Event
from signalscreen.order import Order, of_features, plain

_WHOLE = {"covered", "dense", "pooled"}


def order_of(number: int, shape: Sequence[int | None], events: Sequence[Event]) -> Order:
    """The order of one input.

    Parameters
    ----------
    number : int
        Of the input.
    shape : sequence of int or None
        Of one example as the model takes it.
    events : sequence of Event
        In the order of the ops.
    """
    mine: list[list[str]] = [[] for _ in shape]
    for event in events:
        if event.source[0] == number:
            axis, kind = event.source[1], event.kind
            # A kernel that covers a free axis whole does so at the length of this signal only.
            mine[axis].append("slid" if kind == "covered" and shape[axis] is None else kind)
    if len(shape) < 2:
        return _of_vector(shape, mine[0] if mine else [])
    first = [next((k for k in kinds if k in ("slid", "channel")), "") for kinds in mine]
    if "slid" not in first and "channel" not in first:
        return _without_windows(shape, mine)
    channels = [a for a, kind in enumerate(first) if kind == "channel"]
    leads = [a for a, kinds in enumerate(mine) if not first[a] and _is_lead(kinds, shape[a], "slid" in first)]
    if not channels:
        # Where windows move along the last axis too, only leads can be told from the others.
        others = [a for a, kind in enumerate(first) if kind != "slid"]
        # Of two axes, the one along which no window moves holds the leads, also where they are taken one by one.
        alone = others if len(shape) == 2 else leads[:1]
        channels = alone if first[-1] == "slid" else [len(shape) - 1]
    elif any(shape[a] != 1 for a in channels):
        leads = []  # beside channels of its own, an axis that a kernel takes whole may well be one of a picture
    held = sorted({*channels, *leads})
    if not held or len(held) == len(shape):
        return plain(shape)
    return of_features(shape, held, channels[-1])


def _is_lead(kinds: Sequence[str], size: int | None, slid: bool) -> bool:
    """Whether an axis is of leads: nothing ever moves along it, and what mixes its places takes all of them."""
    if not slid or {"slid", "scanned", "picked", "folded"} & set(kinds):
        return False
    return size == 1 or bool(_WHOLE & set(kinds))


def _of_vector(shape: Sequence[int | None], kinds: Sequence[str]) -> Order:
    """A vector is a signal where windows move along it, in one direction, and no matrix has mixed it before."""
    first = next((k for k in kinds if k in ("slid", "scanned", "dense", "covered", "channel", "folded")), "")
    if shape and first in ("slid", "scanned") and "folded" not in kinds:
        return Order((0,), (), None, ())
    return plain(shape)


def _without_windows(shape: Sequence[int | None], mine: Sequence[Sequence[str]]) -> Order:
    """Recurrent layers say what time is, or else attention."""
    scanned = [a for a, kinds in enumerate(mine) if "scanned" in kinds]
    scanned = scanned or [a for a, kinds in enumerate(mine) if "paired" in kinds]
    mixed = [a for a, kinds in enumerate(mine) if "dense" in kinds and a not in scanned]
    if len(scanned) == 1 and len(mixed) == 1 and len(shape) == 2:
        return of_features(shape, mixed, mixed[0])
    return plain(shape)
