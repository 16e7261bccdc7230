"""A job with its model loaded, its recording opened and its windows laid out."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import ModelError, OptionError, RecordingError
from signalscreen.method import based_on
from signalscreen.methods import METHODS
from signalscreen.recording import Stream
from signalscreen.recording.resampling import rate_ratio
from signalscreen.screening.cutting import Taken, taken_by
from signalscreen.screening.expected import factors_of, fitted, settled
from signalscreen.screening.job import Job, model_checksum, settings, stream_for
from signalscreen.screening.layout import Grid

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Ready:
    """What it takes to work on shards.

    Attributes
    ----------
    job : Job
    model : keras.Model
    stream : Stream
    grid : Grid
    taken : Taken
        How the model takes windows.
    classes : tuple of str
        Of the output that is scored; empty where it gives no single number per class.
    alarm : int
        Class that flags a window; -1 for none.
    has_logit : bool
        Whether that output has logits; false where it is a probability without one.
    factors : tuple of float or None
        Of each lead, what brings it to the units that the model expects; None where nothing does.
    """

    job: Job
    model: Any
    stream: Stream
    grid: Grid
    taken: Taken
    classes: tuple[str, ...]
    alarm: int
    has_logit: bool = True
    factors: tuple[float, ...] | None = None

    @property
    def kind(self) -> str:
        """What scores and attributions are in units of: "logit" or "probability"."""
        return "logit" if self.job.score == "logit" and self.has_logit else "probability"

    @property
    def groups(self) -> list[slice]:
        """Leads that go into one window: each by itself, or all together."""
        leads = len(self.stream.names)
        return [slice(i, i + 1) for i in range(leads)] if self.job.each_lead else [slice(None)]

    @property
    def settings(self) -> dict[str, Any]:
        """All that a store depends on, as JSON knows it: the numbers, and which of them each shard holds."""
        grid = self.grid
        shard = {"samples": grid.shard_samples, "windows": grid.shard_windows * len(self.groups)}
        return {**settings(self.job, self.stream), "shard": shard}

    def score(self, target: Any) -> Any:
        """Score of the model for a target."""
        from signalscreen.score import Score

        job = self.job
        return Score(
            self.model,
            target,
            score=job.score,
            class_names=job.class_names,
            batch_size=job.batch_size,
            progress=False,
            channels=job.channels,
            examine=job.examine,
        )


class Task(NamedTuple):
    """A shard to be done: of which job, its number, and how many hours of signal it holds.

    It is light: a database may have a hundred thousand.
    """

    job: Job
    number: int
    hours: float


def tasks_of(ready: Ready, numbers: Iterable[int]) -> list[Task]:
    """Shards of a job."""
    shards = map(ready.grid.shard, numbers)
    return [Task(ready.job, one.number, (one.stop - one.first) / ready.grid.fs / 3600) for one in shards]


def prepare(job: Job, model: Any = None) -> Ready:
    """Load, open and check.

    Parameters
    ----------
    job : Job
    model : keras.Model, optional
        The job's model, where it is loaded already.

    Raises
    ------
    SignalScreenError
        Anything that does not fit: the message says what.
    """
    job = settled(job)
    stream = stream_for(job)
    model = load(job) if model is None else model
    taken = taken_by(model, job.channels)
    job = fitted(job, stream, taken.length)
    grid = _grid(job, stream, taken.length)
    _check_leads(job, stream, taken.leads)
    example = np.zeros((1, grid.length, 1 if job.each_lead else len(stream.names)), np.float32)
    bound = _bound(job, model, taken.of(example))
    classes = _class_names(job, tuple(bound.program("outputs").facts["shapes"][bound.bound.target.output]))
    alarm, factors = _alarm(job, classes), factors_of(job, stream)
    return Ready(job, model, stream, grid, taken, classes, alarm, bound.has_logit, factors)


@lru_cache(maxsize=2)
def _loaded_once(path: str, weights: str | None, until: str | None, _checksum: str) -> Any:
    """A model, kept for the shards that this process does next: under its checksum, as files are saved anew."""
    from signalscreen.models import load_model

    return load_model(path, weights=weights, until=until)


def load(job: Job) -> Any:
    """The job's model: as given, or from its file."""
    if not isinstance(job.model, str | os.PathLike):
        from signalscreen.models import as_model

        return as_model(job.model)
    if job.custom_objects is not None:
        from signalscreen.models import load_model

        return load_model(job.model, weights=job.weights, until=job.until, custom_objects=dict(job.custom_objects))
    return _loaded_once(str(job.model), job.weights, job.until, model_checksum(job))


