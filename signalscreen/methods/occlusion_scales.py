"""Occlusion at many scales: one map for each length of window."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import OptionError
from signalscreen.method import method
from signalscreen.methods.occlusion import occlusion

Array = npt.NDArray[Any]


@method(gives="map", one_input=True, per_example=("fill",), variants=False, listed=False)
def occlusion_scales(
    score: Any,
    x: Array,
    *,
    windows: Any,
    stride: Any = None,
    fill: Any = "zero",
    per_channel: bool = False,
    credit: str = "mean",
    seed: int = 0,
) -> Array:
    """Occlusion by windows of many lengths, a map for each.

    Parameters
    ----------
    model, x, target, score, class_names, batch_size, progress
        See the conventions page of the documentation.
    windows : sequence of int or of tuple of int
        The windows, each as `occlusion` takes it: samples, or samples on each axis.
    stride, fill, per_channel, credit, seed
        As for `occlusion`, for every window; by default each window's stride is a quarter of it.

    Returns
    -------
    ndarray of float32, shape (batch, windows, *axes), with channels at the end when `per_channel`
        Units of the score, positive where the score fell. Longer windows take more away, so their maps are larger.
        The mean over ``axis=1`` is ``occlusion(..., window=list(windows))``.

    Raises
    ------
    OptionError, InputError
        As `occlusion`; and where there is no window.

    Notes
    -----
    *Reads well as* a picture with time to the right and scale upwards (`plot_scales`). With ``credit="centre"`` the
    values of one place stop growing at the window that holds all of the evidence there.

    Examples
    --------
    >>> class Sum:
    ...     axes = (-2,)
    ...     def __call__(self, x):
    ...         return x.sum((-1, -2))
    ...     def patched(self, x, patches):
    ...         return np.concatenate([self(p.applied(x)) for p in patches])
    >>> occlusion_scales.formula(Sum(), np.array([[[1.0], [2.0], [4.0]]]), windows=(1, 3), stride=1)
    array([[[1., 2., 4.],
            [7., 7., 7.]]])
    """
    listed = list(windows) if isinstance(windows, Iterable) else []
    if not listed:
        raise OptionError(f"windows {windows!r} is not a list of windows; give lengths, such as (10, 20, 40)")
    options = {"stride": stride, "fill": fill, "per_channel": per_channel, "credit": credit, "seed": seed}
    formula = occlusion.formula  # type: ignore[attr-defined]
    maps = [formula(score, x, window=[window], **options) for window in listed]
    return np.stack(maps, axis=1)
