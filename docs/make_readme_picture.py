"""Makes docs/_static/first_figure.png, the picture of the README: ``python docs/make_readme_picture.py``.

The ECG and the explanation are those of examples/plot_first_figure.py.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import signalscreen as ss
from signalscreen.demo.running import quality_model_path
from signalscreen.simulate import Artefact, add_artefacts, simulate_ecg

FS = 125.0
START, END = 4.0, 6.0  # s, of the noise


def prepared(signal: np.ndarray) -> np.ndarray:
    """Bring to mean 0 and standard deviation 1, (time, leads)."""
    return ((signal - signal.mean()) / signal.std())[:, None]


def main() -> None:
    """Explain, draw, save."""
    ecg = add_artefacts(simulate_ecg(10, FS, seed=11).signal, FS, [Artefact("muscle", START, END)], seed=11)
    clean = np.stack([prepared(simulate_ecg(10, FS, seed).signal) for seed in range(100, 110)])
    x = prepared(ecg)[None]
    model = ss.load_model(quality_model_path())
    a = ss.deep_lift(model, x, target=0, references=clean[None])[0, :, 0]
    probability = np.asarray(model(x))[0, 0]

    plt.switch_backend("Agg")
    plt.rcParams["font.size"] = 14
    fig, ax = plt.subplots(figsize=(12.8, 5.6), layout="constrained")
    ss.plot_with_gradient(
        ecg,
        a,
        ax=ax,
        fs=FS,
        units="mV",
        percentile=99,
        linewidth=2.6,
        color_label="clean  ←  log-odds  →  artefact",
        annotations=[(START * FS, END * FS, "muscle noise was put in here")],
    )
    title = f"Why does the network say P(artefact) = {probability:.2f}?"
    ax.set_title(title, loc="left", fontsize=19, pad=12)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_xlim(0, 10)
    fig.savefig(Path(__file__).parent / "_static" / "first_figure.png", dpi=125)


if __name__ == "__main__":
    main()
