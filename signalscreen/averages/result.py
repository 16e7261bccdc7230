"""What averaging gives, and how it is kept."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.averages.batches import Label
from signalscreen.averages.moments import Moments, merged
from signalscreen.errors import InputError, RecordingError
from signalscreen.output import atomically
from signalscreen.reprs import by_fields

Array = npt.NDArray[Any]


class Difference(NamedTuple):
    """One class average minus another.

    Attributes
    ----------
    mean : ndarray of float64
        Shape of a map.
    error : ndarray of float64
        Standard error of `mean`, from the spread within each class (Welch); NaN where one has a single example.
    """

    mean: Array
    error: Array

    def __repr__(self) -> str:
        return by_fields(self, self._fields)


@dataclass(frozen=True, eq=False)
class ClassAverages:
    """Mean maps of the classes of a data set.

    Attributes
    ----------
    labels : tuple of int or str
        In order; keys of what follows.
    counts : dict of int
        Examples with each label.
    mean, std : dict of ndarray of float64
        Of each label's maps; `std` is that of the population (n − 1), NaN for a single example.
    signal : dict of ndarray of float64, shape (*axes, channels)
        Mean of each label's signals.
    method, target, score : str
        What was averaged, as text.
    """

    labels: tuple[Label, ...]
    counts: Mapping[Label, int]
    mean: Mapping[Label, Array]
    std: Mapping[Label, Array]
    signal: Mapping[Label, Array]
    method: str
    target: str
    score: str

    def __repr__(self) -> str:
        counts = ", ".join(f"{label!r} ({self.counts[label]:,})" for label in self.labels[:8])
        more = f" and {len(self.labels) - 8} more" if len(self.labels) > 8 else ""
        maps = f", maps of {self.mean[self.labels[0]].shape}" if self.labels else ""
        return f"<ClassAverages: {self.method} of {self.target} ({self.score}){maps}; {counts}{more}>"

    def slice(self, number: int) -> "ClassAverages":
        """Averages over one slice of volumes, which `plot_averages` can draw.

        Raises
        ------
        InputError
            These are no volumes, or have no such slice.
        """
        depth, *rest = next(iter(self.signal.values())).shape
        if len(rest) != 3:
            raise InputError(f"the signals have {len(rest)} axes, and slices are of volumes; leave slice out")
        if not 0 <= number < depth:
            raise InputError(f"slice {number} is not there; the volumes have 0 to {depth - 1}")
        mean, std, signal = (
            {label: values[number] for label, values in maps.items()} for maps in (self.mean, self.std, self.signal)
        )
        return replace(self, mean=mean, std=std, signal=signal)

    def difference(self, a: Label, b: Label | None = None) -> Difference:
        """The mean map of label `a` minus that of `b`, or minus that of all other examples together.

        Raises
        ------
        InputError
            There is no example of one of them, or they are the same.

        Examples
        --------
        >>> one, two = {"N": np.ones(2), "V": np.ones(2)}, {"N": np.zeros(2), "V": np.full(2, 3.0)}
        >>> found = ClassAverages(("N", "V"), {"N": 4, "V": 9}, two, one, two, "saliency", "label", "logit")
        >>> found.difference("V", "N").mean, found.difference("V").error.round(3)
        (array([3., 3.]), array([0.601, 0.601]))
        """
        against = [label for label in self.labels if label != a] if b is None else [b]
        missing = [label for label in (a, *against) if label not in self.labels]
        if missing or not against or a == b:
            wrong = (
                f"label {missing[0]!r} has no example" if missing else f"label {a!r} has none to compare it with"
            )
            raise InputError(f"{wrong}; a difference needs two of the labels: {', '.join(map(repr, self.labels))}")
        of, rest = self._moments(a), self._moments(against[0])
        for label in against[1:]:
            rest = merged(rest, self._moments(label))
        error = np.sqrt(of.deviation() ** 2 / of.n + rest.deviation() ** 2 / rest.n)
        return Difference(of.mean - rest.mean, error)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything to an ``.npz``, whole or not at all; `load_averages` reads it.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        facts = {name: getattr(self, name) for name in ("labels", "method", "target", "score")}
        arrays = {name: np.stack([getattr(self, name)[k] for k in self.labels]) for name in _ARRAYS}
        with atomically(path) as part, part.open("wb") as file:
            np.savez_compressed(file, facts=np.array(json.dumps(facts)), **arrays)  # type: ignore[arg-type]

    def _moments(self, label: Label) -> Moments:
        count = self.counts[label]
        squares = self.std[label] ** 2 * (count - 1) if count > 1 else np.zeros_like(self.mean[label])
        return Moments(count, self.mean[label], squares)


_ARRAYS = ("counts", "mean", "std", "signal")


def load_averages(path: str | os.PathLike[str]) -> ClassAverages:
    """Read what `ClassAverages.save` wrote.

    Raises
    ------
    RecordingError
        The file is not there, or is no such file.
    """
    if not Path(path).is_file():
        raise RecordingError(f"there is no file {path}; check the path")
    try:
        with np.load(path, allow_pickle=False) as stored:
            facts = json.loads(str(stored["facts"]))
            labels = tuple(facts.pop("labels"))
            arrays = {name: dict(zip(labels, stored[name], strict=True)) for name in _ARRAYS}
    except (KeyError, ValueError, OSError) as error:
        raise RecordingError(f"{path} holds no class averages, or is damaged; write it again") from error
    counts = {label: int(count) for label, count in arrays["counts"].items()}
    return ClassAverages(labels, counts, arrays["mean"], arrays["std"], arrays["signal"], **facts)
