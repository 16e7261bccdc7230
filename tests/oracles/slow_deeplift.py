"""DeepLIFT (Rescale) written out by hand in NumPy, float64, one example at a time: a slow oracle.

Nothing is shared with the package: no automatic differentiation, no graph, no TensorFlow. Each layer is a
function of the values on the example ``x`` and on the reference ``r`` which returns the layer's values on
both and ``back``, the function that carries multipliers from the layer's outputs to its inputs (Shrikumar et
al. 2017, section 3). The rules:

linear
    The transposed layer (convolution, dense, sum, average, batch normalisation).
one-input non-linearity f (Rescale)
    ``(f(x) - f(r)) / (x - r)``, and the slope of f where x equals r.
maximum of a window (of a pool, or of the whole axis)
    With y and s the maxima on x and on r and c the larger of them: ``c - s`` is credited to the place of
    x's maximum, ``y - c`` to the place of r's. This is the rule of shap's DeepExplainer and of Captum.
product of two signals
    Each factor gets the mean of the other factor over x and r (half of the joint change each).
softmax
    ``exp(x - log(sum(exp(x))))``: Rescale for each ``exp`` and for ``log``, linear between them.

quotient of two signals a / b
    The product of a and ``1 / b``, the second by Rescale.
larger of two signals
    ``(a + b + |a - b|) / 2``, the absolute value by Rescale.

A network is a list of layers as in nets.py, which names the forms with a branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
from scipy import special

Array = np.ndarray
Back = Callable[[Array], Array]
Pass = tuple[Array, Array, Back]


def deep_lift(spec: list[tuple[Any, ...]], weights: list[Array], x: Array, r: Array, target: int) -> Array:
    """Contributions of one example against one reference, both ``(*axes, channels)``."""
    x, r = np.asarray(x, np.float64), np.asarray(r, np.float64)
    y, _, back = chain(spec, iter([np.asarray(w, np.float64) for w in weights]), x, r)
    return back(np.eye(y.size)[target].reshape(y.shape)) * (x - r)


def outputs(spec: list[tuple[Any, ...]], weights: list[Array], x: Array) -> Array:
    """The network's outputs on one example."""
    x = np.asarray(x, np.float64)
    return chain(spec, iter([np.asarray(w, np.float64) for w in weights]), x, x)[0]


def chain(spec: list[tuple[Any, ...]], weights: Iterator[Array], x: Array, r: Array) -> Pass:
    """Layers one after the other."""
    backs: list[Back] = []
    for kind, *sizes in spec:
        if kind in UNARY:
            x, r, back = rescale(UNARY[kind], x, r)
        else:
            x, r, back = LAYERS[kind](weights, x, r, *sizes)
        backs.append(back)

    def through(m: Array) -> Array:
        for back in reversed(backs):
            m = back(m)
        return m

    return x, r, through


# --- Non-linearities ---


def rescale(f: Callable[[Array], Array], x: Array, r: Array) -> Pass:
    y, s, d = f(x), f(r), x - r
    same = d == 0
    slope = (f(x + 1e-6) - f(x - 1e-6)) / 2e-6
    m = np.where(same, slope, (y - s) / np.where(same, 1, d))
    return y, s, lambda out: out * m


def leaky(weights: Iterator[Array], x: Array, r: Array, slope: float) -> Pass:
    return rescale(lambda v: np.where(v > 0, v, slope * v), x, r)


def prelu(weights: Iterator[Array], x: Array, r: Array) -> Pass:
    alpha = next(weights)
    return rescale(lambda v: np.where(v > 0, v, alpha * v), x, r)


def softmax(weights: Iterator[Array], x: Array, r: Array) -> Pass:
    y, s = special.softmax(x, -1), special.softmax(r, -1)
    log_y, log_s = special.log_softmax(x, -1), special.log_softmax(r, -1)
    exp_x, exp_r = np.exp(x), np.exp(r)
    total, total_r = exp_x.sum(-1, keepdims=True), exp_r.sum(-1, keepdims=True)
    of_log = quotient(np.log(total) - np.log(total_r), total - total_r)
    of_exp = quotient(exp_x - exp_r, x - r)

    def back(m: Array) -> Array:
        at_log = m * quotient(y - s, log_y - log_s)
        return at_log - of_exp * of_log * at_log.sum(-1, keepdims=True)

    return y, s, back


