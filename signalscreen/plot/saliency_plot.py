"""``saliency_plot`` as users of NIP know it: a batch, or slices of volumes, under transparent maps."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.backend_bases import FigureCanvasBase

from ..errors import OptionError
from ..output import atomically
from .batch import MODES, listed, read_batch, read_cam
from .colour import colour_scale
from .figures import new_figure
from .options import check_alpha, check_positive, refuse_unknown
from .panels import Group, draw_groups, show_slice
from .traces import Floats

_ALPHA = 0.5


def saliency_plot(
    x: Any,
    cam: Any = None,
    alpha: float = _ALPHA,
    scale: float = 1.0,
    nrow: int | None = None,
    sl: int | None = None,
    show_cb: bool = True,
    save_fig: str | os.PathLike[str] | bool | None = None,
    mode: str = "3D",
    interactive: bool = False,
    show_axis: bool = True,
    titles: str | Sequence[str] | None = None,
    **unknown: Any,
) -> Any:
    """Draw a batch of images, slices of volumes, or signals, under one map or several.

    The arguments are those of NIP's function of this name. Arrays may be laid out as here or as there:
    ``(batch, *axes, channels)``, without channels, or with one channel (colours: three) in front,
    ``(batch, 1, *axes)``; where both readings fit, channels are last. A single example may come without its
    batch. PyTorch tensors are taken too.

    Parameters
    ----------
    x : array_like
        The examples.
    cam : array_like or list of array_like, optional
        One value per element, same batch and size as `x`; of a list each map is drawn in a panel of its own.
        Each map has one colour scale for its whole batch (and all slices), with the colours of
        `plot_with_gradient`.
    alpha : float
        Opacity of the map over an image or slice. (Signals are coloured themselves.)
    scale : float
        Size of the figure, 1 being 6 inches wide or as wide as the examples need.
    nrow : int, optional
        Examples side by side; by default all of them, of signals one.
    sl : int, optional
        The slice along the first axis of volumes; by default the middle one.
    show_cb : bool
        Draw the colour bar.
    save_fig : path or bool, optional
        Where to write the figure, its kind by the ending (``.png``, ``.svg``, ``.pdf``, ...). True:
        ``saliency.png`` in the working directory, as the original did.
    mode : {"1D", "2D", "3D"}
        Signals, images or volumes. Images that come with a channel are drawn as such in mode "3D" too.
    interactive : bool
        Volumes in a notebook: a slider over the slices and the figure under it, as a widget, to be the last line
        of a cell. Needs ipywidgets (``pip install signalscreen[notebook]``).
    show_axis : bool
        Draw frames and numbers of pixels, or samples.
    titles : str or list of str, optional
        One for each map of a list, else one for each example.

    Returns
    -------
    Figure, or ipywidgets.VBox where `interactive`
        The widget's children are the slider and the picture.

    Raises
    ------
    InputError
        The arrays do not fit the mode or each other.
    OptionError
        An option is out of range or does not go with the mode, or ipywidgets is not installed.
    OutputError
        The figure cannot be written.

    Notes
    -----
    The original drew volumes one at a time only, and in ``viridis``, whose strongest colour is hardly seen
    on white.

    Examples
    --------
    >>> import numpy as np
    >>> images = np.random.default_rng(0).random((4, 1, 8, 8))
    >>> fig = saliency_plot(images, images > 0.9, mode="2D", nrow=2)
    >>> len(fig.axes)  # four images and the colour bar
    5
    >>> plt.close(fig)
    """
    refuse_unknown(saliency_plot, unknown)
    if mode not in MODES:
        raise OptionError(f"mode {mode!r} is not known; choose one of {', '.join(MODES)}")
    examples = read_batch(x, mode)
    axes = examples.ndim - 2
    _check(axes, alpha, scale, sl, interactive)
    wanted = _file(save_fig)
    groups = _groups(examples, cam)
    words = _words(titles, len(groups) if listed(cam, examples) else len(examples))
    across = _across(nrow, len(examples), axes)
    number = _slice(sl, examples.shape[1]) if axes == 3 else None
    widgets = _widgets() if interactive else None

    fig = new_figure(layout="constrained")
    try:
        per_map = listed(cam, examples) is not None
        look: dict[str, Any] = {"alpha": alpha, "bar": show_cb, "frame": show_axis, "across": across}
        pictures = draw_groups(fig, examples, groups, words, number, per_map, size=scale, **look)
        if wanted is not None:
            with atomically(wanted) as part:
                fig.savefig(part, format=wanted.suffix[1:].lower())
        if widgets is None:
            return fig
        from .slider import slices

        plt.close(fig)  # the widget shows it; a notebook would show it once more
        return slices(widgets, fig, examples.shape[1], number, lambda to: show_slice(fig, pictures, to))
    except Exception:
        plt.close(fig)
        raise


def _check(axes: int, alpha: float, scale: float, sl: int | None, interactive: bool) -> None:
    check_alpha(alpha)
    check_positive(scale, "scale", "1 for the usual size")
    for option, given in (("sl", sl is not None), ("interactive", interactive)):
        if given and axes != 3:
            raise OptionError(f"{option} chooses among the slices of volumes, and x has none; leave it out")
    if axes == 1 and alpha != _ALPHA:
        raise OptionError(
            "alpha is the opacity of a map over images; signals are coloured themselves, so leave it out"
        )


def _file(save_fig: Any) -> Path | None:
    """Where the figure is to be written."""
    if save_fig is None or save_fig is False:
        return None
    if save_fig is True:
        return Path("saliency.png")
    if not isinstance(save_fig, str | os.PathLike):
        raise OptionError(
            f"save_fig is {save_fig!r}; give the path of the file to write, or True for 'saliency.png' in the "
            "working directory"
        )
    path = Path(save_fig)
    if path.suffix[1:].lower() not in FigureCanvasBase.filetypes:
        raise OptionError(
            f"save_fig {path.name!r} ends in no kind of figure; end it in one of "
            f"{', '.join('.' + kind for kind in sorted(FigureCanvasBase.filetypes))}"
        )
    return path


def _groups(x: Floats, cam: Any) -> list[Group]:
    """The maps with the colours of each."""
    if cam is None:
        return [Group(None, None)]
    several = listed(cam, x)
    named = [("cam", cam)] if several is None else [(f"cam[{i}]", one) for i, one in enumerate(several)]
    heats = [read_cam(one, x, name) for name, one in named]
    return [Group(heat, colour_scale(heat)) for heat in heats]


def _words(titles: str | Sequence[str] | None, count: int) -> list[str]:
    if titles is None:
        return [""] * count
    words = [titles] if isinstance(titles, str) else [str(title) for title in titles]
    if len(words) != count:
        raise OptionError(f"titles has {len(words)} entries for {count} panels; give one for each")
    return words


def _across(nrow: int | None, count: int, axes: int) -> int:
    if nrow is None:
        return 1 if axes == 1 else count
    if not isinstance(nrow, int) or nrow < 1:
        raise OptionError(f"nrow is {nrow!r}; give how many examples lie side by side, 1 or more")
    return min(nrow, count)


def _slice(sl: int | None, depth: int) -> int:
    number = depth // 2 if sl is None else sl
    if not isinstance(number, int) or not -depth <= number < depth:
        raise OptionError(f"sl is {sl!r}, but the volumes have {depth} slices; give a number from 0 to {depth - 1}")
    return number % depth


def _widgets() -> Any:
    try:
        import ipywidgets
    except ImportError as error:
        raise OptionError(
            "interactive=True needs ipywidgets; install signalscreen[notebook], or choose a slice by sl"
        ) from error
    return ipywidgets
