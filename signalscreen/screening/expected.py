"""What the model expects of a recording, made the options of a job where the user gave none. No TensorFlow."""

import os
from dataclasses import replace

from signalscreen.errors import MostlyFlaggedWarning, warn
from signalscreen.expectation_files import Carried, carried_by
from signalscreen.expectations import ONE_LEAD, Expectations, remembered
from signalscreen.recording import Recording, Stream
from signalscreen.recording.units import factors_to, warn_of_rate, warn_of_units
from signalscreen.screening.job import KIND, THRESHOLD, Job

_MOSTLY = 0.9  # of the windows
_FEWEST = 10  # windows: of fewer, all may well be alarms
_ASKED = ("resample", "normalise", "leads", "class_names", "alarm", "threshold", "kind")


def expected_of(job: Job) -> tuple[Expectations, Carried | None]:
    """What a job's model expects, and the file that says so, where it is one."""
    carried = None
    if isinstance(job.model, str | os.PathLike):
        carried = carried_by(job.model)
        expects = None if carried is None else carried.expects
    else:
        expects = remembered(job.model)
    expects = expects or Expectations()
    return (expects if job.until is None else expects.of_layer()), carried


def settled(job: Job) -> Job:
    """The same job with every option that was left out as the model expects it, or else as it always was.

    Raises
    ------
    ModelError
        What the model expects cannot be read.
    """
    if job.expects is not None:
        return job
    expects, carried = expected_of(job)
    given = {name: getattr(job, name) for name in (*_ASKED, "target", "each_lead")}
    taken = expects.defaults(given)
    now = {**{name: given[name] for name in _ASKED}, **taken}
    return replace(
        job,
        resample=now["resample"],
        normalise=None if now["normalise"] == "none" else now["normalise"],
        leads=list(now["leads"]) if isinstance(now["leads"], tuple) else now["leads"],
        class_names=now["class_names"],
        alarm=now["alarm"],
        threshold=THRESHOLD if now["threshold"] is None else now["threshold"],
        kind=KIND if now["kind"] is None else now["kind"],
        expects=expects,
        card="" if carried is None else carried.card(),
    )


def fitted(job: Job, stream: Stream, length: int | None) -> Job:
    """A settled job with what depends on the recording and on the model: windows, and leads one by one.

    Parameters
    ----------
    length : int or None
        Samples of the model's windows; None where it takes any.
    """
    expects = job.expects or Expectations()
    window = expects.window if job.window is None and length is None else job.window
    one_by_one = expects.leads == ONE_LEAD and len(stream.names) > 1
    return replace(job, window=window, each_lead=job.each_lead or one_by_one)


def factors_of(job: Job, stream: Stream) -> tuple[float, ...] | None:
    """Of each lead, what its values are multiplied by for the model; None where they are as they are.

    Windows that are scaled one by one are the same in any unit.

    Raises
    ------
    RecordingError
        A lead is in a unit that is not the model's, and cannot be converted.
    """
    if job.units is None:
        return None
    found = factors_to(stream.units, job.units, stream.names, stream.source)
    return None if set(found) <= {1.0} else found


def warn_of_doubts(job: Job, stream: Stream) -> None:
    """Say what nobody said: that the rate is the model's, or what units the recording is in.

    Where windows were given in seconds, and the model says how many samples it takes, they fit at one rate only.
    """
    own = not isinstance(job.record, Recording | Stream)  # a recording in memory was made by the user
    if own and job.resample is None and job.fs is None and job.window is None:
        warn_of_rate(stream.fs)
    if job.expects is not None and job.expects.units is not None:
        warn_of_units(job.expects.units, stream.units, stream.names, job.normalise)


def warn_of_flagged(flagged: int, windows: int) -> None:
    """Say where nearly everything was flagged."""
    if windows >= _FEWEST and flagged > _MOSTLY * windows:
        warn(
            f"{flagged} of {windows} windows are flagged; that is so where the rate (resample), the scaling "
            "(normalise), the leads or the alarm are not those that the model was trained with: look at some",
            MostlyFlaggedWarning,
        )
