"""Files are written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from signalscreen.errors import OutputError


@contextmanager
def atomically(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a path beside the wanted one to write to; move it there when the block ends well.

    A reader never sees half a file, and an error leaves what was there before.

    Parameters
    ----------
    path : path
        The file wanted; its folder must exist.

    Raises
    ------
    OutputError
        If the file cannot be written: no such folder, no permission, no space.
    """
    wanted = Path(path)
    part = wanted.with_name(f".{wanted.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(wanted)
    except OSError as error:
        raise OutputError(f"{wanted} cannot be written ({_reason(error)}); choose another folder") from error
    finally:
        part.unlink(missing_ok=True)


def output_folder(path: str | os.PathLike[str]) -> Path:
    """Make the folder for results where it is not there yet, and see that files can be made in it.

    Raises
    ------
    OutputError
        If it cannot be made, or nothing can be written to it. Said before the work starts, not after.
    """
    folder = Path(path)
    probe = folder / f".signalscreen.{os.getpid()}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"nothing can be written to {folder} ({_reason(error)}); choose another folder"
        ) from error
    return folder


def _reason(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()
