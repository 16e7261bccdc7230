"""Where the positions of a layer lie on the signal, by arithmetic over the Keras layers.

A position lies in the middle of what a convolution or pooling makes it from, padding counted: the receptive
field's centre, not cut at the signal's ends. A layer that mixes all positions but keeps their number (a
recurrent one, attention) leaves them where they are, and what it adds from everywhere has no place.
"""

from math import inf
from typing import Any

import numpy as np

from signalscreen.errors import OptionError
from signalscreen.naming import last_of, places_of
from signalscreen.receptive.channels import traced
from signalscreen.receptive.rules import (
    Floats,
    Region,
    UnknownReachError,
    axes_of,
    hull,
    joined_axis,
    rule_for,
    transposed_left,
)
from signalscreen.receptive.steps import Step, graph_of

_AFFINE = {"_conv", "_pool", "_zero_padding", "_cropping", "_embedding"}  # rules that are exact off the ends too


def layer_positions(
    model: Any, layer: str | int | Any, count: int | tuple[int, ...] | None = None
) -> tuple[Floats, ...] | None:
    """Where the positions of a layer's output lie on the model's input, in samples.

    Parameters
    ----------
    model : keras.Model
        It is not run.
    layer : str, int or keras.Layer
        By name (``outer/inner`` when nested), index in ``model.layers``, or object.
    count : int or tuple of int, optional
        How many positions the layer has, per axis: needed for models of free length only.

    Returns
    -------
    tuple of ndarray, or None
        One array for each axis of the signal, ``(positions,)``: the centre of each position's receptive field,
        in samples of the model's input, padding and strides counted. None where it is not known: a subclassed
        model, a layer without a rule, or one whose units have no place (behind global pooling).

    Raises
    ------
    LayerError
        No such layer.
    OptionError
        The length is free and `count` is missing, or `count` has not one number per axis.

    Examples
    --------
    >>> import keras
    >>> net = keras.Sequential([keras.Input((12, 1)), keras.layers.Conv1D(4, 5), keras.layers.MaxPool1D(4)])
    >>> layer_positions(net, 0)[0][:3], layer_positions(net, 1)[0]
    (array([2., 3., 4.]), array([3.5, 7.5]))
    """
    graph = graph_of(model)
    if graph is None:
        return None
    steps, inputs = traced(graph)
    step = _step_of(steps, model, layer)
    lengths = _lengths(axes_of(step.output), count, step.path)
    return centres(steps, inputs, step.results[0], lengths)


def input_steps(model: Any, layer: Any) -> tuple[float, ...] | None:
    """How many samples of the model's input lie between neighbouring positions of a layer's input, per axis.

    None where it is not known, or differs between the calls of a layer that is called several times.
    """
    graph = graph_of(model)
    if graph is None:
        return None
    steps, inputs = traced(graph)
    found = {_spacing(steps, inputs, step) for step in steps if step.layer is layer}
    return found.pop() if len(found) == 1 else None


def centres(
    steps: list[Step], inputs: list[int], tensor: int, lengths: tuple[int, ...]
) -> tuple[Floats, ...] | None:
    """Where the positions of a tensor lie on the model's inputs; None where that is not known."""
    at = [np.arange(n, dtype=np.float64) for n in lengths]
    # Axes do not mix, so the axes are followed back side by side, the shorter ones padded.
    most = max(lengths, default=0)
    grid = np.stack([np.resize(a, most) for a in at], axis=1) if at else np.zeros((0, 0))
    regions = {tensor: Region(grid, grid)}
    try:
        for step in reversed(steps):
            region = next((regions[r] for r in step.results if r in regions), None)
            if region is None or not step.sources:
                continue
            for which, source in enumerate(step.sources):
                seen = _placed(step, which, region)
                if seen is not None:
                    regions[source] = hull(regions[source], seen) if source in regions else seen
    except UnknownReachError:
        return None
    found = [regions[number] for number in inputs if number in regions]
    if not found or len({region.lo.shape for region in found}) > 1 or found[0].lo.shape[1] != len(lengths):
        return None
    whole = found[0]
    for other in found[1:]:
        whole = hull(whole, other)
    with np.errstate(invalid="ignore"):  # inf - inf, where a position has no place
        middle = (whole.lo + whole.hi) / 2
    places = tuple(middle[:n, axis] for axis, n in enumerate(lengths))
    return places if all(np.isfinite(place).all() for place in places) else None


