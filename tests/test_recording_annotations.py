"""WFDB annotation files: their own clock, every code, notes as they are, and no file that never ends."""

import os
import string
import struct
from pathlib import Path

import numpy as np
import pytest
import wfdb
from wfdb.io.annotation import ann_labels

from signalscreen.errors import RecordingError, RecordingWarning
from signalscreen.recording import open_recording, read_recording
from signalscreen.recording.wfdb_annotations import read_marks

NOTE, SKIP, NUM, SUB, CHN, AUX = 22, 59, 60, 61, 62, 63


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Ten seconds at 125 Hz."""
    (tmp_path / "r.dat").write_bytes(np.zeros(1250, "<i2").tobytes())
    (tmp_path / "r.hea").write_text("r 1 125 1250\nr.dat 16 100/mV 16 0 0 0 0 II\n")
    return tmp_path / "r"


def word(code: int, value: int) -> bytes:
    return struct.pack("<H", code << 10 | value)


def note(text: bytes) -> bytes:
    return word(AUX, len(text)) + text + b"\0" * (len(text) % 2)


def written(record: Path, content: bytes, ended: bool = True) -> Path:
    record.with_suffix(".atr").write_bytes(content + word(0, 0) * ended)
    return record


def listed(recording) -> list[tuple[int, str, str]]:
    return [(a.sample, a.symbol, a.note) for a in recording.annotations]


@pytest.mark.parametrize("own", [500, 250, 125, 62.5, 360])
def test_a_time_resolution_of_their_own(record, own):
    seconds = np.array([0.2, 1.0, 2.0, 3.5, 9.9])
    wfdb.wrann("r", "atr", np.round(seconds * own).astype(int), ["N"] * 5, fs=own, write_dir=str(record.parent))
    found = read_recording(record)
    np.testing.assert_allclose([a.sample / 125 for a in found.annotations], seconds, atol=0.5 / 125 + 0.5 / own)
    assert found.annotations == open_recording(record).annotations
    part = read_recording(record, start=2.4, end=9.92)
    np.testing.assert_allclose([a.sample / 125 for a in part.annotations], [1.1, 7.5], atol=0.5 / 125 + 0.5 / own)
    assert part.annotations == open_recording(record, start=2.4, end=9.92).annotations


def test_they_lie_at_the_nearest_sample(record):
    content = word(NOTE, 0) + note(b"## time resolution: 500") + b"".join(word(1, step) for step in (5, 1, 1, 1))
    assert [a.sample for a in read_recording(written(record, content)).annotations] == [1, 2, 2, 2]  # 1.25 to 2


def test_without_a_resolution_they_count_frames(record):
    lead = (
        record.with_suffix(".hea")
        .read_text()
        .replace("1250", "625")
        .replace("125 ", "62.5 ")
        .replace("16 1", "16x2 1")
    )
    record.with_suffix(".hea").write_text(lead)
    found = read_recording(written(record, word(1, 100) + word(5, 25)))
    assert found.fs == 125
    assert listed(found) == [(200, "N", ""), (250, "V", "")]


def test_every_code_has_the_symbol_that_wfdb_gives(record):
    content = b"".join(word(code, 1) for code in range(1, 50))
    known = {label.label_store: label.symbol for label in ann_labels}
    found = read_recording(written(record, content)).annotations
    assert [a.symbol for a in found] == [known.get(code, f"[{code}]") for code in range(1, 50)]
    assert "[42]" in [a.symbol for a in found]
    assert set(string.ascii_letters) & set("".join(known.values()))


def test_the_same_as_wfdb_reads(record):
    rng = np.random.default_rng(0)
    at = np.cumsum(rng.integers(1, 12, 100)) + rng.integers(0, 2)
    symbols = rng.choice(list("NLRaVFJASEj/Q~|sT*D=pB^t+u?![]en@xf()r"), 100)
    notes = ["" if i % 3 else f"({'x' * (i % 7)}" for i in range(100)]
    wfdb.wrann("r", "atr", at, list(symbols), aux_note=notes, num=np.arange(100) % 5, write_dir=str(record.parent))
    found = wfdb.rdann(str(record), "atr")
    theirs = [
        (int(s), y, n.rstrip("\0")) for s, y, n in zip(found.sample, found.symbol, found.aux_note, strict=True)
    ]
    assert listed(read_recording(record)) == [row for row in theirs if row[0] < 1250]


def test_long_pauses_and_steps_back(record):
    content = word(SKIP, 0) + struct.pack("<HH", 0, 1200) + word(1, 5)  # the high word comes first
    content += word(SKIP, 0) + struct.pack("<HH", 0xFFFF, 0x10000 - 1100) + word(5, 0)
    assert listed(read_recording(written(record, content))) == [(1205, "N", ""), (105, "V", "")]
    content = word(SKIP, 0) + struct.pack("<HH", 1, 2) + word(1, 0)
    assert read_marks(written(record, content).with_suffix(".atr")).times == [65538]


@pytest.mark.parametrize(
    ("stored", "text"),
    [("Größe µ".encode(), "Größe µ"), ("Größe".encode("latin-1"), "Größe"), (b"(AFIB\0", "(AFIB"), (b"odd", "odd")],
)
def test_notes_as_they_are(record, stored, text):
    found = read_recording(written(record, word(28, 7) + word(CHN, 1) + note(stored) + word(1, 3)))
    assert listed(found) == [(7, "+", text), (10, "N", "")]


def test_notes_at_the_first_sample(record):
    """What the file says of itself is no annotation; all other notes there are."""
    content = word(NOTE, 0) + note(b"## time resolution: 250") + word(NOTE, 0) + note(b"calibrated")
    content += (
        word(NOTE, 0) + note(b"signalscreen verdicts 1 0123456789abcdef") + word(1, 0) + word(0, 10) + word(5, 10)
    )
    assert listed(read_recording(written(record, content))) == [(0, '"', "calibrated"), (0, "N", ""), (10, "V", "")]


def test_symbols_of_its_own(record):
    told = (b"## annotation type definitions", b"44 v pvc", b"50 % a b", b"nothing", b"## end of definitions")
    content = b"".join(word(NOTE, 0) + note(text) for text in told) + word(44, 5) + word(50, 5) + word(45, 5)
    assert listed(read_recording(written(record, content))) == [(5, "v", ""), (10, "%", ""), (15, "[45]", "")]


@pytest.mark.parametrize("text", [b"## ", b"## annotation type definitions", b"## something new"])
def test_a_note_that_says_nothing_is_passed_over(record, text):
    """wfdb's reader does not come back from some of these."""
    found = read_recording(written(record, word(NOTE, 0) + note(text) + word(1, 9)))
    assert listed(found) == [(9, "N", "")]


