"""Linear resampling of maps along any axes, one axis at a time. NumPy only."""

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
            maps = interpolate(maps, (np.arange(n) + 0.5) * (size / n) - 0.5, size, axis)
    return maps


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
