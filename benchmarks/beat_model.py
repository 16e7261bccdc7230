"""Train a small network that screens ten seconds of two leads for ventricular beats.

    python -m benchmarks.beat_model [--out beats.keras]

Reads the MIT-BIH records in $SIGNALSCREEN_DATA (or ../shared/data). Input (batch, 1250, 2): both leads as the
record has them, at 125 Hz, each window and lead to mean 0 and standard deviation 1. Output (batch, 2): "no V" and
"V", by a softmax: does an R peak of a ventricular or ventricular escape beat (V, E) lie inside, at least 0.3 s from
its ends?
The split is by record, and nothing is picked by the test records; the last epoch is kept.
"""

import argparse
import os
import time
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from numpy.typing import NDArray

import signalscreen as ss
from benchmarks.real import DATA
from signalscreen.metrics.localisation import roc_auc
from signalscreen.recording import normalise
from signalscreen.windows import cut

FS, SECONDS = 125, 10
LENGTH = FS * SECONDS
CLASSES = ("no V", "V")
TRAIN = ("100", "105", "107", "109", "200", "207", "208", "222")
TEST = ("106", "118", "119", "203")
EDGE = 0.3  # s: a beat nearer to the end of a window is cut off, and the window not judged by it
HOP = 2.5  # s, in training
SEED, EPOCHS, BATCH = 5, 12, 64


class Windows(NamedTuple):
    """``x`` (windows, 1250, leads) before scaling, ``y`` (windows,): 1 where a ventricular beat is inside."""

    x: NDArray[np.float32]
    y: NDArray[np.int64]


def windows_of(name: str, hop: float) -> Windows:
    """Windows of a record that can be judged: those with a V beat only near an end are left out."""
    record = ss.read_recording(DATA / "mitdb" / name).resample(FS)
    beats = np.array([note.sample for note in record.annotations if note.symbol in ("V", "E")], dtype=int)
    starts = np.arange(0, len(record) - LENGTH + 1, round(hop * FS))
    edge = round(EDGE * FS)
    inside, whole = (
        np.searchsorted(beats, starts + LENGTH - margin) - np.searchsorted(beats, starts + margin)
        for margin in (edge, 0)
    )
    kept = (inside > 0) | (whole == 0)
    return Windows(cut(record.signal, starts[kept], LENGTH).astype(np.float32), (inside[kept] > 0).astype(int))


def turned(x: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Each window as other electrodes might show it: the two leads mixed by an angle, either way up."""
    x = x / (x.std(axis=1, keepdims=True) + 1e-6)
    angle = rng.uniform(0, 2 * np.pi, len(x))
    matrix = np.stack([np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)], axis=-1).reshape(-1, 2, 2)
    return np.where(rng.uniform(size=(len(x), 1, 1)) < 0.5, x, x @ matrix).astype(np.float32)


def stretched(x: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Each window a little faster or slower; what runs out at its end is mirrored."""
    at = np.arange(LENGTH) * rng.uniform(0.85, 1.15, (len(x), 1))
    at = np.where(at > LENGTH - 1, 2 * (LENGTH - 1) - at, at)
    low = np.minimum(at.astype(int), LENGTH - 2)
    part = (at - low)[..., None]
    rows = np.arange(len(x))[:, None]
    return ((1 - part) * x[rows, low] + part * x[rows, low + 1]).astype(np.float32)


def network() -> keras.Model:
    """Build it: four convolutions, 78 places that each see about two seconds, their mean and their maximum."""
    layers = keras.layers
    inputs = keras.Input((LENGTH, 2), name="ecg")
    x = inputs
    for i, (filters, width) in enumerate(((16, 15), (24, 11), (32, 9), (32, 9)), start=1):
        x = layers.Conv1D(filters, width, padding="same", use_bias=False, name=f"conv{i}")(x)
        x = layers.BatchNormalization(momentum=0.95, name=f"norm{i}")(x)
        x = layers.ReLU(name=f"relu{i}")(x)
        x = layers.MaxPooling1D(2, name=f"pool{i}")(x)
    both = [layers.GlobalAveragePooling1D(name="mean")(x), layers.GlobalMaxPooling1D(name="maximum")(x)]
    x = layers.Dropout(0.3, name="dropout")(layers.Concatenate(name="both")(both))
    return keras.Model(inputs, layers.Dense(2, activation="softmax", name="class")(x), name="beats")


class Drawn(keras.utils.PyDataset):
    """Batches of an epoch: as many windows of every record, so that none outweighs another."""

    def __init__(self, records: list[Windows], batches: int) -> None:
        super().__init__()
        self.records, self.batches, self.epoch = records, batches, 0

    def __len__(self) -> int:
        return self.batches

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def __getitem__(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        rng = np.random.default_rng([SEED, self.epoch, number])
        x, y = [], []
        for _ in range(BATCH):
            record = self.records[rng.integers(len(self.records))]
            label = rng.integers(2)
            rows = np.flatnonzero(record.y == label)
            rows = rows if len(rows) else np.arange(len(record.y))
            row = rng.choice(rows)
            x.append(record.x[row])
            y.append(record.y[row])
        batch = stretched(turned(np.stack(x), rng), rng)
        return normalise(batch, "zscore", axis=1).astype(np.float32), np.array(y)


def trained() -> keras.Model:
    """Train it, the same each time."""
    keras.utils.set_random_seed(SEED)
    records = [windows_of(name, HOP) for name in TRAIN]
    for name, record in zip(TRAIN, records, strict=True):
        print(f"  training on {name}: {len(record.y)} windows, {record.y.sum()} with V")
    model, batches = network(), 100
    rate = keras.optimizers.schedules.CosineDecay(3e-3, EPOCHS * batches)
    model.compile(keras.optimizers.Adam(rate), keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    model.fit(Drawn(records, batches), epochs=EPOCHS, verbose=2)
    return model


def print_measured(model: keras.Model) -> None:
    """ROC AUC, sensitivity and specificity on windows of the test records, 5 s apart."""
    print("test record   windows with V   ROC AUC   sensitivity   specificity (at 0.5)")
    found = []
    for name in TEST:
        record = windows_of(name, 5)
        x = normalise(record.x, "zscore", axis=1).astype(np.float32)
        found.append((name, model.predict(x, verbose=0)[:, 1], record.y == 1))
    found.append(("all", *(np.concatenate([row[i] for row in found]) for i in (1, 2))))
    for name, p, y in found:
        print(
            f"{name:11s} {len(y):9d} {y.sum():6d} {roc_auc(p, y):9.3f} {(p[y] > 0.5).mean():13.3f} "
            f"{(p[~y] <= 0.5).mean():13.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("beats.keras"))
    out = parser.parse_args().out
    began = time.perf_counter()
    model = trained()
    plain = network()  # without what only training needs
    plain.set_weights(model.get_weights())
    partial = out.with_name(f".{out.stem}.partial.keras")
    plain.save(partial)
    partial.replace(out)
    print(f"wrote {out} ({out.stat().st_size / 1000:.0f} kB) after {time.perf_counter() - began:.0f} s")
    print_measured(plain)


if __name__ == "__main__":
    main()
