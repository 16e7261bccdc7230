"""Class activation maps lie where the layer's positions are: an impulse peaks where it was put.

Every network here has kernels that rise to their middle, so what it makes of mirrored samples is mirrored about the
same place: the centre of mass of the map is that place exactly, and its peak too. The places are written down by
hand, not asked of the package.

``python -m tests.test_places`` prints the table.
"""

import warnings
from functools import cache

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax

keras = pytest.importorskip("keras")
from keras import layers as kl  # noqa: E402

import signalscreen as ss  # noqa: E402
from signalscreen.errors import LayerError, PlacesWarning  # noqa: E402
from signalscreen.resize import covered, lay  # noqa: E402
from signalscreen.screening import cut_for, explain_windows  # noqa: E402
from signalscreen.windows import stitch  # noqa: E402

MAPS = ("grad_cam", "grad_cam_plus_plus", "layer_cam", "score_cam")
CAMS = (*MAPS, "guided_grad_cam")
N = 30  # samples on each axis


def ranked(name, rank, *args, **kwargs):
    return getattr(kl, f"{name}{rank}D")(*args, **kwargs)


def chain(*makers):
    """Layers one after the other, each given as (name, *sizes, options)."""

    def build(rank, x):
        for name, *args in makers:
            options = args.pop() if args and isinstance(args[-1], dict) else {}
            filters = [1] if name.startswith("Conv") else []
            name, transposed = name.removesuffix("Transpose"), "Transpose" * name.endswith("Transpose")
            args = [(a,) * rank if rank > 1 and isinstance(a, tuple) else a for a in args]
            x = getattr(kl, f"{name}{rank}D{transposed}")(*filters, *args, **options)(x)
        return x

    return build


def nested(rank, x):
    return keras.Model(inner := keras.Input(x.shape[1:]), chain(("Conv", 5), ("AveragePooling", 2))(rank, inner))(x)


def shortcut(rank, x):
    return kl.Add()([chain(("Cropping", (2, 2)))(rank, x), chain(("Conv", 5))(rank, x)])


def together(rank, x):
    return kl.Concatenate(axis=1)([kl.Cropping1D((0, 15))(x), kl.Cropping1D((15, 0))(x)])


SAME = {"padding": "same"}
# Name: layers, where an impulse is put on each axis (two samples where that is at a half), and the first and last
# sample that the layer's positions speak for. Behind it, where position i lies.
LAYERS = {
    "same": (chain(("Conv", 3, SAME)), 9, (0, 29)),  # i
    "same, even kernel": (chain(("Conv", 4, SAME)), 12.5, (0, 29)),  # i + 0.5
    "valid": (chain(("Conv", 7)), 9, (3, 26)),  # i + 3
    "cropped": (chain(("Conv", 3, SAME), ("Cropping", (8, 4))), 12, (8, 25)),  # i + 8
    "dilated": (chain(("Conv", 3, {"dilation_rate": 3})), 10, (3, 26)),  # i + 3
    "dilated, same": (chain(("Conv", 3, {"dilation_rate": 3, **SAME})), 10, (0, 29)),  # i
    "strided": (chain(("Conv", 5, 3)), 11, (1, 27)),  # 3 i + 2
    "strided, same": (chain(("Conv", 5, 4, "same")), 13, (0, 29)),  # 4 i + 1
    "max-pooled": (chain(("MaxPooling", 4)), 13.5, (0, 27)),  # 4 i + 1.5
    "mean-pooled, overlapping": (chain(("AveragePooling", 4, 2)), 13.5, (1, 28)),  # 2 i + 1.5
    "pooled, same": (chain(("AveragePooling", 4, SAME)), 12.5, (0, 29)),  # 4 i + 0.5
    "padded": (chain(("ZeroPadding", (6, 2)), ("Conv", 5)), 9, (0, 29)),  # i - 4
    "transposed": (chain(("Conv", 4, 4), ("ConvTranspose", 4, 4)), 13.5, (0, 27)),  # i
    "transposed, same": (chain(("AveragePooling", 2), ("ConvTranspose", 5, 2, "same")), 12.5, (0, 29)),  # i - 0.5
    "transposed, output padding": (
        chain(("AveragePooling", 2), ("ConvTranspose", 5, 2, {"output_padding": 0, **SAME})),
        12.5,
        (0, 29),
    ),  # i + 0.5
    "transposed, dilated": (chain(("Conv", 3), ("ConvTranspose", 3, {"dilation_rate": 2})), 10, (0, 29)),  # i - 1
    "upsampled": (chain(("AveragePooling", 2), ("UpSampling", 2)), 12.5, (0, 29)),  # i
    "upsampled, valid": (chain(("Conv", 5, 3), ("UpSampling", 3)), 11, (1, 27)),  # i + 1
    "shortcut": (shortcut, 12, (2, 27)),  # i + 2
    "nested": (nested, 12.5, (2, 27)),  # 2 i + 2.5
    "deep": (chain(("Conv", 5), ("AveragePooling", 2), ("Conv", 3)), 10.5, (4, 25)),  # 2 i + 4.5
    "causal": (chain(("Conv", 5, {"dilation_rate": 2, "padding": "causal"})), 9, (0, 25)),  # i - 4
    "put together": (together, 20, (0, 29)),  # i
}
ONE_AXIS = ("causal", "put together")
# TensorFlow has no dilated convolution over three axes on a CPU.
CASES = [
    (rank, name)
    for rank in (1, 2, 3)
    for name in LAYERS
    if rank == 1 or not (name in ONE_AXIS or "dilated" in name)
] + [(2, "dilated"), (2, "dilated, same")]


