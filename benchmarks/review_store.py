"""A day of ECG as `signalscreen screen` leaves it: MIT-BIH records one after another, scored and explained.

The quality network reads one lead at 125 Hz, so each lead is explained by itself, brought back to 360 Hz and
divided by the step, as a density. Windows are scored on the first lead.
"""

from pathlib import Path

import numpy as np

import signalscreen as ss
from signalscreen.demo.running import quality_model_path
from signalscreen.demo.screening import FS as MODEL_FS
from signalscreen.demo.screening import WINDOW
from signalscreen.recording import Annotation
from signalscreen.screening.allocation import StoredMethod, StoreSpec, create
from signalscreen.screening.cutting import cut_for
from signalscreen.screening.store import arrays_of
from signalscreen.windows import stitch

HOP = 2.5  # s
METHODS = ("input_x_gradient", "saliency")


def make_day(path: Path, records: list[Path], hours: float, fs: float = 360.0) -> Path:
    """Write a store of so many hours of two leads to `path`."""
    model = ss.load_model(quality_model_path())
    parts = [_explained(model, record) for record in records]
    n = round(hours * 3600 * fs)
    turns = -(-n // sum(len(part["signal"]) for part in parts))
    window, hop = round(WINDOW * fs), round(HOP * fs)
    starts = np.arange(0, n - window + 1, hop)
    spec = StoreSpec(
        source=f"{len(records)} MIT-BIH records", fs=fs, samples=n, leads=("MLII", "V1"), units=("mV", "mV"),
        window_start=starts, window_lead=np.full(len(starts), -1, np.int8), window_samples=window, hop_samples=hop,
        shard_samples=round(600 * fs), shard_windows=240, methods=tuple(StoredMethod(method) for method in METHODS),
        classes=("clean", "artefact"), annotations=_annotations(parts, turns, n), began="2026-03-02T21:40:00",
        alarm=1, facts={"fingerprint": f"{n:08x}", "versions": {"signalscreen": ss.__version__}},
    )  # fmt: skip
    create(path, spec)
    group = arrays_of(path)
    whole = {name: np.concatenate([part[name] for part in parts] * turns)[:n] for name in ("signal", *METHODS)}
    group["signal"][:] = whole["signal"]
    for method in METHODS:
        group[f"attribution_{method}"][:] = whole[method]
    p = np.concatenate([part["p"] for part in parts] * turns)
    each = np.concatenate([part["starts"] + offset for part, offset in _placed(parts, turns)])
    artefact = np.interp(starts, each, p).astype(np.float32)
    logit = np.log(np.clip(artefact, 1e-6, 1 - 1e-6) / np.clip(1 - artefact, 1e-6, 1))
    group["logit"][:] = np.stack([-logit, logit], axis=1)
    group["probability"][:] = np.stack([1 - artefact, artefact], axis=1)
    group["score"][:] = logit
    group["target"][:] = 1
    group["flagged"][:] = artefact > 0.5
    group["explained"][:] = 1
    for name in ("bad", "gap", "unanswered", "seconds"):
        group[name][:] = group[name].fill_value
    group["done"][:] = 1
    return path


def _explained(model: object, record: Path) -> dict:
    """Score and explain one record."""
    given = ss.read_recording(record)
    found = {"signal": given.signal.astype(np.float32), "annotations": given.annotations}
    maps = {method: [] for method in METHODS}
    for lead in range(2):
        fitted = given.fit_to(fs=MODEL_FS, leads=[lead])
        windows = cut_for(model, fitted, window=WINDOW, hop=HOP, normalise="zscore")
        if lead == 0:
            p = np.asarray(ss.Score(model, target=0, score="probability").bind(windows.values)[0](windows.values))
            found.update(p=p.ravel(), starts=np.round(windows.starts * given.fs / MODEL_FS).astype(int))
        for method in METHODS:
            a = getattr(ss, method)(model, windows.values, target=0, progress=False)
            line = stitch(a.reshape(a.shape[:2]), windows.starts, len(fitted))
            there = np.arange(len(given)) / given.fs
            maps[method].append(np.interp(there, np.arange(len(line)) / MODEL_FS, np.nan_to_num(line)))
    return found | {method: np.stack(a, axis=1).astype(np.float32) for method, a in maps.items()}


def _placed(parts: list[dict], turns: int) -> list[tuple[dict, int]]:
    """Each part with the sample it begins at."""
    placed, offset = [], 0
    for part in parts * turns:
        placed.append((part, offset))
        offset += len(part["signal"])
    return placed


def _annotations(parts: list[dict], turns: int, n: int) -> tuple[Annotation, ...]:
    moved = []
    for part, offset in _placed(parts, turns):
        for mark in part["annotations"]:
            if mark.sample + offset < n:
                end = None if mark.end is None else min(mark.end + offset, n)
                moved.append(Annotation(mark.sample + offset, mark.symbol, mark.note, end))
    return tuple(moved)
