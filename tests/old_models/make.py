"""Make the model files beside this script, with the Keras of the time: ``python make.py TAG``.

Run once per environment, in this folder; none of them is needed to run the tests::

    k122   Python 3.6   keras==1.2.2 tensorflow==1.4.0
    k206   Python 3.6   keras==2.0.6 tensorflow==1.4.0
    k224   Python 3.6   keras==2.2.4 tensorflow==1.13.1
    tf20   Python 3.6   tensorflow==2.0.0
    tf215  Python 3.11  tensorflow==2.15.1

(with ``protobuf<3.20`` and ``h5py<3`` where Python is 3.6). Each network is saved untrained, with random weights
and biases, as ``TAG_NAME.h5`` (and in other forms), and a few signals with its outputs on them as ``TAG_NAME.npz``.
The functions of the Lambda layers would write a file named ``lambda_was_here`` in the working directory.
"""

import sys
from pathlib import Path

import numpy as np

TAG = sys.argv[1]
if TAG.startswith("tf"):
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
    if TAG == "tf215" and build in (cnn, recurrent, graph, calibration):
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
    "tf215": [cnn, recurrent, graph, words, calibration, middle],
}

if __name__ == "__main__":
    if TAG == "k122":
        old = keras.models.Sequential([kl.Convolution1D(2, 3, input_shape=(8, 1)), kl.Flatten(), kl.Dense(1)])
        old.save("k122_cnn.h5")
    for network in NETWORKS[TAG]:
        make(network)
