"""What the server answers, over real HTTP."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import numpy as np
import pytest
import zarr

from signalscreen.errors import OptionError, RecordingError
from signalscreen.review import RunningReview, answers, server, start_in_thread
from signalscreen.review.record import open_records
from signalscreen.screening.allocation import create_database

from .asking import ask
from .stores import write_store


def _tile(running: RunningReview, query: str) -> np.ndarray:
    found = ask(running.url, f"api/tile?{query}")
    assert found.status == 200, found.content
    return np.frombuffer(found.content, "<f4")


def test_info_says_what_a_page_needs(running: RunningReview) -> None:
    info = ask(running.url, "api/info").json
    assert (info["record"], info["records"], info["n"], info["fs"], info["start"]) == (
        "made",
        ["made"],
        40_000,
        100,
        5,
    )
    assert info["levels"] == [1, 16, 64]
    assert [lead["name"] for lead in info["leads"]] == ["II", "V5"]
    assert all(lead["low"] < -2 and lead["high"] > 2 for lead in info["leads"])
    assert [method["name"] for method in info["methods"]] == ["occlusion", "saliency"]
    assert info["methods"][0]["limit"] == pytest.approx(2.8, rel=0.05)  # of |normal|, 99.5 %
    assert (info["reviewer"], info["alarm"], info["done"]) == ("Zoë", 1, 1)
    assert info["verdicts"] == ["accept", "reject", "artefact", "unsure", "relabel"]


def test_methods_come_in_the_order_in_which_they_were_asked_for(tmp_path: Path) -> None:
    (record,) = open_records(write_store(tmp_path / "a.zarr", n=2000, methods=("saliency", "grad_cam"))).values()
    assert record.methods == ["saliency", "grad_cam"]


def test_raw_tiles_are_the_stored_samples(running: RunningReview, store: Path) -> None:
    group = zarr.open_group(store, mode="r")
    found = _tile(running, "level=0&first=13000&count=900&method=saliency").reshape(2, 2, 900)
    np.testing.assert_array_equal(found[:, 0], group["signal"][13000:13900].T)
    np.testing.assert_array_equal(found[:, 1], group["attribution_saliency"][13000:13900].T)
    assert np.isnan(found).any()


def test_tiles_of_blocks_are_numpys(running: RunningReview, store: Path) -> None:
    group = zarr.open_group(store, mode="r")
    first, count = 37, 100
    found = _tile(running, f"level=2&first={first}&count={count}&method=occlusion").reshape(2, 7, count)
    span = slice(64 * first, 64 * (first + count))
    for lead in range(2):
        signal = group["signal"][span, lead].reshape(count, 64)
        attribution = group["attribution_occlusion"][span, lead].reshape(count, 64)
        assert not np.isnan(signal).any()
        extreme = attribution[np.arange(count), np.abs(attribution).argmax(axis=1)]
        expected = [signal.min(1), signal.max(1), signal.mean(1), attribution.min(1), attribution.max(1), extreme]
        np.testing.assert_array_equal(found[lead, [0, 1, 3, 4, 5]], np.array(expected)[[0, 1, 3, 4, 5]])
        np.testing.assert_allclose(found[lead, 2], expected[2], atol=1e-6)
        np.testing.assert_allclose(found[lead, 6], attribution.mean(1), atol=1e-6)


def test_tiles_of_chosen_leads_and_without_a_method(running: RunningReview) -> None:
    whole = _tile(running, "level=1&first=0&count=50&method=saliency").reshape(2, 7, 50)
    np.testing.assert_array_equal(
        _tile(running, "level=1&first=0&count=50&method=saliency&leads=1"), whole[1].ravel()
    )
    np.testing.assert_array_equal(_tile(running, "level=1&first=0&count=50"), whole[:, :3].ravel())
    for level in (0, 1):
        beyond = _tile(running, f"level={level}&first=39990&count=20&method=saliency&leads=0").reshape(-1, 20)
        assert np.isnan(beyond[:, 10:]).all()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("level=9&first=0&count=4", "no level 9"),
        ("level=-1&first=0&count=4", "no level -1"),
        ("level=1&first=-1&count=4", "not possible"),
        ("level=1&first=0&count=0", "not possible"),
        ("level=0&first=0&count=1000000000", "not possible"),
        ("level=1&first=0&count=4&method=lime", "'lime' is not in the store"),
        ("level=1&first=0&count=4&method=../signal", "is not in the store"),
        ("level=1&first=0&count=4&leads=2", "no leads"),
        ("level=1&first=0&count=4&leads=-1", "no leads"),
        ("level=1&first=0&count=4&leads=a", "whole numbers"),
        ("level=x&first=0&count=4", "level='x' is not a whole number"),
        ("level=1&first=0", "count='' is not a whole number"),
        ("level=1&first=0&count=4&record=%0d%0aX:y", "there is no record"),
    ],
)
def test_wrong_tiles_are_refused_in_a_sentence(running: RunningReview, query: str, words: str) -> None:
    found = ask(running.url, f"api/tile?{query}")
    assert found.status in (400, 404)
    assert words in found.error
    assert "\n" not in found.error


def test_tiles_are_kept_by_the_browser(running: RunningReview) -> None:
    path = "api/tile?level=1&first=0&count=100"
    found = ask(running.url, path)
    assert "immutable" in found.headers["cache-control"]
    assert "private" in found.headers["cache-control"]
    again = ask(running.url, path, If_None_Match=found.headers["etag"])
    assert (again.status, again.content) == (304, b"")
    head = ask(running.url, path, "HEAD")
    assert (head.status, head.content, head.headers["etag"]) == (200, b"", found.headers["etag"])
    assert head.headers["content-length"] == str(len(found.content))
    assert ask(running.url, path.replace("first=0", "first=1")).headers["etag"] != found.headers["etag"]
    assert ask(running.url, "api/verdicts").headers["cache-control"] == "no-store"


def test_windows_are_the_stored_columns(running: RunningReview, store: Path) -> None:
    import json

    data = ask(running.url, "api/windows").content
    length = int.from_bytes(data[:4], "little")
    columns = {one["name"]: one for one in json.loads(data[4 : 4 + length])["columns"]}
    group = zarr.open_group(store, mode="r")

    def column(name: str) -> np.ndarray:
        one = columns[name]
        count = int(np.prod(one["shape"]))
        return np.frombuffer(data, one["dtype"], count, 4 + length + one["offset"]).reshape(one["shape"])

    for name, stored in (("start", "window_start"), ("start_s", "window_start_s"), ("lead", "window_lead")):
        np.testing.assert_array_equal(column(name), group[stored][:])
    for name in ("probability", "score", "target", "flagged", "gap", "explained"):
        np.testing.assert_array_equal(column(name), group[name][:])
    assert {"surprise", "strength_occlusion", "strength_saliency"} < set(columns)


def test_marks_of_a_span(running: RunningReview) -> None:
    found = ask(running.url, "api/marks?from=1000&to=4000").json
    assert found == {
        "annotations": [], "left_out": 0, "peaks": [], "peaks_from": "detected", "peaks_lead": "II", "bad": [],
    }  # fmt: skip
    assert "later end" in ask(running.url, "api/marks?from=5&to=1").error
    assert "from='' is not a whole number" in ask(running.url, "api/marks?to=1").error


def test_a_slow_request_does_not_hold_up_others(running: RunningReview, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, quick = threading.Event(), threading.Event(), answers.marks

    def slow(*given: object) -> object:
        begun.set()
        go_on.wait(20)
        return quick(*given)

    monkeypatch.setattr(answers, "marks", slow)
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(ask(running.url, "api/marks?from=0&to=9").status))
    waiting.start()
    assert begun.wait(20)
    for _ in range(3):
        assert ask(running.url, "api/tile?level=1&first=0&count=100").status == 200
    assert found == []
    go_on.set()
    waiting.join(20)
    assert found == [200]


def test_many_at_once(running: RunningReview) -> None:
    expected = ask(running.url, "api/tile?level=1&first=5&count=500&method=saliency").content
    found: list[bool] = []

    def some() -> None:
        for _ in range(10):
            answer = ask(running.url, "api/tile?level=1&first=5&count=500&method=saliency")
            found.append(answer.content == expected)

    threads = [threading.Thread(target=some) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [True] * 80


def test_a_failure_is_a_sentence_without_insides(
    running: RunningReview, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("insides")

    monkeypatch.setattr(answers, "marks", broken)
    found = ask(running.url, "api/marks?from=0&to=9")
    assert found.status == 500
    assert "insides" not in found.error
    assert "insides" in caplog.text
    assert urlsplit(running.url).path.strip("/") not in caplog.text


def test_a_port_in_use_is_named(store: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            OptionError, match=rf"port {port} cannot be used \(.*in use\); give another with --port"
        ):
            start_in_thread(store, port=port)
    with start_in_thread(store, port=port) as running:
        assert urlsplit(running.url).port == port
        assert ask(running.url, "api/info").status == 200
    with pytest.raises(OptionError, match="port 70000 is not possible"):
        start_in_thread(store, port=70000)


def test_two_servers_do_not_know_each_other(store: Path) -> None:
    with start_in_thread(store) as one, start_in_thread(store) as other:
        assert urlsplit(one.url).path != urlsplit(other.url).path
        assert ask(one.url, urlsplit(other.url).path + "api/info").status == 404


def test_a_script_may_end_while_the_page_is_made_ready(store: Path) -> None:
    """Zarr takes no work by then, and that is nobody's trouble."""
    code = "import sys; from signalscreen.review import start_in_thread; start_in_thread(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, store], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_stopping_ends_the_thread_and_frees_the_port(store: Path) -> None:
    before = set(threading.enumerate())
    running = start_in_thread(store)
    assert ask(running.url, "api/info").status == 200
    running.stop()
    running.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(running.url, "api/info")
    deadline = time.monotonic() + 10
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not {one.name for one in set(threading.enumerate()) - before if "review" in one.name}


