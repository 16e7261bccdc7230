"""
Do explanations agree with what people marked?
==============================================

Where annotators marked what matters, a map can be measured: how well does it find those places, and how much of its
relevance lies in them? Here the annotations are the artefacts put into simulated ECGs, and the maps explain the ECG
quality network that comes with SignalScreen.
"""

import matplotlib.pyplot as plt
import numpy as np

import signalscreen as ss
from signalscreen.demo import quality_model_path
from signalscreen.metrics import annotation_agreement, interval_mask
from signalscreen.plot import compare_methods
from signalscreen.simulate import Artefact, add_artefacts, simulate_ecg

# %%
# Sixteen ECGs of 10 s, each with 1 to 3 s of electrode motion or muscle noise. The annotation of each is a list of
# starts and ends, in seconds.

fs = 125
rng = np.random.default_rng(0)
signals, marked = [], []
for seed in range(16):
    start, length = rng.uniform(0.5, 6), rng.uniform(1, 3)
    kind = ("electrode_motion", "muscle")[seed % 2]
    artefact = Artefact(kind, start=start, end=start + length)
    ecg = add_artefacts(simulate_ecg(10, fs, seed=seed).signal, fs, [artefact], seed=seed)
    signals.append((ecg - ecg.mean()) / ecg.std())
    marked.append([start, start + length])
x = np.stack(signals)[..., None].astype("float32")
mask = interval_mask(marked, length=x.shape[1], fs=fs)

model = ss.load_model(quality_model_path())
found = np.asarray(model(x))[:, 0] > 0.5
x, mask = x[found], mask[found]
print(f"{found.sum()} of {len(found)} are called artefacts; {mask.mean():.0%} of their samples are marked")

# %%
# The maps
# --------
# All for the network's one unit. One of the signals, with what is marked in it:

options = {"occlusion": {"window": fs, "stride": 25}, "integrated_gradients": {"tolerance": 0.05}}
names = ["saliency", "integrated_gradients", "occlusion", "guided_backprop", "grad_cam", "layer_cam"]
maps = {name: ss.explain(model, x, 0, method=name, **options.get(name, {})) for name in names}

one = 3
places = np.flatnonzero(mask[one])
fig = compare_methods(
    x[one, :, 0],
    {name: maps[name][one].reshape(-1) for name in names},
    fs=fs,
    annotations=[(places[0], places[-1] + 1, "marked")],
    percentile=99,
    title="One ECG, six explanations, one annotation",
)

# %%
# Agreement
# ---------
# The area under the ROC curve says how well a map finds what is marked, 0.5 being chance: sample by sample, by the
# maximum in each marked and each clean section, or by the maximum in each of six equal intervals. Congruence is the
# share of the relevance that lies inside, and by chance the share of samples that is marked.

scores = {name: annotation_agreement(a, mask) for name, a in maps.items()}
print(f"{'':22}{'pixel':>7}{'section':>9}{'interval':>10}{'congruence':>12}")
for name, s in scores.items():
    print(f"{name:22}{s.pixel:>7.2f}{s.section:>9.2f}{s.interval:>10.2f}{s.congruence:>12.2f}")

fig, (left, right) = plt.subplots(1, 2, figsize=(12, 4.2), sharey=True, layout="constrained", width_ratios=(3, 2))
rows = np.arange(len(names))[::-1]
for way, mark, colour in (("pixel", "o", "#0072b2"), ("section", "s", "#d55e00"), ("interval", "^", "#009e73")):
    left.plot([getattr(s, way) for s in scores.values()], rows, mark, color=colour, label=f"by {way}")
left.axvline(0.5, color="0.5", lw=0.8, ls="--")
left.set(xlim=(0.3, 1.02), xlabel="area under the ROC curve", title="Finding what is marked (dashed: chance)")
left.set_yticks(rows, names)
left.legend(loc="lower left", frameon=False)
right.barh(rows, [s.congruence for s in scores.values()], height=0.6, color="#0072b2")
right.axvline(scores["saliency"].annotated, color="0.5", lw=0.8, ls="--")
right.set(xlim=(0, 1), xlabel="share of the relevance inside", title="Congruence")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.92")
    ax.set_axisbelow(True)

# %%
# What it says, and what not
# --------------------------
# Saliency is at chance: in these ECGs a small change of a clean stretch would matter as much as one of the noise,
# which is an answer too, to another question. By section one strong sample decides, so a map that is strong in some
# places only may look better than by pixel, and one with its strongest sample outside worse.
#
# Magnitudes are ranked here. Where the sign is part of the answer, as for occlusion, whose blue says "taking *this*
# away makes it worse", rank what raises the score above what lowers it:

for signed in (False, True):
    area = annotation_agreement(maps["occlusion"], mask, signed=signed).pixel
    print(f"occlusion, {'with its sign' if signed else 'magnitudes':14} {area:.2f} by pixel")

# %%
# And agreement with people is not truth about the network: it may be right for another reason than they were. For
# that, see :func:`signalscreen.deletion_curve`.
