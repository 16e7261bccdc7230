"""The names, arguments and shapes of the older SignalScreen, thin over this package.

A script that imports ``signal_screen`` and ``signal_screen_tools`` runs with these two lines changed to one::

    from signalscreen.classic import signal_screen, signal_screen_tools

Where the original was wrong, this differs: Grad-CAM weighs each example by its own gradients and
gives ``(batch, T)`` (``legacy=True`` gives the old result); nothing is ever written to the working directory.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import zoom

from signalscreen.classic.signal_screen_tools import normalise_array
from signalscreen.errors import LayerError, SignalScreenWarning, warn
from signalscreen.methods import grad_cam, occlusion, saliency
from signalscreen.resize import resize

Array = npt.NDArray[Any]

__all__ = ["calculate_grad_cam", "calculate_occlusion_sensitivity", "calculate_saliency_map"]


def calculate_occlusion_sensitivity(
    model: Any, data: Any, c: int, number_of_zeros: Sequence[int] | None = None
) -> tuple[list[Array], list[int]]:
    """Fall of the output of class `c` when a window of zeros is centred on each sample.

    Parameters
    ----------
    model : keras.Model or path
    data : array_like, shape (batch, T, channels)
        A missing or an extra last axis of length one is repaired.
    c : int
        Class index. The score is the model's own output (a probability after softmax), not the logit.
    number_of_zeros : sequence of int, optional
        Window lengths; 15 by default. Windows are clipped at the ends. An even length counts as one less, as
        it always did, with a warning.

    Returns
    -------
    sensitivities : list of ndarray of float64, shape (batch, T)
        One map for each window; positive where the output fell. All channels are zeroed together.
    number_of_zeros : list of int
        The windows, as given.
    """
    windows = [15] if number_of_zeros is None else number_of_zeros
    windows = [windows] if isinstance(windows, int) else windows
    maps = []
    for zeros in windows:
        half = (max(int(zeros), 1) - 1) // 2
        if zeros != 2 * half + 1:
            message = f"a window of {zeros} zeros is applied as {2 * half + 1}, an odd length around its centre"
            warn(message, SignalScreenWarning)
        found = occlusion(
            model, _trimmed(data), c, window=2 * half + 1, stride=1, credit="centre", score="probability"
        )
        maps.append(np.asarray(found, np.float64))
    return maps, windows  # type: ignore[return-value]


def calculate_saliency_map(
    model: Any, data: Any, c: int, dependencies: dict[str, Any] | None = None, normalise: bool = True
) -> Array:
    """Magnitude of the gradient of the logit of class `c`.

    Parameters
    ----------
    model : keras.Model or path
    data : array_like, shape (batch, T, channels)
    c : int
    dependencies : dict, optional
        Custom objects, used when `model` is a path.
    normalise : bool
        Bring the whole batch to 0..1 together.

    Returns
    -------
    ndarray, shape (batch, T)
        Of the dtype of `data`. Over several channels, the largest magnitude (the original failed on them).
    """
    data = _trimmed(data)
    gradient = saliency(_loaded(model, dependencies), data, c)
    magnitude: Array = np.abs(gradient).max(axis=-1)
    magnitude = normalise_array(magnitude) if normalise else magnitude
    return magnitude.astype(data.dtype if data.dtype.kind == "f" else magnitude.dtype)


def calculate_grad_cam(
    model: Any,
    data: Any,
    c: int,
    name_of_conv_layer: str | None = None,
    index_of_conv_layer: int | None = None,
    dependencies: dict[str, Any] | None = None,
    use_relu: bool = True,
    normalise: bool = True,
    upscale_to_input: bool = True,
    *,
    legacy: bool = False,
) -> Array:
    """Grad-CAM of class `c` at a convolution, by default the last one.

    Parameters
    ----------
    model : keras.Model or path
    data : array_like, shape (batch, T, channels)
    c : int
    name_of_conv_layer : str, optional
    index_of_conv_layer : int, optional
        Index into ``model.layers``; 0 is fine.
    dependencies : dict, optional
        Custom objects, used when `model` is a path.
    use_relu, normalise, upscale_to_input : bool
        `normalise` brings the whole batch to 0..1 together. `upscale_to_input` stretches the map over the whole
        signal, as the original did; `signalscreen.grad_cam` lays it where the layer's positions are.
    legacy : bool
        What the original gave: weights averaged over the whole batch, and cubic zoom of the batch axis along
        with time, so that five examples of 15 positions become an array of ``(13, 40)``.

    Returns
    -------
    ndarray of float32, shape (batch, T), or (batch, positions) without `upscale_to_input`
    """
    data = _trimmed(data)
    model = _loaded(model, dependencies)
    layer = _convolution(model, name_of_conv_layer, index_of_conv_layer)
    if legacy:
        return _legacy_grad_cam(model, data, c, layer, use_relu, normalise, upscale_to_input)
    cam: Array = grad_cam(model, data, c, layer=layer, relu=use_relu, upsample=False)
    if upscale_to_input:  # as it did, over the whole signal, even where the layer covers only its middle
        cam = resize(cam, data.shape[1:2], [1])
    return normalise_array(cam) if normalise else cam


def _legacy_grad_cam(
    model: Any, data: Array, c: int, layer: Any, relu: bool, normalise: bool, upscale: bool
) -> Array:
    from signalscreen.score import Score

    score, x = Score(model, c).bind(data)
    maps, gradient = score.activations(x, layer)
    cam = maps @ gradient.mean(axis=(0, 1))
    cam = np.maximum(cam, 0) if relu else cam
    cam = zoom(cam, x.shape[1] / cam.shape[1]) if upscale else cam
    return normalise_array(cam) if normalise else cam


def _convolution(model: Any, name: str | None, index: int | None) -> Any:
    """The layer that the older arguments mean."""
    layers = model.layers
    if name is not None:
        return name
    if index is None:
        found = [layer for layer in model._flatten_layers(include_self=False) if _is_convolution(layer)]
        if not found:
            raise LayerError("the model has no convolution for Grad-CAM; use saliency or occlusion")
        return found[-1]
    if not -len(layers) <= index < len(layers):
        raise LayerError(f"layer {index} is not in the model, which has {len(layers)} layers")
    if not _is_convolution(layers[index]) and index > 0 and _is_convolution(layers[index - 1]):
        # The original counted layers of a rebuilt model, which has its input layer at 0.
        warn(
            f"layer {index} ({layers[index].name}) is no convolution but layer {index - 1} "
            f"({layers[index - 1].name}) is; taking that one",
            SignalScreenWarning,
        )
        return layers[index - 1]
    return layers[index]


def _is_convolution(layer: Any) -> bool:
    return "Conv" in type(layer).__name__


def _trimmed(data: Any) -> Array:
    """Drop the extra last axis that the original's own examples carry: (1, T, 1, 1) is (1, T, 1)."""
    data = np.asarray(data)
    return data[..., 0] if data.ndim == 4 and data.shape[2:] == (1, 1) else data


def _loaded(model: Any, dependencies: dict[str, Any] | None) -> Any:
    from signalscreen.models import as_model, load_model

    if isinstance(model, str | os.PathLike):
        return load_model(model, custom_objects=dependencies)
    return as_model(model)
