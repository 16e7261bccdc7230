"""Which samples of a signal are bad, and how."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from signalscreen.errors import InputError, OptionError
from signalscreen.quality import indices
from signalscreen.quality.blocks import Blocks, Floats, Mask, blocks_of, bridged
from signalscreen.quality.flags import FLAGS
from signalscreen.quality.runs import lasting, marked, quiet, runs

KINDS = ("ecg", "ppg", "other")
FLAT = 1.0  # s without change: a heart may pause for longer, but even then an amplifier has noise
OFF = 2.0  # s without anything of a heart
STUCK = 0.2  # s at a rail: more than twice the top of a wide beat
BLOCK = 5.0  # s that quality is judged over
MARGIN = 10.0  # s around a slice: what lies further away does not change its flags
_TOUCH = 0.01  # s at a rail, and 3 samples, that a round peak would not stay
_FAR = 0.25  # of a block's range: an extreme nearer to its median is its baseline, not a rail
_STEPS = 8  # of the converter: what moves by fewer touches its extremes anyway
# The smallest that an ECG lead is: below this peak-to-peak size it is taken for an open input.
_SMALLEST = {"V": 5e-5, "mV": 0.05, "uV": 50.0, "µV": 50.0, "μV": 50.0}

Limits = tuple[float, float] | None


def bad_signal(
    signal: ArrayLike,
    fs: float,
    *,
    kind: str = "ecg",
    units: str | Sequence[str] = "mV",
    limits: Limits | Sequence[Limits] | NDArray[np.floating] = None,
    resolution: float | Sequence[float] = 0.0,
    first: int = 0,
) -> NDArray[np.uint8]:
    r"""Mark the samples of a signal that cannot be trusted, by what is wrong with them.

    ``flat`` (1)
        For 1 s or longer the signal does not change by more than the converter's ``resolution``.
    ``clipped`` (2)
        The tops of waves are cut off: 10 ms and three samples or longer at a rail. Rails are ``limits``, and the
        extremes of a block of 5 s, each if it is touched so at least twice and is no baseline (more than a quarter
        of the block's range away from its median).
    ``saturated`` (4)
        The amplifier is stuck: 0.2 s or longer at a rail.
    ``lead_off`` (8)
        An open input. For 2 s or longer the signal stays within 0.05 mV (signals that are no ECG, or in unknown
        units: does not change), or at a rail; or a block of 5 s is mains hum (nine tenths of its power above 1 Hz)
        and holds no more between 1 and 40 Hz than a sine of 0.05 mV peak to peak.
    ``low_quality`` (16)
        By indices over blocks of 5 s. ECG: the kurtosis is below 5 and less than 0.9 of the power up to 40 Hz lies
        above 1 Hz (kSQI and basSQI: both "unqualified" by Zhao and Zhang), or a fifth of the power between 5 and
        100 Hz lies above 40 Hz (muscle, mains). PPG: the kurtosis is above 4, or no pulse rate holds, with its
        double, 0.4 of the power between 0.5 and 8 Hz. Other signals: never.

    A sample can be bad in several ways. Gaps (NaN) are not bad; quality is judged across them where a block has
    signal for half its length.

    Parameters
    ----------
    signal : array_like, shape (samples,) or (samples, leads)
        NaN where there is a gap.
    fs : float
        Samples per second; those of the converter, as resampling bends flat tops.
    kind : {"ecg", "ppg", "other"}
        What the signal is of.
    units : str or sequence of str
        Of all leads, or one each. Only V, mV and µV tell how small an ECG may be.
    limits : (low, high), or sequence with one or None per lead, optional
        The lowest and highest value that the converter can give, in the signal's units; NaN where not known.
    resolution : float or sequence of float
        One step of the converter, in the signal's units; 0 where it is not known.
    first : int
        Number of the first sample on the recording's timeline, from which blocks are counted. A recording judged
        by slices that reach ``MARGIN`` (10 s) beyond what is kept on both sides has the flags that it has as a
        whole.

    Returns
    -------
    ndarray of uint8, shape (samples, leads)
        Sums of the numbers above, which are in ``signalscreen.quality.FLAGS``.

    Raises
    ------
    InputError
        The signal is empty, infinite or has more than two axes, or ``fs`` is not positive.
    OptionError
        ``kind`` is not known; limits, units or resolutions are not one per lead or make no sense.

    References
    ----------
    Li, Q., Mark, R.G., Clifford, G.D. Robust heart rate estimation from multiple asynchronous noisy sources using
    signal quality indices and a Kalman filter. Physiol Meas 29:15, 2008 (kSQI). Clifford, G.D. et al. Signal
    quality indices and data fusion for determining clinical acceptability of electrocardiograms. Physiol Meas
    33:1419, 2012 (basSQI, flat lines). Zhao, Z., Zhang, Y. SQI quality evaluation mechanism of single-lead ECG
    signal. Front Physiol 9:727, 2018 (bounds). Selvaraj, N. et al. Statistical approach for the detection of
    motion/noise artifacts in photoplethysmogram. EMBC 2011:4972 (kurtosis of a PPG). CF conventions 1.11, section
    3.5 (flags).

    Examples
    --------
    >>> beats = np.tile(np.r_[np.zeros(300), np.hanning(60)], 10)
    >>> bad_signal(np.minimum(beats, 0.8), fs=360)[[150, 330], 0]
    array([0, 2], dtype=uint8)
    """
    x = _checked(signal, fs, kind)
    leads = x.shape[1]
    names = [units] * leads if isinstance(units, str) else _one_each(units, leads, "units")
    steps: list[float] = (
        [resolution] * leads
        if isinstance(resolution, (int, float))
        else _one_each(resolution, leads, "resolutions")
    )
    rails = _limits(limits, leads)
    out = np.zeros(x.shape, dtype=np.uint8)
    for i in range(leads):
        smallest = _SMALLEST.get(names[i], 0.0) if kind == "ecg" else 0.0
        step = 1.01 * steps[i]  # no two values that are one step apart differ by it to the last digit
        lead = np.ascontiguousarray(x[:, i], dtype=np.float64)
        out[:, i] = _flags_of(lead, fs, kind, max(smallest, step), rails[i], step, first)
    out[np.isnan(x)] = 0
    return out


def _flags_of(
    x: Floats, fs: float, kind: str, smallest: float, limits: Limits, resolution: float, first: int
) -> NDArray[np.uint8]:
    """`bad_signal` of one lead, gaps not yet cleared."""
    blocks = blocks_of(x, max(round(BLOCK * fs), 2), first)
    values, held = bridged(blocks.values)
    blocks = blocks._replace(values=values)
    clipped, saturated = _at_own_extremes(x, blocks, fs, resolution, max(smallest, _STEPS * resolution))
    if limits is not None:  # the amplifier's rails may lie within the converter's
        touched, stuck = _at_limits(x, limits, fs, resolution)
        saturated |= stuck
        clipped = (clipped | touched) & ~saturated
    off = quiet(x, max(round(OFF * fs), 2), smallest) | lasting(saturated, round(OFF * fs))
    low = np.zeros(len(values), dtype=bool)
    if kind != "other":
        shape = indices.spectrum(values, fs)
        low = indices.low_ecg(values, shape, fs) if kind == "ecg" else indices.low_ppg(values, shape)
        low &= held & (np.ptp(values, axis=1) > resolution)  # of a flat block there is nothing to judge
        if kind == "ecg":
            off |= blocks.spread(held & indices.only_mains(shape, fs, smallest))
    found = {
        "flat": quiet(x, max(round(FLAT * fs), 2), resolution),
        "clipped": clipped,
        "saturated": saturated,
        "lead_off": off,
        "low_quality": blocks.spread(low),
    }
    bits = np.zeros(len(x), dtype=np.uint8)
    for name, mask in found.items():
        bits |= mask.view(np.uint8) * np.uint8(FLAGS[name])
    return bits


def _at_limits(x: Floats, limits: tuple[float, float], fs: float, resolution: float) -> tuple[Mask, Mask]:
    """Samples at the known rails: for a short while, and for long."""
    clipped, saturated = np.zeros(len(x), dtype=bool), np.zeros(len(x), dtype=bool)
    near = resolution + 1e-6 * (limits[1] - limits[0])  # what rounding makes of a rail is one
    for at_rail in (x <= limits[0] + near, x >= limits[1] - near):
        stuck = lasting(at_rail, _samples(STUCK, fs))
        saturated |= stuck
        clipped |= lasting(at_rail, _samples(_TOUCH, fs)) & ~stuck
    return clipped, saturated


def _at_own_extremes(x: Floats, blocks: Blocks, fs: float, resolution: float, least: float) -> tuple[Mask, Mask]:
    """Samples at what must be rails, since a block's extreme is held, or touched again and again.

    Blocks of a range up to ``least`` have no rails: all of it is quiet. A stay that crosses from one block to the
    next counts as two, so that no block has to know another one.
    """
    clipped, saturated = np.zeros(len(x), dtype=bool), np.zeros(len(x), dtype=bool)
    low, high = blocks.values.min(axis=1), blocks.values.max(axis=1)
    ends = np.cumsum(blocks.counts)
    for at_rail, rail in (
        (x <= blocks.spread(low + resolution), low),
        (x >= blocks.spread(high - resolution), high),
    ):
        starts, stops = _cut_at(*runs(at_rail), ends)
        kept = stops - starts >= _samples(_TOUCH, fs)
        starts, stops = starts[kept], stops[kept]
        block = np.searchsorted(ends, starts, side="right")
        longest = np.zeros(len(ends), dtype=np.int64)
        np.maximum.at(longest, block, stops - starts)
        is_rail = np.zeros(len(ends), dtype=bool)
        for i in np.unique(block):
            values = blocks.values[i]
            if longest[i] >= OFF * fs:  # more of a block than its beats leave: what is the rest like?
                values = values[np.abs(values - rail[i]) > resolution]
            size = high[i] - low[i]
            is_rail[i] = size > least and abs(rail[i] - np.median(values)) > _FAR * size
        far, stuck = is_rail[block], stops - starts >= _samples(STUCK, fs)
        brief = far & ~stuck & (np.bincount(block, minlength=len(ends)) >= 2)[block]
        saturated |= marked(starts[far & stuck], stops[far & stuck], len(x))
        clipped |= marked(starts[brief], stops[brief], len(x))
    return clipped, saturated


def _cut_at(
    starts: NDArray[np.int64], stops: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Runs, cut where blocks end."""
    first, last = (np.searchsorted(ends, at, side="right") for at in (starts, stops - 1))
    across = np.flatnonzero(last > first)
    inner = np.concatenate([ends[first[i] : last[i]] for i in across]) if len(across) else ends[:0]
    return np.sort(np.concatenate([starts, inner])), np.sort(np.concatenate([stops, inner]))


def _samples(seconds: float, fs: float) -> int:
    return max(round(seconds * fs), 3)


def _checked(signal: ArrayLike, fs: float, kind: str) -> NDArray[np.floating]:
    x = np.asarray(signal)
    if x.dtype.kind not in "fiu" or x.ndim not in (1, 2) or not x.size:
        raise InputError(
            f"the signal has shape {x.shape} and dtype {x.dtype}; give real numbers, (samples,) or (samples, leads)"
        )
    if not (np.isfinite(fs) and fs > 0):
        raise InputError(f"fs is {fs}; give samples per second, more than 0")
    if kind not in KINDS:
        raise OptionError(f"kind {kind!r} is not known; choose from: {', '.join(KINDS)}")
    if x.dtype.kind == "f" and np.isinf(x).any():
        raise InputError("the signal holds infinite values; give NaN where there is a gap")
    return x[:, None] if x.ndim == 1 else x


def _one_each(values: Sequence[Any], leads: int, what: str) -> list[Any]:
    values = list(values)
    if len(values) != leads:
        raise OptionError(f"{len(values)} {what} were given for {leads} leads; give one each")
    return values


def _limits(limits: Limits | Sequence[Limits] | NDArray[np.floating], leads: int) -> list[Limits]:
    if limits is None:
        return [None] * leads
    given: list[Any] = list(limits)
    pair = len(given) == 2 and all(np.isscalar(v) for v in given)
    each: list[Limits] = [(given[0], given[1])] * leads if pair else _one_each(given, leads, "limits")
    each = [None if one is None or np.isnan(one).any() else one for one in each]
    for one in each:
        if one is not None and not (len(one) == 2 and one[0] < one[1]):
            raise OptionError(f"limits {one} are not a lowest and a highest value; give (low, high) or None")
    return each
