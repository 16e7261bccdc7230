"""Saliency and input x gradient: the derivative of the score by the input."""

from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.method import method
from signalscreen.references import away_from

Array = npt.NDArray[Any]


@method()
def saliency(score: Any, x: Array) -> Array:
    """Gradient of the score with respect to the input, dS/dx, signed.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.

    Returns
    -------
    ndarray of float32, shape of `x`
        Units of the score per unit of the signal. Positive: more here raises the score. `ss.reduce` gives
        magnitudes and merges channels.

    Notes
    -----
    *Reads well when* the network is smooth near this example; *misleads when* units are saturated (the
    gradient is then small where the evidence is strongest). One model call and its gradient.

    References
    ----------
    Simonyan, Vedaldi, Zisserman 2014, "Deep Inside Convolutional Networks", section 3.

    Examples
    --------
    >>> class Quadratic:
    ...     def gradient(self, x):
    ...         return 2 * x
    >>> saliency.formula(Quadratic(), np.array([[1.0, -3.0]]))
    array([[ 2., -6.]])
    """
    return score.gradient(x)


@method(references=("baseline",))
def input_x_gradient(score: Any, x: Array, *, baseline: Any = 0.0) -> Array:
    """Input, less a baseline b, times gradient: (x - b) * dS/dx.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    baseline : float, ndarray or callable
        What counts as no signal, in the shapes of `deep_lift`'s `references`. Over variants it is averaged.

    Returns
    -------
    ndarray of float32, shape of `x`
        Units of the score.

    Raises
    ------
    InputError
        The baseline does not fit `x`.

    Notes
    -----
    *Reads well when* the baseline means "no signal"; *misleads when* the signal has an offset from it: a sample
    near it gets nothing, however much it matters. One model call and its gradient.

    References
    ----------
    Shrikumar, Greenside, Shcherbina, Kundaje 2016, "Not Just a Black Box".

    Examples
    --------
    >>> class Linear:
    ...     def gradient(self, x):
    ...         return np.array([[2.0, 3.0]])
    >>> input_x_gradient.formula(Linear(), np.array([[1.0, -1.0]]))
    array([[ 2., -3.]])
    """
    away = away_from(baseline, x, score, what="baseline")
    gradient: Array = score.gradient(x)
    return np.asarray(away, gradient.dtype) * gradient
