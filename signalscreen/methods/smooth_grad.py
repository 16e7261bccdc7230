"""SmoothGrad and VarGrad: the mean and variance of any method over noisy copies of the input."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import OptionError
from signalscreen.method import find_method, method
from signalscreen.streams import blocks, noise

Array = npt.NDArray[Any]


@method(variants=False)
def smooth_grad(
    score: Any,
    x: Array,
    *,
    base_method: str = "saliency",
    samples: int = 25,
    level: float = 0.15,
    seed: int = 0,
    **options: Any,
) -> Array:
    """Mean of a method's maps over noisy copies of the input.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    base_method : str
        Any method of `METHODS`.
    samples : int
        Noisy copies.
    level : float
        Standard deviation of the noise, as a part of each example's range (maximum minus minimum).
    seed : int
        The same seed gives the same map however the work is batched.
    **options
        Options of the inner method.

    Returns
    -------
    ndarray of float32
        The shape that `base_method` gives.

    Raises
    ------
    OptionError, MethodError

    Notes
    -----
    *Reads well when* the gradient flickers from sample to sample; *misleads when* the noise itself changes the
    class. Costs `samples` times the inner method.

    References
    ----------
    Smilkov et al. 2017, "SmoothGrad", section 3.
    """
    total: Any = 0.0
    count = 0
    for maps in _noisy_maps(score, x, base_method, samples, level, seed, options):
        total = total + maps.sum(axis=0, dtype=np.float64)
        count, dtype = count + len(maps), maps.dtype
    return (total / count).astype(dtype)


@method(variants=False)
def var_grad(
    score: Any,
    x: Array,
    *,
    base_method: str = "saliency",
    samples: int = 25,
    level: float = 0.15,
    seed: int = 0,
    **options: Any,
) -> Array:
    """Variance of a method's maps over noisy copies of the input.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    base_method, samples, level, seed, **options
        As for `smooth_grad`.

    Returns
    -------
    ndarray of float32
        The shape that `base_method` gives; not negative.

    Raises
    ------
    OptionError, MethodError

    Notes
    -----
    *Reads well when* one asks where the explanation is unsure; *misleads when* read as importance with a sign.

    References
    ----------
    Adebayo et al. 2018, "Local Explanation Methods for Deep Neural Networks Lack Sensitivity to Parameter
    Values", section 2.
    """
    mean: Any = 0.0
    spread: Any = 0.0
    count = 0
    for maps in _noisy_maps(score, x, base_method, samples, level, seed, options):
        dtype = maps.dtype
        for one in maps.astype(np.float64):  # Welford: no large sums to cancel
            count += 1
            step = one - mean
            mean = mean + step / count
            spread = spread + step * (one - mean)
    return (spread / count).astype(dtype)


def _noisy_maps(
    score: Any, x: Array, name: str, samples: int, level: float, seed: int, options: dict[str, Any]
) -> Iterator[Array]:
    if not isinstance(samples, int | np.integer) or samples < 1:
        raise OptionError(f"samples {samples!r} is not a positive number of noisy copies")
    if not isinstance(level, float | int | np.number) or not level >= 0:
        raise OptionError(f"level {level!r} is no positive number; give the noise as a part of the signal's range")
    inner = find_method(name)
    unknown = [option for option in options if option not in inner.options]
    if unknown:
        raise OptionError(
            f"{name} has no option {', '.join(map(repr, unknown))}; its options are "
            f"{', '.join(inner.options) or 'none'}"
        )
    scale = level * score.spread(x)
    room = score.room(x)
    for some in score.track(blocks(samples, room), -(-samples // room), "smooth_grad"):
        drawn = noise(x.shape[1:], seed, range(some.start, some.stop))
        noisy = (x + drawn[:, None] * scale).astype(x.dtype)
        if inner.variants:
            yield inner.formula(score, noisy, **options)
        else:
            yield np.stack([inner.formula(score, one, **options) for one in noisy])
