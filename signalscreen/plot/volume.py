"""Slices of a volume, each with its attribution laid over it."""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, OptionError
from .colour import add_colour_bar, colour_scale
from .figures import new_subplots
from .image import draw_pixels, glaze, grey_range, lay_over, read_heat
from .options import check_alpha, refuse_unknown
from .traces import Floats, numbers

_PANEL = 2.2  # inches


@overload
def plot_volume(
    volume: ArrayLike, attribution: ArrayLike | None = None, axes: None = None, **options: Any
) -> tuple[Figure, NDArray[Any]]: ...
@overload
def plot_volume(
    volume: ArrayLike,
    attribution: ArrayLike | None,
    axes: Axes | Sequence[Axes] | NDArray[Any],
    **options: Any,
) -> NDArray[Any]: ...
def plot_volume(
    volume: ArrayLike,
    attribution: ArrayLike | None = None,
    axes: Axes | Sequence[Axes] | NDArray[Any] | None = None,
    *,
    slices: int | Sequence[int] = 8,
    axis: int = 0,
    columns: int = 4,
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    title: str | None = None,
    colormap: str | Colormap | None = None,
    color_bar: bool = True,
    color_label: str | None = None,
    limits: tuple[float, float] | None = None,
    percentile: float | None = None,
    symmetric: bool | None = None,
    alpha: float = 0.9,
    fade: bool = True,
    **unknown: Any,
) -> NDArray[Any] | tuple[Figure, NDArray[Any]]:
    """Draw slices of a volume and their attributions, on one grey scale and one colour scale.

    Parameters
    ----------
    volume : (D, H, W) or (D, H, W, 1) array
        One example.
    attribution : (D, H, W) or (D, H, W, 1) array, optional
        One value per voxel; NaN is left clear.
    axes : Axes or array of Axes, optional
        Where to draw, one axes per slice; None: a new figure.
    slices : int or sequence of int
        How many slices, spread evenly over the volume, or which ones (negative: from the end).
    axis : int
        The axis that is cut: 0, 1 or 2.
    columns : int
        Slices side by side in a new figure.
    spacing : (float, float, float)
        Size of a voxel along each axis, in any unit.
    title : str, optional
        Title of a new figure.
    colormap, color_bar, color_label, limits, percentile, symmetric, alpha, fade
        As for `plot_image`. Limits are those of the whole volume, whichever slices are drawn.

    Returns
    -------
    array of Axes, or (Figure, array of Axes)
        The axes of the slices in order; with the figure where `axes` was None.

    Raises
    ------
    InputError
        If volume and attribution do not fit each other or cannot be drawn.
    OptionError
        If an option is outside what is allowed.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> volume = np.arange(60.0).reshape(5, 4, 3)
    >>> fig, axes = plot_volume(volume, volume - 30, slices=[0, -1])
    >>> [ax.get_title() for ax in axes]
    ['slice 0', 'slice 4']
    >>> plt.close(fig)
    """
    refuse_unknown(plot_volume, unknown)
    check_alpha(alpha)
    voxels, heat = _read_volume(volume, attribution)
    chosen = _chosen_slices(slices, axis, voxels.shape)
    aspect = _pixel_aspect(spacing, axis)
    scale = None
    if heat is not None:
        scale = colour_scale(heat, colormap, limits=limits, percentile=percentile, symmetric=symmetric)

    fig = None
    if axes is None:
        fig, panels = _new_figure(len(chosen), columns, np.delete(voxels.shape, axis), aspect)
        fig.suptitle(title or "")
    else:
        panels = _given_axes(axes, len(chosen))
    grey = grey_range(voxels)
    over = glaze(scale, alpha, fade) if scale else None
    for panel, index in zip(panels, chosen, strict=True):
        draw_pixels(panel, np.take(voxels, index, axis), grey, lift=heat is not None, aspect=aspect)
        if heat is not None and over is not None:
            laid = lay_over(panel, np.take(heat, index, axis), over, aspect)
        panel.set_title(f"slice {index}", fontsize="medium")
    if scale is not None and color_bar:
        add_colour_bar(laid, list(panels), scale, color_label)
    return (fig, panels) if fig else panels


def _read_volume(volume: ArrayLike, attribution: ArrayLike | None) -> tuple[Floats, Floats | None]:
    """Return volume and attribution as (D, H, W)."""
    voxels = numbers(volume, "volume")
    if voxels.ndim == 4 and voxels.shape[3] == 1:
        voxels = voxels[..., 0]
    if voxels.ndim != 3 or not voxels.size:
        raise InputError(
            f"volume has shape {np.shape(volume)}; give one example: (depth, height, width) or "
            "(depth, height, width, 1)"
        )
    return voxels, None if attribution is None else read_heat(attribution, voxels.shape, "a volume")


def _chosen_slices(slices: int | Sequence[int], axis: int, shape: tuple[int, ...]) -> list[int]:
    """Return the numbers of the slices to draw, counted from the start."""
    if axis not in (0, 1, 2):
        raise OptionError(f"axis is {axis!r}; a volume is cut along axis 0, 1 or 2")
    length, asked = shape[axis], np.asarray(slices)
    chosen: list[int] = asked.ravel().tolist() if asked.dtype.kind in "iu" and asked.ndim < 2 else []
    if asked.ndim == 0 and chosen:
        count = max(0, min(chosen[0], length))
        chosen = [int((place + 0.5) * length / count) for place in range(count)]
    if not chosen or not all(-length <= index < length for index in chosen):
        raise OptionError(
            f"slices is {slices!r}, but axis {axis} has {length} slices; give how many, or numbers from 0 to "
            f"{length - 1}"
        )
    return [index % length for index in chosen]


def _pixel_aspect(spacing: tuple[float, float, float], axis: int) -> float:
    """Return height by width of a slice's pixel."""
    sizes = np.asarray(spacing)
    if sizes.shape != (3,) or sizes.dtype.kind not in "iuf" or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise OptionError(f"spacing is {spacing!r}; give three positive sizes, one per axis")
    height, width = np.delete(sizes, axis)
    return float(height / width)


def _new_figure(count: int, columns: int, shape: NDArray[Any], aspect: float) -> tuple[Figure, NDArray[Any]]:
    """Return a figure with a panel per slice, in rows of so many columns."""
    if not isinstance(columns, int | np.integer) or columns < 1:
        raise OptionError(f"columns is {columns!r}; give 1 or more")
    rows = -(-count // columns)
    columns = -(-count // rows)  # as even as the rows allow
    height = _PANEL * min(2.0, aspect * shape[0] / shape[1])
    size = (_PANEL * columns + 1.2, (height + 0.3) * rows + 0.4)
    fig, grid = new_subplots(rows, columns, figsize=size, squeeze=False, layout="compressed")
    for unused in grid.flat[count:]:
        unused.set_axis_off()
    return fig, grid.ravel()[:count]


def _given_axes(axes: Axes | Sequence[Axes] | NDArray[Any], count: int) -> NDArray[Any]:
    """Return the caller's axes as an array, one per slice."""
    panels = np.ravel(np.asarray(axes, dtype=object))
    if len(panels) != count or not all(isinstance(panel, Axes) for panel in panels):
        raise OptionError(f"axes has {len(panels)} entries for {count} slices; give one matplotlib Axes per slice")
    return panels
