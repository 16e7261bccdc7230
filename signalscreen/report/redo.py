"""The command that makes a store again."""

import shlex
from collections.abc import Mapping
from typing import Any

from signalscreen.exports.part import Part

_SAME = ("window", "hop", "resample", "normalise", "until", "alarm")
_DEFAULTS = {"score": "logit", "explain": "all", "threshold": 0.5, "kind": "ecg"}


def command(part: Part, record: str, out: str) -> str:
    """``signalscreen screen`` with every setting that the store was made with.

    Parameters
    ----------
    part : Part
    record, out : str
        What to call the recording and the store: where they lay is not kept.
    """
    facts = part.facts
    settings: Mapping[str, Any] = facts.get("settings", {})
    words = ["signalscreen", "screen", record, "--model", facts.get("model") or "MODEL"]
    for lead in settings.get("record", {}).get("leads", ()):
        words += ["--lead", lead]
    words += _span(settings.get("record", {}))
    for name, options in settings.get("methods", {}).items():
        words += ["--method", name]
        for key, value in options.items():
            words += ["--option", f"{name}.{key}={_value(value)}"]
    if settings.get("target") is not None:
        words += ["--target", _value(settings["target"])]
    if settings.get("class_names"):
        words += ["--class-names", ",".join(settings["class_names"])]
    until = settings.get("model", {}).get("until")
    given = {**settings, "until": until}
    for name in _SAME:
        if given.get(name) is not None:
            words += [f"--{name}", _value(given[name])]
    for name, default in _DEFAULTS.items():
        if given.get(name, default) != default:
            words += [f"--{name}", _value(given[name])]
    if settings.get("each_lead"):
        words.append("--each-lead")
    return shlex.join([*words, "--out", out])


def _span(record: Mapping[str, Any]) -> list[str]:
    """The part of the record: ``--end`` always, as how long the whole was is not kept."""
    if not record:
        return []
    start = float(record["start"])
    end = start + record["samples"] / record["fs"]
    return [*(["--start", _value(start)] if start else []), "--end", _value(end)]


def _value(value: Any) -> str:
    """As ``signalscreen screen`` reads it."""
    if isinstance(value, list):
        return str(tuple(value))
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
