"""What the functions of the older CNN-vis compute, thin over this package.

Pictures of it are in `signalscreen.classic.cnn_vis_figures`; ``signalscreen classic cnn-vis`` writes them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.averages import ClassAverages, class_averages
from signalscreen.classic.spans import PICTURE, STANDARDISED, Span, of_model
from signalscreen.errors import InputError, LayerError, SignalScreenWarning, warn
from signalscreen.kernels import filter_weights
from signalscreen.methods import deconvnet, grad_cam, guided_backprop, saliency
from signalscreen.reduction import reduce
from signalscreen.synthesis import maximize_activation
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
    from signalscreen.models import as_model
    from signalscreen.surveys import channels_last

    model = as_model(model)
    return reduce(channels_last(model, _METHODS[RULES[backprop]](model, x, target)), scale="min_max")


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
    cam = grad_cam(model, x, target, rules=RULES[backprop])
    return reduce(cam[..., None], "sum", scale="min_max")


def average_maps(
    model: Any, x: Array, labels: Sequence[str], target: Any, backprop: str = "guided", *, cam: bool = False
) -> ClassAverages:
    """Means of `saliency_maps`, or of `gradcam_maps` where `cam`, over the examples of each label.

    Parameters
    ----------
    model, x, target, backprop
        As for `saliency_maps`.
    labels : sequence of str
        Of each example.
    cam : bool
    """
    common: dict[str, Any] = {"target": target, "scale": "min_max"}
    if cam:
        return class_averages(model, x, labels, method="grad_cam", rules=RULES[backprop], **common)
    method = _METHODS[RULES[backprop]].__name__
    return class_averages(model, x, labels, method=method, reduce="max_abs", **common)


def less_others(found: ClassAverages, label: str) -> Array:
    """The mean map of one label less that over the examples of all others together."""
    others = [other for other in found.labels if other != label]
    rest = np.average([found.mean[o] for o in others], axis=0, weights=[found.counts[o] for o in others])
    return np.asarray(found.mean[label] - rest)


def maximal_inputs(
    model: Any, layers: Sequence[str], unit: int, backprop: str = "none", among: Span | None = None
) -> list[Array]:
    """For each layer the input that its unit or filter `unit` answers to most among those that are allowed.

    Found by 200 steps of the optimiser, from noise that is the same each time, with a little total variation
    taken off and the input rolled by up to 16 samples, as it was.

    Parameters
    ----------
    model : keras.Model
    layers : sequence of str
        "output" is the model's output where no layer is called so.
    unit : int
    backprop : str
        A key of `RULES`. The direction of a rule need not lead uphill; the gradient itself does.
    among : Span, optional
        What is allowed. By default what the model's first layer says; else inputs of root mean square 1 at most,
        and, for a unit that none of them raises, pictures of 0 to 255, as it was.

    Returns
    -------
    list of ndarray of float32, shape (*axes, channels)

    Warns
    -----
    SignalScreenWarning
        Nothing better than the noise at the start was met for a layer.
    """
    options: dict[str, Any] = {"rules": RULES[backprop], "tv": 1e-5, "normalise_gradient": True}
    options["jitter"] = _jitter(model)
    among = among or of_model(model)
    made = []
    for layer in layers:
        target = target_of(model, layer, unit)
        for span in (STANDARDISED, PICTURE) if among is None else (among,):
            found = maximize_activation(model, target, rms=span.rms, limits=span.limits, **options)
            risen = found.score[0] > found.score_history[0, 0]
            if risen:
                break
        if not risen:
            warn(
                f"nothing was met that unit {unit} of {layer!r} answers to more than to the noise at the start; "
                "another unit may be alive, and backprop 'none' follows the gradient itself",
                SignalScreenWarning,
            )
        made.append(found.best)
    return made


def _jitter(model: Any) -> int:
    """Sixteen samples, as in 256 of them; less where an input is shorter and would not keep its place."""
    sizes = [n for n in model.inputs[0].shape[1:-1] if n is not None]
    return min([16, *(n // 16 for n in sizes)])


def layers_with_units(model: Any) -> list[str]:
    """Names of the layers with a kernel, convolutions and dense ones, in the order of the model.

    Raises
    ------
    LayerError
        There are none.
    """
    having = []
    for layer in model._flatten_layers(include_self=False):
        try:
            having.append(filter_weights(model, layer).layer)
        except LayerError:
            continue
    if not having:
        raise LayerError("the model has no convolution or dense layer whose units an input could be made for")
    return having


def layer_with_filters(model: Any, layer: str) -> str:
    """The layer itself; the last one with filters for an "output" that is no layer."""
    return layer if layer != "output" or _has(model, layer) else layers_with_units(model)[-1]


def target_of(model: Any, layer: str, unit: int) -> Any:
    """What is explained: unit `unit` of a layer; of the model's output where "output" is no layer."""
    return unit if layer == "output" and not _has(model, layer) else Unit(layer, unit)


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


def _has(model: Any, name: str) -> bool:
    return any(layer.name == name for layer in model._flatten_layers(include_self=False))
