"""The ``signalscreen`` command: parses, calls public functions, writes files.

Exit codes: 0 done, 1 a known error (one line on stderr), 2 a wrong call. TensorFlow is imported when a model is
first needed, never for ``--help`` or ``methods``.
"""

import logging
import os
import warnings
from collections.abc import Callable
from typing import Any

import click

from signalscreen import __version__
from signalscreen.cli.classic import classic
from signalscreen.cli.demo import demo
from signalscreen.cli.expects import expects
from signalscreen.cli.explain import explain
from signalscreen.cli.export import export
from signalscreen.cli.features import features
from signalscreen.cli.methods import methods
from signalscreen.cli.report import report
from signalscreen.cli.review import review
from signalscreen.cli.screen import screen
from signalscreen.cli.summary import summary
from signalscreen.errors import SignalScreenError, SignalScreenWarning


class _Commands(click.Group):
    """Known errors and warnings as one line on stderr; everything else about a library's insides is kept off."""

    def invoke(self, ctx: click.Context) -> Any:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        logging.getLogger("absl").setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", SignalScreenWarning)
            warnings.showwarning = _one_line_once()
            try:
                return super().invoke(ctx)
            except BrokenPipeError:
                raise  # the reader of a pipe has gone: click ends quietly
            except (SignalScreenError, OSError) as error:
                click.echo(f"error: {_joined(error)}", err=True)
                ctx.exit(1)


@click.group(
    "signalscreen",
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="signalscreen")
def main() -> None:
    """Show why a 1D convolutional network decided what it did about a signal."""


for _command in (explain, screen, review, report, export, methods, summary, expects, features, demo, classic):
    main.add_command(_command)


def _one_line_once() -> Callable[..., None]:
    """Print each warning on one line, and the same words once only."""
    said: set[str] = set()

    def show(message: Warning | str, *_: Any) -> None:
        line = f"warning: {_joined(message)}"
        if line not in said:
            click.echo(line, err=True)
        said.add(line)

    return show


def _joined(message: object) -> str:
    return " ".join(str(message).split())
