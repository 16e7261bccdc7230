"""The command that makes a store again."""

import ast
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from signalscreen.exports.part import Part

_SAME = ("window", "hop", "resample", "normalise", "until", "alarm")
_DEFAULTS = {"score": "logit", "explain": "all"}
_PYTHON = {"model": "a model in memory"}  # in words, where the name would not tell


def command(parts: Sequence[Part], record: str, out: str) -> str:
    """``signalscreen screen`` with every setting that the store was made with.

    What only Python can say (`unsaid`) has a name in capitals in its place.

    Parameters
    ----------
    parts : sequence of Part
        The store, or all of a database.
    record, out : str
        What to call the recording and the store: where they lay is not kept.
    """
    facts = parts[0].facts
    settings: Mapping[str, Any] = facts.get("settings", {})
    given = {**settings, "until": settings.get("model", {}).get("until")}
    lost = set(facts.get("unsaid", ()))
    words = ["signalscreen", "screen", record, "--model", facts.get("model") or "MODEL"]
    words += _reading(parts)
    words += _methods(parts[0].group.attrs["methods"], settings.get("methods", {}), lost)
    if settings.get("target") is not None:
        target = facts.get("target") or _value(settings["target"])
        words += ["--target", "TARGET" if "target" in lost else target]
    if settings.get("class_names"):
        words += ["--class-names", "NAMES" if "class_names" in lost else ",".join(settings["class_names"])]
    for name in _SAME:
        if given.get(name) is not None:
            words += [f"--{name}", _value(given[name])]
    if settings.get("channels") is not None:
        words += ["--channels", "CHANNELS" if "channels" in lost else settings["channels"]]
    for name, default in _DEFAULTS.items():
        if given.get(name, default) != default:
            words += [f"--{name}", _value(given[name])]
    words += _over_the_model(settings, parts[0].group.attrs["threshold"])
    if settings.get("each_lead"):
        words.append("--each-lead")
    if facts.get("examine") is False:
        words.append("--no-examination")
    return shlex.join([*words, "--out", out])


def unsaid(parts: Sequence[Part]) -> list[str]:
    """What the store was made with that no command can say: "target", "a model in memory", ..."""
    names = dict.fromkeys(name for part in parts for name in part.facts.get("unsaid", ()))
    return [_PYTHON.get(name, name) for name in names]


def _reading(parts: Sequence[Part]) -> list[str]:
    """What part of the record was read, and how; and the model's weights."""
    reading: Mapping[str, Any] = parts[0].facts.get("reading", {})
    words = [word for name in ("weights", "fs", "annotator") if name in reading for word in _option(name, reading)]
    leads = reading.get("leads")
    if leads is None:
        words += _leads([part.facts.get("settings", {}).get("record", {}) for part in parts])
    for lead in [] if leads is None else leads if isinstance(leads, list) else [leads]:
        words += ["--lead", str(lead)]
    records = [part.facts.get("settings", {}).get("record", {}) for part in parts]
    return words + _span(records, reading)


def _leads(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Those that all records have in common; none where two have one name."""
    leads = records[0].get("leads", [])
    if any(one.get("leads") != leads for one in records) or len(set(leads)) < len(leads):
        return []
    return [word for lead in leads for word in ("--lead", lead)]


def _over_the_model(settings: Mapping[str, Any], threshold: float) -> list[str]:
    """Defaults in full, over which what the model's file says that it expects would win."""
    if not settings:
        return []
    words = ["--threshold", _value(threshold)]
    words += ["--kind", settings["kind"]] if settings.get("kind") else []
    return words + (["--normalise", "none"] if settings.get("normalise") is None else [])


def _span(records: Sequence[Mapping[str, Any]], reading: Mapping[str, Any]) -> list[str]:
    """As it was given; else where all records begin, and of one where it ends."""
    first = records[0]
    span = {name: reading[name] for name in ("start", "end") if name in reading}
    if (
        first
        and "start" not in span
        and first["start"]
        and all(one.get("start") == first["start"] for one in records)
    ):
        span["start"] = float(first["start"])
    if first and "end" not in span and len(records) == 1:  # how long the whole was is not kept
        span["end"] = first["start"] + first["samples"] / first["fs"]
    return [word for name in ("start", "end") if name in span for word in _option(name, span)]


def _methods(names: Sequence[str], options: Mapping[str, Mapping[str, Any]], lost: set[str]) -> list[str]:
    """In their order, which the settings do not keep."""
    words: list[str] = []
    for name in names:
        words += ["--method", name]
        for key, value in options.get(name, {}).items():
            said = key.upper() if f"{name}.{key}" in lost else _literal(value)
            words += ["--option", f"{name}.{key}={said}"]
    return words


def _option(name: str, values: Mapping[str, Any]) -> list[str]:
    return [f"--{name}", _value(values[name])]


def _value(value: Any) -> str:
    """As ``signalscreen screen`` reads it."""
    if isinstance(value, list):
        return str(tuple(value))
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _literal(value: Any) -> str:
    """As ``--option`` reads it: text that would be read as a number stays text, and 2.0 does not become 2."""
    if not isinstance(value, str):
        return str(tuple(value)) if isinstance(value, list) else repr(value)
    try:
        ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return value
    return repr(value)
