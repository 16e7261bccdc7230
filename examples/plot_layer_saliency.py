"""
What in the signal a filter answers to
======================================

A saliency map need not be of a class. Any filter of any layer has a gradient with respect to the signal: *layer
saliency* shows what, in this one signal, makes the filter respond.
"""

import os
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np

import signalscreen as ss
from signalscreen.simulate import simulate_ecg

fs, before, after = 360, 108, 180  # Hz, samples


def cut(signal, peaks, symbols):
    """Return beats (n, 288, 1) around their R peaks, each less its median, and which are ventricular."""
    inside = [i for i, r in enumerate(peaks) if before <= r < len(signal) - after and symbols[i] in ("N", "V")]
    x = np.stack([signal[peaks[i] - before : peaks[i] + after] for i in inside])
    return (x - np.median(x, axis=1, keepdims=True))[..., None].astype("float32"), np.array(symbols)[inside] == "V"


def simulated(seed):
    """Return the beats of two minutes of simulated ECG, with a little noise."""
    ecg = simulate_ecg(120, fs, seed, ventricular=0.35)
    return cut(ecg.signal + np.random.default_rng(seed).normal(0, 0.03, len(ecg.signal)), ecg.beats, ecg.symbols)


# %%
# A small network that tells normal from ventricular beats. It is trained on simulated ones; if record 119 of the
# MIT-BIH Arrhythmia Database is at hand, the beats looked at below are real.

keras.utils.set_random_seed(1)
layers = keras.layers
model = keras.Sequential(
    [
        keras.Input((before + after, 1)),
        layers.Conv1D(8, 15, padding="same", activation="relu", name="early"),
        layers.MaxPooling1D(4),
        layers.Conv1D(16, 9, padding="same", activation="relu", name="late"),
        layers.MaxPooling1D(4),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy")
x, is_v = (np.concatenate(parts) for parts in zip(*map(simulated, range(4)), strict=True))
model.fit(x, is_v, epochs=4, verbose=0)

record = Path(os.environ.get("SIGNALSCREEN_DATA", "../../shared/data"), "mitdb", "119.hea")
if record.is_file():
    ecg = ss.read_recording(record, leads=0, end=120)
    x, is_v = cut(ecg.signal[:, 0], [a.sample for a in ecg.annotations], [a.symbol for a in ecg.annotations])
    source = "MIT-BIH 119"
else:
    x, is_v = simulated(100)
    source = "simulated"
right = (np.asarray(model(x))[:, 0] > 0.5) == is_v
print(f"{right.mean():.0%} of {len(x)} new beats ({source}) told right")

# %%
# Which filter? One whose strongest response tells ventricular beats from normal ones.

strongest = ss.activations(model, x, "late").max(axis=1)
gap = strongest[is_v].mean(axis=0) - strongest[~is_v].mean(axis=0)
chosen = int((gap / (strongest.std(axis=0) + 1e-6)).argmax())
print(
    f"filter {chosen}: {strongest[~is_v, chosen].mean():.2f} for normal, "
    f"{strongest[is_v, chosen].mean():.2f} for ventricular beats on average"
)
beats = {"normal": x[~is_v & right][3], "ventricular": x[is_v & right][3]}

# %%
# Three ways back from the filter to the signal. The gradient says what a small change of each sample would do.
# Guided backprop and the deconvnet let only what raises the filter through each ReLU; their maps are cleaner, and
# say more about the signal and less about the network. ``reduce="max"`` asks about the place where the filter
# responds most; by default it is the mean over all places.

methods = {"gradient": "saliency", "guided backprop": "guided_backprop", "deconvnet": "deconvnet"}
fig, axes = plt.subplots(3, 2, figsize=(12, 7), sharex=True, sharey=True, layout="constrained")
for row, (name, method) in zip(axes, methods.items(), strict=True):
    both = ss.layer_saliency(model, np.stack(list(beats.values())), "late", chosen, reduce="max", method=method)
    limits = (-np.abs(both).max(), np.abs(both).max())  # of both beats
    for ax, (kind, beat), a in zip(row, beats.items(), both, strict=True):
        options = {"color_bar": ax is row[1], "color_label": "per mV"}
        ss.plot_with_gradient(beat, a, ax=ax, fs=fs, units="mV", limits=limits, linewidth=2.5, **options)
        ax.set_title(f"{kind} beat" if name == "gradient" else "")
        ax.label_outer()
    row[0].set_ylabel(f"{name}\n\nmV")
fig.suptitle(f"Filter {chosen} of layer 'late': what it answers to ({source} beats)")

# %%
# Grey is a sample that this response does not depend on: a filter sees no further than its receptive field, and has
# no gradient where a ReLU is closed.

plt.show()