def quotient(rise: Array, run: Array) -> Array:
    """``rise / run``, and not a number where nothing changed (there is no multiplier to speak of)."""
    return np.divide(rise, run, out=np.full_like(rise, np.nan), where=run != 0)


def _elu(v: Array) -> Array:
    return np.where(v > 0, v, np.expm1(np.minimum(v, 0)))


UNARY: dict[str, Callable[[Array], Array]] = {
    "relu": lambda v: np.maximum(v, 0),
    "elu": _elu,
    "selu": lambda v: 1.05070098735548 * np.where(v > 0, v, 1.67326324235437 * np.expm1(np.minimum(v, 0))),
    "tanh": np.tanh,
    "sigmoid": special.expit,
    "softplus": lambda v: np.logaddexp(0, v),
    "softsign": lambda v: v / (1 + np.abs(v)),
    "gelu": lambda v: v * special.ndtr(v),
    "silu": lambda v: v * special.expit(v),
    "exponential": np.exp,
}


# --- Linear layers ---


def conv(
    weights: Iterator[Array], x: Array, r: Array, filters: int, size: int, padding: str, dilation: int = 1
) -> Pass:
    kernel, bias = next(weights), next(weights)
    rank, reach = x.ndim - 1, (size - 1) * dilation
    before = {"valid": 0, "same": reach // 2, "causal": reach}[padding]
    after = {"valid": 0, "same": reach - reach // 2, "causal": 0}[padding]
    pads = [(before, after)] * rank + [(0, 0)]
    padded_shape = [n + before + after for n in x.shape[:-1]]
    lengths = [n - reach for n in padded_shape]
    taps = list(product(range(size), repeat=rank))

    def span(tap: tuple[int, ...]) -> tuple[slice, ...]:
        return tuple(slice(k * dilation, k * dilation + n) for k, n in zip(tap, lengths, strict=True))

    def forward(v: Array) -> Array:
        v = np.pad(v, pads)
        return sum(v[span(tap)] @ kernel[tap] for tap in taps) + bias

    def back(m: Array) -> Array:
        out = np.zeros([*padded_shape, x.shape[-1]])
        for tap in taps:
            out[span(tap)] += m @ kernel[tap].T
        return out[tuple(slice(before, before + n) for n in x.shape[:-1])]

    return forward(x), forward(r), back


def dense(weights: Iterator[Array], x: Array, r: Array, units: int) -> Pass:
    kernel, bias = next(weights), next(weights)
    return x @ kernel + bias, r @ kernel + bias, lambda m: m @ kernel.T


def bn(weights: Iterator[Array], x: Array, r: Array) -> Pass:
    gamma, beta, mean, variance = (next(weights) for _ in range(4))
    scale = gamma / np.sqrt(variance + 1e-3)
    return (x - mean) * scale + beta, (r - mean) * scale + beta, lambda m: m * scale


def flatten(weights: Iterator[Array], x: Array, r: Array) -> Pass:
    return x.ravel(), r.ravel(), lambda m: m.reshape(x.shape)


def gap(weights: Iterator[Array], x: Array, r: Array) -> Pass:
    axes = tuple(range(x.ndim - 1))
    places = np.prod(x.shape[:-1])
    return x.mean(axes), r.mean(axes), lambda m: np.broadcast_to(m / places, x.shape)


# --- Pools ---


def _windows(shape: tuple[int, ...], size: int, stride: int) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...]]]:
    """Each place of the pooled array with the span of the input it looks at."""
    counts = [(n - size) // stride + 1 for n in shape]
    for place in product(*(range(n) for n in counts)):
        yield place, tuple(slice(i * stride, i * stride + size) for i in place)


def avgpool(weights: Iterator[Array], x: Array, r: Array, size: int, stride: int | None = None) -> Pass:
    spans = list(_windows(x.shape[:-1], size, stride or size))
    counts = [n + 1 for n in spans[-1][0]]
    axes, places = tuple(range(x.ndim - 1)), size ** (x.ndim - 1)

    def forward(v: Array) -> Array:
        return np.reshape([v[span].mean(axes) for _, span in spans], [*counts, x.shape[-1]])

    def back(m: Array) -> Array:
        out = np.zeros(x.shape)
        for place, span in spans:
            out[span] += m[place] / places
        return out

    return forward(x), forward(r), back


def maxpool(weights: Iterator[Array], x: Array, r: Array, size: int, stride: int | None = None) -> Pass:
    spans = list(_windows(x.shape[:-1], size, stride or size))
    counts = [n + 1 for n in spans[-1][0]]
    return _maximum(spans, [*counts, x.shape[-1]], x, r)


def gmp(weights: Iterator[Array], x: Array, r: Array) -> Pass:
    return _maximum([((), tuple(slice(0, n) for n in x.shape[:-1]))], [x.shape[-1]], x, r)


def _maximum(spans: list[Any], shape: list[int], x: Array, r: Array) -> Pass:
    y, s = np.zeros(shape), np.zeros(shape)
    credit: list[tuple[tuple[int, ...], tuple[int, ...], float]] = []  # (output, input, multiplier)
    for (place, span), channel in product(spans, range(x.shape[-1])):
        at = (*place, channel)
        window, window_r = x[(*span, channel)], r[(*span, channel)]
        y[at], s[at] = window.max(), window_r.max()
        larger = max(y[at], s[at])
        for share, where in ((larger - s[at], window.argmax()), (y[at] - larger, window_r.argmax())):
            offset = np.unravel_index(where, window.shape)
            source = (*(int(k) + part.start for k, part in zip(offset, span, strict=True)), channel)
            if share != 0:
                credit.append((at, source, share / (x[source] - r[source])))

    def back(m: Array) -> Array:
        out = np.zeros(x.shape)
        for at, source, multiplier in credit:
            out[source] += m[at] * multiplier
        return out

    return y, s, back


# --- Branches ---


def add(weights: Iterator[Array], x: Array, r: Array, layers: list[Any]) -> Pass:
    y, s, back = chain(layers, weights, x, r)
    return x + y, r + s, lambda m: m + back(m)


def gate(weights: Iterator[Array], x: Array, r: Array, layers: list[Any]) -> Pass:
    g, h, back = chain(layers, weights, x, r)
    lost = tuple(range(x.ndim - g.ndim))

    def through(m: Array) -> Array:
        to_gate = m * (x + r) / 2
        return m * (g + h) / 2 + back(to_gate.sum(lost) if lost else to_gate)

    return x * g, r * h, through


def divide(weights: Iterator[Array], x: Array, r: Array, layers: list[Any]) -> Pass:
    b, b_r, back = chain(layers, weights, x, r)
    inverse, inverse_r, from_inverse = rescale(lambda v: 1 / v, b, b_r)

    def through(m: Array) -> Array:
        return m * (inverse + inverse_r) / 2 + back(from_inverse(m * (x + r) / 2))

    return x * inverse, r * inverse_r, through


def maximum(weights: Iterator[Array], x: Array, r: Array, layers: list[Any]) -> Pass:
    b, b_r, back = chain(layers, weights, x, r)
    _, _, from_distance = rescale(np.abs, x - b, r - b_r)

    def through(m: Array) -> Array:
        to_distance = from_distance(m / 2)
        return m / 2 + to_distance + back(m / 2 - to_distance)

    return np.maximum(x, b), np.maximum(r, b_r), through


def concat(weights: Iterator[Array], x: Array, r: Array, layers: list[Any]) -> Pass:
    y, s, back = chain(layers, weights, x, r)
    old = x.shape[-1]
    return np.concatenate([x, y], -1), np.concatenate([r, s], -1), lambda m: m[..., :old] + back(m[..., old:])


LAYERS: dict[str, Callable[..., Pass]] = {
    "conv": conv, "dense": dense, "bn": bn, "flatten": flatten, "gap": gap, "gmp": gmp, "avgpool": avgpool,
    "maxpool": maxpool, "leaky": leaky, "prelu": prelu, "softmax": softmax,
    "add": add, "gate": gate, "divide": divide, "maximum": maximum, "concat": concat,
}  # fmt: skip
