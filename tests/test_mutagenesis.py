"""In-silico mutagenesis: against every sequence written out, closed forms, and a real network and its sequences."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import signalscreen as ss
from signalscreen.backend import keras
from signalscreen.errors import InputError, OptionError

L = keras.layers
RNG = np.random.default_rng(0)


@pytest.fixture(params=["in full", "by patches"])
def path(request):
    """Small jobs run in full; with no job too small, the same is asked of patches."""
    if request.param == "by patches":
        request.getfixturevalue("always_by_patches")
    return request.param


def one_hot(batch, n, letters, seed=0):
    return np.eye(letters, dtype="float32")[np.random.default_rng(seed).integers(letters, size=(batch, n))]


@cache
def network(n, letters, classes=2):
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((n, letters)),
            L.Conv1D(6, 5, activation="relu", bias_initializer="normal"),
            L.MaxPooling1D(2),
            L.Conv1D(4, 3, padding="same", activation="relu"),
            L.Flatten(),
            L.Dense(classes, activation="softmax"),
        ]
    )


def written_out(answers, x):
    """Every letter at every position: all sequences of one edit, then all of the next."""
    places = [*np.ndindex(*x.shape[1:])]
    edited = np.repeat(x[None], len(places), axis=0)
    for signals, (*place, letter) in zip(edited, places, strict=True):
        signals[(slice(None), *place)] = np.eye(x.shape[-1])[letter]
    found = answers(np.concatenate([x, *edited])).reshape(-1, len(x)).T
    return (found[:, 1:] - found[:, :1]).reshape(x.shape)


@pytest.mark.parametrize("letters", [2, 4, 20])
def test_every_substitution_is_what_the_model_says_of_it(letters, path):
    model, x = network(24, letters), one_hot(3, 24, letters)
    a = ss.in_silico_mutagenesis(model, x, 1, score="probability")
    assert (a.shape, a.dtype) == (x.shape, np.float32)
    expected = written_out(lambda s: model(s).numpy()[:, 1].astype(float), x)
    np.testing.assert_allclose(a, expected, atol=2e-5 * np.ptp(expected))
    assert np.abs(a).max() > 0.01


def test_the_fast_path_is_taken(always_by_patches, monkeypatch):
    """Otherwise the tests above compare brute force with itself."""
    monkeypatch.setattr("signalscreen.edited._in_full", None)
    model, x = network(30, 4), one_hot(2, 30, 4)
    assert ss.in_silico_mutagenesis(model, x, 1).shape == x.shape


def test_a_motif_scorer_is_known_exactly(path):
    """The score is the best match of a weight matrix: inside the motif a letter changes it by its own weight."""
    weights = RNG.uniform(-1, 0, (7, 4))
    motif = np.array([3, 2, 0, 1, 3, 1, 0])
    weights[np.arange(7), motif] = RNG.uniform(4, 6, 7)
    x = np.eye(4, dtype="float32")[np.zeros((4, 60), int)]  # of nothing but the first letter
    starts = np.array([0, 11, 30, 53])
    for row, start in zip(x, starts, strict=True):
        row[start : start + 7] = np.eye(4)[motif]
    model = keras.Sequential([keras.Input((60, 4)), L.Conv1D(1, 7), L.GlobalMaxPooling1D()])
    model.set_weights([weights[..., None], np.zeros(1)])
    windows = np.lib.stride_tricks.sliding_window_view(x, 7, axis=1)
    matches = np.sort(np.einsum("btck,kc->bt", windows, weights), axis=1)
    assert (matches[:, -1] - matches[:, -2] > np.ptp(weights)).all(), "no other match may become the best"

    a = ss.in_silico_mutagenesis(model, x, 0)
    expected = np.zeros_like(a)
    for row, start in zip(expected, starts, strict=True):
        row[start : start + 7] = weights - weights[np.arange(7), motif][:, None]
    np.testing.assert_allclose(a, expected, atol=1e-5)
    assert (a[x == 1] == 0).all()


def test_examples_share_a_call_and_do_not_mix(path):
    model, x = network(24, 4), one_hot(5, 24, 4)
    together = ss.in_silico_mutagenesis(model, x, [0, 1, 0, 1, 1])
    alone = [ss.in_silico_mutagenesis(model, x[i : i + 1], c) for i, c in enumerate([0, 1, 0, 1, 1])]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=2e-5 * np.ptp(together))
    small = ss.in_silico_mutagenesis(model, x, [0, 1, 0, 1, 1], batch_size=2)
    np.testing.assert_allclose(small, together, atol=2e-5 * np.ptp(together))


@pytest.mark.parametrize("none", [0.0, 0.25])
def test_every_letter_is_compared_with_a_position_that_holds_none(none, path):
    model, x = network(24, 4), one_hot(2, 24, 4)
    x[0, 7] = x[1, 20] = none
    a = ss.in_silico_mutagenesis(model, x, 0, score="probability")
    expected = written_out(lambda s: model(s).numpy()[:, 0].astype(float), x)
    np.testing.assert_allclose(a, expected, atol=2e-5 * np.ptp(expected))
    assert (a[0, 7] != 0).all()
    assert (a[0, 20] == 0).sum() == 1


@pytest.mark.parametrize(
    "positions", [slice(5, 9), slice(None, None, -3), [3], [-1, 4, 4], np.arange(24) % 5 == 0, range(2, 6), 7]
)
def test_positions_are_rows_of_the_whole(positions):
    model, x = network(24, 4), one_hot(2, 24, 4)
    x[1, 5] = 0
    whole = ss.in_silico_mutagenesis(model, x, 1)
    index = positions if isinstance(positions, slice) else np.atleast_1d(positions)
    some = ss.in_silico_mutagenesis(model, x, 1, positions=positions)
    np.testing.assert_allclose(some, whole[:, index], atol=2e-5 * np.ptp(whole))


def test_sequences_laid_out_as_images(path):
    """``(batch, n, 1, letters)``, as some genomic networks take them."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((20, 1, 4)), L.Conv2D(5, (4, 1), activation="relu"), L.GlobalMaxPooling2D(), L.Dense(1)]
    )
    x = one_hot(2, 20, 4)[:, :, None]
    a = ss.in_silico_mutagenesis(model, x, 0, positions=[3, 9])
    expected = written_out(lambda s: model(s).numpy()[:, 0], x)
    np.testing.assert_allclose(a, expected[:, [3, 9]], atol=2e-5 * np.ptp(expected))


