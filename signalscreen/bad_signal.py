"""Placeholder until the branch badsignal is merged."""

from typing import Any

import numpy as np

FLAGS = {"flat": 1, "clipped": 2, "saturated": 4, "lead_off": 8, "low_quality": 16}
MARGIN = 1.0


def bad_signal(signal: Any, fs: float, limits: Any = None) -> Any:
    """No flag at all."""
    return np.zeros(signal.shape, np.uint8)
