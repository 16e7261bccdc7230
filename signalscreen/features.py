"""Looking into a network: what a layer gives, and what in the signal a unit of it answers to."""

from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.methods import explain  # which knows all methods, where `method` alone knows none
from signalscreen.streams import in_batches
from signalscreen.targets import Unit

Array = npt.NDArray[Any]


def activations(
    model: Any,
    x: Any,
    layer: str | int | Any,
    *,
    batch_size: int | None = None,
    progress: bool | None = None,
    channels: Any = None,
    examine: bool = True,
) -> Array:
    """What a layer gives for each example: its feature maps, or its units.

    Parameters
    ----------
    model : keras.Model or path
    x : array_like, shape (batch, *axes, channels)
        Or a list or dict of them for several inputs.
    layer : str, int or keras.Layer
        By name (``outer/inner`` when nested), index in ``model.layers``, or object.
    batch_size : int, optional
        Rows per model call.
    progress : bool, optional
        Show a progress bar; by default when it takes more than two seconds in a terminal.
    channels : {"first", "last"}, int or tuple of int, optional
        Where `x` holds its channels, if the model's layers do not say.
    examine : bool
        Compare the trace with the model's plain call first; see the conventions page.

    Returns
    -------
    ndarray of float32, shape (batch, *positions, filters) or (batch, units)
        In inference mode; the output layer with its softmax or sigmoid. The filters stand where `x` has its
        channels, ``(batch, filters, *positions)`` where those are first, whatever the layout inside the network.

    Raises
    ------
    LayerError
        No such layer.

    Examples
    --------
    >>> import keras, numpy as np
    >>> net = keras.Sequential([keras.Input((8, 1)), keras.layers.Conv1D(2, 3, name="conv")])
    >>> activations(net, np.zeros((5, 8, 1)), "conv").shape
    (5, 6, 2)
    """
    from signalscreen.score import Score

    common = {"batch_size": batch_size, "progress": progress, "channels": channels, "examine": examine}
    score, x = Score(model, Unit(layer), **common).bind(x)
    found = in_batches(_features, score, x, {"layer": layer})
    first = score.layout.single and score.layout.orders[0].is_first
    return np.moveaxis(found, -1, 1) if first and found.ndim > 2 else found


def _features(score: Any, x: Array, *, layer: Any) -> Array:
    return score.features(x, layer)


def layer_saliency(
    model: Any,
    x: Any,
    layer: str | int | Any,
    filter: int | None = None,
    *,
    position: int | tuple[int, ...] | None = None,
    reduce: Any = "mean",
    method: str = "saliency",
    **options: Any,
) -> Any:
    """What in the signal a filter of a layer answers to: its activation, explained.

    Parameters
    ----------
    model : keras.Model or path
    x : array_like, shape (batch, *axes, channels)
    layer, filter, position, reduce
        As for `Unit`.
    method : str
        "saliency" for the gradient, "guided_backprop", "deconvnet", or any other of `METHODS`.
    **options
        Those of the method.

    Returns
    -------
    ndarray
        As the method gives it; signed, + raises the activation.

    Raises
    ------
    LayerError, TargetError, MethodError, OptionError

    Notes
    -----
    The same as ``explain(model, x, Unit(layer, filter), method=method)``. With ``reduce="abs_sum"`` and
    ``method="guided_backprop"`` it is the *layer activation with guided backprop* of
    pytorch-cnn-visualizations.

    References
    ----------
    Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks"; Springenberg et al. 2015.
    """
    return explain(model, x, Unit(layer, filter, position, reduce), method=method, **options)
