"""A store that grows, or is screened anew, while its page is open: the page says so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from signalscreen.review import RunningReview, start_in_thread
from signalscreen.review.progress import progress
from signalscreen.review.record import open_records
from signalscreen.review.tally import Tally
from signalscreen.screening.store import opened

from .asking import ask
from .pages import settle, wait, write_beats
from .stores import with_attributes

SHARD = 60_000  # samples, of 150,000


def _undo(store: Path, shards: slice) -> None:
    """Make shards ones that were not screened."""
    group = opened(store, "r+")
    group["done"][shards] = 0
    rows = slice(None if shards.start is None else 120 * shards.start, None)
    group["flagged"][rows] = False
    group["probability"][rows] = group["score"][rows] = float("nan")


def _screen(store: Path, shard: int, flagged: int) -> None:
    """Screen one, and flag so many of its windows."""
    group = opened(store, "r+")
    rows = slice(120 * shard, 120 * (shard + 1))
    size = group["flagged"][rows].shape[0]
    group["probability"][rows] = [[0.0, 1.0] if k < flagged else [1.0, 0.0] for k in range(size)]
    group["flagged"][rows] = [k < flagged for k in range(size)]
    group["score"][rows] = [float(k < flagged) for k in range(size)]
    group["target"][rows] = 1
    group["seconds"][shard] = 1.5
    group["done"][shard] = 1


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The first of three shards is done."""
    path = write_beats(tmp_path / "beats.zarr")
    _undo(path, slice(1, None))
    return path


@pytest.fixture
def running(store: Path) -> Iterator[RunningReview]:
    """The review of it."""
    with start_in_thread(store, reviewer="Ada") as found:
        yield found


def test_progress_is_that_of_the_moment(store: Path) -> None:
    (record,) = open_records(store).values()
    before = progress(record)
    assert before.unscreened == [(SHARD, 150_000)]
    assert before.done == pytest.approx(1 / 3)
    _screen(store, 1, flagged=7)
    after = progress(record)
    assert after.unscreened == [(2 * SHARD, 150_000)]
    assert after.alarms == before.alarms + 7
    assert after.stamp != before.stamp
    assert after.screening == before.screening
    assert progress(record) == after
    with_attributes(store, facts='{"fingerprint": "another"}')
    assert progress(record).screening != before.screening


def test_a_loaded_page_shows_all_there_is(store: Path, running: RunningReview) -> None:
    """Also where the page was made before: the server keeps pages, pyramids and windows."""
    assert ask(running.url, "").status == 200
    first = ask(running.url, "api/info").json
    windows = ask(running.url, "api/windows").content
    _screen(store, 1, flagged=7)
    assert ask(running.url, "api/info").json["stamp"] == first["stamp"]  # the page that is open is that of before
    assert ask(running.url, "api/progress").json["stamp"] != first["stamp"]
    assert b'"unscreened": [[120000, 150000]]' in ask(running.url, "").content
    assert ask(running.url, "api/info").json["stamp"] == ask(running.url, "api/progress").json["stamp"]
    assert ask(running.url, "api/windows").content != windows


def test_the_page_says_how_far_it_is(browser: Any, store: Path, running: RunningReview) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(running.url)
    wait(page, "window.signalscreen?.app.ready")
    settle(page)
    alarms = page.evaluate("signalscreen.app.info.alarms")
    assert f"Screened to 33 %, with {alarms} alarms so far." in page.inner_text("#progress")
    boxes = [page.locator(f"{part} .unscreened i").bounding_box() for part in ("#overview-part", "#signal")]
    frame = page.evaluate("signalscreen.app.frame")
    for box, part in zip(boxes, ("#overview-part", "#signal"), strict=True):
        outer = page.locator(part).bounding_box()
        width = outer["width"] - sum(frame)
        assert box["x"] == pytest.approx(outer["x"] + frame[0] + 0.4 * width, abs=1)
        assert box["width"] == pytest.approx(0.6 * width, abs=1)
        assert box["height"] == pytest.approx(outer["height"], abs=2)
    page.evaluate("signalscreen.app.view.show(0, 30000)")
    settle(page)
    assert page.locator("#signal .unscreened i").count() == 0
    assert page.locator("#overview-part .unscreened i").count() == 1
    _screen(store, 1, flagged=7)
    page.evaluate("signalscreen.app.progress.look()")
    wait(page, "document.getElementById('progress').textContent.includes('66 %')")
    assert f"with {alarms + 7} alarms so far" in page.inner_text("#progress")
    page.click("#progress button:text('Reload')")
    wait(page, f"window.signalscreen?.app.ready && signalscreen.app.info.alarms === {alarms + 7}")
    settle(page)
    assert page.locator("#progress button").count() == 0
    assert f"of {alarms + 7} alarms" in page.inner_text("#count")
    _screen(store, 2, flagged=1)
    page.evaluate("signalscreen.app.progress.look()")
    wait(page, "document.getElementById('progress').textContent.includes('to its end now')")
    page.reload()
    wait(page, "window.signalscreen?.app.ready")
    settle(page)
    assert not page.is_visible("#progress")
    assert page.locator(".unscreened i").count() == 0
    page.close()


def test_another_screening_is_said(browser: Any, store: Path, running: RunningReview) -> None:
    page = browser.new_page()
    page.goto(running.url)
    wait(page, "window.signalscreen?.app.ready")
    with_attributes(store, facts='{"fingerprint": "another"}')
    page.evaluate("signalscreen.app.progress.look()")
    wait(page, "document.getElementById('progress').textContent.includes('screened anew')")
    page.click("#progress button:text('Reload')")
    wait(page, "window.signalscreen?.app.ready && signalscreen.app.info.fingerprint === 'another'")
    page.close()


def test_unfinished_records_are_counted_again(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally(open_records(store), "Ada")
    name = next(iter(open_records(store)))
    before = tally.counted(name)["alarms"][0]
    _screen(store, 1, flagged=7)
    assert tally.counted(name)["alarms"] == [before]  # not at every call
    monkeypatch.setattr("signalscreen.review.tally._AGAIN", 0.0)
    assert tally.counted(name)["alarms"] == [before + 7]
