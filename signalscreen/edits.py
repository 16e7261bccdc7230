"""What any list of edits of a signal does to a score."""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError, OptionError
from signalscreen.method import bind_one
from signalscreen.order import Order
from signalscreen.reprs import by_fields
from signalscreen.streams import Patches, blocks_of_content, in_batches

Array = npt.NDArray[Any]
Window = tuple[int, ...]

# Each window is a program of its own, which takes a second or more to make, once for a model.
_MOST_WIDTHS = 4
_FEWEST_ROWS = 512  # edited signals for which a program is made


class Edit(NamedTuple):
    r"""New samples for one stretch of a signal.

    Attributes
    ----------
    start : int or tuple of int
        First sample; on each axis where there are several.
    content : array_like, shape (width, channels), or (\*widths, channels)
        What is written there, its axes lying as those of `x` (channels first where `x` has them so). The axis of
        channels may be 1 for all alike; with a `channel` it may be left out.
    channel : int, optional
        Write into this channel only.

    Examples
    --------
    >>> Edit(100, np.zeros((50, 1))).content.shape  # half a second of every lead silenced, at 100 Hz
    (50, 1)
    """

    start: Any
    content: Any
    channel: int | None = None

    def __repr__(self) -> str:
        return by_fields(self, self._fields)


def edit_effects(
    model: Any,
    x: Any,
    edits: Sequence[Any],
    target: Any = None,
    *,
    input: int | str | None = None,
    score: str = "logit",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = None,
    progress: bool | None = None,
    channels: Any = None,
    examine: bool = True,
) -> Array:
    """S(x with an edit) minus S(x), for any list of edits.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress, channels, examine
        See the conventions page of the documentation.
    edits : sequence of Edit, or of tuples (start, content) or (start, content, channel)
        Of any mixture of widths. Every edit is made to every example, each alone.
    input : int or str, optional
        Of a model with several inputs: the one that is edited. The others are held.

    Returns
    -------
    ndarray of float32, shape (batch, edits)
        In the order of `edits`, in units of the score. Positive: the edit raises the score. (Occlusion, which asks
        what a window was worth, has the other sign.)

    Raises
    ------
    OptionError
        There is no edit, one lies outside the signal, or its content does not fit.
    InputError

    Notes
    -----
    Exact, and as fast as what an edit changes is small: only that is recomputed (`Score.patched`), for edits of
    one width together. When there are many widths, or few edits of a width, an edit is computed in a wider
    window, in which the signal's own samples stand beside it.

    Examples
    --------
    >>> import keras
    >>> net = keras.Sequential([keras.Input((4, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    >>> net.set_weights([np.array([[1.0], [2.0], [3.0], [4.0]]), np.zeros(1)])
    >>> edit_effects(net, np.ones((1, 4, 1)), [Edit(0, [[0.0]]), (1, [[2.0], [3.0]])], target=0)
    array([[-1.,  8.]], dtype=float32)
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
    if not np.iterable(edits) or isinstance(edits, Edit):
        raise OptionError(f"edits {edits!r} is no list of edits; give [Edit(start, content), ...]")
    position = bound.bound.position
    order, own = bound.layout.orders[position], bound.layout.own_shapes[position]
    checked = [_checked(edit, number, x.shape[1:], order, own) for number, edit in enumerate(edits)]
    if not checked:
        raise OptionError("edits is empty; give at least one Edit(start, content)")
    return in_batches(_effects, bound, x, {"edits": checked})


def _effects(score: Any, x: Array, *, edits: list[Edit]) -> Array:
    """The formula: ``(batch, edits)``."""
    windows = _windows([edit.content.shape[:-1] for edit in edits], x.shape[1:-1], len(x))
    before = score(x)
    result = np.empty((len(x), len(edits)), before.dtype)
    for window in dict.fromkeys(windows):
        chosen = [i for i, w in enumerate(windows) if w == window]
        found = score.patched(x, _written(x, [edits[i] for i in chosen], window))
        result[:, chosen] = (found - before).T
    return result


def _windows(widths: list[Window], sizes: Window, batch: int) -> list[Window]:
    """The window in which each edit is computed: of its own width, or wider, so that there are few of them."""
    if len(set(widths)) > _MOST_WIDTHS:  # the next 1, 2, 4, 8, ... samples
        widths = [tuple(min(1 << (w - 1).bit_length(), n) for w, n in zip(ws, sizes, strict=True)) for ws in widths]
    rows, chosen = Counter(widths), {}
    waiting: list[Window] = []
    *_, widest = order = sorted(rows, key=prod)
    for width in order:
        waiting.append(width)
        if width == widest or batch * sum(rows[w] for w in waiting) >= _FEWEST_ROWS:
            window = tuple(max(on_axis) for on_axis in zip(*waiting, strict=True))
            chosen.update(dict.fromkeys(waiting, window))
            waiting = []
    return [chosen[w] for w in widths]


def _written(x: Array, edits: list[Edit], window: Window) -> Iterator[Patches]:
    """The edits as windows of one size: the signal's own samples, with the content written over them."""
    sizes = x.shape[1:-1]
    for some in blocks_of_content(len(edits), len(x) * prod(window) * x.shape[-1] * x.itemsize):
        starts, content = [], []
        for start, new, channel in edits[some]:
            first = tuple(min(s, n - w) for s, n, w in zip(start, sizes, window, strict=True))
            own = x[(slice(None), *(slice(f, f + w) for f, w in zip(first, window, strict=True)))].copy()
            at = (slice(s - f, s - f + n) for s, f, n in zip(start, first, new.shape[:-1], strict=True))
            own[(slice(None), *at, slice(None) if channel is None else slice(channel, channel + 1))] = new
            starts.append(first)
            content.append(own)
        yield Patches(np.array(starts), window, np.stack(content))


