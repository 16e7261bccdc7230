"""Physical units of leads, and the factor from one to another; doubts about units and rates. NumPy only."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from signalscreen.errors import RateWarning, RecordingError, UnitsWarning, warn
from signalscreen.recording.signals import Recording

_VOLTS = {"nV": 1e-9, "uV": 1e-6, "mV": 1e-3, "V": 1.0}
_SPELT = {"nv": "nV", "uv": "uV", "mv": "mV", "v": "V"}
_MICRO = str.maketrans("µμ", "uu")  # the micro sign and the Greek letter


def plain_unit(unit: str) -> str:
    """One spelling for each unit.

    >>> plain_unit("µV"), plain_unit("mv"), plain_unit("mmHg")
    ('uV', 'mV', 'mmHg')
    """
    text = unit.strip().translate(_MICRO)
    return _SPELT.get(text, text)


def unit_factor(have: str, want: str) -> float | None:
    """What a value in one unit is to be multiplied by, to be in another; None where that is not known.

    >>> unit_factor("uV", "mV"), unit_factor("mV", "mV"), unit_factor("mmHg", "mV")
    (0.001, 1.0, None)
    """
    a, b = plain_unit(have), plain_unit(want)
    if a == b:
        return 1.0
    if a in _VOLTS and b in _VOLTS:
        return float(f"{_VOLTS[a] / _VOLTS[b]:.3g}")  # a power of ten as it is written
    return None


def factors_to(units: tuple[str, ...], want: str, names: tuple[str, ...], source: str) -> tuple[float, ...]:
    """Of each lead, what its values are to be multiplied by; 1 where its unit is not known.

    Raises
    ------
    RecordingError
        A lead is in a unit that cannot be made the one wanted.
    """
    found = []
    for unit, name in zip(units, names, strict=True):
        factor = unit_factor(unit, want) if unit else 1.0
        if factor is None:
            raise RecordingError(
                f"lead {name} of {source or 'the recording'} is in {unit}, and the model expects {want}; choose "
                "leads in units that can be converted, or correct what the file or the model's expectations say"
            )
        found.append(factor)
    return tuple(found)


def in_units(recording: Recording, want: str) -> Recording:
    """A recording with its leads in a unit; leads of unknown units stay as they are.

    Raises
    ------
    RecordingError
        A lead is in a unit that cannot be made the one wanted.
    """
    factors = factors_to(recording.units, want, recording.names, recording.source)
    if set(factors) <= {1.0}:
        return recording
    units = tuple(want if unit else "" for unit in recording.units)
    return replace(recording, signal=recording.signal * np.asarray(factors), units=units)


def warn_of_rate(fs: float) -> None:
    """Say that a recording's rate was taken for the model's, unasked."""
    warn(
        f"neither an option nor the model's file says which sampling rate the model expects, so it gets {fs:g} Hz, "
        "as recorded; give its rate (resample), or write it beside the model once (signalscreen expects)",
        RateWarning,
    )


def warn_of_units(want: str, units: Sequence[str], names: Sequence[str], normalise: str | None) -> None:
    """Say where leads may not be in the model's units; those that were converted are no cause."""
    unknown = [name for name, unit in zip(names, units, strict=True) if not unit]
    other = [
        f"{name} ({unit})"
        for name, unit in zip(names, units, strict=True)
        if unit and unit_factor(unit, want) is None
    ]
    if other:  # where windows are not scaled, they were refused before
        warn(f"the model expects {want}, and these leads are of something else: {', '.join(other)}", UnitsWarning)
    if unknown and normalise is None:
        warn(
            f"the model expects {want}, and the recording does not say the units of {', '.join(unknown[:8])}; they "
            f"are taken as {want}",
            UnitsWarning,
        )
