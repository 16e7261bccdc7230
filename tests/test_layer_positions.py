"""Where a layer's positions lie on the signal, against brute force: raise one sample at a time, see what moves.

The place of a position is the middle of the samples that move it. Positions whose samples are cut off at an end of
the signal are left out here: theirs is the middle of what they would see of a longer one.
"""

import numpy as np
import pytest

import signalscreen as ss

keras = pytest.importorskip("keras")
from keras import layers as kl  # noqa: E402

LAYERS = {
    "even kernel, same": [lambda: kl.Conv1D(2, 4, padding="same")],
    "even kernel, valid": [lambda: kl.Conv1D(2, 4)],
    "causal, dilated": [lambda: kl.Conv1D(2, 3, padding="causal", dilation_rate=4)],
    "same, stride 2, odd total": [lambda: kl.Conv1D(2, 5, strides=2, padding="same")],
    "same, stride 3": [lambda: kl.Conv1D(2, 7, strides=3, padding="same")],
    "same, dilated, even": [lambda: kl.Conv1D(2, 4, dilation_rate=3, padding="same")],
    "pool, same": [lambda: kl.MaxPooling1D(4, strides=3, padding="same")],
    "pool, valid": [lambda: kl.AveragePooling1D(3, strides=2)],
    "cropped more in front": [lambda: kl.Cropping1D((7, 2))],
    "padded more behind": [lambda: kl.ZeroPadding1D((1, 6)), lambda: kl.Conv1D(2, 3)],
    "depthwise, then separable": [
        lambda: kl.DepthwiseConv1D(4, padding="same"),
        lambda: kl.SeparableConv1D(2, 2, strides=2, padding="same"),
    ],
    "a stack": [
        lambda: kl.Conv1D(2, 4, padding="same"),
        lambda: kl.MaxPooling1D(2),
        lambda: kl.Cropping1D((3, 1)),
        lambda: kl.Conv1D(2, 2, strides=2, padding="same"),
        lambda: kl.ZeroPadding1D((2, 0)),
        lambda: kl.Conv1D(2, 3, dilation_rate=2),
    ],
}


def all_ones(shape, layers):
    model = keras.Sequential([keras.Input(shape), *layers])
    model.set_weights([np.zeros(w.shape) if w.ndim == 1 else np.ones(w.shape) for w in model.get_weights()])
    return model


def moved(model, shape):
    """Which positions of the output each sample of the input moves, ``(*axes, *positions)``."""
    still = np.full((1, *shape), 0.1, np.float32)
    raised = np.repeat(still, np.prod(shape[:-1]), axis=0)
    raised.reshape(len(raised), len(raised), -1)[np.arange(len(raised)), np.arange(len(raised))] = 5.0
    before, after = (np.asarray(model(x)) for x in (still, raised))
    changed = (np.abs(after - before) > 1e-4).any(axis=-1)
    return changed.reshape(*shape[:-1], *changed.shape[1:])


def middles(reach):
    """Middle and size of the samples along the first axis that move each position of the second one."""
    samples = [np.flatnonzero(column) for column in reach.T]
    spans = [(s[0], s[-1]) if len(s) else (0, -1) for s in samples]  # padding alone moves for no sample
    return np.mean(spans, axis=1), np.diff(spans, axis=1)[:, 0]


@pytest.mark.parametrize("length", [50, 51, 52])
@pytest.mark.parametrize("name", LAYERS)
def test_a_position_is_the_middle_of_what_moves_it(name, length):
    layers = [make() for make in LAYERS[name]]
    model = all_ones((length, 1), layers)
    [places] = ss.layer_positions(model, layers[-1])
    middle, size = middles(moved(model, (length, 1)))
    assert places.shape == middle.shape
    whole = size == size.max()
    assert whole.sum() >= 5
    np.testing.assert_allclose(places[whole], middle[whole])
    steps = np.diff(places)
    np.testing.assert_allclose(steps, steps[0])  # also where samples are cut off


def test_axes_have_places_of_their_own():
    shape = (12, 15, 1)
    layers = [
        kl.Conv2D(1, (3, 4), strides=(1, 2), padding="same"),
        kl.Cropping2D(((2, 1), (0, 1))),
        kl.MaxPooling2D((2, 3), strides=1),
    ]
    model = all_ones(shape, layers)
    reach = moved(model, shape)
    for axis, places in enumerate(ss.layer_positions(model, layers[-1])):
        along = reach.any(axis=(1, 3)) if axis == 0 else reach.any(axis=(0, 2))
        middle, size = middles(along)
        whole = size == size.max()
        np.testing.assert_allclose(places[whole], middle[whole])
