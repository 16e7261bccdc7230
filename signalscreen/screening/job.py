"""What a screening is asked to do, and what identifies it. No TensorFlow."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from signalscreen import checksums
from signalscreen.errors import MethodError, OptionError
from signalscreen.expectations import SCALINGS, Expectations
from signalscreen.methods import METHODS
from signalscreen.quality.spans import KINDS
from signalscreen.recording import Recording, Stream, open_recording, stream_of
from signalscreen.recording.selection import Leads
from signalscreen.results import versions

EXPLAIN = ("all", "flagged", "none")
THRESHOLD, KIND = 0.5, "ecg"  # where neither the user nor the model's file says another
# A store made by other versions of these may hold other numbers.
_DECISIVE = ("signalscreen", "tensorflow", "keras", "numpy")


@dataclass(frozen=True, eq=False)
class Job:
    """One recording through one model. It can be sent to another process if model and record are paths.

    Attributes are the parameters of `screen_recording`, None where nothing was given. `expected.settled` puts what
    the model expects, or else the defaults, in the place of None.

    Attributes
    ----------
    expects : Expectations, optional
        What the model expects; None until the job is settled.
    card : str
        What was measured of the model, as its file says.
    """

    record: Any
    model: Any
    out: str
    methods: Mapping[str, Mapping[str, Any]]
    target: Any = None
    score: str = "logit"
    class_names: tuple[str, ...] | None = None
    explain: str = "all"
    alarm: int | str | None = None
    threshold: float | None = None
    window: float | None = None
    hop: float | None = None
    leads: Leads | None = None
    each_lead: bool = False
    fs: float | None = None
    start: float | None = None
    end: float | None = None
    annotator: str | None = None
    resample: float | None = None
    normalise: str | None = None
    kind: str | None = None
    batch_size: int | None = None
    examine: bool = True
    weights: str | None = None
    until: str | None = None
    custom_objects: Mapping[str, Any] | None = field(default=None, repr=False)
    channels: Any = None
    expects: Expectations | None = None
    card: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        for name in self.methods:
            if name not in METHODS:
                raise MethodError(f"method {name!r} is not known; choose from {', '.join(METHODS)}")
        _one_of("explain", self.explain, EXPLAIN)
        _one_of("score", self.score, ("logit", "probability"))
        if self.kind is not None:
            _one_of("kind", self.kind, KINDS)
        if self.normalise is not None:
            _one_of("normalise", self.normalise, SCALINGS)
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise OptionError(f"a threshold of {self.threshold!r} is no probability; give a number from 0 to 1")
        for name in ("window", "hop", "resample"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise OptionError(f"{name}={value!r} is not possible; give a number above 0")
        if not self.methods and self.explain != "none":
            raise OptionError("no method was given; name one, or give explain='none' to score the windows only")

    @property
    def portable(self) -> bool:
        """Whether another process could do it."""
        return isinstance(self.model, str | os.PathLike) and isinstance(self.record, str | os.PathLike)

    @property
    def units(self) -> str | None:
        """What the signal is converted to for the model: windows that are scaled are the same in any unit."""
        return None if self.expects is None or self.normalise is not None else self.expects.units

    def absolute(self) -> "Job":
        """The same for a process that has another working directory."""
        paths = {name: getattr(self, name) for name in ("record", "model", "weights", "out")}
        local: dict[str, Any] = {
            name: str(Path(path).absolute())
            for name, path in paths.items()
            if path is not None and "://" not in str(path)
        }
        return replace(self, **local)


def stream_for(job: Job) -> Stream:
    """Open the job's recording.

    Raises
    ------
    RecordingError
        As `read_recording` does.
    """
    record = job.record
    if isinstance(record, Stream):
        return record
    if not isinstance(record, Recording):
        return open_recording(
            record, fs=job.fs, start=job.start, end=job.end, leads=job.leads, annotator=job.annotator
        )
    part = record if job.leads is None else record.pick(job.leads)
    return stream_of(part if job.start is None and job.end is None else part.between(job.start, job.end))


def model_checksum(job: Job) -> str:
    """Of the model's files, or of the model in memory; "" where there is no such file."""
    if not isinstance(job.model, str | os.PathLike):
        return checksums.of_model(job.model)
    try:
        return checksums.of_files(Path(job.model), None if job.weights is None else Path(job.weights))
    except OSError:
        return ""  # to say what is missing is up to whoever loads it


