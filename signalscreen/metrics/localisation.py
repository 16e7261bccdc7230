"""How well an attribution points at the places that are known to matter (NumPy only)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from signalscreen.errors import InputError, OptionError
from signalscreen.reprs import by_fields

Floats = NDArray[np.float64]


class LocalisationScore(NamedTuple):
    """Three views of one question, each an array with one number per example (see `localisation_score`)."""

    auc: Floats
    mass: Floats
    pointing: NDArray[np.bool_]

    def __repr__(self) -> str:
        return by_fields(self, self._fields)


def localisation_score(attribution: ArrayLike, mask: ArrayLike, *, smooth: int = 1) -> LocalisationScore:
    r"""Score attributions against masks of the places that are known to matter.

    The relevance of a place is the absolute attribution, summed over channels. By chance ``auc`` is 0.5,
    ``mass`` is the share of places inside the mask, and ``pointing`` is true as often as that share. A map of
    zeros points nowhere: ``auc`` 0.5, ``mass`` 0, ``pointing`` false.

    Parameters
    ----------
    attribution : array, (batch, \*axes) or (batch, \*axes, channels)
        One map per example; signed or not.
    mask : array of bool, (batch, \*axes)
        True where it matters. Every example needs places inside and outside.
    smooth : int, samples
        Width of a moving mean along each axis, taken before scoring. Gradients of an oscillating signal
        oscillate too, and pass through zero inside the mask; about one period of the signal is a good width.

    Returns
    -------
    LocalisationScore
        ``auc``: area under the ROC curve of relevance as a detector of the mask (ties count half).
        ``mass``: share of all relevance that lies inside (the *congruence* of vis, relevance mass accuracy of
        Arras et al.). ``pointing``: is the place of the largest relevance inside (Zhang et al.)?

    Raises
    ------
    InputError
        The shapes do not fit, the attribution is not finite, or a mask is all true or all false.
    OptionError
        `smooth` is less than one.

    References
    ----------
    Arras, L., Osman, A., Samek, W. CLEVR-XAI: a benchmark dataset for the ground truth evaluation of neural
    network explanations. Information Fusion 81, 2022. Zhang, J. et al. Top-down neural attention by
    excitation backprop. IJCV 126, 2018 (the pointing game).

    Examples
    --------
    >>> score = localisation_score([[0.0, 1.0, -3.0, 0.0]], [[False, True, True, False]])
    >>> float(score.auc[0]), float(score.mass[0]), bool(score.pointing[0])
    (1.0, 1.0, True)
    """
    inside = np.asarray(mask, dtype=bool)
    relevance = relevance_of(np.asarray(attribution, dtype=np.float64), inside)
    _check_mask(inside)
    if smooth < 1:
        raise OptionError(f"smooth is {smooth}; give a width of 1 sample or more")
    relevance = _moving_mean(relevance, smooth).reshape(len(inside), -1)
    inside = inside.reshape(len(inside), -1)
    mass = mass_inside(relevance, inside)
    peak = np.take_along_axis(inside, relevance.argmax(axis=1)[:, None], axis=1)[:, 0]
    auc = np.array([roc_auc(r, m) for r, m in zip(relevance, inside, strict=True)])
    return LocalisationScore(auc, mass, peak & (relevance.max(axis=1) > 0))


def relevance_of(attribution: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Absolute attribution, summed over channels if there are any."""
    if not np.isfinite(attribution).all():
        raise InputError("the attribution has values that are not finite; score finite maps")
    relevance = np.abs(attribution)
    if attribution.shape[:-1] == inside.shape:
        relevance = relevance.sum(axis=-1)
    if relevance.shape != inside.shape:
        raise InputError(
            f"the attribution has shape {attribution.shape} and the mask {inside.shape}; "
            "give one mask value per example and place: the attribution's shape without channels"
        )
    return relevance


def _check_mask(inside: NDArray[np.bool_]) -> None:
    """Refuse masks that leave nothing to tell apart."""
    if inside.ndim < 2:
        raise InputError(f"the mask has shape {inside.shape}; give (batch, *axes)")
    share = inside.reshape(len(inside), -1).mean(axis=1)
    one_sided = np.flatnonzero((share == 0) | (share == 1))
    if one_sided.size:
        raise InputError(
            f"the mask of example {one_sided[0]} is all {bool(share[one_sided[0]])}; "
            "leave out examples without places inside and outside"
        )


def _moving_mean(relevance: Floats, width: int) -> Floats:
    """Mean over `width` neighbours along each axis; fewer at the ends."""
    for axis in range(1, relevance.ndim):
        length = relevance.shape[axis]
        place = np.arange(length)
        start = np.maximum(place - (width - 1) // 2, 0)
        stop = np.minimum(place + width // 2 + 1, length)
        before = np.insert(np.cumsum(relevance, axis=axis), 0, 0, axis=axis)
        sums = before.take(stop, axis=axis) - before.take(start, axis=axis)
        relevance = sums / (stop - start).reshape([-1 if i == axis else 1 for i in range(sums.ndim)])
    return relevance


def mass_inside(relevance: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Share of each example's relevance, ``(batch, places)``, that lies inside; 0 where there is none."""
    total = relevance.sum(axis=1)
    return np.divide((relevance * inside).sum(axis=1), total, out=np.zeros(len(total)), where=total > 0)


def roc_auc(relevance: Floats, inside: NDArray[np.bool_]) -> float:
    """Chance that a place inside has more relevance than one outside (Mann and Whitney)."""
    _, level, count = np.unique(relevance, return_inverse=True, return_counts=True)
    rank = np.cumsum(count) - (count - 1) / 2  # mean rank of each level of relevance, counted from 1
    n_in = int(inside.sum())
    n_out = inside.size - n_in
    return float((rank[level][inside].sum() - n_in * (n_in + 1) / 2) / (n_in * n_out))
