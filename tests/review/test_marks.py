"""Annotations, beats and bad signal in a span."""

from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from signalscreen.errors import InputError
from signalscreen.recording import Annotation, read_recording
from signalscreen.review.beats import beats
from signalscreen.review.marks import marks
from signalscreen.review.record import StoredRecord, open_records
from signalscreen.simulate import simulate_ecg

from .stores import FS, write_store


def _opened(path: Path) -> StoredRecord:
    return next(iter(open_records(path).values()))


def _near(found: np.ndarray, wanted: np.ndarray, within: float) -> float:
    """Share of `wanted` with a peak nearby."""
    return float(np.mean([len(found) > 0 and np.abs(found - one).min() <= within for one in wanted]))


def test_simulated_beats_are_found() -> None:
    ecg = simulate_ecg(60, 250, 3)
    found = beats(ecg.signal, 250, "II")
    inner = np.array([beat for beat, symbol in zip(ecg.beats, ecg.symbols, strict=True) if symbol == "N"][1:-1])
    assert _near(found, inner, 0.01 * 250) == 1
    # A ventricular beat has no sharp peak; 0.15 s is what the standard for such detectors allows (EC57).
    assert _near(found, ecg.beats[1:-1], 0.15 * 250) == 1
    assert _near(ecg.beats, found, 0.15 * 250) == 1


@pytest.mark.parametrize("name", ["100", "106", "119", "222"])
def test_real_beats_are_found(real_data: Path, name: str) -> None:
    record = read_recording(real_data / "mitdb" / name, start=60, end=120)
    wanted = np.array([a.sample for a in record.annotations if a.symbol in set("NLRAVjJaFfe/")])
    found = beats(record.signal[:, 0], 360, "MLII")
    assert _near(found, wanted, 0.15 * 360) >= 0.98
    assert _near(wanted, found, 0.15 * 360) >= 0.98


def test_a_real_pulse_wave_has_its_beats(real_data: Path) -> None:
    x = np.genfromtxt(real_data / "heartpy_ppg" / "data.csv", delimiter=",", skip_header=1)
    found = beats(x if x.ndim == 1 else x[:, -1], 100, "PPG")
    assert len(found) == 24  # counted in a drawing of the 25 s
    assert 50 < 6000 / np.median(np.diff(found)) < 70


@pytest.mark.parametrize("seed", range(20))
def test_noise_has_no_beats(seed: int) -> None:
    assert len(beats(np.random.default_rng(seed).normal(size=7200), 360)) == 0


@given(
    arrays(np.float32, st.integers(0, 1500), elements=st.floats(width=32)),
    st.sampled_from([1.0, 30.0, 100.0, 360.0]),
)
@settings(deadline=None, max_examples=60)
def test_nothing_makes_it_fail(signal: np.ndarray, fs: float) -> None:
    for name in ("II", "PPG"):
        found = beats(signal, fs, name)
        assert (np.diff(found) > 0).all()
        assert np.isfinite(signal[found]).all()


def test_the_record_says_where_its_beats_are(tmp_path: Path) -> None:
    own = tuple(
        Annotation(s, w, n, e)
        for s, w, n, e in [(100, "N", "", None), (250, "+", "(AF", 900), (700, "V", "x", None)]
    )
    record = _opened(write_store(tmp_path / "a.zarr", n=3000, annotations=own))
    found = marks(record, 200, 800)
    assert found["peaks"] == [700]
    assert (found["peaks_from"], found["peaks_lead"]) == ("record", "")
    assert found["annotations"] == [
        {"sample": 250, "end": 900, "symbol": "+", "note": "(AF", "beat": False},
        {"sample": 700, "end": -1, "symbol": "V", "note": "x", "beat": True},
    ]
    assert [a["symbol"] for a in marks(record, 850, 2000)["annotations"]] == ["+"]  # it reaches in
    assert marks(record, 900, 901)["annotations"] == marks(record, 850, 2000)["annotations"]


def test_beats_are_left_out_of_too_many_annotations(tmp_path: Path) -> None:
    own = (*(Annotation(s, "N", "") for s in range(6000)), Annotation(6000, "~", "noise"))
    found = marks(_opened(write_store(tmp_path / "a.zarr", n=7000, annotations=own)), 0, 7000)
    assert [a["symbol"] for a in found["annotations"]] == ["~"]
    assert found["left_out"] == 6000


def test_beats_are_found_where_no_annotation_has_them(tmp_path: Path) -> None:
    path = write_store(tmp_path / "a.zarr", n=6000)
    ecg = simulate_ecg(60, FS, 1)
    signal = np.stack([ecg.signal, np.zeros(6000)], axis=1)
    zarr.open_group(path, mode="r+")["signal"][:] = signal
    record = _opened(path)
    whole = marks(record, 0, 6000)
    assert (whole["peaks_from"], whole["peaks_lead"]) == ("detected", "II")
    assert _near(np.array(whole["peaks"]), ecg.beats[1:-1], 0.15 * FS) == 1
    one = marks(record, 3000, 3060)  # less than a beat long: the detector sees more than is asked for
    assert one["peaks"] == [p for p in whole["peaks"] if 3000 <= p < 3060]
    assert marks(record, 9000, 9010)["peaks"] == []


def test_long_spans_are_not_searched(tmp_path: Path) -> None:
    found = marks(_opened(write_store(tmp_path / "a.zarr", n=20_000)), 0, 20_000)
    assert (found["peaks"], found["peaks_from"]) == ([], "none")


def test_bad_signal_is_said_by_run(tmp_path: Path) -> None:
    path = write_store(tmp_path / "a.zarr", n=3000)
    bad = zarr.open_group(path, mode="r+")["bad"]
    bad[100:200, 1] = 1
    bad[150:200, 1] = 3
    found = marks(_opened(path), 120, 1000)["bad"]
    assert [(b["lead"], b["start"], b["stop"], b["what"]) for b in found] == [
        (1, 120, 150, "flat"),
        (1, 150, 200, "flat clipped"),
    ]


def test_a_span_without_length_is_refused(tmp_path: Path) -> None:
    record = _opened(write_store(tmp_path / "a.zarr", n=3000))
    with pytest.raises(InputError, match="later end"):
        marks(record, 10, 10)
