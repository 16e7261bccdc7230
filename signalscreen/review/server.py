"""``signalscreen review``: a web server for one reviewer, on this computer only."""

import asyncio
import getpass
import os
import secrets
import socket
import stat
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from signalscreen.errors import SignalScreenWarning, warn
from signalscreen.review.door import open_page
from signalscreen.review.guard import HOME, OPEN, Guard
from signalscreen.review.logs import THREADS, bound_logs
from signalscreen.review.ports import listening, usual_port
from signalscreen.review.recent_records import RecentRecords
from signalscreen.review.record import open_records
from signalscreen.review.tally import Tally
from signalscreen.review.tickets import LIFE

_THREADS = 6  # a browser asks six things at once


@dataclass(frozen=True, eq=False)
class RunningReview:
    """A review server in a thread.

    Attributes
    ----------
    url : str
        Of the page, token and all.
    warmed : Future
        Done when the first page is made, a second or two later; whoever asks for it before waits for it.
    """

    url: str
    warmed: "Future[None]"
    _loop: asyncio.AbstractEventLoop
    _thread: threading.Thread
    _ended: threading.Event
    _guard: Guard

    @property
    def entered(self) -> threading.Event:
        """Set when a browser has come by a `way_in`."""
        return self._guard.tickets.used

    def way_in(self) -> str:
        """Give an address that leads to the page once, within five minutes, and holds no token.

        For what others may come to read: a file, the output of a notebook's cell.
        """
        return f"http://{HOME}:{self._guard.port}/{OPEN}/{self._guard.tickets.issue()}"

    def wait(self) -> None:
        """Wait until it is ended, or Ctrl-C."""
        # Not Thread.join: interrupted, it takes a running thread for an ended one (Python 3.11).
        self._ended.wait()

    def stop(self) -> None:
        """End it: connections are cut off, what is being read or saved is finished. A second call does nothing."""
        if not self._ended.is_set():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def __enter__(self) -> "RunningReview":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def serve(
    store: str | os.PathLike[str],
    *,
    port: int | None = None,
    reviewer: str | None = None,
    open_browser: bool = True,
) -> None:
    """Serve the review of a store until Ctrl-C.

    Parameters
    ----------
    store : path
        What `signalscreen screen` wrote: one record, or a database.
    port : int, optional
        If left out, the same at every start for this folder and reviewer, or any free one where that is in use.
    reviewer : str, optional
        Whose verdicts these are; the name of the user if left out.
    open_browser : bool
        Whether to open the page in the browser of this computer.

    Raises
    ------
    RecordingError
        If there is no such store.
    OptionError
        If the port is in use.
    OutputError
        If the pyramid cannot be written.
    """
    running = start_in_thread(store, port=port, reviewer=reviewer)
    with running:
        running.warmed.result()
        _warn_of_readers()
        print(f"review at {running.url}\nCtrl-C ends it; every verdict is saved at once", flush=True)
        try:
            if open_browser:
                open_page(running.way_in(), running.entered, LIFE)
            running.wait()
        except KeyboardInterrupt:
            print("ended")


def start_in_thread(
    store: str | os.PathLike[str],
    *,
    port: int | None = None,
    reviewer: str | None = None,
    notebook: bool = False,
) -> RunningReview:
    """Start a review server in a thread of its own, as tests and notebooks need it.

    Parameters and errors are those of `serve`; with `notebook`, pages on this computer may show it in a frame.

    Returns
    -------
    RunningReview
        Its ``url`` is answered from now on; ``stop()`` ends it.
    """
    who = reviewer or getpass.getuser()
    stored = open_records(store)
    records = RecentRecords(stored, who)
    found = listening(port, usual_port(store, who))  # first, so that a port in use is said before any work
    try:
        if len(stored) == 1:  # those of a database are built when a record is first looked at
            records[records.first].answers.build()
        guard = Guard(secrets.token_urlsafe(24), found.getsockname()[1], notebook)
        server = _server(guard, records, Tally(stored, who), who)
    except BaseException:
        found.close()
        raise
    bound_logs()
    loop = asyncio.new_event_loop()
    ready, ended = threading.Event(), threading.Event()
    thread = threading.Thread(target=_run, args=(loop, server, found, ready, ended), name=THREADS, daemon=True)
    thread.start()
    ready.wait()
    from signalscreen.review.handlers import warm

    review = server.request_callback.settings["review"]
    warmed = review.executor.submit(warm, review)
    return RunningReview(f"http://{HOME}:{guard.port}/{guard.token}/", warmed, loop, thread, ended, guard)


def _warn_of_readers() -> None:
    """The address is for the reviewer alone: say so where it goes into a file that others can read."""
    try:
        mode = os.fstat(sys.stdout.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # no file at all
        return
    if sys.platform != "win32" and stat.S_ISREG(mode) and mode & (stat.S_IRGRP | stat.S_IROTH):
        warn(
            "the address of the review goes into a file that other users can read, and would let them in; "
            "use 'umask 077' before the command, or chmod 600 on the file",
            SignalScreenWarning,
        )


def _server(guard: Guard, records: RecentRecords, tally: Tally, reviewer: str) -> Any:
    from signalscreen.review.connections import BoundedServer
    from signalscreen.review.handlers import GuardedApplication
    from signalscreen.review.reply import Review

    executor = ThreadPoolExecutor(_THREADS, thread_name_prefix=THREADS)
    application = GuardedApplication(guard, Review(records, tally, reviewer, executor))
    server = BoundedServer(application)
    application.admit = server.admit
    return server


def _run(
    loop: asyncio.AbstractEventLoop,
    server: Any,
    listening: socket.socket,
    ready: threading.Event,
    ended: threading.Event,
) -> None:
    """Body of the server's thread."""
    asyncio.set_event_loop(loop)

    async def listen() -> None:
        server.add_socket(listening)

    try:
        loop.run_until_complete(listen())
        # Not before: a stop that comes while `listen` ends would end that alone, and the server would run on.
        loop.call_soon(ready.set)
        loop.run_forever()
    finally:
        ready.set()
        loop.run_until_complete(_closed(server))
        server.request_callback.settings["review"].executor.shutdown(cancel_futures=True)
        loop.close()
        ended.set()


async def _closed(server: Any) -> None:
    server.stop()
    await server.close_all_connections()
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
