"""The older vis: its flags, file names and functions, and its bugs that are not here."""

import matplotlib.image
import matplotlib.pyplot as plt
import numpy as np
import pytest
from click.testing import CliRunner

import signalscreen as ss
from signalscreen.backend import keras
from signalscreen.classic import (
    display_1d,
    display_2d,
    visualize,
    visualize_integrated_gradients,
    visualize_shap,
)
from signalscreen.cli import main
from signalscreen.errors import InputError, LayerError, OptionError, SignalScreenWarning, TargetError
from tests.contract.zoo import randomise

L = keras.layers
RNG = np.random.default_rng(0)
SIGNAL = RNG.normal(size=(40, 2)).astype("float32")
IMAGE = RNG.normal(size=(12, 16, 3)).astype("float32")
WAYS = ("cam", "shap", "integrated_grad", "integrated_gradients", "saliency")


def build(rank, shape):
    conv, pool = getattr(L, f"Conv{rank}D"), getattr(L, f"GlobalAveragePooling{rank}D")
    layers = [
        keras.Input(shape),
        conv(6, 3, padding="same", activation="relu", name="early"),
        conv(5, 3, padding="same", name="late"),
        L.LeakyReLU(name="leaky"),
        pool(),
        L.Dense(3, activation="softmax"),
    ]
    return randomise(keras.Sequential(layers))


@pytest.fixture(scope="module")
def net1():
    return build(1, (40, 2))


@pytest.fixture(scope="module")
def net2():
    return build(2, (12, 16, 3))


@pytest.fixture(scope="module")
def files(tmp_path_factory, net1, net2):
    folder = tmp_path_factory.mktemp("vis")
    net1.save(folder / "one.keras")
    net2.save(folder / "two.keras")
    np.save(folder / "one_pre.npy", SIGNAL)
    np.save(folder / "one_bg.npy", np.zeros_like(SIGNAL))
    np.save(folder / "two_pre.npy", IMAGE)
    np.save(folder / "two_bg.npy", np.zeros_like(IMAGE))
    return folder


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Nothing is left in the working directory, and no figure stays open."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    yield
    left = plt.get_fignums()
    plt.close("all")
    assert list(work.iterdir()) == []
    assert not left


def run(*words):
    return CliRunner().invoke(main, ["classic", "vis", *map(str, words)], catch_exceptions=False)


def given(files, drawn, rank="one", *more):
    words = ("--model", files / f"{rank}.keras", "--preprocessed_img", files / f"{rank}_pre.npy")
    return (*words, "--unprocessed_img", drawn, *more)


@pytest.fixture
def signal(tmp_path):
    np.save(tmp_path / "raw.npy", 100 * SIGNAL[:, :1])
    return tmp_path / "raw.npy"


@pytest.fixture
def picture(tmp_path):
    pixels = (RNG.random((60, 80, 3)) * 255).astype("uint8")
    matplotlib.image.imsave(tmp_path / "raw.jpg", pixels)
    return tmp_path / "raw.jpg"


# --- the command ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_every_way_on_a_signal_and_an_image(files, signal, picture, tmp_path, way):
    background = way not in ("cam", "saliency")
    also = [("two", picture)] if way in ("cam", "shap") else []
    for rank, drawn in [("one", signal), *also]:
        more = ("--background", files / f"{rank}_bg.npy") if background else ()
        done = run(*given(files, drawn, rank, "--vis", way, *more))
        named = drawn.with_name(f"raw_explained_{way}.png")
        assert (done.exit_code, done.stderr) == (0, "")
        assert f"Saving Figure to {named}" in done.stdout
        assert matplotlib.image.imread(named).shape[1] == 1500
    assert sorted(p.suffix for p in tmp_path.glob("raw*")) == [".jpg", ".npy", ".png"]


def test_cam_is_what_is_drawn_by_default(files, signal):
    done = run(*given(files, signal))
    assert done.exit_code == 0
    assert signal.with_name("raw_explained_cam.png").exists()
    assert "--conv_layer chooses another" in done.stdout