def test_a_sequence_beside_another_input():
    keras.utils.set_random_seed(1)
    dna, age = keras.Input((20, 4), name="dna"), keras.Input((3,), name="age")
    h = L.Concatenate()([L.GlobalMaxPooling1D()(L.Conv1D(4, 3, activation="relu")(dna)), age])
    model = keras.Model({"dna": dna, "age": age}, L.Dense(1)(L.Dense(8, activation="tanh")(h)))
    x, held = one_hot(2, 20, 4), RNG.normal(size=(2, 3)).astype("float32")
    expected = written_out(lambda s: model({"dna": s, "age": np.resize(held, (len(s), 3))}).numpy()[:, 0], x)
    number = [spec.name for spec in ss.Score(model, 0).bind({"dna": x, "age": held})[0].layout.specs].index("dna")
    for which in ("dna", number):
        a = ss.in_silico_mutagenesis(model, {"dna": x, "age": held}, 0, input=which)
        np.testing.assert_allclose(a, expected, atol=2e-5 * np.ptp(expected))
    for which in (None, "rna", 2):
        with pytest.raises(InputError, match="which of the model's inputs is edited; give one of"):
            ss.in_silico_mutagenesis(model, {"dna": x, "age": held}, 0, input=which)
    with pytest.raises(InputError, match="no axis along which to edit"):
        ss.in_silico_mutagenesis(model, {"dna": x, "age": held}, 0, input="age")


