"""What a score is bound to: the inputs of these examples, how they are fed, and which class of each is explained.

NumPy only. A binding never changes; `part` and `holding` make new ones.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError
from signalscreen.inputs import Layout, free_inputs
from signalscreen.order import Order
from signalscreen.targets import Target

Array = npt.NDArray[Any]

_TOO_MANY = "the score is bound to {} examples, each with {}, and was given more; bind anew"


class Wiring(NamedTuple):
    """How a model is called: shape (without the batch) and dtype of each input, and how they are packed.

    Shapes are those of signals as they lie inside; `orders` says how the model takes them.
    """

    shapes: tuple[tuple[int | None, ...], ...]
    dtypes: tuple[str, ...]
    packing: tuple[str, ...] | None  # None for one input, else "list" or "dict" and the names
    orders: tuple[Order, ...] = ()  # empty: as they lie inside

    @property
    def result(self) -> str:
        """The dtype of what is computed: integer inputs (samples as counts, indices) give real scores."""
        return "float64" if "float64" in self.dtypes else "float32"

    @property
    def free(self) -> tuple[int, ...]:
        """The inputs that a gradient is asked for: those of floats; all where there is none."""
        return free_inputs(self.dtypes)

    def fed(self, arrays: Sequence[Array]) -> list[Array]:
        """What TensorFlow is given of the inputs; text stays as it is."""
        pairs = zip(arrays, self.dtypes, strict=True)
        return [a if dtype == "string" else np.ascontiguousarray(a, dtype) for a, dtype in pairs]

    def structure(self) -> Any:
        """The position of each input, packed as the model wants its inputs."""
        places = range(len(self.shapes))
        if self.packing is None:
            return 0
        kind, *names = self.packing
        return dict(zip(names, places, strict=True)) if kind == "dict" else list(places)


def wiring_of(layout: Layout) -> Wiring:
    """The wiring of a layout whose inputs have been joined: sizes the model leaves free stay free."""
    shapes = [
        order.shape(spec.shape) if spec.shape is not None else shape
        for spec, shape, order in zip(layout.specs, layout.shapes, layout.orders, strict=True)
    ]
    packing = layout.packing
    if packing is not None:
        packing = ("dict" if isinstance(packing, dict) else "list", *(s.name for s in layout.specs))
    orders = () if all(order.is_plain for order in layout.orders) else tuple(layout.orders)
    return Wiring(tuple(shapes), tuple(s.dtype for s in layout.specs), packing, orders)


class Binding(NamedTuple):
    """Some examples of a model's input.

    Attributes
    ----------
    layout : Layout
        How several inputs lie side by side in one array.
    wiring : Wiring
    numbers : ndarray of int, shape (batch,)
        Of these examples in the user's batch, for warnings that name them.
    target : Target
    held : mapping of int to ndarray
        Inputs that are held, by their number, and the values at which they are. The others are free.
    """

    layout: Layout
    wiring: Wiring
    numbers: Array
    target: Target = Target()
    held: Mapping[int, Array] = MappingProxyType({})

    @property
    def free(self) -> tuple[int, ...]:
        """The inputs that are not held."""
        return tuple(i for i in range(len(self.layout.specs)) if i not in self.held)

    @property
    def position(self) -> int:
        """The input whose axes are the signal's."""
        return self.free[0]

    @property
    def is_flat(self) -> bool:
        """Whether several inputs lie side by side, so that an example has one axis of elements."""
        return len(self.free) > 1

    @property
    def rank(self) -> int:
        """Axes of one example, channels included."""
        return 1 if self.is_flat else len(self.layout.shapes[self.position])

    @property
    def length(self) -> int:
        """The longest axis, standing in for those a model leaves free."""
        return max((n for shape in self.layout.shapes for n in shape), default=1)

    @property
    def classes(self) -> Array | None:
        """The class of each example, ``(batch,)``; None where the target is no class."""
        index = self.target.index
        if not isinstance(index, np.ndarray):
            return None
        return index if len(index) > 1 else np.repeat(index, len(self.numbers))

    def part(self, rows: slice | Array) -> "Binding":
        """Some of the examples."""
        target = self.target
        if isinstance(target.index, np.ndarray) and len(target.index) > 1:
            target = target._replace(index=target.index[rows])
        held = {i: a[rows] for i, a in self.held.items()}
        return self._replace(numbers=self.numbers[rows], target=target, held=held)

    def values(self, x: Array) -> list[Array]:
        """One array per input of the model, for these examples: those of the free inputs are in `x`."""
        own = dict(zip(self.free, self.layout.split(x, self.free), strict=True)) | dict(self.held)
        return [own[i] for i in range(len(self.layout.specs))]

    def holding(self, position: int, x: Array) -> "Binding":
        """One input free, the others held at their values."""
        return self._replace(held={i: a for i, a in enumerate(self.values(x)) if i != position})

    def arrays(self, rows: Array, number: Array) -> list[Array]:
        """One array per input of the model, for rows that belong to these examples."""
        if self.held and number.max(initial=0) >= len(self.numbers):
            raise InputError(_TOO_MANY.format(len(self.numbers), "the values of the inputs that are held"))
        parts = self._replace(held={i: a[number] for i, a in self.held.items()}).values(rows)
        return self.wiring.fed(parts)

    def chosen(self, number: Array) -> Array:
        """The class to explain in rows that belong to these examples; zeros where the target is no class."""
        index = self.target.index
        if not isinstance(index, np.ndarray):
            return np.zeros(len(number), np.int32)
        if len(index) == 1:
            return np.repeat(index, len(number))
        if number.max(initial=0) >= len(index):
            raise InputError(_TOO_MANY.format(len(index), "its target"))
        return index[number]

    def check_gradient(self) -> None:
        """Refuse a free input that has no gradient.

        Raises
        ------
        InputError
        """
        for i in self.free:
            dtype = self.wiring.dtypes[i]
            if i in self.layout.blind or not dtype.startswith("float"):
                how = (
                    "taken as integers or cut at a threshold"
                    if dtype.startswith("float")
                    else "text"
                    if dtype == "string"
                    else "integer"
                )
                raise InputError(
                    f"input {self.layout.specs[i].name!r} is {how} (an embedding index?), so the score has "
                    "no gradient for it; explain the model from its embedding on, or use occlusion where it has an "
                    "axis"
                )

    def join(self, grads: list[Array], x: Array) -> Array:
        """Gradients by each input, laid out like `x`."""
        given = dict(zip(self.wiring.free, grads, strict=True))
        if not self.is_flat:
            return given[self.position]
        return np.concatenate([given[i].reshape(*x.shape[:-1], -1) for i in self.free], axis=-1)

    def spread(self, x: Array) -> Array:
        """Largest minus smallest value of each example, per input, broadcastable to `x`."""
        if not self.is_flat:
            axes = tuple(range(x.ndim - self.rank, x.ndim))
            return x.max(axes, keepdims=True) - x.min(axes, keepdims=True)
        pieces = [part.reshape(*x.shape[:-1], -1) for part in self.layout.split(x, self.free)]
        return np.concatenate([np.repeat(np.ptp(p, -1, keepdims=True), p.shape[-1], -1) for p in pieces], axis=-1)
