"""The paths of the review server, as Tornado handlers. Work that reads or writes is done in threads."""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.iostream import StreamClosedError
from tornado.web import Application, HTTPError, RequestHandler

from signalscreen.errors import OutputError, SignalScreenError
from signalscreen.review.answers import Answers, json_bytes
from signalscreen.review.files import exported_file, static_file
from signalscreen.review.guard import HEADERS, Guard
from signalscreen.review.table import Table
from signalscreen.verdicts import VERDICTS

_LOG = logging.getLogger(__name__)
MOST_BODY = 1 << 20  # a note of 10,000 characters is 120 kB at most
_PIECE = 1 << 18
_FOR_EVER = "private, max-age=31536000, immutable"


@dataclass(frozen=True)
class Review:
    """What the handlers share.

    Attributes
    ----------
    records : mapping
        By name.
    tables : mapping
        Of verdicts, by record.
    reviewer : str
    executor : Executor
        Where files are read and written, so that a slow disk holds up one request only.
    """

    records: Mapping[str, Answers]
    tables: Mapping[str, Table]
    reviewer: str
    executor: Executor


class GuardedApplication(Application):
    """The guard stands before the paths: what it refuses reaches no handler of them."""

    def __init__(self, guard: Guard, review: Review) -> None:
        self.guard, self.review = guard, review
        super().__init__(
            [(f"/{guard.token}{path}", handler) for path, handler in _PATHS],
            default_handler_class=Nothing,
            log_function=_quiet,
            compress_response=True,
        )

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """Give the handler of a request, or the one that says why it has none."""
        refused = self.guard.refusal(request.path, request.headers)
        if refused is not None:
            return self.get_handler_delegate(request, Refused, {"status": refused[0], "reason": refused[1]})
        return super().find_handler(request, **kwargs)


def _quiet(_: RequestHandler) -> None:
    """No log of requests: their paths hold the token."""


class Reply(RequestHandler):
    """Security headers, JSON errors, records by name, work in threads."""

    application: GuardedApplication

    def set_default_headers(self) -> None:  # noqa: D102
        self.clear_header("Server")
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:  # noqa: D102
        if len(self.request.body) > MOST_BODY:
            raise HTTPError(413, reason=f"a request of more than {MOST_BODY} bytes is not taken; shorten the note")

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
        executor = self.application.review.executor
        return await asyncio.get_running_loop().run_in_executor(executor, task, *given)

    def name(self) -> str:
        """Name of the record that is asked for: the first where none is given."""
        records = self.application.review.records
        name = self.get_query_argument("record", next(iter(records)), strip=False)
        if name not in records:
            raise HTTPError(404, reason=f"there is no record {_short(name)} in this store")
        return name

    def answers(self) -> Answers:
        """Of the record that is asked for."""
        return self.application.review.records[self.name()]

    def table(self) -> Table:
        """Verdicts on the record that is asked for."""
        return self.application.review.tables[self.name()]

    def number(self, name: str, kind: type[int] | type[float]) -> Any:
        """Give a number of the query."""
        text = self.get_query_argument(name, "")
        try:
            return kind(text)
        except ValueError:
            wanted = "a whole number" if kind is int else "a number"
            raise HTTPError(400, reason=f"{name}={_short(text)} is not {wanted}") from None

    def body(self) -> dict[str, Any]:
        """Give the JSON object that was sent."""
        try:
            found = json.loads(self.request.body or b"{}")
        except (ValueError, RecursionError):  # the second: a hundred thousand brackets
            found = None
        if not isinstance(found, dict):
            raise HTTPError(400, reason="the request holds no JSON object")
        return found


def _short(text: str) -> str:
    """What somebody sent, short enough for a sentence and without what a header may not hold."""
    return ascii(text[:60])


class Refused(Reply):
    """What the guard has said; the same for every method."""

    def initialize(self, status: int, reason: str) -> None:  # noqa: D102
        self._status, self._said = status, reason

    def prepare(self) -> None:  # noqa: D102
        self.set_status(self._status)
        self.send_json({"error": self._said})


class Nothing(Reply):
    """No such path."""

    def prepare(self) -> None:  # noqa: D102
        raise HTTPError(404, reason="there is nothing here")


class Page(Reply):
    """The page of a record."""

    async def get(self) -> None:  # noqa: D102
        from signalscreen.review.page import page_html

        info = await self.work(_info, self.application.review, self.name())
        page = await self.work(page_html, info)
        self.send_bytes(page.encode(), "text/html; charset=utf-8")


