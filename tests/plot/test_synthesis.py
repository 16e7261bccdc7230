"""Inputs made for a unit, as they are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

import signalscreen as ss
from signalscreen.errors import InputError, OptionError
from signalscreen.synthesis.result import Inversion, Synthesis


def made(*shape):
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    objective = np.arange(len(x), dtype=float)
    history = rng.normal(size=(11, len(x))).cumsum(0)
    return Synthesis(x, objective * 2, objective, x, history, history)


@pytest.mark.parametrize("shape", [(4, 90, 1), (4, 90, 3), (4, 12, 10, 1), (4, 12, 10, 3), (4, 5, 6, 7, 1)])
def test_the_best_inputs_come_first_and_the_objective_last(shape):
    fig = ss.plot_synthesis(made(*shape), rows=2, fs=30 if len(shape) == 3 else None, title="class V")
    titles = [ax.get_title() for ax in fig.axes]
    where = "\nslice 2" if len(shape) == 5 else ""
    assert titles == [f"input 3: score 6{where}", f"input 2: score 4{where}", "how it rose"]
    assert len(fig.axes[-1].lines) == 4
    if len(shape) == 3:
        assert fig.axes[0].get_ylim() == fig.axes[1].get_ylim()
        assert fig.axes[1].get_xlabel() == "Time (s)"
    plt.close(fig)


def test_an_inversion_says_how_near_the_features_came():
    x, score = np.zeros((2, 9, 1)), np.array([-0.0001, -0.04])
    fig = ss.plot_synthesis(Inversion(x, score, score, x, np.zeros((3, 2)), np.zeros((3, 2))))
    titles = [ax.get_title() for ax in fig.axes]
    assert titles == ["example 0: features within 1.00%", "example 1: features within 20.00%", "how it rose"]
    plt.close(fig)


def test_what_cannot_be_drawn_is_refused_and_leaves_no_figure():
    before = plt.get_fignums()
    with pytest.raises(InputError, match="have 5 channels, which make no picture"):
        ss.plot_synthesis(made(2, 8, 8, 5))
    with pytest.raises(InputError, match=r"have shape \(2, 8\)"):
        ss.plot_synthesis(made(2, 8))
    with pytest.raises(OptionError, match="rows is 0"):
        ss.plot_synthesis(made(2, 8, 1), rows=0)
    assert plt.get_fignums() == before
