"""Each method as a ratio to bare TensorFlow doing the same number of passes, side by side in one run.

python -m benchmarks.methods
"""

import time
from collections.abc import Callable

import numpy as np

import signalscreen as ss
from benchmarks.networks import beat_cnn, ecg_resnet, image_cnn, signals
from signalscreen.backend import tf

ROUNDS = 15


def bare_gradient(model):
    """What one would write by hand: a compiled gradient of one logit."""
    logits = model.layers[-1]
    inner = type(model)(model.input, logits.input)
    weights, bias = logits.get_weights()

    @tf.function(input_signature=[tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)])
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = tf.linalg.matvec(inner(x, training=False), weights[:, 1]) + bias[1]
        return tape.gradient(score, x)

    @tf.function(input_signature=[tf.TensorSpec((None, *model.input_shape[1:]), tf.float32)])
    def forward(x):
        return model(x, training=False)

    return gradient, forward


def side_by_side(runs: dict[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Median seconds of each, taken in turns so that a busy machine slows all alike."""
    for run in runs.values():
        run()
        run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return {name: float(np.median(t)) for name, t in times.items()}


def compare(name: str, model, shape, batch: int) -> None:
    x = signals(shape, batch)
    reference = signals(shape, 1, seed=1)
    gradient, forward = bare_gradient(model)
    one = side_by_side(
        {
            "gradient": lambda: gradient(x).numpy(),
            "forward": lambda: forward(x).numpy(),
            "saliency": lambda: ss.saliency(model, x, 1),
            "deep_lift": lambda: ss.deep_lift(model, x, 1, references=reference),
            "grad_cam": lambda: ss.grad_cam(model, x, 1),
            "guided_backprop": lambda: ss.guided_backprop(model, x, 1),
        }
    )
    many = side_by_side(
        {
            "50 gradients": lambda: [gradient(x).numpy() for _ in range(50)],
            "integrated_gradients": lambda: ss.integrated_gradients(model, x, 1, baseline=reference),
        },
        rounds=3,
    )
    print(f"{name}: batch {batch}, {1000 * one['gradient']:.1f} ms a gradient")
    rows = [
        ("saliency", one["saliency"] / one["gradient"], "gradient", 1.1),
        ("guided_backprop", one["guided_backprop"] / one["gradient"], "gradient", 1.1),
        ("deep_lift", one["deep_lift"] / one["gradient"], "gradient", 2.2),
        ("grad_cam", one["grad_cam"] / (one["forward"] + one["gradient"]), "forward + gradient", 1.1),
        ("integrated_gradients(50)", many["integrated_gradients"] / many["50 gradients"], "50 gradients", 1.1),
    ]
    for method, ratio, against, aim in rows:
        print(f"  {method:26} {ratio:5.2f} x {against:20} (aim {aim})")


def main() -> None:
    compare("ECG ResNet, 5000 x 12", *ecg_resnet(), batch=16)
    compare("beat CNN, 1250 x 1", *beat_cnn(), batch=64)
    compare("image CNN, 64 x 64 x 3", *image_cnn(), batch=32)


if __name__ == "__main__":
    import warnings

    warnings.simplefilter("ignore", ss.errors.CompletenessWarning)
    main()
