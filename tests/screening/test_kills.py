"""A run that is killed, stopped, or finds no room: what was done stays, and the same again goes on from there."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")

import signalscreen as ss
from benchmarks.screening_kills import differences, finished
from signalscreen.errors import OutputError, SignalScreenWarning
from signalscreen.screening import shards, store
from tests.screening import jobs

ROOT = Path(__file__).parents[2]


def started(job, out):
    """The command, in a process of its own."""
    record, model = job
    program = [sys.executable, "-m", "signalscreen", "screen", str(record), "--model", str(model)]
    return subprocess.Popen(
        [*program, "--out", str(out), *jobs.ARGUMENTS], cwd=ROOT, stderr=subprocess.PIPE, text=True
    )


def signalled(process, out, number, after):
    """Send a signal when so many shards are done, and a moment later; return what was said."""
    until = time.monotonic() + 120
    while finished(out) < after and process.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    time.sleep(random.Random(after).uniform(0, 0.05))
    process.send_signal(number)
    return process.communicate()[1]


def interrupted(job, out, number, after):
    """A run that got a signal on its way; where this process came too late with it, the run is made once more."""
    before = out.with_suffix(".before")
    if out.exists():
        shutil.copytree(out, before)
    for _ in range(10):
        process = started(job, out)
        said = signalled(process, out, number, after)
        if finished(out) < jobs.SHARDS:
            return process.returncode, said
        shutil.rmtree(out)
        if before.exists():
            shutil.copytree(before, out)
    raise AssertionError("ten runs have ended before a signal came")


def test_killed_stopped_and_taken_up_again(job, undisturbed, tmp_path):
    """First by kill -9, then by Ctrl-C; another run goes on at the same time as the last."""
    out = tmp_path / "s.zarr"
    code, _ = interrupted(job, out, signal.SIGKILL, after=3)
    assert code == -signal.SIGKILL
    killed = finished(out)
    assert killed >= 3
    code, said = interrupted(job, out, signal.SIGINT, after=killed + 3)
    assert code == 130
    assert said == f"stopped; what was finished is kept in {out}: run the same again to go on\n"
    stopped = finished(out)
    assert stopped > killed
    process = started(job, out)
    try:
        while finished(out) == stopped and process.poll() is None:
            time.sleep(0.002)
        ss.screen_recording(*job, out=out, **jobs.SETTINGS)
        assert process.wait() == 0
    finally:
        process.kill()
        process.communicate()
    assert differences(undisturbed, out) == {}


def half_done(undisturbed, out):
    """A store in which every second shard is not done."""
    shutil.copytree(undisturbed, out)
    group = store.opened(out, "r+")
    for number in range(0, jobs.SHARDS, 2):
        group["done"][number] = 0
    return group


def test_what_a_kill_leaves_lying_does_no_harm(job, undisturbed, tmp_path):
    """Files that were not renamed yet, and data of shards that were not said to be done."""
    out = tmp_path / "s.zarr"
    group = half_done(undisturbed, out)
    for name in ("signal", "attribution_saliency", "done"):
        folder = next(p for p in (out / name / "c").rglob("*") if p.is_file()).parent
        stray = folder / "0.0123456789abcdef.partial"
        stray.write_bytes(b"half")
        os.utime(stray, (time.time() - 60,) * 2)
    first, *_, last = sorted((out / "attribution_saliency" / "c").iterdir(), key=lambda p: int(p.name))
    shutil.rmtree(first)
    (out / "signal" / "c" / "2" / "0").write_bytes(b"torn")
    assert not group["done"][2]
    assert last.name == str(jobs.SHARDS - 1)
    ss.screen_recording(*job, out=out, **jobs.SETTINGS)
    assert not list(out.rglob("*.partial"))
    assert differences(undisturbed, out) == {}


@pytest.fixture
def disk(tmp_path):
    """A disk of 16 MiB."""
    where = tmp_path / "disk"
    where.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run([mount, "-t", "tmpfs", "-o", "size=16m", "none", where], check=False).returncode
    ):
        pytest.skip("no file system can be mounted here")
    yield where
    subprocess.run(["umount", where], check=True)


def room(disk):
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def test_a_full_disk(job, undisturbed, disk):
    out, filler = disk / "s.zarr", disk / "filler"
    filler.write_bytes(bytes(room(disk) - 4096))
    with pytest.raises(OutputError, match=r"s\.zarr cannot be written \(no space left on device\)"):
        ss.screen_recording(*job, out=out, **jobs.SETTINGS)  # not even the empty store fits
    os.truncate(filler, room(disk) + filler.stat().st_size - 3_000_000)
    with pytest.raises(OutputError, match=r"no space left .* make room, and run the same again$"):
        ss.screen_recording(*job, out=out, **jobs.SETTINGS)
    done = store.shards_done(store.opened(out))
    assert 0 < done.sum() < jobs.SHARDS
    here, there = (store.opened(path)["attribution_saliency"] for path in (out, undisturbed))
    for number in np.flatnonzero(done):  # nothing torn
        span = slice(number * jobs.SHARD, (number + 1) * jobs.SHARD)
        np.testing.assert_array_equal(here[span], there[span])
    filler.unlink()
    ss.screen_recording(*job, out=out, **jobs.SETTINGS)
    assert differences(undisturbed, out) == {}


def test_a_disk_that_cannot_be_written(job, undisturbed, disk):
    half_done(undisturbed, disk / "s.zarr")
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for name in ("s.zarr", "new.zarr"):
        with pytest.raises(OutputError, match=rf"{name} cannot be written \(read-only file system\)"):
            ss.screen_recording(*job, out=disk / name, **jobs.SETTINGS)
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    ss.screen_recording(*job, out=disk / "s.zarr", **jobs.SETTINGS)
    assert differences(undisturbed, disk / "s.zarr") == {}


def test_a_damaged_recording_among_others(job, tmp_path):
    """It is named, the others are done, and all is done when it is whole again."""
    import wfdb

    record, model = job
    folder = tmp_path / "records"
    folder.mkdir()
    signal = np.nan_to_num(np.load(record, mmap_mode="r")[:9000].astype(float))
    for name in "abc":
        wfdb.wrsamp(name, 10, ["mV"] * 2, ["I", "II"], p_signal=signal, fmt=["16"] * 2, write_dir=str(folder))
    whole = (folder / "b.dat").read_bytes()
    (folder / "b.dat").write_bytes(whole[:20_000])
    settings = jobs.SETTINGS
    with pytest.warns(SignalScreenWarning, match=r"^1 of 3 records were not .* \(b: b\.dat is truncated"):
        found = ss.screening.screen_recordings(folder, model, out=tmp_path / "all.zarr", **settings)
    assert [one.record for one in found if one.done == 1] == ["a", "c"]
    (folder / "b.dat").write_bytes(whole)
    found = ss.screening.screen_recordings(folder, model, out=tmp_path / "all.zarr", **settings)
    assert [(one.record, one.done) for one in found] == [("a", 1), ("b", 1), ("c", 1)]
    assert differences(tmp_path / "all.zarr" / "a", tmp_path / "all.zarr" / "b") == {}


def test_a_recording_that_cannot_be_read_in_the_middle(job, undisturbed, tmp_path, monkeypatch):
    """The shard is not said to be done, and the error is that of the recording."""
    from signalscreen.errors import RecordingError

    def gathered(ready, number, real=shards.gathered):
        if number == 5:
            raise RecordingError("the signal file of record x is damaged or truncated; copy it again")
        return real(ready, number)

    out = tmp_path / "s.zarr"
    monkeypatch.setattr("signalscreen.screening.running.gathered", gathered)
    with pytest.raises(RecordingError, match="copy it again"):
        ss.screen_recording(*job, out=out, **jobs.SETTINGS)
    assert not store.shards_done(store.opened(out))[5]
    monkeypatch.undo()
    ss.screen_recording(*job, out=out, **jobs.SETTINGS)
    assert differences(undisturbed, out) == {}


def test_a_store_that_is_no_folder(job, undisturbed):
    """Anything that fsspec writes to; here the memory of this process."""
    fsspec = pytest.importorskip("fsspec")
    dataset = ss.screen_recording(*job, out="memory://screened.zarr", **jobs.SETTINGS)
    assert dataset.done.values.all()
    assert differences(undisturbed, "memory://screened.zarr") == {}
    fsspec.filesystem("memory").rm("/screened.zarr", recursive=True)
