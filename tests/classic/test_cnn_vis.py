"""The older CNN-vis: its command, its files, and its bugs that are not here."""

import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from click.testing import CliRunner

import signalscreen as ss
from signalscreen.backend import keras
from signalscreen.classic import cnn_vis, spans
from signalscreen.classic.cnn_vis import average_maps, gradcam_maps, saliency_maps, target_of
from signalscreen.classic.cnn_vis_figures import draw_averages, draw_difference, draw_maps, draw_maximal
from signalscreen.cli import main
from signalscreen.cli.classic_cnn_vis import spread
from signalscreen.errors import InputError, LayerError, OptionError, SignalScreenWarning, TargetError
from signalscreen.score import Score
from tests.contract.zoo import randomise

L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.integers(0, 3, (12, 10, 14)).astype("int8")
Y = np.tile([1, 0], 6).astype("int8")
SIGNALS = RNG.normal(size=(8, 30, 2)).astype("float32")
FUNCTIONS = ("saliency", "grad-cam", "average-saliency", "average-gradcam")


@pytest.fixture(scope="module")
def net():
    """LeakyReLU throughout, as the bundled networks of the original; several output units; no layer "output"."""
    layers = [
        keras.Input((10, 14, 1)),
        L.Conv2D(5, 3, padding="same", name="first"),
        L.LeakyReLU(name="leaky"),
        L.Conv2D(4, 3, padding="same", name="second"),
        L.LeakyReLU(name="leaky_2"),
        L.Flatten(),
        L.Dense(6, name="hidden"),
        L.LeakyReLU(),
        L.Dense(3, activation="softmax", name="answers"),
    ]
    return randomise(keras.Sequential(layers))


@pytest.fixture(scope="module")
def files(tmp_path_factory, net):
    folder = tmp_path_factory.mktemp("cnn_vis")
    net.save(folder / "net.keras")
    with (folder / "d.pkl").open("wb") as file:
        pickle.dump((X, Y), file)
    np.savez(folder / "d.npz", X=X, Y=Y)
    return folder


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words):
    return CliRunner().invoke(main, ["classic", "cnn-vis", *map(str, words)], catch_exceptions=False)


def written(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


# --- the command ---------------------------------------------------------------------------------------------


def test_the_example_of_its_readme_as_written(files, work):
    done = run(
        "saliency",
        files / "net.keras",
        *"--data D --layer output --images 0 3 5 10".replace("D", str(files / "d.pkl")).split(),
    )
    assert (done.exit_code, done.stderr) == (0, "")
    assert written(work) == ["results/saliency_output_guided.png"]
    assert matplotlib.image.imread(work / "results" / "saliency_output_guided.png").std() > 0.05


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("-im 0 3 5 saliency m.h5", "-im 0 --images 3 --images 5 saliency m.h5"),
        ("saliency --images 0 3 -l x m.h5", "saliency --images 0 --images 3 -l x m.h5"),
        ("--images=0 3 5", "--images=0 --images 3 --images 5"),
        ("-im 1 --unit 2 -im 3", "-im 1 --unit 2 -im 3"),
        ("--unit 2 3", "--unit 2 3"),
        ("-im -1 4 -- 5 6", "-im -1 --images 4 -- 5 6"),
        ("-im", "-im"),
    ],
)
def test_numbers_of_images_end_at_the_next_word(words, wanted):
    assert spread(words.split()) == wanted.split()


@pytest.mark.parametrize("order", [0, 2])
def test_images_stand_anywhere(files, work, order):
    model, data = str(files / "net.keras"), ["-d", str(files / "d.npz")]
    images = ["-im", "1", "2"]
    words = [
        [*images, "grad-cam", model, *data],
        ["grad-cam", *images, model, *data],
        ["grad-cam", model, *images, *data],
    ]
    assert run(*words[order], "-bm", "relu").exit_code == 0
    assert written(work) == ["results/gradcam_output_relu.png"]


