"""The store of one screened recording: a Zarr v3 group that xarray reads. No TensorFlow.

Every array is allocated when the store is made and filled shard by shard; nothing is ever appended, so a run
that is killed leaves a store that can be opened. ``docs/store.rst`` lists the arrays.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import OutputError, RecordingError
from signalscreen.quality import FLAG_ATTRIBUTES
from signalscreen.recording import Annotation
from signalscreen.screening.soundness import wrong_with

SCHEMA = 1
Arrays = Mapping[str, Any]  # zarr.Array by name
TITLE = "signalscreen screening"
# Samples of `time_s` in a chunk: it is the same count everywhere and shrinks to nothing.
_TIME_CHUNK = 2**22


@dataclass(frozen=True)
class StoredMethod:
    """What is kept about a method beside its attributions.

    Attributes
    ----------
    name : str
        In `signalscreen.METHODS`.
    options : str
        JSON.
    units : str
        "logit" or "probability".
    per_lead : bool
        False where the method gives one value per moment, which is repeated over the leads.
    complete : bool
        Whether it promises that attributions add up to the change of the score.
    """

    name: str
    options: str = "{}"
    units: str = "logit"
    per_lead: bool = True
    complete: bool = False


@dataclass(frozen=True, eq=False)
class StoreSpec:
    """All that fixes the arrays of a store.

    Attributes
    ----------
    source : str
        Name of the record.
    fs : float
        Samples per second of the recording.
    samples : int
    leads, units : tuple of str
        One per lead.
    window_start : ndarray of int, shape (windows,)
        First sample of each window on the recording's timeline.
    window_lead : ndarray of int, shape (windows,)
        Index of the lead the window is of; -1 for all leads together.
    window_samples, hop_samples : int
    shard_samples, shard_windows : int
        Samples and windows that one task writes.
    methods : tuple of StoredMethod
    classes : tuple of str
        Of the model's output; empty where it does not answer with one number per class.
    annotations : tuple of Annotation
        The record's own.
    start : float
        Seconds from the beginning of the record to the first sample.
    began : str
        Clock time of the beginning of the record (ISO 8601), or "".
    alarm : int
        Class whose probability flags a window; -1 for none.
    threshold : float
    facts : dict
        ``fingerprint``, ``settings``, ``versions``: JSON.
    """

    source: str
    fs: float
    samples: int
    leads: tuple[str, ...]
    units: tuple[str, ...]
    window_start: NDArray[np.int64]
    window_lead: NDArray[np.int8]
    window_samples: int
    hop_samples: int
    shard_samples: int
    shard_windows: int
    methods: tuple[StoredMethod, ...] = ()
    classes: tuple[str, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    start: float = 0.0
    began: str = ""
    alarm: int = -1
    threshold: float = 0.5
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shards(self) -> int:
        """How many tasks fill the store."""
        by_time = -(-self.samples // self.shard_samples)
        return max(by_time, -(-len(self.window_start) // self.shard_windows), 1)


def located(path: str | os.PathLike[str]) -> str:
    """Where to write: a URL as it is, but ``file://``, whose folders fsspec does not make, as a path.

    >>> located("file:///data/a%20b.zarr"), located("s3://bucket/a.zarr")
    ('/data/a b.zarr', 's3://bucket/a.zarr')
    """
    text = os.fspath(path)
    return url2pathname(urlsplit(text).path) if text.startswith("file://") else text


def create(path: str | os.PathLike[str], spec: StoreSpec) -> None:
    """Make the store, all arrays allocated, none filled but those that are known beforehand.

    Parameters
    ----------
    path : path or URL
        A folder that is made, or any URL that fsspec writes to. What is there is replaced.
    spec : StoreSpec

    Raises
    ------
    OutputError
        If it cannot be written to.
    """
    import zarr

    try:
        group = zarr.create_group(str(path), zarr_format=3, overwrite=True, attributes=_attributes(spec))
        _allocate_time(group, spec)
        _allocate_windows(group, spec)
        _known(group, spec)
        consolidate(path)  # last: a store without it was never finished being made
    except OSError as error:
        raise _said(path, error) from error


def create_database(path: str | os.PathLike[str], records: Sequence[str]) -> None:
    """Make the group that holds the stores of several records; stores that are there stay."""
    import zarr

    group = zarr.open_group(str(path), mode="a", zarr_format=3)
    group.attrs.update({"schema": SCHEMA, "title": TITLE, "records": list(records)})
    consolidate(path)


def consolidate(path: str | os.PathLike[str]) -> None:
    """Keep all metadata of a group in one place; what has none was never finished being made."""
    import warnings

    import zarr

    with warnings.catch_warnings():
        # Other implementations of Zarr may not know of it; they need not. Verdicts lie beside arrays.
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        warnings.filterwarnings("ignore", message=".*not recognized as a component")
        zarr.consolidate_metadata(str(path))


def opened(path: str | os.PathLike[str], mode: str = "r") -> Any:
    """Open the Zarr group of a store, or of a database of stores.

    Raises
    ------
    RecordingError
        If no such store is there, it was never finished being made, is damaged, or of a later version.
    """
    import zarr

    try:
        group = zarr.open_group(str(path), mode=mode, use_consolidated=True)  # type: ignore[arg-type]
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
    """Names of the records in a database, sorted; none in the store of one recording."""
    group = opened(path)
    return sorted(group.attrs["records"]) if "records" in group.attrs else []


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


def _said(path: object, error: OSError) -> OutputError:
    reason = (error.strerror or str(error) or type(error).__name__).lower()
    return OutputError(f"the store {path} cannot be written ({reason}); make room or choose another --out")


def _attributes(spec: StoreSpec) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "title": TITLE,
        "source": spec.source,
        "fs": float(spec.fs),
        "start": float(spec.start),
        "began": spec.began,
        "window_samples": int(spec.window_samples),
        "hop_samples": int(spec.hop_samples),
        "shard_samples": int(spec.shard_samples),
        "shard_windows": int(spec.shard_windows),
        "alarm": int(spec.alarm),
        "threshold": float(spec.threshold),
        "methods": [method.name for method in spec.methods],
        "facts": json.dumps(spec.facts, sort_keys=True),
    }


def _compressor() -> Any:
    from zarr.codecs import BloscCodec

    # Measured on ECG: twice as fast as zstd, and within 4 % of its size.
    return BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle")


def _allocate_time(group: Any, spec: StoreSpec) -> None:
    """Arrays on the recording's timeline: one chunk, which is one file, per shard."""
    leads = len(spec.leads)
    shape = {"shape": (spec.samples, leads), "chunks": (spec.shard_samples, leads)}
    made: dict[str, Any] = {"dimension_names": ("time", "lead"), "compressors": _compressor(), **shape}
    nan = {"dtype": "float32", "fill_value": np.nan}
    group.create_array("signal", attributes={"units": list(spec.units)}, **made, **nan)
    for method in spec.methods:
        about = {"method": method.name, "options": method.options, "units": method.units}
        group.create_array(
            f"attribution_{method.name}", attributes={**about, "per_lead": method.per_lead}, **made, **nan
        )
    group.create_array("bad", dtype="uint8", fill_value=0, attributes=FLAG_ATTRIBUTES, **made)


