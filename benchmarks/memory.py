"""Peak memory over 1,000 and over 100,000 windows, each in a process of its own.

python -m benchmarks.memory

What the user holds (the windows and the result) grows with their number and is taken off; what is left is what
the method needs. Occlusion is of one long signal, whose windows lie 100 samples apart or one.
"""

import json
import resource
import subprocess
import sys

WINDOWS = (1_000, 100_000)
LENGTH = 250
METHODS = ("saliency", "deep_lift", "grad_cam", "integrated_gradients", "occlusion")


def measure(method: str, windows: int) -> None:
    """Print the peak of this process, less the arrays the caller holds, in MiB."""
    held = occluded(windows) if method == "occlusion" else explained(method, windows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(peak - held / 2**20))


def occluded(windows: int) -> int:
    """Occlude one signal, always the same, in so many places; bytes of the signal and the map."""
    import signalscreen as ss
    from benchmarks.networks import fully_convolutional, signals

    x = signals((max(WINDOWS), 1), 1)
    stride = max(WINDOWS) // windows
    result = ss.occlusion(fully_convolutional((16, 32, 16)), x, 1, window=100, stride=stride, credit="centre")
    return x.nbytes + result.nbytes


def explained(method: str, windows: int) -> int:
    """Explain so many windows at once; bytes of the windows and the result."""
    import numpy as np

    import signalscreen as ss
    from benchmarks.networks import beat_cnn

    model, shape = beat_cnn(LENGTH)
    x = np.zeros((windows, *shape), "float32")
    for start in range(0, windows, 1000):  # filled in place, so that filling costs no memory of its own
        x[start : start + 1000] = np.random.default_rng(start).normal(size=(min(1000, windows), *shape))
    options = {"steps": 4} if method == "integrated_gradients" else {}
    result = ss.explain(model, x, 1, method=method, **options)
    return x.nbytes + result.nbytes


def main() -> None:
    for method in METHODS:
        peaks = []
        for windows in WINDOWS:
            command = [sys.executable, "-W", "ignore", "-m", "benchmarks.memory", method, str(windows)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            peaks.append(json.loads(done.stdout))
        print(
            f"{method:22} "
            + ", ".join(f"{n:>7,} windows: {p:6.0f} MiB" for n, p in zip(WINDOWS, peaks, strict=True))
            + f", {peaks[-1] / peaks[0] - 1:+.1%}"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(sys.argv[1], int(sys.argv[2]))
    else:
        main()
