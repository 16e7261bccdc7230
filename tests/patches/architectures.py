"""Networks of the kinds that people train on signals, images and volumes, small, with random weights."""

from signalscreen.backend import keras, tf
from tests.contract.zoo import randomise

L = keras.layers
LENGTH, LEADS = 48, 2
IMAGE, VOLUME = (18, 16, 2), (8, 7, 6, 2)


def finish(x, y):
    return randomise(keras.Model(x, y))


def normed(h, filters, size, **options):
    h = L.Conv1D(filters, size, padding="same", use_bias=False, **options)(h)
    return L.ReLU()(L.BatchNormalization()(h))


def resnet():
    x = keras.Input((LENGTH, LEADS))
    h = normed(x, 4, 7, strides=2)
    h = L.MaxPooling1D(3, 2, padding="same")(h)
    for filters, stride in ((4, 1), (6, 2)):
        side = L.Conv1D(filters, 1, strides=stride)(h)
        h = L.BatchNormalization()(L.Conv1D(filters, 3, padding="same")(normed(h, filters, 3, strides=stride)))
        h = L.ReLU()(L.Add()([h, side]))
    return finish(x, L.Dense(3, activation="softmax")(L.GlobalAveragePooling1D()(h)))


def inception():
    x = keras.Input((LENGTH, LEADS))
    h = x
    for _ in range(2):
        narrow = L.Conv1D(2, 1, use_bias=False)(h)
        branches = [L.Conv1D(3, size, padding="same")(narrow) for size in (9, 5, 2)]
        branches.append(L.Conv1D(3, 1)(L.MaxPooling1D(3, 1, padding="same")(h)))
        h = L.ReLU()(L.BatchNormalization()(L.Concatenate()(branches)))
    return finish(x, L.Dense(3)(L.GlobalAveragePooling1D()(h)))


def wavenet():
    """Causal, dilated, gated, with skips, and an output at every sample."""
    x = keras.Input((LENGTH, LEADS))
    h, skips = L.Conv1D(3, 2, padding="causal")(x), []
    for dilation in (1, 4):
        options = {"padding": "causal", "dilation_rate": dilation}
        gated = L.Multiply()(
            [L.Conv1D(3, 2, activation="tanh", **options)(h), L.Conv1D(3, 2, activation="sigmoid", **options)(h)]
        )
        skips.append(L.Conv1D(4, 1)(gated))
        h = L.Add()([h, L.Conv1D(3, 1)(gated)])
    return finish(x, L.Conv1D(2, 1)(L.ReLU()(L.Add()(skips))))


def tcn():
    x = keras.Input((LENGTH, LEADS))
    h = x
    for dilation in (1, 3):
        side = L.Conv1D(4, 1)(h)
        for _ in range(2):
            h = L.Conv1D(4, 3, padding="causal", dilation_rate=dilation, activation="relu")(h)
            h = L.SpatialDropout1D(0.2)(L.LayerNormalization()(h))
        h = L.ReLU()(L.Add()([h, side]))
    return finish(x, L.Dense(2)(h[:, -1]))


def unet():
    x = keras.Input((LENGTH, LEADS))
    one = L.Conv1D(3, 3, padding="same", activation="relu")(x)
    two = L.Conv1D(4, 3, padding="same", activation="relu")(L.MaxPooling1D(2)(one))
    h = L.Conv1D(5, 3, padding="same", activation="relu")(L.MaxPooling1D(3)(two))
    h = L.Concatenate()([L.Conv1DTranspose(4, 3, strides=3, padding="same")(h), two])
    h = L.Concatenate()([L.Conv1DTranspose(3, 4, strides=2, padding="same")(h), one])
    return finish(x, L.Conv1D(2, 1, activation="sigmoid")(h))


def se_resnet():
    x = keras.Input((LENGTH, LEADS))
    h = L.Conv1D(4, 5, padding="same")(x)
    for _ in range(2):
        inner = L.Conv1D(4, 3, padding="same")(normed(h, 4, 3))
        gate = L.Dense(2, activation="relu")(L.GlobalAveragePooling1D()(inner))
        gate = L.Reshape((1, 4))(L.Dense(4, activation="sigmoid")(gate))
        h = L.ReLU()(L.Add()([h, L.Multiply()([inner, gate])]))
    return finish(x, L.Dense(3)(L.GlobalMaxPooling1D()(h)))


def basset():
    x = keras.Input((LENGTH, 4))
    h = x
    for filters, size, pool in ((5, 7, 3), (6, 5, 2)):
        h = L.MaxPooling1D(pool)(L.ReLU()(L.BatchNormalization()(L.Conv1D(filters, size, padding="same")(h))))
    h = L.Dropout(0.3)(L.ReLU()(L.BatchNormalization()(L.Dense(7)(L.Flatten()(h)))))
    return finish(x, L.Dense(3, activation="sigmoid")(h))


