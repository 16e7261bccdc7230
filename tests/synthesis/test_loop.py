"""The optimiser loop on objectives whose maximum is known."""

import keras
import numpy as np
import pytest

from signalscreen.errors import OptionError, SignalScreenWarning
from signalscreen.synthesis.loop import OPTIMIZERS, ascend
from signalscreen.synthesis.result import Measured

TOP = np.linspace(-1, 1, 6).reshape(6, 1)


def hill(x, _):
    """A paraboloid with its top at `TOP`."""
    value = -np.sum((x - TOP) ** 2, axis=(1, 2))
    return Measured(value, value + 1, -2 * (x - TOP))


def starts(n=3):
    return np.random.default_rng(0).normal(size=(n, 6, 1))


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimiser_climbs_and_no_row_feels_another(name):
    made = ascend(hill, starts(), steps=30, optimizer=name)
    assert (made.objective > made.history[0]).all()
    for row in range(3):
        alone = ascend(hill, starts()[row : row + 1], steps=30, optimizer=name)
        np.testing.assert_array_equal(alone.x[0], made.x[row])
        np.testing.assert_array_equal(alone.history[:, 0], made.history[:, row])


def test_the_top_is_found():
    made = ascend(hill, starts(), steps=300)
    np.testing.assert_allclose(made.x, np.broadcast_to(TOP, (3, 6, 1)), atol=1e-2)
    np.testing.assert_array_equal(made.start, starts())


def test_each_row_keeps_its_best_and_what_belongs_to_it():
    made = ascend(hill, starts(), steps=20, optimizer="sgd", learning_rate=1.05)  # jumps over the top, ever further
    np.testing.assert_array_equal(made.objective, made.history.max(axis=0))
    np.testing.assert_array_equal(made.history[0], made.objective)  # so nothing was better than the start
    np.testing.assert_array_equal(made.x, starts())
    made = ascend(hill, starts(), steps=20, learning_rate=0.7)
    now = hill(made.x, 0)
    np.testing.assert_allclose(now.value, made.objective)
    np.testing.assert_allclose(now.score, made.score)
    np.testing.assert_array_equal(made.best, made.x[np.argmax(made.objective)])
    assert made.history.shape == made.score_history.shape == (21, 3)


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_each_step_is_uphill_and_then_projected_as_that_step_is(scale):
    """Steps are counted from the start, which is 0, so the first move ends in step 1."""

    def project(x, step):
        return np.minimum(x * (0.5 if step and step % 3 == 0 else 1), 0.9 + 0.1 * step)

    x = project(starts(), 0)
    values = [hill(x, 0).value]
    for step in range(1, 8):
        x = project(x + scale * 0.02 * hill(x, step).gradient, step)
        values.append(hill(x, step).value)

    made = ascend(hill, starts(), steps=7, optimizer="sgd", learning_rate=0.02, scale=scale, project=project)
    np.testing.assert_allclose(made.history, values, rtol=1e-5)
    np.testing.assert_array_equal(made.start, project(starts(), 0))


def test_the_scale_is_the_unit_of_the_optimiser():
    once = ascend(hill, starts(), steps=10)

    def wide(x, step):
        return hill(x / 50, step)  # its gradient is that of x / 50

    again = ascend(wide, 50 * starts(), steps=10, scale=50.0)
    np.testing.assert_allclose(again.x, 50 * once.x)


def test_an_optimiser_is_copied_and_a_schedule_followed():
    given = keras.optimizers.SGD(0.1, momentum=0.9)
    first = ascend(hill, starts(), steps=5, optimizer=given)
    np.testing.assert_array_equal(ascend(hill, starts(), steps=5, optimizer=given).x, first.x)
    assert not given.built
    halt = keras.optimizers.schedules.PiecewiseConstantDecay([2], [0.1, 0.0])
    stopped = ascend(hill, starts(), steps=6, optimizer="sgd", learning_rate=halt)
    np.testing.assert_array_equal(stopped.history[3], stopped.history[6])
    assert (stopped.history[2] > stopped.history[1]).all()


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        ("gradient", "optimizer 'gradient' is not known; choose one of sgd"),
        (3, "optimizer is a int; choose one of"),
        (keras.optimizers.Adafactor(), "optimizer Adafactor lets rows act on one another"),
        (keras.optimizers.Adam(clipnorm=1.0), "with a clipped norm lets rows act on one another"),
    ],
)
def test_optimisers_that_are_none_or_mix_rows_are_refused(optimizer, words):
    with pytest.raises(OptionError, match=words):
        ascend(hill, starts(), steps=1, optimizer=optimizer)


@pytest.mark.parametrize("rate", [-1, 0, "fast", float("nan"), None])
def test_rates_that_are_none_are_refused(rate):
    with pytest.raises(OptionError, match="is no rate; give a number above 0"):
        ascend(hill, starts(), steps=1, learning_rate=rate)


def test_a_row_that_is_lost_is_told_and_its_best_kept():
    def cliff(x, step):
        now = hill(x, step)
        value = now.value.copy()
        if step > 3:
            value[1] = np.nan
        return Measured(value, now.score, now.gradient)

    with pytest.warns(SignalScreenWarning, match="row 1 left the numbers"):
        made = ascend(cliff, starts(), steps=6)
    assert made.objective[1] == made.history[:4, 1].max()
    assert np.isfinite(made.x).all()


def test_nothing_to_climb_is_told():
    with pytest.warns(SignalScreenWarning, match="gradient is zero where row 0 begins"):
        ascend(lambda x, _: Measured(np.zeros(3), np.zeros(3), np.zeros_like(x)), starts(), steps=1)
