"""``signalscreen classic vis``."""

from pathlib import Path
from typing import Any

import click

from signalscreen.errors import SignalScreenWarning, warn

_WAYS = ("cam", "shap", "integrated_grad", "integrated_gradients", "saliency")
_FILE = click.Path(path_type=Path)
# flag -> the ways that it has a part in
_PART_IN = {
    "background": ("shap", "integrated_grad", "integrated_gradients"),
    "conv_layer": ("cam",),
    "clip": ("shap", "integrated_grad", "integrated_gradients", "saliency"),
    "contrast": ("shap", "integrated_grad", "integrated_gradients", "saliency"),
}


@click.command(short_help="As visualize.py of vis.")
@click.option("--model", type=_FILE, required=True, metavar="M", help="The network: .keras, .h5 or .hdf5.")
@click.option(
    "--unprocessed_img",
    "--unprocessed-img",
    type=_FILE,
    required=True,
    metavar="U",
    help="What is drawn: .npy or .csv in 1D; .jpg, .png or .npy in 2D. The picture is named after it.",
)
@click.option(
    "--preprocessed_img",
    "--preprocessed-img",
    type=_FILE,
    required=True,
    metavar="P",
    help="What the network is given, .npy: (samples, channels) or (height, width, channels).",
)
@click.option("--vis", type=click.Choice(_WAYS), default="cam", show_default=True, help="What is computed.")
@click.option(
    "--background",
    type=_FILE,
    metavar="B",
    help="What P is compared with, .npy, shaped like P. shap needs it; integrated_grad takes zeros without it.",
)
@click.option(
    "--conv_layer",
    "--conv-layer",
    type=int,
    metavar="N",
    help="For cam: index of the layer, also from the end. By default the last with feature maps.",
)
@click.option("--show", type=click.BOOL, default=False, show_default=True, metavar="BOOL", help="Open a window.")
@click.option(
    "--contrast",
    type=click.FloatRange(min=0, min_open=True),
    metavar="F",
    help="In 2D, not for cam: the higher, the more of the weak values is seen.  [default: 2]",
)
@click.option(
    "--clip",
    type=click.FloatRange(min=1),
    metavar="N",
    help="Not for cam: values above the largest divided by N are drawn like it.  [default: 1]",
)
@click.option("--neuron", type=int, metavar="N", help="Of the last layer; by default that of highest activation.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where the picture is written; by default beside U.",
)
def vis(**given: Any) -> None:
    """Draw a signal or an image with what a neuron of the network answers to in it.

    Writes U, without its ending, + _explained_ + the name given to --vis + .png.
    """
    way, unprocessed = given["vis"], given["unprocessed_img"]
    if way == "shap" and given["background"] is None:
        raise click.UsageError("--vis shap compares with a background; give --background, a .npy shaped like P")
    from signalscreen.classic.files import read_array, read_unprocessed
    from signalscreen.output import output_folder

    drawn, x = read_unprocessed(unprocessed), read_array(given["preprocessed_img"])
    background = None if given["background"] is None else read_array(given["background"])
    folder = output_folder(given["out"] or unprocessed.parent)
    _say_what_has_no_part(given, way)
    if given["contrast"] is not None and x.ndim < 3:
        warn("--contrast has no part in drawing a signal, only in drawing a picture", SignalScreenWarning)

    from signalscreen.classic.vis import visualize
    from signalscreen.models import load_model

    model = load_model(given["model"])
    if way == "cam" and given["conv_layer"] is None:
        click.echo("cam of the last layer with feature maps; --conv_layer chooses another")
    visualize(
        model,
        x,
        drawn,
        way,
        folder / unprocessed.stem,
        conv_layer=given["conv_layer"],
        background=background,
        show=given["show"],
        clip=given["clip"] or 1,
        contrast=given["contrast"] or 2,
        neuron=given["neuron"],
    )


def _say_what_has_no_part(given: dict[str, Any], way: str) -> None:
    for flag, ways in _PART_IN.items():
        if given[flag] is not None and way not in ways:
            warn(f"--{flag} has no part in --vis {way}", SignalScreenWarning)