@pytest.mark.parametrize(
    ("modifier", "name"),
    [("None", "Vanilla"), ("vanilla", "Vanilla"), ("deconv", "deconv")],
)
def test_modifiers_and_their_files(files, work, modifier, name):
    done = run("saliency", files / "net.keras", "-d", files / "d.pkl", "-im", 0, "-bm", modifier)
    assert done.exit_code == 0
    assert written(work) == [f"results/saliency_output_{name}.png"]


def test_averages_and_their_files(files, work):
    assert run("average-saliency", files / "net.keras", "-d", files / "d.pkl").exit_code == 0
    assert written(work) == ["results/average_saliency_output_guided.png", "results/difference_AI.png"]
    words = ("average-gradcam", files / "net.keras", "-d", files / "d.pkl", "-bm", "None", "--out", work / "there")
    assert run(*words, "--label-names", "no,a/b").exit_code == 0
    assert written(work / "there") == ["average_gradcam_output_Vanilla.png", "difference_a_b_gradcam.png"]


@pytest.mark.parametrize(
    ("function", "shape"), [*zip(FUNCTIONS, [(8, 30), (8, 30, 1), (8, 30, 2), (8, 30)], strict=True)]
)
def test_signals(work, function, shape):
    layers = [keras.Input((30, shape[2] if len(shape) > 2 else 1)), L.Conv1D(4, 3, activation="relu"), L.Flatten()]
    randomise(keras.Sequential([*layers, L.Dense(1, activation="sigmoid", name="output")])).save("net.keras")
    np.savez("d.npz", X=SIGNALS.reshape(8, -1)[:, : np.prod(shape[1:])].reshape(shape), Y=np.arange(8) % 2)
    done = run(function, "net.keras", "-d", "d.npz", *(["-im", 1, 2] if "average" not in function else []))
    assert (done.exit_code, done.stderr) == (0, "")
    assert len(written(work / "results")) == (2 if "average" in function else 1)


def test_other_units_and_layers(files, work):
    more = ("-d", files / "d.npz", "-im", 0, "-bm", "None")
    for words, name in ((("--unit", 2), "output_unit2"), (("-l", "hidden", "--unit", 5), "hidden_unit5")):
        assert run("saliency", files / "net.keras", *more, *words, "--out", work / "o").exit_code == 0
        assert (work / "o" / f"saliency_{name}_Vanilla.png").exists()


def test_each_unit_and_layer_has_a_map_of_its_own(net):
    x = X[:2, ..., None]
    named = [("output", 0), ("output", 2), ("second", 0), ("second", 3), ("hidden", 5)]
    maps = [saliency_maps(net, x, target_of(net, layer, unit), "none") for layer, unit in named]
    for i, one in enumerate(maps):
        assert all(np.abs(one - other).max() > 0.1 for other in maps[:i])
    # "output" is the model's where no layer is called so
    np.testing.assert_allclose(maps[1], saliency_maps(net, x, ss.Unit("answers", 2), "none"), atol=1e-6)


