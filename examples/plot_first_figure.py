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
clean = [simulate_ecg(10, fs, seed).signal for seed in range(100, 110)]  # ten clean ECGs, mV
muscle = Artefact("muscle", start=4, end=6)  # s
ecg = add_artefacts(simulate_ecg(10, fs, seed=11).signal, fs, [muscle], seed=11)


def prepared(signal):
    """Mean 0 and standard deviation 1, (time, leads): what the network was trained on."""
    return ((signal - signal.mean()) / signal.std())[:, None]


# %%
# DeepLIFT compares a signal with others, and shares out the difference of their scores among the samples. What to
# compare with is part of the question; here, ten clean ECGs, whose array has a first axis of one because they serve
# every example. Explain, and draw the signal in the colours of the explanation:

model = ss.load_model(quality_model_path())
x, references = prepared(ecg)[None], np.stack([prepared(signal) for signal in clean])
a = ss.deep_lift(model, x, target=0, references=references[None])

probability = float(model(x)[0, 0])
noise = [(4 * fs, 6 * fs, "muscle noise")]  # where it was put, in samples
fig, ax = plt.subplots(figsize=(12, 4.5), layout="constrained")
ss.plot_with_gradient(
    ecg,
    a[0, :, 0],
    ax=ax,
    fs=fs,
    units="mV",
    percentile=99,
    annotations=noise,
    title=f"P(artefact) = {probability:.2f}: DeepLIFT, against ten clean ECGs",
)

# %%
# How to read it
# --------------
# What is explained is the network's *logit*, here the log-odds of an artefact. Orange samples raised it, blue
# samples lowered it, grey ones did neither. DeepLIFT adds up: all samples together are the difference between the
# score of this ECG and the mean score of the clean ones.


def score(signals):
    """Return the logit of each signal, (batch,)."""
    bound, signals = ss.Score(model, target=0).bind(signals)
    return bound(signals)


inside = slice(int(4 * fs), int(6 * fs))
print(f"mean score of clean ECGs  {score(references).mean():+6.1f}")
print(f"the noise adds            {a[0, inside].sum():+6.1f}")
print(f"all the rest adds         {a.sum() - a[0, inside].sum():+6.1f}")
print(f"score of this ECG         {score(x)[0]:+6.1f}")

# %%
# Compared with what?
# -------------------
# The usual baseline is zero, a flat line. But to this network a flat line is an artefact too (a lead that fell
# off), and a worse one. Against it the same ECG looks *good*, and integrated gradients say so: the QRS complexes,
# mostly blue, mean "not a flat line". Nothing is wrong with either map; they answer different questions.

flat = ss.integrated_gradients(model, x, target=0, tolerance=0.01)
fig, ax = plt.subplots(figsize=(12, 4.5), layout="constrained")
ss.plot_with_gradient(
    ecg,
    flat[0, :, 0],
    ax=ax,
    fs=fs,
    units="mV",
    percentile=99,
    annotations=noise,
    title="The same ECG: integrated gradients, against a flat line",
)
print(f"score of a flat line      {score(np.zeros_like(x))[0]:+6.1f}")
print(f"this ECG changes that by  {flat.sum():+6.1f}")

# %%
# On a recording of your own, a first map is one command:
#
# .. code-block:: console
#
#    $ signalscreen explain data/ecg_quality.keras RECORD --lead 0 --target artefact \
#          --hop 2 --method grad_cam --out FOLDER
