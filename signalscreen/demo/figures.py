"""The demo's figures: one per method, and an overview."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from signalscreen.demo.example import ARTEFACTS
from signalscreen.demo.screening import FS, HOP, METHODS, THRESHOLD, Screening, localisation
from signalscreen.output import atomically
from signalscreen.plot import plot_with_gradient
from signalscreen.plot.figures import SignalFigure
from signalscreen.simulate import Artefact, artefact_mask

INK = "#333333"
TRUTH = "#f5e9c4"  # sand, behind the line: the true place of an artefact
EVIDENCE = "#b35806"  # dark orange: relevance, and what is flagged
QUIET = "#f2f2f2"  # nothing was explained here
ASIDE = 2.5  # s shown on both sides of an artefact

TITLES = {
    "smooth_grad": "SmoothGrad",
    "integrated_gradients": "Integrated gradients",
    "deep_lift": "DeepLIFT",
    "occlusion": "Occlusion",
    "grad_cam": "Grad-CAM",
}
READING = {
    "smooth_grad": "where a small change would move the score: orange up with the signal, blue down with it",
    "integrated_gradients": "orange spoke for an artefact, blue against it, compared with a flat line",
    "deep_lift": "orange spoke for an artefact, blue against it, compared with ten windows called clean",
    "occlusion": "orange: without these 0.4 s the score falls; blue: it rises (a flat gap is an artefact too)",
    "grad_cam": "orange: where the last convolution found an artefact; what spoke against it is not shown",
}


def overview(screening: Screening) -> Figure:
    """Draw the recording, P(artefact) of its windows, and the size of each method's relevance, on one clock."""
    figure = SignalFigure(figsize=(15, 9.5), layout="constrained")
    heights = [3.0, 1.5, *[1.0] * len(METHODS)]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    axes[0].plot(screening.recording.time, screening.recording.signal[:, 0], color=INK, lw=0.7)
    axes[0].set_ylabel("lead II\n(mV)")
    axes[0].set_title(
        "Where is the artefact? What five methods point at in the windows that the network flags\n",
        loc="left",
        size=14,
    )
    _name_artefacts(axes[0])
    _draw_probability(axes[1], screening)
    mask = artefact_mask(ARTEFACTS, len(screening.recording), FS)
    for ax, name in zip(axes[2:], METHODS, strict=True):
        _draw_strength(ax, screening, name, mask)
    for ax in axes:
        _draw_truth(ax)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(axis="x", length=0)
        ax.yaxis.label.set(rotation=0, ha="right", va="center")
    axes[-1].tick_params(axis="x", length=4)
    axes[-1].set_xlim(0, screening.recording.duration)
    axes[-1].set_xlabel("time (s)")
    figure.legend(
        handles=[
            Patch(color=TRUTH, label="true artefact"),
            Patch(color=EVIDENCE, label="flagged window; size of its relevance (each method on its own scale)"),
            Patch(color=QUIET, label="not flagged, so not explained"),
        ],
        loc="outside lower left",
        ncols=3,
        frameon=False,
    )
    return figure


def method_figure(screening: Screening, method: str) -> Figure:
    """Draw one method's signed relevance on the whole recording, and on each artefact from near."""
    figure = SignalFigure(figsize=(15, 8), layout="constrained")
    grid = figure.add_gridspec(2, len(ARTEFACTS), height_ratios=[1, 1.15])
    relevance = screening.stitched(method)
    score = localisation(screening, method, artefact_mask(ARTEFACTS, len(relevance), FS))
    limit = float(np.nanpercentile(np.abs(relevance), 99.5))
    whole = figure.add_subplot(grid[0, :])
    _draw_relevance(whole, screening, relevance, (0.0, screening.recording.duration), limit, 1.2)
    _name_artefacts(whole)
    whole.set_title(f"{TITLES[method]} – {READING[method]}\n", loc="left", size=14)
    axes = [figure.add_subplot(grid[1, i]) for i in range(len(ARTEFACTS))]
    for ax, artefact in zip(axes, ARTEFACTS, strict=True):
        span = (artefact.start - ASIDE, artefact.end + ASIDE)
        _draw_relevance(ax, screening, relevance, span, limit, 2.0)
        ax.set_title(said(artefact), size=11)
        if ax is not axes[0]:
            ax.set_ylabel("")
    bar = figure.colorbar(whole.collections[0], ax=[whole, *axes], extend="both", aspect=50, pad=0.01)
    bar.set_label("relevance for the log-odds of an artefact")
    bar.outline.set_linewidth(0.5)
    figure.supxlabel(
        f"Inside the flagged windows: ROC AUC {score.auc.mean():.2f}, {score.mass.mean():.0%} of the relevance "
        f"on the artefacts (sand), strongest place on one in {score.pointing.mean():.0%}. "
        "Light line: not flagged, not explained.",
        x=0.01,
        ha="left",
        size=11,
    )
    return figure


def said(artefact: Artefact) -> str:
    """Name an artefact in words."""
    return artefact.kind.replace("_", " ")


def save(figure: Figure, path: Path) -> None:
    """Write a figure at once: a reader sees the old file or the new one.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    with atomically(path) as part:
        figure.savefig(part, format=path.suffix[1:], dpi=120)


def _draw_probability(ax: Axes, screening: Screening) -> None:
    """One bar per window at its middle, as wide as the hop."""
    middles = (screening.windows.starts + screening.windows.length / 2) / FS
    colours = np.where(screening.flagged, EVIDENCE, "#888888")
    ax.bar(middles, screening.probability, width=0.85 * HOP, color=colours)
    ax.axhline(THRESHOLD, color=INK, lw=0.8, ls=":")
    ax.set_ylim(0, 1)
    ax.set_yticks([0, 0.5, 1])
    ax.set_ylabel("P(artefact)\nper 10 s\nwindow")


def _draw_strength(ax: Axes, screening: Screening, method: str, mask: NDArray[np.bool_]) -> None:
    strength = screening.strength(method)
    time = screening.recording.time
    ax.fill_between(time, strength / np.nanmax(strength), color=EVIDENCE, lw=0)
    ax.fill_between(time, 1, where=~screening.covered, color=QUIET, lw=0)
    ax.set_ylim(0, 1)
    ax.set_yticks([])
    ax.set_ylabel(f"{TITLES[method]}\nAUC {localisation(screening, method, mask).auc.mean():.2f}", labelpad=12)


def _draw_relevance(
    ax: Axes,
    screening: Screening,
    relevance: NDArray[np.floating],
    span: tuple[float, float],
    limit: float,
    linewidth: float,
) -> None:
    """Draw a stretch of the recording, coloured by relevance; limits in log-odds, the same in every panel."""
    first, stop = (round(s * FS) for s in span)
    plot_with_gradient(
        screening.recording.signal[first:stop, 0],
        relevance[first:stop],
        ax,
        x=screening.recording.time[first:stop],
        limits=(-limit, limit),
        units="mV",
        linewidth=linewidth,
        color_bar=False,
    )
    _draw_truth(ax)
    ax.set_xlim(*span)
    ax.set_xlabel("time (s)")


def _draw_truth(ax: Axes) -> None:
    for artefact in ARTEFACTS:
        ax.axvspan(artefact.start, artefact.end, color=TRUTH, lw=0, zorder=0)


def _name_artefacts(ax: Axes) -> None:
    for artefact in ARTEFACTS:
        middle = (artefact.start + artefact.end) / 2
        ax.text(middle, 1.02, said(artefact), transform=ax.get_xaxis_transform(), ha="center", va="bottom")
