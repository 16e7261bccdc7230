"""``signalscreen features``: what it writes, read back."""

import pickle

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.image import imread

keras = pytest.importorskip("keras")

import signalscreen as ss  # noqa: E402
from signalscreen import examination  # noqa: E402
from signalscreen.cli import main  # noqa: E402
from signalscreen.errors import InputError  # noqa: E402


def run(*words, code=0):
    done = CliRunner().invoke(main, ["features", *map(str, words)], catch_exceptions=False)
    assert done.exit_code == code, done.output + done.stderr
    return done


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    keras.utils.set_random_seed(2)
    layers = keras.layers
    net = keras.Sequential(
        [
            keras.Input((60, 1)),
            layers.Conv1D(4, 9, padding="same", activation="relu", name="first"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(3, activation="softmax", name="out"),
        ]
    )
    path = tmp_path_factory.mktemp("model") / "net.keras"
    net.save(path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(9, 60, 1)).astype("float32"), np.array([0, 1, 2] * 3)
    path = tmp_path_factory.mktemp("data") / "beats.npz"
    np.savez(path, X=x, Y=y)
    return path


def test_labels_are_printed_with_their_numbers(data, tmp_path):
    assert run("get-labels", data, "--label-names", "N,V").stdout.splitlines()[:3] == ["0: N", "1: V", "2: label 2"]
    with np.load(data) as arrays, (tmp_path / "d.pkl").open("wb") as file:
        pickle.dump((arrays["X"], arrays["Y"]), file)
    assert run("get-labels", tmp_path / "d.pkl").stdout == run("get-labels", data).stdout


def test_model_summary_is_that_of_summary(model):
    alone = CliRunner().invoke(main, ["summary", str(model)])
    assert run("model-summary", model).stdout == alone.stdout
    assert "first" in alone.stdout


@pytest.mark.parametrize(("target", "name"), [("1", "1"), ("V", "V"), ("unit:first:2", "first-2")])
def test_activation_max_writes_the_inputs_and_their_picture(model, tmp_path, target, name):
    extra = ["--class-names", "N,V,S"] if target == "V" else []
    words = ["activation-max", model, "-t", target, "-o", tmp_path, "--seeds", 2, "--steps", 5, "--fs", 30]
    run(*words, "--band", 1, 10, "--option", "smoothness=0.1", *extra)
    with np.load(tmp_path / f"net_activation-max_{name}.npz") as found:
        assert found["x"].shape == (2, 60, 1)
        assert found["history"].shape == (6, 2)
        target_here = {"1": 1, "V": 1, "unit:first:2": ss.Unit("first", 2)}[target]
        score, x = ss.Score(str(model), target_here).bind(found["x"])
        np.testing.assert_allclose(score(x), found["score"], rtol=1e-4, atol=1e-5)
        spectrum = np.abs(np.fft.rfft(found["x"], axis=1))
        outside = (np.fft.rfftfreq(60, 1 / 30) < 0.9) | (np.fft.rfftfreq(60, 1 / 30) > 10.1)
        assert spectrum[:, outside].max() < 1e-3 * spectrum.max()
    assert imread(tmp_path / f"net_activation-max_{name}.png").std() > 0.01
    done = run(*words, *extra, code=1)
    assert "is already there; give --overwrite" in done.stderr


def test_average_maps_are_those_of_class_averages(model, data, tmp_path):
    run("average-maps", model, data, "-o", tmp_path, "--fs", 30, "--label-names", "N,V,S", "--difference", 1, 0)
    found = ss.load_averages(tmp_path / "beats_average_saliency.npz")
    with np.load(data) as arrays:
        maps = ss.saliency(str(model), arrays["X"], arrays["Y"])
        for label in (0, 1, 2):
            expected = maps[arrays["Y"] == label].mean(0)
            np.testing.assert_allclose(found.mean[label], expected, rtol=1e-4, atol=1e-7)
    assert imread(tmp_path / "beats_average_saliency.png").std() > 0.01


def test_average_maps_of_labels_that_are_other_numbers(model, data, tmp_path):
    with np.load(data) as arrays:
        x, y = arrays["X"], arrays["Y"]
    np.savez(tmp_path / "ucr.npz", X=x, Y=np.array([-1, 1, 7])[y])
    words = ["average-maps", model, tmp_path / "ucr.npz", "-o", tmp_path]
    assert "target -1 is out of range" in run(*words, code=1).stderr
    run(*words, "--label-names", "-1,1,7")
    found = ss.load_averages(tmp_path / "ucr_average_saliency.npz")
    assert found.labels == (-1, 1, 7)
    expected = ss.saliency(str(model), x[y == 0], 0).mean(0)
    np.testing.assert_allclose(found.mean[-1], expected, rtol=1e-4, atol=1e-7)


def test_average_maps_of_volumes_are_drawn_at_their_middle(tmp_path):
    layers = keras.layers
    net = keras.Sequential([keras.Input((6, 5, 4, 1)), layers.Conv3D(2, 3), layers.Flatten(), layers.Dense(2)])
    net.save(tmp_path / "net.keras")
    x = np.random.default_rng(0).normal(size=(4, 6, 5, 4, 1)).astype("float32")
    np.savez(tmp_path / "v.npz", X=x, Y=[0, 1, 0, 1])
    run("average-maps", tmp_path / "net.keras", tmp_path / "v.npz", "--difference", 1, 0, "-o", tmp_path)
    assert imread(tmp_path / "v_average_saliency.png").std() > 0.01
    found = ss.load_averages(tmp_path / "v_average_saliency.npz")
    assert found.mean[0].shape == (6, 5, 4, 1)
    np.testing.assert_array_equal(found.slice(3).mean[1], found.mean[1][3])
    np.testing.assert_array_equal(found.slice(3).difference(1).error, found.difference(1).error[3])
    with pytest.raises(InputError, match="slice 6 is not there; the volumes have 0 to 5"):
        found.slice(6)
    with pytest.raises(InputError, match="the signals have 2 axes, and slices are of volumes"):
        found.slice(0).slice(0)


def test_filter_weights_are_drawn(model, tmp_path):
    run("filter-weights", model, "first", "--fs", 30, "--filter", 1, "--filter", 3, "-o", tmp_path)
    assert imread(tmp_path / "net_first_weights.png").std() > 0.01


@pytest.mark.parametrize("layer", ["first", "0"])
def test_activations_are_drawn_under_the_signal(model, tmp_path, layer):
    np.savez(tmp_path / "rec.npz", signal=np.random.default_rng(0).normal(size=(200, 1)), fs=30.0)
    run("activations", model, tmp_path / "rec.npz", layer, "--start", 2, "--normalise", "zscore", "-o", tmp_path)
    assert imread(tmp_path / f"rec_{layer}_activations.png").std() > 0.01


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["filter-weights", "{model}", "conv9", "-o", "{out}"], 1, "layers with filters: first, out"),
        (["filter-weights", "{model}", "first", "--filter", "4", "-o", "{out}"], 1, "4"),
        (["activations", "{model}", "{data}", "first", "-o", "{out}"], 1, "signal"),
        (["activation-max", "{model}", "-t", "7", "-o", "{out}"], 1, "target 7 is out of range"),
        (["activation-max", "{model}", "-t", "unit:conv9", "-o", "{out}"], 1, "layer 'conv9' is not in the model"),
        (["activation-max", "{model}", "-t", "1", "-o", "{out}", "--band", "1", "9"], 1, "fs"),
        (["activation-max", "{model}", "-t", "1", "-o", "{out}", "--option", "x=1"], 2, "'x=1' is no option here"),
        (
            ["average-maps", "{model}", "{data}", "-o", "{out}", "--difference", "1", "5"],
            1,
            "label 5 has no example in beats.npz; its labels are 0, 1, 2",
        ),
        (
            ["average-maps", "{none}", "{data}", "-o", "{out}", "--difference", "1", "5"],
            1,
            "label 5 has no example",
        ),
        (
            ["average-maps", "{model}", "{data}", "-o", "{out}", "--difference", "1", "1"],
            1,
            "1 twice is no difference",
        ),
        (["average-maps", "{model}", "{data}", "-o", "{out}", "-m", "gradient"], 2, "'gradient' is not known"),
        (["get-labels", "{model}"], 1, "cannot be read"),
    ],
)
def test_bad_input_is_one_sentence(model, data, tmp_path, words, code, message):
    given = {"model": model, "data": data, "out": tmp_path / "out", "none": tmp_path / "none.keras"}
    done = run(*(word.format(**given) for word in words), code=code)
    assert message in done.stderr
    assert not list((tmp_path / "out").glob("*.*"))


@pytest.mark.parametrize("flag", [None, "--no-examination"])
def test_the_examination_can_be_left_out_wherever_a_score_is_bound(model, data, tmp_path, monkeypatch, flag):
    """With it, what is not the model's own function is refused; the way out has to be there on the command line."""
    seen = []
    settled = examination.settled

    def recorded(score, inputs):
        seen.append(score.examine)
        return settled(score, inputs)

    monkeypatch.setattr(examination, "settled", recorded)
    np.savez(tmp_path / "r.npz", signal=np.random.default_rng(0).normal(size=(80, 1)), fs=60.0)
    flags = [] if flag is None else [flag]
    out = ["--out", tmp_path / "out"]
    for words in (
        ["activation-max", model, "--target", 0, "--steps", 2, *out],
        ["average-maps", model, data, *out],
        ["activations", model, tmp_path / "r.npz", "first", *out],
        ["model-summary", model, "--window", 8],
    ):
        seen.clear()
        run(*words, *flags)
        assert seen, words
        # Of an average, the model was examined once; what follows need not be examined again.
        assert seen[0] is (flag is None), words
