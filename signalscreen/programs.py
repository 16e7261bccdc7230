"""The traced functions behind a score's verbs, compiled once per model and kept as long as the model lives.

Each is a concrete TensorFlow function with a free batch axis, so no batch size is ever traced twice. What
else a trace depends on is in its key. The functions hold the model's variables, not the model.
"""

import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from signalscreen import fingerprints
from signalscreen.axes.roles import Roles
from signalscreen.backend import tf
from signalscreen.binding import Wiring
from signalscreen.deep_lift_rules import apply_deep_lift, can_share_reference, has_rules
from signalscreen.errors import NoGradientWarning, TargetError, warn
from signalscreen.graph import Run, Tap, behind, blind, ops_between, row_bytes
from signalscreen.heads import call
from signalscreen.layers import find_layer, layer_output, maps_of, reached_output, unit_activation
from signalscreen.lrp_rules import apply_lrp
from signalscreen.patches import Patched, build
from signalscreen.purity import draws, writes, written
from signalscreen.rules import apply, correct
from signalscreen.targets import Target
from signalscreen.unfused import unfused, without_fusions

_WITHOUT_RULES = "integrated_gradients with tolerance=, or occlusion"
_MOST = 64  # programs kept per model; a new lambda as target is a new program each time


class Program(NamedTuple):
    """A traced function and what was learned while tracing it."""

    fn: Callable[..., Any]
    sizes: dict[int, int]  # bytes of activations per example, by the number of free axes
    facts: dict[str, Any]

    @property
    def variables(self) -> Sequence[Any]:
        """The variables that it reads or writes."""
        return self.fn.__wrapped__.graph.variables  # type: ignore[attr-defined]

    def row_bytes(self, length: int) -> int:
        """Memory that one example's activations take, free axes counted as `length`."""
        return max(sum(size * length**free for free, size in self.sizes.items()), 1)


_ABSENT = object()
_programs: "weakref.WeakKeyDictionary[Any, dict[Any, Any]]" = weakref.WeakKeyDictionary()
_facts: "weakref.WeakKeyDictionary[Any, dict[Any, Any]]" = weakref.WeakKeyDictionary()


def program(model: Any, key: tuple[Any, ...], build: Callable[[], Any]) -> Any:
    """The program under `key`, built now if it is new."""
    return _kept(_programs, model, key, build)


def fact(model: Any, key: tuple[Any, ...], build: Callable[[], Any]) -> Any:
    """What else is known of a model, kept as long as a program is."""
    return _kept(_facts, model, key, build)


def _kept(table: Any, model: Any, key: tuple[Any, ...], build: Callable[[], Any]) -> Any:
    kept = table.setdefault(model, {})
    key = (*key, fingerprints.version(model))
    # What was used last goes last: the first is the one that has waited longest.
    found = kept.pop(key, _ABSENT)  # in one step, for threads
    if found is _ABSENT:
        for old in [one for one in list(kept) if one[-1] != key[-1]]:
            kept.pop(old, None)  # the model has changed since, and does not change back
        found = build()
        fingerprints.settle(model)
    if len(kept) >= _MOST:
        kept.pop(next(iter(kept)), None)  # another thread may have taken it
    kept[key] = found
    return found


def _differentiated(model: Any, inputs: list[Any], wiring: Wiring) -> Run:
    """A run of which a gradient is asked: its inputs are those that have one, and the others count as constants."""
    run = call(model, inputs, wiring.structure(), wiring.orders)
    own = _floats(inputs, wiring)
    without = blind(own, run)
    return run._replace(inputs=[x for i, x in enumerate(own) if i not in without] or own)


def _floats(inputs: Sequence[Any], wiring: Wiring) -> list[Any]:
    """The inputs that a gradient is given for."""
    return [inputs[i] for i in wiring.free]


def _function(body: Callable[..., Any], wiring: Wiring, copies: Sequence[int | None]) -> Program:
    """Trace ``body(classes, *inputs) -> (result, run, facts)``; `copies` gives the batch of each set of inputs."""
    facts: dict[str, Any] = {}

    def traced(classes: Any, *inputs: Any) -> Any:
        result, run, found = body(classes, *inputs)
        facts.update(found, sizes=row_bytes(run))
        return result

    specs = [
        tf.TensorSpec((batch, *shape), dtype)
        for batch in copies
        for shape, dtype in zip(wiring.shapes, wiring.dtypes, strict=True)
    ]
    signature = [tf.TensorSpec((None,), tf.int32), *specs]
    function = tf.function(traced, input_signature=signature, autograph=False)
    with without_fusions():  # a function kept whole inside takes its settings from where it is traced
        concrete = function.get_concrete_function()
    return Program(_leaving(unfused(concrete), written(concrete)), facts.pop("sizes"), facts)


