"""Labelled signals as batches, from an array, a file on disk, a generator or a Keras data set. NumPy only."""

from collections.abc import Container, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError
from signalscreen.streams import blocks

Array = npt.NDArray[Any]
Label = int | str

_BYTES, _ROWS = 16 * 2**20, 512  # of what is read from an array at a time
_ITEMS = "(signals, labels) of a batch"


class Batch(NamedTuple):
    """Some examples of a data set.

    Attributes
    ----------
    first : int
        Number of the first of them in the data set.
    x : ndarray, shape (examples, ...)
    labels : list of int or str
    """

    first: int
    x: Array
    labels: list[Label]

    def only(self, wanted: Container[Label]) -> tuple[Array, Array, list[Label]]:
        """The examples with one of these labels: their numbers, signals and labels."""
        rows = np.flatnonzero([label in wanted for label in self.labels])
        return self.first + rows, self.x[rows], [self.labels[row] for row in rows]


def labelled_batches(data: Any, labels: Any = None) -> tuple[Iterator[Batch], int | None]:
    """Go through labelled signals, a batch at a time.

    Parameters
    ----------
    data : array_like, iterable, Keras Sequence or callable
        With `labels`: an array, a memory map, or anything with a shape that is sliced by rows (HDF5, zarr); it is
        read in pieces of at most 16 MiB. Without: ``(signals, labels)`` batch by batch, from an iterable that
        ends, from a Keras ``Sequence`` or ``PyDataset``, or from what a callable returns. Sample weights after
        them are left aside.
    labels : array_like, shape (examples,), optional
        Numbers or words.

    Returns
    -------
    iterator of Batch
    int or None
        How many batches there will be, where that is known.

    Raises
    ------
    InputError
        Signals and labels do not go together. Of an iterable, when its turn comes.

    Examples
    --------
    >>> found, count = labelled_batches(np.zeros((3, 8)), ["N", "V", "N"])
    >>> count, [(batch.x.shape, batch.labels) for batch in found]
    (1, [((3, 8), ['N', 'V', 'N'])])
    """
    if labels is not None:
        return _of_array(data, labels)
    if callable(data) and not hasattr(data, "shape"):
        data = data()
    if hasattr(data, "shape"):
        raise InputError(f"data is an array of shape {tuple(data.shape)} without labels; give one for each signal")
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, list | tuple):
        # A Keras PyDataset has no end when it is iterated over, so it is asked for its length.
        return _of_items(map(data.__getitem__, range(len(data)))), len(data)
    if not isinstance(data, Iterable):
        raise InputError(
            f"data is a {type(data).__name__}; give an array with its labels, or an iterable of {_ITEMS}"
        )
    try:
        return _of_items(data), len(data)  # type: ignore[arg-type] # a generator has no length, nor some of TensorFlow
    except TypeError:
        return _of_items(data), None


def read_labels(values: Any) -> list[Label]:
    """Labels as ints and strings, whatever they were stored as.

    Raises
    ------
    InputError
        There is more than one label for an example, or one is neither a whole number nor a word.

    Examples
    --------
    >>> read_labels(np.array([[1.0], [0.0]])), read_labels([b"N", "V", True])
    ([1, 0], ['N', 'V', 1])
    """
    array = np.asarray(values) if hasattr(values, "dtype") else np.array(values, dtype=object)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise InputError(
            f"labels has shape {array.shape}; give one label for each example, for one-hot rows their argmax"
        )
    return [_label(value) for value in array.tolist()]


def _label(value: Any) -> Label:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int | float | np.number | np.bool_) and value == int(value if np.isfinite(value) else 0):
        return int(value)
    raise InputError(f"label {value!r} is neither a whole number nor a word; give class numbers or names")


def _of_array(data: Any, labels: Any) -> tuple[Iterator[Batch], int]:
    rows = data if isinstance(getattr(data, "dtype", None), np.dtype) else _signals(data, 0)
    known = read_labels(labels)
    if not rows.shape or len(rows) != len(known):
        raise InputError(
            f"data has {len(rows) if rows.shape else 'no'} signals, of shape {tuple(rows.shape)}, and there are "
            f"{len(known)} labels; give one label for each"
        )
    if not known:
        raise InputError("data holds no example; give at least one")
    one = max(int(np.prod(rows.shape[1:])) * rows.dtype.itemsize, 1)
    size = max(min(_BYTES // one, _ROWS), 1)
    cuts = blocks(len(known), size)
    return (Batch(c.start, np.asarray(rows[c]), known[c]) for c in cuts), -(-len(known) // size)


def _of_items(items: Iterable[Any]) -> Iterator[Batch]:
    first, shape = 0, None
    for item in items:
        if not isinstance(item, list | tuple) or len(item) < 2:
            raise InputError(f"data gives a {type(item).__name__} after {first} examples; give {_ITEMS}, as a pair")
        x, labels = _signals(item[0], first), read_labels(item[1])
        if not x.ndim or len(x) != len(labels):
            raise InputError(
                f"a batch after {first} examples has signals of shape {x.shape} and {len(labels)} labels; give one "
                "label for each"
            )
        if shape is not None and x.shape[1:] != shape:
            raise InputError(
                f"signals after {first} examples are {x.shape[1:]}, those before {shape}; cut, pad or resample "
                "them to one shape"
            )
        shape = x.shape[1:]
        yield Batch(first, x, labels)
        first += len(x)


def _signals(x: Any, first: int) -> Array:
    if isinstance(x, dict):
        raise InputError("data gives several inputs at once; class averages take models with one input")
    try:
        return np.asarray(x)
    except ValueError as error:
        raise InputError(f"signals after {first} examples differ in shape; cut, pad or resample them") from error
