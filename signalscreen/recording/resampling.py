"""Polyphase resampling that never reaches across a gap."""

from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of 1/10,000 the closest fraction is near enough: under half a sample of drift in a day at 250 Hz.
_LARGEST_FACTOR = 10_000
# Half the length of scipy's polyphase filter, in samples of the slower rate (scipy.signal.resample_poly).
HALF_FILTER = 10


def rate_ratio(new: float, old: float) -> Fraction:
    """Return ``new / old`` as a fraction small enough for a polyphase filter."""
    return Fraction(new / old).limit_denominator(_LARGEST_FACTOR)


def resample_with_gaps(x: NDArray[np.float64], ratio: Fraction) -> NDArray[np.float64]:
    """Resample ``(samples, leads)`` to ``samples * ratio`` samples, rounded, so that the duration stays.

    Each run between gaps is resampled on its own, its ends mirrored (odd) instead of dropping to zero, so
    that no step at a gap or at the signal's ends rings into the samples beside it. Output sample ``k`` lies
    at input time ``k / ratio`` and is a gap where the input sample at or before it is one.
    """
    n = max(int(len(x) * ratio + Fraction(1, 2)), 1)
    out = np.full((n, x.shape[1]), np.nan)
    for lead, values in enumerate(x.T):
        for first, stop in _runs(np.isfinite(values)):
            here = slice(_ceil(first * ratio), min(_ceil(stop * ratio), n))
            out[here, lead] = _resample_run(values[first:stop], first, ratio, here)
    return out


def _resample_run(run: NDArray[np.float64], first: int, ratio: Fraction, here: slice) -> NDArray[np.float64]:
    from scipy.signal import resample_poly  # half a second to import; only resampling needs it

    up, down = ratio.numerator, ratio.denominator
    half = HALF_FILTER * max(up, down) // up + 1
    # The padded run begins at a multiple of `down`, where input and output samples fall together.
    left = half + (first - half) % down
    padded = np.pad(run, (left, half + 1), mode="reflect", reflect_type="odd")
    begin = (first - left) // down * up
    taps: Any = _filter(up, down)  # which scipy's stubs do not know of
    resampled: NDArray[np.float64] = resample_poly(padded, up, down, window=taps)
    return resampled[here.start - begin : here.stop - begin]


@lru_cache(maxsize=8)
def _filter(up: int, down: int) -> NDArray[np.float64]:
    """The filter that scipy designs, each of whose phases adds up to the same.

    As designed they differ by 1e-3, so that an offset would come out as a ripple; and to take the offset away
    before would let every sample depend on how much of the recording is read at a time.
    """
    from scipy.signal import firwin

    rate = max(up, down)
    taps: NDArray[np.float64] = firwin(2 * HALF_FILTER * rate + 1, 1 / rate, window=("kaiser", 5.0))
    for phase in range(up):
        taps[phase::up] /= up * taps[phase::up].sum()
    taps.flags.writeable = False
    return taps


def _runs(finite: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and one-past-last index of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], finite, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in list(pairwise(edges))[::2]]


def _ceil(x: Fraction | int) -> int:
    return -int(-x // 1)
