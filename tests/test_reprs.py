"""What is seen of an object that holds arrays: one short line, whatever the arrays are."""

from datetime import datetime

import keras
import numpy as np
import pytest

import signalscreen as ss
from signalscreen.averages.result import Difference
from signalscreen.metrics.deletion import Curve
from signalscreen.metrics.localisation import LocalisationScore
from signalscreen.recording import Annotation, stream_of
from signalscreen.results import Result
from signalscreen.synthesis.result import Inversion, Synthesis

X = np.random.default_rng(0).normal(size=(3600, 2)).astype("float32")
HISTORY = np.zeros((201, 3))
RECORDING = ss.Recording(
    X, 360, ("mV", ""), ("II", "V1"), (Annotation(3, "N"),), 60.0, "mitdb/100", datetime(2026, 3, 1)
)
WEIGHTS = ss.FilterWeights(
    np.zeros((8, 5, 3)), None, np.zeros((8, 3), int), (1,), (1,), (1.0,), "conv1d_2", "Conv1D"
)
MADE = (np.zeros((3, 1250, 1)), np.array([1.0, 7.0, 3.0]), np.array([1.0, 9.0, 3.0]), np.zeros((3, 1250, 1)))
MAPS = {"N": X, "V": X}
LONG = np.zeros(5000)


def net():
    return keras.Sequential([keras.Input((40, 1)), keras.layers.Flatten(), keras.layers.Dense(2)], name="beats")


@pytest.mark.parametrize(
    ("thing", "seen"),
    [
        (RECORDING, "<Recording mitdb/100: 10 s at 360 Hz, II [mV], V1, from 60 s, 1 annotation>"),
        (stream_of(RECORDING), "<Stream mitdb/100: 10 s at 360 Hz, II [mV], V1, from 60 s, 1 annotation>"),
        (ss.Recording(np.zeros((9, 12))), "<Recording: 9 samples, 12 leads>"),
        (Synthesis(*MADE, HISTORY, HISTORY), "<Synthesis: 3 inputs of (1250, 1) after 200 steps, best score 7>"),
        (
            Inversion(MADE[0], np.array([-0.01, -0.04, 0.0]), *MADE[2:], HISTORY, HISTORY),
            "<Inversion: 3 inputs of (1250, 1), features within 20.00%>",
        ),
        (WEIGHTS, "<FilterWeights conv1d_2 (Conv1D): 8 filters of 5, 3 channels, no bias>"),
        (
            ss.ClassAverages(("N", "V"), {"N": 4, "V": 9000}, MAPS, MAPS, MAPS, "saliency", "label", "logit"),
            "<ClassAverages: saliency of label (logit), maps of (3600, 2); 'N' (4), 'V' (9,000)>",
        ),
        (
            Result(X, RECORDING, "grad_cam", {}, "V", "logit", np.arange(9), 720, np.zeros(9), np.zeros(9, int)),
            f"<Result: grad_cam of target V (logit), 9 windows, attribution (3600, 2) of {RECORDING!r}>",
        ),
        (Difference(X, X), "Difference(mean=array (3600, 2) float32, error=array (3600, 2) float32)"),
        (ss.Edit(5, np.zeros((50, 1))), "Edit(start=5, content=array (50, 1) float64, channel=None)"),
        (
            LocalisationScore(LONG, LONG[:2], LONG > 0),
            "LocalisationScore(auc=array (5000,) float64, mass=array([0., 0.]), pointing=array (5000,) bool)",
        ),
        (
            Curve(LONG, LONG, LONG, LONG, LONG),
            "Curve(" + ", ".join(f"{name}=array (5000,) float64" for name in Curve._fields) + ")",
        ),
    ],
)
def test_it_is_one_short_line(thing, seen):
    assert repr(thing) == seen
    assert "\n" not in repr(thing)
    assert len(repr(thing)) < 200


def test_of_a_score_the_model_and_the_target_are_seen():
    score = ss.Score(net(), 1)
    assert repr(score) == "<Score (logit) of model 'beats', target 1>"
    bound, _ = ss.Score(net(), np.zeros(7, int), score="probability").bind(np.zeros((7, 40, 1)))
    assert repr(bound) == "<Score (probability) of model 'beats', target array (7,) int64, bound to 7 examples>"


def test_nothing_at_all_has_a_line_too():
    none = np.zeros((0, 5, 1))
    assert repr(Synthesis(none, *np.zeros((2, 0)), none, np.zeros((1, 0)), np.zeros((1, 0)))).endswith("0 steps>")
    assert repr(ss.ClassAverages((), {}, {}, {}, {}, "saliency", "None", "logit")).startswith("<ClassAverages")
