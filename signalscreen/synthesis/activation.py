"""Activation maximisation: the input that a class, a filter or a position answers to most."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import OptionError
from signalscreen.synthesis import constraints, priors
from signalscreen.synthesis.result import Synthesis
from signalscreen.synthesis.start import begin

Array = npt.NDArray[Any]
Projection = Callable[[Array, int], Array]

_RULES = (None, "guided", "guided_conv", "deconvnet", "deconvnet_conv")


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
) -> Synthesis:
    """Make the input that a unit answers to most.

    Parameters
    ----------
    model : keras.Model or path
    target : int, sequence of int, str, tuple, callable or Unit
        What is maximised: a class, a filter of a layer, a position, any function; not None.
    start : {"noise", "zeros"} or array_like
        What to begin from; signals of shape ``(rows, *axes, channels)`` give one row each. With several inputs a
        list or dict of arrays gives the values at which the others are held; else they are held at zero.
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
        In units of the scale: a quarter of the range of `limits` where given, else `rms`, else 1.
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
    lp, tv, smoothness, weight_decay : float
        Weights of the penalties: L-p norm and total variation as in keras-vis, squared second differences, and
        half the squares; all divided by the number of values of a row, of the input in units of the scale.
    p : float
        Power of the L-p norm.
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
    Maximises :math:`S(x) - \\sum_i w_i R_i(x)` over the inputs that the constraints allow, by projected gradient
    ascent. With no option it is the formulation of Erhan et al. (2009), the strongest answer among inputs of bounded
    energy. A piecewise linear network has no largest logit, so something must bound the input: with
    ``rms=None`` and no limits or penalties, the result only says how long the optimiser ran.

    References
    ----------
    Erhan, Bengio, Courville, Vincent 2009; Simonyan et al. 2014; the regularisers are those of keras-vis, of
    Mahendran & Vedaldi 2015, and (`spectrum`) of Fel et al. 2023, "Unlocking Feature Visualization ... with
    Magnitude Constrained Optimization".

    Examples
    --------
    >>> import keras
    >>> net = keras.Sequential([keras.Input((3, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    >>> net.set_weights([np.array([[0.0], [3.0], [4.0]]), np.zeros(1)])
    >>> maximize_activation(net, 0, rms=1.0).best[:, 0].round(2) + 0.0  # along the weights, of length sqrt(3)
    array([0.  , 1.04, 1.39], dtype=float32)
    """
    _check_numbers(steps, rules, blur_every)
    weights = {"lp": lp, "tv": tv, "smoothness": smoothness, "weight_decay": weight_decay, "blur": blur}
    _check_weights(weights)
    rms = _bound(rms, limits, spectrum)
    centre, scale = _units(limits, rms)
    common = {"score": score, "class_names": class_names, "batch_size": batch_size, "progress": progress}
    bound, x = begin(
        model,
        target,
        start,
        rows=seeds,
        length=length,
        which=input,
        noise=(centre, 0.2 * scale, seed),
        common=common,
    )
    project, in_band = allowed(
        x, rms=rms, limits=limits, band=band, fs=fs, spectrum=spectrum, blur=blur, blur_every=blur_every
    )
    from signalscreen.synthesis.loop import ascend
    from signalscreen.synthesis.objective import clipped, jittered, penalised, shifts_of, unit_rms

    shifts = shifts_of(jitter, x.shape[1:-1], steps=steps, rows=len(x), seed=seed)
    shaping = [in_band] if in_band else []
    shaping += [unit_rms] if normalise_gradient else []
    shaping += [partial(clipped, norm=clip_gradient)] if clip_gradient is not None else []
    objective = penalised(
        jittered(bound, rules, shifts),
        penalties(x[0].size, p=p, **{k: w for k, w in weights.items() if k != "blur"}),
        centre=centre,
        scale=scale,
        shape_gradient=shaping,
    )
    return ascend(
        objective,
        x,
        steps=steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        scale=scale,
        project=project,
        track=lambda steps: bound.track(steps, len(steps), "synthesis"),
    )


def penalties(size: int, *, p: float = 6.0, **weights: float) -> list[tuple[float, Any]]:
    """The penalties that have a weight, each divided by the number of values of a row."""
    known = {
        "lp": partial(priors.lp_norm, p=p),
        "tv": priors.total_variation,
        "smoothness": priors.roughness,
        "weight_decay": priors.energy,
    }
    return [(weight / size, known[name]) for name, weight in weights.items() if weight]


def allowed(
    x: Array,
    *,
    rms: float | None,
    limits: tuple[float, float] | None,
    band: Any,
    fs: float | None,
    spectrum: Any,
    blur: float,
    blur_every: int,
) -> tuple[Projection, Callable[[Array], Array] | None]:
    """The projection on what is allowed, and the one on the band alone; limits have the last word."""
    shape = x.shape[1:]
    if (band is not None or spectrum is not None or blur) and len(shape) < 2:
        raise OptionError("band, spectrum and blur run along the signal's axes, and the model's input has none")
    passed = None if band is None else constraints.band_of(band, shape[:-1], fs)
    amplitudes = None if spectrum is None else constraints.amplitudes_of(spectrum, shape)
    if amplitudes is not None and passed is not None:
        amplitudes = amplitudes * passed[..., None]
    chain: list[Callable[[Array], Array]] = []
    if amplitudes is not None:
        chain.append(partial(constraints.with_amplitudes, amplitudes=amplitudes))
    elif passed is not None:
        chain.append(partial(constraints.in_band, passed=passed))
    if rms is not None:
        chain.append(partial(constraints.no_stronger, rms=rms))
    if limits is not None:
        chain.append(partial(constraints.within, limits=limits))

    def project(x: Array, step: int) -> Array:
        if blur and step and step % blur_every == 0:
            x = constraints.blurred(x, blur)
        for one in chain:
            x = one(x)
        return x

    return project, None if passed is None else partial(constraints.in_band, passed=passed)


def _bound(rms: Any, limits: Any, spectrum: Any) -> float | None:
    if limits is not None:
        numbers = isinstance(limits, tuple | list) and len(limits) == 2
        if not numbers or not np.isfinite(limits).all() or not limits[0] < limits[1]:
            raise OptionError(f"limits {limits!r} do not rise; give (lowest, highest) in the signal's units")
    if isinstance(rms, str) and rms == "auto":
        return None if limits is not None or spectrum is not None else 1.0
    if rms is None:
        return None
    if isinstance(rms, str | bool) or not np.isfinite(rms) or rms <= 0:
        raise OptionError(f"rms {rms!r} is not known; give a positive number in the signal's units, 'auto' or None")
    if spectrum is not None:
        raise OptionError("rms given beside spectrum, which already fixes it; leave one out")
    return float(rms)


def _units(limits: tuple[float, float] | None, rms: float | None) -> tuple[float, float]:
    """Where noise lies, and what counts as one."""
    if limits is None:
        return 0.0, 1.0 if rms is None else rms
    return (limits[0] + limits[1]) / 2, (limits[1] - limits[0]) / 4


def _check_numbers(steps: Any, rules: Any, blur_every: Any) -> None:
    for name, value in (("steps", steps), ("blur_every", blur_every)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise OptionError(f"{name} {value!r} is no number of steps; give 1 or more")
    if rules not in _RULES:
        raise OptionError(f"rules {rules!r} are not known; give one of {', '.join(map(repr, _RULES))}")


def _check_weights(weights: dict[str, Any]) -> None:
    for name, value in weights.items():
        if isinstance(value, bool | str) or not np.isfinite(value) or value < 0:
            raise OptionError(f"{name} {value!r} is no weight; give 0 or more")