def _placed(step: Step, which: int, region: Region) -> Region | None:
    """Where a step's output lies on its input number `which`; None for an input that has no place."""
    layer, shape, out, rule = step.layer, step.inputs[which], step.output, rule_for(step)
    name = rule.__name__
    if name in _AFFINE:
        return rule(step, which, region)
    if name == "_conv_transpose":
        return _between(step, region)
    if name == "_up_sampling":
        size = np.asarray(layer.size, float)
        return Region((region.lo + 0.5) / size - 0.5, (region.hi + 0.5) / size - 0.5)
    if name == "_recurrent" and layer.go_backwards:
        return _reversed(step, which, region)
    if name == "_concatenate" and axes_of(shape) != axes_of(out):
        return _piece(step, which, region)
    mixes = name == "_whole" and which > 0  # what attention looks at lies elsewhere than what looks
    if axes_of(shape) == axes_of(out) and (len(shape) == len(out) > 1 or name in ("_same", "_reshape")):
        return None if mixes else region
    if name == "_reshape":
        raise UnknownReachError(type(layer).__name__)
    return None


def _between(step: Step, region: Region) -> Region:
    """A transposed convolution: its outputs lie between its inputs, at fractions of them."""
    layer = step.layer
    rank = len(axes_of(step.output))
    sizes, strides, dilations = (
        np.broadcast_to(np.asarray(v, int), rank) for v in (layer.kernel_size, layer.strides, layer.dilation_rate)
    )
    left = np.array(transposed_left(step, sizes, strides, dilations))
    return Region((region.lo + left - (sizes - 1) * dilations) / strides, (region.hi + left) / strides)


def _reversed(step: Step, which: int, region: Region) -> Region | None:
    """A recurrent layer that goes backwards gives its sequence from the end."""
    [*_, last] = axes_of(step.inputs[which])
    if which > 0 or not step.layer.return_sequences:
        return None
    if last is None:
        raise UnknownReachError("going backwards over an axis of free length")
    return Region(last - 1 - region.hi, last - 1 - region.lo)


def _piece(step: Step, which: int, region: Region) -> Region:
    """Pieces put one after the other: each position lies in the piece that holds its centre."""
    lo, hi = rule_for(step)(step, which, region)
    rank = len(step.output) + 1
    axis = joined_axis(step) - 1
    n = axes_of(step.inputs[which])[axis]
    if n is None or rank < 3:
        raise UnknownReachError("concatenation along an axis of free length")
    middle = (lo[:, axis] + hi[:, axis]) / 2
    first, last = which == 0, which == len(step.inputs) - 1
    other = ((middle < -0.5) & (not first)) | ((middle >= n - 0.5) & (not last))
    lo, hi = lo.copy(), hi.copy()
    lo[other, axis], hi[other, axis] = inf, -inf
    return Region(lo, hi)


def _spacing(steps: list[Step], inputs: list[int], step: Step) -> tuple[float, ...] | None:
    """Samples between the first two positions of a step's input; an axis of one position has none."""
    lengths = tuple(2 if n is None else min(n, 2) for n in axes_of(step.inputs[0]))
    if not step.sources:
        return None
    found = centres(steps, inputs, step.sources[0], lengths)
    if found is None:
        return None
    return tuple(float(at[1] - at[0]) if len(at) > 1 else 1.0 for at in found)


def _lengths(known: tuple[int | None, ...], count: int | tuple[int, ...] | None, path: str) -> tuple[int, ...]:
    given = (count,) if isinstance(count, int | np.integer) else count
    if given is not None and len(given) != len(known):
        raise OptionError(f"count is {count!r} for {len(known)} axes of layer {path!r}; give one number per axis")
    lengths = [n if n is not None else given[axis] if given else None for axis, n in enumerate(known)]
    if any(n is None for n in lengths):
        raise OptionError(f"layer {path!r} has any number of positions; say how many as count")
    return tuple(int(n) for n in lengths if n is not None)


def _step_of(steps: list[Step], model: Any, layer: Any) -> Step:
    """The last call of a layer, or of a nested model."""
    known = f"layers: {', '.join(dict.fromkeys(step.path for step in steps if not step.is_container))}"
    return last_of(places_of(layer, model.layers, steps, known))
