"""Spans that are flagged or without an answer, as a WFDB annotation file: never in place of anybody else's."""

from collections.abc import Iterator
from pathlib import Path

from signalscreen.errors import OptionError, OutputError
from signalscreen.exports.part import Part
from signalscreen.exports.spans import FlaggedSpan, counted, flagged_spans, unanswered_spans
from signalscreen.output import atomically
from signalscreen.verdicts import annotation_file
from signalscreen.verdicts.annotation_file import Notes
from signalscreen.verdicts.notes import shortened

_KIND = "flagged"
_MOST = 60  # bytes of a name in a note
_MOST_LEADS = 256


def write(part: Part, path: Path) -> str:
    """Write notes ``(flagged``, ``)flagged``, ``(unanswered``, ``)unanswered``, at samples of the whole record.

    Raises
    ------
    OptionError
        The ending cannot be that of annotations, or there are more leads than WFDB can number.
    OutputError
        The file is not ours, or cannot be written.
    """
    annotator = path.suffix[1:]
    annotation_file.check_annotator(annotator)
    if len(part.leads) > _MOST_LEADS:
        raise OptionError(f"a WFDB annotation names one of {_MOST_LEADS} leads, the record has {len(part.leads)}")
    if not annotation_file.may_be_replaced(path, _KIND):
        raise OutputError(
            f"{path} was written or changed by another program and is kept; choose another ending, which is the "
            "annotator"
        )
    with atomically(path) as part_path:
        annotation_file.write(part_path, annotator, _notes(part), part.fs, _KIND)
    return counted(part)


def _notes(part: Part) -> Notes:
    rows = [*_rows(part, "flagged", flagged_spans(part)), *_rows(part, "unanswered", unanswered_spans(part))]
    rows.sort(key=lambda row: row[:2])
    sample, chans, subtypes, texts = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Notes(sample, chans, subtypes, texts)


def _rows(part: Part, kind: str, spans: list[FlaggedSpan]) -> Iterator[tuple[int, int, int, str]]:
    for number, one in enumerate(spans):
        first, last = part.offset + one.start, part.offset + one.stop - 1
        chan, subtype = (one.lead, 1) if one.lead >= 0 else (0, 0)
        lead = f" lead={shortened(part.leads[one.lead], _MOST, ' :')}" if one.lead >= 0 else ""
        about = "the model gave no number"
        if kind == "flagged":
            about = f"{shortened(part.classes[part.alarm], _MOST, '')} {one.probability:.4f}"
        many = f"{one.windows} window{'s' * (one.windows > 1)}"
        # wfdb's reader drops notes at sample 0, so such an edge lies at 1 and says so.
        at_zero = " @0" if first == 0 else ""
        yield max(first, 1), chan, subtype, f"({kind} #{number}{at_zero}{lead}: {about}, {many}"
        yield max(last, 1), chan, subtype, f"){kind} #{number}"
