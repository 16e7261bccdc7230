"""What a verdict may name: the samples, leads, windows and classes of a store."""

import operator
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unicodedata import category

from signalscreen.errors import OptionError, RecordingError
from signalscreen.screening.store import opened
from signalscreen.verdicts.verdict import VERDICTS, Verdict

_LONGEST = 200  # characters of a label, and of a meaning


@dataclass(frozen=True)
class Bounds:
    """The size and names of one screened recording.

    Attributes
    ----------
    fs : float
        Samples per second.
    samples : int
    leads, classes : tuple of str
        A relabelled window may be given one of these classes, or a label of the reviewer's own.
    windows : int
    start : float
        Seconds from the beginning of the record to the first sample.
    """

    fs: float
    samples: int
    leads: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    windows: int = 0
    start: float = 0.0


def store_bounds(store: str | os.PathLike[str]) -> Bounds:
    """Read the bounds from a store of one recording.

    Raises
    ------
    RecordingError
        If the folder is no such store, or the store is damaged.
    """
    group: Any = opened(store)
    if "records" in group.attrs:
        raise RecordingError(f"{Path(store)} holds several records; give the folder of one of them")
    return Bounds(
        fs=float(group.attrs["fs"]),
        samples=int(group["signal"].shape[0]),
        leads=tuple(str(name) for name in group["lead"][:]),
        classes=tuple(str(name) for name in group["class"][:]),
        windows=int(group["window_start"].shape[0]),
        start=float(group.attrs["start"]),
    )


def checked(bounds: Bounds, who: str, given: dict[str, Any]) -> Verdict:
    """Make the verdict if all that is given fits the store.

    Raises
    ------
    OptionError
        That says what does not.
    """
    names = ("verdict", "lead", "label", "note", "meaning")
    verdict, lead, label, note, meaning = (_text(name, given[name]) for name in names)
    if verdict not in VERDICTS:
        raise OptionError(f"verdict {verdict!r} is not one of {', '.join(VERDICTS)}")
    if lead and lead not in bounds.leads:
        raise OptionError(f"lead {lead!r} is not in the store; its leads: {', '.join(bounds.leads) or 'none'}")
    _check_label(bounds, verdict, label)
    _check_line("meaning", meaning)
    start, stop = _whole("start", given["start"]), _whole("stop", given["stop"])
    if not 0 <= start < stop <= bounds.samples:
        raise OptionError(
            f"the span from sample {start} to {stop} is empty or outside the recording; it must lie within "
            f"0 to {bounds.samples}, stop after start"
        )
    window = None if given["window"] is None else _whole("window", given["window"])
    if window is not None and not 0 <= window < bounds.windows:
        raise OptionError(f"window {window} is not in the store, which has {bounds.windows}, counted from 0")
    start_s, stop_s = (bounds.start + at / bounds.fs for at in (start, stop))
    made = Verdict(start, stop, start_s, stop_s, verdict, who, lead, window, label, note)
    return made if meaning == made.in_words else replace(made, meaning=meaning)


def _check_label(bounds: Bounds, verdict: str, label: str) -> None:
    if verdict != "relabel":
        if label:
            raise OptionError(f"label {label!r} was given with verdict {verdict!r}; only 'relabel' takes a label")
        return
    if not label.strip():
        known = f"a class of the model's ({', '.join(bounds.classes)}) or" if bounds.classes else "a label of"
        raise OptionError(f"verdict 'relabel' needs a label, got {label!r}; give {known} your own")
    if label not in bounds.classes:
        _check_line("label", label)


def _check_line(name: str, text: str) -> None:
    if len(text) > _LONGEST or any(category(character) in ("Cc", "Zl", "Zp") for character in text):
        raise OptionError(
            f"{name} {text[:_LONGEST]!r} must be one line of at most {_LONGEST} characters; put more into the note"
        )


def _whole(name: str, value: Any) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise OptionError(f"{name} must be a whole number, got {value!r}") from None


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise OptionError(f"{name} must be text, got {type(value).__name__}")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise OptionError(f"{name} holds a NUL or half a character, which no file of text can keep; remove it")
    return value
