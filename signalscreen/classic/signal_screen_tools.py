"""The small functions of the older SignalScreen, by their names there: ``signal_screen_tools``."""

from typing import Any

import numpy.typing as npt

from signalscreen.plot import plot_with_gradient

Array = npt.NDArray[Any]

__all__ = ["add_zeros", "change_last_activation_to_linear", "clone_model", "normalise_array", "plot_with_gradient"]


def add_zeros(array: Array, index: int, n_zeros: int) -> Array:
    """Zero `n_zeros` samples around `index` along the second axis (the only one of a 1D array), in place.

    Examples
    --------
    >>> import numpy as np
    >>> add_zeros(np.ones((1, 5)), 1, 3)
    array([[0., 0., 0., 1., 1.]])
    """
    half = max((int(n_zeros) - 1) // 2, 0)
    span = slice(max(index - half, 0), index + half + 1)
    array[(slice(None), span) if array.ndim > 1 else span] = 0
    return array


def normalise_array(array: Array) -> Array:
    """Bring an array to 0..1 by its own extremes; a flat one becomes zeros.

    Examples
    --------
    >>> import numpy as np
    >>> normalise_array(np.array([2.0, 2.0])), normalise_array(np.array([0.0, 1.0])).round(6)
    (array([0., 0.]), array([0., 1.]))
    """
    return (array - array.min()) / (array.max() - array.min() + 1e-7)


def clone_model(model: Any) -> Any:
    """A copy of a Keras model with weights of its own, equal to the model's."""
    from signalscreen.backend import keras

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy


def change_last_activation_to_linear(model: Any, dependencies: dict[str, Any] | None = None) -> Any:  # noqa: ARG001
    """A copy of a model that gives logits: the activation of its last layer removed.

    Nothing in this package needs it: scores are logits by default.

    Parameters
    ----------
    model : keras.Model
        Sequential or functional; its last layer has an activation, or is one.
    dependencies : dict, optional
        Kept for older calls; a model in memory needs none.

    Returns
    -------
    keras.Model
    """
    from signalscreen.backend import keras

    last = model.layers[-1]

    def copied(layer: Any) -> Any:
        if layer is not last:
            return layer.__class__.from_config(layer.get_config())
        if isinstance(layer, keras.layers.Softmax):
            return keras.layers.Activation("linear", name=layer.name)
        config = layer.get_config()
        return layer.__class__.from_config({**config, "activation": "linear"} if "activation" in config else config)

    copy = keras.models.clone_model(model, clone_function=copied)
    copy.set_weights(model.get_weights())
    return copy
