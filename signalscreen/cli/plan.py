"""What ``signalscreen summary --window`` says: how occlusion by a window is computed, layer by layer."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from signalscreen.errors import ModelError, OptionError
from signalscreen.order import Order

if TYPE_CHECKING:
    from signalscreen.patches import Plan, Step

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class LayerPlan:
    """One layer that an edit reaches.

    Attributes
    ----------
    layer : str
    how : str
        "patch", "full", or "no rule: OP".
    length, computed : tuple of int
        Positions in full, and those computed for one window; empty where the layer has no axis of positions.
    multiplications, done : int
        In full, and for one window.
    """

    layer: str
    how: str
    length: Sizes
    computed: Sizes
    multiplications: int
    done: int


@dataclass(frozen=True)
class Report:
    """A plan in words.

    Attributes
    ----------
    window, length : tuple of int
        Samples on each axis.
    target : int or tuple of int, optional
        What the plan was made for.
    layers : list of LayerPlan
    limit : float
        How many times fewer multiplications are done.
    gain : float
        How many times faster than in full a map of one signal is expected, windows a quarter of a window apart.
    advice : str
        What takes longest, and what would make it faster.
    """

    window: Sizes
    length: Sizes
    target: Any
    layers: list[LayerPlan]
    limit: float
    gain: float
    advice: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def report(
    model: Any,
    window: Sequence[int],
    length: Sequence[int] | None,
    target: Any,
    channels: Any = None,
    examine: bool = True,
) -> Report:
    """Plan occlusion of one signal.

    Parameters
    ----------
    model : keras.Model
        With one input.
    window : sequence of int
        Samples on each axis; one number serves for all.
    length : sequence of int, optional
        Of the signal, where the model leaves it free.
    target : optional
        As `Score` takes it. By default class 0; of a network that answers once per position, the middle.
    channels, examine : optional
        As `Score` takes them.

    Raises
    ------
    ModelError, OptionError
    """
    from signalscreen.score import Score
    from signalscreen.screening import input_axes

    axes, order = _axes(model, input_axes(model), channels)
    sizes = _length([axes[a] for a in order.signal], length)
    wide = _window(window, sizes)
    target = _target(model) if target is None else target
    own = [n or 1 for n in axes]
    for a, n in zip(order.signal, sizes, strict=True):
        own[a] = n
    made = Score(model, target, progress=False, channels=channels, examine=examine)
    score, _ = made.bind(np.zeros((1, *own), "float32"))
    plan = score.plan(wide)
    if plan is None:
        words = "the model changes its own variables when it is called, so it is run on every edited signal"
        return Report(wide, sizes, target, [], 1.0, 1.0, words)
    rows = prod(-(-n // max(w // 4, 1)) for n, w in zip(sizes, wide, strict=True))
    worth = plan.is_worth(rows)
    layers = _layers(plan, len(sizes))
    shown = target if isinstance(target, int | tuple) or target is None else "as given"
    advice = _advice(plan) if worth or plan.lost else _NO_GAIN
    return Report(wide, sizes, shown, layers, plan.limit, plan.gain(rows) if worth else 1.0, advice)


_NO_GAIN = "a window changes nearly all that the work is in; a shorter one would be faster"


def _axes(model: Any, axes: Sequence[int | None], channels: Any) -> tuple[Sequence[int | None], Order]:
    """The shape of an example, and which of its axes are the signal's."""
    if not getattr(model, "inputs", None):
        raise ModelError("the model does not say what it takes; give a functional or Sequential one")
    from signalscreen.surveys import orders_of

    [(_, _, order)] = orders_of(model, channels)
    if not order.signal:
        raise ModelError(
            f"the model takes (batch, {axes[0]}), with no axis for a window to slide along; put a Reshape in front "
            "so that it takes (batch, samples, 1)"
        )
    return axes, order


def _length(free: Sequence[int | None], given: Sequence[int] | None) -> Sizes:
    shown = ", ".join("any" if n is None else str(n) for n in free)
    if given is None:
        if None in free:
            raise OptionError(f"the model takes signals of any length ({shown}); give --length, in samples")
        return tuple(n for n in free if n is not None)
    spread = tuple(given) * (len(free) if len(given) == 1 else 1)
    if len(spread) != len(free) or any(n is not None and n != m for n, m in zip(free, spread, strict=True)):
        raise OptionError(f"--length {_x(given)} is not what the model takes ({shown}); give that, or leave it out")
    return spread


