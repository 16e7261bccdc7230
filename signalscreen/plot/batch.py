"""Batches of signals, images or volumes as different systems lay them out, brought to channels last."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import InputError
from .traces import Floats, numbers

MODES = {"1D": 1, "2D": 2, "3D": 3}  # and how many axes an example has
_CHANNELS: dict[int, tuple[int, ...]] = {2: (1, 3), 3: (1,)}  # that an image and a volume may have
_SHAPES = {
    1: "(batch, time), (batch, time, channels) or (batch, 1, time)",
    2: "(batch, height, width), (batch, height, width, 1 or 3) or (batch, 1 or 3, height, width)",
    3: "(batch, depth, height, width), (batch, depth, height, width, 1) or (batch, 1, depth, height, width)",
}


def read_batch(x: Any, mode: str) -> Floats:
    """Return examples as (batch, *axes, channels).

    Raises
    ------
    InputError
        If the shape fits none of the layouts of this mode.
    """
    given = _as_numbers(x, "x")
    axes = MODES[mode]
    if mode == "3D" and given.ndim == 4 and (given.shape[1] == 1 or given.shape[3] in (1, 3)):
        axes = 2  # a batch of images with its channel: no volume has that
    found = _channels_last(given, axes)
    if found is None or not found.size:
        raise InputError(f"x has shape {given.shape} and mode is {mode!r}; give {_SHAPES[axes]}")
    return found


def read_cam(cam: Any, x: Floats, name: str) -> Floats:
    """Return a map with one value per element of each example, (batch, *axes), or one per channel too in 1D.

    Raises
    ------
    InputError
        If it does not fit `x`.
    """
    given = _as_numbers(cam, name)
    axes = x.ndim - 2
    found = _channels_last(given, axes)
    fits = found is not None and found.shape[:-1] == x.shape[:-1]
    if found is None or not fits or (found.shape[-1] != 1 and (axes > 1 or found.shape[-1] != x.shape[-1])):
        wanted = " x ".join(map(str, x.shape[1:-1]))
        mode = next(word for word, number in MODES.items() if number == axes)
        raise InputError(
            f"{name} has shape {given.shape}, which does not fit {len(x)} example(s) of {wanted} as mode {mode!r} "
            f"reads x; give one value per element, brought to the size of x, with more channels reduced first "
            "(ss.reduce), or another mode"
        )
    return found if found.shape[-1] != 1 else found[..., 0]


def listed(cam: Any, x: Floats) -> Sequence[Any] | None:
    """Return the maps of a list of them; None for a single one."""
    if not isinstance(cam, list | tuple):
        return None
    return cam if cam and all(np.ndim(_detached(one)) >= x.ndim - 2 for one in cam) else None


def _channels_last(given: Floats, axes: int) -> Floats | None:
    """Bring one of the known layouts to (batch, *axes, channels); None for others."""
    channels = _CHANNELS.get(axes)
    if given.ndim == axes:
        return given[None, ..., None]
    if given.ndim == axes + 1:  # without channels, unless the last axis looks like one and the batch is missing
        return None if given.shape[-1] in (channels or (1,)) else given[..., None]
    if given.ndim != axes + 2:
        return None
    if channels is None:
        return np.moveaxis(given, 1, -1) if given.shape[1] == 1 < given.shape[2] else given
    if given.shape[-1] in channels:
        return given
    return np.moveaxis(given, 1, -1) if given.shape[1] in channels else None


def _as_numbers(x: Any, name: str) -> Floats:
    return numbers(_detached(x), name)


def _detached(x: Any) -> Any:
    """An array of a PyTorch tensor, which may lie on a device and be part of a graph; others as they are."""
    return x.detach().cpu().numpy() if hasattr(x, "detach") else x
