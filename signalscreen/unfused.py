"""Compiled functions that TensorFlow optimises without its remapper, which fuses some ops into wrong ones.

Where oneDNN is on, the remapper makes Conv2D + BiasAdd + Add + LeakyRelu one op that forgets the slope, and makes
ops that no kernel knows out of Mish. Decision record 10 has the cases and what it costs to do without.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, update_wrapper
from typing import Any

from signalscreen.backend import context, tf
from signalscreen.stopping import stoppable

_OFF = 2  # RewriterConfig.OFF


@contextmanager
def without_fusions() -> Iterator[None]:
    """Have functions that this thread traces or calls optimised without the remapper; no other thread feels it.

    TensorFlow's public switch, `tf.config.optimizer`, is one for the whole process and the user's own functions.
    """
    state = context.context()
    before = state.function_call_options
    state.function_call_options = context.FunctionCallOptions(
        before.executor_type, _without_remapper(before.config_proto_serialized)
    )
    try:
        yield
    finally:
        state.function_call_options = before


def unfused(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, each call of which is optimised without the remapper, and ends on Ctrl-C.

    Itself it is its `__wrapped__`.
    """

    def called(*args: Any, **kwargs: Any) -> Any:
        with without_fusions(), stoppable():
            return function(*args, **kwargs)

    return update_wrapper(called, function, assigned=("__doc__",), updated=())


@lru_cache(maxsize=16)
def _without_remapper(serialised: bytes) -> Any:
    config = tf.compat.v1.ConfigProto.FromString(serialised)
    config.graph_options.rewrite_options.remapping = _OFF
    return config
