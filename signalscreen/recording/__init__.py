"""Signals from WFDB, CSV, NPY and NPZ files into one ``Recording``. No TensorFlow here.

>>> import numpy as np
>>> from signalscreen.recording import Recording
>>> ppg = Recording(np.sin(np.arange(300) / 5), fs=30.0, names=("PPG",))
>>> ppg.signal.shape, ppg.duration, ppg.resample(60).signal.shape
((300, 1), 10.0, (600, 1))
"""

from signalscreen.recording.reading import read_recording
from signalscreen.recording.scaling import NORMALISATIONS, normalise
from signalscreen.recording.signals import Annotation, Recording
from signalscreen.recording.streaming import Stream, open_recording, stream_of

__all__ = [
    "NORMALISATIONS",
    "Annotation",
    "Recording",
    "Stream",
    "normalise",
    "open_recording",
    "read_recording",
    "stream_of",
]
