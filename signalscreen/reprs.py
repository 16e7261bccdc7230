"""Objects that hold arrays, in one line: what a person wants to see who has typed a name."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

_MOST_LEADS = 4


def brief(value: Any, most: int = 4) -> str:
    """An array by its shape and type where it has more than a few numbers; a long list by its length.

    >>> brief(np.zeros((50, 2))), brief([1, 2]), brief(list(range(9))), brief({"a": np.arange(9)})
    ('array (50, 2) float64', '[1, 2]', 'list of 9', "{'a': array (9,) int64}")
    """
    if isinstance(value, np.ndarray) and value.size > most:
        return f"array {value.shape} {value.dtype}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {brief(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple) and len(value) > most:
        return f"{type(value).__name__} of {len(value)}"
    return repr(value)


def by_fields(thing: Any, names: Iterable[str]) -> str:
    """``Name(field=..., ...)``, with arrays in brief."""
    return f"{type(thing).__name__}({', '.join(f'{name}={brief(getattr(thing, name))}' for name in names)})"


def counted(number: int, what: str) -> str:
    """``1 lead``, ``2 leads``.

    >>> counted(1, "lead"), counted(0, "lead")
    ('1 lead', '0 leads')
    """
    return f"{number:,} {what}{'s' * (number != 1)}"


def leads(names: tuple[str, ...], units: tuple[str, ...]) -> str:
    """The leads with their units, or how many they are.

    >>> leads(("II", "V1"), ("mV", "")), leads(("a",) * 12, ("",) * 12)
    ('II [mV], V1', '12 leads')
    """
    if len(names) > _MOST_LEADS:
        return counted(len(names), "lead")
    return ", ".join(f"{name} [{unit}]" if unit else name for name, unit in zip(names, units, strict=True))


def recorded(thing: Any, samples: int) -> str:
    """A recording or a stream of one."""
    long = counted(samples, "sample") if thing.fs is None else f"{samples / thing.fs:.6g} s at {thing.fs:g} Hz"
    parts = [long, leads(thing.names, thing.units)]
    parts += [f"from {thing.start:.6g} s"] if thing.start else []
    parts += [counted(len(thing.annotations), "annotation")] if thing.annotations else []
    source = f" {thing.source}" if thing.source else ""
    return f"<{type(thing).__name__}{source}: {', '.join(parts)}>"
