"""What another user can do to a review server: ``python -m benchmarks.server_load [STORE] [--log]``.

Root is needed to be two people: the server runs as the caller, the attacks run as ``nobody``. They look for the
token in ``ps`` while the browser opens the page, hold 1,100 half-open connections, send 40 bodies of 16 MB without
a token, and send what is no request. The owner then asks for exports that are FIFOs. This is no timed test.
"""

import encodings.idna  # noqa: F401 (nobody may not be able to read the library that it would be loaded from)
import http.client
import json
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from signalscreen.screening.allocation import StoreSpec, create
from signalscreen.windows import window_starts

CONNECTIONS, BODIES, BODY = 1100, 40, (1 << 24) - 1
_TOKEN = re.compile(r"http://127\.0\.0\.1:\d+/[\w-]{32}/")
_SERVE = "import sys; from signalscreen.cli import main; main(['review', sys.argv[1], '--reviewer', 'owner'])"


def main() -> None:
    """Make a store if none is given, attack, print."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        folder = Path(place)
        given = [one for one in sys.argv[1:] if one != "--log"]
        store = Path(given[0]) if given else _store(folder / "made.zarr")
        log = folder / "log"
        with log.open("wb") as stderr, subprocess.Popen(
            [sys.executable, "-c", _SERVE, store], stdout=subprocess.PIPE, stderr=stderr, text=True,
            env=os.environ | {"BROWSER": _browser(folder)},
        ) as server:  # fmt: skip
            try:
                assert server.stdout is not None
                found = _TOKEN.search(server.stdout.readline())
                assert found
                _attack(server.pid, found[0], store)
            finally:
                server.kill()
                _end_browser(folder / "profile")
        print(f"log: {log.stat().st_size} bytes")
        if "--log" in sys.argv:
            print(log.read_text(encoding="utf-8"))


def _store(path: Path) -> Path:
    """Twenty seconds that were not screened."""
    starts = window_starts(5000, 500, 250)
    create(path, StoreSpec(
        source="made", fs=250.0, samples=5000, leads=("II",), units=("mV",), window_start=starts,
        window_lead=np.full(len(starts), -1, np.int8), window_samples=500, hop_samples=250, shard_samples=5000,
        shard_windows=len(starts), methods=(), classes=("clean", "artefact"), alarm=1,
    ))  # fmt: skip
    return path


def _browser(folder: Path) -> str:
    """A real one where there is one, as `webbrowser` takes it."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        return f"{sys.executable} -c 'import time; time.sleep(60)' %s &"
    return f"{found} --headless --no-sandbox --disable-gpu --user-data-dir={folder / 'profile'} %s &"


def _end_browser(profile: Path) -> None:
    """End the browser that the server has opened, known by its profile."""
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"--user-data-dir={profile}\0".encode() in one.read_bytes():
                os.kill(int(one.parent.name), signal.SIGKILL)
        except OSError:  # it has ended by itself
            continue


def _attack(pid: int, url: str, store: Path) -> None:
    port = urlsplit(url).port
    tokens = [one for one in _as_nobody(_seen_in_ps) if urlsplit(one).port == port]  # not of other reviews
    print(f"ps as another user: {len(tokens)} tokens seen, verdict saved: {_as_nobody(lambda: _judges(tokens))}")
    time.sleep(5)  # the browser has its page
    before = _memory(pid)
    held = _as_nobody(lambda: _half_open(url))
    print(f"half-open: {held}; owner answered in {_owner(url)}; memory {before[0]} -> {_memory(pid)[0]} MiB")
    before = _memory(pid)
    print(
        f"bodies without the token: {_as_nobody(lambda: _bodies(url))}; peak {before[1]} -> {_memory(pid)[1]} MiB"
    )
    print(f"no requests at all: {_as_nobody(lambda: _noise(url))}; owner answered in {_owner(url)}")
    _fifos(url, store)


