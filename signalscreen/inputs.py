"""What the user passes as a signal, made into what a model takes: rank repaired, checked, never guessed.

NumPy only: everything here is checked before a model is run.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError
from signalscreen.order import Order, plain
from signalscreen.references import laid_out

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
    if array.dtype.kind == "O" and not array.ndim and spec.dtype != "string":
        where = f", such as its .signal, of shape {spec}" if hasattr(x, "signal") else f" of shape {spec}"
        raise InputError(f"{what} is a {kind}; give an array{where}")
    if spec.dtype != "string" and array.dtype.kind not in "fiub":
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
    return x if spec.dtype.startswith("float") else _exact(x, spec, what)


def _exact(x: Array, spec: Spec, what: str) -> Array:
    """Integers, truth values or text in the dtype that the model takes, nothing rounded or cut off."""
    if spec.dtype == "string":
        words = x.astype(object)
        if not all(isinstance(word, str | bytes) for word in words.flat):
            raise InputError(f"{what} holds {x.flat[0]!r}, but the model's input {spec.name!r} is text; give words")
        return words
    with np.errstate(invalid="ignore"):  # of numbers too large for an integer, which are refused next
        cast = x.astype(spec.dtype)
    if (cast != x).any():
        raise InputError(
            f"{what} holds {x[cast != x][0]}, but the model's input {spec.name!r} is {spec.dtype}; give values "
            "that it can hold, such as whole numbers"
        )
    return cast


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
        if spec.shape[axis] == 1 and x.ndim in (len(spec.shape), len(spec.shape) - 1):
            candidates.append(np.expand_dims(x if x.ndim == len(spec.shape) else x[None], axis + 1))
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


def free_inputs(dtypes: Sequence[str]) -> tuple[int, ...]:
    """The inputs that can be explained: those of floats, which have a gradient; where there is none, all.

    Integers (an embedding index), truth values and text are then held at their values.

    Examples
    --------
    >>> free_inputs(["float32", "int32"]), free_inputs(["int32", "int32"])
    ((0,), (0, 1))
    """
    floats = tuple(i for i, dtype in enumerate(dtypes) if dtype.startswith("float"))
    return floats or tuple(i for i, dtype in enumerate(dtypes) if dtype != "string") or tuple(range(len(dtypes)))


class Layout:
    """How several inputs lie side by side in one array, so that a formula sees a single signal.

    With one input that is explained the array is the input itself, ``(batch, *axes, channels)``. With several it is
    ``(batch, elements)``: each input flattened, one after the other. Sums, products, paths and gradients mean
    the same in either form. Inputs beside them that have no gradient (`free_inputs`) are held, and have no part in
    the array.

    Where the model takes its signals otherwise (`orders`), `inside` brings them into this form, and `pack` back.
    """

    def __init__(self, specs: Sequence[Spec], packing: Any) -> None:
        self.specs = list(specs)
        self.packing = packing  # None for one input, else a list or dict of positions
        self.orders = [plain(spec.shape or ()) for spec in self.specs]
        self.ordered = False  # whether that has been looked at
        self.shapes: list[tuple[int, ...]] = []  # of an example of each input, as it lies inside
        self.own_shapes: list[tuple[int, ...]] = []  # and as the model takes it
        self.blind: Sequence[int] = ()  # inputs that have no gradient, as tracing the model finds
        self.named = isinstance(packing, dict)  # as the user names them, once there is a signal

    @property
    def single(self) -> bool:
        """Whether the model has one input."""
        return len(self.specs) == 1

    @property
    def free(self) -> tuple[int, ...]:
        """The inputs that are explained; the others are held at their values."""
        free = free_inputs([spec.dtype for spec in self.specs])
        return tuple(i for i in free if i not in self.blind) or free

    def read(self, x: Any, *, what: str = "x") -> list[Array]:
        """Check the user's arrays: one for each input, as the model takes it."""
        self.named = isinstance(x, Mapping)
        parts = zip(self._parts(x, what), self.orders if self.ordered else [None] * len(self.specs), strict=True)
        arrays = [prepare(part, s, what=w, order=order) for (part, s, w), order in parts]
        if len({len(a) for a in arrays}) > 1:
            sizes = ", ".join(f"{s.name}: {len(a)}" for s, a in zip(self.specs, arrays, strict=True))
            raise InputError(f"{what} has inputs with different numbers of examples ({sizes}); make them equal")
        self.shapes = self.own_shapes = [a.shape[1:] for a in arrays]
        return arrays

    def inside(self, arrays: Sequence[Array]) -> list[Array]:
        """Arrays that the model takes, as they lie inside."""
        self.own_shapes = [a.shape[1:] for a in arrays]
        found = [order.canonical(a) for order, a in zip(self.orders, arrays, strict=True)]
        self.shapes = [a.shape[1:] for a in found]
        return found

    def own(self, array: Array, position: int = 0) -> Array:
        """What lies like an input inside, as the model takes that input; leading axes stay."""
        return self.orders[position].own(array, self.own_shapes[position])

    def option(self, value: Any, position: int = 0) -> Any:
        """An option that broadcasts to an input as the model takes it, made to broadcast to it inside."""
        return self.orders[position].canonical_like(value, self.own_shapes[position])

    def join(self, arrays: Sequence[Array]) -> Array:
        """The inputs that are explained, side by side where there are several."""
        if len(self.free) == 1:
            return arrays[self.free[0]]
        return np.concatenate([arrays[i].reshape(len(arrays[i]), -1) for i in self.free], axis=1)

    def references(self, value: Any, batch: int | None, *, what: str) -> Any:
        """References or a baseline, laid out like the inputs that are explained; numbers stay numbers.

        With several inputs it holds one array for each: None for an input that is held. A callable takes the inputs
        as the model does, None for one that is held, and gives them likewise.
        """
        if callable(value):
            as_given = self.single and self.orders[0].is_plain
            return value if as_given else partial(self._drawn, value, what)
        if value is None or (not isinstance(value, list | tuple | Mapping) and np.ndim(value) == 0):
            return value if value is None else laid_out(value, batch, (), what=what).item()
        parts = self._free_parts(value, what)
        arrays = [self.option(laid_out(part, batch, self.own_shapes[i], what=name), i) for i, part, name in parts]
        if len(arrays) == 1:
            return arrays[0]
        rows, count = (max(a.shape[axis] for a in arrays) for axis in (0, 1))
        if any(a.shape[1] not in (1, count) for a in arrays):
            raise InputError(f"{what} holds {', '.join(str(a.shape[1]) for a in arrays)} variants; make them equal")
        wide = [
            np.broadcast_to(a, (rows, count, *self.shapes[i])) for a, (i, _, _) in zip(arrays, parts, strict=True)
        ]
        return np.concatenate([a.reshape(rows, count, -1) for a in wide], axis=-1)

    def _drawn(self, draw: Callable[[Any], Any], what: str, rows: Array) -> Array:
        """References of a callable that takes the inputs as the model does."""
        given = self.pack(self.unpacked(rows))
        drawn = self._free_parts(draw(given), f"{what}(x)")
        arrays = [self.orders[i].canonical(np.asarray(part)) for i, part, _ in drawn]
        if len(arrays) == 1:
            return arrays[0]
        return np.concatenate([a.reshape(*a.shape[:2], -1) for a in arrays], axis=-1)

    def _free_parts(self, value: Any, what: str) -> list[tuple[int, Any, str]]:
        """Number, part and name of each input that is explained; nothing may be given for one that is held."""
        if len(self.free) == 1 and not isinstance(value, list | tuple | Mapping):
            return [(self.free[0], value, what)]
        parts = self._parts(self._filled(value), what)
        for i, (part, spec, name) in enumerate(parts):
            if i not in self.free and part is not None:
                raise InputError(
                    f"{name} is given, but input {spec.name!r} has no gradient and is held at its value; give None "
                    "for it"
                )
        return [(i, parts[i][0], parts[i][2]) for i in self.free]

    def _filled(self, value: Any) -> Any:
        """A dict with None for the inputs that are held and not in it."""
        held = [spec.name for i, spec in enumerate(self.specs) if i not in self.free]
        return {**dict.fromkeys(held), **value} if isinstance(value, Mapping) and not self.single else value

    def parts(self, value: Any) -> list[Any]:
        """What each input gets of an option: its own part of a list or dict, else the same."""
        each = [value] * len(self.specs)
        if isinstance(value, list | tuple | Mapping):
            each = [part for part, _, _ in self._parts(self._filled(value), "option")]
        return [self.option(part, i) for i, part in enumerate(each)]

    def split(self, flat: Array, which: Sequence[int] | None = None) -> list[Array]:
        """The inputs that lie in `flat`, ``(rows, ...)``, each with its own axes again.

        `which` says which they are; by default those that are explained.
        """
        which = self.free if which is None else which
        if len(which) == 1:
            return [flat]
        shapes = [self.shapes[i] for i in which]
        stops = np.cumsum([int(np.prod(shape)) for shape in shapes])
        pieces = np.split(flat, stops[:-1], axis=-1)
        return [p.reshape(*flat.shape[:-1], *shape) for p, shape in zip(pieces, shapes, strict=True)]

    def unpacked(self, flat: Array) -> list[Array | None]:
        """One array for each input of the model: None for those that are held."""
        own = dict(zip(self.free, self.split(flat), strict=True))
        return [own.get(i) for i in range(len(self.specs))]

    def given_back(self, array: Array) -> Any:
        """What lies like the inputs that are explained, side by side, as the user gave them."""
        return self.own(array) if self.single else self.pack(self.unpacked(array))

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
