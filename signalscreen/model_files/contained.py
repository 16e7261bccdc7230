"""What a model file holds lies in it, and is not far larger than it; checked before anything of it is read."""

from typing import Any
from zipfile import ZipFile

import h5py
from h5py import h5l

from signalscreen.errors import ModelError

_TIMES = 20
_PLUS = 64 << 20


def bound(size: int) -> int:
    """How many bytes the content of a file of `size` bytes may have: weights are packed to half their size at best.

    Examples
    --------
    >>> bound(0) == 64 * 2**20
    True
    """
    return _TIMES * size + _PLUS


def check_archive(archive: ZipFile, name: str, size: int) -> None:
    """Refuse a zip that unpacks to far more than it is.

    Raises
    ------
    ModelError
    """
    _refuse_larger(sum(member.file_size for member in archive.infolist()), name, size)


def check_hdf5(file: Any, name: str, size: int) -> None:
    """Refuse an HDF5 file that points to other files, or whose arrays are far larger than it is.

    Soft links stay within the file, since no link in it leads out.

    Parameters
    ----------
    file : h5py.File
    name : str
        The model file's name, for errors.
    size : int
        Its size in bytes.

    Raises
    ------
    ModelError
        Naming the link or the array.
    """
    links: list[tuple[bytes, int]] = []
    file.id.links.visit(lambda link, info: links.append((link, info.type)), info=True)
    total = 0
    for link, kind in links:
        place = link.decode(errors="replace")
        if kind not in (h5l.TYPE_HARD, h5l.TYPE_SOFT):
            raise ModelError(_elsewhere(name, f"the link {place!r}"))
        held = file[link] if kind == h5l.TYPE_HARD else None
        if isinstance(held, h5py.Dataset):
            if held.external or held.is_virtual:
                raise ModelError(_elsewhere(name, f"the array {place!r}"))
            total += (held.size or 0) * held.dtype.itemsize
    _refuse_larger(total, name, size)


def _elsewhere(name: str, what: str) -> str:
    return (
        f"parts of the model file {name!r} lie in another file ({what}), and nothing but the file itself is read; "
        "save the model again, whole"
    )


def _refuse_larger(unpacked: int, name: str, size: int) -> None:
    if unpacked > bound(size):
        raise ModelError(
            f"model file {name!r} has {size:,} bytes and would become {unpacked:,} in memory, and at most "
            f"{bound(size):,} are allowed for it; save the model again without compression if it is sound"
        )
