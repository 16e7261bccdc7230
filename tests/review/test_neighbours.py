"""What other users of this computer can do to a server, and what they cannot."""

import http.client
import logging
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from signalscreen.errors import RecordingError, SignalScreenWarning
from signalscreen.review import RunningReview, connections, door, files, server, start_in_thread
from signalscreen.review.logs import THREADS, Few
from signalscreen.review.tickets import Tickets
from signalscreen.verdicts import read_verdicts

from .asking import ask
from .stores import write_store

NAVIGATES = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights and no FIFOs")


def _token(running: RunningReview) -> str:
    return urlsplit(running.url).path.strip("/")


def _connect(running: RunningReview, sent: str) -> socket.socket:
    one = socket.create_connection(("127.0.0.1", urlsplit(running.url).port), timeout=20)
    one.sendall(sent.encode())
    return one


def _ends(one: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    found = b""
    try:
        while piece := one.recv(65536):
            found += piece
    except ConnectionError:
        pass
    return found


# How a browser comes in


def test_a_way_in_opens_once_and_holds_no_token(running: RunningReview) -> None:
    way = running.way_in()
    assert _token(running) not in way
    path = urlsplit(way).path
    assert ask(running.url, path, "HEAD").status == 405  # a look ahead does not use it up
    first = ask(running.url, path, **NAVIGATES)
    assert (first.status, _token(running).encode() in first.content) == (200, True)
    again = ask(running.url, path, **NAVIGATES)
    assert (again.status, _token(running).encode() in again.content) == (410, False)
    assert b"run the cell again" in again.content
    assert ask(running.url, path[:-1] + "~").status == 404
    assert running.entered.is_set()


def test_a_way_in_is_gone_to_not_fetched(running: RunningReview) -> None:
    """A page elsewhere that knows it can only lead the browser there, and reads nothing."""
    path = urlsplit(running.way_in()).path
    for changed in ({"Sec_Fetch_Mode": "cors"}, {"Sec_Fetch_Dest": "iframe"}, {"Sec_Fetch_Dest": "empty"}):
        assert ask(running.url, path, **{**NAVIGATES, **changed}).status == 403
    assert ask(running.url, path, **NAVIGATES, Origin="null").status == 403
    assert ask(running.url, path, **NAVIGATES, Host="evil.example").status == 403
    assert ask(running.url, "", **NAVIGATES).status == 403  # the token's own path has no such door
    assert ask(running.url, path, **NAVIGATES).status == 200


def test_tickets_end() -> None:
    tickets = Tickets(life=0.0)
    assert not tickets.take(tickets.issue())
    assert not tickets.used.is_set()
    tickets = Tickets()
    first = tickets.issue()
    for _ in range(64):
        tickets.issue()
    assert not tickets.knows(first)


@posix
def test_the_file_is_its_owners_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    used = threading.Event()

    def browse(address: str) -> bool:
        file = Path(address.removeprefix("file://"))
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert "http://127.0.0.1:1/open/a&amp;b" in file.read_text(encoding="utf-8")
        opened.append(address)
        used.set()
        return True

    monkeypatch.setattr(door.webbrowser, "open", browse)
    monkeypatch.setattr(door, "_place", lambda: tmp_path)
    door.open_page("http://127.0.0.1:1/open/a&b", used, 30)
    assert len(opened) == 1
    assert "127.0.0.1" not in opened[0]
    assert not any(tmp_path.iterdir())


def test_without_a_browser_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door.webbrowser, "open", lambda _: False)
    with pytest.warns(SignalScreenWarning, match="no browser was found; open the address above"):
        door.open_page("http://x", threading.Event(), 30)
    monkeypatch.setattr(door, "_place", lambda: tmp_path / "none")
    with pytest.warns(SignalScreenWarning, match="cannot be written .no such file"):
        door.open_page("http://x", threading.Event(), 30)
    monkeypatch.setattr(door.platform, "release", lambda: "5.15.0-microsoft-standard-WSL2")
    with pytest.warns(SignalScreenWarning, match="from WSL"):
        door.open_page("http://x", threading.Event(), 30)


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose name leaves room for the name of Chromium's socket in it, of which 107 bytes count."""
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@posix
def test_a_true_browser_comes_in_and_its_command_line_says_nothing(browser: Any, short_path: Path) -> None:
    """The command's own browser, every process's command line looked at until the page is there."""
    tmp_path = short_path
    store = write_store(tmp_path / "a.zarr", n=5000)
    chromium = browser.browser_type.executable_path
    if not Path(chromium).exists():
        import shutil

        chromium = shutil.which("chromium") or shutil.which("google-chrome")
    flags = f"--headless --no-sandbox --disable-gpu --user-data-dir={tmp_path / 'profile'}"
    code = "import sys; from signalscreen.cli import main; main(['review', sys.argv[1]])"
    environment = os.environ | {"BROWSER": f"{chromium} {flags} %s &", "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", code, store], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=environment, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            token = urlsplit(url).path.strip("/")
            lines: set[bytes] = set()
            until = time.monotonic() + 60
            while not lines or list(tmp_path.glob("signalscreen-*")):  # it is deleted once the browser has come in
                assert time.monotonic() < until
                lines |= {
                    line for line in _command_lines() if str(tmp_path).encode() in line and b"file://" in line
                }
            assert not any(token.encode() in line or b"/open/" in line for line in _command_lines() | lines)
        finally:
            process.kill()
            _end(tmp_path)


