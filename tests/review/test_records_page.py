"""From record to record of a database, in a real Chromium: what the chooser says, where keys lead, what is kept."""

from pathlib import Path
from typing import Any

import pytest

from signalscreen.verdicts import VerdictTable, read_verdicts

from .pages import arrived, hold, intercept, press, ready, review, said, says, wait
from .stores import WINDOW, damage, write_alarms, write_database

ALARM, QUIET = True, False


def go(page: Any, key: str, record: str) -> None:
    """Press a key that leads to a record."""
    page.keyboard.press(key)
    ready(page, record)


def current(page: Any) -> int:
    return int(page.evaluate("signalscreen.app.current"))


def entries(page: Any) -> dict[str, list[str]]:
    """What the chooser lists, when it is opened."""
    page.focus("#record select")
    found = page.evaluate(
        "[...document.querySelectorAll('#record optgroup')]"
        ".map((group) => [group.label, [...group.children].map((option) => option.text)])"
    )
    page.evaluate("document.activeElement.blur()")
    return dict(found)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Alarms in a, d and f; b has none, c is damaged, e has no windows and is the last of its kind."""
    path = write_database(
        tmp_path / "db",
        {
            "a": [ALARM, QUIET, ALARM],
            "b": [QUIET],
            "c": [ALARM],
            "d": [ALARM, ALARM],
            "e": [],
            "f": [ALARM],
            "g": [QUIET],
        },
    )
    damage(path / "c")
    return path


def test_the_next_alarm_may_be_in_another_record(browser: Any, database: Path) -> None:
    """And the one before; what the reviewer has chosen goes along; where there is none, it is said."""
    with review(browser, database) as page:
        press(page, "p")
        none = "No alarm before this one, and no earlier record has an alarm that you have not reviewed."
        says(page, f"{none} 2 later have some (n).")
        page.select_option("#sort", "time")
        page.select_option("#filter", "flagged")
        page.select_option("#method", "saliency")
        press(page, "n", "n")
        assert current(page) == 2
        go(page, "n", "d")
        assert (current(page), said(page)) == (0, "Next record: d")
        chosen = [page.input_value(f"#{name}") for name in ("sort", "filter", "method")]
        assert chosen == ["time", "flagged", "saliency"]
        assert page.evaluate("signalscreen.app.list.order") == [0, 1]
        for _ in range(5):
            page.keyboard.down("n")  # the first is a press, the others repeat it: no run through all records
        page.keyboard.up("n")
        assert current(page) == 1
        assert said(page) == "No alarm after this one; press again for another record."
        go(page, "n", "f")
        press(page, "n")
        says(page, "No alarm after this one, and no later record has an alarm. 2 earlier have some (p).")
        go(page, "p", "d")
        assert (current(page), said(page)) == (1, "Previous record: d")  # the last of the list
        assert page.input_value("#method") == "saliency"


def test_only_alarms_that_are_not_reviewed_where_the_list_shows_those(browser: Any, database: Path) -> None:
    table = VerdictTable(database / "d", "Ada")
    for window in (0, 1):
        table.set("accept", start=window * WINDOW, stop=(window + 1) * WINDOW, window=window)
    with review(browser, database) as page:
        page.select_option("#filter", "unreviewed")
        press(page, "n", "a", "n", "r")
        assert page.inner_text("#tally") == "1 open alarm in 1 record"
        go(page, "n", "f")
        assert page.input_value("#filter") == "unreviewed"
        press(page, "u", "n")
        says(page, "No alarm after this one, and no later record has an alarm that you have not reviewed.")
        assert page.inner_text("#tally") == "no open alarms"
    assert [v.verdict for name in ("a", "f") for v in read_verdicts(database / name)] == [
        "accept",
        "reject",
        "unsure",
    ]


def test_the_chooser_lists_open_alarms_first(browser: Any, database: Path) -> None:
    """It says what is in each record, what is wrong with it, and follows the verdicts that are given."""
    write_alarms(database / "g", [ALARM, QUIET], finished=False)
    with review(browser, database, "?record=d") as page:
        assert page.inner_text("#tally") == "6 open alarms in 4 records"
        assert page.inner_text("#record option:checked") == "d · 2 open alarms"
        press(page, "n", "a")
        assert page.inner_text("#record option:checked") == "d · 1 of 2 open"
        press(page, "n", "a")
        assert entries(page) == {
            "Open alarms (3 records)": ["a · 2 open alarms", "f · 1 open alarm", "g · 1 open alarm · 0 % screened"],
            "All alarms reviewed (1 record)": ["d · 2 reviewed"],
            "No alarms (2 records)": ["b · no alarms", "e · no windows"],
            "Damaged (1 record)": ["c · damaged"],
        }
        press(page, "z")
        wait(page, "document.getElementById('tally').textContent === '5 open alarms in 4 records'")
        counts = page.evaluate("fetch('api/records').then((answer) => answer.json())")
        for name in ("windows", "alarms", "open"):  # the page's own are the server's
            assert page.evaluate(f"signalscreen.app.records.{name}") == counts[name]


def test_damaged_and_empty_records(browser: Any, database: Path) -> None:
    """One that is damaged is passed over, and said when it is chosen; one without windows is a page like others."""
    with review(browser, database, errors=1) as page:  # Chromium's own word on the answer 400
        press(page, ",")
        says(page, "This is the first record of the database.")
        go(page, ".", "b")
        assert said(page) == "Next record: b"
        go(page, ".", "d")
        page.select_option("#record select", "c")
        wait(page, "document.getElementById('message').className === 'wrong'")
        assert "c is damaged: its fs is 0" in said(page)
        assert page.input_value("#record select") == "d"
        assert not page.evaluate("document.body.classList.contains('leaving')")
        page.select_option("#record select", "e")
        ready(page, "e")
        assert said(page) == "No alarm in this record; n goes on to the next record that has one."
        press(page, "a")
        assert "Choose a window" in said(page)
        assert page.inner_text("#count") == "0 shown · 0 of 0 alarms reviewed"
        go(page, "p", "d")


def test_each_record_keeps_its_place(browser: Any, database: Path) -> None:
    """Coming for an alarm one is taken to it, else to where one was; Back is a record, too."""
    where = "(({ current, view }) => [current, Math.round(view.from), Math.round(view.to)])(signalscreen.app)"
    with review(browser, database) as page:
        page.select_option("#sort", "time")
        page.select_option("#filter", "all")
        press(page, "j", "j", "+")
        place = page.evaluate(where)
        assert place[0] == 1
        page.select_option("#record select", "f")
        ready(page, "f")
        assert page.input_value("#sort") == "time"
        page.select_option("#sort", "surprise")
        page.select_option("#record select", "a")
        ready(page, "a")
        assert page.evaluate(where) == place
        assert said(page).startswith("Reopened where you left off.")
        assert page.input_value("#sort") == "surprise"
        page.go_back()
        ready(page, "f")


def test_a_verdict_on_its_way_arrives_before_the_record_changes(browser: Any, database: Path) -> None:
    """And what is pressed meanwhile is not meant for the alarm that is left."""
    with review(browser, database, "?record=f") as page:
        held = hold(page, "**/api/verdicts*", "POST")
        page.keyboard.press("n")
        page.keyboard.press("a")
        page.keyboard.press("p")
        wait(page, "signalscreen.app.records.leaving === 'd'")
        page.keyboard.press("r")
        page.keyboard.press("x")
        assert "Saving, then to record d" in said(page)
        assert page.evaluate("document.body.classList.contains('leaving')")
        page.keyboard.press("Escape")
        assert said(page) == "Record d is not opened."
        assert not page.evaluate("document.body.classList.contains('leaving')")
        page.keyboard.press("p")
        wait(page, "signalscreen.app.records.leaving === 'd'")
        assert page.evaluate("[signalscreen.app.verdicts.edits.length, signalscreen.app.info.record]") == [1, "f"]
        arrived(page, held).continue_()
        ready(page, "d")
    assert [v.verdict for v in read_verdicts(database / "f")] == ["accept"]
    assert read_verdicts(database / "d") == []


def test_escape_stops_a_page_that_is_on_its_way(browser: Any, database: Path) -> None:
    """Else the other record would come under the hands of a reviewer who was told that it is not opened."""
    with review(browser, database, "?record=f") as page:
        held = hold(page, "**/?record=d")  # its page: what is asked of it goes on
        page.keyboard.press("p")
        coming = arrived(page, held)
        page.keyboard.press("Escape")
        page.wait_for_timeout(20)
        coming.continue_()
        page.unroute("**/?record=d")
        ready(page, "f")
        assert said(page) == "Record d is not opened."
        go(page, "p", "d")


def test_the_record_does_not_change_while_a_verdict_cannot_be_saved(browser: Any, database: Path) -> None:
    refuse = {"status": 507, "content_type": "application/json", "body": '{"error": "the disk is full; free some"}'}
    with review(browser, database, "?record=f", errors=1) as page:
        intercept(
            page,
            "**/api/verdicts*",
            lambda route: route.fulfill(**refuse) if route.request.method == "POST" else route.fallback(),
        )
        press(page, "n", "a")
        for leave in (lambda: page.keyboard.press("p"), lambda: page.select_option("#record select", "d")):
            leave()
            wait(page, "document.getElementById('message').className === 'wrong'")
            assert said(page) == "Record d is not opened: what is not saved would be lost. Retry, or give it up."
            assert page.evaluate("[signalscreen.app.info.record, signalscreen.app.records.leaving]") == ["f", ""]
            assert page.inner_text("#saved") == "1 not saved"
            page.evaluate("signalscreen.app.say('')")
        page.unroute("**/api/verdicts*")
        page.click("#unsaved button:text('Retry')")
        wait(page, "document.getElementById('saved').textContent === 'all saved'")
        go(page, "p", "d")
    assert [v.verdict for v in read_verdicts(database / "f")] == ["accept"]


@pytest.mark.parametrize("of_database", [True, False])
def test_one_record_is_as_it_was(browser: Any, tmp_path: Path, of_database: bool) -> None:
    """Of a database or not: no chooser, no counts, and the list ends where it ends."""
    if of_database:
        path = write_database(tmp_path / "db", {"only": [ALARM, QUIET]})
    else:
        path = write_alarms(tmp_path / "only", [ALARM, QUIET])
    with review(browser, path) as page:
        assert page.inner_text("#record") == "only"
        assert page.locator("#record select, #record button, #tally").count() == 0
        press(page, "n", "n")
        assert said(page) == "No alarm after this one in the list."
        press(page, ".")
        assert said(page) == "This is the only record of the store."
