"""`screen_recording`: a recording through a model and into a store, in this process or by many workers."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from dataclasses import fields
from typing import Any

import numpy as np

from signalscreen.errors import (
    CompletenessWarning,
    NonFiniteWarning,
    OptionError,
    OutputError,
    SignalScreenError,
    WorkerError,
    warn,
)
from signalscreen.recording.selection import Leads
from signalscreen.screening import store
from signalscreen.screening.expected import warn_of_doubts, warn_of_flagged
from signalscreen.screening.following import unanswered_of, unanswered_said
from signalscreen.screening.job import Job
from signalscreen.screening.making import clearly, made
from signalscreen.screening.progress import bar
from signalscreen.screening.ready import Ready, Task, prepare, tasks_of
from signalscreen.screening.shards import Material, answered, gathered, write
from signalscreen.screening.strays import at_work
from signalscreen.screening.workers import shard_by_worker

INCOMPLETE = 0.05  # of the change of a score: what attributions may miss of it before somebody is told
_OPTIONS = frozenset(f.name for f in fields(Job)) - {"record", "model", "out", "methods"}
Opened = Callable[[Job], tuple[Ready, store.Arrays]]
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
    threshold: float | None = None,
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
    kind: str | None = None,
    batch_size: int | None = None,
    examine: bool = True,
    weights: str | os.PathLike[str] | None = None,
    until: str | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    channels: Any = None,
    overwrite: bool = False,
    executor: Executor | None = None,
    progress: bool | None = None,
) -> Any:
    """Score and explain every window of a recording, and keep it all on the recording's own timeline.

    What was done is not done again: called a second time with the same arguments, it takes up where it stopped.
    Options that are left out are as the model's file says that it expects them (`signalscreen.expectations_of`).

    Parameters
    ----------
    record : path, Recording or Stream
        As `read_recording` takes it. WFDB records and ``.npy`` files are read by slices.
    model : keras.Model or path
        With one input, ``(batch, samples, leads)`` or ``(batch, samples)``; or with its leads elsewhere.
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
    threshold : float, optional
        A window is flagged where the probability of the alarm is above it; 0.5 by default.
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
    normalise : {"zscore", "minmax", "robust", "none"}, optional
        How each window is scaled before the model sees it; "none": it is not, whatever the model's file says.
    kind : {"ecg", "ppg", "other"}, optional
        What the signal is of, for `bad_signal`; "ecg" by default.
    batch_size : int, optional
        Windows per model call.
    examine : bool
        Compare the trace with the model's plain call on two windows first; see the conventions page.
    weights, until, custom_objects : optional
        As `load_model` takes them.
    channels : {"first", "last"}, int or tuple of int, optional
        Where the model takes its leads, if its layers do not say.
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
        What does not fit: record, leads, units, model, options, a store of other settings, a full disk. What was
        done stays; the same call goes on from there.

    Warns
    -----
    RateWarning
        Nobody says that the recording's sampling rate is the model's.
    UnitsWarning
        The recording's units are not known to be the model's.
    MostlyFlaggedWarning
        More than 90 % of the windows are flagged.
    """
    # Every parameter that is a setting of the job, by its name.
    options = {name: value for name, value in locals().items() if name in _OPTIONS}
    job = job_of(record, model, method, store.located(out), options)
    check_workers(job, executor)
    ready = prepare(job)
    warn_of_doubts(ready.job, ready.stream)
    arrays, _ = made(ready, overwrite)
    tasks = tasks_of(ready, np.flatnonzero(~store.shards_done(arrays)).tolist())
    with clearly(job.out), at_work(job.out), bar(tasks, ready.stream.source or "recording", progress) as shown:
        for task, error in done(tasks, executor, lambda _: (ready, arrays)):
            if error is not None:
                raise error
            shown.update(task.hours)
    _warn_incomplete(ready, arrays)
    _warn_unanswered(arrays)
    warn_of_flagged(int(arrays["flagged"][:].sum()), int((arrays["gap"][:] == 0).sum()))
    return store.open_results(job.out)


def job_of(record: Any, model: Any, method: Methods, out: str, options: Mapping[str, Any]) -> Job:
    """A job from what `screen_recording` takes.

    Raises
    ------
    OptionError
        An option is not known, or its value is out of range.
    """
    unknown = [name for name in options if name not in _OPTIONS]
    if unknown:
        raise OptionError(f"there is no option {unknown[0]!r}; the options are {', '.join(sorted(_OPTIONS))}")
    given = dict(options)
    names = given.get("class_names")
    given["class_names"] = None if names is None else tuple(names)
    given["weights"] = None if given.get("weights") is None else str(given["weights"])
    methods = _methods(method, given.get("explain", "all"))
    return Job(record=record, model=model, out=out, methods=methods, **given)


def check_workers(job: Job, executor: Executor | None) -> None:
    """Refuse, before anything is written, what other processes cannot see.

    Raises
    ------
    OptionError, OutputError
    """
    if executor is None:
        return
    if not job.portable:
        raise OptionError("workers are other processes: give them model and record as paths, not as objects")
    if job.out.startswith("memory:"):
        raise OutputError(f"{job.out} is in the memory of this process, which workers do not see; give another out")


def done(
    tasks: Sequence[Task], executor: Executor | None, opened: Opened
) -> Iterator[tuple[Task, SignalScreenError | None]]:
    """Do shards, here or by workers, and say which is done, or what was wrong with it.

    Parameters
    ----------
    tasks : sequence of Task
    executor : concurrent.futures.Executor or None
    opened : callable
        ``opened(job)`` gives the job made ready, and the arrays of its store, open for writing. Workers make it
        ready themselves.

    Raises
    ------
    OSError
        The store cannot be written.
    """
    if executor is None:
        yield from _here(tasks, opened)
        return
    waiting = {executor.submit(shard_by_worker, task.job.absolute(), task.number): task for task in tasks}
    try:
        for future in as_completed(waiting):
            yield waiting[future], _error_at_worker(future)
    finally:
        for future in waiting:
            future.cancel()


def _here(tasks: Sequence[Task], opened: Opened) -> Iterator[tuple[Task, SignalScreenError | None]]:
    """Do shards in this process: the next is read and the last is written while the model works on one."""

    def read(task: Task) -> tuple[Ready, store.Arrays, Material]:
        ready, arrays = opened(task.job)
        return ready, arrays, gathered(ready, task.number)

    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        coming = [reader.submit(read, task) for task in tasks[:1]]
        going: list[tuple[Task, Future[None]]] = []
        for place, task in enumerate(tasks):
            reading = coming.pop()
            coming += [reader.submit(read, after) for after in tasks[place + 1 : place + 2]]
            error = _error_of(reading)
            if error is not None:
                yield task, error
                continue
            ready, arrays, material = reading.result()
            began = time.perf_counter()
            answer = answered(ready, material.rows)
            seconds = time.perf_counter() - began
            yield from _written(going)
            going.append((task, writer.submit(write, ready, arrays, material, answer, seconds)))
        yield from _written(going)


def _written(going: list[tuple[Task, Future[None]]]) -> Iterator[tuple[Task, None]]:
    """Wait for what is being written; no more than one shard is, so that memory stays flat."""
    while going:
        task, written = going.pop()
        written.result()
        yield task, None


def _error_of(future: Future[Any]) -> SignalScreenError | None:
    """What is wrong with this shard; what is wrong with the store or the program is raised."""
    error = future.exception()
    if error is None or (isinstance(error, SignalScreenError) and not isinstance(error, OutputError)):
        return error
    raise error


def _error_at_worker(future: Future[Any]) -> SignalScreenError | None:
    try:
        error = _error_of(future)
        return None if error is None else type(error)(f"a worker says: {error}")
    except (SignalScreenError, OSError):
        raise
    except Exception as error:  # each kind of executor has its own for workers that are gone
        words = f"{type(error).__name__}: {error}".rstrip(": ")
        raise WorkerError(
            f"a worker failed ({words}); what was finished is kept: run the same again to go on"
        ) from error


def _methods(method: Methods, explain: str) -> dict[str, dict[str, Any]]:
    if explain == "none":
        return {}
    if isinstance(method, Mapping):
        return {name: dict(options) for name, options in method.items()}
    return {name: {} for name in ([method] if isinstance(method, str) else method)}


def _warn_unanswered(arrays: store.Arrays) -> None:
    """Say once, for all shards, where the model gives no number."""
    names = [name for name in ("gap", "score", "probability") if name in arrays]
    values = {name: arrays[name][:] for name in names}
    unanswered = unanswered_of(values)
    starts = arrays["window_start_s"][:]
    if unanswered.any():
        warn(unanswered_said(starts[unanswered].tolist(), int((values["gap"] == 0).sum())), NonFiniteWarning)
    infinite = ~np.isfinite(values["score"]) & (values["gap"] == 0) & ~unanswered
    if infinite.any():
        warn(
            f"the score of {int(infinite.sum())} windows is NaN or infinite though their probabilities are not, "
            f"first at {starts[infinite][0]:g} s, and nothing explains them; see what the model gives for them",
            NonFiniteWarning,
        )


def _warn_incomplete(ready: Ready, arrays: store.Arrays) -> None:
    """Say once, for all shards, where attributions do not add up."""
    for name in ready.job.methods:
        if f"completeness_{name}" not in arrays:
            continue
        missed = np.abs(arrays[f"completeness_{name}"][:])
        if np.nanmax(missed, initial=0.0) > INCOMPLETE:
            worst = int(np.nanargmax(missed))
            at = float(arrays["window_start_s"][worst])
            count = int(np.nansum(missed > INCOMPLETE))
            warn(
                f"{name}: attributions of {count} of {np.isfinite(missed).sum()} windows miss the change of the "
                f"score by more than {INCOMPLETE:.0%} of it (worst {missed[worst]:.2g}, at {at:g} s); more steps "
                "or a tolerance would bring them closer",
                CompletenessWarning,
            )
