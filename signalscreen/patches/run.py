"""Feed edits to a compiled walk, so many rows at a time that memory stays small."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.backend import tf
from signalscreen.patches.program import Patched
from signalscreen.streams import Patches, blocks

Array = npt.NDArray[Any]


def scores(
    program: Patched,
    fed: list[Any],
    x: Array,
    patches: Patches,
    most: int,
    track: Callable[[Iterable[slice], int], Iterator[slice]],
) -> Array:
    """The score of every edit of every example.

    Parameters
    ----------
    program : Patched
    fed : list of Tensor
        The class of each example and the model's inputs, unedited.
    x : ndarray, shape (batch, *axes, channels)
        The input that is edited.
    patches : Patches
    most : int
        Edited rows in a call.
    track : callable
        ``(parts, how many) -> parts``, under a progress bar.

    Returns
    -------
    ndarray, shape (patches, batch)
    """
    count, batch = len(patches.starts), len(x)
    unedited, *base = program.base(*fed)
    result = np.repeat(unedited.numpy()[None], count, axis=0)
    order = np.lexsort(patches.starts.T[::-1])  # edits side by side touch the same rows of a dense layer
    order = order[_matter(program, patches.starts[order])]
    total = len(order) * batch
    channels = tf.constant([patches.channel in (None, channel) for channel in range(x.shape[-1])])
    # Parts of one size, because TensorFlow prepares its convolutions anew for each size.
    parts = list(blocks(total, -(-total // max(-(-total // most), 1))))
    for part in track(parts, len(parts)):
        rows = np.arange(part.start, part.stop)
        edit, example = order[rows // batch], rows % batch
        starts = patches.starts[edit].astype(np.int32)
        given = example.astype(np.int32), starts, _content(patches, edit, example).astype(x.dtype), channels
        result[edit, example] = program.rows(*base, *map(tf.constant, given))[0].numpy()
    return result


def _matter(program: Patched, starts: Array) -> Array:
    """Which edits can change the score at all."""
    if program.picked is None:
        return np.ones(len(starts), bool)
    found = np.zeros(len(starts), bool)
    for places in program.picked:
        inside = np.ones(len(starts), bool)
        for span, place in places:
            offset = place - span.starts(starts[:, span.axis])
            inside &= (offset >= 0) & (offset < span.width)
        found |= inside
    return found


def _content(patches: Patches, edit: Array, example: Array) -> Array:
    """What each row's window holds: ``(rows or 1, *width or 1, channels or 1)``."""
    content = patches.content
    if content.shape[:2] == (1, 1):
        content = content[0]
    else:
        content = content[edit if len(content) > 1 else 0, example if content.shape[1] > 1 else 0]
    if patches.channel is not None and content.shape[-1] > 1:
        content = content[..., patches.channel, None]
    return content
