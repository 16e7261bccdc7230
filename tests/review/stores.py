"""Stores as a screening writes them, small, with known values in them."""

from pathlib import Path

import numpy as np

from signalscreen.recording import Annotation
from signalscreen.screening.allocation import StoredMethod, StoreSpec, create
from signalscreen.screening.store import opened
from signalscreen.windows import window_starts

FS = 100.0
WINDOW, HOP = 200, 100


def write_store(
    path: Path,
    n: int = 40_000,
    *,
    source: str = "made",
    methods: tuple[str, ...] = ("saliency",),
    annotations: tuple[Annotation, ...] = (),
    finished: bool = True,
    seed: int = 0,
) -> Path:
    """Two leads of noise, gaps in both, attributions with a hole; classes 'clean' and 'artefact'."""
    rng = np.random.default_rng(seed)
    starts = window_starts(n, WINDOW, HOP)
    spec = StoreSpec(
        source=source, fs=FS, samples=n, leads=("II", "V5"), units=("mV", "mV"), window_start=starts,
        window_lead=np.full(len(starts), -1, np.int8), window_samples=WINDOW, hop_samples=HOP,
        shard_samples=10_000, shard_windows=100, methods=tuple(StoredMethod(m) for m in methods),
        classes=("clean", "artefact"), annotations=annotations, start=5.0, alarm=1,
        facts={"fingerprint": "f" * 8, "versions": {"signalscreen": "0"}},
    )  # fmt: skip
    create(path, spec)
    group = opened(path, "r+")
    group["signal"][:] = _with_gap(rng.normal(size=(n, 2)).astype(np.float32), n // 3, n // 2)
    for method in methods:
        group[f"attribution_{method}"][:] = _with_gap(rng.normal(size=(n, 2)).astype(np.float32), n // 4, n // 2)
    artefact = rng.uniform(0, 0.2, len(starts)).astype(np.float32)
    artefact[len(starts) // 3] = np.nan
    group["probability"][:] = np.stack([1 - artefact, artefact], axis=1)
    group["score"][:] = artefact
    group["target"][:] = 1
    group["gap"][:] = np.isnan(artefact)
    group["flagged"][:] = artefact > 0.5
    group["done"][:] = 1
    group["seconds"][:] = rng.uniform(1, 2, group["done"].shape)
    if not finished:
        group["done"][-1:] = 0
    return path


def _with_gap(values: np.ndarray, first: int, stop: int) -> np.ndarray:
    values[first:stop, 0] = np.nan
    values[stop - 7 : stop + 900, 1] = np.nan
    return values