def peaked(model):
    """Kernels that rise to their middle on each axis, and no biases."""
    for weight in model.weights:
        kernel = np.zeros(weight.shape)
        if weight.path.endswith("kernel"):
            sides = [np.minimum(np.arange(n) + 1, n - np.arange(n)) for n in weight.shape[:-2]]
            kernel = np.ones(weight.shape)
            for axis, side in enumerate(sides):
                kernel = kernel * side.reshape([-1 if a == axis else 1 for a in range(kernel.ndim)])
        weight.assign(kernel)
    return model


@cache
def network(rank, name):
    inputs = keras.Input((N,) * rank + (1,))
    x = kl.ReLU(name="end")(LAYERS[name][0](rank, inputs))
    model = peaked(keras.Model(inputs, kl.Dense(1)(ranked("GlobalAveragePooling", rank)(x))))
    try:
        model(np.zeros((1, *inputs.shape[1:])))
    except tf.errors.InvalidArgumentError as error:
        pytest.skip(f"TensorFlow cannot compute it on this processor: {error.message.splitlines()[0]}")
    return model


def impulse(rank, place):
    """One sample, or the two around a half, on each axis: the middle of what is put in is `place`."""
    line = np.zeros(N, np.float32)
    line[[int(np.floor(place)), int(np.ceil(place))]] = 1
    x = line
    for _ in range(rank - 1):
        x = x[..., None] * line
    return x[None, ..., None]


def explained(rank, name, method, x):
    found = ss.explain(network(rank, name), x, 0, method=method, layer="end")[0]
    return found[..., 0] if method == "guided_grad_cam" else found


def middle(found):
    """The centre of mass, per axis."""
    axes = range(found.ndim)
    lines = [found.astype(float).sum(axis=tuple(a for a in axes if a != axis)) for axis in axes]
    return [float(line @ np.arange(len(line)) / line.sum()) for line in lines]


@pytest.mark.parametrize(("rank", "name"), CASES)
def test_an_impulse_lies_where_it_is(rank, name):
    place = LAYERS[name][1]
    for method in MAPS if name == "max-pooled" else CAMS:  # guided backprop has to choose between two equal samples
        found = explained(rank, name, method, impulse(rank, place))
        np.testing.assert_allclose(middle(found), place, atol=1e-4, err_msg=method)
        for around in (np.floor(place), np.ceil(place)):
            assert found[(int(around),) * rank] >= 0.99999 * found.max(), method


@pytest.mark.parametrize(("rank", "name"), CASES)
def test_maps_are_zero_where_the_layer_has_no_position(rank, name):
    first, last = LAYERS[name][2]
    speaks = np.zeros((N,) * rank, bool)
    speaks[(slice(first, last + 1),) * rank] = True
    for method in MAPS:
        found = explained(rank, name, method, np.ones((1, *(N,) * rank, 1), np.float32))
        np.testing.assert_array_equal(found > 0, speaks, err_msg=method)


def test_a_layer_that_sees_far_and_covers_little():
    """As in SpliceAI: 10,100 samples, of which the last layer covers the middle 100."""
    inputs = keras.Input((10100, 1))
    x = kl.Cropping1D(5000)(kl.Conv1D(1, 11, dilation_rate=25, padding="same")(inputs))
    x = kl.Conv1D(1, 1, name="last")(x)
    model = peaked(keras.Model(inputs, kl.Dense(1)(kl.GlobalAveragePooling1D()(x))))
    signal = np.zeros((1, 10100, 1), np.float32)
    signal[0, 5040] = 1
    for method in MAPS:
        found = ss.explain(model, signal, 0, method=method, layer="last")[0]
        np.testing.assert_array_equal(np.flatnonzero(found), [5015, 5040, 5065, 5090])
        assert found.argmax() == 5040