def _allocate_windows(group: Any, spec: StoreSpec) -> None:
    """Arrays with a row per window: one chunk per shard."""
    rows, chunk = len(spec.window_start), spec.shard_windows
    # Not compressed: there is little of them, and it would take longer than to write them.
    one: dict[str, Any] = {
        "shape": (rows,),
        "chunks": (chunk,),
        "dimension_names": ("window",),
        "compressors": None,
    }
    for name in ("flagged", "explained", "gap"):
        group.create_array(name, dtype="uint8", fill_value=0, **one)
    group.create_array("target", dtype="int32", fill_value=-1, **one)
    group.create_array("score", dtype="float32", fill_value=np.nan, **one)
    for method in spec.methods:
        if method.complete:
            group.create_array(f"completeness_{method.name}", dtype="float32", fill_value=np.nan, **one)
    if spec.classes:
        n = len(spec.classes)
        for name in ("probability", "logit"):
            group.create_array(
                name,
                shape=(rows, n),
                chunks=(chunk, n),
                dtype="float32",
                fill_value=np.nan,
                dimension_names=("window", "class"),
                compressors=None,
            )
    shard = {"shape": (spec.shards,), "chunks": (1,), "dimension_names": ("shard",), "compressors": None}
    group.create_array("done", dtype="uint8", fill_value=0, **shard)
    group.create_array("seconds", dtype="float32", fill_value=np.nan, **shard)


def _known(group: Any, spec: StoreSpec) -> None:
    """What is known before a window is scored: time, names, where the windows lie, annotations."""
    scale = {"scale_factor": 1 / spec.fs, "add_offset": spec.start, "units": "s"}
    time = group.create_array(
        "time_s",
        shape=(spec.samples,),
        chunks=(min(_TIME_CHUNK, spec.samples),),
        dtype="int32" if spec.samples < 2**31 else "int64",
        dimension_names=("time",),
        compressors=_compressor(),
        attributes=scale,
    )
    for first in range(0, spec.samples, _TIME_CHUNK):
        stop = min(first + _TIME_CHUNK, spec.samples)
        time[first:stop] = np.arange(first, stop)
    starts = np.asarray(spec.window_start, np.int64)
    _put(group, "lead", "lead", spec.leads, str)
    _put(group, "class", "class", spec.classes, str)
    _put(group, "window_start", "window", starts, "int64")
    _put(group, "window_start_s", "window", spec.start + starts / spec.fs, "float64")
    _put(group, "window_lead", "window", spec.window_lead, "int8")
    marks = spec.annotations
    _put(group, "annotation_sample", "annotation", [a.sample for a in marks], "int64")
    _put(group, "annotation_end", "annotation", [-1 if a.end is None else a.end for a in marks], "int64")
    _put(group, "annotation_symbol", "annotation", [a.symbol for a in marks], str)
    _put(group, "annotation_note", "annotation", [a.note for a in marks], str)


def _put(group: Any, name: str, dimension: str, values: Any, dtype: Any) -> None:
    array = np.asarray(values, object if dtype is str else dtype)
    made = group.create_array(
        name, shape=array.shape, chunks=(max(len(array), 1),), dtype=dtype, dimension_names=(dimension,)
    )
    if len(array):
        made[:] = array
