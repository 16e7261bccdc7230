"""Options are said to be the same only where they do the same; the files of a store are kept from their makers."""

import functools
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from signalscreen.errors import OutputError, RecordingError
from signalscreen.screening import allocation, making, store
from signalscreen.screening.job import fingerprint, said
from signalscreen.targets import Unit
from tests import stores


def times(n):
    return lambda x: x * n


class Weighted:
    def __init__(self, by):
        self.by = by

    def __call__(self, x):
        return x * self.by


class Recursive:
    def again(self):
        return Recursive


LONG = np.zeros(5000)
OTHER = np.concatenate([LONG[:2500], [1.0], LONG[:2499]])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (times(1), times(2)),
        (lambda x: x + 1, lambda x: x - 1),
        (lambda x, n=1: x * n, lambda x, n=2: x * n),
        (lambda x: [y + 1 for y in x], lambda x: [y + 2 for y in x]),
        (lambda x: x.mean(), lambda x: x.sum()),
        (lambda x, o=LONG: x + o, lambda x, o=OTHER: x + o),
        (functools.partial(times, 1), functools.partial(times, 2)),
        (functools.partial(times(1), 1), functools.partial(times(2), 1)),
        (Weighted(1), Weighted(2)),
        (Unit("a", reduce=times(1)), Unit("a", reduce=times(2))),
        ({"over": LONG}, {"over": OTHER}),
        ([LONG], [OTHER]),
        (LONG, LONG.astype(np.float32)),
        (True, 1.5),
    ],
)
def test_what_differs_is_said_to_differ(one, other):
    assert fingerprint({"a": said(one)}) != fingerprint({"a": said(other)})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (times(1), times(1)),
        (Weighted(1), Weighted(1)),
        (Unit("a", reduce=times(1)), Unit("a", reduce=times(1))),
        (np.float64(0.5), 0.5),
        (np.int64(3), 3),
        ((1, 2), [1, 2]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        (Recursive, Recursive),
        (Recursive(), Recursive()),
    ],
)
def test_what_is_the_same_is_said_to_be(one, other):
    assert fingerprint({"a": said(one)}) == fingerprint({"a": said(other)})


def test_functions_are_said_alike_in_another_process():
    """A run that is taken up is another process, whose addresses and hashes are others."""
    code = "import json; from tests.screening.test_said import Weighted, times; " + (
        "from signalscreen.screening.job import said; print(json.dumps([said(times(2)), said(Weighted({3: 1}))]))"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(there) == [said(times(2)), said(Weighted({3: 1}))]


def test_a_store_of_a_later_version_or_a_damaged_one_is_not_replaced(tmp_path):
    stores.fill(tmp_path / "s.zarr", stores.spec())
    for change, words in (({"schema": 99}, "later signalscreen"), ({"schema": 1, "fs": 0}, "damaged: its fs is 0")):
        set_attributes(tmp_path / "s.zarr", **change)
        with pytest.raises(OutputError, match=words):
            making.existing(str(tmp_path / "s.zarr"))
    metadata = tmp_path / "s.zarr" / "zarr.json"
    found = json.loads(metadata.read_text())
    del found["consolidated_metadata"]
    metadata.write_text(json.dumps(found))
    assert making.existing(str(tmp_path / "s.zarr")) is None  # never finished being made


def set_attributes(path, **changes):
    metadata = path / "zarr.json"
    found = json.loads(metadata.read_text())
    found["attributes"].update(changes)
    metadata.write_text(json.dumps(found))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"fs": "x"}, "its fs is 'x'"),
        ({"start": None}, "its start is None"),
        ({"shard_samples": 0}, "its shard_samples is 0"),
        ({"shard_windows": 1}, "in 3 shards"),
        ({"window_samples": 10**9}, "windows are 1000000000 samples long"),
        ({"alarm": 9}, "its alarm is 9"),
        ({"methods": ["../../x"]}, r"it has no attribution_\.\./"),
        ({"began": "<script>"}, "its began is '<script>'"),
        ({"facts": "{"}, "its facts are no JSON"),
        ({"source": 5}, "its source is 5"),
        ({"records": 5}, "its records are 5"),
        ({"records": ["a", "../b"]}, r"names a record outside itself, '\.\./b'"),
        ({"records": [5]}, "names a record outside itself, 5"),
    ],
)
def test_a_store_that_cannot_be_is_said_to_be_damaged(tmp_path, changes, words):
    stores.fill(tmp_path / "s.zarr", stores.spec())
    set_attributes(tmp_path / "s.zarr", **changes)
    with pytest.raises(RecordingError, match=f"is damaged: .*{words}"):
        store.opened(tmp_path / "s.zarr")


@pytest.mark.parametrize(
    "name", ["signal", "gap", "probability", "attribution_saliency", "annotation_note", "done"]
)
def test_a_store_without_one_of_its_arrays_is_said_to_be_damaged(tmp_path, name):
    stores.fill(tmp_path / "s.zarr", stores.spec())
    shutil.rmtree(tmp_path / "s.zarr" / name)
    allocation.consolidate(tmp_path / "s.zarr")
    with pytest.raises(RecordingError, match=f"it has no {name};"):
        store.opened(tmp_path / "s.zarr")


def test_a_model_saved_anew_under_its_name_is_loaded_anew(tmp_path):
    """In one process, as in a notebook; and by a worker that has done shards of the store before."""
    pytest.importorskip("keras")
    import signalscreen as ss
    from signalscreen.screening.running import job_of
    from signalscreen.screening.workers import shard_by_worker
    from tests.screening.nets import quality_net

    np.save(tmp_path / "r.npy", np.random.default_rng(0).normal(size=(400, 1)))
    path, out, model = tmp_path / "m.keras", str(tmp_path / "w.zarr"), quality_net(80)
    given = {"fs": 10.0, "kind": "other", "target": 0}
    found = []
    for sign in (1, -1):
        model.set_weights([sign * one for one in model.get_weights()])
        model.save(path)
        first = ss.screen_recording(tmp_path / "r.npy", path, out=tmp_path / f"{sign}.zarr", **given)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(tmp_path / f"{sign}.zarr", out)
        store.arrays_of(out)["done"][0] = 0
        store.arrays_of(out)["logit"][:] = 0
        shard_by_worker(job_of(str(tmp_path / "r.npy"), str(path), "saliency", out, given), 0)
        found.append(first.logit.values)
        np.testing.assert_array_equal(store.opened(out)["logit"][:], found[-1])
    assert not np.allclose(*found)


def test_a_store_that_is_finished_while_it_is_looked_at_is_there(tmp_path, monkeypatch):
    """By another process that makes the same database."""
    stores.fill(tmp_path / "s.zarr", stores.spec())
    real, looked = store.opened, []

    def unfinished_at_first(path, mode="r"):
        looked.append(path)
        if len(looked) == 1:
            raise RecordingError("it was never finished being made")
        return real(path, mode)

    monkeypatch.setattr(store, "opened", unfinished_at_first)
    assert making.existing(str(tmp_path / "s.zarr"))["source"] == "rec 1"
