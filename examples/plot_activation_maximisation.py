"""
Activation maximisation: what a network takes a ventricular beat to be
======================================================================

Attribution asks a network about a signal. Activation maximisation asks the network alone: which input does this
class, or this filter, answer to most? The answer shows what the network has learnt, and also what it never learnt
to mind.

The network here tells normal beats (N) from premature ventricular beats (V). It is trained in some seconds, on two
records of the MIT-BIH database where those are at hand, on simulated beats otherwise.
"""

import os
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from scipy.signal import resample_poly

import signalscreen as ss
from signalscreen.simulate import simulate_ecg

fs = 120  # Hz
records = Path(os.environ.get("SIGNALSCREEN_DATA", "../../shared/data"), "mitdb")


def recordings():
    """Yield lead, places of the beats, and their symbols."""
    if not records.is_dir():
        for seed in range(4):
            yield simulate_ecg(400, fs, seed, ventricular=0.5)
        return
    for name in ("119", "208"):  # with upright ventricular beats
        record = ss.read_recording(records / name, leads=0)
        beats = [note for note in record.annotations if note.symbol in ("N", "V")]
        lead = resample_poly(record.signal[:, 0], fs, int(record.fs))
        yield lead, [round(b.sample * fs / record.fs) for b in beats], [b.symbol for b in beats]


windows, labels = [], []
for lead, places, symbols in recordings():
    for place, symbol in zip(places, symbols, strict=True):
        if 48 <= place < len(lead) - 48 and labels.count((symbol, id(lead))) < 300:
            beat = lead[place - 48 : place + 48]
            windows.append(beat - np.median(beat))
            labels.append((symbol, id(lead)))
x = np.array(windows, "float32")[..., None]  # (beats, 0.8 s, 1 lead), mV
y = np.array([symbol == "V" for symbol, _ in labels]).astype(int)
source = "MIT-BIH" if records.is_dir() else "simulated"
print(f"{len(x)} {source} beats, {y.sum()} of them ventricular")

# %%
# Noise is added in training, and the last pooling is over all time: the network looks for a shape, wherever it is.
# (A leaky rectifier leaves a gradient where a unit is off. Behind a plain one some filters have nothing to climb
# from noise; begin from signals then.)

