"""A result read back is the result written; files are written whole or not at all."""

import os
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signalscreen.errors import OptionError, OutputError, RecordingError
from signalscreen.output import atomically, output_folder
from signalscreen.recording import Annotation, Recording, read_recording
from signalscreen.results import Result, load_result, save_result, versions


def made(leads=2, map_leads=True, fs=100.0, marks=True, windows=2) -> Result:
    rng = np.random.default_rng(0)
    recording = Recording(
        rng.normal(size=(50, leads)),
        fs=fs,
        names=tuple(f"lead µ{i}" for i in range(leads)),
        units=("µV",) * leads,
        annotations=(Annotation(3, "V", "(ünï", 9), Annotation(7, "N")) if marks else (),
        start=2.5,
        source="119",
    )
    attribution = rng.normal(size=(50, leads) if map_leads else 50).astype(np.float32)
    attribution[10:20] = np.nan
    return Result(
        attribution=attribution,
        recording=recording,
        method="occlusion",
        options={"window": 5, "fill": "mean", "tolerance": None},
        target="V",
        score="logit",
        window_starts=np.array([0, 25][:windows]),
        window_length=25,
        window_scores=np.array([1.5, -2.0], np.float32)[:windows],
        window_targets=np.array([1, 1])[:windows],
        normalisation="zscore",
        model="net.keras",
        model_sha256="ab" * 32,
        versions=versions(),
    )


@pytest.mark.parametrize("ending", ["npz", "nc"])
@given(
    leads=st.integers(1, 3),
    map_leads=st.booleans(),
    fs=st.sampled_from([None, 360.0]),
    marks=st.booleans(),
    windows=st.integers(0, 2),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
def test_what_is_written_is_read(tmp_path, ending, leads, map_leads, fs, marks, windows):
    result = made(leads, map_leads, fs, marks, windows)
    again = load_result(save_result(result, tmp_path / f"x.{ending}"))
    np.testing.assert_array_equal(again.attribution, result.attribution)
    assert again.attribution.dtype == np.float32
    np.testing.assert_array_equal(again.recording.signal, result.recording.signal)
    for name in ("fs", "names", "units", "annotations", "start", "source"):
        assert getattr(again.recording, name) == getattr(result.recording, name), name
    for name in ("window_starts", "window_scores", "window_targets"):
        np.testing.assert_array_equal(getattr(again, name), getattr(result, name))
    for name in ("method", "options", "target", "score", "window_length", "normalisation", "model"):
        assert getattr(again, name) == getattr(result, name), name
    assert again.versions == result.versions
    assert again.model_sha256 == result.model_sha256


def test_an_npz_result_is_a_recording_too(tmp_path):
    result = made()
    again = read_recording(save_result(result, tmp_path / "x.npz"), leads=1)
    np.testing.assert_array_equal(again.signal, result.recording.signal[:, 1:])
    assert (again.fs, again.units) == (100.0, ("µV",))


def test_netcdf_is_labelled_for_others(tmp_path):
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset(save_result(made(), tmp_path / "x.nc"), engine="h5netcdf", decode_times=False) as d:
        assert d["attribution"].dims == ("time", "lead")
        assert float(d["time"][1]) == pytest.approx(2.51)
        assert d["lead"].values.tolist() == ["lead µ0", "lead µ1"]
        assert d["time"].attrs["units"] == "seconds"
        assert d["window_score"].dims == ("window",)


def test_options_that_json_does_not_know_are_kept_as_text(tmp_path):
    from dataclasses import replace

    result = replace(made(), options={"baseline": np.float32(1.5), "layer": np})
    options = load_result(save_result(result, tmp_path / "x.npz")).options
    assert options["baseline"] == "1.5"
    assert "module" in options["layer"]


def test_versions_name_what_took_part():
    assert {"python", "numpy", "keras", "tensorflow"} <= set(versions())


def test_wrong_files_and_endings(tmp_path):
    with pytest.raises(OptionError, match=r"not written as '.csv'; choose .npz or .nc"):
        save_result(made(), tmp_path / "x.csv")
    with pytest.raises(RecordingError, match="there is no file"):
        load_result(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", a=1)
    with pytest.raises(RecordingError, match="is no result of signalscreen"):
        load_result(tmp_path / "x.npz")
    (tmp_path / "x.nc").write_bytes(b"nothing")
    with pytest.raises(RecordingError, match="is no result of signalscreen"):
        load_result(tmp_path / "x.nc")


def test_netcdf_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5netcdf", None)
    with pytest.raises(OutputError, match=r"install signalscreen\[netcdf\], or use .npz"):
        save_result(made(), tmp_path / "x.nc")
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    (tmp_path / "x").write_text("old")

    def stop_half_way():
        with atomically(tmp_path / "x") as part:
            part.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stop_half_way()
    assert (tmp_path / "x").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
    with atomically(tmp_path / "x") as part:
        part.write_text("new")
    assert (tmp_path / "x").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_what_cannot_be_written_is_said(tmp_path):
    with pytest.raises(OutputError, match=r"x.npz cannot be written \(no such file or directory\)"):
        save_result(made(), tmp_path / "none" / "x.npz")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="nothing can be written to"):
        output_folder(tmp_path / "file")
    with pytest.raises(OutputError, match=r"nothing can be written to .*\(not a directory\)"):
        output_folder(tmp_path / "file" / "below")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="permission denied"):
        output_folder(tmp_path)


def test_output_folder_is_made_and_left_empty(tmp_path):
    folder = output_folder(tmp_path / "a" / "b")
    assert list(folder.iterdir()) == []
