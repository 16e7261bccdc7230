"""Heads written by hand, recognised by trying them on numbers.

Between a network's last weights and its output often lies arithmetic: exp(z) / sum(exp(z)), 1 / (1 + exp(-z)),
(tanh(z / 2) + 1) / 2. There is no end to the ways of writing it, so it is not read but run: it is cut out of the
graph, run on random numbers in the place of z, and compared with a softmax and a sigmoid.
"""

from collections.abc import Callable
from fractions import Fraction
from itertools import combinations
from math import prod
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.arithmetic import (
    PRODUCTS,
    Region,
    constant_behind,
    is_weight,
    opened,
    passed,
    region_of,
    signature,
    wide,
)
from signalscreen.backend import tf
from signalscreen.graph import behind

Array = npt.NDArray[Any]

_QUOTIENTS = {"RealDiv", "Div", "DivNoNan", "Reciprocal", "Inv"}
_LOGARITHMS = {"Log", "Log1p", "LogSoftmax", "Softplus", "Xlogy"}
# Without one of these nothing is kept between bounds.
_BOUNDING = set(
    "Exp Expm1 Tanh Sigmoid Softmax LogSoftmax Softplus Softsign Erf Erfc Atan Sin Cos Relu6 RealDiv Div DivNoNan "
    "Reciprocal Inv Rsqrt Maximum Minimum ClipByValue".split()
)
_VALUES = 64  # that an output is tried on, at least
_FREE = 5  # what stands for the length of a free axis
_CLOSE = 5e-5  # as far as two heads may differ in float32
_MOST_KEPT = 1024  # regions of which it is known what they are
_ENDS = 0.01  # nearer to 0 or 1, a probability in float32 does not tell its logit


class Recognised(NamedTuple):
    """``scale * sigmoid(logit) + shift`` or ``scale * softmax(logit) + shift``, or the logarithm of it."""

    logit: Any
    sigmoid: bool
    scale: float
    shift: float
    log: bool


def recognised(tensor: Any) -> Recognised | None:
    """The head that `tensor` is, where arithmetic makes it one of a tensor behind it."""
    region = region_of(tensor)
    if region is None or not _BOUNDING & {op.type for op in region.ops}:
        return None
    candidates = passed(region)
    found = _kept(("head", signature(region)), lambda: _head_of(region, candidates))
    if found is None:
        return None
    number, (sigmoid, slope, offset, scale, log) = found
    logit = candidates[number] if slope == 1 else candidates[number] * slope
    logit = logit if offset == 0 else logit + offset
    if logit.shape.as_list() != tensor.shape.as_list():
        logit = tf.reshape(logit, tf.shape(tensor))
    return Recognised(logit, sigmoid, scale, 0.0, log)


def bounded(tensor: Any) -> bool:
    """Whether arithmetic keeps `tensor` between 0 and 1 whatever numbers go into it."""
    region = region_of(tensor)
    if region is None or not _BOUNDING & {op.type for op in region.ops}:
        return False
    return _kept(("bounded", signature(region)), lambda: _is_bounded(region))


def made_of_heads(tensor: Any, head_of: Callable[[Any], Any]) -> bool:
    """Whether `tensor` is computed from probabilities and constants alone, and is no logarithm.

    An input of the model that the probabilities do not depend on (a mask, weights of classes) is such a constant.
    One that they do depend on is a signal behind a gate.
    """

    def is_head(t: Any) -> bool:
        return t.op.type in ("Softmax", "Sigmoid") or (t.op.type in _QUOTIENTS and head_of(t) is not None)

    def is_made(t: Any) -> bool:
        return is_head(t) or made_of_heads(t, head_of)

    if (source := _mixed(tensor)) is not None:
        return is_made(source)
    region = region_of(tensor, is_head)
    if region is None or _LOGARITHMS & {op.type for op in region.ops}:
        return False
    heads = [leaf for leaf in region.leaves if is_head(leaf) or (_mixed(leaf) is not None and is_made(leaf))]
    names, seen = {t.name for t in heads}, behind(heads)

    def is_constant(t: Any) -> bool:
        return is_weight(t) or (t.op.type == "Placeholder" and t.op.name not in seen)

    return bool(heads) and all(leaf.name in names or is_constant(leaf) for leaf in region.leaves)


_MIXING = {*PRODUCTS, "Conv2D", "Conv3D", "DepthwiseConv2dNative"}


def _mixed(tensor: Any) -> Any:
    """What `tensor` sums up with constant weights, none below 0: classes put together, smoothing; else None."""
    if tensor.op.type not in _MIXING:
        return None
    first, second = tensor.op.inputs[:2]
    for source, weights in ((first, second), (second, first)):
        value = constant_behind(weights)
        if value is not None and (value >= 0).all():
            return source
    return None


_known: dict[tuple[str, str], Any] = {}


