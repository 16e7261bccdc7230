"""What identifies a file, an array or a model. No TensorFlow."""

import hashlib
from pathlib import Path
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
