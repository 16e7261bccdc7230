import builtins
import io
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

import signalscreen as ss
from signalscreen.errors import InputError, OptionError, OutputError
from signalscreen.plot import saliency_plot
from signalscreen.plot.colour import SIGNED, UNSIGNED

from .conftest import picture

RNG = np.random.default_rng(0)
SIGNALS = RNG.normal(size=(3, 40))
IMAGES = RNG.random((4, 6, 8))
VOLUMES = RNG.random((2, 5, 6, 8))


def layers(fig):
    """What lies in each panel with pictures: the arrays below and above."""
    return [[np.asarray(i.get_array()) for i in ax.images] for ax in fig.axes if ax.images]


@pytest.mark.parametrize("where", [None, -1, 1], ids=["none", "channels last", "channels first"])
@pytest.mark.parametrize("cam_where", [None, -1, 1])
def test_images_come_in_every_layout(where, cam_where):
    def laid(a, axis):
        return a if axis is None else np.expand_dims(a, axis)

    fig = saliency_plot(laid(IMAGES, where), laid(IMAGES * 2, cam_where), mode="2D")
    for panel, image in zip(layers(fig), IMAGES, strict=True):
        np.testing.assert_array_equal(panel[0], image)
        np.testing.assert_array_equal(panel[1], image * 2)


@pytest.mark.parametrize("where", [None, -1, 1], ids=["none", "channels last", "channels first"])
def test_volumes_come_in_every_layout_and_show_their_middle(where):
    x = VOLUMES if where is None else np.expand_dims(VOLUMES, where)
    fig = saliency_plot(x, -x)
    for panel, volume in zip(layers(fig), VOLUMES, strict=True):
        np.testing.assert_array_equal(panel[0], volume[2])
        np.testing.assert_array_equal(panel[1], -volume[2])
    assert fig.get_supxlabel() == "slice 2"


def test_signals_are_coloured_and_share_their_limits():
    for x in (SIGNALS, SIGNALS[..., None], SIGNALS[:, None]):
        fig = saliency_plot(x, SIGNALS * [[1], [2], [3]], mode="1D")
        lines = [ax.collections[0] for ax in fig.axes[:3]]
        assert {line.get_clim() for line in lines} == {lines[0].get_clim()}
        np.testing.assert_array_equal(lines[2].get_array(), 3 * SIGNALS[2, :-1])
        assert lines[0].get_cmap().name == SIGNED.name
    two = np.stack([SIGNALS, -SIGNALS], -1)
    assert len(saliency_plot(two, two, mode="1D").axes[0].collections) == 2
    assert len(saliency_plot(SIGNALS, mode="1D").axes) == 3


def test_a_slice_is_chosen():
    panel = layers(saliency_plot(VOLUMES, VOLUMES, sl=-1))[1]
    np.testing.assert_array_equal(panel, [VOLUMES[1, 4]] * 2)


def test_images_in_the_default_mode_are_drawn_as_images():
    assert len(layers(saliency_plot(IMAGES[:, None]))) == 4
    colours = RNG.random((2, 3, 6, 8))
    np.testing.assert_array_equal(layers(saliency_plot(colours, mode="2D"))[1][0], colours[1].transpose(1, 2, 0))


def test_a_single_example_may_come_alone():
    assert len(layers(saliency_plot(IMAGES[0], IMAGES[0], mode="2D"))) == 1
    assert len(layers(saliency_plot(VOLUMES[0], VOLUMES[0]))) == 1
    assert len(saliency_plot(SIGNALS[0], SIGNALS[0], mode="1D").axes) == 2


@pytest.mark.parametrize(("x", "mode"), [(VOLUMES[:1], "3D"), (IMAGES, "2D"), (SIGNALS, "1D")])
def test_of_a_list_each_map_has_its_panel_title_and_scale(x, mode):
    fig = saliency_plot(x, [np.abs(x), x - 0.5], titles=["CAM", "guided"], mode=mode)
    first, second = (part.axes[0] for part in fig.subfigs)
    limits = [(ax.images[1] if ax.images else ax.collections[0]).get_clim() for ax in (first, second)]
    assert limits[0] == (np.abs(x).min(), np.abs(x).max())
    assert limits[1] == (-np.abs(x - 0.5).max(), np.abs(x - 0.5).max())
    assert [part.get_suptitle() for part in fig.subfigs] == ["CAM", "guided"]
    picture(fig)


