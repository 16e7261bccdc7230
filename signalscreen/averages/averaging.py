"""Mean maps of the classes of a data set, of which only sums are kept."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen import methods  # noqa: F401 (they list themselves)
from signalscreen.averages.batches import Label, labelled_batches, read_labels
from signalscreen.averages.classes import Labels, check_targets, names_of, options_of, targets_of
from signalscreen.averages.moments import Moments, add
from signalscreen.averages.result import ClassAverages
from signalscreen.errors import (
    CompletenessWarning,
    InputError,
    NonFiniteWarning,
    SignalScreenWarning,
    TargetError,
    silenced,
    warn,
)
from signalscreen.method import based_on
from signalscreen.methods import find_method
from signalscreen.order import Order
from signalscreen.reduction import check_reduction
from signalscreen.reduction import reduce as merge

Array = npt.NDArray[Any]


def class_averages(
    model: Any,
    data: Any,
    labels: Any = None,
    *,
    method: str = "saliency",
    target: Any = "label",
    reduce: str | None = None,
    scale: str = "none",
    wanted: Iterable[Label] | None = None,
    score: str = "logit",
    class_names: Sequence[Label] | None = None,
    batch_size: int | None = None,
    progress: bool | None = None,
    channels: Any = None,
    examine: bool = True,
    **options: Any,
) -> ClassAverages:
    r"""Mean map of each class of a data set, by any method.

    The data set goes through in batches and only sums are kept, so it may be larger than memory.

    Parameters
    ----------
    model : keras.Model or path
        With one input.
    data : array_like, iterable, Keras Sequence or callable
        With `labels`, an array of shape (examples, \*axes, channels), a memory map, or an HDF5 data set. Without,
        ``(signals, labels)`` batch by batch: an iterable that ends, such as a generator or a ``tf.data.Dataset``;
        a Keras ``Sequence`` or ``PyDataset``; or a callable that returns one. All signals have one shape.
    labels : array_like, shape (examples,), optional
        The class of each example: numbers or words.
    method : str
        A name in `METHODS`.
    target : "label", or any target
        What is explained of each example. "label": its own class; labels are then class indices, or names among
        `class_names`. A network with a single sigmoid unit takes 0 for all.
    class_names : sequence of str or of int, optional
        What the classes of the model are called, in order. Numbers are names as well, and labels are then looked up
        among them: ``class_names=[-1, 1]`` for the labels -1 and 1 of a data set of the UCR archive.
    reduce : str, optional
        How channels are merged before averaging, as in `reduce`: "max_abs" averages magnitudes, where the default
        averages the method's maps as they are, in which opposite signs cancel. A map without channels counts as
        one with a single channel.
    scale : {"none", "max_abs", "min_max"}
        Bring each example's map to one scale first, so that none outweighs the others.
    wanted : iterable of int or str, optional
        Only these labels, in this order, none of which may be missing; by default all, sorted.
    score, batch_size, progress, channels, examine
        See the conventions page of the documentation.
    **options
        Those of the method. Methods with a `seed` begin anew with each batch. References of the shape of `data` are
        one for each example, where `labels` are given.

    Returns
    -------
    ClassAverages

    Raises
    ------
    InputError
        Signals and labels do not go together, a wanted label has no example, or a map is not finite.
    TargetError
        A label is no class of the model.
    MethodError, OptionError

    Notes
    -----
    An average over examples that are not aligned is smooth wherever they differ: beats are cut around their peak,
    genotype windows around their centre, before this is of use.

    CNN-vis averages ``reduce="max_abs", scale="min_max", target=0``.

    Examples
    --------
    >>> import keras
    >>> net = keras.Sequential([keras.Input((3, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    >>> net.set_weights([np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 5.0]]), np.zeros(2)])
    >>> found = class_averages(net, np.ones((4, 3, 1)), [0, 1, 1, 0], method="input_x_gradient")
    >>> found.counts, found.mean[1][:, 0], found.difference(1, 0).mean[:, 0]
    ({0: 2, 1: 2}, array([0., 0., 5.]), array([-1., -2.,  5.]))
    """
    from signalscreen.models import as_model
    from signalscreen.score import Score

    entry = find_method(method)
    check_reduction(reduce or "sum", scale)
    model = as_model(model)
    bar = Score(model, score=score, batch_size=batch_size, progress=progress)
    names = names_of(class_names)
    words = None if names is None else list(map(str, names))
    common = {
        "score": score,
        "class_names": words,
        "batch_size": batch_size,
        "progress": False,
        "channels": channels,
        "examine": examine,
    }
    shape = based_on(entry, options)
    each = (*shape.per_example, *shape.references)
    batches, total = labelled_batches(data, labels)
    examples = None if labels is None else len(labels)
    if examples is not None:
        check_targets(target, examples)
    only = None if wanted is None else list(dict.fromkeys(read_labels(list(wanted))))
    if only is not None and labels is not None:
        _check_wanted(only, read_labels(labels))
    maps: dict[Label, Moments] = {}
    signals: dict[Label, Moments] = {}
    kind = score
    for batch in bar.track(batches, total, "class averages"):
        numbers, x, known = batch.only(batch.labels if only is None else only)
        if not known:
            continue
        x, lying = _checked(model, x, channels)
        chosen = targets_of(target, numbers, known, names)
        mine = {**common, **options_of(options, each, numbers, examples, x.ndim - 1)}
        found = _explained(entry.fn, model, x, chosen, numbers, mine)
        if not maps:
            with silenced(SignalScreenWarning):  # said by the method
                again = {"class_names": words, "channels": channels, "examine": False}
                kind = Score(model, chosen, score=score, **again).bind(x)[0].kind
        _check_finite(found, numbers, known, method)
        add(maps, known, _view(found, lying if found.ndim == x.ndim else None, reduce, scale))
        add(signals, known, x)
    if only is None and not maps:
        raise InputError("data gave no example; give at least one (a generator that was gone through is empty)")
    order = _sorted(maps) if only is None else only
    _check_wanted(order, maps)
    return ClassAverages(
        labels=tuple(order),
        counts={label: maps[label].n for label in order},
        mean={label: maps[label].mean for label in order},
        std={label: maps[label].deviation() for label in order},
        signal={label: signals[label].mean for label in order},
        method=method,
        target=str(target),
        score=kind,
    )


def _checked(model: Any, x: Array, channels: Any) -> tuple[Array, Order]:
    """The batch with the model's rank, and where its channels are."""
    from signalscreen.models import layout_of
    from signalscreen.surveys import placed

    layout = layout_of(model, x)
    if not layout.single:
        names = ", ".join(spec.name for spec in layout.specs)
        raise InputError(f"the model has inputs {names}; class averages take models with one input")
    layout, _ = placed(model, x, channels)
    return layout.read(x)[0], layout.orders[0]


def _explained(explain: Any, model: Any, x: Array, targets: Any, numbers: Array, common: dict[str, Any]) -> Array:
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = explain(model, x, targets, **common)
    except TargetError as error:
        if not isinstance(targets, Labels):
            raise
        raise TargetError(
            f"{error}; with target='label' each example's label is the class that is explained, so for one output "
            "give target=0, for other labels than class numbers class_names, in the model's order, such as [-1, 1]"
        ) from error
    refused = not np.isfinite(found).all()  # with an error that says so
    for each in caught:  # a method counts the examples of its own call, and the user those of the data set
        if refused and issubclass(each.category, NonFiniteWarning):
            continue
        counts = numbers[0] and issubclass(each.category, CompletenessWarning | NonFiniteWarning)
        warn(f"{each.message}" + (f" (counted from example {numbers[0]})" if counts else ""), each.category)
    return found


def _view(maps: Array, order: Order | None, how: str | None, scale: str) -> Array:
    """What is averaged of the maps of a batch, which lie in `order` where they have channels."""
    if how is None:  # a channel of its own for every value, so that they are scaled but not merged
        return merge(maps[..., None], "sum", scale=scale)
    return merge(maps[..., None] if order is None else order.canonical(maps), how, scale=scale)


def _check_finite(maps: Array, numbers: Array, labels: list[Label], method: str) -> None:
    bad = np.flatnonzero(~np.isfinite(maps.reshape(len(maps), -1)).all(axis=1))
    if bad.size:
        raise InputError(
            f"{method} of example {numbers[bad[0]]} (label {labels[bad[0]]!r}) has NaN or infinity, which has no "
            "average; leave the example out, or look at what the model gives for it"
        )


def _check_wanted(wanted: Iterable[Label], found: Iterable[Label]) -> None:
    there = set(found)
    missing = [label for label in wanted if label not in there]
    if missing:
        raise InputError(
            f"label {missing[0]!r} has no example in the data, so it has no average; there are examples of "
            f"{', '.join(map(repr, _sorted(there))) or 'none'}"
        )


def _sorted(labels: Iterable[Label]) -> list[Label]:
    return sorted(labels, key=lambda label: (isinstance(label, str), label))