def _kept(key: tuple[str, str], find: Callable[[], Any]) -> Any:
    """What was found for a region like this one."""
    if key not in _known:
        if len(_known) >= _MOST_KEPT:
            _known.clear()
        _known[key] = find()
    return _known[key]


def _head_of(region: Region, candidates: list[Any]) -> tuple[int, tuple[bool, float, float, float, bool]] | None:
    """The number of the first candidate that `region` makes a head of, and which."""
    with opened(region) as run:
        for number, candidate in enumerate(candidates):
            pairs = [_tried(run, region, [candidate], scale) for scale in (1.0, 4.0)]
            known = [pair for pair in pairs if pair is not None]
            fit = _fitted(*map(np.concatenate, zip(*known, strict=True))) if len(known) == len(pairs) else None
            if fit is not None:
                return number, fit
    return None


def _is_bounded(region: Region) -> bool:
    with opened(region) as run:
        pairs = [_tried(run, region, region.leaves, scale) for scale in (1.0, 10.0)]
    values = [pair[1] for pair in pairs if pair is not None]
    return len(values) == len(pairs) and all(
        y.min() > -_CLOSE and y.max() < 1 + _CLOSE and np.ptp(y) > _CLOSE for y in values
    )


def _tried(run: Any, region: Region, free: list[Any], scale: float) -> tuple[Array, Array] | None:
    """Random values of the first tensor that is free, and what the region gives for them, in float64."""
    rng = np.random.default_rng(0)
    names = {t.name for t in free}
    found: list[tuple[Array, Array]] = []
    while not found or (len(found) < _VALUES and sum(y.size for _, y in found) < _VALUES):
        values = {}
        for t in [*free, *(t for t in [*region.leaves, *region.shapes] if t.name not in names)]:
            if t.shape.rank is None:
                return None
            shape = [_FREE if n is None else n for n in t.shape]
            drawn = rng.normal(scale=scale, size=shape) if t.dtype.is_floating else rng.integers(0, 2, shape)
            values[t.name] = np.asarray(drawn, wide(t.dtype).as_numpy_dtype)
        try:
            y = np.asarray(run(values), np.float64)
        except (tf.errors.OpError, ValueError, TypeError):
            return None  # lengths that do not go together
        if not y.size or not np.isfinite(y).all():
            return None
        found.append((np.asarray(values[free[0].name], np.float64), y))
    z, y = map(np.concatenate, zip(*found, strict=True))
    return z, y


def _fitted(z: Array, y: Array) -> tuple[bool, float, float, float, bool] | None:
    """Whether y is a sigmoid (or else a softmax) of z, its slope, offset and scale, and whether y is its log."""
    in_log = bool(y.max() <= 0)
    scale = 1.0 if in_log or y.max() < 2 else 100.0  # per cent
    p = np.exp(y) if in_log else y / scale
    if z.size != p.size or len(z) != len(p) or p.min() < -_CLOSE or p.max() > 1 + _CLOSE:
        return None
    z = z.reshape(p.shape)
    line = _sigmoid_fit(z, p)
    if line is not None:
        return True, *line, scale, in_log
    axes = range(1, p.ndim)
    for some in (some for n in axes for some in combinations(axes, n)):
        slope = _softmax_fit(z, p, some)
        if slope is not None:
            return False, slope, 0.0, scale, in_log
    return None


def _sigmoid_fit(z: Array, p: Array) -> tuple[float, float] | None:
    told = (p > _ENDS) & (p < 1 - _ENDS)
    if told.sum() < _VALUES // 8:
        return None
    logit, at = np.log(p[told] / (1 - p[told])), z[told]
    slope = _simple(np.sum((at - at.mean()) * (logit - logit.mean())) / np.sum((at - at.mean()) ** 2))
    offset = _simple(logit.mean() - slope * at.mean())
    close = np.abs(p - 1 / (1 + np.exp(-(slope * z + offset)))).max() < _CLOSE
    return (slope, offset) if close and slope else None


def _softmax_fit(z: Array, p: Array, axes: tuple[int, ...]) -> float | None:
    if prod(p.shape[a] for a in axes) < 2 or np.abs(p.sum(axes) - 1).max() > _CLOSE:
        return None
    told = p.min(axes) > _CLOSE
    logit, at = (a - a.mean(axes, keepdims=True) for a in (np.log(np.maximum(p, _CLOSE)), z))
    weight = np.expand_dims(told, axes)
    if not told.any():
        return None
    slope = _simple(np.sum(weight * at * logit) / np.sum(weight * at**2))
    powers = np.exp(slope * (z - z.max(axes, keepdims=True) * np.sign(slope)))
    close = np.abs(p - powers / powers.sum(axes, keepdims=True)).max() < _CLOSE
    return slope if close and slope else None


def _simple(number: float) -> float:
    """A fraction of small numbers, where rounding may have made `number` of it."""
    fraction = float(Fraction(float(number)).limit_denominator(64))
    return fraction if abs(fraction - number) < _CLOSE * max(1.0, abs(number)) else float(number)
