"""`export_results`: which file, whether it may be there, and who writes it."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from signalscreen.errors import OptionError, OutputError
from signalscreen.exports import annotations, netcdf, npz, tables, track
from signalscreen.exports.part import Part, part_of
from signalscreen.output import output_folder
from signalscreen.screening import store as stores


class _Format(NamedTuple):
    """How a format is written; the endings of its file, of those beside it, and whether it is named without."""

    write: Callable[[Part, Path], str]
    endings: tuple[str, ...]
    beside: tuple[str, ...] = ()
    without_ending: bool = False


_ANY = (".flg",)  # the ending is the annotator: any that WFDB takes


FORMATS = {
    "netcdf": _Format(netcdf.write, (".nc",)),
    "npz": _Format(npz.write, (".npz",)),
    "wfdb-track": _Format(track.write, (".hea",), (".dat",), without_ending=True),
    "wfdb-ann": _Format(annotations.write, _ANY, without_ending=True),
    "csv": _Format(tables.write_windows, (".csv",)),
    "mne": _Format(tables.write_mne, (".csv", ".txt")),
}


@dataclass(frozen=True)
class Export:
    """A file that was written.

    Attributes
    ----------
    record : str
    path : Path
    words : str
        What is in it, and what is not as in the store.
    """

    record: str
    path: Path
    words: str

    def __str__(self) -> str:
        return f"{self.path}: {self.words}"


def export_results(
    store: str | os.PathLike[str],
    path: str | os.PathLike[str],
    format: str,
    *,
    record: str | None = None,
    method: str | Sequence[str] | None = None,
    start: float | None = None,
    end: float | None = None,
    overwrite: bool = False,
) -> list[Export]:
    """Write what `screen_recording` or `screen_recordings` kept in a form that other tools read.

    Files appear whole or not at all. All but tables and annotations are written slice by slice, so that a day needs
    no more memory than ten minutes.

    Parameters
    ----------
    store : path or URL
        A store, or a database of them.
    path : path
        The file; of WFDB records the record (``out/106_why``), of annotations the record too, or the file, whose
        ending is the annotator (``out/106.flg``). A folder that is there, and a database, get one file for each
        record, under its name.
    format : str
        ``netcdf``: every array of the store, for xarray and h5netcdf. Lists of text and nested attributes are JSON.
        ``npz``: NumPy arrays under the names that results have; `read_recording` reads it as a recording.
        ``wfdb-track``: a WFDB record of the signal with a track ``LEAD_METHOD`` below each lead, for WAVE and
        LightWAVE. 16 bits; NaN is WFDB's invalid value; samples and clock are those of the record.
        ``wfdb-ann``: flagged spans as annotations ``(flagged`` and ``)flagged`` at their first and last sample.
        ``csv``: a row per window. ``mne``: flagged spans as ``mne.read_annotations`` reads them; a ``.csv`` for a
        record that has a clock time, else a ``.txt``.
    record : str, optional
        Of a database: only this one.
    method : str or sequence of str, optional
        By default all that were stored.
    start, end : float, optional
        Seconds of the record; by default all. Windows that lie inside are kept.
    overwrite : bool
        Replace files that are there; otherwise an error. Annotation files of others are never replaced.

    Returns
    -------
    list of Export
        One per record.

    Raises
    ------
    OptionError
        The format or a method is not known, or the ending is that of another format.
    RecordingError
        There is no such store or record, it is not finished, or the stretch lies outside it.
    OutputError
        A file is there already, or cannot be written, or a library is missing.

    Examples
    --------
    >>> import signalscreen as ss
    >>> ss.export_results("results.zarr", "results.nc", "netcdf")  # doctest: +SKIP
    """
    if format not in FORMATS:
        raise OptionError(f"format {format!r} is not known; choose {', '.join(FORMATS)}")
    how = FORMATS[format]
    methods = [method] if isinstance(method, str) else method
    names = stores.records_of(store, record)
    parts = [part_of(str(store), name, methods, start, end) for name in names]
    several = names != [record]
    targets = [_target(path, how, part, several) for part in parts]
    twice = [target for target in targets if targets.count(target) > 1]
    if twice:
        raise OutputError(f"two records would be called {twice[0].name}; export them one by one (record)")
    for target in targets:
        _check_free(target, how, overwrite)
    output_folder(targets[0].parent)
    return [Export(p.name, target, how.write(p, target)) for p, target in zip(parts, targets, strict=True)]


def _target(path: str | os.PathLike[str], how: _Format, part: Part, several: bool) -> Path:
    """The file for a part."""
    wanted = Path(path)
    if several and wanted.is_file():
        raise OutputError(f"{wanted} is a file; give a folder for the records of a database")
    if several or wanted.is_dir():
        ending = how.endings[0] if part.began or len(how.endings) == 1 else how.endings[-1]
        return wanted / f"{file_stem(part.name)}{'_why' if how.beside else ''}{ending}"
    if not wanted.suffix and how.without_ending:
        return wanted.with_name(f"{wanted.name}{how.endings[0]}")
    if wanted.suffix not in how.endings and how.endings != _ANY:
        raise OptionError(
            f"{wanted.name} must end with {' or '.join(how.endings)}, by which readers know the format"
        )
    return wanted


def _check_free(target: Path, how: _Format, overwrite: bool) -> None:
    for file in (target, *(target.with_suffix(ending) for ending in how.beside)):
        if file.exists() and not overwrite:
            raise OutputError(f"{file} is already there; give another name, or overwrite (--overwrite)")


def file_stem(name: str) -> str:
    """A record's name as that of a file, which wfdb too takes.

    >>> file_stem("mitdb/106"), file_stem("../a b.csv")
    ('mitdb_106', '_a_b_csv')
    """
    return re.sub(r"[^\w-]+", "_", name) or "recording"