def _leaving(function: Callable[..., Any], variables: Sequence[Any]) -> Callable[..., Any]:
    """The same function, after each call of which variables are as they were before it."""
    if not variables:
        return function

    def called(*args: Any) -> Any:
        before = [v.read_value() for v in variables]
        try:
            return function(*args)
        finally:
            for variable, value in zip(variables, before, strict=True):
                variable.assign(value)

    called.__wrapped__ = function.__wrapped__  # type: ignore[attr-defined]
    return called


def outputs(model: Any, wiring: Wiring) -> Program:
    """All outputs and logits, flat.

    The facts are the shape and name of each output, why it has no logit where it is a probability, which inputs
    have no gradient, the ops that change variables or draw random numbers, and the coarsest dtype of all.
    """
    ref = weakref.ref(model)

    def body(_: Any, *inputs: Any) -> Any:
        run = call(ref(), list(inputs), wiring.structure(), wiring.orders)
        flat = tf.nest.flatten(run.outputs)
        facts = {
            "shapes": [tuple(t.shape[1:]) for t in flat],
            "names": _output_names(ref(), run.outputs),
            "said": list(run.said),
            "blind": blind(run.inputs, run),
            "writes": writes(run),
            "draws": draws(run),
            "precision": _coarsest(run),
        }
        return _both(run, wiring), run, facts

    return _function(body, wiring, [None])


def _both(run: Run, wiring: Wiring) -> tuple[list[Any], list[Any]]:
    """Outputs and logits, flat, in the dtype of results."""
    result = [tf.cast(t, wiring.result) if t.dtype.is_floating else t for t in tf.nest.flatten(run.outputs)]
    logits = tf.nest.flatten(run.logits)
    return result, [tf.cast(t, r.dtype) for t, r in zip(logits, result, strict=True)]


_COARSE_FIRST = ("bfloat16", "float16", "float32", "float64")


def _coarsest(run: Run) -> str:
    """The least exact dtype among those that the model computes in."""
    there = {out.dtype.name for op in run.ops for out in op.outputs if out.dtype.is_floating}
    return next((name for name in _COARSE_FIRST if name in there), "float32")


def is_compared(tap: Tap) -> bool:
    """Whether what a layer gives is numbers with a row for each example."""
    return bool(tap.tensor.dtype.is_floating and tap.tensor.shape.rank)


def tapped(model: Any, wiring: Wiring) -> Program:
    """What every layer gives, as far as it has a row for each example; the facts are the layers' paths."""
    ref = weakref.ref(model)

    def body(_: Any, *inputs: Any) -> Any:
        run = call(ref(), list(inputs), wiring.structure(), wiring.orders)
        taps = [tap for tap in run.taps if is_compared(tap)]
        return [tf.cast(tap.tensor, tf.float64) for tap in taps], run, {"paths": [tap.path for tap in taps]}

    return _function(body, wiring, [None])


def _output_names(model: Any, outputs: Any) -> list[str]:
    if isinstance(outputs, dict):
        return [str(name) for name in sorted(outputs)]
    names = list(getattr(model, "output_names", []))
    n = len(tf.nest.flatten(outputs))
    return names if len(names) == n else [f"output_{i}" for i in range(n)]


def scores(model: Any, wiring: Wiring, target: Target, logit: bool) -> Program:
    """S(x). The facts are the outputs that it is computed from, by position."""
    ref = weakref.ref(model)

    def body(classes: Any, *inputs: Any) -> Any:
        run = call(ref(), list(inputs), wiring.structure(), wiring.orders)
        score = select(run, target, logit, classes, wiring)
        return score, run, {"read": _outputs_read(run, score, logit)}

    return _function(body, wiring, [None])


def gradients(model: Any, wiring: Wiring, target: Target, logit: bool, rules: str | None) -> Program:
    """S(x) and dS/dx for each input, with backward rules or without."""
    ref = weakref.ref(model)

    def body(classes: Any, *inputs: Any) -> Any:
        run = _differentiated(ref(), list(inputs), wiring)
        score = select(run, target, logit, classes, wiring)
        correct(run)
        reached = apply(rules, run, score, _rank(wiring)) if rules else 0
        return (score, _gradient(score, _floats(inputs, wiring))), run, {"reached": reached}

    return _function(body, wiring, [None])


