"""``signalscreen classic cnn-vis``."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from signalscreen.cli.writing import write_figure
from signalscreen.errors import InputError, SignalScreenWarning, warn
from signalscreen.output import output_folder

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    Array = NDArray[np.generic]

_MODIFIERS = ("None", "vanilla", "guided", "rectified", "deconv", "relu")
_WHOLE_NUMBER = re.compile(r"[+-]?\d+")
_IMAGES = ("-im", "--images")


class _ManyImages(click.Command):
    """Takes ``--images 0 3 5``, which click has not: the numbers after the flag up to the next word."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spread(args))


def spread(words: list[str]) -> list[str]:
    """The same with the flag repeated before each number.

    Examples
    --------
    >>> spread(["--images", "0", "3", "-l", "output"])
    ['--images', '0', '--images', '3', '-l', 'output']
    """
    found: list[str] = []
    taking = False
    for i, word in enumerate(words):
        if word == "--":
            return found + words[i:]
        if taking and _WHOLE_NUMBER.fullmatch(word):
            found += [] if found[-1] in _IMAGES else ["--images"]
        else:
            taking = word in _IMAGES or word.startswith("--images=")
        found.append(word)
    return found


@dataclass(frozen=True)
class _Job:
    """The command line."""

    function: str
    model: Path
    data: Path | None
    layer: str
    images: tuple[int, ...]
    backprop: str
    unit: int
    label_names: str
    input_range: tuple[float, float] | None
    out: Path

    @property
    def names(self) -> list[str]:
        return [name.strip() for name in self.label_names.split(",")]

    @property
    def rule(self) -> str:
        """The modifier in a file's name."""
        return "Vanilla" if self.backprop in ("none", "vanilla") else self.backprop

    @property
    def ending(self) -> str:
        """Of a file's name: the layer and the modifier."""
        return f"{self.layer}{self.which}_{self.rule}"

    @property
    def which(self) -> str:
        """Of a file's name: the unit, where it is not the first, the only one of the original."""
        return f"_unit{self.unit}" if self.unit else ""


@click.command("cnn-vis", cls=_ManyImages, short_help="As cnn-vis.py of CNN-vis.")
@click.argument(
    "function",
    type=click.Choice(
        (
            "saliency",
            "average-saliency",
            "grad-cam",
            "average-gradcam",
            "activation-max",
            "filter-weights",
            "model-summary",
            "get-labels",
        )
    ),
    metavar="FUNCTION",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "-d",
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A pickle of the tuple (X, Y), read for NumPy arrays only and never run, or an .npz with X and Y.",
)
@click.option("-l", "--layer", default="output", show_default=True, help="What is explained; output: the model's.")
@click.option("-im", "--images", type=int, multiple=True, metavar="N [N ...]", help="Numbers of the examples.")
@click.option(
    "-bm",
    "--backprop",
    type=click.Choice(_MODIFIERS, case_sensitive=False),
    default="guided",
    show_default=True,
    callback=lambda _, __, value: value.lower(),
    help="Rule for rectifiers; None and vanilla: the gradient itself, which activation-max follows if not told.",
)
@click.option("--unit", type=int, default=0, show_default=True, help="Unit or filter of the layer.")
@click.option(
    "--input-range",
    type=float,
    nargs=2,
    metavar="LOW HIGH",
    help="Of activation-max: what values inputs have; by default those of --data, or as the first layer says.",
)
@click.option("--label-names", default="-,AI", show_default=True, help="Of labels 0, 1, ..., in order.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("results"),
    show_default=True,
    metavar="FOLDER",
    help="Where pictures are written.",
)
def cnn_vis(**given: Any) -> None:
    """Run FUNCTION on MODEL (.keras, .h5, .hdf5): maps of examples, their averages, weights of filters.

    FUNCTION is saliency, grad-cam, average-saliency, average-gradcam, activation-max, filter-weights, model-summary
    or get-labels.

    Writes the older system's files, such as saliency_output_guided.png, into the folder results.
    """
    source = click.get_current_context().get_parameter_source("backprop")
    if given["function"] == "activation-max" and source is ParameterSource.DEFAULT:
        given["backprop"] = "none"  # a rule's direction need not lead uphill
    job = _Job(**given)
    needed = {
        "saliency": ("data", "images"),
        "grad-cam": ("data", "images"),
        "average-saliency": ("data",),
        "average-gradcam": ("data",),
        "get-labels": ("data",),
    }.get(job.function, ())
    missing = [name for name in needed if not getattr(job, name)]
    if missing:
        flags = " and ".join(f"--{name}" for name in missing)
        raise click.UsageError(f"{job.function} needs {flags}; give {'both' if len(missing) > 1 else 'it'}")
    _FUNCTIONS[job.function](job)


def _maps(job: _Job) -> None:
    """``saliency`` and ``grad-cam``: a map for each example asked for."""
    from signalscreen.classic import cnn_vis as computed
    from signalscreen.classic.cnn_vis_figures import draw_maps

    x, labels = computed.chosen(*_examples(job), job.images)
    titles = [f"{i} {job.names[label]}" for i, label in zip(job.images, labels, strict=True)]
    model, x, target = _bound(job, x)
    cam = job.function == "grad-cam"
    compute, what = (computed.gradcam_maps, "gradcam") if cam else (computed.saliency_maps, "saliency")
    maps = compute(model, x, target, job.backprop)
    figure = draw_maps(x, maps, titles, f"{_WORDS[what]} (0 to 1)", over=cam)
    _write(job, f"{what}_{job.ending}", figure)


