"""
Class averages: what a network looks at, class by class
=======================================================

A map explains one signal. What does the network look for in *all* ventricular beats, and what in normal ones?
Average the maps of each class over the data set, and take the difference.
"""

import keras
import numpy as np

import signalscreen as ss
from signalscreen.simulate import simulate_ecg

# %%
# Beats of simulated ECGs, 0.8 s around each R peak, with a little noise: normal (N) and ventricular (V) ones. They
# are cut around their peak, so that the same time means the same part of the beat; an average over signals that are
# not aligned blurs what it should show.

fs, before, after = 125, 40, 60  # Hz, samples


def beats(seed):
    """Return beats (n, 100, 1) in mV, and the symbol of each."""
    ecg = simulate_ecg(120, fs, seed, ventricular=0.35)
    rng = np.random.default_rng(seed)
    noisy = ecg.signal + rng.normal(0, 0.03, len(ecg.signal))
    inside = [i for i, r in enumerate(ecg.beats) if before <= r < len(noisy) - after]
    x = np.stack([noisy[ecg.beats[i] - before : ecg.beats[i] + after] for i in inside])
    return x[..., None].astype("float32"), np.array(ecg.symbols)[inside]


classes = ["N", "V"]
keras.utils.set_random_seed(1)
layers = keras.layers
model = keras.Sequential(
    [
        keras.Input((before + after, 1)),
        layers.Conv1D(8, 7, activation="relu"),
        layers.MaxPooling1D(2),
        layers.Conv1D(16, 7, activation="relu"),
        layers.Flatten(),
        layers.Dense(2, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
x, symbols = (np.concatenate(parts) for parts in zip(*map(beats, range(4)), strict=True))
model.fit(x, (symbols == "V").astype(int), epochs=4, verbose=0)

# %%
# One call goes through all beats, each explained for its own class: the labels are names of classes here, so the
# network is told them. DeepLIFT compares each beat with the mean normal beat.

x, symbols = beats(100)  # of an ECG never seen
normal = x[symbols == "N"].mean(axis=0)
averages = ss.class_averages(model, x, symbols, class_names=classes, method="deep_lift", references=normal)

names = {"N": "normal", "V": "ventricular"}
fig = ss.plot_averages(
    averages,
    class_names=names,
    fs=fs,
    units="mV",
    color_label="mean attribution\n(log-odds)",
    title="DeepLIFT against the mean normal beat, averaged over each class",
)

# %%
# The line is the mean beat of the class, its colour the mean map. Normal beats are near the reference, so nothing
# about them adds much. Of a ventricular beat, its width speaks (the rise before a normal R wave would begin, and
# the fall after it would be over), and so does the inverted T wave. The band around the difference is two standard
# errors: where it holds zero, more beats might turn the sign.
#
# Maps that are averaged with their sign can cancel. To ask how much a place matters, whichever way, average the
# magnitudes, each map scaled to 0..1 so that no beat outweighs the others:

strength = ss.class_averages(model, x, symbols, class_names=classes, reduce="max_abs", scale="min_max")
fig = ss.plot_averages(
    strength,
    difference="V",  # against all others
    class_names=names,
    fs=fs,
    units="mV",
    color_label="mean saliency\n(0..1 each)",
    title="How strongly a small change would matter",
)

# %%
# Data that do not fit in memory
# ------------------------------
# Only sums are kept. ``data`` may be a memory map, an HDF5 data set, a ``tf.data.Dataset``, a Keras ``PyDataset``,
# or any generator of batches:


def stream():
    """Give the beats of one ECG after the other."""
    for seed in range(100, 106):
        yield beats(seed)


many = ss.class_averages(model, stream(), class_names=classes, method="deep_lift", references=normal)
for label in many.labels:
    print(f"{names[label]:12} {many.counts[label]:4} beats")
top = many.difference("V", "N")
place = np.abs(top.mean[:, 0]).argmax()
print(
    f"largest difference {1000 * (place - before) / fs:+.0f} ms from the R peak: "
    f"{top.mean[place, 0]:+.2f} ± {2 * top.error[place, 0]:.2f}"
)

# %%
# Images
# ------
# The same two lines. The averages and the difference map of CNN-vis, of a network with a single sigmoid unit (so
# that the target is 0 for all, whatever their label), are
#
# .. code-block:: python
#
#    averages = ss.class_averages(
#        model, X, Y, method="guided_backprop", target=0, reduce="max_abs", scale="min_max"
#    )
#    ss.plot_averages(averages, (1, 0), class_names={1: "AI", 0: "rest"})
