"""The columns of the list of windows, by which a reviewer sorts. NumPy and SciPy only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from signalscreen.review.pyramid import Pyramid
from signalscreen.review.record import StoredRecord

_AROUND = 8  # lengths of a window on each side: what a patient's state a minute or so around lets one expect
_FLOOR = 1e-3  # probabilities nearer to 0 or 1 are not told apart: no network knows them so well


def window_columns(record: StoredRecord, pyramid: Pyramid) -> dict[str, NDArray[Any]]:
    r"""Give all that the list shows, one row per window, in order of time.

    Returns
    -------
    dict
        ``start`` (samples), ``start_s``, ``lead`` (index, -1 for all), ``probability`` (windows, classes),
        ``score``, ``target``, ``flagged``, ``gap``, ``explained``, ``unanswered`` (the model gave NaN or infinity),
        ``surprise`` (bits), and for each method
        ``strength_METHOD`` (mean \|attribution\|). NaN where nothing is known.
    """
    lead, probability = record.read("window_lead"), record.probability()
    return {
        "start": record.read("window_start").astype(np.int32 if record.n < 2**31 else np.float64),
        "start_s": record.read("window_start_s"),
        "lead": lead,
        "probability": probability,
        **{name: record.read(name) for name in ("score", "target", "flagged", "gap", "explained")},
        "unanswered": record.unanswered().astype(np.uint8),
        "surprise": surprise(probability, lead, _neighbours(record)),
        **{f"strength_{method}": means for method, means in pyramid.strength.items()},
    }


def surprise(probability: NDArray[np.floating], lead: NDArray[np.integer], neighbours: int) -> NDArray[np.float32]:
    """How far the model's answer for a window is from what its neighbours lead one to expect, in bits.

    What is expected is the median of each class's probability over the neighbours on both sides and the window,
    scaled to add up to 1; the surprise is the Kullback-Leibler divergence of the window's own distribution from
    it, as in the Bayesian surprise of Itti and Baldi (2009, Vision Research 49:1295-1306). The median, so that
    an episode shorter than half the neighbourhood does not hide itself. A high score in an hour of high scores
    is no surprise; one quiet window among them is, and so is a doubt where all around is sure, of whatever
    class. Probabilities are taken as at least 1/1000, so that it is at most 10 bits a class.

    Parameters
    ----------
    probability : ndarray, shape (windows, classes)
        NaN in windows without an answer, which are nobody's neighbours. Rows that do not add up to 1 (one
        sigmoid, or several) are taken as independent yes-or-no answers, whose surprises add up.
    lead : ndarray of int, shape (windows,)
        Windows of one lead are neighbours to each other only.
    neighbours : int
        On each side.

    Returns
    -------
    ndarray of float32, shape (windows,)
        NaN in windows without an answer.

    Examples
    --------
    >>> p = np.tile([0.9, 0.1], (9, 1))
    >>> p[4] = [0.1, 0.9]
    >>> [round(bits, 2) for bits in surprise(p, np.full(9, -1), neighbours=4).tolist()]
    [0.0, 0.0, 0.0, 0.0, 2.54, 0.0, 0.0, 0.0, 0.0]
    """
    found = np.full(len(probability), np.nan, np.float32)
    answered = np.isfinite(probability).all(axis=1) & (probability.shape[1] > 0)
    for one in np.unique(lead):
        rows = np.flatnonzero(answered & (lead == one))
        if len(rows):
            found[rows] = _divergence(probability[rows].astype(np.float64), neighbours)
    return found


def _divergence(p: NDArray[np.float64], neighbours: int) -> NDArray[np.float64]:
    one_of_several = p.shape[1] > 1 and bool(np.allclose(p.sum(axis=1), 1, atol=1e-3))
    p = p[:, None] if one_of_several else np.stack([p, 1 - p], axis=-1)
    expected = np.apply_along_axis(median_filter, 0, p, size=2 * neighbours + 1, mode="nearest")
    own, expected = _distribution(p), _distribution(expected)
    bits = (own * np.log2(own / expected)).sum(axis=(1, 2))
    return np.maximum(bits, 0.0)


def _distribution(p: NDArray[np.float64]) -> NDArray[np.float64]:
    p = np.clip(p, _FLOOR, 1)
    return p / p.sum(axis=-1, keepdims=True)


def _neighbours(record: StoredRecord) -> int:
    """How many windows begin within `_AROUND` lengths of a window, on each side."""
    window, hop = int(record.attributes["window_samples"]), int(record.attributes["hop_samples"])
    return _AROUND * window // max(hop, 1)
