"""
Inverted representations: what a layer still knows of a signal
==============================================================

Take what a layer gives for a signal, and look for another signal that makes the layer give the same. Where the two
differ is what the layer has let go of.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

import signalscreen as ss
from signalscreen.simulate import simulate_ecg

fs = 120  # Hz
layers = keras.layers


def beats(seed):
    """Windows of 0.8 s around simulated beats, mV, and which of them are ventricular."""
    ecg = simulate_ecg(300, fs, seed, ventricular=0.5)
    inside = [(b, s) for b, s in zip(ecg.beats, ecg.symbols, strict=True) if 48 <= b < len(ecg.signal) - 48]
    windows = np.stack([ecg.signal[b - 48 : b + 48, None] for b, _ in inside])
    return windows.astype("float32"), np.array([s == "V" for _, s in inside])


# %%
# A network of normal (N) and ventricular (V) beats:

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((96, 1)),
        layers.GaussianNoise(0.1),
        layers.Conv1D(16, 9, padding="same", activation="relu", name="conv_1"),
        layers.MaxPooling1D(2),
        layers.Conv1D(16, 9, padding="same", activation="relu", name="conv_2"),
        layers.MaxPooling1D(4, name="pooled_8_times"),
        layers.GlobalMaxPooling1D(name="maximum_over_time"),
        layers.Dense(2, activation="softmax", name="logits"),
    ]
)
model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
x, is_v = (np.concatenate(parts) for parts in zip(*map(beats, range(3)), strict=True))
model.fit(x, is_v, epochs=8, verbose=0)

# %%
# Each beat is looked for anew from noise, for one layer after the other. The error is how far the *features* still
# are from those of the beat, as a share of their length: small everywhere, so what is left to see is the layer's
# doing.

chosen = x[[np.flatnonzero(~is_v)[0], np.flatnonzero(is_v)[0]]]
names = ["conv_1", "conv_2", "pooled_8_times", "maximum_over_time", "logits"]
t = np.arange(96) / fs
fig, axes = plt.subplots(len(names), 2, figsize=(11, 11), sharex=True, sharey="col", layout="constrained")
for row, name in zip(axes, names, strict=True):
    made = ss.invert(model, chosen, name, steps=250)
    for ax, beat, found, error, label in zip(row, chosen, made.x, made.error, "NV", strict=True):
        ax.plot(t, beat[:, 0], color="#888888", lw=2.5, label=f"beat of class {label}")
        ax.plot(t, found[:, 0], color="#1f6fd0", lw=1.3, label="from the features")
        ax.set_title(f"{name.replace('_', ' ')}: features missed by {error:.1%}")
        ax.spines[["top", "right"]].set_visible(False)
    row[0].set_ylabel("mV")
for ax in axes[0]:
    ax.legend(frameon=False, loc="upper left")
for ax in axes[-1]:
    ax.set_xlabel("time (s)")

# %%
# How to read it
# --------------
# The first layers know the beat sample by sample. Behind eightfold pooling it is there at its place, with ripples
# that the layer cannot see. The maximum over time has forgotten *when*: what it needs may lie elsewhere, and in
# any order. The two logits know next to nothing, and that is enough to tell N from V.
#
# The ripples are honest: nothing in the features speaks against them. A prior takes them out, and what is then
# smooth is the prior's doing, not the layer's. Here total variation and a band, for the pooled layer:

fig, axes = plt.subplots(1, 2, figsize=(11, 3), sharex=True, layout="constrained")
made = ss.invert(model, chosen, "pooled_8_times", steps=250, tv=1e-5, band=(None, 25), fs=fs)
for ax, beat, found, error in zip(axes, chosen, made.x, made.error, strict=True):
    ax.plot(t, beat[:, 0], color="#888888", lw=2.5)
    ax.plot(t, found[:, 0], color="#1f6fd0", lw=1.3)
    ax.set(title=f"with a band and total variation: features missed by {error:.1%}", xlabel="time (s)")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("mV")
plt.show()
