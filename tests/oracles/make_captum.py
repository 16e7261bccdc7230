"""Makes captum_1d.npz, captum_2d.npz and captum_3d.npz: what Captum says about the networks of nets.py.

Kept so that the numbers can be made again; the tests read the files and need no PyTorch. To run it, in an
environment of its own (the files here were made with torch 2.13.0 and captum 0.9.0)::

    pip install torch captum numpy
    python tests/oracles/make_captum.py

Everything is computed in float64 on weights drawn in float32, and stored as float32, channels last. For
each network ``n`` and rank the file has ``n/w00``... (weights in Keras's layout), ``n/x``, ``n/baseline``,
``n/target``, ``n/logits`` and one array for each of Captum's results. Captum's DeepLIFT is kept only where
its sum closes (checked here to 1e-8 of the size of the difference).
"""

from __future__ import annotations

import warnings
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from captum import attr
from nets import CAM_LAYERS, CLASSES, DEEP_LIFT_CLOSES, NETS, SHAPES, STRIDES, WINDOWS, Spec, random_weights
from torch import nn

HERE = Path(__file__).parent
MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}
EXAMPLES = {1: 3, 2: 2, 3: 2}


def first(x: torch.Tensor | np.ndarray) -> torch.Tensor:
    """Channels last to channels first."""
    x = torch.as_tensor(np.asarray(x), dtype=torch.float64)
    return x.movedim(-1, 1).contiguous()


def last(x: torch.Tensor) -> np.ndarray:
    """Channels first to channels last, float32."""
    return x.detach().movedim(1, -1).numpy().astype(np.float32)


class Flatten(nn.Module):
    """Flatten in Keras's order, channels fastest."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.movedim(1, -1).flatten(1)


class GlobalMean(nn.Module):
    """Mean over every axis but batch and channels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=tuple(range(2, x.ndim)))


def build_torch(spec: Spec, shape: tuple[int, ...], weights: list[np.ndarray]) -> nn.Sequential:
    """The network of `spec` in PyTorch; module ``i`` is layer ``i`` of the list."""
    rank, channels = len(shape) - 1, shape[-1]
    left = [torch.as_tensor(w, dtype=torch.float64) for w in weights]
    plain = {
        "relu": nn.ReLU,
        "elu": nn.ELU,
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
        "softplus": nn.Softplus,
        "flatten": Flatten,
        "gap": GlobalMean,
    }
    ranked = {
        kind: getattr(nn, f"{name}{rank}d")
        for kind, name in {
            "conv": "Conv",
            "bn": "BatchNorm",
            "maxpool": "MaxPool",
            "avgpool": "AvgPool",
        }.items()
    }
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for i, (kind, *sizes) in enumerate(spec):
        if kind == "conv":
            kernel, bias = left.pop(0), left.pop(0)
            filters, size, padding = sizes
            module = ranked["conv"](channels, filters, size, padding=padding)
            put(module, weight=kernel.movedim((-1, -2), (0, 1)), bias=bias)
            channels = filters
        elif kind == "bn":
            module = ranked["bn"](channels, eps=1e-3)
            names = ("weight", "bias", "running_mean", "running_var")
            put(module, **{name: left.pop(0) for name in names})
        elif kind == "dense":
            kernel, bias = left.pop(0), left.pop(0)
            module = nn.Linear(*kernel.shape)
            put(module, weight=kernel.T, bias=bias)
        elif kind in ("maxpool", "avgpool"):
            module = ranked[kind](sizes[0])
        elif kind == "leaky":
            module = nn.LeakyReLU(sizes[0])
        else:
            module = plain[kind]()
        modules[str(i)] = module
    return nn.Sequential(modules).double().eval()


def put(module: nn.Module, **tensors: torch.Tensor) -> None:
    """Set a module's parameters and buffers."""
    for name, value in tensors.items():
        getattr(module, name).data = value.contiguous()


