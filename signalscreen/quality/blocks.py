"""A lead in blocks that are counted from the recording's beginning, whichever slice of it is at hand."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Blocks(NamedTuple):
    """Equal stretches of one lead, and the samples that each of them speaks for.

    Attributes
    ----------
    values : ndarray, shape (blocks, length)
    counts : ndarray of int, shape (blocks,)
        Samples that each speaks for, one block after the other; they add up to the lead's samples.
    """

    values: Floats
    counts: NDArray[np.int64]

    def spread(self, per_block: NDArray[Any]) -> NDArray[Any]:
        """One value per block to one per sample."""
        return np.repeat(per_block, self.counts, axis=0)


def blocks_of(x: Floats, length: int, first: int) -> Blocks:
    """Cut a lead at multiples of ``length`` on the recording's timeline, on which it begins at ``first``.

    What is left before the first whole block and after the last one is judged by the ``length`` samples that
    begin, or end, the lead: they overlap the next block, but speak for what is left only. A lead shorter than a
    block is one.
    """
    n = len(x)
    if n <= length:
        return Blocks(x[None], np.array([n]))
    head = -first % length
    whole = max((n - head) // length, 0)
    tail = n - head - whole * length
    parts = [x[head : head + whole * length].reshape(whole, length)]
    counts = [length] * whole
    if head:
        parts.insert(0, x[None, :length])
        counts.insert(0, min(head, n))
    if tail > 0:
        parts.append(x[None, n - length :])
        counts.append(tail)
    return Blocks(np.concatenate(parts) if len(parts) > 1 else parts[0], np.array(counts))


def bridged(blocks: Floats) -> tuple[Floats, Mask]:
    """Blocks with straight lines over their gaps, and which have signal for half their length or more."""
    gaps = np.isnan(blocks)
    held = gaps.mean(axis=1) <= 0.5
    gapped = np.flatnonzero(gaps.any(axis=1))
    if not len(gapped):
        return blocks, held
    out = blocks.copy()
    at = np.arange(blocks.shape[1])
    for i in gapped:
        here = ~gaps[i]
        out[i] = np.interp(at, at[here], blocks[i, here]) if held[i] else 0.0
    return out, held
