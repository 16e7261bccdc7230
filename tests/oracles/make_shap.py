"""Makes shap_deeplift.npz: shap's DeepExplainer on networks where Captum's DeepLIFT does not close.

Kept so that the numbers can be made again; the tests read the file and need no shap. To run it, in an
environment of its own (the file here was made with shap 0.51.0 on TensorFlow 2.21 and Keras 3.15)::

    pip install shap tensorflow
    python tests/oracles/make_shap.py

For each network ``n`` of ``SHAP_KNOWS`` in nets.py and each rank ``d``: ``d/n/w00``... (weights in Keras's
layout), ``d/n/x``, ``d/n/reference`` (one) and ``d/n/deep_lift`` (like x, with the outputs as a last axis).
A network whose sum shap itself misses is not stored, and said.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import shap
from nets import DEEP_NETS, SHAP_KNOWS, SHAPES, build_keras, random_weights

HERE = Path(__file__).parent


def results(name: str, rank: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """All that is stored for one network in one rank; nothing where shap fails."""
    spec, shape = DEEP_NETS[name], SHAPES[rank]
    weights = random_weights(spec, shape, rng)
    model = build_keras(spec, shape, weights)
    x, reference = (rng.normal(size=(n, *shape)).astype(np.float32) for n in (2, 1))
    try:
        lift = shap.DeepExplainer(model, reference).shap_values(x, check_additivity=False)
    except Exception as error:
        print(f"{rank}D {name}: shap fails: {type(error).__name__}: {str(error)[:80]}")
        return {}
    move = np.asarray(model(x)) - np.asarray(model(reference))
    miss = np.abs(lift.sum(axis=tuple(range(1, lift.ndim - 1))) - move).max()
    print(f"{rank}D {name}: shap misses its sum by {miss:.1e} of {np.abs(move).max():.2f}")
    if miss > 1e-5 * np.abs(move).max():
        return {}
    out = {f"w{i:02d}": w for i, w in enumerate(weights)}
    return out | {"x": x, "reference": reference, "deep_lift": lift.astype(np.float32)}


def main() -> None:
    """Make the file."""
    stored = {}
    for rank in (1, 2):
        rng = np.random.default_rng(2700 + rank)
        for name in SHAP_KNOWS:
            stored |= {f"{rank}/{name}/{key}": value for key, value in results(name, rank, rng).items()}
    path = HERE / "shap_deeplift.npz"
    np.savez_compressed(path, **stored)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
