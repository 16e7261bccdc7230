"""Occlusion by patches as a ratio to batched brute force through the same model, side by side in one run.

python -m benchmarks.patches [NAME ...] [--long] [--rounds N]

Brute force is the model's compiled call on batches of edited signals, at the best of several batch sizes; writing
the edits costs it next to nothing (one buffer, each window put back). The counted limit is how many times fewer
multiplications patches need. Without names, all rows; with ``--long``, ten minutes of ECG and calls of 8 examples.
"""

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks import networks
from benchmarks.long_signals import long_signal, many_examples
from benchmarks.methods import side_by_side
from benchmarks.real import DATA
from signalscreen.backend import keras, tf
from signalscreen.models import load_model
from signalscreen.score import Score
from signalscreen.streams import Patches, starts_centred, starts_inside

BATCHES = (16, 32, 64, 128, None)  # None: as many as SignalScreen itself would take
SHORT = 3.0  # s; what takes less is run more often, so that its ratio is steady
TRIED = 256  # windows on which batch sizes are compared

LEGEND = """brute: at its best batch; *: on an evenly spread part of the windows, scaled
limit: multiplications in full over those by patches (for a score at one place: of the windows it can see)
share: ratio over limit; first: the first call, which prepares
differ: largest difference from brute force over the range of the scores; (brute): brute force at two batch sizes"""


class Case(NamedTuple):
    """A model, a signal and its edits."""

    model: object
    x: np.ndarray
    target: int | tuple[int, ...]
    edits: Patches
    subset: int | None = None  # windows on which brute force is measured, where all take too long


def occluded(made, window: int, stride: int, subset: int | None = None, starts=starts_inside) -> Case:
    """Zeros in every window."""
    model, shape = made
    axes = len(shape) - 1
    grid = np.meshgrid(*[starts(n, window, stride) for n in shape[:-1]], indexing="ij")
    places = np.stack(grid, -1).reshape(-1, axes)
    edits = Patches(places, (window,) * axes, np.zeros((1, 1, *[1] * axes, 1), "float32"))
    return Case(with_seen_outputs(model), networks.signals(shape, 1), 1, edits, subset)


def mutated(made) -> Case:
    """All three substitutions of every letter."""
    model, (length, letters) = made
    code = np.random.default_rng(0).integers(0, letters, length)
    onehot = np.eye(letters, dtype="float32")
    others = (code[:, None] + np.arange(1, letters)) % letters
    starts = np.repeat(np.arange(length), letters - 1)[:, None]
    edits = Patches(starts, (1,), onehot[others.ravel()][:, None, None])
    return Case(with_seen_outputs(model), onehot[code][None], 1, edits)


def dilated() -> Case | None:
    """A published detector of PPG peaks: dilated, one output per sample; None where it is not at hand."""
    path = DATA / "model_kazemi_ppg_peaks" / "kazemi_ppg_peaks.keras"
    if not path.exists():
        return None
    case = occluded((load_model(path), (1500, 1)), window=25, stride=1)
    return case._replace(target=(750, 0))


def with_seen_outputs(model):
    """The model without the softmax or sigmoid at its end, whose outputs hardly move with random weights."""
    model.layers[-1].activation = keras.activations.linear
    return model


CASES: dict[str, tuple[str, Callable[[], Case | None]]] = {
    "ecg": ("ECG ResNet 5,000 x 12, 50/10", lambda: occluded(networks.ecg_resnet(), 50, 10)),
    "ppg": ("PPG CNN 1,500 x 1, 25/1", lambda: occluded(networks.beat_cnn(1500), 25, 1)),
    "basset600": ("Basset 600 x 4, mutations", lambda: mutated(networks.basset(600))),
    "basset1000": ("Basset 1,000 x 4, mutations", lambda: mutated(networks.basset(1000))),
    "dilated": ("dilated PPG peaks 1,500 x 1, 25/1", dilated),
    "image": ("2D CNN 224 x 224 x 3, 16/8", lambda: occluded(networks.image_stages(), 16, 8, subset=72)),
    "lstm": ("LSTM 500 x 1, 25/5", lambda: occluded(networks.recurrent(), 25, 5)),
    "attention": ("attention 500 x 1, 25/5", lambda: occluded(networks.attention(), 25, 5)),
    "dense": ("dense 1,000 x 1, 25/1", lambda: occluded(networks.dense(), 25, 1)),
    "all": ("CNN 1,250 x 1, window = signal", lambda: occluded(networks.beat_cnn(), 1250, 5, None, starts_centred)),
    "tiny": ("CNN 24 x 1, 3/1", lambda: occluded(networks.tiny(), 3, 1)),
}


