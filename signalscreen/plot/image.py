"""An image with its attribution laid over it."""

from typing import Any, Literal, NamedTuple, overload

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike

from ..errors import InputError
from .colour import ColourScale, add_colour_bar, colour_scale, fading
from .figures import new_subplots
from .options import check_alpha, check_axes, check_positive, refuse_unknown
from .traces import Floats, numbers

Aspect = Literal["equal", "auto"] | float

_DARKEST = 0.6  # grey of the darkest pixel under a heat map, so that dark colours are seen on it
_LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601)


@overload
def plot_image(
    image: ArrayLike, attribution: ArrayLike | None = None, ax: None = None, **options: Any
) -> tuple[Figure, Axes]: ...
@overload
def plot_image(image: ArrayLike, attribution: ArrayLike | None, ax: Axes, **options: Any) -> Axes: ...
def plot_image(
    image: ArrayLike,
    attribution: ArrayLike | None = None,
    ax: Axes | None = None,
    *,
    title: str | None = None,
    colormap: str | Colormap | None = None,
    color_bar: bool = True,
    color_label: str | None = None,
    limits: tuple[float, float] | None = None,
    percentile: float | None = None,
    symmetric: bool | None = None,
    alpha: float = 0.9,
    fade: bool = True,
    keep_colours: bool = False,
    aspect: Aspect = "equal",
    **unknown: Any,
) -> Axes | tuple[Figure, Axes]:
    """Draw an image in grey or colour and its attribution over it.

    Parameters
    ----------
    image : (H, W), (H, W, 1) or (H, W, 3) array
        One example. Grey images are drawn from their 0.5th to their 99.5th percentile; colours are taken as
        they are where they are 0..255 integers or 0..1 floats, and stretched to that otherwise. Under an
        attribution an image is drawn in light greys, so that the heat map is seen on it.
    attribution : (H, W) or (H, W, 1) array, optional
        One value per pixel; NaN is left clear. Channels are reduced by the caller.
    ax : matplotlib Axes, optional
        Where to draw; None: a new figure.
    title : str, optional
        Title of the axes.
    colormap, limits, percentile, symmetric
        As for `plot_with_gradient`.
    color_bar : bool
        Whether to draw the colour bar.
    color_label : str, optional
        Label of the colour bar.
    alpha : float
        Opacity of the strongest value, above 0 and up to 1.
    fade : bool
        Make values the clearer the nearer they are to zero; False: the same opacity everywhere.
    keep_colours : bool
        Leave the colours of an image under an attribution.
    aspect : "equal", "auto" or float
        Shape of a pixel, as for ``imshow``.

    Returns
    -------
    Axes, or (Figure, Axes)
        `ax` where it was given, otherwise the new figure and its axes.

    Raises
    ------
    InputError
        If image and attribution do not fit each other or cannot be drawn.
    OptionError
        If an option is outside what is allowed.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> fig, ax = plot_image([[0, 1], [2, 3]], [[0.0, -0.5], [0.2, 0.0]])
    >>> [drawn.get_array().shape for drawn in ax.images]
    [(2, 2), (2, 2)]
    >>> plt.close(fig)
    """
    refuse_unknown(plot_image, unknown)
    check_axes(ax)
    check_alpha(alpha)
    check_aspect(aspect)
    pixels, heat = read_image(image, attribution)
    scale = None
    if heat is not None:
        scale = colour_scale(heat, colormap, limits=limits, percentile=percentile, symmetric=symmetric)

    fig = None
    if ax is None:
        fig, ax = new_subplots(figsize=_figure_size(pixels, aspect), layout="compressed")
    if heat is not None and pixels.ndim == 3 and not keep_colours:
        pixels = pixels @ np.asarray(_LUMINANCE)
    draw_pixels(ax, pixels, grey_range(pixels), lift=heat is not None, aspect=aspect)
    if heat is not None and scale is not None:
        laid = lay_over(ax, heat, glaze(scale, alpha, fade), aspect)
        if color_bar:
            add_colour_bar(laid, ax, scale, color_label)
    if title is not None:
        ax.set_title(title)
    return (fig, ax) if fig else ax


