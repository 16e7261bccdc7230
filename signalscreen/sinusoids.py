"""Sinusoid classifiers: made signals whose decisive place is known, and small networks trained on them.

For regression tests, here and in other projects: an explanation of such a network should point at the burst.

>>> signals, labels, bursts = make_signals(3, seed=1)
>>> signals.shape, labels.shape, bursts.shape
((3, 256, 1), (3,), (3, 256))

With TensorFlow at hand::

    model = classifier("plain")                    # trained in a few seconds
    attribution = ss.saliency(model, signals)
    localisation_score(attribution, bursts, smooth=PERIOD).auc
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import OptionError
from signalscreen.metrics.localisation import LocalisationScore, localisation_score

__all__ = [
    "ARCHITECTURES",
    "CARRIER",
    "FEATURES",
    "FREQUENCIES",
    "PERIOD",
    "LocalisationScore",
    "Signals",
    "build",
    "classifier",
    "localisation_score",
    "make_signals",
    "train",
]

FS = 100.0
"""Sampling rate of the signals in Hz, unless told otherwise."""
FREQUENCIES = (5.0, 16.0, 24.0)
"""Frequency inside the burst of each class in Hz."""
CARRIER = 10.0
"""Frequency outside the bursts in Hz."""
PERIOD = round(FS / min(FREQUENCIES))
"""Samples in the longest period: a good ``smooth`` for `localisation_score`."""
FEATURES = "features"
"""Name of the layer whose feature maps a class activation map should use, in every architecture."""


class Signals(NamedTuple):
    """What `make_signals` returns."""

    x: NDArray[np.float32]
    """Signals, (n, length, 1)."""
    labels: NDArray[np.int64]
    """Class of each signal, (n,): the index of its frequency; one more where there is no burst."""
    masks: NDArray[np.bool_]
    """True inside the burst, (n, length)."""


def make_signals(
    n: int,
    length: int = 256,
    fs: float = FS,
    *,
    frequencies: Sequence[float] = FREQUENCIES,
    carrier: float = CARRIER,
    burst: float = 0.6,
    noise: float = 0.3,
    empty: float = 0.0,
    seed: int = 0,
) -> Signals:
    """Make sinusoids that change their frequency for a while: to which one is the class, when is the mask.

    The amplitude is 1 throughout and the phase has no jump, so neither energy nor edges give the burst away:
    only a network that tells frequencies apart can point at it. White noise is added. Example ``i`` depends on
    `seed` and ``i`` alone: the first ten of a hundred are the same as the ten of ten.

    Parameters
    ----------
    n : int
        How many signals.
    length : int, samples
        Length of each.
    fs : float, Hz
        Sampling rate.
    frequencies : sequence of float, Hz
        Frequency inside the burst, one per class; each below half of `fs`.
    carrier : float, Hz
        Frequency outside.
    burst : float, seconds
        Length of the burst; it lies wholly in the signal.
    noise : float
        Standard deviation of the noise.
    empty : float
        Share of signals without a burst; their class is one more, ``len(frequencies)``. A network trained
        without them may know one class by the absence of the others, and then has nowhere to point.
    seed : int
        Seed of everything random.

    Returns
    -------
    Signals
        ``x`` (n, length, 1) float32, ``labels`` (n,) and ``masks`` (n, length) bool.

    Raises
    ------
    OptionError
        The burst does not fit into the signal, or a frequency is not below half the sampling rate.
    """
    width = round(burst * fs)
    if not 2 <= width < length:
        raise OptionError(
            f"a burst of {burst} s is {width} samples at {fs} Hz; give one of 2 to {length - 1} samples"
        )
    if not all(0 < f < fs / 2 for f in (*frequencies, carrier)):
        raise OptionError(
            f"frequencies are {(*frequencies, carrier)} Hz; give values between 0 and half of {fs} Hz"
        )
    x = np.empty((n, length, 1), np.float32)
    labels, masks = np.empty(n, np.int64), np.zeros((n, length), bool)
    for i in range(n):
        rng = np.random.default_rng([seed, i])
        labels[i] = len(frequencies) if rng.random() < empty else rng.integers(len(frequencies))
        start = rng.integers(length - width + 1)
        masks[i, start : start + width] = labels[i] < len(frequencies)
        cycles = np.cumsum(np.where(masks[i], (*frequencies, carrier)[labels[i]], carrier)) / fs
        x[i, :, 0] = np.sin(2 * np.pi * (cycles + rng.random())) + rng.normal(0, noise, length)
    return Signals(x, labels, masks)


def _plain(layers: Any, start: Callable[[], Any], x: Any) -> Any:
    """Convolution, ReLU, max-pooling, twice; maximum over time."""
    for i, filters in enumerate((8, 16)):
        x = layers.Conv1D(filters, 9, padding="same", kernel_initializer=start())(x)
        x = layers.Activation("relu", name=FEATURES if i else None)(x)
        x = layers.MaxPooling1D(2)(x)
    return layers.GlobalMaxPooling1D()(x)


def _residual(layers: Any, start: Callable[[], Any], x: Any) -> Any:
    """Residual blocks with batch normalisation, swish and dilation; maximum over time."""
    x = layers.Conv1D(12, 9, padding="same", kernel_initializer=start())(x)
    for dilation in (1, 2):
        y = layers.BatchNormalization()(x)
        y = layers.Activation("swish")(y)
        y = layers.Conv1D(12, 7, padding="same", dilation_rate=dilation, kernel_initializer=start())(y)
        x = layers.Add()([x, y])
    return layers.GlobalMaxPooling1D()(layers.Activation("relu", name=FEATURES)(x))


def _attention(layers: Any, start: Callable[[], Any], x: Any) -> Any:
    """Strided convolutions with LeakyReLU; mean over time, weighted by attention."""
    for i, filters in enumerate((8, 16)):
        x = layers.Conv1D(filters, 9, strides=2, padding="same", kernel_initializer=start())(x)
        x = layers.LeakyReLU(negative_slope=0.1, name=FEATURES if i else None)(x)
    weight = layers.Softmax(axis=1)(layers.Dense(1, kernel_initializer=start())(x))
    return layers.Flatten()(layers.Dot(axes=1)([weight, x]))


ARCHITECTURES: dict[str, Callable[[Any, Callable[[], Any], Any], Any]] = {
    "plain": _plain,
    "residual": _residual,
    "attention": _attention,
}
"""Name of an architecture: the function that builds its body."""


def build(
    architecture: str = "plain", length: int = 256, classes: int = len(FREQUENCIES) + 1, seed: int = 0
) -> Any:
    """Build an untrained Keras classifier of signals (length, 1), with a softmax over `classes`.

    The architectures are ones whose evidence is local. (Behind a mean over time, or a dense layer over all
    places, a plain gradient is not: it says where a burst would count, and that is everywhere.)

    Parameters
    ----------
    architecture : str
        A name in `ARCHITECTURES`: ``"plain"``, ``"residual"`` or ``"attention"``.
    length : int, samples
        Length of the signals.
    classes : int
        Number of outputs.
    seed : int
        Seed of the initial weights; Keras's own random state is left alone.

    Raises
    ------
    OptionError
        No architecture has this name.
    """
    if architecture not in ARCHITECTURES:
        raise OptionError(f"architecture is {architecture!r}; choose one of {', '.join(ARCHITECTURES)}")
    import keras

    seeds = iter(np.random.default_rng(seed).integers(2**31, size=32))

    def start() -> Any:
        return keras.initializers.GlorotUniform(seed=int(next(seeds)))

    inputs = keras.Input((length, 1))
    x = ARCHITECTURES[architecture](keras.layers, start, inputs)
    outputs = keras.layers.Dense(classes, activation="softmax", kernel_initializer=start())(x)
    return keras.Model(inputs, outputs, name=f"sinusoids_{architecture}")


def train(model: Any, signals: Signals, *, epochs: int = 6, batch_size: int = 32, rate: float = 3e-3) -> Any:
    """Train a classifier with Adam on `signals` in the order they come, and return it.

    Parameters
    ----------
    model : keras.Model
        From `build`, or any model of the same inputs and outputs; it is changed.
    signals : Signals
        From `make_signals`.
    epochs, batch_size : int
        Passes over the signals, and signals per step.
    rate : float
        Learning rate of Adam.
    """
    import keras

    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(signals.x, signals.labels, batch_size, epochs, shuffle=False, verbose=0)
    return model


def classifier(architecture: str = "plain", *, seed: int = 0, n: int = 1500) -> Any:
    """Build a classifier and train it on `n` signals made with the same seed.

    Parameters
    ----------
    architecture : str
        A name in `ARCHITECTURES`.
    seed : int
        Seed of the signals and of the initial weights.
    n : int
        Number of training signals. Test on signals of another seed.

    Returns
    -------
    keras.Model
        Inputs (256, 1); a softmax over the classes of `FREQUENCIES`, and one for no burst.
    """
    return train(build(architecture, seed=seed), make_signals(n, empty=0.25, seed=seed))
