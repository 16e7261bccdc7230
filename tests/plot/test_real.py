"""Real recordings, drawn by every plot; what they look like is looked at by people."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from signalscreen.plot import compare_methods, plot_image, plot_volume, plot_with_gradient

from .conftest import picture


@pytest.fixture
def beats(real_data):
    wfdb = pytest.importorskip("wfdb")
    record = str(real_data / "mitdb" / "119")
    return wfdb.rdrecord(record, sampto=3600), wfdb.rdann(record, "atr", sampto=3600)


def test_two_leads_of_mitdb_on_paper_with_their_beats(beats):
    record, annotation = beats
    y = record.p_signal
    fig, ax = plot_with_gradient(
        y,
        np.gradient(y, axis=0),
        fs=record.fs,
        units=record.units,
        names=record.sig_name,
        paper=True,
        annotations=annotation,
        percentile=99.5,
    )
    picture(fig)
    (top,) = ax.child_axes
    words = [label.get_text() for label in top.get_xticklabels()]
    assert words == ["(N", *"NVNNNNNVNN"]
    np.testing.assert_allclose(top.get_xticks(), annotation.sample / 360)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["MLII", "V1"]


def test_methods_compared_on_mitdb(beats):
    record, annotation = beats
    y = record.p_signal[:, 0]
    maps = {"saliency": np.abs(np.gradient(y)), "input × gradient": y * np.gradient(y)}
    picture(compare_methods(y, maps, fs=record.fs, units="mV", names="MLII", annotations=annotation, paper=True))


def test_a_ppg(real_data):
    ppg = np.load(real_data / "butppg" / "butppg51.npz")["ppg"][0]
    _, ax = plt.subplots()
    plot_with_gradient(ppg, np.abs(np.gradient(ppg))[None], ax, fs=30, names="PPG")
    low, high = ax.get_ylim()
    assert low < ppg.min() < ppg.max() < high
    picture(ax.figure)


def test_a_genotype_window(real_data):
    window = np.load(real_data / "model_cnnvis" / "windows_100.npz")["X"][0]
    fig, _ = plot_image(window, np.gradient(window.astype(float), axis=0))
    picture(fig)


def test_a_magnetic_resonance_volume(real_data):
    volume = np.load(real_data / "volume3d" / "anatomical.npy")
    fig, axes = plot_volume(volume, volume - volume.mean(), axis=2)
    picture(fig)
    assert len(axes) == 8


def test_plotting_does_not_import_tensorflow():
    code = (
        "import sys, numpy as np, matplotlib; matplotlib.use('Agg');"
        "import signalscreen.plot as p; p.plot_with_gradient([0, 1, 2], [1, 2, 3]);"
        "sys.exit(bool({'tensorflow', 'keras', 'wfdb'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
