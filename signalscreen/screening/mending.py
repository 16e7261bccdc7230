"""A store that was damaged, made such that what is damaged is done again. No TensorFlow."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import OutputError, RecordingError, SignalScreenWarning, warn
from signalscreen.screening import store
from signalscreen.screening.allocation import StoreSpec
from signalscreen.screening.following import WINDOWS, contradictions
from signalscreen.screening.known import known, write_known
from signalscreen.screening.soundness import KNOWN

_SHOWN = 8  # numbers of slices in a sentence


def mend(arrays: store.Arrays, group: Any, spec: StoreSpec) -> None:
    """Write what is known anew where it is damaged, and say of damaged shards that they are not done.

    Every chunk of every shard that is done is read.

    Parameters
    ----------
    arrays : mapping
        Of the store, open for writing.
    group : zarr.Group
        The same, for reading.
    spec : StoreSpec
        What the store was made of.

    Warns
    -----
    SignalScreenWarning
        If something was damaged.
    """
    rewritten = [name for name in sorted(KNOWN) if not _readable(arrays[name])]
    for name in rewritten:
        _write(arrays[name], name, spec)
    shards, wrong = _damaged(arrays, group)
    for name in wrong:
        _write(arrays[name], name, spec)
    for number in shards:
        arrays["done"][number] = 0
    if rewritten or wrong or shards:
        _say(spec, sorted({*rewritten, *wrong}), shards)


def _write(array: Any, name: str, spec: StoreSpec) -> None:
    values = known(spec)[name]
    if array.shape != (values.size,):
        raise OutputError(
            f"{name} in the store of {spec.source} is damaged, and the recording now has {values.size} where the "
            f"store had {array.shape[0]}; give another --out"
        )
    write_known(array, values)


def _say(spec: StoreSpec, rewritten: list[str], shards: list[int]) -> None:
    shown = ", ".join(map(str, shards[:_SHOWN])) + (", ..." if len(shards) > _SHOWN else "")
    slices = [f"slice{'s' * (len(shards) > 1)} {shown} of {spec.shards}"] if shards else []
    warn(
        f"the store of {spec.source} was damaged; done again: {' and '.join([*rewritten, *slices])}",
        SignalScreenWarning,
    )


def _damaged(arrays: store.Arrays, group: Any) -> tuple[list[int], frozenset[str]]:
    """Shards that were done, of which a chunk is lost, is not what was written, or contradicts the others.

    And the names of arrays that are known beforehand and contradict others.
    """
    done, found = _done(arrays["done"])
    for name, array in arrays.items():
        if name not in KNOWN and name != "done":
            found |= {number for number in np.flatnonzero(done).tolist() if not _readable(array, int(number))}
    sound = done.copy()
    sound[list(found)] = False
    values = {name: _rows_of(name, array, sound) for name, array in arrays.items() if name in WINDOWS}
    size = int(group.attrs["shard_windows"])
    wrong = contradictions(group.attrs, values, store.window_rows(group, sound))
    for one in wrong:
        found |= set() if one.name in KNOWN else set((one.rows // size).tolist())
    return sorted(found), KNOWN & {one.name for one in wrong}


def _done(array: Any) -> tuple[NDArray[np.bool_], set[int]]:
    """Which shards are done, and of which that cannot be read."""
    done, unknown = np.zeros(array.shape[0], bool), set()
    for number in range(len(done)):
        try:
            done[number] = array[number] > 0
        except RecordingError:
            unknown.add(number)
    return done, unknown


def _readable(array: Any, number: int | None = None) -> bool:
    """Whether a chunk can be read; by default all of them."""
    size = array.chunks[0]
    numbers = range(-(-array.shape[0] // size)) if number is None else (number,)
    try:
        for one in numbers:
            array[one * size : (one + 1) * size]
    except RecordingError:
        return False
    return True


def _rows_of(name: str, array: Any, shards: NDArray[np.bool_]) -> NDArray[Any]:
    """An array of windows where it can be read; elsewhere as if nothing were there."""
    values = np.full(array.shape, array.fill_value, array.dtype)
    if name in KNOWN:
        return np.asarray(array[:]) if _readable(array) else values
    size = array.chunks[0]
    for number in np.flatnonzero(shards):
        here = slice(number * size, (number + 1) * size)
        values[here] = array[here]
    return values
