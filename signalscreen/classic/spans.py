"""Which inputs a network is made for: the values that an input made for a unit may have."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError

_DEVIATIONS = 3.0  # of a standardised input


class Span(NamedTuple):
    """What an input may be.

    Attributes
    ----------
    limits : (float, float) or None
        Its lowest and its highest value.
    rms : float or None
        Its largest root mean square.
    words : str
        The same, for a person.
    """

    limits: tuple[float, float] | None
    rms: float | None
    words: str


STANDARDISED = Span(None, 1.0, "inputs of root mean square 1 at most")
PICTURE = Span((0.0, 255.0), None, "values of 0 to 255")


def allowed(model: Any, x: npt.NDArray[Any] | None, limits: tuple[float, float] | None) -> Span | None:
    """What inputs may be: as asked for, else as in the data, else as the model says; None where nothing says it.

    Raises
    ------
    InputError
        The limits, or the data, give no range.
    """
    if limits is not None:
        return of_limits(*limits)
    return of_model(model) if x is None else of_data(x)


def of_limits(low: float, high: float) -> Span:
    """Values between two.

    Raises
    ------
    InputError
        They are not finite, or not in order.
    """
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(
            f"an input range of {low:g} to {high:g} is not possible; give the lowest value, then the highest"
        )
    return Span((float(low), float(high)), None, f"values of {low:g} to {high:g}")


def of_data(x: npt.NDArray[Any]) -> Span:
    """What the examples have: their values, and the root mean square of the strongest.

    Parameters
    ----------
    x : ndarray, shape (N, ...)

    Raises
    ------
    InputError
        All values are the same, or one is not finite.
    """
    low, high = float(x.min()), float(x.max())
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(f"the data have values of {low:g} to {high:g}, which give no range; give --input-range")
    rms = float(np.sqrt((x.reshape(len(x), -1).astype(np.float64) ** 2).mean(axis=1)).max())
    return Span(
        (low, high), rms, f"values of {low:g} to {high:g}, root mean square {rms:.3g} at most, as in the data"
    )


def of_model(model: Any) -> Span | None:
    """What the model's first layer says, if it scales or standardises its input; None for any other."""
    layer = _first(model)
    kind = type(layer).__name__
    if kind == "Rescaling":
        return _rescaled(np.asarray(layer.scale, np.float64), np.asarray(layer.offset, np.float64), layer.name)
    names = {"Normalization": ("mean", "variance"), "BatchNormalization": ("moving_mean", "moving_variance")}
    if kind not in names:
        return None
    mean, variance = (np.asarray(getattr(layer, name), np.float64) for name in names[kind])
    away = _DEVIATIONS * np.sqrt(variance)
    return _of_layer(float((mean - away).min()), float((mean + away).max()), layer.name)


def _rescaled(scale: npt.NDArray[Any], offset: npt.NDArray[Any], name: str) -> Span | None:
    """From 0 to what becomes 1 where nothing is taken off; else to what lies as far above zero as 0 below."""
    if scale.size != 1 or offset.size != 1 or not scale > 0 or offset > 0:
        return None
    end = (float(-2 * offset.item()) or 1.0) / scale.item()
    return _of_layer(0.0, end, name)


def _of_layer(low: float, high: float, name: str) -> Span | None:
    if not (np.isfinite([low, high]).all() and low < high):
        return None
    return Span((low, high), None, f"values of {low:.4g} to {high:.4g}, as layer {name!r} takes them")


def _first(model: Any) -> Any:
    """The first layer that is not an input, inside whatever it is nested in."""
    for layer in getattr(model, "layers", ()):
        if type(layer).__name__ != "InputLayer":
            return _first(layer) if getattr(layer, "layers", None) else layer
    return None
