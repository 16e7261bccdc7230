"""A minute of a real ECG, screened by the network that ships: exported beside its record, and reported."""

from pathlib import Path

import numpy as np
import pytest
import wfdb

import signalscreen as ss
from signalscreen.exports import flagged_spans
from signalscreen.exports.part import part_of

MODEL = Path(__file__).parents[2] / "data" / "ecg_quality.keras"
START, END = 680, 740


@pytest.fixture(scope="module")
def store(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("keras")
    path = tmp_path_factory.mktemp("real") / "106.zarr"
    how = {"resample": 125, "normalise": "zscore", "each_lead": True, "target": 0, "explain": "flagged"}
    ss.screen_recording(real_data / "mitdb" / "106", MODEL, out=path, start=START, end=END, progress=False, **how)
    return path


def test_the_track_lies_on_the_samples_of_the_record(store: Path, real_data: Path, tmp_path: Path) -> None:
    ss.export_results(store, tmp_path / "106_why", "wfdb-track")
    track = wfdb.rdrecord(str(tmp_path / "106_why"), sampfrom=START * 360, sampto=END * 360)
    record = wfdb.rdrecord(str(real_data / "mitdb" / "106"), sampfrom=START * 360, sampto=END * 360)
    assert track.sig_name == ["MLII", "MLII_saliency", "V1", "V1_saliency"]
    for lead, at in ((0, 0), (1, 2)):
        step = 1 / track.adc_gain[at]
        np.testing.assert_allclose(track.p_signal[:, at], record.p_signal[:, lead], rtol=0, atol=0.51 * step)
        assert step < 1 / record.adc_gain[lead] / 10  # finer than the converter's
        stored = ss.open_results(store).attribution_saliency.values[:, lead]
        read = track.p_signal[:, at + 1]
        np.testing.assert_allclose(read, stored, rtol=0, atol=0.51 / track.adc_gain[at + 1])  # NaN where it is NaN
        assert np.isfinite(read).any() == (lead == 1)  # V1 is flagged, MLII is not


def test_annotations_lie_on_the_samples_of_the_record(store: Path, tmp_path: Path) -> None:
    ss.export_results(store, tmp_path / "106.flg", "wfdb-ann")
    found = wfdb.rdann(str(tmp_path / "106"), "flg")
    (span, *_) = flagged_spans(part_of(str(store)))
    assert found.sample[0] == START * 360 + span.start
    assert found.aux_note[0].startswith("(flagged #0 lead=V1: artefact 0.9")


def test_the_report_of_it(store: Path, tmp_path: Path) -> None:
    text = ss.write_report(store, tmp_path / "106.html", worst=2).read_text(encoding="utf-8")
    assert "Screening of 106" in text
    assert text.count("<svg") == 3
    assert "not explained" not in text.split("Worst windows")[1].split("<figcaption>")[1]
