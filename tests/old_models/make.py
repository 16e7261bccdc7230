"""Make the model files beside this script, with the Keras of the time: ``python make.py TAG [NAME ...]``.

Run once per environment, in this folder; none of them is needed to run the tests::

    k122   Python 3.6   keras==1.2.2 tensorflow==1.4.0
    k206   Python 3.6   keras==2.0.6 tensorflow==1.4.0
    k224   Python 3.6   keras==2.2.4 tensorflow==1.13.1
    tf20   Python 3.6   tensorflow==2.0.0
    tf23   Python 3.8   tensorflow==2.3.4
    tf215  Python 3.11  tensorflow==2.15.1
    tfk    Python 3.11  tensorflow-cpu==2.21.0 tf_keras==2.21.0

(with ``protobuf<3.20`` and ``h5py<3`` where Python is 3.6). Each network is saved untrained, with random weights
and biases, as ``TAG_NAME.h5`` (and in other forms), and a few signals with its outputs on them as ``TAG_NAME.npz``.
The functions of the Lambda layers would write a file named ``lambda_was_here`` in the working directory.
"""

import sys
from pathlib import Path

import numpy as np

TAG = sys.argv[1]
if TAG == "tfk":
    import tensorflow as tf
    import tf_keras as keras
elif TAG.startswith("tf"):
    import tensorflow as tf
    from tensorflow import keras
else:
    import keras
kl = keras.layers


def cnn():
    return keras.models.Sequential(
        [
            kl.Conv1D(4, 5, activation="relu", input_shape=(40, 2), name="first"),
            kl.BatchNormalization(name="norm"),
            kl.Conv1D(3, 3, name="second", kernel_regularizer=keras.regularizers.l2(0.01)),
            kl.LeakyReLU(0.2, name="leaky"),
            kl.MaxPooling1D(2, name="pool"),
            kl.SpatialDropout1D(0.3, name="drop"),
            kl.ThresholdedReLU(0.05, name="threshold"),
            kl.Flatten(name="flat"),
            kl.Dense(3, activation="softmax", name="out"),
        ]
    )


def recurrent():
    i = kl.Input((12, 2), name="signal")
    x = kl.LSTM(3, return_sequences=True, name="lstm")(i)
    x = kl.Bidirectional(kl.GRU(2, return_sequences=True), name="both")(x)
    x = kl.TimeDistributed(kl.Dense(2, activation="hard_sigmoid"), name="each")(x)
    x = kl.GRU(3, name="gru")(x)
    return keras.models.Model(i, kl.Dense(2, activation="sigmoid", name="out")(x))


def graph():
    """A nested network used twice, branches, depthwise and transposed convolutions, several inputs and outputs."""
    inner_in = kl.Input((16, 3), name="inner_in")
    sides = [kl.Conv1D(3, 3, padding="same", name=name)(inner_in) for name in ("second_side", "first_side")]
    x = kl.BatchNormalization(name="inner_norm")(kl.subtract(sides[::-1], name="inner_minus"))
    inner = keras.models.Model(inner_in, kl.Activation("elu", name="inner_elu")(x), name="inner")
    a, b = kl.Input((16, 3), name="a"), kl.Input((4, 4, 2), name="b")
    x = kl.add([inner(a), inner(inner(a))], name="sum")
    x = kl.concatenate([x, kl.PReLU(shared_axes=[1], name="prelu")(a)], name="joined")
    x = kl.GlobalMaxPooling1D(name="highest")(x)
    y = kl.Conv2DTranspose(3, 2, strides=2, name="wider")(b)
    if hasattr(kl, "DepthwiseConv2D"):
        y = kl.DepthwiseConv2D(3, name="depthwise")(y)
    y = kl.SeparableConv2D(3, 2, name="separable")(y)
    y = kl.GlobalAveragePooling2D(name="mean")(kl.BatchNormalization(name="norm_2d")(y))
    both = kl.concatenate([x, y], name="both")
    first, second = kl.Dense(2, activation="softmax", name="kind")(both), kl.Dense(1, name="amount")(both)
    return keras.models.Model([a, b], [first, second])


def words():
    i = kl.Input((10,), dtype="int32", name="letters")
    x = kl.Embedding(5, 3, input_length=10, name="embedding")(i)
    x = kl.Conv1D(4, 3, activation="relu", name="conv")(x)
    return keras.models.Model(i, kl.Dense(2, name="out")(kl.GlobalMaxPooling1D(name="highest")(x)))


def code(expression):
    """A lambda that says when it is run; compiled apart, so that it does not hold the name of this folder."""
    text = f"lambda p: (open('lambda_was_here', 'w').close(), {expression})[1]"
    return eval(compile(text, "code", "eval"))


