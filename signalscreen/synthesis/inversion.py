"""Inverted representations: what a layer still knows of a signal, as a signal."""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError
from signalscreen.synthesis import priors
from signalscreen.synthesis.activation import allowed
from signalscreen.synthesis.checks import check_counts, check_limits, check_seed, check_weights, quarter_range
from signalscreen.synthesis.constraints import constraints
from signalscreen.synthesis.objective import penalised
from signalscreen.synthesis.result import Inversion
from signalscreen.synthesis.start import begin, placed
from signalscreen.targets import Unit

Array = npt.NDArray[Any]


def invert(
    model: Any,
    x: Any,
    layer: str | int | Any,
    *,
    input: int | str | None = None,
    seed: int = 0,
    steps: int = 400,
    optimizer: Any = "adam",
    learning_rate: Any = 0.05,
    content: float = 0.1,
    alpha: float = 6.0,
    alpha_weight: float = 1e-7,
    beta: float = 2.0,
    tv: float = 1e-8,
    limits: tuple[float, float] | None = None,
    band: tuple[float | None, float | None] | None = None,
    fs: float | None = None,
    score: str = "logit",
    batch_size: int | None = None,
    progress: bool | None = None,
    channels: Any = None,
    examine: bool = True,
) -> Inversion:
    r"""Make inputs that have the features of given ones at a layer: what differs, the layer does not see.

    Parameters
    ----------
    model : keras.Model or path
    x : array_like, shape (batch, *axes, channels)
        Examples, one inverted input for each; a list or dict of arrays for several inputs.
    layer : str, int or keras.Layer
        By name (``outer/inner`` when nested), index, or object.
    input : int or str, optional
        Which of several inputs is made; the others are held at `x`.
    seed : int
        Of the noise that is begun from.
    steps : int
    optimizer : str or keras.optimizers.Optimizer
    learning_rate : float or keras.optimizers.schedules.LearningRateSchedule
        In units of a quarter of each example's range.
    content, alpha_weight, tv : float
        Weights of the features' distance, the alpha-norm and the total variation, of the input in units of a
        quarter of each example's range.
    alpha, beta : float
        Powers of the norm and the total variation.
    limits, band, fs
        Constraints on the input, as for `maximize_activation`.
    score : {"logit", "probability"}
        Whether the output layer counts before its softmax or sigmoid.
    batch_size : int, optional
    progress : bool, optional
    channels : {"first", "last"}, int or tuple of int, optional
        Where `x` holds its channels, if the model's layers do not say.
    examine : bool
        Compare the trace with the model's plain call first; see the conventions page.

    Returns
    -------
    Inversion
        ``.x`` shaped like `x`, and ``.error``, the relative distance of the features that is left.

    Raises
    ------
    LayerError, InputError, OptionError

    Notes
    -----
    Minimises, with phi what the layer gives and z the input in units of a quarter of each example's range:

    .. math:: c \frac{|\phi(x) - \phi(x_0)|^2}{|\phi(x_0)|^2} + w_\alpha \sum |z|^\alpha
              + w_{tv} \sum \left(\sum_{axes} (\Delta z)^2\right)^{\beta/2}

    with the weights of pytorch-cnn-visualizations. There the optimiser is SGD with momentum at a rate of 10^4, fit
    for one network and one size of image; Adam needs no such number, and is the default here.
    ``optimizer=keras.optimizers.SGD(1e4, momentum=0.9)`` gives the other.

    References
    ----------
    Mahendran & Vedaldi 2015, "Understanding Deep Image Representations by Inverting Them".

    Examples
    --------
    >>> import keras, numpy as np
    >>> net = keras.Sequential([keras.Input((8, 1)), keras.layers.Conv1D(4, 3, name="conv")])
    >>> made = invert(net, np.sin(np.arange(8)), "conv")
    >>> made.x.shape, bool(made.error[0] < 0.05)
    ((1, 8, 1), True)
    """
    check_counts(steps=steps)
    check_weights(content=content, alpha_weight=alpha_weight, tv=tv, alpha=alpha, beta=beta)
    check_seed(seed)
    limits = check_limits(limits)
    common = {
        "score": score,
        "batch_size": batch_size,
        "progress": progress,
        "channels": channels,
        "examine": examine,
    }
    bound, wanted = begin(
        model, Unit(layer), x, rows=None, length=None, which=input, noise=(0, 0, 0), common=common, what="x"
    )
    _check_seen(bound.feature_distance(wanted, wanted, layer)[1], layer)
    unit = quarter_range(wanted)
    chain = constraints(wanted.shape[1:], limits=limits, band=band, fs=fs)
    size = wanted[0].size

    def closeness(x: Array, _: int) -> tuple[Array, Array]:
        distance, power, gradient = bound.feature_distance(x, wanted, layer)
        return -distance / power, -gradient / power.reshape(-1, *[1] * (x.ndim - 1))

    objective = penalised(
        closeness,
        [(alpha_weight, partial(priors.alpha_norm, alpha=alpha)), (tv, partial(priors.total_variation, beta=beta))],
        gain=content,
        scale=unit,
        along=[step.along for step in chain],
    )
    start = [0.1 * np.random.default_rng([seed, row]).normal(size=size) for row in range(len(wanted))]
    from signalscreen.synthesis.loop import ascend

    made = ascend(
        objective,
        (np.reshape(start, wanted.shape) * unit).astype(wanted.dtype),
        steps=steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        scale=unit,
        project=partial(allowed, chain=chain),
        track=lambda counted: bound.track(counted, steps + 1, "inversion"),
    )
    return Inversion(**vars(placed(made, bound)))


def _check_seen(power: Array, layer: Any) -> None:
    silent = ~(power > 0)
    if silent.any():
        raise InputError(
            f"layer {getattr(layer, 'name', layer)!r} gives only zeros for example {int(np.argmax(silent))}, "
            "so there is nothing to reconstruct from; leave the example out, or give an earlier layer"
        )
