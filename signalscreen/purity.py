"""Ops by which a model is no fixed function of its input: those that draw random numbers or write variables."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from signalscreen.backend import tf
from signalscreen.graph import FUNCTION_OPS, Run, layer_namer

# By their names in TensorFlow's registry. What a Python function does (`tf.py_function`) nobody knows.
_DRAWS = re.compile(
    "^(Stateless)?(Random|Multinomial|(Parameterized)?TruncatedNormal|Shuffle$)"
    "|^Stateful(Uniform|StandardNormal|TruncatedNormal|Random)|PyFunc"
)
# Variables, parts of them, generators of random numbers, tables.
_WRITES = re.compile(
    "^Assign|^Resource(Scatter|StridedSliceAssign|Apply|SparseApply|CountUpTo)|^Rng(ReadAnd)?Skip"
    "|LookupTable(Insert|Remove|Import)"
)
_ONLY_KEYS = re.compile("GetKey|GetAlg")


class Impurity(NamedTuple):
    """An op of a model that does more than compute.

    Attributes
    ----------
    op : str
        Its type, as TensorFlow calls it.
    layer : str
        The layer that it lies in, or in a model of raw ops the next one.
    counts : bool
        It writes whole numbers: the state of a generator of random numbers, or a counter.
    """

    op: str
    layer: str
    counts: bool = False

    def __str__(self) -> str:
        return f"{self.op} in {self.layer if self.layer == 'the output' else f'layer {self.layer!r}'}"


def draws(run: Run) -> list[Impurity]:
    """The ops that draw random numbers, inside functions and loops as well."""
    return _found(run, lambda op_type: bool(_DRAWS.search(op_type)) and not _ONLY_KEYS.search(op_type))


def writes(run: Run) -> list[Impurity]:
    """The ops that change variables, parts of them, generators or tables."""
    return _found(run, lambda op_type: bool(_WRITES.search(op_type)))


def written(concrete: Any) -> list[Any]:
    """The variables of real numbers that a traced function writes; all that it has where a loop inside writes."""
    ops = concrete.graph.get_operations()
    hidden = any(op.type in FUNCTION_OPS for op in ops)
    library = concrete.graph.as_graph_def().library.function if hidden else ()
    if any(_WRITES.search(node.op) for f in library for node in f.node_def):
        found = list(concrete.graph.variables)
    else:
        names = {op.inputs[0].name for op in ops if _WRITES.search(op.type) and op.inputs}
        handles = {id(outer) for outer, inner in concrete.graph.captures if inner.name in names}
        found = [v for v in concrete.graph.variables if id(v.handle) in handles]
    return [v for v in found if v.dtype.is_floating]


def _found(run: Run, wanted: Callable[[str], bool]) -> list[Impurity]:
    layer_of = layer_namer(run)
    hidden = any(op.type in FUNCTION_OPS for op in run.ops)
    library = run.inputs[0].graph.as_graph_def().library.function if hidden else ()
    functions = {f.signature.name: f.node_def for f in library}
    found: dict[Impurity, None] = {}
    for op in run.ops:
        nodes = [op.node_def, *(_inner(op.node_def, functions) if op.type in FUNCTION_OPS else ())]
        for node in nodes:
            if wanted(node.op):
                found[Impurity(node.op, layer_of(op), not _is_real(node))] = None
    return list(found)


def _is_real(node: Any) -> bool:
    number = node.attr["dtype"].type or node.attr["T"].type
    return bool(number) and tf.dtypes.as_dtype(number).is_floating


def _inner(node: Any, functions: dict[str, Any]) -> list[Any]:
    """The nodes of the functions that a node runs, and of those that these run."""
    nodes: list[Any] = []
    seen: set[str] = set()
    stack = [node]
    while stack:
        for attribute in stack.pop().attr.values():
            for called in [attribute.func, *attribute.list.func]:
                if called.name in functions and called.name not in seen:
                    seen.add(called.name)
                    nodes += functions[called.name]
                    stack += functions[called.name]
    return nodes
