"""Verdicts and exports over HTTP; the table itself has its own tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from signalscreen.review import RunningReview, start_in_thread
from signalscreen.verdicts import VerdictTable, read_csv_verdicts, read_verdicts, read_wfdb_verdicts

from .asking import ask
from .stores import write_store

SPAN = {"start": 200, "stop": 400}
# The page of nobody else may read or write these either: test_guard.


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[tuple[RunningReview, Path]]:
    path = write_store(tmp_path / "a.zarr", n=5000)
    with start_in_thread(path, reviewer="Zoë") as running:
        yield running, path


def _standing(running: RunningReview) -> list[dict[str, Any]]:
    found = ask(running.url, "api/verdicts").json["verdicts"]
    assert isinstance(found, list)
    return found


def test_a_verdict_is_kept_undone_and_deleted(fresh: tuple[RunningReview, Path]) -> None:
    running, path = fresh
    note = 'ß 心 🫀 "quoted"\n<script>'
    made = ask(running.url, "api/verdicts", "POST", {**SPAN, "verdict": "artefact", "lead": "V5", "note": note})
    assert made.status == 200
    verdict = made.json["verdict"]
    assert (verdict["note"], verdict["who"], verdict["start_s"], verdict["stop_s"]) == (note, "Zoë", 7, 9)
    assert _standing(running) == [verdict]
    assert [one.id for one in read_verdicts(path)] == [verdict["id"]]
    assert ask(running.url, f"api/verdicts/{verdict['id']}", "DELETE").json["deleted"] == verdict
    assert _standing(running) == []
    assert ask(running.url, "api/undo", "POST").json["undone"] == verdict
    assert _standing(running) == [verdict]
    assert ask(running.url, "api/undo", "POST").json["undone"] == verdict
    assert ask(running.url, "api/undo", "POST").json["undone"] is None
    assert _standing(running) == []


def test_the_edit_that_is_named_is_undone(fresh: tuple[RunningReview, Path]) -> None:
    """So a page undoes its own, whatever another tab did since; what it means is kept."""
    running, path = fresh
    words = "the alarm is right: artefact"
    mine = ask(running.url, "api/verdicts", "POST", {**SPAN, "verdict": "accept", "meaning": words}).json["verdict"]
    theirs = ask(running.url, "api/verdicts", "POST", {"start": 0, "stop": 9, "verdict": "reject"}).json["verdict"]
    assert [one.meaning for one in read_verdicts(path)] == ["", words]
    gone = ask(running.url, f"api/verdicts/{mine['id']}", "DELETE").json["edit"]
    assert ask(running.url, "api/undo", "POST", {"edit": gone}).json == {"undone": mine, "why": ""}
    assert ask(running.url, "api/undo", "POST", {"edit": mine["id"]}).json["undone"] == mine
    assert _standing(running) == [theirs]
    left = ask(running.url, "api/undo", "POST", {"edit": mine["id"]}).json
    assert (left["undone"], left["why"].split(",")[0]) == (None, "it was taken back or changed since")
    assert "must be the id" in ask(running.url, "api/undo", "POST", {"edit": 7}).error
    assert _standing(running) == [theirs]


def test_reviewers_see_each_other_and_undo_their_own(fresh: tuple[RunningReview, Path]) -> None:
    running, path = fresh
    theirs = VerdictTable(path, "Bo").set("accept", **SPAN)
    mine = ask(running.url, "api/verdicts", "POST", {**SPAN, "verdict": "reject"}).json["verdict"]
    assert {one["id"] for one in _standing(running)} == {theirs.id, mine["id"]}
    assert "has no verdict" in ask(running.url, f"api/verdicts/{theirs.id}", "DELETE").error
    ask(running.url, "api/undo", "POST")
    assert [one["id"] for one in _standing(running)] == [theirs.id]


def test_what_was_said_is_there_after_a_new_start(fresh: tuple[RunningReview, Path]) -> None:
    running, path = fresh
    ask(running.url, "api/verdicts", "POST", {**SPAN, "verdict": "unsure", "window": 2})
    before = _standing(running)
    running.stop()
    with start_in_thread(path, reviewer="Zoë") as again:
        assert _standing(again) == before
        ask(again.url, "api/undo", "POST")
        assert _standing(again) == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "without its verdict"),
        ({"verdict": "accept", "start": 5}, "without its stop"),
        ({"verdict": "fine", **SPAN}, "'fine' is not one of"),
        ({"verdict": "accept", "start": 400, "stop": 200}, "empty or outside"),
        ({"verdict": "accept", "start": 0, "stop": 5001}, "empty or outside"),
        ({"verdict": "accept", "start": 0.5, "stop": 7}, "whole number"),
        ({"verdict": "accept", **SPAN, "lead": "V9"}, "lead 'V9' is not"),
        ({"verdict": "relabel", **SPAN, "label": " "}, "needs a label"),
        ({"verdict": "accept", **SPAN, "meaning": 7}, "must be text"),
        ({"verdict": "accept", **SPAN, "note": 7}, "note must be text"),
        ([1], "no JSON object"),
        (b"{", "no JSON object"),
        (b"\xff", "no JSON object"),
        (b"[" * 100_000, "no JSON object"),
    ],
)
def test_what_does_not_fit_is_refused(fresh: tuple[RunningReview, Path], body: Any, words: str) -> None:
    found = ask(fresh[0].url, "api/verdicts", "POST", body)
    assert found.status == 400
    assert words in found.error
    assert _standing(fresh[0]) == []


def test_a_long_note_is_kept_and_a_huge_one_refused(fresh: tuple[RunningReview, Path]) -> None:
    running, _ = fresh
    note = "🫀" * 10_000
    assert ask(running.url, "api/verdicts", "POST", {**SPAN, "verdict": "accept", "note": note}).status == 200
    assert _standing(running)[0]["note"] == note
    found = ask(running.url, "api/verdicts", "POST", {**SPAN, "verdict": "accept", "note": "x" * 10_000_000})
    assert found.status == 413
    assert "shorten the note" in found.error
    assert len(_standing(running)) == 1


def test_exports_are_read_back_and_downloaded(fresh: tuple[RunningReview, Path]) -> None:
    running, path = fresh
    ask(running.url, "api/verdicts", "POST", {**SPAN, "verdict": "artefact", "lead": "V5", "note": "ß"})
    standing = read_verdicts(path)
    found = {one: ask(running.url, "api/export", "POST", {"format": one}).json for one in ("csv", "mne", "wfdb")}
    for one in found.values():
        assert one["count"] == 1
        assert Path(one["path"]).parent == path / "exports"
        given = ask(running.url, f"api/export/{one['name']}")
        assert given.content == Path(one["path"]).read_bytes()
        assert given.headers["content-disposition"] == "attachment"
    assert read_csv_verdicts(found["csv"]["path"]) == standing
    spans = read_wfdb_verdicts(Path(found["wfdb"]["path"]).with_suffix(""))
    assert [(one.start, one.stop, one.verdict, one.lead) for one in spans] == [(700, 900, "artefact", "V5")]
    assert "BAD_artefact" in Path(found["mne"]["path"]).read_text()
    assert "not known" in ask(running.url, "api/export", "POST", {"format": "exe"}).error


def test_exports_do_not_leave_the_store(fresh: tuple[RunningReview, Path], tmp_path: Path) -> None:
    running, path = fresh
    (tmp_path / "elsewhere").mkdir()
    (path / "exports").symlink_to(tmp_path / "elsewhere")
    found = ask(running.url, "api/export", "POST", {"format": "csv"})
    assert found.status == 507
    assert "a link to another place" in found.error
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_disk_that_takes_nothing_is_said(
    fresh: tuple[RunningReview, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    running, path = fresh
    (path / "verdicts").write_text("a file in the way")
    found = ask(running.url, "api/verdicts", "POST", {**SPAN, "verdict": "accept"})
    assert found.status == 507
    assert found.error