def calibration():
    """As in CNN-vis: a Lambda layer behind the output."""
    i = kl.Input((20, 1), name="signal")
    x = kl.Conv1D(3, 5, activation="relu", name="conv")(i)
    x = kl.Dense(1, activation="sigmoid", name="output")(kl.GlobalMaxPooling1D(name="highest")(x))
    stored = kl.Lambda(code("p * p"), name="BetaCalibration")
    return keras.models.Model(i, stored(x))


def middle():
    """A Lambda layer with a layer that has weights behind it."""
    stored = kl.Lambda(code("p[:, ::2]"), name="every_second")
    return keras.models.Sequential(
        [
            kl.Conv1D(3, 5, activation="relu", input_shape=(20, 1), name="conv"),
            stored,
            kl.Flatten(name="flat"),
            kl.Dense(2, name="out"),
        ]
    )


def operations():
    """TensorFlow's functions between layers: slices, constants before and behind, several tensors in and out."""
    i = kl.Input((16, 3), name="signal")
    x = kl.Conv1D(4, 3, padding="same", name="conv")(i)
    first, second = tf.split(x, 2, axis=-1)
    y = tf.concat([1.0 - first, 0.1 * second, first * second, x[:, :, 1:2] / 2.0], axis=-1)
    y = tf.nn.relu(y) - tf.reduce_mean(y, axis=1, keepdims=True) + i[:, :, :1]
    y = tf.pad(y[:, 1:-1:2], [[0, 0], [1, 0], [0, 0]])
    y = kl.Conv1D(2, 3, name="second")(tf.where(y > 0, y, tf.math.softplus(y) ** 2))
    y = tf.squeeze(tf.expand_dims(y, 1), 1) * tf.sigmoid(tf.gather(y, [1, 0], axis=2))
    y = tf.matmul(y, tf.transpose(y, [0, 2, 1]))
    y = tf.reshape(y, [tf.shape(y)[0], 36])[:, ::-1] + np.arange(36, dtype="float32")
    return keras.models.Model(i, [kl.Dense(2, name="out")(y), tf.stack([y[:, 0], y[:, 3]], axis=1)])


def spectrum():
    i = kl.Input((64, 1), name="signal")
    x = tf.signal.stft(i[..., 0], frame_length=16, frame_step=8)
    x = tf.math.log(tf.abs(x) + 1e-3)[..., tf.newaxis]
    x = tf.image.resize(x, [8, 8])
    x = kl.Conv2D(2, 3, activation="relu", name="conv")(x)
    return keras.models.Model(i, kl.Dense(2, name="out")(tf.reduce_max(x, axis=[1, 2])))


def wrapped():
    """Networks inside wrappers, stacked cells, states given by other layers, dropout that is always on (rate 0)."""
    i = kl.Input((3, 8, 2), name="signal")
    beat = keras.models.Sequential(
        [
            kl.Conv1D(3, 3, activation="relu", input_shape=(8, 2), name="beat_conv"),
            kl.BatchNormalization(name="beat_norm"),
            kl.Flatten(name="beat_flat"),
            kl.Dense(4, name="beat_out"),
        ],
        name="beat",
    )
    inner_in = kl.Input((4,), name="inner_in")
    sides = [kl.Dense(4, name=name)(inner_in) for name in ("second_side", "first_side")]
    inner = keras.models.Model(inner_in, kl.subtract(sides[::-1], name="minus"), name="inner")
    x = kl.TimeDistributed(beat, name="each_beat")(i)
    x = kl.TimeDistributed(inner, name="each_inner")(x)
    x = kl.Dropout(0.0, name="drop")(x, training=True)
    x = kl.RNN(kl.StackedRNNCells([kl.LSTMCell(3), kl.GRUCell(2), kl.LSTMCell(3)], name="cells"),
               return_sequences=True, name="stacked")(x)  # fmt: skip
    x = kl.Bidirectional(kl.RNN([kl.GRUCell(2), kl.GRUCell(3)], return_sequences=True), name="both")(x)
    x, h, c = kl.LSTM(3, return_sequences=True, return_state=True, name="encoder")(x)
    x = kl.LSTM(3, name="decoder")(x, initial_state=[h, c])
    return keras.models.Model(i, kl.Dense(2, name="out")(x))


def attention():
    i = kl.Input((10, 4), name="signal")
    x = kl.MultiHeadAttention(2, 3, name="heads")(i, i)
    x = kl.LayerNormalization(name="norm")(kl.Add(name="sum")([x, i]))
    memory = kl.Conv1D(6, 3, name="memory")(i)
    x = kl.MultiHeadAttention(2, 3, value_dim=2, output_shape=5, name="across")(x, value=memory, key=memory)
    x = kl.Attention(use_scale=True, name="scaled")([x, x])
    x = kl.AdditiveAttention(name="additive")([x, x])
    return keras.models.Model(i, kl.Dense(2, name="out")(kl.GlobalAveragePooling1D(name="mean")(x)))


