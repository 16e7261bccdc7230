"""The paths of the review server, as Tornado handlers. Work that reads or writes is done in threads."""

import json
import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.iostream import StreamClosedError
from tornado.web import Application, HTTPError, RequestHandler

from signalscreen.review.answers import Answers
from signalscreen.review.files import exported_file, static_file
from signalscreen.review.guard import OPEN, Guard
from signalscreen.review.progress import progress
from signalscreen.review.reply import MOST_BODY, Nothing, Refused, Reply, Review, TooLarge, short
from signalscreen.verdicts import VERDICTS

_LOG = logging.getLogger(__name__)
_PIECE = 1 << 18


class GuardedApplication(Application):
    """The guard stands before the paths: what it refuses reaches no handler of them, and none of its body is read.

    Attributes
    ----------
    admit : callable
        Told of the connection of each request that is answered; whether it may be.
    """

    admit: Callable[[Any], bool] = staticmethod(lambda _: True)

    def __init__(self, guard: Guard, review: Review) -> None:
        self.guard = guard
        super().__init__(
            [
                (f"/{OPEN}/([A-Za-z0-9_-]+)", Enter, {"guard": guard}),
                *((f"/{guard.token}{path}", handler) for path, handler in _PATHS),
            ],
            default_handler_class=Nothing,
            log_function=_quiet,
            compress_response=True,
            review=review,
            headers=guard.headers,
        )

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """Give the handler of a request, or the one that says why it has none."""
        refused = self.guard.refusal(request.path, request.headers) or self._full(request) or _unmeasured(request)
        if refused is not None:
            return self.get_handler_delegate(request, Refused, {"status": refused[0], "reason": refused[1]})
        if int(request.headers.get("Content-Length", "0")) > MOST_BODY:
            return self.get_handler_delegate(request, TooLarge)
        return super().find_handler(request, **kwargs)

    def _full(self, request: HTTPServerRequest) -> tuple[int, str] | None:
        if self.admit(getattr(request.server_connection, "stream", None)):
            return None
        return 503, "there are too many connections to the review; close some of its tabs"


def _unmeasured(request: HTTPServerRequest) -> tuple[int, str] | None:
    """A body is taken only with its length, which every browser sends."""
    length = request.headers.get("Content-Length", "0")
    if "Transfer-Encoding" in request.headers or not (length.isascii() and length.isdigit()):
        return 411, "a request has to say the length of its body, as one number"
    return None


def _quiet(_: RequestHandler) -> None:
    """No log of requests: their paths hold the token."""


_WAY = """<!DOCTYPE html><meta charset="utf-8"><title>SignalScreen review</title>
<script>location.replace({address})</script>"""
_USED = """<!DOCTYPE html><meta charset="utf-8"><title>SignalScreen review</title>
<p>This way into the review opens once, within five minutes, and that has been. Open the address that
signalscreen printed; in a notebook, run the cell again.</p>"""


class Enter(Reply):
    """Where a ticket leads: to the page, by a step that the browser takes for our own, and not a second time."""

    def initialize(self, guard: Guard) -> None:  # noqa: D102
        self._guard = guard

    def get(self, ticket: str) -> None:  # noqa: D102
        good = self._guard.tickets.take(ticket)
        self.set_status(200 if good else 410)
        page = _WAY.format(address=json.dumps(f"/{self._guard.token}/")) if good else _USED
        self.send_bytes(page.encode(), "text/html; charset=utf-8")


class Page(Reply):
    """The page of a record."""

    async def get(self) -> None:  # noqa: D102
        await self.work(self.review.records.renew, self.name())
        self.send_bytes(await self.work(_page, self.review, self.name()), "text/html; charset=utf-8")

    async def head(self) -> None:
        """Make it ready: the page of another record asks for this while the reviewer looks at its last alarm."""
        await self.work(_page, self.review, self.name())


class Static(Reply):
    """The page's own files."""

    async def get(self, name: str) -> None:  # noqa: D102
        found = await self.work(static_file, name)
        if found is None:
            raise HTTPError(404, reason="there is nothing here")
        content, kind = found
        self.keep(finished=False)
        self.send_bytes(content, kind)


def _page(review: Review, name: str) -> bytes:
    """The page of a record: some tenths of a second to make, and the same for as long as the record is open."""
    from signalscreen.review.page import page_html

    opened = review.records[name]
    with opened.making:
        if not opened.page:
            opened.page = page_html(_info(review, name)).encode()
        return opened.page


class Card(Reply):
    """What was measured of the model that the record was screened with: plain text."""

    async def get(self) -> None:  # noqa: D102
        card = await self.work(lambda: self.answers().record.card)
        if not card:
            raise HTTPError(404, reason="the model's file names no card")
        self.send_bytes(card.encode(), "text/plain; charset=utf-8")


class Records(Reply):
    """How many alarms each record has, as far as they were counted."""

    async def get(self) -> None:  # noqa: D102
        self.send_json(await self.work(self.review.tally.counted, self.name()))


class Info(Reply):
    """What the page must know before it asks for anything else."""

    async def get(self) -> None:  # noqa: D102
        self.send_json(await self.work(_info, self.review, self.name()))


def _info(review: Review, name: str) -> dict[str, Any]:
    return {
        **review.records[name].answers.info(),
        "records": review.records.names,
        "verdicts": list(VERDICTS),
        "reviewer": review.reviewer,
    }


def warm(review: Review) -> None:
    """Make the first page before it is asked for: Bokeh is imported while a browser opens."""
    from signalscreen.review.page import page_html

    try:
        if len(review.records.names) > 1:  # the pyramids of a database are built when a record is looked at
            page_html({"leads": [{}]})
            return
        _page(review, review.records.first)
        review.records[review.records.first].answers.warm()
    except Exception as error:
        if "shutdown" not in str(error):  # Python is ending, and takes its threads along: nobody will ask
            _LOG.exception("the review page could not be made ready")  # whoever asks for it is told why


class Progress(Reply):
    """How far the record is now."""

    async def get(self) -> None:  # noqa: D102
        found = await self.work(progress, self.answers().record)
        self.send_json(found.as_dict())


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
            raise HTTPError(400, reason=f"leads={short(asked)} are not whole numbers with commas") from None


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
    """Take back one of the reviewer's edits."""

    async def post(self) -> None:  # noqa: D102
        self.send_json(await self.work(self.table().undo, self.body()))


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
    ("/card", Card),
    ("/api/info", Info),
    ("/api/records", Records),
    ("/api/progress", Progress),
    ("/api/tile", Tile),
    ("/api/windows", Windows),
    ("/api/marks", Marks),
    ("/api/verdicts", Verdicts),
    (r"/api/verdicts/([A-Za-z0-9-]{1,64})", OneVerdict),
    ("/api/undo", Undo),
    ("/api/export", Export),
    (r"/api/export/([A-Za-z0-9_.-]{1,200})", Download),
]
