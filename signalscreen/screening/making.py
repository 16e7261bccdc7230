"""The store of a job: made where it is not there, taken up where it fits, refused where it does not."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from signalscreen.errors import OutputError, RecordingError, SignalScreenWarning, warn
from signalscreen.methods import METHODS
from signalscreen.results import versions
from signalscreen.screening import allocation, soundness, spare, store
from signalscreen.screening import job as jobs
from signalscreen.screening.job import Job
from signalscreen.screening.mending import mend
from signalscreen.screening.ready import Ready
from signalscreen.screening.saying import kept_for_again
from signalscreen.screening.shards import Answer, answered, first_window

Methods = tuple[allocation.StoredMethod, ...]


def made(
    ready: Ready, overwrite: bool = False, methods: Methods | None = None
) -> tuple[store.Arrays, Methods | None]:
    """The store of a job, opened where it is there and fits, made otherwise.

    Parameters
    ----------
    ready : Ready
    overwrite : bool
        Replace a store of other settings, or of the older layout.
    methods : tuple of StoredMethod, optional
        What is known about the methods from a record before; by default each is tried on a window first.

    Returns
    -------
    arrays : dict of str to zarr.Array
        For writing.
    methods : tuple of StoredMethod, or None
        What is known about the methods now.

    Raises
    ------
    OutputError
        If a store of other settings is there, or one to be replaced holds verdicts, or it cannot be written to.
    """
    job = ready.job
    settings = ready.settings
    with clearly(job.out):
        if spare.restored(job.out):
            warn(f"the metadata of {job.out} were damaged, and are put back from their copy", SignalScreenWarning)
    if _to_be_made(job.out, settings, overwrite):
        _check_no_verdicts(job.out)
        methods = _tried(ready) if methods is None else methods
        with clearly(job.out), one_at_a_time(job.out):
            if _to_be_made(job.out, settings, overwrite):  # else another process made it, and may be at work
                allocation.create(job.out, _spec(ready, settings, methods))
                return store.arrays_of(job.out), methods
    _refuse_other(job, settings)
    with clearly(job.out):
        arrays = store.arrays_of(job.out)
        mend(arrays, store.opened(job.out), _spec(ready, settings, ()))
        arrays["done"][0] = arrays["done"][0]  # that it can be written to is found out before the work
        return arrays, methods


@contextmanager
def one_at_a_time(path: str) -> Iterator[None]:
    """Keep other processes of this computer waiting that make something in the same folder.

    The folder itself is locked, so that nothing is left behind. Where that cannot be, nobody waits: on Windows, on
    some network disks, and in the stores of a cloud.
    """
    with ExitStack() as stack:
        with suppress(ImportError, OSError):
            from fcntl import LOCK_EX, flock

            folder = os.open(Path(path).parent, os.O_RDONLY)
            stack.callback(os.close, folder)
            flock(folder, LOCK_EX)  # let go when it is closed, by kill -9 too
        yield


@contextmanager
def clearly(out: str) -> Iterator[None]:
    """A full or read-only disk in one sentence; what was done stays."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error) or type(error).__name__).lower()
        raise OutputError(
            f"{out} cannot be written ({reason}); what was finished is kept: make room, and run the same again"
        ) from error


def existing(path: str) -> Mapping[str, Any] | None:
    """Attributes of the store or database that is there; None where there is nothing, or nothing finished.

    Raises
    ------
    OutputError
        Something else is there.
    """
    try:
        return dict(store.opened(path).attrs)
    except RecordingError:
        pass
    attrs = _root(path, consolidated=False)
    if attrs is not None and attrs.get("title") == store.TITLE:
        if "records" not in attrs and _root(path, consolidated=True) is None:
            return None  # its making was interrupted
        try:
            return dict(store.opened(path).attrs)  # another process may have finished making it meanwhile
        except RecordingError as error:  # damaged, or of a later version
            raise OutputError(f"{error}, or choose another --out") from error
    if attrs is not None or _holds_something(path):
        raise OutputError(f"{path} is there and is no store of signalscreen; choose another --out")
    return None


