"""Real signals through real networks: what each method promises must hold on them, not only on toys."""

from functools import cache

import numpy as np
import pytest
import wfdb
from scipy.signal import find_peaks, resample_poly

import signalscreen as ss
from signalscreen.errors import UnreachedRuleWarning
from signalscreen.metrics import localisation_score

METHODS = ("saliency", "input_x_gradient", "guided_backprop", "deconvnet", "smooth_grad", "grad_cam", "layer_cam")


def assert_adds_up(attribution, change, tolerance):
    miss = np.abs(attribution.sum(tuple(range(1, attribution.ndim)), dtype=np.float64) - change)
    assert (miss <= tolerance * np.abs(change)).all()


def change_of(model, target, x, reference):
    score = ss.Score(model, target)
    (at_x, x), (at_reference, reference) = score.bind(x), score.bind(reference)
    return at_x(x).astype(np.float64) - at_reference(reference)


def assert_sound(attribution, shape):
    assert attribution.shape == shape
    assert np.isfinite(attribution).all()
    assert (np.abs(attribution).reshape(len(attribution), -1).max(1) > 0).all()


# --- ECG: normal and ventricular beats of the MIT-BIH arrhythmia database ---

HALF = 75  # samples to either side of a beat at 125 Hz, 0.6 s


@cache
def beats(folder, name):
    """Beats of one record, (n, 150, 1) in units of its own deviation, and whether each is ventricular."""
    record, notes = wfdb.rdrecord(str(folder / name), channels=[0]), wfdb.rdann(str(folder / name), "atr")
    signal = resample_poly(record.p_signal[:, 0], 25, 72)
    signal = (signal - signal.mean()) / signal.std()
    kept = [i for i, symbol in enumerate(notes.symbol) if symbol in "NV"]
    places = np.round(notes.sample[kept] * 25 / 72).astype(int)
    inside = (places > HALF) & (places < len(signal) - HALF)
    windows = np.stack([signal[p - HALF : p + HALF] for p in places[inside]])[..., None]
    return windows.astype(np.float32), np.array([notes.symbol[i] == "V" for i in kept])[inside]


@pytest.fixture(scope="module")
def beat_model(real_data):
    """A small network that tells ventricular beats from normal ones, trained on records other than 119."""
    import keras
    from keras import layers

    names = sorted(p.stem for p in (real_data / "mitdb").glob("*.hea") if p.stem != "119")
    found = [beats(real_data / "mitdb", name) for name in names]
    x, y = (np.concatenate(parts) for parts in zip(*found, strict=True))
    rng = np.random.default_rng(0)
    each = min(800, y.sum())
    rows = rng.permutation(np.concatenate([rng.choice(np.flatnonzero(y == v), each, False) for v in (0, 1)]))
    start = keras.initializers.GlorotUniform(seed=1)
    model = keras.Sequential([keras.Input((2 * HALF, 1))])
    for filters in (8, 16):
        model.add(layers.Conv1D(filters, 7, activation="relu", kernel_initializer=start.clone()))
        model.add(layers.MaxPooling1D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(2, activation="softmax", kernel_initializer=start.clone()))
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(x[rows], y[rows].astype(int), 64, 4, shuffle=False, verbose=0)
    return model


def test_beats_of_a_record_never_seen(beat_model, real_data):
    x, y = beats(real_data / "mitdb", "119")
    assert ((np.asarray(beat_model(x))[:, 1] > 0.5) == y).mean() > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_ventricular_beats_of_119(beat_model, real_data, method):
    x, y = beats(real_data / "mitdb", "119")
    x = x[y][:4]
    attribution = ss.explain(beat_model, x, "V", method=method, class_names=["N", "V"])
    assert_sound(attribution, x.shape[:2] if "cam" in method else x.shape)


def test_what_speaks_for_a_ventricular_beat_adds_up(beat_model, real_data):
    x, y = beats(real_data / "mitdb", "119")
    normal, ventricular = x[~y].mean(0), x[y][:4]
    change = change_of(beat_model, 1, ventricular, normal[None])
    lift = ss.deep_lift(beat_model, ventricular, 1, references=normal)
    assert_adds_up(lift, change, 1e-5)
    path = ss.integrated_gradients(beat_model, ventricular, 1, baseline=normal, tolerance=0.02)
    assert_adds_up(path, change, 0.02 + 1e-6)
    assert np.corrcoef(lift.ravel(), path.ravel())[0, 1] > 0.5  # two answers to one question


