"""A matplotlib figure as SVG inside a page: scalable, searchable, without anything to be loaded."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from signalscreen.report.html import escaped

INK = "#22272e"
SIZE = 9.5  # points of words in figures; a figure of 10 inches is as wide as the page
WIDTH = 10.0  # inches
_LOOK: dict[str, Any] = {
    "svg.fonttype": "none",  # words stay words, set by the browser in any script
    "font.size": SIZE,
    "axes.edgecolor": "#8b939e",
    "axes.linewidth": 0.6,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": "#57606a",
    "ytick.color": "#57606a",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}
_DECIMALS = re.compile(r"-?\d+\.\d+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


@contextmanager
def look(salt: str) -> Iterator[None]:
    """Draw in the report's look; `salt` makes the ids of a figure its own, and the same every time."""
    rc: Any = {**_LOOK, "svg.hashsalt": salt}
    with matplotlib.rc_context(rc), warnings.catch_warnings():
        # The browser has the glyphs that matplotlib's font has not.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support .* natively")
        yield


def words(text: str) -> str:
    r"""Text of others for matplotlib, which takes what stands between two $ for a formula.

    >>> words("a$b$")
    'a\\$b\\$'
    """
    return _CONTROL.sub(" ", text).replace("$", r"\$")


def short(text: str, most: int = 11) -> str:
    """A name that has room beside an axis; the page around it has it whole.

    >>> short("MLII"), short("a very long name")
    ('MLII', 'a very lon…')
    """
    return words(text if len(text) <= most else text[: most - 1] + "…")


def svg_of(figure: Figure, title: str) -> str:
    """The figure as an element of a page; `title` is for those who cannot see it."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # names that every figure has, and nothing refers to
    text = re.sub(r'(?<= d=")[^"]*', lambda path: _shorter(path[0]), text)
    head = f'<svg role="img" aria-label="{escaped(title)}"'
    return re.sub(r'<svg\b((?:(?!width=|height=)[^>])*?)\s(?:height|width)="[^"]*"', rf"{head}\1", text, count=1)


def _shorter(path: str) -> str:
    r"""The same lines to a hundredth of a point, without the spaces: half of what matplotlib writes.

    >>> _shorter("M 223.196999 157.4 \nL 0.001 12.000002 \nz")
    'M223.2 157.4L0 12z'
    """
    rounded = _DECIMALS.sub(lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), path)
    return re.sub(r"\s*([A-Za-z])\s*", r"\1", rounded).strip()
