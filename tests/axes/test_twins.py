"""The same network written both ways gives the same numbers, each on its own axes."""

from functools import cache

import keras
import numpy as np
import pytest

import signalscreen as ss
from signalscreen.methods import METHODS
from signalscreen.receptive import summarise

from .twins import NETS, Twins, twins

pytestmark = pytest.mark.filterwarnings("ignore::signalscreen.errors.SignalScreenWarning")
made = cache(twins)


def close(found, expected, name="", scale=1e-2):
    assert found.shape == expected.shape, name
    scale = max(np.abs(expected).max(), scale)
    np.testing.assert_allclose(found, expected, atol=1e-5 * scale, rtol=0, err_msg=name)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("net", NETS)
def test_every_method(net, method):
    pair = made(net)
    expected = ss.explain(pair.last, pair.x, [1, 2], method=method)
    found = ss.explain(pair.first, pair.x_first, [1, 2], method=method)
    assert np.abs(expected).max() > 0
    # A difference of two scores is as exact as they are.
    scale = np.abs(pair.last(pair.x)).max() if method == "occlusion" else 1e-2
    close(found, pair.as_first(expected) if METHODS[method].gives == "input" else expected, method, scale)


def test_the_eeg_is_a_signal_of_electrodes():
    """One value a sample: a map runs along time, and each of its values is of all electrodes."""
    pair = made("eegnet")
    for model, x in ((pair.last, pair.x), (pair.first, pair.x_first)):
        assert ss.saliency(model, x, 1).shape == x.shape
        assert ss.grad_cam(model, x, 1).shape == ss.occlusion(model, x, 1).shape == (2, 64)
        assert ss.occlusion(model, x, 1, per_channel=True, window=8).shape == x.shape
    silent = pair.x.copy()
    silent[:, :, 24:32] = 0
    score = lambda x: np.asarray(pair.last(x))[:, 1]  # noqa: E731
    drop = ss.occlusion(pair.last, pair.x, 1, window=8, stride=8)[:, 24]
    np.testing.assert_allclose(drop, score(pair.x) - score(silent), atol=1e-5)


@pytest.mark.parametrize("net", NETS)
def test_layers(net):
    """Feature maps, units, receptive fields, places and filters of every layer."""
    pair = made(net)
    fields = [[row.field for row in summarise(model) if row.kind != "Permute"] for model in (pair.last, pair.first)]
    assert len(fields[0]) == len(pair.layers()) + 1
    assert fields[0] == fields[1]
    for one, other in pair.layers():
        maps, turned = ss.activations(pair.last, pair.x, one), ss.activations(pair.first, pair.x_first, other)
        close(turned, pair.as_first(maps) if maps.ndim == pair.x.ndim else maps, one.name)
        places = [ss.layer_positions(m, layer) for m, layer in ((pair.last, one), (pair.first, other))]
        if not isinstance(one, keras.layers.Flatten | keras.layers.Dense):
            assert (places[0] is None) == (places[1] is None), one.name
            np.testing.assert_equal(places[1], places[0], one.name)
        if hasattr(one, "kernel") and not isinstance(one, keras.layers.Dense):
            weights = [ss.filter_weights(m, layer) for m, layer in ((pair.last, one), (pair.first, other))]
            assert weights[0].step == weights[1].step
            np.testing.assert_array_equal(weights[0].kernel, weights[1].kernel)


@pytest.mark.parametrize("net", ["signal", "picture", "from_torch", "eegnet"])
def test_units(net):
    pair = made(net)
    one, other = next(layers for layers in pair.layers() if "conv" in layers[0].name)
    place = (3,) * (len(ss.activations(pair.last, pair.x, one).shape) - 2)
    largest = 0.0
    for filter, position in ((0, None), (1, None), (3, None), (2, place), (None, place)):
        expected = ss.layer_saliency(pair.last, pair.x, one, filter, position=position)
        found = ss.layer_saliency(pair.first, pair.x_first, other, filter, position=position)
        largest = max(largest, np.abs(expected).max())
        close(found, pair.as_first(expected))
    assert largest > 0
    with pytest.raises(ss.errors.TargetError, match="filters 0 to 3"):
        ss.saliency(pair.first, pair.x_first, ss.Unit(other, 4))


@pytest.mark.parametrize("net", ["signal", "picture", "eegnet"])
def test_edits(net):
    pair = made(net)
    rank = pair.x.ndim - 1
    leads = {"eegnet": (0, 2)}.get(net, (rank - 1,))
    sizes = [n if a in leads else 4 for a, n in enumerate(pair.x.shape[1:])]
    content = np.random.default_rng(2).normal(size=sizes)
    start = (5,) * (rank - len(leads))
    edits = [(start, content), (start, content[..., :1, :1] * 0 if net == "eegnet" else content[..., :1])]
    edits = edits[:1] if net == "eegnet" else edits
    turned = [(s, np.asarray(c).transpose([t - 1 for t in pair.turn[1:]])) for s, c in edits]
    expected = ss.edit_effects(pair.last, pair.x, edits, 1)
    found = ss.edit_effects(pair.first, pair.x_first, turned, 1)
    close(found, expected)
    written = pair.x.copy()
    written[(slice(None), *(slice(None) if a in leads else slice(5, 9) for a in range(rank)))] = content
    by_hand = [np.asarray(pair.last(x))[:, 1] for x in (written, pair.x)]
    np.testing.assert_allclose(expected[:, 0], by_hand[0] - by_hand[1], atol=1e-5)


