"""``signalscreen summary``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from signalscreen.receptive import LayerSummary


@click.command(short_help="Show a model's layers and their receptive fields.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--fs", type=float, help="Sampling rate in Hz, to give receptive fields in seconds too.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def summary(model: Path, fs: float | None, as_json: bool) -> None:
    """Show a model's layers: lengths of their feature maps, parameters, receptive fields.

    The receptive field is the most input samples that one value of a layer can depend on; "?" where a layer's
    reach is not known, "all" where it sees a signal of any length whole. Names are those that --option layer=
    takes.
    """
    from signalscreen.recording.selection import check_fs

    fs = check_fs(fs)
    from signalscreen.models import load_model
    from signalscreen.receptive import summarise

    network = load_model(model)
    rows = summarise(network)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
        return
    header = ["layer", "type", "output", "parameters", "field (samples)"]
    table = [[r.path, r.kind, _sizes(r.shape, " x "), f"{r.parameters:,}", _field(r)] for r in rows]
    if fs is not None:
        header.append("field (s)")
        table = [[*cells, _seconds(r, fs)] for cells, r in zip(table, rows, strict=True)]
    _print([header, *table], right=(3, 4, 5))
    click.echo(f"\n{network.count_params():,} parameters in {len(rows)} layers")


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


def _print(table: list[list[str]], right: tuple[int, ...]) -> None:
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    for line in table:
        cells = [
            c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())
