"""Is what was traced the user's own function, of one example, and the same each time? Asked once for a trace.

The verdict is kept with the trace. What can be put right is put right, and the rest is said.
"""

import weakref
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from signalscreen import fingerprints
from signalscreen.comparison import Examination, Verdict
from signalscreen.errors import (
    BatchCouplingWarning,
    ExaminationWarning,
    RandomModelWarning,
    StatefulModelWarning,
    TraceError,
    warn,
)
from signalscreen.programs import Program

Array = npt.NDArray[Any]
Sizes = tuple[tuple[int, ...], ...]  # of an example of each input

_LENGTHS = 3  # of signals whose sizes the model leaves free, for which it is examined, however near they lie


def settled(score: Any, inputs: Sequence[Array]) -> Any:
    """A score, bound to signals, whose trace is the model's own function.

    Sizes that the model leaves free stay free in the trace where it then computes the same, and are those at hand
    elsewhere (Keras' `TimeDistributed` counts over the batch where the time is unknown).

    Parameters
    ----------
    score : Score
        Bound to signals, with free sizes.
    inputs : sequence of ndarray, shape (batch, ...)
        One array for each input of the model.

    Raises
    ------
    TraceError
        What was traced is another function than the model's plain call.

    Warns
    -----
    ExaminationWarning
    """
    free = score.bound.wiring
    exact = free._replace(shapes=tuple(map(tuple, score.bound.layout.shapes)))
    for wiring in dict.fromkeys((free, exact)):
        candidate, last = score.wired(wiring), wiring == exact
        program: Program | None = candidate.program("outputs") if last else _traced(candidate)
        if program is None:
            continue
        verdict = _verdict(candidate, program, inputs) if score.examine else Verdict()
        if last or not verdict.differs:
            _tell(program, verdict, alone=score.batch_size == 1)
            break
    return candidate


_untraceable: "weakref.WeakKeyDictionary[Any, set[Any]]" = weakref.WeakKeyDictionary()


def _traced(score: Any) -> Program | None:
    """The outputs with sizes left free; None where the model cannot be traced without them."""
    failed = _untraceable.setdefault(score.model, set())
    key = (fingerprints.version(score.model), score.bound.wiring)
    if key in failed:
        return None
    try:
        found: Program = score.program("outputs")
    except Exception:  # whatever it is, the trace with all sizes shows whether it is the model's fault
        failed.add(key)
        return None
    return found


def _tell(program: Program, verdict: Verdict, alone: bool) -> None:
    draws, writes = program.facts["draws"], program.facts["writes"]
    if verdict.differs:
        raise TraceError(verdict.differs)
    if verdict.varies is False:
        writes = [op for op in writes if not op.counts]  # a generator whose numbers are not used in inference
    if draws and verdict.varies is not False:
        warn(
            f"the model {'draws' if verdict.varies else 'may draw'} random numbers when it is called "
            f"({_listed(draws)}), so each result is one of many; "
            "build the model without them, or average over many calls",
            RandomModelWarning,
        )
        writes = [op for op in writes if not op.counts]  # the state of the generator
    if writes:
        warn(
            f"the model changes its own variables when it is called ({_listed(writes)}: a recurrent layer with "
            "stateful=True, normalisation that trains, random numbers), so a result depends on what they hold now; "
            "each call here leaves them as they are; build the model without that",
            StatefulModelWarning,
        )
    if verdict.coupled and not alone:
        warn(verdict.coupled, BatchCouplingWarning)
    if verdict.unknown:
        warn(verdict.unknown, ExaminationWarning)


def _listed(ops: Sequence[Any]) -> str:
    return ", ".join(map(str, ops[:3])) + (", ..." if len(ops) > 3 else "")


def _verdict(score: Any, program: Program, inputs: Sequence[Array]) -> Verdict:
    """What is known of a program for signals of these sizes, found out now if nothing is."""
    known: dict[Sizes, Verdict] = program.facts.setdefault("verdicts", {})
    sizes = tuple(map(tuple, score.bound.layout.shapes))
    if sizes not in known and (len(known) < _LENGTHS or _is_outside(sizes, list(known))):
        known[sizes] = Examination(score.model, program, score.bound.wiring, inputs).verdict()
    worst = max(known.values(), key=lambda verdict: (bool(verdict.differs), bool(verdict.coupled)))
    return known.get(sizes, worst)


def _is_outside(sizes: Sizes, known: Sequence[Sizes]) -> bool:
    """Whether an axis is shorter or longer than it ever was."""
    flat, *others = ([n for shape in one for n in shape] for one in (sizes, *known))
    return any(n < min(seen) or n > max(seen) for n, *seen in zip(flat, *others, strict=True))
