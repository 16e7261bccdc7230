"""What a store, its exports, averages and figures call numbers of a model whose probabilities have no logits."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

keras = pytest.importorskip("keras")

import signalscreen as ss  # noqa: E402
from signalscreen.cli import main  # noqa: E402
from signalscreen.errors import ProbabilityWarning, RecordingError  # noqa: E402
from signalscreen.exports import export_results  # noqa: E402
from signalscreen.exports.part import part_of  # noqa: E402
from signalscreen.report.worst import worst_windows  # noqa: E402
from signalscreen.results import load_result  # noqa: E402
from signalscreen.screening import store  # noqa: E402
from tests.screening.nets import recording, softmax_net  # noqa: E402

pytestmark = pytest.mark.usefixtures("short_shards")


def committee():
    """The mean of two softmaxes: it has no logits."""
    x = keras.Input((80, 2))
    one = softmax_net()
    return keras.Model(x, keras.layers.Average()([one(x), keras.ops.softmax(2 * one(x))]))


@pytest.fixture(scope="module")
def screened(tmp_path_factory):
    out = tmp_path_factory.mktemp("committee") / "s.zarr"
    with pytest.warns(ProbabilityWarning, match="is computed from probabilities") as caught:
        ds = ss.screen_recording(recording(), committee(), ["saliency"], out=out, alarm=1)
    assert len(caught) == 1
    return out, ds


def test_a_store_says_probability_and_keeps_no_logits(screened):
    _, ds = screened
    assert ds.attribution_saliency.attrs["units"] == "probability"
    assert "logit" not in ds
    np.testing.assert_allclose(ds.score.values, ds.probability.values.max(axis=1))
    np.testing.assert_array_equal(ds.target.values, ds.probability.values.argmax(axis=1))


def test_a_store_that_lost_its_logits_is_damaged(screened, tmp_path):
    out, _ = screened
    group = store.opened(out, "r+")
    group.attrs["has_logit"] = True
    try:
        with pytest.raises(RecordingError, match="it has no logit"):
            ss.open_results(out)
    finally:
        group.attrs["has_logit"] = False


def test_exports_and_the_report_say_probability(screened, tmp_path):
    out, ds = screened
    export_results(out, tmp_path / "a.npz", "npz", method="saliency")
    assert load_result(tmp_path / "a.npz").score == "probability"
    export_results(out, tmp_path / "a.csv", "csv")
    header = (tmp_path / "a.csv").read_text().splitlines()[0]
    assert "probability_0" in header
    assert "logit" not in header
    found = worst_windows([part_of(str(out))], 3)
    assert found[0].value == np.nanmax(ds.probability.values[:, 1])
    ss.write_report(out, tmp_path / "report.html")
    page = re.sub(r"<[^>]*>", "", (tmp_path / "report.html").read_text())
    assert "probability a sample" in page
    assert "logit a sample" not in page


def test_averages_say_probability():
    model, x = committee(), np.random.default_rng(0).normal(size=(6, 80, 2)).astype("float32")
    with pytest.warns(ProbabilityWarning):
        found = ss.class_averages(model, x, [0, 1, 2, 0, 1, 2])
    assert found.score == "probability"
    assert ss.class_averages(softmax_net(), x, [0, 1, 2, 0, 1, 2]).score == "logit"


def test_results_of_the_command_say_probability(tmp_path: Path):
    committee().save(tmp_path / "m.keras")
    ecg = recording(samples=400)
    np.savez(tmp_path / "ecg.npz", signal=ecg.signal, fs=ecg.fs, names=ecg.names, units=ecg.units)
    arguments = ["explain", str(tmp_path / "m.keras"), str(tmp_path / "ecg.npz"), "--target", "1", "--save", "npz"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ProbabilityWarning)
        done = CliRunner().invoke(main, [*arguments, "--method", "saliency", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert load_result(tmp_path / "ecg_saliency.npz").score == "probability"