def read_image(image: ArrayLike, attribution: ArrayLike | None) -> tuple[Floats, Floats | None]:
    """Return the image as (H, W) or, in colours from 0 to 1, (H, W, 3), and its attribution as (H, W)."""
    pixels = numbers(image, "image")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3) or not pixels.size:
        raise InputError(
            f"image has shape {np.shape(image)}; give one example: (height, width), (height, width, 1) or, "
            "in colours, (height, width, 3)"
        )
    if pixels.ndim == 3:
        pixels = _colours(pixels, whole=np.asarray(image).dtype.kind in "iu")
    if attribution is None:
        return pixels, None
    return pixels, read_heat(attribution, pixels.shape[:2], "an image")


def read_heat(attribution: ArrayLike, shape: tuple[int, ...], of: str) -> Floats:
    """Return an attribution with one value per pixel, without an axis of one channel."""
    heat = numbers(attribution, "attribution")
    if heat.shape == (*shape, 1):
        heat = heat[..., 0]
    if heat.shape != shape:
        raise InputError(
            f"attribution has shape {heat.shape} for {of} of {' x '.join(map(str, shape))}; give one value "
            "per element, with more channels reduced first, for example to their sum"
        )
    return heat


def check_aspect(aspect: object) -> None:
    """Raise `OptionError` unless this is a shape that a pixel can have."""
    if aspect not in ("equal", "auto"):
        check_positive(aspect, "aspect", 'height by width of a pixel; or give "equal" or "auto"')


def _colours(pixels: Floats, whole: bool) -> Floats:
    """Return colours from 0 to 1."""
    low, high = _ends(pixels, 0, 100)
    if whole and low >= 0 and high <= 255:
        return pixels / 255
    if low >= 0 and high <= 1:
        return pixels
    return (pixels - low) / (high - low)


def grey_range(pixels: Floats) -> tuple[float, float]:
    """Return what is drawn black and white: all but the extremes, of which a few would hide the rest."""
    low, high = _ends(pixels, 0.5, 99.5)
    return (low, high) if low < high else _ends(pixels, 0, 100)


def _ends(pixels: Floats, lower: float, upper: float) -> tuple[float, float]:
    """Return two percentiles of what is known; where there is one value only, it is the upper end."""
    known = pixels[np.isfinite(pixels)]
    low, high = np.percentile(known, [lower, upper]).tolist() if known.size else (0.0, 1.0)
    return (low, high) if low < high or upper < 100 else (high - 1, high)


def _figure_size(pixels: Floats, aspect: Aspect) -> tuple[float, float]:
    """Return a figure's inches for an image with a colour bar."""
    tall = pixels.shape[0] / pixels.shape[1] * (aspect if isinstance(aspect, int | float) else 1.0)
    return (7.6, 6.4 * min(tall, 1.5) + 0.6) if tall >= 0.25 else (7.6, 2.2)


def draw_pixels(ax: Axes, pixels: Floats, grey: tuple[float, float], lift: bool, aspect: Aspect) -> None:
    """Draw the image itself, without ticks."""
    if pixels.ndim == 2:
        lowest = grey[0] - (_DARKEST / (1 - _DARKEST) * (grey[1] - grey[0]) if lift else 0.0)
        ax.imshow(pixels, cmap="gray", vmin=lowest, vmax=grey[1], aspect=aspect, interpolation="nearest")
    else:
        shown = _DARKEST + (1 - _DARKEST) * pixels if lift else pixels
        ax.imshow(np.nan_to_num(shown, nan=1.0), aspect=aspect, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])


class Glaze(NamedTuple):
    """How a heat map is laid over an image: colours with their opacity, and limits."""

    cmap: Colormap
    norm: Normalize
    alpha: float | None


def glaze(scale: ColourScale, alpha: float, fade: bool) -> Glaze:
    """Return colours that fade towards zero or have one opacity; NaN is clear."""
    if fade:
        return Glaze(fading(scale, alpha), scale.norm(), None)
    return Glaze(scale.colormap.with_extremes(bad=(0, 0, 0, 0)), scale.norm(), alpha)


def lay_over(ax: Axes, heat: Floats, glaze: Glaze, aspect: Aspect) -> AxesImage:
    """Draw the heat map over the image."""
    return ax.imshow(heat, **glaze._asdict(), aspect=aspect, interpolation="nearest")
