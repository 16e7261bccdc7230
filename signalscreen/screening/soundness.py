"""Whether a store is what `allocation.create` made. From its metadata only, so that every opening can afford it.

Stores travel: what is missing or cannot be is said once, here, and not by whatever stumbles over it.
"""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

# Of every array that all stores have: along what it lies.
_DIMENSIONS = {
    "signal": ("time", "lead"),
    "bad": ("time", "lead"),
    "time_s": ("time",),
    "lead": ("lead",),
    "class": ("class",),
    **dict.fromkeys(("window_start", "window_start_s", "window_lead"), ("window",)),
    **dict.fromkeys(("score", "target", "flagged", "explained", "gap"), ("window",)),
    **{f"annotation_{name}": ("annotation",) for name in ("sample", "end", "symbol", "note")},
    **dict.fromkeys(("done", "seconds"), ("shard",)),
}
# What is written when a store is made; all else belongs to shards.
KNOWN = frozenset(
    (
        *("time_s", "lead", "class", "window_start", "window_start_s", "window_lead"),
        *(f"annotation_{name}" for name in ("sample", "end", "symbol", "note")),
    )
)
DIGEST = "digest"  # attribute of the root that vouches for all others, and for the metadata of the arrays
_OF_CLASSES = {"probability": ("window", "class"), "logit": ("window", "class")}
_COUNTS = ("window_samples", "hop_samples", "shard_samples", "shard_windows")


def wrong_with(attributes: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Say what is wrong with a store of one recording; "" where nothing is.

    Parameters
    ----------
    attributes : mapping
        Of the root.
    shapes : mapping
        Of the arrays, by name.

    Examples
    --------
    >>> wrong_with({"fs": 360.0, "start": "noon"}, {})
    "its start is 'noon'"
    """
    for name in ("fs", "start", "threshold"):
        if not _number(attributes.get(name)) or (name == "fs" and attributes[name] <= 0):
            return f"its {name} is {attributes.get(name)!r}"
    for name in _COUNTS:
        if not _whole(attributes.get(name), least=1):
            return f"its {name} is {attributes.get(name)!r}"
    return _wrong_words(attributes) or _wrong_arrays(attributes, shapes)


def digest_of(attributes: Mapping[str, Any], arrays: Mapping[str, Any]) -> str:
    """SHA-256 of what gives the numbers in a store their meaning.

    Parameters
    ----------
    attributes : mapping
        Of the root.
    arrays : mapping
        By name: anything with ``shape``, ``chunks``, ``attributes`` and ``dimension_names``.
    """
    about = {name: value for name, value in attributes.items() if name != DIGEST}
    shapes = {
        name: [list(one.shape), list(one.chunks), dict(one.attributes), list(one.dimension_names)]
        for name, one in arrays.items()
    }
    return sha256(json.dumps([about, shapes], sort_keys=True).encode()).hexdigest()


def _wrong_words(attributes: Mapping[str, Any]) -> str:
    methods = attributes.get("methods")
    if not isinstance(methods, list) or not all(isinstance(name, str) for name in methods):
        return f"its methods are {methods!r}"
    if not isinstance(attributes.get("source"), str):
        return f"its source is {attributes.get('source')!r}"
    try:
        if attributes["began"]:
            datetime.fromisoformat(attributes["began"])
    except (KeyError, TypeError, ValueError):
        return f"its began is {attributes.get('began')!r}"
    try:
        sound = isinstance(json.loads(attributes["facts"]), dict)
    except (KeyError, TypeError, ValueError):
        sound = False
    return "" if sound else "its facts are no JSON"


def _wrong_arrays(attributes: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> str:
    wanted = dict(_DIMENSIONS) | {f"attribution_{name}": ("time", "lead") for name in attributes["methods"]}
    if shapes.get("class", (0,))[0]:
        wanted |= _OF_CLASSES
        if attributes.get("has_logit") is False:
            del wanted["logit"]
    sizes: dict[str, int] = {}
    for name, dimensions in wanted.items():
        if name not in shapes:
            return f"it has no {name}"
        if len(shapes[name]) != len(dimensions):
            return f"{name} has the shape {shapes[name]}"
        for dimension, size in zip(dimensions, shapes[name], strict=True):
            if sizes.setdefault(dimension, size) != size:
                return f"{name} has the shape {shapes[name]}, where {dimension} is {sizes[dimension]}"
    if attributes.get("schema", 1) > 1 and shapes.get("unanswered") != (sizes["window"],):
        return "it has no unanswered"
    shards = max(
        -(-sizes["time"] // attributes["shard_samples"]), -(-sizes["window"] // attributes["shard_windows"])
    )
    if not sizes["time"] or not sizes["lead"] or sizes["shard"] != max(shards, 1):
        return f"it has {sizes['time']} samples of {sizes['lead']} leads in {sizes['shard']} shards"
    if attributes["window_samples"] > sizes["time"]:
        return f"its windows are {attributes['window_samples']} samples long, and it has {sizes['time']}"
    alarm = attributes.get("alarm")
    return "" if _whole(alarm, least=-1) and alarm in range(-1, sizes["class"]) else f"its alarm is {alarm!r}"


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