def _as_nobody(act: Callable[[], Any]) -> Any:
    """Do something in a process of the user nobody, and give what it returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            user = pwd.getpwnam("nobody")
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            os.write(writing, json.dumps(act()).encode())
        finally:
            os._exit(0)
    os.close(writing)  # the child's end is the only one
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return json.loads(said)


def _seen_in_ps() -> list[str]:
    """Addresses with a token in any process's command line, looked for over ten seconds."""
    found: set[str] = set()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        shown = subprocess.run(["ps", "-eo", "args", "-ww"], capture_output=True, text=True, check=False).stdout
        found |= set(_TOKEN.findall(shown))
        for file in re.findall(r"file://(\S+)", shown):
            try:
                found |= set(_TOKEN.findall(Path(file).read_text(encoding="utf-8")))
            except OSError:
                continue
        time.sleep(0.02)
    return sorted(found)


def _judges(tokens: list[str]) -> bool:
    return any(_status(url, "POST", {"verdict": "reject", "start": 0, "stop": 500}) == 200 for url in tokens)


def _status(url: str, method: str, body: Any = None) -> int | None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    try:
        connection.request(method, f"{parts.path}api/verdicts", None if body is None else json.dumps(body))
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def _owner(url: str) -> str:
    began = time.monotonic()
    status = _status(url, "GET")
    return f"{time.monotonic() - began:.2f} s" if status == 200 else f"not at all ({status})"


def _half_open(url: str) -> str:
    """Begin requests and do not end them. They are still held when this returns: nobody ends with its process."""
    port = urlsplit(url).port
    opened = []
    for _ in range(CONNECTIONS):
        one = socket.create_connection(("127.0.0.1", port), timeout=20)
        one.sendall(b"POST /x HTTP/1.1\r\nHost: 127.0.0.1")
        opened.append(one)
    counts = []
    for wait in (1, 30):
        time.sleep(wait)
        counts.append(sum(_is_open(one) for one in opened))
    return f"{counts[0]} of {CONNECTIONS} held after 1 s, {counts[1]} after 31 s"


def _is_open(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        while one.recv(65536):
            pass
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _bodies(url: str) -> str:
    """Say that 16 MB come, send all but the last byte, and keep them there."""
    port = urlsplit(url).port
    opened, sent = [], 0
    for _ in range(BODIES):
        one = socket.create_connection(("127.0.0.1", port), timeout=10)
        opened.append(one)
        try:
            one.sendall(f"POST /x HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: {BODY}\r\n\r\n".encode())
            for _ in range(BODY // 65536):
                one.sendall(bytes(65536))
                sent += 65536
        except OSError:
            continue
    time.sleep(1)
    return f"{sent / 1e6:.0f} MB taken, {sum(_is_open(one) for one in opened)} of {BODIES} held"


def _noise(url: str) -> int:
    """Send two thousand lines that are no request."""
    port = urlsplit(url).port
    for k in range(2000):
        with socket.create_connection(("127.0.0.1", port), timeout=20) as one:
            one.sendall(
                [b"\0\xff\r\n\r\n", b"GET \xe9 HTTP/1.1\r\nA\r\n\r\n", b"POST / HTTP/9\r\nX: y\r\n\r\n"][k % 3]
            )
    return 2000


def _fifos(url: str, store: Path) -> None:
    """Ask for seven exports that are FIFOs, one more than the server has threads."""
    (store / "exports").mkdir(exist_ok=True)
    parts = urlsplit(url)
    asked = []
    for k in range(7):
        os.mkfifo(store / "exports" / f"fifo{k}")
        one = socket.create_connection(("127.0.0.1", parts.port), timeout=20)
        one.sendall(f"GET {parts.path}api/export/fifo{k} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        asked.append(one)
    time.sleep(1)
    answered = sum(not _is_waiting(one) for one in asked)
    print(f"exports that are FIFOs: {answered} of 7 answered; owner answered in {_owner(url)}")
    for k in range(7):
        (store / "exports" / f"fifo{k}").unlink()


def _is_waiting(one: socket.socket) -> bool:
    one.setblocking(False)
    try:
        one.recv(1)
    except BlockingIOError:
        return True
    return False


def _memory(pid: int) -> tuple[int, int]:
    """MiB a process has now, and had at most."""
    said = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return tuple(int(re.search(rf"{name}:\s+(\d+)", said)[1]) >> 10 for name in ("VmRSS", "VmHWM"))  # type: ignore[index,return-value]


if __name__ == "__main__":
    main()
