"""The review page in a real Chromium: what it draws, what its keys do, what it saves."""

import json
import re
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from signalscreen.review import RunningReview, show_review, start_in_thread
from signalscreen.review.page import MODULES, _item, page_html, signed_palette
from signalscreen.screening.allocation import create_database
from signalscreen.screening.store import arrays_of, opened
from signalscreen.verdicts import VerdictTable, read_verdicts

from .pages import (
    FS,
    HOP,
    WINDOW,
    arrived,
    colour_of,
    drawn,
    hold,
    intercept,
    press,
    settle,
    show,
    wait,
    write_beats,
)

# The place in the address is that of the page.
WRITTEN_DOWN = """(() => {
  const [kept, { app }] = [new URLSearchParams(location.hash.slice(1)), signalscreen];
  return Number(kept.get("window")) === app.current && Number(kept.get("from")) === Math.round(app.view.from);
})()"""
VIEWPORT = {"width": 1440, "height": 900}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two leads of 25 minutes, two methods."""
    return write_beats(tmp_path_factory.mktemp("page") / "beats.zarr", methods=("occlusion", "saliency"))


@pytest.fixture(scope="module")
def running(store: Path) -> Iterator[RunningReview]:
    """Ada's review of it."""
    with start_in_thread(store, reviewer="Ada") as found:
        yield found


class Watched:
    """A page with all that it said to the console and asked for."""

    def __init__(self, browser: Any, url: str) -> None:
        self.context = browser.new_context(viewport=VIEWPORT)
        self.page = self.context.new_page()
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.url = url
        self.load()

    def load(self) -> None:
        """Open the page and wait for its first data."""
        self.page.goto(self.url)
        wait(self.page, "window.signalscreen?.app.ready")
        settle(self.page)

    def close(self) -> None:
        """End it."""
        self.context.close()


@pytest.fixture(scope="module")
def opened_page(browser: Any, running: RunningReview) -> Iterator[Watched]:
    """Loaded once."""
    found = Watched(browser, running.url)
    yield found
    found.close()


@pytest.fixture
def watched(opened_page: Watched) -> Iterator[Watched]:
    """The page with all of the recording in view; its console stays silent, and it asks its server only."""
    page = opened_page.page
    page.select_option("#sort", "score")
    page.select_option("#filter", "all")
    page.evaluate("signalscreen.app.current = -1; signalscreen.app.list.place = undefined")
    press(page, "Escape", "o")
    yield opened_page
    assert opened_page.errors == []
    asked = {urlsplit(url).netloc for url in opened_page.asked if not url.startswith(("data:", "blob:"))}
    assert asked == {urlsplit(opened_page.url).netloc}


def test_page_is_whole(store: Path, watched: Watched) -> None:
    """What is drawn first is the whole recording; the list is sorted by P(alarm)."""
    page = watched.page
    assert page.evaluate("[signalscreen.app.view.from, signalscreen.app.view.to]") == [0, 150_000]
    probability = opened(store)["probability"][:, 1]
    order = page.evaluate("signalscreen.app.list.order")
    assert order == np.argsort(-probability, kind="stable").tolist()
    assert page.locator(".row").count() < 60  # of 299: only those in sight
    assert page.locator(".row").first.get_attribute("aria-posinset") == "1"
    assert "artefact" in page.inner_text("#classes")
    assert page.locator("canvas").count() >= 5
    static = Path(__file__).parents[2] / "signalscreen" / "review" / "static"
    assert {path.stem for path in static.glob("*.js")} == set(MODULES)


@pytest.mark.parametrize(
    ("first", "last", "mode"), [(89_000, 91_500, "raw"), (60_000, 95_000, "extreme"), (0, 150_000, "mean")]
)
def test_drawn_equals_store(store: Path, watched: Watched, first: int, last: int, mode: str) -> None:
    """Values and colours on the screen are those of the store's arrays: beat by beat, by the minute, by the day."""
    show(watched.page, first, last)
    group = opened(store)
    for lead in range(2):
        seen = drawn(watched.page, lead)
        assert (seen["from"], seen["to"]) == (first, last)
        assert seen["plan"]["mode"] == mode
        signal, a = group["signal"][:, lead], group["attribution_occlusion"][:, lead]
        if mode == "raw":
            _check_raw(seen, signal, a, first, last)
        else:
            _check_columns(seen, signal, a, first, last)