def _command_lines() -> set[bytes]:
    found = set()
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.add(one.read_bytes())
        except OSError:
            continue
    return found


def _end(profile: Path) -> None:
    """End the browser that a test has started: those processes whose profile is the test's own."""
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"--user-data-dir={profile}".encode() in one.read_bytes():
                os.kill(int(one.parent.name), 9)
        except OSError:
            continue


@posix
def test_an_address_in_a_file_for_all_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "log").open("w") as file:
        monkeypatch.setattr(server.sys, "stdout", file)
        (tmp_path / "log").chmod(0o640)
        with pytest.warns(SignalScreenWarning, match="other users can read"):
            server._warn_of_readers()
        (tmp_path / "log").chmod(0o600)
        server._warn_of_readers()


# Connections


@pytest.fixture
def wait() -> float:
    """Seconds that the server waits for a part of a request."""
    return 0.5


@pytest.fixture
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait: float) -> Iterator[RunningReview]:
    """A server that takes eight connections of strangers."""
    monkeypatch.setattr(connections.BoundedServer.initialize, "__kwdefaults__", {"most": 8, "wait": wait})
    with start_in_thread(write_store(tmp_path / "a.zarr", n=5000)) as running:
        yield running


def test_half_open_connections_hold_nobody_up(impatient: RunningReview) -> None:
    host = urlsplit(impatient.url).netloc
    half = f"GET {urlsplit(impatient.url).path} HTTP/1.1\r\nHost: {host}"
    held = [_connect(impatient, half) for _ in range(40)]
    assert ask(impatient.url, "api/info").status == 200
    assert [_ends(one) for one in held] == [b""] * 40  # the first at once, the last when they have waited enough
    for one in held:
        one.close()