def outputs_with_gradients(model: Any, wiring: Wiring, target: Target, logit: bool, highest: bool) -> Program:
    """The output that the target is of, its logits, and dS/dx for each input.

    With `highest`, S is each example's highest score, whatever class is fed.
    """
    ref = weakref.ref(model)

    def body(classes: Any, *inputs: Any) -> Any:
        run = _differentiated(ref(), list(inputs), wiring)
        output, logits = (found[target.output] for found in _both(run, wiring))
        if highest:
            classes = tf.argmax(_flat(run, logit)[target.output], axis=-1, output_type=tf.int32)
        score = select(run, target, logit, classes, wiring)
        correct(run)
        return (output, logits, _gradient(score, _floats(inputs, wiring))), run, {}

    return _function(body, wiring, [None])


def multipliers(model: Any, wiring: Wiring, target: Target, logit: bool, shared: bool) -> Program | None:
    """DeepLIFT multipliers for each input, with S(x) and S(reference).

    The reference is traced as a second call of the model in the same graph. `shared` traces it with a batch of
    one that serves every example; None when the model does not allow that.
    """
    ref = weakref.ref(model)
    shareable: list[bool] = []

    def body(classes: Any, *inputs: Any) -> Any:
        n = len(wiring.shapes)
        run = _differentiated(ref(), list(inputs[:n]), wiring)
        twin = _differentiated(ref(), list(inputs[n:]), wiring)
        score, run = _with_target(run, target, logit, classes, wiring)
        if shared and not target.computes:
            rows = tf.shape(classes)[0]
            outs = [tf.repeat(t, rows, axis=0) for t in _flat(twin, logit)]
            score_r = select(twin, target, logit, classes, wiring, outs)
        else:
            score_r, twin = _with_target(twin, target, logit, classes, wiring)
        shareable.append(not shared or can_share_reference(run, score, twin, score_r))
        if not shareable[-1]:
            return score, run, {}
        apply_deep_lift(run, score, twin, score_r)
        return (_gradient(score, _floats(inputs, wiring), ruled=True), score, score_r), run, {}

    built = _function(body, wiring, [None, 1 if shared else None])
    return built if shareable[-1] else None


def relevances(model: Any, wiring: Wiring, target: Target, logit: bool, rule: tuple[float, float]) -> Program:
    """S(x), and S(x) shared out by layer-wise relevance propagation, for each input; `rule` is (epsilon, gamma)."""
    ref = weakref.ref(model)

    def body(classes: Any, *inputs: Any) -> Any:
        run = _differentiated(ref(), list(inputs), wiring)
        score, run = _with_target(run, target, logit, classes, wiring)
        instead = "deep_lift or integrated_gradients" if has_rules(run, score) else _WITHOUT_RULES
        apply_lrp(run, score, *rule, instead)
        return (score, _gradient(score, _floats(inputs, wiring), [score])), run, {}

    return _function(body, wiring, [None])


def activations(
    model: Any,
    wiring: Wiring,
    target: Target,
    logit: bool,
    layer: Any,
    position: int,
    rules: str | None,
    roles_of: Callable[[Sequence[Tap]], Sequence[Roles | None]],
) -> Program:
    """S(x), feature maps of a layer and dS/d(feature maps); `position` is the input whose axes they lie over.

    The facts are the path of the layer, and which of the run's taps it is.
    """
    ref = weakref.ref(model)

    def body(classes: Any, *inputs: Any) -> Any:
        run = call(ref(), list(inputs), wiring.structure(), wiring.orders)
        score = select(run, target, logit, classes, wiring)
        own = run._replace(inputs=[inputs[position]])
        correct(run)
        if rules:
            apply(rules, run, score, _rank(wiring))
        of_unit = None if target.unit is None else layer_output(run, target.unit.layer, logit)
        tap, roles = find_layer(own, score, layer, roles_of(run.taps), of_unit)
        assert roles is not None  # it has maps
        found = [tf.cast(maps_of(t, roles), wiring.result) for t in (tap.tensor, *_gradient(score, [tap.tensor]))]
        return (score, *found), run, {"layer": tap.path, "tap": next(i for i, t in enumerate(run.taps) if t is tap)}

    return _function(body, wiring, [None])


def features(model: Any, wiring: Wiring, layer: Any) -> Program:
    """What a layer gives."""
    ref = weakref.ref(model)

    def body(_: Any, *inputs: Any) -> Any:
        run = call(ref(), list(inputs), wiring.structure(), wiring.orders)
        return tf.cast(layer_output(run, layer, logit=False), wiring.result), run, {}

    return _function(body, wiring, [None])


