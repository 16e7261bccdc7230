"""A long recording through a model, window by window, and the maps back on its timeline.

TensorFlow is imported when a model is given, not with this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import signalscreen.methods  # noqa: F401 (the methods list themselves)
from signalscreen.errors import ModelError, OptionError, RecordingError
from signalscreen.methods import find_method
from signalscreen.methods.placing import samples_covered
from signalscreen.order import Order, plain
from signalscreen.recording import Recording
from signalscreen.recording import normalise as scaled
from signalscreen.windows import cut, has_gap, stitch, window_starts


@dataclass(frozen=True, eq=False)
class Windows:
    """A recording cut up as a model takes it.

    Attributes
    ----------
    values : ndarray of float32, shape (windows, length, leads)
        Windows without gaps, scaled one by one if that was asked for. `Taken.of` makes them what the model takes.
    starts : ndarray of int, shape (windows,)
        First sample of each.
    skipped : ndarray of int, shape (gapped windows,)
        First samples of the windows left out because they hold a gap.
    length : int
        Samples in a window.
    """

    values: NDArray[np.float32]
    starts: NDArray[np.int64]
    skipped: NDArray[np.int64]
    length: int


@dataclass(frozen=True, eq=False)
class Explained:
    """One method's maps, stitched, and what they explain.

    Attributes
    ----------
    attribution : ndarray, shape (samples,) or (samples, leads)
        NaN where no window without a gap lies; of a class activation map, zero where no window's layer has a
        position.
    scores : ndarray, shape (windows,)
    targets : ndarray of int, shape (windows,)
        Class of each window, -1 where the target is not a class.
    score : str
        What the scores are: "logit" or "probability".
    """

    attribution: NDArray[np.floating]
    scores: NDArray[np.floating]
    targets: NDArray[np.int64]
    score: str


def cut_for(
    model: Any,
    recording: Recording,
    *,
    window: float | None = None,
    hop: float | None = None,
    normalise: str | None = None,
    channels: Any = None,
) -> Windows:
    """Cut a recording into the windows that a model takes.

    Parameters
    ----------
    model : keras.Model
        With one input of leads along time, wherever it has its leads; a free length is fine.
    recording : Recording
        At the model's sampling rate, with the model's leads.
    window : float, optional
        Seconds. By default the model's own length; where that is free, the whole recording.
    hop : float, optional
        Seconds from one window to the next; half a window by default.
    normalise : str, optional
        Scale each window and lead by itself: "zscore", "minmax" or "robust".
    channels : {"first", "last"}, int or tuple of int, optional
        Where the model takes its leads, if its layers do not say.

    Raises
    ------
    ModelError
        If the model does not take one signal.
    RecordingError
        If the recording does not fit it: leads, length, or nothing but gaps.
    """
    length, leads = input_shape(model, channels)
    _check_leads(recording, leads)
    samples = _window_length(recording, length, window)
    step = max(samples // 2, 1) if hop is None else round(hop * recording.rate)
    starts = window_starts(len(recording), samples, step)
    gapped = _gapped(recording, starts, samples)
    if gapped.all():
        raise RecordingError(
            f"every window of {samples} samples of {recording.source or 'the recording'} holds a gap; "
            "choose another span or lead, or a shorter window"
        )
    values = cut(recording.signal, starts[~gapped], samples)
    values = values if normalise is None else scaled(values, normalise, axis=1)
    return Windows(values.astype(np.float32), starts[~gapped], starts[gapped], samples)


def explain_windows(
    score: Any, windows: Windows, n: int, method: str, options: Mapping[str, Any] | None = None
) -> Explained:
    """Explain every window by one method and lay the maps on a timeline of ``n`` samples.

    Parameters
    ----------
    score : signalscreen.Score
        The model with its target.
    windows : Windows
    n : int
        Samples of the recording the windows were cut from.
    method : str
        A name in `signalscreen.METHODS`.
    options : dict, optional
        Of the method.

    Raises
    ------
    OptionError
        The maps are not as long as the windows (``upsample=False``).
    SignalScreenError
        What the method raises.
    """
    taken = taken_by(score.model, score.channels)
    values = taken.of(windows.values)
    maps = taken.inside(find_method(method).fn(score, values, **(options or {})))
    if maps.shape[1] != windows.length:
        raise OptionError(
            f"{method} gives {maps.shape[1]} positions for windows of {windows.length} samples, which have no "
            "place on the recording; leave out upsample=False"
        )
    bound, checked = score.bind(values)
    classes = bound.classes
    return Explained(
        stitch(maps, windows.starts, n, known=samples_covered(bound, checked, method, options or {})),
        bound(checked),
        np.full(len(values), -1) if classes is None else classes.astype(np.int64),
        bound.kind,
    )


def input_axes(model: Any) -> tuple[int | None, ...]:
    """Shape of the model's one input, without batch; ``(None, None)`` where the model does not say."""
    inputs = getattr(model, "inputs", None)
    if not inputs:
        return (None, None)
    if len(inputs) > 1:
        names = ", ".join(t.name for t in inputs)
        raise ModelError(f"the model has {len(inputs)} inputs ({names}); give one that takes a single signal")
    return tuple(inputs[0].shape[1:])


