"""Inputs made for networks of real beats and real images."""

import keras
import numpy as np
import pytest
from scipy.signal import resample_poly

import signalscreen as ss

L = keras.layers
FS = 120.0  # Hz, a third of the records'
HALF = 48  # samples
N, V = 0, 1


@pytest.fixture(scope="module")
def beats(real_data):
    """Beats of 119 and 208, whose ventricular beats are upright: (beats, 96, 1) in mV, and their classes."""
    x, y = [], []
    for name in ("119", "208"):
        record = ss.read_recording(real_data / "mitdb" / name, leads=0)
        lead = resample_poly(record.signal[:, 0], 1, 3)
        for label, symbol in enumerate("NV"):
            places = [round(note.sample / 3) for note in record.annotations if note.symbol == symbol]
            for place in [p for p in places if HALF <= p < len(lead) - HALF][:300]:
                beat = lead[place - HALF : place + HALF]
                x.append(beat - np.median(beat))
                y.append(label)
    order = np.random.default_rng(0).permutation(len(x))
    return np.array(x, "float32")[order, :, None], np.array(y)[order]


@pytest.fixture(scope="module")
def net(beats):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((2 * HALF, 1)),
            L.GaussianNoise(0.1),
            L.Conv1D(16, 9, padding="same", activation="leaky_relu", name="early"),
            L.MaxPooling1D(2),
            L.Conv1D(16, 9, padding="same", activation="leaky_relu"),
            L.MaxPooling1D(4, name="late"),
            L.GlobalMaxPooling1D(name="pooled"),
            L.Dense(2, activation="softmax", name="class"),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(*beats, 64, 6, verbose=0)
    assert (model.predict(beats[0], verbose=0).argmax(axis=1) == beats[1]).mean() > 0.98
    return model


def width(beat):
    """Seconds around the largest deflection that lie above half of it."""
    beat = beat[:, 0] - np.median(beat)
    top = np.abs(beat).argmax()
    below = np.flatnonzero(beat * np.sign(beat[top]) < np.abs(beat[top]) / 2)
    return (below[below > top].min(initial=len(beat)) - below[below < top].max(initial=-1) - 1) / FS


def height(beat):
    return float(np.ptp(beat))


def test_real_ventricular_beats_are_wider_and_taller(beats):
    """What the tests below look for in made beats holds in real ones."""
    x, y = beats
    normal, ventricular = x[y == N], x[y == V]
    assert width(ventricular.mean(axis=0)) > 2 * width(normal.mean(axis=0))
    assert np.median(list(map(height, ventricular))) > 1.3 * np.median(list(map(height, normal)))


def test_of_equal_energy_the_beat_made_for_v_is_wide_and_that_for_n_narrow(net, beats):
    """The width is the network's own: nothing of the options tells V from N."""
    rms = float(np.sqrt(np.mean(beats[0] ** 2)))
    options = {"seeds": 4, "rms": rms, "band": (0.5, 30), "fs": FS}
    made = [ss.maximize_activation(net, label, **options) for label in (N, V)]
    for label in (N, V):
        assert (net.predict(made[label].x, verbose=0)[:, label] > 0.9).all()
    assert width(made[V].best) > 1.5 * width(made[N].best)


def test_with_the_spectrum_of_its_class_v_is_a_wide_and_tall_beat(net, beats):
    """Sizes come with the spectrum; that they add up to one tall, wide deflection is the network's phases."""
    x, y = beats
    made = [ss.maximize_activation(net, label, seeds=4, spectrum=x[y == label]) for label in (N, V)]
    for label in (N, V):
        assert (net.predict(made[label].x, verbose=0)[:, label] > 0.9).all()
    normal = x[y == N].mean(axis=0)
    for beat in made[V].x:
        assert width(beat) > 1.5 * width(normal)
        assert height(beat) > max(map(height, made[N].x))
    assert width(made[V].best) > 1.5 * width(made[N].best)


def test_a_real_normal_beat_dreams_of_v_and_back(net, beats):
    x, y = beats
    for label, other in ((N, V), (V, N)):
        begun = x[y == label][:3]
        dream = ss.deep_dream(net, begun, "class", other, steps=80, band=(None, 30), fs=FS)
        assert (net.predict(begun, verbose=0).argmax(axis=1) == label).all()
        assert (net.predict(dream.x, verbose=0)[:, other] > 0.9).all()


def test_early_layers_give_a_real_beat_back_and_late_ones_less(net, beats):
    x, y = beats
    chosen = np.concatenate([x[y == N][:2], x[y == V][:2]])
    left = []
    for layer in ("early", "late", "pooled"):
        made = ss.invert(net, chosen, layer)
        assert (made.error < 0.1).all()
        left.append(np.linalg.norm((made.x - chosen)[..., 0], axis=1) / np.linalg.norm(chosen[..., 0], axis=1))
    assert (left[0] < 0.1).all()
    assert (left[0] < left[1]).all()
    assert (left[1] < left[2]).all()


def test_class_images_of_a_real_2d_network_are_of_their_class(real_data):
    model = ss.load_model(real_data / "model_mlperf_resnet8_2d" / "pretrainedResnet.h5")
    classes = [1, 5, 8]  # automobile, dog, ship
    made = ss.maximize_activation(model, classes, limits=(0, 255), tv=1.0, jitter=2, steps=40)
    assert made.x.shape == (3, 32, 32, 3)
    found = model.predict(made.x, verbose=0)
    assert (found[np.arange(3), classes] > 0.9).all()
    image = np.clip(made.start[:1], 0, 255)
    dream = ss.deep_dream(model, image, late_convolution(model), 3, steps=15, limits=(0, 255))
    assert dream.score[0] > dream.score_history[0, 0]


def late_convolution(model):
    """The first convolution of the last block."""
    return [layer.name for layer in model.layers if "conv" in layer.name][-2]
