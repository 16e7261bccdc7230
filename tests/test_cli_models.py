"""The command line on models and real recordings: figures and results, read back."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.image import imread

keras = pytest.importorskip("keras")
from keras import layers as kl  # noqa: E402

import signalscreen as ss  # noqa: E402
from signalscreen.cli import main  # noqa: E402
from signalscreen.recording import read_recording  # noqa: E402
from signalscreen.results import load_result  # noqa: E402

pytestmark = pytest.mark.usefixtures("loaded_once")


def run(*words):
    return CliRunner().invoke(main, [str(w) for w in words], catch_exceptions=False)


def network(length, leads, classes=3):
    keras.utils.set_random_seed(2)
    i = keras.Input((length, leads))
    x = kl.Conv1D(4, 9, padding="same", activation="relu", name="first")(i)
    x = kl.MaxPooling1D(4, name="pool")(x)
    x = kl.Conv1D(4, 5, padding="same", activation="relu", name="last")(x)
    return keras.Model(i, kl.Dense(classes, activation="softmax", name="out")(kl.GlobalAveragePooling1D()(x)))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "net.keras"
    network(200, 2).save(path)
    return path


@pytest.fixture
def npz(tmp_path) -> Path:
    """Two leads at 100 Hz for 10 s, with a gap around 6 s."""
    signal = np.random.default_rng(0).normal(size=(1000, 2)).cumsum(axis=0)
    signal[590:610] = np.nan
    np.savez(tmp_path / "rec.npz", signal=signal, fs=100.0, names=["I", "II"], units=["mV", "mV"])
    return tmp_path / "rec.npz"


def test_explain_writes_a_figure_and_a_result_per_method(model, npz, tmp_path):
    out = tmp_path / "a" / "out"
    done = run(
        "explain", model, npz, "-m", "saliency", "-m", "grad_cam", "-t", "V", "--class-names", "N, V, S", "-o", out,
        "--fs", 100,
    )  # fmt: skip
    assert (done.exit_code, done.stderr) == (0, "")
    assert sorted(p.name for p in out.iterdir()) == [
        "rec_grad_cam.npz",
        "rec_grad_cam.png",
        "rec_saliency.npz",
        "rec_saliency.png",
    ]
    first, *wrote = done.stdout.splitlines()
    assert first == (
        "rec.npz: 10 s at 100 Hz, I [mV], II [mV]; 6 windows of 200 samples (2 s), "
        "3 left out because of gaps at 4 s, 5 s, 6 s"
    )
    assert wrote == [
        f"wrote {out}/rec_{name}" for name in ("saliency.png", "saliency.npz", "grad_cam.png", "grad_cam.npz")
    ]
    assert imread(out / "rec_saliency.png").std() > 0.05

    result = load_result(out / "rec_saliency.npz")
    assert (result.method, result.target, result.score) == ("saliency", "V", "logit")
    assert result.window_targets.tolist() == [1] * 6
    assert result.model_sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
    assert result.versions["keras"] == keras.__version__
    assert np.isnan(result.attribution[600]).all()
    assert load_result(out / "rec_grad_cam.npz").attribution.shape == (1000,)
    # The windows that tile the recording, explained by hand and stitched by their plain definition:
    one = ss.saliency(model, result.recording.signal[None, :200], target=1)[0]
    np.testing.assert_allclose(result.attribution[:100], one[:100], rtol=1e-4, atol=1e-7)


def test_netcdf_and_vector_figures(model, npz, tmp_path):
    done = run(
        "explain",
        model,
        npz,
        "-m",
        "occlusion",
        "--option",
        "window=50",
        "--option",
        "stride=50",
        "-o",
        tmp_path,
        "--save",
        "nc",
        "--format",
        "svg",
        "--format",
        "pdf",
        "--score",
        "probability",
        "--end",
        4,
        "-q",
        "--fs",
        100,
    )
    assert (done.exit_code, done.output) == (0, "")
    assert {p.name for p in tmp_path.iterdir()} == {
        "rec.npz",
        "rec_occlusion.nc",
        "rec_occlusion.svg",
        "rec_occlusion.pdf",
    }
    assert (tmp_path / "rec_occlusion.svg").read_text().startswith("<?xml")
    assert (tmp_path / "rec_occlusion.pdf").read_bytes().startswith(b"%PDF")
    result = load_result(tmp_path / "rec_occlusion.nc")
    assert result.options == {"window": 50, "stride": 50}
    assert result.score == "probability"
    assert result.target == "None"
    outputs = np.asarray(keras.models.load_model(model)(read_recording(npz).signal[None, :200]))
    assert result.window_scores[0] == pytest.approx(outputs.max(), rel=1e-5)


def test_window_hop_and_normalise_reach_the_result(model, npz, tmp_path):
    run(
        "explain",
        model,
        npz,
        "-m",
        "saliency",
        "-t",
        0,
        "-o",
        tmp_path,
        "--start",
        1,
        "--end",
        5,
        "--hop",
        2,
        "--normalise",
        "zscore",
        "--save",
        "npz",
        "--format",
        "png",
        "--dpi",
        40,
    )
    result = load_result(tmp_path / "rec_saliency.npz")
    assert result.window_starts.tolist() == [0, 200]
    assert result.recording.start == 1.0
    assert result.normalisation == "zscore"
    signal = read_recording(npz, start=1, end=3).signal
    scaled = (signal - signal.mean(axis=0)) / signal.std(axis=0)
    by_hand = ss.saliency(model, scaled[None], target=0)[0]
    np.testing.assert_allclose(result.attribution[:200], by_hand, rtol=1e-3, atol=1e-7)
    np.testing.assert_array_equal(result.recording.signal[:200], signal)


def test_existing_files_are_kept_unless_told(model, npz, tmp_path):
    words = ["explain", model, npz, "-m", "saliency", "-t", 0, "--end", 2, "-o", tmp_path / "o", "--save", "none"]
    words += ["--fs", 100]
    assert run(*words).exit_code == 0
    before = (tmp_path / "o" / "rec_saliency.png").stat().st_mtime_ns
    done = run(*words)
    assert done.exit_code == 1
    assert (
        done.stderr == f"error: {tmp_path}/o/rec_saliency.png is already there; give --overwrite or another --out\n"
    )
    assert (tmp_path / "o" / "rec_saliency.png").stat().st_mtime_ns == before
    assert run(*words, "--overwrite").exit_code == 0
    assert (tmp_path / "o" / "rec_saliency.png").stat().st_mtime_ns > before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-t", "7"], "target 7 is out of range; the model has 3 outputs"),
        (["-t", "V"], "target 'V' is a name; give class_names="),
        (["-t", "V", "--class-names", "N,S,Q"], "'V' is not among the class names N, S, Q"),
        (["-l", "I"], "the model takes 2 leads, but rec.npz gives 1 (I)"),
        (["-l", "aVR"], "lead 'aVR' is not there; rec.npz has 0: I, 1: II"),
        (["--start", "12"], "reaches outside rec.npz"),
        (["--start", "3", "--end", "2"], "3 s to 2 s is empty"),
        (["--end", "1"], "rec.npz has 100 samples, fewer than one window of 200 (2 s)"),
        (["--window", "1"], "the model takes windows of 200 samples, but 1 s at 100 Hz are 100"),
        (["--fs", "50"], "says 100 Hz but fs=50 was given"),
        (["--resample", "-1"], "a sampling rate of -1.0 is not possible"),
        (["--hop", "0"], "a hop of 0 samples"),
        (["--start", "5", "--end", "7"], "holds a gap"),
        (["--option", "layer=nope", "-m", "grad_cam"], "layer 'nope'"),
        (["--option", "window=500", "-m", "occlusion"], "window 500 is longer than the signal of 200 samples"),
        (["--option", "stride=0", "-m", "occlusion"], "stride 0 is not understood; give a positive number"),
        (["--option", "fill=[1,2,3]", "-m", "occlusion"], "fill has shape (3,), which does not broadcast to"),
        (["--option", "window=[]", "-m", "occlusion"], "window [] holds no window; give at least one"),
    ],
)
def test_known_errors_are_one_line(model, npz, tmp_path, options, said):
    done = run("explain", model, npz, "-m", "saliency", "-o", tmp_path / "out", *options)
    assert done.exit_code == 1
    *_, last = done.stderr.splitlines()
    assert last.startswith("error: ")
    assert said in last


@pytest.mark.parametrize("content", [None, b"not a model"])
def test_bad_model_files(npz, tmp_path, content):
    if content is not None:
        (tmp_path / "bad.keras").write_bytes(content)
    for words in (
        ["explain", tmp_path / "bad.keras", npz, "-m", "saliency", "-o", tmp_path],
        ["summary", tmp_path / "bad.keras"],
    ):
        done = run(*words)
        assert done.exit_code == 1
        assert done.stderr.startswith("error: model file")
        assert done.stderr.count("\n") == 1


def test_summary(model):
    done = run("summary", model, "--fs", 100)
    assert done.exit_code == 0
    header, *rows, _, total, lying = done.stdout.splitlines()
    assert header.split("  ")[0] == "layer"
    assert lying.startswith("input ")
    assert lying.endswith(", read from the layers")
    last = next(row for row in rows if row.startswith("last"))
    # pooled by 4 after 9 samples, then 5 of those: 9 + 3 + 4 * 4 = 28 samples
    assert last.split() == ["last", "Conv1D", "50", "x", "4", "84", "28", "0.28"]
    assert rows[-1].split() == ["out", "Dense", "3", "15", "200", "2"]
    assert total == f"{keras.models.load_model(model).count_params()} parameters in 6 layers"
    listed = json.loads(run("summary", model, "--json").stdout)
    assert [row["path"] for row in listed][1:3] == ["first", "pool"]
    assert listed[1]["field"] == [9]
    assert (
        run("summary", model, "--fs", 0).stderr
        == "error: a sampling rate of 0.0 is not possible; give samples per second above 0\n"
    )


def test_a_true_process_is_quiet_on_stderr(model, npz, tmp_path):
    words = [
        "explain",
        model,
        npz,
        "-m",
        "saliency",
        "-m",
        "integrated_gradients",
        "-t",
        1,
        "-o",
        tmp_path / "out",
        "--end",
        4,
        "--fs",
        100,
    ]
    done = subprocess.run(
        [sys.executable, "-m", "signalscreen", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(ss.__file__).parents[1]), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    )
    assert done.returncode == 0
    lines = [line for line in done.stderr.splitlines() if not line.startswith("warning: integrated_gradients")]
    assert lines == []
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_real_ecg_wfdb(real_data, tmp_path):
    network(720, 2).save(tmp_path / "net.keras")
    done = run(
        "explain",
        tmp_path / "net.keras",
        real_data / "mitdb" / "119.hea",
        "-m",
        "grad_cam",
        "-t",
        "V",
        "--class-names",
        "N,V,S",
        "--start",
        60,
        "--end",
        70,
        "--save",
        "npz",
        "--save",
        "nc",
        "-o",
        tmp_path,
        "--resample",
        360,
    )
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("119: 10 s at 360 Hz, MLII [mV], V1 [mV]; 9 windows of 720 samples (2 s)")
    npz, nc = load_result(tmp_path / "119_grad_cam.npz"), load_result(tmp_path / "119_grad_cam.nc")
    np.testing.assert_array_equal(npz.attribution, nc.attribution)
    assert npz.recording.annotations == nc.recording.annotations
    assert {a.symbol for a in npz.recording.annotations} >= {"N", "V"}
    assert npz.recording.time[0] == 60.0
    assert np.isfinite(npz.attribution).all()


def test_real_ppg_csv_through_a_real_network(real_data, tmp_path):
    """117 Hz resampled to the network's 100 Hz, each window scaled as in training, one output per sample."""
    folder = real_data / "model_kazemi_ppg_peaks"
    words = [
        "explain",
        folder / "kazemi_ppg_peaks.keras",
        real_data / "heartpy_ppg" / "data2.csv",
        "-m",
        "saliency",
        "--resample",
        100,
        "--normalise",
        "minmax",
        "--end",
        30,
        "-o",
        tmp_path,
    ]
    refused = run(*words)
    assert refused.exit_code == 1
    assert (
        "the model answers with 1500 x 1 numbers, and target None does not name one; give --target mean:0"
        in refused.stderr
    )
    done = run(*words, "-t", "mean:0")
    assert (done.exit_code, done.stderr) == (0, "")
    result = load_result(tmp_path / "data2_saliency.npz")
    assert result.attribution.shape == (3000, 1)
    assert result.recording.names == ("hr",)
    assert result.window_targets.tolist() == [-1] * len(result.window_starts)


