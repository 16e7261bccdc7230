"""A day of ECG through `screen_recording`, against the bare network on the same windows, in one process.

python -m benchmarks.screening_day FOLDER [HOURS] [REPEATS]

FOLDER holds the record of ``python -m benchmarks.day FOLDER``, and gets the stores. The bare network is one
compiled forward pass with its gradient, at its best batch size, on windows in memory. Runs take turns; the best of
each counts. CPU seconds are of all threads, and feel other programs less than the clock does. Occlusion is of the
windows that are flagged, by 0.4 s every 80 ms.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import signalscreen as ss
from benchmarks.day import MODEL, SETTINGS
from signalscreen.screening.ready import prepare
from signalscreen.screening.running import job_of
from signalscreen.screening.shards import gathered

SIZES = (32, 64, 128, 256, 512)
OCCLUSION = {"occlusion": {"window": 50, "stride": 10}}


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Seconds by the clock and of CPU."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - cpu


def windows(day: str, settings: dict[str, Any]) -> tuple[Any, Any]:
    """The model, and every window of the record as it takes them, once."""
    ready = prepare(job_of(day, MODEL, "saliency", "", settings))
    rows = []
    for number in range(ready.grid.shards):
        shard, groups = ready.grid.shard(number), len(ready.groups)
        own = slice(*((w - shard.needed[0]) * groups for w in shard.windows))
        rows.append(gathered(ready, number).rows[own])
    return ready.model, np.concatenate(rows)


def bare(model: Any, length: int) -> Any:
    """Outputs and gradients of the highest score."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((None, length, 1), tf.float32)])
    def forward_and_gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = model(x, training=False)
            score = tf.reduce_max(outputs, axis=-1)
        return outputs, tape.gradient(score, x)

    def run(x: Any, size: int) -> None:
        for first in range(0, len(x), size):
            for found in forward_and_gradient(tf.constant(x[first : first + size])):
                found.numpy()

    return run


def screened(day: str, out: Path, method: Any, settings: dict[str, Any]) -> None:
    shutil.rmtree(out, ignore_errors=True)
    ss.screen_recording(day, MODEL, method, out=out, progress=False, **settings)


def main(folder: Path, hours: float, repeats: int) -> None:
    day = str(folder / "day")
    settings = {**SETTINGS, "end": hours * 3600}
    model, x = windows(day, settings)
    run = bare(model, x.shape[1])
    run(x[:512], 64)
    best = min(SIZES, key=lambda size: min(timed(lambda: run(x[:4096], size)) for _ in range(3)))
    print(f"{hours:g} h, {len(x)} windows of {x.shape[1:]}; best batch of the bare network: {best}")
    runs: dict[str, Callable[[], Any]] = {
        "bare forward + gradient": lambda: run(x, best),
        "saliency, all": lambda: screened(day, folder / "saliency.zarr", "saliency", settings),
        "saliency, flagged": lambda: screened(
            day, folder / "flagged.zarr", "saliency", {**settings, "explain": "flagged"}
        ),
        "scores only": lambda: screened(day, folder / "scores.zarr", "saliency", {**settings, "explain": "none"}),
    }
    times = {name: [timed(work) for _ in range(1)] for name, work in runs.items()}
    for _ in range(repeats - 1):
        for name, work in runs.items():
            times[name].append(timed(work))
    flagged = {**settings, "explain": "flagged"}
    times["occlusion, flagged"] = [timed(lambda: screened(day, folder / "occlusion.zarr", OCCLUSION, flagged))]
    base = [min(each) for each in zip(*times["bare forward + gradient"], strict=True)]
    for name, each in times.items():
        clock, cpu = (min(one) for one in zip(*each, strict=True))
        print(
            f"{name:24} {clock:6.1f} s ({clock / base[0]:.2f} of bare), {hours / clock * 60:5.1f} h/min; "
            f"CPU {cpu:6.1f} s ({cpu / base[1]:.2f} of bare)"
        )
    print(f"load averages now: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0]), float(given[1]) if len(given) > 1 else 24.0, int(given[2]) if len(given) > 2 else 3)
