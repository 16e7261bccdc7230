"""What the oracle tests share: stored networks as Keras models, and one way to compare."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from nets import SHAPES, Spec, build_keras

HERE = Path(__file__).parent


@cache
def stored(file: str) -> dict[str, np.ndarray]:
    """All arrays of one file of oracle numbers."""
    with np.load(HERE / file) as arrays:
        return dict(arrays)


def case(file: str, name: str) -> dict[str, np.ndarray]:
    """The arrays of one network of a file, by their short names."""
    prefix = f"{name}/"
    found = {key.removeprefix(prefix): value for key, value in stored(file).items() if key.startswith(prefix)}
    assert found, f"{file} has nothing under {name}"
    return found


def weights_in(arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The stored weights, in order."""
    return [arrays[key] for key in sorted(arrays) if key[0] == "w" and key[1:].isdigit()]


def model_of(spec: Spec, rank: int, arrays: dict[str, np.ndarray]) -> Any:
    """The Keras model with the stored weights."""
    return build_keras(spec, SHAPES[rank], weights_in(arrays))


def assert_close(ours: np.ndarray, theirs: np.ndarray, tolerance: float = 1e-4) -> None:
    """Equal up to `tolerance` of the largest value of each example."""
    assert ours.shape == theirs.shape
    axes = tuple(range(1, theirs.ndim))
    scale = np.abs(theirs).max(axes)
    assert (scale > 0).all(), "the oracle is zero here, so nothing would be compared"
    miss = np.abs(ours - theirs).max(axes) / scale
    assert miss.max() < tolerance, f"off by {miss.max():.1e} of the largest value"
