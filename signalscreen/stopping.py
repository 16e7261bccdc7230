"""Ctrl-C while TensorFlow computes: the computation is cancelled, and the interrupt is raised.

Python hears of a signal when the main thread comes back to it, and from a loop that never ends it does not. The
number of the signal is written to a socket at once, however, where another thread reads it and cancels the call.
"""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from signalscreen.backend import cancellation


class _Call:
    """The call that the main thread is in, if any."""

    manager: Any = None
    asked = False  # to stop; TensorFlow cancels a call that fails, too
    next_reader = -1  # who was told of signals before


@contextmanager
def stoppable() -> Iterator[None]:
    """Let Ctrl-C cancel what TensorFlow computes in here.

    Only in the main thread, which alone is interrupted, and where Ctrl-C raises ``KeyboardInterrupt``.

    Raises
    ------
    KeyboardInterrupt
        Ctrl-C was pressed.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if (
        not is_main
        or _Call.manager is not None
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return
    manager = _Call.manager = cancellation.CancellationManager()
    _Call.asked = False
    _Call.next_reader = signal.set_wakeup_fd(_listening(), warn_on_full_buffer=False)
    try:
        with cancellation.CancellationManagerContext(manager):
            yield
    except Exception as error:
        if _Call.asked:
            raise KeyboardInterrupt from error
        raise
    finally:
        _Call.manager = None
        signal.set_wakeup_fd(_Call.next_reader, warn_on_full_buffer=False)


@lru_cache(maxsize=1)
def _listening() -> int:
    """Where the numbers of signals go, with a thread that reads them."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    threading.Thread(target=_listen, args=(reader, writer), name="signalscreen-stop", daemon=True).start()
    return writer.fileno()


def _listen(reader: socket.socket, _writer: socket.socket) -> None:
    while number := reader.recv(1):
        manager = _Call.manager
        if number[0] == signal.SIGINT and manager is not None:
            _Call.asked = True
            manager.start_cancel()
        if _Call.next_reader >= 0:
            with contextlib.suppress(OSError):
                os.write(_Call.next_reader, number)


def _forget_after_fork() -> None:
    """A child process has none of its parent's threads."""
    _listening.cache_clear()
    _Call.manager = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
