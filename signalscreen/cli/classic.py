"""``signalscreen classic``: commands with the flags and file names of older systems."""

import click

from signalscreen.cli.classic_cnn_vis import cnn_vis
from signalscreen.cli.classic_vis import vis


@click.group(short_help="Older systems' commands: the same flags, the same file names.")
def classic() -> None:
    """Run the command line of an older system: the same flags, and files of the same names.

    Where an original was wrong, this differs; the documentation says how.
    """


classic.add_command(vis)
classic.add_command(cnn_vis)