def test_the_grid_opacity_bar_frame_titles_and_size():
    fig = saliency_plot(IMAGES, IMAGES, alpha=0.3, nrow=2, mode="2D", titles="a b c d".split())
    panels = fig.axes[:4]
    assert panels[0].get_position().x0 == pytest.approx(panels[2].get_position().x0)
    assert [ax.get_title() for ax in panels] == list("abcd")
    assert panels[0].images[1].get_alpha() == 0.3
    assert len(fig.axes) == 5
    assert panels[0].axison
    small = fig.get_size_inches()
    fig = saliency_plot(IMAGES, IMAGES, nrow=2, mode="2D", scale=2, show_cb=False, show_axis=False)
    assert len(fig.axes) == 4
    assert not fig.axes[0].axison
    np.testing.assert_allclose(fig.get_size_inches(), 2 * small)


def test_tensors_of_pytorch_are_taken():
    class Tensor:  # as far as it matters here
        def __init__(self, values):
            self.values = values

        def detach(self):
            return self

        cpu = detach

        def numpy(self):
            return self.values

        def __array__(self, *args, **kwargs):
            raise RuntimeError("Can't call numpy() on Tensor that requires grad")

    panel = layers(saliency_plot(Tensor(IMAGES[:, None]), Tensor(IMAGES[:, None]), mode="2D"))[0]
    np.testing.assert_array_equal(panel[1], IMAGES[0])


def test_the_figure_is_written_where_asked_and_only_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saliency_plot(IMAGES, IMAGES, mode="2D")
    assert not list(tmp_path.iterdir())
    saliency_plot(IMAGES, IMAGES, mode="2D", save_fig=tmp_path / "maps.svg")
    assert [path.name for path in tmp_path.iterdir()] == ["maps.svg"]
    assert "<svg" in (tmp_path / "maps.svg").read_text()
    with pytest.raises(OptionError, match="save_fig is 1; give the path of the file"):
        saliency_plot(IMAGES, IMAGES, mode="2D", save_fig=1)
    with pytest.raises(OutputError, match="cannot be written"):
        saliency_plot(IMAGES, IMAGES, mode="2D", save_fig=tmp_path / "none" / "maps.png")


@pytest.mark.parametrize(("given", "there"), [(True, True), (False, False), (None, False)])
def test_true_writes_the_file_that_the_original_wrote(tmp_path, monkeypatch, given, there):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):  # and writes it anew
        saliency_plot(IMAGES, IMAGES, mode="2D", save_fig=given)
        assert [path.name for path in tmp_path.iterdir()] == (["saliency.png"] if there else [])
    if there:
        assert plt.imread(tmp_path / "saliency.png").std() > 0.01


def test_the_strongest_colour_is_seen_on_white_in_every_mode():
    for x, mode in ((SIGNALS, "1D"), (IMAGES, "2D"), (VOLUMES, "3D")):
        fig = saliency_plot(x, np.abs(x), mode=mode)
        drawn = fig.axes[0].collections[0] if mode == "1D" else fig.axes[0].images[1]
        assert drawn.get_cmap().name == UNSIGNED.name


def test_the_slider_draws_the_slice_it_stands_on():
    widgets = pytest.importorskip("ipywidgets")
    box = saliency_plot(VOLUMES, VOLUMES, interactive=True)
    slider, image = box.children
    assert isinstance(slider, widgets.IntSlider)
    assert (slider.min, slider.value, slider.max) == (0, 2, 4)
    assert not plt.get_fignums()  # no second picture in the notebook
    before = image.value
    slider.value = 4
    assert image.value != before

    def pixels(png):
        whole = plt.imread(io.BytesIO(png))
        return whole[: int(0.9 * len(whole))]  # without the words below, which lie a part of a pixel apart

    still = io.BytesIO()
    saliency_plot(VOLUMES, VOLUMES, sl=4).savefig(still, format="png")
    np.testing.assert_array_equal(pixels(image.value), pixels(still.getvalue()))
    slider.value = 2
    np.testing.assert_array_equal(pixels(image.value), pixels(before))


def test_without_ipywidgets_the_slider_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name == "ipywidgets":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(OptionError, match=r"needs ipywidgets; install signalscreen\[notebook\]"):
        saliency_plot(VOLUMES, VOLUMES, interactive=True)
    assert not plt.get_fignums()


