"""CSV for spreadsheets and pandas, CSV and text for MNE: read back by the reader each is for."""

import csv
import warnings
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalscreen.errors import OptionError, OutputError, RecordingError
from signalscreen.verdicts import Verdict, export_csv, export_mne_csv, export_mne_text, read_csv_verdicts
from signalscreen.verdicts.csv_export import COLUMNS

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
AWKWARD = st.sampled_from(
    ["=cmd|' /C calc'!A0", "+1", "-1", "@x", "'", "''=", "a,b", 'a"b', "\r\n", "\r", "NA", "1", "\ufeff"]
)


def verdict(start: int, stop: int, kind: str = "reject", **more: object) -> Verdict:
    return Verdict(start, stop, start / 360, stop / 360, kind, **{"who": "anna", **more})


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(TEXT | AWKWARD, TEXT | AWKWARD, TEXT | AWKWARD, st.none() | st.integers(0, 99)), max_size=5)
)
def test_csv_keeps_every_field(tmp_path_factory: pytest.TempPathFactory, texts: list[tuple]) -> None:
    path = tmp_path_factory.mktemp("csv") / "verdicts.csv"
    made = [
        verdict(i, 7 * i + 1, "relabel", lead=lead, label=label, note=note, window=window)
        for i, (lead, label, note, window) in enumerate(texts)
    ]
    assert export_csv(made, path) == path
    assert read_csv_verdicts(path) == made
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            assert not any(cell.startswith(tuple("=+-@\t\r\n")) for cell in row.values())
    # what a spreadsheet or pandas does with a lone carriage return in a field is its own affair
    if not any("\r" in text for row in texts for text in row[:3]):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        assert list(table.columns) == list(COLUMNS)
        assert table["note"].str.removeprefix("'").tolist() == [one.note for one in made]
        assert table["stop_s"].astype(float).tolist() == [one.stop_s for one in made]


def test_csv_as_pandas_reads_it_unasked(tmp_path: Path) -> None:
    made = [verdict(0, 360, note="心房\nzwei", window=3), verdict(1, 361, "unsure", lead="V1", note="=1+1")]
    export_csv(made, tmp_path / "v.csv")
    table = pd.read_csv(tmp_path / "v.csv")
    assert table.start.tolist() == [0, 1]
    assert table.start_s.tolist() == [0.0, 1 / 360]
    assert table.note.tolist() == ["心房\nzwei", "'=1+1"]
    assert table.id.tolist() == [one.id for one in made]
    assert (tmp_path / "v.csv").read_bytes().startswith(b"\xef\xbb\xbf")


def test_csv_that_is_none_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "v.csv"
    export_csv([verdict(0, 9)], path)
    good = path.read_bytes()
    for bad in (
        b"",
        b"a,b\n1,2\n",
        good[:-60],
        good.replace(b"reject", b"maybe"),
        good.replace(b"0.025", b"soon"),
        b"\xff\xfe\x00",
    ):
        path.write_bytes(bad)
        with pytest.raises(RecordingError, match="no CSV of verdicts"):
            read_csv_verdicts(path)
    with pytest.raises(OutputError):
        export_csv([], tmp_path / "no" / "v.csv")


def mne_reads_csv(path: Path) -> dict:
    """As MNE documents its CSV: onsets are clock times, the first row is the origin; pandas reads the columns."""
    table = pd.read_csv(path, keep_default_na=False)
    onset = pd.to_datetime(table["onset"])
    origin = datetime.strptime(table["onset"][0], "%Y-%m-%d %H:%M:%S.%f")
    leads = [name.split(":") if name else [] for name in table["ch_names"]] if "ch_names" in table else None
    return {
        "orig_time": origin,
        "onset": (onset - onset[0]).dt.total_seconds().to_numpy(),
        "duration": table["duration"].to_numpy().astype(float),
        "description": table["description"].tolist(),
        "ch_names": leads and [[name.replace("{COLON}", ":") for name in names] for names in leads],
        "extras": table.drop(columns=["onset", "duration", "description"]),
    }


def test_mne_csv(tmp_path: Path) -> None:
    began = datetime(2026, 3, 1, 23, 59, 59)
    made = [
        verdict(721, 1080, "artefact", lead="V1", note='a, "b"\nc'),
        verdict(1000, 1001, "relabel", label="AF, slow: 1", lead="a:b"),
        verdict(31_104_000, 31_104_360, "accept"),  # on the second, where a fraction could be left out
    ]
    found = mne_reads_csv(export_mne_csv(made, tmp_path / "v.csv", began=began))
    assert found["description"] == ["BAD_artefact", "relabel/AF, slow: 1", "accept"]
    assert found["ch_names"] == [["V1"], ["a:b"], []]
    seconds = found["onset"] + (found["orig_time"] - began).total_seconds()
    assert np.rint(seconds * 360).tolist() == [one.start for one in made]
    np.testing.assert_allclose(seconds, [one.start_s for one in made], rtol=0, atol=1e-6)
    assert found["duration"].tolist() == [one.stop_s - one.start_s for one in made]
    assert found["extras"].note.tolist() == [one.note for one in made]
    assert found["extras"].id.tolist() == [one.id for one in made]
    assert found["extras"].meaning.tolist() == [
        "the signal is an artefact",
        "it is AF, slow: 1",
        "the model is right",
    ]


