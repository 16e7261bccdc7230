"""
All methods on one signal
=========================

Every method answers "where?", but each means something else by it. Here they all look at one signal in which the
place that matters is known: a 10 Hz sinusoid that changes its frequency for 0.6 s, to 5, 16 or 24 Hz. To which one
is the class; when is what the maps should show. Neither the amplitude nor an edge gives the place away.
"""

import numpy as np

import signalscreen as ss
from signalscreen.plot import compare_methods
from signalscreen.sinusoids import FREQUENCIES, FS, PERIOD, classifier, localisation_score, make_signals

model = classifier("plain")  # two convolutions, trained for some seconds
signals = make_signals(200, seed=1)  # none of them seen in training
right = np.asarray(model(signals.x)).argmax(axis=1) == signals.labels
print(f"{right.mean():.0%} of {len(right)} new signals classified correctly")

# %%
# The methods are a table, ``METHODS``, so "all" is a loop. One option is needed: occlusion should take out about
# one period at a time.

# sphinx_gallery_thumbnail_number = 2
example = 4
x, target = signals.x[example], int(signals.labels[example])
options = {"occlusion": {"window": PERIOD, "stride": 2}}
maps = {
    name: ss.explain(model, x[None], target, method=name, **options.get(name, {}))[0].reshape(len(x))
    for name in ss.METHODS
}
inside = signals.masks[example].nonzero()[0]
burst = [(inside[0], inside[-1], f"{FREQUENCIES[target]:g} Hz here")]


def compare(names, title):
    """Draw some of the maps, one below the other."""
    chosen = {name: maps[name] for name in names}
    compare_methods(x[:, 0], chosen, fs=FS, annotations=burst, title=title)


# %%
# Gradients
# ---------
# *What would change the score?* A gradient is high where a small change of the signal would matter, which is not
# the same as what the signal has there. It oscillates with the signal; look at where it is strong, not at
# each change of sign. Guided backpropagation and the deconvnet are sharp, and partly blind to the class.

compare(
    ["saliency", "input_x_gradient", "guided_backprop", "deconvnet", "smooth_grad", "var_grad"],
    "Gradients: what a small change would do",
)

# %%
# Differences
# -----------
# *How did the score come about?* Integrated gradients and DeepLIFT share out the whole difference to an empty
# signal among the samples; layer-wise relevance propagation shares out the score itself, layer by layer; occlusion
# takes a piece out and asks again.

compare(["integrated_gradients", "deep_lift", "lrp", "occlusion"], "Differences: what the score is made of")

# %%
# Class activation maps
# ---------------------
# *Where did the last feature maps react?* As coarse as the layer (here one value for two samples), and never
# negative: what spoke against the class is cut off. Guided Grad-CAM is guided backpropagation, weighted by the map.

compare(
    ["grad_cam", "grad_cam_plus_plus", "layer_cam", "score_cam", "guided_grad_cam"],
    "Class activation maps: where features of the class were found",
)

# %%
# One signal proves little
# ------------------------
# On 40 signals that were classified correctly: the area under the ROC curve of each map as a detector of the burst
# (0.5 is chance), the share of the map's magnitude inside the burst, and how often its peak lies inside.

some = right.nonzero()[0][:40]
print(f"{'':<22}{'AUC':>6}{'inside':>8}{'peak inside':>13}")
for name in ss.METHODS:
    found = ss.explain(model, signals.x[some], signals.labels[some], method=name, **options.get(name, {}))
    score = localisation_score(found, signals.masks[some], smooth=PERIOD)
    print(f"{name:<22}{score.auc.mean():>6.2f}{score.mass.mean():>8.0%}{score.pointing.mean():>13.0%}")

share = signals.masks[some].mean()
print(f"{'(chance)':<22}{0.5:>6.2f}{share:>8.0%}{share:>13.0%}")

# %%
# The ranking belongs to this network and this question. On yours, make signals like your own with a
# known place, and measure again: :mod:`signalscreen.sinusoids` and :mod:`signalscreen.simulate` are for that.