@pytest.mark.parametrize(
    ("function", "more", "words"),
    [
        ("saliency", [], "saliency needs --data and --images; give both"),
        ("grad-cam", ["-d", "{d}"], "grad-cam needs --images; give it"),
        ("grad-cam", ["-im", "1"], "grad-cam needs --data; give it"),
        ("average-saliency", [], "average-saliency needs --data; give it"),
        ("average-gradcam", [], "average-gradcam needs --data; give it"),
        ("get-labels", [], "get-labels needs --data; give it"),
        ("saliency", ["-d", "{d}", "-im", "1", "-bm", "smooth"], "'smooth' is not one of"),
        ("heatmap", [], "'heatmap' is not one of"),
        ("saliency", ["-d", "{d}", "-im"], "requires an argument"),
        ("saliency", ["-d", "{d}", "-im", "x"], "not a valid integer"),
    ],
)
def test_what_is_missing_is_said_and_ends_with_2(files, work, function, more, words):
    done = run(function, files / "net.keras", *(word.format(d=files / "d.pkl") for word in more))
    assert done.exit_code == 2
    assert words in done.stderr
    assert written(work) == []


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["-im", "0", "12"], "there is no image 12; the data hold 12, 0 to 11"),
        (["-im", "-1"], "there is no image -1"),
        (["-im", "0", "--unit", "3"], "target 3 is out of range"),
        (["-im", "0", "-l", "second", "--unit", "4"], "filter 4 is out of range"),
        (["-im", "0", "-l", "third"], "layer 'third' is not in the model"),
        (["-im", "0", "--label-names", "only"], "has the label 1, and --label-names only names 0 to 0"),
        (["-im", "0", "-d", "none.pkl"], "there is no file none.pkl"),
        (["-im", "0", "-d", "bad.pkl"], "asks for posix.mkdir, and nothing of it was run"),
        (["-im", "0", "-d", "one.pkl"], "holds a ndarray; pickle the tuple (X, Y)"),
        (["-im", "0", "-d", "short.npz"], "holds 3 examples and Y of shape (2,)"),
        (["-im", "0", "-d", "names.npz"], "does not hold X and Y"),
        (["-im", "0", "-d", "objects.npz"], "cannot be read as an .npz file of numbers"),
        (["-im", "0", "-d", "ragged.pkl"], "examples of different sizes"),
        (["-im", "0", "-d", "parts.npz"], "one whole number for each example"),
        (["-im", "0", "-d", "text.npz"], "give arrays of numbers"),
        (["-im", "0", "-d", "size.npz"], "expects (batch, 10, 14, 1)"),
        (["-im", "0", "--out", "bad.pkl/x"], "nothing can be written to"),
    ],
)
def test_known_errors_are_one_line_and_end_with_1(files, work, more, words):
    import os

    class Bad:
        def __reduce__(self):
            return os.mkdir, ("made",)

    for name, value in (("bad", (X, Bad())), ("one", X), ("ragged", ([np.zeros(3), np.zeros(4)], [0, 1]))):
        (work / f"{name}.pkl").write_bytes(pickle.dumps(value))
    np.savez("short.npz", X=X[:3], Y=Y[:2])
    np.savez("names.npz", x=X, y=Y)
    np.savez("objects.npz", X=np.array([None]), Y=Y)
    np.savez("parts.npz", X=X, Y=Y / 2)
    np.savez("text.npz", X=X, Y=Y.astype(str))
    np.savez("size.npz", X=X[:, 1:], Y=Y)
    before = written(work)
    done = run("saliency", files / "net.keras", *([] if "-d" in more else ["-d", files / "d.pkl"]), *more)
    assert done.exit_code == 1
    assert words in done.stderr
    assert (done.stderr.startswith("error: "), done.stderr.count("\n")) == (True, 1)
    assert written(work) == before
    assert not (work / "made").exists()


def test_a_label_without_examples_is_said_and_the_rest_is_drawn(files, work):
    np.savez("d.npz", X=X[:4], Y=np.ones(4))
    done = run("average-saliency", files / "net.keras", "-d", "d.npz")
    assert done.exit_code == 0
    assert done.stderr == "warning: no example has the label '-', so its average and the difference are left out\n"
    assert written(work / "results") == ["average_saliency_output_guided.png"]


def test_summary_and_labels(files, work):
    done = run("model-summary", files / "net.keras")
    assert "second" in done.stdout
    assert "Total params" in done.stdout
    assert "None\n" not in done.stdout.replace("(None", "")
    labels = run("get-labels", files / "net.keras", "-d", files / "d.pkl").stdout.splitlines()
    assert labels[:3] == ["(0): AI", "(1): -", "(2): AI"]
    assert len(labels) == 12
    named = run("get-labels", files / "net.keras", "-d", files / "d.pkl", "--label-names", "no, yes")
    assert named.stdout.splitlines()[:2] == ["(0): yes", "(1): no"]
    assert written(work) == []


