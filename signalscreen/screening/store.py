"""Stores of screened recordings, opened: Zarr v3 groups that xarray reads. No TensorFlow.

``docs/screening.rst`` lists their arrays.
"""

import os
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import RecordingError, UncheckedStoreWarning, warn
from signalscreen.screening.following import WINDOWS, contradictions, unanswered_of
from signalscreen.screening.soundness import DIGEST, digest_of, wrong_with

SCHEMA = 2  # before, chunks had no checksums, and those that were empty were left out
Arrays = Mapping[str, Any]  # zarr.Array by name
TITLE = "signalscreen screening"
_OPENING = Lock()  # what is set for a moment is set for all threads


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
    return group if "records" in group.attrs else _checked(group, path, mode)


def vouched(path: str | os.PathLike[str], record: str | None = None) -> Any:
    """Open a store for reading, and see that what follows from other arrays does.

    Raises
    ------
    RecordingError
        As `opened`; or the store contradicts itself.

    Warns
    -----
    UncheckedStoreWarning
        If the store is of the older layout, in which damage need not show.
    """
    where = place_of(path, record)
    group = opened(where)
    if "records" in group.attrs:
        return group
    if DIGEST not in group.attrs:
        warn(
            f"the store {where} is of the older layout, which has no checksums and cannot tell a lost chunk from "
            "an empty one: it cannot vouch for its numbers; screen again with --overwrite for one that can",
            UncheckedStoreWarning,
        )
    done = shards_done(group)  # first: what it vouches for stays as it is
    wrong = contradictions(group.attrs, windows_of(group), window_rows(group, done))
    if wrong:
        name, row, words = wrong[0].name, int(wrong[0].rows[0]), wrong[0].words
        chunk = f"chunk {row // group[name].chunks[0]} of {name}"
        raise RecordingError(
            f"the store {where} is damaged: {chunk} contradicts the rest ({words} in window {row}); "
            "run the same 'signalscreen screen' again, which does again what is damaged and no more"
        )
    return group


def windows_of(group: Any) -> dict[str, NDArray[Any]]:
    """Those arrays with a row per window that follow from each other, as far as the store has them."""
    return {name: np.asarray(group[name][:]) for name in WINDOWS if name in group}


def unanswered(group: Any) -> NDArray[np.bool_]:
    """Which windows the model gave no number for; a store of the older layout has no such array."""
    if "unanswered" in group:
        return np.asarray(group["unanswered"][:], bool)
    names = [name for name in ("gap", "score", "probability") if name in group]
    return unanswered_of({name: group[name][:] for name in names}) & window_rows(group, shards_done(group))


def window_rows(group: Any, shards: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which windows belong to some shards: ``(windows,)``."""
    return np.repeat(shards, int(group.attrs["shard_windows"]))[: group["gap"].shape[0]]


def _checked(group: Any, path: object, mode: str) -> Any:
    """The same group, read by way of a store that looks at each chunk."""
    import zarr

    from signalscreen.screening.checked_store import CheckedStore

    arrays = _kept(group)
    checked = CheckedStore(group.store, str(path), arrays)
    return zarr.open_group(checked, path=group.path, mode=mode)  # type: ignore[arg-type]


def _kept(group: Any) -> dict[str, Any]:
    """Metadata of arrays, by name."""
    kept = group.metadata.consolidated_metadata.metadata
    return {name: one for name, one in kept.items() if hasattr(one, "shape")}


def _wrong_with_record(group: Any) -> str:
    kept = _kept(group)
    shapes = {name: one.shape for name, one in kept.items()}
    wrong = wrong_with(group.attrs, shapes)
    units = None if wrong else kept["signal"].attributes.get("units")
    known = isinstance(units, list) and len(units) == shapes["lead"][0]
    return wrong or _wrong_digest(group.attrs, kept) or ("" if known else f"its units are {units!r}")


def _wrong_digest(attributes: Mapping[str, Any], arrays: Mapping[str, Any]) -> str:
    """What is wrong with the metadata of a store that vouches for it."""
    if attributes["schema"] < 2 and DIGEST not in attributes:
        return ""
    right = attributes.get(DIGEST) == digest_of(attributes, arrays)
    return "" if right else "its metadata (zarr.json) are not those that were written"


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
    """All arrays of a store, open for writing: to look one up in a group takes as long as to write a small one.

    Empty chunks are written too, so that one that is missing is known to be lost.
    """
    import zarr

    with _OPENING, zarr.config.set({"array.write_empty_chunks": True}):
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
        If it is no such store, it is damaged, or the record is not in it. Damage to what is read later is said when
        it is read.

    Warns
    -----
    UncheckedStoreWarning
        If the store is of the older layout, in which damage need not show.
    """
    import xarray
    from xarray.indexes import RangeIndex

    records = records_of(path, record)
    if records != [record]:
        raise RecordingError(f"{path} holds {len(records)} records; name one of {_some(records_in(path))}")
    group = vouched(path, record)
    dataset = xarray.open_dataset(group.store, engine="zarr", consolidated=True, chunks=None)
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
