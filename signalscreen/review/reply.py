"""What all handlers of the review server do alike: security headers, JSON errors, records by name, threads."""

import asyncio
import json
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from tornado.web import HTTPError, RequestHandler, stream_request_body

from signalscreen.errors import OutputError, SignalScreenError
from signalscreen.review.answers import Answers, json_bytes
from signalscreen.review.recent_records import RecentRecords
from signalscreen.review.table import Table
from signalscreen.review.tally import Tally

_LOG = logging.getLogger(__name__)
MOST_BODY = 1 << 20  # a note of 10,000 characters is 120 kB at most
_FOR_EVER = "private, max-age=31536000, immutable"


@dataclass(frozen=True)
class Review:
    """What the handlers share.

    Attributes
    ----------
    records : RecentRecords
        By name.
    tally : Tally
        Of their alarms.
    reviewer : str
    executor : Executor
        Where files are read and written, so that a slow disk holds up one request only.
    """

    records: RecentRecords
    tally: Tally
    reviewer: str
    executor: Executor


class Reply(RequestHandler):
    """Security headers, JSON errors, records by name, work in threads."""

    @property
    def review(self) -> Review:
        """What all handlers share."""
        return self.settings["review"]

    def set_default_headers(self) -> None:  # noqa: D102
        self.clear_header("Server")
        for name, value in self.settings["headers"].items():
            self.set_header(name, value)

    def write_error(self, status_code: int, **kwargs: Any) -> None:  # noqa: D102
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, SignalScreenError):
            said = " ".join(str(error).split())
            self.set_status(507 if isinstance(error, OutputError) else 400)
        elif isinstance(error, HTTPError):
            said = error.reason or "this cannot be asked here"
            self.set_status(status_code)
        else:
            said = "the server failed at this; its terminal says how"
        self.send_json({"error": said})

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:  # noqa: D102
        if not isinstance(value, (HTTPError, SignalScreenError)):
            _LOG.error("a request of the review page failed", exc_info=(typ, value, tb))

    def send_json(self, value: Any) -> None:
        """End the answer."""
        self.send_bytes(value if isinstance(value, bytes) else json_bytes(value), "application/json; charset=utf-8")

    def send_bytes(self, content: bytes, kind: str) -> None:
        """End the answer."""
        self.set_header("Content-Type", kind)
        self.finish(content)

    def keep(self, *, finished: bool) -> None:
        """Let the browser keep the answer: for ever, or until it has asked (by the ETag that Tornado gives)."""
        self.set_header("Cache-Control", _FOR_EVER if finished else "private, no-cache")

    async def work(self, task: Callable[..., Any], *given: Any) -> Any:
        """Do it in a thread."""
        executor = self.review.executor
        return await asyncio.get_running_loop().run_in_executor(executor, task, *given)

    def name(self) -> str:
        """Name of the record that is asked for: the first that can be opened where none is given."""
        records = self.review.records
        name = self.get_query_argument("record", records.first, strip=False)
        if name not in records:
            raise HTTPError(404, reason=f"there is no record {short(name)} in this store")
        return name

    def answers(self) -> Answers:
        """Of the record that is asked for."""
        return self.review.records[self.name()].answers

    def table(self) -> Table:
        """Verdicts on the record that is asked for."""
        return self.review.records[self.name()].table

    def number(self, name: str, kind: type[int] | type[float]) -> Any:
        """Give a number of the query."""
        text = self.get_query_argument(name, "")
        try:
            return kind(text)
        except ValueError:
            wanted = "a whole number" if kind is int else "a number"
            raise HTTPError(400, reason=f"{name}={short(text)} is not {wanted}") from None

    def body(self) -> dict[str, Any]:
        """Give the JSON object that was sent."""
        try:
            found = json.loads(self.request.body or b"{}")
        except (ValueError, RecursionError):  # the second: a hundred thousand brackets
            found = None
        if not isinstance(found, dict):
            raise HTTPError(400, reason="the request holds no JSON object")
        return found


def short(text: str) -> str:
    """What somebody sent, short enough for a sentence and without what a header may not hold."""
    return ascii(text[:60])


@stream_request_body
class Refused(Reply):
    """What the guard has said; the same for every method, and before any of the body is read."""

    def initialize(self, status: int, reason: str) -> None:  # noqa: D102
        self._status, self._said = status, reason

    def prepare(self) -> None:  # noqa: D102
        self.set_status(self._status)
        self.send_json({"error": self._said})

    def data_received(self, chunk: bytes) -> None:
        """What still comes is dropped."""


@stream_request_body
class TooLarge(Reply):
    """A body that is not taken. It is read piece by piece and dropped: else the answer would not reach the page."""

    def data_received(self, chunk: bytes) -> None:
        """Drop it."""

    def post(self, *_: str) -> None:  # noqa: D102
        raise HTTPError(413, reason=f"a request of more than {MOST_BODY} bytes is not taken; shorten the note")

    get = head = delete = put = patch = options = post


@stream_request_body
class Nothing(Reply):
    """No such path."""

    def prepare(self) -> None:  # noqa: D102
        raise HTTPError(404, reason="there is nothing here")

    def data_received(self, chunk: bytes) -> None:
        """What still comes is dropped."""
