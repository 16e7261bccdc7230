"""What is explained of each example of a data set, and what goes with it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.averages.batches import Label, read_labels
from signalscreen.errors import InputError, TargetError

Array = npt.NDArray[Any]


class Labels(list[Label]):
    """Labels as targets: class numbers, and names of classes."""


def names_of(class_names: Sequence[Label] | None) -> list[Label] | None:
    """Names of classes as ints and strings, whatever they were stored as."""
    return None if class_names is None else read_labels(list(class_names))


def targets_of(target: Any, numbers: Array, labels: Sequence[Label], names: list[Label] | None) -> Any:
    """What is explained of the examples with these numbers in the data set.

    Parameters
    ----------
    target : "label", or any target
    numbers : ndarray of int, shape (examples,)
    labels : sequence of int or str
        Theirs.
    names : list of int or str, optional
        What the classes of the model are called in the data set, in order.

    Raises
    ------
    TargetError
        A label is not among the names, or may mean two classes.

    Examples
    --------
    >>> targets_of("label", np.arange(3), [-1, 1, -1], [-1, 1])
    [0, 1, 0]
    >>> targets_of("label", np.arange(2), [2, "N"], ["N", "V", "S"])
    [2, 'N']
    """
    if isinstance(target, str) and target == "label":
        return Labels(_class_of(label, names) for label in labels)
    if isinstance(target, list | np.ndarray) and len(target) > 1:
        return [target[i] for i in numbers if i < len(target)]
    return target


def _class_of(label: Label, names: list[Label] | None) -> Label:
    """The number of a class, or its name where names are words."""
    if names is None:
        return label
    if any(isinstance(name, int) for name in names):
        if label not in names:
            raise TargetError(f"label {label!r} is not among the class names {', '.join(map(str, names))}")
        return names.index(label)
    if isinstance(label, int) and str(label) in names and names.index(str(label)) != label:
        raise TargetError(
            f"label {label} is the number of one class and the name of another ({', '.join(map(str, names))}); "
            "give class_names as numbers where labels are such names, or labels as text"
        )
    return label


def check_targets(target: Any, examples: int) -> None:
    """Refuse more targets than examples, which batch by batch would not be noticed.

    Raises
    ------
    TargetError
    """
    listed = isinstance(target, list) or (isinstance(target, np.ndarray) and target.ndim)
    if listed and len(target) not in (1, examples):
        raise TargetError(
            f"target has {len(target)} classes for {examples} examples; give one for each, or one for all"
        )


def options_of(
    options: dict[str, Any], each: Sequence[str], numbers: Array, examples: int | None, rank: int
) -> dict[str, Any]:
    """Options of a method for the examples with these numbers: of what holds one for each example, theirs.

    Parameters
    ----------
    each : sequence of str
        Options that may hold one array for each example.
    examples : int, optional
        In the data set, where that is known.
    rank : int
        Axes of one example, channels included.

    Raises
    ------
    InputError
        An option holds one for each of another number of examples.
    """
    chosen = {}
    for name in set(each) & set(options):
        value = options[name]
        if callable(value) or np.ndim(value) <= rank or len(value) == 1:
            continue
        if len(value) != examples:
            has = (
                "whose number of examples is not known beforehand"
                if examples is None
                else f"of {examples} examples"
            )
            raise InputError(
                f"{name} has shape {np.shape(value)}, which is one for each of {len(value)} examples, and the data "
                f"set is one {has}; give one for all, or references that all share, (1, R, *axes, channels)"
            )
        chosen[name] = np.asarray(value)[numbers]
    return {**options, **chosen}
