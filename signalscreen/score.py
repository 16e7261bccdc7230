"""A score: one number per example, S(x), and the four verbs by which every method sees a model.

Targets, batches, memory, softmax stripping, rank repair, dtypes and several inputs are solved here, once.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from signalscreen import batches, edited, examination, fingerprints, programs, surveys, targets
from signalscreen.axes.roles import Roles
from signalscreen.binding import Binding, Wiring, wiring_of
from signalscreen.errors import (
    InputError,
    OptionError,
    ProbabilityWarning,
    TargetError,
    UnreachedRuleWarning,
    warn,
)
from signalscreen.expectations import remembered
from signalscreen.finiteness import Watch
from signalscreen.graph import Tap
from signalscreen.heads import HIDDEN, lost_logit
from signalscreen.inputs import Layout
from signalscreen.models import as_model, check_eager
from signalscreen.order import check_channels
from signalscreen.patches import Plan
from signalscreen.reprs import brief, counted
from signalscreen.streams import Patches, blocks

Array = npt.NDArray[Any]


class Score:
    """One number per example of a model, S(x), and what can be asked about it.

    Parameters
    ----------
    model : keras.Model or path
        Any Keras model on the TensorFlow backend: Sequential, functional, nested or subclassed.
    target : None, int, sequence of int, str, tuple, callable or Unit
        Which number; see ``docs/conventions``. None is each example's highest score.
    score : {"logit", "probability"}
        Before the final softmax or sigmoid, or the output as it is. `kind` says what it came to.
    class_names : sequence of str, optional
        So that `target` can be a name; by default those that the model's file carries.
    batch_size : int, optional
        Rows per model call; by default 512, or as many as keep a call's activations near 64 MiB (192 MiB where
        that is fewer than 16).
    progress : bool, optional
        Show a progress bar; by default when the work takes more than two seconds in a terminal.
    channels : {"first", "last"}, int or tuple of int, optional
        Where `x` holds its channels or leads: on the first axis behind the batch, on the last, or on axes given by
        number. By default as the model's layers say.

    examine : bool
        Compare the trace with the model's plain call on one or two examples when a model is bound for the first
        time: is it the same function, of one example, and the same each time? It costs two forward passes.

    Notes
    -----
    The verbs take ``x`` of shape ``(..., batch, *axes, channels)``: leading axes are variants of each example
    (points of a path, noisy copies), and results carry them too. They do not check `x`; `bind` does.

    Examples
    --------
    >>> import keras
    >>> net = keras.Sequential([keras.Input((3, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    >>> net.set_weights([np.array([[1.0], [2.0], [3.0]]), np.zeros(1)])
    >>> bound, x = Score(net, target=0).bind(np.ones((1, 3, 1)))
    >>> bound(x), bound.gradient(x)[0, :, 0]
    (array([6.], dtype=float32), array([1., 2., 3.], dtype=float32))
    """

    def __init__(
        self,
        model: Any,
        target: Any = None,
        *,
        score: str = "logit",
        class_names: Sequence[str] | None = None,
        batch_size: int | None = None,
        progress: bool | None = None,
        channels: Any = None,
        examine: bool = True,
    ) -> None:
        check_channels(channels)
        if score not in ("logit", "probability"):
            raise OptionError(f"score {score!r} is not known; give 'logit' or 'probability'")
        if batch_size is not None and (not isinstance(batch_size, int | np.integer) or batch_size < 1):
            raise OptionError(f"batch_size {batch_size!r} is not a positive number of rows")
        self.model = as_model(model)
        self.target = target
        self.logit = score == "logit"
        expects = remembered(self.model)
        self.class_names = expects.class_names if class_names is None and expects is not None else class_names
        self.batch_size = batch_size
        self.progress = progress
        self.channels = tuple(channels) if isinstance(channels, list) else channels
        self.examine = bool(examine)
        self.watch = Watch()
        self._bound: Binding | None = None
        self._has_logit: bool | None = None

    def __repr__(self) -> str:
        name = getattr(self.model, "name", type(self.model).__name__)
        bound = "" if self._bound is None else f", bound to {counted(len(self._bound.numbers), 'example')}"
        kind = "logit" if self.logit else "probability"
        return f"<Score ({kind}) of model {name!r}, target {brief(self.target)}{bound}>"

    # --- binding -------------------------------------------------------------------------------------------

    def bind(self, x: Any) -> tuple["Score", Array]:
        """Check the user's input, repair its rank, and fix the target of each example.

        Parameters
        ----------
        x : array_like, or a list or dict of them for several inputs

        Returns
        -------
        Score
            For these examples.
        ndarray
            `x` as the verbs take it: ``(batch, *axes, channels)``, or ``(batch, elements)`` with the inputs side by
            side when the model has several. Beside inputs of floats, those of integers, truth values and text are
            held at their values, and have no part in it.

        Raises
        ------
        InputError, TargetError
        ModelError
            It is called while another function is traced, or with eager execution off.
        TraceError
            What was traced is another function than the model's plain call.
        """
        check_eager()
        layout, arrays = surveys.placed(self.model, x, self.channels)
        wiring = wiring_of(layout)
        new = examination.settled(self._with(Binding(layout, wiring, np.arange(len(arrays[0])))), arrays)
        outputs = new.program("outputs")
        facts = outputs.facts
        layout.blind = facts["blind"]
        x = layout.join(arrays)
        if x.dtype != object:
            x = np.asarray(x, np.result_type(*(wiring.dtypes[i] for i in layout.free)))
        new = new._with(new.bound._replace(held={i: a for i, a in enumerate(arrays) if i not in layout.free}))
        target = targets.resolve(
            self.target,
            shapes=facts["shapes"],
            names=facts["names"],
            class_names=self.class_names,
            batch=len(x),
        )
        if target.unit is not None:
            target = target._replace(unit_axes=surveys.unit_axes(self.model, layout, target.unit.layer))
        if target.index is None and not target.computes:
            target = target._replace(index=new._highest(outputs, x, target.output))
        new = new._with(new.bound._replace(target=target))
        new.watch = Watch()
        new._check_place(x)
        lost = new._without_logit(x)
        new._has_logit = not lost
        if lost and self.logit:
            warn(f"{'; '.join(lost)}; give score='probability' to say that this is meant", ProbabilityWarning)
        return new, x

    def _without_logit(self, x: Array) -> list[str]:
        """What is to be said of the outputs that the score is of and that are probabilities without a logit."""
        program, target = self.program("outputs"), self.bound.target
        said, names = program.facts["said"], program.facts["names"]
        if not any(said):
            return []
        lost = [i for i, why in enumerate(said) if why]
        lost = [i for i in lost if said[i] != HIDDEN or self._may_be_probability(program, x, i)]
        if lost:
            read = self.program("score").facts["read"] if target.computes else [target.output]
            lost = [i for i in lost if i in read]
        whose = [f"output {name!r} of the model" if len(names) > 1 else "the model's output" for name in names]
        return [f"{whose[i]} {lost_logit(said[i])}" for i in lost]

    def _may_be_probability(self, program: programs.Program, x: Array, output: int) -> bool:
        """Whether what cannot be looked into gives numbers as a softmax or sigmoid does; kept with the trace."""
        key = f"may be probability {output}"
        if key not in program.facts:
            rows = np.arange(min(len(x), 2))
            given = program.fn(*batches.fed(self.bound, x[rows], rows))[0][output].numpy()
            program.facts[key] = bool((given >= 0).all() and (given <= 1).all())
        return program.facts[key]

    def _check_place(self, x: Array) -> None:
        """Refuse a place beyond the end of an axis whose length only the signal tells."""
        unit, index = self.bound.target.unit, self.bound.target.index
        named = isinstance(index, tuple) if unit is None else unit.position is not None
        if not named or all(None not in shape for shape in self.bound.wiring.shapes):
            return
        try:
            self.part(slice(0, 1))(x[:1])
        except InputError as error:
            if "slice index" not in str(error.__cause__):
                raise
            raise TargetError(
                f"target {self.target!r} lies beyond the end of what the model gives for these signals; give a "
                "place inside it, or a longer signal"
            ) from error

    def wired(self, wiring: Wiring) -> "Score":
        """The score with the model called in another way."""
        return self._with(self.bound._replace(wiring=wiring))

    def _with(self, bound: Binding) -> "Score":
        new = copy(self)
        new._bound = bound
        return new

    def _highest(self, program: programs.Program, x: Array, output: int) -> Array:
        """Each example's class of highest score."""
        kind = 1 if self.logit else 0
        best = []
        for rows in blocks(len(x), self._rows(program)):
            flat = program.fn(*batches.fed(self.bound, x[rows], np.arange(rows.start, rows.stop)))[kind]
            best.append(np.argmax(flat[output].numpy(), axis=-1))
        return np.concatenate(best).astype(np.int32)

    @property
    def kind(self) -> str:
        """What it is, once bound: "logit", or "probability" where that was asked for or the output has no logit."""
        return "logit" if self.logit and self.has_logit else "probability"

    @property
    def has_logit(self) -> bool:
        """Whether `outputs` gives logits: false where the output is a probability whose logit cannot be found."""
        if self._has_logit is None:
            raise InputError("the score is not bound to a signal yet; use score, x = Score(...).bind(x)")
        return self._has_logit

    @property
    def bound(self) -> Binding:
        """What it is bound to."""
        if self._bound is None:
            raise InputError("the score is not bound to a signal yet; use score, x = Score(...).bind(x)")
        return self._bound

    def part(self, rows: slice | Array) -> "Score":
        """The score of some of the examples it is bound to."""
        return self._with(self.bound.part(rows))

    def holding(self, position: int, x: Array) -> "Score":
        """The score as a function of one input, the others kept at their values in `x`."""
        return self._with(self.bound.holding(position, x))

    # --- what formulas may ask about the input ---------------------------------------------------------------

    @property
    def layout(self) -> Layout:
        """How several inputs lie side by side."""
        return self.bound.layout

    @property
    def numbers(self) -> Array:
        """Of these examples in the user's batch."""
        return self.bound.numbers

    @property
    def classes(self) -> Array | None:
        """The class of each example it is bound to, ``(batch,)``; None where the target is no class."""
        return self.bound.classes

    @property
    def axes(self) -> tuple[int, ...]:
        """The signal's axes, counted from the end: ``(-2,)`` in 1D, ``(-3, -2)`` in 2D."""
        return tuple(range(-len(self.layout.shapes[self.bound.position]), -1))

    @property
    def rank(self) -> int:
        """Axes of one example, channels included: those over which attributions add up."""
        return self.bound.rank

    @property
    def precision(self) -> str:
        """The coarsest dtype that the model computes in."""
        return str(self.program("outputs").facts["precision"])

    def spread(self, x: Array) -> Array:
        """Largest minus smallest value of each example, per input, broadcastable to `x`."""
        return self.bound.spread(x)

    def room(self, x: Array) -> int:
        """How many variants of the examples in `x` fit one model call."""
        return max(1, self._rows(self.program("outputs")) // max(len(x), 1))

    def track(self, items: Iterable[Any], total: int | None, what: str) -> Iterator[Any]:
        """Go through `items` under a progress bar, when one is wanted."""
        hidden = None if self.progress is None else not self.progress
        yield from tqdm(items, total=total, desc=what, disable=hidden, delay=0 if self.progress else 2)

    # --- the four verbs --------------------------------------------------------------------------------------

    def __call__(self, x: Array) -> Array:
        """S(x).

        Parameters
        ----------
        x : ndarray, shape (..., batch, *axes, channels)

        Returns
        -------
        ndarray, shape (..., batch)
        """
        program = self.program("score")
        self.watch.asked = True  # what is not finite here is not finite in the result
        return self._each(program, x, lambda r: [r])[0]

    def outputs(self, x: Array) -> tuple[Array, Array]:
        """What the model gives for all classes, whatever the target: the output that the target is of.

        Parameters
        ----------
        x : ndarray, shape (..., batch, *axes, channels)

        Returns
        -------
        outputs, logits : ndarray, shape (..., batch, *output)
            As the model gives them, and before a softmax or sigmoid at its end; the same twice where there is none.
        """
        which = self.bound.target.output
        outputs, logits = self._each(self.program("outputs"), x, lambda r: [r[0][which], r[1][which]])
        return outputs, logits

    def outputs_with_gradient(self, x: Array, highest: bool = False) -> tuple[Array, Array, Array]:
        """What `outputs` gives, and dS/dx, from one pass.

        Parameters
        ----------
        x : ndarray, shape (..., batch, *axes, channels)
        highest : bool
            S is each example's highest score, and not that of the class it is bound to.

        Returns
        -------
        outputs, logits : ndarray, shape (..., batch, *output)
        gradient : ndarray, shape of `x`
        """
        self.bound.check_gradient()
        program = self.program("outputs_with_gradient", highest)
        outputs, logits, *grads = self._each(program, x, lambda r: [r[0], r[1], *r[2]])
        return outputs, logits, self.bound.join(grads, x)

    def gradient(self, x: Array, rules: str | None = None, reference: Array | None = None) -> Array:
        """DS/dx, with backward rules or without.

        Parameters
        ----------
        x : ndarray, shape (..., batch, *axes, channels)
        rules : {None, "guided", "guided_conv", "deconvnet", "deconvnet_conv", "deep_lift"}
        reference : ndarray, optional
            For ``"deep_lift"``: broadcastable to `x`; the rules compare `x` against it, and what is returned
            are multipliers.

        Returns
        -------
        ndarray, shape of `x`

        Raises
        ------
        UnsupportedOpError
            The rules meet an op they cannot treat exactly.
        """
        if rules == "deep_lift":
            return self.multipliers(x, reference)[0]
        return self.with_gradient(x, rules)[1]

    def with_gradient(self, x: Array, rules: str | None = None) -> tuple[Array, Array]:
        """S(x) and dS/dx from one pass: ``(..., batch)`` and the shape of `x`."""
        self.bound.check_gradient()
        program = self.program("gradient", rules)
        if rules and not program.facts["reached"]:
            warn(
                f"the network has no rectifier that the {rules.split('_')[0]} rule applies to here, so the result "
                "is the plain gradient",
                UnreachedRuleWarning,
            )
        s, *grads = self._each(program, x, lambda r: [r[0], *r[1]])
        self.watch.see(self.numbers, s)
        return s, self.bound.join(grads, x)

    def multipliers(self, x: Array, reference: Array | None) -> tuple[Array, Array, Array]:
        """DeepLIFT multipliers of `x` against `reference`, with S(x) and S(reference)."""
        if reference is None:
            raise InputError("the DeepLIFT rules need a reference; give one that broadcasts to x")
        shared = reference.ndim <= self.rank or all(n == 1 for n in reference.shape[: -self.rank])
        shared = shared and not self.bound.held  # what is held differs from one example to the next
        program = self.program("multipliers", True) if shared else None
        one = program is not None
        if program is None:
            program = self.program("multipliers", False)
        self.bound.check_gradient()  # after the rules, which name the op that stands in the way
        example = x.shape[-self.rank :]
        full = np.broadcast_to(reference, (1, *example) if one else x.shape)
        *grads, s, s_r = self._each(program, x, lambda r: [*r[0], r[1], r[2]], full, one)
        self.watch.see(self.numbers, s)
        return self.bound.join(grads, x), s, s_r

    def relevance(self, x: Array, epsilon: float, gamma: float) -> Array:
        """S(x) shared out among the samples by layer-wise relevance propagation; the shape of `x`."""
        self.bound.check_gradient()
        s, *relevance = self._each(self.program("relevances", (epsilon, gamma)), x, lambda r: [r[0], *r[1]])
        self.watch.see(self.numbers, s)
        return self.bound.join(relevance, x)

    def activations(self, x: Array, layer: Any = None, rules: str | None = None) -> tuple[Array, Array]:
        """Feature maps of a layer, and the gradient of S with respect to them.

        Parameters
        ----------
        x : ndarray, shape (..., batch, *axes, channels)
        layer : str, int, keras.Layer or None
            By name (``outer/inner`` when nested), index or object; None is the last with feature maps over the
            signal's axes, before the target's own layer where that is a `Unit`.
        rules : {None, "guided", "guided_conv", "deconvnet", "deconvnet_conv"}
            Of the gradient.

        Returns
        -------
        maps, gradient : ndarray, shape (..., batch, *positions, features)

        Raises
        ------
        LayerError
        """
        program = self.program("activations", layer, rules)
        s, maps, gradient = self._each(program, x, list)
        self.watch.see(self.numbers, s)
        return maps, gradient

    def places(self, layer: Any = None, rules: str | None = None) -> tuple[Array, ...] | None:
        """Where the positions of a layer's feature maps lie on the signal, in samples.

        Parameters
        ----------
        layer, rules
            As for `activations`, whose layer is meant: the same call of it, too.

        Returns
        -------
        tuple of ndarray, or None
            One array for each axis of the signal, ``(positions,)``: the centre of each position's receptive field,
            which may lie outside the signal. None where it is not known.

        Raises
        ------
        LayerError
        """
        facts = self.program("activations", layer, rules).facts
        roles = surveys.tap_roles(self.model, self.layout, self.bound.position, facts["tap"], facts["layer"])
        return None if roles is None else roles.positions()

    def layer_path(self, layer: Any = None, rules: str | None = None) -> str:
        """The path of the layer whose feature maps `activations` gives."""
        return str(self.program("activations", layer, rules).facts["layer"])

    def features(self, x: Array, layer: Any) -> Array:
        """What a layer gives, whatever the score: ``(..., batch, *positions, features)``.

        Parameters
        ----------
        x : ndarray, shape (..., batch, *axes, channels)
        layer : str, int or keras.Layer

        Raises
        ------
        LayerError
        """
        self.watch.asked = True  # no score is asked for
        found = self._each(self.program("features", layer), x, lambda r: [r])[0]
        axes = surveys.unit_axes(self.model, self.layout, layer)
        lead = x.ndim - self.rank - 1
        if axes is None or len(axes) != found.ndim - lead - 1:
            return found
        [batch] = set(range(len(axes) + 1)) - set(axes)
        return found.transpose(*range(lead), *(lead + a for a in (batch, *axes)))

    def feature_distance(self, x: Array, reference: Array, layer: Any) -> tuple[Array, Array, Array]:
        """How far a layer's features of `x` are from those of `reference`, whatever the score.

        Parameters
        ----------
        x, reference : ndarray, shape (..., batch, *axes, channels)
        layer : str, int or keras.Layer
            The output layer counts before its softmax or sigmoid where ``score="logit"``.

        Returns
        -------
        distance : ndarray, shape (..., batch)
            The sum of squared differences.
        power : ndarray, shape (..., batch)
            The sum of squares of the features of `reference`.
        gradient : ndarray, shape of `x`
            Of the distance.

        Raises
        ------
        LayerError
        """
        self.bound.check_gradient()
        program = self.program("feature_distance", layer)
        distance, power, *grads = self._each(program, x, lambda r: [r[0], r[1], *r[2]], reference)
        return distance, power, self.bound.join(grads, x)

    def patched(self, x: Array, patches: Iterable[Patches]) -> Array:
        """S for many edits of each example, by recomputing only what an edit reaches.

        Parameters
        ----------
        x : ndarray, shape (batch, *axes, channels)
        patches : iterable of Patches
            In blocks, so that no more than one block is held at a time.

        Returns
        -------
        ndarray, shape (patches, batch)

        Notes
        -----
        Exact: it differs from running the model on every edited signal by rounding only. Small jobs, and models
        that gain nothing, are run on the edited signals.
        """
        return np.concatenate([edited.scores(self, x, block) for block in patches])

    def plan(self, width: Sequence[int]) -> Plan | None:
        """How edits of `width` samples on each axis are computed, and what that is expected to gain.

        Parameters
        ----------
        width : sequence of int
            Samples on each axis.

        Returns
        -------
        Plan or None
            None where the model has to run in full: it changes its own variables, or several inputs are free.
        """
        program = edited.program_of(self, tuple(width))
        return None if program is None else program.plan

    # --- programs --------------------------------------------------------------------------------------------

    def program(self, verb: str, extra: Any = None, rules: str | None = None) -> Any:
        """The compiled function behind a verb, traced where it is new."""
        bound = self.bound
        args = (self.model, bound.wiring, bound.target, self.logit)
        builders: dict[str, Any] = {
            "outputs": lambda: programs.outputs(self.model, bound.wiring),
            "score": lambda: programs.scores(*args),
            "gradient": lambda: programs.gradients(*args, extra),
            "outputs_with_gradient": lambda: programs.outputs_with_gradients(*args, extra),
            "multipliers": lambda: programs.multipliers(*args, extra),
            "relevances": lambda: programs.relevances(*args, extra),
            "activations": lambda: programs.activations(*args, extra, bound.position, rules, self._roles),
            "features": lambda: programs.features(self.model, bound.wiring, extra),
            "feature_distance": lambda: programs.feature_distance(self.model, bound.wiring, self.logit, extra),
        }
        key: tuple[Any, ...] = (verb, bound.wiring)
        if verb != "outputs":  # which are the same whatever is asked about them, and were traced to bind
            key += (*self.asked, _hashable(extra), bound.position, rules)
        return programs.program(self.model, key, builders[verb])

    @property
    def asked(self) -> tuple[Any, ...]:
        """What is asked of the outputs, for the key of a trace: the target, with what its function closes over."""
        target = self.bound.target
        held = fingerprints.of_function(target.function or (target.unit and target.unit.reduce))
        return target.key, held, self.logit

    def _roles(self, taps: Sequence[Tap]) -> list[Roles | None]:
        """What the axes of each of a run's taps are."""
        return surveys.roles(self.model, self.layout, self.bound.position, taps)

    def _rows(self, program: programs.Program) -> int:
        return batches.rows_of(program, self.bound, self.batch_size)

    def _each(self, program: programs.Program, x: Array, unpack: Any, *reference: Any) -> list[Array]:
        return batches.through(program, self.bound, x, self._rows(program), unpack, *reference)


def _hashable(extra: Any) -> Any:
    """Layers are keyed by identity; names, numbers and flags by value."""
    return extra if extra is None or isinstance(extra, str | int | tuple | np.integer) else id(extra)
