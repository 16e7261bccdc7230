"""Warnings that are kept back, in one thread and in several."""

import threading
import warnings

import pytest

from signalscreen.errors import CompletenessWarning, SignalScreenWarning, silenced, warn


def test_silenced_is_of_one_kind_and_ends():
    with silenced(CompletenessWarning):
        warn("of this nobody hears", CompletenessWarning)
        with pytest.warns(SignalScreenWarning, match="other kinds are heard"):
            warn("other kinds are heard", SignalScreenWarning)
        with silenced(SignalScreenWarning):
            warn("nor of this", SignalScreenWarning)
        with pytest.warns(SignalScreenWarning, match="but of this again"):
            warn("but of this again", SignalScreenWarning)
    with pytest.warns(CompletenessWarning, match="and of this"):
        warn("and of this", CompletenessWarning)


def test_silenced_is_of_one_thread():
    """Two threads that enter and leave in turns leave nothing behind, and do not hear one another."""
    entered, left = threading.Event(), threading.Event()

    def other():
        with silenced(CompletenessWarning):
            entered.set()
            left.wait(10)

    filters = list(warnings.filters)
    thread = threading.Thread(target=other)
    with silenced(CompletenessWarning):
        thread.start()
        assert entered.wait(10)
    with pytest.warns(CompletenessWarning):
        warn("the other thread is silent still", CompletenessWarning)
    left.set()
    thread.join()
    assert warnings.filters == filters
    with pytest.warns(CompletenessWarning):
        warn("nobody is silent", CompletenessWarning)
