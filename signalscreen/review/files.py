"""Files that the server gives out: those of the page, and exports. A name is looked up in a list, never joined."""

import os
import stat
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from signalscreen.errors import RecordingError

_KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}

# As what was a file a moment ago may be a link or a FIFO by now.
_CAREFULLY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_STATIC = files("signalscreen.review").joinpath("static")


def static_file(name: str) -> tuple[bytes, str] | None:
    """Content and type of one of the page's own files; None where there is no such file."""
    if not _STATIC.is_dir():
        return None
    for one in _STATIC.iterdir():
        kind = _KINDS.get(Path(one.name).suffix)
        if kind is not None and one.name == name and one.is_file():
            return one.read_bytes(), kind
    return None


def exported_file(folder: Path, name: str) -> int | None:
    """Open a file of a folder for reading; None where the folder lists no such file, or it is no plain file.

    A link is not followed: it may point anywhere.
    """
    try:
        if folder.is_symlink() or name not in os.listdir(folder):  # noqa: PTH208 (names are what is wanted)
            return None
        if not stat.S_ISREG((folder / name).lstat().st_mode):  # opening a FIFO would wait for its other end
            return None
        opened = os.open(folder / name, os.O_RDONLY | _CAREFULLY)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(opened).st_mode):
        return opened
    os.close(opened)
    return None


def only_files(folder: Path, *, deep: bool = True) -> None:
    """See that a store holds nothing but files and folders: to open a FIFO is to wait for its other end, for ever.

    Exports and verdicts are left out, which are looked at when they are opened.

    Raises
    ------
    RecordingError
        If something else is there: a FIFO, a socket, a device, or a link to one.
    """
    for path in _inside(folder, deep, {"exports", "verdicts"}):
        raise RecordingError(
            f"{path} is no file but a pipe, socket or device; remove it, or screen the recording again"
        )


def _inside(folder: Path, deep: bool, left_out: set[str]) -> Iterator[str]:
    """What is neither file nor folder."""
    waiting, seen = [str(folder)], set()
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:  # it has gone, or may not be read: whoever reads it says so
            continue
        for entry in entries:
            if entry.is_dir():
                about = entry.stat()
                known = about.st_dev, about.st_ino
                if deep and known not in seen and entry.name not in left_out:
                    waiting.append(entry.path)
                seen.add(known)  # a link may lead back
            elif not entry.is_file() and not (entry.is_symlink() and not Path(entry.path).exists()):
                yield entry.path
        left_out = set()
