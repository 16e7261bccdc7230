"""What killed runs left in a store, and who may be at work there still."""

import os
import sys
import time

from signalscreen.screening.strays import at_work


def stray(folder, name, age):
    path = folder / "signal" / "c" / f"{name}.0123456789abcdef.partial"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"half")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_what_killed_runs_left_is_cleared_and_what_is_fresh_stays(tmp_path):
    old, fresh = stray(tmp_path, "0", 60), stray(tmp_path, "1", 0)
    (tmp_path / "signal" / "c" / "2").write_bytes(b"whole")
    with at_work(str(tmp_path)):
        assert not old.exists()
        assert fresh.exists()
        assert (tmp_path / "signal" / "c" / "2").exists()


def test_while_somebody_is_at_work_all_stays(tmp_path):
    with at_work(str(tmp_path)):
        old = stray(tmp_path, "0", 60)
        with at_work(str(tmp_path)):
            assert old.exists()
    with at_work(str(tmp_path)):
        assert not old.exists()


def test_where_there_are_no_locks_work_goes_on(tmp_path, monkeypatch):
    with at_work("s3://bucket/a.zarr"):
        pass
    monkeypatch.setitem(sys.modules, "fcntl", None)
    old = stray(tmp_path, "0", 60)
    with at_work(str(tmp_path)):
        assert old.exists()
