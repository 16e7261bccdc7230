"""What the server answers, as plain values and bytes. No HTTP here."""

import json
import math
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from threading import Lock
from typing import Any

import numpy as np

from signalscreen.errors import InputError, OptionError
from signalscreen.review.blocks import ATTRIBUTION_PLANES
from signalscreen.review.columns import table_bytes
from signalscreen.review.marks import marks
from signalscreen.review.progress import Progress, progress
from signalscreen.review.pyramid import Pyramid, open_pyramid, padded
from signalscreen.review.record import StoredRecord
from signalscreen.review.windows import window_columns

_SAMPLE = 100_000  # means of a lead that a limit is taken of
MOST_POINTS = 1 << 17  # in a tile: 6 MB for two leads


class Answers:
    """All that can be asked of one record; its pyramid is built when first needed, by one thread."""

    def __init__(self, record: StoredRecord) -> None:
        self.record = record
        self._lock = Lock()
        self._pyramid: Pyramid | None = None

    @property
    def pyramid(self) -> Pyramid:
        """Built once; another thread that needs it waits."""
        return self.build()

    def build(self) -> Pyramid:
        """Open the pyramid, or build it, where that has not been done."""
        with self._lock:
            if self._pyramid is None:
                self._pyramid = open_pyramid(self.record)
            return self._pyramid

    @cached_property
    def finished(self) -> bool:
        """Whether the record was screened to its end when it was opened: then nothing of it changes."""
        return self.record.done == 1

    @cached_property
    def progress(self) -> Progress:
        """How far the record was when it was opened."""
        return progress(self.record)

    def info(self) -> dict[str, Any]:
        """What a page must know before it asks for anything else."""
        found = self.progress  # before anything else is read: what is screened meanwhile makes another stamp
        record, pyramid = self.record, self.pyramid
        about = record.attributes
        return {
            "record": record.name,
            **{key: about.get(key) for key in ("source", "began", "alarm", "threshold")},
            **{"fs": record.fs, "n": record.n, "start": record.start},
            **found.as_dict(),
            "identity": self._identity(),
            "leads": [
                {"name": name, "units": units, "low": low, "high": high}
                for name, units, (low, high) in zip(
                    record.leads, record.units, map(_drawn, pyramid.ranges), strict=True
                )
            ],
            "classes": record.classes,
            "methods": [self._method(name) for name in record.methods],
            "windows": len(record.read("window_start")),
            "unanswered": int(record.unanswered().sum()),
            **{key: about[key] for key in ("window_samples", "hop_samples")},
            "window_s": about["window_samples"] / record.fs,
            "hop_s": about["hop_samples"] / record.fs,
            "levels": [1, *pyramid.factors],
            "versions": record.facts.get("versions", {}),
            "fingerprint": record.facts.get("fingerprint", ""),
            "model": record.facts.get("model", ""),
            "has_card": bool(record.card),
        }

    def _identity(self) -> str:
        """What a verdict is on, wherever the store lies: the recording, its windows, and what screened it."""
        record = self.record
        known = (record.name, record.n, record.fs, record.start, record.leads, record.facts.get("fingerprint"))
        return sha256(repr(known).encode() + record.read("window_start").tobytes()).hexdigest()[:32]

    def _method(self, name: str) -> dict[str, Any]:
        about = dict(self.record.group[f"attribution_{name}"].attrs)
        limit = self.pyramid.limits[name]
        return {
            "name": name,
            "units": about.get("units", ""),
            "per_lead": bool(about.get("per_lead", True)),
            "limit": limit if limit > 0 else None,
            "mean_limits": [limit, *(self._mean_limit(name, factor) for factor in self.pyramid.factors)],
        }

    def _mean_limit(self, method: str, factor: int) -> float:
        """99.5th percentile of the size of a level's means, which are the smaller the more they are means of."""
        means = self.pyramid.arrays[factor, method][:, ATTRIBUTION_PLANES.index("mean")]
        sample = np.abs(means[:, :: max(means.shape[1] // _SAMPLE, 1)])
        known = sample[np.isfinite(sample)]
        return float(np.percentile(known, 99.5)) if len(known) else math.nan

    def warm(self) -> None:
        """Read what the page asks for first, so that it does not wait for it."""
        self.windows  # noqa: B018 (kept)
        self.record.annotations  # noqa: B018

    def tile(self, level: int, first: int, count: int, method: str | None, leads: Sequence[int]) -> bytes:
        """Planes of one level, little-endian float32, lead by lead.

        Parameters
        ----------
        level : int
            0: samples, with the planes signal and attribution. k: blocks of ``levels[k]`` samples, with the planes
            min, max, mean of the signal, then min, max, extreme, mean of the attribution.
        first, count : int
            In samples or blocks; NaN beyond the end.
        method : str or None
            Without one there are planes of the signal only.
        leads : sequence of int
            Which, in the order they are wanted.

        Raises
        ------
        InputError, OptionError
            If there is no such level, method, lead or span.
        """
        if first < 0 or not 1 <= count <= MOST_POINTS:
            raise InputError(
                f"a tile of {count} points from {first} is not possible; ask for 1 to {MOST_POINTS}, from 0 on"
            )
        record, levels = self.record, (1, *self.pyramid.factors)
        if method is not None and method not in record.methods:
            raise OptionError(
                f"method {method!r} is not in the store; choose {' or '.join(record.methods) or 'none'}"
            )
        if not 0 <= level < len(levels):
            raise InputError(f"there is no level {level}; choose 0 to {len(levels) - 1}")
        if not leads or not set(leads) <= set(range(len(record.leads))) or len(leads) > len(set(leads)):
            raise InputError(
                f"there are no leads {list(leads)[:20]}; choose of 0 to {len(record.leads) - 1}, each once"
            )
        chosen = list(leads)
        if level:
            planes = self.pyramid.planes(levels[level], first, count, method)[chosen]
        else:
            stop = max(min(first + count, record.n), first)
            names = ["signal"] + ([f"attribution_{method}"] if method else [])
            reader = record.browsed if self.finished else record.read
            read = [reader(name, first, stop) for name in names]
            planes = padded(np.stack(read).transpose(2, 0, 1)[chosen], 0, count)
        return np.ascontiguousarray(planes, "<f4").tobytes()

    @cached_property
    def windows(self) -> bytes:
        """The columns of the list, as `table_bytes` packs them."""
        return table_bytes(window_columns(self.record, self.pyramid))

    def marks(self, first: int, stop: int) -> dict[str, Any]:
        """Annotations, beats and bad signal in a span of samples."""
        return marks(self.record, first, stop)


def _drawn(limits: tuple[float, float]) -> tuple[float, float]:
    """Limits of an axis, which has a length also where the signal is flat or one gap."""
    low, high = limits
    if math.isnan(low):
        return -1.0, 1.0
    margin = 0.1 * (high - low) or 0.5 * abs(low) or 1.0
    return low - margin, high + margin


def json_bytes(value: Any) -> bytes:
    """JSON as browsers read it: NaN and infinities are null."""
    return json.dumps(_plain(value), allow_nan=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
