"""The small networks of the oracles: one table, built alike in Keras, in PyTorch and in NumPy.

A network is a list of layers, each a tuple of a name and its sizes; a size holds for every axis, so the same
list is a 1D, a 2D or a 3D network. Weights are kept in Keras's layout (kernel ``(*size, in, out)``), one flat
list of arrays in the order of the layers: a convolution or a dense layer has (kernel, bias), a batch
normalisation (gamma, beta, mean, variance), a PReLU (alpha,), one per channel. Some forms have a branch:
``("add", layers)`` is ``x + layers(x)``, ``("gate", layers)`` is ``x * layers(x)``, broadcast over the axes
that the branch has lost, ``("divide", layers)`` is ``x / layers(x)``, ``("maximum", layers)`` the larger of the
two, and ``("concat", layers)`` puts ``layers(x)`` beside ``x`` as further channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Spec = list[tuple[Any, ...]]

SHAPES = {1: (40, 2), 2: (12, 16, 2), 3: (6, 7, 8, 1)}
CLASSES = 3
WINDOWS = {1: (5,), 2: (3, 5), 3: (3, 5, 4)}
STRIDES = {1: (1,), 2: (1, 1), 3: (2, 2, 3)}
"""Of the occlusion oracles."""

NETS: dict[str, Spec] = {
    # Name: layers. Those in DEEP_LIFT_CLOSES are the ones where Captum's own DeepLIFT sums to the difference.
    "relu": [
        ("conv", 4, 5, "same"),
        ("relu",),
        ("conv", 6, 3, "valid"),
        ("relu",),
        ("flatten",),
        ("dense", 8),
        ("relu",),
        ("dense", CLASSES),
    ],
    "bn": [
        ("conv", 4, 3, "same"),
        ("bn",),
        ("relu",),
        ("avgpool", 2),
        ("conv", 6, 3, "same"),
        ("bn",),
        ("relu",),
        ("gap",),
        ("dense", CLASSES),
    ],
    "leaky": [
        ("conv", 4, 3, "same"),
        ("leaky", 0.2),
        ("avgpool", 2),
        ("conv", 4, 3, "valid"),
        ("elu",),
        ("flatten",),
        ("dense", CLASSES),
    ],
    "squash": [
        ("conv", 4, 3, "same"),
        ("tanh",),
        ("avgpool", 2),
        ("conv", 4, 3, "valid"),
        ("sigmoid",),
        ("gap",),
        ("dense", 6),
        ("softplus",),
        ("dense", CLASSES),
    ],
    "pool_first": [("maxpool", 2), ("conv", 4, 3, "same"), ("relu",), ("gap",), ("dense", CLASSES)],
    "maxpool": [
        ("conv", 4, 3, "same"),
        ("relu",),
        ("maxpool", 2),
        ("conv", 6, 3, "same"),
        ("relu",),
        ("maxpool", 2),
        ("flatten",),
        ("dense", CLASSES),
    ],
}
"""`maxpool` is the commonest 1D network; Captum's DeepLIFT misses its sum there (its issue 1104)."""

DEEP_LIFT_CLOSES = ("relu", "bn", "leaky", "squash", "pool_first")
CAM_LAYERS = {"relu": 3, "bn": 6, "leaky": 4, "squash": 4, "pool_first": 2, "maxpool": 5}
"""The layer (its place in the list) whose feature maps the CAM oracles use: the last with axes."""


SQUEEZE_EXCITE = ("gate", [("gap",), ("dense", 3), ("relu",), ("dense", 4), ("sigmoid",)])
HEAD = [("gap",), ("dense", CLASSES)]

DEEP_NETS: dict[str, Spec] = {
    # What Captum cannot close, one network for each rule: held to the slow twin, and to shap where it can.
    "maxpool": NETS["maxpool"],
    "overlapping_maxpool": [
        ("conv", 4, 3, "same"),
        ("relu",),
        ("maxpool", 4, 2),
        ("flatten",),
        ("dense", CLASSES),
    ],
    "global_maxpool": [("conv", 4, 3, "same"), ("relu",), ("gmp",), ("dense", CLASSES)],
    "residual": [("conv", 4, 3, "same"), ("relu",), ("add", [("conv", 4, 3, "same"), ("tanh",)]), *HEAD],
    "squeeze_excite": [("conv", 4, 3, "same"), ("relu",), SQUEEZE_EXCITE, *HEAD],
    "divide": [("conv", 4, 3, "same"), ("divide", [("conv", 4, 3, "same"), ("softplus",)]), ("relu",), *HEAD],
    "maximum": [("conv", 4, 3, "same"), ("maximum", [("conv", 4, 3, "same"), ("tanh",)]), *HEAD],
    "concat": [("conv", 3, 3, "same"), ("concat", [("conv", 2, 5, "same"), ("elu",)]), ("relu",), *HEAD],
    "prelu": [("conv", 4, 3, "same"), ("prelu",), ("conv", 4, 3, "same"), ("prelu",), *HEAD],
    "gelu": [("conv", 4, 3, "same"), ("gelu",), ("conv", 4, 3, "same"), ("gelu",), *HEAD],
    "silu": [("conv", 4, 3, "same"), ("silu",), ("conv", 4, 3, "same"), ("silu",), *HEAD],
    "selu": [("conv", 4, 3, "same"), ("selu",), ("conv", 4, 3, "same"), ("softsign",), *HEAD],
    "softmax": [("conv", 4, 3, "same"), ("relu",), *HEAD, ("softmax",)],
    "sigmoid": [("conv", 4, 3, "same"), ("relu",), *HEAD, ("sigmoid",)],
    "causal": [("conv", 4, 3, "causal"), ("relu",), ("conv", 4, 3, "causal", 2), ("relu",), *HEAD],
}
"""`softmax` and `sigmoid` end in a probability, which is what is explained; `causal` is for one axis."""

