"""What identifies a file, an array or a model. No TensorFlow."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import numpy as np


def of_files(*paths: Path | None) -> str:
    """SHA-256 of files one after the other, those of a folder in the order of their paths."""
    digest = hashlib.sha256()
    for path in filter(None, paths):
        for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
            with file.open("rb") as content:
                while block := content.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def of_array(array: Any) -> str:
    """SHA-256 of an array's type, shape and values."""
    array = np.ascontiguousarray(array)
    return hashlib.sha256(f"{array.dtype}{array.shape}".encode() + array.tobytes()).hexdigest()


def of_model(model: Any) -> str:
    """SHA-256 of a Keras model in memory: its architecture, where it can say it, and its weights."""
    digest = hashlib.sha256()
    try:
        digest.update(model.to_json().encode())
    except (NotImplementedError, TypeError, ValueError):  # a subclassed model need not say what it is made of
        digest.update(type(model).__qualname__.encode())
    for weights in model.get_weights():
        digest.update(of_array(weights).encode())
    return digest.hexdigest()


def of_code(thing: Any) -> str:
    """SHA-256 of what a function or class of Python does: its code, its defaults and what it has closed over.

    Not of what it calls, nor of globals. "" for what is not written in Python.

    >>> by = [lambda x, n=n: x * n for n in (1, 2)]
    >>> of_code(by[0]) == of_code(by[0]), of_code(by[0]) == of_code(by[1]), of_code(sorted)
    (True, False, '')
    """
    parts = list(_code(thing, frozenset()))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest() if parts else ""


def _code(thing: Any, seen: frozenset[int]) -> Iterator[str]:
    """Texts that differ where the code does. No address of memory is among them."""
    if id(thing) in seen:
        return
    seen |= {id(thing)}
    if isinstance(thing, FunctionType):
        yield from _code(thing.__code__, seen)
        closed = [cell.cell_contents for cell in thing.__closure__ or () if _filled(cell)]
        for value in (*(thing.__defaults__ or ()), *sorted((thing.__kwdefaults__ or {}).items()), *closed):
            yield from _code(value, seen)
    elif isinstance(thing, CodeType):
        yield f"{thing.co_code.hex()} {thing.co_names} {thing.co_varnames}"
        for constant in thing.co_consts:
            yield from _code(constant, seen)
    elif isinstance(thing, type):
        for name, value in sorted(vars(thing).items()):
            if isinstance(value, FunctionType):
                yield name
                yield from _code(value, seen)
    elif isinstance(thing, np.ndarray):
        yield of_array(thing)
    elif isinstance(thing, tuple | list):
        for one in thing:
            yield from _code(one, seen)
    elif thing is None or isinstance(thing, bool | int | float | complex | str | bytes | np.generic):
        yield f"{type(thing).__name__} {thing!r}"


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 (asked for the error only)
    except ValueError:  # a name that is given a value later
        return False
    return True
