"""From a time column to a sampling rate and the gaps in it."""

import re

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import RecordingError

_TIME_NAME = re.compile(
    r"(time|timer|time ?stamps?|t|date ?time|elapsed([ _]time)?|sec(ond)?s?|ms(ec)?|milliseconds?|(uhr)?zeit)"
    r"([ _\[(].*)?",
    re.IGNORECASE,
)
_INDEX_NAME = re.compile(r"(sample([ _]?(#|no|number|index))?|samples|index|unnamed: 0)?", re.IGNORECASE)
_UNIT = re.compile(r"(?:^|[ _\[(])(ns|us|µs|ms|msec|milliseconds?|s|secs?|seconds?)[\])]?$", re.IGNORECASE)
_IN_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "mi": 1e-3, "s": 1.0, "se": 1.0}
# Unix times: from these values on a number can only be nanoseconds, microseconds, milliseconds, seconds.
_EPOCHS = ((1e17, 1e-9), (1e14, 1e-6), (1e11, 1e-3), (1e8, 1.0))

# A step is regular within half the usual step; a recording may have this share of others (lost samples).
_REGULAR = 0.5
_MOST_IRREGULAR = 0.05


def is_time(name: str) -> bool:
    """Whether a column of this name holds time."""
    return _TIME_NAME.fullmatch(name.strip()) is not None


def is_index_name(name: str) -> bool:
    """Whether a column of this name may only count the samples."""
    return _INDEX_NAME.fullmatch(name.strip()) is not None


def seconds(values: NDArray[np.float64], name: str, where: str) -> NDArray[np.float64]:
    """Convert a time column to seconds from its first row.

    The unit is read from the column's name (``time_ms``, ``Time [s]``). Without one, Unix times are known by
    their size, steps below 1 are taken as seconds and those above 1 as milliseconds.

    Raises
    ------
    RecordingError
        If there is no unit and the column counts 1, 2, 3, which may be seconds, milliseconds or samples.
    """
    unit = _UNIT.search(name.strip())
    if unit is not None:
        scale = _IN_SECONDS[unit[1].lower()[:2]]
    else:
        largest = float(np.nanmax(np.abs(values), initial=0.0))
        epoch = next((scale for least, scale in _EPOCHS if largest >= least), None)
        steps = np.diff(values[np.isfinite(values)])
        step = float(np.median(steps)) if len(steps) else 0.0
        if epoch is None and step == 1:
            raise RecordingError(
                f"{where} counts in steps of 1 and names no unit; call it time_s or time_ms, or give fs to "
                "leave it aside"
            )
        scale = epoch if epoch is not None else 1.0 if step < 1 else 1e-3
    elapsed: NDArray[np.float64] = (values - values[0]) * scale
    return elapsed


def grid(time: NDArray[np.float64], name: str) -> tuple[float, NDArray[np.int64]]:
    """Find the sampling rate, and each row's place on a regular grid that leaves lost samples open.

    Parameters
    ----------
    time : ndarray, shape (rows,)
        Seconds.
    name : str
        What the column is called, with its file, for the error.

    Raises
    ------
    RecordingError
        If time goes back, stands still or is too irregular to be a sampling clock.
    """
    advice = "give fs to leave the time column aside"
    if len(time) < 2:
        raise RecordingError(f"{name} has one row, too few for a sampling rate; {advice}")
    steps = np.diff(time)
    bad = ~(steps >= 0)
    if bad.any():
        raise RecordingError(f"{name} goes back or is empty at data row {int(bad.argmax()) + 2}; {advice}")
    usual = float(np.median(steps))
    step = float(steps[steps <= (1 + _REGULAR) * usual].mean()) if usual > 0 else 0.0
    if step <= 0 or np.mean(np.abs(steps - step) > _REGULAR * step) > _MOST_IRREGULAR:
        raise RecordingError(f"{name} is not regular (steps from {steps.min():g} to {steps.max():g} s); {advice}")
    lost = np.where(steps > (1 + _REGULAR) * step, np.rint(steps / step) - 1, 0).astype(np.int64)
    places = np.concatenate([[0], np.cumsum(lost + 1)]).astype(np.int64)
    if places[-1] > 10 * len(time):
        raise RecordingError(f"{name} leaves {lost.max() * step:g} s open at once; split the file, or {advice}")
    return _tidy(1 / step, len(time)), places


def _tidy(fs: float, n: int) -> float:
    """Round to a whole number of samples per second where rounded time stamps cannot tell it apart."""
    whole = round(fs)
    close = whole > 0 and abs(fs - whole) < 1e-3 * fs and abs(fs - whole) / fs * n < 0.5
    return float(whole) if close else fs
