"""Where a signal is bad, and how much of an explanation lies there. NumPy and SciPy only.

>>> import numpy as np
>>> from signalscreen.quality import bad_signal, names_of
>>> ecg = np.sin(np.arange(3600) / 9)[:, None]
>>> ecg[1000:2000] = 0.3
>>> bad = bad_signal(ecg, fs=360, kind="other")
>>> names_of(bad[1500, 0])
['flat', 'lead_off']
"""

from signalscreen.quality.flags import FLAG_ATTRIBUTES, FLAGS, names_of
from signalscreen.quality.shares import Share, share_on_bad, shares_of, sums_on_bad
from signalscreen.quality.spans import MARGIN, bad_signal

__all__ = [
    "FLAGS",
    "FLAG_ATTRIBUTES",
    "MARGIN",
    "Share",
    "bad_signal",
    "names_of",
    "share_on_bad",
    "shares_of",
    "sums_on_bad",
]
