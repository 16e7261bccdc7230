"""Verdicts as WFDB annotations: encoded, read back by wfdb, and never over another program's file."""

import dataclasses
import shutil
import string
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from signalscreen.errors import OptionError, OutputError, RecordingError
from signalscreen.verdicts import (
    VERDICTS,
    Verdict,
    VerdictTable,
    annotation_file,
    export_wfdb,
    read_verdicts,
    read_wfdb_verdicts,
)
from signalscreen.verdicts.notes import closing, opening, parsed, shortened
from tests.verdicts.conftest import BOUNDS

FS = 360.0
LEADS = ("MLII", "V1")


def verdict(start: int, stop: int, verdict: str = "reject", who: str = "anna", **more: object) -> Verdict:
    return Verdict(start, stop, start / FS, stop / FS, verdict, who, **more)


def the_same(verdicts: Sequence[Verdict], path: Path) -> None:
    """Read back by our reader: every field that a WFDB file has."""
    names = ("start", "stop", "verdict", "who", "lead", "label", "note")
    found = read_wfdb_verdicts(path)
    expected = sorted(verdicts, key=lambda one: (one.start, one.stop, one.lead, one.who, one.id))
    assert [[getattr(one, name) for name in names] for one in found] == [
        [getattr(one, name) for name in names] for one in expected
    ]
    assert all(one.id.startswith(span.ref) for one, span in zip(expected, found, strict=True))
    assert all(span.cut == () for span in found)


def test_what_wfdb_reads(tmp_path: Path) -> None:
    meaning = "the alarm is wrong: clean"
    first = verdict(720, 1080, lead="V1", note="loose electrode", id="11111111-a", meaning=meaning)
    second = verdict(900, 901, "relabel", "bö b", label="AF: slow", id="22222222-b")
    report = export_wfdb([first, second], tmp_path / "106", fs=FS, leads=LEADS)
    found = wfdb.rdann(str(tmp_path / "106"), "rev")
    assert found.sample.tolist() == [720, 900, 900, 1079]
    assert found.symbol == ['"'] * 4
    assert found.chan.tolist() == [1, 0, 0, 1]
    assert found.subtype.tolist() == [1, 0, 0, 1]
    assert found.num.tolist() == [0] * 4
    assert found.fs == 360
    assert found.aux_note == [
        "(reject #11111111 by=anna lead=V1: loose electrode",
        r"(relabel #22222222 by=b\xf6\x20b label=AF\x3a\x20slow",
        ")relabel #22222222: it is AF: slow",
        ")reject #11111111: the alarm is wrong: clean",
    ]
    assert (report.path, report.spans) == (tmp_path / "106.rev", 2)
    assert [(one.id, one.field, one.how) for one in report.altered] == [
        (second.id, "who", "escaped"),
        (second.id, "label", "escaped"),
    ]
    assert "who of 22222222-b, label of 22222222-b" in str(report)
    assert {path.name for path in tmp_path.iterdir()} == {"106.rev"}
    the_same([first, second], tmp_path / "106")
    assert [one.meaning for one in read_wfdb_verdicts(tmp_path / "106")] == [meaning, "it is AF: slow"]


def test_a_span_from_the_first_sample(tmp_path: Path) -> None:
    """wfdb's reader drops notes at sample 0."""
    found = [verdict(0, 1), verdict(0, 2, "accept"), verdict(0, 360_000, "unsure"), verdict(1, 2), verdict(1, 3)]
    export_wfdb(found, tmp_path / "r", fs=FS)
    read = wfdb.rdann(str(tmp_path / "r"), "rev")
    assert read.sample.tolist() == [1] * 8 + [2, 359_999]
    assert sum(" @0" in note for note in read.aux_note) == 4
    the_same(found, tmp_path / "r")


def test_the_record_begins_before_the_store(tmp_path: Path) -> None:
    """Samples of the table are the store's, those of the annotations the record's."""
    one = Verdict(0, 360, 30.0, 31.0, "accept", "anna")
    export_wfdb([one], tmp_path / "r", fs=FS)
    assert wfdb.rdann(str(tmp_path / "r"), "rev").sample.tolist() == [10_800, 11_159]