def test_content_that_lies_otherwise_is_refused():
    pair = made("signal")
    with pytest.raises(ss.errors.OptionError, match=r"give \(1 or 2, width\), the axes lying as those of x"):
        ss.edit_effects(pair.first, pair.x_first, [(3, np.zeros((4, 2)))], 1)


def test_mutagenesis():
    pair = sequences()
    expected = ss.in_silico_mutagenesis(pair.last, pair.x, 1, positions=[3, 10])
    found = ss.in_silico_mutagenesis(pair.first, pair.x_first, 1, positions=[3, 10])
    assert expected.shape == (2, 2, 4)
    close(found, pair.as_first(expected))


def sequences() -> Twins:
    first, last = (
        keras.Sequential([keras.Input(shape), *layers])
        for shape, layers in (
            ((4, 30), [keras.layers.Conv1D(5, 3, activation="relu", data_format="channels_first"), *ends("first")]),
            ((30, 4), [keras.layers.Conv1D(5, 3, activation="relu"), *ends("last")]),
        )
    )
    first.set_weights(last.get_weights())
    x = np.eye(4, dtype="f4")[np.random.default_rng(1).integers(0, 4, (2, 30))]
    return Twins(last, first, x, (0, 2, 1))


def ends(kind):
    return [keras.layers.GlobalMaxPooling1D(data_format=f"channels_{kind}"), keras.layers.Dense(2)]


def test_options_that_hold_signals():
    """Baselines, references and fills lie like x."""
    pair, rng = made("signal"), np.random.default_rng(3)
    one, each = rng.normal(size=(60, 2)).astype("f4"), rng.normal(size=(2, 60, 2)).astype("f4")
    for value in (one, each, one[:1], 0.5):
        turned = value if np.ndim(value) == 0 else np.swapaxes(value, -1, -2)
        for method, name in (("integrated_gradients", "baseline"), ("occlusion", "fill")):
            expected = ss.explain(pair.last, pair.x, 1, method=method, **{name: value})
            found = ss.explain(pair.first, pair.x_first, 1, method=method, **{name: turned})
            close(found, pair.as_first(expected) if method != "occlusion" else expected, method)
    drawn = lambda x: np.stack([x * 0.5, x * 0.1 + 1], axis=1)  # noqa: E731
    expected = ss.deep_lift(pair.last, pair.x, 1, references=drawn)
    close(ss.deep_lift(pair.first, pair.x_first, 1, references=drawn), pair.as_first(expected))


def test_curves_averages_and_synthesis():
    pair = made("signal")
    maps = ss.saliency(pair.last, pair.x, 1)
    curves = [
        ss.deletion_curve(pair.last, pair.x, maps, 1, steps=4, orders=1),
        ss.deletion_curve(pair.first, pair.x_first, pair.as_first(maps), 1, steps=4, orders=1),
    ]
    close(curves[1].score, curves[0].score)
    close(curves[1].random_score, curves[0].random_score)
    for reduce in (None, "max_abs"):
        means = [
            ss.class_averages(model, x, [0, 1], reduce=reduce).mean[1]
            for model, x in ((pair.last, pair.x), (pair.first, pair.x_first))
        ]
        close(means[1], means[0].T if reduce is None else means[0])
    made_for = [ss.maximize_activation(model, 1, steps=3, seed=4, jitter=2) for model in (pair.last, pair.first)]
    assert made_for[1].x.shape == made_for[1].start.shape == (1, 2, 60)
    close(made_for[1].x, pair.as_first(made_for[0].x))
    dreams = [
        ss.deep_dream(model, x, layer, 1, steps=2).x
        for model, x, layer in zip((pair.last, pair.first), (pair.x, pair.x_first), pair.layers()[0], strict=True)
    ]
    close(dreams[1], pair.as_first(dreams[0]))
    inverted = [
        ss.invert(model, x, layer, steps=2).x
        for model, x, layer in zip((pair.last, pair.first), (pair.x, pair.x_first), pair.layers()[0], strict=True)
    ]
    close(inverted[1], pair.as_first(inverted[0]))


def test_places_of_the_layer_that_a_map_comes_from():
    pair = made("picture")
    places = [ss.Score(m, 1).bind(x)[0].places() for m, x in ((pair.last, pair.x), (pair.first, pair.x_first))]
    np.testing.assert_equal(places[0], places[1])
    np.testing.assert_equal(places[0], ss.layer_positions(pair.last, pair.layers()[5][0]))
