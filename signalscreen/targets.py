"""Which one number per example is explained.

A target is None (each example's highest score), a class index, one index per example, a class name, an element
of a larger output as a tuple, ``(output, index)`` for a model with several outputs, a callable from the
outputs to ``(batch,)``, or a `Unit` inside the network.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from signalscreen.errors import OptionError, TargetError


@dataclass(frozen=True)
class Unit:
    """What a layer inside the network gives, as a target: a filter, a position, or all of it.

    Every method takes it where it takes a class: ``ss.saliency(model, x, ss.Unit("conv1d_2", 5))`` is the
    gradient of a filter with respect to the signal.

    Parameters
    ----------
    layer : str, int or keras.Layer
        By name (``outer/inner`` when nested), index in ``model.layers``, or object. The output layer counts
        before its softmax or sigmoid where ``score="logit"``.
    filter : int, optional
        Index on the layer's axis of filters, wherever the layer has it, from 0; all by default.
    position : int or tuple of int, optional
        Place on the layer's other axes behind the batch, in steps of its own output, from 0; all by default.
    reduce : {"mean", "sum", "max", "abs_sum", "l2"} or callable
        How what is left is made one number per example. "mean" is that of keras-vis, "abs_sum" that of
        pytorch-cnn-visualizations. A callable takes the tensor ``(batch, ...)`` that is left and returns
        ``(batch,)``.

    Raises
    ------
    OptionError
        `filter`, `position` or `reduce` is of a kind that is not allowed.

    Examples
    --------
    >>> Unit("conv1d_2", filter=5)
    Unit(layer='conv1d_2', filter=5, position=None, reduce='mean')
    """

    layer: Any
    filter: int | None = None
    position: int | tuple[int, ...] | None = None
    reduce: str | Callable[[Any], Any] = "mean"

    def __post_init__(self) -> None:
        for name, value in (("filter", self.filter), ("position", self.position)):
            places = value if name == "position" and isinstance(value, tuple) else (value,)
            if value is not None and not all(_is_index(p) for p in places):
                raise OptionError(f"{name} {value!r} of a unit is no index; give a whole number, or leave it out")
        if not (callable(self.reduce) or self.reduce in REDUCTIONS):
            raise OptionError(
                f"reduce {self.reduce!r} is not known; choose one of {', '.join(REDUCTIONS)}, or give a callable"
            )

    @property
    def key(self) -> Any:
        """What a traced function depends on."""
        layer = self.layer if isinstance(self.layer, str | int | np.integer) else id(self.layer)
        return (layer, self.filter, self.position, self.reduce)


REDUCTIONS = ("mean", "sum", "max", "abs_sum", "l2")


def _is_index(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


class Target(NamedTuple):
    """A target in the form the graph wants: which output, and what of it.

    Attributes
    ----------
    output : int
        Position among the model's outputs, flat.
    index : ndarray of int32, tuple of int, or None
        One class per example, ``(batch,)`` (or one for all, ``(1,)``); a fixed element of the output; or None
        for each example's highest score.
    function : callable, optional
        Takes the outputs as the model structures them, returns ``(batch,)``.
    unit : Unit, optional
        Instead of the outputs.
    unit_axes : tuple of int, optional
        Of the unit's layer: the axes that its position counts along, then that of its filters.
    """

    output: int = 0
    index: Any = None
    function: Callable[[Any], Any] | None = None
    unit: Unit | None = None
    unit_axes: tuple[int, ...] | None = None

    @property
    def computes(self) -> bool:
        """Whether it is computed by ops of its own, and not an element of an output."""
        return self.function is not None or self.unit is not None

    @property
    def key(self) -> Any:
        """What a traced function depends on: the classes per example are fed to it and do not count."""
        fixed = self.index if isinstance(self.index, tuple) else None
        return (self.output, fixed, self.function, self.unit and self.unit.key, self.unit_axes)


def resolve(
    target: Any,
    *,
    shapes: Sequence[tuple[int | None, ...]],
    names: Sequence[str],
    class_names: Sequence[str] | None,
    batch: int | None,
) -> Target:
    """Read what the user gave as a target.

    Parameters
    ----------
    shapes : sequence of tuple
        Shape of each output without the batch.
    names : sequence of str
        Name of each output.
    class_names : sequence of str, optional
    batch : int, optional
        Number of examples, where known.

    Raises
    ------
    TargetError
        The target names no output, no class, or more than one number per example.
    """
    if isinstance(target, Unit):
        return Target(unit=target)
    if callable(target):
        return Target(function=target)
    output = 0
    if len(shapes) > 1:
        output, target = _choose_output(target, names)
    shape = shapes[output]
    if len(shape) == 0:
        if target is not None and (isinstance(target, str) or np.any(np.asarray(target) != 0)):
            raise TargetError(f"target {target!r}: the output is one number per example; leave target out")
        return Target(output, ())
    if isinstance(target, tuple):
        return Target(output, _element(target, shape))
    if len(shape) > 1:
        raise TargetError(
            f"target {target!r} does not name one number of an output of shape (batch, {_sizes(shape)}); give a "
            "tuple such as (position, class), or a callable such as lambda y: keras.ops.mean(y[:, :, 0], axis=1)"
        )
    if target is None:
        return Target(output, None)
    return Target(output, _classes(target, shape[0], class_names, batch))


def _choose_output(target: Any, names: Sequence[str]) -> tuple[int, Any]:
    allowed = f"the model has outputs {', '.join(names)}; give (output, index), by name or number, or a callable"
    if not isinstance(target, tuple) or len(target) < 2:
        raise TargetError(f"target {target!r} does not say which output it means; {allowed}")
    which, *index = target
    if which in names:
        output = list(names).index(which)
    elif _is_index(which) and 0 <= which < len(names):
        output = int(which)
    else:
        raise TargetError(f"target {target!r} names no output; {allowed}, 0 to {len(names) - 1}")
    return output, index[0] if len(index) == 1 else tuple(index)


def _element(target: tuple[Any, ...], shape: tuple[int | None, ...]) -> tuple[int, ...]:
    fits = len(target) == len(shape) and all(
        isinstance(i, int | np.integer) and i >= 0 and (n is None or i < n)
        for i, n in zip(target, shape, strict=False)
    )
    if not fits:
        raise TargetError(
            f"target {target!r} is no element of an output of shape (batch, {_sizes(shape)}); give one index for "
            "each of its axes after the batch, counted from 0"
        )
    return tuple(int(i) for i in target)


def _classes(target: Any, classes: int | None, class_names: Sequence[str] | None, batch: int | None) -> Any:
    given = [target] if isinstance(target, str) or np.ndim(target) == 0 else list(target)
    if any(isinstance(t, str) for t in given):
        given = [_class_number(t, class_names) for t in given]
    index = np.asarray(given)
    if index.ndim != 1 or index.dtype.kind not in "iu":
        raise TargetError(
            f"target {target!r} is not understood; give a class index, one index per example, a class name, "
            "or a callable"
        )
    if np.ndim(target) and batch is not None and len(index) not in (1, batch):
        raise TargetError(
            f"target has {len(index)} classes for {batch} examples; give one for each, or one for all"
        )
    outside = (index < 0) | (index >= classes if classes is not None else False)
    if outside.any():
        has = f"{classes} outputs, 0 to {classes - 1}" if classes is not None else "outputs counted from 0"
        raise TargetError(f"target {int(index[outside][0])} is out of range; the model has {has}")
    return index.astype(np.int32)


def _class_number(name: Any, class_names: Sequence[str] | None) -> Any:
    if not isinstance(name, str):
        return name
    if class_names is None:
        raise TargetError(f"target {name!r} is a name; give class_names= so that it can be looked up, or an index")
    if name not in class_names:
        raise TargetError(f"target {name!r} is not among the class names {', '.join(class_names)}")
    return list(class_names).index(name)


def _sizes(shape: Sequence[int | None]) -> str:
    return ", ".join("any" if n is None else str(n) for n in shape)