SHAP_KNOWS = ("maxpool", "overlapping_maxpool", "residual", "squeeze_excite", "divide", "concat", "sigmoid")
"""Not softmax: shap subtracts each row's own largest logit first, and its answer depends on that shift."""


def random_weights(spec: Spec, shape: tuple[int, ...], rng: np.random.Generator) -> list[np.ndarray]:
    """Draw every weight at random, biases and statistics too: zero biases hide wrong DeepLIFT rules."""
    return [w.astype(np.float32) for w in _draw(spec, list(shape), rng)]


def _draw(spec: Spec, shape: list[int], rng: np.random.Generator) -> list[np.ndarray]:
    """Weights of a chain of layers; `shape` is changed to that of its output."""
    weights: list[np.ndarray] = []
    for kind, *sizes in spec:
        axes, channels = shape[:-1], shape[-1]
        if kind in ("conv", "dense"):
            window = [sizes[1]] * len(axes) if kind == "conv" else []
            fan_in = int(np.prod(window)) * channels
            weights += [rng.normal(0, np.sqrt(2 / fan_in), (*window, channels, sizes[0]))]
            weights += [rng.normal(0, 0.3, sizes[0])]
            lost = sizes[1] - 1 if sizes[2:3] == ["valid"] else 0
            shape[:] = [*[n - lost for n in axes], sizes[0]]
        elif kind == "bn":
            weights += [rng.uniform(0.5, 1.5, channels), rng.normal(0, 0.3, channels)]
            weights += [rng.normal(0, 0.3, channels), rng.uniform(0.5, 1.5, channels)]
        elif kind == "prelu":
            weights += [rng.uniform(-0.5, 0.5, channels)]
        elif kind in ("maxpool", "avgpool"):
            shape[:] = [*[(n - sizes[0]) // sizes[-1] + 1 for n in axes], channels]
        elif kind in ("gap", "gmp", "flatten"):
            shape[:] = [int(np.prod(shape)) if kind == "flatten" else channels]
        elif kind in BRANCHES:
            branch = list(shape)
            weights += _draw(sizes[0], branch, rng)
            shape[-1] += branch[-1] if kind == "concat" else 0
    return weights


def build_keras(spec: Spec, shape: tuple[int, ...], weights: list[np.ndarray]) -> Any:
    """Build the network in Keras, as a functional model; layer ``i`` of the list is named ``layer_i``."""
    import keras

    inputs = keras.Input(shape)
    model = keras.Model(inputs, _chain(spec, inputs, len(shape) - 1, "layer"))
    model.set_weights([w.reshape(v.shape) for w, v in zip(weights, model.weights, strict=True)])
    return model


BRANCHES = {"add": "Add", "gate": "Multiply", "divide": "", "maximum": "Maximum", "concat": "Concatenate"}


def _chain(spec: Spec, x: Any, rank: int, prefix: str) -> Any:
    """Call the layers of `spec` on `x`, one after the other."""
    from keras import layers, ops

    for i, (kind, *sizes) in enumerate(spec):
        name = f"{prefix}_{i}"
        if kind in BRANCHES:
            branch = _chain(sizes[0], x, rank, name)
            if len(branch.shape) < len(x.shape):
                branch = layers.Reshape((*[1] * rank, branch.shape[-1]))(branch)
            if kind == "divide":
                x = ops.divide(x, branch)
            else:
                x = getattr(layers, BRANCHES[kind])(name=name)([x, branch])
        else:
            x = _layer(kind, sizes, rank, name)(x)
    return x


def _layer(kind: str, sizes: list[Any], rank: int, name: str) -> Any:
    """One Keras layer."""
    from keras import layers

    def ranked(what: str) -> Any:
        return getattr(layers, f"{what}{rank}D")

    if kind == "conv":
        filters, size, padding, *dilation = sizes
        return ranked("Conv")(
            filters, size, padding=padding, dilation_rate=dilation[0] if dilation else 1, name=name
        )
    if kind in ("maxpool", "avgpool"):
        return ranked({"maxpool": "MaxPooling", "avgpool": "AveragePooling"}[kind])(sizes[0], sizes[-1], name=name)
    if kind in ("gap", "gmp"):
        return ranked({"gap": "GlobalAveragePooling", "gmp": "GlobalMaxPooling"}[kind])(name=name)
    if kind == "prelu":
        return layers.PReLU(shared_axes=list(range(1, rank + 1)), name=name)
    make = {"bn": layers.BatchNormalization, "flatten": layers.Flatten, "dense": layers.Dense}
    if kind in make:
        return make[kind](*sizes, name=name)
    return (
        layers.LeakyReLU(negative_slope=sizes[0], name=name)
        if kind == "leaky"
        else layers.Activation(kind, name=name)
    )
