"""
Deep dream: a signal pushed towards what a layer finds in it
============================================================

Activation maximisation begins from noise; a deep dream begins from a signal of your own, and goes a little way.
What changes, and what does not have to, shows what a layer is looking for in *this* signal.
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
# A network of normal (N) and ventricular (V) beats that takes signals of any length:

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((None, 1)),
        layers.GaussianNoise(0.1),
        layers.Conv1D(16, 9, padding="same", activation="leaky_relu"),
        layers.MaxPooling1D(2),
        layers.Conv1D(16, 9, padding="same", activation="leaky_relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(2, activation="softmax", name="class"),
    ]
)
model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
x, is_v = (np.concatenate(parts) for parts in zip(*map(beats, range(3)), strict=True))
model.fit(x, is_v, epochs=8, verbose=0)

# %%
# Dream a normal beat towards V, and a ventricular one towards N. The layer is the last, its filter the class, and
# what is raised is the logit. ``steps`` times ``learning_rate`` is how far the dream may go, in quarters of the
# beat's range; the band keeps out what an ECG does not contain.

begun = x[[np.flatnonzero(~is_v)[0], np.flatnonzero(is_v)[0]]]
fig, axes = plt.subplots(2, 2, figsize=(11, 6), sharex=True, sharey=True, layout="constrained")
t = np.arange(96) / fs
for row, name in enumerate("NV"):
    for column, steps in enumerate((15, 60)):
        other = 1 - row
        dream = ss.deep_dream(model, begun[row], "class", other, steps=steps, band=(None, 30), fs=fs)
        p = model.predict(dream.x, verbose=0)[0, other]
        ax = axes[row, column]
        ax.plot(t, begun[row, :, 0], color="#888888", lw=2, label=f"beat of class {name}")
        ax.plot(t, dream.best[:, 0], color="#1f6fd0", lw=1.5, label="dream")
        ax.set_title(f"{name} dreams of {'NV'[other]}, {steps} steps: P({'NV'[other]}) = {p:.2f}")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, loc="upper right")
for ax in axes[-1]:
    ax.set_xlabel("time (s)")
for ax in axes[:, 0]:
    ax.set_ylabel("mV")

# %%
# Towards V the spike shrinks, and a broad wave with a trough behind it rises where the T wave was. Towards N the
# broad wave becomes a spike with a trough on either side. One such shape is enough for a network that takes the
# maximum over time, so the rest of the beat stays nearly as it was.
#
# Octaves
# -------
# ``octaves`` dreams at several sizes, the smallest first, so that long shapes come before short ones. For that the
# model has to take signals of any length, as this one does; others are refused with the reason.

strip = simulate_ecg(4, fs, seed=20, ventricular=0).signal.astype("float32")
seconds = np.arange(len(strip)) / fs
fig, axes = plt.subplots(2, 1, figsize=(11, 4.5), sharex=True, sharey=True, layout="constrained")
for ax, octaves in zip(axes, (1, 4), strict=True):
    dream = ss.deep_dream(model, strip, 1, octaves=octaves, steps=30, reduce="l2", band=(None, 30), fs=fs)
    ax.plot(seconds, strip, color="#888888", lw=2, label="ECG")
    ax.plot(seconds, dream.best[:, 0], color="#1f6fd0", lw=1.2, label="dream")
    ax.set(title=f"all of the first layer, {octaves} octave{'s'[: octaves > 1]}", ylabel="mV")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].legend(frameon=False, ncols=2, loc="upper right")
axes[1].set_xlabel("time (s)")

# %%
# An image
# --------
# By the same line. This network has learnt rings and crosses; shown four discs, it dreams of either, within the
# grey values of the picture (``limits``).

size = 40
rows, columns = np.mgrid[:size, :size]


def image(kind, seed):
    """Four discs and, of kind 0 or 1, a ring or a cross, each in a cell of its own; (40, 40, 1) with noise."""
    rng = np.random.default_rng(seed)
    picture = rng.normal(0, 0.15, (size, size, 1)).astype("float32")
    for number, cell in enumerate(rng.permutation(9)[:5]):
        r, c = np.abs(rows - cell // 3 * 13 - 6), np.abs(columns - cell % 3 * 13 - 6)
        shapes = {0: np.abs(np.hypot(r, c) - 4.3) < 1.1, 1: (np.minimum(r, c) < 1.5) & (np.maximum(r, c) < 5.5)}
        picture[..., 0] += np.hypot(r, c) < 3.5 if number else shapes.get(kind, 0)
    return picture


kinds = np.arange(600) % 2
pictures = np.stack([image(kind, seed) for seed, kind in enumerate(kinds)])
seer = keras.Sequential(
    [
        keras.Input((size, size, 1)),
        layers.Conv2D(8, 5, padding="same", activation="leaky_relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(16, 5, padding="same", activation="leaky_relu"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(2, activation="softmax", name="class"),
    ]
)
seer.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy")
seer.fit(pictures, kinds, epochs=4, verbose=0)

discs = image(None, seed=1000)
fig, axes = plt.subplots(1, 3, figsize=(11, 3.8), layout="constrained")
grey = (float(discs.min()), float(discs.max()))
dreams = [ss.deep_dream(seer, discs, "class", kind, steps=30, limits=grey).best for kind in (0, 1)]
shown = [discs, *dreams]
limits = {"vmin": min(map(np.min, shown)), "vmax": max(map(np.max, shown))}
for ax, picture, title in zip(
    axes, shown, ("four discs", "dreaming of a ring", "dreaming of a cross"), strict=True
):
    drawn = ax.imshow(picture[..., 0], cmap="gray", vmin=grey[0], vmax=grey[1])
    ax.set(title=title, xticks=[], yticks=[])
fig.colorbar(drawn, ax=axes, label="grey value", shrink=0.8)
plt.show()
