"""Chunks of the store that were read lately, kept decoded: neighbouring tiles lie in the same one."""

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROOM = 96 << 20  # bytes: a screenful and its neighbours, of twelve leads too


class RecentChunks:
    """Rows of a Zarr group's arrays, by way of decoded chunks; the least recently used is thrown out.

    A page asks for several tiles at once, each from a thread of its own: a chunk is decoded once, and whoever
    else needs it waits for that.

    Parameters
    ----------
    read : callable
        ``read(name, first, stop)`` gives rows of an array.
    room : int
        Bytes kept.
    """

    def __init__(self, read: Callable[[str, int, int], NDArray[Any]], room: int = _ROOM) -> None:
        self._read, self._room = read, room
        self._kept: OrderedDict[tuple[str, int], NDArray[Any]] = OrderedDict()
        self._decoding: dict[tuple[str, int], Lock] = {}
        self._lock = Lock()

    def rows(self, name: str, size: int, first: int, stop: int) -> NDArray[Any]:
        """Give rows ``first`` to ``stop`` (one past) of an array whose chunks have `size` rows."""
        parts = []
        for number in range(first // size, -(-stop // size)):
            begin = number * size
            parts.append(self._chunk(name, number, size)[max(first - begin, 0) : stop - begin])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _chunk(self, name: str, number: int, size: int) -> NDArray[Any]:
        key = name, number
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            decoding = self._decoding.setdefault(key, Lock())
        with decoding:
            with self._lock:
                if key in self._kept:  # another thread has read it meanwhile
                    return self._kept[key]
            values = self._read(name, number * size, (number + 1) * size)
            with self._lock:
                self._kept[key] = values
                self._decoding.pop(key, None)
                while len(self._kept) > 1 and sum(one.nbytes for one in self._kept.values()) > self._room:
                    self._kept.popitem(last=False)
        return values
