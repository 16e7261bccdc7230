"""What Keras and TensorFlow do differently while a model is traced here, in the thread that traces and in no other.

Four calls are wrapped once, at the first trace: a layer's, two convolutions', and that of a `tf.function`. Each
wrapper asks what holds in its own thread, and is the original wherever nothing does. Switches of the whole process
(`tf.config.run_functions_eagerly`) would change what other threads compute meanwhile.
"""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from signalscreen import channels_last
from signalscreen.backend import keras, tf

Recorder = Callable[[Any, tuple[str, ...], Any], None]  # of a layer, its path, and what it gives


class _Here(threading.local):
    """What holds in a thread."""

    recorder: Recorder | None = None
    path: tuple[str, ...] = ()
    open: bool = False
    last: bool = False


_here = _Here()
_installing = threading.Lock()


@contextmanager
def layers_recorded(recorder: Recorder) -> Iterator[None]:
    """Hand what every layer gives in this thread to `recorder`, with the path of layers that it was called in."""
    _install()
    before = _here.recorder, _here.path
    _here.recorder, _here.path = recorder, ()
    try:
        yield
    finally:
        _here.recorder, _here.path = before


@contextmanager
def functions_open() -> Iterator[None]:
    """Run inner `tf.function`s as plain Python, so that their ops lie in the graph being traced.

    Convolutions in groups become ordinary ones, whose kernel is zero between groups: TensorFlow has no gradient for
    groups on a CPU, and runs them there only compiled; Keras hides that in a function, which is opened here.
    """
    _install()
    before = _here.open
    _here.open = True
    try:
        with channels_put_last():
            yield
    finally:
        _here.open = before


@contextmanager
def channels_put_last() -> Iterator[None]:
    """Compute channels-first convolutions with channels last: not every processor can do them as they are."""
    _install()
    before = _here.last
    _here.last = True
    try:
        yield
    finally:
        _here.last = before


def _install() -> None:
    """Wrap the four calls, unless they are."""
    with _installing:
        if not _is_ours(keras.layers.Layer.__call__):
            keras.layers.Layer.__call__ = _recording(keras.layers.Layer.__call__)
        if not _is_ours(tf.nn.convolution):
            tf.nn.convolution = _convolution(tf.nn.convolution)
        if not _is_ours(tf.nn.conv_transpose):
            tf.nn.conv_transpose = _conv_transpose(tf.nn.conv_transpose)
        functions = type(tf.function(lambda: None))
        if not _is_ours(functions._run_functions_eagerly.fget):
            # Functions of a SavedModel have no Python to run, and keep a property of their own.
            functions._run_functions_eagerly = property(_open_here(functions._run_functions_eagerly.fget))


def _is_ours(function: Any) -> bool:
    return hasattr(function, "_of_signalscreen")


def _wraps(original: Any) -> Callable[[Any], Any]:
    """Make a wrapper pass for the original: autograph leaves what is Keras' and TensorFlow's own as it is."""

    def mark(wrapper: Any) -> Any:
        wrapper = functools.wraps(original)(wrapper)
        wrapper._of_signalscreen = True
        return wrapper

    return mark


def _recording(original: Any) -> Any:
    @_wraps(original)
    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = _here.recorder
        if recorder is None:
            return original(layer, *args, **kwargs)
        outer = _here.path
        _here.path = (*outer, layer.name)
        try:
            outputs = original(layer, *args, **kwargs)
            recorder(layer, _here.path, outputs)
            return outputs
        except Exception as error:
            if not layer_of(error):
                error._signalscreen_layer = "/".join(_here.path[1:])  # type: ignore[attr-defined]
            raise
        finally:
            _here.path = outer

    return call


def layer_of(error: BaseException) -> str:
    """The path of the innermost layer in which an error was raised; empty for the model itself."""
    found = ""
    cause: BaseException | None = error
    while cause is not None and not found:  # Keras makes new errors out of those that it catches
        found, cause = getattr(cause, "_signalscreen_layer", ""), cause.__context__
    return found


def _open_here(original: Any) -> Any:
    @_wraps(original)
    def run_eagerly(function: Any) -> bool:
        return _here.open or original(function)

    return run_eagerly


def _convolution(original: Any) -> Any:
    @_wraps(original)
    def convolution(input: Any, filters: Any, *args: Any, **kwargs: Any) -> Any:
        if _here.open:
            last = not channels_last.is_first(kwargs.get("data_format"))
            channels, own = input.shape[-1 if last else 1], filters.shape[-2]
            if channels is not None and own is not None and channels != own:
                filters = _block_diagonal(filters, channels // own)
        if _here.last:
            return channels_last.convolution(original, input, filters, *args, **kwargs)
        return original(input, filters, *args, **kwargs)

    return convolution


def _conv_transpose(original: Any) -> Any:
    @_wraps(original)
    def conv_transpose(*args: Any, **kwargs: Any) -> Any:
        if _here.last:
            return channels_last.conv_transpose(original, *args, **kwargs)
        return original(*args, **kwargs)

    return conv_transpose


def _block_diagonal(kernel: Any, groups: int) -> Any:
    """A kernel ``(*window, channels / groups, filters)`` with a row for each channel, zero outside its group."""
    *window, own, filters = kernel.shape
    group_in = tf.range(own * groups)[:, None] // own
    group_out = tf.range(filters)[None, :] // (filters // groups)
    wide = tf.tile(kernel, [*[1] * len(window), groups, 1])
    return wide * tf.cast(tf.equal(group_in, group_out), kernel.dtype)
