"""How a store is made: every array allocated, none filled but with what is known beforehand. No TensorFlow.

Everything is filled shard by shard afterwards; nothing is ever appended, so a run that is killed leaves a store
that can be opened.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from signalscreen.errors import OutputError
from signalscreen.quality import FLAG_ATTRIBUTES
from signalscreen.recording import Annotation
from signalscreen.screening import spare
from signalscreen.screening.known import TIME_CHUNK, known, write_known
from signalscreen.screening.soundness import DIGEST, digest_of
from signalscreen.screening.store import SCHEMA, TITLE

# Chunks that are empty are written too: one that is missing is lost.
_ALL_CHUNKS: dict[str, Any] = {"config": {"write_empty_chunks": True}}


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
    has_logit : bool
        Whether they have logits, which are kept beside the outputs.
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
    has_logit: bool = True
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
        _put_known(group, spec)
        arrays = {name: array.metadata for name, array in group.arrays()}
        group.attrs[DIGEST] = digest_of(group.attrs, arrays)
        consolidate(path)  # a store without it was never finished being made
        spare.keep(str(path))
    except OSError as error:
        raise _said(path, error) from error


def create_database(path: str | os.PathLike[str], records: Sequence[str]) -> None:
    """Make the group that holds the stores of several records; stores that are there stay.

    It names them and no more: with all their metadata, as consolidation would have it, a database of a thousand
    takes three seconds to open.
    """
    import zarr

    attributes: Any = {"schema": SCHEMA, "title": TITLE, "records": list(records)}
    zarr.open_group(str(path), mode="a", zarr_format=3, attributes=attributes).attrs.update(attributes)


def consolidate(path: str | os.PathLike[str]) -> None:
    """Keep all metadata of a group in one place; what has none was never finished being made."""
    import warnings

    import zarr

    with warnings.catch_warnings():
        # Other implementations of Zarr may not know of it; they need not. Verdicts lie beside arrays.
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        warnings.filterwarnings("ignore", message=".*not recognized as a component")
        zarr.consolidate_metadata(str(path))


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
        "class_names": list(spec.classes),
        "alarm": int(spec.alarm),
        "threshold": float(spec.threshold),
        "methods": [method.name for method in spec.methods],
        "has_logit": spec.has_logit,
        "facts": json.dumps(spec.facts, sort_keys=True),
    }


def _packed() -> dict[str, Any]:
    """How arrays on the timeline are kept: packed, with a checksum."""
    from zarr.codecs import BloscCodec, Crc32cCodec

    # Measured on ECG: twice as fast as zstd, and within 4 % of its size.
    return {"compressors": (BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"), Crc32cCodec()), **_ALL_CHUNKS}


def _plain() -> dict[str, Any]:
    """How short arrays are kept: to pack them would take longer than to write them. With a checksum."""
    from zarr.codecs import Crc32cCodec

    return {"compressors": (Crc32cCodec(),), **_ALL_CHUNKS}


def _allocate_time(group: Any, spec: StoreSpec) -> None:
    """Arrays on the recording's timeline: one chunk, which is one file, per shard."""
    leads = len(spec.leads)
    shape = {"shape": (spec.samples, leads), "chunks": (spec.shard_samples, leads)}
    made: dict[str, Any] = {"dimension_names": ("time", "lead"), **_packed(), **shape}
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
    one: dict[str, Any] = {"shape": (rows,), "chunks": (chunk,), "dimension_names": ("window",), **_plain()}
    for name in ("flagged", "explained", "gap", "unanswered"):
        group.create_array(name, dtype="uint8", fill_value=0, **one)
    group.create_array("target", dtype="int32", fill_value=-1, **one)
    group.create_array("score", dtype="float32", fill_value=np.nan, **one)
    for method in spec.methods:
        if method.complete:
            group.create_array(f"completeness_{method.name}", dtype="float32", fill_value=np.nan, **one)
    if spec.classes:
        n = len(spec.classes)
        for name in ("probability", "logit")[: 1 + spec.has_logit]:
            group.create_array(
                name,
                shape=(rows, n),
                chunks=(chunk, n),
                dtype="float32",
                fill_value=np.nan,
                dimension_names=("window", "class"),
                **_plain(),
            )
    shard: dict[str, Any] = {"shape": (spec.shards,), "chunks": (1,), "dimension_names": ("shard",), **_plain()}
    group.create_array("done", dtype="uint8", fill_value=0, **shard)
    group.create_array("seconds", dtype="float32", fill_value=np.nan, **shard)


def _put_known(group: Any, spec: StoreSpec) -> None:
    scale = {"scale_factor": 1 / spec.fs, "add_offset": spec.start, "units": "s"}
    for name, values in known(spec).items():
        of_time = name == "time_s"
        array = group.create_array(
            name,
            shape=(values.size,),
            chunks=(max(min(TIME_CHUNK, values.size) if of_time else values.size, 1),),
            dtype=values.dtype,
            dimension_names=(values.dimension,),
            attributes=scale if of_time else {},
            **_packed() if of_time else _worded(values.dtype),
        )
        write_known(array, values)


def _worded(dtype: Any) -> dict[str, Any]:
    """How a short list is kept: words are packed, numbers are not."""
    from zarr.codecs import Crc32cCodec, ZstdCodec

    return {"compressors": (ZstdCodec(), Crc32cCodec()), **_ALL_CHUNKS} if dtype is str else _plain()
