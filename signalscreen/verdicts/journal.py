"""A file of lines that is only ever appended to: nothing that was acknowledged is lost, nothing is torn.

An append takes a lock, cuts off what a killed writer left behind its last newline (and keeps it aside), writes
one line with ``O_APPEND``, and returns when the disk has it. Readers take no lock: they read whole lines.
"""

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from signalscreen.errors import OutputError, RecordingError

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_LOCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)  # let go when the file is closed, by kill -9 too


_BINARY = getattr(os, "O_BINARY", 0)  # of Windows, which else writes \r\n
_PIECE = 2**16


class Journal:
    """Lines of bytes in one file.

    Parameters
    ----------
    path : path
        Made, with its folder, by the first append.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read_to = 0
        self._file: tuple[int, int] | None = None

    def new_lines(self) -> tuple[list[bytes], bool]:
        """Give the whole lines since the last call, and whether reading began anew: another file lies there.

        Raises
        ------
        RecordingError
            If the file is there and cannot be read.
        """
        try:
            with open(self.path, "rb", opener=_at_once) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise OSError("it is no file but a pipe or device")
                same = (status.st_dev, status.st_ino)
                anew = self._file not in (None, same) or status.st_size < self._read_to
                if anew:
                    self._read_to = 0
                self._file = same
                file.seek(self._read_to)
                found = file.read()
        except FileNotFoundError:
            anew, self._read_to, self._file = self._file is not None, 0, None
            return [], anew
        except OSError as error:
            raise RecordingError(f"{self.path} cannot be read ({_reason(error)}); see what lies there") from error
        whole = found[: found.rfind(b"\n") + 1]
        self._read_to += len(whole)
        return whole.split(b"\n")[:-1], anew

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other process that appends to this file waiting.

        Raises
        ------
        OutputError
            If the folder cannot be written to, or by what is done inside.
        """
        try:
            self.path.parent.mkdir(exist_ok=True)
            lock = os.open(self.path.with_name(f".{self.path.stem}.lock"), os.O_RDWR | os.O_CREAT, 0o666)
            try:
                _lock(lock)
                yield
            finally:
                os.close(lock)
        except OutputError:
            raise
        except OSError as error:
            raise OutputError(
                f"{self.path} cannot be written ({_reason(error)}), and the last edit was not kept; make room or "
                "make the folder writable, then repeat it"
            ) from error

    def append(self, line: bytes) -> None:
        """Write one line, newline included; when this returns, it is on the disk. Call it within `locked`."""
        made = not self.path.exists()
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _BINARY, 0o666)
        try:
            size = self._mended(file)
            try:
                _write(file, line)
                os.fsync(file)
            except BaseException:
                # Half a line, or a whole one that the disk may not have: what is not acknowledged is not there.
                with contextlib.suppress(OSError):
                    os.ftruncate(file, size)
                raise
        finally:
            os.close(file)
        if made:
            _sync_folder(self.path.parent)

    def _mended(self, file: int) -> int:
        """Move a torn end of the file aside, and return the file's size without it."""
        size = os.fstat(file).st_size
        torn = b""
        while size - len(torn) > 0 and b"\n" not in torn:
            at = max(size - len(torn) - _PIECE, 0)
            os.lseek(file, at, os.SEEK_SET)
            torn = os.read(file, size - len(torn) - at) + torn
        torn = torn[torn.rfind(b"\n") + 1 :]
        if torn:
            with open(self.path.with_name(f"{self.path.name}.torn"), "ab", opener=_at_once) as aside:
                aside.write(torn + b"\n")
                aside.flush()
                os.fsync(aside.fileno())
            os.ftruncate(file, size - len(torn))
        return size - len(torn)


def _at_once(path: str, flags: int) -> int:
    """Open without waiting: a FIFO would wait for its other end, for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _reason(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()


def _write(file: int, line: bytes) -> None:
    """Write all of it: a nearly full disk takes a part first, then refuses."""
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(file, rest) :]


def _sync_folder(folder: Path) -> None:
    """A new file outlasts a power cut only when its folder is on the disk, too. Windows needs no such thing."""
    if sys.platform != "win32":
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