def _strokes(seen: dict[str, Any]) -> Iterator[tuple[float, float, float, float, str]]:
    """Each stroke of the line: from, to, colour."""
    for xs, ys, colour in zip(seen["xs"], seen["ys"], seen["color"], strict=True):
        for k in range(len(xs) - 1):
            if not np.isnan(xs[k] + xs[k + 1]):
                yield xs[k], ys[k], xs[k + 1], ys[k + 1], colour


def _check_raw(seen: dict[str, Any], signal: np.ndarray, a: np.ndarray, first: int, last: int) -> None:
    assert seen["limit"] == pytest.approx(np.nanpercentile(np.abs(a), 99.5), rel=0.1)
    strokes = {int(x0): (x1, y0, y1, colour) for x0, y0, x1, y1, colour in _strokes(seen)}
    for k in range(first, last):
        if np.isfinite(signal[k : k + 2]).all():
            assert strokes[k] == (k + 1, signal[k], signal[k + 1], colour_of(a[k], seen))
        else:
            assert k not in strokes


def _check_columns(seen: dict[str, Any], signal: np.ndarray, a: np.ndarray, first: int, last: int) -> None:
    size, n = seen["plan"]["samples"], len(signal)
    assert 1 < size <= (last - first) / 900  # at least a column a pixel
    upright = {x0: (min(y0, y1), max(y0, y1), colour) for x0, y0, x1, y1, colour in _strokes(seen) if x0 == x1}
    checked = 0
    for x, low, high, value in zip(seen["x"], seen["low"], seen["high"], seen["value"], strict=True):
        begin = int(x - size / 2)
        part, attribution = signal[begin : begin + size], a[begin : begin + size]
        if not np.isfinite(part).any():
            assert x not in upright
            continue
        assert (low, high) == (np.nanmin(part), np.nanmax(part))
        assert upright[x] == (low, high, colour_of(value, seen))
        known = attribution[np.isfinite(attribution)]
        if not len(known):
            assert np.isnan(value)
        elif seen["plan"]["mode"] == "extreme":
            assert value == known[np.argmax(np.abs(known))]
        elif len(known) == size and begin + size <= n:
            assert value == pytest.approx(known.mean(), abs=1e-5)
        checked += 1
    assert checked > 0.9 * (last - first) / size


def test_zoom_to_a_beat_and_back(watched: Watched) -> None:
    """The wheel zooms about the pointer and the data follow; drags pan, a double click takes a window."""
    page = watched.page
    show(page, 40_000, 60_000)
    box = page.locator("#stack .plot").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    under = page.evaluate("([x]) => signalscreen.app.gestures.sample({ clientX: x })", [x])
    for _ in range(8):
        page.mouse.wheel(0, -120)
    wait(page, "signalscreen.app.view.span < 2500")
    settle(page)
    assert drawn(page, 0)["plan"]["mode"] == "raw"
    assert page.evaluate("([x]) => signalscreen.app.gestures.sample({ clientX: x })", [x]) == pytest.approx(
        under, abs=1
    )
    assert "V" in page.evaluate("signalscreen.app.panels.lane.source('words').data.text")
    before = page.evaluate("signalscreen.app.view.from")
    page.mouse.down()
    page.mouse.move(x - 100, y, steps=3)
    page.mouse.up()
    settle(page)
    assert page.evaluate("signalscreen.app.view.from") > before
    page.mouse.dblclick(x, y)
    settle(page)
    target = page.evaluate("signalscreen.app.target()")
    assert target["kind"] == "window"
    assert target["stop"] - target["start"] == WINDOW
    press(page, "o")
    assert page.evaluate("signalscreen.app.view.span") == 150_000
    assert drawn(page, 0)["plan"]["mode"] == "mean"


