"""What a caller gives to draw, checked and brought to one form: leads over time, a value per sample."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, OptionError
from .options import check_positive

Floats = NDArray[np.float64]


class Traces(NamedTuple):
    """Signals of C leads over T samples and the attribution of each sample."""

    x: Floats  # (T,)
    y: Floats  # (T, C), NaN is a gap
    values: Floats  # (T, C), NaN is not known
    names: list[str]  # one per lead, "" for none
    units: list[str]  # one per lead, "" for none
    x_label: str

    @property
    def common_units(self) -> str | None:
        """The units that all leads have, "" where none are known; None where they differ."""
        return self.units[0] if len(set(self.units)) == 1 else None

    def lead_label(self, lead: int) -> str:
        """Return a lead's name with its units."""
        name, unit = self.names[lead], self.units[lead]
        return f"{name} ({unit})" if name and unit else name or unit


def read_traces(
    y: ArrayLike,
    gradient: ArrayLike,
    *,
    x: ArrayLike | None,
    fs: float | None,
    names: str | Sequence[str] | None,
    units: str | Sequence[str] | None,
) -> Traces:
    """Check signal, attribution, positions and names against each other.

    Raises
    ------
    InputError
        If a shape does not fit, or an array is not numeric, empty or infinite.
    OptionError
        If `fs` is not a positive number, `x` is given as well, or names or units do not fit the leads.
    """
    signal = one_signal(numbers(y, "y"))
    if signal.ndim == 1:
        signal = signal[:, None]
    if signal.ndim != 2:
        raise InputError(f"y has shape {signal.shape}; give one example: (time,) or (time, leads)")
    samples, leads = signal.shape
    if samples < 2 or not 0 < leads <= samples:
        raise InputError(
            f"y has shape {np.shape(y)}: {samples} samples of {leads} leads; "
            "give at least 2 samples, time first: (time,) or (time, leads)"
        )
    if not np.isfinite(signal).any():
        raise InputError("y is NaN everywhere, so there is no line to draw; give a signal with samples")
    return Traces(
        x=positions(samples, x, fs),
        y=signal,
        values=_values(gradient, (samples, leads)),
        names=_one_per_lead(names, leads, "names", [""] if leads == 1 else [str(i + 1) for i in range(leads)]),
        units=_one_per_lead([units] * leads if isinstance(units, str) else units, leads, "units", [""] * leads),
        x_label="Time (s)" if fs is not None else "Sample" if x is None else "",
    )


def one_signal(array: Floats) -> Floats:
    """The only example of a batch, (1, T) or (1, T, C), and without further axes of one; any other as it is."""
    if array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    while array.ndim > 2 and array.shape[-1] == 1:
        array = array[..., 0]
    return array[0] if array.ndim == 2 and array.shape[0] == 1 and array.shape[1] > 1 else array


def numbers(array: ArrayLike, name: str) -> Floats:
    """Return an array of float64; NaN passes, infinity does not."""
    try:
        given = np.ma.asarray(array) if np.ma.isMaskedArray(array) else np.asarray(array)
        if given.dtype.kind not in "biufO":
            raise TypeError(f"{given.dtype} values")
        floats = np.asarray(np.ma.filled(given.astype(np.float64), np.nan))
    except (TypeError, ValueError) as error:
        reason = str(error).split(". ")[0]
        raise InputError(
            f"{name} is not an array of real numbers ({reason}); give one, such as a NumPy array of float32"
        ) from None
    if np.isinf(floats).any():
        raise InputError(f"{name} has infinite values, which cannot be drawn; replace them by NaN for gaps")
    return floats


def positions(length: int, x: ArrayLike | None, fs: float | None) -> Floats:
    """Return where the samples lie: at `x`, at seconds, or at their numbers."""
    if fs is not None:
        if x is not None:
            raise OptionError("x and fs both place the samples; give one of them")
        check_positive(fs, "fs", "samples per second, such as 360")
        return np.arange(length) / fs
    if x is None:
        return np.arange(length, dtype=float)
    places = numbers(x, "x").ravel()
    if len(places) != length:
        raise InputError(f"x has {len(places)} values for {length} samples of y; give one value per sample")
    return places


def _values(gradient: ArrayLike, shape: tuple[int, int]) -> Floats:
    """Return one value per sample and lead; values of one lead's length are shared by all leads."""
    given = numbers(gradient, "gradient")
    samples, leads = shape
    values = given if given.shape == shape else one_signal(given)
    if values.shape == shape:
        return values
    if values.ndim > 2 or values.size != samples or (values.ndim == 2 and 1 not in values.shape):
        wanted = f"({samples},), a value per sample" + (f", or {shape}" if leads > 1 else "")
        raise InputError(
            f"gradient has {given.ndim} dimensions, shape {given.shape}, for {samples} samples of {leads} "
            f"{'lead' if leads == 1 else 'leads'}; give that of one example, of shape {wanted}"
        )
    return np.repeat(values.reshape(-1, 1), leads, axis=1)


def _one_per_lead(words: str | Sequence[str] | None, leads: int, option: str, default: list[str]) -> list[str]:
    """Return one word per lead."""
    if words is None:
        return default
    listed = [words] if isinstance(words, str) else [str(word) for word in words]
    if len(listed) != leads:
        raise OptionError(f"{option} has {len(listed)} entries for {leads} leads; give one per lead")
    return listed
