"""The page in a frame of a notebook, and in no other."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import signalscreen as ss
from signalscreen.errors import OptionError
from signalscreen.review import NotebookReview

from .asking import ask
from .pages import settle, wait, write_beats


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotebookReview]:
    """A review in a notebook."""
    store = write_beats(tmp_path_factory.mktemp("notebook") / "beats.zarr", methods=("saliency",))
    found = ss.show_review(store, reviewer="Ada")
    yield found
    found.stop()


@pytest.fixture(scope="module")
def cell(shown: NotebookReview) -> Iterator[str]:
    """A page of another server on this computer, as a notebook's is, with the frame in it."""
    html = f"<!doctype html><title>notebook</title>{shown._repr_html_()}".encode()

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


def test_a_cell_shows_the_page(browser: Any, cell: str, shown: NotebookReview) -> None:
    page = browser.new_page(viewport={"width": 900, "height": 820})
    errors: list[str] = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" and "favicon" not in m.text else None)
    page.goto(cell)
    for _ in range(500):
        frame = page.frame(url=lambda url: url.startswith(shown.url))
        if frame is not None:
            break
        page.wait_for_timeout(20)
    assert frame is not None
    wait(frame, "window.signalscreen?.app.ready")
    settle(frame)
    assert frame.locator("canvas").count() > 0
    assert [e for e in errors if "404" not in e] == []
    page.close()


def test_other_pages_may_not_ask(shown: NotebookReview) -> None:
    framed = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Dest": "iframe", "Sec_Fetch_Mode": "navigate"}
    found = ask(shown.url, "", **framed)
    assert found.status == 200
    allowed = found.headers["content-security-policy"].split("frame-ancestors ")[1]
    assert "http://localhost:*" in allowed
    assert "*" not in allowed.replace(":*", "")
    fetched = {**framed, "Sec_Fetch_Dest": "empty", "Sec_Fetch_Mode": "cors"}
    assert ask(shown.url, "", **fetched).status == 403
    assert ask(shown.url, "", **framed, Origin="http://evil.example").status == 403


def test_shown_again_replaces_the_last(tmp_path: Path) -> None:
    store = write_beats(tmp_path / "beats.zarr", methods=("saliency",))
    first = ss.show_review(store)
    second = ss.show_review(store)
    assert first._running._ended.is_set()
    assert not second._running._ended.is_set()
    token = urlsplit(second.url).path.strip("/")
    for saved in (
        repr(second),
        second._repr_html_(),
        second._repr_html_(),
    ):  # with the notebook, for others to read
        assert token not in saved
    assert repr(second) == f"review on port {urlsplit(second.url).port} (its address is .url)"
    second.stop()


def test_a_frame_of_no_height_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="0 pixels high"):
        ss.show_review(tmp_path, height=0)