def _root(path: str, consolidated: bool) -> Mapping[str, Any] | None:
    """Attributes of any Zarr group; None where there is none."""
    import zarr

    try:
        return dict(zarr.open_group(path, mode="r", use_consolidated=consolidated).attrs)
    except (FileNotFoundError, ValueError, TypeError, KeyError, NotADirectoryError):
        return None


def _to_be_made(path: str, settings: Mapping[str, Any], overwrite: bool) -> bool:
    found = existing(path)
    return found is None or (overwrite and (_differs(found, settings) or soundness.DIGEST not in found))


def _differs(attrs: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether a store was made with other settings."""
    if "facts" not in attrs:
        raise OutputError("a database of several records is there; give another --out for one recording")
    return bool(json.loads(attrs["facts"])["fingerprint"] != jobs.fingerprint(settings))


def _holds_something(path: str) -> bool:
    there = Path(path)
    return there.is_file() or (there.is_dir() and any(there.iterdir()))


def _check_no_verdicts(path: str) -> None:
    """What people said cannot be made again by a computer: no store with verdicts in it is replaced."""
    folder = Path(path) / "verdicts"
    if folder.is_dir() and any(file.stat().st_size for file in folder.glob("*.jsonl")):
        raise OutputError(
            f"{path} holds verdicts, which nobody can make again; give another --out, or move {folder} away"
        )


def _refuse_other(job: Job, settings: Mapping[str, Any]) -> None:
    attrs = dict(store.opened(job.out).attrs)
    if not _differs(attrs, settings):
        return
    facts = json.loads(attrs["facts"])
    found = jobs.differences(facts["settings"], settings)
    # Shards follow from other settings, and are named where nothing else differs.
    found = [words for words in found if not words.startswith("shard.")] or found
    shown = "; ".join(found[:4]) + (f"; and {len(found) - 4} more" if len(found) > 4 else "")
    raise OutputError(
        f"{job.out} was made with other settings ({shown}); give another --out, or --overwrite to replace it"
    )


def _spec(ready: Ready, settings: Mapping[str, Any], methods: Methods) -> allocation.StoreSpec:
    job, grid, stream = ready.job, ready.grid, ready.stream
    groups = len(ready.groups)
    lead = np.arange(groups) if job.each_lead else np.array([-1])
    return allocation.StoreSpec(
        source=stream.source or "recording",
        fs=stream.fs,
        samples=stream.samples,
        leads=stream.names,
        units=stream.units,
        window_start=np.repeat(grid.window_start, groups),
        window_lead=np.tile(lead, len(grid.starts)).astype(np.int8),
        window_samples=grid.window_samples,
        hop_samples=grid.hop_samples,
        shard_samples=grid.shard_samples,
        shard_windows=grid.shard_windows * groups,
        methods=methods,
        classes=ready.classes,
        has_logit=ready.has_logit,
        annotations=stream.annotations,
        start=stream.start,
        began="" if stream.began is None else stream.began.isoformat(),
        alarm=ready.alarm,
        threshold=jobs.THRESHOLD if job.threshold is None else job.threshold,
        facts={
            "fingerprint": jobs.fingerprint(settings),
            "settings": settings,
            "versions": versions(),
            "model": Path(job.model).name if isinstance(job.model, str | os.PathLike) else "",
            "expects": {} if job.expects is None else job.expects.given(),
            "card": job.card,
            **kept_for_again(job),
        },
    )


def _tried(ready: Ready) -> Methods:
    """Every method on the first window without a gap: what cannot work fails before a store is made."""
    rows = first_window(ready)
    trial = None
    if rows is not None:
        every = replace(ready, job=replace(ready.job, explain="all" if ready.job.methods else "none"))
        trial = answered(every, rows)
    return tuple(_stored(ready, name, trial) for name in ready.job.methods)


def _stored(ready: Ready, name: str, trial: Answer | None) -> allocation.StoredMethod:
    maps = None if trial is None else trial.maps.get(name)
    return allocation.StoredMethod(
        name,
        json.dumps({k: jobs.said(v) for k, v in ready.job.methods[name].items()}, sort_keys=True),
        ready.kind,
        per_lead=METHODS[name].gives == "input" if maps is None else maps.ndim == 3,
        complete=METHODS[name].complete,
    )
