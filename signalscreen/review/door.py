"""The page is opened by a file that only its owner can read: a browser's command line is everybody's to read."""

import html
import os
import platform
import shutil
import tempfile
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from signalscreen.errors import SignalScreenWarning, warn

_BY_HAND = "open the address above in a browser"
_FILE = """<!DOCTYPE html>
<meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={url}">
<title>SignalScreen review</title><p><a href="{url}">Open the review</a></p>
"""


def open_page(way_in: str, used: Event, wait: float) -> None:
    """Open the page in this computer's browser, and wait until it has come in.

    Parameters
    ----------
    way_in : str
        Address that opens once. It is in no command line: the browser is given a file's name.
    used : Event
        Set when the browser has come in; then the file is deleted.
    wait : float
        Seconds to wait for that.

    Warns
    -----
    SignalScreenWarning
        If no browser can be opened so.
    """
    if "microsoft" in platform.release().lower():
        # The browser is one of Windows: it does not read our files, and an address would be in its command line.
        warn(f"no browser is opened from WSL; {_BY_HAND}", SignalScreenWarning)
        return
    try:
        with redirect(way_in) as file:
            if webbrowser.open(file.as_uri()):
                used.wait(wait)
            else:
                warn(f"no browser was found; {_BY_HAND}", SignalScreenWarning)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        warn(f"no browser is opened, for its file cannot be written ({reason}); {_BY_HAND}", SignalScreenWarning)


@contextmanager
def redirect(url: str) -> Iterator[Path]:
    """Give a file (0600, in a folder of its own, 0700) that leads a browser to an address, and delete it after.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    folder = Path(tempfile.mkdtemp(prefix="signalscreen-", dir=_place()))
    try:
        file = folder / "review.html"
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(opened, "w", encoding="utf-8") as writing:
            writing.write(_FILE.format(url=html.escape(url)))
        yield file
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place() -> Path | None:
    """Where a browser may read: one from a snap (Ubuntu's) sees neither /tmp nor hidden folders."""
    return Path.home() if Path("/snap/bin").is_dir() else None
