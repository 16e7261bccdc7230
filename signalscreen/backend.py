"""The one place where TensorFlow and Keras are imported, without their start-up chatter on the terminal."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from signalscreen.errors import ModelError

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hold back what native code writes to the terminal; let it through when the import fails.

    TensorFlow's libraries log before their log level is read, straight to file descriptor 2.
    """
    try:
        sys.stderr.flush()
        saved = os.dup(2)
    except (AttributeError, OSError, ValueError):  # no such descriptor (a GUI, some notebooks)
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


try:
    with _quiet_stderr():
        import keras
        import tensorflow as tf
        from tensorflow.python.eager import cancellation, context
except ImportError as error:
    wanted = os.environ.get("KERAS_BACKEND", "tensorflow")
    if wanted == "tensorflow":
        raise
    raise ModelError(
        f"Keras cannot start on the {wanted} backend ({error}); set KERAS_BACKEND=tensorflow before "
        "Keras is imported"
    ) from error

__all__ = ["cancellation", "context", "keras", "tf"]
