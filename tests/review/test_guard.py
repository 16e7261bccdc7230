"""Who is not answered, and what is never given out."""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from signalscreen.errors import RecordingError
from signalscreen.review import RunningReview, files, start_in_thread
from signalscreen.review.guard import HEADERS
from signalscreen.screening.allocation import create_database

from .asking import ask

EVERY_PATH = (
    "",
    "static/main.js",
    "api/info",
    "api/tile",
    "api/windows",
    "api/marks",
    "api/records",
    "api/verdicts",
    "api/export/x",
)


def _home(running: RunningReview) -> str:
    return urlsplit(running.url).netloc


@pytest.mark.parametrize("path", EVERY_PATH)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
def test_a_wrong_token_learns_nothing(running: RunningReview, path: str, method: str) -> None:
    token = urlsplit(running.url).path.strip("/")
    nowhere = ask(running.url, "/no/such/path", method)
    for wrong in ("x" * len(token), token[:-1], token + "x", token.swapcase(), ""):
        found = ask(running.url, f"/{wrong}/{path}", method)
        assert found.status == 404
        assert found.content == nowhere.content
        assert {k for k in found.headers if k != "date"} == {k for k in nowhere.headers if k != "date"}


@pytest.mark.parametrize("path", EVERY_PATH)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1"},
        {"Host": "127.0.0.1:1"},
        {"Host": "[::1]:80"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_other_pages_are_refused_everywhere(running: RunningReview, path: str, headers: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        found = ask(running.url, path, method, **headers)
        assert found.status == 403
        assert "address that it printed" in found.error


def test_our_own_page_is_answered(running: RunningReview) -> None:
    home = _home(running)
    for headers in (
        {},
        {"Host": home.replace("127.0.0.1", "localhost")},
        {"Origin": f"http://{home}", "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
    ):
        assert ask(running.url, "api/info", **headers).status == 200


def test_every_answer_has_the_security_headers(running: RunningReview) -> None:
    home = _home(running)
    for found in (
        ask(running.url, "api/info"),
        ask(running.url, "api/tile?level=1&first=0&count=4"),
        ask(running.url, "no/such/path"),
        ask(running.url, "/"),
        ask(running.url, "api/info", Host="evil.example"),
        ask(running.url, "api/info", "PUT"),
    ):
        for name, value in HEADERS.items():
            if name != "Cache-Control":
                assert found.headers[name.lower()] == value
        assert "server" not in found.headers
        assert home not in str(found.headers)
        assert "access-control-allow-origin" not in found.headers


def test_only_this_computer_is_listened_to(running: RunningReview) -> None:
    port = urlsplit(running.url).port
    assert port is not None
    others = {one[4][0] for one in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {"127.0.0.1"}
    for other in others:
        with socket.socket() as tried:
            tried.settimeout(2)
            assert tried.connect_ex((other, port)) != 0


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "../secret",
        "..%2fsecret",
        "%2e%2e/secret",
        "%2e%2e%2fsecret",
        "..%5csecret",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "secret%00.js",
        "link",
        "linked/secret",
        "",
        ".",
        "%ff",
        "folder",
    ],
)
def test_no_path_leads_out(running: RunningReview, store: Path, tmp_path: Path, name: str) -> None:
    (store / "secret").write_text("SECRET")
    exports = store / "exports"
    exports.mkdir(exist_ok=True)
    (exports / "folder").mkdir(exist_ok=True)
    for link, target in (("link", store / "secret"), ("linked", store)):
        if not (exports / link).exists():
            (exports / link).symlink_to(target)
    for path in (f"api/export/{name}", f"static/{name}", f"api/verdicts/{name}", name):
        for before in ("", "//"):
            found = ask(running.url, before + path if not before else f"//{path}")
            assert b"SECRET" not in found.content
            assert b"root:" not in found.content
            assert found.status in (200, 400, 404, 405)
            assert found.status != 200 or path in ("", "api/verdicts/")


@pytest.mark.parametrize("record", ["..", "../a.zarr", "%2e%2e", "/etc", "made/..", "made%00", "Made", "%ff"])
def test_records_are_names_not_paths(running: RunningReview, record: str) -> None:
    for path in ("api/info", "api/windows", "api/verdicts", "api/tile"):
        found = ask(running.url, f"{path}?record={record}&level=1&first=0&count=4")
        assert found.status in (400, 404)
        assert found.error


def test_a_folder_of_exports_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "secret.csv").write_text("SECRET")
    (tmp_path / "exports").symlink_to(tmp_path / "out")
    assert files.exported_file(tmp_path / "exports", "secret.csv") is None
    opened = files.exported_file(tmp_path / "out", "secret.csv")
    assert opened is not None
    os.close(opened)


def test_the_page_gives_out_its_own_kinds_of_file_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.js").write_text("1")
    (tmp_path / "page.html").write_text("no")
    monkeypatch.setattr(files, "_STATIC", tmp_path)
    assert files.static_file("a.js") == (b"1", "text/javascript; charset=utf-8")
    assert files.static_file("page.html") is None
    assert files.static_file("../a.js") is None


def test_a_database_that_names_a_folder_outside_is_not_trusted(tmp_path: Path, store: Path) -> None:
    create_database(tmp_path / "db", [f"../../{store.parent.name}/a.zarr"])
    with pytest.raises(RecordingError, match="outside itself"):
        start_in_thread(tmp_path / "db")
