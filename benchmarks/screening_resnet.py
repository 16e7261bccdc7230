"""Scores and saliency of every window by a residual network, against the bare network in the same run.

python -m benchmarks.screening_resnet FOLDER [HOURS]

FOLDER holds the record of ``python -m benchmarks.day FOLDER``. The network takes both leads at the record's own
rate, ten seconds at a time, and is of the size that ECG networks have; that of ``benchmarks.screening_day`` is far
smaller, so that reading and writing count there. The bare network is one compiled forward pass, and one for the
gradient, on windows in memory at the best of three batch sizes.
"""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

import signalscreen as ss
from benchmarks.networks import ecg_resnet
from signalscreen.screening.ready import prepare
from signalscreen.screening.running import job_of
from signalscreen.screening.shards import gathered


def main(folder: Path, hours: float) -> None:
    model = ecg_resnet(3600, 2)[0]
    settings = {"target": 0, "explain": "all", "end": hours * 3600}
    out = folder / "resnet.zarr"
    ready = prepare(job_of(folder / "day", model, "saliency", str(out), settings))
    windows = [gathered(ready, number).rows for number in range(ready.grid.shards)]

    def screened() -> None:
        shutil.rmtree(out, ignore_errors=True)
        ss.screen_recording(folder / "day", model, "saliency", out=out, progress=False, **settings)

    compiled = bare(model, windows)
    compiled(16)
    size = min((16, 32, 64), key=lambda rows: seconds(lambda: compiled(rows))[0])
    screened()
    times = [(seconds(screened), seconds(lambda: compiled(size))) for _ in range(3)]
    ours, theirs = (min(t[i] for t in times) for i in (0, 1))
    print(f"{hours:g} h, {sum(map(len, windows))} windows: bare {theirs[0]:.1f} s (CPU {theirs[1]:.1f}), ", end="")
    print(f"screened {ours[0]:.1f} s (CPU {ours[1]:.1f}): {ours[0] / theirs[0]:.2f} of bare, ", end="")
    print(f"{ours[1] / theirs[1]:.2f} by CPU")
    shutil.rmtree(out)


def bare(model: tf.keras.Model, windows: list) -> Callable[[int], None]:
    @tf.function(reduce_retracing=True)
    def forward(x):
        return model(x, training=False)

    @tf.function(reduce_retracing=True)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = model(x, training=False)[:, 0]
        return tape.gradient(score, x)

    def run(rows: int) -> None:
        for shard in windows:
            for first in range(0, len(shard), rows):
                x = tf.constant(shard[first : first + rows])
                forward(x).numpy()
                gradient(x).numpy()

    return run


def seconds(work: Callable[[], None]) -> tuple[float, float]:
    """By the clock, and of all threads."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - clock, time.process_time() - cpu


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 2.0)