def _checked(given: Any, number: int, shape: Window, order: Order, own: Window) -> Edit:
    """An edit with a start on each axis and content of ``(*widths, channels or 1)``.

    Parameters
    ----------
    shape, own : tuple of int
        Of the signal, as it lies inside and as the model takes it.
    """
    try:
        edit = Edit(*given)
        start = tuple(np.ravel(edit.start).tolist())
        content = np.asarray(edit.content)
        real = content.dtype.kind in "fiub" and bool(np.isfinite(content).all())
    except (TypeError, ValueError):
        raise OptionError(
            f"edits[{number}] is not understood; give Edit(start, content) or Edit(start, content, channel)"
        ) from None
    *sizes, channels = shape
    if edit.channel is not None and (
        not isinstance(edit.channel, int | np.integer) or not 0 <= edit.channel < channels
    ):
        raise OptionError(f"edits[{number}] has channel {edit.channel!r}; give a number from 0 to {channels - 1}")
    if content.ndim == len(sizes) and (channels == 1 or edit.channel is not None):
        content = content[..., None]
    elif content.ndim == order.rank and content.size:
        alike = all(content.shape[a] == 1 for a in order.features)
        content = order.canonical(content) if alike else order.canonical_like(content, own)
    wanted = {1} if edit.channel is not None else {1, channels}
    if not content.size:
        raise OptionError(f"edits[{number}] has no content, its shape is {content.shape}; give one sample or more")
    if content.ndim != len(shape) or content.shape[-1] not in wanted:
        raise OptionError(
            f"edits[{number}] has content of shape {np.shape(edit.content)}; give "
            f"{_wanted(order, own, edit.channel is not None)}"
        )
    if not real:
        raise InputError(f"edits[{number}] has content that is not of finite numbers; give real, finite ones")
    if len(start) != len(sizes) or any(not isinstance(s, int) for s in start):
        raise OptionError(
            f"edits[{number}] has start {edit.start!r}; give a sample's number, one for each of {len(sizes)} axes"
        )
    if any(s < 0 or s + w > n for s, w, n in zip(start, content.shape[:-1], sizes, strict=True)):
        raise OptionError(
            f"edits[{number}] starts at {edit.start} and is {_by(content.shape[:-1])} long, which is not inside "
            f"the signal of {_by(sizes)} samples; move or shorten it"
        )
    return Edit(start, content, edit.channel)


def _wanted(order: Order, own: Window, one: bool) -> str:
    """The shape that content may have, in words."""
    names = {a: "width" if len(order.signal) == 1 else f"width {i}" for i, a in enumerate(order.signal)}
    names |= {a: "1" if one or own[a] == 1 else f"1 or {own[a]}" for a in order.features}
    words = f"({', '.join(names[a] for a in range(order.rank))})"
    return f"{words}, the last axis being channels" if order.is_plain else f"{words}, the axes lying as those of x"


def _by(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))
