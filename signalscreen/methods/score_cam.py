"""Score-CAM: a class activation map without gradients."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from signalscreen.method import method
from signalscreen.methods.grad_cam import finish
from signalscreen.methods.placing import places_on
from signalscreen.resize import covered, lay
from signalscreen.streams import blocks

Array = npt.NDArray[Any]


@method(gives="map", one_input=True, variants=False)
def score_cam(score: Any, x: Array, *, layer: Any = None, relu: bool = True, upsample: bool = True) -> Array:
    """Feature maps, each weighted by the score of the input seen through it.

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
    Each feature map is laid on the signal (as by `grad_cam`), scaled to 0..1 and multiplied onto the input; the
    weights are the softmax, over feature maps, of the score's rise above that of a zero input. A constant map
    gets no weight. Where the layer has no position the mask is zero. Costs one model call per feature map.

    *Reads well when* gradients are noisy; *misleads when* a signal multiplied by a mask is nothing the network
    has seen.

    References
    ----------
    Wang et al. 2020, "Score-CAM", equations 3 to 5 and algorithm 1.
    """
    maps, _ = score.activations(x, layer)
    place_axes, sizes = [axis + 1 for axis in score.axes], [x.shape[axis] for axis in score.axes]
    places = places_on(score, x, maps.shape[1:-1], layer)
    masks = lay(np.moveaxis(maps, -1, 0), places, sizes, place_axes)
    low = masks.min(axis=tuple(place_axes), keepdims=True)
    spread = masks.max(axis=tuple(place_axes), keepdims=True) - low
    flat = spread == 0
    masks = np.where(flat | ~covered(places, sizes), 0, (masks - low) / np.where(flat, 1, spread))[..., None]
    floor = score(np.zeros_like(x))
    rises = [
        score(masks[some] * x) - floor
        for some in score.track(blocks(len(masks), score.room(x)), -(-len(masks) // score.room(x)), "score_cam")
    ]
    flat = flat.reshape(flat.shape[:2])
    raised = np.where(flat, -np.inf, np.concatenate(rises))
    raised = np.where(flat.all(axis=0), 0.0, raised)  # every map constant: no weight can be told from another
    weights = np.moveaxis(softmax(raised, axis=0), 0, -1).astype(maps.dtype)
    weights = weights.reshape(*weights.shape[:-1], *[1] * len(score.axes), weights.shape[-1])
    return finish(score, x, (weights * maps).sum(axis=-1), relu, upsample, layer)
