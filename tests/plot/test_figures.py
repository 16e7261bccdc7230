"""Figures made here: the fonts of what they save, and how often a notebook shows them."""

import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

import signalscreen as ss
from signalscreen.classic import display_1d, display_2d
from signalscreen.classic.cnn_vis_figures import draw_maps, draw_maximal
from signalscreen.plot import compare_methods
from signalscreen.plot.figures import SignalFigure

Y = np.sin(np.arange(60) / 9)
IMAGE = np.random.default_rng(0).random((6, 6))
WEIGHTS = ss.FilterWeights(np.ones((2, 3, 1)), None, np.zeros((2, 1), int), (1,), (1,), (1.0,), "c", "Conv1D")
MADE = SimpleNamespace(x=Y[None, :, None], objective=np.ones(1), score=np.ones(1), history=np.ones((3, 1)))
MAPS = {"a": Y[:, None]}
AVERAGES = ss.ClassAverages(("a",), {"a": 3}, MAPS, {"a": Y[:, None] ** 2}, MAPS, "saliency", "label", "logit")
FIGURES = {
    "plot_with_gradient": lambda: ss.plot_with_gradient(Y, Y)[0],
    "paper": lambda: ss.plot_with_gradient(Y, Y, fs=30, units="mV", paper=True)[0],
    "compare_methods": lambda: compare_methods(Y, {"a": Y}),
    "plot_scales": lambda: ss.plot_scales(Y, [Y], [3]),
    "plot_image": lambda: ss.plot_image(IMAGE, IMAGE)[0],
    "plot_volume": lambda: ss.plot_volume(np.ones((3, 4, 4)))[0],
    "saliency_plot": lambda: ss.saliency_plot(IMAGE[None], IMAGE[None], mode="2D"),
    "plot_filter_weights": lambda: ss.plot_filter_weights(WEIGHTS),
    "plot_synthesis": lambda: ss.plot_synthesis(MADE),
    "plot_averages": lambda: ss.plot_averages(AVERAGES),
    "plot_activations": lambda: ss.plot_activations(Y[:, None], np.ones((30, 2))),
    "display_1d": lambda: display_1d(Y, Y, 0, 0.5),
    "display_2d": lambda: display_2d(IMAGE, IMAGE, 0, 0.5, vis="shap"),
    "cnn_vis maps": lambda: draw_maps(Y[None], Y[None], ["t"], "l"),
    "cnn_vis inputs": lambda: draw_maximal([Y[:, None]], ["t"]),
}


def saved(fig: plt.Figure, kind: str) -> bytes:
    file = io.BytesIO()
    fig.savefig(file, format=kind)
    return file.getvalue()


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_saves_fonts_that_can_be_edited(name):
    fig = FIGURES[name]()
    assert isinstance(fig, SignalFigure)
    pdf = saved(fig, "pdf")
    assert b"/Type3" not in pdf
    assert b"/FontFile2" in pdf  # that of a TrueType font


@pytest.mark.parametrize("own", [3, 42])
def test_the_settings_of_the_user_stay(own):
    fig = FIGURES["plot_with_gradient"]()
    with matplotlib.rc_context({"pdf.fonttype": own, "ps.fonttype": own, "savefig.dpi": 50}):
        before = dict(matplotlib.rcParams)
        assert b"/Type3" not in saved(fig, "pdf")
        postscript = saved(fig, "ps")
        assert b"/FontType 42 def" in postscript
        assert b"/FontType 3 def" not in postscript
        with pytest.raises(ValueError, match="not supported"):
            saved(fig, "nothing")
        assert dict(matplotlib.rcParams) == before
        plain = plt.figure()
        plain.text(0, 0, "x")
        assert (b"/Type3" in saved(plain, "pdf")) == (own == 3)


def test_pages_of_one_file_have_the_fonts_of_that_file(tmp_path: Path):
    """Its fonts are embedded when it is closed: drawn under other settings, its words would be rubbish."""
    fig = FIGURES["plot_with_gradient"]()
    with PdfPages(tmp_path / "all.pdf") as pages:
        pages.savefig(fig)
        fig.savefig(pages, format="pdf")
    pdf = (tmp_path / "all.pdf").read_bytes()
    assert b"/Type3" in pdf
    assert b"/FontFile2" not in pdf

    def written(kind: type[Figure]) -> bytes:
        with PdfPages(tmp_path / "one.pdf", metadata={"CreationDate": None}) as pages:
            plain = plt.figure(FigureClass=kind)
            plain.text(0.5, 0.5, "words in µV")
            plain.savefig(pages, format="pdf")
        return (tmp_path / "one.pdf").read_bytes()

    assert written(SignalFigure) == written(Figure)


NOTEBOOK = """
import matplotlib
from IPython.core.displayhook import DisplayHook
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output



values = []


class Values(DisplayHook):
    def write_format_data(self, format_dict, md_dict=None):
        values.append(format_dict)


class Shell(InteractiveShell):
    displayhook_class = Values

    def enable_gui(self, gui=None):
        pass


shell = Shell.instance()
shell.run_cell('''
%matplotlib inline
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
import signalscreen as ss
from signalscreen.plot import compare_methods
y = np.sin(np.arange(60) / 9)
''').raise_error()


def shown(cell):
    values.clear()
    with capture_output() as seen:
        shell.run_cell(cell).raise_error()
    return sum("image/png" in data for data in [*values, *(output.data for output in seen.outputs)])


print(
    shown("fig = plt.figure(); fig.gca(); fig"),  # matplotlib's own, which shows twice
    shown("compare_methods(y, {'a': y})"),
    shown("compare_methods(y, {'a': y});"),
    shown("fig = compare_methods(y, {'a': y})"),
    shown("fig"),  # of an earlier cell
    shown("fig = compare_methods(y, {'a': y}); fig"),
    shown("ss.plot_with_gradient(y, y)"),
    shown("fig, ax = ss.plot_with_gradient(y, y)"),
    shown("display(compare_methods(y, {'a': y})); display(compare_methods(y, {'b': y}))"),
    shown("ss.saliency_plot(y[None], y[None], mode='1D')"),
)
print(plt_open := len(matplotlib.pyplot.get_fignums()))
"""


def test_a_notebook_shows_a_figure_once():
    """In a real IPython with the backend of notebooks."""
    pytest.importorskip("IPython")
    run = subprocess.run([sys.executable, "-c", NOTEBOOK], capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["2", *["1"] * 7, "2", "1", "0"], run.stderr
