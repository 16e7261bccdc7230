"""The model on the command line: its options, and what identifies it."""

import hashlib
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


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options ``--weights`` and ``--until``."""
    return _WEIGHTS(_UNTIL(command))


def sha256(*paths: Path | None) -> str:
    """The SHA-256 of files one after the other, those of a folder in the order of their paths."""
    digest = hashlib.sha256()
    for path in filter(None, paths):
        for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
            with file.open("rb") as content:
                while block := content.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()
