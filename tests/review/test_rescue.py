"""Edits that a dead server could not save are kept in the browser, and offered again by the next server's page."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from signalscreen.review import start_in_thread
from signalscreen.review.ports import listening, usual_port
from signalscreen.verdicts import VerdictTable, read_verdicts

from .pages import settle, wait, write_beats

NOTE = "ß 心 <b>"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return write_beats(tmp_path / "beats.zarr")


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """One browser, in which pages come and go."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    yield context.new_page()
    context.close()


def _load(page: Any, url: str) -> None:
    page.goto(url)
    wait(page, "window.signalscreen?.app.ready")
    settle(page)


def _set(page: Any, start: int, verdict: str, note: str = "", lead: str = "") -> None:
    given = {"start": start, "stop": start + 500, "lead": lead, "window": None, "verdict": verdict, "note": note}
    page.evaluate("(given) => { signalscreen.app.verdicts.set({ label: '', ...given }); }", given)


def _said(store: Path) -> list[tuple[int, str, str, str]]:
    return [(one.start, one.verdict, one.note, one.lead) for one in read_verdicts(store)]


def _kept(page: Any) -> str:
    return str(page.evaluate("JSON.stringify(Object.entries(localStorage))"))


def _unsaved(page: Any, store: Path, reviewer: str = "Ada") -> str:
    """Give two verdicts and delete one, the last two and the deletion to a dead server; return its address."""
    with start_in_thread(store, reviewer=reviewer) as running:
        _load(page, running.url)
        _set(page, 0, "accept")
        wait(page, "signalscreen.app.verdicts.saved.length === 1")
    _set(page, 1000, "reject", NOTE, "L2")
    _set(page, 2000, "unsure")
    page.evaluate("{ const { verdicts } = signalscreen.app; verdicts.remove(verdicts.saved[0]); }")
    wait(page, "signalscreen.app.verdicts.failed.length === 3")
    return str(running.url)


def test_edits_are_offered_again_at_the_new_address(page: Any, store: Path) -> None:
    url = _unsaved(page, store)
    assert _said(store) == [(0, "accept", "", "")]
    kept = _kept(page)
    assert NOTE in kept
    assert urlsplit(url).path.strip("/") not in kept  # the token
    page.goto("about:blank")
    with start_in_thread(store, reviewer="Ada") as again:
        assert urlsplit(again.url).port == urlsplit(url).port  # else it is another origin, with another storage
        assert again.url != url
        _load(page, again.url)
        wait(page, "!document.getElementById('offered').hidden")
        offered = page.inner_text("#offered")
        assert "3 edits that were not saved" in offered
        assert "reject at 23:50:10" in offered
        assert "delete accept at 23:50:00" in offered
        page.click("#offered button:text('Save now')")
        wait(page, "signalscreen.app.verdicts.edits.length === 0 && signalscreen.app.verdicts.saved.length === 2")
        assert _said(store) == [(1000, "reject", NOTE, "L2"), (2000, "unsure", "", "")]
        assert NOTE not in _kept(page)
        _load(page, again.url)
        page.wait_for_timeout(1500)
        assert not page.is_visible("#offered")


def test_nothing_newer_is_overwritten(page: Any, store: Path) -> None:
    _unsaved(page, store)
    page.goto("about:blank")
    VerdictTable(store, "Ada").set("artefact", start=1000, stop=1500, lead="L2")
    with start_in_thread(store, reviewer="Ada") as again:
        _load(page, again.url)
        wait(page, "!document.getElementById('offered').hidden")
        page.click("#offered button:text('Save now')")
        wait(page, "document.getElementById('message').textContent.includes('1 of 3 edits is left out')")
        assert _said(store) == [(1000, "artefact", "", "L2"), (2000, "unsure", "", "")]


def test_they_are_for_their_reviewer_and_store_only_and_can_be_given_up(page: Any, store: Path) -> None:
    _unsaved(page, store)
    page.goto("about:blank")
    port = usual_port(store, "Ada")
    other = write_beats(store.parent / "other.zarr", n=140_000)
    for path, who in ((store, "Bo"), (other, "Ada")):
        with start_in_thread(path, reviewer=who, port=port) as running:
            _load(page, running.url)
            page.wait_for_timeout(1500)
            assert not page.is_visible("#offered")
    with start_in_thread(store, reviewer="Ada") as again:
        _load(page, again.url)
        wait(page, "!document.getElementById('offered').hidden")
        page.click("#offered button:text('Give up')")
        assert not page.is_visible("#offered")
        assert NOTE not in _kept(page)
    assert _said(store) == [(0, "accept", "", "")]