def settings(job: Job, stream: Stream) -> dict[str, Any]:
    """All that the numbers in a store depend on, as JSON knows it."""
    return {
        "record": {
            "checksum": stream.checksum(),
            "leads": list(stream.names),
            "start": stream.start,
            "samples": stream.samples,
            "fs": stream.fs,
        },
        "model": {
            "sha256": model_checksum(job),
            "until": job.until,
            **({} if job.custom_objects is None else {"custom_objects": said(job.custom_objects)}),
        },
        "methods": {name: {k: said(v) for k, v in given.items()} for name, given in job.methods.items()},
        "target": said(job.target),
        "score": job.score,
        "class_names": None if job.class_names is None else list(job.class_names),
        "explain": job.explain,
        "alarm": job.alarm,
        "threshold": _number(job.threshold),
        "window": _number(job.window),
        "hop": _number(job.hop),
        "each_lead": job.each_lead,
        "resample": _number(job.resample),
        "normalise": job.normalise,
        "kind": job.kind,
        **({} if job.units is None else {"units": job.units}),
        **({} if job.channels is None else {"channels": said(job.channels)}),
        "versions": {k: v for k, v in versions().items() if k in _DECISIVE},
    }


def _number(value: float | None) -> float | None:
    """125 and 125.0 are one setting, and two in JSON."""
    return None if value is None else float(value)


def said(value: Any) -> Any:
    """An option as JSON knows it: arrays by their checksum, functions by their name and code.

    What two options are said to be is the same only where they do the same.

    >>> said((1, 0.5)), said(sorted), said({"b": np.float64(2), "a": None})
    ([1, 0.5], 'sorted', {'b': 2.0, 'a': None})
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return f"array {value.shape} {checksums.of_array(value)[:16]}"
    if isinstance(value, list | tuple):
        return [said(v) for v in value]
    if isinstance(value, Mapping):
        return {str(key): said(v) for key, v in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, partial):
        return ["partial", said(value.func), said(value.args), said(value.keywords)]
    code = checksums.of_code(value)[:16]
    if hasattr(value, "__qualname__"):
        return f"{value.__qualname__} {code}".rstrip()
    return _said_object(value)


def _said_object(value: Any) -> Any:
    """An object by its class and what is in it, since its address in memory is another one every time."""
    words = repr(value)
    if " at 0x" not in words:
        return words
    kind = type(value)
    name = f"{kind.__qualname__} {checksums.of_code(kind)[:16]}"
    return [name, {key: said(v) for key, v in sorted(vars(value).items())}] if hasattr(value, "__dict__") else name


def fingerprint(facts: Mapping[str, Any]) -> str:
    """SHA-256 of settings."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Name what differs between two settings.

    >>> differences({"hop": 5, "model": {"until": None}}, {"hop": 2, "model": {"until": None}})
    ['hop was 5, is 2']
    >>> differences({"methods": {}}, {"methods": {"occlusion": {}}})
    ['methods.occlusion was not given, is given']
    """
    found = []
    for key in sorted({*old, *new}):
        a, b = old.get(key), new.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            found += differences(a, b, f"{prefix}{key}.")
        elif a != b:
            was, now = (_short(one[key]) if key in one else "not given" for one in (old, new))
            found.append(f"{prefix}{key} was {was}, is {now}")
    return found


def _short(value: Any) -> str:
    if value == {}:
        return "given"  # without options
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 40 else f"{text[:12]}..."


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise OptionError(f"{name}={value!r} is not known; choose {', '.join(allowed)}")
