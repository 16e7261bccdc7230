"""S of edited signals: by patches where that gains something, by running the model on them elsewhere."""

from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen import programs
from signalscreen.batches import fed
from signalscreen.errors import SpeedWarning, warn
from signalscreen.patches import Patched, Step
from signalscreen.patches import scores as patched_scores
from signalscreen.streams import Patches, blocks

Array = npt.NDArray[Any]

_SMALL_JOB = 512 * 2**20  # bytes of activations that are computed sooner than a program of patches is made


def scores(score: Any, x: Array, patches: Patches) -> Array:
    """S of every edit of every example, ``(patches, batch)``; `score` is a bound `Score`."""
    count, batch = len(patches.starts), len(x)
    small = count * batch * score.program("outputs").row_bytes(score.bound.length) < _SMALL_JOB
    program = None if small or not count else program_of(score, patches.width)
    if program is not None and program.plan.lost:
        _tell(score.model, program.plan.lost)
    if program is None or not program.plan.is_worth(count * batch, batch):
        return _in_full(score, x, patches)
    most = program.most if score.batch_size is None else min(program.most, int(score.batch_size))
    given = fed(score.bound, x, np.arange(batch))
    return patched_scores(program, given, x, patches, most, lambda parts, n: score.track(parts, n, "edits"))


def program_of(score: Any, width: tuple[int, ...]) -> Patched | None:
    """The program for edits of one width; None where the model has to run in full."""
    bound, facts = score.bound, score.program("outputs").facts
    if facts["writes"] or bound.is_flat:  # no row by itself, or no axis for an edit to lie on
        return None
    shapes = tuple(map(tuple, bound.layout.shapes))
    wiring = bound.wiring._replace(shapes=shapes)
    key = ("patched", wiring, *score.asked, bound.position, width)
    args = (score.model, wiring, bound.target, score.logit, bound.position, width)
    program: Patched = programs.program(score.model, key, lambda: programs.patched(*args))
    return program


def _in_full(score: Any, x: Array, patches: Patches) -> Array:
    """Run the model on every edited signal."""
    found = [np.empty((0, len(x)), score.bound.wiring.result)]
    for some in blocks(len(patches.starts), score.room(x)):
        content = patches.content[some] if len(patches.content) > 1 else patches.content
        few = patches._replace(starts=patches.starts[some], content=content)
        found.append(score(few.applied(x)))
    return np.concatenate(found)


def _tell(model: Any, lost: Step) -> None:
    """Say once for a model which op has no rule."""

    def tell() -> None:
        warn(
            f"{lost.op}, in or before layer {lost.layer!r}, has no rule that follows an edit through it, so "
            "from there on the model runs in full for every edit; the scores are the same",
            SpeedWarning,
        )

    programs.program(model, ("told", lost.layer, lost.op), tell)
