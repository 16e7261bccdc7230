"""Deep dream: a signal or an image changed towards what a layer finds in it."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import OptionError
from signalscreen.inputs import Layout
from signalscreen.resize import resize
from signalscreen.synthesis.activation import maximize_activation
from signalscreen.synthesis.checks import check_counts, quarter_range
from signalscreen.synthesis.result import Synthesis
from signalscreen.synthesis.start import place_of
from signalscreen.targets import Unit

Array = npt.NDArray[Any]


def deep_dream(
    model: Any,
    x: Any,
    layer: str | int | Any,
    filter: int | None = None,
    *,
    position: int | tuple[int, ...] | None = None,
    reduce: Any = "mean",
    steps: int = 50,
    optimizer: Any = "sgd",
    learning_rate: Any = 0.02,
    octaves: int = 1,
    octave_scale: float = 1.4,
    weight_decay: float = 1e-4,
    normalise_gradient: bool = True,
    **options: Any,
) -> Synthesis:
    """Change signals or images towards what a layer, or a filter of it, finds in them.

    Parameters
    ----------
    model : keras.Model or path
    x : array_like, shape (batch, *axes, channels)
        What to begin from.
    layer, filter, position, reduce
        As for `Unit`: what is raised.
    steps : int
        In each octave.
    optimizer, learning_rate
        A step changes x by `learning_rate` on average, in units of a quarter of each example's range: with the
        gradient normalised, ``steps * learning_rate`` is how far the dream may go.
    octaves : int
        How many sizes of x are dreamt, the smallest first, each handing on what it added; the model must leave the
        length of its input free.
    octave_scale : float
        Ratio of one octave to the next.
    weight_decay : float
    normalise_gradient : bool
    **options
        Those of `maximize_activation`: ``limits``, ``band``, ``smoothness``, ``jitter``, ``batch_size``, ...

    Returns
    -------
    Synthesis
        One row for each example; histories are those of the last octave, of the whole size.

    Raises
    ------
    LayerError, TargetError, InputError, OptionError

    Notes
    -----
    Weight decay and mean activation are those of pytorch-cnn-visualizations; gradients are normalised as in the
    first version by Mordvintsev et al., which makes rates independent of the network.

    References
    ----------
    Mordvintsev, Olah, Tyka 2015, "Inceptionism: Going Deeper into Neural Networks".

    Examples
    --------
    >>> import keras, numpy as np
    >>> net = keras.Sequential([keras.Input((8, 1)), keras.layers.Conv1D(2, 3, name="conv")])
    >>> dream = deep_dream(net, np.sin(np.arange(8)), "conv", 1, steps=5)
    >>> bool(dream.score[0] > dream.score_history[0, 0])
    True
    """
    unit = Unit(layer, filter, position, reduce)
    check_counts(steps=steps, octaves=octaves)
    model, layout, parts, place, free = _inputs(model, x, options)
    if octaves > 1:
        _check_octaves(octaves, octave_scale, len(parts), free)
    settings = {
        "steps": steps,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "normalise_gradient": normalise_gradient,
        "rms": None,
        "scale": quarter_range(parts[place]).ravel(),
        **options,
    }
    own = parts[place]
    axes = range(1, own.ndim - 1)
    added = np.zeros_like(own)
    for octave in reversed(range(octaves)):
        sizes = [max(1, round(own.shape[axis] / octave_scale**octave)) for axis in axes]
        base = resize(own, sizes, axes)
        start = [base + resize(added, sizes, axes) if i == place else part for i, part in enumerate(parts)]
        start = [layout.own(part, i) for i, part in enumerate(start)]
        made = maximize_activation(model, unit, start=start if len(parts) > 1 else start[0], **settings)
        added = layout.orders[place].canonical(made.x) - base
    return replace(made, start=layout.own(own, place))


def _inputs(model: Any, x: Any, options: dict[str, Any]) -> tuple[Any, Layout, list[Array], int, bool]:
    """The model, its inputs one by one, which is dreamt, and whether all its axes are free."""
    from signalscreen.models import as_model
    from signalscreen.surveys import placed

    model = as_model(model)
    layout, parts = placed(model, x, options.get("channels"))
    place = place_of(layout, options.get("input"))
    shape, signal = layout.specs[place].shape, layout.orders[place].signal
    # Whole numbers (counts of a converter) are dreamt on as real ones.
    parts = [
        np.asarray(part, np.result_type(part, np.float32)) if i == place else part for i, part in enumerate(parts)
    ]
    return model, layout, parts, place, shape is None or all(shape[a] is None for a in signal)


def _check_octaves(octaves: int, octave_scale: Any, inputs: int, free: bool) -> None:
    if isinstance(octave_scale, bool | str) or not np.isfinite(octave_scale) or octave_scale <= 1:
        raise OptionError(f"octave_scale {octave_scale!r} makes no smaller octave; give a number above 1")
    if inputs > 1 or not free:
        why = f"this one has {inputs} inputs" if inputs > 1 else "the length of this one is fixed"
        raise OptionError(
            f"octaves {octaves!r} need a model with one input of any length, and {why}; leave octaves at 1, or "
            "build the model with keras.Input((None, channels)) and pooling over all positions"
        )
