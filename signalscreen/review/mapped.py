"""Arrays of one uncompressed chunk: its file is the array, and is mapped into memory."""

from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray


def chunk_of(folder: Path, dimensions: int) -> Path:
    """The file of an array's only chunk."""
    return folder.joinpath("c", *["0"] * dimensions)


def mapped(folder: Path, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """An array, read when it is looked at."""
    if 0 in shape:
        return np.zeros(shape, np.float32)
    return np.memmap(chunk_of(folder, len(shape)), np.dtype("<f4"), mode="r", shape=shape)


def checksums(folder: Path) -> dict[str, int]:
    """CRC-32 of each array's file, by its path: it is mapped into memory, so that no codec looks at it."""
    found = {}
    for file in sorted(folder.rglob("c/**/*")):
        if file.is_file():
            with file.open("rb") as content:
                value = 0
                while piece := content.read(1 << 20):
                    value = crc32(piece, value)
            found[file.relative_to(folder).as_posix()] = value
    return found
