"""What the user passes as a signal, made into what a model takes: rank repaired, checked, never guessed.

NumPy only: everything here is checked before a model is run.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError

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
    if array.dtype.kind == "O" and not array.ndim:
        where = f", such as its .signal, of shape {spec}" if hasattr(x, "signal") else f" of shape {spec}"
        raise InputError(f"{what} is a {kind}; give an array{where}")
    if array.dtype.kind not in "fiub":
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
    return x


def _with_rank(x: Array, spec: Spec) -> Array | None:
    """`x` with the model's rank, or None where no reading of its shape fits."""
    if spec.shape is None:
        return x if x.ndim >= 2 else None
    candidates = [x, x[None]]
    if spec.shape[-1:] == (1,) and len(spec.shape) > 1:
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


class Layout:
    """How several inputs lie side by side in one array, so that a formula sees a single signal.

    With one input the array is the input itself, ``(batch, *axes, channels)``. With several it is
    ``(batch, elements)``: each input flattened, one after the other. Sums, products, paths and gradients mean
    the same in either form.
    """

    def __init__(self, specs: Sequence[Spec], packing: Any) -> None:
        self.specs = list(specs)
        self.packing = packing  # None for one input, else a list or dict of positions
        self.shapes: list[tuple[int, ...]] = []
        self.named = isinstance(packing, dict)  # as the user names them, once there is a signal

    @property
    def single(self) -> bool:
        """Whether the model has one input."""
        return len(self.specs) == 1

    def join(self, x: Any, *, what: str = "x") -> Array:
        """Check the user's arrays and lay them side by side."""
        self.named = isinstance(x, Mapping)
        arrays = [prepare(part, s, what=w) for part, s, w in self._parts(x, what)]
        if len({len(a) for a in arrays}) > 1:
            sizes = ", ".join(f"{s.name}: {len(a)}" for s, a in zip(self.specs, arrays, strict=True))
            raise InputError(f"{what} has inputs with different numbers of examples ({sizes}); make them equal")
        self.shapes = [a.shape[1:] for a in arrays]
        if self.single:
            return arrays[0]
        return np.concatenate([a.reshape(len(a), -1) for a in arrays], axis=1)

    def side_by_side(self, value: Any, like: Array, *, what: str) -> Any:
        """A baseline of one array per input, laid out like the inputs themselves; numbers stay numbers.

        References may be any number, the same for each input; a callable takes the inputs as the model does.
        """
        if callable(value):
            return lambda flat: self._flat(self._parts(value(self.pack(self.split(flat))), what), 2)
        if not isinstance(value, list | tuple | Mapping) and np.ndim(value) == 0:
            return value
        parts = []
        for (part, _, name), shape in zip(self._parts(value, what), self.shapes, strict=True):
            rows = np.shape(part)[0] if np.ndim(part) == len(shape) + 1 else 1
            most = rows if what == "references" or rows == 1 else len(like)
            parts.append(np.broadcast_to(fit(part, (most, *shape), what=name), (rows, *shape)).reshape(rows, -1))
        rows = max(len(p) for p in parts)
        if any(len(p) not in (1, rows) for p in parts):
            raise InputError(f"{what} holds {', '.join(str(len(p)) for p in parts)} arrays; make them equal")
        return np.concatenate([np.broadcast_to(p, (rows, p.shape[1])) for p in parts], axis=1)

    def parts(self, value: Any) -> list[Any]:
        """What each input gets of an option: its own part of a list or dict, else the same."""
        if isinstance(value, list | tuple | Mapping):
            return [part for part, _, _ in self._parts(value, "option")]
        return [value] * len(self.specs)

    @staticmethod
    def _flat(parts: Sequence[tuple[Any, Spec, str]], lead: int) -> Array:
        arrays = [np.asarray(part) for part, _, _ in parts]
        return np.concatenate([a.reshape(*a.shape[:lead], -1) for a in arrays], axis=-1)

    def split(self, flat: Array) -> list[Array]:
        """The inputs of `flat`, ``(rows, ...)``, each with its own axes again."""
        if self.single:
            return [flat]
        stops = np.cumsum([int(np.prod(shape)) for shape in self.shapes])
        pieces = np.split(flat, stops[:-1], axis=-1)
        return [p.reshape(*flat.shape[:-1], *shape) for p, shape in zip(pieces, self.shapes, strict=True)]

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