def test_list_keys(store: Path, watched: Watched) -> None:
    """Sorting, filters, next alarm by key and by button, going to a time of day."""
    page, group = watched.page, opened(store)
    flagged = np.flatnonzero(group["flagged"][:])
    page.select_option("#sort", "time")
    press(page, "n")
    assert page.evaluate("signalscreen.app.current") == flagged[0]
    press(page, "n", "n", "p")
    assert page.evaluate("signalscreen.app.current") == flagged[1]
    press(page, "j")
    assert page.evaluate("signalscreen.app.current") == flagged[1] + 1
    page.click("button[data-key=p]")
    assert page.evaluate("signalscreen.app.current") == flagged[1]
    page.select_option("#filter", "flagged")
    assert page.evaluate("signalscreen.app.list.order") == flagged.tolist()
    page.select_option("#filter", "all")
    page.select_option("#sort", "surprise")
    surprise = page.evaluate("Array.from(signalscreen.app.windows.surprise)")
    ordered = np.take(surprise, page.evaluate("signalscreen.app.list.order"))
    assert (np.diff(ordered) <= 0).all()
    press(page, "g")
    page.fill("#dialog input", "23:55:00")
    page.keyboard.press("Enter")
    settle(page)
    middle = page.evaluate("(signalscreen.app.view.from + signalscreen.app.view.to) / 2")
    assert middle == pytest.approx(300 * FS)
    press(page, "g")
    page.fill("#dialog input", "tomorrow")
    page.keyboard.press("Enter")
    assert "is not a time of this recording" in page.inner_text("#dialog .wrong")
    page.keyboard.press("Escape")
    low, high = page.evaluate("(({ y }) => [y.start, y.end])(signalscreen.app.stack.panels.get(0))")
    press(page, "]")
    assert page.evaluate("signalscreen.app.stack.panels.get(0).y.end") == pytest.approx(high / 2)
    press(page, "[")
    assert page.evaluate("signalscreen.app.stack.panels.get(0).y.start") == low


def test_twenty_verdicts(store: Path, watched: Watched) -> None:
    """Given by keyboard, one undone, reloaded, exported, read back by wfdb: all equal."""
    wfdb = pytest.importorskip("wfdb")
    page = watched.page
    wanted = []
    for k in range(20):
        press(page, "n")
        row = page.evaluate("signalscreen.app.current")
        key, kind = [("a", "accept"), ("r", "reject"), ("f", "artefact"), ("u", "unsure"), ("l", "relabel")][k % 5]
        press(page, key)
        if kind == "relabel":
            press(page, "1")
        start = row * HOP
        wanted.append((start, start + WINDOW, kind, "clean" if kind == "relabel" else "", row))
    assert page.inner_text("#saved") == "all saved"
    press(page, "z")
    wait(page, "signalscreen.app.verdicts.list.length === 19")
    wanted.pop()
    found = [(v.start, v.stop, v.verdict, v.label, v.window) for v in read_verdicts(store)]
    assert found == sorted(wanted)
    view = page.evaluate("[signalscreen.app.current, Math.round(signalscreen.app.view.from)]")
    wait(page, WRITTEN_DOWN)  # a quarter of a second later
    page.reload()
    wait(page, "window.signalscreen?.app.ready")
    settle(page)
    assert page.evaluate("[signalscreen.app.current, Math.round(signalscreen.app.view.from)]") == view
    shown = page.evaluate(
        "signalscreen.app.verdicts.list.map(v => [v.start, v.stop, v.verdict, v.label, v.window])"
    )
    assert sorted(map(tuple, shown)) == sorted(wanted)
    page.select_option("#filter", "unreviewed")
    assert set(page.evaluate("signalscreen.app.list.order")).isdisjoint(row for *_, row in wanted)
    press(page, "s")
    page.click("#dialog button[value=wfdb]")
    with page.expect_download() as download:
        page.click("#dialog a")
    path = store.parent / download.value.suggested_filename
    download.value.save_as(path)
    page.keyboard.press("Escape")
    read = wfdb.rdann(str(path.with_suffix("")), path.suffix[1:])
    edges = sorted([start for start, *_ in wanted] + [stop - 1 for _, stop, *_ in wanted])
    assert sorted(read.sample.tolist()) == edges
    for _, _, kind, label, _ in wanted:
        assert any(kind in note and label in note for note in read.aux_note)
    page.keyboard.press("x")
    wait(page, "signalscreen.app.verdicts.list.length <= 19 && !signalscreen.app.verdicts.saving")


