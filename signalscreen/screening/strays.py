"""Who is at work on a store, and what killed runs left in it: chunks that were not renamed to their names yet."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_PATTERN = "*.partial"  # of Zarr
_FRESH = 2.0  # s: whoever makes a store, or names records, holds nothing yet; each file takes milliseconds


@contextmanager
def at_work(path: str) -> Iterator[None]:
    """Hold a store's folder while writing to it; who finds nobody else there clears away what killed runs left.

    On Windows, on disks without locks and in the stores of a cloud nothing is held, and nothing cleared.
    """
    with ExitStack() as stack:
        with suppress(ImportError, OSError):
            from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, flock

            folder = os.open(path, os.O_RDONLY)
            stack.callback(os.close, folder)
            with suppress(BlockingIOError):
                flock(folder, LOCK_EX | LOCK_NB)
                _clear(Path(path))
            flock(folder, LOCK_SH)  # let go when it is closed, by kill -9 too
        yield


def _clear(folder: Path) -> None:
    for stray in folder.rglob(_PATTERN):
        with suppress(OSError):
            if time.time() - stray.stat().st_mtime > _FRESH:
                stray.unlink()
