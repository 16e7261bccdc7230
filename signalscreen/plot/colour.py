"""Which colour a value of an attribution has, and the bar that says so. Shared by line, image and volume."""

from typing import Any, NamedTuple

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap, Normalize, to_rgba
from matplotlib.font_manager import FontProperties
from matplotlib.transforms import Bbox
from numpy.typing import ArrayLike, NDArray

from ..errors import OptionError

_ZERO = "#888888"

SIGNED = LinearSegmentedColormap.from_list(
    "signalscreen_signed", ["#04347f", "#1c68c8", _ZERO, "#c24606", "#7d0f00"], N=257
)
"""Blue lowers the score, orange raises it, mid-grey is zero: darker the further from zero, on both sides
alike, and told apart with every kind of colour blindness.

A line of any of these colours has a contrast of 3:1 or more on white and on the tint of an interval (WCAG 2.2,
1.4.11), and the ends have 3:1 to zero; see "Colours" on the conventions page of the documentation."""

UNSIGNED = LinearSegmentedColormap.from_list(
    "signalscreen_unsigned", [_ZERO, "#a04c9c", "#7d1f96", "#440068"], N=256
)
"""Mid-grey is the lowest value, dark purple the highest; contrasts are those of `SIGNED`."""

MISSING = "#dcdcdc"  # in fields of colour, where pale means that there is nothing
UNKNOWN = "#4d4d4d"  # of a line, which has to be seen also where its attribution is not known

# The diverging maps that matplotlib brings (its reference, "Diverging"): their middle means zero.
_DIVERGING = {"PiYG", "PRGn", "BrBG", "PuOr", "RdGy", "RdBu", "RdYlBu", "RdYlGn", "Spectral", "coolwarm"} | {
    *("bwr", "seismic", "berlin", "managua", "vanimo", SIGNED.name)
}


_BAR_WORDS = 6.5  # width of a colour bar with its numbers and label, in their size; layouts measure it


class ColourScale(NamedTuple):
    """How values become colours, and on which sides values lie beyond the limits."""

    colormap: Colormap
    lower: float
    upper: float
    extend: str

    def norm(self) -> Normalize:
        """Return a new norm, for what is drawn on this scale together."""
        return Normalize(self.lower, self.upper)


def colour_scale(
    values: ArrayLike,
    colormap: str | Colormap | None = None,
    *,
    normalise: bool = False,
    limits: tuple[float, float] | None = None,
    percentile: float | None = None,
    symmetric: bool | None = None,
) -> ColourScale:
    """Choose colour map and limits for an attribution.

    Parameters
    ----------
    values : array
        All values that share the scale; NaN is ignored.
    colormap : str or Colormap, optional
        None: `SIGNED` where the limits lie symmetrically about zero, else `UNSIGNED`.
    normalise : bool
        Limits 0 and 1, whatever the values are.
    limits : (lower, upper), optional
        The limits, in the units of the values.
    percentile : float, optional
        Limits at this percentile of the absolute values (in place of their maximum), so that a few extreme
        values do not turn all others grey.
    symmetric : bool, optional
        Limits symmetric about zero, so that the middle colour is zero. None: where a value is negative,
        unless a colour map is named that is not diverging and no percentile is asked for.

    Returns
    -------
    ColourScale
        Colour map, limits, and ``extend`` for the colour bar: "neither", "min", "max" or "both".

    Raises
    ------
    OptionError
        For an unknown colour map, impossible limits, or two options that both set the limits.

    Examples
    --------
    >>> scale = colour_scale([-1.0, 0.0, 3.0])
    >>> scale.colormap.name, scale.lower, scale.upper
    ('signalscreen_signed', -3.0, 3.0)
    """
    named = find_colormap(colormap) if colormap is not None else None
    flat = np.asarray(values, float)
    flat = flat[np.isfinite(flat)]
    if symmetric is None:
        diverging = named is None or named.name.removesuffix("_r") in _DIVERGING
        symmetric = bool((flat < 0).any()) and (diverging or percentile is not None)
    lower, upper = _limits(flat, normalise, limits, percentile, symmetric)
    if named is None:
        named = SIGNED if lower == -upper else UNSIGNED
    if named.get_bad()[3] == 0:
        named = named.with_extremes(bad=MISSING)
    beyond = (bool((flat < lower).any()), bool((flat > upper).any()))
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    return ColourScale(named, lower, upper, extend[beyond])


def on_lines(colormap: Colormap) -> Colormap:
    """The colours for a line: like those of a field, but what is not known is dark. A user's own colour stays."""
    pale = np.allclose(colormap.get_bad(), to_rgba(MISSING))
    return colormap.with_extremes(bad=UNKNOWN) if pale else colormap


def find_colormap(colormap: str | Colormap) -> Colormap:
    """Return a colour map by its name; a ``Colormap`` is returned as it is."""
    if isinstance(colormap, Colormap):
        return colormap
    own = {ours.name: ours for ours in (SIGNED, UNSIGNED)}
    if colormap in own:
        return own[colormap]
    if not isinstance(colormap, str) or colormap not in matplotlib.colormaps:
        raise OptionError(
            f"colormap {colormap!r} is not known to matplotlib; give a name such as 'plasma', 'RdBu_r' or "
            f"'{SIGNED.name}', or a matplotlib Colormap"
        )
    return matplotlib.colormaps[colormap]


