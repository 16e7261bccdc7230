"""The main job, end to end: made, screened, explained, drawn, and said."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import wfdb

import signalscreen
from signalscreen.demo import example, quality_model_path, report, run
from signalscreen.demo.screening import FS, METHODS, WINDOW, localisation
from signalscreen.errors import ModelError, OutputError
from signalscreen.simulate import Artefact, artefact_mask

# ROC AUC against the true places; chance is 0.5. Measured: 0.71, 0.80, 0.88, 0.70, 0.82.
BARS = {
    "smooth_grad": 0.62,
    "integrated_gradients": 0.74,
    "deep_lift": 0.82,
    "occlusion": 0.62,
    "grad_cam": 0.75,
}
FILES = {"ecg.atr", "ecg.dat", "ecg.hea", "overview.png", *(f"method_{name}.png" for name in METHODS)}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo")
    (out / "mine.txt").write_text("mine")
    (out / "overview.png").write_text("old")
    return out, run(out, quiet=True)


@pytest.fixture(scope="module")
def overlap(demo):
    """Seconds of artefact in each window."""
    seconds = demo[1].windows.starts / FS
    return sum(report.overlap(seconds, artefact) for artefact in example.ARTEFACTS)


def test_it_writes_its_own_files_and_leaves_others(demo):
    out, _ = demo
    assert {p.name for p in out.iterdir()} == {*FILES, "mine.txt"}
    assert (out / "mine.txt").read_text() == "mine"
    for path in out.glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size > 50_000


def test_every_artefact_is_found_and_clean_windows_are_not_flagged(demo, overlap):
    _, screening = demo
    seconds = screening.windows.starts / FS
    for artefact in example.ARTEFACTS:
        on = report.overlap(seconds, artefact) >= 2
        assert screening.flagged[on].mean() >= 0.6, artefact  # a flat line at a window's end is missed
        assert screening.probability[on].max() > 0.9
    assert screening.flagged[overlap == 0].mean() <= 0.05


@pytest.mark.parametrize(("method", "bar"), BARS.items())
def test_each_method_points_at_the_artefacts(demo, method, bar):
    _, screening = demo
    mask = artefact_mask(example.ARTEFACTS, len(screening.recording), FS)
    score = localisation(screening, method, mask)
    assert score.auc.mean() >= bar
    assert score.mass.mean() > mask[screening.covered].mean()


def test_maps_are_of_the_flagged_windows(demo):
    _, screening = demo
    flagged = int(screening.flagged.sum())
    assert 0 < flagged < len(screening.probability)
    for method in METHODS:
        assert screening.maps[method].shape == (flagged, round(WINDOW * FS))
        stitched = screening.stitched(method)
        assert np.array_equal(np.isfinite(stitched), screening.covered)


def test_what_is_said_agrees_with_what_was_found(demo):
    _, screening = demo
    said = report.found(screening)
    assert f"{screening.flagged.sum()} flagged" in said
    for artefact in example.ARTEFACTS:
        assert artefact.kind.replace("_", " ") in said
    rows = {line.split()[0]: line.split() for line in report.pointing(screening).splitlines() if line.strip()}
    mask = artefact_mask(example.ARTEFACTS, len(screening.recording), FS)
    for method in METHODS:
        assert float(rows[method][1]) == pytest.approx(localisation(screening, method, mask).auc.mean(), abs=5e-4)


def test_overlap_is_in_seconds():
    starts = np.array([0.0, 5.0, 12.0, 30.0])
    assert report.overlap(starts, Artefact("muscle", 9.0, 13.0)).tolist() == [1.0, 4.0, 1.0, 0.0]


def test_the_command_it_names_runs_as_it_is(demo, tmp_path, monkeypatch):
    """On the recording's first seconds, and where it was not made."""
    monkeypatch.chdir(tmp_path)
    start = wfdb.rdrecord(demo[0] / "ecg", sampto=20 * example.FS)
    wfdb.wrsamp("ecg", fs=start.fs, units=start.units, sig_name=start.sig_name, p_signal=start.p_signal, fmt=["16"])
    screen, review = report.screening_commands(Path("ecg"), quality_model_path(), tmp_path / "ecg.zarr")
    for line in (report.command(Path("ecg"), quality_model_path(), tmp_path / "yours"), screen):
        done = subprocess.run(
            shlex.split(line),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(signalscreen.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert shlex.split(review)[-2:] == ["review", "ecg.zarr"]
    assert (signalscreen.open_results(tmp_path / "ecg.zarr").done == 1).all()
    names = {p.name for p in (tmp_path / "yours").iterdir()}
    assert names == {f"ecg_{m}.{e}" for m in ("integrated_gradients", "grad_cam") for e in ("png", "npz")}


def test_the_program_is_named_so_that_a_shell_finds_it(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [".venv/bin/signalscreen", "demo"])
    monkeypatch.setenv("PATH", "")
    assert report.program() == [".venv/bin/signalscreen"]
    assert report.nearby(tmp_path / "data" / "x.keras") == str(Path("data", "x.keras"))
    assert report.nearby(tmp_path.parent / "x") == str(tmp_path.parent / "x")


def test_a_missing_network_is_said_with_what_to_do(monkeypatch, tmp_path):
    from signalscreen.demo import running

    monkeypatch.setattr(running, "__file__", str(tmp_path / "signalscreen" / "demo" / "running.py"))
    with pytest.raises(ModelError, match="install the package again"):
        running.quality_model_path()


def test_the_network_of_an_installed_package_is_found_first(monkeypatch, tmp_path):
    from signalscreen.demo import running

    installed = tmp_path / "signalscreen" / "_data" / "ecg_quality.keras"
    installed.parent.mkdir(parents=True)
    installed.touch()
    monkeypatch.setattr(running, "__file__", str(tmp_path / "signalscreen" / "demo" / "running.py"))
    assert running.quality_model_path() == installed


def test_an_output_that_is_a_file_is_refused_before_work_starts(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(OutputError, match="taken"):
        run(tmp_path / "taken", quiet=True)
