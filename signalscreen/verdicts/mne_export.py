"""Verdicts as the annotation files that ``mne.read_annotations`` reads."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from signalscreen.verdicts.mne_file import Mark, write_csv, write_text
from signalscreen.verdicts.verdict import Verdict


def export_mne_csv(verdicts: Sequence[Verdict], path: str | os.PathLike[str], *, began: datetime | str) -> Path:
    """Write ``onset,duration,description`` and more, for a recording that has a clock time.

    The description is the verdict, ``BAD_artefact`` for an artefact (MNE leaves out what begins with BAD), or
    ``relabel/CLASS``. Columns ``ch_names`` (the lead), ``id``, ``who``, ``note`` and ``meaning`` (what the verdict
    says, in words) follow; MNE 1.11 and later keep the last four as extras.

    Parameters
    ----------
    verdicts : sequence of Verdict
        At least one: MNE cannot read a CSV without rows.
    path : path
        Ends with ``.csv``; MNE goes by it.
    began : datetime or str
        Clock time of the record's beginning (ISO 8601), MNE's ``raw.info["meas_date"]``.

    Returns
    -------
    Path

    Raises
    ------
    OptionError
        If there is no clock time (`export_mne_text` needs none), no verdict, or another ending.
    OutputError
        If it cannot be written.
    """
    return write_csv([_mark(one) for one in verdicts], path, began, "verdicts", "use export_mne_text")


def export_mne_text(verdicts: Sequence[Verdict], path: str | os.PathLike[str]) -> Path:
    r"""Write onset and duration in seconds of the record, and the description, for any recording.

    Descriptions are as in `export_mne_csv`, in ASCII, with commas and # escaped as ``\x2c`` and ``\x23``. Above
    each line a comment, which MNE does not read, says what the verdict means.

    Parameters
    ----------
    verdicts : sequence of Verdict
    path : path
        Ends with ``.txt``; MNE goes by it.

    Returns
    -------
    Path

    Raises
    ------
    OptionError
        If the ending is another one.
    OutputError
        If it cannot be written.
    """
    return write_text([_mark(one) for one in verdicts], path)


def _mark(one: Verdict) -> Mark:
    extras = {"id": one.id, "who": one.who, "note": one.note, "meaning": one.in_words}
    return Mark(one.start_s, one.stop_s, _description(one), one.lead, extras)


def _description(one: Verdict) -> str:
    if one.verdict == "relabel":
        return f"relabel/{one.label}"
    return f"BAD_{one.verdict}" if one.verdict == "artefact" else one.verdict
