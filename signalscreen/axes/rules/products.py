"""Matrix products and Fourier transforms: they mix all of an axis at once."""

from typing import Any

from signalscreen.axes.terms import MADE, Axes, Axis, Digit, together
from signalscreen.axes.walk import Walk, shape_of


def matrix_product(walk: Walk, op: Any) -> list[Axes]:
    """A dense layer on each row."""
    turned = [op.get_attr("transpose_a"), op.get_attr("transpose_b")]
    return _product(walk, op, turned)


def batch_product(walk: Walk, op: Any) -> list[Axes]:
    """A matrix on each position."""
    return _product(walk, op, [op.get_attr("adj_x"), op.get_attr("adj_y")])


def _product(walk: Walk, op: Any, turned: list[bool]) -> list[Axes]:
    rank = op.outputs[0].shape.rank or 0
    names = []
    for number, x in enumerate(op.inputs[:2]):
        lead = list(range(rank - (x.shape.rank or 0), rank - 2))
        last = [rank - 2, rank] if number == 0 else [rank, rank - 1]
        names.append([*lead, *(reversed(last) if turned[number] else last)])
    return [_summed(walk, op, names, list(range(rank)))]


def einsum(walk: Walk, op: Any) -> list[Axes]:
    """Any product that is written with letters."""
    terms, result = op.get_attr("equation").decode().replace(" ", "").split("->")
    names = terms.split(",")
    if "." in terms or any(len(set(term)) < len(term) for term in (*names, result)):
        return []
    letters = {letter: i for i, letter in enumerate(dict.fromkeys(result + terms.replace(",", "")))}
    return [_summed(walk, op, [[letters[a] for a in term] for term in names], [letters[a] for a in result])]


def _summed(walk: Walk, op: Any, names: list[list[int]], result: list[int]) -> Axes:
    """A sum of products: axes by number, those that are not in the result summed over."""
    found: dict[int, tuple[Axis, int]] = {}
    for x, own in zip(op.inputs, names, strict=False):
        sizes = shape_of(x)
        if not walk.reaches(x):
            continue
        gone = [i for i, name in enumerate(own) if name not in result]
        kept = [i for i, name in enumerate(own) if name in result]
        left = walk.contracted(walk.of(x), sizes, gone, "dense", kept)
        for axis, i in zip(left, kept, strict=True):
            pairs = [d for name, (d, _) in found.items() if name != own[i] and isinstance(d, Digit)]
            if isinstance(axis, Digit) and own[i] not in found and any(axis.whole == d.whole for d in pairs):
                walk.note("paired", axis, sizes[i])
                axis = axis._replace(copy=len(walk.events) + 1)
            if own[i] not in found:
                found[own[i]] = axis, sizes[i]
            else:
                other, n = found[own[i]]
                found[own[i]] = together(other, n, axis, sizes[i]), max(n, sizes[i])
    return tuple(found[name][0] if name in found else MADE for name in result)


def spectrum(walk: Walk, op: Any) -> list[Axes]:
    """The last axis becomes one of frequencies."""
    x = op.inputs[0]
    axes, sizes = walk.of(x), shape_of(x)
    last = len(sizes) - 1
    return [(*walk.contracted(axes, sizes, [last], "dense", range(last)), MADE)]
