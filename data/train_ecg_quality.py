"""Train the ECG quality network that ships as data/ecg_quality.keras, and print what it was trained on.

    python data/train_ecg_quality.py [--out data/ecg_quality.keras]

Reads the recordings in $SIGNALSCREEN_DATA (or ../shared/data). Measured by measure_ecg_quality.py.
"""

import argparse
import inspect
import json
import os
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

import keras
import numpy as np
from numpy.typing import NDArray
from scipy import signal as sps

from data import ecg_quality_data as source
from signalscreen import Expectations, write_expectations
from signalscreen.simulate import ARTEFACTS

SEED = 20
WINDOWS = 20_000
EPOCHS = 10
REAL_NOISE = 0.4  # share of artefact windows that get real electrode-motion noise
MARKED = 0.15  # share of artefact windows that are MIT-BIH's own noisy stretches
KINDS = (*ARTEFACTS, "lead_off")  # twice: a flat line gives a network the least to see
SHORTEST_LEAD_OFF = 2.0  # s: a shorter flat line may be a pause of the heart
EXPECTS = Expectations(
    fs=source.FS,
    units="mV",
    normalise="zscore",
    leads="one",
    class_names=("artefact",),
    alarm="artefact",
    kind="ecg",
    card="ecg_quality.md",
)
# A 360 Hz segment read as if sampled at these (Hz): slower and faster hearts, other bandwidths.
PRETENDED_FS = (300, 320, 360, 360, 360, 400, 450)

Rng = np.random.Generator


def network() -> keras.Model:
    """Build it: 1250 samples, five convolutions, four poolings, 78 places, their mean, one log-odds."""
    inputs = keras.Input((source.LENGTH, 1), name="ecg")
    x = inputs
    for i, (filters, width) in enumerate(((12, 9), (16, 7), (24, 7), (32, 9), (32, 9)), start=1):
        if i > 1:
            x = keras.layers.MaxPooling1D(2, name=f"pool{i - 1}")(x)
        x = keras.layers.Conv1D(filters, width, padding="same", use_bias=False, name=f"conv{i}")(x)
        x = keras.layers.BatchNormalization(momentum=0.95, name=f"norm{i}")(x)
        x = keras.layers.ReLU(name=f"relu{i}")(x)
    x = keras.layers.GlobalAveragePooling1D(name="mean")(x)
    x = keras.layers.Dropout(0.2, name="dropout")(x)
    outputs = keras.layers.Dense(1, activation="sigmoid", name="artefact")(x)
    return keras.Model(inputs, outputs, name="ecg_quality")


# ---- windows


def clean_window(lead: source.Lead, rng: Rng) -> tuple[NDArray[np.float32], str]:
    """Cut a window of real ECG, with what a clean recording may have: a slow drift, a little noise."""
    segment, fs = _segment(lead, rng)
    return source.window_of(_filtered(_unquiet(segment, fs, rng), fs, rng), fs), "clean"


def artefact_window(lead: source.Lead, noise: NDArray[np.float64], rng: Rng) -> tuple[NDArray[np.float32], str]:
    """Cut a window of real ECG and put an artefact in it, real or simulated, of 1 to 10 s."""
    segment, fs = _segment(lead, rng)
    segment = _unquiet(segment, fs, rng)
    real = rng.uniform() < REAL_NOISE
    kind = "electrode motion, real" if real else str(rng.choice(KINDS))
    shortest = SHORTEST_LEAD_OFF if kind == "lead_off" else 1.0
    length = min(round(rng.uniform(shortest, source.WINDOW) * fs), noise.size)
    first = rng.integers(0, segment.size - length + 1)
    place = slice(first, first + length)
    if real:
        segment[place] += source.noise_piece(noise, length, rng.uniform(-6, 12), rng)
    else:
        segment[place] = ARTEFACTS[kind](segment[place], fs, rng)
    return source.window_of(_filtered(segment, fs, rng), fs), kind


def marked_window(lead: source.Lead, rng: Rng) -> tuple[NDArray[np.float32], str]:
    """Cut a window in which MIT-BIH marks 2 s or more of this lead as noisy."""
    segment, fs = _segment(lead, rng, clean=False)
    return source.window_of(_filtered(segment, fs, rng), fs), "marked noisy in MIT-BIH"


def _segment(lead: source.Lead, rng: Rng, *, clean: bool = True) -> tuple[NDArray[np.float64], float]:
    """One window, of either polarity, its beats of size about 1; and its (pretended) rate."""
    fs = float(rng.choice(PRETENDED_FS))
    n = round(source.WINDOW * fs)
    guard = round(source.GUARD * lead.fs) if clean else 0
    while True:
        first = rng.integers(guard, lead.mv.size - n - guard)
        noisy = lead.noisy[first - guard : first + n + guard]
        if (clean and not noisy.any()) or (not clean and noisy.sum() >= 2 * lead.fs):
            break
    segment = _mixed(lead, slice(first, first + n), rng) if clean else lead.mv[first : first + n]
    low, high = np.percentile(segment, (0.5, 99.5))
    return rng.choice([-1, 1]) * (segment - np.median(segment)) / ((high - low) or 1.0), fs


