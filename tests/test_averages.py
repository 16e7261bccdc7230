"""Class averages: against a loop over explanations, in every form a data set comes in, and what is refused."""

import warnings
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import signalscreen as ss
from signalscreen.averages import batches
from signalscreen.averages.moments import Moments, add, merged
from signalscreen.errors import (
    CompletenessWarning,
    InputError,
    MethodError,
    OptionError,
    OutputError,
    RecordingError,
    TargetError,
)
from tests.contract import zoo

X, Y = zoo.signals(1, n=10, seed=4), np.array([0, 1, 2, 1, 0, 0, 1, 2, 2, 0])


@pytest.fixture(scope="module")
def net():
    return zoo.build("functional", 1)


@pytest.fixture(scope="module")
def unit():
    """A network with one sigmoid unit."""
    inputs = keras.Input((24, 2))
    h = keras.layers.GlobalAveragePooling1D()(keras.layers.Conv1D(4, 3, activation="relu")(inputs))
    return zoo.randomise(keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(h)))


@pytest.fixture(scope="module")
def by_saliency(net):
    return ss.class_averages(net, X, Y)


def same(found, wanted, rtol=1e-5):
    assert found.labels == wanted.labels
    assert found.counts == wanted.counts
    for name in ("mean", "std", "signal"):
        for label in wanted.labels:
            np.testing.assert_allclose(getattr(found, name)[label], getattr(wanted, name)[label], rtol, 1e-6)


# ---- what is computed


