"""Each format, written from a store with known arrays, and read again by the reader it is for."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import wfdb
import xarray
from click.testing import CliRunner
from hypothesis import assume, given
from hypothesis import strategies as st

import signalscreen as ss
from signalscreen.cli import main
from signalscreen.errors import OptionError, OutputError, RecordingError
from signalscreen.exports import FORMATS, export_results, flagged_spans, npz, track
from signalscreen.exports.part import part_of
from signalscreen.results import load_result
from signalscreen.screening.allocation import StoredMethod
from tests import stores

RECORD_FIRST = round(5.0 * stores.FS)  # the store begins there, in samples of the record


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "s.zarr"
    stores.fill(path, stores.spec())
    return path


@pytest.fixture(scope="module")
def truth(small: Path) -> xarray.Dataset:
    return ss.open_results(small).load()


def same_attributes(found: dict, wanted: dict) -> None:
    plain = {key: value for key, value in found.items() if key != "coordinates"}
    assert plain.keys() == wanted.keys()
    for key, value in wanted.items():
        read = plain[key]
        if isinstance(value, bool) or (isinstance(value, list) and not all(isinstance(v, int) for v in value)):
            assert json.loads(read) == value, key
        else:
            np.testing.assert_array_equal(read, value)


def test_netcdf_holds_all_that_the_store_does(small: Path, truth: xarray.Dataset, tmp_path: Path) -> None:
    export_results(small, tmp_path / "a.nc", "netcdf")
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as found:
        found.load()
        wanted = truth.drop_indexes("time").drop_vars("time")  # made by the reader of a store from fs and start
        assert set(found.coords) == set(wanted.coords)
        assert set(found.variables) == set(wanted.variables)
        assert dict(found.sizes) == dict(wanted.sizes)
        for name, variable in wanted.variables.items():
            assert found[name].dims == variable.dims, name
            read, there = found[name].values, variable.values
            if there.dtype.kind in "TUO":
                assert read.tolist() == there.tolist(), name
            else:
                assert read.dtype == there.dtype, name
                np.testing.assert_array_equal(read, there, err_msg=str(name))
            same_attributes(found[name].attrs, variable.attrs)
        same_attributes(found.attrs, wanted.attrs)


def test_netcdf_of_a_part(small: Path, truth: xarray.Dataset, tmp_path: Path) -> None:
    export_results(small, tmp_path / "p.nc", "netcdf", method="saliency", start=13.5, end=17)
    with xarray.open_dataset(tmp_path / "p.nc", engine="h5netcdf") as found:
        assert "attribution_integrated_gradients" not in found
        assert "completeness_integrated_gradients" not in found
        assert json.loads(found.attrs["methods"]) == ["saliency"]
        assert found.attrs["start"] == 13.5
        np.testing.assert_allclose(found.time_s, np.arange(1350, 1700) / 100)
        np.testing.assert_array_equal(found.signal, truth.signal[850:1200])
        inside = (truth.window_start >= 850) & (truth.window_start + 200 <= 1200)
        np.testing.assert_array_equal(found.window_start, truth.window_start[inside] - 850)
        np.testing.assert_array_equal(found.probability, truth.probability[inside])
        assert found.annotation_sample.values.tolist() == [50]
        assert found.annotation_end.values.tolist() == [350]


def test_netcdf_without_annotations_classes_or_methods(tmp_path: Path) -> None:
    stores.fill(tmp_path / "s.zarr", replace(stores.spec(), annotations=(), classes=(), methods=(), alarm=-1))
    export_results(tmp_path / "s.zarr", tmp_path / "s.nc", "netcdf")
    with xarray.open_dataset(tmp_path / "s.nc", engine="h5netcdf") as found:
        assert (found.sizes["annotation"], found.sizes["class"]) == (0, 0)
        assert "probability" not in found


def test_npz_of_one_method_is_a_recording_and_a_result(small, truth, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    export_results(small, path, "npz", method="saliency")
    recording = ss.read_recording(path)
    np.testing.assert_array_equal(recording.signal, truth.signal)
    assert (recording.fs, recording.names, recording.units) == (100.0, ("II", "V1"), ("mV", "mV"))
    result = load_result(path)
    np.testing.assert_array_equal(result.attribution, truth.attribution_saliency)
    np.testing.assert_array_equal(result.window_scores, truth.score)
    np.testing.assert_array_equal(result.window_starts, truth.window_start)
    assert (result.method, result.options, result.score) == ("saliency", {"base": 1}, "logit")
    assert (result.model, result.model_sha256, result.window_length) == ("net.keras", "ab" * 32, 200)
    assert result.recording.annotations == stores.spec().annotations
    assert result.recording.start == 5.0
    np.testing.assert_allclose(np.load(path)["time"], truth.time_s)


def test_npz_of_several_methods(small: Path, truth: xarray.Dataset, tmp_path: Path) -> None:
    export_results(small, tmp_path / "a.npz", "npz", start=8, end=28)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        for name in ("signal", "bad", "attribution_saliency", "attribution_integrated_gradients"):
            np.testing.assert_array_equal(found[name], truth[name][300:2300])
        assert "attribution" not in found
        inside = (truth.window_start >= 300) & (truth.window_start <= 2100)
        for name in ("probability", "logit", "flagged", "gap", "window_lead", "completeness_integrated_gradients"):
            np.testing.assert_array_equal(found[name], truth[name][inside])


def test_npz_that_memory_would_not_hold_is_said(small: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(npz, "_free_memory", lambda: 1000)
    with pytest.warns(ss.errors.SignalScreenWarning, match=r"MB of memory to read.*netcdf is read by slices"):
        export_results(small, tmp_path / "a.npz", "npz")


def test_the_track_lies_beside_the_signal_within_half_a_step(small, truth, tmp_path: Path) -> None:
    (written,) = export_results(small, tmp_path / "rec_why", "wfdb-track")
    found = wfdb.rdrecord(str(tmp_path / "rec_why"))
    names = ["II", "II_saliency", "II_integrated_gradients", "V1", "V1_saliency", "V1_integrated_gradients"]
    assert found.sig_name == names
    assert found.units == ["mV", "logit", "logit"] * 2
    assert (found.fs, found.sig_len) == (100, RECORD_FIRST + 2500)
    assert found.base_datetime.isoformat() == "2026-03-01T22:15:30.250000"
    assert np.isnan(found.p_signal[:RECORD_FIRST]).all()  # before the excerpt begins
    arrays = {"": "signal", "saliency": "attribution_saliency", "integrated": "attribution_integrated_gradients"}
    for i, name in enumerate(names):
        lead, _, method = name.partition("_")
        wanted = truth[arrays[method.split("_")[0]]].values[:, ["II", "V1"].index(lead)]
        read = found.p_signal[RECORD_FIRST:, i]
        step = 1 / found.adc_gain[i]
        assert step < 3 * np.nanmax(np.abs(wanted)) / 32767
        np.testing.assert_array_equal(np.isnan(read), np.isnan(wanted))
        np.testing.assert_allclose(read, wanted, rtol=0, atol=0.500001 * step)
        assert f"{name} (step {step:.2g}" in written.words
    digital = wfdb.rdrecord(str(tmp_path / "rec_why"), physical=False)
    assert digital.checksum == digital.calc_checksum()
    assert digital.init_value == digital.d_signal[0].tolist()
    assert set(digital.d_signal[np.isnan(found.p_signal)]) == {-32768}


@given(
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.floats(1e-6, 1e9, allow_subnormal=False),
)
def test_every_range_fits_into_16_bits(low: float, size: float) -> None:
    high = low + size
    assume(size > 1e-4 * abs(low))  # else WFDB has no steps for it, and that is said
    for low_, high_ in ((low, high), (-size, size)):
        one = track._fitted("x", "mV", "signal", 0, low_, high_)
        steps = np.rint(np.array([low_, high_]) * one.gain + one.baseline)
        assert np.abs(steps).max() <= 32767
        assert np.ptp(steps) > 0.998 * 65534  # and fills them


def test_a_track_of_names_and_values_that_wfdb_has_no_room_for(tmp_path: Path) -> None:
    odd = replace(
        stores.spec(), leads=(" a\n", " a\n", "心"), units=("", "µV / (s)", "mV"), start=0.0, began="", source="x"
    )
    stores.fill(tmp_path / "s.zarr", odd)
    export_results(tmp_path / "s.zarr", tmp_path / "t", "wfdb-track", method="saliency")
    found = wfdb.rdrecord(str(tmp_path / "t"))
    assert found.sig_name == ["a", "a_saliency", "a 2", "a 2_saliency", "lead 3", "lead 3_saliency"]
    assert found.units == ["NU", "logit", "uV_s", "logit", "mV", "logit"]
    assert found.base_datetime is None
    with pytest.raises(OptionError, match="cannot name a WFDB record"):
        export_results(tmp_path / "s.zarr", tmp_path / "a b", "wfdb-track")


def test_flagged_spans_are_the_flagged_windows_of_a_lead(small: Path, truth: xarray.Dataset) -> None:
    part = part_of(str(small))
    spans = flagged_spans(part)
    for lead in (0, 1):
        mine = (truth.flagged.values > 0) & (truth.window_lead.values == lead)
        wanted, found = np.zeros(2500, bool), np.zeros(2500, int)
        for start in truth.window_start.values[mine]:
            wanted[start : start + 200] = True
        for one in spans:
            if one.lead == lead:
                found[one.start : one.stop] += 1
        np.testing.assert_array_equal(found, wanted.astype(int))
        assert sum(one.windows for one in spans if one.lead == lead) == mine.sum()
    assert max(one.probability for one in spans) == truth.probability.values[:, 1][truth.flagged.values > 0].max()


def test_windows_that_touch_are_one_span_and_those_apart_are_two(tmp_path: Path) -> None:
    stores.fill(tmp_path / "s.zarr", stores.spec())
    from signalscreen.screening import store

    group = store.arrays_of(tmp_path / "s.zarr")
    starts, lead = group["window_start"][:], group["window_lead"][:]
    flagged = np.isin(starts, (0, 200, 500, 600)) & (lead == 1)
    stores.flag(group, flagged)
    spans = flagged_spans(part_of(str(tmp_path / "s.zarr")))
    assert [(one.start, one.stop, one.lead, one.windows) for one in spans] == [(0, 400, 1, 2), (500, 800, 1, 2)]


def test_annotations_read_by_wfdb_are_the_spans(small: Path, tmp_path: Path) -> None:
    export_results(small, tmp_path / "rec", "wfdb-ann")
    spans = flagged_spans(part_of(str(small)))
    found = wfdb.rdann(str(tmp_path / "rec"), "flg")
    assert (found.fs, set(found.symbol)) == (100, {'"'})
    edges = {}
    for sample, chan, note in zip(found.sample, found.chan, found.aux_note, strict=True):
        edges[note.split()[0].split(":")[0] + note.split()[1].rstrip(":")] = (int(sample), int(chan), note)
    assert len(edges) == 2 * len(spans) > 4
    for number, one in enumerate(spans):
        sample, chan, note = edges[f"(flagged#{number}"]
        assert (sample, chan) == (RECORD_FIRST + one.start, one.lead)
        assert f"lead={('II', 'V1')[one.lead]}: artefact {one.probability:.4f}, {one.windows} window" in note
        assert edges[f")flagged#{number}"][0] == RECORD_FIRST + one.stop - 1


def test_annotations_at_the_first_sample_and_none_at_all(tmp_path: Path) -> None:
    stores.fill(tmp_path / "s.zarr", replace(stores.spec(), start=0.0, threshold=0.0))
    export_results(tmp_path / "s.zarr", tmp_path / "a", "wfdb-ann")
    found = wfdb.rdann(str(tmp_path / "a"), "flg")
    assert found.sample[0] == 1
    assert "@0" in found.aux_note[0]
    stores.fill(tmp_path / "n.zarr", replace(stores.spec(), threshold=1.0))
    (none,) = export_results(tmp_path / "n.zarr", tmp_path / "n.rev", "wfdb-ann")
    assert none.words == "0 flagged spans"
    assert len(wfdb.rdann(str(tmp_path / "n"), "rev").sample) == 0


def test_annotations_of_others_are_never_replaced(small: Path, tmp_path: Path) -> None:
    wfdb.wrann("a", "flg", np.array([5]), ["N"], write_dir=str(tmp_path))
    before = (tmp_path / "a.flg").read_bytes()
    with pytest.raises(OutputError, match="by another program and is kept"):
        export_results(small, tmp_path / "a", "wfdb-ann", overwrite=True)
    assert (tmp_path / "a.flg").read_bytes() == before
    with pytest.raises(OptionError, match="atr"):
        export_results(small, tmp_path / "a.atr", "wfdb-ann")
    from signalscreen.verdicts import export_wfdb

    export_wfdb([], tmp_path / "b", fs=100.0)
    with pytest.raises(OutputError, match="is kept"):  # verdicts are no flagged spans
        export_results(small, tmp_path / "b.rev", "wfdb-ann", overwrite=True)


def test_csv_read_by_pandas(small: Path, truth: xarray.Dataset, tmp_path: Path) -> None:
    export_results(small, tmp_path / "w.csv", "csv")
    table = pd.read_csv(tmp_path / "w.csv")
    assert table.start_s.tolist() == truth.window_start_s.values.tolist()
    assert table.end_s.tolist() == (truth.window_start_s.values + 2).tolist()
    assert table.lead.tolist() == [("II", "V1")[i] for i in truth.window_lead.values]
    for i, name in enumerate(("clean", "artefact")):
        for kind in ("probability", "logit"):
            np.testing.assert_array_equal(table[f"{kind}_{name}"].astype(np.float32), truth[kind].values[:, i])
    for name in ("score", "flagged", "explained", "gap", "completeness_integrated_gradients"):
        np.testing.assert_array_equal(table[name].astype(truth[name].dtype), truth[name].values)
    assert set(table.target.dropna()) == {"artefact"}
    assert table.target.isna().tolist() == (truth.gap.values > 0).tolist()


def test_mne_reads_clock_times_and_seconds(small: Path, tmp_path: Path) -> None:
    spans = flagged_spans(part_of(str(small)))
    export_results(small, tmp_path / "m.csv", "mne")
    table = pd.read_csv(tmp_path / "m.csv")
    began = pd.Timestamp(stores.spec().began)
    seconds = (pd.to_datetime(table.onset) - began).dt.total_seconds()
    np.testing.assert_allclose(seconds, [5 + one.start / 100 for one in spans], atol=1e-6)
    np.testing.assert_allclose(table.duration, [(one.stop - one.start) / 100 for one in spans])
    assert set(table.description) == {"flagged/artefact"}
    assert table.ch_names.tolist() == [("II", "V1")[one.lead] for one in spans]
    export_results(small, tmp_path / "m.txt", "mne")
    lines = np.genfromtxt(tmp_path / "m.txt", delimiter=",", dtype=None, encoding="ascii", skip_header=2)
    assert [(a, c) for a, _, c in lines.tolist()] == [(5 + one.start / 100, "flagged/artefact") for one in spans]


def test_a_database_gets_a_file_for_each_record(tmp_path: Path) -> None:
    made = stores.spec()
    stores.database(tmp_path / "db.zarr", **{"a1": made, "b 2": replace(made, began="")})
    for name, ending in (("netcdf", ".nc"), ("npz", ".npz"), ("csv", ".csv"), ("wfdb-ann", ".flg")):
        written = export_results(tmp_path / "db.zarr", tmp_path / name, name)
        assert [one.record for one in written] == ["a1", "b 2"]
        assert sorted(p.name for p in (tmp_path / name).iterdir()) == [f"a1{ending}", f"b_2{ending}"]
    export_results(tmp_path / "db.zarr", tmp_path / "mne", "mne")
    assert sorted(p.name for p in (tmp_path / "mne").iterdir()) == ["a1.csv", "b_2.txt"]
    export_results(tmp_path / "db.zarr", tmp_path / "t", "wfdb-track")
    assert sorted(p.name for p in (tmp_path / "t").iterdir()) == [
        *("a1_why.dat", "a1_why.hea", "b_2_why.dat", "b_2_why.hea")
    ]
    export_results(tmp_path / "db.zarr", tmp_path / "one.nc", "netcdf", record="b 2")
    with xarray.open_dataset(tmp_path / "one.nc", engine="h5netcdf") as found:
        np.testing.assert_array_equal(found.signal, ss.open_results(tmp_path / "db.zarr", "b 2").signal)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_there_stays_unless_it_may_be_replaced(small: Path, tmp_path: Path, name: str) -> None:
    target = tmp_path / f"x{FORMATS[name].endings[0]}"
    export_results(small, target, name)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(OutputError, match="already there"):
        export_results(small, target, name)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    export_results(small, target, name, overwrite=True)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in before}


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"format": "hdf"}, OptionError, "choose netcdf, npz"),
        ({"path": "x.txt"}, OptionError, r"must end with \.nc"),
        ({"method": "lrp"}, OptionError, "holds saliency, integrated_gradients"),
        ({"start": 4}, RecordingError, "runs from 5 s to 30 s"),
        ({"record": "z"}, RecordingError, "one record only"),
        ({"store": "none.zarr"}, RecordingError, "is no store"),
        ({"path": "file/x.nc"}, OutputError, "nothing can be written"),
    ],
)
def test_what_cannot_be_written_is_said_before_anything_is(small, tmp_path, given, error, says) -> None:
    (tmp_path / "file").write_text("")
    options = {"store": small, "path": "x.nc", "format": "netcdf", **given}
    options["path"] = tmp_path / options["path"]
    with pytest.raises(error, match=says):
        export_results(**options)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_mne_needs_a_clock_or_the_other_ending(tmp_path: Path) -> None:
    stores.fill(tmp_path / "s.zarr", replace(stores.spec(), began=""))
    with pytest.raises(OptionError, match=r"clock time.*\.txt"):
        export_results(tmp_path / "s.zarr", tmp_path / "m.csv", "mne")


def test_an_unfinished_store_is_not_exported(tmp_path: Path) -> None:
    stores.fill(tmp_path / "s.zarr", stores.spec(), shards=1)
    with pytest.raises(RecordingError, match="33% done"):
        export_results(tmp_path / "s.zarr", tmp_path / "s.nc", "netcdf")


@pytest.mark.parametrize("name", ["netcdf", "npz", "wfdb-track"])
def test_a_disk_that_is_full_leaves_nothing(small: Path, tmp_path: Path, name: str) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))  # no file may grow beyond: a real error of write()
    try:
        with pytest.raises(OutputError, match="cannot be written"):
            export_results(small, tmp_path / f"x{FORMATS[name].endings[0]}", name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_the_command(small: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    words = ["export", str(small), "--format", "csv", "--out", str(tmp_path / "w.csv")]
    done = run(main, [*words, "--start", "8", "--end", "20"])
    assert (done.exit_code, done.output) == (0, f"wrote {tmp_path / 'w.csv'}: 22 windows\n")
    again = run(main, words)
    assert again.exit_code == 1
    assert "--overwrite" in again.stderr
    done = run(main, [*words, "--overwrite", "--json"])
    assert json.loads(done.output)[0]["words"] == f"{2 * len(stores.STARTS)} windows"
    assert tuple(FORMATS) == main.commands["export"].params[1].type.choices


def test_netcdf_leaves_out_a_method_and_none_that_its_name_ends(tmp_path: Path) -> None:
    methods = tuple(StoredMethod(name) for name in ("grad_cam", "guided_grad_cam"))
    stores.fill(tmp_path / "s.zarr", stores.spec(methods=methods))
    export_results(tmp_path / "s.zarr", tmp_path / "s.nc", "netcdf", method="guided_grad_cam")
    with xarray.open_dataset(tmp_path / "s.nc", engine="h5netcdf") as found:
        assert [name for name in found if "grad_cam" in name] == ["attribution_guided_grad_cam"]


_DIES = """
import os, sys
from signalscreen.exports import export_results, record_set
real, calls, step = record_set._replace, [], int(sys.argv[3])
def replace(path, content):
    calls.append(path)
    if 2 * len(calls) - 1 == step:
        os._exit(9)
    real(path, content)
    if 2 * len(calls) == step:
        os._exit(9)
