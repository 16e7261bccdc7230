"""How much of an explanation lies on bad signal."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from signalscreen.errors import InputError
from signalscreen.quality.flags import FLAGS

Sums = NDArray[np.float64]


class Share(NamedTuple):
    """Two shares of one kind of sample: of all relevance, and of all explained time, which is chance."""

    relevance: float
    time: float


def share_on_bad(attribution: ArrayLike, bad: ArrayLike) -> dict[str, Share]:
    """Which share of an explanation lies on each kind of bad signal.

    An explanation that points at noise is a verdict on the model. Read ``relevance`` beside ``time``: maps that
    know nothing of the noise have both alike.

    Parameters
    ----------
    attribution : array_like, shape (samples,) or (samples, leads)
        Signed or not; NaN where nothing was explained, which counts for neither share.
    bad : array_like of int, same shape
        From `bad_signal`.

    Returns
    -------
    dict
        Name of the kind (those of ``FLAGS``, and ``any``) to `Share`. Kinds overlap, so they do not add up. NaN
        where there is no relevance, or nothing explained.

    Raises
    ------
    InputError
        The shapes differ.

    Examples
    --------
    >>> share_on_bad([3.0, -1.0, 0.0, np.nan], [16, 0, 0, 16])["low_quality"]
    Share(relevance=0.75, time=0.3333333333333333)
    """
    return shares_of(sums_on_bad(attribution, bad))


def sums_on_bad(attribution: ArrayLike, bad: ArrayLike) -> Sums:
    """What `share_on_bad` divides; add up those of a recording's slices, and give the sum to `shares_of`.

    Returns
    -------
    ndarray, shape (kinds + 2, 2)
        Relevance and samples: of each kind, of any, of all.

    Raises
    ------
    InputError
        The shapes differ.
    """
    strength, bits = np.abs(np.asarray(attribution, dtype=np.float64)), np.asarray(bad)
    if strength.shape != bits.shape or bits.dtype.kind not in "iu":
        raise InputError(
            f"the attribution has shape {strength.shape}, bad {bits.shape} of {bits.dtype}; give the integers "
            "that bad_signal gives for the samples that were explained"
        )
    known = ~np.isnan(strength)
    strength, bits = strength[known], bits[known]
    masks = [*((bits & bit) > 0 for bit in FLAGS.values()), bits > 0, np.ones(len(bits), dtype=bool)]
    return np.array([(strength[mask].sum(), mask.sum()) for mask in masks])


def shares_of(sums: Sums) -> dict[str, Share]:
    """Shares from the sums of `sums_on_bad`."""
    with np.errstate(invalid="ignore"):  # 0 / 0 where there is nothing: NaN is what is meant
        shares = sums[:-1] / sums[-1]
    return {name: Share(float(a), float(b)) for name, (a, b) in zip([*FLAGS, "any"], shares, strict=True)}
