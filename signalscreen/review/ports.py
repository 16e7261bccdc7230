"""Where a server listens: at the same port each time, since a browser keeps unsaved edits for a port."""

import errno
import os
import socket
from hashlib import sha256

from signalscreen.errors import OptionError
from signalscreen.review.guard import HOME

_FIRST, _COUNT = 20_000, 12_000  # below the ports that systems give out by themselves


def usual_port(store: str | os.PathLike[str], reviewer: str) -> int:
    """Port of one reviewer's server of one store, the same at every start: from the folder's place and the name.

    >>> usual_port("/data/a.zarr", "anna") == usual_port("/data/b/../a.zarr", "anna")
    True
    """
    known = sha256(f"{os.path.realpath(store)}\0{reviewer}".encode("utf-8", "surrogateescape"))
    return _FIRST + int.from_bytes(known.digest()[:4], "big") % _COUNT


def listening(port: int | None, usual: int) -> socket.socket:
    """Listen on this computer only.

    Parameters
    ----------
    port : int or None
        None: the usual one, or any free one where that is in use. 0: any free one.
    usual : int

    Raises
    ------
    OptionError
        If a port was given and cannot be used.
    """
    if port is not None and not 0 <= port <= 65535:
        raise OptionError(f"port {port} is not possible; give 1 to 65535, or leave it out for a free one")
    try:
        found = _bound(usual) if port is None else socket.create_server((HOME, port))
    except OSError as error:
        reason = (error.strerror or str(error)).lower().split(" (while")[0]
        raise OptionError(
            f"port {port} cannot be used ({reason}); give another with --port, or leave it out for a free one"
        ) from error
    found.setblocking(False)
    return found


def _bound(usual: int) -> socket.socket:
    try:
        return socket.create_server((HOME, usual))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        return socket.create_server((HOME, 0))
