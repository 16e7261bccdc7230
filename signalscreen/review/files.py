"""Files that the server gives out: those of the page, and exports. A name is looked up in a list, never joined."""

import os
import stat
from importlib.resources import files
from pathlib import Path

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
