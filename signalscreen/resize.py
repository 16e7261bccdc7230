"""Linear resampling of maps along any axes, one axis at a time: stretched, or laid at known places. NumPy only."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def resize(maps: Array, sizes: Sequence[int], axes: Sequence[int]) -> Array:
    """Resample `maps` linearly so that ``axes[i]`` has ``sizes[i]`` places.

    Places are cells: the first and last cell keep their centre half a cell from the ends (half-pixel
    centres, as in `torch.nn.functional.interpolate` with ``align_corners=False``), and values beyond the
    outer centres are held. A map is never overshot.

    Parameters
    ----------
    maps : ndarray
    sizes : sequence of int
        New lengths.
    axes : sequence of int
        Which axes they belong to.

    Returns
    -------
    ndarray
        Of the dtype of `maps`.

    Examples
    --------
    >>> resize(np.array([0.0, 4.0]), [4], [0])
    array([0., 1., 3., 4.])
    """
    for size, axis in zip(sizes, axes, strict=True):
        n = maps.shape[axis]
        if n != size:
            maps = interpolate(maps, stretched(n, size), size, axis)
    return maps


def stretched(n: int, size: int) -> Array:
    """Where `n` cells of one width lie that fill `size` samples: their centres, in samples.

    Examples
    --------
    >>> stretched(2, 4)
    array([0.5, 2.5])
    """
    return (np.arange(n) + 0.5) * (size / n) - 0.5


def interpolate(values: Array, places: Array, size: int, axis: int) -> Array:
    """Values known at `places` (ascending), on every sample ``0 .. size - 1`` of an axis; held beyond the ends.

    Examples
    --------
    >>> interpolate(np.array([1.0, 3.0]), np.array([1, 3]), 5, 0)
    array([1., 1., 2., 3., 3.])
    """
    wanted = np.clip(np.arange(size), places[0], places[-1])
    right = np.clip(np.searchsorted(places, wanted), 1, max(len(places) - 1, 1))
    right = np.minimum(right, len(places) - 1)
    left = np.maximum(right - 1, 0)
    gap = np.where(right > left, places[right] - places[left], 1)
    share = (wanted - places[left]) / gap
    shape = [1] * values.ndim
    shape[axis] = size
    share = share.reshape(shape).astype(values.dtype)
    return np.take(values, left, axis) * (1 - share) + np.take(values, right, axis) * share


def lay(maps: Array, places: Sequence[Array], sizes: Sequence[int], axes: Sequence[int]) -> Array:
    """Bring `maps`, known at `places`, to every sample: linear between neighbours, held beyond the outermost.

    Parameters
    ----------
    maps : ndarray
    places : sequence of ndarray
        Of each axis: where its positions lie, in samples, rising or falling; they may lie outside the axis.
    sizes : sequence of int
        Samples on each axis.
    axes : sequence of int
        Which axes of `maps` they belong to.

    Returns
    -------
    ndarray
        Of the dtype of `maps`.

    Examples
    --------
    >>> lay(np.array([1.0, 3.0]), [np.array([1.0, 3.0])], [5], [0])
    array([1., 1., 2., 3., 3.])
    """
    for at, size, axis in zip(places, sizes, axes, strict=True):
        if at[0] > at[-1]:
            at, maps = at[::-1], np.flip(maps, axis)
        if len(at) != size or (at != np.arange(size)).any():
            maps = interpolate(maps, at, size, axis)
    return maps


def covered(places: Sequence[Array], sizes: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Which samples the positions at `places` say something about, ``(*sizes)``.

    A position speaks for the samples within half a step of it, a step being the way to its nearest neighbour,
    and together with a neighbour for all between them, unless several steps lie there. The only position of an
    axis speaks for all of it.

    Parameters
    ----------
    places, sizes
        As for `lay`.

    Examples
    --------
    >>> covered([np.array([2.5, 4.5])], [8])
    array([False, False,  True,  True,  True,  True, False, False])
    """
    found = np.ones((), bool)
    for at, size in zip(places, sizes, strict=True):
        found = found[..., None] & _spoken_for(np.sort(at), size)
    return found


def _spoken_for(at: Array, size: int) -> npt.NDArray[np.bool_]:
    if len(at) == 1:
        return np.ones(size, bool)
    gaps, samples = np.diff(at), np.arange(size)
    reach = np.minimum(np.append(gaps[:1], gaps), np.append(gaps, gaps[-1:])) / 2
    after = np.searchsorted(at, samples)
    left, right = np.maximum(after - 1, 0), np.minimum(after, len(at) - 1)
    reach = reach + 1e-6  # places are fractions where something is upsampled
    near = (np.abs(samples - at[left]) <= reach[left]) | (np.abs(samples - at[right]) <= reach[right])
    return near | ((left < right) & (at[right] - at[left] <= 2 * (reach[left] + reach[right])))
