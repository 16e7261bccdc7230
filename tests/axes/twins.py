"""The same network written channels last and channels first, with the same weights."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np

L = keras.layers


class Twins(NamedTuple):
    last: Any
    first: Any
    x: np.ndarray  # as `last` takes it
    turn: tuple[int, ...]  # the axes of x in the order of `first`

    @property
    def x_first(self) -> np.ndarray:
        return np.ascontiguousarray(self.x.transpose(self.turn))

    def as_first(self, result: np.ndarray) -> np.ndarray:
        """What lies like the x of `last`, laid as that of `first`."""
        return result.transpose(self.turn)

    def layers(self) -> list[tuple[Any, Any]]:
        """Layers that correspond, those that only move axes left out."""
        kept = [
            [one for one in model.layers if not isinstance(one, L.Permute)] for model in (self.last, self.first)
        ]
        return list(zip(*kept, strict=True))


def _kinds(first: bool) -> tuple[str, int]:
    return ("channels_first", 1) if first else ("channels_last", -1)


def signal(first: bool) -> Any:
    df, axis = _kinds(first)
    return [
        L.Conv1D(4, 5, activation="relu", data_format=df),
        L.BatchNormalization(axis=axis),
        L.MaxPool1D(2, data_format=df),
        L.Conv1D(6, 5, padding="same", dilation_rate=2, activation="relu", data_format=df),
        L.AveragePooling1D(2, data_format=df),
        L.GlobalAveragePooling1D(data_format=df),
        L.Dense(3),
    ]


def transposed(first: bool) -> Any:
    df, _ = _kinds(first)
    return [
        L.Conv1D(4, 5, strides=2, activation="relu", data_format=df),
        L.Conv1DTranspose(3, 4, strides=2, padding="same", activation="relu", data_format=df),
        L.SeparableConv1D(3, 3, activation="relu", data_format=df),
        L.DepthwiseConv1D(3, activation="relu", data_format=df),
        L.GlobalMaxPooling1D(data_format=df),
        L.Dense(3),
    ]


def picture(first: bool) -> Any:
    df, axis = _kinds(first)
    return [
        L.ZeroPadding2D(1, data_format=df),
        L.Conv2D(4, 5, strides=2, activation="relu", data_format=df),
        L.BatchNormalization(axis=axis),
        L.UpSampling2D(2, data_format=df),
        L.Cropping2D(((1, 2), (0, 3)), data_format=df),
        L.SeparableConv2D(6, 3, activation="relu", data_format=df),
        L.GlobalAveragePooling2D(data_format=df),
        L.Dense(3),
    ]


def volume(first: bool) -> Any:
    df, _ = _kinds(first)
    return [
        L.Conv3D(4, 3, activation="relu", data_format=df),
        L.MaxPool3D(2, data_format=df),
        L.Conv3DTranspose(3, 2, strides=2, activation="relu", data_format=df),
        L.GlobalAveragePooling3D(data_format=df),
        L.Dense(3),
    ]


def from_torch(first: bool) -> Any:
    """Channels first at the door alone, as nets are that were carried over from PyTorch."""
    inner = [L.Conv1D(4, 5, activation="relu"), L.MaxPool1D(2), L.Conv1D(6, 5, activation="relu")]
    return [*([L.Permute((2, 1))] if first else []), *inner, L.GlobalAveragePooling1D(), L.Dense(3)]


def eegnet(first: bool) -> Any:
    """EEGNet (Lawhern et al. 2018), small."""
    df, axis = _kinds(first)
    return [
        L.Conv2D(4, (1, 16), padding="same", use_bias=False, data_format=df),
        L.BatchNormalization(axis=axis),
        L.DepthwiseConv2D((6, 1), depth_multiplier=2, use_bias=False, data_format=df),
        L.BatchNormalization(axis=axis),
        L.Activation("elu"),
        L.AveragePooling2D((1, 4), data_format=df),
        L.SeparableConv2D(8, (1, 8), padding="same", use_bias=False, data_format=df),
        L.BatchNormalization(axis=axis),
        L.Activation("elu"),
        L.AveragePooling2D((1, 4), data_format=df),
        *([L.Permute((2, 3, 1))] if first else []),
        L.Flatten(),
        L.Dense(3),
    ]


NETS: dict[str, tuple[Callable[[bool], Any], tuple[int, ...]]] = {
    "signal": (signal, (60, 2)),
    "transposed": (transposed, (61, 2)),
    "picture": (picture, (20, 24, 2)),
    "volume": (volume, (8, 9, 7, 2)),
    "from_torch": (from_torch, (60, 2)),
    "eegnet": (eegnet, (6, 64, 1)),
}


def twins(name: str) -> Twins:
    layers, shape = NETS[name]
    turn = (0, len(shape), *range(1, len(shape)))
    rng = np.random.default_rng(7)
    last = keras.Sequential([keras.Input(shape), *layers(False)])
    first = keras.Sequential([keras.Input((shape[-1], *shape[:-1])), *layers(True)])
    weights = [rng.normal(0, 0.4, w.shape).astype("f4") for w in last.get_weights()]
    weights = [
        np.abs(w) + 0.5 if v.path.endswith("moving_variance") else w
        for w, v in zip(weights, last.weights, strict=True)
    ]
    last.set_weights(weights)
    first.set_weights(weights)
    return Twins(last, first, rng.normal(size=(2, *shape)).astype("f4"), turn)
