"""What the demo says: plain text, from numbers."""

import shlex
import shutil
import sys
from pathlib import Path

import numpy as np

from signalscreen.demo.example import ARTEFACTS, FS, SECONDS
from signalscreen.demo.screening import FS as MODEL_FS
from signalscreen.demo.screening import HOP, METHODS, SMOOTH, THRESHOLD, WINDOW, Screening, localisation
from signalscreen.simulate import Artefact, artefact_mask
from signalscreen.windows import cut


def made(record: Path) -> str:
    """Say what recording was made, and where."""
    return (
        f"Made {record}.hea, .dat, .atr: {SECONDS} s of simulated ECG, one lead, {FS} Hz, "
        f"with {len(ARTEFACTS)} artefacts."
    )


def found(screening: Screening) -> str:
    """Say which windows were flagged, beside the true places."""
    lines = [
        f"Screened {len(screening.probability)} windows of {WINDOW:g} s, {HOP:g} s apart: "
        f"{screening.flagged.sum()} flagged (P(artefact) > {THRESHOLD:g}).",
        "",
        f"  {'true artefact':<18}{'where (s)':>16}   {'windows on it':>14} {'flagged':>8}   highest P",
    ]
    seconds = screening.windows.starts / MODEL_FS
    touched = np.zeros(len(seconds), dtype=bool)
    for artefact in ARTEFACTS:
        on = overlap(seconds, artefact) >= 1
        touched |= overlap(seconds, artefact) > 0
        lines.append(
            f"  {artefact.kind.replace('_', ' '):<18}{artefact.start:>7.1f} – {artefact.end:>6.1f}   "
            f"{on.sum():>14} {screening.flagged[on].sum():>8}   {screening.probability[on].max():.3f}"
        )
    clean = ~touched
    lines += [
        f"  {'(no artefact)':<18}{'':>16}   {clean.sum():>14} {screening.flagged[clean].sum():>8}   "
        f"{screening.probability[clean].max():.3f}",
        "  A window counts as on an artefact from 1 s of overlap.",
        "",
        "Flagged stretches (s): " + ", ".join(f"{a:.1f} – {b:.1f}" for a, b in flagged_stretches(screening)),
    ]
    return "\n".join(["", *lines])


def pointing(screening: Screening) -> str:
    """Say how well each method points at the artefacts inside the flagged windows."""
    mask = artefact_mask(ARTEFACTS, len(screening.recording), MODEL_FS)
    share = cut(mask, screening.flagged_starts, screening.windows.length).mean()
    lines = [
        "",
        "How well the methods point at the artefacts, mean over the flagged windows",
        f"  {'method':<22}{'ROC AUC':>8}{'relevance inside':>18}{'strongest place inside':>24}",
    ]
    for name in METHODS:
        score = localisation(screening, name, mask)
        lines.append(
            f"  {name:<22}{score.auc.mean():>8.3f}{score.mass.mean():>17.0%} {score.pointing.mean():>23.0%}"
        )
    lines += [
        f"  {'(chance)':<22}{0.5:>8.3f}{share:>17.0%} {share:>23.0%}",
        f"  Relevance: absolute value, averaged over {SMOOTH:g} s. Artefacts fill {share:.0%} of the flagged time.",
    ]
    return "\n".join(lines)


def next_steps(out: Path, record: Path, model: Path) -> str:
    """Say where the figures are, and how to do the same with one's own record."""
    return "\n".join(
        [
            "",
            f"Figures: {out / 'overview.png'}, and {out / 'method_*.png'}, one per method.",
            "",
            "The same on a record of your own (here the one just made):",
            "  " + command(record, model, out / "yours"),
            "",
            "Hours of recording, kept in one store, and a page to review it in the browser:",
            *("  " + line for line in screening_commands(record, model, out / "ecg.zarr")),
        ]
    )


def screening_commands(record: Path, model: Path, store: Path) -> list[str]:
    """Write the command lines that screen a record by the quality network, and review what was found."""
    words = [*program(), "screen", nearby(record), "--model", nearby(model), "--lead", "0"]
    words += ["--target", "artefact", "--hop", f"{HOP:g}"]
    words += ["--explain", "flagged", "--method", "saliency", "--method", "grad_cam", "--out", nearby(store)]
    return [shlex.join(words), shlex.join([*program(), "review", nearby(store)])]


def command(record: Path, model: Path, out: Path) -> str:
    """Write the command line that explains a record by the quality network."""
    words = [*program(), "explain", nearby(model), nearby(record), "--lead", "0"]
    words += ["--method", "integrated_gradients", "--option", "integrated_gradients.tolerance=0.02"]
    words += ["--method", "grad_cam", "--target", "artefact", "--hop", f"{HOP:g}"]
    return shlex.join([*words, "--overwrite", "--out", nearby(out)])


def program() -> list[str]:
    """Name this program so that a shell finds it: ``make demo`` runs it by its path in ``.venv``."""
    called = Path(sys.argv[0])
    if called.name != "signalscreen":
        return [nearby(Path(sys.executable)), "-m", "signalscreen"]
    on_path = shutil.which("signalscreen")
    return ["signalscreen" if on_path and Path(on_path).samefile(called) else str(called)]


def nearby(path: Path) -> str:
    """Shorten a path inside the working directory."""
    here = Path.cwd()
    absolute = here / path  # links are not followed: a virtual environment's python is one
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def overlap(starts: np.ndarray, artefact: Artefact) -> np.ndarray:
    """Seconds that each window, from its start (s), shares with an artefact."""
    shared = np.minimum(starts + WINDOW, artefact.end) - np.maximum(starts, artefact.start)
    return np.maximum(shared, 0)


def flagged_stretches(screening: Screening) -> list[tuple[float, float]]:
    """Join overlapping flagged windows: (start, end) in seconds."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], screening.covered.astype(int), [0]])))
    return [(float(a), float(b)) for a, b in (edges / MODEL_FS).reshape(-1, 2)]