@pytest.mark.parametrize(
    ("method", "options"),
    [("saliency", {}), ("integrated_gradients", {"steps": 8, "tolerance": 9.0}), ("grad_cam", {"layer": "conv2"})],
)
def test_it_is_the_mean_of_the_explanations_of_each_class(net, method, options):
    found = ss.class_averages(net, X, Y, method=method, **options)
    assert found.labels == (0, 1, 2)
    for label in found.labels:
        own = X[label == Y]
        maps = ss.explain(net, own, label, method=method, **options).astype(np.float64)
        assert found.counts[label] == len(own)
        assert np.abs(maps).max() > 0
        np.testing.assert_allclose(found.mean[label], maps.mean(axis=0), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(found.std[label], maps.std(axis=0, ddof=1), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(found.signal[label], own.mean(axis=0), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("method", ss.METHODS)
def test_any_method(net, method):
    x = X[:4]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CompletenessWarning)
        found = ss.class_averages(net, x, [0, 1, 1, 0], method=method)
        maps = ss.explain(net, x, [0, 1, 1, 0], method=method)
    assert np.abs(maps).max() > 0
    np.testing.assert_allclose(found.mean[1], maps[1:3].mean(axis=0), rtol=1e-4, atol=1e-5 * np.abs(maps).max())


@pytest.mark.parametrize("rank", [2, 3])
def test_images_and_volumes(rank):
    model, x = zoo.build("sequential", rank), zoo.signals(rank, n=4)
    found = ss.class_averages(model, x, [0, 1, 1, 0], method="guided_backprop")
    np.testing.assert_allclose(
        found.mean[1], ss.guided_backprop(model, x[1:3], 1).mean(axis=0), rtol=1e-4, atol=1e-6
    )


def test_words_are_classes_by_their_names(net, by_saliency):
    words = np.array(["N", "V", "S"])[Y]
    found = ss.class_averages(net, X, words, class_names=["N", "V", "S"])
    assert found.labels == ("N", "S", "V")
    np.testing.assert_allclose(found.mean["V"], by_saliency.mean[1], rtol=1e-6)


@pytest.mark.parametrize("names", [[-1, 1, 5], np.array([-1.0, 1.0, 5.0])])
def test_numbers_are_names_of_classes_where_they_are_given(net, by_saliency, names):
    """As in the UCR archive, whose labels are -1 and 1, or begin with 1."""
    labels = np.array([-1, 1, 5])[Y]
    found = ss.class_averages(net, X, labels, class_names=names)
    assert found.labels == (-1, 1, 5)
    assert found.counts == {label: (labels == label).sum() for label in (-1, 1, 5)}
    for label, number in ((-1, 0), (1, 1), (5, 2)):
        np.testing.assert_allclose(found.mean[label], by_saliency.mean[number], rtol=1e-6)
    turned = ss.class_averages(net, X, labels, class_names=[5, 1, -1])
    one = X[labels == 5]
    np.testing.assert_allclose(turned.mean[5], ss.saliency(net, one, 0).mean(axis=0), rtol=1e-5, atol=1e-7)


def test_any_target_and_any_labels(net):
    found = ss.class_averages(net, X, [f"patient {i % 2}" for i in range(10)], target=2)
    np.testing.assert_allclose(
        found.mean["patient 1"], ss.saliency(net, X[1::2], 2).mean(axis=0), rtol=1e-5, atol=1e-7
    )
    each = ss.class_averages(net, X, np.zeros(10), target=list(Y))
    np.testing.assert_allclose(each.mean[0], ss.saliency(net, X, Y).mean(axis=0), rtol=1e-5, atol=1e-7)


def test_a_target_for_each_example_follows_the_batches(net, monkeypatch):
    monkeypatch.setattr(batches, "_ROWS", 4)
    found = ss.class_averages(net, X, np.zeros(10), target=Y)
    np.testing.assert_allclose(found.mean[0], ss.saliency(net, X, Y).mean(axis=0), rtol=1e-5, atol=1e-7)


def test_magnitudes_of_one_scale_are_the_average_of_cnn_vis(unit):
    labels = Y > 0
    found = ss.class_averages(unit, X, labels, target=0, reduce="max_abs", scale="min_max")
    total = np.zeros(24)
    for x in X[labels]:
        magnitude = np.abs(ss.saliency(unit, x[None], 0)[0]).max(axis=-1)
        total += (magnitude - magnitude.min()) / (magnitude.max() - magnitude.min())
    np.testing.assert_allclose(found.mean[1], total / labels.sum(), rtol=1e-4, atol=1e-6)


def test_a_map_without_channels_is_one_channel(net):
    maps = ss.occlusion(net, X, 1, window=5)
    assert maps.min() < 0
    found = ss.class_averages(net, X, np.ones(10), method="occlusion", window=5, reduce="max_abs", scale="max_abs")
    scaled = np.abs(maps) / np.abs(maps).max(axis=1, keepdims=True)
    np.testing.assert_allclose(found.mean[1], scaled.mean(axis=0), rtol=1e-4, atol=1e-6)


def test_scaling_alone_keeps_channels_and_sign(net):
    found = ss.class_averages(net, X[:2], [1, 1], scale="max_abs")
    maps = ss.saliency(net, X[:2], 1)
    scaled = maps / np.abs(maps).max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(found.mean[1], scaled.mean(axis=0), rtol=1e-5, atol=1e-7)


def test_wanted_labels_in_their_order_and_no_others(net, by_saliency):
    found = ss.class_averages(net, X, Y, wanted=[2, 0, 2])
    assert found.labels == (2, 0)
    np.testing.assert_allclose(found.mean[2], by_saliency.mean[2], rtol=1e-5, atol=1e-7)


# ---- in what form data come


def pairs():
    return [(X[:3], Y[:3]), (X[3:4], Y[3:4]), (X[4:], Y[4:])]


class Sequence(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        x, y = pairs()[index]
        return x, y[:, None].astype("float32"), np.ones(len(y))  # as generators give it, with weights


@pytest.mark.parametrize(
    "data",
    [
        pairs(),
        tuple(pairs()),
        lambda: iter(pairs()),
        Sequence(),
        tf.data.Dataset.from_tensor_slices((X, Y)).batch(4),
    ],
    ids=["list", "tuple", "callable", "PyDataset", "tf.data"],
)
def test_batches_give_what_the_array_gives(net, by_saliency, data):
    same(ss.class_averages(net, data), by_saliency)


def test_an_endless_number_of_batches_is_read_once_and_let_go(net, by_saliency):
    alive = []

    def stream():
        for x, y in pairs() * 3:
            x = x.copy()
            alive.append(weakref.ref(x))
            assert sum(ref() is not None for ref in alive) <= 3
            yield x, y

    found = ss.class_averages(net, stream())
    assert found.counts == {label: 3 * n for label, n in by_saliency.counts.items()}
    np.testing.assert_allclose(found.mean[1], by_saliency.mean[1], rtol=1e-5, atol=1e-7)


def test_a_file_on_disk_is_read_in_pieces(net, by_saliency, tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", X)
    stored = np.load(tmp_path / "x.npy", mmap_mode="r")
    monkeypatch.setattr(batches, "_BYTES", 4 * X[0].nbytes)
    found, count = batches.labelled_batches(stored, Y)
    read = [len(batch.x) for batch in found]
    assert (read, count) == ([4, 4, 2], 3)
    same(ss.class_averages(net, stored, Y), by_saliency)


def test_a_signal_without_its_channel_axis_and_integers():
    model = keras.Sequential([keras.Input((6, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    x = np.arange(24).reshape(4, 6).tolist()
    found = ss.class_averages(model, x, [b"0", b"1", b"1", b"0"], target=1, method="input_x_gradient")
    assert found.labels == ("0", "1")
    assert found.mean["1"].shape == found.signal["1"].shape == (6, 1)
    np.testing.assert_array_equal(found.signal["0"][:, 0], np.arange(6) + 9)


# ---- sums


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8), st.integers(1, 8), st.floats(-1e6, 1e6))
def test_moments_merge_to_those_of_all(seed, n, m, offset):
    values = np.random.default_rng(seed).normal(offset, 1, (n + m, 3))
    both, whole = merged(Moments.of(values[:n]), Moments.of(values[n:])), Moments.of(values)
    assert both.n == whole.n
    np.testing.assert_allclose(both.mean, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(both.deviation(), values.std(axis=0, ddof=1), rtol=1e-6)


@settings(deadline=None)
@given(st.permutations(range(12)))
def test_the_order_of_examples_does_not_matter(order):
    values, keys = np.arange(24.0).reshape(12, 2) ** 2, [i % 3 for i in range(12)]
    sums = {}
    for i in order:
        add(sums, [keys[i]], values[[i]])
    for key in range(3):
        np.testing.assert_allclose(sums[key].mean, values[key::3].mean(axis=0))
        np.testing.assert_allclose(sums[key].deviation(), values[key::3].std(axis=0, ddof=1))


def test_a_single_example_has_no_spread(net):
    found = ss.class_averages(net, X[:3], [0, 1, 1])
    assert np.isnan(found.std[0]).all()
    assert np.isfinite(found.std[1]).all()
    assert np.isnan(found.difference(1, 0).error).all()
    assert np.isfinite(found.difference(1, 0).mean).all()


# ---- differences, and files


def test_difference_of_two_labels_and_against_the_rest(net, by_saliency):
    maps = ss.saliency(net, X, Y).astype(np.float64)
    of = {label: maps[label == Y] for label in (0, 1, 2)}
    rest = np.concatenate([of[0], of[2]])
    for difference, other in ((by_saliency.difference(1, 0), of[0]), (by_saliency.difference(1), rest)):
        np.testing.assert_allclose(difference.mean, of[1].mean(axis=0) - other.mean(axis=0), rtol=1e-4, atol=1e-6)
        error = np.sqrt(of[1].var(axis=0, ddof=1) / len(of[1]) + other.var(axis=0, ddof=1) / len(other))
        np.testing.assert_allclose(difference.error, error, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(by_saliency.difference(0, 1).mean, -by_saliency.difference(1, 0).mean)


@pytest.mark.parametrize(
    ("pair", "match"),
    [((7, 0), "label 7 has no example"), ((0, "x"), "label 'x' has no"), ((1, 1), "compare it with")],
)
def test_differences_that_cannot_be_taken(by_saliency, pair, match):
    with pytest.raises(InputError, match=f"{match}.*0, 1, 2"):
        by_saliency.difference(*pair)


def test_one_class_has_no_rest(net):
    with pytest.raises(InputError, match="label 0 has none to compare it with"):
        ss.class_averages(net, X[:2], [0, 0]).difference(0)


def test_a_file_gives_back_what_was_saved(net, by_saliency, tmp_path):
    by_saliency.save(tmp_path / "averages.npz")
    same(ss.load_averages(tmp_path / "averages.npz"), by_saliency, rtol=0)
    words = ss.class_averages(net, X[:4], ["é", "b", "é", "b"], target=0)
    words.save(tmp_path / "words.npz")
    read = ss.load_averages(tmp_path / "words.npz")
    assert (read.labels, read.method, read.target, read.score) == (("b", "é"), "saliency", "0", "logit")
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["averages.npz", "words.npz"]


def test_files_that_are_none(by_saliency, tmp_path):
    with pytest.raises(OutputError, match="cannot be written"):
        by_saliency.save(tmp_path / "nowhere" / "a.npz")
    with pytest.raises(RecordingError, match="there is no file"):
        ss.load_averages(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", x=X)
    with pytest.raises(RecordingError, match="holds no class averages"):
        ss.load_averages(tmp_path / "a.npz")


# ---- what is refused, before work where that can be known


def never(*_):
    raise AssertionError("a batch was read before the options were checked")


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"method": "magic"}, MethodError, "'magic' is not known"),
        ({"reduce": "median"}, OptionError, "how 'median' is not known"),
        ({"scale": "zscore"}, OptionError, "scale 'zscore' is not known"),
        ({"batch_size": 0}, OptionError, "batch_size 0"),
        ({"score": "odds"}, OptionError, "score 'odds'"),
    ],
)
def test_options_are_checked_first(net, options, kind, match):
    with pytest.raises(kind, match=match):
        ss.class_averages(net, map(never, [1]), **options)


def test_options_of_the_method_are_named(net):
    with pytest.raises(OptionError, match="saliency has no option 'window'"):
        ss.class_averages(net, X, Y, window=5)


@pytest.mark.parametrize(
    ("data", "labels", "match"),
    [
        (X, None, r"array of shape \(10, 24, 2\) without labels"),
        (X, Y[:-1], r"10 signals, of shape \(10, 24, 2\), and there are 9 labels"),
        (X, np.eye(3)[Y], r"labels has shape \(10, 3\).*argmax"),
        (X, Y + 0.5, r"label 0.5 is neither a whole number nor a word"),
        (X, np.full(10, np.nan), "label nan is neither"),
        (X, [None] * 10, "label None is neither"),
        (X[:0], Y[:0], "holds no example"),
        ([], None, "gave no example"),
        (iter([]), None, "gave no example; .*gone through is empty"),
        (3, None, "data is a int; give an array with its labels"),
        ((X, Y), None, r"gives a ndarray after 0 examples; give \(signals, labels\)"),
        ([(X[:2], Y[:2]), (X[2:5], Y[2:4])], None, r"after 2 examples has .*\(3, 24, 2\) and 2 labels"),
        ([(X[:2], Y[:2]), (X[2:4, :20], Y[2:4])], None, r"after 2 examples are \(20, 2\), those before \(24, 2\)"),
        ([([np.zeros(3), np.zeros(4)], [0, 1])], None, "after 0 examples differ in shape"),
        ([np.zeros(3), np.zeros(4)], [0, 1], "after 0 examples differ in shape"),
        ([({"a": X}, Y)], None, "several inputs at once"),
    ],
)  # fmt: skip
def test_data_that_do_not_fit(net, data, labels, match):
    with pytest.raises(InputError, match=match):
        ss.class_averages(net, data, labels)


def test_an_empty_class_is_refused(net):
    match = "label 7 has no example in the data.*0, 1, 2"
    with pytest.raises(InputError, match=match):
        ss.class_averages(net, X, Y, wanted=[0, 7])
    with pytest.raises(InputError, match=match.replace("0, 1, 2", "examples of 0")):
        ss.class_averages(net, pairs(), wanted=[0, 7])


def test_labels_that_are_no_classes(net, unit):
    with pytest.raises(TargetError, match=r"target 1 is out of range.*target='label'.*give target=0"):
        ss.class_averages(unit, X, Y)
    with pytest.raises(TargetError, match=r"'N' is a name.*class_names"):
        ss.class_averages(net, X[:1], ["N"])
    with pytest.raises(TargetError, match=r"target -1 is out of range.*0 to 2; .*class_names.* such as \[-1, 1\]"):
        ss.class_averages(net, X, np.where(Y == 0, -1, 1))
    with pytest.raises(TargetError, match="label 0 is not among the class names -1, 1, 5"):
        ss.class_averages(net, X, Y, class_names=[-1, 1, 5])
    with pytest.raises(TargetError, match="label 1 is the number of one class and the name of another"):
        ss.class_averages(net, X, Y, class_names=["1", "2", "3"], wanted=[1])
    with pytest.raises(TargetError, match="target -1 is out of range"):
        ss.class_averages(net, X, Y, target=-1)
    with pytest.raises(TargetError, match="target has 7 classes for 6 examples"):
        ss.class_averages(net, X[:6], Y[:6], target=[0] * 7)
    with pytest.raises(TargetError, match="9 is out of range") as caught:
        ss.class_averages(net, X, Y, target=9)
    assert "label" not in str(caught.value)


def test_a_map_that_is_not_finite_is_named(net, monkeypatch):
    monkeypatch.setattr(batches, "_ROWS", 4)
    x = X.copy()
    x[6] *= 50  # an output of nearly 1

    def of(y):
        return keras.ops.sqrt(float(level) - y[:, 1])

    top = np.sort(np.asarray(net(x))[:, 1])
    assert np.asarray(net(x))[6, 1] == top[-1]
    level = top[-2:].mean()
    with pytest.raises(InputError, match=r"saliency of example 6 \(label 1\) has NaN or infinity"):
        ss.class_averages(net, x, Y, target=of, score="probability")


def test_several_inputs_are_refused():
    a, b = keras.Input((6, 1), name="ecg"), keras.Input((3,), name="age")
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(a), b])
    model = keras.Model([a, b], keras.layers.Dense(2)(joined))
    with pytest.raises(InputError, match="has inputs ecg, age; class averages take models with one input"):
        ss.class_averages(model, np.zeros((2, 6, 1)), [0, 1])


def test_a_warning_counts_from_where_its_batch_begins(net, monkeypatch):
    monkeypatch.setattr(batches, "_ROWS", 4)
    with pytest.warns(CompletenessWarning) as caught:
        ss.class_averages(net, X, Y, method="integrated_gradients", steps=1, tolerance=None, rule="left")
    messages = [str(w.message) for w in caught]
    assert "(counted" not in messages[0]
    assert messages[1].endswith("(counted from example 4)")
    assert caught[1].filename == __file__
