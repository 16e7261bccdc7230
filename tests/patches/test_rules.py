"""Every rule, and every way through it: ops are carried by patches, and the score is that of brute force."""

import inspect

import numpy as np
import pytest

from signalscreen.backend import keras, tf
from signalscreen.patches.rules import RULES
from tests.contract.zoo import randomise
from tests.patches.truth import FLOAT32, FLOAT64, compare, edits, precision

L = keras.layers
pytestmark = pytest.mark.usefixtures("always_by_patches")
SIGNAL, IMAGE, VOLUME = (40, 3), (14, 12, 3), (7, 6, 8, 2)
WIDTH = {2: (5,), 3: (3, 4), 4: (2, 3, 2)}
CASES = {}


class Op(L.Layer):
    """A function of TensorFlow as a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, x):
        return self.function(*x) if isinstance(x, list) else self.function(x)

    def compute_output_spec(self, x):
        with tf.Graph().as_default():
            y = self.call(tf.nest.map_structure(lambda t: tf.compat.v1.placeholder(t.dtype, t.shape), x))
        return keras.KerasTensor((None, *y.shape[1:]), y.dtype.name)


def op(function):
    return lambda *h: Op(function)(list(h) if len(h) > 1 else h[0])


def then(*layers):
    def run(h):
        for layer in layers:
            h = layer(h)
        return h

    return run


def make(name, *args, **options):
    """A layer that is made when the test runs, so that each test has its own."""
    return lambda h: getattr(L, name)(*args, **options)(h)


def weighed(h):
    """A number for each example to which every place adds differently, behind an op that has no rule."""
    weights = np.random.default_rng(3).normal(size=h.shape[1:])
    axes = list(range(1, len(h.shape)))
    return op(lambda y: tf.reduce_sum(tf.ensure_shape(y, y.shape) * tf.cast(weights, y.dtype), axes)[:, None])(h)


def dense(h):
    return L.Dense(1)(L.Flatten()(h))


def case(name, carries, *branches, shape=SIGNAL, width=None, lost="", full="", dtype="float64", head=weighed):
    """A network whose score is a sum over `branches`; the types of ops that patches go through, or get lost in."""
    assert name not in CASES
    sets = [set(kinds.split()) for kinds in (carries, lost, full)]
    CASES[name] = (branches, *sets, shape, width or WIDTH[len(shape)], dtype, head)


# --- sliding windows ---------------------------------------------------------------------------------------------

for rank, shape in ((1, SIGNAL), (2, IMAGE), (3, VOLUME)):
    conv = f"Conv{rank}D"
    case(
        conv,
        "Conv3D" if rank == 3 else "Conv2D",
        then(make(conv, 4, 3, padding="same"), make(conv, 2, 2, strides=2)),
        make(conv, 3, 2, strides=2, padding="same"),
        make(conv, 2 * shape[-1], 3, groups=shape[-1], padding="same"),
        shape=shape,
    )
    case(
        f"{conv} dilated",
        "SpaceToBatchND",
        then(make(conv, 2, 3, dilation_rate=2, padding="same"), make(conv, 2, 2, dilation_rate=(1, 3, 2)[:rank])),
        then(make("ZeroPadding" + conv[4:], 4), make(conv, 2, 2, dilation_rate=3)),
        shape=shape,
        width=((5,), (2, 2), (1, 1, 1))[rank - 1],
        full="SpaceToBatchND" if rank == 3 else "",  # the second of two reaches most of so small a volume
    )
for rank, shape in ((1, SIGNAL), (2, IMAGE)):
    deep, apart = f"DepthwiseConv{rank}D", f"SeparableConv{rank}D"
    case(
        deep,
        "DepthwiseConv2dNative SpaceToBatchND Conv2D",
        make(deep, 3, depth_multiplier=2, padding="same"),
        make(deep, 3, strides=2, padding="same"),
        make(deep, 3, dilation_rate=2, padding="same"),
        make(apart, 4, 3, strides=2),
        make(apart, 4, 3, dilation_rate=2),
        shape=shape,
    )
sparse = {"strides": 3, "padding": "same"}
case(
    "stride of a volume longer than the kernel",
    "",
    make("Conv3D", 2, 1, **sparse),
    make("MaxPooling3D", 1, **sparse),
    make("AveragePooling3D", 1, **sparse),
    shape=(6, 8, 9, 2),
    lost="Conv3D MaxPool3D AvgPool3D",
    dtype="float32",
)
causal = {"padding": "causal"}
case("causal", "Conv2D Pad", make("Conv1D", 4, 3, **causal), make("Conv1D", 4, 3, strides=2, **causal))
case("causal, dilated", "SpaceToBatchND Pad", make("Conv1D", 4, 3, dilation_rate=4, **causal))
case("kernel as long as an axis", "Conv2D", make("Conv2D", 4, (3, 12)), shape=IMAGE)
case("axis as long as the window", "Conv2D", make("Conv2D", 4, (3, 2), padding="same"), shape=IMAGE, width=(3, 11))
case("axis of one", "Conv2D", make("Conv2D", 4, (5, 1)), shape=(40, 1, 2), width=(5, 1))
case(
    "padding of any size in a convolution",
    "Conv2D",
    op(lambda h: tf.nn.conv2d(h, tf.ones((3, 3, 3, 2), h.dtype), 2, [[0, 0], [2, 1], [0, 2], [0, 0]])),
    shape=IMAGE,
)
for padding in ("same", "valid"):
    steps = ((4, 1), (5, 2), (1, 3), (2, 3))
    up = [make("Conv1DTranspose", 3, size, strides=by, padding=padding) for size, by in steps]
    case(f"Conv1DTranspose {padding}", "Conv2DBackpropInput", *up)
    up = [
        make("Conv2DTranspose", 3, (3, 1), strides=(2, 3), padding=padding),
        make("Conv2DTranspose", 3, (2, 3), strides=(3, 1), padding=padding),
    ]
    case(f"Conv2DTranspose {padding}", "Conv2DBackpropInput", *up, shape=IMAGE)
    # As wide as one axis, which is computed in full, also where the kernel is shorter than the stride.
    case(f"Conv2DTranspose {padding}, whole rows", "Conv2DBackpropInput", up[1], shape=IMAGE, width=(3, 11))
    up = [make("Conv3DTranspose", 2, (1, 2, 3), strides=(2, 2, 1), padding=padding)]
    case(f"Conv3DTranspose {padding}", "Conv3DBackpropInputV2", *up, shape=VOLUME)
longer = {"strides": 3, "padding": "same", "output_padding": 2}
case("Conv1DTranspose lengthened", "Conv2DBackpropInput", make("Conv1DTranspose", 3, 4, **longer))
for pooling, short in (("MaxPooling", "MaxPool"), ("AveragePooling", "AvgPool")):
    paddings = ("same", "valid")
    steps = [(size, by, p) for size, by in ((5, 2), (2, 3)) for p in paddings]
    case(f"{pooling}1D", short, *[make(f"{pooling}1D", *step) for step in steps])
    case(f"{pooling}2D", short, *[make(f"{pooling}2D", (3, 2), (2, 1), padding=p) for p in paddings], shape=IMAGE)
    case(f"{pooling}2D, whole rows", short, make(f"{pooling}2D", 3, 2, "same"), shape=IMAGE, width=(3, 11))
    blocks = [make(f"{pooling}3D", (3, 2, 2), (2, 1, 2), padding=p) for p in paddings]
    case(f"{pooling}3D", f"{short}3D", *blocks, shape=VOLUME, dtype="float32")
    # Pooling that tiles the patch, the last of which hangs over the end: what lies there is no sample.
    odd = then(make("UpSampling1D", 2), make("Cropping1D", (0, 1)), make(f"{pooling}1D", 2, padding="same"))
    case(f"{pooling}1D that tiles the patch", short, odd)

# --- shapes ------------------------------------------------------------------------------------------------------

case(
    "padding",
    "Pad PadV2 MaxPool",
    then(make("ZeroPadding1D", (3, 2)), make("MaxPooling1D", 3, 2)),
    op(lambda h: tf.pad(h, [[0, 0], [2, 3], [1, 0]], constant_values=1.5)),
)
case(
    "padding 2D",
    "Pad",
    then(make("ZeroPadding2D", ((2, 3), (4, 1))), make("MaxPooling2D", 3, 2)),
    make("ZeroPadding2D", ((2, 3), (0, 0))),
    shape=IMAGE,
)
case(
    "volumes padded, cut, repeated",
    "Pad StridedSlice Tile Reshape",
    make("ZeroPadding3D", ((1, 0), (2, 2), (0, 1))),
    make("Cropping3D", ((1, 2), (0, 1), (3, 0))),
    make("UpSampling3D", (1, 2, 2)),
    shape=VOLUME,
)
case(
    "slices",
    "StridedSlice Squeeze",
    then(make("Cropping1D", (9, 12)), make("Conv1D", 3, 3)),
    op(lambda h: h[:, 2:-1:3]),
    then(make("MaxPooling1D", 2), op(lambda h: h[:, ::2])),
    op(lambda h: h[:, 7:8]),
    op(lambda h: h[..., ::-1]),
    op(lambda h: h[..., 1]),
    then(op(lambda h: h[:, None, :, None]), op(lambda h: tf.squeeze(h, [1, 3]))),
)
case("one place", "StridedSlice", op(lambda h: h[:, 7] ** 2))
case("axes in another order", "Transpose", then(make("Permute", (2, 1)), make("ReLU"), make("Permute", (2, 1))))
case("order written as a range", "Transpose", op(lambda h: h * tf.nn.softmax(h, axis=2)), shape=IMAGE)
case("repeated", "ExpandDims Tile Reshape", make("UpSampling1D", 3), op(lambda h: tf.tile(h, [1, 1, 3])))
case(
    "repeated 2D",
    "Tile Reshape",
    then(make("UpSampling2D", (2, 3)), make("Conv2D", 3, 3)),
    op(lambda h: tf.tile(h, [1, 2, 1, 1])),
    shape=IMAGE,
)
case(
    "axes merged",
    "Reshape Conv2D",
    then(make("Reshape", (168, 3)), make("Conv1D", 3, 3)),
    then(make("Reshape", (14, 36)), make("Conv1D", 3, 3)),
    shape=IMAGE,
)
case("channels in groups", "Reshape", then(make("Conv1D", 4, 3), make("GroupNormalization", 2)))
case("flattened and back", "Reshape", then(make("Flatten"), make("Activation", "tanh"), make("Reshape", SIGNAL)))
case("flattened, normalised", "Reshape Mul", then(make("Flatten"), make("BatchNormalization")), head=dense)
case("flattened and added", "AddV2", lambda h: L.Flatten()(h) + L.Flatten()(make("ReLU")(h)), head=dense)
case(
    "axes of one",
    "Squeeze Reshape",
    op(lambda h: tf.squeeze(h, 2)),
    then(make("Reshape", (40, 2)), make("Conv1D", 2, 3)),
    op(lambda h: tf.squeeze(tf.expand_dims(h[:, :, 0], 1), [1])),
    shape=(40, 1, 2),
    width=(5, 1),
)
case(
    "side by side",
    "ConcatV2 Split SplitV ZerosLike",
    lambda h: L.Concatenate()([L.Conv1D(2, 3, padding="same")(h), h]),
    op(lambda h: tf.concat([tf.zeros_like(h), h], 2)),
    op(lambda h: tf.concat(tf.split(h, 3, -1)[::-1], -1)),
    op(lambda h: tf.split(h, [1, 2], 2)[1]),
)
case(
    "along one of two axes",
    "ConcatV2 Split Roll ReverseV2 Cumsum Cumprod GatherV2 Prod Max Min Sum Mean EuclideanNorm",
    lambda h: L.Concatenate(axis=2)([h, h]),
    op(lambda h: tf.add_n(tf.split(h, 2, 2))),
    op(lambda h: tf.roll(h, 3, 2)),
    op(lambda h: tf.reverse(h, [2])),
    op(lambda h: tf.cumsum(h, 2)),
    op(lambda h: tf.math.cumprod(h, 1)),
    op(lambda h: tf.gather(h, [[2, 0], [5, 1]], axis=1)),
    op(lambda h: tf.reduce_prod(h, 2)),
    op(lambda h: tf.reduce_max(h, 2)),
    then(op(lambda h: tf.reduce_max(h, 1)), make("Conv1D", 2, 3)),
    op(lambda h: tf.reduce_min(h, 1)),
    op(lambda h: tf.reduce_sum(h, 1, keepdims=True)),
    then(op(lambda h: tf.reduce_mean(h, 2)), make("Conv1D", 2, 3)),
    op(lambda h: tf.math.reduce_euclidean_norm(h, 2)),
    shape=IMAGE,
)
case(
    "along channels",
    "Roll ReverseV2 Cumsum Cumprod GatherV2 Max Prod EuclideanNorm Any All SelectV2 NotEqual",
    op(lambda h: tf.roll(h, 1, -1)),
    op(lambda h: tf.reverse(h, [2])),
    op(lambda h: tf.cumsum(h, -1)),
    op(lambda h: tf.math.cumprod(h, -1)),
    op(lambda h: tf.gather(h, [2, 0], axis=-1)),
    op(lambda h: tf.gather(h, [[2, 0], [1, 1]], axis=2)),
    op(lambda h: tf.reduce_max(h, -1)),
    op(lambda h: tf.reduce_prod(h, -1, keepdims=True)),
    op(lambda h: tf.math.reduce_euclidean_norm(h, -1)),
    op(lambda h: tf.where(tf.reduce_any(h > 1, -1, True), h, h * h)),
    op(lambda h: tf.where(tf.reduce_all(tf.not_equal(h, 0), -1, True), h, h * h)),
)
case(
    "along the window",
    "",
    op(lambda h: tf.roll(h, 3, 1)),
    op(lambda h: tf.reverse(h, [1])),
    op(lambda h: tf.cumsum(h, 1)),
    op(lambda h: tf.math.cumprod(h, 1)),
    op(lambda h: tf.gather(h, [2, 30, 11], axis=1)),
    op(lambda h: tf.reduce_prod(h, 1)),
    op(lambda h: tf.add_n(tf.split(h, 2, 1))),
    op(lambda h: tf.add_n(tf.split(h, [10, 20, 10], 1)[::2])),
    op(lambda h: tf.concat([h, h], 1)),
    op(lambda h: tf.tile(h, [1, 2, 1])),
    op(lambda h: tf.pad(h, [[0, 0], [2, 3], [0, 0]], "REFLECT")),
    op(lambda h: tf.nn.softmax(tf.transpose(h, [0, 2, 1]))),
    op(lambda h: h[:, ::-1]),
    op(lambda h: tf.einsum("abc,adc->abd", h, h)),
    make("EinsumDense", "abc,bd->adc", output_shape=(6, 3)),
    make("Reshape", (20, 6)),
    then(make("Permute", (2, 1)), make("Dense", 5)),
    lost="Roll ReverseV2 Cumsum Cumprod GatherV2 Prod Split SplitV ConcatV2 Tile MirrorPad Softmax StridedSlice "
    "Einsum Reshape",
)
case(
    "dense along one of two axes",
    "",
    then(make("Permute", (1, 3, 2)), make("Dense", 5)),
    shape=IMAGE,
    lost="Reshape",
)

# --- reductions and products -------------------------------------------------------------------------------------

for rank, shape in ((1, SIGNAL), (2, IMAGE), (3, VOLUME)):
    # Edits that a cropping hides, on either side of what is left.
    crop = make(f"Cropping{rank}D", ((9, 12), ((2, 4), (3, 1)), 1)[rank - 1])
    case(
        f"global {rank}D",
        "Mean Max Min",
        then(make(f"Conv{rank}D", 4, 2), make(f"GlobalAveragePooling{rank}D")),
        then(make(f"Conv{rank}D", 4, 2), make(f"GlobalMaxPooling{rank}D", keepdims=True)),
        then(crop, make(f"GlobalAveragePooling{rank}D", keepdims=True)),
        then(crop, make(f"GlobalMaxPooling{rank}D")),
        then(crop, op(lambda h, rank=rank: tf.reduce_min(h, [*range(1, rank + 1)]))),
        shape=shape,
    )
    case(f"dense {rank}D", "MatMul", make("ReLU"), crop, shape=shape, head=dense)
case(
    "dense on places",
    "MatMul BatchMatMulV2 Einsum",
    then(make("Dense", 5, activation="relu"), make("Dense", 2)),
    op(lambda h: tf.matmul(h, tf.ones((3, 2), h.dtype))),
    op(lambda h: tf.matmul(h, tf.ones((1, 2, 3), h.dtype), transpose_b=True)),
    make("EinsumDense", "abc,cd->adb", output_shape=(6, 40)),
    op(lambda h: tf.einsum("cd,abc->abd", tf.ones((3, 2), h.dtype), h)),
)
case(
    "dense on pixels",
    "MatMul Einsum",
    then(make("Dense", 5), make("LayerNormalization"), make("Dense", 3)),
    make("EinsumDense", "abcd,ce->abed", output_shape=(14, 5, 3)),
    shape=IMAGE,
)


def excited(h):
    return h * L.Dense(3, activation="sigmoid")(L.GlobalAveragePooling1D(keepdims=True)(h))


case("squeeze and excite", "Mean", excited)

# --- one value at a time -----------------------------------------------------------------------------------------

case("softmax", "Softmax LogSoftmax", make("Softmax"), op(tf.nn.log_softmax))
local = op(lambda h: tf.nn.local_response_normalization(h, 1))
case("local response", "LRN", local, shape=IMAGE, dtype="float32")
case("bias", "BiasAdd", op(lambda h: tf.nn.bias_add(h, tf.constant([1, 2, 3], h.dtype)) ** 2))
aside = op(lambda h: tf.nn.bias_add(tf.transpose(h, [0, 2, 1]), tf.range(40, dtype=h.dtype)) ** 2)
first = op(lambda h: tf.nn.bias_add(h, tf.range(40, dtype=h.dtype), "NCHW") ** 2)
case("bias along the window", "BiasAdd", aside)
case("bias of the first of two axes", "BiasAdd", first, shape=(40, 40))
case("slopes", "Mul Neg Relu", make("PReLU"), make("PReLU", shared_axes=[2]))
case("weights of an axis", "Mul", op(lambda h: h * tf.range(12, dtype=h.dtype)[:, None]), shape=IMAGE)
case("gradient of its own", "IdentityN", op(tf.nn.silu))
case(
    "a sample and all",
    "StridedSlice Mul",
    op(lambda h: h * h[:, 3:4]),
    op(lambda h: h[:, 3:4] * h),
    op(lambda h: h[:, 3:4] * tf.range(9, dtype=h.dtype)[:, None]),
)
case("windows of two speeds", "StridedSlice AddV2", op(lambda h: h[:, ::2] + h[:, :20]))
case("each place with each", "Mul", op(lambda h: h[:, :, None] * h[:, None]), shape=(20, 2))
case(
    "branches of two strides",
    "AddV2",
    lambda h: L.MaxPooling1D(2)(h) + L.Conv1D(3, 5, strides=2, padding="same")(h),
    lambda h: L.AveragePooling1D(2, padding="same")(L.UpSampling1D(2)(h)) + h,
)
case(
    "made for the rows at hand",
    "",
    op(lambda h: tf.zeros([tf.shape(h)[0], 40, 3], h.dtype) + h * h),
    op(lambda h: h * tf.fill([tf.shape(h)[0], 1, 1], tf.cast(2, h.dtype))),
    op(lambda h: tf.concat([h, tf.tile(tf.ones((1, 40, 2), h.dtype), [tf.shape(h)[0], 1, 1])], 2)),
    lost="AddV2 Mul ConcatV2",
)


@pytest.mark.parametrize("name", list(CASES))
def test_rules_give_what_brute_force_gives(name, monkeypatch):
    layers, carries, lost, full, shape, width, dtype, head = CASES[name]
    x = np.random.default_rng(1).normal(size=(2, *shape)).astype(dtype)
    with precision(dtype):
        h = keras.Input(shape)
        model = randomise(keras.Model(h, sum(head(layer(h)) for layer in layers)))
    found = compare(monkeypatch, model, x, edits(x, width, most=100))
    assert np.ptp(found.brute) > 0
    assert found.error() <= (FLOAT64 if dtype == "float64" else FLOAT32)
    assert carries <= found.carried
    assert lost == found.lost - {"EnsureShape"}
    assert full == found.full


def test_every_rule_is_reached():
    carried = set().union(*(carries for _, carries, *_ in CASES.values()))
    assert set(RULES) - set(POINTWISE) - carried <= {"ResourceGather"}  # which Embedding uses, below


# --- all ops of one value at a time -------------------------------------------------------------------------------

POINTWISE = sorted(kind for kind, rule in RULES.items() if rule.__name__ == "pointwise")
BITS = {"BitwiseAnd", "BitwiseOr", "BitwiseXor", "Invert"}
LOGIC = {"LogicalAnd", "LogicalNot", "LogicalOr"}


def applied(kind, a, b):
    """An op of TensorFlow on a tensor with values in (0, 1), and where it takes two on another such tensor."""
    single, bits, truths = tf.cast(a, tf.float32), [tf.cast(t * 50, tf.int32) for t in (a, b)], [a > 0.5, b > 0.6]
    given = {
        "Acosh": [a + 1.1],
        "AddN": [[a, b, a]],
        "BitwiseAnd": bits,
        "BitwiseOr": bits,
        "BitwiseXor": bits,
        "Cast": [a, tf.float32],
        "CheckNumerics": [a, "not a number"],
        "ClipByValue": [a, tf.cast(0.2, a.dtype), tf.cast(0.7, a.dtype)],
        "FakeQuantWithMinMaxArgs": [single],
        "FakeQuantWithMinMaxVars": [single, 0.0, 1.0],
        "Invert": bits,
        "LeakyRelu": [a - 0.5],
        "LogicalAnd": truths,
        "LogicalNot": truths,
        "LogicalOr": truths,
        "Relu6": [a * 9],
        "SelectV2": [a > 0.5, a, b],
    }.get(kind, [a, b])
    function = getattr(tf.raw_ops, kind)
    empty = inspect.Parameter.empty
    names = [n for n, p in inspect.signature(function).parameters.items() if p.default is empty]
    return tf.cast(function(**dict(zip(names, given, strict=False))), a.dtype)


@pytest.mark.parametrize("ops", [POINTWISE[i::4] for i in range(4)], ids=range(4))
def test_ops_of_one_value_at_a_time(ops, monkeypatch):
    table = np.random.default_rng(2).uniform(0.3, 0.9, (30, 1))

    def all_of_them(x):
        a = tf.sigmoid(x)
        return tf.concat([applied(kind, a, a * a if kind == "AddN" else tf.constant(table)) for kind in ops], -1)

    x = np.random.default_rng(1).normal(size=(2, 30, 2))
    with precision("float64"):
        h = keras.Input((30, 2))
        model = keras.Model(h, weighed(op(all_of_them)(h)))
    found = compare(monkeypatch, model, x, edits(x, (4,)))
    assert found.error() <= FLOAT64
    assert found.lost <= {"EnsureShape"}
    assert set(ops) <= found.carried


# --- what a table of one input cannot say -------------------------------------------------------------------------


def test_numbers_looked_up_in_a_table(monkeypatch):
    x = keras.Input((30, 1), dtype="int32")
    with precision("float64"):
        h = L.Reshape((30, 4))(L.Embedding(9, 4)(x))
        model = randomise(keras.Model(x, L.Dense(2)(L.GlobalMaxPooling1D()(L.Conv1D(4, 3)(h)))))
    signal = np.random.default_rng(0).integers(0, 9, (2, 30, 1)).astype("int32")
    patches = edits(signal.astype("float64"), (4,))
    patches = patches._replace(content=np.abs(patches.content * 3).astype("int32") % 9)
    found = compare(monkeypatch, model, signal, patches)
    assert found.error() <= FLOAT32  # of integer inputs a score is float32
    assert found.carried & {"GatherV2", "ResourceGather"}
    assert found.lost <= {"EnsureShape"}


def two_inputs(merge, dtype="float64"):
    with precision(dtype):
        a, b = keras.Input((30, 2), name="a"), keras.Input((30, 2), name="b")
        return randomise(
            keras.Model([a, b], weighed(merge(L.Conv1D(2, 3, padding="same")(a), L.Activation("tanh")(b))))
        )


MERGES = {
    "added": (lambda a, b: a + b, ""),
    "side by side": (lambda a, b: L.Concatenate()([a, b]), ""),
    "gated by a mean": (lambda a, b: a * L.GlobalAveragePooling1D(keepdims=True)(b), ""),
    "one behind the other": (lambda a, b: L.Concatenate(axis=1)([a, b]), "ConcatV2"),
    "attended": (lambda a, b: L.Attention()([a, b]), "BatchMatMulV2"),
    "shaped like the other": (lambda a, b: op(lambda s, t: tf.reshape(s, tf.shape(t)))(a, b), ""),
    "sized like the other": (
        lambda a, b: op(lambda s, t: tf.broadcast_to(s[:, :1], tf.shape(t)))(a, b),
        "BroadcastTo",
    ),
    "multiplied as matrices": (
        lambda a, b: op(lambda s, t: tf.matmul(s, t, transpose_b=True))(a, b),
        "BatchMatMulV2",
    ),
    "in an einsum": (lambda a, b: op(lambda s, t: tf.einsum("bnc,bmc->bnm", s, t))(a, b), "Einsum"),
}


@pytest.mark.parametrize(("name", "position"), [*[(name, 0) for name in MERGES], ("added", 1), ("attended", 1)])
def test_the_input_that_is_held_keeps_its_own_row(name, position, monkeypatch):
    merge, lost = MERGES[name]
    x = list(np.random.default_rng(0).normal(size=(2, 3, 30, 2)))
    found = compare(monkeypatch, two_inputs(merge), x, edits(x[position], (4,)), position=position)
    assert found.error() <= FLOAT64
    assert found.lost <= {"EnsureShape", *lost.split()}
