"""The networks that are timed: what users run, with random weights. Only the shapes matter for speed."""

import numpy as np

from signalscreen.backend import keras

L = keras.layers


def ecg_resnet(length=5000, leads=12):
    """12 leads, 10 s at 500 Hz, four residual stages of 32 to 64 filters."""
    x = keras.Input((length, leads))
    h = L.Conv1D(32, 15, strides=2, padding="same")(x)
    h = L.ReLU()(L.BatchNormalization()(h))
    for filters in (32, 48, 64, 64):
        side = L.Conv1D(filters, 1, strides=2, padding="same")(h)
        h = L.Conv1D(filters, 7, strides=2, padding="same")(h)
        h = L.ReLU()(L.BatchNormalization()(h))
        h = L.Conv1D(filters, 7, padding="same")(h)
        h = L.ReLU()(L.Add()([L.BatchNormalization()(h), side]))
    return keras.Model(x, L.Dense(5, activation="softmax")(L.GlobalAveragePooling1D()(h))), (length, leads)


def beat_cnn(length=1250):
    """One lead, 10 s at 125 Hz, three convolutions with max-pooling."""
    x = h = keras.Input((length, 1))
    for filters in (16, 32, 64):
        h = L.MaxPooling1D(2)(L.Conv1D(filters, 7, activation="relu")(h))
    h = L.Dense(32, activation="relu")(L.Flatten()(h))
    return keras.Model(x, L.Dense(2, activation="softmax")(h)), (length, 1)


def image_cnn(size=64):
    """A small 2D network."""
    x = h = keras.Input((size, size, 3))
    for filters in (16, 32, 64):
        h = L.MaxPooling2D(2)(L.Conv2D(filters, 3, padding="same", activation="relu")(h))
    return keras.Model(x, L.Dense(10)(L.GlobalAveragePooling2D()(h))), (size, size, 3)


def signals(shape, n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *shape)).astype("float32")