def test_no_verdicts_make_a_file_without_annotations(tmp_path: Path) -> None:
    assert export_wfdb([], tmp_path / "r", fs=FS).spans == 0
    found = wfdb.rdann(str(tmp_path / "r"), "rev")
    assert (len(found.sample), found.symbol, found.aux_note, found.fs) == (0, [], [], 360)
    assert read_wfdb_verdicts(tmp_path / "r") == []
    one = verdict(5, 9)
    export_wfdb([one], tmp_path / "r", fs=FS)
    the_same([one], tmp_path / "r")
    export_wfdb([], tmp_path / "r", fs=FS)
    assert read_wfdb_verdicts(tmp_path / "r") == []


@pytest.mark.parametrize("letter", ["a", "é", "心", "🫀", "\n", "~", "\\"])
@pytest.mark.parametrize("length", [1, 20, 205, 206, 207, 208, 10_000])
def test_notes_of_any_length_and_script(tmp_path: Path, letter: str, length: int) -> None:
    one = verdict(720, 1080, note=letter * length)
    report = export_wfdb([one, verdict(2000, 2001)], tmp_path / "r", fs=FS)
    notes = wfdb.rdann(str(tmp_path / "r"), "rev").aux_note
    assert max(map(len, notes)) <= 255
    span, other = read_wfdb_verdicts(tmp_path / "r")
    assert other.note == ""
    (said,) = report.altered or (None,)
    if span.cut:
        assert said is not None
        assert (said.id, said.field, said.how) == (one.id, "note", "cut")
        assert span.cut == ("note",)
        assert one.note.startswith(span.note)
        assert len(max(notes, key=len)) > 255 - 10  # an escape is up to ten bytes: no more is lost than must be
        assert length > len(span.note) > 15
    else:
        assert span.note == one.note
        assert (said is None) == (letter == "a")


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)  # none is cut


@st.composite
def some_verdicts(draw: st.DrawFn) -> list[Verdict]:
    spans = draw(st.lists(st.tuples(st.integers(0, 40) | st.integers(0, 2**33), st.integers(1, 2000)), max_size=8))
    made = []
    for start, length in spans:
        kind = draw(st.sampled_from(VERDICTS))
        label = draw(NAMES.filter(bool)) if kind == "relabel" else ""
        note, who = draw(NAMES), draw(st.text(string.printable + "é~:", min_size=1, max_size=9))
        lead = draw(st.sampled_from(["", "V1", "a b", "é:~=", "#", "@0"]))
        made.append(verdict(start, start + length, kind, who, lead=lead, label=label, note=note))
    return made


@settings(max_examples=25, deadline=None)
@given(some_verdicts())
def test_all_is_read_back(tmp_path_factory: pytest.TempPathFactory, verdicts: list[Verdict]) -> None:
    path = tmp_path_factory.mktemp("wfdb") / "r.1 x"
    leads = ["I", "V1", "a b", "é:~=", "#", "@0"]
    export_wfdb(verdicts, path, fs=FS, leads=leads)
    the_same(verdicts, path)
    chan = [leads.index(one.lead) if one.lead else 0 for one in read_wfdb_verdicts(path)]
    found = annotation_file.read(Path(f"{path}.rev"))[0]
    assert sorted(found.chan) == sorted(chan * 2)
    assert list(found.sample) == sorted(found.sample)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(12, 60), st.sampled_from(["", " :"]))
def test_escapes_are_not_cut_through(text: str, room: int, also: str) -> None:
    kept = shortened(text, room, also)
    assert len(kept) <= room
    assert kept.isascii()
    assert not set(also) & set(kept)
    restored = kept.removesuffix("~").encode().decode("unicode_escape")
    assert (restored == text) if not kept.endswith("~") else text.startswith(restored)


def test_the_longest_note_of_all_fits() -> None:
    long = "é" * 300
    one = verdict(0, 9, "artefact", long, lead=long, label=long, note=long)
    text, altered = opening(one, one.id, at_zero=True)
    assert len(text) <= 255
    assert {(said.field, said.how) for said in altered} == {
        (name, "cut") for name in ("who", "lead", "label", "note")
    }
    edge = parsed(text)
    assert (edge.verdict, edge.ref, edge.at_zero, edge.cut) == (
        "artefact",
        one.id,
        True,
        ("who", "lead", "label", "note"),
    )
    assert min(len(edge.who), len(edge.lead), len(edge.label), len(edge.note)) >= 5
    words, changed = closing(replace(one, meaning=long), one.id, at_zero=False)
    assert len(words) <= 255
    assert [(said.field, said.how) for said in changed] == [("meaning", "cut")]
    assert (parsed(words).opens, parsed(words).cut) == (False, ("note",))
    assert parsed(")artefact #0c7acb99").note == ""  # as earlier versions wrote it


