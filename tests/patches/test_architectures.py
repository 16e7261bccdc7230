"""Patched scores are those of brute force, in float64 and float32, on architectures drawn and known."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import signalscreen as ss
from signalscreen.backend import keras, tf
from tests.contract.zoo import randomise
from tests.patches import architectures as known
from tests.patches.truth import (
    FLOAT32,
    FLOAT64,
    as_exact_as_brute_force,
    compare,
    edits,
    in_both_precisions,
    precision,
)

L = keras.layers
pytestmark = pytest.mark.usefixtures("always_by_patches")


def signals(shape, n=2, seed=1):
    return np.random.default_rng(seed).normal(size=(n, *shape)).astype("float32")


# --- known architectures -----------------------------------------------------------------------------------------


def energy(y):
    return tf.reduce_sum(tf.square(y), [1, 2])


# Build, width of the edits, target, and the ops without a rule. In both precisions: each op and each kind of sum on
# the way of an edit.
KNOWN = {
    "ResNet": (known.resnet, 7, 1, ""),
    "WaveNet, one output": (known.wavenet, 3, (20, 1), ""),
    "U-Net, one output": (known.unet, 6, (30, 0), ""),
    "SE-ResNet": (known.se_resnet, 8, [0, 2], ""),
    "Basset": (known.basset, 1, 2, ""),
    "Xception": (known.xception, 2, 1, ""),
    "ConvNeXt": (known.convnext, 9, 0, ""),
    "group normalisation": (known.group_normalised, 3, 0, ""),
    "attention": (known.attention, 6, 0, "Einsum"),
    "image ResNet": (known.image_resnet, (4, 3), 2, ""),
    "image U-Net": (known.image_unet, (3, 2), (5, 6, 1), ""),
    "volume": (known.volume, (2, 3, 1), 1, ""),
}


# The same ops put together otherwise, and other edits and targets, in float64.
MORE = {
    "ResNet, one sample": (known.resnet, 1, 0, ""),
    "ResNet, nearly all": (known.resnet, 45, 0, ""),
    "Inception": (known.inception, 5, 2, ""),
    "WaveNet, all outputs": (known.wavenet, 4, energy, ""),
    "TCN": (known.tcn, 3, 0, ""),
    "U-Net, all outputs": (known.unet, 1, energy, ""),
    "DenseNet": (known.densenet, 11, 1, ""),
    "feature pyramid": (known.feature_pyramid, 4, 0, ""),
    "padded and cropped": (known.padded_and_cropped, 6, 1, ""),
    "signals of any length": (known.any_length, 4, 1, ""),
    "LSTM": (known.long_short_term, 6, 0, "Transpose"),
    "GRU": (known.gated_recurrent, 9, 0, "Transpose"),
    "mixer": (known.mixer, 4, 1, "Reshape"),
    "beat by beat": (known.beat_by_beat, 5, 1, "Reshape"),
    "several outputs, early": (known.several_outputs, 5, ("early", 1), ""),
    "several outputs, late": (known.several_outputs, 5, ("late", 2), ""),
    "nested": (known.nested, 10, 1, ""),
    "subclassed": (known.subclassed, 7, 0, ""),
    "image attended": (known.image_attended, (2, 5), 0, ""),
}


def edited(name, build, width, dtype):
    """Signals for a known architecture, and their edits."""
    width = (width,) if isinstance(width, int) else width
    shapes = {1: (known.LENGTH, 4 if build is known.basset else known.LEADS), 2: known.IMAGE, 3: known.VOLUME}
    x = signals(shapes[len(width)]).astype(dtype)
    channel = 1 if name in ("Inception", "U-Net, one output", "image ResNet") else None
    return x, edits(x, width, channel, most=100)


@pytest.mark.parametrize("name", list(KNOWN))
def test_known_architectures(name, monkeypatch):
    build, width, target, lost = KNOWN[name]
    exact, _ = in_both_precisions(monkeypatch, build, *edited(name, build, width, "float32"), target)
    assert np.ptp(exact.brute) > 0
    assert exact.lost == set(lost.split())


@pytest.mark.parametrize("name", list(MORE))
def test_more_known_architectures(name, monkeypatch):
    build, width, target, lost = MORE[name]
    with precision("float64"):
        found = compare(monkeypatch, build(), *edited(name, build, width, "float64"), target)
    assert np.ptp(found.brute) > 0
    assert found.error() <= FLOAT64
    assert found.lost == set(lost.split())


# Of which TensorFlow has an op in float32 alone.
SINGLE = {
    "volume pooled": (known.volume_pooled, known.VOLUME, (2, 1, 2)),
    "bilinear": (known.image_enlarged, known.IMAGE, (3, 2)),
}


@pytest.mark.parametrize("name", list(SINGLE))
def test_architectures_in_float32_alone(name, monkeypatch):
    build, shape, width = SINGLE[name]
    x = signals(shape)
    assert compare(monkeypatch, build(), x, edits(x, width, most=100)).error() <= FLOAT32


@pytest.mark.parametrize("position", [0, 1])
def test_one_of_two_inputs_is_edited_and_the_other_held(position, monkeypatch):
    x = [signals((known.LENGTH, known.LEADS), 3), signals((known.LENGTH // 2, 1), 3, seed=2)]
    found = in_both_precisions(monkeypatch, known.two_inputs, x, edits(x[position], (5,)), position=position)
    assert not found[0].lost


def test_half_precision_adds_no_error_of_its_own(monkeypatch):
    x = signals((known.LENGTH, known.LEADS))
    patches = edits(x, (7,))
    with precision("float64"):
        precise = known.resnet()
    with precision("mixed_float16"):
        half = known.resnet()
    half.set_weights(precise.get_weights())
    wide = patches._replace(content=patches.content.astype("float64"))
    truth = compare(monkeypatch, precise, x.astype("float64"), wide).brute
    found = compare(monkeypatch, half, x, patches)
    worst = np.abs(found.brute - truth).max()
    assert 0 < np.abs(found.fast - truth).max() <= 3 * worst
    assert worst < 0.1 * np.ptp(truth)  # so that the line above says something


# --- architectures drawn from the list of layers ------------------------------------------------------------------

ACTIVATIONS = (
    "relu relu6 elu selu softplus softsign silu gelu tanh sigmoid hard_sigmoid hard_silu leaky_relu mish celu "
    "hard_tanh soft_shrink squareplus log_sigmoid exponential softmax linear"
).split()
small = st.integers(1, 3)
padding = st.sampled_from(["same", "valid"])
BLOCKS = {
    "conv": st.fixed_dictionaries({"size": st.integers(1, 5), "strides": small, "padding": padding}),
    "dilated": st.fixed_dictionaries({"size": small, "dilation_rate": small, "padding": padding}),
    "causal": st.fixed_dictionaries({"size": small, "dilation_rate": small}),
    "depthwise": st.fixed_dictionaries({"size": small, "strides": st.integers(1, 2), "padding": padding}),
    "separable": st.fixed_dictionaries({"size": small, "strides": st.integers(1, 2), "padding": padding}),
    "grouped": st.fixed_dictionaries({"size": small}),
    "transposed": st.fixed_dictionaries({"size": st.integers(1, 4), "strides": small, "padding": padding}),
    "normalise": st.fixed_dictionaries({"kind": st.sampled_from(["BatchNormalization", "LayerNormalization"])}),
    "activate": st.fixed_dictionaries({"kind": st.sampled_from(ACTIVATIONS)}),
    "drop": st.just({}),
    "pad": st.fixed_dictionaries({"before": st.integers(0, 3), "after": st.integers(0, 3)}),
    "crop": st.fixed_dictionaries({"before": st.integers(0, 3), "after": st.integers(0, 3)}),
    "upsample": st.fixed_dictionaries({"by": st.integers(1, 3)}),
    "pool": st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["Max", "Average"]),
            "size": st.integers(1, 4),
            "strides": small,
            "padding": padding,
        }
    ),
    "residual": st.fixed_dictionaries({"size": st.integers(1, 4)}),
    "concatenate": st.fixed_dictionaries({"size": st.integers(1, 4)}),
    "multiply": st.fixed_dictionaries({"size": st.integers(1, 4)}),
    "excite": st.just({}),
}


def block(h, name, rank, options):
    """One of the layers of the list behind `h`."""

    def layer(kind, *args, **more):
        return getattr(L, f"{kind}{rank}D")(*args, **more)

    options = dict(options)
    channels, size = h.shape[-1], options.pop("size", None)
    if name in ("conv", "dilated"):
        return layer("Conv", 3, size, **options)(h)
    if name == "causal":
        return L.Conv1D(3, size, padding="causal", **options)(h)
    if name == "depthwise":
        return layer("DepthwiseConv", size, depth_multiplier=2, **options)(h)
    if name == "separable":
        return layer("SeparableConv", 3, size, **options)(h)
    if name == "grouped":
        return layer("Conv", 2 * channels, size, groups=channels, padding="same")(h)
    if name == "transposed":
        return getattr(L, f"Conv{rank}DTranspose")(3, size, **options)(h)
    if name == "normalise":
        return getattr(L, options["kind"])()(h)
    if name == "activate":
        return L.Activation(options["kind"])(h)
    if name == "drop":
        return L.Dropout(0.3)(h)
    if name in ("pad", "crop"):
        ends = (options["before"], options["after"])
        return layer("ZeroPadding" if name == "pad" else "Cropping", ends if rank == 1 else (ends,) * rank)(h)
    if name == "upsample":
        return layer("UpSampling", options["by"])(h)
    if name == "pool":
        return layer(options.pop("kind") + "Pooling", size, **options)(h)
    if name == "excite":
        gate = L.Dense(channels, activation="sigmoid")(layer("GlobalAveragePooling", keepdims=True)(h))
        return L.Multiply()([h, gate])
    other = layer("Conv", channels, size, padding="same")(h)
    if name == "multiply":
        return L.Multiply()([h, L.Activation("sigmoid")(other)])
    return (L.Add() if name == "residual" else L.Concatenate())([h, other])


def drawn(rank, shape, blocks, head):
    """Build the network; a block that would leave nothing of an axis is left out."""
    h = x = keras.Input(shape)
    for name, options in blocks:
        try:
            y = block(h, name, rank, options)
        except ValueError:  # Keras refuses a kernel longer than the axis
            continue
        if min(y.shape[1:-1]) >= 1 and np.prod(y.shape[1:]) <= 1500:
            h = y
    h = L.Flatten()(h) if head == "Flatten" else getattr(L, f"{head}{rank}D")()(h)
    return randomise(keras.Model(x, L.Dense(2)(h)))


SHAPES = {1: (31, 2), 2: (11, 12, 2), 3: (6, 7, 5, 2)}
# Layers that Keras does not have there; and pooling of volumes, which TensorFlow has in float32 alone.
ABSENT = {1: set(), 2: {"causal"}, 3: {"causal", "depthwise", "separable", "pool"}}


@st.composite
def architectures(draw, rank):
    names = sorted(set(BLOCKS) - ABSENT[rank])
    chosen = draw(st.lists(st.sampled_from(names), min_size=2, max_size=6 - rank))
    blocks = [(name, dict(draw(BLOCKS[name]))) for name in chosen]
    for _, options in blocks if rank == 3 else ():
        if options.get("padding") == "same":  # a stride longer than the kernel has no rule: see test_rules
            options["strides"] = min(options.get("strides", 1), 2)
    head = draw(st.sampled_from(["GlobalAveragePooling", "GlobalMaxPooling", "Flatten"]))
    shape = SHAPES[rank]
    width = tuple(draw(st.integers(1, n - 1 if rank == 1 else n // 2)) for n in shape[:-1])
    channel = draw(st.sampled_from([None, None, 0, 1]))
    is_long = draw(st.booleans())  # of long axes, only what a call needs is copied; nothing drawn is that long
    return blocks, head, width, channel, is_long


def drawn_architectures_are_exact(rank, architecture):
    """In float64, which tells a wrong number from a rounded one; rounding is a matter of the known ones."""
    blocks, head, width, channel, is_long = architecture
    x = signals(SHAPES[rank]).astype("float64")
    patches = edits(x, width, channel, most=60)
    with pytest.MonkeyPatch.context() as monkeypatch, precision("float64"):
        if is_long:
            monkeypatch.setattr("signalscreen.patches.reading.LONG", 0)
        found = compare(monkeypatch, drawn(rank, SHAPES[rank], blocks, head), x, patches)
    assert found.error() <= FLOAT64
    assert not found.lost


def drawing(examples):
    """As drawn: to shrink what failed would take minutes, and what is drawn is small."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )


