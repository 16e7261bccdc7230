"""What the options of a synthesis may be, and the units they are in."""

from typing import Any

import numpy as np
import numpy.typing as npt

from signalscreen.errors import OptionError

Array = npt.NDArray[Any]

_RULES = (None, "guided", "guided_conv", "deconvnet", "deconvnet_conv")


def check_counts(**counts: Any) -> None:
    """Refuse what is no number of steps."""
    for name, value in counts.items():
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise OptionError(f"{name} {value!r} is no number of steps; give 1 or more")


def check_weights(**weights: Any) -> None:
    """Refuse what is no weight."""
    for name, value in weights.items():
        if not is_number(value) or value < 0:
            raise OptionError(f"{name} {value!r} is no weight; give 0 or more")


def check_limits(limits: Any) -> tuple[float, float] | None:
    """The limits as two numbers that rise."""
    if limits is None:
        return None
    pair = isinstance(limits, tuple | list | np.ndarray) and len(limits) == 2
    if not pair or not all(map(is_number, limits)) or not limits[0] < limits[1]:
        raise OptionError(f"limits {limits!r} do not rise; give (lowest, highest) in the signal's units")
    return float(limits[0]), float(limits[1])


def known_rules(rules: Any) -> str | None:
    """The name of backward rules that make an input."""
    if rules not in _RULES:
        raise OptionError(f"rules {rules!r} are not known; give one of {', '.join(map(repr, _RULES))}")
    return None if rules is None else str(rules)


def bounds(limits: Any, rms: Any, spectrum: Any) -> tuple[tuple[float, float] | None, float | None]:
    """The limits, and the largest root mean square, which is 1 where nothing else bounds the input."""
    limits = check_limits(limits)
    if isinstance(rms, str) and rms == "auto":
        return limits, None if limits is not None or spectrum is not None else 1.0
    if rms is None:
        return limits, None
    if not is_number(rms) or rms <= 0:
        raise OptionError(f"rms {rms!r} is not known; give a positive number in the signal's units, 'auto' or None")
    if spectrum is not None:
        raise OptionError("rms is given beside spectrum, which already fixes it; leave one out")
    return limits, float(rms)


def units(limits: tuple[float, float] | None, rms: float | None, scale: Any) -> tuple[float, Any]:
    """What counts as nothing and what as one, in the signal's units."""
    centre = 0.0 if limits is None else (limits[0] + limits[1]) / 2
    if scale is not None:
        numbers = np.asarray(scale)
        if numbers.dtype.kind not in "fiu" or numbers.ndim > 1 or not (np.isfinite(numbers) & (numbers > 0)).all():
            raise OptionError(f"scale {scale!r} is not known; give a positive number, or one for each row")
        return centre, numbers if numbers.ndim else float(numbers)
    if limits is not None:
        return centre, (limits[1] - limits[0]) / 4
    return centre, 1.0 if rms is None else rms


def per_row(scale: Any, x: Array) -> Any:
    """The scale, broadcastable to x."""
    if not np.ndim(scale):
        return scale
    if len(scale) != len(x):
        raise OptionError(f"scale has {len(scale)} numbers for {len(x)} rows; give one, or one for each")
    return scale.reshape(-1, *[1] * (x.ndim - 1)).astype(x.dtype)


def quarter_range(x: Array) -> Array:
    """A quarter of the range of each row, broadcastable to x; 1 where a row is flat.

    As with limits: an image standardised as usual spans about four.
    """
    own = tuple(range(1, x.ndim))
    found = (x.max(axis=own, keepdims=True) - x.min(axis=own, keepdims=True)) / 4
    return np.where(found > 0, found, 1).astype(np.result_type(x, np.float32))


def is_number(value: Any) -> bool:
    """Whether it is one finite number, and no flag."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and bool(np.isfinite(value))