def test_a_file_brings_them_to_another_port(page: Any, store: Path, tmp_path: Path) -> None:
    _unsaved(page, store)
    with page.expect_download() as download:
        page.click("#unsaved button:text('Keep as a file')")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == "beats_unsaved.json"
    assert len(json.loads(file.read_text(encoding="utf-8"))["edits"]) == 3
    page.goto("about:blank")
    with start_in_thread(store, reviewer="Ada", port=0) as again:
        _load(page, again.url)
        page.wait_for_timeout(1500)
        assert not page.is_visible("#offered")  # another origin
        page.set_input_files("#tools input[type=file]", file)
        wait(page, "!document.getElementById('offered').hidden")
        page.click("#offered button:text('Save now')")
        wait(page, "signalscreen.app.verdicts.edits.length === 0 && signalscreen.app.verdicts.saved.length === 2")
        assert _said(store) == [(1000, "reject", NOTE, "L2"), (2000, "unsure", "", "")]


def _one(verdict: str, start: int, stop: int, made: str = "2026-01-01") -> dict[str, Any]:
    """What a file says of one edit."""
    return {"edits": [{"kind": "set", "made": made, "verdict": {"verdict": verdict, "start": start, "stop": stop}}]}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"kind": "x"}, "holds no edits of a review"),
        ({"record": "119"}, "are of record 119"),
        ({"identity": "0"}, "another screening"),
        ({"reviewer": "Bo"}, "start the review with --reviewer Bo"),
        (_one("fine", 0, 9), "no edit"),
        (_one("accept", 9, 9), "no edit"),
        (_one("accept", 0, 9, made="x"), "no edit"),
        ({"edits": [None, 5]}, "no edit"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_in_a_sentence(
    page: Any, store: Path, tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    with start_in_thread(store, reviewer="Ada") as running:
        _load(page, running.url)
        about = page.evaluate("signalscreen.app.rescue.about")
        (tmp_path / "edits.json").write_text(json.dumps({**about, "edits": [], **changed}))
        page.set_input_files("#tools input[type=file]", tmp_path / "edits.json")
        wait(page, f"document.getElementById('message').textContent.includes({json.dumps(words)})")
        assert not page.is_visible("#offered")


def test_what_is_kept_is_bounded(page: Any, store: Path) -> None:
    """One page keeps a megabyte, says so beyond, and what is a month old is dropped."""
    with start_in_thread(store, reviewer="Ada") as running:
        _load(page, running.url)
    _set(page, 0, "accept", "x" * 10_000)
    wait(page, "signalscreen.app.verdicts.failed.length === 1")
    assert len(_kept(page)) > 10_000
    assert "cannot keep" not in page.inner_text("#unsaved")
    page.evaluate(
        "{ const given = { lead: '', window: null, verdict: 'accept', label: '', note: 'x'.repeat(10000) };"
        " for (let k = 0; k < 120; k++) signalscreen.app.verdicts.set({ start: k, stop: k + 9, ...given }); }"
    )  # fmt: skip
    wait(page, "signalscreen.app.verdicts.failed.length === 121")
    assert len(_kept(page)) < 10_000
    assert "This browser cannot keep it until then" in page.inner_text("#unsaved")
    assert page.evaluate(
        """() => {
          const { rescue } = signalscreen.app;
          const edit = (made) => ({ edits: [{ made }] });
          localStorage.setItem("signalscreen/unsaved/a", JSON.stringify(edit("2020-01-01T00:00:00Z")));
          localStorage.setItem("signalscreen/unsaved/b", JSON.stringify(edit(new Date().toISOString())));
          localStorage.setItem("signalscreen/unsaved/c", "torn");
          localStorage.setItem("another", "x");
          rescue.clear();
          return Object.keys(localStorage).filter((key) => /unsaved.[abc]$|another/.test(key)).sort();
        }"""
    ) == ["another", "signalscreen/unsaved/b"]


def test_a_port_that_is_taken_is_no_trouble(store: Path) -> None:
    usual = usual_port(store, "Ada")
    assert usual != usual_port(store, "Bo")
    assert 20_000 <= usual < 32_000
    with listening(None, usual) as first, listening(None, usual) as second:
        assert first.getsockname() == ("127.0.0.1", usual)
        assert second.getsockname()[1] not in (0, usual)
    with listening(0, usual) as free:
        assert free.getsockname()[1] != usual
