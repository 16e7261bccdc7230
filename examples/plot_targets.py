"""
Which question? Targets and contrasts
=====================================

An explanation answers a question, and the target is the question. The same signal and the same network give
different maps for *why A?*, *why B?* and *why A rather than B?*, and all of them are right.
"""

import numpy as np

import signalscreen as ss
from signalscreen.plot import compare_methods
from signalscreen.sinusoids import CARRIER, FREQUENCIES, FS, classifier, make_signals

class_names = [f"{f:g} Hz" for f in FREQUENCIES] + ["none"]
model = classifier("plain")  # which frequency does a 10 Hz sinusoid change to for a while?

# %%
# A signal that the network was never asked about: *two* changes of frequency, to 5 Hz and later to 24 Hz.

frequency = np.full(256, CARRIER)
frequency[40:100], frequency[160:220] = 5, 24
noise = np.random.default_rng(3).normal(0, 0.3, 256)
x = (np.sin(2 * np.pi * np.cumsum(frequency) / FS) + noise)[None, :, None]
places = [(40, 100, "5 Hz"), (160, 220, "24 Hz")]

for name, probability in zip(class_names, np.asarray(model(x))[0], strict=True):
    print(f"P({name}) = {probability:.3f}")

# %%
# One class, another class, one against the other
# -----------------------------------------------
# A target is a class, by number or by name, or any function of the network's outputs that gives one number per
# example: here a difference of two scores, which asks for what tells the two classes apart.


def rather_5_than_24(y):
    """Score of 5 Hz minus score of 24 Hz."""
    return y[:, 0] - y[:, 2]


questions = {"why 5 Hz?": "5 Hz", "why 24 Hz?": "24 Hz", "why 5\nrather than\n24 Hz?": rather_5_than_24}
maps = {
    question: ss.smooth_grad(
        model, x, target, base_method="integrated_gradients", tolerance=0.02, level=0.05, class_names=class_names
    )[0, :, 0]
    for question, target in questions.items()
}
compare_methods(
    x[0, :, 0],
    maps,
    fs=FS,
    annotations=places,
    title="Three questions about one signal (SmoothGrad of integrated gradients)",
)

# %%
# Orange in one map is blue in the other: this network counts a change to 24 Hz against 5 Hz, and the contrast has
# both.
#
# Score or probability
# --------------------
# By default the score is the logit, the number before the softmax, because a probability saturates. Here is a
# signal with one change only, of which the network is sure. Taking out a tenth of a second hardly moves the
# probability; one might think that nothing in the signal matters.

sure = make_signals(50, seed=5)
i = np.asarray(model(sure.x)).max(axis=1).argmax()
x, target = sure.x[i : i + 1], int(sure.labels[i])
inside = sure.masks[i].nonzero()[0]
drops = {
    name: ss.occlusion(model, x, target, score=name, window=10, stride=1)[0] for name in ("logit", "probability")
}
for name, drop in drops.items():
    print(f"largest drop of the {name}: {drop.max():.3f}")
compare_methods(
    x[0, :, 0],
    drops,
    fs=FS,
    symmetric=True,
    annotations=[(inside[0], inside[-1], class_names[target])],
    title="What is lost without 0.1 s (occlusion), as a logit and as a probability",
)

# %%
# Mind the colour bars: each row has its own.
