"""The functions of the older vis, thin over this package.

`visualize` draws one signal or image with what a neuron of the last layer answers to in it. The maps are those of
`signalscreen.methods`, with magnitudes taken before channels are merged. ``signalscreen classic vis`` is the same
from the command line.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError, OptionError, SignalScreenWarning, warn
from signalscreen.methods import deep_lift, grad_cam, guided_backprop
from signalscreen.methods import integrated_gradients as _integrated_gradients
from signalscreen.output import atomically
from signalscreen.reduction import reduce

Array = npt.NDArray[Any]

WAYS = ("cam", "shap", "integrated_grad", "integrated_gradients", "saliency")
"""What may be given as `vis`; the two spellings of integrated gradients mean the same."""


def visualize(
    model: Any,
    img: Any,
    unprocessed_img: Any,
    vis: str,
    name: str | os.PathLike[str],
    conv_layer: int | None = None,
    background: Any = None,
    show: bool = False,
    title: str | None = None,
    clip: float = 1,
    contrast: float = 2,
    neuron: int | None = None,
) -> Array:
    """Explain one signal or image, draw it, and write the picture to ``{name}_explained_{vis}.png``.

    Parameters
    ----------
    model : keras.Model or path
    img : array_like, shape (T, C) or (H, W, C)
        As the model takes it, with or without the axis of one example.
    unprocessed_img : array_like
        What is drawn: an image of any size, ``(H, W)`` or ``(H, W, 3)``, or a signal. A signal that has not one
        value for each sample of `img`, or None, cannot carry the map, and `img` is drawn instead.
    vis : {"cam", "shap", "integrated_grad", "integrated_gradients", "saliency"}
    name : path
        Beginning of the file's name.
    conv_layer : int, optional
        For "cam": index into ``model.layers``, also from the end; by default the last layer with feature maps.
    background : array_like, optional
        For "shap" (needed) and "integrated_gradients" (zeros by default): what `img` is compared with, shaped
        like it.
    show : bool
        Open a window as well.
    title : str, optional
        By default the neuron and its activation.
    clip : float
        1 or more: values above the largest divided by this are drawn like it, so that others are seen. Not
        for "cam".
    contrast : float
        Above 0; in 2D, the higher the more of the weak values is seen. Not for "cam".
    neuron : int, optional
        Of the last layer, as before also counted from the end; by default that of the highest activation.

    Returns
    -------
    ndarray, shape (T,) or (H, W)
        The map that is drawn.

    Raises
    ------
    InputError, OptionError, TargetError, LayerError, OutputError
    """
    from matplotlib import pyplot as plt

    from signalscreen.classic.vis_figures import MEANINGS, display_1d, display_2d, lines_up

    _check(vis, clip, contrast, background)
    x, neuron, pred = _predicted(model, img, neuron)
    found = _MAPS[vis](model, x, neuron, conv_layer, background)
    x = _turned(model, x)
    if vis != "cam":
        found = np.minimum(found, found.max() / clip)
    if found.ndim == 1:
        fits = lines_up(unprocessed_img, found)
        if not fits and unprocessed_img is not None:
            what = f"the unprocessed signal has shape {np.shape(unprocessed_img)}, not a value for each of the "
            warn(
                f"{what}{len(found)} samples that are explained; the preprocessed one is drawn", SignalScreenWarning
            )
        signal = unprocessed_img if fits else x[0]
        figure = display_1d(found, signal, neuron, pred, title, cam=vis == "cam", label=MEANINGS[vis])
    else:
        image = x[0] if unprocessed_img is None else unprocessed_img
        figure = display_2d(found, image, neuron, pred, title, vis, contrast=contrast)
    try:
        path = f"{os.fspath(name)}_explained_{vis}.png"
        print(f"Saving Figure to {path}")  # as it always said
        with atomically(path) as part:
            figure.savefig(part, format="png", dpi=100)
        if show:
            _open_window()
    finally:
        plt.close(figure)
    return found


def visualize_shap(model: Any, img: Any, background: Any, neuron: int | None, explainer: Any = None) -> Array:  # noqa: ARG001
    """Magnitude of what DeepLIFT (the Rescale rule, by which DeepSHAP works) credits each sample with.

    Parameters
    ----------
    model : keras.Model or path
    img : array_like, shape (T, C) or (H, W, C)
    background : array_like
        Shaped like `img`; several are averaged over.
    neuron : int or None
        None: that of the highest activation.
    explainer : optional
        Kept for older calls; none is needed.

    Returns
    -------
    ndarray, shape (T,) or (H, W)
        The largest magnitude over the channels, in units of the logit.
    """
    x, neuron, _ = _predicted(model, img, neuron)
    return _shap(model, x, neuron, None, background)


def visualize_integrated_gradients(model: Any, img: Any, background: Any, neuron: int | None) -> Array:
    """Magnitude of integrated gradients from `background` (None: zeros) to `img`.

    Fifty points of the path, as it always was; doubled until the sum closes where fifty are too few.

    Parameters
    ----------
    model : keras.Model or path
    img, background : array_like, shape (T, C) or (H, W, C)
    neuron : int or None
        None: that of the highest activation.

    Returns
    -------
    ndarray, shape (T,) or (H, W)
        The largest magnitude over the channels, in units of the logit.
    """
    x, neuron, _ = _predicted(model, img, neuron)
    return _integrated(model, x, neuron, None, background)


def _open_window() -> None:
    from matplotlib import pyplot as plt
    from matplotlib.backends.registry import BackendFilter, backend_registry

    registry: Any = backend_registry  # has no types
    if plt.get_backend().lower() in registry.list_builtin(BackendFilter.NON_INTERACTIVE):
        words = (
            f"matplotlib's backend {plt.get_backend()} opens no windows, so the picture is written but not shown"
        )
        warn(words, SignalScreenWarning)
        return
    plt.show()


def _check(vis: str, clip: float, contrast: float, background: Any) -> None:
    if vis not in WAYS:
        raise OptionError(f"vis {vis!r} is not known; choose one of {', '.join(WAYS)}")
    if not clip >= 1:
        raise OptionError(f"clip {clip!r} is below 1; give 1 to show all values, or more to cut the largest")
    if not contrast > 0:
        raise OptionError(f"contrast {contrast!r} is not above 0; give a number such as 2")
    if vis == "shap" and background is None:
        raise OptionError("vis 'shap' compares with a background; give one, shaped like the preprocessed img")


def _predicted(model: Any, img: Any, neuron: int | None) -> tuple[Array, int, float]:
    """The signal as the model takes it, the neuron, and its activation after softmax or sigmoid."""
    from signalscreen.score import Score

    if neuron is not None and neuron < 0:
        anyone, x = Score(model, score="probability").bind(img)
        neuron += anyone.outputs(x)[0].shape[-1]
    score, x = Score(model, neuron, score="probability").bind(img)
    if len(x) != 1 or x.ndim not in (3, 4):
        raise InputError(
            f"img has shape {np.shape(img)}; give one example, (samples, channels) or (height, width, channels)"
        )
    return score.layout.own(x), 0 if score.classes is None else int(score.classes[0]), float(score(x)[0])


def _cam(model: Any, x: Array, neuron: int, layer: int | None, _: Any) -> Array:
    return reduce(grad_cam(model, x, neuron, layer=layer)[..., None], "sum", scale="min_max")[0]


def _saliency(model: Any, x: Array, neuron: int, *_: Any) -> Array:
    return reduce(_turned(model, guided_backprop(model, x, neuron)), scale="min_max")[0]


def _shap(model: Any, x: Array, neuron: int, _: Any, background: Any) -> Array:
    references = _compared(model, x, background)[None]
    return reduce(_turned(model, deep_lift(model, x, neuron, references=references)))[0]


def _integrated(model: Any, x: Array, neuron: int, _: Any, background: Any) -> Array:
    baseline = np.zeros_like(x) if background is None else _compared(model, x, background)
    if len(baseline) != 1:
        raise InputError(f"background holds {len(baseline)} examples; integrated gradients start from one")
    found = _integrated_gradients(model, x, neuron, baseline=baseline, rule="left", tolerance=0.05)
    return reduce(_turned(model, found))[0]


def _turned(model: Any, maps: Array) -> Array:
    """What lies like the signal, channels last, as they are merged and drawn."""
    from signalscreen.models import as_model
    from signalscreen.surveys import channels_last

    return channels_last(as_model(model), maps)


def _compared(model: Any, x: Array, background: Any) -> Array:
    """The background as the model takes it."""
    from signalscreen.models import as_model, layout_of

    return layout_of(as_model(model), x).read(background, what="background")[0]


_MAPS: dict[str, Callable[..., Array]] = {
    "cam": _cam,
    "shap": _shap,
    "integrated_grad": _integrated,
    "integrated_gradients": _integrated,
    "saliency": _saliency,
}
