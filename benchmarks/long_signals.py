"""Ten minutes of ECG in one piece, and several examples in one call."""

import numpy as np

import signalscreen as ss
from benchmarks import networks
from benchmarks.methods import side_by_side
from benchmarks.real import DATA
from signalscreen.backend import tf
from signalscreen.score import Score
from signalscreen.simulate import simulate_ecg
from signalscreen.streams import Patches, starts_inside

FS = 125.0  # Hz
MINUTES = 10
WINDOW, STRIDE = 125, 25
PASSES = 6  # of brute force, by which the rate of multiplications is measured
EXAMPLES = 8


def ten_minutes() -> tuple[str, np.ndarray]:
    """One lead, mean 0, deviation 1, ``(75000, 1)``; a record of MIT-BIH where there is one."""
    path = DATA / "mitdb" / "100"
    if path.with_suffix(".dat").exists():
        record = ss.read_recording(str(path), start=0, end=60 * MINUTES + 1, leads=["MLII"]).resample(FS)
        name, signal = "MIT-BIH 100, MLII at 125 Hz", np.asarray(record.signal)[:, 0]
    else:
        name, signal = "simulated ECG at 125 Hz", simulate_ecg(60 * MINUTES, FS, seed=0).signal
    signal = signal[: int(60 * MINUTES * FS)]
    return name, ((signal - signal.mean()) / signal.std())[:, None].astype("float32")


def zeros(n: int, window: int, stride: int) -> Patches:
    return Patches(starts_inside(n, window, stride)[:, None], (window,), np.zeros((1, 1, 1, 1), "float32"))


def long_signal(rounds: int) -> None:
    """Time taken, and the time in which brute force would do as many multiplications."""
    name, signal = ten_minutes()
    model, edits = networks.fully_convolutional(), zeros(len(signal), WINDOW, STRIDE)
    score, x = Score(model, 1, progress=False).bind(signal[None])

    @tf.function(input_signature=[tf.TensorSpec((None, *signal.shape), tf.float32)])
    def forward(rows):
        return model(rows, training=False)

    row = tf.constant(x)
    times = side_by_side(
        {
            "brute": lambda: [forward(row).numpy() for _ in range(PASSES)],
            "patched": lambda: score.patched(x, [edits]),
        },
        rounds,
    )
    plan, count = score.plan((WINDOW,)), len(edits.starts)
    full, done = (sum(getattr(s, what) for s in plan.steps) for what in ("macs", "macs_done"))
    rate = full * PASSES / times["brute"]
    print(f"\n{name}: {len(signal):,} samples, {count:,} windows of {WINDOW}, fully convolutional network")
    print(f"  brute force            {times['brute'] / PASSES * count:8.1f} s (from {PASSES} passes of {count:,})")
    print(f"  multiplications        {full:8.2e} a pass in full, {done:8.2e} a window; limit {plan.limit:.0f}")
    print(f"  at brute force's rate  {done * count / rate:8.2f} s ({rate:.1e} multiplications a second)")
    print(f"  taken                  {times['patched']:8.2f} s")


def many_examples(rounds: int) -> None:
    """Eight ECGs in one call, and in eight calls."""
    model, shape = networks.ecg_resnet()
    score, x = Score(model, 1, progress=False).bind(networks.signals(shape, EXAMPLES))
    edits = zeros(shape[0], 50, 10)
    each = [(score.part(slice(i, i + 1)), x[i : i + 1]) for i in range(EXAMPLES)]
    times = side_by_side(
        {
            "one call": lambda: score.patched(x, [edits]),
            "a call each": lambda: [one.patched(signal, [edits]) for one, signal in each],
        },
        rounds,
    )
    print(f"\n{EXAMPLES} ECGs of 5,000 x 12, {len(edits.starts)} windows each")
    for how, taken in times.items():
        print(f"  {how:22} {taken:8.2f} s")