# --- what is asked of the score ------------------------------------------------------------------------------


def places(model, x, layer=None, target=0):
    score, _ = ss.Score(model, target).bind(x)
    return score.places(layer)


@pytest.mark.parametrize("n", [29, 30, 31, 33])
def test_free_lengths_have_the_padding_that_they_get(n):
    model = keras.Sequential([keras.Input((None, 1)), kl.Conv1D(1, 5, 4, "same"), kl.MaxPooling1D(3, 2, "same")])
    model.add(kl.ReLU(name="end"))
    model.add(kl.GlobalAveragePooling1D())
    first = (n + 3) // 4
    second = (first + 1) // 2
    left = max((first - 1) * 4 + 5 - n, 0) // 2
    then = max((second - 1) * 2 + 3 - first, 0) // 2
    inside = np.arange(second) * 2 - then + 1
    [found] = places(model, np.ones((1, n, 1)), "end")
    np.testing.assert_array_equal(found, inside * 4 - left + 2)


@pytest.mark.filterwarnings("ignore::signalscreen.errors.SeveralCallsWarning")
@pytest.mark.parametrize("cropped_first", [False, True])
@pytest.mark.parametrize("between", [False, True])
def test_the_call_of_a_layer_that_has_the_map(cropped_first, between):
    """A layer is called several times, at different places: the map has those of its call."""
    inputs = keras.Input((N, 1))
    shared = kl.Conv1D(1, 3, name="shared")
    crop = kl.Cropping1D((10, 4))(kl.ReLU()(inputs) if between else inputs)
    given = [crop, inputs] if cropped_first else [inputs, crop]
    model = peaked(keras.Model(inputs, kl.Add()([kl.GlobalAveragePooling1D()(shared(x)) for x in given])))
    x = np.zeros((1, N, 1), np.float32)
    x[0, 15] = 1
    [found] = places(model, x, "shared")
    assert len(found) == ss.grad_cam(model, x, 0, layer="shared", upsample=False).shape[1]
    np.testing.assert_array_equal(found, np.arange(len(found)) + (1 if len(found) == 28 else 11))
    np.testing.assert_allclose(middle(ss.grad_cam(model, x, 0, layer="shared")[0]), 15, atol=1e-5)


def test_the_input_that_the_map_lies_on():
    """Of several inputs each has its own places."""
    a, b = keras.Input((20, 1), name="a"), keras.Input((N, 1), name="b")
    both = [kl.Conv1D(1, 3, name="of_a")(a), kl.Conv1D(1, 5, name="of_b")(b)]
    model = peaked(keras.Model([a, b], kl.Add()([kl.GlobalAveragePooling1D()(x) for x in both])))
    x = [np.zeros((1, 20, 1), np.float32), np.zeros((1, N, 1), np.float32)]
    x[0][0, 7] = x[1][0, 12] = 1
    of_a, of_b = ss.grad_cam(model, x, 0)
    np.testing.assert_allclose([*middle(of_a[0]), *middle(of_b[0])], [7, 12], atol=1e-5)
    assert of_a.shape == (1, 20)


def test_a_nested_model_is_where_its_output_is():
    """Its last layer in the order of the graph need not be what it gives."""
    inner = keras.Input((N, 1))
    short, long = kl.Conv1D(1, 3)(inner), kl.Conv1D(1, 3)(kl.Conv1D(1, 5)(inner))
    two = keras.Model(inner, [short, long], name="two")
    inputs = keras.Input((N, 1))
    one, other = two(inputs)
    model = keras.Model(inputs, kl.Add()([kl.GlobalAveragePooling1D()(x) for x in (one, other)]))
    np.testing.assert_array_equal(ss.layer_positions(model, "two")[0], np.arange(28) + 1)


def test_a_sequence_given_backwards_is_laid_forwards():
    inputs = keras.Input((N, 1))
    x = kl.GRU(2, return_sequences=True, go_backwards=True, name="back")(kl.Conv1D(1, 5)(inputs))
    model = keras.Model(inputs, kl.Dense(1)(kl.GlobalAveragePooling1D()(x)))
    signal = np.random.default_rng(0).normal(size=(2, N, 1))
    [found] = places(model, signal, "back")
    np.testing.assert_array_equal(found, 27 - np.arange(26))
    small = ss.grad_cam(model, signal, 0, layer="back", relu=False, upsample=False)
    np.testing.assert_allclose(ss.grad_cam(model, signal, 0, layer="back", relu=False)[:, 2:28], small[:, ::-1])


