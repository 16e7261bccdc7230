"""A recording's own laws: spans, leads, resampling, scaling."""

from datetime import datetime
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from signalscreen.errors import OptionError, RecordingError
from signalscreen.recording import NORMALISATIONS, Annotation, Recording, normalise
from signalscreen.recording.resampling import resample_with_gaps


@pytest.fixture
def ecg() -> Recording:
    rng = np.random.default_rng(0)
    return Recording(
        rng.normal(size=(1000, 2)),
        fs=100.0,
        units=("mV", "uV"),
        names=("MLII", "V1"),
        annotations=(
            Annotation(0, "N"),
            Annotation(250, "V", "early"),
            Annotation(400, "~", "noise", end=600),
        ),
        start=5.0,
        source="119",
        began=datetime(2020, 1, 1),
    )


def sine(fs: float, seconds: float, hz: float = 3.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(fs * seconds)) / fs)


def test_one_dimension_is_one_lead_and_defaults_are_named():
    one = Recording(np.arange(5), fs=10)
    assert one.signal.shape == (5, 1)
    assert one.signal.dtype == np.float64
    assert one.names == ("signal",)
    assert one.units == ("",)
    assert Recording(np.zeros((4, 3), np.float32)).names == ("lead 0", "lead 1", "lead 2")
    assert Recording(np.zeros((4, 3), np.float32)).signal.dtype == np.float32
    assert Recording(np.zeros((1, 4, 3))).signal.shape == (4, 3)


def test_duration_and_time(ecg):
    assert ecg.duration == 10.0
    assert len(ecg) == 1000
    np.testing.assert_allclose(ecg.time[[0, -1]], [5.0, 14.99])


def test_recording_cannot_be_changed(ecg):
    with pytest.raises(AttributeError):
        ecg.fs = 3.0


def test_between_is_on_the_clock_of_time_and_moves_annotations(ecg):
    part = ecg.between(7.5, 10.0)
    np.testing.assert_array_equal(part.signal, ecg.signal[250:500])
    assert part.start == 7.5
    assert part.annotations == (Annotation(0, "V", "early"), Annotation(150, "~", "noise", end=250))
    assert part.names == ecg.names
    assert part.began == ecg.began
    tail = part.between(9.5)
    np.testing.assert_array_equal(tail.signal, ecg.signal[450:500])
    assert tail.annotations == (Annotation(0, "~", "noise", end=50),)
    assert ecg.between().signal.shape == ecg.signal.shape


@given(st.integers(0, 998), st.integers(1, 999), st.sampled_from([1.0, 100.0, 360.0, 116.987]))
def test_between_twice_is_between_once(first, more, fs):
    x = Recording(np.arange(1000.0), fs=fs)
    stop = min(first + more, 1000)
    part = x.between(first / fs, stop / fs)
    np.testing.assert_array_equal(part.signal[:, 0], np.arange(first, stop))
    middle = (first + stop) // 2
    if middle > first:
        again = part.between(first / fs, middle / fs)
        np.testing.assert_array_equal(again.signal[:, 0], np.arange(first, middle))


def test_pick_by_name_index_and_digits(ecg):
    assert ecg.pick("V1").names == ("V1",)
    assert ecg.pick("V1").units == ("uV",)
    swapped = ecg.pick(["V1", 0])
    assert swapped.names == ("V1", "MLII")
    np.testing.assert_array_equal(swapped.signal, ecg.signal[:, ::-1])
    assert ecg.pick("1").names == ("V1",)


@pytest.mark.parametrize(("old", "new"), [(360, 125), (100, 250), (250, 250), (30, 100), (116.987, 100.0)])
def test_resampling_keeps_a_sine(old, new):
    before = Recording(3.0 + sine(old, 10), fs=old)
    after = before.resample(new)
    assert after.fs == new
    assert abs(after.duration - before.duration) <= 0.5 / new
    inner = slice(round(new), -round(new))
    expected = 3.0 + np.sin(2 * np.pi * 3.0 * after.time)
    np.testing.assert_allclose(after.signal[inner, 0], expected[inner], atol=3e-3)
    # The ends are mirrored, not dropped to zero: no large swing there.
    assert np.abs(after.signal[:, 0] - expected).max() < 0.35


@pytest.mark.parametrize("new", [50, 125, 333, 720])
def test_a_constant_stays_constant_up_to_gaps_and_ends(new):
    x = np.full(1000, 7.0)
    x[300:420] = np.nan
    after = Recording(x, fs=360).resample(new).signal[:, 0]
    np.testing.assert_allclose(after[np.isfinite(after)], 7.0, rtol=1e-12)


