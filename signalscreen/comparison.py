"""Compare a model's plain call with its trace, and find out why and from which layer on they part.

Two of the user's examples go through the plain call together, and through the trace one by one. That is two forward
passes of two rows. When both agree, the trace is the model's own function, of one example, and the same each time.
Where they part, further calls tell which of the three fails.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen import programs
from signalscreen.backend import tf
from signalscreen.binding import Wiring
from signalscreen.closeness import EPSILONS, TOLERANCES, excess, share
from signalscreen.entry import entered
from signalscreen.graph import reason_of, tapped
from signalscreen.programs import Program
from signalscreen.tracing import channels_put_last
from signalscreen.unfused import without_fusions

Array = npt.NDArray[Any]

_REPEATS = 8  # calls of a model that may draw random numbers, until two differ
_ROUNDING = 100.0  # times what a change of the input in its last digits does, which is no finding
_MOST_ROWS = 64  # for a model that takes batches of one size only


class Verdict(NamedTuple):
    """What an examination found: words for a message, empty where there is nothing to say.

    `varies` says whether the same call gives another result, and is None where that was not tried.
    """

    varies: bool | None = None
    coupled: str = ""
    differs: str = ""
    unknown: str = ""


class Examination:
    """A model's plain call and its trace, side by side. Variables that a call changes are put back after it."""

    def __init__(self, model: Any, program: Program, wiring: Wiring, inputs: Sequence[Array]) -> None:
        self.model, self.program, self.wiring = model, program, wiring
        self.precision = program.facts["precision"]
        self.kept = [(v, v.numpy()) for v in program.variables] if program.facts["writes"] else []
        some = [wiring.fed([a[:n] for a in inputs]) for n in (2, 1, _MOST_ROWS)]
        self.choices = [_two(some[0]), some[1], *([some[2]] if 2 < len(inputs[0]) <= _MOST_ROWS else [])]

    def verdict(self) -> Verdict:
        """What the comparison found."""
        try:
            return self._compared()
        finally:
            self._put_back()

    def _compared(self) -> Verdict:
        facts = self.program.facts
        varies = self._varies(self.choices[0]) if facts["draws"] or facts["writes"] else None
        if varies and facts["draws"]:
            return Verdict(varies)
        arrays, plain, reason = self._plainly()
        if plain is None:
            words = f"the model could not be examined, since its plain call fails ({reason})"
            return Verdict(varies, unknown=f"{words}; see to it, or give examine=False")
        alone = self._one_by_one(arrays)
        together = None if alone else self.traced(arrays)
        outputs, logits = alone or together  # type: ignore[misc]
        if excess(plain, outputs, logits, self.precision) <= 1:
            return Verdict(varies)
        together = together or self.traced(arrays)
        rounding = max(1.0, _ROUNDING * self._of_rounding(arrays, together))
        coupled = differs = ""
        if excess(outputs, together[0], logits, self.precision) > rounding:
            coupled = self._coupled(arrays, share(outputs, together[0]))
        if excess(plain, together[0], together[1], self.precision) > rounding:
            differs = self._differs(arrays, plain, share(plain, together[0]))
        return Verdict(varies, coupled, differs)

    # --- calls -----------------------------------------------------------------------------------------------

    def traced(self, arrays: list[Array]) -> tuple[list[Array], list[Array]]:
        """Outputs and logits of the trace."""
        found = _run(self.program, arrays)
        self._put_back()
        return found

    def plain(self, arrays: list[Array]) -> list[Array]:
        """Outputs of the model as its user would call it."""
        tensors = list(map(tf.constant, arrays))
        if self.wiring.orders:
            tensors = [entered(t, order) for t, order in zip(tensors, self.wiring.orders, strict=True)]
        packed = tf.nest.pack_sequence_as(self.wiring.structure(), tensors)
        # Fusions would make other numbers of functions inside the model.
        with without_fusions(), channels_put_last():
            outputs = self.model(packed, training=False)
        self._put_back()
        return [np.asarray(_real(t, self.wiring)) for t in tf.nest.flatten(outputs)]

    def _plainly(self) -> tuple[list[Array], list[Array] | None, str]:
        """Rows that the plain call takes, and what it gives for them."""
        reason = ""
        for arrays in self.choices:
            try:
                return arrays, self.plain(arrays), ""
            except Exception as error:  # the user's own code
                reason = reason or reason_of(error)
        return self.choices[0], None, reason

    def _one_by_one(self, arrays: list[Array]) -> tuple[list[Array], list[Array]] | None:
        """Outputs and logits of each row alone; None where the model takes batches of one size only."""
        try:
            each = [self.traced([a[i : i + 1] for a in arrays]) for i in range(len(arrays[0]))]
        except tf.errors.OpError:
            return None
        if any(a.shape[:1] != (1,) for row in each for kind in row for a in kind):
            return None
        outputs, logits = (
            [np.concatenate(rows) for rows in zip(*kind, strict=True)] for kind in zip(*each, strict=True)
        )
        return outputs, logits

    def _put_back(self) -> None:
        for variable, value in self.kept:
            variable.assign(value)

    # --- findings --------------------------------------------------------------------------------------------

    def _varies(self, arrays: list[Array]) -> bool:
        """Whether the same call gives another result."""
        try:
            first, logits = _run(self.program, arrays)
            others = (_run(self.program, arrays)[0] for _ in range(_REPEATS - 1))
            return any(excess(first, other, logits, self.precision) > 1 for other in others)
        except tf.errors.OpError:  # it takes batches of another size
            return False
        finally:
            self._put_back()

    def _of_rounding(self, arrays: list[Array], found: tuple[list[Array], list[Array]]) -> float:
        """How far the outputs move when the signals change in their last digits."""
        rng = np.random.default_rng(0)
        moved = []
        for a in arrays:
            if a.dtype.kind == "f":
                step = 8 * EPSILONS[self.precision] * (np.abs(a).max() or 1.0)
                a = a + (step * rng.choice([-1.0, 1.0], a.shape)).astype(a.dtype)
            moved.append(a)
        return excess(found[0], self.traced(moved)[0], found[1], self.precision)

    def _coupled(self, arrays: list[Array], size: float) -> str:
        program = programs.tapped(self.model, self.wiring)

        def layers(rows: list[Array]) -> dict[Any, Array]:
            found = dict(zip(_numbered(program.facts["paths"]), map(np.asarray, _call(program, rows)), strict=True))
            self._put_back()
            return found

        rows = [layers([a[i : i + 1] for a in arrays]) for i in range(len(arrays[0]))]
        alone = {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}
        return (
            f"the examples of a batch influence one another {_where(alone, layers(arrays), self.precision)} (an "
            f"example alone and beside others differ by {size:.2g} of the largest output), so that results depend "
            "on batch_size; give batch_size=1 to explain each example by itself, or let it compute within examples"
        )

    def _differs(self, arrays: list[Array], plain: list[Array], size: float) -> str:
        program = programs.tapped(self.model, self.wiring)
        traced = dict(zip(_numbered(program.facts["paths"]), map(np.asarray, _call(program, arrays)), strict=True))
        self._put_back()
        with tapped(self.model) as taps:
            again = self.plain(arrays)
        seen = [tap for tap in taps if hasattr(tap.tensor, "numpy") and programs.is_compared(tap)]
        eager = dict(zip(_numbered([tap.path for tap in seen]), (t.tensor.numpy() for t in seen), strict=True))
        where = _where(eager, traced, self.precision)
        if excess(plain, again, plain, self.precision) > 1:
            return (
                f"the model gives other numbers at each plain call, first {where}, by a Python counter or NumPy's "
                "random numbers, which a trace keeps as they were once; write it with variables and tf.random, or "
                "give examine=False to explain what was traced"
            )
        return (
            f"what was traced is not what the model computes: its plain call gives other numbers {where} (by "
            f"{size:.2g} of the largest output); write that without Python state and without asking "
            "tf.executing_eagerly() (or, where no layer parts, see TensorFlow's graph optimisation), or give "
            "examine=False to explain what was traced"
        )