class Static(Reply):
    """The page's own files."""

    async def get(self, name: str) -> None:  # noqa: D102
        found = await self.work(static_file, name)
        if found is None:
            raise HTTPError(404, reason="there is nothing here")
        content, kind = found
        self.keep(finished=False)
        self.send_bytes(content, kind)


class Info(Reply):
    """What the page must know before it asks for anything else."""

    async def get(self) -> None:  # noqa: D102
        self.send_json(await self.work(_info, self.application.review, self.name()))


def _info(review: Review, name: str) -> dict[str, Any]:
    return {
        **review.records[name].info(),
        "records": list(review.records),
        "verdicts": list(VERDICTS),
        "reviewer": review.reviewer,
    }


def warm(review: Review) -> None:
    """Make the first page before it is asked for: Bokeh is imported, and its figures made, while a browser opens."""
    from signalscreen.review.page import page_html

    try:
        if len(review.records) == 1:  # the pyramids of a database are built when a record is looked at
            name = next(iter(review.records))
            page_html(_info(review, name))
            review.records[name].warm()
    except Exception:
        _LOG.exception("the review page could not be made ready")  # whoever asks for it is told why


class Tile(Reply):
    """Planes of the pyramid."""

    async def get(self) -> None:  # noqa: D102
        answers = self.answers()
        asked = [self.number(name, int) for name in ("level", "first", "count")]
        method = self.get_query_argument("method", None) or None
        content = await self.work(answers.tile, *asked, method, self.leads(answers))
        self.keep(finished=answers.finished)
        self.send_bytes(content, "application/octet-stream")

    head = get  # Tornado counts the bytes, and sends none

    def leads(self, answers: Answers) -> Sequence[int]:
        """Give those asked for, as leads=0,2; all if left out."""
        asked = self.get_query_argument("leads", "")
        try:
            return [int(one) for one in asked.split(",")] if asked else range(len(answers.record.leads))
        except ValueError:
            raise HTTPError(400, reason=f"leads={_short(asked)} are not whole numbers with commas") from None


class Windows(Reply):
    """Columns of the list."""

    async def get(self) -> None:  # noqa: D102
        answers = self.answers()
        content = await self.work(lambda: answers.windows)
        self.keep(finished=False)
        self.send_bytes(content, "application/octet-stream")


class Marks(Reply):
    """Annotations, beats and bad signal in a span."""

    async def get(self) -> None:  # noqa: D102
        span = self.number("from", int), self.number("to", int)
        self.send_json(await self.work(self.answers().marks, *span))


class Verdicts(Reply):
    """All that stand; one more."""

    async def get(self) -> None:  # noqa: D102
        self.send_json(await self.work(self.table().current))

    async def post(self) -> None:  # noqa: D102
        self.send_json(await self.work(self.table().set, self.body()))


class OneVerdict(Reply):
    """Take a verdict away."""

    async def delete(self, one: str) -> None:  # noqa: D102
        self.send_json(await self.work(self.table().delete, one))


class Undo(Reply):
    """Take back the reviewer's last step."""

    async def post(self) -> None:  # noqa: D102
        self.send_json(await self.work(self.table().undo))


class Export(Reply):
    """Write verdicts as another format into the store's folder."""

    async def post(self) -> None:  # noqa: D102
        self.send_json(await self.work(self.table().export, self.body()))


class Download(Reply):
    """A file that was exported."""

    async def get(self, name: str) -> None:  # noqa: D102
        opened = await self.work(exported_file, self.table().exports, name)
        if opened is None:
            raise HTTPError(404, reason="there is no such export; make it first")
        with os.fdopen(opened, "rb") as file:
            self.set_header("Content-Type", "application/octet-stream")
            self.set_header("Content-Disposition", "attachment")
            try:
                while piece := await self.work(file.read, _PIECE):
                    self.write(piece)
                    await self.flush()
            except StreamClosedError:
                return  # the reader has gone
        self.finish()


_PATHS: list[tuple[str, type[Reply]]] = [
    ("/", Page),
    (r"/static/([A-Za-z0-9_.-]{1,80})", Static),
    ("/api/info", Info),
    ("/api/tile", Tile),
    ("/api/windows", Windows),
    ("/api/marks", Marks),
    ("/api/verdicts", Verdicts),
    (r"/api/verdicts/([A-Za-z0-9-]{1,64})", OneVerdict),
    ("/api/undo", Undo),
    ("/api/export", Export),
    (r"/api/export/([A-Za-z0-9_.-]{1,200})", Download),
]
