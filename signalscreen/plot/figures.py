"""The figures that are made here: they show once in a notebook, and what they save can be edited as text."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

_TRUE_TYPE: Any = {"pdf.fonttype": 42, "ps.fonttype": 42}


class SignalFigure(Figure):
    """A matplotlib figure whose PDF and PostScript files have TrueType fonts.

    Many journals refuse matplotlib's own default (Type 3), and drawing programs cannot edit it. The settings of the
    user are not changed. Pages of a ``PdfPages`` file are written with the settings that the file has.

    In a notebook a figure that is the value of a cell would show twice, as the value and as an open figure. This
    one shows once.
    """

    def savefig(self, fname: Any, **options: Any) -> None:
        """As ``Figure.savefig``."""
        if type(fname).__name__ == "PdfPages":  # its fonts are embedded when it is closed, under other settings
            super().savefig(fname, **options)
            return
        with true_type_fonts():
            super().savefig(fname, **options)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002
        """Called when a notebook is about to show the figure: its backend need not do so again after the cell."""
        if "inline" in matplotlib.get_backend() and _closes_figures():
            plt.close(self)
        return {}  # the picture itself is made by what the notebook has for figures


@contextmanager
def true_type_fonts() -> Iterator[None]:
    """Save with TrueType fonts, and leave matplotlib's settings as they were."""
    with matplotlib.rc_context(_TRUE_TYPE):
        yield


def new_figure(**options: Any) -> SignalFigure:
    """As ``plt.figure``."""
    made: Any = plt.figure(FigureClass=SignalFigure, **options)
    return made


def new_subplots(*shape: int, **options: Any) -> tuple[SignalFigure, Any]:
    """As ``plt.subplots``."""
    made: Any = plt.subplots(*shape, FigureClass=SignalFigure, **options)
    return made


def _closes_figures() -> bool:
    """Whether the notebook closes its figures after each cell, as it does unless told otherwise."""
    from matplotlib_inline.config import InlineBackend

    return bool(InlineBackend.instance().close_figures)
