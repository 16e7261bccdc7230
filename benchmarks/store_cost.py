"""What it costs that a store vouches for itself: a day of ECG screened and read, with checksums and without.

python -m benchmarks.store_cost FOLDER [HOURS] [REPEATS]

FOLDER holds the record of ``python -m benchmarks.day FOLDER``, and gets the stores. "Without" is the same code, but
arrays have no crc32c, empty chunks are left out and nobody looks at chunks. Both take turns, and the best counts.
"""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import signalscreen as ss
from benchmarks.day import MODEL, SETTINGS
from benchmarks.screening_day import timed
from signalscreen.screening import allocation, making, store, summarise


@contextmanager
def without_checksums() -> Iterator[None]:
    from zarr.codecs import BloscCodec

    blosc = {"compressors": BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle")}
    with ExitStack() as stack:
        stack.enter_context(patch.object(allocation, "_packed", lambda: blosc))
        stack.enter_context(patch.object(allocation, "_plain", lambda: {"compressors": None}))
        stack.enter_context(patch.object(allocation, "_worded", lambda _: {}))
        stack.enter_context(patch.object(making, "mend", lambda *_: None))
        stack.enter_context(patch.object(store, "_checked", lambda group, *_: group))
        stack.enter_context(patch.object(store, "contradictions", lambda *_: []))
        stack.enter_context(patch.object(store, "arrays_of", lambda path: dict(store.opened(path, "r+").arrays())))
        yield


@contextmanager
def with_checksums() -> Iterator[None]:
    yield


def size_of(folder: Path) -> tuple[int, int]:
    """Bytes and files."""
    files = [p for p in folder.rglob("*") if p.is_file()]
    return sum(p.stat().st_size for p in files), len(files)


def read_all(out: Path) -> None:
    group = store.opened(out)
    for name in ("signal", "bad", "attribution_saliency"):
        step = group[name].chunks[0]
        for first in range(0, group[name].shape[0], step):
            group[name][first : first + step]


def main(folder: Path, hours: float, repeats: int) -> None:
    settings = {**SETTINGS, "end": hours * 3600, "progress": False}
    day = folder / "day"
    kinds: dict[str, Any] = {"without": without_checksums, "with": with_checksums}
    times: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _ in range(repeats):
        for kind, context in kinds.items():
            out = folder / f"{kind}.zarr"
            shutil.rmtree(out, ignore_errors=True)
            steps: dict[str, Callable[[], Any]] = {
                "screen": lambda out=out: ss.screen_recording(day, MODEL, out=out, **settings),
                "screen again": lambda out=out: ss.screen_recording(day, MODEL, out=out, **settings),
                "open": lambda out=out: ss.open_results(out),
                "summary": lambda out=out: summarise(out),
                "read all": lambda out=out: read_all(out),
            }
            with context():
                for name, work in steps.items():
                    times.setdefault((name, kind), []).append(timed(work))
    for name in steps:
        told = []
        for kind in kinds:
            clock, cpu = (min(one) for one in zip(*times[name, kind], strict=True))
            told.append(f"{kind} {clock:7.2f} s (CPU {cpu:7.2f} s)")
        print(f"{name:13} {', '.join(told)}")
    for kind in kinds:
        size, count = size_of(folder / f"{kind}.zarr")
        print(f"{kind}: {size / 1e6:.2f} MB in {count} files")


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0]), float(given[1]) if len(given) > 1 else 24.0, int(given[2]) if len(given) > 2 else 2)
