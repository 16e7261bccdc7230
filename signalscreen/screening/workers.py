"""Shards in other processes, each of which loads the model once."""

import json
from functools import lru_cache

from signalscreen.errors import ProbabilityWarning, WorkerError, silenced
from signalscreen.screening import store
from signalscreen.screening.job import Job, differences, fingerprint
from signalscreen.screening.ready import Ready, prepare
from signalscreen.screening.shards import do_shard


def shard_by_worker(job: Job, number: int) -> int:
    """One shard in another process, which keeps the model for the next."""
    ready = _ready(_Same(job, str(store.opened(job.out).attrs["facts"])))
    arrays = store.arrays_of(job.out)
    if not arrays["done"][number]:
        do_shard(ready, arrays, number)
    return number


class _Same:
    """A job as a key: workers get a copy of it with every shard.

    Its files may be others by the next run, which the facts of the store tell: then nothing that was kept serves.
    """

    def __init__(self, job: Job, facts: str) -> None:
        self.job, self.facts = job, facts
        self.key = (job.out, str(job.record), repr(job), facts)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.key == self.key


@lru_cache(maxsize=4)
def _ready(same: _Same) -> Ready:
    """The job, made ready here: with the files and versions that the store was made for, or not at all."""
    with silenced(ProbabilityWarning):  # which was said where the work was handed out
        ready = prepare(same.job)
    wanted = json.loads(same.facts)
    if fingerprint(ready.settings) != wanted["fingerprint"]:
        found = "; ".join(differences(wanted["settings"], ready.settings)[:4])
        raise WorkerError(f"its files or versions are not those of the store ({found}); give all workers the same")
    return ready
