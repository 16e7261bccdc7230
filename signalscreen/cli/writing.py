"""What commands write: where, and whether it may be there already."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from signalscreen.errors import OutputError
from signalscreen.output import atomically, output_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def out_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options by which it writes."""
    folder = click.option(
        "-o", "--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder."
    )
    overwrite = click.option("--overwrite/--no-overwrite", help="Replace files that are there; otherwise an error.")
    return folder(overwrite(command))


def free_paths(out: Path, overwrite: bool, *names: str) -> list[Path]:
    """The paths to write to, which may not be there yet."""
    paths = [output_folder(out) / name for name in names]
    there = [path for path in paths if path.exists()]
    if there and not overwrite:
        raise OutputError(f"{there[0]} is already there; give --overwrite or another --out")
    return paths


def write_figure(path: Path, figure: "Figure") -> None:
    """Write a figure as PNG, whole or not at all, and say so."""
    import matplotlib.pyplot as plt

    with atomically(path) as part:
        figure.savefig(part, format="png", dpi=150)
    plt.close(figure)
    click.echo(f"wrote {path}")


def print_table(table: list[list[str]], right: tuple[int, ...]) -> None:
    """Print rows of text in columns, the header first; those in `right` end flush."""
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    for line in table:
        cells = [
            c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())