def test_a_stop_at_the_first_moment_is_heard() -> None:
    """Whoever is told that the server is ready may end it at once."""
    loop, ended = asyncio.new_event_loop(), threading.Event()

    class Ready(threading.Event):
        def set(self) -> None:
            loop.call_soon_threadsafe(loop.stop)
            super().set()

    class Server:
        request_callback = SimpleNamespace(settings={"review": SimpleNamespace(executor=ThreadPoolExecutor())})

        def add_socket(self, _: socket.socket) -> None:
            pass

        def stop(self) -> None:
            pass

        async def close_all_connections(self) -> None:
            pass

    with socket.socket() as listening:
        arguments = (loop, Server(), listening, Ready(), ended)
        threading.Thread(target=server._run, args=arguments, daemon=True).start()
        assert ended.wait(10)


def test_what_is_no_store_is_said(tmp_path: Path, store: Path) -> None:
    for path, words in (
        (tmp_path / "none", "there is no folder"),
        (tmp_path, "is no store"),
        (store / "zarr.json", "there is no folder"),
        ("s3://bucket/a.zarr", "copy the store here"),
    ):
        with pytest.raises(RecordingError, match=words):
            open_records(path)


def test_an_unfinished_store_is_served_but_not_kept_for_ever(tmp_path: Path) -> None:
    path = write_store(tmp_path / "a.zarr", n=40_000, finished=False)
    with start_in_thread(path) as running:
        info = ask(running.url, "api/info").json
        assert info["done"] == 0.75
        found = ask(running.url, "api/tile?level=1&first=0&count=4")
        assert "immutable" not in found.headers["cache-control"]


def test_a_database_of_two_records(tmp_path: Path) -> None:
    create_database(tmp_path / "db", ["100", "119"])
    for seed, name in enumerate(("100", "119")):
        write_store(tmp_path / "db" / name, n=5000, source=name, seed=seed)
    with start_in_thread(tmp_path / "db") as running:
        assert not list((tmp_path / "db").glob("*/pyramid"))
        first = ask(running.url, "api/info").json
        assert (first["record"], first["records"]) == ("100", ["100", "119"])
        assert ask(running.url, "api/info?record=119").json["record"] == "119"
        for name in ("100", "119"):
            stored = zarr.open_group(tmp_path / "db" / name, mode="r")["signal"][:50].T
            tile = _tile(running, f"record={name}&level=0&first=0&count=50").reshape(2, 50)
            np.testing.assert_array_equal(tile, stored)
        assert "there is no record '118'" in ask(running.url, "api/info?record=118").error


def test_a_lead_is_given_once(running: RunningReview) -> None:
    """Asked for a thousand times over, the leads would take all memory."""
    refused = ask(running.url, "api/tile?level=0&first=0&count=10&leads=0,1,0")
    assert (refused.status, "each once" in refused.error) == (400, True)
