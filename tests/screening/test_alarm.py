"""A window raises the alarm where its probability is above the threshold, not where it just reaches it."""

import numpy as np
import pytest

keras = pytest.importorskip("keras")

import signalscreen as ss  # noqa: E402
from tests.screening.nets import quality_net, recording, softmax_net  # noqa: E402


def undecided(model):
    """Every window as probable as the others, but for the last digit of a softmax: all weights are zero."""
    model.set_weights([0 * w for w in model.get_weights()])
    return model


@pytest.mark.parametrize(
    ("make", "alarm", "about"),
    [(quality_net, 0, 0.5), (lambda: softmax_net(leads=1, classes=4), 3, 0.25)],
    ids=["sigmoid", "softmax"],
)
def test_a_window_is_flagged_above_the_threshold(tmp_path, make, alarm, about):
    model, ecg = undecided(make()), recording(samples=400, leads=1)
    options = {"target": 0, "alarm": alarm, "progress": False}
    before = ss.screen_recording(ecg, model, out=tmp_path / "s.zarr", explain="none", **options)
    probability = before.probability.values[:, alarm]
    np.testing.assert_allclose(probability, about, rtol=1e-6)
    least, most = probability.min(), probability.max()
    for threshold, expected in ((most, False), (np.nextafter(least, np.float32(0)), True)):
        out = tmp_path / f"{expected}.zarr"
        ds = ss.screen_recording(ecg, model, out=out, threshold=float(threshold), explain="flagged", **options)
        np.testing.assert_array_equal(ds.probability.values[:, alarm], probability)
        np.testing.assert_array_equal(ds.flagged.values.astype(bool), expected)
        np.testing.assert_array_equal(ds.explained.values.astype(bool), expected)
        assert np.isfinite(ds.attribution_saliency.values).all() == expected


def test_no_threshold_of_one_is_ever_exceeded(tmp_path):
    model = undecided(quality_net())
    model.layers[-1].set_weights([np.zeros((4, 1)), np.full(1, 50.0)])  # the sigmoid rounds to one
    ds = ss.screen_recording(
        recording(samples=400, leads=1), model, out=tmp_path / "s.zarr", target=0, threshold=1.0, progress=False
    )
    np.testing.assert_array_equal(ds.probability.values, 1.0)
    assert not ds.flagged.values.any()
