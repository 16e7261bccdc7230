"""Which tensor of a run a layer stands for: its feature maps, or one number of its output."""

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np

from signalscreen.axes.roles import Roles
from signalscreen.backend import tf
from signalscreen.errors import LayerError, TargetError
from signalscreen.graph import Run, Tap, active_ops
from signalscreen.naming import last_of, name_of, places_of
from signalscreen.targets import Unit


class Mapped(NamedTuple):
    """A layer's output and what its axes are; None where that is not known."""

    tap: Tap
    roles: Roles | None

    @property
    def path(self) -> str:  # noqa: D102 (as of a tap)
        return self.tap.path

    @property
    def layer(self) -> Any:  # noqa: D102
        return self.tap.layer

    @property
    def is_map(self) -> bool:
        """Whether it holds feature maps over the signal's axes."""
        return self.roles is not None and self.roles.is_map and self.tap.tensor.dtype.is_floating


def find_layer(run: Run, score: Any, layer: Any, roles: Sequence[Roles | None], of_unit: Any = None) -> Mapped:
    """A layer given by name (``outer/inner`` when nested), index, or object; by default the last with maps.

    Parameters
    ----------
    score : Tensor
        What the layer is asked about: it must lie between the inputs and this.
    layer : str, int, keras.Layer or None
        None is the last layer with feature maps over the signal's axes.
    roles : sequence of Roles or None
        Of each of the run's taps.
    of_unit : Tensor, optional
        What the layer gives that the score is a unit of: by default it is looked for before that.

    Raises
    ------
    LayerError
        No such layer, or the layer has no feature maps over the signal's axes.
    """
    all_taps = [Mapped(*pair) for pair in zip(run.taps, roles, strict=True)]
    taps = feature_maps(run, score, all_taps)
    maps = f"layers with feature maps: {_paths(taps)}{'' if taps else _partly(all_taps)}"
    if layer is None and not taps:
        raise LayerError(
            "the model has no layer with feature maps over the signal's axes, so there is nothing a class "
            f"activation map could weigh; use a gradient or occlusion method{_partly(all_taps)}"
        )
    if layer is None:
        before = [one for one in taps if of_unit is None or one.tap.tensor.name != of_unit.name]
        taps = before or taps
        # One feature only is a gate or a weight of each place (attention), unless the model has nothing else.
        return ([one for one in taps if _features(one) != 1] or taps)[-1]
    calls = places_of(layer, run.layers, all_taps, maps)
    path, shape = calls[-1].path, calls[-1].tap.tensor.shape
    reached = {x.name for x in run.inputs} | {out.name for op in active_ops(run, score) for out in op.outputs}
    lying = [one for one in calls if one.tap.tensor.name in reached]
    if not any(one.is_map for one in lying or calls):
        raise LayerError(
            f"layer {path!r} gives {tuple(shape)}, which is no feature map over the signal's axes; {maps}"
        )
    if not lying:
        raise LayerError(
            f"layer {path!r} does not lie between this input and the score, so it has no map for it; {maps}"
        )
    return last_of([one for one in lying if one.is_map])


def _partly(taps: Sequence[Mapped]) -> str:
    """What to do where layers run along some of the signal's axes only (windows, each made into a vector)."""
    for one in reversed(taps):
        places = () if one.roles is None else one.roles.places
        if any(a < 0 for a in places) and any(a >= 0 and one.tap.tensor.shape[a] != 1 for a in places):
            return (
                f", or name the axes of x along which {one.path!r} does not run as channels, such as "
                f"channels=({len(places)}, {len(places) + 1}), to explain along the others"
            )
    return ""


def _features(one: Mapped) -> int:
    assert one.roles is not None
    return prod(one.roles.shape[a] for a in one.roles.rest)


def feature_maps(run: Run, score: Any, taps: Sequence[Mapped]) -> list[Mapped]:
    """Those that hold feature maps over the input's axes, in the order they are computed.

    A feature map has the signal's axes and more than one position, lies between the input and the score, and
    comes from a layer with weights or from behind one. The model's own output is not counted: a class
    activation map of it would be itself.
    """
    outputs = [*tf.nest.flatten(run.outputs), *tf.nest.flatten(run.logits)]
    ends = {*(t.name for t in outputs), *run.before, *(t.name for t in run.before.values())}
    between = {out.name for op in active_ops(run, score) for out in op.outputs}
    found, weighted = [], False
    for one in taps:
        if one.tap.is_container or not one.is_map:
            continue
        weighted = weighted or bool(one.layer.weights)
        if weighted and one.tap.tensor.name in between and one.tap.tensor.name not in ends:
            found.append(one)
    return found


def maps_of(tensor: Any, roles: Roles) -> Any:
    """A layer's output as ``(batch, *positions, features)``, leads that it still has merged with its filters."""
    order = [roles.batch, *roles.places, *roles.rest]
    if order != sorted(order):
        tensor = tf.transpose(tensor, order)
    if len(roles.rest) == 1:
        return tensor
    kept = 1 + len(roles.places)
    merged = tf.reshape(tensor, tf.concat([tf.shape(tensor)[:kept], [-1]], 0))
    merged.set_shape([*tensor.shape[:kept], tensor.shape[kept:].num_elements()])
    return merged


