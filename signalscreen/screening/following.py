"""What in a store follows from other arrays of it: flags, gaps, places, windows without an answer. NumPy only.

Checksums tell that a chunk is what was written. This tells that chunks belong together, and is all that stores of
the older layout have.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_SHOWN = 5  # places of windows in a sentence
Array = NDArray[Any]
Rows = NDArray[np.bool_]

# The arrays that `contradictions` compares.
WINDOWS = (
    *("window_start", "window_start_s", "window_lead", "gap", "probability", "logit", "score", "target"),
    *("flagged", "explained", "unanswered"),
)


class Contradiction(NamedTuple):
    """An array that does not follow from the others.

    Attributes
    ----------
    name : str
    rows : ndarray of int
        Windows.
    words : str
        What is so that cannot be.
    """

    name: str
    rows: NDArray[np.intp]
    words: str


def unanswered_of(arrays: Mapping[str, Any]) -> Rows:
    """Which windows without gaps the model gave no number for: NaN or infinity.

    They are not flagged, since nothing can be above a threshold then; that says nothing about them.

    Parameters
    ----------
    arrays : mapping
        ``gap``, ``score``, and ``probability`` where there are classes; each with a row per window.

    Returns
    -------
    ndarray of bool, shape (windows,)

    Examples
    --------
    >>> nan = float("nan")
    >>> unanswered_of({"gap": np.array([0, 0, 1]), "score": np.array([nan, 0.5, nan])}).tolist()
    [True, False, False]
    """
    probability = arrays.get("probability")
    known = np.isfinite(arrays["score"]) if probability is None else np.isfinite(probability).all(axis=1)
    return ~known & (np.asarray(arrays["gap"]) == 0)


def unanswered_said(seconds: Sequence[float], windows: int) -> str:
    """Say which windows the model gave no number for.

    >>> unanswered_said([10.0, 12.5], 700).split(":")[0]
    'the model gave NaN or infinity for 2 of 700 windows without gaps, at 10, 12.5 s'
    """
    shown = ", ".join(f"{at:g}" for at in seconds[:_SHOWN]) + (", ..." if len(seconds) > _SHOWN else "")
    return (
        f"the model gave NaN or infinity for {len(seconds)} of {windows} windows without gaps, at {shown} s: they "
        "are not flagged, and nothing is known about them (array unanswered); see what it gives for them (a root "
        "or logarithm below zero, an overflow)"
    )


def flagged_of(probability: Array, alarm: int, threshold: float) -> Rows:
    """Which windows are above the threshold; none where there is no alarm, or no number."""
    none = np.zeros(len(probability), bool)
    return none if alarm < 0 else np.asarray(probability[:, alarm] > threshold)


def contradictions(attributes: Mapping[str, Any], arrays: Mapping[str, Array], rows: Rows) -> list[Contradiction]:
    """Compare the arrays of windows with each other.

    Parameters
    ----------
    attributes : mapping
        Of the store.
    arrays : mapping
        Those of `WINDOWS` that the store has.
    rows : ndarray of bool, shape (windows,)
        Windows that are done: of others only what is known beforehand is looked at.

    Returns
    -------
    list of Contradiction
        Empty where all is well.
    """
    found = [
        *_of_places(attributes, arrays),
        *((name, wrong & rows, words) for name, wrong, words in _of_answers(attributes, arrays)),
    ]
    return [Contradiction(name, np.flatnonzero(wrong), words) for name, wrong, words in found if wrong.any()]


def _of_places(attributes: Mapping[str, Any], arrays: Mapping[str, Array]) -> Iterator[tuple[str, Rows, str]]:
    start = arrays["window_start"]
    yield "window_start", start < 0, "it begins before the recording"
    seconds = attributes["start"] + start / attributes["fs"]
    off = ~(np.abs(arrays["window_start_s"] - seconds) <= 1e-9 * np.maximum(np.abs(seconds), 1.0))
    yield "window_start_s", off, "its seconds are not those of its sample"


def _of_answers(attributes: Mapping[str, Any], arrays: Mapping[str, Array]) -> Iterator[tuple[str, Rows, str]]:
    gap, flagged, explained = (arrays[name] for name in ("gap", "flagged", "explained"))
    for name in ("gap", "flagged", "explained"):
        yield name, arrays[name] > 1, "it is neither 0 nor 1"
    for name in ("probability", "logit", "score"):
        if name in arrays:
            known = np.isfinite(arrays[name])
            yield (
                name,
                (gap == 1) & (known.any(axis=1) if known.ndim > 1 else known),
                "it has a number where there is a gap",
            )
    above = np.zeros(len(gap), bool)
    if "probability" in arrays:
        # Of float32, as stored: the model's own probability may be nearer to the threshold than that tells.
        above = flagged_of(arrays["probability"], attributes["alarm"], attributes["threshold"])
        near = _near(arrays["probability"], attributes["alarm"], attributes["threshold"])
        above = np.where(near, flagged > 0, above)
    yield "flagged", (flagged > 0) != above, "it does not follow from probability and threshold"
    rule = json.loads(attributes["facts"]).get("settings", {}).get("explain")
    wanted = {"all": gap == 0, "flagged": flagged > 0, "none": np.zeros(len(gap), bool)}.get(rule)
    if wanted is not None:
        yield "explained", (explained > 0) != wanted, "it is not what was to be explained"
    if "unanswered" in arrays:
        wrong = (arrays["unanswered"] > 0) != unanswered_of(arrays)
        yield "unanswered", wrong, "it does not follow from what the model gave"
    yield from _of_targets(arrays)


def _of_targets(arrays: Mapping[str, Array]) -> Iterator[tuple[str, Rows, str]]:
    """A score is the logit or the probability of its class."""
    if "probability" not in arrays:
        return
    target, score = arrays["target"], arrays["score"]
    classes = arrays["probability"].shape[1]
    yield "target", (target < -1) | (target >= classes), "there is no such class"
    at = np.clip(target, 0, classes - 1)[:, None]
    same = np.zeros(len(score), bool)
    for name in ("probability", "logit"):
        if name in arrays:
            value = np.take_along_axis(arrays[name], at, axis=1)[:, 0]
            same |= (value == score) | (np.isnan(value) & np.isnan(score))
    yield "score", (target >= 0) & ~same, "it is neither logit nor probability of its class"


def _near(probability: Array, alarm: int, threshold: float) -> Rows:
    """Where float32 cannot tell on which side of the threshold a number of more digits was."""
    if alarm < 0 or probability.dtype != np.float32:
        return np.zeros(len(probability), bool)
    return np.asarray(probability[:, alarm] == np.float32(threshold))
