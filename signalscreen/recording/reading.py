"""One door for every kind of file."""

import os
from pathlib import Path

from signalscreen.errors import RecordingError
from signalscreen.recording import arrays, tables, wfdb_records
from signalscreen.recording.selection import Leads, Wanted, check_fs
from signalscreen.recording.signals import Recording

_READERS = {
    ".npy": arrays.read_npy,
    ".npz": arrays.read_npz,
    ".csv": tables.read_table,
    ".tsv": tables.read_table,
    ".txt": tables.read_table,
}
FILE_ENDINGS = tuple(_READERS)  # of what is no WFDB record
_KINDS = "a WFDB record (its .hea), .npy, .npz, .csv, .tsv or .txt"


def read_recording(
    path: str | os.PathLike[str],
    *,
    fs: float | None = None,
    start: float | None = None,
    end: float | None = None,
    leads: Leads | None = None,
    annotator: str | None = None,
    pn_dir: str | None = None,
) -> Recording:
    r"""Read a signal with its sampling rate, units, lead names and annotations.

    Parameters
    ----------
    path : path
        * A WFDB record, with or without ``.hea``, ``.dat`` or ``.mat``. Only the asked span is read, each lead at
          its own rate; leads of several rates come at the highest of those asked for.
          A name such as ``"mitdb/100"`` that is no local file is downloaded from PhysioNet by wfdb.
        * ``.csv``, ``.tsv``, ``.txt``: one column per lead, with or without a line of names (``MLII [mV]``
          gives the unit too). A column named time, timer, timestamp and the like, in s, ms or clock time,
          gives ``fs``; steps longer than 1.5 times the usual one become gaps. Empty cells are gaps, and lines
          that begin with ``#`` are comments. Where ``fs`` is given, the time column is left aside.
        * ``.npy``: ``(samples,)`` or ``(samples, leads)``.
        * ``.npz``: ``signal`` as in ``.npy``, and if you like ``fs``, ``names``, ``units``. A single array
          of any name is taken as the signal.
    fs : float, optional
        Samples per second, where the file does not say. Needed only for what is measured in seconds.
    start, end : float, optional
        The span wanted, in seconds from the beginning of the file.
    leads : str, int or a list of them, optional
        Names or indexes of the leads wanted; all by default.
    annotator : str, optional
        Extension of the WFDB annotation file; ``atr`` is read where it exists.
    pn_dir : str, optional
        PhysioNet folder to download the record from, e.g. ``"mitdb"``.

    Returns
    -------
    Recording
        Missing samples are NaN; annotations count from the first sample returned.

    Raises
    ------
    RecordingError
        If the file is missing, truncated, empty, not numeric, a pipe or device, larger than memory or of an
        unknown kind, a field of its header is not what it should be, a lead is not in it, or the span does not
        lie in it.

    Warns
    -----
    RecordingWarning
        If a header's time and date, or the end of an annotation file, cannot be made out, or a signal file is
        longer than its header says.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "ppg.csv"
    >>> _ = path.write_text("time,PPG [au]\n0.00,1\n0.02,\n0.04,3\n")
    >>> found = read_recording(path)
    >>> found.fs, found.names, found.units, found.signal[:, 0].tolist()
    (50.0, ('PPG',), ('au',), [1.0, nan, 3.0])
    """
    wanted = Wanted(check_fs(fs), start, end, leads, annotator)
    try:
        if pn_dir is not None:
            return wfdb_records.read_remote(str(path), pn_dir, wanted)
        return _read(path, wanted)
    except MemoryError as error:
        raise RecordingError(f"memory is too short to read {path}; give start and end, or fewer leads") from error


def _read(path: str | os.PathLike[str], wanted: Wanted) -> Recording:
    local = Path(path)
    reader = _READERS.get(local.suffix.lower())
    if reader is None:
        return _read_record(path, wanted)
    if wanted.annotator is not None:
        raise RecordingError(
            f"annotations ({wanted.annotator!r}) are read beside WFDB records only, not beside {local.name}"
        )
    if local.exists() and not local.is_file():
        raise RecordingError(f"{local} is a folder, pipe or device; give a file")
    if not local.is_file():
        raise RecordingError(f"there is no file {local}; check the path")
    if local.stat().st_size == 0:
        raise RecordingError(f"{local} is empty; give a file with a signal in it")
    return reader(local, wanted)


def _read_record(path: str | os.PathLike[str], wanted: Wanted) -> Recording:
    base = wfdb_records.without_ending(Path(path))
    if base.with_name(base.name + ".hea").is_file():
        return wfdb_records.read_local(base, wanted)
    remote = wfdb_records.physionet_name(path)
    if remote is not None:
        folder, record = remote
        return wfdb_records.read_remote(record, folder, wanted)
    if Path(path).is_dir():
        raise RecordingError(f"{path} is a folder; name one record or file in it")
    if base != Path(path) and Path(path).is_file():
        raise RecordingError(
            f"{path} has no header {base.name}.hea beside it; a WFDB record is read through its header"
        )
    if Path(path).is_file():
        raise RecordingError(f"{path} is of a kind that is not read here; give {_KINDS}")
    raise RecordingError(f"there is no file {path} and no WFDB header {base}.hea; give {_KINDS}")