record_set._replace = replace
export_results(sys.argv[1], sys.argv[2], "wfdb-track", overwrite=True)
"""


def samples_of(record: Path) -> np.ndarray:
    found = wfdb.rdrecord(str(record), physical=False)
    assert found.checksum == found.calc_checksum()
    return found.d_signal


@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_a_track_that_is_replaced_is_the_old_or_the_new_one(small: Path, tmp_path: Path, step: int) -> None:
    """Killed before and after each time that the header changes."""
    other = tmp_path / "other.zarr"
    stores.fill(other, stores.spec(), seed=1)
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "x"
    export_results(other, target, "wfdb-track")
    old = samples_of(target)
    export_results(small, tmp_path / "new", "wfdb-track")
    new = samples_of(tmp_path / "new")
    assert not np.array_equal(old, new)
    dead = subprocess.run([sys.executable, "-c", _DIES, str(small), str(target), str(step)], check=False)
    assert dead.returncode == 9
    np.testing.assert_array_equal(samples_of(target), old if step == 1 else new)
    dead = subprocess.run([sys.executable, "-c", _DIES, str(small), str(target), "3"], check=False)
    assert dead.returncode == 9
    np.testing.assert_array_equal(samples_of(target), new)
    dead = subprocess.run([sys.executable, "-c", _DIES, str(other), str(target), "1"], check=False)
    assert dead.returncode == 9
    np.testing.assert_array_equal(samples_of(target), new)  # whose samples have the name that the killed run gave
    export_results(other, target, "wfdb-track", overwrite=True)
    np.testing.assert_array_equal(samples_of(target), old)
    assert sorted(p.name for p in target.parent.iterdir()) == ["x.dat", "x.hea"]


def test_samples_of_another_record_are_never_cleared(small: Path, tmp_path: Path) -> None:
    for name in ("x_part.dat", "x_partner.dat", "x_part1.hea"):
        (tmp_path / name).write_text("of somebody")
    export_results(small, tmp_path / "x", "wfdb-track")
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "x.dat",
        "x.hea",
        "x_part.dat",
        "x_part1.hea",
        "x_partner.dat",
    ]


def test_a_track_on_a_disk_without_links(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    export_results(small, tmp_path / "a", "wfdb-track")
    monkeypatch.setattr("os.link", no_links)
    export_results(small, tmp_path / "b", "wfdb-track")
    assert (tmp_path / "a.dat").read_bytes() == (tmp_path / "b.dat").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.dat", "a.hea", "b.dat", "b.hea"]
