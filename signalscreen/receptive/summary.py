"""One row per layer: path, type, output shape, parameters, receptive field."""

from dataclasses import dataclass
from math import isinf
from typing import Any

import numpy as np

from signalscreen.receptive.channels import traced
from signalscreen.receptive.rules import Region, Shape, UnknownReachError, axes_of, backward, hull
from signalscreen.receptive.steps import Step, graph_of

# Positions of a layer to follow back: all of them up to this many, else those in the middle.
_MOST_POSITIONS = 4096
# Where to look on an axis of free length: far from its beginning, at enough places to meet every phase.
_FAR, _PHASES = 2**30, 64


@dataclass(frozen=True)
class LayerSummary:
    """What is known about one layer.

    Attributes
    ----------
    path : str
        Name; ``outer/inner`` for a layer of a nested model.
    kind : str
        Class name.
    shape : tuple or None
        Output shape without batch, None for a free length; or None where it is not known.
    parameters : int
    field : tuple or None
        Receptive field: on each axis of the signal, the most input samples that one value of the layer can
        depend on, holes of dilated kernels included; None on an axis of free length that is seen whole. None
        as a whole where it is not known.
    """

    path: str
    kind: str
    shape: Shape | None
    parameters: int
    field: tuple[int | None, ...] | None


def summarise(model: Any) -> list[LayerSummary]:
    """Summarise a built Keras model, layer by layer; the model is not run.

    Parameters
    ----------
    model : keras.Model
        Functional and Sequential models (nested ones too) have a graph of layers to follow; of a subclassed
        model the layers are listed, their shapes and fields unknown.

    Returns
    -------
    list of LayerSummary
        In the order of the graph.

    Examples
    --------
    >>> import keras
    >>> net = keras.Sequential([keras.Input((100, 1)), keras.layers.Conv1D(4, 5), keras.layers.MaxPool1D(2)])
    >>> [(row.kind, row.field) for row in summarise(net)]
    [('InputLayer', (1,)), ('Conv1D', (5,)), ('MaxPooling1D', (6,))]
    """
    graph = graph_of(model)
    if graph is None:
        return [_without_graph(layer) for layer in model.layers]
    steps, inputs = traced(graph)
    rows: dict[str, LayerSummary] = {}
    for i, step in enumerate(steps):
        if step.is_container:
            continue
        field = _field(steps[: i + 1], inputs)
        before = rows.get(step.path)  # a layer called twice has the larger field
        if before is not None:
            field = _larger(before.field, field)
        rows[step.path] = LayerSummary(
            step.path, type(step.layer).__name__, step.own, _parameters(step.layer), field
        )
    return list(rows.values())


def _field(steps: list[Step], inputs: list[int]) -> tuple[int | None, ...] | None:
    """Follow every position of the last step's output back to the model's inputs."""
    regions = {steps[-1].results[0]: _positions(axes_of(steps[-1].output))}
    try:
        for step in reversed(steps):
            region = next((regions[r] for r in step.results if r in regions), None)
            if region is None or not step.sources:
                continue
            for which, source in enumerate(step.sources):
                seen = backward(step, which, region)
                regions[source] = hull(regions[source], seen) if source in regions else seen
    except UnknownReachError:
        return None
    found = [regions[number] for number in inputs if number in regions]
    sizes = [_size(region) for region in found]
    if len({len(size) for size in sizes}) != 1:
        return None  # inputs of different rank have no common field
    return tuple(None if isinf(max(column)) else int(max(column)) for column in zip(*sizes, strict=True))


def _positions(lengths: Shape) -> Region:
    most = int(_MOST_POSITIONS ** (1 / len(lengths)))
    ranges = []
    for n in lengths:
        if n is None:
            ranges.append(_FAR + np.arange(min(most, _PHASES)))
        else:
            first = max((n - most) // 2, 0)
            ranges.append(np.arange(first, min(first + most, n)))
    grid = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, len(lengths)).astype(np.float64)
    return Region(grid, grid)


def _size(region: Region) -> list[float]:
    some = (region.lo <= region.hi).all(axis=1)
    if not some.any():
        return [0.0] * region.lo.shape[1]
    return [float(v) for v in (region.hi[some] - region.lo[some] + 1).max(axis=0)]


def _larger(a: tuple[int | None, ...] | None, b: tuple[int | None, ...] | None) -> tuple[int | None, ...] | None:
    if a is None or b is None or len(a) != len(b):
        return None
    return tuple(None if m is None or n is None else max(m, n) for m, n in zip(a, b, strict=True))


def _parameters(layer: Any) -> int:
    return int(sum(np.prod(w.shape) for w in getattr(layer, "weights", [])))


def _without_graph(layer: Any) -> LayerSummary:
    return LayerSummary(layer.name, type(layer).__name__, None, _parameters(layer), None)
