"""Pickles read as data: NumPy arrays and plain containers of them, and nothing else; nothing in them is run.

A pickle is a small program that asks for functions by name and calls them. Here the few names that NumPy writes
stand for readers of this module, by exact module and name, and every other name is refused. Not even NumPy's own
functions are called: an array is put together from its dtype, shape and bytes.
"""

import io
import math
import pickle
import re
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from signalscreen.errors import InputError

Array = npt.NDArray[Any]

_ADMITTED = "pickles are read for NumPy arrays, lists, tuples, dicts, numbers and text only; save the data as .npz"
_CODE = re.compile(r"[biufcSU][0-9]{1,9}")  # of a dtype: neither objects nor records
_ORDERS = {"|": "=", "=": "=", "<": "<", ">": ">"}
_MOST_DEPTH = 50  # of containers within each other


def read_pickle(path: Path) -> Any:
    """Read a pickle that holds NumPy arrays, lists, tuples, dicts, numbers and text.

    Parameters
    ----------
    path : path
        Of any protocol, written by Python 2 or 3 and NumPy 1 or 2.

    Returns
    -------
    object
        Arrays may be read-only.

    Raises
    ------
    InputError
        The file is missing or damaged, or asks for anything else; nothing that it asks for is called.
    """
    if not path.is_file():
        raise InputError(f"there is no file {path}; check the path")
    content = path.read_bytes()
    if not content:
        raise InputError(f"{path} is empty; give a pickle of NumPy arrays")
    try:
        return _plain(_Reader(io.BytesIO(content), encoding="latin1").load(), {})
    except _RefusedError as refused:
        raise InputError(f"{path.name} {refused}, and nothing of it was run; {_ADMITTED}") from None
    except MemoryError as error:
        raise InputError(f"{path.name} does not fit into memory; save it in parts") from error
    except Exception as error:  # a damaged pickle can go wrong in any way
        raise InputError(
            f"{path.name} cannot be read as a pickle of arrays ({_wrong(error)}); {_ADMITTED}"
        ) from error


def _wrong(error: Exception) -> str:
    """What a reader stumbled over; of some errors the words alone say nothing."""
    if isinstance(error, EOFError):
        return "it ends too soon"
    unknown = isinstance(error, KeyError) and isinstance(error.args[0], int)
    return f"byte {error} begins nothing that a pickle may hold" if unknown else str(error)


class _RefusedError(Exception):
    """What a pickle asked for that is not admitted."""


def _check_keys(keys: list[Any]) -> None:
    """Refuse keys that a few bytes could make take for ever to hash: tuples of tuples that are shared."""
    for key in keys:
        if isinstance(key, tuple) and not all(isinstance(part, str | bytes | int | float) for part in key):
            raise _RefusedError("has a dict with containers as keys")


def _keyed(opcode: bytes) -> Any:
    """What the opcode does, once the keys that it puts into a dict are checked."""
    load: Any = pickle._Unpickler.dispatch[opcode[0]]

    def checked(reader: Any) -> None:
        _check_keys(reader.stack[-2:-1] if opcode == pickle.SETITEM else reader.stack[::2])
        load(reader)

    return checked


def _no_set(reader: Any) -> NoReturn:  # noqa: ARG001 (called as all opcodes are)
    raise _RefusedError("holds a set")


_OPCODES: dict[int, Any] = {
    **pickle._Unpickler.dispatch,
    **{opcode[0]: _keyed(opcode) for opcode in (pickle.SETITEM, pickle.SETITEMS, pickle.DICT)},
    **{opcode[0]: _no_set for opcode in (pickle.ADDITEMS, pickle.FROZENSET)},
}


class _Reader(pickle._Unpickler):
    """An unpickler to which the names that NumPy writes mean the parts of this module, and others nothing.

    The one written in Python: that in C takes the memory that a damaged file asks for.
    """

    dispatch = _OPCODES

    def find_class(self, module: str, name: str, /) -> Any:
        maker = _MAKERS.get((module, name))
        if maker is None:
            raise _RefusedError(f"asks for {module}.{name}")
        return _Name(maker)

    def persistent_load(self, pid: Any) -> NoReturn:  # noqa: ARG002
        raise _RefusedError("asks for an object kept outside it")


