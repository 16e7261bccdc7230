"""A score: one number per example, S(x), and the four verbs by which every method sees a model.

Targets, batches, memory, softmax stripping, rank repair, dtypes and several inputs are solved here, once.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from signalscreen import programs, targets
from signalscreen.backend import tf
from signalscreen.binding import Binding, wiring_of
from signalscreen.errors import (
    InputError,
    OptionError,
    SignalScreenWarning,
    SpeedWarning,
    UnreachedRuleWarning,
    warn,
)
from signalscreen.inputs import Layout
from signalscreen.models import as_model, layout_of
from signalscreen.patches import Patched, Plan, Step
from signalscreen.patches import scores as edited_scores
from signalscreen.streams import Patches, blocks

Array = npt.NDArray[Any]

# Activations of one model call: what serves attention best (64 MiB) and convolutions (16 rows), measured.
_BATCH_BYTES, _MOST_BYTES = 64 * 2**20, 192 * 2**20
_FEW_ROWS, _MOST_ROWS = 16, 512
_SMALL_JOB = 512 * 2**20  # bytes of activations that are computed sooner than a program of patches is made


class Score:
    """One number per example of a model, S(x), and what can be asked about it.

    Parameters
    ----------
    model : keras.Model or path
        Any Keras model on the TensorFlow backend: Sequential, functional, nested or subclassed.
    target : None, int, sequence of int, str, tuple, callable or Unit
        Which number; see ``docs/conventions``. None is each example's highest score.
    score : {"logit", "probability"}
        Before the final softmax or sigmoid, or the output as it is.
    class_names : sequence of str, optional
        So that `target` can be a name.
    batch_size : int, optional
        Rows per model call; by default 512, or as many as keep a call's activations near 64 MiB (192 MiB where
        that is fewer than 16).
    progress : bool, optional
        Show a progress bar; by default when the work takes more than two seconds in a terminal.

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
    ) -> None:
        if score not in ("logit", "probability"):
            raise OptionError(f"score {score!r} is not known; give 'logit' or 'probability'")
        if batch_size is not None and (not isinstance(batch_size, int | np.integer) or batch_size < 1):
            raise OptionError(f"batch_size {batch_size!r} is not a positive number of rows")
        self.model = as_model(model)
        self.target = target
        self.logit = score == "logit"
        self.class_names = class_names
        self.batch_size = batch_size
        self.progress = progress
        self._bound: Binding | None = None

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
            `x` as the verbs take it: ``(batch, *axes, channels)``, or ``(batch, elements)`` with all inputs
            side by side when the model has several.

        Raises
        ------
        InputError, TargetError
        """
        layout = layout_of(self.model, x)
        x = layout.join(x)
        wiring = wiring_of(layout)
        x = np.asarray(x, np.result_type(*wiring.dtypes))
        new = self._with(Binding(layout, wiring, np.arange(len(x))))
        outputs = new._program("outputs")
        facts = outputs.facts
        target = targets.resolve(
            self.target,
            shapes=facts["shapes"],
            names=facts["names"],
            class_names=self.class_names,
            batch=len(x),
        )
        if self.logit and facts["hidden"][target.output] and target.unit is None:
            warn(
                "the model's output comes from a function that cannot be looked into, so a softmax or sigmoid at "
                "its end stays part of the score; give score='probability' to say that this is meant",
                SignalScreenWarning,
            )
        if facts["stateful"]:
            warn(
                "the model changes its own variables when it is called (a recurrent layer with stateful=True, or "
                "random numbers), so a result depends on the calls before it; build the model without that",
                SignalScreenWarning,
            )
        if target.index is None and not target.computes:
            target = target._replace(index=new._highest(outputs, x, target.output))
        return new._with(new.bound._replace(target=target)), x

    def _with(self, bound: Binding) -> "Score":
        new = copy(self)
        new._bound = bound
        return new

    def _highest(self, program: programs.Program, x: Array, output: int) -> Array:
        """Each example's class of highest score."""
        kind = 1 if self.logit else 0
        best = []
        for rows in blocks(len(x), self._rows(program)):
            flat = program.fn(*self._fed(x[rows], np.arange(rows.start, rows.stop)))[kind]
            best.append(np.argmax(flat[output].numpy(), axis=-1))
        return np.concatenate(best).astype(np.int32)

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

    def spread(self, x: Array) -> Array:
        """Largest minus smallest value of each example, per input, broadcastable to `x`."""
        return self.bound.spread(x)

    def room(self, x: Array) -> int:
        """How many variants of the examples in `x` fit one model call."""
        return max(1, self._rows(self._program("outputs")) // max(len(x), 1))

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
        program = self._program("score")
        return self._each(program, x, lambda r: [r])[0]

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
        program = self._program("gradient", rules)
        if rules and not program.facts["reached"]:
            warn(
                f"the network has no rectifier that the {rules.split('_')[0]} rule applies to here, so the result "
                "is the plain gradient",
                UnreachedRuleWarning,
            )
        s, *grads = self._each(program, x, lambda r: [r[0], *r[1]])
        return s, self.bound.join(grads, x)

    def multipliers(self, x: Array, reference: Array | None) -> tuple[Array, Array, Array]:
        """DeepLIFT multipliers of `x` against `reference`, with S(x) and S(reference)."""
        if reference is None:
            raise InputError("the DeepLIFT rules need a reference; give one that broadcasts to x")
        shared = reference.ndim <= self.rank or all(n == 1 for n in reference.shape[: -self.rank])
        program = self._program("multipliers", True) if shared else None
        one = program is not None
        if program is None:
            program = self._program("multipliers", False)
        example = x.shape[-self.rank :]
        full = np.broadcast_to(reference, (1, *example) if one else x.shape)
        *grads, s, s_r = self._each(program, x, lambda r: [*r[0], r[1], r[2]], full, one)
        return self.bound.join(grads, x), s, s_r

    def relevance(self, x: Array, epsilon: float, gamma: float) -> Array:
        """S(x) shared out among the samples by layer-wise relevance propagation; the shape of `x`."""
        return self.bound.join(self._each(self._program("relevances", (epsilon, gamma)), x, list), x)

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
        program = self._program("activations", layer, rules)
        maps, gradient = self._each(program, x, list)
        return maps, gradient

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
        return self._each(self._program("features", layer), x, lambda r: [r])[0]

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
        program = self._program("feature_distance", layer)
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
        return np.concatenate([self._patched(x, block) for block in patches])

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
        program = self._program_of_patches(tuple(width))
        return None if program is None else program.plan

    def _patched(self, x: Array, patches: Patches) -> Array:
        count, batch = len(patches.starts), len(x)
        small = count * batch * self._program("outputs").row_bytes(self.bound.length) < _SMALL_JOB
        program = None if small or not count else self._program_of_patches(patches.width)
        if program is not None and program.plan.lost:
            self._tell(program.plan.lost)
        if program is None or not program.plan.is_worth(count * batch, batch):
            return self._in_full(x, patches)
        most = program.most if self.batch_size is None else min(program.most, int(self.batch_size))
        fed = self._fed(x, np.arange(batch))
        return edited_scores(program, fed, x, patches, most, lambda parts, n: self.track(parts, n, "edits"))

    def _tell(self, lost: Step) -> None:
        """Say once for a model which op has no rule."""

        def tell() -> None:
            warn(
                f"{lost.op}, in or before layer {lost.layer!r}, has no rule that follows an edit through it, so "
                "from there on the model runs in full for every edit; the scores are the same",
                SpeedWarning,
            )

        programs.program(self.model, ("told", lost.layer, lost.op), tell)

    def _program_of_patches(self, width: tuple[int, ...]) -> Patched | None:
        bound, facts = self.bound, self._program("outputs").facts
        if facts["stateful"] or bound.is_flat:  # no row by itself, or no axis for an edit to lie on
            return None
        shapes = tuple(map(tuple, bound.layout.shapes))
        wiring = bound.wiring._replace(shapes=shapes)
        key = ("patched", wiring, bound.target.key, self.logit, bound.position, width)
        args = (self.model, wiring, bound.target, self.logit, bound.position, width)
        program: Patched = programs.program(self.model, key, lambda: programs.patched(*args))
        return program

    def _in_full(self, x: Array, patches: Patches) -> Array:
        """Run the model on every edited signal."""
        found = [np.empty((0, len(x)), self.bound.wiring.result)]
        for some in blocks(len(patches.starts), self.room(x)):
            content = patches.content[some] if len(patches.content) > 1 else patches.content
            few = patches._replace(starts=patches.starts[some], content=content)
            found.append(self(few.applied(x)))
        return np.concatenate(found)

    # --- batches ---------------------------------------------------------------------------------------------

    def _program(self, verb: str, extra: Any = None, rules: str | None = None) -> Any:
        bound = self.bound
        args = (self.model, bound.wiring, bound.target, self.logit)
        builders: dict[str, Any] = {
            "outputs": lambda: programs.outputs(self.model, bound.wiring),
            "score": lambda: programs.scores(*args),
            "gradient": lambda: programs.gradients(*args, extra),
            "multipliers": lambda: programs.multipliers(*args, extra),
            "relevances": lambda: programs.relevances(*args, extra),
            "activations": lambda: programs.activations(*args, extra, bound.position, rules),
            "features": lambda: programs.features(self.model, bound.wiring, extra),
            "feature_distance": lambda: programs.feature_distance(self.model, bound.wiring, self.logit, extra),
        }
        key: tuple[Any, ...] = (verb, bound.wiring)
        if verb != "outputs":  # which are the same whatever is asked about them, and were traced to bind
            key += (bound.target.key, self.logit, _hashable(extra), bound.position, rules)
        return programs.program(self.model, key, builders[verb])

    def _rows(self, program: programs.Program) -> int:
        if self.batch_size is not None:
            return int(self.batch_size)
        size = program.row_bytes(self.bound.length)
        rows = max(_BATCH_BYTES // size, min(_MOST_BYTES // size, _FEW_ROWS))
        return int(np.clip(rows, 1, _MOST_ROWS))

    def _fed(self, rows: Array, number: Array) -> list[Any]:
        """The class of each row and one tensor per input, for rows that belong to these examples."""
        return [tf.constant(a) for a in [self.bound.chosen(number), *self.bound.arrays(rows, number)]]

    def _each(
        self, program: programs.Program, x: Array, unpack: Any, reference: Array | None = None, one: bool = False
    ) -> list[Array]:
        """Run a program over the rows of `x` in batches; every result gets the leading axes of `x` back."""
        lead, example = x.shape[: -self.rank], x.shape[-self.rank :]
        rows = x.reshape(-1, *example)
        other = None if reference is None else reference.reshape(-1, *example)
        results: list[Array] = []
        for some in blocks(len(rows), self._rows(program)):
            number = np.arange(some.start, some.stop) % lead[-1]
            given = self._fed(rows[some], number)
            if other is not None:
                given += self._fed(other if one else other[some], number[:1] if one else number)[1:]
            for i, part in enumerate(unpack(program.fn(*given))):
                part = part.numpy()
                if not some.start:
                    results.append(np.empty((len(rows), *part.shape[1:]), part.dtype))
                results[i][some] = part
        return [r.reshape(*lead, *r.shape[1:]) for r in results]


def _hashable(extra: Any) -> Any:
    """Layers are keyed by identity; names, numbers and flags by value."""
    return extra if extra is None or isinstance(extra, str | int | tuple | np.integer) else id(extra)