def _two(inputs: list[Array]) -> list[Array]:
    """Two rows of each input: the user's first two, or the first and another one made of it."""
    if len(inputs[0]) == 2 and not all(np.array_equal(a[0], a[1]) for a in inputs):
        return inputs
    return [np.concatenate([a[:1], _another(a[:1])]) for a in inputs]


def _another(row: Array) -> Array:
    """An example like this one: backwards, and twice as far from its mean; a ramp where it is constant."""
    turned = row[:, ::-1]
    if row.dtype.kind != "f":
        return turned
    if np.ptp(row) == 0:
        return (row + np.linspace(-1, 1, row.size).reshape(row.shape) * (np.abs(row).max() or 1.0)).astype(
            row.dtype
        )
    return (2 * turned - row.mean()).astype(row.dtype)


def _call(program: Program, arrays: list[Array]) -> Any:
    return program.fn(tf.zeros(len(arrays[0]), tf.int32), *map(tf.constant, arrays))


def _run(program: Program, arrays: list[Array]) -> tuple[list[Array], list[Array]]:
    outputs, logits = ([np.asarray(t) for t in part] for part in _call(program, arrays))
    return outputs, logits


def _real(tensor: Any, wiring: Wiring) -> Any:
    return tf.cast(tensor, wiring.result) if tensor.dtype.is_floating else tensor


def _numbered(paths: Sequence[str]) -> list[tuple[str, int]]:
    """Each path with how often it came before."""
    return [(path, list(paths[:i]).count(path)) for i, path in enumerate(paths)]


def _where(one: dict[Any, Array], other: dict[Any, Array], precision: str) -> str:
    """The first layer at which two runs part, in words."""
    both = [(key, a, other[key]) for key, a in one.items() if key in other]
    apart = [key for key, a, b in both if share([a], [b]) > TOLERANCES[precision]]
    apart = apart or [key for key, a, b in both if excess([a], [b], [a], precision) > 1]
    return f"in layer {apart[0][0]!r}" if apart else "behind the last layer"
