"""
A network that answers at every sample
======================================

Detectors and segmenters give one number per sample, not one per signal. Then the target names a position: *why is
there a beat at this sample?* The answer can only lie in what that position sees, its receptive field.
"""

import keras
import matplotlib.pyplot as plt
import numpy as np

import signalscreen as ss
from signalscreen.receptive import summarise
from signalscreen.simulate import simulate_ecg

fs = 125.0


def examples(seeds):
    """Simulated ECG, ten seconds each (n, T, 1), and 1 within 40 ms of an R peak (n, T, 1)."""
    ecgs = [simulate_ecg(10, fs, seed, ventricular=0.1) for seed in seeds]
    x = np.stack([ecg.signal for ecg in ecgs])[..., None]
    near = [np.abs(np.arange(1250) - ecg.beats[:, None]).min(axis=0) <= 0.04 * fs for ecg in ecgs]
    return x.astype("float32"), np.stack(near)[..., None].astype("float32"), ecgs


# %%
# A small detector of QRS complexes: three dilated convolutions, and a probability for every sample.

keras.utils.set_random_seed(0)
layers = keras.layers
model = keras.Sequential([keras.Input((None, 1))])
for dilation in (1, 2, 4):
    model.add(layers.Conv1D(12, 11, dilation_rate=dilation, padding="same", activation="relu"))
model.add(layers.Conv1D(1, 1, activation="sigmoid", name="beat"))
model.compile(keras.optimizers.Adam(5e-3), "binary_crossentropy")
x, y, _ = examples(range(80))
model.fit(x, y, batch_size=8, epochs=5, verbose=0)

x, y, (ecg,) = examples([1003])
probability = np.asarray(model(x))[0, :, 0]
agree = ((probability > 0.5) == (y[0, :, 0] > 0.5)).mean()
print(f"{agree:.1%} of the samples of a new ECG are judged correctly")

# %%
# Two positions of the same ECG: an R peak, and the T wave after it. The target is ``(position, unit)``.

field = summarise(model)[-1].field[0]  # samples that one output can depend on
peak = int(ecg.beats[4])
positions = {"R peak": peak, "T wave": peak + round(0.27 * fs)}
span = slice(peak - 100, peak + 150)

fig, axes = plt.subplots(3, 1, figsize=(10, 8), layout="constrained")
axes[0].plot(np.arange(1250) / fs, probability, color="0.3")
axes[0].set(xlim=(0, 10), ylabel="P(QRS)", xlabel="Time (s)", title="What the network says, at every sample")
axes[0].axvspan(span.start / fs, span.stop / fs, color="0.92", zorder=0)
axes[0].spines[["top", "right"]].set_visible(False)
for ax, (name, position) in zip(axes[1:], positions.items(), strict=True):
    a = ss.integrated_gradients(model, x, target=(position, 0), tolerance=0.01)[0, :, 0]
    at = position - span.start
    ss.plot_with_gradient(
        ecg.signal[span],
        a[span],
        ax=ax,
        x=np.arange(span.start, span.stop) / fs,
        units="mV",
        annotations=[(at - field // 2, at + field // 2, f"what this position sees, {field / fs:.2f} s"), (at, "?")],
        title=f"Why P(QRS) = {probability[position]:.2f} at this {name}?",
    )
    outside = np.abs(np.delete(a, np.arange(position - field // 2, position + field // 2 + 1)))
    print(f"{name}: largest attribution outside the receptive field {outside.max():.1g}")
axes[-1].set_xlabel("Time (s)")

# %%
# Outside the receptive field the attribution is exactly zero, as it has to be. The T wave looks a little like a QRS
# complex (orange), which is outweighed by what the network has in its bias; mind the two colour scales.
#
# Any function of the outputs can be a target as well: ``lambda y: keras.ops.mean(y[:, 300:400, 0], axis=1)`` asks
# about a stretch of the signal.
