"""Activation maximisation: the input that a class, a filter or a position answers to most."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy.typing as npt

from signalscreen.errors import OptionError
from signalscreen.synthesis import priors
from signalscreen.synthesis.checks import (
    bounds,
    check_counts,
    check_power,
    check_seed,
    check_weights,
    known_rules,
    per_row,
    units,
)
from signalscreen.synthesis.constraints import Constraint, blurred, constraints
from signalscreen.synthesis.objective import Penalty, jittered, penalised, reshaping, shifts_of
from signalscreen.synthesis.result import Synthesis
from signalscreen.synthesis.start import begin, placed

Array = npt.NDArray[Any]


def maximize_activation(
    model: Any,
    target: Any,
    *,
    start: Any = "noise",
    length: int | tuple[int, ...] | None = None,
    input: int | str | None = None,
    seeds: int | None = None,
    seed: int = 0,
    steps: int = 200,
    optimizer: Any = "adam",
    learning_rate: Any = 0.05,
    rms: float | str | None = "auto",
    limits: tuple[float, float] | None = None,
    band: tuple[float | None, float | None] | None = None,
    fs: float | None = None,
    spectrum: Any = None,
    scale: Any = None,
    lp: float = 0.0,
    p: float = 6.0,
    tv: float = 0.0,
    smoothness: float = 0.0,
    weight_decay: float = 0.0,
    blur: float = 0.0,
    blur_every: int = 4,
    jitter: float = 0,
    rules: str | None = None,
    normalise_gradient: bool = False,
    clip_gradient: float | None = None,
    score: str = "logit",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = None,
    progress: bool | None = None,
    channels: Any = None,
    examine: bool = True,
) -> Synthesis:
    r"""Make the input that a unit answers to most.

    Parameters
    ----------
    model : keras.Model or path
    target : int, sequence of int, str, tuple, callable or Unit
        What is maximised: a class, a filter of a layer, a position, any function; not None.
    start : {"noise", "zeros"} or array_like
        What to begin from: noise of half a `scale` (standard deviation), zeros, or signals of shape
        ``(rows, *axes, channels)``, one row each. With several inputs a list or dict of arrays gives the values at
        which the others are held; else they are held at zero.
    length : int or tuple of int, optional
        Samples, of the axes that the model leaves free.
    input : int or str, optional
        Which of several inputs is made.
    seeds : int, optional
        How many inputs are made, each from noise of its own; by default one, or one for each start or target.
    seed : int
        Row ``i`` depends on `seed` and ``i`` alone: more seeds do not change the first.
    steps : int
        Of the optimiser.
    optimizer : str or keras.optimizers.Optimizer
        Any of Keras that treats each number by itself: "adam", "sgd", "rmsprop", ...
    learning_rate : float or keras.optimizers.schedules.LearningRateSchedule
        In units of `scale`.
    rms : float, "auto" or None
        The most that the root mean square of a row may be, in the signal's units. "auto" is 1, a standardised
        signal, and None where `limits` or `spectrum` already bound the input. None leaves it free.
    limits : tuple of float, optional
        Lowest and highest value, in the signal's units. They have the last word where constraints disagree.
    band : tuple of float, optional
        Lowest and highest frequency in Hz (needs `fs`), None for no end; in cycles per sample, without `fs`, for
        images and volumes.
    fs : float, optional
        Sampling rate in Hz, for `band`.
    spectrum : array_like, optional
        Real signals, or amplitudes as `numpy.fft.rfftn` gives them: the input keeps this amplitude at every
        frequency, and only phases are free (as in MaCo).
    scale : float or array_like of shape (rows,), optional
        What counts as one for rates, penalties and the noise of the start, in the signal's units; by default a
        quarter of the range of `limits` where given, else `rms`, else 1.
    lp, tv, smoothness, weight_decay : float
        Weights of the penalties, of the input in units of `scale`: L-p norm, total variation (both as in keras-vis)
        and squared second differences, divided by the number of values of a row; and half the sum of squares.
    p : float
        Power of the L-p norm, 1 or more.
    blur : float
        Width (standard deviation, samples) of a Gaussian by which the input is smoothed every `blur_every` steps.
    jitter : int or float
        The input is rolled by up to so many samples (below 1: a share of its length) before each gradient is
        taken, and back.
    rules : {None, "guided", "guided_conv", "deconvnet", "deconvnet_conv"}
        Backward rules at rectifiers, the backprop modifiers of keras-vis.
    normalise_gradient : bool
        Divide each row's gradient by its root mean square, so that rates do not depend on the network.
    clip_gradient : float, optional
        The most that the L2 norm of a row's gradient may be.
    score : {"logit", "probability"}
    class_names : sequence of str, optional
    batch_size : int, optional
        Rows per model call.
    progress : bool, optional
        Show a progress bar; by default when it takes more than two seconds in a terminal.
    channels : {"first", "last"}, int or tuple of int, optional
        Where the model's input has its channels, if its layers do not say.
    examine : bool
        Compare the trace with the model's plain call first; see the conventions page.

    Returns
    -------
    Synthesis
        ``.x`` (rows, *axes, channels), ``.score``, ``.objective``, ``.history``; ``.best`` is one input.

    Raises
    ------
    TargetError, LayerError
        The target is None, or not in the model.
    InputError, OptionError
        An option is outside what is allowed, or does not fit the model's input.

    Notes
    -----
    Maximises :math:`S(x) - \sum_i w_i R_i(x)` over the inputs that the constraints allow, by projected gradient
    ascent. With no option it is the formulation of Erhan et al. (2009), the strongest answer among inputs of
    bounded energy. A piecewise linear network has no largest logit, so something must bound the input: with
    ``rms=None`` and no limits or penalties, the result only says how long the optimiser ran. Adam and SGD reach the
    top of inputs of bounded energy; RMSprop and Lion, whose steps have one size, stop within some percent of it.

    References
    ----------
    Erhan, Bengio, Courville, Vincent 2009; Simonyan et al. 2014; the regularisers are those of keras-vis, of
    Mahendran & Vedaldi 2015, and (`spectrum`) of Fel et al. 2023, "Unlocking Feature Visualization ... with
    Magnitude Constrained Optimization".

    Examples
    --------
    >>> import keras, numpy as np
    >>> net = keras.Sequential([keras.Input((3, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    >>> net.set_weights([np.array([[0.0], [3.0], [4.0]]), np.zeros(1)])
    >>> maximize_activation(net, 0, rms=1.0).best[:, 0].round(1) + 0.0  # along the weights, of length sqrt(3)
    array([0. , 1. , 1.4], dtype=float32)
    """
    weights = {"lp": lp, "tv": tv, "smoothness": smoothness, "weight_decay": weight_decay}
    check_counts(steps=steps, blur_every=blur_every)
    check_weights(**weights, blur=blur)
    check_power(p=p)
    check_seed(seed)
    rules = known_rules(rules)
    limits, rms = bounds(limits, rms, spectrum)
    centre, unit = units(limits, rms, scale)
    common = {
        "score": score,
        "class_names": class_names,
        "batch_size": batch_size,
        "progress": progress,
        "channels": channels,
        "examine": examine,
    }
    noise = (centre, 0.5 * unit, seed)
    bound, x = begin(model, target, start, rows=seeds, length=length, which=input, noise=noise, common=common)
    if blur and x.ndim < 3:
        raise OptionError("blur runs along the signal's axes, and the model's input has none; leave it out")
    spectrum = None if spectrum is None else bound.layout.option(spectrum, bound.bound.position)
    chain = constraints(x.shape[1:], rms=rms, limits=limits, band=band, fs=fs, spectrum=spectrum)
    shifts = shifts_of(jitter, x.shape[1:-1], steps=steps, rows=len(x), seed=seed)
    own = per_row(unit, x)
    objective = penalised(
        jittered(bound, rules, shifts),
        penalties(x[0].size, p=p, **weights),
        centre=centre,
        scale=own,
        along=[step.along for step in chain],
        reshape=reshaping(normalise_gradient, clip_gradient),
    )
    from signalscreen.synthesis.loop import ascend

    made = ascend(
        objective,
        x,
        steps=steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        scale=own,
        project=partial(allowed, chain=chain, blur=blur, blur_every=blur_every),
        track=lambda counted: bound.track(counted, steps + 1, "synthesis"),
    )
    return placed(made, bound)


def penalties(
    size: int, *, lp: float, p: float, tv: float, smoothness: float, weight_decay: float
) -> list[tuple[float, Penalty]]:
    """The penalties that have a weight."""
    known: list[tuple[float, Penalty]] = [
        (lp / size, partial(priors.lp_norm, p=p)),
        (tv / size, priors.total_variation),
        (smoothness / size, priors.roughness),
        (weight_decay, priors.energy),
    ]
    return [(weight, penalty) for weight, penalty in known if weight]


def allowed(x: Array, step: int, *, chain: Sequence[Constraint], blur: float = 0.0, blur_every: int = 1) -> Array:
    """The projection of each step: blurred when it is time, then on what is allowed."""
    if blur and step and step % blur_every == 0:
        x = blurred(x, blur)
    for constraint in chain:
        x = constraint.project(x)
    return x
