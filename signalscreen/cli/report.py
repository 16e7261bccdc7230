"""``signalscreen report``."""

from pathlib import Path

import click


@click.command(short_help="Write a page about a store: summary, worst windows, verdicts.")
@click.argument("store")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="By default report.html in the store's folder.")
@click.option("--record", metavar="R", help="Of a database: only this one.")
@click.option(
    "--worst", type=click.IntRange(min=0), default=12, show_default=True, metavar="N", help="Windows drawn."
)
@click.option("-m", "--method", metavar="NAME", help="Whose attributions are drawn; by default the first stored.")
@click.option("--overwrite/--no-overwrite", help="Replace a file that is there; otherwise an error.")
def report(
    store: str, out: Path | None, record: str | None, worst: int, method: str | None, overwrite: bool
) -> None:
    """Write one HTML page about STORE that opens anywhere, offline.

    It holds the summary, an overview of the whole recording, the windows of the highest probability coloured by
    attribution, the relevance on bad signal, the verdicts, and what it takes to do it again. No script, and nothing
    is loaded from elsewhere.

    \b
    signalscreen report 106.zarr --out 106.html
    """  # noqa: D301 - Click needs the character itself: it keeps the lines below as they are
    from signalscreen.report import write_report

    path = write_report(store, out, record=record, worst=worst, method=method, overwrite=overwrite)
    click.echo(f"wrote {path}")