class _Closed:
    """Cannot be changed by the pickle: it has no attributes to set and no state to take."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        raise _RefusedError("gives a state to what has none")


class _Name(_Closed):
    """A name that the pickle asked for; calling it makes a part of an array."""

    __slots__ = ("_maker",)

    def __init__(self, maker: Any) -> None:
        self._maker = maker

    def __call__(self, *args: Any) -> Any:
        return self._maker(*args)


class _DType(_Closed):
    """What ``numpy.dtype`` pickles to: a code, then a state with the order of bytes."""

    __slots__ = ("_code", "_order")

    def __init__(self, code: Any, *_: Any) -> None:
        text = _text(code)
        if not _CODE.fullmatch(text):
            raise _RefusedError(f"holds values of dtype {text!r}")
        self._code, self._order = text, "="

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) < 5 or any(part is not None for part in state[2:5]):
            raise _RefusedError("holds records")
        self._order = _ORDERS[_text(state[1])]

    def read(self) -> np.dtype[Any]:
        return np.dtype(self._order + self._code)


class _Array(_Closed):
    """What ``numpy.ndarray`` pickles to: an empty array, then a state with shape, dtype and bytes."""

    __slots__ = ("_state",)

    def __init__(self, *_: Any) -> None:
        self._state: tuple[Any, ...] | None = None

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) not in (4, 5):
            raise _RefusedError("holds an array without its shape, dtype and bytes")
        self._state = state[-4:]  # in front of them, a version

    def read(self) -> Array:
        if self._state is None:
            raise _RefusedError("holds an array without its shape, dtype and bytes")
        shape, dtype, columns_first, content = self._state
        return _shaped(content, dtype, shape, "F" if columns_first else "C")


class _Buffer(_Closed):
    """What arrays pickle to since protocol 5: bytes, dtype, shape, order of elements and of axes."""

    __slots__ = ("_parts",)

    def __init__(self, content: Any, dtype: Any, shape: Any, order: Any, axes: Any = None) -> None:
        self._parts = (content, dtype, shape, order, axes)

    def read(self) -> Array:
        content, dtype, shape, order, axes = self._parts
        array = _shaped(content, dtype, shape, "F" if order == "F" else "C")
        return array if order != "K" or axes is None else array.transpose(axes)


class _Scalar(_Closed):
    """What a NumPy number pickles to."""

    __slots__ = ("_parts",)

    def __init__(self, dtype: Any, content: Any = b"") -> None:
        self._parts = (dtype, content)

    def read(self) -> Any:
        dtype, content = self._parts
        return _shaped(content, dtype, (), "C")[()]


def _shaped(content: Any, dtype: Any, shape: Any, order: Any) -> Array:
    """The array that these bytes are, checked against what was said about them."""
    if not isinstance(dtype, _DType):
        raise _RefusedError("holds an array without a dtype")
    kind = dtype.read()
    sizes = tuple(shape) if isinstance(shape, tuple | list) else (shape,)
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in sizes):
        raise _RefusedError("holds an array of no shape")
    raw = content.encode("latin1") if isinstance(content, str) else content  # text: from Python 2
    if not isinstance(raw, bytes | bytearray):
        raise _RefusedError(f"holds an array of {type(content).__name__} objects")
    wanted = math.prod(sizes) * kind.itemsize
    if len(raw) != wanted:
        raise _RefusedError(f"holds an array of {wanted} bytes in {len(raw)}")
    return np.frombuffer(raw, kind).reshape(sizes, order=order) if wanted else np.empty(sizes, kind)


def _encoded(text: Any, encoding: Any = "latin1") -> bytes:
    """What ``_codecs.encode`` is called for: bytes, which protocol 2 can write only as text."""
    if not isinstance(text, str) or encoding != "latin1":
        raise _RefusedError(f"asks for text to be encoded as {encoding!r}")
    return text.encode("latin1")


def _empty(*args: Any) -> bytes:
    """What ``bytes`` is called for: none at all, which protocol 2 cannot write."""
    if args:
        raise _RefusedError("asks for bytes to be made")
    return b""


def _text(value: Any) -> str:
    if not isinstance(value, str | bytes):
        raise _RefusedError(f"gives a {type(value).__name__.strip('_')} where text belongs")
    return value.decode("latin1") if isinstance(value, bytes) else value


# By exact module and name; "numpy._core" is NumPy 2.
_MAKERS: dict[tuple[str, str], Any] = {
    ("numpy", "dtype"): _DType,
    ("numpy", "ndarray"): _Array,
    ("_codecs", "encode"): _encoded,
    ("__builtin__", "bytes"): _empty,
    ("builtins", "bytes"): _empty,
} | {
    (f"numpy.{core}.{module}", name): maker
    for core in ("core", "_core")
    for module, name, maker in (
        ("multiarray", "_reconstruct", _Array),
        ("multiarray", "scalar", _Scalar),
        ("numeric", "_frombuffer", _Buffer),
    )
}


def _plain(value: Any, done: dict[int, Any], depth: int = 0) -> Any:
    """The same with arrays in place of what stands for them; what is shared stays shared."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return value
    if id(value) in done:
        return done[id(value)]
    if depth > _MOST_DEPTH:
        raise _RefusedError(f"holds containers more than {_MOST_DEPTH} deep")
    if isinstance(value, _Array | _Buffer | _Scalar):
        found = value.read()
    elif type(value) in (list, tuple):
        found = type(value)(_plain(part, done, depth + 1) for part in value)
    elif type(value) is dict:
        found = {_plain(k, done, depth + 1): _plain(v, done, depth + 1) for k, v in value.items()}
    else:
        raise _RefusedError(f"holds a {type(value).__name__.strip('_')}")
    done[id(value)] = found
    return found