def test_score_cam_masks_the_input_at_the_places():
    """Equations 3 to 5 by hand: the masks of a "valid" layer are zero at the ends, and shifted by half a kernel."""
    inputs = keras.Input((N, 1))
    x = kl.Conv1D(3, 7, activation="tanh", name="conv")(inputs)
    model = keras.Model(inputs, kl.Dense(2)(kl.Flatten()(x)))
    rng = np.random.default_rng(4)
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.5, weight.shape))
    signal = rng.normal(size=(2, N, 1)).astype(np.float32)
    maps = keras.Model(inputs, model.get_layer("conv").output)(signal).numpy()
    masks = np.zeros((3, 2, N), np.float32)
    masks[..., 3:27] = np.moveaxis((maps - maps.min(1, keepdims=True)) / np.ptp(maps, axis=1, keepdims=True), -1, 0)
    rises = [model(mask[..., None] * signal).numpy()[:, 1] - model(0 * signal).numpy()[:, 1] for mask in masks]
    by_hand = np.einsum("kb,bpk->bp", softmax(np.stack(rises), axis=0), maps)
    found = ss.score_cam(model, signal, 1, layer="conv", relu=False)
    np.testing.assert_allclose(found[:, 3:27], by_hand, atol=1e-5)
    assert not found[:, [*range(3), *range(27, N)]].any()


class _Hidden(keras.Model):
    """A name that may not begin a scope of TensorFlow, and a layer called for batches of known size only."""

    def __init__(self):
        super().__init__()
        self.early, self.conv, self.head = kl.Conv1D(1, 3, name="early"), kl.Conv1D(1, 7, name="conv"), kl.Dense(1)

    def call(self, x):
        return self.head(keras.ops.mean(self.conv(x if x.shape[0] is None else self.early(x)), axis=1))


def test_places_are_those_of_the_layer_that_has_the_map():
    """A model that calls more layers for a batch of known size: the places of another are not taken for its own."""
    model = _Hidden()
    model(np.zeros((3, N, 1)))
    signal = np.random.default_rng(0).normal(size=(2, N, 1))
    score, _ = ss.Score(model, 0, examine=False).bind(signal)  # which refuses such a model otherwise
    assert score.places("conv") is None


# --- where places are not known ------------------------------------------------------------------------------


def mixed():
    """An unrolled loop, each step of which sees all before: its positions have no place."""
    inputs = keras.Input((N, 2))
    x = kl.LSTM(3, return_sequences=True, unroll=True)(inputs)
    return keras.Model(inputs, kl.Dense(1)(kl.GlobalAveragePooling1D()(kl.ReLU(name="mixed")(x))))


@pytest.mark.parametrize("method", CAMS)
def test_a_map_that_is_stretched_says_so(method):
    x = np.random.default_rng(0).normal(size=(2, N, 2)).astype(np.float32)
    with pytest.warns(PlacesWarning, match=r"positions of layer 'mixed'.* is not known.*stretched"):
        found = ss.explain(mixed(), x, 0, method=method, layer="mixed")
    assert found.shape == (x.shape if method == "guided_grad_cam" else x.shape[:2])


def test_a_map_as_it_is_needs_no_places():
    assert ss.grad_cam(mixed(), np.ones((2, N, 2)), 0, layer="mixed", upsample=False).shape == (2, N)


def test_positions_made_of_all_samples_are_no_map():
    inputs = keras.Input((N, 2))
    x = kl.Permute((2, 1))(kl.Dense(15, name="over_time")(kl.Permute((2, 1))(inputs)))
    model = keras.Model(inputs, kl.Dense(1)(kl.GlobalAveragePooling1D()(kl.ReLU(name="behind")(x))))
    with pytest.raises(LayerError, match="no feature map over the signal's axes"):
        ss.grad_cam(model, np.ones((2, N, 2)), 0, layer="behind")


def test_positions_out_of_order_are_said():
    inputs = keras.Input((N, 1))
    x = kl.Concatenate(axis=1, name="twice")([kl.Conv1D(1, 3)(inputs), kl.Conv1D(1, 5)(inputs)])
    model = keras.Model(inputs, kl.Dense(1)(kl.GlobalAveragePooling1D()(x)))
    with pytest.warns(PlacesWarning, match="positions of layer 'twice' lie on the signal is not known"):
        ss.layer_cam(model, np.ones((1, N, 1)), 0, layer="twice")
    assert ss.layer_cam(model, np.ones((1, N, 1)), 0, layer="twice", upsample=False).shape == (1, 54)