def _grid(job: Job, stream: Stream, length: int | None) -> Grid:
    rate = stream.fs if job.resample is None else job.resample
    ratio = rate_ratio(rate, stream.fs)
    if ratio == 0:
        raise RecordingError(f"a rate of {rate:g} Hz is too far below the recording's {stream.fs:g} Hz")
    name = stream.source or "the recording"
    wanted = None if job.window is None else round(job.window * rate)
    if wanted is not None and wanted < 1:
        raise RecordingError(f"a window of {job.window:g} s holds no sample at {rate:g} Hz; give a longer one")
    if length is not None and wanted not in (None, length):
        raise ModelError(
            f"the model takes windows of {length} samples, but {job.window:g} s at {rate:g} Hz are {wanted}; "
            f"leave the window out, or resample to {length / (job.window or 1):g} Hz"
        )
    samples = length or wanted
    if samples is None:
        raise OptionError("the model takes windows of any length; say how long they are to be (window, in seconds)")
    there = int(stream.samples * ratio)
    if there < samples:
        raise RecordingError(
            f"{name} is {stream.samples / stream.fs:g} s long, shorter than one window of {samples / rate:g} s "
            f"({samples} samples at {rate:g} Hz); give a longer one, or a model that takes less"
        )
    hop = max(samples // 2, 1) if job.hop is None else round(job.hop * rate)
    if not 1 <= hop <= samples:
        raise OptionError(
            f"a hop of {job.hop:g} s does not fit windows of {samples / rate:g} s; give one that is no longer, so "
            "that every sample is in some window"
        )
    return Grid(stream.samples, stream.fs, ratio, samples, hop)


def _check_leads(job: Job, stream: Stream, leads: int | None) -> None:
    have = len(stream.names)
    if leads is None or leads == (1 if job.each_lead else have):
        return
    listed = f"{stream.source or 'the recording'} gives {have} ({', '.join(stream.names)})"
    if job.each_lead:
        raise RecordingError(f"the model takes {leads} leads at a time, so they cannot be screened one by one")
    advice = (
        "choose one by name, or screen each lead by itself (--each-lead)" if leads == 1 else "choose leads by name"
    )
    raise RecordingError(f"the model takes {leads} lead{'s' * (leads > 1)}, but {listed}; {advice}")


def _bound(job: Job, model: Any, example: Array) -> Any:
    """Bind the user's target to one window: what does not fit is said before work starts."""
    from signalscreen.score import Score

    common = {"class_names": job.class_names, "channels": job.channels, "examine": job.examine}
    score = Score(model, job.target, score=job.score, **common)
    bound, _ = score.bind(example)
    for name, options in job.methods.items():
        for option in set(based_on(METHODS[name], dict(options)).references) & set(options):
            bound.layout.references(options[option], None, what=f"{option} of {name}")
    return bound


def _class_names(job: Job, shape: tuple[int | None, ...]) -> tuple[str, ...]:
    if len(shape) != 1 or shape[0] is None:
        return ()
    names = tuple(map(str, range(shape[0]))) if job.class_names is None else job.class_names
    if len(names) != shape[0]:
        raise OptionError(
            f"class_names has {len(names)} ({', '.join(names)}), but the model has {shape[0]} outputs; "
            "give one name for each, in order"
        )
    if len(set(names)) < len(names):
        raise OptionError(f"class_names has a name twice ({', '.join(names)}); give every class a name of its own")
    return names


def _alarm(job: Job, classes: tuple[str, ...]) -> int:
    """The class whose probability flags a window: as given, that of the target, or the only one."""
    wanted = job.alarm
    if wanted is None and isinstance(job.target, int | str | np.integer):
        wanted = job.target if isinstance(job.target, str) else int(job.target)
    if wanted is None and len(classes) == 1:
        wanted = 0
    if wanted is None:
        if job.explain == "flagged":
            raise OptionError(
                f"explaining flagged windows needs an alarm; give alarm, one of {', '.join(classes)}"
                if classes
                else "the model gives no probability per class, so no window can be flagged; explain all or none"
            )
        return -1
    if isinstance(wanted, str) and wanted in classes:
        return classes.index(wanted)
    if isinstance(wanted, str) and wanted.isdecimal():
        wanted = int(wanted)
    if isinstance(wanted, int) and 0 <= wanted < len(classes):
        return wanted
    if job.alarm is None and not classes:
        return -1
    raise OptionError(f"alarm {wanted!r} is no class of the model; give one of {', '.join(classes) or 'none'}")
