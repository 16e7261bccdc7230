"""Small stores with known arrays, as screening writes them, for tests of what reads stores."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from signalscreen.recording import Annotation
from signalscreen.screening import allocation, store
from signalscreen.screening.allocation import StoredMethod, StoreSpec

FS, SHARD, LENGTH, HOP = 100.0, 1000, 200, 100
STARTS = np.arange(0, 2301, HOP)


def spec(**changes: object) -> StoreSpec:
    """25 s of two leads, each screened by itself, in three shards; the last is shorter."""
    made = StoreSpec(
        source="rec 1",
        fs=FS,
        samples=2500,
        leads=("II", "V1"),
        units=("mV", "mV"),
        window_start=np.repeat(STARTS, 2),
        window_lead=np.tile([0, 1], len(STARTS)).astype(np.int8),
        window_samples=LENGTH,
        hop_samples=HOP,
        shard_samples=SHARD,
        shard_windows=20,
        methods=(
            StoredMethod("saliency", '{"base": 1}'),
            StoredMethod("integrated_gradients", '{"steps": 8}', complete=True),
        ),
        classes=("clean", "artefact"),
        annotations=(Annotation(30, "N"), Annotation(500, "+", "(AFIB"), Annotation(900, '"', "ß 心 note", 1200)),
        start=5.0,
        began="2026-03-01T22:15:30.250000",
        alarm=1,
        threshold=0.5,
        facts={
            "fingerprint": "0123456789abcdef" * 4,
            "model": "net.keras",
            "versions": {"signalscreen": "0.1.0", "numpy": "2.0"},
            "settings": {
                "target": 1,
                "score": "logit",
                "normalise": "zscore",
                "explain": "flagged",
                "each_lead": True,
                "class_names": ["clean", "artefact"],
                "methods": {"saliency": {"base": 1}, "integrated_gradients": {"steps": 8}},
                "model": {"sha256": "ab" * 32, "until": None},
                "record": {"checksum": "cd" * 32, "leads": ["II", "V1"], "start": 5.0, "samples": 2500, "fs": FS},
            },
        },
    )
    return replace(made, **changes)


def fill(path: Path, of: StoreSpec, seed: int = 0, shards: int | None = None) -> None:
    """Make the store and fill its shards, or the first few of them."""
    allocation.create(path, of)
    group = store.arrays_of(path)
    rng = np.random.default_rng(seed)
    leads, rows = len(of.leads), len(of.window_start)
    signal = rng.normal(size=(of.samples, leads)).astype(np.float32) + np.arange(leads, dtype=np.float32)
    signal[1200:1250] = np.nan
    maps = {m.name: rng.normal(size=signal.shape).astype(np.float32) for m in of.methods}
    for values in maps.values():
        values[1600:2000] = np.nan
    probability = rng.uniform(size=(rows, len(of.classes))).astype(np.float32)
    gap = (of.window_start < 1250) & (of.window_start + of.window_samples > 1200)
    probability[gap] = np.nan
    for number in range(of.shards if shards is None else shards):
        here = slice(number * of.shard_samples, min((number + 1) * of.shard_samples, of.samples))
        group["signal"][here] = signal[here]
        group["bad"][here] = (rng.uniform(size=signal[here].shape) < 0.1) * np.uint8(16)
        for name, values in maps.items():
            group[f"attribution_{name}"][here] = values[here]
        mine = slice(number * of.shard_windows, min((number + 1) * of.shard_windows, rows))
        if mine.start < mine.stop:
            _fill_windows(group, of, mine, probability[mine], gap[mine])
        group["seconds"][number] = 0.5
        group["done"][number] = 1


def _fill_windows(group, of, mine, probability, gap) -> None:
    group["gap"][mine] = gap
    if of.classes:
        group["probability"][mine] = probability
        group["logit"][mine] = np.log(probability / (1 - probability))
    flagged = (probability[:, of.alarm] > of.threshold) if of.alarm >= 0 else np.zeros(len(gap), bool)
    group["flagged"][mine] = flagged
    group["explained"][mine] = flagged
    group["score"][mine] = group["logit"][mine][:, of.alarm] if of.alarm >= 0 else np.where(gap, np.nan, 1.5)
    group["unanswered"][mine] = np.isnan(probability).any(axis=1) & ~gap if of.classes else 0
    group["target"][mine] = np.where(gap, -1, of.alarm)
    for method in of.methods:
        if method.complete:
            group[f"completeness_{method.name}"][mine] = np.where(flagged, 0.01, np.nan)


def older(path: Path, to: Path) -> Path:
    """The same numbers as stores were laid out before: no checksums, no chunks that are empty."""
    import zarr

    there = store.opened(path)
    about = {name: value for name, value in there.attrs.items() if name != "digest"}
    group = zarr.create_group(to, zarr_format=3, attributes={**about, "schema": 1})
    for name, array in there.arrays():
        if name != "unanswered":
            packed = {} if array.chunks[0] > 1 and len(array.shape) > 1 else {"compressors": None}
            text = array.metadata.data_type.to_native_dtype().kind in "OT"
            made = group.create_array(
                name, shape=array.shape, chunks=array.chunks, dtype=str if text else array.dtype,
                fill_value=array.fill_value, dimension_names=array.metadata.dimension_names,
                attributes=dict(array.attrs), **packed,
            )  # fmt: skip
            if array.size:
                made[:] = array[:]
    allocation.consolidate(to)
    return to


def flag(group, flagged) -> None:
    """Make the windows of a filled store such that just these are flagged."""
    flagged = np.asarray(flagged, bool) & (group["gap"][:] == 0)
    artefact = np.where(group["gap"][:] > 0, np.nan, np.where(flagged, 0.75, 0.25)).astype(np.float32)
    group["probability"][:] = np.stack([1 - artefact, artefact], axis=1)
    group["logit"][:] = np.log(group["probability"][:] / (1 - group["probability"][:]))
    group["score"][:] = group["logit"][:, 1]
    group["flagged"][:] = group["explained"][:] = flagged


def database(path: Path, **specs: StoreSpec) -> None:
    """A database of small stores, by their names."""
    allocation.create_database(path, list(specs))
    for seed, (name, of) in enumerate(specs.items()):
        fill(path / name, of, seed)
    allocation.consolidate(path)
