"""Where a synthesis begins: the shape of the input, noise, zeros or signals, and the score bound to them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError, OptionError, TargetError
from signalscreen.inputs import Layout, Spec
from signalscreen.order import Order

Array = npt.NDArray[Any]


def begin(
    model: Any,
    target: Any,
    start: Any,
    *,
    rows: int | None,
    length: Any,
    which: int | str | None,
    noise: tuple[float, Any, int],
    common: dict[str, Any],
    what: str = "start",
) -> tuple[Any, Array]:
    """Bind a score to the inputs from which a synthesis begins.

    Parameters
    ----------
    start : "noise", "zeros", array_like, or a list or dict of arrays for several inputs
    rows : int, optional
        How many inputs are made; by default as many as `start` or `target` has, else one.
    length : int or tuple of int, optional
        Of the axes that the model leaves free.
    which : int, str or None
        With several inputs, the one that is made; the others are held at `start`, or at zero.
    noise : tuple
        Mean, standard deviation and seed. A row's noise depends on the seed and its number alone.
    common : dict
        Options of `Score`.
    what : str
        How to call `start` in an error.

    Returns
    -------
    Score
        Bound to these rows, the other inputs held.
    ndarray, shape (rows, *axes, channels)

    Raises
    ------
    InputError, OptionError, TargetError
    """
    from signalscreen.models import layout_of
    from signalscreen.score import Score
    from signalscreen.surveys import order

    if target is None:
        raise TargetError(
            "target is None, and an input made from nothing has no highest class yet; give a class, a name with "
            "class_names, ss.Unit(layer, filter), or a callable"
        )
    score = Score(model, target, **common)
    layout = layout_of(score.model, None if isinstance(start, str) else start)
    place = place_of(layout, which)
    parts = _parts(start, layout, place, what)
    rows = _rows(rows, parts, target)
    shapes = [
        _shape(spec, length if i == place else None) if isinstance(part, str) else part.shape[1:]
        for i, (part, spec) in enumerate(zip(parts, layout.specs, strict=True))
    ]
    order(score.model, layout, tuple(shapes), score.channels)
    arrays = [
        _filled(part, spec, rows, layout.orders[i], shapes[i], noise)
        for i, (part, spec) in enumerate(zip(parts, layout.specs, strict=True))
    ]
    named = isinstance(layout.packing, Mapping)
    given: Any = dict(zip((s.name for s in layout.specs), arrays, strict=True)) if named else arrays
    bound, x = score.bind(arrays[0] if layout.single else given)
    if not layout.single:
        bound, x = bound.holding(place, x), bound.bound.values(x)[place]
    kind = bound.bound.wiring.dtypes[place]
    if not kind.startswith("float") or place in bound.layout.blind:
        taken = kind if not kind.startswith("float") else "taken as integers"
        raise InputError(
            f"the model's input {layout.specs[place].name!r} is {taken} (an embedding index?), which no gradient "
            "can change; give the part of the model from its embedding on"
        )
    return bound, x.astype(kind)


def place_of(layout: Layout, which: int | str | None) -> int:
    """The number of the input that is made."""
    names = [spec.name for spec in layout.specs]
    known = [*names, *range(len(names))]
    if which is None and layout.single:
        return 0
    if which not in known:
        raise InputError(
            f"input {which!r} does not say which of the model's inputs is made; give input= one of "
            f"{', '.join(names)} (the others are held where start has them, or at zero)"
        )
    return known.index(which) % len(names)


def _parts(start: Any, layout: Layout, place: int, what: str) -> list[Any]:
    """What each input begins from: a word or an array."""
    if isinstance(start, str) and what == "start":
        if start not in ("noise", "zeros"):
            raise OptionError(f"start {start!r} is not known; give 'noise', 'zeros' or a signal")
        return [start if i == place else "zeros" for i in range(len(layout.specs))]
    return list(layout.read(start, what=what))


def _rows(rows: int | None, parts: Sequence[Any], target: Any) -> int:
    if rows is not None and (isinstance(rows, bool) or not isinstance(rows, int | np.integer) or rows < 1):
        raise OptionError(f"seeds {rows!r} is no number of inputs to make; give 1 or more")
    given = max((len(part) for part in parts if not isinstance(part, str)), default=1)
    listed = len(target) if isinstance(target, list | np.ndarray) and np.ndim(target) else 1
    wanted = int(rows or max(given, listed))
    if given not in (1, wanted):
        raise InputError(f"start holds {given} signals, and {wanted} inputs are to be made; give 1, or as many")
    return wanted


def placed(made: Any, bound: Any) -> Any:
    """A synthesis whose inputs lie as the model takes them."""
    layout, position = bound.layout, bound.bound.position
    return replace(made, x=layout.own(made.x, position), start=layout.own(made.start, position))


def _filled(
    part: Any, spec: Spec, rows: int, order: Order, shape: tuple[int, ...], noise: tuple[float, Any, int]
) -> Array:
    if not isinstance(part, str):
        return np.repeat(part, rows, axis=0) if len(part) == 1 else part
    if part == "zeros":
        return np.zeros((rows, *shape), spec.dtype)
    mean, spread, seed = noise
    spreads = np.broadcast_to(spread, rows) if np.size(spread) in (1, rows) else np.ones(rows)
    # So that it is the same wherever a model has its channels.
    inside = [n for n in order.shape(shape) if n is not None]
    made = [np.random.default_rng([seed, row]).normal(mean, spreads[row], inside) for row in range(rows)]
    return order.own(np.stack(made), shape).astype(spec.dtype)


def _shape(spec: Spec, length: Any) -> tuple[int, ...]:
    """The size of an input, `length` taken for the axes that the model leaves free."""
    if spec.shape is None or all(size is None for size in spec.shape):
        raise InputError("the model does not say what its input looks like; give start= a signal of its shape")
    free = [axis for axis, size in enumerate(spec.shape) if size is None]
    given = [] if length is None else list(length) if isinstance(length, tuple | list) else [length]
    if len(given) == 1:
        given = given * max(len(free), 1)
    if not all(isinstance(n, int | np.integer) and n > 0 for n in given):
        raise OptionError(f"length {length!r} is no number of samples; give a positive whole number")
    if not free:
        if given and (len(set(given)) > 1 or given[0] not in spec.shape):
            raise OptionError(f"length {length!r} does not fit the model's input {spec}; leave it out")
        return tuple(int(n) for n in spec.shape if n is not None)
    if len(given) != len(free):
        raise OptionError(
            f"the model's input is {spec}, which leaves {len(free)} of its axes free; give length= in samples, one "
            "number or one for each of them"
        )
    sizes = iter(given)
    return tuple(int(next(sizes) if n is None else n) for n in spec.shape)
