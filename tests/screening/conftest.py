"""A small job, and what comes of it when nobody disturbs it."""

import pytest

from tests.screening import jobs


@pytest.fixture(scope="package")
def job(tmp_path_factory):
    """Paths of a recording and a model."""
    pytest.importorskip("keras")
    return jobs.make(tmp_path_factory.mktemp("job"))


@pytest.fixture(scope="package")
def undisturbed(job, tmp_path_factory):
    """The store of a run from beginning to end, in this process."""
    import signalscreen as ss

    out = tmp_path_factory.mktemp("undisturbed") / "s.zarr"
    dataset = ss.screen_recording(*job, out=out, **jobs.SETTINGS)
    assert dataset.sizes["shard"] == jobs.SHARDS
    assert dataset.done.values.all()
    return out


@pytest.fixture
def short_shards(monkeypatch):
    """Several shards in a minute of signal."""
    from signalscreen.screening import layout

    monkeypatch.setattr(layout, "_SHARD_SECONDS", 10.0)
    monkeypatch.setattr(layout, "_LEAST_WINDOWS", 4)


def pytest_collection_modifyitems(items):
    """Networks of random weights flag nearly all windows, or none: where that is said, a test of its own looks."""
    for item in items:
        if "tests/screening/" in item.nodeid:
            item.add_marker(pytest.mark.filterwarnings("ignore:.*windows are flagged"))
