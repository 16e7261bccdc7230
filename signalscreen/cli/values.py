"""From words on the command line to what the public functions take."""

import ast
import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any

import click

from signalscreen.errors import TargetError
from signalscreen.targets import Unit

_REDUCED = re.compile(r"(mean|sum|max|min):(-?\d+)")


def literal(text: str) -> Any:
    """Read a Python literal (``5``, ``0.1``, ``None``, ``(3, 0)``, ``[1, 2]``); anything else is text.

    >>> literal("5"), literal("None"), literal("local_mean")
    (5, None, 'local_mean')
    """
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def target(text: str | None) -> Any:
    """Read ``--target``: nothing, an index, a name, a tuple, ``mean:0`` and the like for sequences, or a unit.

    >>> target("unit:conv1d_2:5")
    Unit(layer='conv1d_2', filter=5, position=None, reduce='mean')
    """
    if text is None:
        return None
    if text.startswith("unit:"):
        return _unit(text)
    reduced = _REDUCED.fullmatch(text)
    if reduced is not None:
        return _reduction(reduced[1], int(reduced[2]))
    value = literal(text)
    return value if isinstance(value, int | tuple) and not isinstance(value, bool) else text


def names(text: str | None) -> list[str] | None:
    """Read ``--class-names A, B``.

    >>> names("N, V")
    ['N', 'V']
    """
    return None if text is None else [name.strip() for name in text.split(",")]


def _unit(text: str) -> Unit:
    """``unit:LAYER``, ``unit:LAYER:FILTER`` or ``unit:LAYER:FILTER:POSITION``; a filter of ``*`` is all."""
    _, layer, *rest = text.split(":")
    index: list[Any] = [None if word == "*" else literal(word) for word in rest]
    if not layer or len(index) > 2:
        raise TargetError(
            f"target {text!r} names no unit; give unit:LAYER, unit:LAYER:FILTER or unit:LAYER:FILTER:POSITION"
        )
    return Unit(int(layer) if re.fullmatch(r"-?\d+", layer) else layer, *index)


def _reduction(how: str, unit: int) -> Callable[[Any], Any]:
    """One output unit over all positions, for networks that answer once per sample."""
    if unit < 0:
        raise TargetError(f"target {how}:{unit} is no output unit; give {how}:UNIT, counted from 0")

    def over_positions(outputs: Any) -> Any:
        from signalscreen.backend import keras

        one = outputs[..., unit]
        return getattr(keras.ops, how)(one, axis=tuple(range(1, len(one.shape))))

    over_positions.words = f"{how}:{unit}"  # type: ignore[attr-defined]  # for the command that does it again
    return over_positions


def methods(names: Sequence[str]) -> list[str]:
    """Check ``--method``.

    Raises
    ------
    click.BadParameter
        Listing the methods there are.
    """
    from signalscreen.methods import METHODS

    for name in names:
        if name not in METHODS:
            raise click.BadParameter(f"{name!r} is not known; choose from {', '.join(METHODS)}")
    return list(dict.fromkeys(names))


def options(words: Sequence[str], names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Sort ``--option key=value`` and ``--option method.key=value`` to the methods chosen.

    Raises
    ------
    click.BadParameter
        If a word has no ``=``, or no chosen method has the option.
    """
    chosen: dict[str, dict[str, Any]] = {name: {} for name in names}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{word!r} is not key=value")
        method, dot, own = key.partition(".")
        if dot:
            if method not in chosen:
                raise click.BadParameter(f"{key!r} is for a method that was not chosen ({', '.join(names)})")
            takers, key = [method] if _takes(method, own, named=True) else [], own
        else:
            takers = [name for name in names if _takes(name, key)]
        if not takers:
            where = [method] if dot else names
            has = "; ".join(f"{name} has {', '.join(_own(name)) or 'none'}" for name in where)
            raise click.BadParameter(f"no option {key!r}: {has}")
        for name in takers:
            chosen[name][key] = literal(value)
    return chosen


def _own(name: str) -> dict[str, Any]:
    from signalscreen.methods import METHODS

    return METHODS[name].options


def _takes(name: str, key: str, named: bool = False) -> bool:
    """Whether a method has an option; one that hands options on (smooth_grad) takes any it is named with."""
    from signalscreen.methods import METHODS

    parameters = inspect.signature(METHODS[name].fn).parameters.values()
    hands_on = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return key in _own(name) or (named and hands_on)
