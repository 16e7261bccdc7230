"""What is fed to a score: batches, paths, noise, patches. NumPy only, and the same for any number of axes."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError
from signalscreen.finiteness import not_finite

Array = npt.NDArray[Any]


class Patches(NamedTuple):
    """Many edits of each example; each writes `content` into one window of it.

    Attributes
    ----------
    starts : ndarray of int, shape (patches, axes)
        First sample of each window on each axis. What hangs over an end of the signal is cut off.
    width : tuple of int
        Length of the window on each axis.
    content : ndarray
        What is written, broadcastable to ``(patches, batch, *width, channels)``; content that does not depend
        on the place inside the window has 1 there.
    channel : int, optional
        Edit this channel only; None edits all of them.
    """

    starts: Array
    width: tuple[int, ...]
    content: Array
    channel: int | None = None

    def applied(self, x: Array) -> Array:
        """Every edit of every example, written out: ``(patches, batch, *axes, channels)``."""
        edited: Array = np.repeat(x[None], len(self.starts), axis=0)
        first = np.clip(self.starts, 0, x.shape[1:-1])
        last = np.clip(self.starts + self.width, first, x.shape[1:-1])
        everything = slice(None)
        channels = everything if self.channel is None else slice(self.channel, self.channel + 1)
        content = self.content if self.content.shape[-1] == 1 else self.content[..., channels]
        # Axes of length one stand for every place, so only the others are cut with the window.
        long = [n > 1 for n in content.shape[2:-1]]
        spans = zip(first.tolist(), last.tolist(), self.starts.tolist(), strict=True)
        for i, (lows, highs, starts) in enumerate(spans):
            piece = content[i if len(content) > 1 else 0]
            if any(long):
                cut = [slice(a - s, b - s) for a, b, s in zip(lows, highs, starts, strict=True)]
                piece = piece[(everything, *(c if m else everything for c, m in zip(cut, long, strict=True)))]
            place: tuple[Any, ...] = (i, everything, *map(slice, lows, highs), channels)
            edited[place] = piece
        return edited


def blocks(count: int, size: int) -> Iterator[slice]:
    """Cut ``range(count)`` into slices of at most `size`.

    Examples
    --------
    >>> [(b.start, b.stop) for b in blocks(5, 2)]
    [(0, 2), (2, 4), (4, 5)]
    """
    for start in range(0, count, max(size, 1)):
        yield slice(start, min(start + max(size, 1), count))


CONTENT_BYTES = 16 * 2**20  # of what is written into windows, held at a time


def blocks_of_content(count: int, row_bytes: int) -> Iterator[slice]:
    """Cut ``range(count)`` edits into slices whose content, `row_bytes` for each, stays small."""
    return blocks(count, CONTENT_BYTES // row_bytes)


def path(x: Array, baseline: Array, alphas: Array) -> Array:
    """Points on the straight line from `baseline` (alpha 0) to `x` (alpha 1): ``(len(alphas), *x.shape)``."""
    alphas = alphas.reshape(-1, *[1] * x.ndim)
    return baseline + alphas * (x - baseline)


def noise(shape: Sequence[int], seed: int, samples: Sequence[int]) -> Array:
    """Standard normal noise for the given sample numbers, ``(len(samples), *shape)``.

    Each sample has a generator of its own, so it does not depend on how the work is cut into batches.
    """
    return np.stack([np.random.default_rng([seed, i]).standard_normal(shape) for i in samples])


def starts_inside(n: int, width: int, stride: int) -> Array:
    """First samples of windows that tile an axis of `n`: every `stride`, the last one cut at the end.

    A stride longer than the window leaves gaps, at the end as well.

    Examples
    --------
    >>> starts_inside(10, 4, 3)
    array([0, 3, 6])
    >>> starts_inside(11, 4, 3)
    array([0, 3, 6, 9])
    >>> starts_inside(12, 8, 14)
    array([0])
    """
    return np.arange(0, min(max(n - width, 0) + stride, n), stride)


def starts_centred(n: int, width: int, stride: int) -> Array:
    """First samples of windows centred on samples 0, stride, 2 stride, ... and on the last one.

    Examples
    --------
    >>> starts_centred(5, 3, 2)
    array([-1,  1,  3])
    """
    centres = np.arange(0, n, stride)
    if centres[-1] != n - 1:
        centres = np.append(centres, n - 1)
    return centres - (width - 1) // 2


def in_batches(
    formula: Callable[..., Array],
    bound: Any,
    x: Array,
    options: dict[str, Any],
    per_example: tuple[str, ...] = (),
) -> Array:
    """Run the formula on as many examples at a time as fit one model call, so that memory does not grow."""
    count, size = len(x), bound.room(x[:1])
    wrong: list[int] = []
    if count <= size:
        result = _watched(formula, bound, x, options, wrong)
    else:
        result = np.empty(0)
        own = [name for name in per_example if _is_cut(options.get(name, 0), x, name)]
        for rows in bound.track(blocks(count, size), -(-count // size), formula.__name__):
            mine = {name: options[name][rows] for name in own}
            part = _watched(formula, bound.part(rows), x[rows], {**options, **mine}, wrong)
            if not rows.start:
                result = np.empty((count, *part.shape[1:]), part.dtype)
            result[rows] = part
    bound.watch.tell(formula.__name__.strip("_"), wrong)
    return result


def _watched(
    formula: Callable[..., Array], bound: Any, x: Array, options: dict[str, Any], wrong: list[int]
) -> Array:
    """What the formula gives; the numbers of the examples for which that is not finite are added to `wrong`."""
    bound.watch.asked = False
    with np.errstate(all="ignore"):  # what is no number is said by example
        result = formula(bound, x, **options)
    if not bound.watch.asked:
        bound.watch.see(bound.numbers, bound(x))
    wrong += bound.numbers[not_finite(result)].tolist()
    return result


def _is_cut(value: Any, x: Array, name: str) -> bool:
    """Whether an option holds something for each example."""
    if callable(value) or np.ndim(value) < x.ndim or len(value) == 1:
        return False
    if len(value) != len(x):
        raise InputError(
            f"{name} has shape {np.shape(value)}, which is one for each of {len(value)} examples, and there are "
            f"{len(x)}; give one for each, or one for all"
        )
    return True