@given(architectures(1))
@drawing(12)
def test_drawn_architectures_1d(architecture):
    drawn_architectures_are_exact(1, architecture)


@given(architectures(2))
@drawing(6)
def test_drawn_architectures_2d(architecture):
    drawn_architectures_are_exact(2, architecture)


@given(architectures(3))
@drawing(4)
def test_drawn_architectures_3d(architecture):
    drawn_architectures_are_exact(3, architecture)


# --- the models of others ----------------------------------------------------------------------------------------


def in_float64(model):
    def widened(layer):
        return layer.__class__.from_config({**layer.get_config(), "dtype": "float64"})

    with precision("float64"):
        wide = keras.models.clone_model(model, clone_function=widened)
    wide.set_weights(model.get_weights())
    return wide


FILES = {
    "kazemi": ("model_kazemi_ppg_peaks/kazemi_ppg_peaks.keras", 9, None),
    "kipoi": ("model_kipoi_tal1/kipoi_tal1.keras", 1, 0),
    "cnnvis": ("model_cnnvis/NEW_cnn_1562604956.hdf5", 5, 0),
    "coffee": ("model_tsinterpret_coffee_cnn/best_model.hdf5", 15, 0),
    "mlperf": ("model_mlperf_resnet8_2d/pretrainedResnet.h5", 5, 3),
}


@pytest.mark.parametrize("name", list(FILES))
def test_models_of_others(name, real_data, monkeypatch):
    file, width, target = FILES[name]
    if not (real_data / file).exists():
        pytest.skip(f"{file} is not there")
    model = ss.load_model(real_data / file)
    shape = tuple(n or 128 for n in model.input_shape[1:])
    x = signals(shape)
    if target is None:
        target = tuple(n // 2 for n in model(x).shape[1:])
    patches = edits(x, (width,) * (len(shape) - 1), most=40)
    rows = np.random.default_rng(0).permutation(len(patches.starts))[:60]
    patches = patches._replace(starts=patches.starts[rows], content=patches.content[rows])
    wide = patches._replace(content=patches.content.astype("float64"))
    exact = compare(monkeypatch, in_float64(model), x.astype("float64"), wide, target)
    assert exact.error() <= FLOAT64
    as_exact_as_brute_force(compare(monkeypatch, model, x, patches, target), exact.brute)
