"""
In-silico mutagenesis: every letter changed
===========================================

Which base here would make the network surer, and which would break what it found? In-silico mutagenesis answers
without any approximation: it changes every letter of the sequence into every other one and scores each result.

The network is that of :ref:`the genomic window <sphx_glr_gallery_plot_genomic_window.py>`: it tells sequences that
hold the binding motif of AP-1, ``TGACTCA``, from sequences that hold the same letters in another order.
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

# %%
# One call for twenty sequences: 20 x 200 positions x 3 other letters, and of the network only what each of them
# changes. Element ``[i, t, k]`` is the score with letter k at position t, minus the score of sequence i itself.

x, holds, starts = sequences(20, seed=1)
effects = ss.in_silico_mutagenesis(model, x, target=0)
print(f"{effects.shape}: {3 * length * len(x):,} substitutions")

# %%
# A heat map of one sequence
# --------------------------
# One row for each letter that could stand there; a dot marks the one that does. Above it, the mean effect of the
# three others, turned round: what the letter that is there is worth.

i = np.flatnonzero(holds)[0]
own = x[i].argmax(axis=-1)
worth = -effects[i].sum(axis=-1) / 3
near = slice(starts[i] - 14, starts[i] + 21)
places = np.arange(length)[near]

top = np.abs(effects[i]).max()
fig, (bars, heat) = plt.subplots(2, figsize=(12, 5), sharex=True, layout="constrained", height_ratios=(1, 1.1))
colours = ["#009e73", "#0072b2", "#8a6d00", "#d55e00"]  # of A, C, G, T (Okabe and Ito)
bars.bar(places, worth[near], width=0.85, color=[colours[k] for k in own[near]])
bars.axhline(0, color="0.3", lw=0.6)
bars.spines[["top", "right"]].set_visible(False)
bars.set(
    ylabel="worth of the letter\n(log-odds)", title="What one substitution does to the score (sand: the motif)"
)
image = heat.imshow(
    effects[i, near].T,
    cmap="RdBu_r",
    vmin=-top,
    vmax=top,
    aspect="auto",
    extent=(places[0] - 0.5, places[-1] + 0.5, 3.5, -0.5),
)
heat.plot(places, own[near], "o", color="0.25", ms=4)
heat.set_yticks(range(4), bases)
heat.set_xticks(places, bases[own[near]])
for tick, k in zip(heat.get_xticklabels(), own[near], strict=True):
    tick.set(color=colours[k], fontweight="bold")
heat.set(ylabel="substitute", xlabel=f"sequence, positions {places[0]} to {places[-1]}")
for ax in (bars, heat):
    ax.tick_params(axis="x" if ax is heat else "both", length=0)
bars.axvspan(starts[i] - 0.5, starts[i] + len(motif) - 0.5, color="#e9d8a6", alpha=0.5, zorder=0)
fig.colorbar(image, ax=heat, pad=0.01, aspect=12, label="change of the score\n(log-odds)")

# %%
# Inside the motif every substitution is blue: each of the seven letters is needed, and no other will do. Outside,
# white: nothing there is read.
#
# Does that hold for all of them? The motif is where the letters are worth most:

worths = -effects.sum(axis=-1) / 3
peak = worths[holds].argmax(axis=1)
inside = (starts[holds] <= peak) & (peak < starts[holds] + len(motif))
print(f"the letter worth most lies inside the motif in {inside.sum()} of {len(inside)} sequences that hold it")

# %%
# Edits of one's own
# ------------------
# What would it take to turn a sequence without the motif into one with it? :func:`signalscreen.edit_effects` takes
# any list of edits of any widths: here the motif written over its scramble, half of it, and the whole stretch taken
# out.

j = np.flatnonzero(~holds)[0]
letters = np.eye(4)[code]
edits = {
    "the motif written in": ss.Edit(starts[j], letters),
    "its first four letters": ss.Edit(starts[j], letters[:4]),
    "no letter at all there": ss.Edit(starts[j], np.full((7, 1), 0.25)),
}
for name, effect in zip(
    edits, ss.edit_effects(model, x[j : j + 1], list(edits.values()), target=0)[0], strict=True
):
    print(f"{name:24} {effect:+6.1f}")

# %%
# Half a motif is worth nothing to this network; and the scramble was not held against the sequence either.
