"""Class activation maps from gradients: Grad-CAM, Grad-CAM++, LayerCAM."""

from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import OptionError
from signalscreen.method import method
from signalscreen.methods.placing import on_signal

Array = npt.NDArray[Any]

_RULES = (None, "guided", "guided_conv", "deconvnet", "deconvnet_conv")


@method(gives="map", one_input=True)
def grad_cam(
    score: Any,
    x: Array,
    *,
    layer: Any = None,
    relu: bool = True,
    upsample: bool = True,
    rules: str | None = None,
) -> Array:
    """Feature maps of a layer, each weighted by its mean gradient: relu(sum_k mean(dS/dA_k) A_k).

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    layer : str, int, keras.Layer, optional
        By name (``outer/inner`` when nested), index or object; by default the last layer with feature maps
        over the signal's axes.
    relu : bool
        Keep only what speaks for the target.
    upsample : bool
        Lay the map on the signal: each position at the centre of its receptive field, linear between neighbours,
        zero where the layer has no position (beyond half a step from the outermost one).
    rules : {None, "guided", "guided_conv", "deconvnet", "deconvnet_conv"}
        Backward rules at rectifiers, the backprop modifiers of keras-vis; None is the method of the paper.

    Returns
    -------
    ndarray of float32, shape (batch, *axes)

    Raises
    ------
    LayerError
        The model has no such layer, or none with feature maps.
    OptionError
        `rules` is not known.

    Warns
    -----
    PlacesWarning
        Where the layer's positions lie is not known, so its map is stretched over the whole signal.

    Notes
    -----
    *Reads well when* the layer keeps enough positions for the event one looks for (``signalscreen summary``
    says how many); *misleads when* it does not: a map of 10 positions over 10 s cannot point at a beat.

    References
    ----------
    Selvaraju et al. 2017, "Grad-CAM", equations 1 and 2.
    """
    if rules not in _RULES:
        raise OptionError(f"rules {rules!r} is not known; give one of {', '.join(map(repr, _RULES))}")
    maps, gradient = score.activations(x, layer, rules)
    weights = gradient.mean(axis=score.axes, keepdims=True)
    return finish(score, x, (weights * maps).sum(axis=-1), relu, upsample, layer, rules)


@method(gives="map", one_input=True)
def grad_cam_plus_plus(
    score: Any, x: Array, *, layer: Any = None, relu: bool = True, upsample: bool = True
) -> Array:
    """Grad-CAM with weights that count every place a feature appears at.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    layer, relu, upsample
        As for `grad_cam`.

    Returns
    -------
    ndarray of float32, shape (batch, *axes)

    Raises
    ------
    LayerError
        As for `grad_cam`.

    Warns
    -----
    PlacesWarning
        As for `grad_cam`.

    Notes
    -----
    *Reads well when* the pattern occurs several times (every beat); *misleads when* gradients at the layer are
    negative: they are dropped.

    References
    ----------
    Chattopadhay et al. 2018, "Grad-CAM++", equation 19 (the score enters as its exponential).
    """
    maps, g = score.activations(x, layer)
    total = maps.sum(axis=score.axes, keepdims=True)
    below = 2 * g**2 + total * g**3
    alpha = np.divide(g**2, below, out=np.zeros_like(g), where=below != 0)
    weights = (alpha * np.maximum(g, 0)).sum(axis=score.axes, keepdims=True)
    return finish(score, x, (weights * maps).sum(axis=-1), relu, upsample, layer)


@method(gives="map", one_input=True)
def layer_cam(score: Any, x: Array, *, layer: Any = None, relu: bool = True, upsample: bool = True) -> Array:
    """Feature maps weighted place by place: relu(sum_k relu(dS/dA_k) A_k).

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    layer, relu, upsample
        As for `grad_cam`.

    Returns
    -------
    ndarray of float32, shape (batch, *axes)

    Raises
    ------
    LayerError
        As for `grad_cam`.

    Warns
    -----
    PlacesWarning
        As for `grad_cam`.

    Notes
    -----
    *Reads well when* early layers are looked at for fine detail; *misleads when* units are saturated, as the
    gradient does.

    References
    ----------
    Jiang et al. 2021, "LayerCAM", equations 6 to 8.
    """
    maps, gradient = score.activations(x, layer)
    return finish(score, x, (np.maximum(gradient, 0) * maps).sum(axis=-1), relu, upsample, layer)


def finish(
    score: Any, x: Array, cam: Array, relu: bool, upsample: bool, layer: Any, rules: str | None = None
) -> Array:
    """Rectify a map and lay it on the signal."""
    cam = np.maximum(cam, 0) if relu else cam
    return on_signal(score, x, cam, layer, rules) if upsample else cam