def test_note_and_span(store: Path, watched: Watched) -> None:
    """A span selected by the mouse, a note of 10,000 characters of any script; Esc leaves, Enter saves."""
    page = watched.page
    show(page, 120_000, 130_000)
    box = page.locator("#stack .plot").first.bounding_box()
    y = box["y"] + box["height"] / 2
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 300, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 600, y, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    target = page.evaluate("signalscreen.app.target()")
    assert target["kind"] == "selection"
    note = ("é½心🫀<script>alert(1)</script>\"'&\\ " * 400)[:10_000]
    press(page, "m")
    page.fill("#dialog textarea", "never")
    page.keyboard.press("Escape")
    press(page, "m")
    page.fill("#dialog textarea", note)
    page.select_option("#dialog select", "artefact")
    page.keyboard.press("Enter")
    wait(page, "!signalscreen.app.verdicts.saving")
    mine = [v for v in read_verdicts(store) if v.start == target["start"]]
    assert [(v.stop, v.verdict, v.note, v.window, v.lead) for v in mine] == [
        (target["stop"], "artefact", note, None, "L1")
    ]
    page.click("button[data-key=a]")  # another verdict on the span keeps the note
    wait(page, "!signalscreen.app.verdicts.saving")
    assert [(v.verdict, v.note) for v in read_verdicts(store) if v.start == target["start"]] == [("accept", note)]
    press(page, "x")
    assert not [v for v in read_verdicts(store) if v.start == target["start"]]
    press(page, "Escape")
    assert page.evaluate("signalscreen.app.selection") is None


def test_a_verdict_within_another(store: Path, watched: Watched) -> None:
    """The shorter lies upon the longer, whichever came first; the words of both can be read, and both be taken."""
    page = watched.page
    show(page, 20_000, 24_000)
    spans = ((21_500, 22_000), (20_500, 23_500))
    for start, stop in spans:
        page.evaluate(f"signalscreen.app.select({start}, {stop})")
        press(page, "f")
    words = page.evaluate(
        "(({x, text}) => x.map((at, i) => [at, text[i]]))"
        "(signalscreen.app.lane.words({annotations: []}, signalscreen.app.view, 1000))"
    )
    assert words == [[22_750, "artefact · Ada"], [21_750, "artefact · Ada"]]
    lane = page.locator("#lane").bounding_box()
    for at, span in ((22_750, spans[1]), (21_750, spans[0])):
        page.mouse.click(lane["x"] + lane["width"] * (at - 20_000) / 4_000, lane["y"] + 0.8 * lane["height"])
        target = page.evaluate("signalscreen.app.target()")
        assert (target["kind"], target["start"], target["stop"]) == ("verdict", *span)
        press(page, "x")
    assert not [v for v in read_verdicts(store) if v.start in (21_500, 20_500)]


def test_what_is_said_of_the_pointer_goes_with_the_view(watched: Watched) -> None:
    """A key moves the view under a pointer that rests."""
    page = watched.page
    box = page.locator("[data-lead='0']").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    before = page.inner_text("#readout")
    for key in ("n", "n"):
        press(page, key)
        now = page.inner_text("#readout")
        sample = page.evaluate("signalscreen.app.gestures.sample(signalscreen.app.gestures.over)")
        time = page.evaluate("(sample) => signalscreen.app.clock.words(sample, 2)", sample)
        assert now.startswith(f"{time} · L1 ")
        assert now != before
        before = now
    page.mouse.move(1, 1)
    assert page.inner_text("#readout") == ""


def test_what_was_said_of_an_edit_goes_with_the_next(watched: Watched) -> None:
    """ "Undone" is not left beside a verdict that stands."""
    page = watched.page
    press(page, "n", "u", "z")
    wait(page, "document.getElementById('message').textContent.startsWith('Undone: “unsure” at ')")
    press(page, "r")
    assert page.inner_text("#message") == ""
    press(page, "z")
    wait(page, "document.getElementById('message').textContent.startsWith('Undone: “reject” at ')")
    press(page, "u", "z", "a", "x")
    assert page.inner_text("#message") == ""


def test_a_verdict_given_while_an_undo_is_under_way(store: Path, watched: Watched) -> None:
    """It is sent after the undo, so that it is not what is undone."""
    page = watched.page
    press(page, "n", "f")
    target = page.evaluate("signalscreen.app.target()")
    sent: list[str] = []
    held = hold(page, "**/api/undo*")

    def listen(request: Any) -> None:
        if request.method != "GET":  # tiles are fetched ahead, and the table is looked at now and then
            sent.append(request.method + urlsplit(request.url).path.rsplit("/", 1)[1])

    page.on("request", listen)
    page.keyboard.press("z")
    page.keyboard.press("a")
    undo = arrived(page, held)
    page.wait_for_timeout(200)
    assert sent == ["POSTundo"]
    undo.continue_()
    wait(page, "!signalscreen.app.verdicts.saving")
    page.remove_listener("request", listen)
    page.unroute("**/api/undo*")
    assert [v.verdict for v in read_verdicts(store) if v.start == target["start"]] == ["accept"]
    assert page.inner_text("#message") == ""
    press(page, "x")


