"""The model on the command line: its argument and its options."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

MODEL = click.argument("model", type=click.Path(path_type=Path))
FS = click.option("--fs", type=click.FloatRange(min=0, min_open=True), metavar="HZ", help="Sampling rate.")
_WEIGHTS = click.option(
    "--weights",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The .h5 file of the weights, where MODEL is an architecture (.json).",
)
_UNTIL = click.option("--until", metavar="LAYER", help="Use the network up to this layer only.")

CHANNELS = click.option(
    "--channels",
    type=click.Choice(("first", "last")),
    help="Where MODEL takes its channels or leads, if its layers do not say.",
)


EXAMINATION = click.option(
    "--examination/--no-examination",
    "examine",
    default=True,
    help="Compare what is explained with the model's plain call on two examples first (default: yes).",
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options ``--weights`` and ``--until``."""
    return _WEIGHTS(_UNTIL(command))
