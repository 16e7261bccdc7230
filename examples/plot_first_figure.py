"""
A first figure: why is this ECG called bad?
===========================================

A network says that ten seconds of ECG hold an artefact. Where?

SignalScreen brings a small network that answers the first question (its data, its accuracy and its limits are on
:doc:`its page </quality_model>`). The ECG is simulated, with two seconds of muscle noise put in at a known place.
"""

import matplotlib.pyplot as plt
import numpy as np

import signalscreen as ss
from signalscreen.demo.running import quality_model_path
from signalscreen.simulate import Artefact, add_artefacts, simulate_ecg

fs = 125.0  # Hz, what the network reads
clean = simulate_ecg(10, fs, seed=3).signal  # mV
ecg = add_artefacts(clean, fs, [Artefact("muscle", start=4, end=6)], seed=3)

# %%
# The network was trained on windows of mean 0 and standard deviation 1, laid out as ``(batch, time, leads)``.
# Explain its answer, and draw the signal in the colours of the explanation:

model = ss.load_model(quality_model_path())
x = ((ecg - ecg.mean()) / ecg.std())[None, :, None]
a = ss.integrated_gradients(model, x, target=0, tolerance=0.01)

probability = model.predict(x, verbose=0)[0, 0]
fig, ax = plt.subplots(figsize=(12, 4.5), layout="constrained")
ss.plot_with_gradient(
    ecg,
    a[0, :, 0],
    ax=ax,
    fs=fs,
    units="mV",
    percentile=99,
    annotations=[(4 * fs, 6 * fs, "muscle noise")],
    title=f"P(artefact) = {probability:.2f}: noise raised the score, beats lowered it",
)

# %%
# How to read it
# --------------
# What is explained is the network's *logit*, here the log-odds of an artefact. Orange samples raised it, blue samples
# lowered it, grey ones did neither. Integrated gradients add up: all samples together are the difference between
# the score of this ECG and the score of the baseline, zero, to within the 1 % that was asked for.

score, x = ss.Score(model, target=0).bind(x)
noise = slice(int(4 * fs), int(6 * fs))
print(f"score of a flat line   {score(np.zeros_like(x))[0]:+6.1f}")
print(f"the noise adds         {a[0, noise].sum():+6.1f}")
print(f"all the rest adds      {a.sum() - a[0, noise].sum():+6.1f}")
print(f"score of this ECG      {score(x)[0]:+6.1f}")

# %%
# So the blue of the QRS complexes means: *not a flat line*, which this network takes for a sure artefact
# (a lead that fell off), but a heart. A map of magnitudes would have shown them as important and kept quiet about the
# direction. In the middle of the noise there is some blue too: the map shows what the network did, not what it
# should have done.
#
# On a recording of your own, the same is one command:
#
# .. code-block:: console
#
#    $ signalscreen explain data/ecg_quality.keras RECORD --lead 0 --target 0 --resample 125 --normalise zscore \
#          --hop 2 --method integrated_gradients --out FOLDER
