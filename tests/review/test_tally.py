"""How many alarms the records of a database have; one that is damaged, empty or not finished among them."""

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from signalscreen import review as reviews
from signalscreen.cli import main
from signalscreen.errors import RecordingError
from signalscreen.review import record as records
from signalscreen.review import start_in_thread
from signalscreen.review.alarms import alarms_of
from signalscreen.review.recent_records import RecentRecords
from signalscreen.review.record import StoredRecord, open_records
from signalscreen.review.tally import Tally
from signalscreen.screening.allocation import create_database
from signalscreen.verdicts import VerdictTable, read_verdicts

from .asking import ask
from .stores import WINDOW, damage, write_alarms, write_database

ALARM, QUIET = True, False


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Records of every kind."""
    path = write_database(
        tmp_path / "db", {"a": [ALARM, QUIET, ALARM], "b": [ALARM], "c": [], "d": [QUIET, QUIET], "e": [ALARM]}
    )
    damage(path / "b")
    write_alarms(path / "e", [ALARM, QUIET], finished=False)
    return path


def all_counted(url: str) -> dict[str, list[Any]]:
    """Ask as the page does, until every record is counted: one at least at each time."""
    for _ in range(100):
        found: dict[str, list[Any]] = ask(url, "api/records").json
        if None not in found["alarms"]:
            return found
    raise AssertionError("some record is never counted")


def test_every_record_is_counted_whatever_is_wrong_with_it(database: Path) -> None:
    with start_in_thread(database, reviewer="Ada") as running:
        found = all_counted(running.url)
        assert found["windows"] == [3, 0, 0, 2, 2]
        assert found["alarms"] == found["open"] == [2, 0, 0, 0, 1]
        assert found["done"] == [1, 0, 1, 1, 0]
        assert "is damaged: its fs is 0;" in found["wrong"][1]
        assert found["wrong"][:1] + found["wrong"][2:] == [""] * 4
        refused = ask(running.url, "api/info?record=b")
        assert (refused.status, refused.error) == (400, found["wrong"][1])
        assert ask(running.url, "?record=b").error == found["wrong"][1]
        assert ask(running.url, "api/info?record=c").json["windows"] == 0


def test_a_verdict_closes_an_alarm_for_its_reviewer_only(database: Path) -> None:
    with start_in_thread(database, reviewer="Ada") as running:

        def still_open() -> list[int]:
            return list(all_counted(running.url)["open"])

        assert still_open() == [2, 0, 0, 0, 1]
        VerdictTable(database / "a", "Бо").set("accept", start=0, stop=WINDOW, window=0)
        assert still_open() == [2, 0, 0, 0, 1]
        sent = {"verdict": "accept", "start": 0, "stop": WINDOW, "window": 0}
        assert ask(running.url, "api/verdicts?record=a", "POST", sent).status == 200
        assert still_open() == [1, 0, 0, 0, 1]
        # of other processes of the same reviewer, too
        VerdictTable(database / "a", "Ada").set("reject", start=2 * WINDOW, stop=3 * WINDOW - 1)
        assert still_open() == [0, 0, 0, 0, 1]
        for left in ([1, 0, 0, 0, 1], [2, 0, 0, 0, 1]):
            assert ask(running.url, "api/undo?record=a", "POST", {}).json["undone"]
            assert still_open() == left
        mine = VerdictTable(database / "a", "Ada").path
        mine.unlink()
        mine.mkdir()  # which cannot be read: it is said where the record is opened
        assert still_open() == [2, 0, 0, 0, 1]
        assert "cannot be read" in ask(running.url, "api/verdicts?record=a").error


def test_a_span_counts_for_the_windows_whose_middle_it_covers(tmp_path: Path) -> None:
    """Of its lead, or of all leads."""
    path = write_alarms(tmp_path / "one", [True] * 8, each_lead=True)
    alarms = alarms_of(StoredRecord("one", path))
    table = VerdictTable(path, "Ada")
    half = WINDOW // 2
    for start, stop, lead, rows in (
        (half, half + 1, "", [0, 1]),
        (half + 1, WINDOW + half, "", []),
        (0, 2 * WINDOW, "V5", [1, 3]),
        (half, 3 * WINDOW + half + 1, "II", [0, 2, 4, 6]),
    ):
        table.set("unsure", start=start, stop=stop, lead=lead)
        assert np.flatnonzero(alarms.judged(read_verdicts(path))).tolist() == rows, (start, stop, lead)
        table.undo()


def test_neighbours_are_counted_first_and_stores_opened_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = write_database(tmp_path / "db", {f"r{i}": [ALARM] for i in range(9)})
    seen: list[str] = []
    for name in ("opened", "vouched"):
        _note(monkeypatch, name, seen)
    with start_in_thread(database, reviewer="Ada") as running:
        assert ask(running.url, "api/info").json["record"] == "r0"
        assert set(seen) == {"db", "r0"}
    seen.clear()
    tally = Tally(open_records(database), "Ada")
    order = []
    for left in range(8, -1, -1):
        found = tally.counted("r4", seconds=0)
        assert found["open"].count(None) == found["wrong"].count(None) == left
        order.append(seen[-1])
    assert order == ["r4", "r3", "r5", "r2", "r6", "r1", "r7", "r0", "r8"]
    tally.counted("r0")
    assert seen == ["db", *order]  # each once


def _note(monkeypatch: pytest.MonkeyPatch, name: str, seen: list[str]) -> None:
    """Keep the names of stores that are opened by a function."""
    quick = getattr(records, name)

    def noted(path: Path) -> object:
        seen.append(Path(path).name)
        return quick(path)

    monkeypatch.setattr(records, name, noted)


def test_only_the_latest_records_stay_open(tmp_path: Path) -> None:
    """Else hundreds of them would take all memory, and all the files that a process may have open."""
    database = write_database(tmp_path / "db", {f"r{i}": [ALARM] for i in range(5)})
    recent = RecentRecords(open_records(database), "Ada", room=2)
    kept = []
    for name in recent.names:
        answers = recent[name].answers
        assert answers.info()["record"] == name
        kept.append(weakref.ref(answers.pyramid))
    del answers
    gc.collect()
    assert [one() is not None for one in kept] == [False, False, False, True, True]
    assert recent["r4"] is recent["r4"]


def test_the_first_sound_record_is_shown_first(tmp_path: Path) -> None:
    database = write_database(tmp_path / "db", {"a": [ALARM], "b": [ALARM]})
    damage(database / "a")
    with start_in_thread(database) as running:
        assert ask(running.url, "api/info").json["record"] == "b"
        assert b"<title>b \xe2\x80\x93" in ask(running.url, "").content
        head = ask(running.url, "?record=b", "HEAD")
        assert (head.status, head.content) == (200, b"")
    damage(database / "b")
    with pytest.raises(RecordingError, match="a is damaged: its fs is 0"):
        start_in_thread(database)


def test_a_record_whose_windows_cannot_be_read_is_damaged(tmp_path: Path) -> None:
    database = write_database(tmp_path / "db", {"a": [ALARM], "b": [ALARM, QUIET]})
    (chunk,) = (one for one in (database / "b" / "flagged" / "c").iterdir())
    chunk.write_bytes(b"\1")
    found = Tally(open_records(database), "Ada").counted("a", seconds=60)
    assert found["open"] == [1, 0]
    assert "b is damaged: chunk 0 of flagged is not what was written" in found["wrong"][1]


def test_a_database_is_opened_without_the_arrays_of_its_records(tmp_path: Path) -> None:
    """They may be fifty thousand; the store of one record is opened with them."""
    database = write_database(tmp_path / "db", {"a": [ALARM]})
    assert records.opened(database).metadata.consolidated_metadata is None
    assert "signal" in records.opened(database / "a").metadata.consolidated_metadata.metadata
    create_database(database, [])
    with pytest.raises(RecordingError, match="without records"):
        open_records(database)


def test_the_command_opens_a_database_as_it_is(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its page says which records are damaged or not finished, not a line for each of thousands."""
    served: list[str] = []
    monkeypatch.setattr(reviews, "serve", lambda store, **_: served.append(store))
    done = CliRunner().invoke(main, ["review", str(database)], catch_exceptions=False)
    assert (done.exit_code, done.stderr, served) == (0, "", [str(database)])