layers = keras.layers
keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.Input((96, 1)),
        layers.GaussianNoise(0.1),
        layers.Conv1D(16, 9, padding="same", activation="leaky_relu"),
        layers.MaxPooling1D(2),
        layers.Conv1D(16, 9, padding="same", activation="leaky_relu", name="shapes"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(2, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, 64, 8, verbose=0)
print(f"accuracy on the beats it was trained on: {np.mean(model.predict(x, verbose=0).argmax(axis=1) == y):.3f}")

# %%
# Three ways to bound the input
# -----------------------------
# A logit has no largest value, so something has to bound the input. By default it is the energy: the root mean
# square may be 1 at most (here: that of the beats). A band and a penalty on roughness keep to what an ECG may
# contain. Holding the input to the amplitude spectrum of beats of the class leaves the phases to the network,
# that is: the shape, but neither the size nor how much of each frequency there is.

names = ["N", "V"]
ways = {
    "bounded energy": {"rms": float(np.sqrt(np.mean(x**2)))},
    "limits, band and smoothness": {
        "limits": (float(x.min()), float(x.max())),
        "band": (0.5, 30),
        "fs": fs,
        "smoothness": 10.0,
    },
    "spectrum of such beats": {},
}
made = {}
for way, options in ways.items():
    for c, name in enumerate(names):
        if way == "spectrum of such beats":
            options = {"spectrum": x[y == c]}
        made[way, name] = ss.maximize_activation(model, name, class_names=names, seeds=4, **options)

# %%
# Each panel has the best of four beginnings. The probability is the network's; the width is that of the largest
# deflection at half its height.


def width(beat):
    """Milliseconds around the largest deflection that lie above half of it."""
    beat = beat - np.median(beat)
    top = np.abs(beat).argmax()
    below = np.flatnonzero(beat * np.sign(beat[top]) < abs(beat[top]) / 2)
    return 1000 / fs * (below[below > top].min(initial=len(beat)) - below[below < top].max(initial=-1) - 1)


t = np.arange(96) / fs
fig, axes = plt.subplots(4, 2, figsize=(11, 10), sharex=True, sharey="row", layout="constrained")
for c, name in enumerate(names):
    mean = x[y == c].mean(axis=0)[:, 0]
    axes[0, c].plot(t, x[y == c][::20, :, 0].T, color="#888888", lw=0.5)
    axes[0, c].plot(t, mean, color="#1f6fd0", lw=2)
    axes[0, c].set_title(f"{source} beats of class {name}, and their mean: {width(mean):.0f} ms wide")
    for row, way in enumerate(ways, start=1):
        best = made[way, name].best
        p = model.predict(best[None], verbose=0)[0, c]
        axes[row, c].plot(t, best[:, 0], color="#333333", lw=1.5)
        axes[row, c].set_title(f"{way}: {width(best[:, 0]):.0f} ms wide, P({name}) = {p:.2f}")
for ax in axes.flat:
    ax.spines[["top", "right"]].set_visible(False)
    ax.set(ylabel="mV" if ax in axes[:, 0] else None)
    ax.axhline(0, color="#dddddd", lw=0.8, zorder=0)
for ax in axes[-1]:
    ax.set_xlabel("time (s)")

# %%
# How to read it
# --------------
# Everything here is *called* N or V with certainty, and much of it would fool no cardiologist. What the rows
# share is what the network goes by: V is broad, with a deflection the other way after it; N is a narrow spike.
# Where they differ is what the network does not mind. Heights in the first two ways say nothing (the bound sets
# them), and in the last they come with the spectrum.
#
# The history tells whether it ran long enough, and ``.x`` holds the other beginnings: where seeds disagree, the
# class has more than one face.

ss.plot_synthesis(
    made["spectrum of such beats", "V"], fs=fs, units="mV", title="Class V, with the spectrum of such beats"
)

# %%
# Class-specific generation
# -------------------------
# The same by plain gradient descent, as *class specific image generation* does it, and regularised: with weight
# decay, a blur every fourth step and a gradient that is clipped. What is sharp in the plain one and gone in the
# other is what the optimiser added.

fig, axes = plt.subplots(2, 2, figsize=(11, 5), sharex=True, sharey=True, layout="constrained")
for ax, (c, regularised) in zip(axes.T.flat, ((0, False), (0, True), (1, False), (1, True)), strict=True):
    found = ss.generate_class(model, c, regularised, rms=ways["bounded energy"]["rms"])
    ax.plot(t, found.best[:, 0], color="#333333", lw=1.5)
    ax.set_title(f"class {names[c]}, {'regularised' if regularised else 'plain'}: score {found.score.max():.1f}")
    ax.spines[["top", "right"]].set_visible(False)
for ax in axes[-1]:
    ax.set_xlabel("time (s)")
for ax in axes[:, 0]:
    ax.set_ylabel("mV")

# %%
# A filter, or a place
# --------------------
# A :class:`~signalscreen.Unit` is maximised like a class: here the two filters of the last convolution that speak
# most for N and the two that speak most for V, each at its middle position. Outside its receptive field nothing
# counts, and the bound on the energy takes it down to zero.

weights = model.layers[-1].get_weights()[0]
order = np.argsort(weights[:, 1] - weights[:, 0])
fig, axes = plt.subplots(2, 2, figsize=(11, 5), sharex=True, sharey=True, layout="constrained")
for ax, number in zip(axes.T.flat, (order[0], order[1], order[-1], order[-2]), strict=True):
    unit = ss.Unit("shapes", int(number), position=24)
    found = ss.maximize_activation(model, unit, seeds=4, rms=0.5, band=(None, 30), fs=fs, steps=100)
    ax.plot(t, found.best[:, 0], color="#333333", lw=1.5)
    ax.set_title(f"filter {number} at its middle, for {'N' if number in order[:2] else 'V'}")
    ax.spines[["top", "right"]].set_visible(False)
for ax in axes[-1]:
    ax.set_xlabel("time (s)")
for ax in axes[:, 0]:
    ax.set_ylabel("mV")
plt.show()