@pytest.mark.parametrize("text", ["0", "-5", "nan", "inf", "fast"])
def test_a_resolution_that_is_none_is_refused(record, text):
    content = word(NOTE, 0) + note(f"## time resolution: {text}".encode()) + word(1, 9)
    with pytest.raises(RecordingError, match=f"time resolution of the annotation file r.atr is '{text}'"):
        read_recording(written(record, content))


@pytest.mark.parametrize(
    "content",
    [b"\x01", word(1, 5) + b"\x01", word(1, 5) + word(AUX, 9) + b"abc", word(SKIP, 0) + b"\0\0", note(b"x")],
)
def test_a_file_that_ends_within_an_annotation_is_refused(record, content):
    with pytest.raises(RecordingError, match=r"annotation file r.atr cannot be read: it ends within"):
        read_recording(written(record, content, ended=False))


def test_a_file_without_its_end_may_have_lost_some(record):
    with pytest.warns(RecordingWarning, match=r"r.atr has no end mark; later annotations may be missing"):
        found = read_recording(written(record, word(1, 5), ended=False))
    assert listed(found) == [(5, "N", "")]


def test_a_pipe_for_annotations_is_refused(record):
    os.mkfifo(record.with_suffix(".atr"))
    with pytest.raises(RecordingError, match=r"r.atr are no file"):
        read_recording(record)
