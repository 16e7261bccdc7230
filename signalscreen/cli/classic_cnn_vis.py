"""``signalscreen classic cnn-vis``."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from signalscreen.errors import InputError, SignalScreenWarning, warn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
    out: Path

    @property
    def names(self) -> list[str]:
        return [name.strip() for name in self.label_names.split(",")]

    @property
    def ending(self) -> str:
        """Of a file's name: the layer and the modifier."""
        rule = "Vanilla" if self.backprop in ("none", "vanilla") else self.backprop
        return f"{self.layer.replace('/', '_')}_{rule}"


@click.command("cnn-vis", cls=_ManyImages, short_help="As cnn-vis.py of CNN-vis.")
@click.argument(
    "function",
    type=click.Choice(
        (
            "saliency",
            "average-saliency",
            "grad-cam",
            "average-gradcam",
            "filter-weights",
            "model-summary",
            "get-labels",
        )
    ),
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
    help="Rule for rectifiers; None and vanilla: the gradient itself.",
)
@click.option("--unit", type=int, default=0, show_default=True, help="Unit or filter of the layer.")
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

    Writes the older system's files, such as saliency_output_guided.png, into the folder results.
    """
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
        raise click.UsageError(f"{job.function} needs {' and '.join(f'--{name}' for name in missing)}; give {'it' if len(missing) == 1 else 'them'}")
    _FUNCTIONS[job.function](job)


def _maps(job: _Job) -> None:
    from signalscreen.classic import cnn_vis as computed
    from signalscreen.classic.cnn_vis_figures import draw_maps

    x, labels = computed.chosen(*_examples(job), job.images)
    names = _named(job, labels)
    model, target = _explained(job)
    cam = job.function == "grad-cam"
    x, maps = _computed(computed.gradcam_maps if cam else computed.saliency_maps, model, x, target, job)
    titles = [f"{i} {name}" for i, name in zip(job.images, names, strict=True)]
    label = "Grad-CAM, each 0 to 1" if cam else "saliency, each 0 to 1"
    _write(job, f"{'gradcam' if cam else 'saliency'}_{job.ending}", draw_maps(x, maps, titles, label, over=cam))
