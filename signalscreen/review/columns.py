"""A table as bytes, which a page takes for typed arrays without reading a number."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ALIGNED = 8  # a browser's Float64Array begins at a multiple of 8 bytes


def table_bytes(columns: Mapping[str, NDArray[Any]]) -> bytes:
    """Pack columns of one length.

    Parameters
    ----------
    columns : mapping
        Arrays of the same first axis; float32, float64, int32, int8 or uint8.

    Returns
    -------
    bytes
        Length of the header (uint32), the header, the columns, all little-endian. The header is JSON: ``count``,
        and of each column name, dtype (f4, f8, i4, i1, u1), shape and offset in bytes from the end of the header.
    """
    parts: list[bytes] = []
    described, offset, count = [], 0, 0
    for name, values in columns.items():
        little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
        content = little.tobytes()
        content += bytes(-len(content) % _ALIGNED)
        dtype = f"{values.dtype.kind}{values.dtype.itemsize}"
        described.append({"name": name, "dtype": dtype, "offset": offset, "shape": list(values.shape)})
        parts.append(content)
        offset, count = offset + len(content), len(values)
    header = json.dumps({"count": count, "columns": described}, separators=(",", ":")).encode()
    header += b" " * (-(len(header) + 4) % _ALIGNED)
    return b"".join([len(header).to_bytes(4, "little"), header, *parts])
