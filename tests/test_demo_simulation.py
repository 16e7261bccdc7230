"""The simulated ECG and its artefacts: what they promise, as laws over seeds."""

import numpy as np
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import welch

from signalscreen.demo import example
from signalscreen.errors import InputError, OptionError, OutputError
from signalscreen.recording import read_recording
from signalscreen.simulate import ARTEFACTS, Artefact, add_artefacts, artefact_mask, simulate_ecg
from signalscreen.simulate.noise import band_noise

SEEDS = st.integers(0, 2**31)


@given(SEEDS)
@settings(max_examples=15, deadline=None)
def test_r_peaks_are_where_they_are_said_to_be(seed):
    ecg = simulate_ecg(20, 250, seed)
    for beat, symbol in zip(ecg.beats, ecg.symbols, strict=True):
        if symbol == "N" and 15 <= beat < ecg.signal.size - 15:
            around = ecg.signal[beat - 15 : beat + 16]
            assert abs(int(np.argmax(around)) - 15) <= 2


@pytest.mark.parametrize("heart_rate", [50, 68, 110])
def test_heart_rate_is_the_one_asked_for_and_varies(heart_rate):
    ecg = simulate_ecg(300, 125, 4, heart_rate=heart_rate, ventricular=0)
    rr = np.diff(ecg.beats) / 125
    assert 60 / rr.mean() == pytest.approx(heart_rate, rel=0.02)
    assert 0.02 < rr.std() / rr.mean() < 0.07


def test_ventricular_beats_come_early_and_are_followed_by_a_pause():
    ecg = simulate_ecg(600, 125, 2, ventricular=0.1)
    rr = np.diff(ecg.beats) / 125
    early = np.array([i for i, s in enumerate(ecg.symbols[:-1]) if s == "V" and i > 0])
    assert early.size > 20
    assert np.all(rr[early - 1] < 0.8 * np.median(rr))
    assert np.all(rr[early] > 1.1 * np.median(rr))


def test_same_seed_same_ecg_and_another_seed_another():
    a, b, c = simulate_ecg(5, seed=1), simulate_ecg(5, seed=1), simulate_ecg(5, seed=2)
    assert np.array_equal(a.signal, b.signal)
    assert not np.array_equal(a.signal, c.signal)


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"seconds": 5, "fs": -1}, {"seconds": 5, "heart_rate": 0}])
def test_an_impossible_ecg_is_refused(wrong):
    with pytest.raises(InputError, match="positive"):
        simulate_ecg(**wrong)


@pytest.mark.parametrize("kind", ARTEFACTS)
@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_an_artefact_changes_its_interval_and_nothing_else(kind, seed):
    ecg = simulate_ecg(10, 250, 3).signal
    spoiled = add_artefacts(ecg, 250, [Artefact(kind, 3.0, 7.0)], seed)
    inside = artefact_mask([Artefact(kind, 3.0, 7.0)], ecg.size, 250)
    assert np.array_equal(spoiled[~inside], ecg[~inside])
    assert np.isfinite(spoiled).all()
    assert np.std(spoiled[inside] - ecg[inside]) > 0.05  # mV: not to be overlooked


def test_artefacts_do_not_depend_on_those_after_them():
    ecg = simulate_ecg(20, 250, 3).signal
    first, second = Artefact("muscle", 2, 5), Artefact("electrode_motion", 10, 14)
    alone, both = (add_artefacts(ecg, 250, a, seed=9) for a in ([first], [first, second]))
    assert np.array_equal(alone[:2500], both[:2500])


def test_lead_off_is_flat_and_saturation_has_ceilings():
    ecg = simulate_ecg(10, 250, 3).signal
    off = add_artefacts(ecg, 250, [Artefact("lead_off", 2, 8)], 1)[500:2000]
    assert np.ptp(off) < 0.05
    clipped = add_artefacts(ecg, 250, [Artefact("saturation", 2, 8)], 1)[500:2000]
    assert np.mean(clipped == clipped.max()) > 0.05
    assert np.mean(clipped == clipped.min()) > 0.05


def test_wrong_artefacts_are_refused_by_name():
    ecg = np.zeros(1000)
    with pytest.raises(OptionError, match="electrode_motion"):
        add_artefacts(ecg, 100, [Artefact("earthquake", 1, 2)])
    with pytest.raises(InputError, match="not inside the ECG of 10 s"):
        add_artefacts(ecg, 100, [Artefact("muscle", 8, 12)])


def test_band_noise_has_unit_variance_in_its_band():
    noise = band_noise(200_000, 250, 5, 20, np.random.default_rng(0))
    frequency, power = welch(noise, 250, nperseg=2048)
    inside = (frequency > 4) & (frequency < 24)
    assert noise.std() == pytest.approx(1, rel=0.1)
    assert power[inside].sum() / power.sum() > 0.9


def test_the_example_round_trips_through_wfdb(tmp_path):
    record = example.write_example(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ecg.atr", "ecg.dat", "ecg.hea"]
    ecg = simulate_ecg(example.SECONDS, example.FS, example.SEED)
    truth = add_artefacts(ecg.signal, example.FS, example.ARTEFACTS, example.SEED)

    read = read_recording(record)
    assert (read.fs, read.units, read.names) == (360, ("mV",), ("II",))
    np.testing.assert_allclose(read.signal[:, 0], truth, atol=0.5e-3 + 1e-9)  # half a unit of 1/1000 mV

    annotation = wfdb.rdann(str(record), "atr")
    beats = [s for s, y in zip(annotation.sample, annotation.symbol, strict=True) if y != "~"]
    assert beats == ecg.beats.tolist()
    marks = [
        (s / example.FS, note.rstrip("\x00"))
        for s, y, note in zip(annotation.sample, annotation.symbol, annotation.aux_note, strict=True)
        if y == "~"
    ]
    expected = [m for a in example.ARTEFACTS for m in ((a.start, f"({a.kind}"), (a.end, "(clean"))]
    assert marks == expected


def test_the_example_is_the_same_each_time(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
        example.write_example(folder)
    for ending in ("dat", "atr", "hea"):
        assert (first / f"ecg.{ending}").read_bytes() == (second / f"ecg.{ending}").read_bytes()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match="nowhere"):
        example.write_example(tmp_path / "nowhere")
