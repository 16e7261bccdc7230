"""The command that makes a store again."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from signalscreen.exports.part import Part

_SAME = ("window", "hop", "resample", "normalise", "until", "alarm", "channels")
_DEFAULTS = {"score": "logit", "explain": "all"}


def command(parts: Sequence[Part], record: str, out: str) -> str:
    """``signalscreen screen`` with every setting that the store was made with.

    Parameters
    ----------
    parts : sequence of Part
        The store, or all of a database.
    record, out : str
        What to call the recording and the store: where they lay is not kept.
    """
    facts = parts[0].facts
    settings: Mapping[str, Any] = facts.get("settings", {})
    words = ["signalscreen", "screen", record, "--model", facts.get("model") or "MODEL"]
    for name, value in facts.get("reading", {}).items():
        words += [f"--{name}", _value(value)]
    words += _stretch([part.facts.get("settings", {}).get("record", {}) for part in parts])
    for name in parts[0].group.attrs["methods"]:  # in their order, which the settings do not keep
        words += ["--method", name]
        for key, value in settings.get("methods", {}).get(name, {}).items():
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
    words += _over_the_model(settings, parts[0].group.attrs["threshold"])
    if settings.get("each_lead"):
        words.append("--each-lead")
    return shlex.join([*words, "--out", out])


def _over_the_model(settings: Mapping[str, Any], threshold: float) -> list[str]:
    """Defaults in full, over which what the model's file says that it expects would win."""
    if not settings:
        return []
    words = ["--threshold", _value(threshold)]
    words += ["--kind", settings["kind"]] if settings.get("kind") else []
    return words + (["--normalise", "none"] if settings.get("normalise") is None else [])


def _stretch(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Leads and span; of several records what they have in common, and of one ``--end`` always."""
    first = records[0]
    if not first:
        return []
    words: list[str] = []
    if all(one.get("leads") == first["leads"] for one in records):
        words += [word for lead in first["leads"] for word in ("--lead", lead)]
    start = float(first["start"])
    if start and all(one.get("start") == start for one in records):
        words += ["--start", _value(start)]
    if len(records) == 1:  # how long the whole was is not kept
        words += ["--end", _value(start + first["samples"] / first["fs"])]
    return words


def _value(value: Any) -> str:
    """As ``signalscreen screen`` reads it."""
    if isinstance(value, list):
        return str(tuple(value))
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)