def test_real_series_npy_through_a_real_network(real_data, tmp_path):
    coffee = np.loadtxt(real_data / "ucr" / "Coffee_TEST.txt")
    np.save(tmp_path / "bean.npy", coffee[3, 1:])
    words = ["explain", real_data / "model_tsinterpret_coffee_cnn" / "best_model.hdf5", tmp_path / "bean.npy"]
    done = run(*words, "-m", "integrated_gradients", "-m", "deep_lift", "-t", int(coffee[3, 0]), "-o", tmp_path)
    assert done.exit_code == 0
    assert done.stdout.startswith("bean.npy: 286 samples, signal; 1 window of 286 samples\n")
    result = load_result(tmp_path / "bean_deep_lift.npz")
    assert result.recording.fs is None
    assert result.attribution.shape == (286, 1)


def test_real_mat_record_with_a_free_length_network(real_data, tmp_path):
    network(None, 1).save(tmp_path / "free.keras")
    done = run(
        "explain",
        tmp_path / "free.keras",
        real_data / "cinc2017" / "A00160.mat",
        "-m",
        "saliency",
        "-m",
        "layer_cam",
        "-t",
        0,
        "--window",
        5,
        "--hop",
        5,
        "-o",
        tmp_path,
    )
    assert done.exit_code == 0
    assert load_result(tmp_path / "A00160_layer_cam.npz").window_starts.tolist() == [
        0,
        1500,
        3000,
        4500,
        6000,
        7500,
    ]
