"""What a kind of file is to `benchmarks.fuzz`."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kind:
    """How to make sound files of a kind, and how to open them.

    Attributes
    ----------
    make : callable
        ``make(folder)`` writes the files, and returns the path that is opened.
    open : callable
        ``open(path)``: the public function under test.
    tricks : tuple of callables
        ``trick(folder)`` changes sound files in a way that chance does not find.
    change : callable, optional
        ``change(path, chance)`` changes the files at random; by default one file's bytes, numbers or lines.
    seconds : float
        After which a case hangs.
    memory : int
        Bytes that opening a small file may take.
    """

    make: Callable[[Path], Path]
    open: Callable[[Path], object]
    tricks: tuple[Callable[[Path], object], ...] = ()
    change: Callable[[Path, random.Random], None] | None = None
    seconds: float = 10
    memory: int = 64 << 20
