"""A file for HDF5 on a disk that may get full: HDF5 crashes the process when it cannot write as it closes."""

from io import FileIO
from pathlib import Path
from typing import Any


class CarefulFile(FileIO):
    """A file that takes all that is written, and keeps the first error for whoever asks.

    After an error nothing more reaches the disk, and the file is worth nothing.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self._error: OSError | None = None

    def write(self, data: Any) -> int:
        """Write; after an error only say so."""
        view = memoryview(data).cast("B")
        if self._error is None:
            try:
                done = 0
                while done < len(view):  # a disk that is nearly full takes a part
                    done += super().write(view[done:]) or 0
            except OSError as error:
                self._error = error
        if self._error is not None:
            self.seek(len(view), 1)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Set the size; after an error only say so."""
        try:
            return super().truncate(size) if self._error is None else size or 0
        except OSError as error:
            self._error = error
            return size or 0

    def check(self) -> None:
        """Raise the error of an earlier write."""
        if self._error is not None:
            raise self._error
