"""Every test starts and ends without open figures, in matplotlib's own style."""

from collections.abc import Iterator

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure


@pytest.fixture(autouse=True)
def _closed_figures() -> Iterator[None]:
    with matplotlib.rc_context():
        yield
    plt.close("all")


def picture(fig: Figure) -> np.ndarray:
    """Return the figure as rows of RGB pixels, the first row on top."""
    fig.canvas.draw()
    return np.asarray(fig.canvas.buffer_rgba())[..., :3].astype(int)


def colour_at(pixels: np.ndarray, ax: plt.Axes, x: float, y: float) -> np.ndarray:
    """Return the RGB pixel of a picture at a point in data units."""
    across, up = ax.transData.transform((x, y))
    return pixels[int(len(pixels) - up), int(across)]