def test_guided_is_not_plain(beat_model, real_data):
    x, y = beats(real_data / "mitdb", "119")
    plain, guided = (f(beat_model, x[y][:4], 1) for f in (ss.saliency, ss.guided_backprop))
    assert np.abs(plain - guided).max() > 0.01 * np.abs(plain).max()


# --- PPG: systolic peaks, a network with one output per sample ---

CLEAN = 5  # a recording without motion; 69 beats a minute


@pytest.fixture(scope="module")
def ppg(real_data):
    """A clean recording of ten seconds, as the network wants it: 100 Hz, 0 to 1, 15 s (mirrored at both ends)."""
    stored = np.load(real_data / "butppg" / "butppg51.npz")
    signal = stored["ppg"][CLEAN]
    assert stored["quality"][CLEAN] == 1
    signal = resample_poly(signal - signal.mean(), 10, 3)
    signal = np.pad((signal - signal.min()) / np.ptp(signal), 250, mode="reflect")
    return signal[None, :, None].astype(np.float32)


@pytest.fixture(scope="module")
def peak_model(real_data):
    return ss.load_model(real_data / "model_kazemi_ppg_peaks" / "kazemi_ppg_peaks.keras")


@pytest.fixture(scope="module")
def peak(peak_model, ppg):
    """The sample of the surest peak of the true recording."""
    return 250 + int(np.asarray(peak_model(ppg))[0, 250:1250, 0].argmax())


def test_the_network_finds_the_beats(peak_model, ppg):
    chance = np.asarray(peak_model(ppg))[0, 250:1250, 0]
    peaks, _ = find_peaks(chance, height=chance.max() / 3, distance=40)
    assert len(peaks) == pytest.approx(69 * 10 / 60, abs=1.5)


def test_one_ppg_peak(peak_model, ppg, peak):
    def at_peak(y):
        return y[:, peak, 0]

    attribution = ss.integrated_gradients(peak_model, ppg, at_peak, baseline=float(ppg.mean()), tolerance=0.02)
    assert_sound(attribution, ppg.shape)
    flat = np.full_like(ppg, ppg.mean())
    assert_adds_up(attribution, change_of(peak_model, at_peak, ppg, flat), 0.02 + 1e-6)
    np.testing.assert_array_equal(
        attribution,
        ss.integrated_gradients(peak_model, ppg, (peak, 0), baseline=float(ppg.mean()), tolerance=0.02),
    )
    near = np.zeros(ppg.shape[:2], bool)
    near[:, peak - 100 : peak + 100] = True  # one second to either side
    assert localisation_score(attribution, near).mass[0] > 0.8


def test_deep_lift_of_a_ppg_peak(peak_model, ppg, peak):
    flat = np.full_like(ppg, ppg.mean())
    lift = ss.deep_lift(peak_model, ppg, (peak, 0), references=flat)
    assert_adds_up(lift, change_of(peak_model, (peak, 0), ppg, flat), 1e-5)


# --- Coffee: sigmoid convolutions, two sigmoid outputs ---


@pytest.fixture(scope="module")
def coffee(real_data):
    rows = np.loadtxt(real_data / "ucr" / "Coffee_TEST.txt")
    model = ss.load_model(real_data / "model_tsinterpret_coffee_cnn" / "best_model.hdf5")
    return model, rows[:, 1:, None].astype(np.float32)


def test_coffee(coffee):
    model, x = coffee
    reference = x.mean(0)
    change = change_of(model, 0, x, reference[None])
    assert_adds_up(ss.deep_lift(model, x, 0, references=reference), change, 1e-4)
    assert_adds_up(ss.integrated_gradients(model, x, 0, baseline=reference, tolerance=0.02), change, 0.0201)
    for method in ("saliency", "grad_cam", "occlusion"):
        attribution = ss.explain(model, x, 0, method=method)
        assert_sound(attribution, x.shape if method == "saliency" else x.shape[:2])


def test_a_network_without_rectifiers_says_so(coffee):
    model, x = coffee
    with pytest.warns(UnreachedRuleWarning):
        guided = ss.guided_backprop(model, x, 0)
    np.testing.assert_array_equal(guided, ss.saliency(model, x, 0))


# --- Genotype windows: 2D, LeakyReLU ---