def test_a_verdict_deleted_while_it_is_saved(store: Path, watched: Watched) -> None:
    """It does not come back when it has arrived."""
    page = watched.page
    press(page, "n")
    target = page.evaluate("signalscreen.app.target()")
    before = [v for v in read_verdicts(store) if v.start == target["start"]]
    assert not before
    held = hold(page, "**/api/verdicts*", "POST")
    page.keyboard.press("a")
    page.keyboard.press("x")
    wait(page, "signalscreen.app.verdicts.saving === 2")
    arrived(page, held).continue_()
    wait(page, "!signalscreen.app.verdicts.saving")
    page.unroute("**/api/verdicts*")
    assert not [v for v in read_verdicts(store) if v.start == target["start"]]


def test_failed_save_is_shown(store: Path, watched: Watched) -> None:
    """A save that fails stays, is said in the server's words, and can be tried again."""
    page = watched.page
    before = len(read_verdicts(store))
    refuse = {"status": 507, "content_type": "application/json", "body": '{"error": "the disk is full; free some"}'}
    intercept(
        page,
        "**/api/verdicts*",
        lambda route: route.fulfill(**refuse) if route.request.method == "POST" else route.fallback(),
    )
    page.select_option("#filter", "unreviewed")
    press(page, "j")
    press(page, "u")
    assert page.inner_text("#saved") == "1 not saved"
    assert "the disk is full; free some" in page.inner_text("#unsaved")
    assert page.evaluate("signalscreen.app.verdicts.list.filter(v => v.state === 'failed').length") == 1
    assert len(read_verdicts(store)) == before
    page.unroute("**/api/verdicts*")
    page.click("#unsaved button:text('Retry')")
    wait(page, "document.getElementById('saved').textContent === 'all saved'")
    assert len(read_verdicts(store)) == before + 1
    assert not page.is_visible("#unsaved")
    assert len(watched.errors) == 1  # Chromium's own word on the answer 507
    watched.errors.clear()


def test_two_reviewers(store: Path, watched: Watched, browser: Any) -> None:
    """The other's verdicts are shown with a name, and stay theirs."""
    page = watched.page
    with start_in_thread(store, reviewer="Борис") as other:
        second = Watched(browser, other.url)
        second.page.select_option("#sort", "time")
        press(second.page, "j", "j", "r")
        row = second.page.evaluate("signalscreen.app.current")
        page.evaluate("signalscreen.app.verdicts.refresh()")
        page.select_option("#sort", "time")
        page.evaluate("(row) => signalscreen.app.choose(row)", row)
        settle(page)
        assert "Борис" in " ".join(page.evaluate("signalscreen.app.panels.lane.source('words').data.text"))
        assert page.locator(f"#window-{row} .mark.other").inner_text() == "R"
        press(page, "a")
        on = [(v.who, v.verdict) for v in read_verdicts(store) if v.start == row * HOP]
        assert sorted(on) == [("Ada", "accept"), ("Борис", "reject")]
        words = page.evaluate("signalscreen.app.panels.lane.source('words').data.text")
        assert "accepted · Ada  |  rejected · Борис" in words  # the other's lies on the same span, under it
        second.close()
        assert second.errors == []


def test_leads_and_methods(store: Path, watched: Watched) -> None:
    """A lead can be hidden, not the last one; another method is drawn in its own colours."""
    page = watched.page
    page.uncheck("#leads input[value='1']")
    settle(page)
    assert not page.is_visible(".lead[data-lead='1']")
    page.locator("#leads input[value='0']").click()
    assert page.is_checked("#leads input[value='0']")
    page.check("#leads input[value='1']")
    show(page, 20_000, 21_000)
    page.select_option("#method", "saliency")
    settle(page)
    seen, group = drawn(page, 0), opened(store)
    _check_raw(seen, group["signal"][:, 0], group["attribution_saliency"][:, 0], 20_000, 21_000)
    page.select_option("#method", "occlusion")


