"""Runs that are killed: of screen, of each export, of verdicts. Nothing is lost, and nothing is left behind.

python -m benchmarks.kills FOLDER [KILLS]

Each run is a process of its own that gets ``kill -9`` at a moment that is drawn from the time an undisturbed one
takes. After each kill what lies there is read: of an export the old file or the new one, whole; of verdicts every
one that was acknowledged; of a store no shard that is said to be done and is not. Then the same is run again, to
its end, and all is compared with what undisturbed runs make, bit by bit. Files that those do not make are counted
as left behind: in the store, among the exports and in the folder for temporary files.
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.screening_kills import differences

FORMATS = {
    "netcdf": "x.nc",
    "npz": "x.npz",
    "wfdb-track": "x.hea",
    "wfdb-ann": "x.flg",
    "csv": "x.csv",
    "mne": "x.txt",
}
_VERDICTS = """
import sys
from signalscreen.verdicts import VerdictTable, export_csv, export_mne_text, export_wfdb, read_verdicts
table = VerdictTable(sys.argv[1], "anna")
for k in range(10**9):
    start = (k * 7919) % 200_000
    print(table.set("unsure", start=start, stop=start + 50 + k % 50, note=f"note {k}").id, flush=True)
"""
_VERDICT_EXPORTS = """
import sys
from pathlib import Path
from signalscreen.verdicts import export_csv, export_mne_text, export_wfdb, read_verdicts
found, out = read_verdicts(sys.argv[1]), Path(sys.argv[2])
print("begun", flush=True)
for _ in range(int(sys.argv[3])):
    export_csv(found, out / "v.csv")
    export_mne_text(found, out / "v.txt")
    export_wfdb(found, out / "v", fs=10.0)
