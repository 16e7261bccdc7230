"""
Do the numbers add up?
======================

Integrated gradients and DeepLIFT promise *completeness*: the attributions of one example add up to the difference
between its score and that of the baseline. If they do not, some of the score has been lost or invented on the way,
and the map cannot be trusted. The promise is easy to check, so here it is checked.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np

import signalscreen as ss
from signalscreen.demo.running import quality_model_path
from signalscreen.simulate import ARTEFACTS, Artefact, add_artefacts, simulate_ecg

fs = 125.0


def window(seed):
    """Ten seconds of ECG with one artefact, mean 0 and standard deviation 1."""
    start = np.random.default_rng(seed).uniform(1, 6)
    artefact = Artefact(list(ARTEFACTS)[seed % len(ARTEFACTS)], start, start + 2.5)
    ecg = add_artefacts(simulate_ecg(10, fs, seed).signal, fs, [artefact], seed)
    return ((ecg - ecg.mean()) / ecg.std())[:, None]


model = ss.load_model(quality_model_path())
x = np.stack([window(seed) for seed in range(18)])
score, x = ss.Score(model, target=0).bind(x)
change = score(x) - score(np.zeros_like(x))


def error(a):
    """Return how much of the change of the score the attributions miss."""
    return np.abs(a.sum(axis=(1, 2)) - change) / np.abs(change)


# %%
# Steps, tolerance, rules
# -----------------------
# Integrated gradients are an integral, taken at so many points of the path from the baseline to the signal. The
# common choice is 50, for every signal. With ``tolerance=``, the steps of each signal are doubled, keeping the
# points already evaluated, until its own sum closes. DeepLIFT needs no steps: its rules are exact.

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ss.errors.CompletenessWarning)  # the point of this figure
    errors = {f"{n} steps": error(ss.integrated_gradients(model, x, 0, steps=n)) for n in (10, 50)}
errors["tolerance\n= 0.01"] = error(ss.integrated_gradients(model, x, 0, tolerance=0.01))
errors["DeepLIFT"] = error(ss.deep_lift(model, x, 0))

fig, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
jitter = np.random.default_rng(0).uniform(-0.2, 0.2, len(x))
for place, (name, found) in enumerate(errors.items()):
    ax.plot(place + jitter, np.maximum(found, 1e-8), "o", ms=5, alpha=0.6, mew=0, color="#1f6fd0")
    ax.hlines(np.median(found), place - 0.3, place + 0.3, color="0.1", lw=2)
    print(f"{name.replace(chr(10), ' '):<18} largest error {found.max():.2g}")
ax.axhline(0.01, color="#e8651a", lw=1, ls="--")
ax.text(len(errors) - 0.55, 0.012, "1 %", color="#a01600", ha="right")
ax.set_yscale("log")
ax.set_xticks(range(len(errors)), errors)
ax.set_ylabel("part of the score's change that is missed")
ax.set_title(f"Integrated gradients and DeepLIFT on {len(x)} ECG windows")
ax.spines[["top", "right"]].set_visible(False)

# %%
# A fixed number of steps is too many for most signals and too few for some. Both methods
# check every sum themselves, and say so when one stays open:

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    ss.integrated_gradients(model, x, target=0, steps=10)
print(caught[0].message)

# %%
# Completeness is necessary, not sufficient: numbers that add up may still be shared out badly. It rules out one
# kind of wrong map, the kind that arithmetic can see.
