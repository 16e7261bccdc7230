"""A log that nobody can fill: what a server says over and over is said a few times."""

import logging
from threading import Lock
from time import monotonic

THREADS = "signalscreen-review"
"""The names of a server's threads begin so; what others of the process say is not touched."""

_MOST, _SPAN = 20, 600.0  # records, in so many seconds
_SAYING = (
    *("tornado.general", "tornado.application", "tornado.access", "asyncio"),
    *("signalscreen.review.reply", "signalscreen.review.handlers", "signalscreen.review.tally"),
)


class Few(logging.Filter):
    """Lets so many records of the server's threads pass in so many seconds.

    Parameters
    ----------
    most : int
    span : float
        Seconds.
    """

    def __init__(self, most: int = _MOST, span: float = _SPAN) -> None:
        super().__init__()
        self._most, self._span = most, span
        self._began, self._count = monotonic(), 0
        self._turn = Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it may pass; the last one says that it is the last."""
        if not (record.threadName or "").startswith(THREADS):
            return True
        with self._turn:
            if monotonic() - self._began > self._span:
                self._began, self._count = monotonic(), 0
            self._count += 1
            if self._count == self._most:
                record.msg = f"{record.msg} (what follows within {self._span / 60:.0f} minutes is not logged)"
            return self._count <= self._most


_FEW = Few()


def bound_logs() -> None:
    """Put the filter before all that a server may say; a second call does nothing."""
    for name in _SAYING:
        logging.getLogger(name).addFilter(_FEW)