def test_out_writes_elsewhere(files, signal, tmp_path):
    out = tmp_path / "new" / "folder"
    assert run(*given(files, signal, "one", "--out", out)).exit_code == 0
    assert [p.name for p in out.iterdir()] == ["raw_explained_cam.png"]
    assert not signal.with_name("raw_explained_cam.png").exists()


def test_endings_of_any_length_are_taken_off(files, tmp_path):
    drawn = tmp_path / "a.b.jpeg"
    matplotlib.image.imsave(drawn, np.zeros((12, 16, 3), "uint8"), format="jpeg")
    assert run(*given(files, drawn, "two")).exit_code == 0
    assert (tmp_path / "a.b_explained_cam.png").exists()


@pytest.mark.parametrize(("word", "shown"), [("False", 0), ("no", 0), ("true", 1), ("1", 1), (None, 0)])
def test_show_false_does_not_show(files, signal, monkeypatch, word, shown):
    calls = []
    monkeypatch.setattr(plt, "show", lambda: calls.append(plt.get_fignums()))
    monkeypatch.setattr(plt, "get_backend", lambda: "qtagg")
    done = run(*given(files, signal, "one", *(["--show", word] if word else [])))
    assert done.exit_code == 0
    assert len(calls) == shown
    assert all(calls)  # while its figure was open


def test_show_says_when_no_window_can_be_opened(files, signal):
    done = run(*given(files, signal, "one", "--show", "true"))
    assert done.exit_code == 0
    assert "warning: matplotlib's backend agg opens no windows" in done.stderr.lower()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--show", "perhaps"], "not a valid boolean"),
        (["--vis", "lime"], "'lime' is not one of"),
        (["--vis", "shap"], "give --background"),
        (["--clip", "0.5"], "not in the range"),
        (["--contrast", "0"], "not in the range"),
        (["--conv_layer", "last"], "not a valid integer"),
    ],
)
def test_wrong_calls_end_with_2(files, signal, more, words):
    done = run(*given(files, signal, "one", *more))
    assert done.exit_code == 2
    assert words in done.stderr


@pytest.mark.parametrize("missing", ["--model", "--unprocessed_img", "--preprocessed_img"])
def test_what_is_required_is_asked_for(files, signal, missing):
    words = [str(word) for word in given(files, signal)]
    at = words.index(missing)
    done = run(*words[:at], *words[at + 2 :])
    assert done.exit_code == 2
    assert f"Missing option '{missing}'" in done.stderr


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--neuron", "3"], "target 3 is out of range"),
        (["--conv_layer", "40"], "layer 40 is not in the model"),
        (["--conv_layer", "-1"], "no feature map"),
        (["--out", "{file}/x"], "nothing can be written to"),
        (["--vis", "shap", "--background", "{none}"], "there is no file"),
        (["--vis", "shap", "--background", "{file}"], "background has shape"),
        (["--preprocessed_img", "{jpg}"], "is no .npy file"),
        (["--unprocessed_img", "{none}"], "there is no file"),
        (["--unprocessed_img", "{text}"], "notes.doc is of no kind"),
    ],
)
def test_known_errors_are_one_line_and_end_with_1(files, signal, picture, tmp_path, more, words):
    np.save(tmp_path / "wrong.npy", np.zeros((3, 2)))
    (tmp_path / "notes.doc").touch()
    names = {
        "none": tmp_path / "none.npy",
        "file": tmp_path / "wrong.npy",
        "jpg": picture,
        "text": tmp_path / "notes.doc",
    }
    done = run(*given(files, signal, "one", *(word.format(**names) for word in more)))
    assert done.exit_code == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert not list(tmp_path.rglob("*explained*"))


def test_flags_without_a_part_are_named(files, signal):
    done = run(*given(files, signal, "one", "--clip", 2, "--background", files / "one_bg.npy"))
    assert done.exit_code == 0
    assert "--background has no part in --vis cam" in done.stderr
    assert "--clip has no part in --vis cam" in done.stderr
    done = run(*given(files, signal, "one", "--vis", "saliency", "--contrast", 3))
    assert done.exit_code == 0
    assert "--contrast has no part in drawing a signal" in done.stderr


