"""What is being written, and what killed runs left of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from signalscreen import output
from signalscreen.output import atomically, clear_abandoned, held, output_folder, workspace

_KILLED = """
import os, sys
from pathlib import Path
from signalscreen.output import atomically, workspace
with atomically(Path(sys.argv[1])) as part, workspace() as folder:
    part.write_text("half")
    (folder / "x").write_text("half")
    print(part, folder, flush=True)
    os.kill(os.getpid(), 9)
"""


def killed(path: Path, temp: Path) -> tuple[Path, Path]:
    """Paths of what a killed run left."""
    run = subprocess.run(
        [sys.executable, "-c", _KILLED, str(path)],
        env={**os.environ, "TMPDIR": str(temp)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == -9, run.stderr
    part, folder = map(Path, run.stdout.split())
    assert part.exists()
    assert folder.exists()
    return part, folder


def test_what_a_killed_run_left_is_cleared_by_the_next(tmp_path, monkeypatch):
    temp = tmp_path / "temp"
    temp.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temp))
    part, folder = killed(tmp_path / "x", temp)
    other = tmp_path / ".y.123.part"
    other.write_text("of another file")
    with atomically(tmp_path / "x") as mine:
        assert not part.exists()
        mine.write_text("new")
    with workspace() as work:
        assert not folder.exists()
        assert work.is_dir()
    assert sorted(p.name for p in tmp_path.iterdir()) == [".y.123.part", "temp", "x"]
    assert list(temp.iterdir()) == []


def test_what_is_being_written_stays(tmp_path):
    part = tmp_path / ".x.1.part"
    part.mkdir()
    with held(part):
        (part / "x").write_text("at work")
        with atomically(tmp_path / "x") as mine:
            mine.write_text("new")
        assert (part / "x").read_text() == "at work"
    with atomically(tmp_path / "x") as mine:
        assert not part.exists()
        mine.write_text("newer")
    assert (tmp_path / "x").read_text() == "newer"


def test_a_probe_of_a_killed_run_is_cleared(tmp_path):
    (tmp_path / ".signalscreen.99999.part").touch()
    output_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_links_stay_and_what_they_lead_to(tmp_path):
    (tmp_path / "kept").write_text("")
    (tmp_path / ".x.1.part").symlink_to(tmp_path / "kept")
    os.mkfifo(tmp_path / ".x.3.part")  # is not waited for
    clear_abandoned(tmp_path, ".x.*.part")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".x.1.part", "kept"]


def test_files_of_others_stay(tmp_path, monkeypatch):
    (tmp_path / ".x.2.part").write_text("")
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    clear_abandoned(tmp_path, ".x.*.part")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".x.2.part"]


def test_without_locks_what_is_a_day_old_is_nobodys(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    for name, age in (("old", 2 * 86400), ("new", 3600)):
        path = tmp_path / f".x.{name}.part"
        path.write_text("")
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    with atomically(tmp_path / "x") as part:
        part.write_text("new")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".x.new.part", "x"]


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_part_that_is_taken_for_abandoned_before_it_is_locked_is_made_again(tmp_path, monkeypatch, is_folder):
    path, real, removed = tmp_path / "part", output._is, []
    if is_folder:
        path.mkdir()

    def removed_first(file, at):
        if not removed:
            removed.append(at)
            at.rmdir() if is_folder else at.unlink()
        return real(file, at)

    monkeypatch.setattr(output, "_is", removed_first)
    with held(path):
        assert path.is_dir() == is_folder
    assert removed == [path]


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(OSError, match="cannot be written"), atomically(tmp_path / "none" / "x"):
        pass
