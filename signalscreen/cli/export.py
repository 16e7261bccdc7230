"""``signalscreen export``."""

import json
from pathlib import Path

import click

# Repeated here: `--help` imports no library that writes them.
_FORMATS = ("netcdf", "npz", "wfdb-track", "wfdb-ann", "csv", "mne")


@click.command(short_help="Write a store in a form that other tools read.")
@click.argument("store")
@click.option("-f", "--format", "format_", type=click.Choice(_FORMATS), required=True)
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), required=True, help="The file; a folder for a database."
)
@click.option("--record", metavar="R", help="Of a database: only this one.")
@click.option("-m", "--method", multiple=True, metavar="NAME", help="By default all that were stored; repeat.")
@click.option("--start", type=float, metavar="S", help="Begin here, in seconds.")
@click.option("--end", type=float, metavar="S", help="End here, in seconds.")
@click.option("--overwrite/--no-overwrite", help="Replace files that are there; otherwise an error.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export(
    store: str,
    format_: str,
    out: Path,
    record: str | None,
    method: tuple[str, ...],
    start: float | None,
    end: float | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write what "signalscreen screen" kept in STORE for other tools.

    Verdicts are exported on the review page, by the key s.

    \b
    netcdf      every array, for xarray
    npz         NumPy arrays; a recording too
    wfdb-track  a WFDB record: each lead, and its attribution below it
    wfdb-ann    flagged spans as WFDB annotations (106.flg)
    csv         a row per window
    mne         flagged spans for MNE: .csv with clock times, .txt without

    \b
    signalscreen export 106.zarr --format wfdb-track --out mitdb/106_why
    signalscreen export 106.zarr --format wfdb-ann --out mitdb/106.flg
    """  # noqa: D301 - Click needs the character itself: it keeps the lines below as they are
    from signalscreen.exports import export_results

    written = export_results(
        store,
        out,
        format_,
        record=record,
        method=list(method) or None,
        start=start,
        end=end,
        overwrite=overwrite,
    )
    if as_json:
        rows = [{"record": one.record, "path": str(one.path), "words": one.words} for one in written]
        click.echo(json.dumps(rows, indent=1))
        return
    for one in written:
        click.echo(f"wrote {one}")