@pytest.mark.parametrize("leads", [["", ""], ["1", "2"], ["1", "1e3"], ["true", "False"], ["nan", "-inf"]])
def test_mne_csv_without_leads_that_are_text(tmp_path: Path, leads: list[str]) -> None:
    """pandas would make numbers of such a column, and MNE fail."""
    path = export_mne_csv(
        [verdict(1, 9, lead=lead) for lead in leads], tmp_path / "v.csv", began="2026-03-01T10:00"
    )
    assert mne_reads_csv(path)["ch_names"] is None


@pytest.mark.parametrize("leads", [["", "1"], ["1", "V1"], ["x"]])
def test_mne_csv_with_leads_that_stay_text(tmp_path: Path, leads: list[str]) -> None:
    path = export_mne_csv(
        [verdict(1, 9, lead=lead) for lead in leads], tmp_path / "v.csv", began="2026-03-01T10:00"
    )
    assert mne_reads_csv(path)["ch_names"] == [[lead] if lead else [] for lead in leads]


def test_mne_csv_counts_in_utc(tmp_path: Path) -> None:
    began = datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    found = mne_reads_csv(export_mne_csv([verdict(0, 9)], tmp_path / "v.csv", began=began))
    assert found["orig_time"] == datetime(2026, 2, 28, 23)


@pytest.mark.parametrize("began", ["", "soon", None, 7])
def test_mne_csv_without_a_clock(tmp_path: Path, began: object) -> None:
    with pytest.raises(OptionError, match="export_mne_text"):
        export_mne_csv([verdict(0, 9)], tmp_path / "v.csv", began=began)


def test_mne_csv_cannot_be_empty_nor_have_another_ending(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="without rows"):
        export_mne_csv([], tmp_path / "v.csv", began="2026-03-01")
    with pytest.raises(OptionError, match=r"end with \.csv"):
        export_mne_csv([verdict(0, 9)], tmp_path / "v.txt", began="2026-03-01")
    with pytest.raises(OptionError, match=r"end with \.txt"):
        export_mne_text([], tmp_path / "v.csv")
    assert list(tmp_path.iterdir()) == []


def mne_reads_text(path: Path) -> list[tuple[float, float, str]]:
    """As MNE reads its text file: NumPy's loadtxt, fields between commas, # for comments."""
    lines = path.read_text().splitlines()
    assert lines[:2] == ["# MNE-Annotations", "# onset, duration, description"]
    assert all(line.startswith("# means: ") for line in lines[2::2])
    assert not any(line.startswith("#") for line in lines[3::2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as MNE does: lines of comments are no rows
        onset, duration, description = np.loadtxt(path, delimiter=",", dtype=np.bytes_, unpack=True)
    columns = (np.atleast_1d(column) for column in (onset, duration, description))
    return [(float(a.decode()), float(b.decode()), c.decode().strip()) for a, b, c in zip(*columns, strict=True)]


@settings(max_examples=30, deadline=None)
@given(st.lists(TEXT.map(lambda text: f"x{text}") | AWKWARD.map(lambda text: f"x#{text}"), min_size=1, max_size=4))
def test_mne_text(tmp_path_factory: pytest.TempPathFactory, labels: list[str]) -> None:
    made = [verdict(1 + i, 1000 + i, "relabel", label=label) for i, label in enumerate(labels)]
    found = mne_reads_text(export_mne_text(made, tmp_path_factory.mktemp("mne") / "v.txt"))
    assert [row[:2] for row in found] == [(one.start_s, one.stop_s - one.start_s) for one in made]
    restored = [row[2].encode().decode("unicode_escape") for row in found]
    assert [text.strip() for text in restored] == [f"relabel/{label}".strip() for label in labels]


def test_mne_text_of_nothing(tmp_path: Path) -> None:
    path = export_mne_text([], tmp_path / "v.txt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as MNE does, and takes it for an empty set
        assert len(np.loadtxt(path, delimiter=",", dtype=np.bytes_, unpack=True)) == 0


def test_the_words_of_a_verdict_stand_beside_its_code(tmp_path: Path) -> None:
    """A CSV of an earlier version, without the column, is read as before."""
    made = [verdict(1, 9, "reject", meaning="the alarm is wrong: clean"), verdict(2, 9, "accept")]
    path = export_csv(made, tmp_path / "v.csv")
    rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    assert [(row["verdict"], row["meaning"]) for row in rows] == [
        ("reject", "the alarm is wrong: clean"),
        ("accept", "the model is right"),
    ]
    assert list(rows[0])[-1] == "meaning"  # columns before it are where they were
    assert read_csv_verdicts(path) == made
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        earlier = csv.DictWriter(file, list(rows[0])[:-1], extrasaction="ignore")
        earlier.writeheader()
        earlier.writerows(rows)
    assert [(one.verdict, one.meaning) for one in read_csv_verdicts(path)] == [("reject", ""), ("accept", "")]
    text = export_mne_text(made, tmp_path / "v.txt").read_text().splitlines()
    assert text[2::2] == ["# means: the alarm is wrong: clean", "# means: the model is right"]
