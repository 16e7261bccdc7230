"""What the user passes as a signal, made into what a model takes: rank repaired, checked, never guessed.

NumPy only: everything here is checked before a model is run.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError
from signalscreen.order import Order, plain

Array = npt.NDArray[Any]


class Spec(NamedTuple):
    """One input of a model: its name, shape without the batch (None where free), and dtype.

    ``shape`` is None when the model does not say (a subclassed model that was never built).
    """

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str

    def __str__(self) -> str:
        sizes = ["..."] if self.shape is None else ["any" if n is None else str(n) for n in self.shape]
        return f"({', '.join(['batch', *sizes])})"


def prepare(x: Any, spec: Spec, *, what: str = "x", order: Order | None = None) -> Array:
    """Check one input and give it the model's rank.

    One example without its batch axis, and a signal without its axis of one channel, are repaired; anything
    else that does not fit is refused.

    Parameters
    ----------
    x : array_like
        Any float or integer dtype.
    spec : Spec
        What the model expects.
    what : str
        How to call `x` in an error.
    order : Order, optional
        How the model's input lies, where that is known: for advice.

    Returns
    -------
    ndarray, shape (batch, ...)
        As the model takes it.

    Raises
    ------
    InputError
        Wrong dtype, rank or length, no example, or values that are NaN or infinite.

    Examples
    --------
    >>> spec = Spec("ecg", (187, 1), "float32")
    >>> prepare(np.zeros(187), spec).shape, prepare(np.zeros((5, 187)), spec).shape
    ((1, 187, 1), (5, 187, 1))
    """
    kind = type(x).__name__
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise InputError(f"{what} is ragged; give an array of shape {spec}") from error
    if array.dtype.kind == "O" and not array.ndim:
        where = f", such as its .signal, of shape {spec}" if hasattr(x, "signal") else f" of shape {spec}"
        raise InputError(f"{what} is a {kind}; give an array{where}")
    if array.dtype.kind not in "fiub":
        raise InputError(f"{what} has dtype {array.dtype}; give real numbers (float or integer)")
    given = array.shape
    x = _with_rank(array, spec)
    if x is None:
        turned = any(_with_rank(np.moveaxis(array, axis, -1), spec) is not None for axis in range(array.ndim - 1))
        advice = _turning(order) if turned else "cut, pad or resample the signal to it"
        raise InputError(f"{what} has shape {given}, but the model's input {spec.name!r} expects {spec}; {advice}")
    if x.size == 0:
        raise InputError(f"{what} has shape {given} and so holds no example; give at least one")
    _refuse_gaps(x, what)
    return x


def _turning(order: Order | None) -> str:
    """What to do with an array that would fit if its axes lay otherwise."""
    if order is None or len(order.features) > 1:
        return "move its axes so that it lies like that"
    where = "the first axis behind the batch" if order.is_first else "the last axis"
    return f"move its channels to {where}"


def _with_rank(x: Array, spec: Spec) -> Array | None:
    """`x` with the model's rank, or None where no reading of its shape fits."""
    if spec.shape is None:
        return x if x.ndim >= 2 else None
    candidates = [x, x[None]]
    for axis in reversed(range(len(spec.shape))):  # an axis of one channel or lead, wherever it lies
        if spec.shape[axis] == 1 and len(spec.shape) > 1 and x.ndim in (len(spec.shape), len(spec.shape) - 1):
            rows = x if x.ndim == len(spec.shape) else x[None]
            candidates.append(np.expand_dims(rows, axis + 1))
    for candidate in candidates:
        if candidate.ndim == len(spec.shape) + 1 and _fits(candidate.shape[1:], spec.shape):
            return candidate
    return None


def _fits(shape: tuple[int, ...], spec: tuple[int | None, ...]) -> bool:
    return all(want is None or want == have for want, have in zip(spec, shape, strict=True))


