"""What can go wrong, by name. Each kind is also the builtin it refines, so ``except ValueError`` works.

A message is one sentence: what was given, what is allowed, what to do.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_silent: ContextVar[tuple[type[Warning], ...]] = ContextVar("silent", default=())


class SignalScreenError(Exception):
    """Root of every error this package raises on purpose."""


class InputError(SignalScreenError, ValueError):
    """The signal, baseline or another array does not fit: rank, length, NaN, empty, dtype."""


class TargetError(SignalScreenError, ValueError):
    """The target does not name one number per example."""


class LayerError(SignalScreenError, LookupError):
    """The layer is not in the model, or has no feature maps."""


class OptionError(SignalScreenError, TypeError, ValueError):
    """An option has an unknown name or a value outside what is allowed."""


class MethodError(SignalScreenError, LookupError):
    """No method has this name."""


class ModelError(SignalScreenError, TypeError, ValueError):
    """The model cannot be loaded or explained: wrong framework, wrong backend, corrupt file."""


class TraceError(ModelError):
    """What was traced is another function than the model's plain call, so that no number would be the model's."""


class UnsupportedOpError(SignalScreenError, NotImplementedError):
    """A rule-based method meets an op it has no exact rule for, and refuses rather than guess."""


class RecordingError(SignalScreenError, ValueError):
    """A recording cannot be read, or cannot be made to fit the model."""


class OutputError(SignalScreenError, OSError):
    """A result cannot be written."""


class WorkerError(SignalScreenError, RuntimeError):
    """A process that did part of the work is gone, or failed in a way of its own."""


class SignalScreenWarning(UserWarning):
    """Something may be wrong with a result; the result is still returned."""


class ExaminationWarning(SignalScreenWarning):
    """The model is no fixed function of one example, or could not be examined."""


class BatchCouplingWarning(ExaminationWarning):
    """The examples of a batch influence one another, so that a result depends on its neighbours."""


class RandomModelWarning(ExaminationWarning):
    """The model draws random numbers, so that a result is one of many."""


class StatefulModelWarning(ExaminationWarning):
    """The model changes its own variables, so that a result depends on the calls before it."""


class NonFiniteWarning(SignalScreenWarning):
    """The score or the result of some examples is NaN or infinite."""


class CompletenessWarning(SignalScreenWarning):
    """The attributions of some examples do not add up to the change of the score."""


class UnreachedRuleWarning(SignalScreenWarning):
    """A backward rule met no non-linearity it applies to, so the result is the plain gradient."""


class ProbabilityWarning(SignalScreenWarning):
    """The score was to be a logit, but the output is a probability whose logit cannot be found."""


class CutModelWarning(SignalScreenWarning):
    """Of the network in a file only a part is used: what follows it is code, which is not run."""


class InferenceModeWarning(SignalScreenWarning):
    """Layers in a file ran as in training wherever the network was used (Monte Carlo dropout); here they do not."""


class DamagedTableWarning(SignalScreenWarning):
    """A line of a table of verdicts cannot be read, and is left out."""


class RecordingWarning(SignalScreenWarning):
    """Part of a recording's files could not be made out: a clock time, or the end of its annotations."""


class UncheckedStoreWarning(SignalScreenWarning):
    """A store is of the older layout, whose chunks have no checksums: damage to it need not show."""


class PlacesWarning(SignalScreenWarning):
    """Where a layer's positions lie on the signal is not known, so its map is stretched over all of it."""


class SeveralCallsWarning(SignalScreenWarning):
    """The layer is called several times, and the result is that of its last call."""


class NoGradientWarning(SignalScreenWarning):
    """No gradient passes from an input or a layer to the score, though the score depends on it."""


class SpeedWarning(SignalScreenWarning):
    """The result is right, but takes longer than it might."""


class ExpectationWarning(SignalScreenWarning):
    """A recording may not be what the model expects, so that its numbers may mean nothing."""


class RateWarning(ExpectationWarning):
    """Nobody says that the recording's sampling rate is the model's."""


class UnitsWarning(ExpectationWarning):
    """The recording's physical units are not known to be those that the model expects."""


class MostlyFlaggedWarning(ExpectationWarning):
    """Nearly all windows are flagged, as they are where rate, scaling or class are not the model's."""


@contextmanager
def silenced(category: type[Warning]) -> Iterator[None]:
    """Keep this package's own warnings of a kind to itself, in this thread only.

    What `warnings.catch_warnings` puts back at its end is the whole process's, so that two threads which use it
    at once can leave warnings off for good.
    """
    token = _silent.set((*_silent.get(), category))
    try:
        yield
    finally:
        _silent.reset(token)


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line of the user's code that called into this package."""
    if issubclass(category, _silent.get()):
        return
    level, at, frame = 1, 1, sys._getframe()
    while frame.f_back is not None:
        level += 1
        if frame.f_globals.get("__name__", "").split(".")[0] == "signalscreen":
            at = level  # TensorFlow, which traces, may lie between frames of this package
        frame = frame.f_back
    warnings.warn(message, category, stacklevel=at)
