"""A WFDB record of two files, header and samples, that is replaced as one.

Two files cannot be renamed at once, but a header names the file of its samples. So new samples get a name of their
own, and the record is the new one as soon as its header is. A run that is killed leaves the old one or the new one.
Then the samples get the record's name, in the same way.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from signalscreen.errors import OutputError
from signalscreen.output import atomically, clear_abandoned, held

Header = Callable[[str], bytes]  # for the name of the samples' file


@contextmanager
def record_set(header: Path) -> Iterator[tuple[Path, Callable[[Header], None]]]:
    """Give a path to write samples to, and what puts the record in place once they are written.

    Parameters
    ----------
    header : Path
        ``NAME.hea``; the samples will be in ``NAME.dat``.

    Raises
    ------
    OutputError
        If something cannot be written; what was there before stays.
    """
    samples = header.with_name(f"{header.stem}_part{os.getpid()}.dat")
    try:
        _clear(header)
        with held(samples):
            yield samples, lambda of: _put(header, samples, of)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        reason = (error.strerror or str(error) or type(error).__name__).lower()
        raise OutputError(f"{header} cannot be written ({reason}); choose another folder") from error
    finally:
        if samples.name not in _named(header):
            samples.unlink(missing_ok=True)


def _put(header: Path, samples: Path, of: Header) -> None:
    data = header.with_suffix(".dat")
    _replace(header, of(samples.name))  # from here on the record is the new one
    with atomically(data) as part:
        try:
            os.link(samples, part)
        except OSError:  # a disk without links
            shutil.copyfile(samples, part)
    _replace(header, of(data.name))
    _clear(header)


def _replace(path: Path, content: bytes) -> None:
    with atomically(path) as part:
        part.write_bytes(content)


def _clear(header: Path) -> None:
    """Remove what killed runs left, but the samples of the record that is there."""
    used = _named(header)
    for one in header.parent.glob(f"{header.stem}_part*.dat"):
        number = one.stem.removeprefix(f"{header.stem}_part")
        if number.isdecimal() and one.name not in used:
            clear_abandoned(header.parent, one.name)


def _named(header: Path) -> set[str]:
    """Names of files that a header names; none where there is no header."""
    try:
        lines = header.read_text(errors="replace").splitlines()
    except OSError:
        return set()
    return {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}
