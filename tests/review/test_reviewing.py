"""A review by keys and mouse in a real Chromium: a verdict is on what is seen, and says what it means."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from signalscreen.review import start_in_thread
from signalscreen.verdicts import VerdictTable, read_verdicts, read_wfdb_verdicts

from .pages import press, ready, review, said, says, settle, show, wait
from .stores import WINDOW, write_alarms, write_database

ALARM, QUIET = True, False
SAVED = "!signalscreen.app.verdicts.edits.length"


def target(page: Any) -> dict[str, Any]:
    return dict(page.evaluate("signalscreen.app.target()"))


def leave(page: Any) -> None:
    """Close the dialog."""
    page.keyboard.press("Escape")
    wait(page, "!document.getElementById('dialog').open && document.activeElement === document.body")


def view(page: Any) -> list[int]:
    return list(page.evaluate("[signalscreen.app.view.from, signalscreen.app.view.to].map(Math.round)"))


def go_to(page: Any, time: str) -> None:
    page.keyboard.press("g")
    page.fill("#dialog input", time)
    page.keyboard.press("Enter")
    settle(page)


def begins(page: Any, words: str) -> None:
    """Wait for a message that begins so."""
    wait(page, f"document.getElementById('message').textContent.startsWith({json.dumps(words)})")


def given(store: Path) -> list[tuple[int | None, str]]:
    """Windows and verdicts that stand."""
    return [(one.window, one.verdict) for one in read_verdicts(store)]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two minutes: 60 windows of two seconds, an alarm in every tenth."""
    return write_alarms(tmp_path / "day", [row % 10 == 0 for row in range(60)])


@pytest.fixture
def page(browser: Any, store: Path) -> Iterator[Any]:
    """Ada's page on it, sorted by time."""
    with review(browser, store) as found:
        found.select_option("#sort", "time")
        yield found


# A verdict is saved only on what is seen


def test_a_verdict_on_what_is_out_of_view_is_refused(page: Any, store: Path) -> None:
    """It is said how to go there; no key saves, deletes or asks anything meanwhile."""
    press(page, "n", "u")
    go_to(page, "1:50")
    away = view(page)
    for key in ("a", "r", "f", "x", "l", "m"):
        page.evaluate("signalscreen.app.hush()")
        press(page, key)
        begins(page, "Nothing was done: the window 0:00:00.0 – 0:00:02.0 is 107 s outside the view.")
        assert "Press w to go there" in said(page)
        assert not page.is_visible("#dialog")
    page.click("button[data-key=a]")
    assert given(store) == [(0, "unsure")]
    assert page.inner_text("#aim").endswith("out of view (w)")
    assert view(page) == away
    press(page, "w")
    assert view(page)[0] == 0
    assert "out of view" not in page.inner_text("#aim")
    press(page, "a")
    assert given(store) == [(0, "accept")]


