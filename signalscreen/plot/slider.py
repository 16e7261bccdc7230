"""A slider over the slices of a volume, for notebooks."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

from matplotlib.figure import Figure


def slices(widgets: Any, fig: Figure, count: int, number: int | None, show: Callable[[int], None]) -> Any:
    """Return a slider and, under it, the figure, drawn again for every slice that is chosen.

    Parameters
    ----------
    widgets : module
        ``ipywidgets``.
    fig : Figure
    count : int
        How many slices there are.
    number : int
        The slice that is drawn.
    show : callable
        Puts a slice into the figure.

    Returns
    -------
    ipywidgets.VBox
    """
    fig.draw_without_rendering()
    fig.set_layout_engine("none")  # measured once, so that panels stand still while slices change
    slider = widgets.IntSlider(value=number, min=0, max=count - 1, description="slice", continuous_update=False)
    # A picture, not a live canvas: it is seen in every notebook, whatever matplotlib's backend is.
    picture = widgets.Image(format="png", value=_png(fig))

    def draw(change: dict[str, Any]) -> None:
        show(change["new"])
        picture.value = _png(fig)

    slider.observe(draw, names="value")
    return widgets.VBox([slider, picture])


def _png(fig: Figure) -> bytes:
    drawn = BytesIO()
    fig.savefig(drawn, format="png")
    return drawn.getvalue()
