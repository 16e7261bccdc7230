"""Leads with several samples in a frame, brought to one rate: the highest of those asked for."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from signalscreen.recording.resampling import HALF_FILTER, resample_with_gaps

Floats = NDArray[np.float64]


def span_at_one_rate(
    read: Callable[[int, int], Sequence[Floats]], per_frame: Sequence[int], frames: int, first: int, stop: int
) -> Floats:
    """Read a span of leads at the rate of the fastest of them.

    A slower lead is resampled as `Recording.resample` does, with what lies around the span, so that a slice is a
    part of the whole.

    Parameters
    ----------
    read : callable
        ``read(begin, end)`` gives the frames of each lead, ``((end - begin) * per_frame,)``.
    per_frame : sequence of int
        Samples of each lead in a frame.
    frames : int
        Of the whole record.
    first, stop : int
        The span, in samples at the highest rate.

    Returns
    -------
    ndarray of float64, shape (stop - first, leads)
    """
    top = max(per_frame)
    margin = max((-(-(HALF_FILTER + 2) // each) for each in per_frame if each < top), default=0)
    begin, end = max(first // top - margin, 0), min(-(-stop // top) + margin, frames)
    out = np.empty((stop - first, len(per_frame)))
    at = slice(first - begin * top, stop - begin * top)
    for column, (values, each) in enumerate(zip(read(begin, end), per_frame, strict=True)):
        fast = values if each == top else resample_with_gaps(values[:, None], Fraction(top, each))[:, 0]
        out[:, column] = fast[at]
    return out