def layer_output(run: Run, layer: Any, logit: bool) -> Any:
    """What a layer gives: the tensor of its last call; before softmax or sigmoid where it is a model's output.

    Raises
    ------
    LayerError
        No such layer, or what it gives is no array of floats with a batch.
    """
    known = f"layers: {_paths([tap for tap in run.taps if tap.tensor.dtype.is_floating])}"
    tap = last_of(places_of(layer, run.layers, run.taps, known))
    tensor = tap.tensor
    if not tensor.dtype.is_floating or not tensor.shape.rank:
        raise LayerError(f"layer {tap.path!r} gives {tensor.dtype.name} of shape {tuple(tensor.shape)}; {known}")
    return run.before.get(tensor.name, tensor) if logit else tensor


def reached_output(run: Run, layer: Any, logit: bool) -> Any:
    """What a layer gives, refused where the input does not reach it.

    Raises
    ------
    LayerError
    """
    tensor = layer_output(run, layer, logit)
    if not active_ops(run, tensor):
        raise LayerError(f"layer {name_of(layer)!r} does not depend on the input; name one that does")
    return tensor


def unit_activation(run: Run, unit: Unit, logit: bool, axes: Sequence[int] | None = None) -> Any:
    """The activation that `unit` names, ``(batch,)``.

    Parameters
    ----------
    axes : sequence of int, optional
        The axes of the layer's output behind the batch: those that `position` counts along, then that of filters.
        By default in their order.

    Raises
    ------
    LayerError
        No such layer, or it does not see the input.
    TargetError
        The filter or position is outside the layer's output, or a callable gives no number per example.
    """
    tensor = _filters_last(reached_output(run, unit.layer, logit), axes)
    chosen = tensor[_index(unit, tensor.shape)]
    if chosen.dtype.size < 4:  # half precision ends at 65504, which sums and squares of a layer reach
        chosen = tf.cast(chosen, tf.float32)
    if callable(unit.reduce):
        found = unit.reduce(chosen)
        if not tf.is_tensor(found) or found.shape.rank != 1:
            shape = getattr(found, "shape", None)
            raise TargetError(
                f"the callable of the unit returned {type(found).__name__} of shape {shape}; it must return one "
                "number per example, shape (batch,)"
            )
        return found
    return _REDUCED[unit.reduce](chosen, list(range(1, chosen.shape.rank)))


def _l2(activation: Any, axes: list[int]) -> Any:
    """The norm, whose slope at zero counts as 0: there the square root has none."""
    power = tf.reduce_sum(tf.square(activation), axes)
    return tf.sqrt(tf.maximum(power, np.finfo(power.dtype.as_numpy_dtype).tiny))


_REDUCED = {
    "mean": tf.reduce_mean,
    "sum": tf.reduce_sum,
    "max": tf.reduce_max,
    "abs_sum": lambda a, axes: tf.reduce_sum(tf.abs(a), axes),
    "l2": _l2,
}


def _filters_last(tensor: Any, axes: Sequence[int] | None) -> Any:
    """A layer's output as ``(batch, *positions, filters)``."""
    if axes is None or len(axes) != tensor.shape.rank - 1 or list(axes) == list(range(1, tensor.shape.rank)):
        return tensor
    [batch] = set(range(tensor.shape.rank)) - set(axes)
    return tf.transpose(tensor, [batch, *axes])


def _index(unit: Unit, shape: Any) -> tuple[Any, ...]:
    """How the unit is taken out of its layer's output, filters last."""
    name, sizes = name_of(unit.layer), tuple(shape)[1:]
    words = f"layer {name!r} gives (batch, {', '.join('any' if n is None else str(n) for n in sizes)})"
    index: list[Any] = [slice(None)] * (1 + len(sizes))
    if unit.filter is not None:
        if not sizes or unit.filter < 0 or (sizes[-1] is not None and unit.filter >= sizes[-1]):
            most = f"filters 0 to {sizes[-1] - 1}" if sizes and sizes[-1] else "no filters"
            raise TargetError(f"filter {unit.filter} is out of range: {words}, so it has {most}")
        index[-1] = unit.filter
    if unit.position is not None:
        place = unit.position if isinstance(unit.position, tuple) else (unit.position,)
        fits = len(place) == len(sizes) - 1
        if not fits or any(p < 0 or (n is not None and p >= n) for p, n in zip(place, sizes[:-1], strict=True)):
            raise TargetError(
                f"position {unit.position!r} is out of range: {words}; give one index for each axis between batch "
                "and filters, counted from 0, or leave position out"
            )
        index[1:-1] = place
    return tuple(index)


def _paths(taps: Sequence[Tap | Mapped]) -> str:
    return ", ".join(dict.fromkeys(tap.path for tap in taps)) or "none"
