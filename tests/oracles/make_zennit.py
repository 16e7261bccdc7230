"""Makes zennit_lrp.npz: what Zennit's layer-wise relevance propagation says about the networks of nets.py.

Weights, inputs and targets are those of captum_1d.npz and its like. To run it, in an environment of its own (the
file here was made with torch 2.13.0 and the zennit it found)::

    pip install torch captum zennit numpy
    python tests/oracles/make_zennit.py

Batch normalisation is merged into the layer before it, as Zennit advises; its epsilon is counted as variance first,
because Zennit leaves it behind in the layer that it empties. Computed in float64, stored as float32.
"""

from __future__ import annotations

import numpy as np
import torch
from agreement import stored
from make_captum import GlobalMean, build_torch, first, last
from nets import CLASSES, NETS, SHAPES
from torch import nn
from zennit.attribution import Gradient
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import LayerMapComposite
from zennit.rules import Epsilon, Gamma, Pass
from zennit.types import Activation, AvgPool, BatchNorm, Convolution, Linear

EPSILON, GAMMA = 1e-6, 0.25


def without_bn_epsilon(net: nn.Module) -> nn.Module:
    """The same network, its normalisations dividing by the root of the variance alone."""
    for module in net.modules():
        if isinstance(module, BatchNorm):
            module.running_var += module.eps
            module.eps = 0.0
    return net


def relevance(net: nn.Module, x: torch.Tensor, target: np.ndarray, gamma: float) -> np.ndarray:
    """Zennit's result, channels last."""
    epsilon = Epsilon(EPSILON)
    composite = LayerMapComposite(
        [
            (Convolution, Gamma(gamma, stabilizer=EPSILON) if gamma else epsilon),
            (Linear, epsilon),
            ((AvgPool, GlobalMean), epsilon),
            (Activation, Pass()),
        ],
        canonizers=[SequentialMergeBatchNorm()],
    )
    seed = torch.eye(CLASSES, dtype=torch.float64)[torch.as_tensor(target)]
    with Gradient(model=net, composite=composite) as attributor:
        _, found = attributor(x, lambda out: out * seed)
    return last(found)


def main() -> None:
    """Write the file."""
    out = {}
    for rank, shape in SHAPES.items():
        arrays = stored(f"captum_{rank}d.npz")
        for name, spec in NETS.items():
            mine = {k.removeprefix(f"{name}/"): v for k, v in arrays.items() if k.startswith(f"{name}/")}
            weights = [mine[k] for k in sorted(mine) if k[0] == "w" and k[1:].isdigit()]
            x = first(mine["x"])
            for rule, gamma in (("epsilon", 0.0), ("gamma", GAMMA)):
                net = without_bn_epsilon(build_torch(spec, shape, weights))
                out[f"{rank}d/{name}/{rule}"] = relevance(net, x, mine["target"], gamma)
    np.savez_compressed("tests/oracles/zennit_lrp.npz", **out)


if __name__ == "__main__":
    main()
