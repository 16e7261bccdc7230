"""Small networks and recordings for tests of screening."""

import numpy as np

from signalscreen.recording import Annotation, Recording

FS = 40.0


def softmax_net(length=80, leads=2, classes=3):
    """A convolutional classifier with random weights."""
    import keras
    from keras import layers as kl

    keras.utils.set_random_seed(1)
    i = keras.Input((length, leads))
    x = kl.Conv1D(4, 5, padding="same", activation="relu", bias_initializer="normal")(i)
    return keras.Model(i, kl.Dense(classes, activation="softmax")(kl.GlobalAveragePooling1D()(x)))


def quality_net(length=80):
    """One lead, one probability by a sigmoid."""
    import keras
    from keras import layers as kl

    keras.utils.set_random_seed(2)
    i = keras.Input((length, 1))
    x = kl.Conv1D(4, 7, padding="same", activation="relu", bias_initializer="normal")(i)
    x = kl.GlobalMaxPooling1D()(x)
    return keras.Model(i, kl.Dense(1, activation="sigmoid")(x))


def recording(samples=2600, leads=2, seed=0, gap=None):
    """Noise with a beat-like bump now and then; NaN in `gap`."""
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(samples, leads)) * 0.1
    for at in range(20, samples - 20, 37):
        signal[at : at + 9] += np.hanning(9)[:, None] * rng.uniform(0.5, 1.5, leads)
    if gap is not None:
        signal[gap] = np.nan
    marks = tuple(Annotation(at + 4, "N", "") for at in range(20, samples - 20, 37))
    names = ("II", "V1", "V2", "V5")[:leads]
    return Recording(signal, fs=FS, names=names, units=("mV",) * leads, annotations=marks, source="made")
