"""Checks of options that several plots share."""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..errors import OptionError


def refuse_unknown(function: Callable[..., Any], unknown: dict[str, Any]) -> None:
    """Raise `OptionError` if there is an option that the function does not have."""
    if not unknown:
        return
    given = ", ".join(repr(name) for name in sorted(unknown))
    allowed = [p.name for p in signature(function).parameters.values() if p.default is not Parameter.empty]
    raise OptionError(f"{function.__name__} has no option {given}; its options are {', '.join(allowed)}")


def check_axes(ax: object) -> None:
    """Raise `OptionError` unless this is one axes, or None."""
    if ax is not None and not isinstance(ax, Axes):
        raise OptionError(f"ax is a {type(ax).__name__}; give one matplotlib Axes, as plt.subplots() makes")


def check_positive(value: object, name: str, wanted: str) -> None:
    """Raise `OptionError` unless the value is a finite number above 0."""
    if not isinstance(value, int | float | np.number) or not np.isfinite(value) or value <= 0:
        raise OptionError(f"{name} is {value!r}; give a positive number: {wanted}")


def check_alpha(alpha: object) -> None:
    """Raise `OptionError` unless the opacity can be seen."""
    if not isinstance(alpha, int | float | np.number) or not 0 < alpha <= 1:
        raise OptionError(f"alpha is {alpha!r}; give an opacity above 0 and up to 1")
