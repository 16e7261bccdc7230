"""Files are written whole or not at all, and what killed runs left is cleared away.

What is being written lies in a hidden folder beside its place, which its writer locks. The lock goes with the
process, by ``kill -9`` too, so that the next run knows what nobody writes any more. The file itself is not locked:
HDF5 has locks of its own.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from glob import escape
from pathlib import Path

from signalscreen.errors import OutputError

_DAY = 86400.0  # s: without locks, what is older is nobody's


@contextmanager
def atomically(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path in a folder beside the wanted one to write to; move it there when the block ends well.

    A reader never sees half a file, and an error leaves what was there before. What a killed run left of the same
    file is removed.

    Parameters
    ----------
    path : path
        The file wanted; its folder must exist.

    Raises
    ------
    OutputError
        If the file cannot be written: no such folder, no permission, no space.
    """
    wanted = Path(path)
    folder = wanted.with_name(f".{wanted.name}.{os.getpid()}.part")
    try:
        clear_abandoned(wanted.parent, f".{escape(wanted.name)}.*.part")
        folder.mkdir()
        with held(folder):
            yield folder / wanted.name
            (folder / wanted.name).replace(wanted)
    except OSError as error:
        raise OutputError(f"{wanted} cannot be written ({_reason(error)}); choose another folder") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def output_folder(path: str | os.PathLike[str]) -> Path:
    """Make the folder for results where it is not there yet, and see that files can be made in it.

    Raises
    ------
    OutputError
        If it cannot be made, or nothing can be written to it. Said before the work starts, not after.
    """
    folder = Path(path)
    probe = folder / f".signalscreen.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
        clear_abandoned(folder, ".signalscreen.*.part")
    except OSError as error:
        raise OutputError(
            f"nothing can be written to {folder} ({_reason(error)}); choose another folder"
        ) from error
    return folder


@contextmanager
def workspace() -> Iterator[Path]:
    """Give a folder for files that are read again at once; it is removed, and so are those of killed runs."""
    clear_abandoned(Path(tempfile.gettempdir()), "signalscreen.*.part")
    folder = Path(tempfile.mkdtemp(prefix="signalscreen.", suffix=".part"))
    try:
        with held(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Make a file, or take the folder that is there, and lock it for as long as it is written. Not on Windows."""
    with ExitStack() as stack:
        with suppress(ImportError):
            from fcntl import LOCK_EX, flock

            is_folder = path.is_dir()
            flags = os.O_RDONLY if is_folder else os.O_RDWR | os.O_CREAT
            while True:
                if is_folder:
                    path.mkdir(exist_ok=True)
                file = os.open(path, flags, 0o666)
                stack.callback(os.close, file)
                with suppress(OSError):  # some network disks know no locks
                    flock(file, LOCK_EX)
                if _is(file, path):  # another process may have taken it for abandoned, before the lock
                    break
        yield


def clear_abandoned(folder: Path, pattern: str) -> None:
    """Remove files and folders of a pattern that nobody writes any more; what cannot be removed stays."""
    for one in folder.glob(pattern):
        with suppress(OSError):
            if not one.is_symlink() and _abandoned(one):
                if one.is_dir():
                    shutil.rmtree(one, ignore_errors=True)
                else:
                    one.unlink(missing_ok=True)


def _abandoned(path: Path) -> bool:
    """Whether nobody holds what was being written, and it is ours."""
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock
    except ImportError:
        return _old(path)
    if path.stat().st_uid != os.getuid():
        return False
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO would be waited for
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return _old(path)
    finally:
        os.close(file)
    return True


def _old(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > _DAY


def _is(file: int, path: Path) -> bool:
    """Whether an open file is that at a path."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _reason(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()