@pytest.mark.parametrize("kind", ["csv", "png", "clear png", "npy", "grey npy"])
def test_kinds_of_unprocessed_files(files, tmp_path, kind):
    rank = "one" if kind == "csv" else "two"
    path = tmp_path / f"raw.{kind.split()[-1]}"
    if kind == "csv":
        path.write_text("ecg\n" + "\n".join(map(str, range(40))))
    elif "png" in kind:
        pixels = np.zeros((24, 32, 4 if "clear" in kind else 3), "uint8")
        matplotlib.image.imsave(path, pixels)
    else:
        np.save(path, np.zeros((24, 32) if "grey" in kind else (24, 32, 3), "uint8"))
    assert run(*given(files, path, rank)).exit_code == 0
    assert (tmp_path / "raw_explained_cam.png").exists()


# --- the functions -------------------------------------------------------------------------------------------


def explained(model, x, way, tmp_path, **options):
    options.setdefault("background", np.zeros_like(x) if way == "shap" else None)
    return visualize(model, x, None, way, tmp_path / "a", **options)


@pytest.mark.parametrize("rank", [1, 2])
def test_maps_are_those_of_the_methods(net1, net2, tmp_path, rank, capsys):
    model, x = (net1, SIGNAL) if rank == 1 else (net2, IMAGE)
    neuron = int(np.argmax(model(x[None])[0]))
    ways = {way: explained(model, x, way, tmp_path) for way in WAYS}
    np.testing.assert_array_equal(ways["integrated_grad"], ways["integrated_gradients"])
    assert all(found.shape == x.shape[:-1] for found in ways.values())
    saliency = ss.reduce(ss.guided_backprop(model, x, neuron), scale="min_max")[0]
    np.testing.assert_array_equal(ways["saliency"], saliency)
    lifted = np.abs(ss.deep_lift(model, x, neuron, references=np.zeros_like(x))[0]).max(-1)
    np.testing.assert_allclose(ways["shap"], lifted, rtol=1e-6)
    mean = ss.saliency(model, np.stack([x * i / 50 for i in range(50)]), neuron).mean(axis=0)
    np.testing.assert_allclose(ways["integrated_grad"], np.abs(x * mean).max(-1), rtol=1e-3, atol=1e-5)
    cam = ss.grad_cam(model, x, neuron)[0]
    np.testing.assert_allclose(ways["cam"], (cam - cam.min()) / np.ptp(cam), atol=1e-6)
    assert capsys.readouterr().out.count("Saving Figure to") == len(WAYS)


def test_a_channel_that_lowers_the_score_counts(tmp_path):
    """Merged over channels before the magnitude was taken, a strong negative channel was lost to a weak one."""
    net = keras.Sequential([keras.Input((4, 2)), L.Flatten(), L.Dense(2)])
    weights = np.zeros((8, 2), "float32")
    weights[2:4, 0] = (-5, 1)
    net.set_weights([weights, np.zeros(2)])
    x = np.ones((4, 2), "float32")
    for found in (
        explained(net, x, "shap", tmp_path, neuron=0),
        visualize_shap(net, x, np.zeros_like(x), 0),
        visualize_integrated_gradients(net, x, None, 0),
    ):
        np.testing.assert_allclose(found, [0, 5, 0, 0], atol=1e-5)


@pytest.mark.parametrize("way", ["shap", "integrated_grad", "saliency"])
def test_clip_truly_clips(net1, tmp_path, way):
    whole, cut = (explained(net1, SIGNAL, way, tmp_path, clip=clip) for clip in (1, 4))
    np.testing.assert_allclose(cut, np.minimum(whole, whole.max() / 4))
    assert cut.max() < whole.max()
    np.testing.assert_array_equal(
        explained(net1, SIGNAL, "cam", tmp_path, clip=1), explained(net1, SIGNAL, "cam", tmp_path, clip=4)
    )


@pytest.mark.parametrize("rank", [1, 2])
def test_flat_maps_are_zeros_and_never_nan(tmp_path, rank):
    shape = (20, 1) if rank == 1 else (8, 9, 1)
    model = build(rank, shape)
    for weight in model.weights:
        weight.assign(np.zeros(weight.shape))
    for way in WAYS if rank == 1 else ("cam", "saliency"):
        found = explained(model, np.ones(shape), way, tmp_path)
        np.testing.assert_array_equal(found, np.zeros(shape[:-1]))
        assert (tmp_path / f"a_explained_{way}.png").stat().st_size > 5000


