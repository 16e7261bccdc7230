"""Which filters of a layer are drawn: those asked for, or the first ones, and how that is said."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import OptionError

Choice = int | Sequence[int] | None


def chosen(asked: Choice, count: int, option: str, most: int) -> list[int]:
    """Return the numbers of what to draw, counted from the start; the first `most` where none are asked for.

    Raises
    ------
    OptionError
        If what is asked for is no whole number, or out of range.
    """
    if asked is None:
        return list(range(min(most, count)))
    numbers: Any = np.asarray(asked)
    if isinstance(asked, str) or numbers.dtype.kind not in "iu" or numbers.ndim > 1 or not numbers.size:
        raise OptionError(f"{option} is {asked!r}; give a number from 0 to {count - 1}, or a list of them")
    found: list[int] = numbers.ravel().tolist()
    wrong = [number for number in found if not -count <= number < count]
    if wrong:
        raise OptionError(f"{option} {wrong[0]} is out of range: there are {count}, numbered 0 to {count - 1}")
    return [number % count for number in found]


def how_many(shown: Sequence[int], count: int, what: str) -> str:
    """Say what is drawn of how much: "filters 0 to 15 of 256"."""
    if len(shown) == count:
        return f"{count} {what}" if count != 1 else f"1 {what.removesuffix('s')}"
    if len(shown) == 1:
        return f"{what.removesuffix('s')} {shown[0]} of {count}"
    if list(shown) == list(range(shown[0], shown[0] + len(shown))):
        return f"{what} {shown[0]} to {shown[-1]} of {count}"
    return f"{len(shown)} of {count} {what}"