def _window(given: Sequence[int], sizes: Sizes) -> Sizes:
    spread = tuple(given) * (len(sizes) if len(given) == 1 else 1)
    if len(spread) != len(sizes):
        raise OptionError(
            f"--window {_x(given)} gives {len(given)} axes, but the signal has {len(sizes)}; give one size for each"
        )
    if any(w > n for w, n in zip(spread, sizes, strict=True)):
        raise OptionError(
            f"--window {_x(given)} is longer than the signal, {_x(sizes)} samples; give a shorter one"
        )
    return spread


def _target(model: Any) -> Any:
    """Class 0, or the middle of a network that answers once per position; of the first output."""
    outputs = model.outputs
    shape = tuple(outputs[0].shape[1:])
    one: Any = 0 if len(shape) == 1 else (*((n or 0) // 2 for n in shape[:-1]), 0) if shape else None
    return one if len(outputs) == 1 else (0, *one) if isinstance(one, tuple) else (0, one)


def _layers(plan: "Plan", axes: int) -> list[LayerPlan]:
    """The ops of each layer together."""
    by_layer: dict[str, list[Step]] = {}
    for step in plan.steps:
        by_layer.setdefault(step.layer, []).append(step)
    found = []
    for layer, steps in by_layer.items():
        lost = [s for s in steps if s.how == "lost"]
        full = any(s.how == "full" for s in steps)
        how = f"no rule: {lost[0].op}" if lost else "full" if full else "patch"
        last = steps[-1]
        macs, done = (round(sum(getattr(s, what) for s in steps)) for what in ("macs", "macs_done"))
        found.append(
            LayerPlan(layer, how, _positions(last.shape, axes), _positions(last.computed, axes), macs, done)
        )
    return found


def _positions(shape: Sequence[int | None], axes: int) -> Sizes:
    """Without the channels, and without the axes of one that TensorFlow puts in front of a signal's own."""
    places = list(shape[:-1])
    while len(places) > axes and places[0] == 1:
        places.pop(0)
    return tuple(n for n in places if n is not None) if len(places) == axes and None not in places else ()


def _advice(plan: "Plan") -> str:
    lost = plan.lost
    if lost is not None:
        return (
            f"{lost.op}, in or before {lost.layer}, has no rule that follows an edit through it, so all behind it "
            "runs in full; more pooling in front of it, or a network without it, would be faster"
        )
    done = sum(s.macs_done for s in plan.steps)
    if not done:
        return "nothing is multiplied by weights"
    most = max(plan.steps, key=lambda s: s.macs_done)
    words = f"{most.macs_done / done:.0%} of what is done is in {most.layer}"
    if most.how == "full" and most.op in ("MatMul", "BatchMatMulV2"):
        return f"{words}, which has no positions left to tell apart; fewer units there would make it faster"
    if most.how == "full":
        return f"{words}, where a window has come to change nearly everything; a shorter one would be faster"
    return f"{words}; a shorter window, smaller or less dilated kernels before it, or fewer filters would be faster"


def table(found: Report) -> list[list[str]]:
    """Rows of text, the header first."""
    done = sum(p.done for p in found.layers) or 1
    rows = [["layer", "how", "length", "for a window", "multiplications", "done", "of all done"]]
    for p in found.layers:
        part = f"{p.done / p.multiplications:.1%}" if p.multiplications else "?"
        counts = [f"{p.multiplications:,.0f}", part, f"{p.done / done:.1%}"] if p.multiplications else ["?"] * 3
        rows.append([p.layer, p.how, _x(p.length), _x(p.computed), *counts])
    return rows


def words(found: Report) -> list[str]:
    """What the table comes to."""
    fast = "no faster: every edited signal is run in full"
    if found.gain > 1:
        fast = f"about {found.gain:.1f} times as fast as running every edited signal in full"
    counted = f"{found.limit:.1f} times fewer multiplications"
    if any(not p.multiplications for p in found.layers):
        counted += " where they can be counted"
    of = f"a window of {_x(found.window)} in {_x(found.length)} samples"
    return [f"{of}: {counted}, {fast}", found.advice]


def _x(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))
