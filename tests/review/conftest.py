"""A server on a small store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from signalscreen.review import RunningReview, start_in_thread

from .stores import write_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two leads, one method, no verdicts yet."""
    return write_store(tmp_path_factory.mktemp("stores") / "a.zarr", n=40_000, methods=("occlusion", "saliency"))


@pytest.fixture(scope="module")
def running(store: Path) -> Iterator[RunningReview]:
    """The review of it."""
    with start_in_thread(store, reviewer="Zoë") as found:
        yield found