@given(st.integers(2, 6), st.integers(6, 14), st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_of_a_linear_model_effects_are_differences_of_its_weights(letters, n, seed):
    rng = np.random.default_rng(seed)
    x, weights = one_hot(2, n, letters, seed), rng.normal(size=(n, letters))
    x[rng.random((2, n)) < 0.2] = 0
    model = keras.Sequential([keras.Input((n, letters)), L.Flatten(), L.Dense(1)])
    model.set_weights([weights.reshape(-1, 1), np.zeros(1)])
    here = (x * weights).sum(-1, keepdims=True)
    np.testing.assert_allclose(ss.in_silico_mutagenesis(model, x, 0), weights - here, atol=1e-5)


def test_the_kipoi_network_on_its_own_sequences(real_data, path):
    folder = real_data / "model_kipoi_tal1"
    x = np.load(folder / "ref_io.npz")["x"][:2]
    model = ss.load_model(folder / "kipoi_tal1.keras")
    places = np.arange(0, 500, 25)
    a = ss.in_silico_mutagenesis(model, x, 0, positions=places)
    rows = [x]
    for place in places:
        for letter in range(4):
            rows.append(x.copy())
            rows[-1][:, place] = np.eye(4)[letter]
    answers = model.predict(np.concatenate(rows), verbose=0)[:, 0].astype(float).reshape(-1, 2)
    logits = np.log(answers / (1 - answers))
    expected = (logits[1:] - logits[0]).T.reshape(2, len(places), 4)
    # The model answers with float32 probabilities; behind them lie logits known to about 1e-5.
    np.testing.assert_allclose(a, expected, atol=5e-5)
    score, x = ss.Score(model, 0).bind(np.concatenate(rows))
    exact = score(x).reshape(-1, 2)
    np.testing.assert_allclose(a, (exact[1:] - exact[0]).T.reshape(2, -1, 4), atol=2e-5 * np.ptp(exact))


def test_a_score_may_stand_for_the_model():
    model, x = network(24, 4), one_hot(2, 24, 4)
    a = ss.in_silico_mutagenesis(ss.Score(model, 1, score="probability"), x)
    np.testing.assert_allclose(a, ss.in_silico_mutagenesis(model, x, 1, score="probability"))
    with pytest.raises(OptionError, match="batch_size given beside a Score"):
        ss.in_silico_mutagenesis(ss.Score(model, 1), x, batch_size=3)


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (lambda x: x * 2, r"not one-hot: example 0 has \[.*\] at position 0; give 1 for the letter"),
        (lambda x: np.where(np.arange(24)[:, None] == 6, [0.5, 0.5, 0, 0], x), r"\[0\.5, 0\.5, .*at position 6"),
        (lambda x: np.where(np.arange(24)[:, None] == 6, [1, 1, 0, 0], x), "at position 6"),
        (lambda x: np.where(np.arange(24)[:, None] == 6, [-1, 1, 1, 0], x), "at position 6"),
        (lambda x: x[:, :, :3], r"expects \(batch, 24, 4\)"),
    ],
)
def test_signals_that_are_no_sequences_are_refused(spoil, match):
    with pytest.raises(InputError, match=match):
        ss.in_silico_mutagenesis(network(24, 4), spoil(one_hot(2, 24, 4)), 0)


def test_one_letter_is_no_alphabet():
    with pytest.raises(InputError, match=r"one letter only; give it one-hot, \(batch, n, letters\)"):
        ss.in_silico_mutagenesis(network(24, 1), np.ones((1, 24, 1)), 0)


@pytest.mark.parametrize(
    "positions", [[], [24], [-25], [1.5], "promoter", [[1, 2]], slice(9, 3), np.zeros(24, bool)]
)
def test_positions_that_are_not_there_are_refused(positions):
    with pytest.raises(
        OptionError, match="does not name positions of a sequence of 24; give a slice, or whole num"
    ):
        ss.in_silico_mutagenesis(network(24, 4), one_hot(1, 24, 4), 0, positions=positions)
