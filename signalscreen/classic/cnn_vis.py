"""What the functions of the older CNN-vis compute, thin over this package.

Pictures of it are in `signalscreen.classic.cnn_vis_figures`; ``signalscreen classic cnn-vis`` writes them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
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


class Mean(NamedTuple):
    """What the examples of one label have in common."""

    name: str
    size: int
    example: Array  # (*axes, channels)
    map: Array  # (*axes)


def average_maps(compute: Callable[[Array], Array], x: Array, groups: Mapping[str, Array]) -> dict[str, Mean]:
    """Mean maps of groups of examples, over all of them, a few at a time.

    Parameters
    ----------
    compute : callable
        From some of the examples to their maps, such as `saliency_maps` of a model.
    x : ndarray, shape (N, *axes, channels)
    groups : mapping of str to ndarray of bool, shape (N,)
        Name of each group, and which examples are in it.

    Returns
    -------
    dict of str to Mean
        In float64; without the groups that have no example.
    """
    sums: dict[str, Any] = dict.fromkeys(groups, 0.0)
    for rows in blocks(len(x), _AT_ONCE):
        maps = compute(x[rows])
        for name, members in groups.items():
            sums[name] = sums[name] + maps[members[rows]].sum(axis=0, dtype=np.float64)
    counts = {name: int(members.sum()) for name, members in groups.items()}
    return {
        name: Mean(name, counts[name], x[members].mean(axis=0, dtype=np.float64), sums[name] / counts[name])
        for name, members in groups.items()
        if counts[name]
    }


def difference(means: Mapping[str, Mean], one: str) -> Mean:
    """The mean map of one group less that over the examples of all others; the mean example is that of all."""
    others = [mean for name, mean in means.items() if name != one]
    rest = np.average([m.map for m in others], axis=0, weights=[m.size for m in others])
    everyone = list(means.values())
    example = np.average([m.example for m in everyone], axis=0, weights=[m.size for m in everyone])
    return Mean(one, sum(m.size for m in everyone), example, means[one].map - rest)


def target_of(model: Any, layer: str, unit: int) -> Any:
    """What is explained: unit `unit` of a layer; of the model's output where "output" is no layer."""
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
