"""How far a store is, read anew each time: screening may go on, or have been done again, while a page shows it."""

from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np

from signalscreen.review.record import StoredRecord


@dataclass(frozen=True)
class Progress:
    """Of one record.

    Attributes
    ----------
    done : float
        Share that has been screened.
    alarms : int
        Windows flagged so far.
    unscreened : list of (int, int)
        Spans of samples that nobody has looked at, neighbours joined.
    stamp : str
        Another one as soon as anything was screened since.
    screening : str
        Another one where the record was screened anew, with other settings or other data.
    """

    done: float
    alarms: int
    unscreened: list[tuple[int, int]]
    stamp: str
    screening: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def progress(record: StoredRecord) -> Progress:
    """Read how far a record is, whatever was read of it before.

    Raises
    ------
    RecordingError
        If the store is damaged, or is just being made anew.
    """
    record = replace(record)
    done = record.read("done").astype(bool)
    screening = sha256(repr((record.n, record.leads, record.methods, record.attributes.get("facts"))).encode())
    screening.update(record.read("window_start").tobytes())
    stamp = screening.copy()
    stamp.update(done.tobytes() + record.read("seconds").tobytes())
    return Progress(
        done=float(done.mean()) if done.size else 1.0,
        alarms=int(np.count_nonzero(record.read("flagged"))),
        unscreened=_spans(done, int(record.attributes["shard_samples"]), record.n),
        stamp=stamp.hexdigest(),
        screening=screening.hexdigest(),
    )


def _spans(done: "np.ndarray[Any, np.dtype[np.bool_]]", shard: int, n: int) -> list[tuple[int, int]]:
    """Runs of shards that are not done, in samples.

    >>> _spans(np.array([True, False, False, True, False]), 10, 42)
    [(10, 30), (40, 42)]
    """
    edges = np.flatnonzero(np.diff(np.r_[True, done, True].astype(np.int8)))
    spans = [(int(a) * shard, min(int(b) * shard, n)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return [(first, stop) for first, stop in spans if first < stop]