@pytest.fixture(scope="module")
def genotypes(real_data):
    folder = real_data / "model_cnnvis"
    windows = np.load(folder / "windows_100.npz")
    rows = [np.flatnonzero(windows["Y"] == label)[0] for label in (0, 1)]
    return ss.load_model(folder / "NEW_cnn_1562604956.hdf5"), windows["X"][rows][..., None]


def test_genotype_windows(genotypes):
    model, x = genotypes  # int8, as they are stored
    plain, guided = ss.saliency(model, x, 0), ss.guided_backprop(model, x, 0)
    for attribution in (plain, guided):
        assert_sound(attribution, x.shape)
    # Guided backprop had no effect on this network in the older system: its rule knew no LeakyReLU.
    assert np.abs(plain - guided).max() > 0.01 * np.abs(plain).max()
    assert_sound(ss.grad_cam(model, x, 0, relu=False), x.shape[:3])


def test_genotype_sums(genotypes):
    model, x = genotypes
    change = change_of(model, 0, x, np.zeros_like(x[:1]))
    assert_adds_up(ss.deep_lift(model, x, 0), change, 1e-4)
    assert_adds_up(ss.integrated_gradients(model, x, 0, tolerance=0.05), change, 0.0501)


# --- A volume: find the blob put into a piece of a real brain scan ---

CUBE, BLOB = 12, 3


def cubes(volume, n, seed):
    """Pieces of the volume, every other one with a bright blob at a random place; the mask is the blob."""
    rng = np.random.default_rng(seed)
    volume = (volume - volume.mean()) / volume.std()
    grid = np.indices((CUBE,) * 3)
    x, y, masks = [], np.arange(n) % 2, np.zeros((n, *(CUBE,) * 3), bool)
    for i in range(n):
        corner = [rng.integers(size - CUBE + 1) for size in volume.shape]
        piece = volume[tuple(slice(c, c + CUBE) for c in corner)].copy()
        distance = np.sqrt(sum((g - c) ** 2 for g, c in zip(grid, rng.integers(3, CUBE - 3, 3), strict=True)))
        if y[i]:
            piece += 5 * np.exp(-((distance / BLOB * 1.5) ** 2))
            masks[i] = distance <= BLOB
        x.append(piece)
    return np.stack(x)[..., None].astype(np.float32), y, masks


@pytest.fixture(scope="module")
def volume_case(real_data):
    """A small 3D network trained to see the blob, and cubes it has not seen, all with one."""
    import keras
    from keras import layers

    volume = np.load(real_data / "volume3d" / "anatomical.npy").astype(np.float32)
    start = keras.initializers.GlorotUniform(seed=2)
    model = keras.Sequential([keras.Input((CUBE,) * 3 + (1,))])
    for filters in (6, 12):
        model.add(layers.Conv3D(filters, 3, activation="relu", kernel_initializer=start.clone()))
        model.add(layers.MaxPooling3D(2))
    model.add(layers.GlobalMaxPooling3D())
    model.add(layers.Dense(2, activation="softmax", kernel_initializer=start.clone()))
    model.compile(keras.optimizers.Adam(1e-2), "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y, _ = cubes(volume, 240, 0)
    model.fit(x, y, 16, 10, shuffle=False, verbose=0)
    x, y, masks = cubes(volume, 60, 1)
    accuracy = model.evaluate(x, y, verbose=0)[1]
    return model, accuracy, x[y == 1][:6], masks[y == 1][:6]


def test_a_blob_in_a_volume_is_found(volume_case):
    model, accuracy, x, masks = volume_case
    assert accuracy > 0.9
    for attribution in (
        ss.integrated_gradients(model, x, 1, baseline=float(x.min()), tolerance=0.05),
        ss.occlusion(model, x, 1, window=4, stride=2, fill="mean"),
    ):
        assert_sound(attribution, x.shape if attribution.ndim == x.ndim else x.shape[:4])
        assert localisation_score(attribution, masks).auc.mean() > 0.8
    assert_sound(ss.grad_cam(model, x, 1, relu=False), x.shape[:4])


def test_sums_in_a_volume(volume_case):
    model, _, x, _ = volume_case
    reference = np.full_like(x[:1], x.min())
    change = change_of(model, 1, x, reference)
    assert_adds_up(ss.deep_lift(model, x, 1, references=reference), change, 1e-4)