def densenet():
    x = keras.Input((LENGTH, LEADS))
    h = L.Conv1D(3, 3, padding="valid")(x)
    for _ in range(2):
        for dilation in (1, 2):
            more = L.Conv1D(2, 3, padding="same", dilation_rate=dilation)(L.ELU()(L.BatchNormalization()(h)))
            h = L.Concatenate()([h, more])
        h = L.AveragePooling1D(2, 2, padding="same")(L.Conv1D(4, 1)(h))
    return finish(x, L.Dense(2)(L.Flatten()(h)))


def xception():
    x = keras.Input((LENGTH, LEADS))
    h = L.Conv1D(4, 3, strides=2)(x)
    side = L.Conv1D(6, 1, strides=2, padding="same")(h)
    h = L.SeparableConv1D(6, 3, padding="same")(L.LeakyReLU()(h))
    h = L.MaxPooling1D(3, 2, padding="same")(L.DepthwiseConv1D(5, padding="same")(h))
    h = L.PReLU(shared_axes=[1])(L.Add()([h, side]))
    return finish(x, L.Dense(2)(L.GlobalAveragePooling1D()(h)))


def convnext():
    x = keras.Input((LENGTH, LEADS))
    h = L.LayerNormalization()(L.Conv1D(4, 4, strides=4)(x))
    for _ in range(2):
        inner = L.LayerNormalization()(L.DepthwiseConv1D(3, padding="same")(h))
        h = L.Add()([h, L.Dense(4)(L.Dense(8, activation="gelu")(inner))])
    return finish(x, L.Dense(2)(L.LayerNormalization()(L.GlobalAveragePooling1D()(h))))


def feature_pyramid():
    x = keras.Input((LENGTH, LEADS))
    one = L.Conv1D(4, 3, strides=2, padding="same", activation="relu")(x)
    two = L.Conv1D(4, 3, strides=3, padding="same", activation="relu")(one)
    merged = L.Add()([one, L.UpSampling1D(3)(two)])
    both = [L.GlobalMaxPooling1D()(merged), L.GlobalAveragePooling1D()(two)]
    return finish(x, L.Dense(2)(L.Concatenate()(both)))


def padded_and_cropped():
    x = keras.Input((LENGTH, LEADS))
    h = L.Conv1D(4, 5, groups=2)(L.ZeroPadding1D((4, 1))(x))
    h = L.AveragePooling1D(3, 2)(L.Cropping1D((6, 9))(L.Activation("silu")(h)))
    h = L.MaxPooling1D(2, 2, padding="same")(L.Conv1DTranspose(3, 3, strides=2)(h))
    return finish(x, L.Dense(2)(L.GlobalMaxPooling1D()(h)))


def any_length():
    x = keras.Input((None, LEADS))
    h = L.MaxPooling1D(2)(L.Conv1D(4, 5, activation="relu")(x))
    h = L.Add()([L.Conv1D(4, 3, padding="same")(h), L.Dense(4, activation="tanh")(h)])
    return finish(x, L.Dense(2)(L.GlobalAveragePooling1D()(L.UpSampling1D(2)(h))))


def group_normalised():
    x = keras.Input((LENGTH, LEADS))
    h = L.GroupNormalization(2)(L.Conv1D(4, 3, activation="relu")(L.Conv1D(4, 5)(x)))
    return finish(x, L.Dense(2)(L.GlobalAveragePooling1D()(L.Conv1D(4, 3)(h))))


def attention():
    x = keras.Input((LENGTH, LEADS))
    h = L.MaxPooling1D(3)(L.Conv1D(4, 5, activation="relu")(x))
    h = L.LayerNormalization()(L.Add()([h, L.MultiHeadAttention(2, 3)(h, h)]))
    return finish(x, L.Dense(2)(L.GlobalAveragePooling1D()(h)))


def long_short_term():
    x = keras.Input((LENGTH, LEADS))
    h = L.MaxPooling1D(4)(L.Conv1D(4, 5, activation="relu")(x))
    return finish(x, L.Dense(2)(L.Bidirectional(L.LSTM(3))(h)))


def gated_recurrent():
    x = keras.Input((LENGTH, LEADS))
    h = L.Conv1D(4, 4, strides=4, activation="relu")(x)
    return finish(x, L.Dense(2)(L.GlobalMaxPooling1D()(L.GRU(3, return_sequences=True)(h))))


def mixer():
    """Dense layers along the signal, which see all of it."""
    x = keras.Input((LENGTH, LEADS))
    h = L.Conv1D(4, 4, strides=4)(x)
    h = L.Add()([h, L.Permute((2, 1))(L.Dense(12, activation="gelu")(L.Permute((2, 1))(h)))])
    return finish(x, L.Dense(2)(L.GlobalAveragePooling1D()(L.Dense(4)(L.LayerNormalization()(h)))))


def beat_by_beat():
    """The same small network on every twelve samples."""
    x = keras.Input((LENGTH, LEADS))
    h = L.TimeDistributed(L.Dense(3, activation="tanh"))(L.Reshape((4, 24))(x))
    return finish(x, L.Dense(2)(L.GlobalMaxPooling1D()(h)))


