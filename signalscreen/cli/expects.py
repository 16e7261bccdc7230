"""``signalscreen expects``: what a model expects of a recording, shown or written beside it."""

from pathlib import Path
from typing import Any

import click

from signalscreen.cli import values
from signalscreen.cli.model import MODEL
from signalscreen.expectations import KINDS, ONE_LEAD, SCALINGS


@click.command(short_help="Show or write what a model expects of a recording.")
@MODEL
@click.option("--fs", type=float, metavar="HZ", help="Sampling rate that it was trained on.")
@click.option("--units", metavar="UNIT", help="Of the signal, such as mV.")
@click.option("--normalise", type=click.Choice(SCALINGS), help="How each window is scaled.")
@click.option("--one-lead", is_flag=True, help="It takes one lead at a time, whichever it is.")
@click.option("-l", "--lead", multiple=True, metavar="NAME", help="It takes these leads, in this order; repeat.")
@click.option("--window", type=float, metavar="S", help="Seconds of a window, where it takes any length.")
@click.option("--class-names", metavar="A,B,...", help="Names of its classes, in order.")
@click.option("--alarm", metavar="CLASS", help="Class that flags a window.")
@click.option("--threshold", type=float, help="Of the alarm's probability.")
@click.option("--kind", type=click.Choice(KINDS), help="What the signal is of.")
@click.option("--card", metavar="NAME", help="A .md or .txt file beside it that says what was measured.")
@click.option("--inside", is_flag=True, help="Write into the .keras file instead; its weights stay as they are.")
@click.option("--overwrite/--no-overwrite", help="Replace what is said there; otherwise an error.")
def expects(
    model: Path, lead: tuple[str, ...], one_lead: bool, inside: bool, overwrite: bool, **given: Any
) -> None:
    """Show what MODEL expects of a recording, or with options write it into a file beside it.

    The file is called NAME.signalscreen.toml, and may be edited by hand. screen, explain and the others go by it
    where an option is left out, so that nobody has to remember them.

    \b
    signalscreen expects beats.keras --fs 125 --units mV --normalise zscore --one-lead \\
        --class-names N,S,V --alarm V
    """  # noqa: D301 - Click needs the character itself: it keeps the lines below as they are
    from signalscreen.expectation_files import carried_by, write_expectations
    from signalscreen.expectations import Expectations

    if lead and one_lead:
        raise click.UsageError("--one-lead is any lead, and --lead names some; give one of them")
    said = {name: value for name, value in given.items() if value is not None}
    if lead or one_lead:
        said["leads"] = ONE_LEAD if one_lead else lead
    if "class_names" in said:
        said["class_names"] = tuple(values.names(said["class_names"]) or ())
    if said:
        file = write_expectations(model, Expectations(**said), inside=inside, overwrite=overwrite)
        click.echo(f"wrote {file}")
        return
    if inside or overwrite:
        raise click.UsageError("there is nothing to write; give what the model expects, such as --fs 125")
    found = carried_by(model)
    if found is None:
        click.echo(f"{model} does not say what it expects; write it with options, such as --fs 125")
        return
    click.echo(f"{found.source} says:")
    for name, value in found.expects.given().items():
        click.echo(f"  {name:<12} {', '.join(value) if isinstance(value, tuple) else value}")
