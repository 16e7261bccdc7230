"""What a recording is, and what can be done with one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import RecordingError
from signalscreen.recording.resampling import rate_ratio, resample_with_gaps
from signalscreen.recording.scaling import normalise
from signalscreen.recording.selection import Leads, check_fs, lead_indexes, sample_span
from signalscreen.reprs import recorded

# What a y axis says once the physical unit is gone.
_PIECE = 2**18  # samples that are looked at at once: a file that is mapped into memory stays on the disk
_UNIT_AFTER = {"zscore": "z-score", "minmax": "0 to 1", "robust": "robust z-score"}


@dataclass(frozen=True)
class Annotation:
    """A beat, or an interval, that someone marked.

    Attributes
    ----------
    sample : int
        Where it is (or begins), in samples from the recording's first sample.
    symbol : str
        The annotation code, e.g. ``"V"`` for a premature ventricular beat (WFDB codes).
    note : str
        Free text, e.g. ``"(AFIB"``.
    end : int or None
        One past an interval's last sample; None for a point.
    """

    sample: int
    symbol: str = ""
    note: str = ""
    end: int | None = None


@dataclass(frozen=True, eq=False)
class Recording:
    """A signal with what is needed to read it.

    Attributes
    ----------
    signal : ndarray of float, shape (samples, leads)
        NaN marks a gap, and so does the mask of a masked array. A one-dimensional array is taken as one lead.
    fs : float or None
        Samples per second; None where the file did not say and nobody did.
    units, names : tuple of str
        One per lead; ``""`` for an unknown unit.
    annotations : tuple of Annotation
        Their samples count from this recording's first sample.
    start : float
        Seconds from the beginning of the source to the first sample (of an excerpt, for example).
    source : str
        The file or record it came from.
    began : datetime or None
        Clock time of the beginning of the source, where it is known.

    Raises
    ------
    RecordingError
        If the shapes do not match, the signal is empty, not real-valued or infinite, or ``fs`` is not > 0.
    """

    signal: NDArray[np.floating]
    fs: float | None = None
    units: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    start: float = 0.0
    source: str = ""
    began: datetime | None = None

    def __post_init__(self) -> None:
        signal = _as_signal(self.signal, self.source)
        leads = signal.shape[1]
        names = tuple(self.names) or (("signal",) if leads == 1 else tuple(f"lead {i}" for i in range(leads)))
        units = tuple(self.units) or ("",) * leads
        for what, given in (("names", names), ("units", units)):
            if len(given) != leads:
                raise RecordingError(f"{len(given)} {what} {given} were given for {leads} leads; give one each")
        object.__setattr__(self, "signal", signal)
        object.__setattr__(self, "fs", check_fs(self.fs))
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "units", units)
        object.__setattr__(self, "annotations", tuple(self.annotations))

    def __len__(self) -> int:
        """Count the samples."""
        return len(self.signal)

    def __repr__(self) -> str:
        return recorded(self, len(self))

    @property
    def rate(self) -> float:
        """``fs``, or a ``RecordingError`` that asks for it."""
        if self.fs is None:
            raise without_rate(self.source)
        return self.fs

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self) / self.rate

    @property
    def time(self) -> NDArray[np.float64]:
        """Seconds from the beginning of the source, one per sample."""
        return self.start + np.arange(len(self)) / self.rate

    def between(self, start: float | None = None, end: float | None = None) -> "Recording":
        """Take the part from ``start`` to ``end``, in seconds on the clock of ``time``.

        Raises
        ------
        RecordingError
            If ``start >= end`` or the part reaches outside the recording.
        """
        offset = self.start
        first, stop = sample_span(
            len(self),
            self.rate,
            None if start is None else start - offset,
            None if end is None else end - offset,
            self.source,
            offset,
        )
        return replace(
            self,
            signal=self.signal[first:stop],
            annotations=annotations_between(self.annotations, first, stop),
            start=offset + first / self.rate,
        )

    def pick(self, leads: Leads) -> "Recording":
        """Keep some leads only, by name or index, in the order given.

        Raises
        ------
        RecordingError
            If a lead is not in the recording; the message lists those that are.
        """
        at = lead_indexes(leads, self.names, self.source)
        return replace(
            self,
            signal=self.signal[:, at],
            names=tuple(self.names[i] for i in at),
            units=tuple(self.units[i] for i in at),
        )

    def resample(self, fs: float) -> "Recording":
        """Change the rate (polyphase filter); gaps stay gaps, annotations move along.

        No step at a gap or at the ends rings into the samples beside it: each run between gaps is resampled
        on its own.

        Parameters
        ----------
        fs : float
            Samples per second wanted.

        Raises
        ------
        RecordingError
            If ``fs`` is not > 0, or the recording's own rate is not known.
        """
        old, new = self.rate, check_fs(fs)
        assert new is not None
        ratio = rate_ratio(new, old)
        if ratio == 1:
            return self
        if ratio == 0:
            raise RecordingError(f"a rate of {new:g} Hz is too far below the recording's {old:g} Hz")
        signal = resample_with_gaps(np.asarray(self.signal, np.float64), ratio)
        moved = tuple(_moved(a, float(ratio), len(signal)) for a in self.annotations)
        return replace(self, signal=signal, fs=new, annotations=moved)

    def normalise(self, how: str) -> "Recording":
        """Scale each lead over the whole recording: "zscore", "minmax" or "robust"; flat leads become 0.

        For networks trained on windows that were scaled one by one, scale the windows instead
        (``signalscreen.recording.normalise(windows, how, axis=1)``).
        """
        scaled = normalise(self.signal, how)
        return replace(self, signal=scaled, units=(_UNIT_AFTER[how],) * len(self.names))

    def fit_to(
        self, *, fs: float | None = None, leads: Leads | None = None, normalise: str | None = None
    ) -> "Recording":
        """Make what a model expects: its leads, its sampling rate, its scaling, in that order.

        Examples
        --------
        >>> ecg = Recording(np.random.default_rng(0).normal(size=(3600, 2)), fs=360, names=("MLII", "V1"))
        >>> fitted = ecg.fit_to(fs=125, leads="MLII", normalise="zscore")
        >>> fitted.signal.shape, fitted.fs, fitted.names
        ((1250, 1), 125.0, ('MLII',))
        """
        fitted = self if leads is None else self.pick(leads)
        fitted = fitted if fs is None else fitted.resample(fs)
        return fitted if normalise is None else fitted.normalise(normalise)


def annotations_between(annotations: Sequence[Annotation], first: int, stop: int) -> tuple[Annotation, ...]:
    """Keep those that lie in or reach into a span of samples, counted from its first sample."""
    inside = []
    for a in annotations:  # a day has a hundred thousand of them, and `replace` is slow
        if a.end is None:
            if first <= a.sample < stop:
                inside.append(a if first == 0 else Annotation(a.sample - first, a.symbol, a.note))
        elif a.sample < stop and a.end > first:
            inside.append(replace(a, sample=max(a.sample, first) - first, end=min(a.end, stop) - first))
    return tuple(inside)


def _moved(a: Annotation, ratio: float, n: int) -> Annotation:
    sample = min(round(a.sample * ratio), n - 1)
    end = None if a.end is None else min(max(round(a.end * ratio), sample + 1), n)
    return replace(a, sample=sample, end=end)


def without_rate(source: str) -> RecordingError:
    """The error of a recording whose sampling rate is asked for and not known."""
    what = source or "the recording"
    return RecordingError(f"{what} does not say its sampling rate; give fs in samples per second")


def oriented(signal: object, source: str) -> NDArray[Any]:
    """See that an array can be a signal; return it as ``(samples, leads)``, without reading or converting it.

    Raises
    ------
    RecordingError
        If it is empty, not of real numbers, or has other axes.
    """
    what = source or "the recording"
    array = np.asanyarray(signal)
    if array.dtype.kind not in "biuf":
        raise RecordingError(f"{what} holds {array.dtype}, not real numbers; give integers or floats")
    if array.ndim == 3 and array.shape[0] == 1:
        array = array[0]  # a batch of one
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise RecordingError(
            f"{what} has shape {array.shape}; a recording is (samples,) or (samples, leads): take one example"
        )
    if array.size == 0:
        raise RecordingError(f"{what} is empty (shape {array.shape}); give at least one sample of one lead")
    if len(array) == 1 and array.shape[1] > 1:
        raise RecordingError(
            f"{what} has one sample of {array.shape[1]} leads; a recording is (samples, leads): transpose it"
        )
    return array


def _as_signal(signal: object, source: str) -> NDArray[np.floating]:
    array = oriented(signal, source)
    if isinstance(array, np.ma.MaskedArray):  # what is masked is not known: a gap
        array = np.ma.filled(array if array.dtype.kind == "f" else array.astype(np.float64), np.nan)
    array = np.asarray(array)
    array = array if array.dtype.kind == "f" else array.astype(np.float64)
    pieces = range(0, len(array), _PIECE)
    if any(np.isinf(array[at : at + _PIECE]).any() for at in pieces):
        raise RecordingError(f"{source or 'the recording'} holds infinite values; mark gaps with NaN")
    return array