def several_outputs():
    x = keras.Input((LENGTH, LEADS))
    h = L.Conv1D(4, 5, activation="relu")(x)
    early = L.Dense(2, name="early")(L.GlobalAveragePooling1D()(h))
    late = L.Dense(3, name="late")(L.Flatten()(L.Conv1D(3, 3, strides=3)(h)))
    return finish(x, [early, late])


def nested():
    inner = keras.Sequential([L.Conv1D(4, 3, activation="relu"), L.BatchNormalization(), L.MaxPooling1D(2)])
    around = keras.Input((LENGTH // 2, 4))
    middle = keras.Model(around, L.Add()([around, L.Conv1D(4, 3, padding="same")(around)]))
    x = keras.Input((LENGTH, LEADS))
    h = middle(L.ZeroPadding1D((1, 0))(inner(x)))
    return finish(x, L.Dense(2)(L.GlobalMaxPooling1D()(h)))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = L.Conv1D(4, 3), L.Conv1D(4, 3, dilation_rate=2)
        self.head = L.Dense(2)

    def build(self, shape):
        self.first.build(shape)
        self.second.build((None, shape[1] - 2, 4))
        self.head.build((None, 8))

    @tf.function
    def gate(self, h):
        return tf.nn.sigmoid(h) * h

    def call(self, x):
        h = self.gate(self.first(x))
        h = tf.concat([self.second(h), h[:, 2:-2] * 2.0], -1)
        return self.head(tf.reduce_max(h, 1) - tf.reduce_mean(h, 1))


def subclassed():
    model = Subclassed()
    model.build((None, LENGTH, LEADS))
    return randomise(model)


def image_resnet():
    x = keras.Input(IMAGE)
    h = L.ReLU()(L.BatchNormalization()(L.Conv2D(4, 3, strides=2, padding="same")(x)))
    inner = L.Conv2D(4, 3, padding="same")(L.ReLU()(L.Conv2D(4, 3, padding="same")(h)))
    h = L.MaxPooling2D(2)(L.ReLU()(L.Add()([h, inner])))
    return finish(x, L.Dense(3)(L.GlobalAveragePooling2D()(h)))


def image_unet():
    x = keras.Input(IMAGE)
    one = L.Conv2D(3, 3, padding="same", activation="relu")(x)
    h = L.Conv2D(4, 3, padding="same", activation="relu")(L.MaxPooling2D(2)(one))
    h = L.Concatenate()([L.Conv2DTranspose(3, 2, strides=2)(h), one])
    return finish(x, L.Conv2D(2, 1)(h))


def image_attended():
    """A map of where to look, from the channels' mean and maximum."""
    x = keras.Input(IMAGE)
    h = L.SeparableConv2D(4, 3, activation="relu")(x)
    seen = L.Concatenate()([keras.ops.mean(h, -1, True), keras.ops.max(h, -1, True)])
    h = L.Multiply()([h, L.Conv2D(1, 3, padding="same", activation="sigmoid")(seen)])
    return finish(x, L.Dense(2)(L.Flatten()(L.AveragePooling2D(3, 2, padding="same")(h))))


def image_enlarged():
    x = keras.Input(IMAGE)
    h = L.Conv2D(3, 3, dilation_rate=2, activation="relu")(x)
    h = L.Conv2D(3, 3)(L.UpSampling2D((2, 1), interpolation="bilinear")(L.UpSampling2D((1, 3))(h)))
    return finish(x, L.Dense(2)(L.GlobalMaxPooling2D()(h)))


def volume():
    x = keras.Input(VOLUME)
    h = L.ReLU()(L.BatchNormalization()(L.Conv3D(3, 3, padding="same")(x)))
    h = L.Add()(
        [L.Conv3D(3, 2, strides=2)(h), L.Cropping3D(((0, 0), (0, 0), (0, 0)))(L.Conv3D(3, 2, strides=2)(x))]
    )
    return finish(x, L.Dense(2)(L.GlobalMaxPooling3D()(h)))


def volume_pooled():
    x = keras.Input(VOLUME)
    h = L.MaxPooling3D(2, 1)(L.Conv3D(3, 2, activation="relu")(x))
    return finish(x, L.Dense(2)(L.Flatten()(L.AveragePooling3D(2, padding="same")(h))))


def two_inputs():
    a, b = keras.Input((LENGTH, LEADS), name="a"), keras.Input((LENGTH // 2, 1), name="b")
    slow = L.UpSampling1D(2)(L.Conv1D(3, 3, padding="same", activation="tanh")(b))
    h = L.Multiply()([L.Conv1D(3, 5, padding="same", activation="relu")(a), slow])
    h = L.Concatenate()([L.Conv1D(4, 3)(h), L.Conv1D(2, 3)(slow)])
    return finish([a, b], L.Dense(2)(L.GlobalAveragePooling1D()(h)))