def feature_distance(model: Any, wiring: Wiring, logit: bool, layer: Any) -> Program:
    """``|phi(x) - phi(x0)|^2``, ``|phi(x0)|^2``, and the gradient of the former by x; phi is what a layer gives.

    x0 is traced as a second call of the model in the same graph, so that one trace serves every x0.
    """
    ref = weakref.ref(model)

    def body(_: Any, *inputs: Any) -> Any:
        n = len(wiring.shapes)
        run = _differentiated(ref(), list(inputs[:n]), wiring)
        twin = _differentiated(ref(), list(inputs[n:]), wiring)
        found, wanted = (reached_output(r, layer, logit) for r in (run, twin))
        correct(run)
        distance, power = (_squares(part, wiring) for part in (found - wanted, wanted))
        return (distance, power, _gradient(distance, _floats(inputs, wiring))), run, {}

    return _function(body, wiring, [None, None])


def _squares(tensor: Any, wiring: Wiring) -> Any:
    """The sum of squares of each row."""
    return tf.reduce_sum(tf.square(tf.cast(tensor, wiring.result)), list(range(1, tensor.shape.rank)))


def patched(
    model: Any, wiring: Wiring, target: Target, logit: bool, position: int, width: tuple[int, ...]
) -> Patched:
    """S for edits of one width, by what they change."""
    return build(model, wiring, position, width, lambda run, classes: select(run, target, logit, classes, wiring))


def _flat(run: Run, logit: bool) -> list[Any]:
    return list(tf.nest.flatten(run.logits if logit else run.outputs))


def _outputs_read(run: Run, score: Any, logit: bool) -> list[int]:
    names = [t.name for t in _flat(run, logit)]
    between = behind([score], names)
    read = {score.name}.union(
        *([t.name for t in op.inputs] for op in run.inputs[0].graph.get_operations() if op.name in between)
    )
    return [i for i, name in enumerate(names) if name in read]


def select(
    run: Run, target: Target, logit: bool, classes: Any, wiring: Wiring, flat: list[Any] | None = None
) -> Any:
    """The score: one number per example out of the outputs of a run."""
    if target.unit is not None:
        return tf.cast(unit_activation(run, target.unit, logit, target.unit_axes), wiring.result)
    flat = _flat(run, logit) if flat is None else flat
    if target.function is not None:
        score = target.function(tf.nest.pack_sequence_as(run.outputs, flat))
        if not tf.is_tensor(score) or score.shape.rank != 1:
            shape = getattr(score, "shape", None)
            raise TargetError(
                f"the target callable returned {type(score).__name__} of shape {shape}; it must return one number "
                "per example, shape (batch,)"
            )
        return tf.cast(score, wiring.result)
    output = flat[target.output]
    if isinstance(target.index, tuple):
        return tf.cast(output[(slice(None), *target.index)], wiring.result)
    return tf.cast(tf.gather(output, classes, axis=1, batch_dims=1), wiring.result)


def _with_target(run: Run, target: Target, logit: bool, classes: Any, wiring: Wiring) -> tuple[Any, Run]:
    """The score, and the run with the ops that the target adds counted as its own: they need rules as well."""
    graph = run.inputs[0].graph
    before = len(graph.get_operations())
    score = select(run, target, logit, classes, wiring)
    if not target.computes:
        return score, run
    return score, run._replace(ops=[*run.ops, *graph.get_operations()[before:]])


def _gradient(score: Any, tensors: list[Any], carried: list[Any] | None = None, ruled: bool = False) -> list[Any]:
    """The gradient of a score by tensors, with a warning where the score sees one that has none.

    `ruled` says that ops without a gradient have been given rules.
    """
    found = tf.gradients(score, tensors, carried)
    for tensor, gradient in zip(tensors, found, strict=True):
        between = ops_between(tensor, score)
        flat = gradient is None or (carried is None and not ruled and not ops_between(tensor, score, without=_FLAT))
        if between and flat:
            stops = sorted({op.type for op in between} & _FLAT)
            through = f" through {', '.join(stops)}" if stops else ""
            warn(
                f"no gradient passes to the score{through}, so the result is zero; use occlusion, or write that "
                "part of the model with operations that have a gradient",
                NoGradientWarning,
            )
    return [tf.zeros_like(t) if g is None else g for t, g in zip(tensors, found, strict=True)]


# Ops whose gradient is zero, or that have none.
_FLAT = frozenset("PyFunc PyFuncStateless Round Rint Sign Floor Ceil StopGradient".split())


def _rank(wiring: Wiring) -> int:
    return 1 + max(len(shape) for shape in wiring.shapes)
