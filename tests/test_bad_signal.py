"""Where a signal is bad: every kind made on purpose, real recordings, and the law of slices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import signalscreen as ss
from signalscreen.errors import InputError, OptionError
from signalscreen.quality import FLAG_ATTRIBUTES, FLAGS, MARGIN, names_of, shares_of, sums_on_bad
from signalscreen.simulate import Artefact, add_artefacts, simulate_ecg

FS = 360
STEP = 0.005  # mV: of the simulated converter


@pytest.fixture(scope="module")
def clean():
    """A minute of simulated ECG, in steps of a converter."""
    return np.round(simulate_ecg(60, FS, seed=3).signal / STEP) * STEP


def share(marks, name, first=0.0, last=None):
    part = marks[round(first * FS) : None if last is None else round(last * FS)]
    return float(((part & FLAGS[name]) > 0).mean())


def test_a_clean_ecg_is_not_bad(clean):
    marks = ss.bad_signal(clean, FS)
    assert marks.shape == (len(clean), 1)
    assert marks.dtype == np.uint8
    assert not marks.any()


def test_names_and_masks_say_what_a_reader_needs():
    assert FLAG_ATTRIBUTES["flag_masks"] == [1, 2, 4, 8, 16]
    assert FLAG_ATTRIBUTES["flag_meanings"].split() == ["flat", "clipped", "saturated", "lead_off", "low_quality"]
    assert names_of(17) == ["flat", "low_quality"]


@pytest.mark.parametrize(("seconds", "flat", "off"), [(0.9, False, False), (1.5, True, False), (3.0, True, True)])
def test_flat_lines_are_marked_by_how_long_they_are(clean, seconds, flat, off):
    ecg = clean.copy()
    ecg[20 * FS : round((20 + seconds) * FS)] = ecg[20 * FS]
    marks = ss.bad_signal(ecg, FS)
    for name, expected in (("flat", flat), ("lead_off", off)):
        assert share(marks, name, 20, 20 + seconds) == float(expected)
        assert share(marks, name) == pytest.approx(seconds / 60 * expected, abs=0.01)


def test_a_line_that_moves_by_one_step_is_flat_where_the_step_is_known(clean):
    ecg = clean.copy()
    ecg[20 * FS : 22 * FS] = STEP * (np.arange(2 * FS) // 7 % 2)
    assert share(ss.bad_signal(ecg, FS), "flat") == 0
    assert share(ss.bad_signal(ecg, FS, resolution=STEP), "flat", 20, 22) == 1


def test_a_slow_ramp_is_not_flat(clean):
    ecg = clean.copy()
    ecg[20 * FS : 24 * FS] = STEP * (np.arange(4 * FS) // 4)
    assert share(ss.bad_signal(ecg, FS, resolution=STEP), "flat") == 0


def test_tops_cut_off_are_clipped_and_round_ones_are_not(clean):
    ecg = np.minimum(clean, 0.7)
    marks = ss.bad_signal(ecg, FS)[:, 0]
    assert share(marks, "clipped") > 0
    at = (marks & FLAGS["clipped"]) > 0
    assert set(ecg[at]) == {0.7}
    assert at.sum() > 0.9 * (ecg == 0.7).sum()
    assert share(marks, "saturated") == share(ss.bad_signal(clean, FS), "clipped") == 0


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("share_of_range", "is_rail"), [(0.1, 0), (0.2, 0), (0.24, 0), (0.26, 1), (0.4, 1)])
def test_an_extreme_within_a_quarter_of_the_range_of_the_median_is_a_baseline(share_of_range, is_rail, sign):
    depth = share_of_range / (1 - share_of_range)  # the range is 1 + depth
    wave = np.r_[np.zeros(200), np.hanning(60), np.full(15, -depth), np.zeros(25)]  # the median is 0
    marks = ss.bad_signal(sign * np.tile(wave, 24), FS, kind="other")[:, 0] & FLAGS["clipped"]
    np.testing.assert_array_equal(marks > 0, np.tile(wave < 0, 24) & bool(is_rail))


def test_known_limits_need_no_second_touch(clean):
    ecg = clean.copy()
    ecg[30 * FS : 30 * FS + 20] = 5.0
    assert share(ss.bad_signal(ecg, FS), "clipped") == 0
    marks = ss.bad_signal(ecg, FS, limits=(-5.12, 5.0))[:, 0]
    assert np.flatnonzero(marks & FLAGS["clipped"]).tolist() == list(range(30 * FS, 30 * FS + 20))


def test_limits_that_are_not_known_are_none(clean):
    both = np.stack([clean, clean], axis=1)
    for limits in ([None, (-1.0, 0.9)], np.array([[np.nan, np.nan], [-1.0, 0.9]])):
        marks = ss.bad_signal(both, FS, limits=limits)
        assert not marks[:, 0].any()
        assert share(marks[:, 1], "clipped") > 0


@pytest.mark.parametrize("rail", [-4.0, 4.0])
def test_a_stuck_amplifier_is_saturated_and_after_two_seconds_off(clean, rail):
    ecg = clean.copy()
    ecg[11 * FS : 12 * FS - 1] = ecg[31 * FS : 34 * FS] = rail
    for limits in (None, (-4.0, 4.0)):
        marks = ss.bad_signal(ecg, FS, limits=limits)
        for first, last, off in ((11, 12 - 1 / FS, 0), (31, 34, 1)):
            assert share(marks, "saturated", first, last) == 1
            assert share(marks, "lead_off", first, last) == off
        assert share(marks, "saturated") == pytest.approx(4 / 60, abs=1e-3)


def test_an_open_input_is_off_whether_it_hums_or_not(clean):
    rng = np.random.default_rng(0)
    t = np.arange(10 * FS) / FS
    for hum in (0.0, 0.5):
        ecg = clean.copy()
        ecg[20 * FS : 30 * FS] = hum * np.sin(2 * np.pi * 50 * t) + 0.002 * rng.standard_normal(t.size)
        marks = ss.bad_signal(ecg, FS)
        assert share(marks, "lead_off", 20, 30) == 1
        assert share(marks, "lead_off") == pytest.approx(1 / 6, abs=0.01)


def test_how_small_an_ecg_may_be_follows_its_units(clean):
    for units, factor in (("mV", 1.0), ("uV", 1000.0), ("V", 0.001)):
        assert not ss.bad_signal(factor * clean, FS, units=units).any()
    assert share(ss.bad_signal(0.001 * clean, FS), "lead_off") == 1  # volts said to be millivolts
    assert not ss.bad_signal(0.001 * clean, FS, units="").any()
    both = ss.bad_signal(np.stack([clean, 0.001 * clean], axis=1), FS, units=("mV", "V"))
    assert not both.any()


@pytest.mark.parametrize("kind", ["electrode_motion", "muscle", "mains", "baseline_jump"])
def test_artefacts_put_in_are_of_low_quality(clean, kind):
    found = []
    for seed in range(5):
        marks = ss.bad_signal(add_artefacts(clean, FS, [Artefact(kind, 20, 40)], seed), FS)
        found.append(share(marks, "low_quality", 20, 40))
        assert share(marks, "low_quality", 0, 15) == share(marks, "low_quality", 45, 60) == 0
    assert np.mean(found) > (0.3 if kind == "baseline_jump" else 0.75)


def test_other_signals_have_no_index_of_quality(clean):
    noise = np.random.default_rng(0).standard_normal(20 * FS)
    assert share(ss.bad_signal(noise, FS), "low_quality") == 1
    assert not ss.bad_signal(noise, FS, kind="other").any()


def test_a_pulse_wave_is_good_and_its_spikes_are_not():
    t = np.arange(60 * 50) / 50
    pulse = np.sin(2 * np.pi * 1.2 * t) + 0.4 * np.sin(2 * np.pi * 2.4 * t - 1)
    assert not ss.bad_signal(pulse, 50, kind="ppg").any()
    assert share(ss.bad_signal(pulse, 50), "low_quality") == 0  # steady enough
    pulse[[1020, 1080, 1130]] += 30
    marks = ss.bad_signal(pulse, 50, kind="ppg")[:, 0]
    assert np.flatnonzero(marks).tolist() == list(range(1000, 1250))
    noise = np.random.default_rng(0).standard_normal(3000)
    assert (ss.bad_signal(noise, 50, kind="ppg") & FLAGS["low_quality"]).mean() > 0.9 * FLAGS["low_quality"]


@pytest.mark.parametrize(("second", "low"), [(2.4, False), (3.6, True)])
def test_the_power_of_a_pulse_is_that_of_its_rate_and_its_double(second, low):
    """A rate has 0.3 of the power. With its double it has 0.55, more than the 0.4 that is asked for."""
    t = np.arange(50 * 50) / 50
    lines = {1.2: 0.3, second: 0.25, 4.8: 0.15, 6.0: 0.15, 7.2: 0.15}
    pulse = sum(np.sqrt(2 * power) * np.sin(2 * np.pi * f * t + f) for f, power in lines.items())
    marks = ss.bad_signal(pulse, 50, kind="ppg")
    np.testing.assert_array_equal(marks, FLAGS["low_quality"] * low)


@pytest.mark.parametrize(
    ("size", "share_of_hum", "off"), [(0.048, 1, 1), (0.052, 1, 0), (0, 0.88, 0), (0, 0.92, 1)]
)
def test_hum_is_an_open_input_if_it_is_nine_tenths_of_all_and_a_heart_would_be_smaller_than_a_sine(
    size, share_of_hum, off
):
    """Beside hum of 1 mV a sine at 10 Hz, peak to peak in mV, or one at 90 Hz that takes a share of the power."""
    t = np.arange(20 * FS) / FS
    fast = np.sqrt((1 - share_of_hum) / share_of_hum) * np.sin(2 * np.pi * 90 * t)
    x = np.sin(2 * np.pi * 50 * t) + fast + size / 2 * np.sin(2 * np.pi * 10 * t)
    assert share(ss.bad_signal(x, FS), "lead_off") == off


def test_gaps_are_never_bad_and_do_not_hide_what_is(clean):
    ecg = add_artefacts(clean, FS, [Artefact("muscle", 20, 30)])
    gapped = ecg.copy()
    gapped[22 * FS : 23 * FS] = gapped[50 * FS :] = np.nan
    marks, whole = ss.bad_signal(gapped, FS)[:, 0], ss.bad_signal(ecg, FS)[:, 0]
    gaps = np.isnan(gapped)
    assert not marks[gaps].any()
    assert (marks[~gaps] == whole[~gaps]).all()
    assert not ss.bad_signal(np.full(3000, np.nan), FS).any()


def test_leads_are_judged_alone_and_any_real_dtype_is_taken(clean):
    flat = np.zeros_like(clean)
    both = ss.bad_signal(np.stack([clean, flat], axis=1), FS)
    assert (both[:, :1] == ss.bad_signal(clean, FS)).all()
    assert (both[:, 1] == FLAGS["flat"] + FLAGS["lead_off"]).all()
    adc = np.round(clean / STEP).astype(np.int16)
    assert (ss.bad_signal(adc, FS, units="adu") == ss.bad_signal(clean, FS)).all()
    for n in (1, 2, 3, 50):
        assert ss.bad_signal(clean[:n].astype(np.float32), FS).shape == (n, 1)


# ---- the law of slices


def spoiled(seed, n):
    """A signal with whatever may happen to it, anywhere."""
    rng = np.random.default_rng(seed)
    x = simulate_ecg(n / 100, 100, seed).signal[:n]
    for _ in range(rng.integers(1, 8)):
        first = rng.integers(0, n)
        part = slice(first, first + rng.integers(1, 1500))
        length = len(x[part])
        changes = (
            np.full(length, x[first]),
            np.clip(x[part], *sorted(rng.normal(0, 0.5, 2))),
            np.full(length, rng.choice([-3.0, 3.0])),
            np.full(length, np.nan),
            x[part] + 0.5 * rng.standard_normal(length),
            0.01 * rng.standard_normal(length),
            np.sin(2 * np.pi * 0.5 * np.arange(length)),  # 50 Hz of 100
            x[part] + np.cumsum(0.2 * rng.standard_normal(length)),
        )
        x[part] = changes[rng.integers(len(changes))]
    return np.round(x, 2) if rng.uniform() < 0.5 else x


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 9000),
    slice_length=st.integers(300, 4000),
    kind=st.sampled_from(["ecg", "ppg", "other"]),
    resolution=st.sampled_from([0.0, 0.01]),
    limits=st.sampled_from([None, (-3.0, 3.0)]),
)
def test_a_recording_judged_by_slices_has_the_flags_of_the_whole(seed, n, slice_length, kind, resolution, limits):
    x = spoiled(seed, n)
    options = {"kind": kind, "resolution": resolution, "limits": limits}
    whole = ss.bad_signal(x, 100, **options)
    margin = round(MARGIN * 100)
    for first in range(0, n, slice_length):
        begin, end = max(first - margin, 0), min(first + slice_length + margin, n)
        part = ss.bad_signal(x[begin:end], 100, first=begin, **options)
        kept = part[first - begin : first - begin + slice_length]
        assert (kept == whole[first : first + slice_length]).all()


# ---- bad input


@pytest.mark.parametrize(
    ("signal", "fs", "options", "error", "named"),
    [
        (np.zeros((0, 2)), 360, {}, InputError, r"\(0, 2\)"),
        (np.zeros((2, 3, 4)), 360, {}, InputError, r"\(2, 3, 4\)"),
        (np.array(["a"]), 360, {}, InputError, "<U1"),
        (np.array([0.0, np.inf]), 360, {}, InputError, "infinite"),
        (np.zeros(9), 0, {}, InputError, "fs is 0"),
        (np.zeros(9), float("nan"), {}, InputError, "fs is nan"),
        (np.zeros(9), 360, {"kind": "eeg"}, OptionError, "ecg, ppg, other"),
        (np.zeros((9, 2)), 360, {"units": ["mV"]}, OptionError, "1 units were given for 2 leads"),
        (np.zeros((9, 2)), 360, {"resolution": [1, 2, 3]}, OptionError, "3 resolutions were given for 2 leads"),
        (np.zeros((9, 2)), 360, {"limits": [(0, 1)]}, OptionError, "1 limits were given for 2 leads"),
        (np.zeros((9, 2)), 360, {"limits": (1, 0)}, OptionError, r"limits \(1, 0\)"),
    ],
)
def test_bad_input_is_named(signal, fs, options, error, named):
    with pytest.raises(error, match=named):
        ss.bad_signal(signal, fs, **options)


# ---- relevance on bad signal


def test_shares_are_of_what_was_explained():
    attribution = np.array([[3.0, 1.0], [-1.0, np.nan], [0.0, 0.0], [2.0, 1.0]])
    bad = np.array([[16, 0], [1, 31], [0, 16], [0, 0]], dtype=np.uint8)
    shares = ss.share_on_bad(attribution, bad)
    assert list(shares) == [*FLAGS, "any"]
    assert shares["low_quality"] == (3 / 8, 2 / 7)
    assert shares["flat"] == (1 / 8, 1 / 7)
    assert shares["any"] == (4 / 8, 3 / 7)
    assert shares["saturated"] == (0, 0)


def test_a_map_that_knows_nothing_has_the_share_of_time():
    rng = np.random.default_rng(0)
    shares = ss.share_on_bad(rng.standard_normal(200_000), np.where(rng.uniform(size=200_000) < 0.3, 2, 0))
    assert shares["clipped"].relevance == pytest.approx(shares["clipped"].time, abs=0.005)


def test_sums_of_slices_add_up():
    rng = np.random.default_rng(1)
    attribution, bad = rng.standard_normal((1000, 2)), rng.integers(0, 32, (1000, 2))
    sums = sum(sums_on_bad(attribution[i : i + 300], bad[i : i + 300]) for i in range(0, 1000, 300))
    for name, share in shares_of(sums).items():
        assert share == pytest.approx(ss.share_on_bad(attribution, bad)[name])


def test_nothing_explained_has_no_share():
    assert np.isnan(ss.share_on_bad([np.nan], [1])["flat"]).all()
    assert np.isnan(ss.share_on_bad([0.0], [1])["flat"].relevance)


@pytest.mark.parametrize("bad", [np.zeros(4, dtype=int), np.zeros(3)])
def test_shares_of_other_shapes_are_refused(bad):
    with pytest.raises(InputError, match=r"the attribution has shape \(3,\)"):
        ss.share_on_bad(np.zeros(3), bad)


# ---- real recordings; what was measured is in docs/bad_signal.rst, the bars lie around it


@pytest.mark.parametrize("name", ["100", "119", "118"])
def test_steady_real_recordings_are_hardly_marked(real_data, name):
    record = ss.read_recording(real_data / "mitdb" / name)
    marks = ss.bad_signal(record.signal, record.fs)
    assert all(share(marks, kind) == 0 for kind in ("flat", "clipped", "saturated", "lead_off"))
    assert share(marks, "low_quality") < 0.05


@pytest.mark.parametrize(("name", "least"), [("118e00", 0.85), ("118e06", 0.8), ("118e12", 0.7)])
def test_real_electrode_motion_is_of_low_quality(real_data, name, least):
    mv = np.loadtxt(real_data / "nstdb_118" / f"{name}.csv")
    marks = ss.bad_signal(mv, FS)
    assert share(marks, "low_quality", 40, 120) > least
    assert share(marks, "low_quality", 15, 40) < 0.3  # before 15 s the record itself jumps


def test_leads_of_phones_that_lie_still_are_off(real_data):
    adc = np.load(real_data / "cinc2011" / "2431794.npz")["adc"]
    still = np.ptp(adc, axis=0) == 0
    assert still.any()
    marks = ss.bad_signal(adc, 500, units="adu")
    assert (marks[:, still] == FLAGS["flat"] + FLAGS["lead_off"]).all()