def test_twelve_leads_and_records(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Twelve leads in a narrow frame scroll, and only those in sight are made and fetched."""
    path = write_beats(tmp_path_factory.mktemp("twelve") / "twelve.zarr", leads=12, n=20_000)
    with start_in_thread(path, reviewer="Ada") as running:
        watched = Watched(browser, running.url)
        page = watched.page
        page.set_viewport_size({"width": 900, "height": 640})
        settle(page)
        seen = page.evaluate("signalscreen.app.stack.seen()")
        assert seen[0] == 0
        assert 2 <= len(seen) < 12
        page.evaluate("signalscreen.app.stack.element.scrollTo(0, 1e6)")
        wait(page, "signalscreen.app.stack.seen().includes(11)")
        settle(page)
        show(page, 5_000, 6_000)
        _check_raw(
            drawn(page, 11),
            opened(path)["signal"][:, 11],
            opened(path)["attribution_saliency"][:, 11],
            5_000,
            6_000,
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= 900
        assert watched.errors == []
        watched.close()


def test_the_lead_of_a_window_comes_into_view(browser: Any, tmp_path: Path) -> None:
    """Of a window of one lead of twelve: when it is chosen, when the page is opened again; a hidden one is said."""
    path = write_beats(tmp_path / "each.zarr", leads=12, n=20_000)
    group = arrays_of(path)
    group["window_lead"][:] = np.arange(group["window_lead"].shape[0]) % 12
    group["signal"][:] *= 20_000
    whole = "[...document.querySelectorAll('.lead')].flatMap((slot, lead) => {\n" + (
        "const [a, b] = [slot, signalscreen.app.stack.element].map((part) => part.getBoundingClientRect());"
        "return a.top >= b.top - 1 && a.bottom <= b.bottom + 1 && a.height ? [lead] : []; })"
    )
    with start_in_thread(path, reviewer="Ada") as running:
        watched = Watched(browser, running.url)
        page = watched.page
        page.select_option("#filter", "all")
        for row in (11, 0, 7, 8):
            page.evaluate("(row) => signalscreen.app.choose(row)", row)
            settle(page)
            assert row in page.evaluate(whole)
        shown = page.evaluate(whole)
        assert page.inner_text(".more").split() == [
            *("▲", str(shown[0]), "more", "▼", str(11 - shown[-1]), "more"),
        ]
        names = page.locator("#list .in").all_inner_texts()
        assert "L12" in names
        words = page.evaluate(
            "(() => { const [model] = [signalscreen.app.stack.panels.get(8).document.get_model_by_name('value')];"
            "const lists = [[0, 10000, -20000], [0, 0.1 + 0.2, -5], [10001, 10002]];"
            "return lists.map((ticks) => model.formatter.doFormat(ticks)); })()"
        )
        assert words == [["0", "10k", "−20k"], ["0", "0.3", "−5"], ["10001", "10002"]]
        wait(page, WRITTEN_DOWN)
        page.reload()
        wait(page, "window.signalscreen?.app.ready")
        settle(page)
        assert 8 in page.evaluate(whole)
        page.uncheck("#leads input[value='7']")
        page.evaluate("signalscreen.app.choose(7)")
        assert page.inner_text("#aim").endswith("L8 · not shown (w)")
        assert watched.errors == []
        watched.close()


def test_verdicts_on_one_span_do_not_cover_the_probabilities(browser: Any, tmp_path: Path) -> None:
    """Of verdicts on one span, as of twelve leads, one is drawn in the track."""
    path = write_beats(tmp_path / "one.zarr", n=20_000)
    table = VerdictTable(path, "Ada")
    for lead in ("L1", "L2", ""):
        table.set("artefact", start=0, stop=1000, lead=lead)
    table.set("accept", start=1000, stop=2000)
    with start_in_thread(path, reviewer="Ada") as running:
        watched = Watched(browser, running.url)
        spans = "signalscreen.app.panels.track.source('spans').data"
        assert watched.page.evaluate(f"Array.from({spans}.x0)") == [0, 1000]
        watched.close()


def test_a_server_that_ended_is_said_to_have_another_address(browser: Any, store: Path) -> None:
    """What is not saved then cannot be saved from that page, and so no retry is promised."""
    with start_in_thread(store, reviewer="Eve") as running:
        watched = Watched(browser, running.url)
        port = urlsplit(running.url).port
        wait(watched.page, "signalscreen.app.ready")
        watched.page.keyboard.press("n")
    watched.page.keyboard.press("f")
    wait(watched.page, "document.getElementById('unsaved').textContent.includes('offered there')")
    assert "does not answer" in watched.page.inner_text("#unsaved")
    with start_in_thread(store, reviewer="Eve", port=port):
        watched.page.click("#unsaved button:text('Retry')")
        wait(watched.page, "document.getElementById('unsaved').textContent.includes('not served any more')")
    watched.close()


def test_without_attributions_and_classes(browser: Any, tmp_path: Path) -> None:
    """A store of scores only is a signal and a list."""
    path = write_beats(tmp_path / "scores.zarr", leads=1, n=20_000, methods=(), classes=())
    with start_in_thread(path, reviewer="Ada") as running:
        watched = Watched(browser, running.url)
        page = watched.page
        assert "no attribution" in page.inner_text("#scale")
        score = opened(path)["score"][:]
        page.select_option("#filter", "all")
        assert page.evaluate("signalscreen.app.list.order") == np.argsort(-score, kind="stable").tolist()
        press(page, "j", "r")
        assert [v.window for v in read_verdicts(path)] == [int(np.argmax(score))]
        show(page, 5_000, 6_000)
        signal, seen = opened(path)["signal"][:, 0], drawn(page, 0)
        for k, stroke in ((int(x0), (y0, y1, colour)) for x0, y0, _, y1, colour in _strokes(seen)):
            assert stroke == (signal[k], signal[k + 1], colour_of(np.nan, seen))
        assert watched.errors == []
        watched.close()


class Quiet(SimpleHTTPRequestHandler):
    """A notebook's server, as far as a frame can tell."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_database_in_a_notebook_cell(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In a frame of another page, as a notebook shows it; another record of the database is chosen there."""
    folder = tmp_path_factory.mktemp("database") / "all.zarr"
    create_database(folder, ["one", "two"])
    write_beats(folder / "one", n=20_000)
    write_beats(folder / "two", n=30_000, leads=1)
    cell = show_review(folder, reviewer="Ada", height=640)
    (folder.parent / "index.html").write_text(cell._repr_html_(), encoding="utf-8")
    handler = partial(Quiet, directory=folder.parent)
    notebook = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=notebook.serve_forever, daemon=True).start()
    watched = browser.new_page(viewport={"width": 900, "height": 700})
    try:
        watched.goto(f"http://localhost:{notebook.server_port}/")
        frame = watched.frames[1]
        wait(frame, "Boolean(window.signalscreen?.app.ready)")
        frame.evaluate("window.signalscreen.settled()")
        assert frame.evaluate("signalscreen.app.info.n") == 20_000
        frame.select_option("#record select", "two")
        wait(frame, "Boolean(window.signalscreen?.app.ready && signalscreen.app.info.record === 'two')")
        assert frame.evaluate("signalscreen.app.info.n") == 30_000
        frame.evaluate("signalscreen.app.choose(4)")
        frame.evaluate("document.querySelector('[data-key=f]').click()")
        wait(frame, "signalscreen.app.verdicts.saved.length === 1")
        assert [(v.verdict, v.window) for v in read_verdicts(folder / "two")] == [("artefact", 4)]
    finally:
        watched.close()
        cell.stop()
        notebook.shutdown()
        notebook.server_close()


