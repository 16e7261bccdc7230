"""Occlusion: how far the score falls when a window of the signal is replaced."""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError, OptionError
from signalscreen.method import method
from signalscreen.references import fit
from signalscreen.resize import interpolate
from signalscreen.streams import Patches, blocks_of_content, noise, starts_centred, starts_inside

Array = npt.NDArray[Any]
Window = tuple[int, ...]


@method(gives="map", one_input=True, per_example=("fill",), variants=False)
def occlusion(
    score: Any,
    x: Array,
    *,
    window: Any = None,
    stride: Any = None,
    fill: Any = "zero",
    per_channel: bool = False,
    credit: str = "mean",
    seed: int = 0,
) -> Array:
    """S(x) minus S(x with a window replaced), for windows all along the signal.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    window : int, tuple of int, or list of them
        Samples to replace on each axis; by default a twentieth of each. Several windows in a list are averaged.
    stride : int or tuple of int
        Samples from one window to the next; by default a quarter of the window.
    fill : {"zero", "mean", "local_mean", "noise"}, float or ndarray
        What stands in the window: zeros; each channel's mean over the example; over the window itself (keeps
        the level, removes the shape); normal noise of the channel's mean and deviation; or a signal that
        broadcasts to `x`, from which the window is copied.
    per_channel : bool
        Replace one channel at a time; otherwise all together.
    credit : {"mean", "centre"}
        A sample gets the mean over the windows that cover it (windows tile the signal from its first sample),
        or the value of the window centred on it (clipped at the ends; linear in between when strided). With a
        stride longer than the window, "mean" leaves 0 where no window lies.
    seed : int
        For ``fill="noise"``.

    Returns
    -------
    ndarray of float32, shape (batch, *axes), or that of `x` when `per_channel`
        Units of the score. Positive: the score fell, so what was there spoke for the target.

    Raises
    ------
    OptionError, InputError

    Notes
    -----
    *Reads well when* the window is about as long as the event; *misleads when* evidence is redundant (every
    beat says the same): removing one of several changes nothing. Exact, and as fast as what a window changes is
    small: only that is recomputed (`Score.patched`).

    References
    ----------
    Zeiler, Fergus 2014, "Visualizing and Understanding Convolutional Networks", section 4.2.

    Examples
    --------
    >>> class Sum:
    ...     axes = (-2,)
    ...     def __call__(self, x):
    ...         return x.sum((-1, -2))
    ...     def patched(self, x, patches):
    ...         return np.concatenate([self(p.applied(x)) for p in patches])
    >>> occlusion.formula(Sum(), np.array([[[1.0], [2.0], [4.0]]]), window=1, stride=1)
    array([[1., 2., 4.]])
    """
    sizes = tuple(x.shape[axis] for axis in score.axes)
    if not sizes:
        raise InputError(
            f"the model's input is (batch, {x.shape[-1]}), with no axis for a window to slide along: its numbers "
            "count as channels; put a Reshape in front of the model so that it takes (batch, samples, 1)"
        )
    windows = [spans_of(w, sizes, "window") for w in (window if isinstance(window, list) else [window])]
    if not windows:
        raise OptionError("window [] holds no window; give at least one")
    if credit not in ("mean", "centre"):
        raise OptionError(f"credit {credit!r} is not known; give 'mean' or 'centre'")
    background = background_of(fill, x, seed)
    before = score(x)
    channels = range(x.shape[-1]) if per_channel else [None]
    maps: Any = 0.0
    for w in windows:
        strides = spans_of(stride, sizes, "stride") if stride is not None else tuple(max(1, n // 4) for n in w)
        place = starts_inside if credit == "mean" else starts_centred
        grid = [place(*axis) for axis in zip(sizes, w, strides, strict=True)]
        starts = np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, len(sizes))
        each = []
        for channel in channels:
            patches = _blocks(x, starts, w, background, channel)
            drops = before - score.patched(x, patches)
            spread = _mean_credit if credit == "mean" else _centre_credit
            each.append(spread(drops, grid, w, sizes))
        maps = maps + (np.stack(each, axis=-1) if per_channel else each[0]) / len(windows)
    return maps


def spans_of(value: Any, sizes: Window, what: str) -> Window:
    """A window or stride as samples on each axis, checked; None is a twentieth of each.

    Raises
    ------
    OptionError
    """
    if value is None:
        return tuple(max(1, n // 20) for n in sizes)
    spans = (value,) * len(sizes) if np.ndim(value) == 0 else tuple(value)
    if len(spans) != len(sizes) or any(not isinstance(n, int | np.integer) or n < 1 for n in spans):
        raise OptionError(
            f"{what} {value!r} is not understood; give a positive number of samples, or one for each of "
            f"{len(sizes)} axes"
        )
    if what == "window" and any(w > n for w, n in zip(spans, sizes, strict=True)):
        long = " x ".join(map(str, sizes)) + " samples"
        raise OptionError(f"window {value!r} is longer than the signal of {long}; give a shorter one")
    return tuple(int(n) for n in spans)


def background_of(fill: Any, x: Array, seed: int) -> Array | None:
    """A signal to copy windows from, broadcastable to `x`; None where the window decides ("local_mean").

    Raises
    ------
    OptionError, InputError
    """
    if not isinstance(fill, str):
        return fit(fill, x.shape, what="fill").astype(x.dtype)
    axes = tuple(range(1, x.ndim - 1))
    if fill == "zero":
        return np.zeros(1, x.dtype)
    if fill == "mean":
        return x.mean(axis=axes, keepdims=True)
    if fill == "noise":
        drawn = noise(x.shape[1:], seed, [0]).astype(x.dtype)
        return x.mean(axis=axes, keepdims=True) + x.std(axis=axes, keepdims=True) * drawn
    if fill == "local_mean":
        return None
    raise OptionError(
        f"fill {fill!r} is not known; give 'zero', 'mean', 'local_mean', 'noise', a number or an array"
    )


def _blocks(x: Array, starts: Array, window: Window, background: Array | None, channel: Any) -> Iterator[Patches]:
    """The edits, so many at a time that their content stays small."""
    if background is not None:
        background = background.reshape((1,) * (x.ndim - background.ndim) + background.shape)
    if background is not None and all(n == 1 for n in background.shape[1:-1]):  # the same wherever the window is
        yield Patches(starts, window, background[None], channel)
        return
    for some in blocks_of_content(len(starts), len(x) * prod(window) * x.shape[-1] * x.itemsize):
        content = np.stack([_window_content(x, background, start, window) for start in starts[some]])
        yield Patches(starts[some], window, content, channel)


def _window_content(x: Array, background: Array | None, start: Array, window: Window) -> Array:
    """What stands in one window: its own mean, or the background there. Beyond the ends nothing is used."""
    inside = tuple(
        slice(max(int(s), 0), min(int(s) + w, n)) for s, w, n in zip(start, window, x.shape[1:-1], strict=True)
    )
    axes = tuple(range(1, x.ndim - 1))
    if background is None:
        return x[(slice(None), *inside)].mean(axis=axes, keepdims=True)
    full = np.broadcast_to(background, (len(background), *x.shape[1:-1], background.shape[-1]))
    content = np.zeros((len(background), *window, background.shape[-1]), x.dtype)
    filled = tuple(slice(i.start - int(s), i.stop - int(s)) for i, s in zip(inside, start, strict=True))
    content[(slice(None), *filled)] = full[(slice(None), *inside)]
    return content


def _mean_credit(drops: Array, grid: list[Array], window: Window, sizes: Window) -> Array:
    """Each sample's mean over the windows that cover it: ``(batch, *axes)``."""
    total = np.zeros((drops.shape[1], *sizes))
    count = np.zeros(sizes)
    starts = np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, len(sizes))
    expand = (slice(None), *[None] * len(sizes))
    for drop, start in zip(drops, starts, strict=True):
        span = tuple(slice(int(s), int(s) + w) for s, w in zip(start, window, strict=True))
        total[(slice(None), *span)] += drop[expand]
        count[span] += 1
    # A stride longer than the window leaves samples that no window covers: nothing is known about them.
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0).astype(drops.dtype)


def _centre_credit(drops: Array, grid: list[Array], window: Window, sizes: Window) -> Array:
    """The value of the window centred on each sample, linear between centres: ``(batch, *axes)``."""
    maps = np.moveaxis(drops.reshape(*[len(g) for g in grid], drops.shape[1]), -1, 0)
    for axis, (first, w, n) in enumerate(zip(grid, window, sizes, strict=True)):
        maps = interpolate(maps, first + (w - 1) // 2, n, axis + 1)
    return maps
