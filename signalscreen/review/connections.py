"""A server that can be held up by nobody: few connections, short waits, small requests."""

import sys
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream

_MOST = 128  # connections that have not shown the token, and as many that have
_WAIT = 20.0  # s for the headers of a request, and for its body; then a browser connects anew
_HEADERS = 1 << 14
_LARGEST = 1 << 24  # bytes of a body that is read to its end, to be refused in words; a larger one is cut off


class BoundedServer(HTTPServer):
    """A server for one browser, to which all programs of the computer can connect.

    Whoever has not shown the token is a stranger. Where there are too many of them, the one that has waited longest
    goes, so that a browser that comes then is let in.
    """

    def initialize(  # type: ignore[override]  # HTTPServer takes what it is made with
        self, application: Any, *, most: int | None = None, wait: float = _WAIT
    ) -> None:
        """Serve an application with `most` connections of each kind, and `wait` seconds for a part of a request."""
        super().initialize(
            application,
            idle_connection_timeout=wait,
            body_timeout=wait,
            max_header_size=_HEADERS,
            max_body_size=_LARGEST,
        )
        self._most = _room() if most is None else most
        self._strangers: dict[IOStream, None] = {}  # in the order in which they came
        self._known: set[IOStream] = set()

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Take a connection, and let go the oldest stranger where there are too many."""
        if len(self._strangers) >= self._most:
            oldest = next(iter(self._strangers))
            del self._strangers[oldest]
            oldest.close()
        self._strangers[stream] = None
        super().handle_stream(stream, address)

    def admit(self, stream: IOStream) -> bool:
        """Note that a connection has shown the token; whether there is room for it."""
        if stream in self._known:
            return True
        self._strangers.pop(stream, None)
        if len(self._known) >= self._most or stream.closed():
            return False
        self._known.add(stream)
        return True

    def on_close(self, server_conn: Any) -> None:
        """Forget a connection."""
        self._strangers.pop(server_conn.stream, None)
        self._known.discard(server_conn.stream)
        super().on_close(server_conn)


def _room() -> int:
    """How many connections of each kind there may be: no more than half of the files that may be open."""
    if sys.platform == "win32":
        return _MOST
    import resource

    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST if allowed < 0 else max(8, min(_MOST, allowed // 4))