@pytest.mark.parametrize(
    "words", [["vis", "-h"], ["cnn-vis", "-h"], ["cnn-vis", "get-labels", "none", "-d", "d.npz"]]
)
def test_help_and_labels_do_without_tensorflow(words, files):
    code = (
        "import sys; from signalscreen.cli import main\n"
        "try: main(['classic', *sys.argv[1:]])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    words = [str(files / word) if word.endswith(".npz") else word for word in words]
    root = Path(ss.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("layer", ["second", "output"])
def test_filter_weights_writes_a_file(files, work, layer):
    done = run("filter-weights", files / "net.keras", "-l", layer)
    assert (done.exit_code, done.stderr) == (0, "")
    assert written(work) == [f"results/filter_weights_{'answers' if layer == 'output' else layer}.png"]


# --- what is computed ----------------------------------------------------------------------------------------

RULES = {"none": "saliency", "vanilla": "saliency", "guided": "guided_backprop"}
RULES |= dict.fromkeys(("rectified", "deconv", "relu"), "deconvnet")


@pytest.mark.parametrize("backprop", list(RULES))
def test_saliency_is_that_of_the_methods(net, backprop):
    assert set(RULES) == set(cnn_vis.RULES)
    x = X[:3, ..., None].astype("float32")
    expected = np.abs(ss.explain(net, x, 1, method=RULES[backprop])).max(-1)
    low, high = expected.min((1, 2), keepdims=True), expected.max((1, 2), keepdims=True)
    found = saliency_maps(net, x, 1, backprop)
    span = np.where(high > low, high - low, 1)  # a map that the rule leaves flat is zeros
    np.testing.assert_allclose(found, (expected - low) / span, atol=1e-6)
    assert found.max() == 1


def test_guided_goes_through_leaky_rectifiers(net):
    x = X[:3, ..., None].astype("float32")
    vanilla, guided, deconv = (saliency_maps(net, x, 0, rule) for rule in ("none", "guided", "deconv"))
    assert np.abs(vanilla - guided).max() > 0.1
    assert np.abs(guided - deconv).max() > 0.01


def test_grad_cam_without_a_modifier_is_that_of_the_paper(net):
    x = X[:3, ..., None].astype("float32")
    expected = ss.reduce(ss.grad_cam(net, x, 2)[..., None], "sum", scale="min_max")
    np.testing.assert_allclose(gradcam_maps(net, x, 2, "none"), expected, atol=1e-6)
    assert np.abs(gradcam_maps(net, x, 2, "guided") - expected).max() > 0.01
    with pytest.raises(OptionError, match="rules 'smooth' is not known"):
        ss.grad_cam(net, x, 2, rules="smooth")


def test_grad_cam_with_a_modifier_weighs_by_its_gradient(net):
    """By hand through the dense head: leaky rectifiers pass what is positive on both sides."""
    x = X[:2, ..., None].astype("float32")
    score, bound = Score(net, 1).bind(x)
    maps, gradient = score.activations(bound, "leaky_2", rules="guided")
    hidden, answers = net.get_layer("hidden"), net.get_layer("answers")
    flat = maps.reshape(2, -1)
    before = flat @ np.asarray(hidden.kernel) + np.asarray(hidden.bias)
    back = np.asarray(answers.kernel)[:, 1] * np.where(before > 0, 1, 0)
    back = np.maximum(back, 0) * (before > 0)
    np.testing.assert_allclose(gradient.reshape(2, -1), back @ np.asarray(hidden.kernel).T, atol=1e-5)
    _, plain = score.activations(bound, "leaky_2")
    assert np.abs(plain - gradient).max() > 0.01


def test_grad_cam_of_a_filter_looks_before_its_own_layer(net):
    x = X[:2, ..., None].astype("float32")
    unit = ss.Unit("second", 1)
    found = ss.grad_cam(net, x, unit)
    np.testing.assert_array_equal(found, ss.grad_cam(net, x, unit, layer="leaky"))
    first = ss.grad_cam(net, x, ss.Unit("first", 1))  # nothing with weights lies before it
    expected = np.maximum(ss.activations(net, x, "first")[..., 1], 0)
    np.testing.assert_allclose(first / first.max(), expected / expected.max(), atol=1e-5)


def test_targets(net):
    assert target_of(net, "output", 2) == 2
    assert target_of(net, "second", 2) == ss.Unit("second", 2)
    named = keras.Sequential([keras.Input((4, 1)), L.Conv1D(2, 2, name="output"), L.Flatten(), L.Dense(1)])
    assert target_of(named, "output", 1) == ss.Unit("output", 1)
    with pytest.raises(TargetError):
        saliency_maps(net, X[:1, ..., None], target_of(net, "output", 5), "none")


@pytest.mark.parametrize("cam", [False, True])
def test_averages_are_means_of_the_maps_of_each_label(net, cam):
    x = X[..., None].astype("float32")
    names = ["a", "b", "b", "c"] * 3
    found = average_maps(net, x, names, 1, "guided", cam=cam)
    maps = (gradcam_maps if cam else saliency_maps)(net, x, 1, "guided")
    members = np.array(names) == "b"
    assert found.labels == ("a", "b", "c")
    assert found.counts["b"] == 6
    np.testing.assert_allclose(found.mean["b"], maps[members].mean(0), atol=1e-5)
    expected = maps[members].mean(0) - maps[~members].mean(0)
    np.testing.assert_allclose(cnn_vis.less_others(found, "b"), expected, atol=1e-5)


# --- inputs made for a unit ------------------------------------------------------------------------------------


def test_activation_max_of_any_layers_and_its_file(files, work, monkeypatch):
    """Of every layer with a kernel, by any name; a few steps are enough to see that."""
    monkeypatch.setattr(cnn_vis, "maximize_activation", partial(ss.maximize_activation, steps=8))
    done = run("activation-max", files / "net.keras", "--unit", 2)
    assert (done.exit_code, done.stderr) == (0, "")
    assert written(work) == ["results/actmax_unit2_Vanilla.png"]
    done = run("activation-max", files / "net.keras", "-l", "hidden", "-bm", "deconv")
    assert done.exit_code == 0
    assert written(work / "results") == ["actmax_deconv.png", "actmax_unit2_Vanilla.png"]


def test_made_inputs_raise_the_unit_more_than_noise_does(net):
    names = cnn_vis.layers_with_units(net)
    assert names == ["first", "second", "hidden", "answers"]
    free = cnn_vis.maximal_inputs(net, ["second", "output"], 2)
    noise = RNG.normal(size=(50, 10, 14, 1)).astype("float32")
    noise /= np.sqrt((noise**2).mean(axis=(1, 2, 3), keepdims=True))
    for made, target in zip(free, (ss.Unit("second", 2), 2), strict=True):
        score, x = Score(net, target).bind(np.concatenate([made[None], noise]))
        values = score(x)
        assert values[0] > values[1:].max()
        assert np.sqrt((made**2).mean()) <= 1.001


def pixels(first=None):
    """A network of pictures of 0 to 255: the unit gives the mean of the left, less half the right, less 30."""
    layers = [keras.Input((8, 8, 1)), *([first] if first else []), L.Conv2D(1, 8, activation="relu", name="c")]
    net = keras.Sequential([*layers, L.Flatten(), L.Dense(1)])
    kernel = np.ones((8, 8, 1, 1), "float32")
    kernel[:, 4:] = -0.5
    unit = 1.0 if first is None else 255.0
    net.get_layer("c").set_weights([kernel / 32, np.array([-30 / unit], "float32")])
    return net


BEST = np.where(np.arange(8) < 4, 255.0, 0.0) * np.ones((8, 1))


@pytest.mark.parametrize("first", [None, "rescaling"])
@pytest.mark.parametrize("how", ["data", "range", "nothing"])
def test_of_pictures_of_0_to_255_the_best_is_found(first, how):
    """It is known: white on the left, black on the right; noise of unit size raises nothing at all."""
    net = pixels(L.Rescaling(1 / 255) if first else None)
    data = RNG.integers(0, 256, (20, 8, 8, 1)).astype("float32")
    data[0] = 255.0
    among = spans.allowed(net, data if how == "data" else None, (0.0, 255.0) if how == "range" else None)
    [made] = cnn_vis.maximal_inputs(net, ["c"], 0, among=among)
    assert made.min() >= 0
    assert made.max() <= 255
    assert np.abs(made[..., 0] - BEST).max() < 0.02 * 255


@pytest.mark.parametrize(
    ("layer", "limits"),
    [
        (L.Rescaling(1 / 255), (0, 255)),
        (L.Rescaling(1 / 127.5, offset=-1), (0, 255)),
        (L.Rescaling(1 / 255, offset=-0.5), (0, 255)),
        (L.Normalization(mean=100.0, variance=16.0), (88, 112)),
        (L.Rescaling(-1.0), None),
        (L.Rescaling(2.0, offset=1.0), None),
        (L.ReLU(), None),
    ],
)
def test_what_the_first_layer_says_of_its_input(layer, limits):
    net = keras.Sequential([keras.Input((4, 1)), keras.Sequential([layer]), L.Flatten(), L.Dense(1)])
    net.build((None, 4, 1))
    found = spans.of_model(net)
    assert found is None if limits is None else found.limits == pytest.approx(limits)


def test_a_network_that_begins_with_batch_normalisation_says_what_it_saw():
    layer = L.BatchNormalization()
    net = keras.Sequential([keras.Input((4, 2)), layer, L.Flatten(), L.Dense(1)])
    layer.moving_mean.assign([10.0, 50.0])
    layer.moving_variance.assign([4.0, 1.0])
    assert spans.of_model(net).limits == (4.0, 53.0)
    layer.moving_variance.assign([0.0, np.nan])
    assert spans.of_model(net) is None


def test_of_data_the_values_and_the_strength_count():
    x = np.array([[3.0, -4.0], [0.0, 5.0]])
    assert spans.of_data(x)[:2] == ((-4.0, 5.0), np.sqrt(12.5))
    for wrong in (np.ones((2, 3)), np.array([[0.0, np.nan]])):
        with pytest.raises(InputError, match="--input-range"):
            spans.of_data(wrong)
    with pytest.raises(InputError, match="lowest value, then the highest"):
        spans.of_limits(255, 0)


def test_the_command_says_what_inputs_are_made_of(files, work, monkeypatch):
    monkeypatch.setattr(cnn_vis, "maximize_activation", partial(ss.maximize_activation, steps=4))
    words = ["activation-max", files / "net.keras", "-l", "hidden"]
    assert "root mean square 1 at most; --data or --input-range says others" in run(*words).output
    assert "made of values of 0 to 2, root mean square" in run(*words, "-d", files / "d.pkl").output
    assert "made of values of -1 to 3\n" in run(*words, "--input-range", -1, 3).output
    assert run(*words, "--input-range", 3, 1).exit_code == 1


def test_a_unit_that_nothing_raises_is_said(recwarn):
    dead = keras.Sequential([keras.Input((8, 1)), L.Conv1D(2, 3, name="c"), L.Flatten(), L.Dense(1)])
    for weight in dead.weights:
        weight.assign(np.zeros(weight.shape))
    cnn_vis.maximal_inputs(dead, ["c"], 1)
    [said] = [w.message for w in recwarn if issubclass(w.category, SignalScreenWarning)]
    assert "unit 1 of 'c' answers to more than to the noise" in str(said)
    bare = keras.Sequential([keras.Input((8, 1)), L.GlobalAveragePooling1D()])
    with pytest.raises(LayerError, match="no convolution or dense layer"):
        cnn_vis.layers_with_units(bare)


@pytest.mark.parametrize("shape", [(30, 1), (30, 3), (9, 8, 1), (9, 8, 3), (9, 8, 2)])
def test_made_inputs_of_any_kind_can_be_drawn(shape):
    figure = draw_maximal([RNG.normal(size=shape)] * 3, ["a", "b", "c"])
    assert [ax.get_title() for ax in figure.axes if ax.get_title()] == ["a", "b", "c"]
    figure.draw_without_rendering()


# --- pictures ------------------------------------------------------------------------------------------------


def test_examples_stand_above_their_maps_on_one_scale():
    maps = RNG.random((7, 10, 14))
    figure = draw_maps(X[:7, ..., None], maps, [str(i) for i in range(7)], "saliency (0 to 1)")
    drawn = [ax for ax in figure.axes if ax.images]
    assert len(drawn) == 14
    assert [ax.get_title() for ax in drawn[:5]] == ["0", "1", "2", "3", "4"]
    heats = [ax.images[0] for ax in drawn if not ax.get_title()]
    np.testing.assert_array_equal(heats[6].get_array(), maps[6])
    assert len({heat.get_clim() for heat in heats}) == 1
    assert figure.axes[-1].get_ylabel() == "saliency (0 to 1)"


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_grad_cam_lies_over_images_of_any_channels(channels):
    x = RNG.random((2, 10, 14, channels)).astype("float32")
    figure = draw_maps(x, RNG.random((2, 10, 14)), ["a", "b"], "Grad-CAM", over=True)
    assert sorted(len(ax.images) for ax in figure.axes[:4]) == [1, 1, 2, 2]


def averages(*maps):
    names = "abc"[: len(maps)]
    mean = dict(zip(names, maps, strict=True))
    counts, signal = dict.fromkeys(names, 3), {name: np.zeros((*one.shape, 1)) for name, one in mean.items()}
    return ss.ClassAverages(tuple(names), counts, mean, mean, signal, "saliency", "0", "logit")


@pytest.mark.parametrize("shape", [(10, 14), (30,)])
def test_averages_share_a_scale_and_a_difference_is_grey_at_zero(shape):
    found = averages(RNG.random(shape), 3 * RNG.random(shape))
    figure = draw_averages(found, "mean", fine=False)
    drawn = [(ax.images or ax.collections)[0] for ax in figure.axes[:2]]
    assert drawn[0].get_clim() == drawn[1].get_clim() == (0, max(m.max() for m in found.mean.values()))
    assert [ax.get_title() for ax in figure.axes[:2]] == ["a (mean of 3)", "b (mean of 3)"]
    ax = draw_difference(found.signal["a"], cnn_vis.less_others(found, "a"), "a less b", "", fine=True).axes[0]
    low, high = (ax.images or ax.collections)[0].get_clim()
    assert low == -high < 0


def test_flat_maps_can_be_drawn():
    for x, maps in ((X[:2, ..., None], np.zeros((2, 10, 14))), (SIGNALS[:2], np.zeros((2, 30)))):
        for over in (False, True):
            draw_maps(x, maps, ["a", "b"], "", over=over).draw_without_rendering()
        draw_averages(averages(maps[0]), "", fine=True).draw_without_rendering()
        draw_difference(x[0], maps[0], "", "", fine=True).draw_without_rendering()


# --- its own network and windows ------------------------------------------------------------------------------


def test_its_own_network_and_windows(real_data, work):
    """Guided differs from vanilla through LeakyReLU, which it did not in the original; averages are drawn."""
    with np.load(real_data / "model_cnnvis" / "windows_100.npz") as stored:
        windows, labels = stored["X"][:30], stored["Y"][:30]
    with (work / "d.pkl").open("wb") as file:
        pickle.dump((windows, labels), file, 2)
    path = real_data / "model_cnnvis" / "NEW_cnn_1562604956.hdf5"
    for words in (
        ["saliency", path, "--data", "d.pkl", "--layer", "output", "--images", 0, 3, 5, 10],
        ["average-saliency", path, "-d", "d.pkl", "-bm", "None"],
    ):
        done = run(*words)
        assert (done.exit_code, done.stderr) == (0, "")
    assert written(work / "results") == [
        "average_saliency_output_Vanilla.png",
        "difference_AI.png",
        "saliency_output_guided.png",
    ]
    model = ss.load_model(path)
    x = windows[:4, ..., None]
    vanilla, guided = (saliency_maps(model, x, target_of(model, "output", 0), rule) for rule in ("none", "guided"))
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(vanilla, guided, strict=True)]
    assert max(correlation) < 0.95


@pytest.mark.parametrize("function", ["saliency", "average-gradcam"])
def test_volumes_are_refused(function, work):
    net = keras.Sequential([keras.Input((4, 5, 6, 1)), keras.layers.Conv3D(2, 3), keras.layers.Flatten()])
    net.save(work / "volumes.keras")
    np.savez(work / "v.npz", X=np.zeros((2, 4, 5, 6, 1)), Y=[0, 1])
    done = run(function, work / "volumes.keras", "-d", work / "v.npz", "-im", 0)
    assert done.exit_code == 1
    assert "4, 5, 6, 1), and cnn-vis draws signals and images" in done.stderr
    assert not written(work / "results")
