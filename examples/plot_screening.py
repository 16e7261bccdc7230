"""
Screening a recording, and what its explanations point at
=========================================================

A long recording goes through a network window by window. Scores and explanations are kept in one store, on the
recording's own timeline, from which ``signalscreen review`` makes its page. Here the recording is ten minutes of
simulated ECG with known artefacts, and the network is the one for ECG quality that comes with SignalScreen.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import signalscreen as ss
from signalscreen.demo import quality_model_path
from signalscreen.simulate import Artefact, add_artefacts, artefact_mask, simulate_ecg

fs, minutes = 250, 10
artefacts = [
    Artefact("electrode_motion", 50, 58),
    Artefact("muscle", 140, 155),
    Artefact("lead_off", 260, 272),
    Artefact("saturation", 395, 400),
    Artefact("electrode_motion", 500, 520),
]
clean = simulate_ecg(60 * minutes, fs, seed=1)
recording = ss.Recording(add_artefacts(clean.signal, fs, artefacts, seed=1), fs=fs, names=("II",), units=("mV",))

# %%
# Screen it
# ---------
# The network reads 125 Hz and windows that are scaled one by one. Its file says so, and what its class is called;
# nobody has to say it again. All windows are scored, and those called artefacts are explained. The same call again
# would find that nothing is left to do.

folder = tempfile.TemporaryDirectory()
store = Path(folder.name) / "ecg.zarr"
ds = ss.screen_recording(
    recording,
    quality_model_path(),
    ["saliency", "grad_cam"],
    out=store,
    target="artefact",
    hop=2,
    explain="flagged",
    progress=False,
)
print(ds[["probability", "attribution_grad_cam", "signal"]])

# %%
# What comes back is an ``xarray.Dataset`` of which nothing is read before it is used. The whole recording, and one
# of its artefacts from near, coloured by Grad-CAM:

middle = ds.window_start_s + 5
around = slice(490, 530)
near = ds.sel(time=around, method="nearest")
fig, axes = plt.subplots(3, 1, figsize=(11, 7), layout="constrained", height_ratios=[1, 1, 2])
axes[0].plot(ds.time_s[::5], ds.signal[::5, 0], color="0.3", lw=0.4)
axes[0].set(ylabel="II (mV)", title="Ten minutes; artefacts in sand")
axes[1].plot(middle, ds.probability[:, 0], color="0.3", lw=1)
axes[1].fill_between(middle, ds.probability[:, 0], where=ds.flagged.values == 1, color="#b35806", step="mid")
axes[1].set(ylabel="P(artefact)", ylim=(0, 1))
for ax in axes[:2]:
    ax.set(xlim=(0, 60 * minutes), xlabel="time (s)")
    for one in artefacts:
        ax.axvspan(one.start, one.end, color="#f5e9c4", zorder=0)
limit = float(np.nanmax(np.abs(near.attribution_grad_cam)))
ss.plot_with_gradient(
    near.signal[:, 0].values,
    near.attribution_grad_cam[:, 0].values,
    axes[2],
    x=near.time_s.values,
    limits=(-limit, limit),
    units="mV",
    title="Grad-CAM of the windows that were flagged; pale: not explained",
)
axes[2].set_xlabel("time (s)")
axes[2].axvspan(500, 520, color="#f5e9c4", zorder=0)
plt.show()

# %%
# Does it point at bad signal?
# ----------------------------
# ``bad_signal`` says where the signal itself is bad, whatever a network thinks. The share of an explanation that
# lies there, beside the share of the explained time that is bad (what a map that knows nothing would have), is a
# verdict on the network. Beside it the same for the true places.

truth = artefact_mask(artefacts, ds.sizes["time"], fs)[:, None]
print(f"{'':<12}{'on bad signal':>15}{'on artefacts':>15}")
for name in ("saliency", "grad_cam"):
    a = ds[f"attribution_{name}"].values
    known = np.isfinite(a)
    bad = ss.share_on_bad(a, ds.bad.values)["any"]
    true = np.abs(a[known & truth]).sum() / np.abs(a[known]).sum()
    print(f"{name:<12}{bad.relevance:>15.0%}{true:>15.0%}")
print(f"{'(time)':<12}{bad.time:>15.0%}{truth[known].mean():>15.0%}")

# %%
# From the shell the same is ``signalscreen screen RECORD --model MODEL ...``; then ``signalscreen review ecg.zarr``
# opens a page with the list of windows, the signal and a key for each verdict.

folder.cleanup()
