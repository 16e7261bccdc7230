"""Loops of recurrent layers: a list goes in, a list comes out, place for place."""

from typing import Any

from signalscreen.axes.terms import BATCH, MADE, Axes, Digit, unknown
from signalscreen.axes.walk import Event, Walk, shape_of


def list_of(walk: Walk, op: Any) -> list[Axes]:
    """The places of the first axis as a list."""
    if walk.reaches(op.inputs[0]):
        walk.lists[op.outputs[0].name] = walk.of(op.inputs[0])
    return []


def loop(walk: Walk, op: Any) -> list[Axes]:
    """A loop that goes through one list: what it gives has a value for each of its places, or one for the whole."""
    fed = [walk.lists[x.name] for x in op.inputs if x.name in walk.lists]
    along = {axes[0] for axes in fed if isinstance(axes[0], Digit)}
    if len(along) != 1:
        return []
    [time] = along
    assert isinstance(time, Digit)
    walk.events.append(Event("scanned", time.source))
    found: list[Axes] = []
    for out in op.outputs:
        walk.lists[out.name] = (time,)
        rank = out.shape.rank
        found.append((BATCH, MADE) if rank == 2 else unknown(rank))
    return found


def stacked_list(walk: Walk, op: Any) -> list[Axes]:
    """The list that a loop has written, as a tensor."""
    known = walk.lists.get(op.inputs[0].name)
    out = shape_of(op.outputs[0])
    if known is None or len(out) < 2:
        return []
    return [(known[0], BATCH, MADE) if len(out) == 3 else (known[0], BATCH, *unknown(len(out) - 2))]
