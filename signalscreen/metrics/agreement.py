"""Agreement of attributions with what people marked: ROC AUC by place, section and interval, and congruence."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from signalscreen.errors import InputError, OptionError
from signalscreen.metrics.localisation import mass_inside, relevance_of, roc_auc
from signalscreen.reduction import reduce

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Agreement(NamedTuple):
    """How far attributions and annotations agree, over all examples together.

    Attributes
    ----------
    pixel, section, interval : float
        Area under the ROC curve of the map as a detector of the annotation: 0.5 by chance, 1 at best. NaN where all
        sections or intervals are annotated, or none.
    congruence : float
        Share of the relevance that lies inside the annotation, mean over the annotated examples.
    annotated : float
        Share of the places that is annotated, mean over the same examples: what `congruence` is by chance.
    examples : int
        That were compared.
    dropped : int
        Examples left out because their map is zero everywhere.
    """

    pixel: float
    section: float
    interval: float
    congruence: float
    annotated: float
    examples: int
    dropped: int


def annotation_agreement(
    attribution: ArrayLike,
    annotation: ArrayLike,
    *,
    intervals: int = 6,
    signed: bool = False,
    axis: int | None = None,
) -> Agreement:
    r"""Compare attributions with annotations of the same signals.

    Maps are first brought to one scale, since all examples are ranked together.

    Parameters
    ----------
    attribution : array, (batch, \*axes) or (batch, \*axes, channels)
        One map per example. Channels are added up.
    annotation : array of bool, (batch, \*axes) or (batch, length)
        True where people marked something; `interval_mask` makes it from lists of starts and ends. Examples where
        nothing is marked count as well, except in `congruence`.
    intervals : int
        How many equal parts each axis is cut into for ``interval``; one is annotated where any place in it is.
    signed : bool
        Rank what raises the score above what lowers it: ``m / (2 max|m|) + 0.5``. By default magnitudes are ranked,
        brought to 0..1.
    axis : int, optional
        For maps of images whose annotation is a row of ``length`` for each: the axis of one example's attribution
        along which it lies, -1 for columns. Over all others the map's maximum is ranked, and its sum is the
        relevance.

    Returns
    -------
    Agreement
        By ``pixel`` each place counts; by ``section`` the maximum within each annotated and each clean run (region
        of an image); by ``interval`` the maximum within each of the equal parts.

    Raises
    ------
    InputError
        Shapes do not fit, a map is not finite, all are zero, or the annotation is all true or all false.
    OptionError

    Notes
    -----
    `localisation_score` answers the same for each example alone: its ``auc`` is ``pixel`` and its ``mass`` is
    ``congruence``. The AUC here, as in vis, ranks the places of all examples together. Since each map is scaled by
    itself, the map of a signal with nothing marked has a place of the highest rank as well: leave such signals out
    unless that is to count.

    References
    ----------
    vis, ``validation_metrics.py`` and ``congruence.py`` (PPG quality, annotated by people).

    Examples
    --------
    >>> mask = interval_mask([[2, 4], [0, 1, 3, 4]], length=6)
    >>> found = annotation_agreement([[0, 1, 4, 3, 0, 0], [5, 0, 0, 1, 2, 0]], mask, intervals=3)
    >>> round(found.pixel, 3), round(found.section, 3), round(found.congruence, 3), round(found.annotated, 3)
    (0.938, 0.833, 0.812, 0.333)
    """
    if not isinstance(intervals, int | np.integer) or intervals < 1:
        raise OptionError(f"intervals {intervals!r} is no number of parts; give 1 or more")
    maps, mask = np.asarray(attribution, np.float64), _read_mask(annotation)
    _check_maps(maps, mask, axis)
    rows = np.flatnonzero(maps.reshape(len(maps), -1).any(axis=1))
    kept, marked = maps[rows], mask[rows]
    _check_two_kinds(marked)
    ranked, relevance = _merged(kept, marked, signed) if axis is None else _along(kept, axis, signed)
    pairs = list(zip(ranked, marked, strict=True))
    flat = marked.reshape(len(marked), -1)
    annotated = flat.any(axis=1)
    mass = mass_inside(relevance.reshape(flat.shape), flat)
    return Agreement(
        pixel=roc_auc(ranked.ravel(), marked.ravel()),
        section=_pooled([_by_section(*pair) for pair in pairs]),
        interval=_pooled([_by_interval(*pair, intervals) for pair in pairs]),
        congruence=float(mass[annotated].mean()),
        annotated=float(flat[annotated].mean()),
        examples=len(rows),
        dropped=len(maps) - len(rows),
    )


def interval_mask(intervals: Sequence[ArrayLike], length: int, *, fs: float | None = None) -> Mask:
    """Lists of starts and ends as a mask.

    Parameters
    ----------
    intervals : sequence of array_like
        For each example ``[start, end, start, end, ...]``, or pairs of them; the end is the first sample after it.
        An empty list marks nothing, and intervals may overlap.
    length : int
        Samples of each example.
    fs : float, optional
        Sampling frequency in Hz, where intervals are in seconds.

    Returns
    -------
    ndarray of bool, shape (batch, length)

    Raises
    ------
    InputError
        A list has an odd length, an interval ends before it starts, or lies outside the signal.

    Examples
    --------
    >>> interval_mask([[0.0, 0.5, 1.5, 2.0], []], length=4, fs=2).astype(int)
    array([[1, 0, 0, 1],
           [0, 0, 0, 0]])
    """
    mask = np.zeros((len(intervals), length), bool)
    for row, (inside, given) in enumerate(zip(mask, intervals, strict=True)):
        flat = np.asarray(given, np.float64).ravel()
        if flat.size % 2:
            raise InputError(
                f"intervals of example {row} has {flat.size} numbers; give a start and an end for each"
            )
        places = flat if fs is None else flat * fs
        if not ((places >= 0) & (places <= length)).all():  # false for NaN too
            end = f"{length} samples" if fs is None else f"{length / fs:g} s"
            raise InputError(f"intervals of example {row} reach outside the signal, which is 0 to {end} long")
        for start, end in np.floor(places + 1e-9).astype(int).reshape(-1, 2):  # 0.3 s at 10 Hz is sample 3
            if end < start:
                raise InputError(f"intervals of example {row} has one from {start} to {end}; give the start first")
            inside[start:end] = True
    return mask


def _read_mask(annotation: ArrayLike) -> Mask:
    given = np.asarray(annotation)
    if given.dtype.kind not in "biuf" or not np.isin(given, (0, 1)).all():
        raise InputError(
            "annotation holds other values than true and false; give a mask, which interval_mask makes from lists "
            "of starts and ends"
        )
    return given.astype(bool)


def _check_maps(maps: Floats, mask: Mask, axis: int | None) -> None:
    """Raise unless there is a finite map for each annotation, of its shape."""
    if axis is None:
        fits = mask.ndim > 1 and mask.shape in (maps.shape, maps.shape[:-1])
    else:
        inside = isinstance(axis, int | np.integer) and 1 - maps.ndim <= axis < maps.ndim - 1
        fits = inside and mask.shape == (len(maps), maps.shape[1:][axis])
    if not fits or not mask.size:
        raise InputError(
            f"the attribution has shape {maps.shape} and the annotation {mask.shape}; give one value per example "
            "and place, or rows of an image's annotation with the axis along which they lie"
        )
    if not np.isfinite(maps).all():
        raise InputError("the attribution has values that are not finite; compare finite maps")
    if not maps.any():
        raise InputError("every map is zero everywhere, so there is nothing to compare; look at the method")


def _check_two_kinds(mask: Mask) -> None:
    if mask.all() or not mask.any():
        raise InputError(
            f"the annotation of the {len(mask)} examples whose map is not zero is all {bool(mask.all())}, so there "
            "is nothing to tell apart; give examples with places of both kinds"
        )


def _merged(maps: Floats, mask: Mask, signed: bool) -> tuple[Floats, Floats]:
    """What is ranked, and the relevance whose mass is counted, channels added up."""
    relevance = relevance_of(maps, mask)
    sums = maps if maps.shape == mask.shape else maps.sum(axis=-1)
    return _on_one_scale(sums if signed else relevance, signed), relevance


def _along(maps: Floats, axis: int, signed: bool) -> tuple[Floats, Floats]:
    """The same along one axis: the maximum over all others, and the sum."""
    moved = np.moveaxis(maps, axis if axis < 0 else axis + 1, 1)
    others = moved.reshape(*moved.shape[:2], -1)
    relevance = np.abs(others)
    return _on_one_scale(others if signed else relevance, signed).max(axis=-1), relevance.sum(axis=-1)


def _on_one_scale(values: Floats, signed: bool) -> Floats:
    """Each example from 0 to 1: by its extremes, or with zero in the middle."""
    places = values[..., None]
    return reduce(places, "sum", scale="max_abs") / 2 + 0.5 if signed else reduce(places, "sum", scale="min_max")


def _by_section(ranked: Floats, mask: Mask) -> tuple[Floats, Mask]:
    """The maximum of each annotated and of each clean region, and which they are."""
    found = []
    for kind in (mask, ~mask):
        regions, count = ndimage.label(kind)
        found.append(np.asarray(ndimage.maximum(ranked, regions, np.arange(1, count + 1)), np.float64))
    return np.concatenate(found), np.arange(sum(map(len, found))) < len(found[0])


def _by_interval(ranked: Floats, mask: Mask, parts: int) -> tuple[Floats, Mask]:
    """The maximum of each of the equal parts, and whether any place in it is annotated."""
    number = [np.arange(n) * min(parts, n) // n for n in mask.shape]
    tiles = np.ravel_multi_index(np.meshgrid(*number, indexing="ij"), [int(n[-1]) + 1 for n in number])
    each = np.arange(tiles.max() + 1)
    values = np.asarray(ndimage.maximum(ranked, tiles, each), np.float64)
    return values, np.asarray(ndimage.maximum(mask, tiles, each), bool)


def _pooled(examples: list[tuple[Floats, Mask]]) -> float:
    """ROC AUC over what all examples hold; NaN where it is of one kind."""
    values, kinds = (np.concatenate(parts) for parts in zip(*examples, strict=True))
    return roc_auc(values, kinds) if kinds.any() and not kinds.all() else float("nan")
