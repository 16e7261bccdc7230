"""Stores of screened recordings, opened: Zarr v3 groups that xarray reads. No TensorFlow.

``docs/screening.rst`` lists their arrays.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import RecordingError
from signalscreen.screening.soundness import wrong_with

SCHEMA = 1
Arrays = Mapping[str, Any]  # zarr.Array by name
TITLE = "signalscreen screening"


def located(path: str | os.PathLike[str]) -> str:
    """Where to write: a URL as it is, but ``file://``, whose folders fsspec does not make, as a path.

    >>> located("file:///data/a%20b.zarr"), located("s3://bucket/a.zarr")
    ('/data/a b.zarr', 's3://bucket/a.zarr')
    """
    text = os.fspath(path)
    return url2pathname(urlsplit(text).path) if text.startswith("file://") else text


def opened(path: str | os.PathLike[str], mode: str = "r") -> Any:
    """Open the Zarr group of a store, or of a database of stores.

    Raises
    ------
    RecordingError
        If no such store is there, it was never finished being made, is damaged, or of a later version.
    """
    import zarr

    try:
        group = zarr.open_group(str(path), mode=mode)  # type: ignore[arg-type]
        if "records" not in group.attrs and group.metadata.consolidated_metadata is None:
            raise KeyError("it was never finished being made")
    except (FileNotFoundError, ValueError, TypeError, KeyError, NotADirectoryError) as error:
        raise RecordingError(
            f"{path} is no store of signalscreen; give what 'signalscreen screen' wrote with --out"
        ) from error
    schema = group.attrs.get("schema")
    if not isinstance(schema, int):
        raise RecordingError(f"{path} is a Zarr group, but none that signalscreen wrote; give another one")
    if schema > SCHEMA:
        raise RecordingError(
            f"{path} was written by a later signalscreen (schema {schema}, this one reads {SCHEMA}); upgrade"
        )
    wrong = _wrong_with_database(group) if "records" in group.attrs else _wrong_with_record(group)
    if wrong:
        raise RecordingError(f"the store {path} is damaged: {wrong}; do not trust it, screen the recording again")
    return group


def _wrong_with_record(group: Any) -> str:
    kept = group.metadata.consolidated_metadata.metadata
    shapes = {name: one.shape for name, one in kept.items() if hasattr(one, "shape")}
    wrong = wrong_with(group.attrs, shapes)
    units = None if wrong else kept["signal"].attributes.get("units")
    known = isinstance(units, list) and len(units) == shapes["lead"][0]
    return wrong or ("" if known else f"its units are {units!r}")


def _wrong_with_database(group: Any) -> str:
    """Its records are those inside it, whatever their names say."""
    records = group.attrs["records"]
    if not isinstance(records, list):
        return f"its records are {records!r}"
    outside = [
        one for one in records if not isinstance(one, str) or one in ("", ".", "..") or set("/\\") & set(one)
    ]
    return f"it names a record outside itself, {outside[0]!r}" if outside else ""


def arrays_of(path: str | os.PathLike[str]) -> Arrays:
    """All arrays of a store, open for writing: to look one up in a group takes as long as to write a small one."""
    return dict(opened(path, "r+").arrays())


def open_results(path: str | os.PathLike[str], record: str | None = None) -> Any:
    """Open what `screen_recording` or `screen_recordings` wrote, lazily.

    Parameters
    ----------
    path : path or URL
    record : str, optional
        Of a database: which one.

    Returns
    -------
    xarray.Dataset
        Nothing is in memory until it is used: ``ds.attribution_saliency.sel(time=slice(30, 40),
        method="nearest")`` reads ten seconds. ``time`` is in seconds from the beginning of the record.

    Raises
    ------
    RecordingError
        If it is no such store, or the record is not in it.
    """
    import xarray
    from xarray.indexes import RangeIndex

    records = records_of(path, record)
    if records != [record]:
        raise RecordingError(f"{path} holds {len(records)} records; name one of {_some(records_in(path))}")
    where = place_of(path, record)
    opened(where)
    dataset = xarray.open_dataset(where, engine="zarr", consolidated=True, chunks=None)
    n, fs, start = dataset.sizes["time"], dataset.attrs["fs"], dataset.attrs["start"]
    index = RangeIndex.linspace(start, start + n / fs, n, endpoint=False, dim="time")
    return dataset.assign_coords(xarray.Coordinates.from_xindex(index)).set_coords(["time_s", "window_start_s"])


def records_in(path: str | os.PathLike[str]) -> list[str]:
    """Names of the records in a database, sorted; none in the store of one recording.

    Raises
    ------
    RecordingError
        If there is no such store, or it is a database in which nothing is yet.
    """
    attrs = opened(path).attrs
    if "records" not in attrs:
        return []
    if not attrs["records"]:
        raise RecordingError(f"{path} is a database without records; screen some into it first")
    return sorted(attrs["records"])


def records_of(path: str | os.PathLike[str], record: str | None = None) -> list[str | None]:
    """What is meant: the record that is named, all of a database, or [None], the one of a store.

    Raises
    ------
    RecordingError
        If there is no such store, or the record is not in it.
    """
    records = records_in(path)
    if record is not None and record not in records:
        raise RecordingError(f"record {record!r} is not in {path}; it holds {_some(records) or 'one record only'}")
    return [*records] if records and record is None else [record]


def place_of(path: str | os.PathLike[str], record: str | None) -> str:
    """Path or URL of a store: of that record, where it is one of a database."""
    return str(path) if record is None else f"{str(path).rstrip('/')}/{record}"


def shards_done(group: Any) -> NDArray[np.bool_]:
    """Which shards of a store are finished: ``(shards,)``."""
    return np.asarray(group["done"][:], bool)


def _some(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
