"""`Score.patched` from outside: what is fed, in what order, what is kept, and when it runs in full."""

import gc
import weakref

import numpy as np
import pytest

import signalscreen as ss
from signalscreen import edited, programs
from signalscreen.backend import keras
from signalscreen.streams import Patches
from tests.contract.zoo import randomise

L = keras.layers
LENGTH, LEADS = 120, 3
pytestmark = pytest.mark.usefixtures("always_by_patches")


def network(length=LENGTH, leads=LEADS):
    x = h = keras.Input((length, leads))
    h = L.MaxPooling1D(2)(L.Conv1D(6, 5, activation="relu")(h))
    h = L.Conv1D(8, 3, strides=2, padding="same", activation="relu")(h)
    return randomise(keras.Model(x, L.Dense(4, activation="softmax")(L.GlobalAveragePooling1D()(h))))


def signals(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, LENGTH, LEADS)).astype("float32")


def close(found, wanted):
    assert found.shape == wanted.shape
    assert found.dtype == wanted.dtype
    assert np.abs(found - wanted).max() <= 2e-5 * np.ptp(wanted)


def truth(score, x, patches):
    return score(patches.applied(x))


def test_content_may_differ_by_edit_by_example_by_place_and_by_lead():
    score, x = ss.Score(network(), target=[0, 3]).bind(signals(2))
    starts = np.arange(-4, LENGTH - 1, 7)[:, None]
    rng = np.random.default_rng(1)
    for shape in [(1, 1, 1, 1), (1, 1, 1, LEADS), (1, 2, 1, 1), (len(starts), 1, 6, LEADS), (len(starts), 2, 6, 1)]:
        patches = Patches(starts, (6,), rng.normal(size=shape).astype("float32"))
        close(score.patched(x, [patches]), truth(score, x, patches))
        one_lead = patches._replace(channel=1)
        close(score.patched(x, [one_lead]), truth(score, x, one_lead))


def test_edits_may_come_in_any_order_and_in_blocks_of_any_width():
    score, x = ss.Score(network(), target=1).bind(signals(3))
    rng = np.random.default_rng(2)
    content = rng.normal(size=(LENGTH - 5, 1, 5, 1)).astype("float32")
    a = Patches(rng.permutation(LENGTH - 5)[:, None], (5,), content)
    b = Patches(rng.permutation(20)[:, None], (11,), np.zeros((1, 1, 1, 1), "float32"))
    close(score.patched(x, iter([a, b])), np.concatenate([truth(score, x, a), truth(score, x, b)]))


def test_parts_of_any_size_give_the_same():
    model, x = network(), signals(2)
    patches = Patches(np.arange(0, LENGTH - 9)[:, None], (10,), np.zeros((1, 1, 1, 1), "float32"))
    results = []
    for size in (None, 1, 7, 64):
        score, bound = ss.Score(model, target=1, batch_size=size).bind(x)
        results.append(score.patched(bound, [patches]))
    for other in results[1:]:
        close(other, results[0])


def test_new_weights_are_seen():
    model = network()
    score, x = ss.Score(model, target=1).bind(signals(1))
    patches = Patches(np.arange(0, 100, 9)[:, None], (9,), np.zeros((1, 1, 1, 1), "float32"))
    before = score.patched(x, [patches])
    randomise(model, seed=5)
    after = score.patched(x, [patches])
    close(after, truth(score, x, patches))
    assert not np.allclose(before, after)


def test_one_program_serves_any_number_of_edits_and_examples():
    model = network()
    patches = Patches(np.arange(0, 100, 3)[:, None], (9,), np.zeros((1, 1, 1, 1), "float32"))
    for n in (1, 2, 5):
        score, x = ss.Score(model, target=1).bind(signals(n))
        score.patched(x, [patches, patches._replace(starts=patches.starts[: n + 1])])
    made = [key for key in programs._programs[model] if key[0] == "patched"]
    assert len(made) == 1


def test_programs_do_not_keep_the_model():
    model = network()
    score, x = ss.Score(model, target=1).bind(signals(1))
    score.patched(x, [Patches(np.arange(0, 100, 3)[:, None], (9,), np.zeros((1, 1, 1, 1), "float32"))])
    ref = weakref.ref(model)
    del model, score
    gc.collect()
    assert ref() is None