@pytest.mark.parametrize("wait", [3600.0])
def test_the_oldest_stranger_goes(impatient: RunningReview) -> None:
    """Whoever has shown the token stays, whoever has not makes room."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(impatient.url).port, timeout=20)
    path = urlsplit(impatient.url).path + "api/verdicts"
    connection.request("GET", path)
    connection.getresponse().read()
    held = [_connect(impatient, "GET /") for _ in range(9)]
    assert _ends(held[0]) == b""
    for one in held[1:]:
        one.setblocking(False)
        with pytest.raises(BlockingIOError):  # still there
            one.recv(1)
    connection.request("GET", path)  # over the same connection
    assert connection.getresponse().status == 200
    connection.close()
    for one in held:
        one.close()


@pytest.mark.parametrize("wait", [3600.0])
def test_the_owner_has_so_many_connections_too(impatient: RunningReview) -> None:
    """A page that leaks them is told, and the server goes on."""
    held = [http.client.HTTPConnection("127.0.0.1", urlsplit(impatient.url).port, timeout=20) for _ in range(9)]
    statuses = []
    for one in held:
        one.request("GET", urlsplit(impatient.url).path + "api/verdicts")
        answer = one.getresponse()
        answer.read()
        statuses.append(answer.status)
    assert statuses == [200] * 8 + [503]
    for one in held:
        one.close()


def test_a_body_that_does_not_come_is_not_waited_for(impatient: RunningReview) -> None:
    parts = urlsplit(impatient.url)
    head = f"POST {parts.path}api/verdicts HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 100\r\n\r\n{{"
    with _connect(impatient, head) as one:
        assert _ends(one) == b""


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 404),
        ({"Host": "evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_what_is_refused_is_refused_before_its_body(
    running: RunningReview, headers: dict[str, str], status: int
) -> None:
    """The answer comes while not a byte of the 16 MB has been sent, and the connection is over."""
    parts = urlsplit(running.url)
    path = "/x/api/verdicts" if status == 404 else parts.path + "api/verdicts"
    lines = {"Host": parts.netloc, "Content-Length": str((1 << 24) - 1), **headers}
    with _connect(
        running, f"POST {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
    ) as one:
        assert _ends(one).startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize(
    ("lengths", "status"),
    [
        ("Transfer-Encoding: chunked\r\n", 411),
        ("Content-Length: 5, 5\r\n", 411),
        ("Content-Length: -1\r\n", 411),
        ("Content-Length: 99999999999\r\n", 400),
    ],
)
def test_a_body_has_a_length(running: RunningReview, lengths: str, status: int) -> None:
    parts = urlsplit(running.url)
    with _connect(
        running, f"POST {parts.path}api/verdicts HTTP/1.1\r\nHost: {parts.netloc}\r\n{lengths}\r\n"
    ) as one:
        assert _ends(one).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_long_note_is_refused_in_words_and_the_page_goes_on(running: RunningReview) -> None:
    for size in ((1 << 20) + 1, 12 << 20):
        found = ask(running.url, "api/verdicts", "POST", b"x" * size)
        assert (found.status, "shorten the note" in found.error) == (413, True)
    assert "no JSON object" in ask(running.url, "api/verdicts", "POST", b"x" * (1 << 20)).error


def test_a_log_is_not_filled() -> None:
    few = Few(most=3, span=600)
    record = logging.LogRecord("x", logging.ERROR, "", 1, "broken", None, None)
    record.threadName = f"{THREADS}_0"
    passed = []
    for _ in range(9):
        record.msg = "broken"
        passed.append((few.filter(record), record.msg))
    assert [one for one, _ in passed] == [True] * 3 + [False] * 6
    assert passed[2][1] == "broken (what follows within 10 minutes is not logged)"
    record.threadName = "MainThread"
    assert few.filter(record)


# Files that are none


@posix
def test_a_fifo_among_the_exports_is_no_export(tmp_path: Path) -> None:
    store = write_store(tmp_path / "a.zarr", n=5000)
    (store / "exports").mkdir()
    os.mkfifo(store / "exports" / "fifo.csv")
    with start_in_thread(store) as running:
        for _ in range(7):  # one more than there are threads
            assert ask(running.url, "api/export/fifo.csv").status == 404
        assert ask(running.url, "api/info").status == 200


@posix
def test_a_fifo_that_comes_in_between_does_not_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "a.csv")
    monkeypatch.setattr(files.Path, "lstat", lambda _: (tmp_path).parent.joinpath(__file__).stat())
    assert files.exported_file(tmp_path, "a.csv") is None


@posix
@pytest.mark.parametrize("name", ["zarr.json", "signal/c/0/0", "pyramid/zarr.json", "link/fifo"])
def test_a_fifo_in_a_store_is_named(tmp_path: Path, name: str) -> None:
    store = write_store(tmp_path / "a.zarr", n=5000)
    (tmp_path / "elsewhere").mkdir()
    (store / "link").symlink_to(tmp_path / "elsewhere")
    (store / "loop").symlink_to(store)
    (store / "nowhere").symlink_to(tmp_path / "nothing")
    with start_in_thread(store):
        pass
    (store / name).unlink(missing_ok=True)
    os.mkfifo(store / name)
    with pytest.raises(RecordingError, match=r"is no file but a pipe, socket or device; remove it"):
        start_in_thread(store)


@posix
def test_a_fifo_among_the_verdicts_is_named(tmp_path: Path) -> None:
    store = write_store(tmp_path / "a.zarr", n=5000)
    (store / "verdicts").mkdir()
    os.mkfifo(store / "verdicts" / "bo.jsonl")
    with pytest.raises(RecordingError, match="it is no file but a pipe or device"):
        read_verdicts(store)
    with start_in_thread(store, reviewer="bo") as running:
        for method, body in (("GET", None), ("POST", {"verdict": "accept", "start": 0, "stop": 9})):
            assert ask(running.url, "api/verdicts", method, body).status == 400