def test_gaps_stay_gaps_at_their_time():
    x = sine(360, 10)
    x[720:1080] = np.nan  # from 2 s to 3 s
    after = Recording(x, fs=360).resample(125)
    gap = np.isnan(after.signal[:, 0])
    assert gap.sum() == 125
    np.testing.assert_allclose(after.time[gap][[0, -1]], [2.0, 3.0 - 1 / 125])


def test_each_lead_keeps_its_own_gap():
    x = np.ones((400, 2))
    x[100:200, 1] = np.nan
    after = Recording(x, fs=100).resample(50).signal
    assert np.isnan(after).sum(axis=0).tolist() == [0, 50]


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 120), st.integers(1, 9))
def test_nothing_rings_across_a_gap(up, down, at, width):
    x = np.random.default_rng(1).normal(size=150)
    x[at : at + width] = np.nan
    quiet, loud = x.copy(), x.copy()
    loud[at + width :] += 1e6
    a = Recording(quiet, fs=down).resample(up).signal
    b = Recording(loud, fs=down).resample(up).signal
    before = np.arange(len(a)) / up < at / down - 1e-9
    np.testing.assert_array_equal(a[before], b[before])


@given(st.integers(1, 400), st.integers(1, 40), st.integers(1, 40), st.data())
def test_resampled_gap_is_where_the_sample_before_is_one(n, up, down, data):
    gaps = data.draw(hnp.arrays(bool, n))
    x = np.where(gaps, np.nan, 1.0)
    after = Recording(x, fs=down).resample(up).signal[:, 0]
    assert len(after) == max(int(Fraction(n * up, down) + Fraction(1, 2)), 1)
    source = np.arange(len(after)) * down // up
    np.testing.assert_array_equal(np.isnan(after), gaps[source])


def test_resampling_agrees_with_scipy_inside():
    from scipy.signal import resample_poly

    x = np.random.default_rng(2).normal(size=2000)
    ours = Recording(x, fs=360).resample(125).signal[:, 0]
    gain = resample_poly(np.ones(2000), 25, 72)  # differs by 1e-3 from phase to phase; ours does not
    theirs = resample_poly(x, 25, 72) / gain
    np.testing.assert_allclose(ours[50:-50], theirs[50 : len(ours) - 50], rtol=1e-12, atol=1e-12)


def test_resampling_moves_annotations(ecg):
    moved = ecg.resample(250).annotations
    assert [a.sample for a in moved] == [0, 625, 1000]
    assert moved[2].end == 1500
    assert ecg.resample(250).start == 5.0
    last = Recording(np.zeros(100), fs=100, annotations=(Annotation(99, "N", end=100),)).resample(30)
    assert last.annotations[0].sample <= len(last) - 1
    assert last.annotations[0].end == len(last)


