"""Shards by other processes: the same numbers, and no fault of a worker takes the run down."""

import os
import sys
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("keras")
dask = pytest.importorskip("dask", reason="workers need pip install signalscreen[dask]")
distributed = pytest.importorskip("distributed", reason="workers need pip install signalscreen[dask]")

import signalscreen as ss  # noqa: E402
from benchmarks.screening_kills import differences, finished  # noqa: E402
from signalscreen.errors import ModelError, OptionError, OutputError, RecordingError, WorkerError  # noqa: E402
from signalscreen.screening import store  # noqa: E402
from signalscreen.screening.clusters import executor_of  # noqa: E402
from tests.screening import faults, jobs  # noqa: E402


@pytest.fixture(scope="module")
def two_workers():
    before = dict(os.environ)
    with executor_of(workers=2) as executor:
        yield executor
    assert dict(os.environ) == {**before, "PYTEST_CURRENT_TEST": os.environ["PYTEST_CURRENT_TEST"]}


class Changed(Executor):
    """Workers that get another job than the one that was sent, or another function."""

    def __init__(self, executor, change):
        self.executor, self.change = executor, change

    def submit(self, fn, job, number):
        return self.executor.submit(*self.change(fn, job, number))


@pytest.fixture(scope="module")
def by_workers(job, two_workers, tmp_path_factory):
    """The store of an undisturbed run, given as a URL, as one would for a store on another machine."""
    out = tmp_path_factory.mktemp("workers") / "s.zarr"
    ss.screen_recording(*job, out=out.as_uri(), executor=two_workers, **jobs.SETTINGS)
    return out


def test_the_same_numbers_by_workers(undisturbed, by_workers):
    """But for rounding: they have other numbers of threads."""
    here, there = (store.arrays_of(path) for path in (undisturbed, by_workers))
    assert there["done"][:].all()
    for name in set(differences(undisturbed, by_workers)):
        assert here[name].dtype.kind == "f"
        np.testing.assert_allclose(there[name][:], here[name][:], rtol=1e-5, atol=1e-6)


def test_each_worker_has_its_share_of_the_cores(two_workers):
    names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    threads, inter = two_workers.submit(faults.environment, names).result()
    assert 1 <= int(threads) <= max(os.cpu_count() // 2, 1)
    assert inter == "1"


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"model": "/elsewhere/m.keras"}, ModelError, r"^a worker says: model file '/elsewhere/m.keras' does not"),
        ({"record": "/elsewhere/x.npy"}, RecordingError, r"^a worker says: .*/elsewhere/x.npy"),
        ({"out": "/proc/x.zarr"}, RecordingError, r"^a worker says: /proc/x.zarr is no store"),
    ],
)
def test_workers_that_see_other_files(job, two_workers, tmp_path, change, kind, words):
    workers = Changed(two_workers, lambda fn, job, number: (fn, replace(job, **change), number))
    with pytest.raises(kind, match=words):
        ss.screen_recording(*job, out=tmp_path / "s.zarr", executor=workers, **jobs.SETTINGS)
    assert finished(tmp_path / "s.zarr") == 0


def test_workers_with_another_model_are_refused(job, two_workers, tmp_path):
    """Nothing of theirs is mixed in."""
    from tests.screening.nets import quality_net

    model = quality_net(80)
    model.set_weights([2 * w for w in model.get_weights()])
    model.save(tmp_path / "other.keras")
    other = str(tmp_path / "other.keras")
    workers = Changed(two_workers, lambda fn, job, number: (fn, replace(job, model=other), number))
    with pytest.raises(WorkerError, match=r"says: its files or versions are not .*model\.sha256 was .* the same$"):
        ss.screen_recording(*job, out=tmp_path / "s.zarr", executor=workers, **jobs.SETTINGS)
    assert finished(tmp_path / "s.zarr") == 0


