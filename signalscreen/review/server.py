"""``signalscreen review``: a web server for one reviewer, on this computer only."""

import asyncio
import getpass
import os
import secrets
import socket
import threading
import webbrowser
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from signalscreen.errors import OptionError
from signalscreen.review.guard import HOME, Guard
from signalscreen.review.recent_records import RecentRecords
from signalscreen.review.record import open_records
from signalscreen.review.tally import Tally

_THREADS = 6  # a browser asks six things at once
_LARGEST_REQUEST = 1 << 24  # read whole, to be refused in words; a larger one is cut off


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
        Any free one if left out.
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
        print(f"review at {running.url}\nCtrl-C ends it; every verdict is saved at once", flush=True)
        if open_browser:
            webbrowser.open(running.url)
        try:
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
    listening = _listening(port)  # first, so that a port in use is said before any work
    try:
        if len(stored) == 1:  # those of a database are built when a record is first looked at
            records[records.first].answers.build()
        guard = Guard(secrets.token_urlsafe(24), listening.getsockname()[1], notebook)
        server = _server(guard, records, Tally(stored, who), who)
    except BaseException:
        listening.close()
        raise
    loop = asyncio.new_event_loop()
    ready, ended = threading.Event(), threading.Event()
    thread = threading.Thread(
        target=_run, args=(loop, server, listening, ready, ended), name="signalscreen-review", daemon=True
    )
    thread.start()
    ready.wait()
    from signalscreen.review.handlers import warm

    review = server.request_callback.settings["review"]
    warmed = review.executor.submit(warm, review)
    return RunningReview(f"http://{HOME}:{guard.port}/{guard.token}/", warmed, loop, thread, ended)


def _listening(port: int | None) -> socket.socket:
    if port is not None and not 0 <= port <= 65535:
        raise OptionError(f"port {port} is not possible; give 1 to 65535, or leave it out for a free one")
    try:
        found = socket.create_server((HOME, port or 0))
    except OSError as error:
        reason = (error.strerror or str(error)).lower().split(" (while")[0]
        raise OptionError(
            f"port {port} cannot be used ({reason}); give another with --port, or leave it out for a free one"
        ) from error
    found.setblocking(False)
    return found


def _server(guard: Guard, records: RecentRecords, tally: Tally, reviewer: str) -> Any:
    from tornado.httpserver import HTTPServer

    from signalscreen.review.handlers import GuardedApplication
    from signalscreen.review.reply import Review

    executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="signalscreen-review")
    application = GuardedApplication(guard, Review(records, tally, reviewer, executor))
    return HTTPServer(application, max_body_size=_LARGEST_REQUEST)


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
