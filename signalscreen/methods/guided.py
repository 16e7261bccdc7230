"""Guided backprop, deconvnet and guided Grad-CAM: gradients under other rules for rectifiers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import OptionError
from signalscreen.method import method
from signalscreen.methods.grad_cam import grad_cam
from signalscreen.references import away_from

Array = npt.NDArray[Any]


@method(references=("baseline",))
def guided_backprop(score: Any, x: Array, *, scope: str = "all", baseline: Any = None) -> Array:
    """Gradient that passes a rectifier only where its output and the incoming gradient are positive.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    scope : {"all", "conv"}
        Every rectifier (ReLU, ReLU6, LeakyReLU, PReLU, ELU, SELU), or those that still have the signal's axes
        (the convolutional part).
    baseline : float, ndarray or callable, optional
        What counts as no signal, in the shapes of `deep_lift`'s `references`: the gradient is then multiplied by
        x minus that, as Shrikumar et al. 2017 do (figure 5). None for the gradient alone.

    Returns
    -------
    ndarray of float32, shape of `x`

    Raises
    ------
    InputError
        The baseline does not fit `x`.
    UnsupportedOpError
        A rectifier may hide in an op that rules do not reach, such as a recurrent loop.

    Warns
    -----
    UnreachedRuleWarning
        The network has no rectifier, so the result is the plain gradient.

    Notes
    -----
    *Reads well when* one looks for sharp patterns in the signal; *misleads when* classes are compared: it
    partly recovers the input whatever the class (Adebayo et al. 2018).

    References
    ----------
    Springenberg, Dosovitskiy, Brox, Riedmiller 2015, "Striving for Simplicity", section 3.4.
    """
    rules = _scoped("guided", scope)
    if baseline is None:
        return score.gradient(x, rules=rules)
    away = away_from(baseline, x, score, what="baseline")
    gradient: Array = score.gradient(x, rules=rules)
    return np.asarray(away, gradient.dtype) * gradient


@method()
def deconvnet(score: Any, x: Array, *, scope: str = "all") -> Array:
    """Gradient that passes a rectifier only where the incoming gradient is positive.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    scope : {"all", "conv"}
        As for `guided_backprop`.

    Returns
    -------
    ndarray of float32, shape of `x`

    Raises
    ------
    UnsupportedOpError
        As for `guided_backprop`.

    Warns
    -----
    UnreachedRuleWarning
        As for `guided_backprop`.

    Notes
    -----
    *Reads well when* the network has max-pooling; *misleads when* it has none: the result then hardly depends
    on the input.

    References
    ----------
    Zeiler, Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 2.1.
    """
    return score.gradient(x, rules=_scoped("deconvnet", scope))


@method(one_input=True)
def guided_grad_cam(score: Any, x: Array, *, layer: Any = None, scope: str = "all") -> Array:
    """Guided backprop times Grad-CAM: fine detail, where the class is.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    layer : str, int, keras.Layer, optional
        As for `grad_cam`.
    scope : {"all", "conv"}
        As for `guided_backprop`.

    Returns
    -------
    ndarray of float32, shape of `x`
        Zero where the layer has no position, as Grad-CAM is.

    Warns
    -----
    PlacesWarning
        As for `grad_cam`.

    Notes
    -----
    *Reads well when* both of its factors do; *misleads when* Grad-CAM's layer is too coarse for the event.

    References
    ----------
    Selvaraju et al. 2017, "Grad-CAM", section 3.2.
    """
    fine: Array = score.gradient(x, rules=_scoped("guided", scope))
    where: Array = grad_cam.formula(score, x, layer=layer)  # type: ignore[attr-defined]
    return fine * where[..., None]


def _scoped(rules: str, scope: str) -> str:
    if scope not in ("all", "conv"):
        raise OptionError(f"scope {scope!r} is not known; give 'all' or 'conv'")
    return rules if scope == "all" else f"{rules}_conv"
