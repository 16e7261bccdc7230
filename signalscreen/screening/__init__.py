"""A long recording through a model, window by window, and the maps back on its timeline.

TensorFlow is imported when a model is given, not with this module.
"""

from signalscreen.screening.cutting import (
    Explained,
    Windows,
    cut_for,
    explain_windows,
    input_axes,
    input_shape,
)

__all__ = ["Explained", "Windows", "cut_for", "explain_windows", "input_axes", "input_shape"]
