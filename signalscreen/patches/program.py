"""Two compiled functions out of one walk: the base of some examples, and the scores of edited rows given it."""

import weakref
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

from signalscreen.backend import tf
from signalscreen.binding import Wiring
from signalscreen.graph import Run, behind, layer_namer
from signalscreen.heads import call
from signalscreen.patches.plan import Plan, plan_of
from signalscreen.patches.reading import Edits, Patch
from signalscreen.patches.rules import RULES
from signalscreen.patches.spans import Span, edit
from signalscreen.patches.walk import Walk
from signalscreen.unfused import unfused, without_fusions

ROWS = 1024  # the most edited rows in a call
CHUNK_BYTES = 96 * 2**20  # what they may hold; more does not fit the processor's caches


class Patched(NamedTuple):
    """What `build` made.

    Attributes
    ----------
    base : callable
        ``(classes, *inputs) -> [scores, *tensors]``: all that edited rows read of the unedited signals.
    rows : callable
        ``(*tensors, example, starts, content, channels) -> [scores]``.
    plan : Plan
    most : int
        Edited rows in a call.
    picked : list of list of (Span, int), or None
        Where a score looks at single places only, as that of a sequence output does: an edit matters if, for one
        of the lists, all places lie in their spans. None where it always may.
    """

    base: Callable[..., Any]
    rows: Callable[..., Any]
    plan: Plan
    most: int
    picked: list[list[tuple[Span, int]]] | None


