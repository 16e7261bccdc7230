"""Requests as a browser sends them, or as somebody else would."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """Of one request."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        """The content, strictly read: NaN is no JSON."""

        def refuse(name: str) -> None:
            raise AssertionError(f"{name} in JSON")

        return json.loads(self.content, parse_constant=refuse)

    @property
    def error(self) -> str:
        """The sentence of a refusal."""
        assert self.headers["content-type"].startswith("application/json")
        assert set(self.json) == {"error"}
        return str(self.json["error"])


def ask(url: str, path: str, method: str = "GET", body: Any = None, **headers: str) -> Answer:
    """Ask a server for a path below its page's address; a path with a leading slash is taken as it is."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        target = path if path.startswith("/") else parts.path + path
        connection.request(method, target, content, {name.replace("_", "-"): v for name, v in headers.items()})
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()
