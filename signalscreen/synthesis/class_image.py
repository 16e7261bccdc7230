"""Class-specific generation: a class image, plain or regularised."""

from typing import Any

from signalscreen.errors import OptionError
from signalscreen.synthesis.activation import maximize_activation
from signalscreen.synthesis.checks import check_counts, check_weights
from signalscreen.synthesis.result import Synthesis


def generate_class(
    model: Any,
    target: Any,
    regularised: bool = False,
    *,
    steps: int = 150,
    learning_rate: Any = 6.0,
    wd: float = 1e-4,
    blur_freq: int = 4,
    blur_rad: float = 1.0,
    clipping_value: float | None = 0.1,
    **options: Any,
) -> Synthesis:
    """Generate the input of a class by gradient descent, plain or regularised.

    Parameters
    ----------
    model : keras.Model or path
    target : int, sequence of int, str, tuple, callable or Unit
    regularised : bool
        With weight decay, blur and a clipped gradient.
    steps : int
    learning_rate : float or keras.optimizers.schedules.LearningRateSchedule
        Of SGD.
    wd : float
        Weight decay, as `weight_decay` of `maximize_activation`.
    blur_freq : int
        Every so many steps the input is smoothed,
    blur_rad : float
        by a Gaussian of this width in samples (standard deviation).
    clipping_value : float or None
        The most that the L2 norm of the input's gradient may be.
    **options
        Those of `maximize_activation`, such as ``limits``, ``band``, ``seeds`` or ``optimizer``.

    Returns
    -------
    Synthesis

    Raises
    ------
    TargetError, InputError, OptionError

    Notes
    -----
    Defaults are those of *class specific image generation* in pytorch-cnn-visualizations. There the gradient of the
    weights is clipped, which does nothing; here it is that of the input, as meant. There every step is rounded to
    an 8-bit image, whose range bounds it; here `limits` do, or else a root mean square of 1.

    References
    ----------
    Simonyan, Vedaldi, Zisserman 2014; Yosinski, Clune, Nguyen, Fuchs, Lipson 2015, "Understanding Neural Networks
    Through Deep Visualization".

    Examples
    --------
    >>> import keras, numpy as np
    >>> net = keras.Sequential([keras.Input((3, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    >>> net.set_weights([np.array([[0.0, 1], [3.0, 1], [4.0, 1]]), np.zeros(2)])
    >>> generate_class(net, 0).best[:, 0].round(1) + 0.0  # along the weights of the class, of length sqrt(3)
    array([0. , 1. , 1.4], dtype=float32)
    """
    if regularised:
        check_weights(wd=wd, blur_rad=blur_rad)
        check_counts(blur_freq=blur_freq)
        own = {"weight_decay": wd, "blur": blur_rad, "blur_every": blur_freq, "clip_gradient": clipping_value}
        twice = sorted(own.keys() & options.keys())
        if twice:
            raise OptionError(
                f"{', '.join(twice)} is set by regularised=True; give wd, blur_rad, ... or leave it out"
            )
        options |= own
    options.setdefault("optimizer", "sgd")
    return maximize_activation(model, target, steps=steps, learning_rate=learning_rate, **options)
