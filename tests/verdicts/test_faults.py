"""kill -9, two processes at once, a full disk: what was acknowledged is there, whole."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from signalscreen.errors import OutputError
from signalscreen.verdicts import Bounds, VerdictTable, read_verdicts

PROGRAM = "tests.verdicts.append_verdicts"
BOUNDS = Bounds(fs=360.0, samples=10**9)


def start(store: Path, first: int, count: int, note: int = 10) -> subprocess.Popen[str]:
    arguments = [str(store), "anna", str(first), str(count), str(note)]
    return subprocess.Popen(
        [sys.executable, "-m", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def whole_lines(store: Path) -> int:
    """Every line is read (a damaged one would warn, which is an error here); how many there are."""
    found = read_verdicts(store)
    data = (store / "verdicts" / "anna.jsonl").read_bytes()
    assert len(found) == data.count(b"\n")
    return len(found)


@pytest.mark.parametrize("note", [10, 300_000])
def test_killed_at_any_moment(tmp_path: Path, note: int) -> None:
    """Long notes too, lines of 1.8 MB."""
    acknowledged: set[str] = set()
    moments = random.Random(note)
    for run in range(4):
        writer = start(tmp_path, run * 10**6, 10**6, note)
        assert writer.stdout is not None
        acknowledged.add(writer.stdout.readline().strip())
        time.sleep(moments.uniform(0, 0.25))
        writer.kill()
        # A line that the pipe holds whole was printed after `set` returned.
        acknowledged |= {line.strip() for line in writer.stdout if line.endswith("\n")}
        writer.stdout.close()
        writer.wait()
        assert acknowledged <= {one.id for one in read_verdicts(tmp_path)}
    assert "" not in acknowledged
    last = VerdictTable(tmp_path, "anna", BOUNDS).set("reject", start=10**8, stop=10**8 + 1)
    assert {*acknowledged, last.id} <= {one.id for one in read_verdicts(tmp_path)}
    assert whole_lines(tmp_path) >= len(acknowledged) + 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_killed_within_a_line(tmp_path: Path) -> None:
    """The system takes a line in pieces, and the writer is killed after some of them."""
    program = """
import os, signal, sys
from signalscreen.verdicts import Bounds, VerdictTable
table = VerdictTable(sys.argv[1], "anna", Bounds(fs=360.0, samples=10**9))
print(table.set("accept", start=int(sys.argv[2]), stop=10**6).id, flush=True)
write, pieces = os.write, iter(range(int(sys.argv[3])))
def in_pieces(file, data):
    return write(file, data[:50]) if next(pieces, None) is not None else os.kill(os.getpid(), signal.SIGKILL)
os.write = in_pieces
table.set("reject", start=int(sys.argv[2]), stop=10**6)
print("not killed", flush=True)
"""
    acknowledged = []
    for run in range(5):
        arguments = [sys.executable, "-c", program, str(tmp_path), str(run), str(run)]
        done = subprocess.run(arguments, capture_output=True, text=True)
        assert done.returncode == -9, done.stderr
        acknowledged.append(done.stdout.strip())
        assert (tmp_path / "verdicts" / "anna.jsonl").read_bytes().endswith(b"\n") == (run == 0)
        assert [one.id for one in read_verdicts(tmp_path)] == acknowledged
    VerdictTable(tmp_path, "anna", BOUNDS).undo()
    assert [one.id for one in read_verdicts(tmp_path)] == acknowledged[:-1]
    aside = (tmp_path / "verdicts" / "anna.jsonl.torn").read_bytes().splitlines()
    assert [len(line) for line in aside] == [50, 100, 150, 200]


def test_two_processes_of_one_reviewer(tmp_path: Path) -> None:
    writers = [start(tmp_path, run * 1000, 60) for run in range(3)]
    printed = [writer.communicate()[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    found = read_verdicts(tmp_path)
    assert {one.id for one in found} == {id for ids in printed for id in ids}
    assert whole_lines(tmp_path) == 180
    assert [one.start for one in found] == [run * 1000 + i for run in range(3) for i in range(60)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of a file's size for a process")
def test_a_full_disk_takes_a_part_of_a_line_then_refuses(tmp_path: Path) -> None:
    """A limit of the file's size, as a quota sets it: the system writes what fits, then gives the error."""
    kept = VerdictTable(tmp_path, "anna", BOUNDS).set("accept", start=0, stop=1)
    size = (tmp_path / "verdicts" / "anna.jsonl").stat().st_size
    program = f"""
import resource
from signalscreen.errors import OutputError
from signalscreen.verdicts import Bounds, VerdictTable
table = VerdictTable({str(tmp_path)!r}, "anna", Bounds(fs=360.0, samples=10**9))
resource.setrlimit(resource.RLIMIT_FSIZE, ({size} + 50, resource.RLIM_INFINITY))
for edit in (lambda: table.set("reject", start=0, stop=1), table.undo, lambda: table.delete({kept.id!r})):
    try:
        edit()
    except OutputError as error:
        print(error)
    print([one.verdict for one in table.current()])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(table.set("unsure", start=0, stop=1).id)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    *said, made = done.stdout.splitlines()
    assert len(said) == 6
    assert all("file too large" in one and "not kept" in one for one in said[::2])
    assert said[1::2] == ["['accept']"] * 3
    assert [one.id for one in read_verdicts(tmp_path)] == [made]
    assert (tmp_path / "verdicts" / "anna.jsonl").read_bytes().count(b"\n") == 2
    assert not list((tmp_path / "verdicts").glob("*.torn"))


@pytest.mark.parametrize("step", ["write", "fsync"])
def test_a_disk_that_gives_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    table = VerdictTable(tmp_path, "anna", BOUNDS)
    made = table.set("accept", start=0, stop=1)
    before = table.path.read_bytes()

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"signalscreen.verdicts.journal.os.{step}", fails)
        with pytest.raises(OutputError, match=r"anna\.jsonl cannot be written \(no space left on device\)"):
            table.set("reject", start=0, stop=1)
        assert table.current() == [made]
    assert table.path.read_bytes() == before
    assert table.undo() == made


def test_a_read_only_disk_still_lets_one_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = VerdictTable(tmp_path, "anna", BOUNDS).set("accept", start=0, stop=1)

    opened = os.open

    def refused(path: str, flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise OSError(30, "Read-only file system")
        return opened(path, flags, mode)

    monkeypatch.setattr("signalscreen.verdicts.journal.os.open", refused)
    table = VerdictTable(tmp_path, "anna", BOUNDS)
    assert table.current() == [made] == read_verdicts(tmp_path)
    for edit in (lambda: table.set("reject", start=0, stop=1), table.undo, lambda: table.delete(made.id)):
        with pytest.raises(OutputError, match="read-only file system"):
            edit()
    assert table.current() == [made]
    assert VerdictTable(tmp_path, "ben", BOUNDS).undo() is None