def _averages(job: _Job) -> None:
    """``average-saliency`` and ``average-gradcam``: a mean map for each label, and label 1 less the others."""
    from signalscreen.classic import cnn_vis as computed
    from signalscreen.classic.cnn_vis_figures import draw_averages, draw_difference

    x, labels = _examples(job)
    model, x, target = _bound(job, x)
    cam = job.function == "average-gradcam"
    what = "gradcam" if cam else "saliency"
    found = computed.average_maps(model, x, [job.names[i] for i in labels], target, job.backprop, cam=cam)
    _write(job, f"average_{what}_{job.ending}", draw_averages(found, f"mean {_WORDS[what]}", fine=not cam))
    missing = [name for name in job.names if name not in found.labels]
    for name in missing:
        words = f"no example has the label {name!r}, so its average and the difference are left out"
        warn(words, SignalScreenWarning)
    if missing or len(found.labels) < 2:
        return
    one = job.names[1]
    difference = computed.less_others(found, one)
    title = f"{one} less {'others' if len(found.labels) > 2 else job.names[0]}"
    label = f"difference of mean {_WORDS[what]}"
    figure = draw_difference(x.mean(axis=0), difference, title, label, fine=not cam)
    _write(job, f"difference_{one}{'_gradcam' * cam}{job.which}", figure)


def _activation_max(job: _Job) -> None:
    """Inputs made for a unit of each layer with a kernel, or of the layer asked for."""
    from signalscreen.classic import cnn_vis as computed
    from signalscreen.classic.cnn_vis_figures import draw_maximal
    from signalscreen.classic.files import read_examples
    from signalscreen.classic.spans import STANDARDISED, allowed
    from signalscreen.models import load_model

    _folder(job)
    model = load_model(job.model)
    layers = computed.layers_with_units(model) if job.layer == "output" else [job.layer]
    titles = [f"{layer}, unit {job.unit}" for layer in layers]
    among = allowed(model, None if job.data is None else read_examples(job.data)[0], job.input_range)
    click.echo(f"made of {(among or STANDARDISED).words}{'' if among else '; --data or --input-range says others'}")
    inputs = computed.maximal_inputs(model, layers, job.unit, job.backprop, among)
    _write(job, f"actmax{job.which}_{job.rule}", draw_maximal(inputs, titles))


def _filter_weights(job: _Job) -> None:
    from signalscreen.classic.cnn_vis import layer_with_filters
    from signalscreen.kernels import filter_weights
    from signalscreen.models import load_model
    from signalscreen.plot import plot_filter_weights

    _folder(job)
    model = load_model(job.model)
    weights = filter_weights(model, layer_with_filters(model, job.layer))
    figure = plot_filter_weights(weights, filters=range(len(weights.kernel)))
    _write(job, f"filter_weights_{weights.layer}", figure)


def _model_summary(job: _Job) -> None:
    from signalscreen.models import load_model

    load_model(job.model).summary(print_fn=click.echo)


def _get_labels(job: _Job) -> None:
    for i, label in enumerate(_examples(job)[1]):
        click.echo(f"({i}): {job.names[label]}")


_FUNCTIONS: dict[str, Callable[[_Job], None]] = {
    "saliency": _maps,
    "grad-cam": _maps,
    "average-saliency": _averages,
    "average-gradcam": _averages,
    "activation-max": _activation_max,
    "filter-weights": _filter_weights,
    "model-summary": _model_summary,
    "get-labels": _get_labels,
}
_WORDS = {"saliency": "saliency", "gradcam": "Grad-CAM"}


def _examples(job: _Job) -> "tuple[Array, Array]":
    """The data; every label has a name."""
    from signalscreen.classic.files import read_examples

    assert job.data is not None  # checked at the door
    x, labels = read_examples(job.data)
    unnamed = labels[(labels < 0) | (labels >= len(job.names))]
    if len(unnamed):
        raise InputError(
            f"{job.data.name} has the label {unnamed[0]}, and --label-names {job.label_names} names 0 to "
            f"{len(job.names) - 1}; give a name for each label"
        )
    return x, labels


def _bound(job: _Job, x: "Array") -> "tuple[Any, Array, Any]":
    """The model, the examples as it takes them, and what is explained."""
    from signalscreen.classic.cnn_vis import target_of
    from signalscreen.models import layout_of, load_model

    _folder(job)
    model = load_model(job.model)
    x = layout_of(model, x).read(x, what="X")[0]
    if x.ndim not in (3, 4):
        raise InputError(
            f"X has shape {x.shape}, and cnn-vis draws signals and images; features average-maps takes volumes"
        )
    return model, x, target_of(model, job.layer, job.unit)


def _folder(job: _Job) -> Path:
    return output_folder(job.out)


def _write(job: _Job, name: str, figure: "Figure") -> None:
    write_figure(_folder(job) / f"{name.replace('/', '_')}.png", figure)
