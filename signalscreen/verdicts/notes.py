"""Text of any script in the 255 ASCII bytes of a WFDB note, and back."""

import re
from dataclasses import dataclass

from signalscreen.verdicts.verdict import VERDICTS, Verdict

MOST = 255  # bytes of a note: its length is one byte of the file
_NAMES = {"by": 40, "lead": 40, "label": 60}  # most bytes of a name's value
_EDGE = re.compile(rf"([()])({'|'.join(VERDICTS)}) #(\S+)((?: (?:@0|[a-z]+=\S*))*)(?:: (.*))?", re.DOTALL)


@dataclass(frozen=True)
class Altered:
    r"""A field that stands otherwise in an export than in the table.

    Attributes
    ----------
    id : str
        Of the verdict; the table and its CSV have the whole text under it.
    field : str
        "who", "lead", "label", "note" or "meaning".
    how : str
        "escaped": all there, written as Python writes it in ASCII (``\xe9``); "cut": its end is not there.
    """

    id: str
    field: str
    how: str


@dataclass(frozen=True)
class Edge:
    """What one note says.

    A closing note has `opens`, `verdict`, `ref` and `at_zero` only, and as its `note` what the verdict means.
    """

    opens: bool
    verdict: str
    ref: str
    at_zero: bool
    who: str
    lead: str
    label: str
    note: str
    cut: tuple[str, ...]


def opening(one: Verdict, ref: str, at_zero: bool) -> tuple[str, list[Altered]]:
    """``(reject #3f2a9c1e by=anna lead=V1: loose electrode``, and which fields were not kept as they are."""
    text = _head("(", one, ref, at_zero)
    altered: list[Altered] = []
    for name, value in (("by", one.who), ("lead", one.lead), ("label", one.label)):
        if value:
            kept = shortened(value, _NAMES[name], " :")
            altered += _alteration(one, "who" if name == "by" else name, value, kept)
            text += f" {name}={kept}"
    if one.note:
        text += ": "
        kept = shortened(one.note, MOST - len(text), "")
        altered += _alteration(one, "note", one.note, kept)
        text += kept
    return text, altered


def closing(one: Verdict, ref: str, at_zero: bool) -> tuple[str, list[Altered]]:
    """``)reject #3f2a9c1e: the alarm is wrong: clean``, and whether what it means was not kept as it is."""
    text = f"{_head(')', one, ref, at_zero)}: "
    kept = shortened(one.in_words, MOST - len(text), "")
    return text + kept, _alteration(one, "meaning", one.in_words, kept)


def parsed(text: str) -> Edge:
    """Read what `opening` or `closing` wrote.

    Raises
    ------
    ValueError
        If it is no such note.
    """
    found = _EDGE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no edge of a verdict")
    side, verdict, ref, words, note = found.groups(default="")
    named = dict(word.split("=", 1) for word in words.split() if "=" in word)
    raw = {"who": named.get("by", ""), "lead": named.get("lead", ""), "label": named.get("label", ""), "note": note}
    whole = {name: _restored(value) for name, value in raw.items()}
    cut = tuple(name for name, value in raw.items() if value.endswith("~"))
    return Edge(side == "(", verdict, ref, "@0" in words.split(), cut=cut, **whole)


def shortened(text: str, room: int, also: str) -> str:
    """Escape all that is not ASCII, with the characters of `also`; where it is too long, cut it and end with ~."""
    pieces = [_escaped(character, also) for character in text]
    if sum(map(len, pieces)) <= room:
        return "".join(pieces)
    kept, used = [], 1
    for piece in pieces:
        used += len(piece)
        if used > room:
            break
        kept.append(piece)
    return "".join(kept) + "~"


def _head(side: str, one: Verdict, ref: str, at_zero: bool) -> str:
    return f"{side}{one.verdict} #{ref}{' @0' if at_zero else ''}"


def _escaped(character: str, also: str) -> str:
    if character in also or character == "~":
        return f"\\x{ord(character):02x}"
    return character.encode("unicode_escape").decode("ascii")


def _restored(text: str) -> str:
    return text.removesuffix("~").encode("ascii").decode("unicode_escape")


def _alteration(one: Verdict, field: str, value: str, kept: str) -> list[Altered]:
    if kept == value:
        return []
    return [Altered(one.id, field, "cut" if kept.endswith("~") else "escaped")]
