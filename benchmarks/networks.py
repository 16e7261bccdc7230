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


def basset(length=600):
    """One-hot DNA: the network of Kelley, Snoek, Rinn 2016, "Basset", with its sizes."""
    x = h = keras.Input((length, 4))
    for filters, size, pool in ((300, 19, 3), (200, 11, 4), (200, 7, 4)):
        h = L.Conv1D(filters, size, padding="same")(h)
        h = L.MaxPooling1D(pool)(L.ReLU()(L.BatchNormalization()(h)))
    h = L.Flatten()(h)
    for units in (1000, 1000):
        h = L.Dense(units, activation="relu")(h)
    return keras.Model(x, L.Dense(164, activation="sigmoid")(h)), (length, 4)


def image_stages(size=224):
    """Eight 3 x 3 convolutions in four stages of 32 to 128 filters, halved after each."""
    x = h = keras.Input((size, size, 3))
    for filters in (32, 64, 96, 128):
        for _ in range(2):
            h = L.ReLU()(L.BatchNormalization()(L.Conv2D(filters, 3, padding="same")(h)))
        h = L.MaxPooling2D(2)(h)
    return keras.Model(x, L.Dense(10)(L.GlobalAveragePooling2D()(h))), (size, size, 3)


def fully_convolutional(filters=(128, 256, 128)):
    """Any length, one lead: the FCN of Wang, Yan, Oates 2017 with its sizes (8, 5 and 3 samples)."""
    x = h = keras.Input((None, 1))
    for n, size in zip(filters, (8, 5, 3), strict=True):
        h = L.ReLU()(L.BatchNormalization()(L.Conv1D(n, size, padding="same")(h)))
    return keras.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(h)))


def recurrent(length=500):
    """Nothing to gain: every step depends on all before it."""
    x = keras.Input((length, 1))
    return keras.Model(x, L.Dense(2)(L.LSTM(32)(x))), (length, 1)


def attention(length=500):
    """Nothing to gain behind the first layer: every position looks at all others."""
    x = keras.Input((length, 1))
    h = L.Conv1D(32, 7, strides=2, padding="same", activation="relu")(x)
    h = L.LayerNormalization()(L.Add()([h, L.MultiHeadAttention(4, 8)(h, h)]))
    return keras.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(h))), (length, 1)


def dense(length=1000):
    """Little to gain: only the first of three dense layers knows places."""
    x = h = keras.Input((length, 1))
    h = L.Flatten()(h)
    for _ in range(3):
        h = L.Dense(1024, activation="relu")(h)
    return keras.Model(x, L.Dense(10)(h)), (length, 1)


def tiny(length=24):
    """So small that whatever is done around the arithmetic costs more."""
    x = keras.Input((length, 1))
    h = L.Conv1D(4, 3, activation="relu")(x)
    return keras.Model(x, L.Dense(2)(L.GlobalAveragePooling1D()(h))), (length, 1)


def signals(shape, n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, *shape)).astype("float32")
