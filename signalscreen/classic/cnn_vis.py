"""What the functions of the older CNN-vis compute, thin over this package.

Pictures of it are in `signalscreen.classic.cnn_vis_figures`; ``signalscreen classic cnn-vis`` writes them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError, LayerError
from signalscreen.methods import deconvnet, guided_backprop, saliency
from signalscreen.methods.grad_cam import finish
from signalscreen.reduction import reduce
from signalscreen.streams import blocks
from signalscreen.targets import Unit

Array = npt.NDArray[Any]
Maps = Callable[[Any, Array, Any, str], Array]

RULES: dict[str, str | None] = {
    "none": None,
    "vanilla": None,
    "guided": "guided",
    "rectified": "deconvnet",
    "deconv": "deconvnet",
    "relu": "deconvnet",
}
"""Backpropagation modifier, in small letters, to the rule for rectifiers; three names mean the same."""

_AT_ONCE = 64  # examples, in averages
_METHODS: dict[str | None, Any] = {None: saliency, "guided": guided_backprop, "deconvnet": deconvnet}


def saliency_maps(model: Any, x: Array, target: Any, backprop: str = "guided") -> Array:
    """Magnitude of the gradient, the largest over the channels, each example's brought to 0..1.

    Parameters
    ----------
    model : keras.Model
    x : ndarray, shape (N, *axes) or (N, *axes, channels)
    target : int or Unit
        See `target_of`.
    backprop : str
        A key of `RULES`.

    Returns
    -------
    ndarray of float32, shape (N, *axes)
        A flat map becomes zeros.
    """
    return reduce(_METHODS[RULES[backprop]](model, x, target), scale="min_max")


def gradcam_maps(model: Any, x: Array, target: Any, backprop: str = "guided") -> Array:
    """Grad-CAM at the last layer with feature maps before the target, each example's brought to 0..1.

    With ``backprop="none"`` it is that of Selvaraju et al. 2017; with a modifier the gradients that weigh the
    feature maps are those of its rule.

    Parameters
    ----------
    model, x, target, backprop
        As for `saliency_maps`.

    Returns
    -------
    ndarray of float32, shape (N, *axes)
        A flat map becomes zeros.
    """
    from signalscreen.score import Score

    score, x = Score(model, target).bind(x)
    found = []
    for rows in blocks(len(x), _AT_ONCE):
        part, some = score.part(rows), x[rows]
        maps, gradient = part.activations(some, None, rules=RULES[backprop])
        cam = (gradient.mean(axis=part.axes, keepdims=True) * maps).sum(axis=-1)
        found.append(finish(part, some, cam, relu=True, upsample=True))
    return reduce(np.concatenate(found)[..., None], "sum", scale="min_max")


class Averages(NamedTuple):
    """Mean maps over the examples of each label, and over those of the others."""

    maps: dict[int, Array]
    counts: dict[int, int]
    difference: Array | None  # of the label asked for, less all others; None where either has no example


def average_maps(
    maps: Maps, model: Any, x: Array, labels: Array, target: Any, backprop: str, wanted: Sequence[int], one: int
) -> Averages:
    """Mean of the maps of each label, over all examples, a few of them at a time.

    Parameters
    ----------
    maps : callable
        `saliency_maps` or `gradcam_maps`.
    model, x, target, backprop
        As for `maps`.
    labels : ndarray of int, shape (N,)
    wanted : sequence of int
        Labels to average over.
    one : int
        The label that the difference is of.

    Returns
    -------
    Averages
        Without the labels that no example has.
    """
    groups: dict[Any, Array] = {label: labels == label for label in wanted}
    groups["one"], groups["others"] = labels == one, labels != one
    sums: dict[Any, Any] = dict.fromkeys(groups, 0.0)
    for rows in blocks(len(x), _AT_ONCE):
        found = maps(model, x[rows], target, backprop)
        for group, members in groups.items():
            sums[group] = sums[group] + found[members[rows]].sum(axis=0, dtype=np.float64)
    means = {group: sums[group] / members.sum() for group, members in groups.items() if members.any()}
    both = "one" in means and "others" in means
    return Averages(
        {label: means[label] for label in wanted if label in means},
        {label: int(groups[label].sum()) for label in wanted},
        means["one"] - means["others"] if both else None,
    )


def target_of(model: Any, layer: str, unit: int) -> Any:
    """What is explained: unit or filter `unit` of a layer; of the model's output for a "output" that is no layer."""
    named = {found.name for found in _layers(model)}
    return unit if layer == "output" and layer not in named else Unit(layer, unit)


def chosen(x: Array, labels: Array, images: Sequence[int]) -> tuple[Array, Array]:
    """The examples of these numbers, and their labels.

    Raises
    ------
    InputError
        There is no such example.
    """
    wrong = [i for i in images if not 0 <= i < len(x)]
    if wrong:
        raise InputError(f"there is no image {wrong[0]}; the data hold {len(x)}, 0 to {len(x) - 1}")
    return x[list(images)], labels[list(images)]


class Kernel(NamedTuple):
    """The weights of a layer: one picture for each filter."""

    layer: str
    weights: Array  # (filters, channels, *window)
    bias: Array | None  # (filters,)


def kernel_of(model: Any, layer: str) -> Kernel:
    """The kernel of a layer, with the filters first.

    Parameters
    ----------
    model : keras.Model
    layer : str
        By name, ``outer/inner`` or the inner name alone when nested; "output" is the last layer with a kernel
        where no layer is called so.

    Returns
    -------
    Kernel
        A dense layer has one channel, and the inputs for a window; a depthwise one a filter for each channel.

    Raises
    ------
    LayerError
        No such layer, or it has no kernel.
    """
    having = [found for found in _layers(model) if _weight(found) is not None]
    names = ", ".join(found.name for found in having) or "none"
    same = [found for found in _layers(model) if found.name == layer.split("/")[-1]]
    if not same and layer == "output" and having:
        same = having[-1:]
    if not same:
        raise LayerError(f"layer {layer!r} is not in the model; layers with a kernel: {names}")
    weight = _weight(same[0])
    if weight is None:
        raise LayerError(f"layer {layer!r} has no kernel to draw; layers with a kernel: {names}")
    bias = getattr(same[0], "bias", None)
    return Kernel(same[0].name, _filters_first(same[0], weight), None if bias is None else np.asarray(bias))


def _weight(layer: Any) -> Array | None:
    for name in ("kernel", "depthwise_kernel"):
        weight = getattr(layer, name, None)
        if weight is not None and len(weight.shape) > 1:
            return np.asarray(weight)
    return None


def _filters_first(layer: Any, weight: Array) -> Array:
    kind = type(layer).__name__
    if weight.ndim == 2:
        return weight.T[:, None]
    if "Depthwise" in kind or "Separable" in kind:  # (*window, channels, filters of each)
        return np.moveaxis(weight.reshape(*weight.shape[:-2], 1, -1), (-1, -2), (0, 1))
    if "Transpose" in kind:
        weight = np.swapaxes(weight, -1, -2)
    return np.moveaxis(weight, (-1, -2), (0, 1))


def _layers(model: Any) -> Iterator[Any]:
    yield from model._flatten_layers(include_self=False)