def test_one_of_two_inputs_is_edited():
    a, b = keras.Input((LENGTH, LEADS), name="a"), keras.Input((LENGTH, 1), name="b")
    h = L.Concatenate()([L.Conv1D(4, 5, padding="same", activation="relu")(a), L.Conv1D(4, 3, padding="same")(b)])
    h = L.GlobalMaxPooling1D()(L.Conv1D(5, 3, activation="relu")(h))
    model = randomise(keras.Model([a, b], L.Dense(2)(h)))
    x = [signals(2), signals(2, seed=3)[..., :1]]
    found = ss.occlusion(model, x, 1, window=8, stride=3)
    for i, own in enumerate(found):
        edited = []
        for start in range(0, LENGTH - 8 + 3, 3):
            changed = [part.copy() for part in x]
            changed[i][:, start : start + 8] = 0
            edited.append(model(changed).numpy()[:, 1])
        drops = model(x).numpy()[:, 1] - np.array(edited)
        total, count = np.zeros((2, LENGTH)), np.zeros(LENGTH)
        for drop, start in zip(drops, range(0, LENGTH, 3), strict=False):
            total[:, start : start + 8] += drop[:, None]
            count[start : start + 8] += 1
        assert np.abs(own - total / count).max() <= 2e-5 * np.ptp(drops)


def test_small_jobs_and_models_that_gain_nothing_run_in_full(monkeypatch):
    model = network()
    score, x = ss.Score(model, target=1).bind(signals(1))
    patches = Patches(np.arange(0, 100, 3)[:, None], (9,), np.zeros((1, 1, 1, 1), "float32"))
    wide = patches._replace(starts=patches.starts[:1], width=(LENGTH,))
    monkeypatch.undo()
    close(score.patched(x, [patches]), truth(score, x, patches))
    assert not [key for key in programs._programs[model] if key[0] == "patched"]
    monkeypatch.setattr("signalscreen.edited._SMALL_JOB", 0)
    assert score.plan((LENGTH,)).gain() < 1.15
    called = []
    monkeypatch.setattr("signalscreen.edited.patched_scores", lambda *a: called.append(a))
    close(score.patched(x, [wide]), truth(score, x, wide))
    assert not called


def test_a_layer_without_a_rule_is_named_and_runs_in_full():
    x = keras.Input((LENGTH, LEADS))
    model = randomise(keras.Model(x, L.Dense(2)(L.LSTM(4, name="memory")(L.Conv1D(4, 5, strides=3)(x)))))
    score, x = ss.Score(model, target=1).bind(signals(2))
    patches = Patches(np.arange(0, 100, 9)[:, None], (9,), np.zeros((1, 1, 1, 1), "float32"))
    with pytest.warns(ss.errors.SpeedWarning, match="'memory/"):
        found = score.patched(x, [patches])
    close(found, truth(score, x, patches))


def test_a_model_with_a_state_runs_in_full():
    x = keras.Input((LENGTH, LEADS))
    normal = L.Normalization(axis=-1, mean=[0.0] * LEADS, variance=[1.0] * LEADS)

    class Counting(L.Layer):
        def build(self, shape):
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, h):
            self.calls.assign_add(1.0)
            return h * 1.0

    model = randomise(keras.Model(x, L.Dense(2)(L.Flatten()(Counting()(normal(x))))))
    with pytest.warns(ss.errors.SignalScreenWarning, match="changes its own variables"):
        score, x = ss.Score(model, target=1).bind(signals(1))
    assert score.plan((9,)) is None


def test_edits_that_a_sequence_output_cannot_see_cost_nothing(monkeypatch):
    x = keras.Input((LENGTH, LEADS))
    h = L.Conv1D(4, 5, padding="same", activation="relu")(x)
    h = L.Conv1D(4, 3, dilation_rate=2, padding="causal", activation="relu")(h)
    model = randomise(keras.Model(x, L.Dense(2)(L.Conv1D(4, 3, padding="same")(h))))
    patches = Patches(np.arange(-5, LENGTH)[:, None], (6,), np.full((1, 1, 1, 1), 2.0, "float32"))
    for place in (0, 57, LENGTH - 1):
        score, bound = ss.Score(model, target=(place, 1)).bind(signals(2))
        program = edited.program_of(score, (6,))
        rows = Counted(program.rows)
        with monkeypatch.context() as patch:
            counted = program._replace(rows=rows)
            patch.setattr(edited, "program_of", lambda *_, p=counted: p)
            found = score.patched(bound, [patches])
        close(found, truth(score, bound, patches))
        far = np.argmax(np.abs(patches.starts[:, 0] - place))
        assert (found != found[far]).sum() <= rows.count < 2 * 40


class Counted:
    """A function of edited rows that counts them."""

    def __init__(self, rows):
        self.rows, self.count = rows, 0

    def __call__(self, *given):
        self.count += len(given[-4])
        return self.rows(*given)


def test_no_edits_give_no_scores():
    score, x = ss.Score(network(), target=1).bind(signals(2))
    none = Patches(np.zeros((0, 1), int), (9,), np.zeros((1, 1, 1, 1), "float32"))
    assert score.patched(x, [none]).shape == (0, 2)