def test_page_without_a_browser() -> None:
    """The page names no address, and text from a record cannot end its script."""
    lead = {"name": "</script><b>", "units": "mV", "low": -1.0, "high": 1.0}
    page = page_html({"record": "<&>", "leads": [lead], "threshold": float("nan")})
    head, rest = page.split('<script type="application/json" id="given">')
    assert "<title>&lt;&amp;&gt; –" in head
    assert rest.count("</script>") == 2  # its own end, and that of the module
    assert len(signed_palette()) == 41


def test_figures_of_leads_are_made_once_and_share_no_model() -> None:
    """Bokeh takes a tenth of a second for each figure, and finds models by their ids."""
    page = page_html({"leads": [{"name": f"L{k}"} for k in range(3)]})
    given = json.loads(page.split('<script type="application/json" id="given">')[1].split("</script>")[0])
    ids = [set(re.findall(r"p\d+-\d+", json.dumps(item))) for item in given["figures"]["leads"]]
    assert len(ids[0]) == len(ids[1]) == len(ids[2]) > 20
    assert not (ids[0] & ids[1] | ids[1] & ids[2] | ids[0] & ids[2])
    assert [item["root_id"] in own for item, own in zip(given["figures"]["leads"], ids, strict=True)] == [True] * 3
    made = _item.cache_info().misses
    page_html({"leads": [{"name": "II"}] * 12, "record": "another"})
    assert _item.cache_info().misses == made
