"""Ctrl-C ends a model that never ends, from Python and from the command line."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

SPEC = [tf.TensorSpec((None, 8, 1))]
STARTED = """
import sys
import numpy as np
import signalscreen as ss
model = ss.load_model(sys.argv[1])
print("loaded", flush=True)
try:
    print(ss.saliency(model, np.ones((1, 8, 1), np.float32), 0))
except KeyboardInterrupt:
    print("stopped", flush=True)
x = np.full((1, 8, 1), -1, np.float32)
print(float(model(x)[0, 0]), flush=True)
"""


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    """Its loop never ends on signals above zero."""

    def call(x):
        halved = tf.while_loop(lambda a: tf.reduce_min(a) >= 0, lambda a: (0.5 * a,), (x,))[0]
        return tf.reduce_sum(halved, 1)

    module = tf.Module()
    module.call = tf.function(call, input_signature=SPEC)
    folder = tmp_path_factory.mktemp("endless") / "net"
    tf.saved_model.save(module, str(folder), signatures=module.call)
    return folder


def stopped_after(process, seconds):
    """How long a process goes on after Ctrl-C, and what it says."""
    time.sleep(seconds)
    assert process.poll() is None
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    try:
        said = process.communicate(timeout=30)
    finally:
        process.kill()
    return time.monotonic() - begun, said


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_from_python_and_what_follows_is_right(endless):
    process = subprocess.Popen([sys.executable, "-c", STARTED, endless], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "loaded\n"
    took, (said, _) = stopped_after(process, 6)
    assert said == "stopped\n-8.0\n"
    assert took < 10


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_from_the_command_line(endless, tmp_path):
    np.save(tmp_path / "x.npy", np.ones((8, 1), np.float32))
    call = [
        sys.executable,
        "-m",
        "signalscreen",
        "explain",
        str(endless),
        "x.npy",
        "-m",
        "saliency",
        "-o",
        "o",
        "--fs",
        "10",
    ]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    took, (_, said) = stopped_after(process, 20)
    assert "Aborted" in said
    assert process.returncode == 1
    assert took < 10