def brute_force(case: Case) -> Callable[[int, np.ndarray], np.ndarray]:
    """What one would write by hand: ``(batch, which edits) -> scores``."""
    index = case.target if isinstance(case.target, tuple) else (case.target,)
    x, (starts, width, content, _) = case.x[0], case.edits

    @tf.function(input_signature=[tf.TensorSpec((None, *x.shape), tf.float32)])
    def forward(rows):
        return case.model(rows, training=False)[(slice(None), *index)]

    def run(batch: int, which: np.ndarray) -> np.ndarray:
        rows, found = np.repeat(x[None], batch, axis=0), []
        for first in range(0, len(which), batch):
            some = which[first : first + batch]
            places = [
                (i, *[slice(max(a, 0), max(a + w, 0)) for a, w in zip(starts[e], width, strict=True)])
                for i, e in enumerate(some)
            ]
            for place, e in zip(places, some, strict=True):
                rows[place] = content[e if len(content) > 1 else 0, 0]
            found.append(forward(rows[: len(some)]).numpy())
            for place in places:
                rows[place] = x[place[1:]]
        return np.concatenate(found)

    return run


def best_batch(run, which: np.ndarray, default: int) -> int:
    """The batch size at which brute force is fastest, by the better of two runs of some of the edits."""
    some = which[np.linspace(0, len(which) - 1, min(TRIED, len(which))).astype(int)]
    times = {}
    for batch in {b or default for b in BATCHES}:
        run(batch, some)  # the first call of each size prepares
        times[batch] = min(seconds(lambda b=batch: run(b, some)) for _ in range(2))
    return min(times, key=times.__getitem__)


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(title: str, case: Case, rounds: int) -> None:
    """Print one row."""
    score, x = Score(case.model, case.target, progress=False).bind(case.x)
    count = len(case.edits.starts)
    which = np.linspace(0, count - 1, case.subset or count).astype(int)
    brute = brute_force(case)
    batch = best_batch(brute, which, score.room(x))
    runs = {"brute": lambda: brute(batch, which), "patched": lambda: score.patched(x, [case.edits])}
    first = seconds(runs["patched"])
    enough = int(min(SHORT / seconds(runs["brute"]), 200))
    times = side_by_side(runs, max(rounds, enough))
    full = times["brute"] * count / len(which)
    ratio = full / times["patched"]
    before, expected, found = score(x), runs["brute"](), runs["patched"]()[which, 0]
    limit = counted_limit(case, score, np.mean(expected != before))
    scale = max(float(np.ptp(np.append(expected, before))), 1e-30)
    differ, own = (np.abs(some - expected).max() / scale for some in (found, brute(batch // 2 + 1, which)))
    print(
        f"{title:34} {count:7,} {full:8.4f}{'*' if case.subset else ' '} {batch:5} {times['patched']:8.4f} "
        f"{ratio:7.2f} {limit:7.1f} {ratio / limit:6.0%} {differ:9.1e} {own:8.1e} {first:7.2f}",
        flush=True,
    )


def counted_limit(case: Case, score: Score, seen: float) -> float:
    """Times fewer multiplications. A score at one place of a sequence sees a part of the windows, `seen`."""
    plan = score.plan(case.edits.width)
    limit = 1.0 if plan is None else plan.limit
    return limit / max(seen, 1e-9) if isinstance(case.target, tuple) else limit


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CASES))
    parser.add_argument("--long", action="store_true", help="ten minutes of ECG, and calls of 8 examples")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args(words)
    unknown = set(given.names) - set(CASES)
    if unknown:
        parser.error(f"no row is called {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    names = given.names or ([] if given.long else list(CASES))
    if names:
        table(names, given.rounds)
    if given.long:
        long_signal(given.rounds)
        many_examples(given.rounds)


def table(names: list[str], rounds: int) -> None:
    print(
        f"{'':34} {'windows':>7} {'brute s':>8}  {'batch':>5} {'patch s':>8} {'ratio':>7} {'limit':>7} "
        f"{'share':>6} {'differ':>9} {'(brute)':>8} {'first s':>7}"
    )
    for name in names:
        title, make = CASES[name]
        keras.utils.set_random_seed(0)
        case = make()
        if case is None:
            print(f"{title:34} skipped: no {DATA / 'model_kazemi_ppg_peaks'}; set SIGNALSCREEN_DATA")
        else:
            compare(title, case, rounds)
    print(LEGEND)


if __name__ == "__main__":
    main()
