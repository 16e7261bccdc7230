"""
One gradient, many views
========================

A gradient has a sign, and one value for each lead. Older systems took its magnitude or its largest lead, cut it off
or scaled it from 0 to 1, and returned only that. Here a method returns the raw gradient, and every view of it is a
line of its own, with what it shows and what it hides.
"""

import matplotlib.pyplot as plt

import signalscreen as ss
from signalscreen.sinusoids import FREQUENCIES, FS, classifier, make_signals

model = classifier("plain")  # tells by the frequency of a short burst which class a sinusoid is of
signals = make_signals(200, seed=1)
x, target = signals.x[4:5], int(signals.labels[4])
inside = signals.masks[4].nonzero()[0]
burst = [(inside[0], inside[-1], f"{FREQUENCIES[target]:g} Hz here")]

gradient = ss.saliency(model, x, target)
print(gradient.shape, f"from {gradient.min():.2g} to {gradient.max():.2g} logits for each unit of the signal")

# %%
# The first view is the gradient itself: orange where a higher sample would raise the score of the class, blue where
# it would lower it. It changes its sign with the signal. The magnitude answers "where does it matter at all"; the
# two signs, "which way"; times the signal it says what the samples that are there contribute, which is the view
# that adds up. Scaled from 0 to 1 (``scale="min_max"``) any of them can be compared with another signal's in shape,
# and no longer in strength.

views = {
    "signed": gradient[..., 0],
    "magnitude, ss.reduce(g)": ss.reduce(gradient),
    'what raises the score, ss.reduce(g, "positive")': ss.reduce(gradient, "positive"),
    'what lowers it, -ss.reduce(g, "negative")': -ss.reduce(gradient, "negative"),
    "times the signal, ss.input_x_gradient": ss.input_x_gradient(model, x, target)[..., 0],
}
most = abs(gradient).max()
fig, axes = plt.subplots(len(views), figsize=(10, 10), sharex=True, layout="constrained")
for ax, (name, view) in zip(axes, views.items(), strict=True):
    limits = None if view.min() < 0 else (0, most)  # the three magnitudes on one scale
    marks = burst if ax is axes[0] else [(*burst[0][:2], "")]
    ss.plot_with_gradient(x[0, :, 0], view[0], ax=ax, fs=FS, title=name, annotations=marks, limits=limits)
    if ax is not axes[-1]:
        ax.set_xlabel("")

# %%
# keras-vis called these ``grad_modifier``. The two that are left of its list are arithmetic on the raw gradient,
# and say little: ``negate`` is ``-gradient``, and ``invert`` is ``1 / gradient``, largest where nothing matters.
