"""Stores as a screening writes them, small, with known values in them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from signalscreen.recording import Annotation
from signalscreen.screening.allocation import StoredMethod, StoreSpec, consolidate, create, create_database
from signalscreen.screening.soundness import DIGEST, digest_of
from signalscreen.screening.store import arrays_of, opened
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
    group = arrays_of(path)
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
    empty(group, "bad", "logit", "explained", "unanswered")
    group["done"][:] = 1
    group["seconds"][:] = rng.uniform(1, 2, group["done"].shape)
    if not finished:
        group["done"][-1:] = 0
    return path


def with_attributes(path: Path, **changes: Any) -> Path:
    """The store with other attributes, for which it vouches as if it had been made with them."""
    group = opened(path, "r+")
    group.attrs.update(changes)
    arrays = {name: array.metadata for name, array in group.arrays()}
    group.attrs[DIGEST] = digest_of(group.attrs, arrays)
    consolidate(path)
    return path


def write_alarms(path: Path, flagged: Sequence[bool], *, each_lead: bool = False, finished: bool = True) -> Path:
    """Windows of two seconds end to end, of beats in two leads, flagged as given; none at all where none are given.

    With `each_lead` every window is there twice, once for each lead, in the order of `flagged`.
    """
    rows, each = len(flagged), 1 + each_lead
    n = WINDOW * max(rows // each, 1)
    starts = np.repeat(np.arange(0, n, WINDOW), each)[:rows]
    spec = StoreSpec(
        source=path.name, fs=FS, samples=n, leads=("II", "V5"), units=("mV", "mV"), window_start=starts,
        window_lead=np.arange(rows, dtype=np.int8) % 2 if each_lead else np.full(rows, -1, np.int8),
        window_samples=WINDOW, hop_samples=WINDOW, shard_samples=n, shard_windows=max(rows, 1),
        methods=(StoredMethod("occlusion"), StoredMethod("saliency")), classes=("clean", "artefact"), alarm=1,
        facts={"fingerprint": path.name},
    )  # fmt: skip
    create(path, spec)
    group = arrays_of(path)
    beats = np.exp(-(((np.arange(n) % 80) - 40.0) ** 2) / 8)[:, None] * [1.0, 0.5]
    group["signal"][:] = beats
    for method in ("occlusion", "saliency"):
        group[f"attribution_{method}"][:] = beats - 0.2
    if rows:
        artefact = np.where(flagged, 0.9, 0.1) - 0.001 * np.arange(rows)
        group["probability"][:] = np.stack([1 - artefact, artefact], axis=1)
        group["score"][:] = artefact
        group["flagged"][:] = np.asarray(flagged)
        group["target"][:] = 1
    empty(group, "bad", "logit", "explained", "unanswered", "gap", "seconds")
    group["done"][:] = finished
    return path


def empty(group: Mapping[str, Any], *names: str) -> None:
    """Write what a screening writes of arrays in which nothing is."""
    for name in names:
        group[name][:] = group[name].fill_value


def write_database(path: Path, records: Mapping[str, Sequence[bool]]) -> Path:
    """A database of such records, by name."""
    create_database(path, list(records))
    for name, flagged in records.items():
        write_alarms(path / name, flagged)
    return path


def damage(path: Path) -> None:
    """Make a store one that cannot be: without samples per second."""
    about = json.loads((path / "zarr.json").read_text())
    about["attributes"]["fs"] = 0
    (path / "zarr.json").write_text(json.dumps(about))


def _with_gap(values: np.ndarray, first: int, stop: int) -> np.ndarray:
    values[first:stop, 0] = np.nan
    values[stop - 7 : stop + 900, 1] = np.nan
    return values
