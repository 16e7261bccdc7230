"""The calls of a Keras model's layers in the order they are made, nested models opened; nothing is run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from signalscreen.receptive.rules import Shape, UnknownReachError


@dataclass(frozen=True)
class Step:
    """One call of a layer: tensors in and out by number, with their shapes.

    That of a nested model follows those inside it, and stands for its output only.
    """

    path: str
    layer: Any
    sources: tuple[int, ...]
    inputs: tuple[Shape, ...]
    results: tuple[int, ...]
    output: Shape
    is_container: bool = False


def graph_of(model: Any) -> Any:
    """Return the functional graph behind a model, or None where its own ``call`` decides."""
    if "call" in vars(type(model)) and not type(model).__module__.startswith("keras."):
        return None
    graph = getattr(model, "_functional", None) or model
    return graph if hasattr(graph, "_nodes_by_depth") else None


def trace(graph: Any, shapes: Sequence[Shape] | None = None) -> tuple[list[Step], list[int]]:
    """Give the calls of a graph's layers, and the numbers of its inputs.

    Parameters
    ----------
    graph : keras.Function
    shapes : sequence of tuple, optional
        Of each input, without the batch: the lengths that the graph leaves free are then those that follow.

    Raises
    ------
    UnknownReachError
        A layer does not say what follows for it.
    """
    numbers = count()
    names = {id(t): next(numbers) for t in graph.inputs}
    given = [t.shape[1:] for t in graph.inputs] if shapes is None else shapes
    sizes = {id(t): tuple(shape) for t, shape in zip(graph.inputs, given, strict=True)}
    return list(_steps_of(graph, "", names, numbers, sizes)), [names[id(t)] for t in graph.inputs]


def _steps_of(
    graph: Any, prefix: str, names: dict[int, int], numbers: Any, sizes: dict[int, Shape]
) -> Iterator[Step]:
    """List the calls of layers in the order they are made, nested models opened; number the tensors."""
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            layer, path = node.operation, f"{prefix}{node.operation.name}"
            sources = tuple(names[id(t)] for t in node.input_tensors if id(t) in names)
            shapes = tuple(sizes.get(id(t), tuple(t.shape[1:])) for t in node.input_tensors)
            inner = graph_of(layer)
            if inner is not None:
                inside = dict(zip(map(id, inner.inputs), sources, strict=True))
                within = dict(zip(map(id, inner.inputs), shapes, strict=True))
                yield from _steps_of(inner, f"{path}/", inside, numbers, within)
                names.update(zip(map(id, node.outputs), (inside[id(t)] for t in inner.outputs), strict=True))
                sizes.update(zip(map(id, node.outputs), (within[id(t)] for t in inner.outputs), strict=True))
                results = tuple(names[id(t)] for t in node.outputs)
                yield Step(path, layer, (), (), results, sizes[id(node.outputs[0])], is_container=True)
                continue
            if prefix and node.is_input:
                continue  # the nested model's own door
            if not node.is_input:
                names.update((id(t), next(numbers)) for t in node.outputs)
                sizes.update(zip(map(id, node.outputs), _given_by(node, shapes), strict=True))
            results = tuple(names[id(t)] for t in node.outputs)
            yield Step(path, layer, sources, shapes, results, sizes[id(node.outputs[0])])


def _given_by(node: Any, shapes: tuple[Shape, ...]) -> list[Shape]:
    """Shapes of what a node gives for inputs of these shapes."""
    if all(tuple(t.shape[1:]) == shape for t, shape in zip(node.input_tensors, shapes, strict=True)):
        return [tuple(t.shape[1:]) for t in node.outputs]
    stand_ins = {
        id(t): type(t)((t.shape[0], *shape), dtype=t.dtype)
        for t, shape in zip(node.input_tensors, shapes, strict=True)
    }
    args, kwargs = node.arguments.fill_in(stand_ins)
    try:
        found = node.operation.compute_output_spec(*args, **kwargs)
    except Exception as error:  # a layer's own code
        raise UnknownReachError(node.operation.name) from error
    return [tuple(t.shape[1:]) for t in (found if isinstance(found, list | tuple) else [found])]