"""


class Place:
    """Where a benchmark works: its own folder for temporary files, so that what is left there can be counted."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.temp = folder, folder / "temp"
        shutil.rmtree(folder, ignore_errors=True)
        self.temp.mkdir(parents=True)

    def start(self, *words: object) -> subprocess.Popen:
        environment = {**os.environ, "TMPDIR": str(self.temp), "TF_CPP_MIN_LOG_LEVEL": "3"}
        return subprocess.Popen(
            [sys.executable, *map(str, words)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def whole(self, *words: object) -> str:
        process = self.start(*words)
        out, said = process.communicate()
        if process.returncode:
            raise SystemExit(f"failed: {said}")
        return out

    def killed(
        self, rng: random.Random, seconds: float, begun: Callable[[], bool], *words: object
    ) -> tuple[bool, str]:
        """Whether a kill came in time, within `seconds` of the beginning of the work; and what was printed."""
        process = self.start(*words)
        while process.poll() is None and not begun():
            time.sleep(0.001)
        time.sleep(rng.uniform(0, seconds))
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
        return process.returncode == -signal.SIGKILL, out


def files(folder: Path) -> dict[str, str]:
    """Of each file, also hidden ones, what is in it."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
    }


def a_job(folder: Path) -> tuple[Path, Path]:
    """A recording of two leads and six hours, and a network of one lead."""
    import keras
    from keras import layers as kl

    keras.utils.set_random_seed(2)
    i = keras.Input((80, 1))
    x = kl.GlobalMaxPooling1D()(kl.Conv1D(16, 7, activation="relu")(i))
    keras.Model(i, kl.Dense(1, activation="sigmoid")(x)).save(folder / "model.keras")
    signal_ = np.random.default_rng(3).normal(size=(216_000, 2)).astype(np.float32)
    signal_[4321:4400] = np.nan
    np.save(folder / "record.npy", signal_)
    return folder / "record.npy", folder / "model.keras"


def screen_words(job: tuple[Path, Path], out: Path) -> list[object]:
    record, model = job
    options = "--fs 10 --each-lead --kind other --target 0 --threshold 0.55 --quiet".split()
    return ["-m", "signalscreen", "screen", record, "--model", model, "--out", out, *options]


def of_screen(place: Place, job: tuple[Path, Path], kills: int, rng: random.Random) -> Path:
    whole, out = place.folder / "whole.zarr", place.folder / "killed.zarr"
    place.whole(*screen_words(job, whole))
    count, done, wrong = 0, 0, 0
    began = time.perf_counter()
    while count < kills:
        if done_in(out) == done_in(whole):
            shutil.rmtree(out)
        there = done_in(out)
        hit, _ = place.killed(rng, 0.6, lambda there=there: done_in(out) > there, *screen_words(job, out))
        count += hit
        done += hit and done_in(out)
        wrong += untrue(out, whole)
    place.whole(*screen_words(job, out))
    unlike, left = differences(whole, out), files(out).keys() ^ files(whole).keys()
    seconds = time.perf_counter() - began
    print(
        f"screen: {count} kills, {done} shards were done at them in all, {wrong} of them wrong; then finished: "
        f"arrays that differ {unlike or 'none'}, files left behind {len(left)} ({seconds:.0f} s)",
        flush=True,
    )
    return whole


def done_in(store: Path) -> int:
    folder = store / "done" / "c"
    return sum(1 for one in folder.iterdir() if one.suffix != ".partial") if folder.is_dir() else 0


def untrue(out: Path, whole: Path) -> int:
    """Shards that are said to be done and hold other numbers."""
    import zarr

    if not (out / "done" / "c").is_dir():
        return 0
    a, b = (zarr.open_group(str(path), mode="r") for path in (out, whole))
    wrong = 0
    for number in np.flatnonzero(a["done"][:]):
        for name, array in b.arrays():
            if array.metadata.dimension_names[0] in ("time", "window") and name != "time_s":
                here = slice(number * array.chunks[0], (number + 1) * array.chunks[0])
                if not np.array_equal(a[name][here], array[here], equal_nan=array.dtype.kind == "f"):
                    wrong += 1
                    break
    return wrong


def of_export(place: Place, stores: list[Path], format_: str, kills: int, rng: random.Random) -> None:
    """The export of one store is replaced by that of another, and so on."""
    out = place.folder / format_
    out.mkdir()

    def words(store: Path) -> list[object]:
        return [
            "-m",
            "signalscreen",
            "export",
            store,
            "--format",
            format_,
            "--out",
            out / FORMATS[format_],
            "--overwrite",
        ]

    wanted = []
    for store in stores:
        place.whole(*words(store))
        wanted.append(told(out, format_))
    seconds, names = _duration(place, words(stores[1]), out), set(files(out))
    found: Counter[str] = Counter()
    for number in range(10**6):
        if sum(found.values()) - found["too late"] == kills:
            break
        before = told(out, format_)
        mark = _stamp(out)
        hit, _ = place.killed(rng, 1.5 * seconds, lambda mark=mark: _stamp(out) != mark, *words(stores[number % 2]))
        now = told(out, format_)
        if not hit:
            found["too late"] += 1
        elif now == before:
            found["old"] += 1
        elif now == wanted[number % 2]:
            found["new"] += 1
        else:
            found["neither"] += 1
    parts = len(set(files(out)) - names) + len(list(place.temp.iterdir()))
    place.whole(*words(stores[0]))
    left = (set(files(out)) ^ names) | set(files(place.temp))
    print(
        f"{format_}: {dict(found)}; files by the kills {parts}, left behind by the next run {len(left)}", flush=True
    )
    assert told(out, format_) == wanted[0]


def _stamp(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def _duration(place: Place, words: list[object], out: Path) -> float:
    """Seconds from the first file that is made to the end."""
    before, began = _stamp(out), None
    process = place.start(*words)
    while process.poll() is None:
        if began is None and _stamp(out) != before:
            began = time.perf_counter()
        time.sleep(0.0005)
    process.communicate()
    return time.perf_counter() - (began or time.perf_counter()) + 0.01


def told(folder: Path, format_: str) -> str:
    """What a reader of the format finds, as a checksum."""
    path = folder / FORMATS[format_]
    digest = hashlib.sha256()
    if format_ == "wfdb-track":
        import wfdb

        record = wfdb.rdrecord(str(path.with_suffix("")), physical=False)
        digest.update(record.d_signal.tobytes())
        digest.update(repr((record.adc_gain, record.checksum == record.calc_checksum())).encode())
    elif format_ == "npz":
        with zipfile.ZipFile(path) as file:
            digest.update(repr(sorted((one.filename, one.CRC, file.testzip()) for one in file.infolist())).encode())
    elif format_ == "netcdf":
        import h5py

        with h5py.File(path) as file:
            digest.update(file["signal"][:].tobytes() + file["flagged"][:].tobytes())
            digest.update(str(file.attrs["facts"]).encode())
    else:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def of_verdicts(place: Place, store: Path, kills: int, rng: random.Random) -> None:
    from signalscreen.verdicts import read_verdicts

    acknowledged: set[str] = set()
    places: dict[str, None] = {}
    folder = store / "verdicts"
    for _ in range(kills):
        size = _size(folder)
        _, out = place.killed(rng, 0.3, lambda size=size: _size(folder) > size, "-c", _VERDICTS, store)
        lines = out.split("\n")
        acknowledged |= set(lines[:-1])
        places |= dict.fromkeys(lines[:-1])
    text = b"".join(p.read_bytes() for p in folder.glob("*.jsonl")).decode()
    lost = [one for one in acknowledged if one not in text]
    names = sorted(p.name for p in folder.iterdir())
    stand = len(read_verdicts(store))
    print(
        f"verdicts: {kills} kills, {len(acknowledged)} acknowledged, {len(lost)} lost, {stand} stand; in the "
        f"folder {names}",
        flush=True,
    )


def of_verdict_exports(place: Place, store: Path, kills: int, rng: random.Random) -> None:
    out = place.folder / "verdict_exports"
    out.mkdir()
    place.whole("-c", _VERDICT_EXPORTS, store, out, 1)
    wanted = files(out)
    wrong = 0
    for _ in range(kills):
        mark = _stamp(out)
        place.killed(rng, 1.0, lambda mark=mark: _stamp(out) != mark, "-c", _VERDICT_EXPORTS, store, out, 10**6)
        wrong += any(files(out).get(name) != value for name, value in wanted.items())
    parts = len(set(files(out)) - set(wanted)) + len(list(place.temp.iterdir()))
    place.whole("-c", _VERDICT_EXPORTS, store, out, 1)
    left = (files(out).keys() ^ wanted.keys()) | set(files(place.temp))
    print(
        f"exports of verdicts: {kills} kills, {wrong} files that are torn; files by the kills {parts}, left behind "
        f"by the next run {len(left)}",
        flush=True,
    )


def _size(folder: Path) -> int:
    return sum(p.stat().st_size for p in folder.glob("*.jsonl"))


def main(folder: Path, kills: int) -> None:
    place, rng = Place(folder), random.Random(7)
    job = a_job(folder)
    first = of_screen(place, job, kills, rng)
    second = folder / "second.zarr"
    words = screen_words(job, second)
    words[words.index("0.55")] = "0.6"
    place.whole(*words)
    for format_ in FORMATS:
        of_export(place, [first, second], format_, kills, rng)
    of_verdicts(place, first, kills, rng)
    of_verdict_exports(place, first, kills, rng)
    left = [p.name for p in place.temp.iterdir()]
    print(f"in the folder for temporary files: {left or 'nothing'}")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0]), int(given[1]) if len(given) > 1 else 20)