def test_neither_tensorflow_nor_ipywidgets_is_imported_to_draw():
    code = (
        "import sys, matplotlib; matplotlib.use('Agg'); import numpy as np, signalscreen as ss\n"
        "ss.saliency_plot(np.ones((1, 1, 4, 4, 4))); ss.plot_activations(np.ones(9), np.ones((9, 9)))\n"
        "ss.plot_filter_weights(ss.FilterWeights(np.ones((2, 3, 1)), None, np.zeros((2, 1), int), (1,), (1,), "
        "(1.0,), 'c', 'Conv1D'), fs=9)\n"
        "print({'tensorflow', 'keras', 'ipywidgets'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_percentile_and_reduction_serve_convert_to_grayscale():
    """What pytorch-cnn-visualizations makes of a gradient for the eye, by our reduction and colour limits."""
    gradient = RNG.normal(size=(1, 6, 8, 3))
    reduced = ss.reduce(gradient, "abs_sum")[0]
    top, bottom = np.percentile(reduced, 99), reduced.min()
    grey = np.clip((reduced - bottom) / (top - bottom), 0, 1)
    _, ax = ss.plot_image(IMAGES[0], reduced, percentile=99)
    laid = ax.images[1]
    np.testing.assert_allclose(np.clip(laid.norm(laid.get_array()), 0, 1), grey)


@pytest.mark.parametrize(
    ("x", "cam", "options", "error", "words"),
    [
        (IMAGES, IMAGES, {"mode": "4D"}, OptionError, "mode '4D' is not known; choose one of 1D, 2D, 3D"),
        (IMAGES, IMAGES, {"mode": "2D", "sl": 1}, OptionError, "sl chooses among the slices of volumes"),
        (SIGNALS, SIGNALS, {"mode": "1D", "sl": 1}, OptionError, "sl chooses among the slices of volumes"),
        (SIGNALS, None, {"mode": "1D", "interactive": True}, OptionError, "interactive chooses among"),
        (SIGNALS, SIGNALS, {"mode": "1D", "alpha": 0.2}, OptionError, "alpha is the opacity of a map over images"),
        (VOLUMES, VOLUMES, {"sl": 5}, OptionError, "sl is 5, but the volumes have 5 slices"),
        (VOLUMES, VOLUMES, {"sl": -6}, OptionError, "sl is -6"),
        (VOLUMES, VOLUMES, {"sl": 1.5}, OptionError, "sl is 1.5"),
        (IMAGES, IMAGES, {"mode": "2D", "alpha": 0}, OptionError, "alpha is 0"),
        (IMAGES, IMAGES, {"mode": "2D", "scale": 0}, OptionError, "scale is 0"),
        (IMAGES, IMAGES, {"mode": "2D", "nrow": 0}, OptionError, "nrow is 0"),
        (IMAGES, IMAGES, {"mode": "2D", "titles": ["a"]}, OptionError, "titles has 1 entries for 4 panels"),
        (IMAGES, IMAGES, {"mode": "2D", "save_fig": "maps"}, OptionError, "'maps' ends in no kind of figure"),
        (IMAGES, IMAGES, {"mode": "2D", "cmap": "jet"}, OptionError, "saliency_plot has no option 'cmap'"),
        (IMAGES, IMAGES[:3], {"mode": "2D"}, InputError, r"cam has shape \(3, 6, 8\), .* 4 example\(s\) of 6 x 8"),
        (IMAGES, [IMAGES, IMAGES[:, :3]], {"mode": "2D"}, InputError, r"cam\[1\] has shape \(4, 3, 8\)"),
        (IMAGES, RNG.random((4, 3, 6, 8)), {"mode": "2D"}, InputError, "more channels reduced first"),
        (VOLUMES, VOLUMES[:, :2], {}, InputError, "does not fit 2 example"),
        (SIGNALS[..., None], SIGNALS, {}, InputError, "as mode '3D' reads x; .* or another mode"),
        (SIGNALS, SIGNALS[:, :9], {"mode": "1D"}, InputError, "does not fit 3 example"),
        (
            IMAGES[None, None, None],
            None,
            {"mode": "2D"},
            InputError,
            r"mode is '2D'; give \(batch, height, width\)",
        ),
        (RNG.random((2, 5, 6, 8, 3)), None, {}, InputError, "mode is '3D'; give"),
        (RNG.random((6, 8, 3)), None, {"mode": "2D"}, InputError, "mode is '2D'; give"),
        (np.zeros((0, 6, 8)), None, {"mode": "2D"}, InputError, "mode is '2D'; give"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_words(x, cam, options, error, words):
    with pytest.raises(error, match=words):
        saliency_plot(x, cam, **options)
    assert not plt.get_fignums()
