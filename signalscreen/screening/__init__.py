"""A long recording through a model, window by window, and the maps back on its timeline.

TensorFlow is imported when a model is given, zarr and xarray when a store is opened; not with this module.
"""

from signalscreen.screening.clusters import executor_of
from signalscreen.screening.cutting import (
    Explained,
    Taken,
    Windows,
    cut_for,
    explain_windows,
    input_axes,
    input_shape,
    taken_by,
)
from signalscreen.screening.databases import screen_recordings
from signalscreen.screening.running import screen_recording
from signalscreen.screening.store import open_results
from signalscreen.screening.summary import RecordSummary, summarise

__all__ = [
    "Explained",
    "RecordSummary",
    "Taken",
    "Windows",
    "cut_for",
    "executor_of",
    "explain_windows",
    "input_axes",
    "input_shape",
    "open_results",
    "screen_recording",
    "screen_recordings",
    "summarise",
    "taken_by",
]
