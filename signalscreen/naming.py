"""Which layer is meant by a name, a path, an index or the layer itself: the same wherever a layer is named."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from signalscreen.errors import LayerError


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
        A path, the end of one, an index among `listed`, or the layer.
    listed : sequence of keras.Layer
        The model's layers, as its user counts them.
    items : sequence of Placed
        Where it is looked for.
    known : str
        What may be named, for errors.

    Raises
    ------
    LayerError
        There is no such layer, or the name is that of several.
    """
    found = matching(layer, listed, items, known)
    name = name_of(layer, listed)
    if not found:
        raise LayerError(f"layer {name!r} is not in the model; {known}")
    if len({(item.path, id(item.layer)) for item in found}) > 1:
        raise LayerError(
            f"layer {name!r} stands for {', '.join(item.path for item in found)}; name one, or give the layer "
            f"itself; {known}"
        )
    return found


def matching(layer: Any, listed: Sequence[Any], items: Sequence[Item], known: str) -> list[Item]:
    """The same, empty where there is none, and of all layers of that name.

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