def test_ids_alike_are_told_apart(tmp_path: Path) -> None:
    found = [verdict(i, 50 + i, id=f"12345678-9abc-{i}") for i in range(3)]
    export_wfdb(found, tmp_path / "r", fs=FS)
    the_same(found, tmp_path / "r")
    assert {one.ref for one in read_wfdb_verdicts(tmp_path / "r")} == {f"12345678-9abc-{i}" for i in range(3)}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"annotator": "atr"}, "another file of the record"),
        ({"annotator": "ATR"}, "another file of the record"),
        ({"annotator": "dat"}, "another file of the record"),
        ({"annotator": ""}, "letters"),
        ({"annotator": "../x"}, "letters"),
        ({"annotator": "rev1"}, "letters"),
        ({"annotator": None}, "letters"),
        ({"fs": 250.0}, "given at 360 samples per second, fs says 250"),
        ({"fs": 0}, "above 0"),
        ({"fs": float("nan")}, "above 0"),
        ({"fs": "360"}, "above 0"),
        ({"leads": ("MLII",)}, "on lead 'V1'"),
        ({"leads": ()}, "on lead 'V1'"),
        ({"leads": tuple(map(str, range(257)))}, "256 leads"),
    ],
)
def test_bad_options_write_nothing(tmp_path: Path, options: dict, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        export_wfdb([verdict(720, 1080, lead="V1")], tmp_path / "r", **{"fs": FS, "leads": LEADS, **options})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        export_wfdb([], tmp_path / "no" / "r", fs=FS)


def test_a_file_of_another_program_is_kept(tmp_path: Path) -> None:
    wfdb.wrann(
        "r", "rev", np.array([5, 9]), ["N", '"'], aux_note=["", "(reject #1"], fs=360, write_dir=str(tmp_path)
    )
    for foreign in ((tmp_path / "r.rev").read_bytes(), b"", b"\0\0", b"signalscreen verdicts", b"text"):
        (tmp_path / "r.rev").write_bytes(foreign)
        with pytest.raises(OutputError, match="by another program and is kept"):
            export_wfdb([verdict(5, 9)], tmp_path / "r", fs=FS)
        with pytest.raises(RecordingError, match="not written by signalscreen"):
            read_wfdb_verdicts(tmp_path / "r")
        assert (tmp_path / "r.rev").read_bytes() == foreign


def test_a_file_of_ours_that_was_changed_is_kept(tmp_path: Path) -> None:
    """As WAVE does, which writes what it has read and what a person has added."""
    export_wfdb([verdict(5, 90)], tmp_path / "r", fs=FS)
    data = (tmp_path / "r.rev").read_bytes()
    for changed in (data[:-2] + b"\x01\x04" + b"\0\0", data.replace(b")reject", b")accept"), data[:-9]):
        assert changed != data
        (tmp_path / "r.rev").write_bytes(changed)
        with pytest.raises(OutputError, match="is kept"):
            export_wfdb([verdict(5, 9)], tmp_path / "r", fs=FS)
        with pytest.raises(RecordingError, match=r"changed by another|damaged"):
            read_wfdb_verdicts(tmp_path / "r")
        assert (tmp_path / "r.rev").read_bytes() == changed
    (tmp_path / "r.rev").write_bytes(data)
    export_wfdb([], tmp_path / "r", fs=FS)


def test_a_file_of_a_later_version_is_kept(tmp_path: Path) -> None:
    export_wfdb([verdict(5, 90)], tmp_path / "r", fs=FS)
    data = (tmp_path / "r.rev").read_bytes()
    (tmp_path / "r.rev").write_bytes(data.replace(b"verdicts 1 ", b"verdicts 9 "))
    with pytest.raises(RecordingError, match="later signalscreen"):
        read_wfdb_verdicts(tmp_path / "r")
    with pytest.raises(RecordingError, match="export the verdicts first"):
        read_wfdb_verdicts(tmp_path / "none")


@pytest.mark.parametrize("wrong", ["sample", "chan", "subtype", "text"])
def test_a_file_that_wfdb_reads_otherwise_is_not_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """wfdb is made to lose one value."""
    export_wfdb([verdict(1, 2)], tmp_path / "r", fs=FS)
    before = (tmp_path / "r.rev").read_bytes()
    faithful = annotation_file._by_wfdb
    notes = annotation_file.Notes((7,), (0,), (0,), ("x",))
    first = {"sample": 8, "chan": 1, "subtype": 1, "text": "y"}[wrong]

    def loses(folder: Path, annotator: str) -> tuple[annotation_file.Notes, float]:
        found, fs = faithful(folder, annotator)
        return dataclasses.replace(found, **{wrong: (first,)}), fs

    monkeypatch.setattr(annotation_file, "_by_wfdb", loses)
    with pytest.raises(OutputError, match="other annotations than were written"):
        annotation_file.write(tmp_path / "r.new", "rev", notes, FS)
    assert {path.name for path in tmp_path.iterdir()} == {"r.rev"}
    assert (tmp_path / "r.rev").read_bytes() == before


def test_a_rate_that_wfdb_cannot_keep_is_refused(tmp_path: Path) -> None:
    slow = 1e-5  # wfdb writes 1e-05 and reads 1
    with pytest.raises(OutputError, match="other annotations"):
        export_wfdb([Verdict(1, 2, 1e5, 2e5, "accept", "anna")], tmp_path / "r", fs=slow)
    assert list(tmp_path.iterdir()) == []
    odd = 1000 / 3
    export_wfdb([Verdict(1, 2, 1 / odd, 2 / odd, "accept", "anna")], tmp_path / "r", fs=odd)
    assert wfdb.rdann(str(tmp_path / "r"), "rev").fs == pytest.approx(odd)


def test_beside_a_real_record(tmp_path: Path, real_data: Path) -> None:
    """Verdicts beside mitdb/106: its own annotations stay as they are to the bit, and ours are read beside them."""
    for ending in ("hea", "dat", "atr"):
        shutil.copy(real_data / "mitdb" / f"106.{ending}", tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    store = tmp_path / "results.zarr"
    store.mkdir()
    table = VerdictTable(store, "Dr. Åsa Öberg", dataclasses.replace(BOUNDS, samples=650_000))
    for i in range(20):
        kind = VERDICTS[i % 5]
        label = "noise" if kind == "relabel" else ""
        lead = ("", "MLII", "V1")[i % 3]
        table.set(kind, start=i * 32_000, stop=i * 32_000 + 3600, lead=lead, label=label, note=f"Störung {i}")
    table.undo()
    found = read_verdicts(store)
    header = wfdb.rdheader(str(tmp_path / "106"))
    export_wfdb(found, tmp_path / "106", fs=header.fs, leads=header.sig_name)
    the_same(found, tmp_path / "106")
    assert len(found) == 19
    ours = wfdb.rdann(str(tmp_path / "106"), "rev")
    assert len(ours.sample) == 38
    assert ours.sample.max() < header.sig_len
    for name, data in before.items():
        assert (tmp_path / name).read_bytes() == data
    with pytest.raises(OptionError):
        export_wfdb(found, tmp_path / "106", fs=header.fs, leads=header.sig_name, annotator="atr")
    assert (tmp_path / "106.atr").read_bytes() == before["106.atr"]
    import signalscreen as ss

    read = ss.read_recording(tmp_path / "106", annotator="rev")  # the package's own reader shows them, too
    assert [one.sample for one in read.annotations] == ours.sample.tolist()


def test_a_meaning_that_is_too_long_is_said_to_be_cut(tmp_path: Path) -> None:
    one = verdict(720, 1080, id="11111111-a", meaning="é" * 200)  # four bytes each
    report = export_wfdb([one], tmp_path / "106", fs=FS, leads=LEADS)
    assert [(said.id, said.field, said.how) for said in report.altered] == [(one.id, "meaning", "cut")]
    (found,) = read_wfdb_verdicts(tmp_path / "106")
    assert found.cut == ("meaning",)
    assert set(found.meaning) == {"é"}
    assert len(found.meaning) > 50
