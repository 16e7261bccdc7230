from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest

from signalscreen.errors import InputError, OptionError
from signalscreen.plot import compare_methods

from .conftest import picture

Y = np.sin(np.arange(200) / 9)
MAPS = {"saliency": np.abs(Y), "integrated_gradients": 5 * Y, "grad_cam": np.arange(200.0)}


def rows_of(fig):
    return fig.axes[: len(MAPS)]


def test_there_is_a_row_per_method_in_order_with_its_name():
    fig = compare_methods(Y, MAPS, fs=50, title="beat 17")
    assert [ax.get_ylabel() for ax in rows_of(fig)] == list(MAPS)
    assert fig.get_suptitle() == "beat 17"
    for ax, values in zip(rows_of(fig), MAPS.values(), strict=True):
        np.testing.assert_array_equal(ax.collections[0].get_array(), values[:-1])


def test_each_row_has_limits_of_its_own():
    fig = compare_methods(Y, MAPS)
    limits = [ax.collections[0].get_clim() for ax in rows_of(fig)]
    assert limits == [(0, np.abs(Y).max()), (-5 * np.abs(Y).max(), 5 * np.abs(Y).max()), (0, 199)]
    assert len(fig.axes) == 2 * len(MAPS)


def test_rows_share_the_time_axis_and_only_the_last_is_labelled():
    fig = compare_methods(Y, MAPS, fs=50)
    rows = rows_of(fig)
    rows[0].set_xlim(1, 2)
    assert rows[-1].get_xlim() == (1, 2)
    assert [ax.get_xlabel() for ax in rows] == ["", "", "Time (s)"]


def test_the_signal_is_named_once_at_the_side():
    assert compare_methods(Y, MAPS, names="MLII", units="mV").get_supylabel() == "MLII (mV)"


def test_the_meaning_of_the_sign_is_said_once_and_only_where_there_is_one():
    def words(fig):
        return [text.get_text() for ax in fig.axes for text in ax.texts if text.get_text()]

    assert words(compare_methods(Y, MAPS)) == ["− lowers the score, + raises it"]
    assert words(compare_methods(Y, {"saliency": np.abs(Y)})) == []
    assert words(compare_methods(Y, MAPS, color_label="logit of V")) == ["logit of V"]


def test_words_of_annotations_stand_above_the_first_row_and_marks_in_all():
    fig = compare_methods(Y, MAPS, annotations=[(50, "V"), (100, 150, "noise")])
    assert [len(ax.child_axes) for ax in rows_of(fig)] == [1, 0, 0]
    assert [len(ax.patches) for ax in rows_of(fig)] == [1, 1, 1]
    assert [len(ax.collections) for ax in rows_of(fig)] == [2, 2, 2]
    picture(fig)


def test_several_leads_in_every_row():
    fig = compare_methods(np.c_[Y, Y], MAPS, names=["I", "II"], units="mV")
    assert [len(ax.collections) for ax in rows_of(fig)] == [2, 2, 2]
    assert [label.get_text() for label in fig.axes[1].get_yticklabels()] == ["I", "II"]
    taller = fig.get_size_inches()[1]
    assert taller > compare_methods(Y, MAPS).get_size_inches()[1]


def test_colour_bars_do_not_touch_each_other():
    fig = compare_methods(Y, MAPS, fs=50)
    fig.draw_without_rendering()
    bars = [ax.get_tightbbox() for ax in fig.axes[len(MAPS) :]]
    assert all(upper.y0 >= lower.y1 for upper, lower in pairwise(bars))


def test_a_bad_attribution_is_named_and_no_figure_stays_open():
    with pytest.raises(InputError, match=r"grad_cam: gradient has .*\(7,\)"):
        compare_methods(Y, {**MAPS, "grad_cam": np.zeros(7)})
    assert not plt.get_fignums()


@pytest.mark.parametrize("options", [{"attributions": {}}, {"ax": None}, {"colour": "red"}, {"fs": -1}])
def test_options_that_cannot_be_meant_are_refused(options):
    with pytest.raises(OptionError):
        compare_methods(Y, **({"attributions": MAPS} | options))
    assert not plt.get_fignums()


def test_a_batch_of_one_example_is_that_example_in_every_row():
    y = np.sin(np.arange(500) / 9)
    plain, batch = (compare_methods(signal, {"a": y}) for signal in (y, y[None, :, None]))
    assert tuple(batch.get_size_inches()) == tuple(plain.get_size_inches())
    drawn = [np.array(fig.axes[0].collections[0].get_segments()) for fig in (plain, batch)]
    np.testing.assert_array_equal(*drawn)
