"""``python -m signalscreen`` is the ``signalscreen`` command."""

from signalscreen.cli import main

main(prog_name="signalscreen")
