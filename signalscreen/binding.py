"""What a score is bound to: the inputs of these examples, how they are fed, and which class of each is explained.

NumPy only. A binding never changes; `part` and `holding` make new ones.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError
from signalscreen.inputs import Layout
from signalscreen.order import Order
from signalscreen.targets import Target

Array = npt.NDArray[Any]


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
    held : tuple of (int, list of ndarray), optional
        The input that is free, and the values of all at which the others are held.
    """

    layout: Layout
    wiring: Wiring
    numbers: Array
    target: Target = Target()
    held: tuple[int, list[Array]] | None = None

    @property
    def position(self) -> int:
        """The input whose axes are the signal's."""
        return 0 if self.held is None else self.held[0]

    @property
    def is_flat(self) -> bool:
        """Whether several inputs lie side by side, so that an example has one axis of elements."""
        return not self.layout.single and self.held is None

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
        target, held = self.target, self.held
        if isinstance(target.index, np.ndarray) and len(target.index) > 1:
            target = target._replace(index=target.index[rows])
        if held is not None:
            held = held[0], [a[rows] for a in held[1]]
        return self._replace(numbers=self.numbers[rows], target=target, held=held)

    def holding(self, position: int, x: Array) -> "Binding":
        """One input free, the others held at their values in `x`."""
        return self._replace(held=(position, self.layout.split(x)))

    def arrays(self, rows: Array, number: Array) -> list[Array]:
        """One array per input of the model, for rows that belong to these examples."""
        if self.held is None:
            parts = self.layout.split(rows)
        else:
            position, values = self.held
            parts = [rows if i == position else a[number] for i, a in enumerate(values)]
        return [np.ascontiguousarray(a, dtype) for a, dtype in zip(parts, self.wiring.dtypes, strict=True)]

    def chosen(self, number: Array) -> Array:
        """The class to explain in rows that belong to these examples; zeros where the target is no class."""
        index = self.target.index
        if not isinstance(index, np.ndarray):
            return np.zeros(len(number), np.int32)
        if len(index) == 1:
            return np.repeat(index, len(number))
        if number.max(initial=0) >= len(index):
            raise InputError(
                f"the score is bound to {len(index)} examples, each with its target, and was given more; bind anew"
            )
        return index[number]

    def join(self, grads: list[Array], x: Array) -> Array:
        """Gradients by each input, laid out like `x`."""
        if self.held is not None:
            return grads[self.held[0]]
        if self.layout.single:
            return grads[0]
        return np.concatenate([g.reshape(*x.shape[:-1], -1) for g in grads], axis=-1)

    def spread(self, x: Array) -> Array:
        """Largest minus smallest value of each example, per input, broadcastable to `x`."""
        if not self.is_flat:
            axes = tuple(range(x.ndim - self.rank, x.ndim))
            return x.max(axes, keepdims=True) - x.min(axes, keepdims=True)
        pieces = [part.reshape(*x.shape[:-1], -1) for part in self.layout.split(x)]
        return np.concatenate([np.repeat(np.ptp(p, -1, keepdims=True), p.shape[-1], -1) for p in pieces], axis=-1)
