"""Options that were left out, as the model's file says that the model expects them; and a word about it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from signalscreen.expectation_files import carried_by
from signalscreen.expectations import ONE_LEAD, Expectations, words_of
from signalscreen.recording import Recording
from signalscreen.recording.units import in_units, warn_of_units


def expected(model: Path, until: str | None) -> Expectations:
    """What a model's file says; nothing where it does not.

    Raises
    ------
    ModelError
        What it says cannot be read.
    """
    carried = carried_by(model)
    found = Expectations() if carried is None else carried.expects
    return found if until is None else found.of_layer()


def say_taken(
    model: Path, given: Mapping[str, Any], until: str | None = None, quiet: bool = False
) -> dict[str, Any]:
    """Options that nobody gave, as the model expects them; what is taken from where is said on the terminal.

    Parameters
    ----------
    model : Path
    given : mapping
        Options by name, None where one was left out.
    until : str, optional
        The network is used up to this layer only, so that its outputs are no classes.
    quiet : bool
        Say nothing.

    Returns
    -------
    dict
        The options that are taken.
    """
    found = expected(model, until)
    taken = found.defaults(given)
    said = [words_of(name, value) for name, value in taken.items()]
    if "each_lead" in given and not given["each_lead"] and found.leads == ONE_LEAD:
        said.append("one lead at a time")
    carried = carried_by(model)
    if said and carried is not None and not quiet:
        click.echo(f"taken from {carried.source.name}: {', '.join(said)} (options win over it)")
    return taken


def one_rate(model: Path, fs: float | None, until: str | None = None, quiet: bool = False) -> float | None:
    """``--fs`` of a command on a model alone: as given, or as the model expects it."""
    return say_taken(model, {"resample": fs}, until, quiet).get("resample", fs)


def fit(recording: Recording, resample: float | None, normalise: str | None, expects: Expectations) -> Recording:
    """A recording at the model's rate, and where windows are not scaled in its units; doubts are warned of."""
    if expects.units is not None:
        warn_of_units(expects.units, recording.units, recording.names, normalise)
        recording = recording if normalise is not None else in_units(recording, expects.units)
    return recording if resample is None else recording.resample(resample)
