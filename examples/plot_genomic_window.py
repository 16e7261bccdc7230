"""
A genomic window: finding the motif
===================================

A DNA sequence is a signal of four channels, one per base. Here a network has learnt to tell sequences that hold the
binding motif of AP-1, ``TGACTCA``, from sequences that hold the same letters in another order. Which bases does it
read?
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

import signalscreen as ss

bases, motif, length = np.array(list("ACGT")), "TGACTCA", 200
code = np.array(["ACGT".index(letter) for letter in motif])


def sequences(n, seed):
    """One-hot sequences (n, length, 4), whether they hold the motif, and where it (or its scramble) starts."""
    rng = np.random.default_rng(seed)
    letters = rng.integers(4, size=(n, length))
    holds, starts = rng.random(n) < 0.5, rng.integers(20, length - 30, n)
    for row, real, start in zip(letters, holds, starts, strict=True):
        row[start : start + len(code)] = code if real else rng.permutation(code)
    return np.eye(4, dtype="float32")[letters], holds, starts


# %%
# A network as small as the question: one layer of motif detectors, and the best match of each.

keras.utils.set_random_seed(1)
model = keras.Sequential(
    [
        keras.Input((length, 4)),
        keras.layers.Conv1D(24, 11, padding="same", activation="relu"),
        keras.layers.GlobalMaxPooling1D(),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy")
x, holds, _ = sequences(4000, seed=0)
model.fit(x, holds, batch_size=64, epochs=6, verbose=0)

x, holds, starts = sequences(500, seed=1)
right = (np.asarray(model(x))[:, 0] > 0.5) == holds
print(f"{right.mean():.1%} of {len(right)} new sequences classified correctly")

# %%
# Compared with what?
# -------------------
# There is no such thing as an empty sequence. DeepLIFT is given the usual answer: shuffles of the sequence itself,
# so that its composition explains nothing. Occlusion gets "any base", 0.25 in each channel.


def shuffles(x, n=20):
    """Return n shuffles of each sequence: (batch, n, length, 4)."""
    rng = np.random.default_rng(0)
    return np.stack([[rng.permutation(one) for _ in range(n)] for one in x])


i = np.flatnonzero(right & holds)[0]
one = x[i : i + 1]
lifted = ss.deep_lift(model, one, target=0, references=shuffles)[0]
taken = ss.occlusion(model, one, target=0, window=1, stride=1, fill=0.25)[0]
maps = {"DeepLIFT, 20 shuffles": (lifted * one[0]).sum(axis=-1), "occlusion, base by base": taken}

# %%
# The value of a base is the attribution in the channel of the base that is there. Left the whole window, right the
# motif and what is next to it:

colours = dict(zip("ACGT", ["#009e73", "#0072b2", "#8a6d00", "#d55e00"], strict=True))  # Okabe and Ito
letters = bases[one[0].argmax(axis=-1)]
near = np.arange(starts[i] - 14, starts[i] + 21)
fig, axes = plt.subplots(2, 2, figsize=(12, 5.5), layout="constrained")
for (whole, zoom), (name, values) in zip(axes, maps.items(), strict=True):
    for ax, places in ((whole, np.arange(length)), (zoom, near)):
        ax.axvspan(starts[i] - 0.5, starts[i] + len(motif) - 0.5, color="#e9d8a6", alpha=0.5, zorder=0)
        ax.bar(places, values[places], width=0.85, color=[colours[letter] for letter in letters[places]])
        ax.axhline(0, color="0.3", lw=0.6)
        ax.spines[["top", "right"]].set_visible(False)
    whole.set(ylabel="attribution (log-odds)", title=name)
    zoom.set(title=f"{name}: the motif")
    zoom.set_xticks(near, letters[near])
    for tick, letter in zip(zoom.get_xticklabels(), letters[near], strict=True):
        tick.set(color=colours[letter], fontweight="bold")
    zoom.tick_params(axis="x", length=0)
axes[1, 0].set_xlabel("position (bases)")
fig.suptitle("Which bases say that the motif is there? (sand: where it is)")

# %%
# DeepLIFT shares the score out among the seven bases; occlusion says that without any one of them nearly all of it
# is lost. Both are true: the network wants the whole motif.
#
# How often is it found?

found = ss.deep_lift(model, x[right & holds], target=0, references=shuffles)
values = (found * x[right & holds]).sum(axis=-1)
peak, start = values.argmax(axis=1), starts[right & holds]
inside = (start <= peak) & (peak < start + len(motif))
print(f"largest DeepLIFT value inside the motif: {inside.mean():.0%} of {len(inside)} (chance {7 / length:.1%})")