def _refuse_gaps(x: Array, what: str, block: int = 4096) -> None:
    if x.dtype.kind != "f":
        return
    for start in range(0, len(x), block):  # in blocks, so that a memory-mapped signal stays on disk
        bad = ~np.isfinite(x[start : start + block])
        if bad.any():
            example, *place = np.argwhere(bad)[0]
            raise InputError(
                f"{what} has NaN or infinity, first in example {start + example} at {tuple(map(int, place))}; "
                "fill or cut the gap before explaining it"
            )


class Layout:
    """How several inputs lie side by side in one array, so that a formula sees a single signal.

    With one input the array is the input itself, ``(batch, *axes, channels)``. With several it is
    ``(batch, elements)``: each input flattened, one after the other. Sums, products, paths and gradients mean
    the same in either form.

    Where the model takes its signals otherwise (`orders`), `join` brings them into this form, and `pack` back.
    """

    def __init__(self, specs: Sequence[Spec], packing: Any) -> None:
        self.specs = list(specs)
        self.packing = packing  # None for one input, else a list or dict of positions
        self.orders = [plain(spec.shape or ()) for spec in self.specs]
        self.ordered = False  # whether that has been looked at
        self.shapes: list[tuple[int, ...]] = []  # of an example of each input, as `join` gives it
        self.own_shapes: list[tuple[int, ...]] = []  # and as the model takes it
        self.named = isinstance(packing, dict)  # as the user names them, once there is a signal

    @property
    def single(self) -> bool:
        """Whether the model has one input."""
        return len(self.specs) == 1

    def checked(self, x: Any, *, what: str = "x") -> list[Array]:
        """The user's arrays, checked, as the model takes them."""
        self.named = isinstance(x, Mapping)
        parts = zip(self._parts(x, what), self.orders if self.ordered else [None] * len(self.specs), strict=True)
        arrays = [prepare(part, s, what=w, order=order) for (part, s, w), order in parts]
        if len({len(a) for a in arrays}) > 1:
            sizes = ", ".join(f"{s.name}: {len(a)}" for s, a in zip(self.specs, arrays, strict=True))
            raise InputError(f"{what} has inputs with different numbers of examples ({sizes}); make them equal")
        return arrays

    def join(self, x: Any, *, what: str = "x") -> Array:
        """Check the user's arrays and lay them side by side."""
        return self.beside(self.checked(x, what=what))

    def beside(self, arrays: Sequence[Array]) -> Array:
        """Lay arrays that the model takes side by side."""
        self.own_shapes = [a.shape[1:] for a in arrays]
        arrays = [order.canonical(a) for order, a in zip(self.orders, arrays, strict=True)]
        self.shapes = [a.shape[1:] for a in arrays]
        if self.single:
            return arrays[0]
        return np.concatenate([a.reshape(len(a), -1) for a in arrays], axis=1)

    def own(self, array: Array, position: int = 0) -> Array:
        """What lies like an input inside, as the model takes that input; leading axes stay."""
        return self.orders[position].own(array, self.own_shapes[position])

    def inside(self, value: Any, position: int = 0) -> Any:
        """An option that broadcasts to an input as the model takes it, made to broadcast to it inside."""
        order = self.orders[position]
        if callable(value) and not order.is_plain:
            return lambda x: order.canonical(np.asarray(value(self.own(x, position))))
        return value if callable(value) else order.canonical_like(value, self.own_shapes[position])

    def side_by_side(self, value: Any, like: Array, *, what: str) -> Any:
        """A baseline of one array per input, laid out like the inputs themselves; numbers stay numbers.

        References may be any number, the same for each input; a callable takes the inputs as the model does. With
        one input it is made to lie as that does inside.
        """
        if self.single:
            return self.inside(value)
        if callable(value):
            return lambda flat: self._flat(self._parts(value(self.pack(self.split(flat))), what))
        if not isinstance(value, list | tuple | Mapping) and np.ndim(value) == 0:
            return value
        parts = []
        for i, ((part, _, name), shape) in enumerate(zip(self._parts(value, what), self.shapes, strict=True)):
            part = self.inside(part, i)
            rows = np.shape(part)[0] if np.ndim(part) == len(shape) + 1 else 1
            most = rows if what == "references" or rows == 1 else len(like)
            parts.append(np.broadcast_to(fit(part, (most, *shape), what=name), (rows, *shape)).reshape(rows, -1))
        rows = max(len(p) for p in parts)
        if any(len(p) not in (1, rows) for p in parts):
            raise InputError(f"{what} holds {', '.join(str(len(p)) for p in parts)} arrays; make them equal")
        return np.concatenate([np.broadcast_to(p, (rows, p.shape[1])) for p in parts], axis=1)

    def given_back(self, array: Array) -> Any:
        """What lies like the inputs side by side, as the user gave them."""
        return self.own(array) if self.single else self.pack(self.split(array))

    def parts(self, value: Any) -> list[Any]:
        """What each input gets of an option: its own part of a list or dict, else the same."""
        if isinstance(value, list | tuple | Mapping):
            each = [part for part, _, _ in self._parts(value, "option")]
        else:
            each = [value] * len(self.specs)
        return [self.inside(part, i) for i, part in enumerate(each)]

    def _flat(self, parts: Sequence[tuple[Any, Spec, str]]) -> Array:
        """What a callable gives for each input, ``(batch, references, ...)``, side by side."""
        arrays = [order.canonical(np.asarray(part)) for (part, _, _), order in zip(parts, self.orders, strict=True)]
        return np.concatenate([a.reshape(*a.shape[:2], -1) for a in arrays], axis=-1)

    def split(self, flat: Array) -> list[Array]:
        """The inputs of `flat`, ``(rows, ...)``, each with its own axes again."""
        if self.single:
            return [flat]
        stops = np.cumsum([int(np.prod(shape)) for shape in self.shapes])
        pieces = np.split(flat, stops[:-1], axis=-1)
        return [p.reshape(*flat.shape[:-1], *shape) for p, shape in zip(pieces, self.shapes, strict=True)]

    def pack(self, arrays: Sequence[Any], like_x: bool = True) -> Any:
        """A list of arrays, one an input, as the user gave them: alone, as a list, or as a dict.

        With `like_x` each lies like its input, the shape of an example at its end, and goes back to how the model
        takes it.
        """
        if like_x:
            arrays = [None if a is None else self.own(a, i) for i, a in enumerate(arrays)]
        if self.packing is None:
            return arrays[0]
        if self.named:
            return {spec.name: array for spec, array in zip(self.specs, arrays, strict=True)}
        return list(arrays)

    def _parts(self, x: Any, what: str) -> list[tuple[Any, Spec, str]]:
        if self.single:
            one = next(iter(x.values())) if isinstance(x, Mapping) and len(x) == 1 else x
            one = one[0] if isinstance(self.packing, list) and isinstance(one, list | tuple) else one
            return [(one, self.specs[0], what)]
        names = [s.name for s in self.specs]
        if isinstance(x, Mapping):
            if set(x) != set(names):
                raise InputError(f"{what} has inputs {sorted(map(str, x))}; the model's inputs are {names}")
            return [(x[s.name], s, f"{what}[{s.name!r}]") for s in self.specs]
        if not isinstance(x, list | tuple) or len(x) != len(names):
            count = len(x) if isinstance(x, list | tuple) else 1
            raise InputError(
                f"{what} holds {count} array(s); the model has {len(names)} inputs: give a list or dict of "
                f"{', '.join(names)}"
            )
        return [(part, s, f"{what}[{i}]") for i, (part, s) in enumerate(zip(x, self.specs, strict=True))]


def fit(value: Any, shape: tuple[int, ...], *, what: str) -> Array:
    """`value` as a finite float array that broadcasts to `shape`.

    Raises
    ------
    InputError
        It does not broadcast, or is not finite.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "fiub":
        raise InputError(f"{what} has dtype {array.dtype}; give a number or an array of numbers")
    array = array.astype(np.result_type(array, np.float32))
    try:
        fits = np.broadcast_shapes(array.shape, shape) == tuple(shape)
    except ValueError:
        fits = False
    if not fits:
        raise InputError(f"{what} has shape {array.shape}, which does not broadcast to {shape}")
    if not np.isfinite(array).all():
        raise InputError(f"{what} has NaN or infinity; give finite numbers")
    return array
