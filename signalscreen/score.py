"""A score: one number per example, S(x), and the four verbs by which every method sees a model.

Targets, batches, memory, softmax stripping, rank repair, dtypes and several inputs are solved here, once.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm.auto import tqdm

from signalscreen import programs, targets
from signalscreen.backend import tf
from signalscreen.errors import InputError, OptionError, UnreachedRuleWarning
from signalscreen.inputs import Layout, Spec
from signalscreen.models import as_model, layout_of
from signalscreen.streams import Patches, blocks

Array = npt.NDArray[Any]

_BATCH_BYTES = 256 * 2**20  # activations of one model call
_MOST_ROWS = 512


class Score:
    """One number per example of a model, S(x), and what can be asked about it.

    Parameters
    ----------
    model : keras.Model or path
        Any Keras model on the TensorFlow backend: Sequential, functional, nested or subclassed.
    target : None, int, sequence of int, str, tuple or callable
        Which number; see ``docs/conventions``. None is each example's highest score.
    score : {"logit", "probability"}
        Before the final softmax or sigmoid, or the output as it is.
    class_names : sequence of str, optional
        So that `target` can be a name.
    batch_size : int, optional
        Rows per model call; by default as many as keep a call's activations near 256 MiB, at most 512.
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
        self._layout = Layout([Spec("x", None, "float32")], None)
        self._resolved = targets.Target()
        self._wiring: Any = None
        self._length = 1
        self._held: tuple[int, list[Array]] | None = None
        self.numbers: Array = np.arange(0)  # of the examples it is bound to, for warnings that name them

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
        new = copy(self)
        new._layout = layout_of(self.model, x)
        x = new._layout.join(x)
        new._wire(x)
        new.numbers = np.arange(len(x))
        if new._layout.single and x.dtype != new._wiring.dtypes[0]:
            x = x.astype(new._wiring.dtypes[0])
        outputs = new._program("outputs")
        new._resolved = targets.resolve(self.target, **outputs.facts, class_names=self.class_names, batch=len(x))
        if new._resolved.index is None and new._resolved.function is None:
            new._resolved = new._resolved._replace(index=new._highest(outputs, x))
        return new, x

    def _wire(self, x: Array) -> None:
        layout = self._layout
        shapes = [
            spec.shape if spec.shape is not None else shape
            for spec, shape in zip(layout.specs, layout.shapes, strict=True)
        ]
        packing = layout.packing
        if isinstance(packing, dict):
            packing = ("dict", *packing)
        elif packing is not None:
            packing = ("list", *packing)
        self._wiring = programs.Wiring(tuple(shapes), tuple(s.dtype for s in layout.specs), packing)
        self._length = max(n for shape in layout.shapes for n in shape) if x.ndim > 1 else 1

    def _highest(self, program: programs.Program, x: Array) -> Array:
        kind = 1 if self.logit else 0
        best = []
        for rows in blocks(len(x), self._rows(program)):
            given = [self._tensor(a, i) for i, a in enumerate(self._layout.split(x[rows]))]
            flat = program.fn(np.zeros(len(x[rows]), np.int32), *given)[kind]
            best.append(np.argmax(flat[self._resolved.output].numpy(), axis=-1))
        return np.concatenate(best).astype(np.int32)

    def part(self, rows: slice | Array) -> "Score":
        """The score of some of the examples it is bound to."""
        new = copy(self)
        new.numbers = self.numbers[rows]
        index = self._resolved.index
        if isinstance(index, np.ndarray) and len(index) > 1:
            new._resolved = self._resolved._replace(index=index[rows])
        if self._held is not None:
            position, arrays = self._held
            new._held = position, [a[rows] for a in arrays]
        return new

    def holding(self, position: int, x: Array) -> "Score":
        """The score as a function of one input, the others kept at their values in `x`."""
        new = copy(self)
        new._held = position, self._layout.split(x)
        return new

    # --- what formulas may ask about the input ---------------------------------------------------------------

    @property
    def layout(self) -> Layout:
        """How several inputs lie side by side."""
        return self._layout

    @property
    def axes(self) -> tuple[int, ...]:
        """The signal's axes, counted from the end: ``(-2,)`` in 1D, ``(-3, -2)`` in 2D."""
        shape = self._layout.shapes[self._position]
        return tuple(range(-len(shape), -1))

    @property
    def classes(self) -> Array | None:
        """The class of each example it is bound to, ``(batch,)``; None where the target is no class."""
        index = self._resolved.index
        if not isinstance(index, np.ndarray):
            return None
        return index if len(index) > 1 else np.repeat(index, len(self.numbers))

    @property
    def _position(self) -> int:
        return 0 if self._held is None else self._held[0]

    @property
    def _is_flat(self) -> bool:
        return not self._layout.single and self._held is None

    @property
    def rank(self) -> int:
        """Axes of one example, channels included: those over which attributions add up."""
        return 1 if self._is_flat else len(self._layout.shapes[self._position])

    def spread(self, x: Array) -> Array:
        """Largest minus smallest value of each example, per input, broadcastable to `x`."""
        parts = self._layout.split(x) if self._is_flat else [x]
        spreads = []
        for part in parts:
            axes = tuple(range(x.ndim - self.rank, part.ndim))
            spread = part.max(axes, keepdims=True) - part.min(axes, keepdims=True)
            spreads.append(
                np.broadcast_to(spread, part.shape).reshape((*x.shape[:-1], -1)) if self._is_flat else spread
            )
        return np.concatenate(spreads, axis=-1) if self._is_flat else spreads[0]

    def room(self, x: Array) -> int:
        """How many variants of the examples in `x` fit one model call."""
        return max(1, self._rows(self._program("score")) // max(len(x), 1))

    def track(self, items: Iterable[Any], total: int, what: str) -> Iterator[Any]:
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
        program = self._program("gradient", rules)
        if rules and not program.facts["reached"]:
            warnings.warn(
                f"the network has no rectifier that the {rules.split('_')[0]} rule applies to here, so the result "
                "is the plain gradient",
                UnreachedRuleWarning,
                stacklevel=2,
            )
        return self._join_inputs(self._each(program, x, list), x)

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
        return self._join_inputs(grads, x), s, s_r

    def activations(self, x: Array, layer: Any = None) -> tuple[Array, Array]:
        """Feature maps of a layer, and the gradient of S with respect to them.

        Parameters
        ----------
        x : ndarray, shape (..., batch, *axes, channels)
        layer : str, int, keras.Layer or None
            By name (``outer/inner`` when nested), index or object; None is the last with feature maps over the
            signal's axes.

        Returns
        -------
        maps, gradient : ndarray, shape (..., batch, *positions, features)

        Raises
        ------
        LayerError
        """
        program = self._program("activations", layer)
        maps, gradient = self._each(program, x, list)
        return maps, gradient

    def patched(self, x: Array, patches: Iterable[Patches]) -> Array:
        """S for many edits of each example.

        Parameters
        ----------
        x : ndarray, shape (batch, *axes, channels)
        patches : iterable of Patches
            In blocks, so that no more than one block is held at a time.

        Returns
        -------
        ndarray, shape (patches, batch)
        """
        room = self.room(x)
        found = []
        for block in patches:
            for some in blocks(len(block.starts), room):
                content = block.content[some] if len(block.content) > 1 else block.content
                few = block._replace(starts=block.starts[some], content=content)
                found.append(self(few.applied(x)))
        return np.concatenate(found)

    # --- batches ---------------------------------------------------------------------------------------------

    def _program(self, verb: str, extra: Any = None) -> Any:
        key = (verb, self._wiring, self._resolved.key, self.logit, _hashable(extra), self._position)
        args = (self.model, self._wiring, self._resolved, self.logit, self._length)
        builders: dict[str, Any] = {
            "outputs": lambda: programs.outputs(self.model, self._wiring, self._length),
            "score": lambda: programs.scores(*args),
            "gradient": lambda: programs.gradients(*args, extra),
            "multipliers": lambda: programs.multipliers(*args, extra),
            "activations": lambda: programs.activations(*args, extra, self._position),
        }
        return programs.program(self.model, key, builders[verb])

    def _rows(self, program: programs.Program) -> int:
        if self.batch_size is not None:
            return int(self.batch_size)
        return int(np.clip(_BATCH_BYTES // program.row_bytes, 1, _MOST_ROWS))

    def _each(
        self,
        program: programs.Program,
        x: Array,
        unpack: Any,
        reference: Array | None = None,
        one: bool = False,
    ) -> list[Array]:
        """Run a program over the rows of `x` in batches; every result gets the leading axes of `x` back."""
        lead, example = x.shape[: -self.rank], x.shape[-self.rank :]
        rows = x.reshape(-1, *example)
        other = None if reference is None else reference.reshape(-1, *example)
        results: list[Array] = []
        for some in blocks(len(rows), self._rows(program)):
            number = np.arange(some.start, some.stop) % lead[-1]
            given = self._inputs(rows[some], number)
            if other is not None:
                given += self._inputs(other if one else other[some], number[:1] if one else number)
            parts = unpack(program.fn(self._classes(number), *given))
            for i, part in enumerate(parts):
                part = part.numpy()
                if not some.start:
                    results.append(np.empty((len(rows), *part.shape[1:]), part.dtype))
                results[i][some] = part
        return [r.reshape(*lead, *r.shape[1:]) for r in results]

    def _inputs(self, rows: Array, number: Array) -> list[Any]:
        """One tensor per input of the model, for these rows of these examples."""
        if self._held is None:
            arrays = self._layout.split(rows)
        else:
            position, arrays = self._held
            arrays = [rows if i == position else a[number] for i, a in enumerate(arrays)]
        return [self._tensor(a, i) for i, a in enumerate(arrays)]

    def _tensor(self, array: Array, position: int) -> Any:
        return tf.constant(np.ascontiguousarray(array, self._wiring.dtypes[position]))

    def _classes(self, number: Array) -> Any:
        index = self._resolved.index
        if not isinstance(index, np.ndarray):
            return tf.zeros(len(number), "int32")
        return tf.constant(index[number] if len(index) > 1 else np.repeat(index, len(number)))

    def _join_inputs(self, grads: list[Array], x: Array) -> Array:
        if self._held is not None:
            return grads[self._held[0]]
        if self._layout.single:
            return grads[0]
        return np.concatenate([g.reshape(*x.shape[:-1], -1) for g in grads], axis=-1)


def _hashable(extra: Any) -> Any:
    """Layers are keyed by identity; names, numbers and flags by value."""
    return extra if extra is None or isinstance(extra, str | int | bool) else id(extra)
