"""Who is answered: only the page that this server itself gave out, to the browser on this computer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

from signalscreen.review.tickets import Tickets

HOME = "127.0.0.1"
OPEN = "open"
"""First part of the paths of tickets."""

# Bokeh's JavaScript and styles are inline; nothing may be fetched from, sent to, or shown inside another site,
# which keeps a recording on this computer. Bokeh's WebGL and CustomJS would need unsafe-eval, its canvas does not.
_CONTENT = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors "
)
# Pages that may show a review made for a notebook: those of a notebook server, or an editor, on this computer.
_NOTEBOOKS = "http://localhost:* http://127.0.0.1:* https://localhost:* https://127.0.0.1:* vscode-webview:"
HEADERS = {
    "Content-Security-Policy": f"{_CONTENT}'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Guard:
    """The rules of one server.

    Attributes
    ----------
    token : str
        First part of every path.
    port : int
        That the server listens on.
    notebook : bool
        Whether a page of a notebook on this computer may show the page in a frame.
    tickets : Tickets
        Ways in that open once.
    """

    token: str
    port: int
    notebook: bool = False
    tickets: Tickets = field(default_factory=Tickets)

    @property
    def headers(self) -> dict[str, str]:
        """What every answer tells the browser."""
        if not self.notebook:
            return HEADERS
        framed = {**HEADERS, "Content-Security-Policy": _CONTENT + _NOTEBOOKS}
        del framed["X-Frame-Options"]  # which knows no list
        return framed

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names by which a browser may call this server."""
        return f"{HOME}:{self.port}", f"localhost:{self.port}"

    def refusal(self, path: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
        """Say why a request is not answered, as status and sentence; None where it is.

        Another name in Host is a page elsewhere whose name was made to point here (DNS rebinding). Another
        Origin, or a Sec-Fetch-Site other than one's own page (same-origin) or one's own typing (none), is a page
        elsewhere that asks directly. The token keeps out other users and programs of this computer.
        """
        if headers.get("Host", "") not in self.hosts:
            return 403, (
                f"this server answers to {self.hosts[0]} only; open the address that it printed "
                f"(from another computer: ssh -L {self.port}:{self.hosts[0]})"
            )
        origin = headers.get("Origin")
        if origin is not None and origin not in tuple(f"http://{host}" for host in self.hosts):
            return 403, "this server answers its own page only; open the address that it printed"
        if headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none") and not self._enters(path, headers):
            return 403, "this server answers its own page only; paste the address that it printed into the browser"
        first, _, rest = path.removeprefix("/").partition("/")
        given = first if path.startswith("/") else ""
        if given == OPEN and self.tickets.knows(rest):
            return None
        if not compare_digest(given.encode(), self.token.encode()):
            return 404, "there is nothing here"
        return None

    def _enters(self, path: str, headers: Mapping[str, str]) -> bool:
        """Whether a page may be gone to from elsewhere: from our own file with a ticket, or by a notebook's frame.

        Which page may have the frame, the browser checks (frame-ancestors).
        """
        destination, mode = headers.get("Sec-Fetch-Dest"), headers.get("Sec-Fetch-Mode")
        framing = self.notebook and destination == "iframe"
        ticket = destination == "document" and path.startswith(f"/{OPEN}/")
        return mode == "navigate" and (framing or ticket)