class Taken(NamedTuple):
    """How a model takes windows of a recording.

    Attributes
    ----------
    shape : tuple of int or None
        Of one of them, as the model takes it.
    order : Order
        Which axis is time, and which hold leads.
    """

    shape: tuple[int | None, ...]
    order: Order

    @property
    def is_vector(self) -> bool:
        """Whether it takes samples alone, ``(batch, samples)``."""
        return len(self.shape) == 1

    @property
    def length(self) -> int | None:
        """Samples, None where free."""
        return self.shape[0] if self.is_vector else self.shape[self.order.signal[0]]

    @property
    def leads(self) -> int | None:
        """Leads, None where free."""
        held = [1] if self.is_vector else [self.shape[a] for a in self.order.features]
        return None if None in held else prod(n for n in held if n is not None)

    def of(self, windows: NDArray[Any]) -> NDArray[Any]:
        """Windows ``(rows, samples, leads)`` as the model takes them."""
        if self.is_vector:
            return windows[:, :, 0]
        one_free = len(self.order.features) == 1
        sizes = [windows.shape[2] if n is None and one_free else n or 0 for n in self.shape]
        return self.order.own(windows, sizes)

    def inside(self, maps: NDArray[Any]) -> NDArray[Any]:
        """Maps of what `of` gave: time first, then leads where they have any."""
        return maps if self.is_vector or maps.ndim != len(self.shape) + 1 else self.order.canonical(maps)


def taken_by(model: Any, channels: Any = None) -> Taken:
    """How a model takes windows of a recording.

    Parameters
    ----------
    model : keras.Model
    channels : {"first", "last"}, int or tuple of int, optional
        As the user gave it; by default as the model's layers say.

    Raises
    ------
    ModelError
        If it does not take one signal.
    """
    axes = input_axes(model)
    from signalscreen.surveys import orders_of

    order = next((one for _, _, one in orders_of(model, channels)), plain(axes))
    if len(axes) > 1 and len(order.signal) != 1:
        sizes = ", ".join("any" if n is None else str(n) for n in axes)
        raise ModelError(f"the model takes (batch, {sizes}); give one that takes signals: (batch, samples, leads)")
    return Taken(axes, order)


def input_shape(model: Any, channels: Any = None) -> tuple[int | None, int | None]:
    """Length and leads that a model takes, None where free.

    Raises
    ------
    ModelError
        If it does not take one signal.
    """
    taken = taken_by(model, channels)
    return taken.length, taken.leads


def _check_leads(recording: Recording, leads: int | None) -> None:
    have = len(recording.names)
    if leads is not None and leads != have:
        raise RecordingError(
            f"the model takes {leads} lead{'s' * (leads > 1)}, but {recording.source or 'the recording'} gives "
            f"{have} ({', '.join(recording.names)}); choose leads by name or index"
        )


def _window_length(recording: Recording, length: int | None, window: float | None) -> int:
    n, name = len(recording), recording.source or "the recording"
    samples = None if window is None else round(window * recording.rate)
    if samples is not None and samples < 1:
        raise RecordingError(
            f"a window of {window:g} s holds no sample at {recording.rate:g} Hz; give a longer one"
        )
    if length is not None and samples not in (None, length):
        raise RecordingError(
            f"the model takes windows of {length} samples, but {window:g} s at {recording.rate:g} Hz are "
            f"{samples}; leave the window out, or resample to {length / (window or 1):g} Hz"
        )
    wanted = length or samples or n
    if n < wanted:
        seconds = "" if recording.fs is None else f" ({wanted / recording.fs:g} s)"
        raise RecordingError(
            f"{name} has {n} samples, fewer than one window of {wanted}{seconds}; give a longer span"
        )
    return wanted


def _gapped(recording: Recording, starts: NDArray[np.int64], length: int) -> NDArray[np.bool_]:
    """`has_gap` of every window, from a running count, so that no window is copied to be left out."""
    gaps = np.concatenate([[0], np.cumsum(has_gap(recording.signal))])
    return gaps[starts + length] > gaps[starts]
