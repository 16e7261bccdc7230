"""Makes docs/_static/patches.svg, the drawing of decision record 5: ``python docs/make_patches_picture.py``.

The stretches are those that `signalscreen.patches.spans` computes for a network of a convolution of 3, a
max-pooling of 2 and another convolution of 3.
"""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.patches import Patch, Polygon, Rectangle

from signalscreen.patches.spans import Span, edit, seen, through

SAMPLES, WIDTH = 20, 4
LAYERS = (  # name, size, stride, padding before, length
    ("convolution of 3", 3, 1, 1, SAMPLES),
    ("max-pooling of 2", 2, 2, 0, SAMPLES // 2),
    ("convolution of 3", 3, 1, 1, SAMPLES // 2),
)
EDITED, DONE, SPARE, READ, REST = "#D55E00", "#0072B2", "#A6CEE3", "#9A9A9A", "#FFFFFF"
INK, FUNNEL = "#333333", "#E8F1F8"
HEIGHT, GAP = 1.0, 2.1  # of a row, and from one row to the next
BEYOND = 4  # samples drawn behind the end of the signal


def stretch(span: Span, start: int) -> tuple[int, int, int]:
    """First place, end of what changes, and end of what is computed, for an edit that begins at `start`."""
    r, by = start % span.period, start // span.period * span.step
    return span.first[r] + by, span.last[r] + by, span.first[r] + by + span.width


def draw_cells(ax, top: float, n: int, colours: dict[int, str]) -> None:
    """One row of `n` places as wide as the signal; what lies beyond its end is drawn with a dotted line."""
    size = SAMPLES / n
    for place in range(n):
        box = Rectangle((place * size, top), size, HEIGHT, facecolor=colours.get(place, REST), edgecolor="#B5B5B5")
        box.set_linewidth(0.6)
        ax.add_patch(box)
    for place in (p for p in colours if p >= n and p * size < SAMPLES + BEYOND):
        box = Rectangle((place * size, top), size, HEIGHT, facecolor="none", edgecolor=INK, linestyle=":")
        box.set_linewidth(0.9)
        ax.add_patch(box)


def draw_funnel(ax, top: float, read: tuple[int, int], n: int, made: tuple[int, int], m: int) -> None:
    """From what a layer reads to what it computes of it."""
    a, b = (p * SAMPLES / n for p in read)
    c, d = (p * SAMPLES / m for p in made)
    right = SAMPLES + BEYOND
    corners = [(a, top), (min(b, right), top), (min(d, right), top - GAP + HEIGHT), (c, top - GAP + HEIGHT)]
    ax.add_patch(Polygon(corners, facecolor=FUNNEL, edgecolor="none", zorder=0))


def draw_range(ax, top: float, n: int, first: int, last: int) -> None:
    """The stretch in numbers, under its row."""
    at = min((first + min(last, n)) / 2 * SAMPLES / n, SAMPLES - 2.6)
    ax.text(at, top - 0.14, f"[{first}, {last})", ha="center", va="top", fontsize=9, color=INK)


def draw_panel(ax, start: int, title: str) -> None:
    """An edit of the input and what it changes, layer under layer."""
    span, n, top = edit(0, WIDTH, SAMPLES), SAMPLES, 0.0
    first, last, _ = stretch(span, start)
    inside = dict.fromkeys(range(first, last), EDITED)
    for _, size, stride, before, m in LAYERS:
        behind = through(span, size, stride, 1, before, m)
        need, _, need_end = stretch(seen(behind, size, stride, 1, before, n), start)
        row = dict.fromkeys(range(need, need_end), READ) | inside
        draw_cells(ax, top, n, row)
        draw_range(ax, top, n, first, last)
        first, last, end = stretch(behind, start)
        draw_funnel(ax, top, (need, need_end), n, (first, end), m)
        inside = dict.fromkeys(range(first, end), SPARE) | dict.fromkeys(range(first, last), DONE)
        span, n, top = behind, m, top - GAP
    draw_cells(ax, top, n, inside)
    draw_range(ax, top, n, first, last)
    middle = SAMPLES // 2 - 1
    draw_funnel(ax, top, (first, min(end, n)), n, (middle, middle + 2), SAMPLES)
    ax.add_patch(Rectangle((middle, top - GAP), 2, HEIGHT, facecolor=DONE, edgecolor="#B5B5B5", linewidth=0.6))
    ax.text(
        middle + 1, top - GAP - 0.16, f"mean + Σ (new − old) / {n}", ha="center", va="top", fontsize=9.5, color=INK
    )
    ax.plot([SAMPLES, SAMPLES], [HEIGHT + 0.35, top - 0.35], color=INK, linewidth=1.6)
    ax.text(SAMPLES + 0.1, HEIGHT + 0.45, "end of the signal", ha="right", va="bottom", fontsize=9, color=INK)
    ax.set_title(title, fontsize=11, loc="left", color=INK)
    ax.set_xlim(-0.2, SAMPLES + BEYOND)
    ax.set_ylim(top - GAP - 1.0, HEIGHT + 1.1)
    ax.axis("off")


def main() -> None:
    """Draw both alignments, and an edit over the end of the signal."""
    plt.switch_backend("Agg")
    plt.rcParams.update({"svg.hashsalt": "patches", "font.family": "DejaVu Sans"})
    fig, axes = plt.subplots(1, 3, figsize=(10.2, 4.6))
    fig.subplots_adjust(left=0.132, right=0.998, top=0.92, bottom=0.12, wspace=0.02)
    draw_panel(axes[0], 6, "Edit at an even sample, a = 6")
    draw_panel(axes[1], 7, "At an odd one, a = 7")
    draw_panel(axes[2], 17, "Over the end, a = 17")
    names = ["input", *(name for name, *_ in LAYERS), "mean over all"]
    for i, name in enumerate(names):
        axes[0].text(-0.7, HEIGHT / 2 - i * GAP, name, ha="right", va="center", fontsize=10.5, color=INK)
    legend = [
        Patch(facecolor=EDITED, label="edited"),
        Patch(facecolor=DONE, label="recomputed"),
        Patch(facecolor=SPARE, label="computed too, unchanged"),
        Patch(facecolor=READ, label="read from the base"),
        Patch(facecolor=REST, edgecolor="#B5B5B5", label="not touched"),
        Patch(facecolor="none", edgecolor=INK, linestyle=":", label="beyond the end, unused"),
    ]
    fig.legend(
        handles=legend, loc="lower center", ncols=6, frameon=False, fontsize=9.5, columnspacing=1, handlelength=1.5
    )
    fig.savefig(Path(__file__).parent / "_static" / "patches.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
