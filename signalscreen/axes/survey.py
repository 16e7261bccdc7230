"""What is known of the axes of a model's inputs and layers: one trace with all sizes known, and a walk over it."""

import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

from signalscreen.axes.reading import order_of
from signalscreen.axes.roles import Roles, by_rank, roles_of
from signalscreen.axes.rules import RULES
from signalscreen.axes.terms import Axes, unknown
from signalscreen.axes.walk import Event, Walk, shape_of
from signalscreen.backend import tf
from signalscreen.graph import Run, Tap, call
from signalscreen.order import Order

_ROWS = 3  # no model has a batch of so few by itself


class Seen(NamedTuple):
    """A layer's output in the trace."""

    path: str
    ref: Any  # a weak reference to the layer, so that what is kept for a model does not keep its layers
    shape: tuple[int, ...]
    axes: Axes

    @property
    def layer(self) -> Any:
        """The layer."""
        return self.ref()


class Survey(NamedTuple):
    """What a walk has found.

    Attributes
    ----------
    shapes : tuple of tuple of int
        Of an example of each input, as the model takes it.
    events : tuple of Event
    taps : tuple of Seen
        In the order of the run's taps.
    """

    shapes: tuple[tuple[int, ...], ...]
    events: tuple[Event, ...]
    taps: tuple[Seen, ...]

    def order(self, number: int, shape: Sequence[int | None]) -> Order:
        """The order of an input, whose free sizes are None in `shape`."""
        return order_of(number, shape, self.events)

    def roles(self, seen: Seen, number: int, order: Order) -> Roles | None:
        """The roles of a layer's axes for an input of this order."""
        known = roles_of(seen.axes, seen.shape, number, order)
        return by_rank(seen.shape, order, seen.axes) if known is None else known

    def of_run(self, taps: Sequence[Tap]) -> list[Seen | None]:
        """What is known of each of a run's taps: by its path, and how often that was called before."""
        waiting: dict[str, list[Seen]] = {}
        for seen in self.taps:
            waiting.setdefault(seen.path, []).append(seen)
        return [waiting[tap.path].pop(0) if waiting.get(tap.path) else None for tap in taps]


def survey(model: Any, shapes: Sequence[tuple[int, ...]], dtypes: Sequence[str], structure: Any) -> Survey:
    """Trace a model on inputs of these sizes, and walk its ops.

    Parameters
    ----------
    model : keras.Model
    shapes : sequence of tuple of int
        Of an example of each input, as the model takes it.
    dtypes : sequence of str
    structure : nested
        How the model wants its inputs packed.
    """
    found: list[Survey] = []

    def body(*inputs: Any) -> Any:
        run = call(model, list(inputs), structure)
        found.append(_surveyed(run, shapes))
        return tf.nest.flatten(run.outputs)[0]

    fixed = [t.shape[0] for t in getattr(model, "inputs", None) or [] if t.shape[0] is not None]
    rows = fixed[0] if fixed else _ROWS
    specs = [tf.TensorSpec((rows, *shape), dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    tf.function(body, input_signature=specs, autograph=False).get_concrete_function()
    return found[-1]  # a model that is built by its first call is traced twice


def _surveyed(run: Run, shapes: Sequence[tuple[int, ...]]) -> Survey:
    walk = Walk(run.inputs, RULES).run(run.ops)
    taps = []
    for tap in run.taps:
        shape = tuple(shape_of(tap.tensor))
        axes = walk.of(tap.tensor) if walk.reaches(tap.tensor) else unknown(len(shape))
        taps.append(Seen(tap.path, weakref.ref(tap.layer), shape, axes))
    return Survey(tuple(shapes), tuple(walk.events), tuple(taps))
