"""What is known of the axes of a model's inputs and layers, kept as long as the model lives."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen import fingerprints
from signalscreen.axes.roles import Roles, by_rank
from signalscreen.axes.survey import Survey, survey
from signalscreen.axes.terms import unknown
from signalscreen.binding import wiring_of
from signalscreen.errors import InputError, LayerError, TraceError
from signalscreen.graph import Tap
from signalscreen.inputs import Layout
from signalscreen.models import layout_of
from signalscreen.naming import places_of
from signalscreen.order import Order, given_order, plain
from signalscreen.programs import fact

Array = npt.NDArray[Any]
Shapes = tuple[tuple[int, ...], ...]


def placed(model: Any, x: Any, channels: Any = None) -> tuple[Layout, list[Array]]:
    """The user's signals as they lie inside, one for each input, and how the model takes them.

    Parameters
    ----------
    model : keras.Model
    x : array_like, or a list or dict of them for several inputs
    channels : {"first", "last"}, int or tuple of int, optional
        As the user gave it.

    Raises
    ------
    InputError, OptionError
    """
    fingerprints.refresh(model)
    layout = layout_of(model, x)
    sizes = [spec.shape for spec in layout.specs]
    if all(shape is not None and None not in shape for shape in sizes):
        order(model, layout, tuple(sizes), channels)  # type: ignore[arg-type] # no None is in it
        return layout, layout.inside(layout.read(x))
    arrays = layout.read(x)
    order(model, layout, tuple(a.shape[1:] for a in arrays), channels)
    return layout, layout.inside(arrays)


def order(model: Any, layout: Layout, shapes: Shapes, channels: Any = None) -> None:
    """Find out how the model takes its signals, and note it in the layout.

    Parameters
    ----------
    shapes : tuple of tuple of int
        Of an example of each input, as the model takes it.
    channels
        As for `placed`.
    """
    given = [own if spec.shape is None else spec.shape for spec, own in zip(layout.specs, shapes, strict=True)]
    key = ("orders", tuple(given), _packing(layout))

    def read() -> list[Order]:
        found = _survey(model, layout, shapes)
        numbers = [spec.dtype.startswith("float") for spec in layout.specs]
        # What stands in for a token has no meaning, so tokens are no signal to slide a window along.
        return [
            found.order(i, shape) if len(shape) > 1 or real else plain(shape)
            for i, (shape, real) in enumerate(zip(given, numbers, strict=True))
        ]

    orders = fact(model, key, read) if channels is None else [given_order(channels, shape) for shape in given]
    layout.orders = [
        # What is merged can be told apart again as long as one size at most is free.
        one if one.sizes.count(None) < 2 else one._replace(sizes=tuple(shape[a] for a in one.features))
        for one, shape in zip(orders, shapes, strict=True)
    ]
    layout.ordered = True


def orders_of(model: Any, channels: Any = None) -> list[tuple[str, tuple[int | None, ...], Order]]:
    """How a model takes its signals: name, shape and order of each input; none where it does not say its shapes.

    Free lengths are tried out as 1024.
    """
    fingerprints.refresh(model)
    layout = layout_of(model, None)
    if not getattr(model, "inputs", None):
        return []
    sizes = [tuple(_LENGTH if n is None else int(n) for n in spec.shape or ()) for spec in layout.specs]
    order(model, layout, tuple(sizes), channels)
    return [(s.name, s.shape or (), one) for s, one in zip(layout.specs, layout.orders, strict=True)]


_LENGTH = 1024


def channels_last(model: Any, array: Array, channels: Any = None) -> Array:
    """What lies like the x of a model with one input, ``(..., *axes, channels)``; anything else stays."""
    orders = [one for _, _, one in orders_of(model, channels)]
    if len(orders) != 1 or array.ndim < orders[0].rank:
        return array
    return orders[0].canonical(array)


def roles(model: Any, layout: Layout, number: int, taps: Sequence[Tap]) -> list[Roles | None]:
    """What the axes of layers' outputs are, for one input of the lengths at hand.

    Parameters
    ----------
    layout : Layout
        With the shapes of a signal.
    number : int
        Of the input.
    taps : sequence of Tap
        Of a run.
    """
    found = _survey(model, layout, tuple(layout.own_shapes))
    order = layout.orders[number]
    pairs = zip(found.of_run(taps), taps, strict=True)
    return [
        _by_shape(tap, order) if one is None else _of_any_length(found.roles(one, number, order), tap)
        for one, tap in pairs
    ]


def _of_any_length(known: Roles | None, tap: Tap) -> Roles | None:
    """The roles in a trace that serves all lengths: a free axis counts as one of more than one position."""
    shape = tap.tensor.shape
    if known is None or shape.rank != len(known.shape):
        return known
    sizes = [max(n, 2) if a in known.places and shape[a] is None else n for a, n in enumerate(known.shape)]
    return known._replace(shape=tuple(sizes))


def tap_roles(model: Any, layout: Layout, number: int, which: int, path: str) -> Roles | None:
    """The same of one tap of a run, by its number and path; None where the survey has another there."""
    found = _survey(model, layout, tuple(layout.own_shapes))
    if which >= len(found.taps) or found.taps[which].path != path:
        return None  # traced for its own lengths, the model called other layers
    return found.roles(found.taps[which], number, layout.orders[number])


def _by_shape(tap: Tap, order: Order) -> Roles | None:
    """The roles of a layer's axes that the survey has not met; a free length counts as one of more than 1."""
    shape = [2 if n is None else int(n) for n in tap.tensor.shape or ()]
    return by_rank(shape, order, unknown(len(shape)))


def layer_places(model: Any, x: Any, layer: Any, channels: Any = None) -> tuple[Array, ...] | None:
    """Where the positions of a layer's output lie on a signal: an array for each axis; None where not known."""
    layout, _ = placed(model, x, channels)
    found = _survey(model, layout, tuple(layout.own_shapes))
    one = places_of(layer, list(getattr(model, "layers", [])), found.taps, "")[-1]
    known = found.roles(one, 0, layout.orders[0])
    return None if known is None else known.positions()


def unit_axes(model: Any, layout: Layout, layer: Any, number: int = 0) -> tuple[int, ...] | None:
    """The axes of a layer's output behind the batch as they are handed out, that of its filters last.

    None where they are as the layer has them, or not known.
    """
    found = _survey(model, layout, tuple(layout.own_shapes))
    try:
        one = places_of(layer, list(getattr(model, "layers", [])), found.taps, "")[-1]
    except LayerError:
        return None  # said where the layer is used
    known = found.roles(one, number, layout.orders[number])
    own = None if known is None else known.own
    return None if own == tuple(range(1, len(one.shape))) else own


def _packing(layout: Layout) -> Any:
    packing = layout.packing
    return tuple(packing) if isinstance(packing, dict | list) else packing


def _survey(model: Any, layout: Layout, shapes: Shapes) -> Survey:
    """The survey for signals of these lengths."""

    def made() -> Survey:
        wiring = wiring_of(_plain(layout, shapes))
        try:
            return survey(model, shapes, wiring.dtypes, wiring.structure())
        except (InputError, TraceError):  # said where the model is run on the signals themselves, if it cannot be
            return Survey((), (), ())

    found: Survey = fact(model, ("survey", shapes, _packing(layout)), made)
    return found


def _plain(layout: Layout, shapes: Shapes) -> Layout:
    """The same inputs, as the model takes them."""
    new = Layout(layout.specs, layout.packing)
    new.shapes = new.own_shapes = [tuple(map(int, np.atleast_1d(shape))) for shape in shapes]
    new.orders = [plain(shape) for shape in shapes]
    return new
