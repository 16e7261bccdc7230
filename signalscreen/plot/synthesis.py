"""Inputs that were made for a unit, and how their objective rose."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..errors import InputError, OptionError
from .figures import new_figure
from .image import draw_pixels, grey_range
from .line import plot_with_gradient
from .options import refuse_unknown

if TYPE_CHECKING:
    from ..synthesis import Synthesis

_LINE, _OTHER, _BEST = "#333333", "#888888", "#1f6fd0"
_WIDE, _TALL = 11.0, 1.9  # inches, of the figure and of a row


def plot_synthesis(
    made: "Synthesis",
    *,
    rows: int = 3,
    title: str | None = None,
    fs: float | None = None,
    units: str | Sequence[str] | None = None,
    names: str | Sequence[str] | None = None,
    **unknown: Any,
) -> Figure:
    """Draw the inputs of highest objective, best first, and the objective of all over the steps.

    Parameters
    ----------
    made : Synthesis
        Of signals, images, or volumes (of which the middle slice is drawn).
    rows : int
        The most inputs that are drawn.
    title : str, optional
        Title of the figure.
    fs, units, names
        Of signals, as for `plot_with_gradient`.

    Returns
    -------
    Figure
        The new figure; its first axes are those of the inputs, its last that of the objective. Inputs share
        their scale.

    Raises
    ------
    InputError
        There is no input, or it has channels that make no picture.
    OptionError
        `rows` is below 1.
    """
    refuse_unknown(plot_synthesis, unknown)
    if not isinstance(rows, int | np.integer) or rows < 1:
        raise OptionError(f"rows is {rows!r}; give how many inputs are drawn, 1 or more")
    if made.x.ndim not in (3, 4, 5) or not len(made.x):
        raise InputError(f"the inputs have shape {made.x.shape}; give (rows, *axes, channels) with 1 to 3 axes")
    order = np.argsort(-made.objective)[:rows]
    signal = made.x.ndim == 3
    height = 1 + max(_TALL * len(order), 3.2) if signal else 3.6
    fig = new_figure(figsize=(_WIDE, height), layout="constrained")
    try:
        halves: Any = fig.subfigures(1, 2, width_ratios=(2.4 if signal else 1.8, 1))
        draw = _signals if signal else _pictures
        draw(halves[0], made, order, fs=fs, units=units, names=names)
        _history(halves[1].subplots(), made.history, order[0])
    except Exception:
        plt.close(fig)
        raise
    fig.suptitle(title or "")
    return fig


def _signals(fig: Any, made: "Synthesis", order: NDArray[Any], **options: Any) -> None:
    axes = np.atleast_1d(fig.subplots(len(order), sharex=True, sharey=True))
    dark = ListedColormap([_LINE])
    for place, (ax, row) in enumerate(zip(axes, order, strict=True)):
        x = made.x[row]
        plot_with_gradient(
            x,
            np.zeros(x.shape),
            ax,
            colormap=dark,
            color_bar=False,
            linewidth=1.2,
            title=_score(made, row),
            **options,
        )
        ax.spines[["top", "right"]].set_visible(False)
        if place < len(order) - 1:
            ax.set_xlabel("")


def _pictures(fig: Any, made: "Synthesis", order: NDArray[Any], **_: Any) -> None:
    x, where = made.x[order], ""
    if x.ndim == 5:
        middle = x.shape[1] // 2
        x, where = x[:, middle], f"\nslice {middle}"
    if x.shape[-1] not in (1, 3):
        raise InputError(
            f"the inputs have {x.shape[-1]} channels, which make no picture; draw one of them, x[..., [channel]]"
        )
    axes = np.atleast_1d(fig.subplots(1, len(order)))
    low, high = grey_range(x)
    for ax, picture, row in zip(axes, x, order, strict=True):
        shown = picture[..., 0] if picture.shape[-1] == 1 else np.clip((picture - low) / (high - low), 0, 1)
        draw_pixels(ax, shown, (low, high), lift=False, aspect="equal")
        ax.set_title(_score(made, row) + where, fontsize="medium")


def _score(made: "Synthesis", row: int) -> str:
    if hasattr(made, "error"):  # of an inversion, whose score is a squared distance
        return f"example {row}: features within {made.error[row]:.2%}"
    return f"input {row}: score {made.score[row]:.3g}"


def _history(ax: Axes, history: NDArray[Any], best: int) -> None:
    ax.plot(np.delete(history, best, axis=1), color=_OTHER, lw=1)
    ax.plot(history[:, best], color=_BEST, lw=1.6, label=f"input {best}")
    ax.set(xlabel="step", ylabel="objective (score less penalties)", title="how it rose")
    ax.spines[["top", "right"]].set_visible(False)
    if history.shape[1] > 1:
        ax.legend(frameon=False)
