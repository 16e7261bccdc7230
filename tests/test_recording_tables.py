"""Tables as devices and spreadsheets write them: each is the same signal, or is refused."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from signalscreen.errors import RecordingError
from signalscreen.recording import read_recording

N, FS = 200, 50
X = np.round(np.sin(np.arange(N) / 7), 4)
T0 = datetime(2024, 5, 1, 23, 59, 58)


@pytest.fixture
def table(tmp_path: Path):
    def write(text: str, name: str = "x.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode())
        return path

    return write


def column(head: str, stamp, separator: str = ",", end: str = "", comma: bool = False) -> str:
    """A time column, a separator, the signal."""
    values = [f"{x:.4f}".replace(".", ",") if comma else f"{x:.4f}" for x in X]
    return head + "".join(f"{stamp(i)}{separator}{x}{end}\n" for i, x in enumerate(values))


def clock(i: int) -> datetime:
    return T0 + timedelta(seconds=i / FS)


FORMS = {
    "clock": column("time,ecg\n", lambda i: clock(i).strftime("%H:%M:%S.%f")),
    "clock_in_quotes": column("time,ecg\n", lambda i: f"'{clock(i):%H:%M:%S.%f}'"),
    "clock_comma": column("time;ecg\n", lambda i: f"{clock(i):%H:%M:%S,%f}", ";", comma=True),
    "minutes": column("'Elapsed time','ecg'\n'mm:ss.mmm','mV'\n", lambda i: f"'{clock(i):%M:%S.%f}'"),
    "date": column("datetime,ecg\n", lambda i: f"{clock(i):%Y-%m-%d %H:%M:%S.%f}"),
    "date_zone": column("timestamp,ecg\n", lambda i: f"{clock(i).isoformat(timespec='microseconds')}+02:00"),
    "date_z": column("timestamp,ecg\n", lambda i: f"{clock(i).isoformat(timespec='microseconds')}Z"),
    "date_german": column("Zeit;ecg\n", lambda i: f"{clock(i):%d.%m.%Y %H:%M:%S,%f}", ";", comma=True),
    "date_physionet": column("Time,ecg\n", lambda i: f"'[{clock(i):%H:%M:%S.%f %d/%m/%Y}]'"),
    "decimal_comma": column("time_s;ecg\n", lambda i: f"{i / FS:.3f}".replace(".", ","), ";", comma=True),
    "decimal_comma_tabs": column("time_s\tecg\n", lambda i: f"{i / FS:.3f}".replace(".", ","), "\t", comma=True),
    "end_comma": column("time,ecg,\n", lambda i: f"{i / FS:.3f}", end=","),
    "end_comma_of_rows": column("time,ecg\n", lambda i: f"{i / FS:.3f}", end=","),
    "end_commas": column("time,ecg,,\n", lambda i: f"{i / FS:.3f}", end=", ,"),
    "end_tab": column("time\tecg\t\n", lambda i: f"{i / FS:.3f}", "\t", end="\t"),
    "comments": column("# device X, 3\n# fs 50\n\ntime,ecg\n", lambda i: f"{i / FS:.3f}") + "# the end\n",
    "comment_inside": column("time,ecg\n", lambda i: f"{'# lost, 3' + chr(10) if i == 99 else ''}{i / FS:.3f}"),
    "unit_row": column("time,ecg\nms,mV\n", lambda i: i * 20),
    "seconds_row": column("'Elapsed time','ecg'\n'seconds','mV'\n", lambda i: f"{i / FS:.3f}"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_one_signal_in_many_forms(table, form):
    found = read_recording(table(FORMS[form]))
    assert found.names == ("ecg",)
    assert found.fs == pytest.approx(FS, rel=1e-3)
    np.testing.assert_array_equal(found.signal[:, 0], X)


def test_decimal_commas_between_spaces(table):
    text = "".join(f"{i / FS:.3f} {x:.4f}\n".replace(".", ",") for i, x in enumerate(X))
    found = read_recording(table(text, "x.txt"))
    np.testing.assert_allclose(found.signal, np.stack([np.arange(N) / FS, X], axis=1), atol=1e-12)


def test_two_decimal_commas_or_both_signs_are_no_number(table):
    for cell in ("1,234,5", "1,234.5", "1_0"):
        with pytest.raises(RecordingError, match=r"line 3 .*which is not a number"):
            read_recording(table(f"a;b\n1;2\n{cell};3\n"))


def test_a_comma_within_a_cell_may_be_of_thousands_where_commas_separate(table):
    with pytest.raises(RecordingError, match="'1,500' in column 'a', which is not a number"):
        read_recording(table('a,b\n"1,500",2\n"1,600",3\n'))


def test_an_unnamed_column_with_values_is_a_lead(table):
    found = read_recording(table("a,\n1,2\n3,\n"))
    assert found.names == ("a", "lead 1")
    np.testing.assert_array_equal(found.signal, [[1, 2], [3, np.nan]])
    assert read_recording(table("1,\n2,\n")).signal.tolist() == [[1], [2]]


def test_a_named_column_without_values_stays(table):
    found = read_recording(table("a,b\n1,\n2,\n"))
    assert found.names == ("a", "b")
    assert np.isnan(found.signal[:, 1]).all()


def test_a_first_row_of_gaps_is_data(table):
    found = read_recording(table("a,b\n,\n1,2\n"))
    assert (found.units, len(found)) == (("", ""), 2)
    assert len(read_recording(table("a,b\n-,NA\n1,2\n"))) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n3,4,5\n", "line 3 of .* has 3 cells, 2 are expected|names 2 columns but its first row has 3"),
        ("a,b\n" + "1,2\n" * 600 + "3,4,5\n", "line 602 of .* has 3 cells, 2 are expected"),
        ("1,\n" * 600 + "3,4\n", "line 601 of .* has 2 cells, 1 are expected"),
        ("a b\n" + "1 2\n" * 600 + "3 4 5\n", "line 602 of .* has 3 cells, 2 are expected"),
        ("# only\n# remarks\n", "has comments only"),
        (
            "time,a\n0,5\n1,6\n2,7\n",
            "'time' of x.csv counts in steps of 1 and names no unit; call it time_s or time_ms",
        ),
        ("time,a\n10:00,5\n10:01,6\n", "begins with '10:00', and not all of it is a number or a time"),
        ("time,a\n10:00:00,5\nlater,6\n", "begins with '10:00:00', and not all"),
        ("time,a\n2024-01-01 10:00:00,5\n2024-01-01 10:00:01+01:00,6\n", "not all of it is"),
        ("time,a\n01/02/2024 10:00:00,5\n01/02/2024 10:00:01,6\n", "begins with '01/02/2024 10:00:00'"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(table, text, words):
    with pytest.raises(RecordingError, match=words):
        read_recording(table(text))


def test_steps_of_one_with_a_unit_or_a_rate(table):
    assert read_recording(table("time_s,a\n0,5\n1,6\n2,7\n")).fs == 1
    assert read_recording(table("time [ms],a\n0,5\n1,6\n2,7\n")).fs == 1000
    assert read_recording(table("time,a\n0,5\n1,6\n2,7\n"), fs=360).fs == 360


def test_a_damaged_letter_far_below_is_refused(tmp_path):
    (tmp_path / "x.csv").write_bytes(b"a\n" + b"1\n" * 100_000 + b"\xff\n")
    with pytest.raises(RecordingError, match="not a text file"):
        read_recording(tmp_path / "x.csv")


def test_a_line_of_quotes_is_refused(table):
    with pytest.raises(RecordingError):
        read_recording(table('a,b\n1,2\n"' + "1" * 200_000 + '",3\n'))
