"""A recording through a model window by window: what fits, what is left out, what comes back."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")
from keras import layers as kl  # noqa: E402

import signalscreen as ss  # noqa: E402
from signalscreen.errors import InputError, ModelError, OptionError, RecordingError  # noqa: E402
from signalscreen.recording import Recording, normalise  # noqa: E402
from signalscreen.screening import cut_for, explain_windows, input_shape  # noqa: E402


def net(length=50, leads=2, classes=3):
    keras.utils.set_random_seed(1)
    i = keras.Input((length, leads))
    x = kl.Conv1D(4, 5, padding="same", activation="relu")(i)
    return keras.Model(i, kl.Dense(classes, activation="softmax")(kl.GlobalAveragePooling1D()(x)))


def linear(length=40):
    """S = sum of the window times known weights, so that every map is known."""
    i = keras.Input((length, 1))
    model = keras.Model(i, kl.Dense(1, use_bias=False)(kl.Flatten()(i)))
    model.set_weights([np.ones((length, 1))])
    return model


@pytest.fixture
def ecg() -> Recording:
    return Recording(np.random.default_rng(0).normal(size=(230, 2)), fs=10.0, names=("I", "II"), source="r")


def test_the_model_decides_the_window(ecg):
    windows = cut_for(net(), ecg)
    assert windows.length == 50
    assert windows.starts.tolist() == [0, 25, 50, 75, 100, 125, 150, 175, 180]
    assert windows.values.dtype == np.float32
    np.testing.assert_array_equal(windows.values[3], ecg.signal[75:125].astype(np.float32))
    assert cut_for(net(), ecg, hop=5.0).starts.tolist() == [0, 50, 100, 150, 180]


def test_a_free_length_takes_the_whole_recording_or_the_window_asked_for(ecg):
    free = net(length=None)
    assert cut_for(free, ecg).values.shape == (1, 230, 2)
    assert cut_for(free, ecg, window=10, hop=10).values.shape == (3, 100, 2)
    assert cut_for(net(), ecg, window=5.0).length == 50


def test_windows_with_a_gap_are_left_out(ecg):
    x = ecg.signal.copy()
    x[60, 1] = np.nan
    windows = cut_for(net(), Recording(x, fs=10.0), hop=5.0)
    assert windows.starts.tolist() == [0, 100, 150, 180]
    assert windows.skipped.tolist() == [50]
    assert np.isfinite(windows.values).all()


def test_each_window_is_scaled_by_itself(ecg):
    windows = cut_for(net(), ecg, normalise="minmax")
    np.testing.assert_allclose(windows.values[2], normalise(ecg.signal[50:100], "minmax"), rtol=1e-5, atol=1e-6)


def test_maps_come_back_to_their_place():
    """The gradient of a sum is 1 everywhere; input x gradient of it is the signal itself, gaps left open."""
    x = np.random.default_rng(0).normal(size=(100, 1))
    x[45] = np.nan
    recording = Recording(x, fs=10.0)
    score = ss.Score(linear(), 0)
    windows = cut_for(score.model, recording, hop=1.0)
    result = explain_windows(score, windows, len(recording), "input_x_gradient")
    seen = np.zeros(100, bool)
    for start in windows.starts:
        seen[start : start + 40] = True
    np.testing.assert_array_equal(np.isnan(result.attribution[:, 0]), ~seen)
    np.testing.assert_allclose(result.attribution[seen], x[seen], rtol=1e-5)
    np.testing.assert_allclose(result.scores, windows.values.sum(axis=(1, 2)), rtol=1e-4, atol=1e-5)
    assert result.targets.tolist() == [0] * len(windows.starts)


@pytest.mark.parametrize("method", ["saliency", "grad_cam", "occlusion"])
def test_agrees_with_explaining_the_windows_by_hand(ecg, method):
    model = net()
    score = ss.Score(model, 1)
    windows = cut_for(model, ecg, hop=5.0)
    result = explain_windows(score, windows, len(ecg), method)
    by_hand = getattr(ss, method)(model, windows.values, target=1)
    np.testing.assert_allclose(result.attribution[:50], by_hand[0], rtol=1e-4, atol=1e-6)
    assert result.attribution.shape == ((230, 2) if by_hand.ndim == 3 else (230,))


def test_options_reach_the_method(ecg):
    model = net()
    windows = cut_for(model, ecg)
    score = ss.Score(model, 1)
    coarse = explain_windows(score, windows, len(ecg), "occlusion", {"window": 25, "stride": 25}).attribution
    fine = explain_windows(score, windows, len(ecg), "occlusion", {"window": 1}).attribution
    assert not np.allclose(coarse, fine)


def test_maps_shorter_than_their_windows_are_refused(ecg):
    layers = [keras.Input((50, 2)), kl.Conv1D(4, 5), kl.GlobalAveragePooling1D(), kl.Dense(3)]
    score = ss.Score(keras.Sequential(layers), 1)
    windows = cut_for(score.model, ecg)
    with pytest.raises(OptionError, match=r"46 positions for windows of 50 samples.*leave out upsample=False"):
        explain_windows(score, windows, len(ecg), "grad_cam", {"upsample": False})


def test_targets_say_which_class_each_window_has(ecg):
    model = net()
    windows = cut_for(model, ecg, hop=5.0)
    result = explain_windows(ss.Score(model), windows, len(ecg), "saliency")
    outputs = np.asarray(model(windows.values))
    np.testing.assert_array_equal(result.targets, outputs.argmax(axis=1))
    probability = explain_windows(ss.Score(model, score="probability"), windows, len(ecg), "saliency")
    np.testing.assert_allclose(probability.scores, outputs.max(axis=1), rtol=1e-5)
    mean = explain_windows(ss.Score(model, lambda y: y[:, 0] - y[:, 1]), windows, len(ecg), "saliency")
    assert mean.targets.tolist() == [-1] * 5


def test_a_network_on_plain_vectors():
    i = keras.Input((40,))
    model = keras.Model(i, kl.Dense(2)(i))
    recording = Recording(np.random.default_rng(0).normal(size=90), fs=10)
    windows = cut_for(model, recording)
    result = explain_windows(ss.Score(model, 0), windows, 90, "saliency")
    assert result.attribution.shape == (90,)
    assert input_shape(model) == (40, 1)


@pytest.mark.parametrize(
    ("model", "recording", "options", "error", "words"),
    [
        (
            lambda: net(leads=1),
            Recording(np.zeros((90, 2)), fs=1, names=("I", "II")),
            {},
            RecordingError,
            r"takes 1 lead, but the recording gives 2 \(I, II\); choose leads",
        ),
        (lambda: net(leads=3), Recording(np.zeros(90), fs=1), {}, RecordingError, "takes 3 leads, .* gives 1"),
        (
            net,
            Recording(np.zeros((30, 2)), fs=10),
            {},
            RecordingError,
            r"has 30 samples, fewer than one window of 50 \(5 s\); give a longer span",
        ),
        (net, Recording(np.zeros((90, 2))), {"window": 5}, RecordingError, "does not say its sampling rate"),
        (
            net,
            Recording(np.zeros((90, 2)), fs=10),
            {"window": 4},
            RecordingError,
            r"windows of 50 samples, but 4 s at 10 Hz are 40; leave the window out, or resample to 12.5 Hz",
        ),
        (
            lambda: net(None),
            Recording(np.zeros((90, 2)), fs=10),
            {"window": 0.01},
            RecordingError,
            "holds no sample",
        ),
        (net, Recording(np.zeros((90, 2)), fs=10), {"hop": 9}, InputError, "hop of 90 samples"),
        (lambda: net(None), Recording(np.full((90, 2), np.nan), fs=10), {}, RecordingError, "every window .* gap"),
        (
            lambda: keras.Sequential([keras.Input((8, 8, 1)), kl.Flatten(), kl.Dense(1)]),
            Recording(np.zeros(90), fs=10),
            {},
            ModelError,
            r"takes \(batch, 8, 8, 1\); give one that takes signals",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_one_sentence(model, recording, options, error, words):
    with pytest.raises(error, match=words):
        cut_for(model(), recording, **options)


def test_two_inputs_are_refused():
    a, b = keras.Input((50, 1), name="a"), keras.Input((50, 1), name="b")
    model = keras.Model([a, b], kl.Dense(1)(kl.Flatten()(kl.Add()([a, b]))))
    with pytest.raises(ModelError, match=r"has 2 inputs \(a, b\)"):
        cut_for(model, Recording(np.zeros(90), fs=10))
