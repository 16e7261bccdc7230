"""A walk over the ops of a run that carries, for each tensor, what its axes stand for.

The run has to be traced with all sizes known, so that shapes are numbers. What an op does to axes is its rule; an
op without one makes axes that are not known, and nothing is guessed from there on. On the way it is noted how ops
treat the axes of the inputs: what slides along one, what mixes all of it at once (`Event`).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from signalscreen.axes.terms import (
    BATCH,
    Axes,
    Axis,
    Digit,
    coarsest,
    digits_of,
    parts_of,
    reach,
    unknown,
    with_part,
)


class Event(NamedTuple):
    """What an op does along an axis of an input.

    Attributes
    ----------
    kind : str
        "slid": a window moves along it. "channel": a convolution takes it for channels. "covered": a window is as
        long as it. "space": a convolution takes it for an axis of positions, and moves nothing along it.
        "scanned": a recurrent layer runs along it. "dense": it is multiplied by a matrix. "pooled": a sum, mean or
        extreme of all of it. "paired": all its places are multiplied with one another (attention). "picked": places
        of it are taken out one by one. "folded": windows move along two parts of it.
    source : tuple of int
        Number of the input and of its axis.
    """

    kind: str
    source: tuple[int, int]


# What a rule may fail with. Tests let it through, so that a rule's own fault shows.
UNEXPECTED: tuple[type[Exception], ...] = (ArithmeticError, AssertionError, LookupError, TypeError, ValueError)

Rule = Callable[["Walk", Any], Sequence[Axes]]


class Walk:
    """One pass over the ops of a run.

    Attributes
    ----------
    axes : dict of {str: tuple}
        By name of a tensor that the inputs reach.
    lists : dict of {str: tuple}
        Axes of what a list holds, its first axis the places of the list; for loops.
    events : list of Event
        In the order of the ops.
    picked : dict of {str: dict of {source: Digit}}
        By name of a tensor made from single places of an axis: the place, None where it is made from several.
    """

    def __init__(self, inputs: Sequence[Any], rules: dict[str, Rule]) -> None:
        self.rules = rules
        self.axes: dict[str, Axes] = {}
        self.lists: dict[str, Axes] = {}
        self.events: list[Event] = []
        self.picked: dict[str, dict[tuple[int, int], Digit | None]] = {}
        for number, tensor in enumerate(inputs):
            own = tuple(Digit((number, a)) for a in range(len(tensor.shape) - 1))
            self.axes[tensor.name] = (BATCH, *own)

    def run(self, ops: Sequence[Any]) -> "Walk":
        """Go through ops, in the order in which they were made."""
        for op in ops:
            if not any(x.name in self.axes for x in op.inputs):
                continue
            found = self._by_rule(op)
            for i, out in enumerate(op.outputs):
                rank = out.shape.rank or 0
                mine = found[i] if i < len(found) else ()
                self.axes[out.name] = mine if len(mine) == rank else unknown(rank)
                self.picked[out.name] = {**self._of_one_place(op), **self.picked.get(out.name, {})}
        return self

    def _by_rule(self, op: Any) -> Sequence[Axes]:
        rule = self.rules.get(op.type)
        if any(t.shape.rank is None for t in (*op.outputs, *(x for x in op.inputs if self.reaches(x)))):
            return ()
        try:
            return rule(self, op) if rule else ()
        except UNEXPECTED:
            return ()  # an op in a form that the rule does not expect: not known is never wrong

    def _of_one_place(self, op: Any) -> dict[tuple[int, int], Digit | None]:
        """The places that an op's inputs are of, None where they do not agree."""
        each = [self.picked.get(x.name, {}) for x in op.inputs if x.name in self.axes]
        found = {source: place for one in each for source, place in one.items()}
        return {s: place if all(e.get(s) == place for e in each) else None for s, place in found.items()}

    def pick(self, tensor: Any, digit: Axis) -> None:
        """Note that a tensor is of one place of an axis."""
        if isinstance(digit, Digit):
            self.picked.setdefault(tensor.name, {})[digit.source] = digit

    def reaches(self, tensor: Any) -> bool:
        """Whether a tensor depends on the inputs."""
        return tensor.name in self.axes

    def of(self, tensor: Any) -> Axes:
        """The axes of a tensor that the inputs reach."""
        return self.axes[tensor.name]

    def note(self, kind: str, axis: Axis, size: int) -> None:
        """Note an event on all of an input's axes that a tensor's axis is made of."""
        self.events += [Event(kind, digit.source) for digit, _ in digits_of(axis, size)]

    def contracted(
        self, axes: Axes, sizes: Sequence[int], gone: Sequence[int], kind: str, kept: Sequence[int]
    ) -> Axes:
        """What is left of a tensor's axes when those in `gone` are summed up: the others move to the middle.

        Parameters
        ----------
        axes, sizes
            Of the tensor.
        kept : sequence of int
            Those that are left, in their order.
        kind : str
            The event to be noted; a part of an axis whose rest is left makes windows, so that one is "slid" along.
        """
        left = [axes[a] for a in kept]
        for a in gone:
            for part, n in parts_of(axes[a], sizes[a]):
                if not isinstance(part, Digit):
                    continue
                rests = [
                    (i, j, d)
                    for i, axis in enumerate(left)
                    for j, (d, _) in enumerate(parts_of(axis, sizes[kept[i]]))
                    if isinstance(d, Digit) and d.whole == part.whole and kept[i] not in gone
                ]
                self.events.append(Event("slid" if rests else kind, part.source))
                if rests:
                    i, j, rest = rests[coarsest([d for _, _, d in rests])]
                    first, last = reach(part, n)
                    wider = rest._replace(lo=rest.lo + first, hi=rest.hi + last)
                    left[i] = with_part(left[i], j, wider)
        return tuple(left)


def shape_of(tensor: Any) -> list[int]:
    """Sizes of a tensor; 0 where one is not known."""
    return [n or 0 for n in tensor.shape.as_list()] if tensor.shape.rank is not None else []