def results(name: str, rank: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """All that is stored for one network in one rank; drawn again until no map is zero everywhere.

    A rectified map that is zero agrees with anything that is zero, so it would say nothing.
    """
    while True:
        out = explained(name, rank, rng)
        told = [v for k, v in out.items() if k not in ("x", "baseline", "target", "logits") and k[1:2].isalpha()]
        if all(np.abs(row).max() > 1e-3 * np.abs(array).max() for array in told for row in array):
            return out


def explained(name: str, rank: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """One draw of weights, inputs and baseline, and what Captum says about it."""
    spec, shape = NETS[name], SHAPES[rank]
    weights = random_weights(spec, shape, rng)
    net = build_torch(spec, shape, weights)
    x = rng.normal(size=(EXAMPLES[rank], *shape)).astype(np.float32)
    baseline = rng.normal(size=(1, *shape)).astype(np.float32)
    target = rng.integers(CLASSES, size=len(x))
    out = {f"w{i:02d}": w for i, w in enumerate(weights)}
    out |= {"x": x, "baseline": baseline, "target": target}
    out["logits"] = net(first(x)).detach().numpy().astype(np.float32)
    goal = torch.as_tensor(target)
    for part in (gradients, paths, windows, maps):
        out |= part(net, name, rank, first(x), first(baseline), goal)
    return out


def gradients(net, name, rank, x, baseline, target) -> dict[str, np.ndarray]:
    """One backward pass: saliency, input x gradient, the gated gradients and DeepLIFT."""
    out = {
        "saliency": last(attr.Saliency(net).attribute(x, target=target, abs=False)),
        "input_x_gradient": last(attr.InputXGradient(net).attribute(x, target=target)),
        "guided_backprop": last(attr.GuidedBackprop(net).attribute(x, target=target)),
        "deconvnet": last(attr.Deconvolution(net).attribute(x, target=target)),
    }
    lift, delta = attr.DeepLift(net).attribute(x, baseline, target=target, return_convergence_delta=True)
    move = (net(x) - net(baseline)).gather(1, target[:, None]).abs().max()
    closes = bool(delta.abs().max() < 1e-8 * move)
    miss = float(delta.detach().abs().max())
    if closes != (name in DEEP_LIFT_CLOSES):
        raise SystemExit(f"{rank}D {name}: DeepLIFT misses {miss:.1e}; DEEP_LIFT_CLOSES in nets.py says otherwise")
    return out | ({"deep_lift": last(lift)} if closes else {})


def paths(net, name, rank, x, baseline, target) -> dict[str, np.ndarray]:
    """Integrated gradients by four rules.

    Captum's trapezoid of n points has weights that add to (n - 1)/n, so its result is stored as Captum gives
    it, with 51 points; the test multiplies by 51/50.
    """
    rules = {
        "trapezoid": ("riemann_trapezoid", 51),
        "midpoint": ("riemann_middle", 50),
        "left": ("riemann_left", 50),
        "gauss_legendre": ("gausslegendre", 50),
    }
    ig = attr.IntegratedGradients(net)
    return {
        f"integrated_gradients_{ours}": last(ig.attribute(x, baseline, target=target, method=theirs, n_steps=n))
        for ours, (theirs, n) in rules.items()
    }


def windows(net, name, rank, x, baseline, target) -> dict[str, np.ndarray]:
    """Occlusion: all channels together or one by one; zero or the baseline; overlapping or side by side."""
    occlude, window, stride, channels = attr.Occlusion(net), WINDOWS[rank], STRIDES[rank], x.shape[1]

    def run(width, step, fill) -> np.ndarray:
        return last(occlude.attribute(x, width, step, fill, target, perturbations_per_eval=8))

    return {
        "occlusion_zero": run((channels, *window), (channels, *stride), 0.0)[..., 0],
        "occlusion_array": run((channels, *window), (channels, *stride), baseline)[..., 0],
        "occlusion_side_by_side": run((channels, *[4] * rank), (channels, *[4] * rank), 0.0)[..., 0],
        "occlusion_per_channel": run((1, *window), (1, *stride), 0.0),
    }


def maps(net, name, rank, x, baseline, target) -> dict[str, np.ndarray]:
    """Grad-CAM at the layer's own size and on the input's axes, and guided Grad-CAM."""
    layer, mode = net[CAM_LAYERS[name]], MODES[rank]
    cam = attr.LayerGradCam(net, layer)
    small = cam.attribute(x, target=target, relu_attributions=True)
    signed = cam.attribute(x, target=target)
    guided = attr.GuidedGradCam(net, layer).attribute(x, target=target, interpolate_mode=mode)
    big = attr.LayerAttribution.interpolate(small, tuple(x.shape[2:]), interpolate_mode=mode)
    return {
        "grad_cam_signed_small": last(signed)[..., 0],
        "grad_cam_small": last(small)[..., 0],
        "grad_cam": last(big)[..., 0],
        "guided_grad_cam": last(guided),
    }


def main() -> None:
    """Make the three files."""
    warnings.filterwarnings("ignore", category=UserWarning, module="captum")  # it says what its hooks do
    for rank in SHAPES:
        rng = np.random.default_rng(2600 + rank)
        stored = {f"{name}/{key}": value for name in NETS for key, value in results(name, rank, rng).items()}
        path = HERE / f"captum_{rank}d.npz"
        np.savez_compressed(path, **stored)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
