"""What the user passes as a signal, made into what a model takes: rank repaired, checked, never guessed.

NumPy only: everything here is checked before a model is run.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError
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


def prepare(x: Any, spec: Spec, *, what: str = "x") -> Array:
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

    Returns
    -------
    ndarray, shape (batch, *axes, channels)

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
        advice = "move its channels to the last axis" if turned else "cut, pad or resample the signal to it"
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


def _with_rank(x: Array, spec: Spec) -> Array | None:
    """`x` with the model's rank, or None where no reading of its shape fits."""
    if spec.shape is None:
        return x if x.ndim >= 2 else None
    candidates = [x, x[None]]
    if spec.shape[-1:] == (1,):
        candidates += [x[..., None], x[None, ..., None]]
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
    """

    def __init__(self, specs: Sequence[Spec], packing: Any) -> None:
        self.specs = list(specs)
        self.packing = packing  # None for one input, else a list or dict of positions
        self.shapes: list[tuple[int, ...]] = []
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
        """Check the user's arrays: one for each input."""
        self.named = isinstance(x, Mapping)
        arrays = [prepare(part, s, what=w) for part, s, w in self._parts(x, what)]
        if len({len(a) for a in arrays}) > 1:
            sizes = ", ".join(f"{s.name}: {len(a)}" for s, a in zip(self.specs, arrays, strict=True))
            raise InputError(f"{what} has inputs with different numbers of examples ({sizes}); make them equal")
        self.shapes = [a.shape[1:] for a in arrays]
        return arrays

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
            return value if self.single else partial(self._drawn, value, what)
        if value is None or (not isinstance(value, list | tuple | Mapping) and np.ndim(value) == 0):
            return value if value is None else laid_out(value, batch, (), what=what).item()
        parts = self._free_parts(value, what)
        arrays = [laid_out(part, batch, self.shapes[i], what=name) for i, part, name in parts]
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
        arrays = [np.asarray(part) for _, part, _ in self._free_parts(draw(given), f"{what}(x)")]
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
        if isinstance(value, list | tuple | Mapping):
            return [part for part, _, _ in self._parts(self._filled(value), "option")]
        return [value] * len(self.specs)

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

    def pack(self, arrays: Sequence[Any]) -> Any:
        """A list of arrays, one an input, as the user gave them: alone, as a list, or as a dict."""
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
