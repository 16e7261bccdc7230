"""
Grad-CAM: the layer decides what can be seen
============================================

A class activation map has one value per position of its layer; what is drawn on the signal is that, laid where the
positions are, with straight lines between them. Late layers know what they look at but not exactly where, early
ones the other way round. Which layer is a choice, and the default (the last one) is seldom the only sensible one.
"""

import matplotlib.pyplot as plt

import signalscreen as ss
from signalscreen.demo.running import quality_model_path
from signalscreen.receptive import summarise
from signalscreen.simulate import Artefact, add_artefacts, simulate_ecg

fs = 125.0
artefact = Artefact("electrode_motion", start=5, end=7)
ecg = add_artefacts(simulate_ecg(10, fs, seed=5).signal, fs, [artefact], seed=5)
x = ((ecg - ecg.mean()) / ecg.std())[None, :, None]
model = ss.load_model(quality_model_path())

# %%
# How many positions a layer has, and how much of the signal each of them sees, follows from the network alone
# (``signalscreen summary`` prints it):

layers = {layer.path: layer for layer in summarise(model) if layer.path.startswith("relu")}
for name, layer in layers.items():
    positions, seen = layer.shape[0], layer.field[0] / fs
    print(f"{name}: {positions:>4} positions, {10 / positions:.3f} s apart, each sees {seen:.2f} s")

# %%
# The same ECG, the same target, five layers. LayerCAM weighs each position by itself, where Grad-CAM gives one
# weight to a whole feature map; so it stays useful in early layers, where a feature is found all over the signal.

fig, axes = plt.subplots(len(layers), 2, figsize=(12, 9), sharex=True, sharey=True, layout="constrained")
for row, (name, layer) in zip(axes, layers.items(), strict=True):
    for ax, method in zip(row, ("grad_cam", "layer_cam"), strict=True):
        a = ss.explain(model, x, target=0, method=method, layer=name)
        first = ax is axes[0, 0] or ax is axes[0, 1]
        ss.plot_with_gradient(
            ecg,
            a[0],
            ax=ax,
            fs=fs,
            units="mV" if ax is row[0] else None,
            color_label="",
            linewidth=2,
            annotations=[(artefact.start * fs, artefact.end * fs, "electrode motion" if first else "")],
        )
        ax.label_outer()
    row[0].set_ylabel(f"{name}\n{layer.shape[0]} positions\n\nmV")
axes[0, 0].set_title("Grad-CAM")
axes[0, 1].set_title("LayerCAM")
fig.suptitle("Class activation maps of an artefact, by layer (units of the score)")

# %%
# The last layer marks the artefact as a whole, a little wide. Further in front the maps get finer, and know less of
# the question: in ``relu3`` and ``relu4``, Grad-CAM lights up on clean beats too, although they spoke against an
# artefact. LayerCAM stays on the artefact, but on ever smaller parts of it. A finer map is not a better one.
