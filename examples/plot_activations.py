"""
Activations: what each filter found, and when
=============================================

The feature maps of a layer, on the time axis of the signal that they are of. They belong to no class and are no
explanation; they show what the later layers have to decide from.
"""

import matplotlib.pyplot as plt

import signalscreen as ss
from signalscreen.demo.running import quality_model_path
from signalscreen.simulate import Artefact, add_artefacts, simulate_ecg

fs = 125.0
artefact = Artefact("electrode_motion", start=5, end=7)
ecg = add_artefacts(simulate_ecg(10, fs, seed=5).signal, fs, [artefact], seed=5)
x = ((ecg - ecg.mean()) / ecg.std())[None, :, None]
model = ss.load_model(quality_model_path())
look = {"fs": fs, "units": "mV", "annotations": [(artefact.start * fs, artefact.end * fs, "electrode motion")]}

# %%
# A layer that comes after pools has fewer positions than the signal has samples. ``layer_positions`` says where
# they lie, by the arithmetic of kernels, strides and padding; each value is drawn over the time it belongs to.

a = ss.activations(model, x, "relu5")
positions = ss.layer_positions(model, "relu5")
print(f"{a.shape[1]} positions of {a.shape[2]} filters; the first lies at {positions[0][0] / fs:.3f} s")
ss.plot_activations(ecg, a[0], positions=positions, title="relu5: what 32 filters find in an ECG", **look)

# %%
# Most filters are quiet until the electrode moves, and those that answer divide its two seconds among them. Up to
# four filters are drawn as lines: here the three that respond most strongly.

chosen = a[0].max(axis=0).argsort()[:-4:-1]
ss.plot_activations(ecg, a[0], positions=positions, filters=chosen, title="relu5: three filters", **look)

# %%
# The first layer keeps every sample, so that its map needs no positions:

a = ss.activations(model, x, "relu1")
ss.plot_activations(ecg, a[0], title="relu1: what 12 filters find", **look)
plt.show()