def build(
    model: Any,
    wiring: Wiring,
    position: int,
    width: tuple[int, ...],
    score_of: Callable[[Run, Any], Any],
) -> Patched:
    """Trace the model once, walk its ops with patches of `width`, and cut the result in two.

    Parameters
    ----------
    model : keras.Model
    wiring : Wiring
        With the lengths of these signals: none is left free.
    position : int
        The input that is edited.
    width : tuple of int
        Samples on each axis.
    score_of : callable
        ``(run, classes) -> (batch,)``.
    """
    traced: list[_Traced] = []
    ref = weakref.ref(model)  # the functions outlive this call, and must not keep the model
    shape = [int(n or 0) for n in wiring.shapes[position]]

    def body(classes: Any, example: Any, starts: Any, content: Any, channels: Any, *inputs: Any) -> Any:
        with tf.name_scope("model"):  # as a function's graph has a scope of its own, and this one has none
            run = call(ref(), list(inputs), wiring.structure(), wiring.orders)
        score, edits = score_of(run, classes), Edits(example, starts)
        ops = _towards(score)
        walk = Walk(edits, RULES)
        walk.batched = {t.name for i, t in enumerate([classes, *inputs]) if i != position + 1}
        x = inputs[position]
        spans = {a + 1: edit(a, w, n) for a, (w, n) in enumerate(zip(width, shape[:-1], strict=True))}
        old = edits.read(x, None, spans)
        # Content may have 1 on any axis, for all rows, places or channels alike.
        walk.patches[x.name] = Patch(tf.where(channels, tf.cast(content, x.dtype), old), spans, x)
        walk.run(ops)
        traced.append(_Traced(run, walk, score))
        patch = walk.patches.get(score.name)
        return tf.gather(score, example) if patch is None else edits.whole(patch)

    specs = [
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((None, len(width)), tf.int32),
        tf.TensorSpec((None,) * (len(width) + 2), wiring.dtypes[position]),
        tf.TensorSpec((shape[-1],), tf.bool),
        *(tf.TensorSpec((None, *s), d) for s, d in zip(wiring.shapes, wiring.dtypes, strict=True)),
    ]
    with without_fusions():  # a function kept whole inside takes its settings from where it is traced
        whole = tf.compat.v1.wrap_function(body, specs)
    classes, *of_rows = whole.inputs[:5]
    inputs = whole.inputs[5 : len(specs)]
    [(run, walk, score)], result = traced, whole.structured_outputs
    cut = _cut(result, _reached(result.graph, of_rows))
    base, _ = _extracted([score, *cut], [classes, *inputs])
    rows, ops = _extracted([result], [*cut, *of_rows])
    most = int(min(max(CHUNK_BYTES // max(_row_bytes(walk), 1), 1), ROWS))
    plan = plan_of(walk, ops, layer_namer(run), most)
    always = _passes(inputs[position], score, walk.picked)
    return Patched(base, rows, plan, most, None if always else list(walk.picked.values()))


class _Traced(NamedTuple):
    """What the trace leaves behind: the unedited run, the walk over it, and its score."""

    run: Run
    walk: Walk
    score: Any


def _towards(score: Any) -> list[Any]:
    """The ops that the score is computed from, in the order in which they were made."""
    needed = behind([score])
    return [op for op in score.graph.get_operations() if op.name in needed and op.type != "Placeholder"]


def _row_bytes(walk: Walk) -> int:
    """Memory that the patches of one edited row take."""
    contents = [p.content for _, patches, _ in walk.steps for p in patches if p.content.shape.rank]
    return sum(prod(n or 1 for n in t.shape[1:]) * t.dtype.size for t in contents)


def _passes(x: Any, score: Any, picked: Any) -> bool:
    """Whether there is a way from the input to the score that leads through none of the `picked` ops."""
    changed, seen, stack = _reached(x.graph, [x]), set(), [score.op]
    while stack:
        op = stack.pop()
        if op is x.op:
            return True
        if op.name in changed and op.name not in seen and op.name not in picked:
            seen.add(op.name)
            stack.extend(t.op for t in op.inputs)
    return False


def _reached(graph: Any, tensors: list[Any]) -> set[str]:
    """Names of the ops that depend on `tensors`."""
    names = {t.op.name for t in tensors}
    for op in graph.get_operations():
        if any(x.op.name in names for x in op.inputs):
            names.add(op.name)
    return names


def _cut(result: Any, rowwise: set[str]) -> list[Any]:
    """What ops of edited rows take from ops that know nothing of edits."""
    needed = behind([result]) & rowwise
    taken = [x for op in result.graph.get_operations() if op.name in needed for x in op.inputs]
    cut = [x for x in taken if x.op.name not in rowwise and x.op.type != "Const" and x.dtype != tf.resource]
    return list({x.name: x for x in cut}.values())


def _extracted(results: list[Any], inputs: list[Any]) -> tuple[Callable[..., list[Any]], int]:
    """The function of `inputs` that gives `results`, and how many ops it runs: those in between, nothing else.

    The same as `WrappedFunction.prune`, in a third of its time.
    """
    graph = results[0].graph
    variables = [(outer, inner) for outer, inner in graph.captures if outer.dtype == tf.resource]
    taken = [*inputs, *(inner for _, inner in variables)]
    given = {t.name: f"given_{i}" for i, t in enumerate(taken)}
    whole = graph.as_graph_def()
    nodes = {node.name: node for node in whole.node}
    wanted = behind(results, given)
    kept = tf.compat.v1.GraphDef(library=whole.library)
    for op in graph.get_operations():
        if op.name in wanted:
            node = nodes[op.name]
            del node.input[:]
            node.input.extend(given.get(x.name, x.name) for x in op.inputs)
            kept.node.append(node)
    for t in taken:
        node = kept.node.add(name=given[t.name], op="Placeholder")
        node.attr["dtype"].type = t.dtype.as_datatype_enum
    names = [f"{given[t.name]}:0" if t.name in given else t.name for t in results]

    def body(*tensors: Any) -> Any:
        mapped = {f"given_{i}:0": t for i, t in enumerate(tensors)}
        return tf.graph_util.import_graph_def(kept, mapped, return_elements=names, name="")

    made = tf.compat.v1.wrap_function(body, [tf.TensorSpec(t.shape, t.dtype) for t in taken])
    outer = [handle for handle, _ in variables]
    work = sum(op.type not in ("Const", "Placeholder") for op in made.graph.get_operations())
    return unfused(lambda *tensors: made(*tensors, *outer)), work
