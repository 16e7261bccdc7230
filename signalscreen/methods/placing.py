"""Where the maps of a layer lie on the signal, for class activation maps."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import PlacesWarning, warn
from signalscreen.method import find_method
from signalscreen.resize import covered, lay, stretched

Array = npt.NDArray[Any]


def on_signal(score: Any, x: Array, maps: Array, layer: Any, rules: str | None = None) -> Array:
    """Lay maps of a layer, ``(..., *positions)``, on the signal's axes.

    Linear between neighbouring positions, held for half a step beyond the outermost, zero further out.
    """
    sizes = [x.shape[axis] for axis in score.axes]
    counts = maps.shape[maps.ndim - len(sizes) :]
    places = places_on(score, x, counts, layer, rules)
    laid = lay(maps, places, sizes, [axis + 1 for axis in score.axes])
    known = covered(places, sizes)
    return laid if known.all() else np.where(known, laid, 0).astype(laid.dtype)


def places_on(
    score: Any, x: Array, counts: Sequence[int], layer: Any, rules: str | None = None
) -> tuple[Array, ...]:
    """Where a layer's positions lie, in samples; spread evenly over the signal where that is not known.

    Parameters
    ----------
    x : ndarray, shape (..., *axes, channels)
    counts : sequence of int
        Positions on each axis.

    Warns
    -----
    PlacesWarning
        They are not known.
    """
    places = score.places(layer, rules)
    if places is None or tuple(map(len, places)) != tuple(counts):
        path = score.layer_path(layer, rules)
        warn(
            f"where the positions of layer {path!r} lie on the signal is not known, so its map is stretched over "
            "all of it, and may be drawn at the wrong place; give another layer, or upsample=False for the map as "
            "it is",
            PlacesWarning,
        )
        return tuple(stretched(n, x.shape[axis]) for n, axis in zip(counts, score.axes, strict=True))
    return places


def samples_covered(score: Any, x: Array, name: str, options: Mapping[str, Any]) -> npt.NDArray[np.bool_] | None:
    """Which samples a method's maps say something about, ``(*axes)``; None for all.

    Parameters
    ----------
    score : Score
        Bound to `x`.
    x : ndarray, shape (batch, *axes, channels)
    name : str
        Of the method.
    options : dict
        Of the method.
    """
    entry = find_method(name)
    inner = options.get("base_method", entry.options.get("base_method"))
    entry = entry if inner is None else find_method(inner)
    if "layer" not in entry.options:
        return None
    places = score.places(options.get("layer"), options.get("rules"))
    return None if places is None else covered(places, [x.shape[axis] for axis in score.axes])
