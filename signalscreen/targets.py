"""Which one number per example is explained.

A target is None (each example's highest score), a class index, one index per example, a class name, an element
of a larger output as a tuple, ``(output, index)`` for a model with several outputs, or a callable from the
outputs to ``(batch,)``.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from signalscreen.errors import TargetError


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
    """

    output: int = 0
    index: Any = None
    function: Callable[[Any], Any] | None = None

    @property
    def key(self) -> Any:
        """What a traced function depends on: the classes per example are fed to it and do not count."""
        fixed = self.index if isinstance(self.index, tuple) else None
        return (self.output, fixed, self.function)


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
    elif isinstance(which, int | np.integer) and -len(names) <= which < len(names):
        output = int(which) % len(names)
    else:
        raise TargetError(f"target {target!r} names no output; {allowed}")
    return output, index[0] if len(index) == 1 else tuple(index)


def _element(target: tuple[Any, ...], shape: tuple[int | None, ...]) -> tuple[int, ...]:
    fits = len(target) == len(shape) and all(
        isinstance(i, int | np.integer) and (n is None or -n <= i < n) for i, n in zip(target, shape, strict=False)
    )
    if not fits:
        raise TargetError(
            f"target {target!r} is no element of an output of shape (batch, {_sizes(shape)}); give one index for "
            "each of its axes after the batch"
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
    if classes is not None and ((index < -classes) | (index >= classes)).any():
        wrong = int(index[(index < -classes) | (index >= classes)][0])
        raise TargetError(f"target {wrong} is out of range; the model has {classes} outputs, 0 to {classes - 1}")
    return (index % classes if classes else index).astype(np.int32)


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
