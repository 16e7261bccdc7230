"""Small networks of every kind a user may bring, in 1D, 2D and 3D, with random weights and biases everywhere."""

from functools import cache

import numpy as np

from signalscreen.backend import keras, tf

SIZES = {1: (24,), 2: (12, 10), 3: (6, 8, 6)}
CHANNELS = 2
CLASSES = 3
KINDS = ("sequential", "functional", "nested", "subclassed", "raw_ops")


def layer(kind, rank, *args, **kwargs):
    return getattr(keras.layers, f"{kind}{rank}D")(*args, **kwargs)


def randomise(model, seed=0):
    """Random weights and biases: zero biases hide broken rules."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        values = rng.normal(0, 0.3, weight.shape)
        if "variance" in weight.path:
            values = 0.5 + np.abs(values)
        if weight.dtype.startswith("float"):
            weight.assign(values)
    return model


@cache
def shared(kind, rank):
    """The same network for all tests that do not change it: what is traced for one serves the others."""
    return build(kind, rank)


def build(kind, rank, seed=0):
    make = {
        "sequential": _sequential,
        "functional": _functional,
        "nested": _nested,
        "subclassed": _subclassed,
        "raw_ops": _raw_ops,
    }[kind]
    model = make(rank)
    model(np.zeros((1, *SIZES[rank], CHANNELS), "float32"))
    return randomise(model, seed)


def signals(rank, n=3, seed=1):
    return np.random.default_rng(seed).normal(size=(n, *SIZES[rank], CHANNELS)).astype("float32")


def _sequential(rank):
    return keras.Sequential(
        [
            keras.Input((*SIZES[rank], CHANNELS)),
            layer("Conv", rank, 4, 3, activation="relu", name="conv1"),
            keras.layers.BatchNormalization(),
            layer("MaxPooling", rank, 2),
            layer("Conv", rank, 5, 2, activation="relu", padding="same", name="conv2"),
            keras.layers.Flatten(),
            keras.layers.Dense(6, activation="relu"),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def _functional(rank):
    x = keras.Input((*SIZES[rank], CHANNELS))
    h = layer("Conv", rank, 4, 3, padding="same", name="conv1")(x)
    h = keras.layers.ReLU()(h)
    side = layer("Conv", rank, 4, 1, name="side")(x)
    h = keras.layers.Add()([h, side])
    h = keras.layers.LeakyReLU()(h)
    h = layer("AveragePooling", rank, 2)(h)
    h = layer("Conv", rank, 5, 3, padding="same", activation="elu", name="conv2")(h)
    h = layer("GlobalAveragePooling", rank)(h)
    h = keras.layers.Dense(CLASSES)(h)
    return keras.Model(x, keras.layers.Softmax()(h))


def _nested(rank):
    inner = keras.Sequential(
        [
            keras.Input((*SIZES[rank], CHANNELS)),
            layer("Conv", rank, 4, 3, activation="relu", name="conv1"),
            layer("Conv", rank, 5, 3, activation="relu", name="conv2"),
        ],
        name="backbone",
    )
    x = keras.Input((*SIZES[rank], CHANNELS))
    h = layer("GlobalMaxPooling", rank)(inner(x))
    return keras.Model(x, keras.layers.Dense(CLASSES, activation="sigmoid")(h))


class _Subclassed(keras.Model):
    def __init__(self, rank):
        super().__init__()
        self.conv1 = layer("Conv", rank, 4, 3, name="conv1")
        self.conv2 = layer("Conv", rank, 5, 3, name="conv2")
        self.pool = layer("GlobalAveragePooling", rank)
        self.head = keras.layers.Dense(CLASSES)

    @tf.function
    def features(self, x):
        return tf.nn.relu(self.conv2(tf.nn.relu(self.conv1(x))))

    def call(self, x):
        return keras.ops.softmax(self.head(self.pool(self.features(x))))


def _subclassed(rank):
    return _Subclassed(rank)


class _RawOps(keras.Model):
    def __init__(self, rank):
        super().__init__()
        self.axes = list(range(1, rank + 1))
        self.kernel = self.add_weight(shape=(*[3] * rank, CHANNELS, 4), name="kernel")
        self.features = keras.layers.Identity(name="maps")
        self.matrix = self.add_weight(shape=(4, CLASSES), name="matrix")

    def call(self, x):
        maps = tf.nn.relu(tf.nn.convolution(x, tf.convert_to_tensor(self.kernel), padding="SAME"))
        pooled = tf.reduce_mean(self.features(maps), axis=self.axes)
        return tf.nn.softmax(tf.matmul(pooled, tf.convert_to_tensor(self.matrix)))


def _raw_ops(rank):
    return _RawOps(rank)
