"""Grad-CAM++, LayerCAM and Score-CAM against their papers' equations, written out in NumPy float64.

Captum has none of the three. The networks are small enough to be written out too: maps A = relu(x K + b) place by
place, and a score on top of them, so that no number here comes from TensorFlow.
"""

import numpy as np
import pytest

import signalscreen as ss

keras = pytest.importorskip("keras")

AXES = {1: (9,), 2: (4, 5), 3: (3, 2, 4)}
CHANNELS, FEATURES, HIDDEN, EXAMPLES = 2, 6, 16, 4
DEAD = 2  # the map whose unit answers to nothing: constant, and with a gradient of its own


class Written:
    """A network of three layers and its score, by hand."""

    def __init__(self, rank, offset):
        rng = np.random.default_rng(rank)
        places = int(np.prod(AXES[rank]))
        self.axes = tuple(range(1, rank + 1))
        self.kernel = rng.normal(size=(CHANNELS, FEATURES))
        self.kernel[:, DEAD] = 0
        self.bias = rng.normal(0, 0.3, FEATURES) + offset
        self.inner = rng.normal(0, 1 / np.sqrt(places), (places * FEATURES, HIDDEN))
        self.shift = rng.normal(0, 0.3, HIDDEN)
        self.outer = rng.normal(0, 0.5, HIDDEN)
        self.x = rng.normal(size=(EXAMPLES, *AXES[rank], CHANNELS))

    def maps(self, x):
        return np.maximum(x @ self.kernel + self.bias, 0)

    def score(self, x):
        hidden = np.maximum(self.maps(x).reshape(len(x), -1) @ self.inner + self.shift, 0)
        return hidden @ self.outer

    def gradient(self, x):
        """Of the score by the maps."""
        maps = self.maps(x)
        hidden = maps.reshape(len(x), -1) @ self.inner + self.shift
        return (((hidden > 0) * self.outer) @ self.inner.T).reshape(maps.shape)

    def keras(self):
        rank = len(self.axes)
        conv = getattr(keras.layers, f"Conv{rank}D")
        model = keras.Sequential(
            [
                keras.Input((*AXES[rank], CHANNELS)),
                conv(FEATURES, 1, activation="relu", name="maps"),
                keras.layers.Flatten(),
                keras.layers.Dense(HIDDEN, activation="relu"),
                keras.layers.Dense(1),
            ]
        )
        kernel = self.kernel.reshape(*[1] * rank, CHANNELS, FEATURES)
        model.set_weights([kernel, self.bias, self.inner, self.shift, self.outer[:, None], np.zeros(1)])
        return model


@pytest.fixture(scope="module", params=AXES, ids="{}D".format)
def written(request):
    net = Written(request.param, offset=0.4)
    return net, net.keras()


def plus_plus(maps, gradient, score):
    """Equation 19 of Chattopadhay et al., one example; Y = exp(S), and S is linear in the maps around them."""
    first, second, third = (np.exp(score) * gradient**n for n in (1, 2, 3))
    cam = np.zeros(maps.shape[:-1])
    for k in range(maps.shape[-1]):
        weight = 0.0
        for place in np.ndindex(cam.shape):
            if second[place][k] == 0:
                continue  # no gradient: no say
            alpha = second[place][k] / (2 * second[place][k] + maps[..., k].sum() * third[place][k])
            weight += alpha * max(first[place][k], 0)
        cam += weight * maps[..., k]
    return cam


def same(ours, theirs):
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, atol=2e-5 * np.abs(theirs).max())


def test_the_score_is_the_network(written):
    net, model = written
    bound, x = ss.Score(model).bind(net.x)
    same(bound(x), net.score(net.x))


@pytest.mark.parametrize("relu", [True, False])
def test_grad_cam_plus_plus(written, relu):
    net, model = written
    maps, gradient, score = net.maps(net.x), net.gradient(net.x), net.score(net.x)
    total = maps.sum(axis=net.axes)
    assert 0.3 < np.median(total * np.abs(gradient).max(axis=net.axes)) < 30, "both terms below have to count"
    # Our weights leave out exp(S), a factor of each example that its map does not need.
    parts = zip(maps, gradient, score, strict=True)
    slow = np.stack([plus_plus(*one) / np.exp(one[-1]) for one in parts])
    ours = ss.grad_cam_plus_plus(model, net.x, layer="maps", relu=relu, upsample=False)
    same(ours, np.maximum(slow, 0) if relu else slow)


def test_grad_cam_plus_plus_without_any_gradient_is_zero(written):
    net, model = written
    still = keras.models.clone_model(model)
    weights = model.get_weights()
    still.set_weights([*weights[:-2], 0 * weights[-2], weights[-1]])
    np.testing.assert_array_equal(ss.grad_cam_plus_plus(still, net.x, layer="maps"), 0)


@pytest.mark.parametrize("relu", [True, False])
def test_layer_cam(written, relu):
    net, model = written
    slow = np.zeros((EXAMPLES, *net.x.shape[1:-1]))
    for k in range(FEATURES):
        slow += np.maximum(net.gradient(net.x)[..., k], 0) * net.maps(net.x)[..., k]
    ours = ss.layer_cam(model, net.x, layer="maps", relu=relu, upsample=False)
    same(ours, np.maximum(slow, 0) if relu else slow)


def seen_through(net, one):
    """Algorithm 1 of Wang et al., one example: the scores of the input seen through each map, and the maps."""
    maps = net.maps(one[None])[0]
    nothing = net.score(np.zeros_like(one)[None])[0]
    rises = []
    for k in range(FEATURES):
        low, high = maps[..., k].min(), maps[..., k].max()
        if low == high:
            rises.append(-np.inf)  # a constant map shows nothing
            continue
        mask = (maps[..., k] - low) / (high - low)
        rises.append(net.score((one * mask[..., None])[None])[0] - nothing)
    return np.array(rises), maps


@pytest.mark.parametrize("relu", [True, False])
def test_score_cam(written, relu):
    net, model = written
    slow = []
    for one in net.x:
        rises, maps = seen_through(net, one)
        weights = np.exp(rises) / np.exp(rises).sum()
        assert weights[DEAD] == 0
        assert 0.25 < weights.max() < 0.9, "weights that are alike, or one alone, would not show how steep it is"
        slow.append((weights * maps).sum(axis=-1))
    ours = ss.score_cam(model, net.x, layer="maps", relu=relu, upsample=False)
    same(ours, np.maximum(slow, 0) if relu else np.stack(slow))


def test_score_cam_of_maps_that_are_all_constant_is_their_mean():
    net = Written(1, offset=0.4)
    net.kernel[:] = 0
    ours = ss.score_cam(net.keras(), net.x, layer="maps", upsample=False)
    same(ours, net.maps(net.x).mean(axis=-1))
