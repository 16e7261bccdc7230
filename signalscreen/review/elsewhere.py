"""Where the pyramid of a store lies that cannot be written to: in the user's cache, or in a temporary folder."""

import atexit
import errno
import os
import shutil
import time
from contextlib import ExitStack
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from signalscreen.errors import SignalScreenWarning, warn
from signalscreen.output import workspace

_UNUSED = 30 * 86400.0  # s
_REFUSED = (errno.EROFS, errno.EACCES, errno.EPERM)


def is_refused(error: BaseException) -> bool:
    """Whether an error is for want of permission to write, and not for want of room."""
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno in _REFUSED


@lru_cache(maxsize=64)
def elsewhere(store: Path) -> Path:
    """Give the folder of a store in the cache, and clear away what was not used for a month.

    Warns
    -----
    SignalScreenWarning
        Once for a store: no verdict can be saved in it.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "signalscreen" / "pyramids"
    try:
        folder = cache / sha256(os.fsencode(store.resolve())).hexdigest()[:16]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.utime(folder)
        _clear(cache)
    except (OSError, RuntimeError):  # read-only as well, or nobody's home
        folder = _temporary()
    warn(
        f"the store {store} cannot be written to: its overview is kept in {folder}, and verdicts cannot be saved; "
        "copy the store to where you may write, to keep verdicts",
        SignalScreenWarning,
    )
    return folder


def _clear(cache: Path) -> None:
    for one in cache.iterdir():
        if time.time() - one.stat().st_mtime > _UNUSED:
            shutil.rmtree(one, ignore_errors=True)


def _temporary() -> Path:
    """A folder that is there as long as this process."""
    stack = ExitStack()
    folder = stack.enter_context(workspace())
    atexit.register(stack.close)
    return folder