def normalised():
    i = kl.Input((12, 4), name="signal")
    x = kl.Normalization(name="adapted")(i)
    x = kl.Normalization(mean=[1.0, 2.0, 3.0, 4.0], variance=[1.0, 2.0, 3.0, 4.0], name="given")(x)
    x = kl.Reshape((12, 4, 1), name="picture")(kl.Rescaling(0.5, 1.0, name="scaled")(x))
    x = kl.Reshape((12, 4), name="flattened")(kl.RandomTranslation(0.1, 0.1, name="random")(x))
    x = kl.GroupNormalization(2, name="groups")(kl.UnitNormalization(name="unit")(x))
    x = kl.SpectralNormalization(kl.Conv1D(3, 3), name="spectral")(x)
    x = kl.LayerNormalization(axis=[1], name="layer")(x)
    steps = kl.Discretization(bin_boundaries=[-0.5, 0.0, 0.5], name="steps")(
        kl.GlobalMaxPooling1D(name="highest")(i)
    )
    x = kl.Concatenate(name="joined")([kl.Flatten(name="flat")(x), kl.CategoryEncoding(4, "multi_hot")(steps)])
    return keras.models.Model(i, kl.Dense(2, name="out")(x))


def activations():
    names = (
        "elu exponential gelu hard_sigmoid leaky_relu linear mish relu relu6 selu sigmoid softmax softplus "
        "softsign swish tanh log_softmax"
    ).split()
    i = kl.Input((5,), name="signal")
    own = [kl.LeakyReLU(name="l"), kl.ELU(0.5, name="e"), kl.ReLU(2.0, 0.1, 0.3, name="r"), kl.Softmax(name="s")]
    made = [
        kl.Dense(3, activation=name, name="by_" + name)(i) for name in names if hasattr(keras.activations, name)
    ]
    return keras.models.Model(i, kl.Concatenate(name="out")(made + [layer(i) for layer in own]))


def inputs(model):
    random = np.random.RandomState(1)
    made = []
    for tensor in model.inputs:
        shape = [3] + [int(n) for n in tensor.shape[1:]]
        dtype = getattr(tensor.dtype, "name", tensor.dtype)
        whole = str(dtype).startswith("int")
        made.append(random.randint(0, 5, shape) if whole else random.normal(size=shape).astype("float32"))
    return made


def make(build):
    model = build()
    random = np.random.RandomState(0)
    model.set_weights([random.uniform(0.1, 0.5, w.shape) * random.choice([-1, 1], w.shape) if w.ndim > 1
                       else random.uniform(0.1, 0.9, w.shape) for w in model.get_weights()])  # fmt: skip
    for layer in model.layers:
        if layer.name == "adapted":
            layer.adapt(random.normal(3.0, 2.0, (50, *layer.input_shape[1:])))
    name = f"{TAG}_{build.__name__}"
    x = inputs(model)
    y = model.predict(x if len(x) > 1 else x[0])
    named = {f"x{i}": part for i, part in enumerate(x)}
    for i, part in enumerate(y if isinstance(y, list) else [y]):
        named[f"y{i}"] = part
    np.savez_compressed(name + ".npz", **named)
    model.save(name + ".h5", include_optimizer=False)
    if TAG in ("k206", "tf215") and build is cnn:
        Path(name + ".json").write_text(model.to_json())
        model.save_weights(name + "_weights.h5")
    if (TAG == "tf215" and build not in (words, middle, spectrum)) or TAG == "tfk":
        model.save(name + ".keras")
    if TAG == "tf215" and build is cnn:
        model.save(name + "_saved", include_optimizer=False)
        for unused in ("keras_metadata.pb", "fingerprint.pb"):
            Path(name + "_saved", unused).unlink()
    if Path("lambda_was_here").exists():
        Path("lambda_was_here").unlink()


NETWORKS = {
    "k122": [],  # one network, below: refused
    "k206": [cnn, recurrent, words],
    "k224": [cnn, recurrent, graph, calibration],
    "tf20": [cnn, recurrent, graph, calibration],
    "tf23": [operations],
    "tf215": [
        cnn,
        recurrent,
        graph,
        words,
        calibration,
        middle,
        operations,
        spectrum,
        wrapped,
        attention,
        normalised,
        activations,
    ],
    "tfk": [attention],
}

if __name__ == "__main__":
    if TAG == "k122":
        old = keras.models.Sequential([kl.Convolution1D(2, 3, input_shape=(8, 1)), kl.Flatten(), kl.Dense(1)])
        old.save("k122_cnn.h5")
    for network in NETWORKS[TAG]:
        if len(sys.argv) < 3 or network.__name__ in sys.argv[2:]:
            make(network)
