"""The calls of a Keras model's layers in the order they are made, nested models opened; nothing is run."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from signalscreen.receptive.rules import Shape


@dataclass(frozen=True)
class Step:
    """One call of a layer: tensors in and out by number, with their shapes.

    Shapes are ``(*axes, channels)`` once `channels.laid_out` has seen them; then `first` says whether the layer
    itself takes channels first, and `turns` whether it only moves them. `own` is the output as the layer has it.
    That of a nested model follows those inside it, and stands for its output only.
    """

    path: str
    layer: Any
    sources: tuple[int, ...]
    inputs: tuple[Shape, ...]
    results: tuple[int, ...]
    output: Shape
    own: Shape
    first: bool = False
    turns: bool = False
    is_container: bool = False


def graph_of(model: Any) -> Any:
    """Return the functional graph behind a model, or None where its own ``call`` decides."""
    if "call" in vars(type(model)) and not type(model).__module__.startswith("keras."):
        return None
    graph = getattr(model, "_functional", None) or model
    return graph if hasattr(graph, "_nodes_by_depth") else None


def trace(graph: Any) -> tuple[list[Step], list[int]]:
    """Give the calls of a graph's layers, and the numbers of its inputs."""
    numbers = count()
    names = {id(t): next(numbers) for t in graph.inputs}
    return list(_steps_of(graph, "", names, numbers)), [names[id(t)] for t in graph.inputs]


def _steps_of(graph: Any, prefix: str, names: dict[int, int], numbers: Any) -> Iterator[Step]:
    """List the calls of layers in the order they are made, nested models opened; number the tensors."""
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            layer, path = node.operation, f"{prefix}{node.operation.name}"
            sources = tuple(names[id(t)] for t in node.input_tensors if id(t) in names)
            given = tuple(node.outputs[0].shape[1:])
            inner = graph_of(layer)
            if inner is not None:
                inside = dict(zip(map(id, inner.inputs), sources, strict=True))
                yield from _steps_of(inner, f"{path}/", inside, numbers)
                names.update(zip(map(id, node.outputs), (inside[id(t)] for t in inner.outputs), strict=True))
                results = tuple(names[id(t)] for t in node.outputs)
                yield Step(path, layer, (), (), results, given, given, is_container=True)
                continue
            if prefix and node.is_input:
                continue  # the nested model's own door
            if not node.is_input:
                names.update((id(t), next(numbers)) for t in node.outputs)
            shapes = tuple(tuple(t.shape[1:]) for t in node.input_tensors)
            results = tuple(names[id(t)] for t in node.outputs)
            yield Step(path, layer, sources, shapes, results, given, given)
