"""Verdicts as a WFDB annotation file, and back."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from signalscreen.errors import OptionError, OutputError, RecordingError
from signalscreen.output import atomically
from signalscreen.verdicts import annotation_file
from signalscreen.verdicts.annotation_file import Notes
from signalscreen.verdicts.notes import Altered, Edge, closing, opening, parsed
from signalscreen.verdicts.verdict import Verdict

_REF = 8  # least number of characters of an id in a note
_MOST_LEADS = 256
_ROUNDING = 1e-3  # samples; seconds of a day are exact to 1e-8


@dataclass(frozen=True)
class WfdbExport:
    """What was written.

    Attributes
    ----------
    path : Path
    spans : int
        Verdicts; each is two annotations.
    altered : tuple of Altered
        Fields that are escaped or cut; the table has them whole.
    """

    path: Path
    spans: int
    altered: tuple[Altered, ...]

    def __str__(self) -> str:
        said = f"{self.path}: {self.spans} verdicts"
        for how, why in (("escaped", "not ASCII"), ("cut", "too long for WFDB")):
            fields = [f"{one.field} of {one.id}" for one in self.altered if one.how == how]
            if fields:
                said += f"; {how} ({why}): {', '.join(fields)}"
        return said


@dataclass(frozen=True)
class WfdbSpan:
    """A verdict as a WFDB file of ours holds it.

    Attributes
    ----------
    start, stop : int
        Samples of the record, `stop` one past the last.
    verdict, who, lead, label, note : str
        As in `Verdict`.
    ref : str
        The beginning of the verdict's id.
    cut : tuple of str
        Names of the fields whose end is missing.
    meaning : str
        What the verdict says, in words; "" in files of earlier versions.
    """

    start: int
    stop: int
    verdict: str
    who: str
    lead: str
    label: str
    note: str
    ref: str
    cut: tuple[str, ...]
    meaning: str = ""


def export_wfdb(
    verdicts: Sequence[Verdict],
    path: str | os.PathLike[str],
    *,
    fs: float,
    annotator: str = "rev",
    leads: Sequence[str] = (),
) -> WfdbExport:
    """Write verdicts beside a record as annotations: a note at the first and at the last sample of each span.

    The file is read again by wfdb and compared before it is put in place. A file of another program, and one of
    ours that another program has changed, is never overwritten. No verdicts make a file without annotations.

    Parameters
    ----------
    verdicts : sequence of Verdict
    path : path
        The record's, without ending: ``folder/106`` writes ``folder/106.rev``.
    fs : float
        Samples per second of the record, which the verdicts must have been given at.
    annotator : str
        The ending: letters only, and not ``atr``, the name of reference annotations.
    leads : sequence of str
        Names of the record's leads in its order; a verdict on one lead has its number as ``chan``, and subtype 1.

    Returns
    -------
    WfdbExport
        With all that is not in the file as it is in the table: notes are ASCII and at most 255 bytes.

    Raises
    ------
    OptionError
        If `annotator` cannot be used, `fs` is another rate, or a lead is not in `leads`.
    OutputError
        If the file is not ours, or cannot be written.
    """
    annotation_file.check_annotator(annotator)
    target = Path(f"{os.fspath(path)}.{annotator}")
    notes, altered = _notes(verdicts, _checked_rate(verdicts, fs), leads)
    if not annotation_file.may_be_replaced(target):
        raise OutputError(
            f"{target} was written or changed by another program and is kept; choose another annotator than "
            f"{annotator!r}"
        )
    with atomically(target) as part:
        annotation_file.write(part, annotator, notes, fs)
    return WfdbExport(target, len(verdicts), tuple(altered))


def read_wfdb_verdicts(path: str | os.PathLike[str], annotator: str = "rev") -> list[WfdbSpan]:
    """Read what `export_wfdb` wrote.

    Parameters
    ----------
    path : path
        The record's, without ending.
    annotator : str

    Returns
    -------
    list of WfdbSpan
        In order of time.

    Raises
    ------
    RecordingError
        If the file is not there, not ours, or was changed.
    """
    file = Path(f"{os.fspath(path)}.{annotator}")
    notes, _ = annotation_file.read(file)
    begun: dict[str, tuple[int, Edge]] = {}
    spans = []
    try:
        for sample, text in zip(notes.sample, notes.text, strict=True):
            edge = parsed(text)
            at = 0 if edge.at_zero else sample
            if edge.opens:
                begun[edge.ref] = at, edge
            else:
                first, about = begun.pop(edge.ref)
                spans.append(_span(first, at + 1, about, edge))
    except (ValueError, KeyError) as error:
        raise RecordingError(f"{file} is damaged; export the verdicts again") from error
    return sorted(spans, key=lambda one: (one.start, one.stop, one.lead, one.who, one.ref))


def _span(start: int, stop: int, edge: Edge, close: Edge) -> WfdbSpan:
    cut = edge.cut + (("meaning",) if "note" in close.cut else ())
    said = (edge.verdict, edge.who, edge.lead, edge.label, edge.note)
    return WfdbSpan(start, stop, *said, ref=edge.ref, cut=cut, meaning=close.note)


def _checked_rate(verdicts: Sequence[Verdict], fs: float) -> float:
    if not (isinstance(fs, int | float) and math.isfinite(fs) and fs > 0):
        raise OptionError(f"fs must be samples per second, above 0, got {fs!r}")
    for one in verdicts:
        samples = (one.stop_s - one.start_s) * fs
        if abs(samples - (one.stop - one.start)) > _ROUNDING:
            made_at = (one.stop - one.start) / (one.stop_s - one.start_s)
            raise OptionError(f"the verdicts were given at {made_at:.6g} samples per second, fs says {fs:.6g}")
    return float(fs)


def _notes(verdicts: Sequence[Verdict], fs: float, leads: Sequence[str]) -> tuple[Notes, list[Altered]]:
    numbers = _lead_numbers(verdicts, leads)
    size = _ref_size([one.id for one in verdicts])
    rows: list[tuple[int, int, int, str]] = []
    altered: list[Altered] = []
    for one in verdicts:
        # The table counts from the store's first sample, WFDB from the record's: seconds are of the record in both.
        first, last = round(one.start_s * fs), round(one.stop_s * fs) - 1
        chan, subtype = (numbers[one.lead], 1) if one.lead else (0, 0)
        text, changed = opening(one, one.id[:size], first == 0)
        close, meaning_changed = closing(one, one.id[:size], last == 0)
        altered += changed + meaning_changed
        # wfdb's reader drops notes at sample 0, so such an edge lies at 1 and says so.
        rows.append((max(first, 1), chan, subtype, text))
        rows.append((max(last, 1), chan, subtype, close))
    rows.sort(key=lambda row: row[:2])
    notes = Notes(
        sample=tuple(row[0] for row in rows),
        chan=tuple(row[1] for row in rows),
        subtype=tuple(row[2] for row in rows),
        text=tuple(row[3] for row in rows),
    )
    return notes, altered


def _lead_numbers(verdicts: Sequence[Verdict], leads: Sequence[str]) -> dict[str, int]:
    if len(leads) > _MOST_LEADS:
        raise OptionError(f"a WFDB annotation names one of {_MOST_LEADS} leads, the record has {len(leads)}")
    numbers = {name: i for i, name in reversed(list(enumerate(leads)))}
    for one in verdicts:
        if one.lead and one.lead not in numbers:
            raise OptionError(
                f"a verdict is on lead {one.lead!r}; name it in leads, got {', '.join(leads) or 'none'}"
            )
    return numbers


def _ref_size(ids: Sequence[str]) -> int:
    """Fewest characters by which the ids differ, as many as read well at least."""
    longest = max(map(len, ids), default=_REF)
    return next((n for n in range(_REF, longest) if len({id[:n] for id in ids}) == len(ids)), longest)