def test_normalisations_have_their_moments():
    x = np.random.default_rng(3).normal(3, 5, size=(4000, 2)) * [1, 1e-6]
    z = normalise(x, "zscore")
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(z.std(axis=0), 1)
    m = normalise(x, "minmax")
    assert m.min(axis=0).tolist() == [0, 0]
    assert m.max(axis=0).tolist() == [1, 1]
    r = normalise(x, "robust")
    np.testing.assert_allclose(np.median(r, axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(r.std(axis=0), 1, rtol=0.05)  # the scale of a normal's standard deviation


@given(
    st.sampled_from(NORMALISATIONS),
    hnp.arrays(np.float64, (20, 2), elements=st.floats(-1e3, 1e3).map(lambda v: round(v, 3))),
    st.floats(0.1, 100),
    st.floats(-100, 100),
)
def test_normalising_forgets_gain_and_offset(how, x, gain, offset):
    np.testing.assert_allclose(normalise(gain * x + offset, how), normalise(x, how), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("how", NORMALISATIONS)
def test_normalising_skips_gaps_and_zeroes_flat_leads(how):
    x = np.random.default_rng(4).normal(size=(100, 3))
    x[:, 1] = 0.1 + 0.2  # flat
    x[20:30, 0] = np.nan
    x[:, 2] = np.nan
    scaled = normalise(x, how)
    np.testing.assert_array_equal(np.isnan(scaled), np.isnan(x))
    assert (scaled[:, 1] == 0).all()
    kept = np.delete(x[:, :1], np.arange(20, 30), axis=0)
    np.testing.assert_allclose(np.delete(scaled[:, :1], np.arange(20, 30), axis=0), normalise(kept, how))


def test_windows_are_scaled_one_by_one():
    windows = np.random.default_rng(5).normal(size=(3, 50, 2))
    scaled = normalise(windows, "zscore", axis=1)
    np.testing.assert_allclose(scaled[1], normalise(windows[1], "zscore"))


def test_recording_normalise_says_the_new_unit(ecg):
    assert ecg.normalise("zscore").units == ("z-score", "z-score")
    np.testing.assert_allclose(ecg.normalise("zscore").signal, normalise(ecg.signal, "zscore"))
    with pytest.raises(OptionError, match="normalisation 'l2' is not known; choose zscore, minmax, robust"):
        ecg.normalise("l2")


def test_fit_to_does_leads_then_rate_then_scale(ecg):
    fitted = ecg.fit_to(fs=50, leads="V1", normalise="minmax")
    assert fitted.names == ("V1",)
    assert fitted.fs == 50
    assert fitted.signal.shape == (500, 1)
    assert (fitted.signal.min(), fitted.signal.max()) == (0, 1)
    assert ecg.fit_to().signal is ecg.signal


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Recording(np.zeros((0, 2))), "is empty"),
        (lambda: Recording(np.zeros(())), r"shape \(\)"),
        (lambda: Recording(np.zeros((2, 3, 4))), r"shape \(2, 3, 4\).*take one example"),
        (lambda: Recording(np.zeros((1, 300))), "one sample of 300 leads.*transpose"),
        (lambda: Recording(np.array(["a"])), "not real numbers"),
        (lambda: Recording(np.zeros(3, complex)), "not real numbers"),
        (lambda: Recording(np.array([1.0, np.inf])), "infinite"),
        (lambda: Recording(np.zeros(3), fs=0), "sampling rate of 0 is not possible"),
        (lambda: Recording(np.zeros(3), fs=-5), "above 0"),
        (lambda: Recording(np.zeros(3), fs=float("nan")), "above 0"),
        (lambda: Recording(np.zeros(3), fs="fast"), "'fast' is not possible"),
        (lambda: Recording(np.zeros((3, 2)), names=("a",)), "1 names .* 2 leads"),
        (lambda: Recording(np.zeros((3, 2)), units=("a",) * 3), "3 units .* 2 leads"),
        (lambda: Recording(np.zeros(3)).duration, "does not say its sampling rate; give fs"),
        (lambda: Recording(np.zeros(3)).resample(3), "give fs"),
        (lambda: Recording(np.zeros(9), fs=9).resample(0), "above 0"),
        (lambda: Recording(np.zeros(9), fs=1e9).resample(1), "too far below"),
        (lambda: Recording(np.zeros(9), fs=1).between(3, 3), "3 s to 3 s is empty"),
        (lambda: Recording(np.zeros(9), fs=1).between(5, 3), "start before its end"),
        (lambda: Recording(np.zeros(9), fs=1).between(9), "reaches outside .* 0 s to 9 s"),
        (lambda: Recording(np.zeros(9), fs=1).between(end=10), "0 s to 10 s reaches outside"),
        (lambda: Recording(np.zeros(9), fs=1, start=4).between(3), "runs from 4 s to 13 s"),
        (lambda: Recording(np.zeros(9), fs=1).between(3.1, 3.2), "holds no sample at 1 Hz"),
        (
            lambda: Recording(np.zeros((9, 2)), names=("I", "II")).pick("V1"),
            "'V1' is not there; .*0: I, 1: II",
        ),
        (lambda: Recording(np.zeros((9, 2))).pick(2), "lead 2 is not there"),
        (lambda: Recording(np.zeros((9, 2))).pick(-1), "lead -1 is not there"),
        (lambda: Recording(np.zeros((9, 2)), names=("a", "a")).pick("a"), "'a' is there 2 times"),
        (lambda: Recording(np.zeros((9, 2))).pick([]), "no lead was asked for"),
    ],
)
def test_bad_recordings_are_refused_in_one_sentence(make, words):
    with pytest.raises(RecordingError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ratio", [Fraction(16, 45), Fraction(100, 257), Fraction(18, 5), Fraction(1, 2)])
def test_resampling_a_part_gives_the_samples_of_the_whole(ratio):
    x = np.random.default_rng(0).normal(size=(5000, 1)) + 1e4
    up, down = ratio.numerator, ratio.denominator
    first = 1000 // down * down
    whole, part = resample_with_gaps(x, ratio), resample_with_gaps(x[first:4000], ratio)
    beside = int(12 * max(1, ratio)) + 1  # what the ends of the part reach
    here = part[beside:-beside]
    np.testing.assert_array_equal(here, whole[first // down * up + beside :][: len(here)])


@pytest.mark.parametrize("ratio", [Fraction(16, 45), Fraction(100, 257), Fraction(18, 5)])
def test_resampling_keeps_a_level(ratio):
    np.testing.assert_allclose(resample_with_gaps(np.full((900, 1), 1e4), ratio), 1e4, rtol=1e-14)