# --- laying --------------------------------------------------------------------------------------------------


def test_lines_between_places_and_nothing_beyond():
    at = np.array([2.0, 5.0, 8.0])
    np.testing.assert_allclose(lay(np.array([3.0, 0, 6]), [at], [12], [0]), [3, 3, 3, 2, 1, 0, 2, 4, 6, 6, 6, 6])
    np.testing.assert_allclose(lay(np.array([6.0, 0, 3]), [at[::-1]], [9], [0]), [3, 3, 3, 2, 1, 0, 2, 4, 6])
    np.testing.assert_array_equal(np.flatnonzero(covered([at], [12])), np.arange(1, 10))
    np.testing.assert_array_equal(covered([at[::-1]], [12]), covered([at], [12]))


def test_a_hole_between_places_is_not_covered():
    at = np.array([0, 1, 2, 3, 16, 18, 20.0])
    np.testing.assert_array_equal(np.flatnonzero(~covered([at], [20])), [*range(4, 15)])
    assert covered([np.array([0, 1, 2, 3, 7, 11, 15.0])], [16]).all(), "steps may grow"


def test_the_only_position_of_an_axis_speaks_for_all_of_it():
    assert covered([np.array([7.0]), np.arange(4.0)], [15, 4]).all()
    np.testing.assert_array_equal(lay(np.array([[2.0]]), [np.array([7.0])], [3], [1]), [[2, 2, 2]])


# --- windows and averages ------------------------------------------------------------------------------------


def cropped():
    """The sum of the middle 10 of 30 samples."""
    inputs = keras.Input((N, 1))
    x = kl.ReLU(name="end")(kl.Cropping1D(10)(inputs))
    return peaked(keras.Model(inputs, kl.Dense(1)(kl.GlobalAveragePooling1D()(x))))


@pytest.mark.filterwarnings("ignore:.*windows are flagged")  # its output is no probability, and above any
@pytest.mark.parametrize("method", ["grad_cam", "guided_grad_cam", "smooth_grad"])
def test_windows_have_no_part_where_their_layer_says_nothing(method, tmp_path):
    """Every sample that some window's layer covers gets what those windows say, not less for the others."""
    options = {"smooth_grad": {"base_method": "grad_cam", "samples": 2, "level": 0.0}}.get(method, {})
    recording = ss.Recording(np.full((100, 1), 2.0), fs=10.0)
    model = cropped()
    alone = ss.explain(model, np.full((1, N, 1), 2.0), 0, method=method, layer="end", **options).reshape(N)
    assert alone[15] > 0
    options["layer"] = "end"
    windows = cut_for(model, recording, hop=0.5)
    stitched = explain_windows(ss.Score(model, 0), windows, 100, method, options).attribution.reshape(100)
    expected = np.zeros(100)
    expected[10:90] = alone[15]
    np.testing.assert_allclose(stitched, expected, rtol=1e-5)
    ds = ss.screen_recording(recording, model, {method: options}, out=tmp_path / "s.zarr", hop=0.5, target=0)
    np.testing.assert_allclose(ds[f"attribution_{method}"].values[:, 0], expected, rtol=1e-5)


def test_stitching_what_is_known():
    known = [False, True, True, False]
    maps = np.array([[9, 1, 1, 9], [9, 3, 3, 9.0]])
    np.testing.assert_allclose(stitch(maps, [0, 1], 7, "flat", known), [0, 1, 2, 3, 0, np.nan, np.nan])


def test_averages_are_zero_where_the_layer_says_nothing():
    x = np.random.default_rng(0).uniform(1, 2, size=(6, N, 1))
    found = ss.class_averages(cropped(), x, [0, 1] * 3, method="grad_cam", layer="end", target=0)
    for label in (0, 1):
        mean = found.mean[label]
        np.testing.assert_array_equal(mean > 0, (np.arange(N) >= 10) & (np.arange(N) < 20))
        np.testing.assert_allclose(mean[10:20], x[label::2, 10:20, 0].mean(axis=0) / 10, rtol=1e-5)


def main():
    """Print where impulses come out."""
    print(f"{'layer':28s} D  put at  " + "  ".join(f"{name:>18s}" for name in CAMS))
    for rank, name in CASES:
        place = LAYERS[name][1]
        found = [middle(explained(rank, name, method, impulse(rank, place))) for method in CAMS]
        words = "  ".join(f"{','.join(f'{m:.2f}' for m in middles):>18s}" for middles in found)
        print(f"{name:28s} {rank}  {place:6.1f}  {words}")


if __name__ == "__main__":
    warnings.simplefilter("error", PlacesWarning)
    main()
