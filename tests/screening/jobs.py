"""A small job in files, as other processes and commands take it."""

from pathlib import Path

import numpy as np

from tests.screening.nets import quality_net

FS = 10.0
SHARDS = 24
SHARD = 12_000  # samples: 20 minutes
SAMPLES = SHARDS * SHARD
SETTINGS = {"fs": FS, "each_lead": True, "kind": "other", "target": 0, "progress": False}
ARGUMENTS = "--fs 10 --each-lead --kind other --target 0 --quiet".split()


def make(folder: Path) -> tuple[Path, Path]:
    """Write a recording of two leads and eight hours, and a model of one lead; return their paths."""
    signal = np.random.default_rng(3).normal(size=(SAMPLES, 2)).astype(np.float32)
    signal[4321:4400] = np.nan
    np.save(folder / "record.npy", signal)
    quality_net(80).save(folder / "model.keras")
    return folder / "record.npy", folder / "model.keras"
