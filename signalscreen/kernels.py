"""The filters of a layer of a model, read off its weights, whatever kind of convolution it is."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.errors import LayerError, OptionError
from signalscreen.filters import FilterWeights
from signalscreen.naming import matching, places_of
from signalscreen.receptive.places import input_steps

Array = npt.NDArray[Any]

_PARTS = ("depthwise", "pointwise")


def filter_weights(model: Any, layer: str | int | Any, *, part: str | None = None) -> FilterWeights:
    """The filters of a convolution or dense layer, in one shape for all kinds.

    Parameters
    ----------
    model : keras.Model or path
        It is not run.
    layer : str, int or keras.Layer
        By name (``outer/inner`` when nested or wrapped), index in ``model.layers``, or object: Conv1D, 2D, 3D,
        their transposed, depthwise and separable kinds, Dense, or a TimeDistributed one of them.
    part : {"depthwise", "pointwise"}, optional
        One part of a separable convolution; by default the product of both, which is what it computes.

    Returns
    -------
    FilterWeights
        ``kernel`` of shape ``(filters, *window, channels)``; ``frequency_response`` of 1D ones.

    Raises
    ------
    LayerError
        No such layer, or it has no filters (a Bidirectional has none: its weights work inside a recurrence); the
        message lists those that have.
    OptionError
        `part` is unknown, or the layer has no parts.

    Examples
    --------
    >>> import keras
    >>> net = keras.Sequential([keras.Input((100, 2)), keras.layers.MaxPool1D(2), keras.layers.Conv1D(4, 7)])
    >>> weights = filter_weights(net, 1)
    >>> weights.kernel.shape, weights.rate(fs=250)
    ((4, 7, 2), 125.0)
    """
    from signalscreen.models import as_model

    model = as_model(model)
    path, found, read = _find(model, layer)
    if part is not None and (part not in _PARTS or read is not _separable):
        has = "'depthwise' and 'pointwise'" if read is _separable else "no parts"
        raise OptionError(
            f"part is {part!r}, and layer {path!r} ({type(found).__name__}) has {has}; choose of those"
        )
    kernel, inputs = read(found, part)
    bias = None if part == "depthwise" else getattr(found, "bias", None)
    axes = kernel.ndim - 2
    return FilterWeights(
        kernel=kernel,
        bias=None if bias is None else np.asarray(bias, np.float32),
        inputs=inputs,
        dilation=_each(found, "dilation_rate", axes),
        strides=_each(found, "strides", axes),
        step=_step(model, path, found, axes),
        layer=path,
        kind=type(found).__name__ + (f", {part}" if part else ""),
    )


# --- the layer -----------------------------------------------------------------------------------------------


class _Inner(NamedTuple):
    """A layer in a model."""

    path: str
    layer: Any


def _find(model: Any, layer: Any) -> tuple[str, Any, "Reader"]:
    """The path and the layer that is meant, out of its wrapper, and how its filters are read."""
    known = dict(_inside(model, ""))
    having = [path for path, one in known.items() if _reader(one) is not None and one.built]
    words = f"layers with filters: {', '.join(having) or 'none'}"
    items = [_Inner(path, one) for path, one in known.items()]
    places = matching(layer, model.layers, items, words)
    if len({id(place.layer) for place in places}) != 1:  # a layer in several places has the same filters there
        places = places_of(layer, model.layers, items, words)
    path, found = places[0]
    while hasattr(found, "layer") and _reader(found) is None and not hasattr(found, "backward_layer"):
        found = found.layer  # TimeDistributed and other wrappers of one layer
    read = _reader(found)
    if read is None:
        raise LayerError(f"layer {path!r} is a {type(found).__name__}, which has no filters; {words}")
    if not found.built:
        raise LayerError(f"layer {path!r} has no weights yet; call the model once on a signal first")
    return path, found, read


def _inside(layer: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """The layers in a layer with their paths; those of a recurrent or bidirectional layer are no filters."""
    for inner in getattr(layer, "layers", None) or getattr(layer, "_layers", []):
        if not hasattr(inner, "name"):
            continue
        yield f"{prefix}{inner.name}", inner
        if not hasattr(inner, "backward_layer") and not hasattr(inner, "cell"):
            yield from _inside(inner, f"{prefix}{inner.name}/")


# --- its weights ---------------------------------------------------------------------------------------------

Reader = Callable[[Any, str | None], tuple[Array, Array]]


def _reader(layer: Any) -> Reader | None:
    """How the weights of this kind of layer are read; None where it has no filters."""
    kinds = {kind.__name__ for kind in type(layer).__mro__ if kind.__module__.split(".")[0] == "keras"}
    return next((read for name, read in _READERS.items() if name in kinds), None)


def _convolution(layer: Any, part: str | None) -> tuple[Array, Array]:  # noqa: ARG001 (readers are called alike)
    kernel = _filters_first(layer.kernel)
    filters, channels = kernel.shape[0], kernel.shape[-1]
    group = np.arange(filters) * getattr(layer, "groups", 1) // filters
    return kernel, group[:, None] * channels + np.arange(channels)


def _transposed(layer: Any, part: str | None) -> tuple[Array, Array]:  # noqa: ARG001
    kernel = _filters_first(np.swapaxes(np.asarray(layer.kernel), -1, -2))
    return kernel, _all_channels(kernel)


def _depthwise(layer: Any, part: str | None) -> tuple[Array, Array]:  # noqa: ARG001
    weights = np.asarray(layer.kernel)
    return _one_channel_each(weights)


def _separable(layer: Any, part: str | None) -> tuple[Array, Array]:
    depthwise, pointwise = np.asarray(layer.depthwise_kernel), np.asarray(layer.pointwise_kernel)
    if part == "depthwise":
        return _one_channel_each(depthwise)
    mixed = pointwise.reshape(-1, pointwise.shape[-1])  # (channels * multiplier, filters)
    if part == "pointwise":
        kernel = np.ascontiguousarray(mixed.T, np.float32)
        return kernel, _all_channels(kernel)
    by_channel = mixed.reshape(*depthwise.shape[-2:], -1)
    kernel = np.einsum("...cm,cmf->f...c", depthwise, by_channel).astype(np.float32)
    return kernel, _all_channels(kernel)


def _one_channel_each(weights: Array) -> tuple[Array, Array]:
    """Depthwise weights ``(*window, channels, multiplier)``: one filter for each of the last two."""
    *window, channels, multiplier = weights.shape
    kernel = _filters_first(weights.reshape(*window, 1, channels * multiplier))
    return kernel, np.repeat(np.arange(channels), multiplier)[:, None]


def _filters_first(kernel: Any) -> Array:
    return np.ascontiguousarray(np.moveaxis(np.asarray(kernel), -1, 0), np.float32)


def _all_channels(kernel: Array) -> Array:
    return np.tile(np.arange(kernel.shape[-1]), (len(kernel), 1))


_READERS: dict[str, Reader] = {
    "BaseConvTranspose": _transposed,
    "BaseSeparableConv": _separable,
    "BaseDepthwiseConv": _depthwise,
    "BaseConv": _convolution,
    "Dense": _convolution,
}


def _each(layer: Any, name: str, axes: int) -> tuple[int, ...]:
    """One number per axis of the window; 1 where a layer does not have the option."""
    value = getattr(layer, name, 1)
    return (int(value),) * axes if isinstance(value, int) else tuple(int(v) for v in value)[:axes]


# --- its place in the model ----------------------------------------------------------------------------------


def _step(model: Any, path: str, layer: Any, axes: int) -> tuple[float, ...] | None:
    """Samples of the model's input between what the kernel is laid on, per axis of the window."""
    if not axes:
        return ()
    before = input_steps(model, _outermost(model, path))
    if before is None:
        return None
    # A transposed convolution spreads its input by its strides first. A wrapper has other axes in front.
    spread = _each(layer, "strides", axes) if _reader(layer) is _transposed else (1,) * axes
    return tuple(step / by for step, by in zip(before[len(before) - axes :], spread, strict=True))


def _outermost(model: Any, path: str) -> Any:
    """The layer that the model's graph calls for this path: the wrapper of a wrapped one."""
    known = dict(_inside(model, ""))
    parts = path.split("/")
    for end in range(1, len(parts) + 1):
        one = known["/".join(parts[:end])]
        if hasattr(one, "layer") or end == len(parts):
            return one
    return None
