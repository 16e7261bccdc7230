"""
Occlusion at many scales
========================

How long should the window be? It depends on how long the evidence is, which is what one wants to know. So ask for
all lengths at once: one map for each, time to the right and scale upwards.

Ten seconds of simulated ECG with two artefacts of different lengths, and the network that SignalScreen brings (see
:doc:`its page </quality_model>`).
"""

import matplotlib.pyplot as plt
import numpy as np

import signalscreen as ss
from signalscreen.demo.running import quality_model_path
from signalscreen.simulate import Artefact, add_artefacts, simulate_ecg

fs = 125.0  # Hz, what the network reads
clean = simulate_ecg(10, fs, seed=11).signal  # mV
artefacts = [Artefact("muscle", start=1.5, end=2.0), Artefact("muscle", start=5, end=7.5)]  # s
ecg = add_artefacts(clean, fs, artefacts, seed=11)
x = ((ecg - ecg.mean()) / ecg.std())[None, :, None]
model = ss.load_model(quality_model_path())

# %%
# Windows from 80 ms to 5 s. What stands in the window is the clean ECG, so that nothing is lost but the artefact.

windows = [10, 20, 40, 80, 160, 320, 625]  # samples
fill = ((clean - ecg.mean()) / ecg.std())[:, None]
maps = ss.occlusion_scales(model, x, target=0, windows=windows, stride=5, fill=fill, credit="centre")
print(maps.shape)

marks = [(a.start * fs, a.end * fs, "muscle noise") for a in artefacts]
fig = ss.plot_scales(
    ecg,
    maps[0],
    windows,
    fs=fs,
    units="mV",
    annotations=marks,
    color_label="fall of the score (log-odds)",
    title="What the network loses when a window is made clean again",
)

# %%
# The cone on the left is the short artefact: its fall grows with the window until the window holds all of it, and
# no further. On the right no window does much until it holds most of the long one; a short clean stretch in the
# midst of the noise even raises the score (blue). Asked with windows of half a second only, the long artefact would
# have looked harmless. Read upwards from a place, the maps say how long the evidence there is:

middles = {"the short one": 1.75, "the long one": 6.25}  # s
for name, second in middles.items():
    column = maps[0, :, int(second * fs)]
    enough = windows[np.flatnonzero(column > 0.9 * column.max())[0]] / fs
    print(f"{name}: nine tenths of its effect with windows of {enough:.2g} s")

# %%
# Is the map any good?
# --------------------
# Delete what a map ranks highest and see how soon the score falls: sooner than in random orders, if it is.

fig, ax = plt.subplots(figsize=(9, 4), layout="constrained")
map_of_all = maps[0].mean(axis=0, keepdims=True)
curve = ss.deletion_curve(model, x, map_of_all, target=0, window=25, fill=fill, orders=30)
low, high = np.percentile(curve.random_score[0], [5, 95], axis=0)
ax.fill_between(curve.fraction, low, high, color="0.85", label="30 random orders (5th to 95th percentile)")
ax.plot(curve.fraction, curve.score[0], color="#0072b2", lw=2, label="the map's order")
ax.set(xlabel="part of the signal made clean", ylabel="score (log-odds)", title="Deletion curve of the mean map")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
print(f"area {curve.area[0]:.2f}; random {curve.random_area.mean():.2f} ± {curve.random_area.std():.2f}")
