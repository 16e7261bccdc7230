"""``signalscreen summary``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from signalscreen.cli import plan, values
from signalscreen.cli.expected import expected, one_rate
from signalscreen.cli.model import CHANNELS, EXAMINATION, MODEL, model_options
from signalscreen.cli.writing import print_table

if TYPE_CHECKING:
    from signalscreen.receptive import LayerSummary


def _sizes_given(_: click.Context, __: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.replace(",", "x").split("x")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise click.BadParameter(f"{text!r} is no number of samples; give one above 0, or one an axis, as 16x16")
    return tuple(map(int, parts))


@click.command(short_help="Show a model's layers and their receptive fields.")
@MODEL
@model_options
@CHANNELS
@click.option(
    "--fs", type=float, help="Sampling rate in Hz, to give receptive fields in seconds too; by default the model's."
)
@EXAMINATION
@click.option(
    "--window",
    metavar="W",
    callback=_sizes_given,
    help="Show instead how occlusion by a window of W samples (16x16 for images) is computed.",
)
@click.option("--length", metavar="N", callback=_sizes_given, help="Of the signal, where the model leaves it free.")
@click.option("-t", "--target", help="With --window: what is explained, as for explain. By default class 0.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def summary(
    model: Path,
    weights: Path | None,
    until: str | None,
    fs: float | None,
    window: tuple[int, ...] | None,
    length: tuple[int, ...] | None,
    target: str | None,
    as_json: bool,
    channels: str | None,
    examine: bool,
) -> None:
    """Show a model's layers: lengths of their feature maps, parameters, receptive fields.

    Under the table it is said how the model takes its signals: which axis is which, as its layers tell, and what
    its file says that it expects of a recording.

    The receptive field is the most input samples that one value of a layer can depend on; "?" where a layer's
    reach is not known, "all" where it sees a signal of any length whole. Names are those that --option layer=
    takes.

    With --window: of each layer that a window reaches, how it is computed (by patches, in full, or in full for
    want of a rule), its length in full and as computed for one window, and the part of its multiplications that
    is done; then how much faster occlusion is for it.
    """
    if window is None and (length is not None or target is not None):
        raise click.UsageError("--length and --target say what --window is planned for; give --window too")
    if window is not None and fs is not None:
        raise click.UsageError("--window counts samples, and --fs has no place beside it; leave one out")
    from signalscreen.recording.selection import check_fs

    fs = check_fs(fs)
    fs = fs if window is not None else one_rate(model, fs, quiet=as_json)
    from signalscreen.models import load_model
    from signalscreen.receptive import summarise

    network = load_model(model, weights=weights, until=until)
    if window is not None:
        _print_plan(plan.report(network, window, length, values.target(target), channels, examine), as_json)
        return
    rows = summarise(network)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    header = ["layer", "type", "output", "parameters", "field (samples)"]
    table = [[r.path, r.kind, _sizes(r.shape, " x "), f"{r.parameters:,}", _field(r)] for r in rows]
    if fs is not None:
        header.append("field (s)")
        table = [[*cells, _seconds(r, fs)] for cells, r in zip(table, rows, strict=True)]
    print_table([header, *table], right=(3, 4, 5))
    click.echo(f"\n{network.count_params():,} parameters in {len(rows)} layers")
    for line in _inputs(network, channels):
        click.echo(line)
    words = expected(model, until).words()
    if words:
        click.echo(f"expects: {words}")


def _inputs(network: Any, channels: str | None) -> list[str]:
    """How the network takes its signals, as its layers say or as was given."""
    from signalscreen.surveys import orders_of

    how = "read from the layers" if channels is None else "as given"
    return [f"input {name}: {one.words(shape)}, {how}" for name, shape, one in orders_of(network, channels)]


def _print_plan(found: plan.Report, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
        return
    if found.layers:
        print_table(plan.table(found), right=(2, 3, 4, 5, 6))
        click.echo()
    for line in plan.words(found):
        click.echo(line)


def _sizes(shape: tuple[int | None, ...] | None, between: str) -> str:
    return "?" if shape is None else between.join("any" if n is None else str(n) for n in shape)


def _field(row: "LayerSummary") -> str:
    if row.field is None:
        return "?"
    return " x ".join("all" if n is None else str(n) for n in row.field)


def _seconds(row: "LayerSummary", fs: float) -> str:
    if row.field is None:
        return "?"
    return " x ".join("all" if n is None else f"{n / fs:.3g}" for n in row.field)
