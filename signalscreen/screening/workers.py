"""Shards in other processes, each of which loads the model once."""

from functools import lru_cache

from signalscreen.screening import store
from signalscreen.screening.job import Job
from signalscreen.screening.ready import Ready, prepare
from signalscreen.screening.shards import do_shard


def shard_by_worker(job: Job, number: int) -> int:
    """One shard in another process, which keeps the model for the next."""
    ready = _ready(_Same(job))
    group = store.opened(job.out, "r+")
    if not group["done"][number]:
        do_shard(ready, group, number)
    return number


class _Same:
    """A job as a key: workers get a copy of it with every shard."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.key = (job.out, str(job.record), repr(job))

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.key == self.key


@lru_cache(maxsize=4)
def _ready(same: _Same) -> Ready:
    return prepare(same.job)
