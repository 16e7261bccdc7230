"""Where windows and shards lie on a recording's timeline. NumPy only.

Two clocks: the recording's own samples (signal, attribution, annotations) and the model's (what a window holds),
``ratio`` model samples to one of the recording. A shard is what one task computes and writes: a stretch of the
timeline, and the windows that belong to it. A window that reaches over the border of its shard is computed by the
neighbour too, so that shards need nothing from each other and can be done again at any time.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from signalscreen.windows import window_starts

# A shard is long enough that the windows computed twice cost little, and the writing of small arrays, which takes a
# millisecond each; and short enough to lose.
_SHARD_SECONDS = 1200.0
_LEAST_WINDOWS = 32


@dataclass(frozen=True)
class Shard:
    """One task.

    Attributes
    ----------
    number : int
    first, stop : int
        Samples of the recording that it writes.
    windows : tuple of int
        First and one past last window that it writes.
    needed : tuple of int
        First and one past last window that it computes: those, and all that reach into its samples.
    """

    number: int
    first: int
    stop: int
    windows: tuple[int, int]
    needed: tuple[int, int]


@dataclass(frozen=True)
class Grid:
    """The windows of a recording and the shards that they are done in.

    Attributes
    ----------
    samples : int
        Of the recording.
    fs : float
        Of the recording.
    ratio : Fraction
        Model samples to one sample of the recording.
    length, hop : int
        Of a window, in model samples.
    """

    samples: int
    fs: float
    ratio: Fraction
    length: int
    hop: int

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """First model sample of each window."""
        return window_starts(self.model_samples, self.length, self.hop)

    @property
    def model_samples(self) -> int:
        """Samples of the whole recording at the model's rate."""
        return max(int(self.samples * self.ratio + Fraction(1, 2)), 1)

    @property
    def window_start(self) -> NDArray[np.int64]:
        """First sample of each window on the recording's timeline."""
        up, down = self.ratio.numerator, self.ratio.denominator
        return np.minimum((self.starts * down + up // 2) // up, self.samples - self.window_samples)

    @property
    def window_samples(self) -> int:
        """Samples of the recording in a window."""
        return min(round(self.length / self.ratio), self.samples)

    @property
    def hop_samples(self) -> int:
        """Samples of the recording from one window to the next."""
        return max(round(self.hop / self.ratio), 1)

    @property
    def shard_windows(self) -> int:
        """Windows that a shard writes."""
        seconds = float(self.hop / self.ratio) / self.fs
        wanted = max(round(_SHARD_SECONDS / seconds), _LEAST_WINDOWS * -(-self.length // self.hop))
        return min(wanted, len(self.starts))

    @property
    def shard_samples(self) -> int:
        """Samples that a shard writes."""
        whole = len(self.starts) <= self.shard_windows
        wanted = self.samples if whole else round(self.shard_windows * self.hop / self.ratio)
        return min(max(wanted, 1), self.samples)

    @property
    def shards(self) -> int:
        """How many."""
        return max(-(-self.samples // self.shard_samples), -(-len(self.starts) // self.shard_windows))

    def shard(self, number: int) -> Shard:
        """One of them."""
        first = min(number * self.shard_samples, self.samples)
        stop = min(first + self.shard_samples, self.samples)
        own = number * self.shard_windows
        owned = (min(own, len(self.starts)), min(own + self.shard_windows, len(self.starts)))
        # Interpolation takes the model samples on both sides of a sample; after the last one lie none.
        begin = min(int(first * self.ratio), self.model_samples - 1)
        end = max(_ceil(stop * self.ratio), _ceil((stop - 1) * self.ratio) + 1)
        reaching = np.flatnonzero((self.starts < end) & (self.starts + self.length > begin))
        both = [*owned] if owned[0] < owned[1] else []
        if first < stop and len(reaching):
            both += [int(reaching[0]), int(reaching[-1]) + 1]
        return Shard(number, first, stop, owned, (min(both, default=0), max(both, default=0)))

    def slice_of(self, windows: tuple[int, int], margin: int) -> tuple[int, int, int]:
        """What to read for some windows.

        Parameters
        ----------
        windows : tuple of int
            First and one past last.
        margin : int
            Samples of the recording to read beyond on both sides, where there are any.

        Returns
        -------
        first, stop : int
            Samples of the recording.
        offset : int
            Model sample that `first` falls on, exactly.
        """
        up, down = self.ratio.numerator, self.ratio.denominator
        begin = int(self.starts[windows[0]]) if windows[0] < windows[1] else 0
        end = int(self.starts[windows[1] - 1]) + self.length if windows[0] < windows[1] else 0
        # A multiple of `down`, where samples of both clocks fall together.
        first = max(begin * down // up - margin, 0) // down * down
        stop = min(-(-end * down // up) + margin, self.samples)
        return first, stop, first // down * up

    def on_timeline(self, values: NDArray[np.floating], offset: int, first: int, stop: int) -> NDArray[np.floating]:
        """Values at model samples, at the recording's samples from `first` to `stop`, by linear interpolation.

        Parameters
        ----------
        values : ndarray, shape (model samples, ...)
            The first of them is model sample `offset`. NaN is nothing, and reaches its neighbours.
        """
        if self.ratio == 1:
            return values[first - offset : stop - offset]
        at = np.clip(np.arange(first, stop) * float(self.ratio) - offset, 0, len(values) - 1)
        low = at.astype(np.intp)
        share = (at - low).astype(values.dtype)
        between = share > 0  # a NaN with no share in a sample must not take it away
        found = np.empty((stop - first, *values.shape[1:]), values.dtype)
        for column in np.ndindex(values.shape[1:]):  # one by one: to gather whole rows takes twice as long
            line = np.ascontiguousarray(values[:, *column])
            here, step = line[low], np.diff(line, append=line[-1:])[low]
            np.add(here, share * step, out=here, where=between)
            found[:, *column] = here
        return found


def _ceil(x: Fraction) -> int:
    return -int(-x // 1)
