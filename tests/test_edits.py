"""Lists of edits: against every edited signal written out, in any mixture of widths, and bad ones refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import signalscreen as ss
import signalscreen.edits
from signalscreen.backend import keras
from signalscreen.errors import InputError, OptionError
from tests.contract import zoo

L = keras.layers
RNG = np.random.default_rng(0)


@pytest.fixture(params=["in full", "by patches"])
def path(request, monkeypatch):
    if request.param == "by patches":
        request.getfixturevalue("always_by_patches")
        monkeypatch.setattr(signalscreen.edits, "_FEWEST_ROWS", 6)
    return request.param


def random_edits(sizes, channels, widths, seed=0):
    """One edit for each width, of content for all channels, the same for all, or for one."""
    rng = np.random.default_rng(seed)
    edits = []
    for i, width in enumerate(widths):
        width = tuple(np.minimum(np.broadcast_to(width, len(sizes)), sizes))
        start = tuple(int(rng.integers(n - w + 1)) for n, w in zip(sizes, width, strict=True))
        last = [channels, 1, 1][i % 3]
        edits.append(
            ss.Edit(start, rng.normal(size=(*width, last)), rng.integers(channels) if i % 3 == 2 else None)
        )
    return edits


def written_out(x, edits):
    """(edits, batch, *axes, channels)."""
    edited = np.repeat(x[None], len(edits), axis=0)
    for signal, (start, content, channel) in zip(edited, edits, strict=True):
        starts = np.atleast_1d(start)
        place = tuple(slice(s, s + w) for s, w in zip(starts, content.shape[:-1], strict=True))
        if channel is None:
            signal[(slice(None), *place)] = content
        else:
            signal[(slice(None), *place, channel)] = content[..., 0]
    return edited


@pytest.mark.parametrize(
    ("rank", "widths"), [(1, (3, 5, 3, 5, 1)), (1, (1, 2, 3, 4, 5, 6, 7)), (2, (1, 2, 3, 4, 5)), (3, (3, 3, 3))]
)
def test_effects_are_what_the_model_says_of_the_edited_signals(rank, widths, path):
    model, x = zoo.shared("functional", rank), zoo.signals(rank)
    edits = random_edits(zoo.SIZES[rank], zoo.CHANNELS, widths)
    effects = ss.edit_effects(model, x, edits, 1, score="probability")
    assert (effects.shape, effects.dtype) == ((len(x), len(edits)), np.float32)
    answers = [model(signal).numpy()[:, 1].astype(float) for signal in [x, *written_out(x, edits)]]
    np.testing.assert_allclose(effects, (np.stack(answers[1:]) - answers[0]).T, atol=2e-6)
    assert np.abs(effects).max() > 1e-3


@given(st.lists(st.integers(1, 24), min_size=1, max_size=9), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_of_a_linear_model_effects_are_sums_of_weights_times_changes(widths, seed):
    rng = np.random.default_rng(seed)
    weights, x = rng.normal(size=(24, 2)), rng.normal(size=(3, 24, 2))
    model = keras.Sequential([keras.Input((24, 2)), L.Flatten(), L.Dense(1)])
    model.set_weights([weights.reshape(-1, 1), np.zeros(1)])
    edits = random_edits((24,), 2, widths, seed)
    expected = ((written_out(x, edits) - x) * weights).sum((-1, -2)).T
    np.testing.assert_allclose(ss.edit_effects(model, x, edits, 0), expected, atol=2e-5)


def test_the_order_given_is_the_order_returned(path):
    model, x = zoo.shared("sequential", 1), zoo.signals(1)
    edits = random_edits((24,), 2, (1, 9, 2, 9, 5, 1, 12, 3, 2))
    effects = ss.edit_effects(model, x, edits, 0)
    mixed = RNG.permutation(len(edits))
    again = ss.edit_effects(model, x, [edits[i] for i in mixed], 0)
    np.testing.assert_allclose(again, effects[:, mixed], atol=2e-5 * np.ptp(effects))
    small = ss.edit_effects(model, x, edits, 0, batch_size=2)
    np.testing.assert_allclose(small, effects, atol=2e-5 * np.ptp(effects))


def test_many_widths_need_few_programs(always_by_patches, monkeypatch):
    """Each width of window is traced and compiled: 24 of them would take longer than all the edits."""
    monkeypatch.setattr(signalscreen.edits, "_FEWEST_ROWS", 1)
    asked = set()
    monkeypatch.setattr("signalscreen.edited.program_of", lambda score, width: asked.add(width))  # and runs in full
    model, x = zoo.shared("sequential", 1), zoo.signals(1)
    ss.edit_effects(model, x, random_edits((24,), 2, range(1, 25)), 0)
    assert asked == {(1,), (2,), (4,), (8,), (16,), (24,)}
    asked.clear()
    ss.edit_effects(model, x, random_edits((24,), 2, (3, 7, 3)), 0)
    assert asked == {(3,), (7,)}
    asked.clear()
    monkeypatch.setattr(signalscreen.edits, "_FEWEST_ROWS", 9)  # three examples of each edit
    ss.edit_effects(model, x, random_edits((24,), 2, (1, 2, 2, 5, 5, 5, 9)), 0)
    assert asked == {(2,), (5,), (9,)}


def test_an_edit_that_changes_nothing_and_one_that_occludes(path):
    model, x = zoo.shared("functional", 1), zoo.signals(1, n=1)
    edits = [ss.Edit(4, x[0, 4:9]), (10, np.zeros((6, 1))), (10, np.zeros(6), 1)]
    effects = ss.edit_effects(model, x, edits, 2)
    assert abs(effects[0, 0]) < 1e-6
    falls = ss.occlusion(model, x, 2, window=6, stride=10)
    np.testing.assert_allclose(effects[0, 1], -falls[0, 10], atol=1e-6)
    falls = ss.occlusion(model, x, 2, window=6, stride=10, per_channel=True)
    np.testing.assert_allclose(effects[0, 2], -falls[0, 10, 1], atol=1e-6)


def test_content_may_leave_out_its_channel_axis_where_there_is_one_channel():
    model = keras.Sequential([keras.Input((8, 1)), L.Conv1D(2, 3, activation="relu"), L.Flatten(), L.Dense(1)])
    x = RNG.normal(size=(2, 8, 1))
    effects = ss.edit_effects(model, x, [(2, [1.0, 2.0]), (2, [[1.0], [2.0]]), (2, [[1.0], [2.0]], 0)], 0)
    assert (effects == effects[:, :1]).all()


SIGNAL = zoo.signals(1)


@pytest.mark.parametrize(
    ("edits", "match"),
    [
        ([], "edits is empty; give at least one Edit"),
        (
            [(0, np.zeros((3, 2))), (22, np.zeros((3, 2)))],
            r"edits\[1\] starts at 22 and is 3 long, .* 24 samples; move",
        ),
        ([(-1, np.zeros((3, 2)))], r"edits\[0\] starts at -1"),
        ([(0, np.zeros((25, 2)))], "25 long, which is not inside the signal"),
        ([(0, np.zeros((3, 4)))], r"content of shape \(3, 4\); give \(width, 1 or 2\)"),
        ([(0, np.zeros(3))], r"content of shape \(3,\); give \(width, 1 or 2\)"),
        ([(0, 0.0)], r"content of shape \(\)"),
        ([(0, np.zeros((0, 2)))], r"no content, its shape is \(0, 2\)"),
        ([(0, np.zeros((3, 2)), 1)], r"content of shape \(3, 2\); give \(width, 1\)"),
        ([(0, np.zeros((3, 1)), 2)], r"channel 2; give a number from 0 to 1"),
        ([(0, np.zeros((3, 1)), "II")], "channel 'II'"),
        ([(0.5, np.zeros((3, 2)))], r"start 0.5; give a sample's number, one for each of 1 axes"),
        ([((0, 0), np.zeros((3, 2)))], r"start \(0, 0\)"),
        ([(0, np.full((3, 2), np.nan))], "content that is not of finite numbers"),
        ([(0, [["a", "b"]])], "content that is not of finite numbers"),
        ([(0,)], r"edits\[0\] is not understood; give Edit\(start, content\)"),
        ([7], r"edits\[0\] is not understood"),
        ([(0, [[1.0], [1.0, 2.0]])], r"edits\[0\] is not understood"),
    ],
)
def test_edits_that_do_not_fit_are_refused_in_one_sentence(edits, match):
    with pytest.raises((OptionError, InputError), match=match) as caught:
        ss.edit_effects(zoo.shared("sequential", 1), SIGNAL, edits, 0)
    assert "\n" not in str(caught.value)


def test_edits_need_an_axis():
    model = keras.Sequential([keras.Input((8,)), L.Dense(1)])
    with pytest.raises(InputError, match="no axis along which to edit it"):
        ss.edit_effects(model, np.zeros((1, 8)), [(0, [1.0])], 0)