def test_conv_layer_counts_from_either_end(net1, tmp_path):
    by_end = explained(net1, SIGNAL, "cam", tmp_path, conv_layer=-5)
    np.testing.assert_array_equal(by_end, explained(net1, SIGNAL, "cam", tmp_path, conv_layer=0))
    assert np.abs(by_end - explained(net1, SIGNAL, "cam", tmp_path)).max() > 0.01
    with pytest.raises(LayerError):
        explained(net1, SIGNAL, "cam", tmp_path, conv_layer=-6)


def test_the_title_has_the_probability_and_the_neuron_of_highest_activation(net1, tmp_path, monkeypatch):
    titles = []
    monkeypatch.setattr(plt, "close", lambda figure: titles.append(figure.axes[0].get_title()))
    explained(net1, SIGNAL, "saliency", tmp_path)
    explained(net1, SIGNAL, "saliency", tmp_path, neuron=-1)
    explained(net1, SIGNAL, "saliency", tmp_path, title="mine")
    monkeypatch.undo()
    plt.close("all")
    p = net1(SIGNAL[None]).numpy()[0]
    best = int(np.argmax(p))
    assert titles[0].startswith(f"Neuron {best} activation: ")
    assert titles[1].startswith("Neuron 2 activation: ")
    assert float(titles[0].split()[-1]) == pytest.approx(p[best], abs=2e-6)
    assert float(titles[1].split()[-1]) == pytest.approx(p[2], abs=2e-6)
    assert titles[2] == "mine"


def test_one_sigmoid_unit(tmp_path):
    layers = [keras.Input((20, 1)), L.Conv1D(3, 3, activation="relu"), L.Flatten(), L.Dense(1, "sigmoid")]
    model = randomise(keras.Sequential(layers))
    for way in ("cam", "integrated_grad"):
        assert explained(model, SIGNAL[:20, :1], way, tmp_path).shape == (20,)


def test_bad_arguments_are_said_before_anything_is_written(net1, net2, tmp_path):
    with pytest.raises(OptionError, match="'lime' is not known"):
        explained(net1, SIGNAL, "lime", tmp_path)
    with pytest.raises(OptionError, match="clip"):
        explained(net1, SIGNAL, "saliency", tmp_path, clip=0)
    with pytest.raises(OptionError, match="contrast"):
        explained(net2, IMAGE, "saliency", tmp_path, contrast=-1)
    with pytest.raises(OptionError, match="compares with a background"):
        explained(net1, SIGNAL, "shap", tmp_path, background=None)
    with pytest.raises(InputError, match="give one example"):
        explained(net1, np.stack([SIGNAL, SIGNAL]), "cam", tmp_path)
    with pytest.raises(InputError, match="background holds 2 examples"):
        explained(net1, SIGNAL, "integrated_grad", tmp_path, background=np.zeros((2, 40, 2)))
    with pytest.raises(TargetError):
        explained(net1, SIGNAL, "cam", tmp_path, neuron=3)
    with pytest.raises(InputError, match="unprocessed_img has shape"):
        visualize(net2, IMAGE, np.zeros(5), "cam", tmp_path / "a")
    assert not list(tmp_path.glob("*.png"))


def test_several_backgrounds_of_shap_are_averaged_over(net1):
    many = np.stack([np.zeros_like(SIGNAL), np.ones_like(SIGNAL)])
    found = visualize_shap(net1, SIGNAL, many, 1, explainer="kept for older calls")
    np.testing.assert_allclose(
        found, np.abs(ss.deep_lift(net1, SIGNAL, 1, references=many[None])[0]).max(-1), rtol=1e-6
    )


# --- the pictures --------------------------------------------------------------------------------------------


