"""Deletion and insertion curves: how far the score falls when what an attribution points at is taken away."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from signalscreen.errors import InputError, OptionError
from signalscreen.method import bind_one
from signalscreen.methods.occlusion import background_of, spans_of
from signalscreen.reprs import by_fields
from signalscreen.streams import blocks, in_batches

Array = NDArray[Any]


class Curve(NamedTuple):
    """Scores along a deletion or insertion, in the order of an attribution and in random orders.

    Attributes
    ----------
    fraction : ndarray, shape (points,)
        Of the windows that are deleted or inserted: from 0 to 1.
    score : ndarray, shape (batch, points)
    area : ndarray, shape (batch,)
        Under the curve, which is the mean score along it. Deletion: the lower, the better the order; insertion:
        the higher.
    random_score : ndarray, shape (batch, orders, points)
        The same in random orders: what an attribution that knows nothing gets.
    random_area : ndarray, shape (batch, orders)
    """

    fraction: Array
    score: Array
    area: Array
    random_score: Array
    random_area: Array

    def __repr__(self) -> str:
        return by_fields(self, self._fields)


def deletion_curve(
    model: Any,
    x: Any,
    attribution: ArrayLike,
    target: Any = None,
    *,
    insert: bool = False,
    window: Any = None,
    steps: int = 50,
    fill: Any = "zero",
    orders: int = 10,
    seed: int = 0,
    input: int | str | None = None,
    score: str = "logit",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = None,
    progress: bool | None = None,
    channels: Any = None,
    examine: bool = True,
) -> Curve:
    r"""Score while the signal is deleted, or inserted, what the attribution ranks highest first.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress, channels, examine
        See the conventions page of the documentation. Petsiuk et al. draw probabilities: ``score="probability"``.
    attribution : array, (batch, \*axes) or (batch, \*axes, channels)
        Of the shape of `x`, or one value a place. Signed: what raises the score goes first, what lowers it last.
        Channels are summed, and all are deleted together. To rank by magnitude, give magnitudes.
    insert : bool
        Begin with `fill` alone and put the signal in, instead of beginning with the signal and taking it away.
    window : int or tuple of int, samples
        What is deleted at once: windows side by side, ranked by their mean attribution. By default a twentieth
        of each axis; 1 ranks sample by sample.
    steps : int
        Points after the first, evenly spaced; no more than there are windows.
    fill : {"zero", "mean", "local_mean", "noise"}, float or ndarray
        What stands for nothing, as in `occlusion`; "local_mean" is each window's own.
    orders : int
        Random orders to compare with; 0 for none.
    seed : int
        For the random orders, and ``fill="noise"``.
    input : int or str, optional
        Of a model with several inputs: the one that is deleted, whose attribution is given. The others are held.

    Returns
    -------
    Curve
        Of float32 scores.

    Raises
    ------
    InputError, OptionError

    Notes
    -----
    Each point deletes windows all over the signal, so that little of the network's work is left unchanged from
    one to the next: unlike `occlusion`, every point is a full run of the model, in batches (`Score.patched` would
    recompute nearly everything).

    *Misleads when* the network has never seen signals like the half deleted ones: a step of `fill` may itself be
    evidence. Compare orders on one signal with one fill, and with the random ones; an area alone says little.

    References
    ----------
    Petsiuk, Das, Saenko 2018, "RISE: Randomized Input Sampling for Explanation of Black-box Models", section 4.2.

    Examples
    --------
    >>> import keras
    >>> net = keras.Sequential([keras.Input((4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    >>> net.set_weights([np.array([[4.0], [0.0], [3.0], [-1.0]]), np.zeros(1)])
    >>> curve = deletion_curve(net, np.ones((1, 4, 1)), [[4, 0, 3, -1]], target=0, window=1)
    >>> curve.score[0].tolist(), curve.area.tolist()
    ([6.0, 2.0, -1.0, -1.0, 0.0], [0.75])
    """
    common = {
        "score": score,
        "class_names": class_names,
        "batch_size": batch_size,
        "progress": progress,
        "channels": channels,
        "examine": examine,
    }
    bound, x = bind_one(model, x, target, common, input)
    layout, position = bound.layout, bound.bound.position
    fill = layout.option(fill, position)
    tiles = _tiles(window, x.shape[1:-1])
    count = int(tiles.max()) + 1
    if not isinstance(steps, int | np.integer) or steps < 1:
        raise OptionError(f"steps {steps!r} is not a positive number of points")
    if not isinstance(orders, int | np.integer) or orders < 0:
        raise OptionError(f"orders {orders!r} is not a number of random orders; give 0 or more")
    if isinstance(fill, str) and fill == "local_mean" and count == tiles.size:
        raise OptionError("fill 'local_mean' in windows of one sample is the signal itself; give a longer window")
    background_of(fill, x, seed)  # what is wrong with it is said before work starts
    cuts = np.linspace(0, count, min(steps, count) + 1).round().astype(int)
    given = np.asarray(attribution)
    if given.shape[1:] == layout.own_shapes[position]:
        given = layout.orders[position].canonical(given)
    options = {"attribution": _by_place(given, x), "fill": fill, "tiles": tiles, "cuts": cuts}
    options |= {"orders": orders, "seed": seed, "insert": insert}
    found = in_batches(_scores, bound, x, options, ("attribution", "fill"))
    fraction = cuts / count
    area = ((found[..., 1:] + found[..., :-1]) / 2 @ np.diff(fraction)).astype(found.dtype)
    return Curve(fraction, found[:, 0], area[:, 0], found[:, 1:], area[:, 1:])


def _scores(
    score: Any,
    x: Array,
    *,
    attribution: Array,
    fill: Any,
    tiles: Array,
    cuts: Array,
    orders: int,
    seed: int,
    insert: bool,
) -> Array:
    """The formula: ``(batch, 1 + orders, points)``, first in the order of the attribution."""
    background = background_of(fill, x, seed)
    if background is None:
        background = _tile_means(x, tiles)[:, tiles]
    mean = _tile_means(attribution, tiles)[..., 0]
    ranks = [np.argsort(np.argsort(-mean, axis=1, kind="stable"), axis=1)]  # of equals, the first in the signal
    ranks += [np.random.default_rng([seed, i]).permutation(mean.shape[1])[None] for i in range(orders)]
    curves = []
    for rank in score.track(ranks, len(ranks), "orders"):
        place = rank[:, tiles][..., None]
        found = []
        for some in blocks(len(cuts), score.room(x)):
            first = place < cuts[some].reshape(-1, *[1] * x.ndim)
            found.append(score(np.where(first != insert, background, x)))
        curves.append(np.concatenate(found))
    return np.stack(curves).transpose(2, 0, 1)


def _tiles(window: Any, sizes: tuple[int, ...]) -> Array:
    """The number of the window in which each sample lies: windows side by side, the last one cut at the end."""
    spans = spans_of(window, sizes, "window")
    index = [np.arange(n) // w for n, w in zip(sizes, spans, strict=True)]
    return np.ravel_multi_index(np.meshgrid(*index, indexing="ij"), [int(i[-1]) + 1 for i in index])


def _tile_means(values: Array, tiles: Array) -> Array:
    """Mean over each window: ``(batch, *axes, channels)`` to ``(batch, windows, channels)``."""
    order = np.argsort(tiles, axis=None, kind="stable")
    first = np.searchsorted(tiles.ravel()[order], np.arange(tiles.max() + 1))
    flat = values.reshape(len(values), -1, values.shape[-1])[:, order]
    means = np.add.reduceat(flat, first, axis=1) / np.bincount(tiles.ravel())[:, None]
    return means.astype(values.dtype)


def _by_place(attribution: ArrayLike, x: Array) -> Array:
    """One value per sample, ``(batch, *axes, 1)``."""
    values = np.asarray(attribution, np.float64)
    if values.shape not in (x.shape, x.shape[:-1], (*x.shape[:-1], 1)):
        raise InputError(
            f"attribution has shape {values.shape} for signals of {x.shape}; give one map per example, "
            f"{x.shape[:-1]} or of the signals' shape"
        )
    if not np.isfinite(values).all():
        raise InputError("attribution has values that are not finite, which have no rank; give finite maps")
    return values[..., None] if values.ndim < x.ndim else values.sum(axis=-1, keepdims=True)