def test_half_of_a_window_is_enough_and_a_little_is_not(page: Any, store: Path) -> None:
    press(page, "n", "n")  # the window is two thirds of the view
    start = target(page)["start"]
    show(page, start + WINDOW // 2 - 10, start + 3 * WINDOW)
    press(page, "a")
    assert given(store) == [(10, "accept")]
    show(page, start + WINDOW // 2 + 10, start + 3 * WINDOW)
    press(page, "r")
    assert "lies mostly outside the view" in said(page)
    show(page, start - 2 * WINDOW, start + WINDOW // 2 - 10)
    press(page, "r")
    assert "lies mostly outside the view" in said(page)
    show(page, start + 50, start + 90)  # a beat of it
    press(page, "u")
    assert given(store) == [(10, "unsure")]


def test_what_is_too_short_to_be_seen_is_refused(page: Any, store: Path) -> None:
    page.evaluate("signalscreen.app.select(6000, 6030)")
    press(page, "o", "f")
    assert "is too short to be seen at this zoom" in said(page)
    assert given(store) == []
    press(page, "w", "f")
    assert [(one.start, one.stop) for one in read_verdicts(store)] == [(6000, 6030)]


def test_a_lead_that_is_hidden_is_not_seen(browser: Any, tmp_path: Path) -> None:
    """And w shows it again; one that is scrolled away comes back, too."""
    path = write_alarms(tmp_path / "each", [QUIET, ALARM] * 4, each_lead=True)
    with review(browser, path) as page:
        press(page, "n")
        assert target(page)["lead"] == "V5"
        page.uncheck("#leads input[value='1']")
        press(page, "a")
        assert "is on lead V5, which is hidden" in said(page)
        assert given(path) == []
        press(page, "w")
        assert page.is_checked("#leads input[value='1']")
        page.set_viewport_size({"width": 1440, "height": 480})
        wait(page, "signalscreen.app.stack.seen().length === 1")
        page.evaluate("signalscreen.app.stack.element.scrollTo(0, 0)")
        wait(page, "signalscreen.app.stack.seen()[0] === 0")
        press(page, "a")
        assert "is on lead V5, which is scrolled out of view" in said(page)
        press(page, "w", "a")
        assert given(path) == [(1, "accept")]


def test_what_was_judged_flashes(browser: Any, tmp_path: Path) -> None:
    """Over its span and its lead, for a moment."""
    path = write_alarms(tmp_path / "each", [QUIET, ALARM] * 4, each_lead=True)
    with review(browser, path) as page:
        press(page, "n")
        page.keyboard.press("r")
        flash = page.locator(".flash")
        box, data = flash.bounding_box(), flash.evaluate("(box) => ({ ...box.dataset })")
        window = target(page)
        assert data == {"start": str(window["start"]), "stop": str(window["stop"]), "lead": "V5"}
        lead = page.locator(".part.lead[data-lead='1']").bounding_box()
        assert box["y"] == pytest.approx(lead["y"], abs=1)
        assert box["height"] == pytest.approx(lead["height"], abs=1)
        for edge, sample in ((box["x"], window["start"]), (box["x"] + box["width"], window["stop"])):
            under = page.evaluate("([x]) => signalscreen.app.gestures.sample({ clientX: x })", [edge])
            assert under == pytest.approx(sample, abs=2)
        wait(page, "!document.querySelector('.flash')")


# Undo


def test_undo_says_what_it_took_back_and_goes_there(page: Any, store: Path) -> None:
    press(page, "n", "a", "r", "n", "f")
    go_to(page, "1:50")
    press(page, "z")
    says(page, "Undone: “artefact” at 0:00:20.0 – 0:00:22.0")
    assert target(page)["window"] == 10
    assert page.locator(".flash").get_attribute("data-start") == "2000"
    assert view(page)[0] <= 2000 < view(page)[1]
    press(page, "z")
    says(page, "Undone: “reject” at 0:00:00.0 – 0:00:02.0; “accept” stands there again")
    assert (target(page)["window"], view(page)[0]) == (0, 0)
    press(page, "x", "z")
    says(page, "Back again: “accept” at 0:00:00.0 – 0:00:02.0")
    assert given(store) == [(0, "accept")]
    page.click("button[data-key=z]")
    begins(page, "Undone: “accept”")
    press(page, "z")
    begins(page, "There is nothing to undo")
    assert given(store) == []


@contextmanager
def two_tabs(browser: Any, store: Path) -> Iterator[tuple[Any, Any]]:
    """One reviewer's."""
    with start_in_thread(store, reviewer="Ada") as running:
        pages = [browser.new_page(viewport={"width": 1200, "height": 800}) for _ in range(2)]
        for one in pages:
            one.goto(running.url)
            ready(one)
            one.select_option("#sort", "time")
        yield pages[0], pages[1]
        for one in pages:
            one.close()


def test_undo_never_takes_back_what_another_tab_did(browser: Any, store: Path) -> None:
    with two_tabs(browser, store) as (here, there):
        press(here, "n", "a")
        press(there, "n", "n", "r")  # it shows the alarm still: it has not looked for other verdicts
        wait(there, SAVED)
        assert given(store) == [(0, "accept"), (10, "reject")]
        press(here, "z")
        begins(here, "Undone: “accept” at 0:00:00")
        assert given(store) == [(10, "reject")]
        press(here, "z")
        begins(here, "There is nothing to undo")
        assert given(store) == [(10, "reject")]
        press(there, "n", "f")
        here.evaluate("signalscreen.app.choose(20)")
        press(here, "u")
        press(there, "z")
        begins(there, "Left as it is: “artefact” at 0:00:40.0 – 0:00:42.0, for it was taken back or changed since")
        assert given(store) == [(10, "reject"), (20, "unsure")]
        press(there, "z")
        begins(there, "Undone: “reject”")  # what was left as it is does not bar the way
        assert given(store) == [(20, "unsure")]


def test_a_tab_that_is_reloaded_undoes_its_own(page: Any, store: Path) -> None:
    VerdictTable(store, "Ada").set("unsure", start=0, stop=200, window=0)
    press(page, "n", "n", "a")
    page.reload()
    ready(page)
    press(page, "z")
    begins(page, "Undone: “accept”")
    press(page, "z")
    begins(page, "There is nothing to undo")
    assert given(store) == [(0, "unsure")]


def test_what_was_undone_is_done_again(page: Any, store: Path) -> None:
    """By keys as elsewhere and by a button; what is judged anew ends it, here or in another tab."""
    press(page, "n", "m")
    page.fill("#dialog textarea", "loose electrode")
    page.keyboard.press("Enter")
    wait(page, SAVED)
    press(page, "x", "Control+z", "Control+z")
    assert given(store) == []
    press(page, "Control+Shift+Z")
    begins(page, "Given again: “unsure” at 0:00:00")
    assert [(one.window, one.note) for one in read_verdicts(store)] == [(0, "loose electrode")]
    press(page, "Control+y")
    begins(page, "Left as it is: “unsure”")  # the verdict that was deleted was another
    press(page, "z")
    page.click("button[data-key=redo]")
    begins(page, "Given again")
    press(page, "x", "z", "Shift+Z")
    begins(page, "Deleted again: “unsure”")
    assert given(store) == []
    press(page, "z", "a", "Shift+Z")
    says(page, "There is nothing to do again.")
    press(page, "z")
    table = VerdictTable(store, "Ada")
    table.set("artefact", start=0, stop=200, window=0)
    press(page, "Control+Shift+Z")
    begins(page, "Left as it is: “accept” at 0:00:00.0 – 0:00:02.0, for its span was judged anew since")
    assert given(store) == [(0, "artefact")]


# Words


def test_verdicts_are_given_in_the_words_of_the_classes(page: Any, store: Path) -> None:
    """On the buttons, in the help, in the table and in every export, beside the code."""

    def words() -> list[str]:
        return [page.inner_text(f".{kind} small") for kind in ("accept", "reject")]

    press(page, "n")
    assert words() == ["the alarm is right: artefact", "the alarm is wrong: clean"]
    press(page, "r")
    page.select_option("#filter", "all")
    press(page, "j")
    assert words() == ["no alarm is right: clean", "an alarm is missing: artefact"]
    press(page, "r")
    show(page, 1500, 2500)
    page.evaluate("signalscreen.app.select(1900, 2150)")  # over the middle of the alarm at 2000
    assert words() == ["the alarm is right: artefact", "the alarm is wrong: clean"]
    press(page, "a")
    page.evaluate("signalscreen.app.select(1800, 2100)")  # the middle is its end
    assert words()[0] == "no alarm is right: clean"
    press(page, "m")
    options = page.locator("#dialog option").all_inner_texts()
    assert options[:2] == ["accept: no alarm is right: clean", "reject: an alarm is missing: artefact"]
    leave(page)
    press(page, "?")
    assert (
        "reject: the alarm is wrong: clean; where there is none, an alarm is missing: artefact"
        in page.inner_text("#dialog")
    )
    leave(page)
    expected = ["the alarm is wrong: clean", "an alarm is missing: artefact", "the alarm is right: artefact"]
    assert [one.meaning for one in read_verdicts(store)] == expected
    for format in ("csv", "mne", "wfdb"):
        press(page, "s")
        page.click(f"#dialog button[value={format}]")
        wait(page, "document.querySelector('#dialog [role=status]').textContent.startsWith('3 verdicts written')")
        leave(page)
    rows = list(
        csv.DictReader((store / "exports" / "day_verdicts.csv").read_text(encoding="utf-8-sig").splitlines())
    )
    assert [row["verdict"] for row in rows] == ["reject", "reject", "accept"]
    assert [row["meaning"] for row in rows] == expected
    assert [one.meaning for one in read_wfdb_verdicts(store / "exports" / "day")] == expected
    mne = (store / "exports" / "day_mne.txt").read_text().splitlines()
    assert [line.removeprefix("# means: ") for line in mne[2::2]] == expected
    assert [line.rsplit(",", 1)[1] for line in mne[3::2]] == ["reject", "reject", "accept"]


def test_labels_of_ones_own(page: Any, store: Path) -> None:
    """The model's classes come first; what was typed once is offered from then on."""
    press(page, "n", "l")
    page.fill("#dialog input", "  pacemaker 1 spike ")
    page.keyboard.press("Enter")
    wait(page, SAVED)
    press(page, "n", "l")
    assert page.locator("#dialog .choices button").all_inner_texts() == [
        "clean 1",
        "artefact 2",
        "pacemaker 1 spike 3",
    ]
    page.keyboard.press("3")
    wait(page, SAVED)
    press(page, "n", "l")
    page.click("#dialog input")
    page.keyboard.type("V1")  # a digit in a name chooses nothing
    page.keyboard.press("Enter")
    wait(page, SAVED)
    made = read_verdicts(store)
    assert [one.label for one in made] == ["pacemaker 1 spike", "pacemaker 1 spike", "V1"]
    assert made[2].in_words == "it is V1"


# Spans belong to a lead


def drag(page: Any, element: str, first: float, last: float) -> None:
    """Shift and drag, in parts of the frame."""
    box = page.locator(element).bounding_box()
    y, width = box["y"] + box["height"] / 2, box["width"] - 138
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + 112 + first * width, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 112 + last * width, y, steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    settle(page)


def test_a_span_belongs_to_the_lead_in_which_it_was_drawn(page: Any, store: Path) -> None:
    """Drawn in the lane, and in the track of probabilities, it is on all leads."""
    show(page, 4000, 5000)
    for element, lead in (("[data-lead='1'].plot", "V5"), ("[data-lead='0'].plot", "II"), ("#lane", "")):
        drag(page, element, 0.2, 0.6)
        assert target(page)["lead"] == lead
        assert page.inner_text("#aim").endswith(lead or "all leads")
        drawn = [
            list(page.evaluate(f"signalscreen.app.stack.panels.get({k}).source('selection').data.x0"))
            for k in (0, 1)
        ]
        assert [bool(spans) for spans in drawn] == [lead in ("", name) for name in ("II", "V5")]
        press(page, "f")
    drag(page, "#track", 0.2, 0.6)
    assert target(page)["lead"] == ""
    found = read_verdicts(store)
    assert sorted(one.lead for one in found) == ["", "II", "V5"]
    assert {one.window for one in found} == {None}
    for one in found:
        assert (one.start, one.stop) == (pytest.approx(4200, abs=5), pytest.approx(4600, abs=5))
    words = page.evaluate("signalscreen.app.lane.text({verdict: 'artefact', lead: 'V5', who: 'Ada'}, 1000)")
    assert words == "artefact · V5 · Ada"


def test_a_span_is_selected_by_the_keyboard(page: Any, store: Path) -> None:
    """From the middle of the view; shift with up and down goes through the leads."""
    show(page, 4000, 5000)
    press(page, *["Shift+ArrowRight"] * 5)
    assert [target(page)[name] for name in ("start", "stop", "lead")] == [4500, 4600, ""]
    press(page, *["Shift+ArrowLeft"] * 7)
    assert [target(page)[name] for name in ("start", "stop")] == [4460, 4500]
    leads = []
    for key in ("Down", "Down", "Down", "Up", "Up", "Up", "Down"):
        press(page, f"Shift+Arrow{key}")
        leads.append(target(page)["lead"])
    assert leads == ["II", "V5", "V5", "II", "", "", "II"]
    press(page, "Shift+ArrowLeft")  # the end goes on from where it was, in the lead
    assert [target(page)[name] for name in ("start", "stop", "lead")] == [4440, 4500, "II"]
    press(page, "f")
    assert [(one.start, one.stop, one.lead) for one in read_verdicts(store)] == [(4440, 4500, "II")]
    press(page, "Escape", "Shift+ArrowDown")
    assert "Select a span first" in said(page)


def test_a_span_selected_by_the_keyboard_begins_in_the_lead_of_the_window(browser: Any, tmp_path: Path) -> None:
    path = write_alarms(tmp_path / "each", [QUIET, ALARM] * 4, each_lead=True)
    with review(browser, path) as page:
        press(page, "n", "Shift+ArrowRight", "Shift+ArrowRight")
        assert (target(page)["kind"], target(page)["lead"]) == ("selection", "V5")


# The list


@pytest.mark.parametrize("shown", ["open", "flagged", "unreviewed", "all"])
@pytest.mark.parametrize("sort", ["score", "time"])
def test_what_is_offered_is_where_n_goes(browser: Any, store: Path, shown: str, sort: str) -> None:
    """Also when the first alarms are reviewed; the list shows open alarms unless another is chosen."""
    table = VerdictTable(store, "Ada")
    for window in (0, 20):
        table.set("accept", start=window * WINDOW, stop=(window + 1) * WINDOW, window=window)
    with review(browser, store) as page:
        assert page.input_value("#filter") == "open"
        assert sorted(page.evaluate("signalscreen.app.list.order")) == [10, 30, 40, 50]
        page.select_option("#filter", shown)
        page.select_option("#sort", sort)
        page.wait_for_timeout(300)  # until that is written down
        page.reload()
        ready(page)
        assert page.input_value("#filter") == shown
        offered = said(page)
        press(page, "n")
        row = target(page)["window"]
        assert row == (10 if shown in ("open", "unreviewed") else 0)
        before = ", reviewed before" if row == 0 else ""
        assert offered.endswith(f"Next alarm: 0:00:{row * 2:02}{before} (n)")


def test_a_list_without_open_alarms_says_so(browser: Any, tmp_path: Path) -> None:
    path = write_database(tmp_path / "db", {"a": [ALARM, QUIET], "b": [QUIET]})
    with review(browser, path) as page:
        assert not page.is_visible("#nothing")
        press(page, "n", "a")
        assert page.inner_text("#nothing span") == "All 1 alarms of this record are reviewed."
        page.click("#nothing button")
        assert page.input_value("#filter") == "all"
        assert page.evaluate("signalscreen.app.list.order.length") == 2
        page.select_option("#filter", "open")
        page.keyboard.press(".")
        ready(page, "b")
        assert page.inner_text("#nothing span") == "There is no alarm in this record."


# Zoom and history


def fingers(page: Any, *steps: list[tuple[float, float]]) -> None:
    """Touch with these fingers (x, y), move them, and lift them."""
    session = page.context.new_cdp_session(page)

    def send(kind: str, points: list[tuple[float, float]]) -> None:
        touches = [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    for k, points in enumerate(steps):
        send("touchMove" if k else "touchStart", points)
    send("touchEnd", [])
    settle(page)


def test_two_fingers_zoom(page: Any) -> None:
    """What was under each stays under it; one finger moves, and no pinch selects or takes a window."""
    show(page, 4000, 6000)
    box = page.locator("[data-lead='0'].plot").bounding_box()
    y, left, width = box["y"] + box["height"] / 2, box["x"] + 112, box["width"] - 138
    before = page.evaluate("signalscreen.app.current")
    fingers(
        page,
        [(left + 0.4 * width, y), (left + 0.6 * width, y)],
        [(left + 0.3 * width, y), (left + 0.6 * width, y)],
        [(left + 0.2 * width, y), (left + 0.6 * width, y)],
    )
    # samples 4800 and 5200 lie 0.4 of the frame apart now, the first at 0.2
    assert view(page) == [pytest.approx(4600, abs=3), pytest.approx(5600, abs=3)]
    fingers(
        page,
        [(left + 0.2 * width, y), (left + 0.8 * width, y)],
        [(left + 0.4 * width, y), (left + 0.7 * width, y)],
    )
    assert view(page) == [pytest.approx(4000, abs=5), pytest.approx(6000, abs=5)]
    assert (page.evaluate("signalscreen.app.current"), page.evaluate("signalscreen.app.selection")) == (
        before,
        None,
    )
    fingers(page, [(left + 0.5 * width, y)], [(left + 0.4 * width, y)], [(left + 0.25 * width, y)])
    assert view(page) == [pytest.approx(4500, abs=5), pytest.approx(6500, abs=5)]


def test_a_trackpad_and_buttons_zoom(page: Any) -> None:
    """Browsers tell a trackpad's pinch as a wheel with Ctrl; the page itself keeps its size."""
    show(page, 4000, 6000)
    box = page.locator("[data-lead='0'].plot").bounding_box()
    page.mouse.move(box["x"] + 112 + 0.25 * (box["width"] - 138), box["y"] + 20)
    under = page.evaluate("signalscreen.app.gestures.sample(signalscreen.app.gestures.over)")
    page.keyboard.down("Control")
    for _ in range(7):
        page.mouse.wheel(0, -10)
    page.keyboard.up("Control")
    wait(page, "signalscreen.app.view.span < 1010")
    assert page.evaluate("signalscreen.app.view.span") == pytest.approx(2000 / 1.01**70, rel=1e-6)
    now = page.evaluate("signalscreen.app.gestures.sample(signalscreen.app.gestures.over)")
    assert now == pytest.approx(under, abs=1)
    assert page.evaluate("[devicePixelRatio, visualViewport.scale]") == [1, 1]
    for key, factor in (("in", 0.5), ("out", 2), ("out", 2)):
        span = page.evaluate("signalscreen.app.view.span")
        page.click(f"button[data-key={key}]")
        assert page.evaluate("signalscreen.app.view.span") == pytest.approx(factor * span)


def test_views_are_in_the_browsers_history(page: Any) -> None:
    """Back goes to the view and window before, Forward on; a drag in between is no place of its own."""
    places = []

    def stay() -> None:
        settle(page)
        page.wait_for_timeout(400)
        places.append((view(page), page.evaluate("signalscreen.app.current")))

    press(page, "n")
    stay()
    press(page, "n")
    stay()
    press(page, "o")
    stay()
    length = page.evaluate("history.length")
    go_to(page, "1:30")
    stay()
    press(page, "ArrowRight")
    page.wait_for_timeout(300)
    assert page.evaluate("history.length") == length + 1  # moved soon after it came: still that place
    places[-1] = (view(page), places[-1][1])
    for place in places[-2::-1]:
        page.go_back()
        wait(page, f"Math.round(signalscreen.app.view.from) === {place[0][0]}")
        settle(page)
        page.wait_for_timeout(350)  # what is written down now makes no entry
        assert (view(page), page.evaluate("signalscreen.app.current")) == place
    for place in places[1:]:
        page.go_forward()
        wait(page, f"Math.round(signalscreen.app.view.to) === {place[0][1]}")
        assert (view(page), page.evaluate("signalscreen.app.current")) == place
