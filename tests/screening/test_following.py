"""What follows from other arrays, on arrays made by hand."""

import json

import numpy as np
import pytest

from signalscreen.screening.following import contradictions, flagged_of, unanswered_of

NAN = np.nan


def arrays(**changes):
    """Four windows of two classes: quiet, flagged, a gap, no answer."""
    made = {
        "window_start": np.array([0, 100, 200, 300]),
        "window_start_s": np.array([5.0, 6.0, 7.0, 8.0]),
        "gap": np.array([0, 0, 1, 0], np.uint8),
        "probability": np.array([[0.75, 0.25], [0.25, 0.75], [NAN, NAN], [NAN, NAN]], np.float32),
        "logit": np.array([[1, -1], [-1, 1], [NAN, NAN], [NAN, NAN]], np.float32),
        "score": np.array([-1, 1, NAN, NAN], np.float32),
        "target": np.array([1, 1, -1, 1], np.int32),
        "flagged": np.array([0, 1, 0, 0], np.uint8),
        "explained": np.array([0, 1, 0, 0], np.uint8),
        "unanswered": np.array([0, 0, 0, 1], np.uint8),
    }
    return {**made, **changes}


def found(made, rule="flagged", threshold=0.5, alarm=1, rows=None):
    facts = json.dumps({"settings": {"explain": rule}})
    attributes = {"fs": 100.0, "start": 5.0, "alarm": alarm, "threshold": threshold, "facts": facts}
    rows = np.ones(4, bool) if rows is None else np.array(rows, bool)
    return [(one.name, one.rows.tolist()) for one in contradictions(attributes, made, rows)]


def test_what_belongs_together_contradicts_nothing():
    assert found(arrays()) == []
    assert found({name: values for name, values in arrays().items() if name not in ("unanswered", "logit")}) == [
        ("score", [0, 1])  # of logits that are not there
    ]


@pytest.mark.parametrize(
    ("name", "values", "row"),
    [
        ("flagged", [1, 1, 0, 0], 0),
        ("flagged", [0, 0, 0, 0], 1),
        ("flagged", [0, 1, 0, 1], 3),
        ("explained", [0, 0, 0, 0], 1),
        ("unanswered", [0, 0, 0, 0], 3),
        ("unanswered", [0, 0, 1, 1], 2),
        ("score", [-1, 1.5, NAN, NAN], 1),
        ("score", [NAN, 1, NAN, NAN], 0),
        ("score", [-1, 1, 3, NAN], 2),
        ("target", [1, 2, -1, 1], 1),
        ("target", [1, -2, -1, 1], 1),
        ("window_start", [0, 100, 200, -100], 3),
        ("window_start_s", [5, 6, 7.5, 8], 2),
        ("window_start_s", [5, 6, NAN, 8], 2),
        ("gap", [0, 0, 2, 0], 2),
    ],
)
def test_one_value_that_cannot_be_is_found(name, values, row):
    changed = arrays(**{name: np.array(values, arrays()[name].dtype)})
    assert (name, [row]) in found(changed)
    if not name.startswith("window"):
        assert name not in dict(found(changed, rows=np.arange(4) != row))  # not done yet


def test_rules_of_what_is_explained():
    every = arrays(explained=np.array([1, 1, 0, 1], np.uint8))
    assert found(every, "all") == []
    assert found(every, "none") == [("explained", [0, 1, 3])]
    assert found(arrays(), None) == []  # a store that does not say its rule


def test_without_an_alarm_nothing_is_flagged():
    assert found(arrays(), alarm=-1) == [("flagged", [1])]


def test_float32_cannot_tell_on_which_side_of_the_threshold_more_digits_were():
    """A probability of float64 that is above the threshold by less than float32 can say."""
    threshold = 0.75
    just_above = np.float64(threshold) + 1e-12
    assert flagged_of(np.array([[0, just_above]]), 1, threshold).all()
    assert np.float32(just_above) == np.float32(threshold)
    for flagged in (0, 1):
        made = arrays(
            flagged=np.array([0, flagged, 0, 0], np.uint8), explained=np.array([0, flagged, 0, 0], np.uint8)
        )
        assert found(made, threshold=threshold) == []


def test_one_class_without_a_number_is_no_answer():
    probability = np.array([[0.5, NAN], [0.5, 0.5], [np.inf, 0.0]])
    made = {"gap": np.zeros(3), "score": np.zeros(3), "probability": probability}
    assert unanswered_of(made).tolist() == [True, False, True]
