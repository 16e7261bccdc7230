"""Options that commands on recordings share: which part of the recording, how the model takes it, which methods."""

from collections.abc import Callable
from typing import Any

import click

from signalscreen.cli import values
from signalscreen.cli.model import EXAMINATION
from signalscreen.expectations import SCALINGS

Command = Callable[..., Any]


def _checked_methods(_: click.Context, __: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(values.methods(names))


def method_options(required: bool = True) -> Callable[[Command], Command]:
    """``--method``, its ``--option``, ``--target``, ``--class-names``, ``--score``; how the model is called."""
    return _all(
        click.option(
            "-m",
            "--method",
            multiple=True,
            required=required,
            callback=_checked_methods,
            metavar="NAME",
            help='Method, see "signalscreen methods"; repeat for several.',
        ),
        click.option(
            "-t",
            "--target",
            help="Class index or name, a tuple such as (120, 0) for one element of the output, or mean:0 (sum, "
            "max, min) for one unit over all positions. By default each window's highest score.",
        ),
        click.option("--class-names", metavar="A,B,...", help="Names of the model's classes, in order."),
        click.option("--score", type=click.Choice(("logit", "probability")), default="logit", show_default=True),
        click.option("--option", multiple=True, metavar="KEY=VALUE", help="Of a method; or METHOD.KEY=VALUE."),
        click.option("--batch-size", type=click.IntRange(min=1), metavar="N", help="Windows per model call."),
        EXAMINATION,
    )


def signal_options(command: Command) -> Command:
    """Which part of a recording, and how the model takes it: ``--fs`` to ``--hop``."""
    return _all(
        click.option("--fs", type=float, metavar="HZ", help="Sampling rate, where the file does not say."),
        click.option("--start", type=float, metavar="S", help="Begin here, in seconds."),
        click.option("--end", type=float, metavar="S", help="End here, in seconds."),
        click.option("-l", "--lead", multiple=True, metavar="NAME", help="Lead by name or index; repeat."),
        click.option("--annotator", metavar="EXT", help="WFDB annotation file; atr where it exists."),
        click.option("--resample", type=float, metavar="HZ", help="The model's sampling rate."),
        click.option(
            "--normalise", type=click.Choice(SCALINGS), help="Scale each window as in training; none: as it is."
        ),
        click.option("--window", type=float, metavar="S", help="Window; by default the model's own length."),
        click.option("--hop", type=float, metavar="S", help="Between windows; by default half of one."),
    )(command)


def checked_options(words: tuple[str, ...], methods: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Read ``--option`` for the methods chosen."""
    try:
        return values.options(words, methods)
    except click.BadParameter as error:
        error.param_hint = "--option"
        raise


def _all(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
