"""
Several leads: which one, and when?
===================================

A signal of several leads is ``(batch, time, leads)``, and its explanation has the same shape. Here lead B decides
and lead A only distracts; a good explanation has to tell them apart.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

import signalscreen as ss
from signalscreen.sinusoids import FS, make_signals

# %%
# Each lead is a 10 Hz sinusoid that changes its frequency for 0.6 s, somewhere; one lead in four does not. The
# class is the frequency in lead B (the last class: no change), whatever happens in lead A.


def two_leads(n, seed):
    """Signals (n, time, 2), classes, and where each lead changes."""
    a, b = (make_signals(n, empty=0.25, seed=s) for s in (seed, seed + 1000))
    return np.concatenate([a.x, b.x], axis=-1), b.labels, (a.masks, b.masks)


keras.utils.set_random_seed(0)
layers = keras.layers
model = keras.Sequential(
    [
        keras.Input((256, 2)),
        layers.Conv1D(12, 9, padding="same", activation="relu"),
        layers.MaxPooling1D(2),
        layers.Conv1D(16, 9, padding="same", activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(4, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(4e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
x, labels, _ = two_leads(1500, seed=1)
model.fit(x, labels, epochs=8, verbose=0)

x, labels, (in_a, in_b) = two_leads(200, seed=5000)
right = np.asarray(model(x)).argmax(axis=1) == labels
print(f"{right.mean():.0%} of {len(right)} new signals classified correctly")

# %%
# Occlusion with ``per_channel=True`` takes a piece out of one lead at a time.

both = in_a.any(axis=1) & in_b.any(axis=1) & ~(in_a & in_b).any(axis=1)  # seen apart
i = np.flatnonzero(right & both)[1]
drop = ss.occlusion(model, x[i : i + 1], labels[i], window=20, stride=2, per_channel=True)


def interval(mask, name):
    """Return where a mask is true, as an interval to annotate."""
    inside = np.flatnonzero(mask)
    return inside[0], inside[-1], name


fig, ax = plt.subplots(figsize=(12, 5), layout="constrained")
ss.plot_with_gradient(
    x[i],
    drop[0],
    ax=ax,
    fs=FS,
    names=["A", "B"],
    annotations=[interval(in_a[i], "change in A"), interval(in_b[i], "change in B: the class")],
    title="Occlusion of 0.2 s, one lead at a time",
)

# %%
# That is one signal. Over all like it, the share of each lead in the magnitude of the
# attributions:

for method, options in {"occlusion": {"window": 20, "stride": 5, "per_channel": True}, "deep_lift": {}}.items():
    a = np.abs(ss.explain(model, x[right & both], labels[right & both], method=method, **options))
    share = a.sum(axis=(0, 1)) / a.sum()
    print(f"{method:<10} lead A {share[0]:.0%}, lead B {share[1]:.0%}")

# %%
# Without ``per_channel``, all leads are replaced at once, and the map is ``(batch, time)``: it says when, but not
# which. Class activation maps never say which: the leads are mixed in the first convolution.