def test_a_signal_is_drawn_in_segments_of_two_points_over_its_own_samples():
    heat = np.linspace(0, 2, 100)
    figure = display_1d(heat, 50 * np.sin(np.arange(100)), 1, 0.25, vertical=[10, 30])
    ax, bar = figure.axes
    line, marks = ax.collections
    assert len(line.get_segments()) == 99
    assert [len(segment) for segment in line.get_segments()] == [2] * 99
    np.testing.assert_array_equal(line.get_array(), heat[:-1])
    assert line.get_linewidth() == [2]
    assert line.get_clim() == (0, 2)
    assert ax.get_title() == "Neuron 1 activation: 0.250000"
    assert ax.get_xlim()[0] < 0 < 99 < ax.get_xlim()[1] < 105  # not 7201 samples
    assert ax.get_ylim()[0] < -49 < 49 < ax.get_ylim()[1]
    assert ax.get_xlabel() == "Sample"
    assert bar.get_ylabel() == "importance"
    assert [segment[0][0] for segment in marks.get_segments()] == [10, 30]
    assert tuple(figure.get_size_inches()) == (15, 7)
    plt.close(figure)


def test_weak_values_are_grey_but_not_those_of_cam():
    colours = {}
    for cam in (False, True):
        figure = display_1d(np.arange(9), np.arange(9), 0, 0.5, cam=cam)
        colours[cam] = figure.axes[0].collections[0].get_cmap()
        plt.close(figure)
    np.testing.assert_allclose(colours[False](np.arange(25)), np.tile([0.8, 0.8, 0.8, 1], (25, 1)))
    reds = matplotlib.colormaps["Reds"]
    assert colours[False](30) == reds(30)
    red, green, blue, _ = colours[True](0)
    assert red > green + 0.1 > blue
    assert green < 0.85  # seen on white


def test_several_channels_and_an_axis_of_one_example_can_be_drawn():
    for signal in (SIGNAL, SIGNAL[None]):
        figure = display_1d(np.arange(40), signal, 0, 0.5)
        assert len(figure.axes[0].collections) >= 2
        plt.close(figure)


def test_an_image_is_drawn_beside_its_map_and_under_it():
    heat = np.arange(12.0).reshape(3, 4)
    figure = display_2d(heat, np.zeros((6, 8, 3), "uint8"), 2, 0.5, vis="saliency", annotations=[3])
    image, map_, overlay, bar = figure.axes
    assert [ax.get_title() for ax in (image, map_, overlay)] == [
        "Neuron 2 activation: 0.500000",
        "Importance map for neuron 2",
        "Overlay",
    ]
    assert map_.images[0].get_array().shape == (6, 8)  # brought to the image's size
    assert map_.images[0].get_clim() == (0, 11)
    assert [len(ax.images) for ax in (image, map_, overlay)] == [1, 1, 2]
    assert "guided gradient" in bar.get_ylabel()
    assert all(len(ax.collections) == 1 for ax in (image, map_, overlay))
    plt.close(figure)


def test_contrast_darkens_weak_values():
    mid = {}
    for contrast in (1, 2, 5):
        figure = display_2d(np.eye(4), np.zeros((4, 4)), 0, 0.5, vis="shap", contrast=contrast)
        cmap = figure.axes[1].images[0].get_cmap()
        assert cmap(0) == (1, 1, 1, 1)
        mid[contrast] = sum(cmap(60)[:3])
        plt.close(figure)
    assert mid[1] > mid[2] > mid[5]


def test_an_unprocessed_signal_is_drawn_where_it_lines_up(net1, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(plt, "close", lambda figure: drawn.append(figure.axes[0].collections))
    visualize(net1, SIGNAL, 100 * SIGNAL[:, 0], "saliency", tmp_path / "a")
    with pytest.warns(SignalScreenWarning, match=r"has shape \(7,\), not a value for each of the 40 samples"):
        visualize(net1, SIGNAL, np.zeros(7), "saliency", tmp_path / "a")
    visualize(net1, SIGNAL, None, "saliency", tmp_path / "a")
    monkeypatch.undo()
    plt.close("all")
    np.testing.assert_allclose(drawn[0][0].get_segments()[3][0][1], 100 * SIGNAL[3, 0], rtol=1e-6)
    assert [len([c for c in lines if hasattr(c, "stroke")]) for lines in drawn] == [1, 2, 2]


def test_a_library_call_says_when_no_window_can_be_opened(net1, tmp_path):
    with pytest.warns(SignalScreenWarning, match="opens no windows"):
        explained(net1, SIGNAL, "cam", tmp_path, show=True)