def _mixed(lead: source.Lead, span: slice, rng: Rng) -> NDArray[np.float64]:
    """Every second time, turn the lead: a mixture of the record's two, where the other one is clean too."""
    if lead.other is None or rng.uniform() < 0.5 or lead.other.noisy[span].any():
        return lead.mv[span]
    angle = rng.uniform(0, np.pi)
    across = lead.other.mv[span] / lead.other.amplitude
    return np.cos(angle) * lead.mv[span] / lead.amplitude + np.sin(angle) * across


def _unquiet(segment: NDArray[np.float64], fs: float, rng: Rng) -> NDArray[np.float64]:
    """Add what a clean recording may have: a slow drift, and noise of up to 3 % of the beats."""
    t = np.arange(segment.size) / fs
    drift = rng.uniform(0, 0.3) * np.sin(2 * np.pi * (rng.uniform(0.05, 0.4) * t + rng.uniform()))
    return segment + drift + rng.uniform(0, 0.03) * rng.standard_normal(segment.size)


def _filtered(x: NDArray[np.float64], fs: float, rng: Rng) -> NDArray[np.float64]:
    """Filter as some recorder might: a high-pass up to 1 Hz, a low-pass from 18 Hz, both, or none."""
    if rng.uniform() < 0.6:
        x = sps.sosfilt(sps.butter(1, 10 ** rng.uniform(-1.3, 0), "highpass", fs=fs, output="sos"), x - x[0])
    if rng.uniform() < 0.6:
        x = sps.sosfilt(sps.butter(2, rng.uniform(18, 55), fs=fs, output="sos"), x - x[0])
    return x


def training_set(
    leads: list[source.Lead], noise: NDArray[np.float64], count: int, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], list[str]]:
    """Draw ``count`` windows, half of them with artefacts: (count, LENGTH, 1), labels (1 = artefact), kinds."""
    marked = [lead for lead in leads if lead.noisy.sum() > 20 * lead.fs]
    windows, kinds = [], []
    for i in range(count):
        rng = np.random.default_rng([seed, i])
        lead = leads[rng.integers(len(leads))]
        if i % 2 == 0:
            window, kind = clean_window(lead, rng)
        elif rng.uniform() < MARKED:
            window, kind = marked_window(marked[rng.integers(len(marked))], rng)
        else:
            window, kind = artefact_window(lead, noise, rng)
        windows.append(window)
        kinds.append(kind)
    labels = np.array([kind != "clean" for kind in kinds], dtype=np.float32)
    return np.stack(windows)[..., np.newaxis], labels, kinds


# ---- training


def main() -> None:
    """Read, draw the windows, train, write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("ecg_quality.keras"))
    out = parser.parse_args().out
    began = time.perf_counter()
    keras.utils.set_random_seed(SEED)
    data = source.data_folder()
    sets = {}
    for part, records, count, seed in (
        ("train", source.TRAIN, WINDOWS, 1),
        ("validation", source.VALIDATION, 2000, 2),
    ):
        noise = source.electrode_motion_noise(data, part)
        sets[part] = training_set(source.mitdb_leads(data, records), noise, count, seed)
        print(f"{part}: {count} windows of records {', '.join(records)}; noise {source.NOISE_SECONDS[part]} s")
        for kind, number in Counter(sets[part][2]).most_common():
            print(f"  {number:6d} {kind}")
    print(f"windows drawn after {time.perf_counter() - began:.0f} s")

    model = network()
    model.summary()
    steps = EPOCHS * WINDOWS // 64
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        keras.losses.BinaryCrossentropy(label_smoothing=0.02),
        metrics=[keras.metrics.AUC(name="auc"), "accuracy"],
    )
    x, y, _ = sets["train"]
    model.fit(x, y, batch_size=64, epochs=EPOCHS, validation_data=sets["validation"][:2], verbose=2)
    save(model, out)
    print(f"wrote {out} ({out.stat().st_size / 1000:.0f} kB) after {time.perf_counter() - began:.0f} s")


def save(trained: keras.Model, out: Path) -> None:
    """Write architecture and weights, without what only training needs, whole or not at all."""
    model = network()
    model.set_weights(trained.get_weights())
    partial = out.with_name(f".{out.stem}.partial.keras")
    model.save(partial)
    leave_out_defaults(partial)
    write_expectations(partial, EXPECTS, inside=True)
    partial.replace(out)


def leave_out_defaults(path: Path) -> None:
    """Take the settings that are defaults out of a .keras file's architecture; the weights stay as they are.

    Keras writes every setting that its layers have, and an older Keras refuses those that it does not know yet.
    """
    with zipfile.ZipFile(path) as archive:
        parts = {info: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in parts.items():
            if info.filename == "config.json":
                config = json.loads(content)
                for layer in config["config"]["layers"]:
                    layer["config"] = _without_defaults(layer["class_name"], layer["config"])
                content = json.dumps(config).encode()
            archive.writestr(info, content)


def _without_defaults(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(getattr(keras.layers, kind).__init__).parameters
    defaults = {name: p.default for name, p in parameters.items()}
    return {
        key: value
        for key, value in config.items()
        if not key.endswith("_initializer") and not (key in defaults and defaults[key] == value)
    }


if __name__ == "__main__":
    main()
