"""Several leads in one axes, one above the other as on an ECG print."""

import math
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from .traces import Floats, Traces

_GAP = 0.1  # free height above a lead, as a part of its own
_LOWEST = 0.4  # height of the lowest lead, as a part of the mean


class Stack(NamedTuple):
    """Leads moved apart, and where each one's middle came to lie."""

    y: Floats  # (T, C)
    middles: Floats  # (C,)


def stack(traces: Traces, step: float | None = None) -> Stack:
    """Move leads apart so that the first lies on top and none touches the next; a single one stays.

    Leads of one unit keep one scale; leads of different units are each scaled to a height of 1.

    Parameters
    ----------
    traces : Traces
        The leads.
    step : float, optional
        Move by multiples of this only, so that every lead's zero stays on a line of the paper.
    """
    y = traces.y
    if y.shape[1] == 1:
        return Stack(y, np.nanmedian(y, axis=0))
    known = np.where(np.isfinite(y).any(axis=0), y, 0.0)  # a lead that is NaN throughout is as high as none
    low, high, middle = np.nanmin(known, axis=0), np.nanmax(known, axis=0), np.nanmedian(known, axis=0)
    scale = 1 / np.where(high > low, high - low, 1.0) if traces.common_units is None else np.ones_like(low)
    low, high, middle = low * scale, high * scale, middle * scale
    room = _LOWEST * ((high - low).mean() or 1.0) / 2  # a flat lead needs a place for its name
    low, high = np.minimum(low, middle - room), np.maximum(high, middle + room)
    offsets = -np.cumsum(high - low) * (1 + _GAP) - low if step is None else _on_lines(low, high, step)
    return Stack(y * scale + offsets, middle + offsets)


def _on_lines(low: Floats, high: Floats, step: float) -> Floats:
    """Return offsets that are multiples of the step, each lead at least half a step below the one before."""
    offsets = np.zeros_like(low)
    for lead in range(1, len(low)):
        offsets[lead] = np.floor((offsets[lead - 1] + low[lead - 1] - high[lead]) / step - 0.5) * step
    return offsets


def label_leads(ax: Axes, middles: Floats, traces: Traces, size: float) -> None:
    """Write the leads' names at the left, where the numbers of a single signal would be."""
    together = traces.common_units is not None  # then the scale bar has the units
    labels = [name if together else traces.lead_label(lead) for lead, name in enumerate(traces.names)]
    ax.set_yticks(middles, labels, fontsize=size)
    ax.tick_params(axis="y", length=0)


def draw_scale_bar(ax: Axes, traces: Traces, size: float) -> None:
    """Draw a bar of a round height at the right border, as stacked leads have no axis of their own."""
    length = _round(float(ax.dataLim.height) / 6)
    bottom = float(ax.dataLim.y0)
    words = f"{length:g} {traces.common_units}".rstrip()
    look: dict[str, Any] = {"color": plt.rcParams["text.color"], "clip_on": False}
    bar, text = (
        ax.get_yaxis_transform() + ScaledTranslation(distance * size / 72, 0, ax.figure.dpi_scale_trans)
        for distance in (0.4, 0.8)
    )
    ax.plot([1, 1], [bottom, bottom + length], linewidth=2, solid_capstyle="butt", transform=bar, **look)
    ax.text(1, bottom, words, rotation=90, va="bottom", ha="left", fontsize=0.9 * size, transform=text, **look)


def _round(height: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is not larger."""
    power = 10.0 ** math.floor(math.log10(height)) if height > 0 else 1.0
    return power * max((step for step in (1, 2, 5) if step * power <= height), default=1)
