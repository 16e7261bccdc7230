"""Whether a recording fits into this computer's memory, asked before it is read."""

import os

from signalscreen.errors import RecordingError


def check_room(samples: int, leads: int, source: str) -> None:
    """Refuse to read what this computer's memory cannot hold, before it is tried.

    Raises
    ------
    RecordingError
        The message says how large it is, and how to read a part.
    """
    needed = samples * leads * 8
    if needed > _bytes():
        raise RecordingError(
            f"{source} has {samples} samples of {leads} leads, {needed / 2**30:.3g} GiB, more than this computer's "
            "memory; give start and end, or fewer leads"
        )


def _bytes() -> float:
    """Bytes of memory of this computer; without bound where it does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return float("inf")
