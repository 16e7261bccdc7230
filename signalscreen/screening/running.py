"""`screen_recording`: a recording through a model and into a store, in this process or by many workers."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from signalscreen.errors import (
    CompletenessWarning,
    OptionError,
    OutputError,
    RecordingError,
    warn,
)
from signalscreen.methods import METHODS
from signalscreen.recording.selection import Leads
from signalscreen.results import versions
from signalscreen.screening import job as jobs
from signalscreen.screening import store
from signalscreen.screening.job import Job
from signalscreen.screening.ready import Ready, prepare
from signalscreen.screening.shards import Answer, answered, do_shard, first_window

Methods = str | Sequence[str] | Mapping[str, Mapping[str, Any]]


def screen_recording(
    record: Any,
    model: Any,
    method: Methods = "saliency",
    *,
    out: str | os.PathLike[str],
    target: Any = None,
    score: str = "logit",
    class_names: Sequence[str] | None = None,
    explain: str = "all",
    alarm: int | str | None = None,
    threshold: float = 0.5,
    window: float | None = None,
    hop: float | None = None,
    leads: Leads | None = None,
    each_lead: bool = False,
    fs: float | None = None,
    start: float | None = None,
    end: float | None = None,
    annotator: str | None = None,
    resample: float | None = None,
    normalise: str | None = None,
    batch_size: int | None = None,
    weights: str | os.PathLike[str] | None = None,
    until: str | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    executor: Executor | None = None,
    progress: bool | None = None,
) -> Any:
    """Score and explain every window of a recording, and keep it all on the recording's own timeline.

    What was done is not done again: called a second time with the same arguments, it takes up where it stopped.

    Parameters
    ----------
    record : path, Recording or Stream
        As `read_recording` takes it. WFDB records and ``.npy`` files are read by slices.
    model : keras.Model or path
        With one input, ``(batch, samples, leads)`` or ``(batch, samples)``.
    method : str, sequence of str, or dict of str to dict
        Names in `METHODS`, with their options: ``{"integrated_gradients": {"steps": 64}}``.
    out : path or URL
        The store: a folder, or any URL that fsspec writes to.
    target : optional
        As `Score` takes it, but for a list of one per example; by default each window's highest score.
    score : {"logit", "probability"}
        What is explained.
    class_names : sequence of str, optional
    explain : {"all", "flagged", "none"}
        Which windows are explained.
    alarm : int or str, optional
        Class that flags a window; by default the target, or the only class.
    threshold : float
        A window is flagged where the probability of the alarm is above it.
    window : float, optional
        Seconds; by default the model's own length.
    hop : float, optional
        Seconds from one window to the next; half a window by default.
    leads : str, int or a list of them, optional
    each_lead : bool
        Screen each lead by itself, with a model that takes one.
    fs : float, optional
        Sampling rate, where the file does not say.
    start, end : float, optional
        Seconds: the part to screen.
    annotator : str, optional
        WFDB annotation file kept beside the signal; atr where it exists.
    resample : float, optional
        The model's sampling rate, in Hz.
    normalise : {"zscore", "minmax", "robust"}, optional
        How each window is scaled before the model sees it.
    batch_size : int, optional
        Windows per model call.
    weights, until, custom_objects : optional
        As `load_model` takes them.
    overwrite : bool
        Replace a store made with other settings; otherwise an error that names what differs.
    executor : concurrent.futures.Executor, optional
        Does the shards, for example ``dask.distributed.Client().get_executor(retries=2)``. Its workers must be
        spawned, not forked; model and record must be paths that they can read. By default this process.
    progress : bool, optional
        Show a progress bar; by default in a terminal.

    Returns
    -------
    xarray.Dataset
        Lazy; see `open_results`. Attributions are signed, in units of the score per sample of the model's
        rate, NaN where nothing was explained. Windows that overlap share a sample by Hann weights. A method
        that gives one value per moment (CAMs, occlusion) has it repeated over the leads.

    Raises
    ------
    SignalScreenError
        What does not fit: record, leads, model, options, a store of other settings, a full disk. What was
        done stays; the same call goes on from there.
    """
    job = Job(
        record=record,
        model=model,
        out=str(out),
        methods=_methods(method, explain),
        target=target,
        score=score,
        class_names=None if class_names is None else tuple(class_names),
        explain=explain,
        alarm=alarm,
        threshold=threshold,
        window=window,
        hop=hop,
        leads=leads,
        each_lead=each_lead,
        fs=fs,
        start=start,
        end=end,
        annotator=annotator,
        resample=resample,
        normalise=normalise,
        batch_size=batch_size,
        weights=None if weights is None else str(weights),
        until=until,
        custom_objects=custom_objects,
    )
    do(job, executor=executor, overwrite=overwrite, progress=progress)
    return store.open_results(job.out)


def do(
    job: Job, *, executor: Executor | None = None, overwrite: bool = False, progress: bool | None = None
) -> None:
    """Do what is left of a job."""
    if executor is not None and not job.portable:
        raise OptionError("workers are other processes: give them model and record as paths, not as objects")
    ready = prepare(job)
    group = made(ready, overwrite)
    left = np.flatnonzero(~store.shards_done(group)).tolist()
    with _clearly(job), _bar(ready, left, progress) as bar:
        for number in _each(ready, group, left, executor):
            bar.update(_hours(ready, number))
    _warn_incomplete(ready, group)


def made(ready: Ready, overwrite: bool = False) -> Any:
    """The store of a job, opened where it is there and fits, made otherwise.

    Raises
    ------
    OutputError
        If a store of other settings is there, or it cannot be written to.
    """
    job = ready.job
    settings = jobs.settings(job, ready.stream)
    found = _existing(job.out)
    if found is not None and not overwrite:
        _refuse_other(job, found, settings)
        with _clearly(job):
            group = store.opened(job.out, "r+")
            group["done"][0] = group["done"][0]  # said before the work, not after: it can be written to
            return group
    spec = _spec(ready, settings)  # tries every method first
    with _clearly(job):
        store.create(job.out, spec)
        return store.opened(job.out, "r+")


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


def _each(ready: Ready, group: Any, left: Iterable[int], executor: Executor | None) -> Iterator[int]:
    """Do shards, and say which is done."""
    if executor is None:
        for number in left:
            do_shard(ready, group, number)
            yield number
        return
    job = replace(
        ready.job, record=str(Path(ready.job.record).absolute()), model=str(Path(ready.job.model).absolute())
    )
    waiting: list[Future[int]] = [executor.submit(shard_by_worker, job, number) for number in left]
    try:
        for future in as_completed(waiting):
            yield future.result()
    finally:
        for future in waiting:
            future.cancel()


def _methods(method: Methods, explain: str) -> dict[str, dict[str, Any]]:
    if explain == "none":
        return {}
    if isinstance(method, Mapping):
        return {name: dict(options) for name, options in method.items()}
    return {name: {} for name in ([method] if isinstance(method, str) else method)}


def _existing(path: str) -> Mapping[str, Any] | None:
    """Attributes of the store that is there."""
    import zarr

    try:
        return dict(store.opened(path).attrs)
    except RecordingError:
        pass
    try:  # what is there and is no finished store: other people's, or one whose making was interrupted
        attrs = zarr.open_group(path, mode="r", use_consolidated=False).attrs
    except (FileNotFoundError, ValueError, KeyError, NotADirectoryError):
        attrs = None
    if attrs is not None and attrs.get("title") == store.TITLE:
        return None
    if attrs is not None or _holds_something(path):
        raise OutputError(f"{path} is there and is no store of signalscreen; choose another --out")
    return None


def _holds_something(path: str) -> bool:
    there = Path(path)
    return there.is_file() or (there.is_dir() and any(there.iterdir()))


def _refuse_other(job: Job, attrs: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    import json

    if "facts" not in attrs:
        raise OutputError(f"{job.out} is a database of several records; give another --out")
    facts = json.loads(attrs["facts"])
    if facts["fingerprint"] == jobs.fingerprint(settings):
        return
    found = jobs.differences(facts["settings"], settings)
    shown = "; ".join(found[:4]) + (f"; and {len(found) - 4} more" if len(found) > 4 else "")
    raise OutputError(
        f"{job.out} was made with other settings ({shown}); give another --out, or --overwrite to replace it"
    )


def _spec(ready: Ready, settings: Mapping[str, Any]) -> store.StoreSpec:
    job, grid, stream = ready.job, ready.grid, ready.stream
    groups = len(ready.groups)
    lead = np.arange(groups) if job.each_lead else np.array([-1])
    trial = _trial(ready)
    return store.StoreSpec(
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
        methods=tuple(_stored(job, name, trial) for name in job.methods),
        classes=ready.classes,
        annotations=stream.annotations,
        start=stream.start,
        began="" if stream.began is None else stream.began.isoformat(),
        alarm=ready.alarm,
        threshold=job.threshold,
        facts={
            "fingerprint": jobs.fingerprint(settings),
            "settings": settings,
            "versions": versions(),
            "model": Path(job.model).name if isinstance(job.model, str | os.PathLike) else "",
        },
    )


def _trial(ready: Ready) -> Answer | None:
    """Every method on the first window without a gap: what cannot work fails before a store is made."""
    rows = first_window(ready)
    if rows is None:
        return None
    every = replace(ready, job=replace(ready.job, explain="all" if ready.job.methods else "none"))
    return answered(every, rows)


def _stored(job: Job, name: str, trial: Answer | None) -> store.StoredMethod:
    import json

    maps = None if trial is None else trial.maps.get(name)
    return store.StoredMethod(
        name,
        json.dumps({k: jobs.said(v) for k, v in job.methods[name].items()}, sort_keys=True),
        job.score,
        per_lead=METHODS[name].gives == "input" if maps is None else maps.ndim == 3,
        complete=METHODS[name].complete,
    )


def _warn_incomplete(ready: Ready, group: Any) -> None:
    """Say once, for all shards, where attributions do not add up."""
    for name in ready.job.methods:
        if f"completeness_{name}" not in group:
            continue
        missed = np.abs(group[f"completeness_{name}"][:])
        if np.nanmax(missed, initial=0.0) > 0.05:
            worst = int(np.nanargmax(missed))
            at = float(group["window_start_s"][worst])
            count = int(np.nansum(missed > 0.05))
            warn(
                f"{name}: attributions of {count} of {np.isfinite(missed).sum()} windows miss the change of the "
                f"score by more than 5 % of it (worst {missed[worst]:.2g}, at {at:g} s); more steps or a tolerance "
                "would bring them closer",
                CompletenessWarning,
            )


@contextlib.contextmanager
def _clearly(job: Job) -> Iterator[None]:
    """A full or read-only disk in one sentence; what was done stays."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error) or type(error).__name__).lower()
        raise OutputError(
            f"{job.out} cannot be written ({reason}); what was finished is kept: make room, and run the same again"
        ) from error


def _hours(ready: Ready, number: int) -> float:
    """Hours of signal in a shard."""
    shard = ready.grid.shard(number)
    return (shard.stop - shard.first) / ready.grid.fs / 3600


def _bar(ready: Ready, left: Sequence[int], progress: bool | None) -> Any:
    """Hours of signal done, and how many a minute."""
    total = ready.grid.samples / ready.grid.fs / 3600
    return _SignalHours(
        total=total,
        initial=max(total - sum(_hours(ready, number) for number in left), 0.0),
        desc=f"screening {ready.stream.source or 'recording'}",
        disable=None if progress is None else not progress,
        bar_format="{desc}: {percentage:3.0f}%|{bar}| {n:.2f}/{total:.2f} h [{elapsed}<{remaining}{postfix}]",
    )


class _SignalHours(tqdm):  # type: ignore[type-arg]
    """A bar that says how many hours of signal are done in a minute."""

    def update(self, n: float | None = 1) -> bool | None:
        """Count hours."""
        seconds = self.format_dict["elapsed"]
        rate = (self.n + (n or 0) - self.initial) / seconds * 60 if seconds else 0.0
        self.set_postfix_str(f"{rate:.2g} h of signal/min", refresh=False)
        return super().update(n)
