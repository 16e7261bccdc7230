"""A Zarr store that says which chunk of a screening is damaged or lost, to whoever reads it: xarray as well.

Imports zarr, which takes a second: imported when a store is opened.
"""

from collections.abc import Mapping
from typing import Any

import google_crc32c
from zarr.abc.store import ByteRequest, Store
from zarr.codecs import Crc32cCodec
from zarr.core.array_spec import ArrayConfig
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.registry import get_pipeline_class
from zarr.storage import WrapperStore

from signalscreen.errors import RecordingError
from signalscreen.screening.soundness import KNOWN

_CHECKSUM = 4  # bytes, at the end of a chunk


class CheckedStore(WrapperStore[Store]):
    """The store of one recording, whose chunks are looked at before they are decoded.

    Parameters
    ----------
    store : zarr.abc.store.Store
    where : str
        Path or URL, for errors.
    arrays : mapping
        Metadata of the arrays, by name.
    """

    def __init__(self, store: Store, where: str, arrays: Mapping[str, Any]) -> None:
        super().__init__(store)
        self._where, self._arrays = where, arrays

    def _with_store(self, store: Store) -> "CheckedStore":
        return type(self)(store, self._where, self._arrays)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Give the bytes of a key, those of a chunk only where they are what was written.

        Raises
        ------
        RecordingError
            If a chunk is damaged, or is missing though its shard is done.
        """
        found = await super().get(key, prototype, byte_range)
        name, _, number = key.rpartition("/c/")
        if name not in self._arrays or byte_range is not None:
            return found
        if found is None:
            wrong = "is missing" if await self._must_be(name, number, prototype) else ""
        else:
            wrong = "" if await self._is_sound(name, found, prototype) else "is not what was written"
        if wrong:
            raise RecordingError(
                f"the store {self._where} is damaged: chunk {number} of {name} {wrong}; run the same "
                "'signalscreen screen' again, which does again what is damaged and no more"
            )
        return found

    async def _must_be(self, name: str, number: str, prototype: BufferPrototype) -> bool:
        """Whether a chunk was written: always, or with its shard. Older stores do not keep what is empty."""
        if name == "done" or not _has_checksum(self._arrays[name]):
            return False
        if name in KNOWN:
            return True
        done = await self._store.get(f"done/c/{number.split('/')[0]}", prototype)
        return done is not None and done.to_bytes()[:1] != b"\0"

    async def _is_sound(self, name: str, found: Buffer, prototype: BufferPrototype) -> bool:
        metadata = self._arrays[name]
        if _has_checksum(metadata):
            content = found.as_numpy_array()
            body, last = content[:-_CHECKSUM], content[-_CHECKSUM:].tobytes()
            return len(last) == _CHECKSUM and google_crc32c.value(body) == int.from_bytes(last, "little")
        spec = metadata.get_chunk_spec((0,) * len(metadata.shape), ArrayConfig.from_dict({}), prototype)
        try:
            await get_pipeline_class().from_codecs(metadata.codecs).decode([(found, spec)])
        except Exception:  # each codec has its own errors
            return False
        return True


def _has_checksum(metadata: Any) -> bool:
    return any(isinstance(codec, Crc32cCodec) for codec in metadata.codecs)
