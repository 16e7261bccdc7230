"""A day of ECG, killed five times and taken up again; the same by two workers, one of them killed.

python -m benchmarks.screening_kills FOLDER [HOURS] [KILLS]

FOLDER holds the record of ``python -m benchmarks.day FOLDER``, and gets the stores. Every kill is ``kill -9`` at a
random moment of a run that goes on from the one before. All numbers are then compared, bit by bit, with a run of as
many workers that nobody disturbed. Workers have fewer threads, by which TensorFlow rounds otherwise now and then:
the two undisturbed runs are compared as well.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.day import MODEL

OPTIONS = "--each-lead --resample 125 --normalise zscore --method saliency --quiet".split()


def command(day: Path, out: Path, hours: float, *more: str) -> list[str]:
    program = [sys.executable, "-m", "signalscreen", "screen", str(day), "--model", MODEL, "--out", str(out)]
    return [*program, "--end", str(hours * 3600), *OPTIONS, *more]


def finished(out: Path) -> int:
    """Shards that are done: chunks of `done` that were written."""
    chunks = out / "done" / "c"
    return sum(1 for _ in chunks.iterdir()) if chunks.is_dir() else 0


def differences(one: Path, other: Path) -> dict[str, int]:
    """Names of arrays that differ in any bit, with how many numbers do; ``seconds`` is of the clock."""
    import zarr

    a, b = (zarr.open_group(str(path), mode="r") for path in (one, other))
    assert sorted(a.array_keys()) == sorted(b.array_keys())
    found = {}
    for name, array in a.arrays():
        if name == "seconds":
            continue
        length, step = array.shape[0], array.chunks[0]
        count = sum(_unlike(array[i : i + step], b[name][i : i + step]) for i in range(0, length, step))
        if count:
            found[name] = count
    return found


def _unlike(one: np.ndarray, other: np.ndarray) -> int:
    if one.dtype.kind == "f":
        one, other = (x.view(f"u{x.itemsize}") for x in (one, other))
    return int(np.sum(one != other)) if one.shape == other.shape else max(one.size, 1)


def killed(run: list[str], out: Path, shards: int, kills: int, victim: Callable[[int], int]) -> None:
    """Run, kill somewhere in each part of the work but the last, run again; let it finish then."""
    rng = random.Random(5)
    at = [int(shards * (k + rng.uniform(0.1, 0.9)) / (kills + 1)) for k in range(kills)]
    while True:
        began, before = time.perf_counter(), finished(out)
        process = subprocess.Popen(run)
        while at and process.poll() is None:
            if finished(out) >= at[0]:
                time.sleep(rng.uniform(0.0, 0.3))
                pid = victim(process.pid)
                os.kill(pid, signal.SIGKILL)
                at.pop(0)
                print(f"  killed {'it' if pid == process.pid else f'worker {pid}'}", flush=True)
                break
            time.sleep(0.01)
        code = process.wait()
        seconds, strays = time.perf_counter() - began, sum(1 for _ in out.rglob("*.partial"))
        print(
            f"  {seconds:5.1f} s, exit {code}: {before} -> {finished(out)} shards, {strays} stray files", flush=True
        )
        if code == 0:
            return
        if code != -signal.SIGKILL:
            raise SystemExit(f"failed with {code}")


def itself(pid: int) -> int:
    return pid


def worker_of(pid: int) -> int:
    """One of the processes that work for `pid`, the busiest."""
    import psutil

    below = [p for p in psutil.Process(pid).children(recursive=True) if "spawn_main" in " ".join(p.cmdline())]
    return max(below, key=lambda p: p.cpu_times().user).pid


def undisturbed(day: Path, out: Path, hours: float, *more: str) -> Path:
    subprocess.run(["rm", "-rf", str(out)], check=True)
    began = time.perf_counter()
    subprocess.run(command(day, out, hours, *more), check=True)
    print(f"undisturbed {' '.join(more)}: {time.perf_counter() - began:.1f} s, {finished(out)} shards", flush=True)
    return out


def compare(one: Path, other: Path) -> None:
    print(f"  {one.name} and {other.name}: arrays that differ: {differences(one, other) or 'none'}", flush=True)


def main(folder: Path, hours: float, kills: int) -> None:
    day, workers = folder / "day", ("--workers", "2")
    alone = undisturbed(day, folder / "undisturbed.zarr", hours)
    together = undisturbed(day, folder / "undisturbed_workers.zarr", hours, *workers)
    compare(alone, together)
    for name, count, whole, more, victim in (
        (f"killed {kills} times", kills, alone, (), itself),
        ("two workers, one killed", 1, together, workers, worker_of),
    ):
        out = folder / f"{name.split()[0]}.zarr"
        subprocess.run(["rm", "-rf", str(out)], check=True)
        print(f"{name}:", flush=True)
        killed(command(day, out, hours, *more), out, finished(whole), count, victim)
        compare(whole, out)
    print(f"load averages now: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0]), float(given[1]) if len(given) > 1 else 24.0, int(given[2]) if len(given) > 2 else 5)