def test_a_cluster_that_is_running(job, by_workers, two_workers, tmp_path):
    address = two_workers._client.scheduler.address
    assert address.startswith("tcp://127.0.0.1:")
    with executor_of(scheduler=address) as executor:
        ss.screen_recording(*job, out=tmp_path / "s.zarr", executor=executor, **jobs.SETTINGS)
    assert differences(by_workers, tmp_path / "s.zarr") == {}
    assert two_workers.submit(abs, -1).result() == 1  # it runs still


def test_ctrl_c_is_left_to_the_parent(two_workers):
    """In a terminal it reaches all processes: workers would fill the screen with their own ends."""
    assert two_workers.submit(faults.interrupted).result() == "still here"


def test_a_cluster_without_workers():
    words = "has no workers; start some by 'dask worker tcp://"
    options = {"dashboard_address": "127.0.0.1:0"}
    with distributed.LocalCluster(n_workers=0, dashboard_address=None, scheduler_kwargs=options) as cluster:
        address = cluster.scheduler_address
        with pytest.raises(WorkerError, match=words), executor_of(scheduler=address, timeout=5):
            pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense"])
def test_nobody_answers(address):
    words = rf"^no Dask scheduler answers at {address} within 1 s; start one"
    with pytest.raises(WorkerError, match=words), executor_of(scheduler=address, timeout=1):
        pass
    assert dask_default() is None


def dask_default():
    """Whom Dask would ask now, for work that is not given to anybody; xarray asks when it writes a file."""
    return dask.config.get("scheduler", None) or distributed.client._get_global_client()


def test_workers_are_not_those_of_all_of_dask(two_workers):
    """They are asked for shards only, and what else uses Dask in this process stays as it was."""
    assert two_workers.submit(abs, -1).result() == 1
    with executor_of(scheduler=two_workers._client.scheduler.address):
        assert dask_default() is None
    assert dask_default() is None


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "one of the two"),
        ({"workers": 2, "scheduler": "tcp://a:1"}, "one of the two"),
        ({"workers": 0}, "workers=0 is no number of processes; give 1 or more"),
        ({"workers": 1.5}, "workers=1.5 is no number"),
    ],
)
def test_what_was_given_makes_no_sense(given, words):
    with pytest.raises(OptionError, match=words), executor_of(**given):
        pass


def test_without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = r"not installed: pip install signalscreen\[dask\]$"
    with pytest.raises(OptionError, match=words), executor_of(workers=1):
        pass


def test_workers_do_not_see_what_is_in_this_process(job, two_workers, tmp_path):
    record, model = job
    recording = ss.recording.read_recording(record, fs=jobs.FS)
    settings = {key: value for key, value in jobs.SETTINGS.items() if key != "fs"}
    with pytest.raises(OptionError, match="give them model and record as paths"):
        ss.screen_recording(recording, model, out=tmp_path / "s.zarr", executor=two_workers, **settings)
    with pytest.raises(OutputError, match="memory of this process"):
        ss.screen_recording(*job, out="memory://s.zarr", executor=two_workers, **jobs.SETTINGS)


# Workers that were killed have to import TensorFlow again: these come last.


def test_a_fault_costs_a_shard_only(job, by_workers, two_workers, tmp_path):
    """A shard that failed is done again, and so is that of a worker that was killed."""
    workers = Changed(two_workers, lambda fn, *given: (faults.faulty, str(tmp_path), fn, *given))
    ss.screen_recording(*job, out=tmp_path / "s.zarr", executor=workers, **jobs.SETTINGS)
    assert {"3", "7"} <= {path.name for path in tmp_path.iterdir()}
    assert differences(by_workers, tmp_path / "s.zarr") == {}


def test_a_shard_that_kills_every_worker_is_given_up(job, two_workers, tmp_path):
    two_workers._client.run_on_scheduler(faults.few_failures)  # four deaths in a row take 20 s
    workers = Changed(two_workers, lambda _, *given: (faults.always_dies, *given))
    with pytest.raises(WorkerError, match=r"^a worker failed \(KilledWorker.* run the same again to go on$"):
        ss.screen_recording(*job, out=tmp_path / "s.zarr", executor=workers, **jobs.SETTINGS)
