"""The table: what it accepts, what stands after edits, two reviewers, two processes, damage."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from signalscreen.errors import DamagedTableWarning, OptionError, OutputError, RecordingError
from signalscreen.verdicts import Bounds, Verdict, VerdictTable, read_verdicts, store_bounds
from signalscreen.verdicts.reviewer import file_name
from signalscreen.verdicts.verdict import Deletion, Undo, from_line, to_line
from tests.verdicts.conftest import BOUNDS

SPAN = {"start": 720, "stop": 1080}


def test_a_verdict_is_a_line_with_every_field(table: VerdictTable) -> None:
    made = table.set("relabel", **SPAN, lead="V1", window=2, label="AF", note="unregelmäßig\n心房")
    (line,) = table.path.read_bytes().splitlines()
    assert json.loads(line) == {
        **{"id": made.id, "action": "set", "start": 720, "stop": 1080, "start_s": 2.0, "stop_s": 3.0},
        **{"lead": "V1", "window": 2, "verdict": "relabel", "label": "AF", "note": "unregelmäßig\n心房"},
        **{"who": "anna", "when": made.when, "undoes": None, "meaning": ""},
    }
    assert table.path == table.path.parents[1] / "verdicts" / "anna.jsonl"
    assert made.when.endswith("+00:00")
    assert len(made.when) == len("2026-01-01T00:00:00.000+00:00")


def test_seconds_are_of_the_record_and_samples_of_the_store(tmp_path: Path) -> None:
    table = VerdictTable(tmp_path, "anna", Bounds(fs=250, samples=1000, start=30.0))
    made = table.set("accept", start=np.int64(0), stop=250)
    assert (made.start, made.stop, made.start_s, made.stop_s) == (0, 250, 30.0, 31.0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"verdict": "maybe"}, "not one of accept"),
        ({"verdict": None}, "must be text"),
        ({"lead": "V6"}, "its leads: MLII, V1"),
        ({"label": "AF"}, "only 'relabel'"),
        ({"verdict": "relabel"}, "needs a label"),
        ({"verdict": "relabel", "label": " "}, "N, AF, noise.* or your own"),
        ({"verdict": "relabel", "label": "V\nT"}, "must be one line"),
        ({"verdict": "relabel", "label": "x" * 201}, "at most 200 characters"),
        ({"meaning": "a\x7f"}, "must be one line"),
        ({"meaning": None}, "must be text"),
        ({"start": 1080}, "empty or outside"),
        ({"start": -1}, "empty or outside"),
        ({"stop": 360_001}, "empty or outside"),
        ({"start": math.nan}, "whole number"),
        ({"stop": math.inf}, "whole number"),
        ({"start": 720.0}, "whole number"),
        ({"start": "720"}, "whole number"),
        ({"start": True}, "whole number"),
        ({"window": 100}, "has 100"),
        ({"window": -1}, "has 100"),
        ({"window": math.nan}, "whole number"),
        ({"note": 7}, "must be text"),
        ({"note": None}, "must be text"),
        ({"note": "a\ud800"}, "half a character"),
        ({"note": "a\0"}, "NUL"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(table: VerdictTable, given: dict, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        table.set(**{"verdict": "accept", **SPAN, **given})
    assert not table.path.exists()
    assert table.current() == []


@pytest.mark.parametrize("letter", ["a", "é", "心", "ا", "🫀", "\n", '"', "\\", "\u2028", "\x85", "\r"])
def test_a_long_note_in_any_script_is_kept_whole(table: VerdictTable, letter: str) -> None:
    note = letter * 10_000
    table.set("unsure", **SPAN, note=note)
    assert read_verdicts(table.path.parents[1])[0].note == note
    assert VerdictTable(table.path.parents[1], "anna", BOUNDS).current() == table.current()


def test_undo_goes_back_edit_by_edit(table: VerdictTable) -> None:
    first = table.set("reject", **SPAN)
    second = table.set("accept", **SPAN)
    other = table.set("unsure", **SPAN, lead="V1")
    assert table.delete(second.id) == second
    assert table.current() == [other]
    assert table.undo() == second
    assert table.current() == [second, other]
    assert table.undo() == other
    assert table.undo() == second
    assert table.current() == [first]
    assert table.undo() == first
    assert table.current() == []
    assert table.undo() is None
    assert len(table.path.read_bytes().splitlines()) == 8
    again = table.set("reject", **SPAN)
    assert table.current() == [again]


def test_a_verdict_that_does_not_stand_cannot_be_deleted(table: VerdictTable) -> None:
    first = table.set("reject", **SPAN)
    table.set("accept", **SPAN)
    for id in (first.id, "", None, "x"):
        with pytest.raises(OptionError, match="has no verdict"):
            table.delete(id)


def test_two_reviewers_do_not_touch_each_other(tmp_path: Path) -> None:
    anna, ben = (VerdictTable(tmp_path, who, BOUNDS) for who in ("anna", "ben"))
    hers, his = anna.set("reject", **SPAN), ben.set("accept", **SPAN)
    assert read_verdicts(tmp_path) == [hers, his]
    with pytest.raises(OptionError, match="ben has no verdict"):
        ben.delete(hers.id)
    assert ben.undo() == his
    assert ben.undo() is None
    assert read_verdicts(tmp_path) == [hers]


def test_two_tables_of_one_reviewer_are_one(tmp_path: Path) -> None:
    here, there = (VerdictTable(tmp_path, "anna", BOUNDS) for _ in range(2))
    made = here.set("reject", **SPAN)
    assert there.current() == [made]
    assert there.undo() == made
    assert here.current() == []
    assert here.undo() is None


def test_another_file_in_its_place_is_read_anew(table: VerdictTable) -> None:
    table.set("reject", **SPAN)
    before = table.path.read_bytes()
    made = table.set("accept", **SPAN)
    restored = table.path.with_name("copy")
    restored.write_bytes(before)
    restored.replace(table.path)
    assert [one.verdict for one in table.current()] == ["reject"]
    table.path.unlink()
    assert table.current() == []
    with pytest.raises(OptionError):
        table.delete(made.id)


def test_a_torn_last_line_is_left_out_then_kept_aside(table: VerdictTable) -> None:
    made = table.set("reject", **SPAN)
    torn = to_line(made)[:-40] + "心".encode()[:2]
    with table.path.open("ab") as file:
        file.write(torn)
    assert read_verdicts(table.path.parents[1]) == [made] == table.current()
    later = table.set("accept", start=0, stop=9)
    assert read_verdicts(table.path.parents[1]) == [later, made]
    assert table.path.with_name("anna.jsonl.torn").read_bytes() == torn + b"\n"
    assert table.path.read_bytes() == to_line(made) + to_line(later)


@pytest.mark.parametrize("torn", [b"x" * 200_000, b"\0" * 70_000, b"x" * 2**16])
def test_a_file_that_is_torn_from_its_beginning(table: VerdictTable, torn: bytes) -> None:
    table.path.parent.mkdir()
    table.path.write_bytes(torn)
    made = table.set("accept", **SPAN)
    assert table.path.read_bytes() == to_line(made)
    assert table.path.with_name("anna.jsonl.torn").read_bytes() == torn + b"\n"


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "maybe"},
        {"action": "forget"},
        {"start": 9.5},
        {"start": True},
        {"start": 5000},
        {"start_s": math.nan},
        {"start_s": math.inf},
        {"start_s": "2"},
        {"id": None},
        {"id": ""},
        {"note": ["x"]},
        {"window": "2"},
    ],
)
def test_a_damaged_line_is_said_and_the_others_are_read(table: VerdictTable, change: dict) -> None:
    made = table.set("reject", **SPAN)
    line = json.loads(to_line(made))
    with table.path.open("ab") as file:
        file.write(json.dumps({**line, "id": "another", "stop": 1081, **change}).encode() + b"\n")
    with pytest.warns(DamagedTableWarning, match="1 lines .* damaged and left out"):
        later = table.set("accept", start=0, stop=9)
    assert table.current() == [later, made]
    with pytest.warns(DamagedTableWarning, match="damaged and left out"):
        assert read_verdicts(table.path.parents[1]) == [later, made]


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"null", b"\xff\xfe", b"{" * 100_000, b"[" * 100_000, b"1e999", b'{"action": []}']
)
def test_lines_that_are_no_json_of_ours(line: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        from_line(line)


def test_lines_are_read_as_written() -> None:
    for entry in (Verdict(0, 1, 0.1, 0.2, "accept", "é"), Deletion("a", "b"), Undo("a", "b")):
        assert from_line(to_line(entry)) == entry


def test_names_of_files() -> None:
    names = [
        *("anna", "Anna", "ANNA", "an na", "an-na", "../x", "..", ".", "/etc/passwd", "..\\x", "x", "con", "CON"),
        *(
            "nul",
            "com1",
            "Åsa",
            "åsa",
            "Ωmega",
            "李",
            "王",
            "🙂",
            "a" * 300,
            "a" * 301,
            "a.b",
            "a:b",
            "a/b",
            "-",
            "_",
        ),
        *("anna.bf4fccd61625", "anna.jsonl", "-anna", "reviewer"),
    ]
    files = [file_name(name) for name in names]
    assert len({file.lower() for file in files}) == len(names)
    for file in files:
        assert len(file) < 60
        assert set(file) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.")
        assert not file.startswith((".", "-"))
        assert file.split(".")[0] not in ("con", "nul", "com1")
    assert file_name("A\u030asa") == file_name(" Åsa ")  # one person, two keyboards


@pytest.mark.parametrize("who", ["", "  ", "\n", None, 7, "a\0b", "a\nb", "a\ud800"])
def test_names_that_are_none(tmp_path: Path, who: object) -> None:
    with pytest.raises(OptionError, match="reviewer's name"):
        VerdictTable(tmp_path, who, BOUNDS)


def test_names_from_outside_stay_in_the_folder(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    for who in ("../x", "/x", "..", "a/../../../x", "C:\\x"):
        VerdictTable(store, who, BOUNDS).set("accept", **SPAN)
    assert {path.name for path in tmp_path.iterdir()} == {"store"}
    assert {path.name for path in store.iterdir()} == {"verdicts"}
    assert len(read_verdicts(store)) == 5
    assert {one.who for one in read_verdicts(store)} == {"../x", "/x", "..", "a/../../../x", "C:\\x"}


def test_no_store(tmp_path: Path) -> None:
    assert read_verdicts(tmp_path) == []
    for call in (lambda: read_verdicts(tmp_path / "no"), lambda: VerdictTable(tmp_path / "no", "anna", BOUNDS)):
        with pytest.raises(RecordingError, match="there is no store"):
            call()
    for folder in (tmp_path, tmp_path / "no"):
        with pytest.raises(RecordingError, match="no store of signalscreen"):
            store_bounds(folder)


def test_bounds_are_read_from_a_store(tmp_path: Path) -> None:
    from signalscreen.screening.allocation import StoreSpec, create

    spec = StoreSpec(
        source="106",
        fs=360.0,
        samples=7200,
        leads=("MLII", "V1"),
        units=("mV", "mV"),
        window_start=np.arange(5) * 720,
        window_lead=np.full(5, -1, np.int8),
        window_samples=1440,
        hop_samples=720,
        shard_samples=3600,
        shard_windows=5,
        classes=("good", "bad"),
        start=12.5,
    )
    create(tmp_path / "results.zarr", spec)
    table = VerdictTable(tmp_path / "results.zarr", "anna")
    assert table.bounds == Bounds(360.0, 7200, ("MLII", "V1"), ("good", "bad"), 5, 12.5)
    made = table.set("relabel", start=0, stop=7200, window=4, label="bad", lead="V1")
    assert (made.start_s, made.stop_s) == (12.5, 32.5)
    from signalscreen.screening import open_results

    assert open_results(tmp_path / "results.zarr").sizes["window"] == 5  # a folder of verdicts is no array


@pytest.mark.parametrize("in_the_way", ["verdicts", "verdicts/anna.jsonl", "verdicts/.anna.lock"])
def test_a_folder_that_cannot_be_written_to(tmp_path: Path, in_the_way: str) -> None:
    """Root may write anywhere, so what is in the way is a file for a folder, or a folder for a file."""
    (tmp_path / in_the_way).parent.mkdir(exist_ok=True)
    if in_the_way == "verdicts":
        (tmp_path / in_the_way).touch()
    else:
        (tmp_path / in_the_way).mkdir()
    table = VerdictTable(tmp_path, "anna", BOUNDS)
    wrong = RecordingError if in_the_way.endswith("jsonl") else OutputError
    with pytest.raises(wrong, match=r"the last edit was not kept|cannot be read \(is a directory\)"):
        table.set("accept", **SPAN)
    if in_the_way != "verdicts/.anna.lock":
        with pytest.raises(RecordingError, match="cannot be read"):
            table.current()


class Edits(RuleBasedStateMachine):
    """Two open tables of one reviewer against a plain model: a stack of states."""

    def __init__(self) -> None:
        import tempfile

        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.tables = [VerdictTable(self.folder.name, "anna", BOUNDS) for _ in range(2)]
        self.states: list[list[Verdict]] = [[]]

    def teardown(self) -> None:
        self.folder.cleanup()

    @rule(
        table=st.integers(0, 1),
        verdict=st.sampled_from(["accept", "reject"]),
        start=st.integers(0, 2),
        lead=st.sampled_from(["", "V1"]),
        note=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5),
    )
    def give(self, table: int, verdict: str, start: int, lead: str, note: str) -> None:
        made = self.tables[table].set(verdict, start=start, stop=3, lead=lead, note=note)
        kept = [one for one in self.states[-1] if (one.start, one.lead) != (start, lead)]
        self.states.append([*kept, made])

    @rule(table=st.integers(0, 1), which=st.integers(0, 9))
    def take_back(self, table: int, which: int) -> None:
        if self.states[-1]:
            one = self.states[-1][which % len(self.states[-1])]
            assert self.tables[table].delete(one.id) == one
            self.states.append([other for other in self.states[-1] if other != one])

    @rule(table=st.integers(0, 1))
    def undo(self, table: int) -> None:
        undone = self.tables[table].undo()
        assert (undone is None) == (len(self.states) == 1)
        if undone is not None:
            left = self.states.pop()
            assert (undone in left) != (undone in self.states[-1])

    @rule(table=st.integers(0, 1))
    def reopen(self, table: int) -> None:
        self.tables[table] = VerdictTable(self.folder.name, "anna", BOUNDS)

    @invariant()
    def the_same(self) -> None:
        expected = sorted(self.states[-1], key=lambda one: (one.start, one.lead))
        assert [table.current() for table in self.tables] == [expected] * 2
        assert read_verdicts(self.folder.name) == expected


Edits.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
test_edits = Edits.TestCase


def test_a_damaged_store_takes_no_verdicts(tmp_path: Path) -> None:
    """Where it says which leads there are: a verdict on another lead would be kept."""
    from tests import stores

    stores.fill(tmp_path / "s.zarr", stores.spec())
    (lead,) = (tmp_path / "s.zarr" / "lead" / "c").iterdir()
    lead.write_bytes(lead.read_bytes()[:-1])
    with pytest.raises(RecordingError, match="is damaged: chunk 0 of lead is not what was written"):
        VerdictTable(tmp_path / "s.zarr", "anna")
    stores.database(tmp_path / "db", a=stores.spec())
    with pytest.raises(RecordingError, match="holds several records"):
        VerdictTable(tmp_path / "db", "anna")


def test_an_edit_is_undone_by_its_id_whatever_came_later_elsewhere(table: VerdictTable) -> None:
    """Of the edits of two tabs, each undoes its own."""
    first = table.set("accept", **SPAN)
    other = table.set("reject", start=0, stop=10)
    assert table.undo(first.id) == first
    assert table.current() == [other]
    assert table.undo(first.id) is None  # it does not stand any more
    assert table.undo("nobody's") is None
    _, edit = table.taken_back(other.id)
    assert table.current() == []
    assert table.undo(edit.id) == other
    assert table.current() == [other]


def test_what_was_changed_since_is_not_undone(table: VerdictTable) -> None:
    """Else an undo would take nothing away that is seen, and later bring back what nobody expects."""
    mine = table.set("accept", **SPAN)
    theirs = table.set("reject", **SPAN)
    before = table.path.read_bytes()
    assert table.undo(mine.id) is None
    assert table.path.read_bytes() == before
    _, gone = table.taken_back(theirs.id)
    assert table.undo(theirs.id) is None  # it was deleted since
    again = table.set("unsure", **SPAN)
    assert table.undo(gone.id) is None
    assert table.undo(again.id) == again
    assert table.undo(gone.id) == theirs
    assert table.set("unsure", **SPAN, lead="V1").lead == "V1"  # another lead is another place
    assert table.undo(theirs.id) == theirs
    assert [one.verdict for one in table.current()] == ["accept", "unsure"]


def test_labels_of_the_reviewers_own_and_meanings_are_kept(table: VerdictTable) -> None:
    made = table.set("relabel", **SPAN, label="pacemaker spike 心", meaning="it is pacemaker spike 心")
    assert (made.label, made.meaning, made.in_words) == ("pacemaker spike 心", "", "it is pacemaker spike 心")
    said = table.set("reject", **SPAN, meaning="the alarm is wrong: clean")
    assert from_line(to_line(said)) == said
    assert said.in_words == "the alarm is wrong: clean"
    plain = table.set("reject", **SPAN)
    assert (plain.meaning, plain.in_words) == ("", "the model is wrong")
    old = json.loads(to_line(plain))
    del old["meaning"]  # as earlier versions wrote it
    assert from_line(json.dumps(old).encode()) == plain
