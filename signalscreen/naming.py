"""Which layer is meant by a name, a path, an index or the layer itself: the same wherever a layer is named.

One call of a layer that is called several times is meant by ``name#0``, ``name#1`` and so on.
"""

import re
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from signalscreen.errors import LayerError, SeveralCallsWarning, warn


class Placed(Protocol):
    """A layer at one of the places where it stands or is called; ``outer/inner`` in a nested model."""

    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def layer(self) -> Any: ...  # noqa: D102


Item = TypeVar("Item", bound=Placed)


def places_of(layer: Any, listed: Sequence[Any], items: Sequence[Item], known: str) -> list[Item]:
    """The places of one layer: several where it is called several times.

    Parameters
    ----------
    layer : str, int or keras.Layer
        A path, the end of one, an index among `listed`, or the layer. Behind a path ``#1`` is its second call.
    listed : sequence of keras.Layer
        The model's layers, as its user counts them.
    items : sequence of Placed
        Where it is looked for.
    known : str
        What may be named, for errors.

    Raises
    ------
    LayerError
        There is no such layer or call, or the name is that of several.
    """
    found = matching(layer, listed, items, known)
    numbered = None if found or not isinstance(layer, str) else re.fullmatch(r"(.+)#(\d+)", layer)
    if numbered:
        calls, number = places_of(numbered[1], listed, items, known), int(numbered[2])
        if number >= len(calls):
            raise LayerError(
                f"layer {numbered[1]!r} has no call {number}: it is called {_times(len(calls))}, counted from 0; "
                f"{known}"
            )
        return [calls[number]]
    name = name_of(layer, listed)
    if not found:
        raise LayerError(f"layer {name!r} is not in the model; {known}")
    if len({(item.path, id(item.layer)) for item in found}) > 1:
        raise LayerError(
            f"layer {name!r} stands for {', '.join(item.path for item in found)}; name one, or give the layer "
            f"itself; {known}"
        )
    return found


def last_of(places: Sequence[Item]) -> Item:
    """The last of a layer's places, and a word about the others.

    Warns
    -----
    SeveralCallsWarning
    """
    if len(places) > 1:
        path = places[-1].path
        warn(
            f"layer {path!r} is called {len(places)} times, and only its last call is taken; name one call, "
            f"'{path}#0' to '{path}#{len(places) - 1}', or a layer behind all of them",
            SeveralCallsWarning,
        )
    return places[-1]


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def matching(layer: Any, listed: Sequence[Any], items: Sequence[Item], known: str) -> list[Item]:
    """The places of all layers of that name, as for `places_of`; empty where there is none.

    Raises
    ------
    LayerError
        The index is out of range.
    """
    if isinstance(layer, int | np.integer):
        if not -len(listed) <= layer < len(listed):
            raise LayerError(f"layer {layer} is not in the model, which has {len(listed)} layers; {known}")
        layer = listed[int(layer)]
    if isinstance(layer, str):
        exact = [item for item in items if item.path == layer]
        return exact or [item for item in items if item.path.endswith(f"/{layer}")]
    return [item for item in items if item.layer is layer]


def name_of(layer: Any, listed: Sequence[Any] = ()) -> Any:
    """How a layer is called in words."""
    if isinstance(layer, int | np.integer) and -len(listed) <= layer < len(listed):
        layer = listed[int(layer)]
    return getattr(layer, "name", layer)
