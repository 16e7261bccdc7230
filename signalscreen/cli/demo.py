"""``signalscreen demo``."""

from pathlib import Path

import click


@click.command(short_help="Screen a simulated ECG and explain what was flagged.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the recording, the figures and what was found.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing.")
def demo(out: Path, quiet: bool) -> None:
    """Screen a simulated ECG with artefacts at known places, and explain what was flagged."""
    from signalscreen.demo import run
    from signalscreen.output import output_folder

    run(output_folder(out), quiet=quiet)