def _limits(
    flat: NDArray[np.float64],
    normalise: bool,
    limits: tuple[float, float] | None,
    percentile: float | None,
    symmetric: bool,
) -> tuple[float, float]:
    """Return the values that the two ends of the colour map stand for."""
    given = [
        name
        for name, is_given in (
            ("normalise=True", normalise),
            ("limits", limits is not None),
            ("percentile", percentile is not None),
        )
        if is_given
    ]
    if len(given) > 1:
        raise OptionError(f"{' and '.join(given)} both set the colour limits; give one of them")
    if normalise:
        return 0.0, 1.0
    if limits is not None:
        return _checked_limits(limits)
    if percentile is not None and not 0 < percentile <= 100:
        raise OptionError(f"percentile is {percentile!r}; give a number above 0 and up to 100, such as 99")
    if not len(flat):
        return 0.0, 1.0
    lower, upper = _range(flat, 100.0 if percentile is None else percentile, symmetric)
    if lower == upper:  # one value everywhere: measure it from zero
        lower, upper = min(lower, 0.0), max(upper, 0.0)
    return (lower, upper) if lower < upper else (0.0, 1.0)


def _range(flat: NDArray[np.float64], percentile: float, symmetric: bool) -> tuple[float, float]:
    """Return the span of the values; of all of them where the percentile is that of a map nearly all zero."""
    if symmetric:
        top = float(np.percentile(np.abs(flat), percentile) or np.abs(flat).max())
        return -top, top
    lower = float(np.percentile(flat, 100 - percentile)) if flat.min() < 0 else float(flat.min())
    upper = float(np.percentile(flat, percentile))
    return (lower, upper) if lower < upper else (float(flat.min()), float(flat.max()))


def _checked_limits(limits: tuple[float, float]) -> tuple[float, float]:
    """Return the limits as two floats in order."""
    try:
        lower, upper = (float(limit) for limit in limits)
    except (TypeError, ValueError):
        lower, upper = np.nan, np.nan
    if not (np.isfinite([lower, upper]).all() and lower < upper):
        raise OptionError(f"limits is {limits!r}; give two finite numbers, the lower first, such as (-1, 1)")
    return lower, upper


def fading(scale: ColourScale, alpha: float) -> Colormap:
    """Return the scale's colour map with an opacity that grows with the value: zero is clear, an end `alpha`.

    Zero is the value 0 where the limits include it, else the lower limit. NaN is clear.
    """
    colours = scale.colormap(np.linspace(0, 1, 256))
    values = np.linspace(scale.lower, scale.upper, 256)
    distance = np.abs(values - min(max(0.0, scale.lower), scale.upper))
    colours[:, 3] = alpha * distance / distance.max()
    return ListedColormap(colours, name=scale.colormap.name).with_extremes(bad=(0, 0, 0, 0))


def add_colour_bar(
    mappable: ScalarMappable,
    ax: Axes | list[Axes],
    scale: ColourScale,
    label: str | None = None,
    *,
    size: float | None = None,
    gap: float = 1.0,
) -> Colorbar:
    """Put a colour bar to the right of one axes or of several, as tall as what is drawn in them.

    `label` is what it says (None: what the sign means), `size` that of its words in points, `gap` its
    distance in that size.
    """
    axes = ax if isinstance(ax, list) else [ax]
    figure = axes[0].figure
    size = FontProperties(size=size or plt.rcParams["axes.labelsize"]).get_size_in_points()
    around = Bbox.union([panel.bbox for panel in axes])
    width, height = (72 * length / figure.dpi / size for length in (around.width, around.height))  # in letters
    needed = 0.05 if figure.get_layout_engine() else min(0.4, _BAR_WORDS / width)
    place: dict[str, Any] = {"fraction": needed, "aspect": 28, "pad": min(0.3, gap / width)}
    bar = figure.colorbar(mappable, ax=ax, extend=scale.extend, **place)
    bar.set_label(_meaning(scale, height) if label is None else label, fontsize=size)
    bar.ax.tick_params(labelsize=size)
    bar.ax.yaxis.get_offset_text().set_fontsize(size)
    bar.outline.set_linewidth(0.5)
    if len(axes) == 1:
        bar.ax.set_axes_locator(_AsTallAs(axes[0], bar.ax))
    return bar


def _meaning(scale: ColourScale, height: float) -> str:
    """Return what the colours mean, in words that fit beside a bar so many letters high."""
    if scale.lower >= 0:
        return "attribution"
    return "lowers ← score → raises" if height > 14 else "− score +"


class _AsTallAs:
    """Places a colour bar beside its axes also where a fixed aspect makes those lower than their place."""

    def __init__(self, ax: Axes, bar: Axes) -> None:
        self._ax, self._bar, self._inner = ax, bar, bar.get_axes_locator()

    def __call__(self, ax: Any, renderer: Any) -> Bbox:
        place = self._inner(ax, renderer)
        whole, used = self._ax.get_position(original=True), self._ax.get_position()
        scale = used.height / whole.height
        y0 = used.y0 + (place.y0 - whole.y0) * scale
        return Bbox.from_bounds(place.x0, y0, place.width, place.height * scale)

    def get_subplotspec(self) -> Any:
        """Let layout engines see where the bar's place comes from."""
        return self._bar.get_subplotspec()
