"""
Filters: what a layer's kernels look like, and which frequencies they let through
=================================================================================

A 1D kernel is a filter in the sense of signal processing. Its shape over time says what it resembles, its gain over
frequency what it lets through; for the first layer, which sees the signal itself, that is all there is to know.
"""

import matplotlib.pyplot as plt

import signalscreen as ss
from signalscreen.demo.running import quality_model_path

fs = 125.0  # Hz, of the ECG that this network has learnt to judge
model = ss.load_model(quality_model_path())
first = ss.filter_weights(model, "conv1")
print(first.kernel.shape, "filters, weights, channels")

# %%
# All filters share their scales, so that a weak one looks weak. With ``fs`` the time axis is in milliseconds, and
# the gain is drawn beside the weights. Most filters let through the 5 to 30 Hz where an ECG has its QRS complexes;
# three are for what lies above 40 Hz, which is seldom of the heart: mains hum and the noise of muscles.

ss.plot_filter_weights(first, fs=fs, columns=3, title="First layer: weights, and gain by frequency")

# %%
# Behind pools
# ------------
# Deeper kernels work at the rate that pools and strides have left: here an eighth of the signal's. They see what
# the layers before make of it, a strip of colour for each of those channels. ``filters`` says which are drawn; by
# default the first sixteen are.

deep = ss.filter_weights(model, "conv4")
print(f"{len(deep.kernel)} filters at {deep.rate(fs):g} Hz")
ss.plot_filter_weights(deep, fs=fs, filters=range(6), columns=3)

# %%
# The numbers
# -----------
# ``frequency_response`` gives the gain as an array, to sort filters by what they let through, for instance:

frequencies, gain = first.frequency_response(fs)
peaks = frequencies[gain[..., 0].argmax(axis=1)]
for number in peaks.argsort():
    print(f"filter {number}: largest gain at {peaks[number]:.0f} Hz")

# %%
# Kernels of other kinds are drawn by the same call: a transposed, depthwise or separable one over time as here, 2D
# and 3D ones as tiles of colour, a dense layer as a table of units and inputs.

last = ss.filter_weights(model, "artefact")
ss.plot_filter_weights(last, title="How the last layer weighs the means of 32 filters")
plt.show()
